// A client among the other tabs of its app and user: it leads and has the socket, follows and goes through the tab that leads,
// or is alone with a socket of its own. Joins the parts of `tabs/` to one channel; which of them runs is decided per attempt.

import type { Supervisor } from './core/supervisor.js'
import type { Channel, Clock, Connect, Link, Locks, OpenChannel, Page, Random, Stop } from './ports.js'
import type { DownFrame, Frame, WelcomeFrame } from './protocol/frames.js'
import { createBridge } from './tabs/bridge.js'
import { createFollower } from './tabs/follower.js'
import { createLease } from './tabs/lease.js'
import { type Envelope, type LeaderState, postTo, TABS_VERSION } from './tabs/messages.js'
import type { Said } from './tabs/shared-rooms.js'

/** Part of what `$connection` shows. */
export interface TabsView {
  readonly tabs: 'leader' | 'follower' | 'alone' | 'none'
  readonly tabsReason: string | null
  /** The connection of the tab that leads, where this tab waits for it. */
  readonly leader: LeaderState | null
}

export interface ClientTabsPorts {
  readonly name: string
  readonly user: string
  readonly clock: Clock
  readonly random: Random
  readonly locks: Locks | null
  readonly openChannel: OpenChannel | null
  readonly page: Page | null
  /** A connection of one's own. */
  readonly connect: Connect
  readonly supervisor: () => Supervisor
  readonly serverNow: () => number
  /** Why this tab cannot share: from the start, or null. */
  readonly hindrance: string | null
  readonly nextRef: () => number
  /** Frames for the rooms of this tab. */
  readonly deliver: (frames: readonly DownFrame[]) => void
  /** A room that is needed for sending was left by the tabs that showed it. */
  readonly left: (room: string) => void
  /** Another tab wrote to the outbox, or may have. */
  readonly look: () => void
  /** This tab may not send any more. */
  readonly demote: () => void
  /** What the present attempt was begun as is not what this tab is now. */
  readonly rechoose: () => void
  /** Another tab ended the session. */
  readonly ended: (reason: string) => void
  readonly changed: () => void
}

/** After the first message of a burst, the others are answered together, in milliseconds. */
const LOOK_INTERVAL = 50

export type ClientTabs = ReturnType<typeof createClientTabs>

