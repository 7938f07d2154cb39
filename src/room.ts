// What a user holds of a room: features, presence, status, history. Joins, recovers and paints; sending is handed to the
// client that made it.

import { atom, type ReadableAtom } from 'nanostores'
import { isBehindOrAstray, type Position } from './core/position.js'
import { createReplica, type Recovered, type Replica, type SavedRoom } from './core/replica.js'
import { RealtimeError } from './errors.js'
import type {
  AnyFeature,
  CommandContext,
  Draft,
  EventMap,
  EventSpec,
  Feature,
  Handle,
  HistoryOptions,
  HistoryPage,
  LiveEvent,
  LocalHost,
  Receipt
} from './feature.js'
import type { Clock, Devices, Random } from './ports.js'
import type { CastFrame, DownFrame, EventFrame, Frame, FrameOf, JoinedFrame } from './protocol/frames.js'
import { createHistory } from './room-history.js'
import { createPresence, type RoomPresence } from './room-presence.js'

/** How current a room's state is. */
export interface RoomStatus {
  /** The state may be behind: not joined, or still recovering. */
  readonly stale: boolean
  /** When the state was last known to be current, in milliseconds since 1970; null when never. */
  readonly asOf: number | null
  /** How the last join went: `all` missed events came, a `new` start, or `none`: the state was replaced. */
  readonly recovered: Recovered | null
  /** Why the server refused the room, if it did. */
  readonly refused: string | null
}

/** A room as a user holds it. */
export interface Room {
  readonly id: string
  readonly $status: ReadableAtom<RoomStatus>
  readonly presence: RoomPresence
  /** The stores and commands of a feature in this room; the same object at every call. */
  use<F extends AnyFeature>(feature: F): Handle<F> & { readonly $status: ReadableAtom<RoomStatus> }
  /** Events before an offset (default: the newest), at most `limit` (default 50). Needs a connection. */
  history(options?: HistoryOptions): Promise<HistoryPage>
  /** Lets go of the room. It is left when everyone who asked for it has let go; waiting actions are delivered all the same. */
  leave(): void
}

/** What a room needs from the client. */
export interface RoomHost {
  readonly me: string
  readonly clock: Clock
  readonly random: Random
  readonly devices: Devices
  serverNow(): number
  send(frames: readonly Frame[]): boolean
  nextRef(): number
  dispatch(room: string, feature: AnyFeature, type: string, data: unknown, id: string): Receipt
  claim(name: string): Promise<boolean>
  report(type: string, detail: unknown): void
  error(error: unknown): void
  visible(id: string): void
  /** Confirmed state changed and may be saved. */
  advanced(room: string): void
  /** The server's marks for this room. */
  marks(frame: JoinedFrame): void
  /** The marks are void until the next `marks`. */
  unmarked(room: string): void
  refused(room: string, code: string, message?: string): void
  /** Another connection sends for this client now. */
  stale(): void
  left(room: string): void
}

/** The client's side of a room. */
export interface RoomCore {
  readonly room: Room
  readonly replica: Replica
  /** The server refused the last join of this connection. */
  readonly isShut: boolean
  /** Another holder of the same room. */
  hold(): void
  /** The saved state is in (or there is none): joining may begin. */
  restored(saved: SavedRoom | null): void
  /** A connection is welcome: join. Null while the saved state is still being read. */
  joinFrame(done: Readonly<Record<string, number>>): FrameOf<'join'> | null
  receive(frame: DownFrame): void
  /** Resolves when everything that the last join promised has been applied, or the connection is gone. */
  whenLive(): Promise<void>
  offline(): void
  /** Shows what changed. `top`: only rows that came on top, for whoever called them. */
  paint(top?: 'top'): void
  /** Resolves when what is known now is shown: a large backlog takes its time. */
  whenPainted(): Promise<void>
  close(): void
}

