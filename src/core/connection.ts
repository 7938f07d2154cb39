// The life of the connection as a pure step machine: (state, input, now, random) → state and effects. Knows nothing of
// sockets, tokens or rooms; the supervisor carries the effects out and asks again at `wakeAt`.

/** Why the connection is not there, or went away. */
export type Reason =
  | 'none'
  | 'network' // the link went silent or could not be opened
  | 'server' // the other side closed, or said good-bye
  | 'timeout' // token, open and hello took longer than allowed together
  | 'token' // the token function failed
  | 'unauthorized'
  | 'forbidden'
  | 'revoked' // the server's operator ended it
  | 'wrong-user' // the token is of somebody else
  | 'blocked' // the address cannot be opened at all from this page
  | 'protocol' // the other side does not speak our protocol
  | 'attempts' // gave up after `maxAttempts`
  | 'suspended' // the page is frozen or in the back-forward cache
  | 'transport' // a better way to the server was found
  | 'replaced' // this tab became, or ceased to be, the one that sends
  | 'disconnected' // on request
  | (string & {})

export type ConnectionState =
  | { readonly phase: 'idle' }
  | {
      readonly phase: 'connecting' | 'authenticating'
      readonly attempt: number
      readonly since: number
      readonly deadline: number
      readonly refreshed: boolean
    }
  | {
      readonly phase: 'online'
      readonly attempt: number
      readonly since: number
      readonly heartbeat: number
      readonly pingAt: number
      /** When a sign of life must have come at the latest; `null` when none was asked for. */
      readonly probe: { readonly since: number; readonly until: number } | null
    }
  | {
      readonly phase: 'waiting'
      readonly attempt: number
      readonly reason: Reason
      readonly until: number
      readonly since: number
    }
  | { readonly phase: 'offline'; readonly reason: Reason }
  | { readonly phase: 'closed'; readonly reason: Reason }

export type ConnectionInput =
  | { readonly type: 'connect' }
  | { readonly type: 'disconnect'; readonly reason: Reason }
  | { readonly type: 'opened' }
  | { readonly type: 'welcome'; readonly heartbeat: number }
  | {
      readonly type: 'failed'
      readonly reason: Reason
      readonly final?: boolean
      readonly retry?: readonly [number, number]
    }
  | { readonly type: 'tick'; readonly heardAt: number }
  | { readonly type: 'hint'; readonly hint: 'online' | 'offline' | 'visible' | 'probe' }
  /** This machine slept: what is known of the link is old. */
  | { readonly type: 'woke' }
  | { readonly type: 'suspend' }
  | { readonly type: 'resume' }
  | { readonly type: 'reopen'; readonly reason: Reason }

export type ConnectionEffect = 'open' | 'close' | 'hello' | 'ping'

export interface ConnectionSettings {
  /** Attempts in a row before giving up; Infinity never does. */
  readonly maxAttempts: number
  /** For token, open and hello together, in milliseconds. */
  readonly connectTimeout: number
  /** What the server said last of where a return is to lie, in milliseconds; no wait is narrower. */
  readonly retry: readonly [number, number]
}

export interface Step {
  readonly state: ConnectionState
  readonly effects: readonly ConnectionEffect[]
}

/** Waits between failed attempts, in milliseconds, before jitter. */
const BACKOFF = [1000, 2000, 4000, 8000, 16_000, 30_000]
/** A connection that lasted this long counts as stable: only then does the back-off start over. */
const STABLE_AFTER = 5000
/** One that broke after this long has proved that the server can be had: the link flaps, and the back-off goes half way back. */
const PROVEN_AFTER = 250
/** How long a probed link may stay silent. */
const PROBE_TIMEOUT = 3000
/** Where the return lies when this device knows that the fault is its own: here nobody else is retrying with us. */
const CUT_WINDOW: readonly [number, number] = [0, 1000]
/** However many hints come, attempts that fail at once are so far apart. */
const HINT_PAUSE = 500