export function createClientTabs(ports: ClientTabsPorts) {
  let { name, clock, random, page, supervisor } = ports
  let me = random.id()
  let channel: Channel | null = null
  let post = postTo({ post: message => channel?.post(message), close() {} }, me)
  open()
  /** Why this tab has a socket of its own. */
  let alone = ports.hindrance
  /** What the newest attempt was begun as. */
  let chosen: 'leader' | 'follower' | 'alone' | null = null
  let isWanted = false
  let hiddenSince = page && !page.visible() ? clock.mono() : null
  let leaderState: LeaderState | null = null
  let lastTold = ''
  /** The session of the last connection, whoever had it. */
  let lastSid = ''
  let stopLook: Stop | null = null
  let isLookDue = false
  /** A page that is frozen while it reads keeps every other tab from writing. */
  let isPaused = false
  /** By room, what this tab says of itself and since when. */
  let stamps = new Map<string, { self: unknown; at: number }>()

  // Without locks or a channel there is a hindrance, and none of these is asked for anything.
  let locks = ports.locks as Locks
  let lease = createLease({
    locks,
    name,
    clock,
    random,
    post,
    hidden: () => (hiddenSince === null ? 0 : Math.max(1, clock.mono() - hiddenSince)),
    about: () => ({ ...bridge.numbers(), state: stateNow() }),
    changed: reconsider
  })
  let bridge = createBridge({
    name,
    locks,
    post,
    term: () => lease.term,
    user: ports.user,
    serverNow: ports.serverNow,
    up: frames => supervisor().send(frames),
    nextRef: ports.nextRef,
    deliver: ports.deliver,
    left: ports.left
  })
  let follower = createFollower({ me, name, locks, post, transport: () => transportOf(leaderState) })

  function open(): void {
    channel ??= ports.openChannel?.(name, receive) ?? null
  }

  /** A message for a page in the back-forward cache would put it out of there. */
  function shut(): void {
    channel?.close()
    channel = null
  }

  // --- who has the socket ---

  function reasonAlone(): string | null {
    if (alone !== null || lease.held) return alone
    let isOld = (lease.leader?.version ?? 0) > TABS_VERSION
    return isOld ? 'another tab runs a newer version of this app: reload this one' : null
  }

  function role(): 'leader' | 'follower' | 'alone' {
    return reasonAlone() !== null ? 'alone' : lease.held ? 'leader' : 'follower'
  }

  function reconsider(): void {
    if (!lease.held) bridge.dropped()
    if (!mayPush()) ports.demote()
    if (isWanted && chosen !== null && chosen !== role()) ports.rechoose()
    ports.changed()
  }

  function mayPush(): boolean {
    return alone !== null || lease.held
  }

  let choose: Connect = (url, sink) => {
    chosen = role()
    return (chosen === 'follower' ? follower.connect : ports.connect)(url, sink)
  }

  let connect: Connect = (url, sink) => {
    if (alone !== null || lease.isSettled) return choose(url, sink)
    let link: Link | null = null
    let isOver = false
    void lease.settled.then(() => {
      if (isOver) return
      try {
        link = choose(url, sink)
      } catch (error) {
        sink.closed(1006, String(error))
      }
    })
    return {
      send: text => link?.send(text) ?? false,
      close(code, reason) {
        isOver = true
        link?.close(code, reason)
      },
      buffered: () => link?.buffered() ?? 0,
      get transport() {
        return link?.transport ?? 'websocket'
      }
    }
  }

  // --- what the tabs tell each other ---

  function receive(message: unknown): void {
    let { v, from, m } = (message ?? {}) as Partial<Envelope>
    if (!m || v === undefined || from === undefined) return
    // Who logs out means every tab, whatever its version and its connection.
    if (m.t === 'end' && m.reason === 'logout') {
      ports.ended(m.reason)
      return
    }
    if (alone !== null) return
    lease.hear(from)
    // These two are the same in every version.
    if (m.t === 'who') lease.beat()
    else if (m.t === 'beat') {
      if (!lease.hearBeat(from, v, m)) return
      leaderState = m.state
      look()
      if (v === TABS_VERSION) follower.hear(from, m)
      reconsider()
      let { phase } = supervisor().state
      if (chosen === 'follower' && m.state.phase === 'online' && (phase === 'waiting' || phase === 'offline'))
        supervisor().feed({ type: 'hint', hint: 'probe' })
    } else if (m.t === 'wrote') look()
    else if (v !== TABS_VERSION) return
    else if (m.t === 'end') ports.ended(m.reason)
    else if (m.t === 'auth') supervisor().authenticate(m.token)
    else if (m.t === 'hint') hurry(m.hint)
    else if (lease.held) bridge.hear(m)
    else if (!('term' in m) || m.term >= (lease.leader?.term ?? 0)) follower.hear(from, m)
  }

  /** At once, and once more after a burst. */
  function look(): void {
    isLookDue = true
    if (!stopLook) lookNow()
  }

  function lookNow(): void {
    stopLook = null
    if (!isLookDue || isPaused) return
    isLookDue = false
    stopLook = clock.after(LOOK_INTERVAL, lookNow)
    ports.look()
  }

  /** Only for a wait: a connection that is there is asked by pings. */
  function hurry(hint: 'online' | 'visible' | 'probe'): void {
    if (lease.held && supervisor().state.phase !== 'online') supervisor().feed({ type: 'hint', hint })
  }

  function stateNow(): LeaderState {
    let { state, error, transport } = supervisor()
    return {
      phase: state.phase,
      reason: 'reason' in state ? state.reason : 'none',
      attempt: 'attempt' in state ? state.attempt : 0,
      nextAt:
        state.phase === 'waiting' && state.until < Infinity
          ? Math.round(clock.now() + state.until - clock.mono())
          : null,
      error: error && { code: error.code, message: error.message },
      transport
    }
  }

  function tell(): void {
    if (!lease.held) return
    let { phase, reason, attempt, error, transport } = stateNow()
    let text = JSON.stringify([phase, reason, attempt, error, transport])
    if (text === lastTold) return
    lastTold = text
    lease.beat()
  }

  /** Since when this tab says so: where tabs differ, the newest counts, also for a leader that has just come. */
  function stamp(frame: Frame): Frame {
    let self = frame.f === 'join' ? frame.presence : frame.f === 'presence' ? frame.self : undefined
    if (self === undefined || (frame.f !== 'join' && frame.f !== 'presence')) return frame
    let { room } = frame
    let known = stamps.get(room)
    if (known?.self !== self) {
      known = { self, at: clock.now() }
      stamps.set(room, known)
    }
    return { ...frame, said: known.at } as Frame & Said
  }

  return {
    connect,
    get view(): TabsView {
      let reason = reasonAlone()
      let { state } = supervisor()
      let isOver = state.phase === 'closed' && state.reason !== leaderState?.reason
      let isWaiting = chosen === 'follower' && state.phase !== 'online' && state.phase !== 'idle' && !isOver
      return {
        tabs: isWanted ? role() : 'none',
        tabsReason: isWanted ? reason : null,
        leader: isWaiting && leaderState?.phase !== 'online' ? leaderState : null
      }
    },
    /** Whether this tab may send what waits. */
    mayPush,
    /** Whether its connection is that of another tab. */
    get isShared(): boolean {
      return chosen === 'follower'
    },
    /** Whether other tabs go through this one. */
    get isSharing(): boolean {
      return bridge.size > 0
    },
    /** The app wants a connection. */
    start(): void {
      isPaused = false
      isWanted = true
      if (alone === null) lease.contend()
    },
    /** The app wants none any more. */
    stop(): void {
      isWanted = false
      lease.release()
    },
    /** The page stands still for a while, or has gone. */
    pause(): void {
      isPaused = true
      lease.release()
      shut()
    },
    resume(): void {
      isPaused = false
      open()
      look()
      if (isWanted && alone === null) lease.contend()
    },
    seen(isVisible: boolean): void {
      hiddenSince = isVisible ? null : clock.mono()
      if (lease.held) lease.beat()
      else if (isVisible) post({ t: 'who' })
    },
    /** What this tab keeps is its own now. */
    part(reason: string): void {
      alone = reason
      // Who was sending goes on as before.
      if (chosen === 'leader') chosen = 'alone'
      bridge.dropped()
      lease.release()
    },
    /** What it keeps is everybody's again. */
    share(): void {
      alone = null
      if (isWanted) lease.contend()
    },
    wrote: (): void => post({ t: 'wrote' }),
    send(frames: readonly Frame[]): boolean {
      if (alone !== null) return supervisor().send(frames)
      let stamped = frames.map(stamp)
      return lease.held ? bridge.send(stamped) : supervisor().send(stamped)
    },
    /** What of these frames is for this tab. */
    received: (frames: readonly DownFrame[], text: string | undefined): readonly DownFrame[] =>
      lease.held && alone === null ? bridge.received(frames, text) : frames,
    welcomed(frame: WelcomeFrame): void {
      if (lease.held) bridge.welcomed(frame, frame.sid === lastSid)
      lastSid = frame.sid
    },
    dropped(): void {
      tell()
      bridge.dropped()
    },
    tell,
    /** The connection of this tab has ended for good: if it was that of all tabs, so has theirs. */
    over(reason: string): void {
      if (!lease.held || !isWanted || reason === 'replaced') return
      post({ t: 'end', reason })
      isWanted = false
      lease.release()
    },
    /** The page or the app knows something about the network: whoever has the connection hears it. */
    hint(hint: 'online' | 'visible' | 'probe'): void {
      if (chosen === 'follower') post({ t: 'hint', hint })
    },
    /** The session is everybody's, and so is its token: whoever leads next needs it. */
    authenticate(token: string): void {
      if (alone === null) post({ t: 'auth', token })
    },
    end: (reason: string): void => post({ t: 'end', reason }),
    close(): void {
      stopLook?.()
      lease.release()
      shut()
    }
  }
}

function transportOf(state: LeaderState | null) {
  return state && state.transport !== 'none' ? state.transport : 'websocket'
}