/** A room that nobody holds is left after this time: a view that is taken down and put up again costs nothing. */
const LINGER = 1000
/** How long after an answer that makes no sense the room is joined again, in milliseconds. */
const REJOIN_AFTER = 1000
/** So often a room is joined at a position that it does not get past; then it asks for the state instead. */
const MAX_TRIES = 2
/** The longest pause between joins that do not help, in milliseconds. */
const MAX_PAUSE = 30_000

export function createRoomCore(id: string, host: RoomHost): RoomCore {
  let { clock } = host
  let replica = createReplica({
    me: host.me,
    serverNow: host.serverNow,
    failed: (feature, error) =>
      host.error(new RealtimeError('invalid', `A reducer of ${feature} threw in room ${id}.`, { cause: error })),
    visible: host.visible
  })
  let $status = atom<RoomStatus>({ stale: true, asOf: null, recovered: null, refused: null })
  let history = createHistory({ room: id, clock, send: host.send, nextRef: host.nextRef })
  let presence = createPresence({
    room: id,
    me: host.me,
    clock,
    failed: host.error,
    send: frames => phase !== 'out' && phase !== 'restoring' && host.send(frames),
    told: (type, { user, platform }) => host.report(type, { room: id, user, ...(platform ? { platform } : {}) })
  })
  let handles = new Map<string, { handle: object; $state: ReturnType<typeof atom<unknown>>; close(): void }>()
  let listeners = new Map<string, Set<(event: LiveEvent<EventMap>) => void>>()
  let phase: 'restoring' | 'out' | 'joining' | 'recovering' | 'live' = 'restoring'
  let ref = 0
  let onlineSince = false
  let holders = 1
  let castTimer: (() => void) | null = null
  let lingerTimer: (() => void) | null = null
  let lastDone: Readonly<Record<string, number>> = {}
  let closed = false
  /** Where recovering last began, and how often it began there or before. */
  let stuck: { at: Position; tries: number } | null = null
  let stopPause: (() => void) | null = null
  let stopRepaint: (() => void) | null = null
  /** Something of the log came in since the last beat. */
  let isMoving = false

  function setStatus(patch: Partial<RoomStatus>): void {
    let before = $status.get()
    let next = { ...before, ...patch }
    if ((Object.keys(next) as (keyof RoomStatus)[]).every(key => next[key] === before[key])) return
    try {
      $status.set(next)
    } catch (error) {
      // A listener of the app threw; what the frame is about goes on.
      host.error(error)
    }
  }

  function joinNow(): FrameOf<'join'> {
    ref = host.nextRef()
    phase = 'joining'
    isMoving = true
    stopPause?.()
    stopPause = null
    let position: Position | null = isStuck() ? null : replica.joinFrom()
    return {
      f: 'join',
      ref,
      room: id,
      ...(position ?? {}),
      done: lastDone,
      ...(presence.self ? { presence: presence.self } : {})
    }
  }

  function rejoin(): void {
    if (!onlineSince || phase === 'restoring' || closed) return
    host.unmarked(id)
    host.send([joinNow()])
  }

  /** Whether the log cannot be read on from here: what comes next is malformed, or never comes. */
  function isStuck(): boolean {
    let { position } = replica
    return (
      stuck !== null &&
      stuck.tries > MAX_TRIES &&
      position?.epoch === stuck.at.epoch &&
      position.offset <= stuck.at.offset
    )
  }

  /** Joins again because something is missing; ever more rarely while that does not help. */
  function recover(): void {
    if (stopPause || !onlineSince || phase === 'restoring' || closed) return
    let at = replica.position
    if (at) {
      let isSame = stuck?.at.epoch === at.epoch && at.offset <= stuck.at.offset
      stuck = isSame && stuck ? { at: stuck.at, tries: stuck.tries + 1 } : { at, tries: 1 }
    }
    setStatus({ stale: true })
    let tooMany = (stuck?.tries ?? 0) - MAX_TRIES - 1
    if (tooMany <= 0) rejoin()
    else {
      phase = 'out'
      joinAfter(Math.min(MAX_PAUSE, 1000 * 2 ** (tooMany - 1)))
    }
  }

  function joinAfter(ms: number): void {
    stopPause?.()
    stopPause = clock.after(ms, () => {
      stopPause = null
      rejoin()
    })
  }

  let awaiting: (() => void)[] = []
  function tellAwaiting(): void {
    for (let call of awaiting.splice(0)) call()
  }

  function settleLive(): void {
    if (phase !== 'recovering' || !replica.isRecovered()) return
    phase = 'live'
    tellAwaiting()
    setStatus({ stale: false, asOf: clock.now() })
  }

  function onJoined(frame: JoinedFrame): void {
    if (frame.ref !== ref) return
    let hadPosition = replica.position !== null
    let verdict = replica.joined(frame)
    if (verdict === 'rejoin') {
      // Our position was wrong; without one, a server that still does not answer with a state is given time.
      if (hadPosition) host.send([joinNow()])
      else joinAfter(REJOIN_AFTER)
      return
    }
    phase = 'recovering'
    if (frame.recovered === 'none' && $status.get().asOf !== null) host.report('reset', { room: id })
    setStatus({ recovered: frame.recovered, refused: null })
    if (frame.members) presence.take({ version: frame.version ?? 0, full: frame.members })
    host.advanced(id)
    host.marks(frame)
    settleLive()
  }

  function onEvent(frame: EventFrame): void {
    if (phase !== 'recovering' && phase !== 'live') return
    let applied = replica.event(frame)
    isMoving = true
    if (applied === 'gap') recover()
    if (typeof applied !== 'object') return
    tell(applied.frame, applied.live)
    host.advanced(id)
    settleLive()
  }

  function tell(frame: EventFrame | CastFrame, live: boolean): void {
    let set = listeners.get(frame.feature)
    if (!live || !set?.size) return
    let meta = { id: frame.id ?? '', actor: frame.by ?? host.me, at: frame.at ?? host.serverNow() }
    let event = { type: frame.type, data: frame.data, meta } as LiveEvent<EventMap>
    // After painting: whoever is told finds the state as it is now.
    told.push(() => {
      for (let listener of set) {
        try {
          listener(event)
        } catch (error) {
          host.error(error)
        }
      }
    })
  }
  let told: (() => void)[] = []
  let painted: (() => void)[] = []

  function onCast(frame: CastFrame): void {
    if (!replica.cast(frame, clock.mono())) return
    tell(frame, true)
    scheduleCasts()
  }

  function scheduleCasts(): void {
    castTimer?.()
    castTimer = null
    let next = replica.expireCasts(clock.mono())
    if (next < Infinity) {
      castTimer = clock.after(next - clock.mono(), () => {
        scheduleCasts()
        paint()
      })
    }
  }

  function onNack(frame: FrameOf<'nack'>): void {
    if (history.refuse(frame)) return
    if (frame.ref !== ref || phase !== 'joining') return
    phase = 'out'
    if (frame.final) {
      setStatus({ refused: frame.code })
      host.refused(id, frame.code, frame.message)
    } else if (frame.code === 'stale') host.stale()
    else joinAfter(frame.after ?? 1000)
  }

  function paint(top?: 'top'): void {
    for (let [name, state] of replica.paint(clock.mono, top)) {
      try {
        handles.get(name)?.$state.set(state)
      } catch (error) {
        // A listener of the app threw; the state is set and the others were told.
        host.error(error)
      }
    }
    if (top) return
    stopRepaint?.()
    let next = closed ? Infinity : replica.repaintAt()
    stopRepaint = next < Infinity ? clock.after(Math.max(0, next - clock.mono()), () => paint()) : null
    if (!stopRepaint) for (let call of painted.splice(0)) call()
    for (let call of told.splice(0)) call()
  }

  function use(feature: Feature): object {
    let known = handles.get(feature.name)
    if (known) return known.handle
    let mustFetch = replica.use(feature)
    let $state = atom<unknown>(feature.initial)
    let send = (draft: Draft<EventMap>, eventId = host.random.id()): Receipt => {
      if (closed) throw new RealtimeError('left', `Room ${id} was left; enter it again before calling its commands.`)
      return host.dispatch(id, feature, draft.type, draft.data, eventId)
    }
    let commands: Record<string, (...args: never[]) => Receipt | null> = {}
    for (let [name, command] of Object.entries(feature.commands)) {
      commands[name] = (...args) => {
        let eventId = host.random.id()
        let context: CommandContext<unknown> = { state: $state.get(), me: host.me, id: eventId }
        let draft = command(context, ...args)
        return draft && send(draft, eventId)
      }
    }
    let localHost: LocalHost<unknown, EventMap> = {
      room: id,
      $state,
      $status,
      me: host.me,
      clock,
      random: host.random,
      devices: host.devices,
      serverNow: host.serverNow,
      send,
      onEvent(listener) {
        let set = listeners.get(feature.name) ?? new Set()
        listeners.set(feature.name, set)
        set.add(listener)
        return () => set.delete(listener)
      },
      history: history.fetch,
      claim: host.claim,
      report: host.report
    }
    let local = feature.local?.(localHost) as { close?(): void } | undefined
    let handle = { $state, ...commands, ...local, $status }
    handles.set(feature.name, { handle, $state, close: () => local?.close?.() })
    paint()
    if (mustFetch) rejoin()
    return handle
  }

  let room: Room = {
    id,
    $status,
    presence,
    use: use as unknown as Room['use'],
    history: history.fetch,
    leave() {
      if (--holders > 0 || closed) return
      lingerTimer = clock.after(LINGER, () => {
        if (holders <= 0) host.left(id)
      })
    }
  }

  return {
    room,
    replica,
    get isShut() {
      return onlineSince && phase === 'out' && $status.get().refused !== null
    },
    hold() {
      holders = Math.max(0, holders) + 1
      lingerTimer?.()
      lingerTimer = null
    },
    restored(saved) {
      if (saved) {
        replica.restore(saved)
        setStatus({ asOf: saved.savedAt })
      }
      phase = 'out'
      paint()
    },
    joinFrame(done) {
      onlineSince = true
      lastDone = done
      return phase === 'restoring' ? null : joinNow()
    },
    receive(frame) {
      if (frame.f === 'joined') onJoined(frame)
      else if (frame.f === 'event') onEvent(frame)
      else if (frame.f === 'snapshot') {
        if (frame.ref !== ref) return
        isMoving = true
        for (let applied of replica.snapshot(frame)) tell(applied.frame, applied.live)
        host.advanced(id)
        settleLive()
      } else if (frame.f === 'gap') recover()
      else if (frame.f === 'cast') onCast(frame)
      else if (frame.f === 'presence') presence.take(frame)
      else if (frame.f === 'nack') onNack(frame)
      else if (frame.f === 'page') history.answer(frame)
      else if (frame.f === 'ping') {
        let server = frame.rooms?.[id]
        let mine = replica.position
        let isWaiting = phase === 'recovering' && isMoving
        isMoving = false
        if (!server || !mine || isWaiting || (phase !== 'live' && phase !== 'recovering')) return
        let [epoch, offset] = server
        if (isBehindOrAstray(mine, { epoch, offset })) recover()
        else if (phase === 'live') setStatus({ asOf: clock.now() })
      }
    },
    whenLive: () => (phase === 'live' ? Promise.resolve() : new Promise(resolve => awaiting.push(resolve))),
    offline() {
      onlineSince = false
      stopPause?.()
      stopPause = null
      tellAwaiting()
      if (phase !== 'restoring') phase = 'out'
      setStatus({ stale: true })
      history.abort(new RealtimeError('not-connected', 'The connection was lost.'))
    },
    paint,
    whenPainted: () => (stopRepaint ? new Promise(resolve => painted.push(resolve)) : Promise.resolve()),
    close() {
      closed = true
      for (let call of painted.splice(0)) call()
      stopPause?.()
      stopRepaint?.()
      tellAwaiting()
      presence.close()
      castTimer?.()
      lingerTimer?.()
      history.abort(new RealtimeError('left'))
      for (let handle of handles.values()) handle.close()
    }
  }
}

export type { EventSpec }
