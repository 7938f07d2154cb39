// Keeps one connection alive: carries out what the step machine says, speaks the handshake, measures the link, notices that
// the machine slept. One attempt at a time; what an abandoned link still reports is dropped by its number.

import { RealtimeError } from '../errors.js'
import type { Clock, Connect, Link, Random, Stop, Transport } from '../ports.js'
import { decode, encodeFrame, packFrames } from '../protocol/codec.js'
import { type DownFrame, type Frame, PROTOCOL_VERSION, type WelcomeFrame } from '../protocol/frames.js'
import {
  type ConnectionInput,
  type ConnectionSettings,
  type ConnectionState,
  type Reason,
  step,
  wakeAt
} from './connection.js'
import { createMeter, type LinkStats } from './meter.js'
import { createTokens, type TokenRequest, type TokenSource } from './tokens.js'

/** What the hello says besides the token. */
export interface Identity {
  readonly app: string
  readonly user: string
  readonly cid: string
  readonly gen: number
  readonly platform: string | undefined
  /** Whether this is the session of before: another tab may have it by now. */
  readonly resume: boolean
}

export interface SupervisorPorts {
  readonly url: string | (() => string)
  readonly connect: Connect
  readonly clock: Clock
  readonly random: Random
  readonly token: TokenSource | undefined
  readonly settings: Omit<ConnectionSettings, 'retry'>
  /** Prepares an attempt: who we are, and whether this tab sends. */
  readonly identify: () => Promise<Identity>
  readonly welcomed: (frame: WelcomeFrame) => void
  /** `text`: the message, where it has these frames only. */
  readonly received: (frames: readonly DownFrame[], text?: string) => void
  /** The connection is gone (it had been welcome). */
  readonly dropped: () => void
  readonly changed: (state: ConnectionState) => void
  readonly bad: (message: string) => void
  /** Whether the device believes to have a network: what breaks without one is not the server's doing. */
  readonly online: () => boolean
}

/** More malformed messages than this on one connection, and it is closed. */
const MAX_BAD = 100
/** How often the clocks are compared, in milliseconds: some machines stop the monotonic one, and every timer, in their sleep. */
const LOOK = 1500
/** The wall clock going ahead of the monotonic one by more heartbeats than this means sleep. */
const SLEEP = 1.5
/** The close code of somebody who was sent more than they take. */
const TOO_BIG = 1009
/** The close code of somebody who means to leave: their presence ends at once. */
const LEAVING = 1000
/** The close code of somebody who will be back, or may be: their presence gets its grace. */
const RETURNING = 4000

export type Supervisor = ReturnType<typeof createSupervisor>