/** When the machine wants its next `tick`, on the monotonic clock; Infinity for never. */
export function wakeAt(state: ConnectionState, heardAt: number): number {
  switch (state.phase) {
    case 'connecting':
    case 'authenticating':
      return state.deadline
    case 'waiting':
      return state.until
    case 'online':
      return state.probe ? state.probe.until : Math.min(state.pingAt, heardAt + silence(state.heartbeat))
    default:
      return Infinity
  }
}

/** Two missed beats and a second for the network: 13 s at the default of 6 s. */
function silence(heartbeat: number): number {
  return 2 * heartbeat + 1000
}

export function step(
  state: ConnectionState,
  input: ConnectionInput,
  now: number,
  random: () => number,
  settings: ConnectionSettings
): Step {
  switch (input.type) {
    case 'connect':
      return isActive(state) ? same(state) : open(0, now, settings)

    case 'disconnect':
      if (state.phase === 'closed') return same(state)
      return { state: { phase: 'closed', reason: input.reason }, effects: hasLink(state) ? ['close'] : [] }

    case 'opened':
      return state.phase === 'connecting'
        ? { state: { ...state, phase: 'authenticating' }, effects: ['hello'] }
        : same(state)

    case 'welcome':
      if (state.phase !== 'authenticating') return same(state)
      return {
        state: {
          phase: 'online',
          attempt: state.attempt,
          since: now,
          heartbeat: input.heartbeat,
          pingAt: now,
          probe: null
        },
        effects: []
      }

    case 'failed':
      return isActive(state) && state.phase !== 'waiting' ? fail(state, input, now, random, settings) : same(state)

    case 'reopen':
      return hasLink(state)
        ? { ...open(attemptOf(state, now), now, settings), effects: ['close', 'open'] }
        : same(state)

    case 'suspend':
      if (!isActive(state)) return same(state)
      return {
        state: { phase: 'waiting', attempt: attemptOf(state, now), reason: 'suspended', until: Infinity, since: now },
        effects: hasLink(state) ? ['close'] : []
      }

    case 'woke':
      // An attempt that was under way is as old as the sleep.
      return state.phase === 'connecting' || state.phase === 'authenticating'
        ? { ...open(state.attempt, now, settings), effects: ['close', 'open'] }
        : hint(state, 'visible', now, settings)

    case 'resume':
      return state.phase === 'waiting' && state.reason === 'suspended'
        ? open(state.attempt, now, settings)
        : same(state)

    case 'hint':
      return hint(state, input.hint, now, settings)

    case 'tick':
      return tick(state, input.heardAt, now, random, settings)
  }
}

function tick(
  state: ConnectionState,
  heardAt: number,
  now: number,
  random: () => number,
  settings: ConnectionSettings
): Step {
  if (state.phase === 'connecting' || state.phase === 'authenticating') {
    return now >= state.deadline ? fail(state, { reason: 'timeout' }, now, random, settings) : same(state)
  }
  if (state.phase === 'waiting') {
    // A token that was refused has been fetched anew already: once for each attempt is enough.
    return now >= state.until ? open(state.attempt, now, settings, state.reason === 'unauthorized') : same(state)
  }
  if (state.phase !== 'online') return same(state)
  // A tick that comes much too late means that this page slept: what arrived meanwhile is still unread. Ask again.
  let slept = (due: number): boolean => now >= due + 1.5 * state.heartbeat

  if (state.probe) {
    if (heardAt >= state.probe.since) return tick({ ...state, probe: null }, heardAt, now, random, settings)
    if (now < state.probe.until) return same(state)
    return slept(state.probe.until) ? probe(state, now) : fail(state, { reason: 'network' }, now, random, settings)
  }
  let overdue = heardAt + silence(state.heartbeat)
  if (now >= overdue) {
    // Silence may be the server's, and then everybody hears it: the return lies in the server's window.
    return slept(overdue)
      ? probe(state, now)
      : fail(state, { reason: 'network', retry: settings.retry }, now, random, settings)
  }
  if (now >= state.pingAt) return { state: { ...state, pingAt: now + state.heartbeat }, effects: ['ping'] }
  return same(state)
}

function hint(
  state: ConnectionState,
  kind: 'online' | 'offline' | 'visible' | 'probe',
  now: number,
  settings: ConnectionSettings
): Step {
  // Asked and not answered in time, by a page that could not look: ask again, or it would show what it does not know.
  if (state.phase === 'online') return state.probe && now < state.probe.until ? same(state) : probe(state, now)
  if (kind === 'offline') return same(state)
  if (state.phase === 'waiting') {
    if (state.reason === 'suspended' && kind !== 'probe') return same(state)
    let attempt = kind === 'visible' ? state.attempt : 0
    let from = state.since + HINT_PAUSE
    // Hints come in bursts, and while a network comes up they come too early: they hasten, they do not hammer.
    if (kind !== 'probe' && now < from)
      return from < state.until ? same({ ...state, attempt, until: from }) : same(state)
    return open(attempt, now, settings)
  }
  if (state.phase === 'offline' && kind !== 'visible') return open(0, now, settings)
  return same(state)
}

function probe(state: Extract<ConnectionState, { phase: 'online' }>, now: number): Step {
  return {
    state: { ...state, probe: { since: now, until: now + PROBE_TIMEOUT }, pingAt: now + state.heartbeat },
    effects: ['ping']
  }
}

function fail(
  state: ConnectionState,
  failure: { reason: Reason; final?: boolean | undefined; retry?: readonly [number, number] | undefined },
  now: number,
  random: () => number,
  settings: ConnectionSettings
): Step {
  let effects: ConnectionEffect[] = hasLink(state) ? ['close'] : []
  if (failure.final) return { state: { phase: 'closed', reason: failure.reason }, effects }
  // A token may have just run out: ask for a fresh one once, at once. Only then is it a failure like any other.
  if (failure.reason === 'unauthorized' && state.phase === 'authenticating' && !state.refreshed) {
    return { state: { ...state, phase: 'connecting', refreshed: true }, effects: ['close', 'open'] }
  }
  let wasOnline = state.phase === 'online'
  // Who was told to come again later is no victim of the network: that counts.
  let isProven = state.phase === 'online' && now - state.since >= PROVEN_AFTER && !failure.retry
  let before = attemptOf(state, now)
  let attempt = isProven ? Math.max(1, before >> 1) : before + 1
  if (attempt >= settings.maxAttempts && !wasOnline) return { state: { phase: 'offline', reason: 'attempts' }, effects }
  let isFirst = wasOnline && attempt === 1
  let given = failure.retry ?? (isFirst && failure.reason === 'network' ? CUT_WINDOW : settings.retry)
  let window = isFirst || (failure.retry && attempt === 1) ? given : backoff(attempt, given)
  let delay = window[0] + random() * Math.max(0, window[1] - window[0])
  return { state: { phase: 'waiting', attempt, reason: failure.reason, until: now + delay, since: now }, effects }
}

/** As wide as the server's window at least: who lost a server together must not meet again at the second attempt. */
function backoff(attempt: number, [min, max]: readonly [number, number]): readonly [number, number] {
  let half = (BACKOFF[Math.min(attempt, BACKOFF.length) - 1] as number) / 2
  let from = Math.max(half, min)
  return [from, from + Math.max(half, max - min)]
}

function open(attempt: number, now: number, settings: ConnectionSettings, refreshed = false): Step {
  return {
    state: { phase: 'connecting', attempt, since: now, deadline: now + settings.connectTimeout, refreshed },
    effects: ['open']
  }
}

/** Failed attempts in a row so far; a connection that proved stable has none. */
function attemptOf(state: ConnectionState, now: number): number {
  if (state.phase === 'online') return now - state.since >= STABLE_AFTER ? 0 : state.attempt
  return 'attempt' in state ? state.attempt : 0
}

function hasLink(state: ConnectionState): boolean {
  return state.phase === 'connecting' || state.phase === 'authenticating' || state.phase === 'online'
}

function isActive(state: ConnectionState): boolean {
  return hasLink(state) || state.phase === 'waiting'
}

function same(state: ConnectionState): Step {
  return { state, effects: [] }
}