export function createSupervisor(ports: SupervisorPorts) {
  let { clock, random, connect, identify } = ports
  let state: ConnectionState = { phase: 'idle' }
  let link: Link | null = null
  /** Numbers the attempts; reports of older ones are void. */
  let attempt = 0
  let isWelcome = false
  /** Whom the present hello named. */
  let me = ''
  /** Largest message that the server takes, in bytes. */
  let maxMessage = 64 * 1024
  /** What connections have ended of: messages longer than this, and frames that were longer alone. */
  let packLimit = Infinity
  let frameLimit = Infinity
  /** The longest message on the present link. */
  let longest = 0
  let sid: string | undefined
  /** Until a server says how much room its clients need, this one is thought to be alone. */
  let retry: readonly [number, number] = [0, 0]
  let heartbeat = 6000
  let isForgetful: boolean | null = null
  let heardAt = 0
  let openedAt = 0
  let badOnLink = 0
  let stopTimer: Stop | null = null
  /** The attempt whose token is being renewed in place; 0 for none. */
  let renewing = 0
  /** When the token is to be renewed in place, on the monotonic clock. */
  let renewAt = Infinity
  let lastError: RealtimeError | null = null
  let tokens = createTokens(ports.token, ports.settings.connectTimeout / 2, clock, random)
  let tokenReason: TokenRequest['reason'] = 'connect'
  /** Wall clock minus monotonic clock, when they were compared last. */
  let drift: number | null = null
  let meter = createMeter(clock)
  let { stats } = meter

  function feed(input: ConnectionInput): void {
    let before = state
    let next = step(state, input, clock.mono(), random.float, { ...ports.settings, retry })
    state = next.state
    for (let effect of next.effects) {
      if (effect === 'close') closeLink()
      else if (effect === 'open') void openLink(++attempt)
      else if (effect === 'hello') void hello(attempt)
      else send([{ f: 'ping', x: meter.ping() }])
    }
    schedule()
    if (state !== before) ports.changed(state)
  }

  function schedule(): void {
    stopTimer?.()
    stopTimer = null
    let at = Math.min(wakeAt(state, heardAt), renewAt)
    if (at === Infinity) {
      drift = null
      return
    }
    let now = clock.mono()
    drift ??= clock.now() - now
    stopTimer = clock.after(Math.min(LOOK, Math.max(0, at - now)), look)
  }

  function look(): void {
    let before = drift
    drift = clock.now() - clock.mono()
    let slept = before === null ? 0 : drift - before
    if (slept > SLEEP * heartbeat) {
      // What was good for a while has grown older by the sleep. The token first: the next connection needs it as well.
      renewAt -= slept
      renewWhenDue()
      feed({ type: 'woke' })
    } else {
      renewWhenDue()
      feed({ type: 'tick', heardAt })
    }
  }

  function fail(
    reason: Reason,
    error: unknown,
    options: { final?: boolean; retry?: readonly [number, number] | undefined } = {}
  ): void {
    lastError = error instanceof RealtimeError ? error : new RealtimeError(reason, messageOf(error), { cause: error })
    feed({ type: 'failed', reason, final: options.final ?? false, ...(options.retry ? { retry: options.retry } : {}) })
  }

  async function openLink(mine: number): Promise<void> {
    openedAt = clock.mono()
    badOnLink = 0
    longest = 0
    try {
      let url = typeof ports.url === 'function' ? ports.url() : ports.url
      let current = connect(url, {
        opened: () => mine === attempt && feed({ type: 'opened' }),
        message: text => mine === attempt && receive(text),
        better: () => mine === attempt && feed({ type: 'reopen', reason: 'transport' }),
        closed: (code, reason, error) => {
          if (mine !== attempt) return
          link = null
          if (code === TOO_BIG) learnLimit()
          if (error !== undefined) return fail('blocked', error)
          fail(
            isWelcome && ports.online() ? 'server' : 'network',
            new RealtimeError('network', reason || `The connection closed with code ${code}.`)
          )
        }
      })
      if (mine === attempt) link = current
      else current.close(RETURNING)
    } catch (error) {
      if (mine === attempt) fail('blocked', error)
    }
  }

  async function hello(mine: number): Promise<void> {
    let token: string | undefined
    try {
      token = await tokens.get(tokenReason)
    } catch (error) {
      if (mine !== attempt) return
      // The app's own word that there is no token to be had ends it; everything else is a service that is down.
      let code = error instanceof RealtimeError ? error.code : ''
      let refused = code === 'forbidden' || code === 'unauthorized'
      fail(refused ? code : 'token', error, { final: refused })
      return
    }
    try {
      let { app, user, cid, gen, platform, resume } = await identify()
      if (mine !== attempt) return
      me = user
      send(
        [
          {
            f: 'hello',
            v: PROTOCOL_VERSION,
            app,
            user,
            cid,
            gen,
            ...(token === undefined ? {} : { token }),
            ...(sid === undefined || !resume ? {} : { sid }),
            ...(platform === undefined ? {} : { platform })
          }
        ],
        true
      )
    } catch (error) {
      if (mine === attempt) fail('protocol', error)
    }
  }

  /** Something between us and the server takes less than the server does: smaller messages first, then smaller frames. */
  function learnLimit(): void {
    if (longest > maxMessage) frameLimit = longest - 1
    else packLimit = longest / 2
  }

  function closeLink(): void {
    attempt++
    let old = link
    link = null
    renewAt = Infinity
    meter.forget()
    // Told first: what is sent from now on must not go to the old link.
    if (isWelcome) {
      isWelcome = false
      stats.drops++
      ports.dropped()
    }
    old?.close(state.phase === 'closed' ? LEAVING : RETURNING)
  }

  function send(frames: readonly Frame[], beforeWelcome = false): boolean {
    return sendEncoded(frames.map(encodeFrame), beforeWelcome)
  }

  function sendEncoded(frames: readonly string[], beforeWelcome = false): boolean {
    if (!link || (!isWelcome && !beforeWelcome)) return false
    for (let text of packFrames(frames, maxMessage)) {
      if (!link.send(text)) return false
      stats.bytesOut += text.length
      longest = Math.max(longest, text.length)
    }
    return true
  }

  function receive(text: string): void {
    heardAt = clock.mono()
    stats.bytesIn += text.length
    let { frames, bad } = decode(text)
    let mine = attempt
    if (bad.length) countBad(bad)
    let forRooms: DownFrame[] = []
    for (let frame of frames) {
      if (mine !== attempt) return
      if (!handle(frame)) forRooms.push(frame as DownFrame)
    }
    if (forRooms.length && isWelcome && mine === attempt)
      ports.received(forRooms, forRooms.length === frames.length && !bad.length ? text : undefined)
  }

  /** A peer that keeps sending what it should not is left. */
  function countBad(problems: readonly string[]): void {
    stats.badFrames += problems.length
    badOnLink += problems.length
    ports.bad(problems[0] as string)
    if (badOnLink <= MAX_BAD) return
    fail('protocol', new RealtimeError('protocol', `The other side keeps sending malformed frames: ${problems[0]}`))
  }

  /** Frames about the connection itself. False for those that concern rooms. */
  function handle(frame: Frame): boolean {
    switch (frame.f) {
      case 'welcome':
        welcome(frame)
        return true
      case 'ping':
        meter.learnTime(frame.now)
        if (frame.retry) retry = frame.retry
        send([{ f: 'pong', x: frame.x }])
        return !frame.rooms
      case 'pong': {
        // That of another tab is for whoever asked.
        let isOurs = meter.pong(frame.x, frame.now)
        if (isOurs) ports.changed(state)
        return isOurs
      }
      case 'bye':
        bye(frame.code, frame.final, frame.retry, frame.why)
        return true
      case 'reauth':
        // When the server could not tell whether the token is good, it wants to be left alone for a while.
        renewIn(frame.why === 'busy' ? Math.max(1000, frame.within * 1000) : tokens.renewNow())
        return true
      case 'authed':
        renewBefore(frame.expiresIn)
        return true
      case 'hello':
      case 'join':
      case 'leave':
      case 'push':
      case 'fetch':
      case 'auth':
        countBad([`«${frame.f}» is not for a client`])
        return true
      default:
        return false
    }
  }

  function welcome(frame: WelcomeFrame): void {
    if (state.phase !== 'authenticating') return
    // A server that takes a token for what it is, whoever says hello: what waits here is not this user's.
    if (frame.user !== me) {
      fail('wrong-user', new RealtimeError('wrong-user'), { final: true })
      return
    }
    sid = frame.sid
    heartbeat = frame.heartbeat
    retry = frame.retry
    maxMessage = Math.min(frame.max, packLimit)
    isWelcome = true
    isForgetful = frame.caps?.includes('marks') === false
    lastError = null
    tokenReason = 'connect'
    stats.connectMs = clock.mono() - openedAt
    meter.learnTime(frame.now)
    renewBefore(frame.expiresIn)
    feed({ type: 'welcome', heartbeat: frame.heartbeat })
    ports.welcomed({ ...frame, max: Math.min(frame.max, frameLimit) })
    // The first measurement comes at once: quality is shown as soon as the connection is.
    feed({ type: 'tick', heardAt })
  }

  function bye(
    code: string,
    final: boolean,
    window: readonly [number, number] | undefined,
    why: string | undefined
  ): void {
    // Another connection has this session now.
    if (code === 'replaced') sid = undefined
    let refused = code === 'unauthorized'
    tokenReason = refused ? 'refused' : code === 'expired' ? 'refresh' : 'connect'
    // A fixed token that was refused stays refused; a function is asked again, with the back-off of any failure.
    fail(
      refused ? 'unauthorized' : code === 'forbidden' ? 'forbidden' : final ? code : 'server',
      new RealtimeError(code, why),
      {
        final: refused ? !tokens.isFunction : final,
        retry: window
      }
    )
  }

  // --- tokens ---

  function renewIn(ms: number): void {
    // A question that is open will be answered; asked again meanwhile, there is nothing to plan.
    if (tokens.isFunction && renewing !== attempt) renewAt = clock.mono() + ms
    renewWhenDue()
    schedule()
  }

  function renewBefore(seconds: number | undefined): void {
    renewAt = Infinity
    if (seconds !== undefined) renewIn(tokens.renewIn(seconds))
  }

  function renewWhenDue(): void {
    if (clock.mono() < renewAt) return
    renewAt = Infinity
    void renew(attempt)
  }

  /** Renews the token of the present connection. */
  async function renew(mine: number): Promise<void> {
    renewing = mine
    try {
      let token = await tokens.get('refresh')
      if (renewing === mine) renewing = 0
      if (mine === attempt && token !== undefined) send([{ f: 'auth', token }])
    } catch (error) {
      if (renewing === mine) renewing = 0
      if (mine !== attempt) return
      // The old one is still good for a while; when it is not, the server says so.
      lastError =
        error instanceof RealtimeError ? error : new RealtimeError('token', messageOf(error), { cause: error })
      renewIn(tokens.againIn())
    }
  }

  return {
    get state(): ConnectionState {
      return state
    },
    get error(): RealtimeError | null {
      return lastError
    },
    get stats(): LinkStats {
      return stats
    },
    get isWelcome(): boolean {
      return isWelcome
    },
    get transport(): Transport | 'none' {
      return isWelcome && link ? link.transport : 'none'
    },
    /** The server keeps no marks; null before the first welcome. */
    get isForgetful(): boolean | null {
      return isForgetful
    },
    get sid(): string | undefined {
      return isWelcome ? sid : undefined
    },
    feed,
    /** Sends frames; false when there is no welcome connection. */
    send: (frames: readonly Frame[]): boolean => send(frames),
    /** The same for frames that were encoded to learn their size. */
    sendEncoded: (frames: readonly string[]): boolean => sendEncoded(frames),
    buffered: (): number => link?.buffered() ?? 0,
    /** Hands in a new token: for the present connection and, unless a function fetches them, for the next ones. */
    authenticate(token: string): void {
      tokens.replace(token)
      send([{ f: 'auth', token }])
    },
    close(reason: Reason): void {
      feed({ type: 'disconnect', reason })
      stopTimer?.()
      sid = undefined
    }
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
