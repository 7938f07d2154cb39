// One room as this page knows it: confirmed state at a position, pending rows and casts on top. Frames go in, painted states
// come out. No effects, nothing asynchronous; whatever must be done next is returned. How it is painted is not known here.

import { type AnyFeature, type EventMap, type EventMeta, reduceEvent } from '../feature.js'
import type { CastFrame, EventFrame, JoinedFrame, SnapshotFrame } from '../protocol/frames.js'
import { createPainting } from './painting.js'
import { judgeEvent, judgeJoined, type Position, type Recovered } from './position.js'
import type { Row } from './rows.js'

/** How many own events are remembered as applied; far more than can be in flight. */
const MAX_OWN = 2048
/** Of those kept on disk: as many as a window holds. */
const SAVED_OWN = 256
/** So many keys of samples are known, as many as a server keeps; the oldest give way. */
const MOST_CASTS = 1000

/** What is kept on disk of a room, in the one transaction that also keeps its position. */
export interface SavedRoom {
  readonly epoch: string
  readonly offset: number
  readonly states: Readonly<Record<string, { readonly version: number; readonly state: unknown }>>
  /** Features of which events were seen that nobody here could apply: their state must be fetched before use. */
  readonly unread: readonly string[]
  /** The last own events that are part of the states, with their offsets: their rows may still be in the outbox. */
  readonly own: ReadonlyArray<readonly [id: string, offset: number]>
  /** When this was true, in milliseconds since 1970 by this device's clock. */
  readonly savedAt: number
}

export interface AppliedEvent {
  readonly frame: EventFrame
  /** Came in while connected, not from a replay. */
  readonly live: boolean
}

export type Replica = ReturnType<typeof createReplica>

export function createReplica(ports: {
  me: string
  /** The server's clock as known here. */
  serverNow: () => number
  /** A reducer threw. */
  failed: (feature: string, error: unknown) => void
  /** An own action became part of the confirmed state. */
  visible: (id: string) => void
}) {
  let { me, serverNow, failed, visible } = ports
  let features = new Map<string, AnyFeature>()
  let position: Position | null = null
  let confirmed = new Map<string, { version: number; state: unknown }>()
  let unread = new Set<string>()
  /** Own actions on top of the confirmed state, in the order in which they are painted. */
  let pending = new Map<string, Row>()
  /** The last row of each lane: one with a lower number that comes later must be sorted in. */
  let tails = new Map<string, Row>()
  let isUnsorted = false
  /** Those of them that were answered: the offset of their event, or null where only the event itself can tell. */
  let settled = new Map<string, number | null>()
  /** Own events that were applied: a row of theirs that shows up later must not be painted a second time. */
  let own = new Map<string, number>()
  let casts = new Map<string, { frame: CastFrame; until: number }>()
  let parts: { ref: number; of: number; marks: JoinedFrame['marks']; frames: Map<number, SnapshotFrame> } | null = null
  let held: EventFrame[] = []
  /** Events up to here are a replay. */
  let replayUntil = 0
  let painting = createPainting({
    me,
    serverNow,
    failed,
    confirmed: feature => stateOf(feature.name),
    pending: () => pending,
    casts: () => casts.values()
  })

  function stateOf(name: string): unknown {
    let feature = features.get(name)
    let known = confirmed.get(name)
    return known && (!feature || known.version === feature.version) ? known.state : feature?.initial
  }

  function apply(frame: EventFrame): AppliedEvent {
    position = { epoch: (position as Position).epoch, offset: frame.offset }
    let feature = features.get(frame.feature)
    if (feature) {
      let meta: EventMeta = { id: frame.id, actor: frame.by, at: frame.at }
      let next = reduceEvent(feature, stateOf(feature.name), frame.type, frame.data, meta, error =>
        failed(frame.feature, error)
      )
      confirmed.set(feature.name, { version: feature.version, state: next })
      painting.changed(feature.name)
    } else {
      unread.add(frame.feature)
    }
    let id = frame.pushed ?? frame.id
    if (frame.by === me) {
      own.set(id, frame.offset)
      if (own.size > MAX_OWN) own.delete(own.keys().next().value as string)
    }
    unpend(id, true)
    return { frame, live: frame.offset > replayUntil }
  }

  function unpend(id: string, isVisible: boolean): void {
    let row = pending.get(id)
    if (!row) return
    pending.delete(id)
    settled.delete(id)
    painting.changed(row.feature)
    if (isVisible) visible(id)
  }

  /** Rows of another tab come in late: within a lane they are painted where their numbers say, for so they will arrive. */
  function sortPending(): void {
    isUnsorted = false
    let rows = [...pending.values()]
    let byLane = new Map<string, Row[]>()
    for (let row of rows) {
      let list = byLane.get(row.lane)
      if (list) list.push(row)
      else byLane.set(row.lane, [row])
    }
    for (let list of byLane.values())
      list.sort((a, b) => (a.n || Number.MAX_VALUE) - (b.n || Number.MAX_VALUE)).reverse()
    let sorted = rows.map(row => byLane.get(row.lane)?.pop() as Row)
    if (sorted.every((row, i) => row === rows[i])) return
    pending = new Map(sorted.map(row => [row.id, row]))
    for (let name of features.keys()) painting.changed(name)
  }

  /** Settled rows whose event the position has passed are part of the confirmed state now. */
  function dropReached(all: boolean): void {
    let offset = position?.offset ?? 0
    for (let [id, at] of settled) if (all || (at !== null && at <= offset)) unpend(id, true)
  }

  /** A snapshot names no events: of our own, the marks tell which are in it. Their rows may settle, or show up, later. */
  function dropAnswered(marks: JoinedFrame['marks'], offset: number): void {
    for (let { answers } of Object.values(marks)) {
      for (let [, id, { ok, at = offset }] of answers) {
        if (!ok) continue
        own.set(id, at)
        unpend(id, true)
      }
    }
    for (let row of [...pending.values()]) if (row.n > 0 && row.n <= (marks[row.lane]?.done ?? 0)) unpend(row.id, false)
  }

  function reset(epoch: string, offset: number): void {
    confirmed.clear()
    unread.clear()
    own.clear()
    position = { epoch, offset }
    painting.restart()
  }

  function install(): AppliedEvent[] {
    let { marks, frames } = parts as NonNullable<typeof parts>
    let all = [...frames.values()]
    let { epoch, offset } = all[0] as SnapshotFrame
    reset(epoch, offset)
    for (let part of all) for (let [name, saved] of Object.entries(part.state)) confirmed.set(name, saved)
    // A state of another version cannot be read here.
    for (let [name, saved] of confirmed)
      if (features.has(name) && features.get(name)?.version !== saved.version) unread.add(name)
    parts = null
    replayUntil = Math.max(replayUntil, offset)
    dropReached(true)
    dropAnswered(marks, offset)
    let events = held
    held = []
    return events.flatMap(frame => (judgeEvent(position as Position, frame.offset) === 'apply' ? [apply(frame)] : []))
  }

  return {
    get position(): Position | null {
      return position
    },
    /** The offset of an own event that was applied. */
    offsetOf: (id: string): number | undefined => own.get(id),

    /** Takes a feature in. True when its state must be fetched, for events of it have gone by unread. */
    use(feature: AnyFeature): boolean {
      features.set(feature.name, feature)
      painting.use(feature)
      let known = confirmed.get(feature.name)
      return unread.has(feature.name) || (known !== undefined && known.version !== feature.version)
    },

    restore(saved: SavedRoom): void {
      if (position) return
      position = { epoch: saved.epoch, offset: saved.offset }
      confirmed = new Map(Object.entries(saved.states))
      unread = new Set(saved.unread)
      own = new Map(saved.own)
      for (let id of own.keys()) unpend(id, true)
      for (let [name, feature] of features)
        if ((confirmed.get(name)?.version ?? feature.version) !== feature.version) unread.add(name)
      painting.restart()
    },

    /** The position to join with; null to be sent everything. */
    joinFrom(): Position | null {
      for (let name of features.keys()) if (unread.has(name)) return null
      return position
    },

    joined(frame: JoinedFrame): 'live' | 'recovering' | 'rejoin' {
      let verdict = judgeJoined(position, frame)
      held = []
      parts = null
      replayUntil = frame.offset
      if (verdict === 'rejoin') {
        position = null
        return 'rejoin'
      }
      if (verdict === 'snapshot') {
        parts = { ref: frame.ref, of: 0, marks: frame.marks, frames: new Map() }
        return 'recovering'
      }
      if (verdict === 'empty') {
        reset(frame.epoch, frame.offset)
        dropReached(true)
      }
      if (verdict === 'keep') position = { epoch: frame.epoch, offset: frame.offset }
      return (position?.offset ?? 0) >= frame.offset ? 'live' : 'recovering'
    },

    snapshot(frame: SnapshotFrame): readonly AppliedEvent[] {
      if (!parts || parts.ref !== frame.ref) return []
      parts.of = frame.of
      parts.frames.set(frame.part, frame)
      return parts.frames.size === parts.of ? install() : []
    },

    /** Applies one event; `gap` means that a hole was found and nothing was applied. */
    event(frame: EventFrame): AppliedEvent | 'held' | 'drop' | 'gap' {
      if (parts) {
        held.push(frame)
        return 'held'
      }
      if (!position) return 'drop'
      let verdict = judgeEvent(position, frame.offset)
      if (verdict !== 'apply') return verdict
      let applied = apply(frame)
      dropReached(false)
      return applied
    },

    /** Whether everything that the last join promised has been applied. */
    isRecovered(): boolean {
      return parts === null && position !== null && position.offset >= replayUntil
    },

    /** Takes a volatile event in. False when no feature here has such an event: a stored one is never cast. */
    cast(frame: CastFrame, now: number): boolean {
      let events: EventMap = features.get(frame.feature)?.events ?? {}
      if (!Object.hasOwn(events, frame.type) || events[frame.type]?.delivery.kind !== 'volatile') return false
      let key = castKey(frame)
      // Behind all others: casts are painted in the order in which they came.
      casts.delete(key)
      casts.set(key, { frame, until: now + frame.ttl * 1000 })
      painting.castsChanged(frame.feature)
      return true
    },
    /** Drops casts past their time, and the oldest of too many. Returns when the next one ends, or Infinity. */
    expireCasts(now: number): number {
      let next = Infinity
      for (let [key, { frame, until }] of casts) {
        if (until <= now || casts.size > MOST_CASTS) {
          casts.delete(key)
          painting.castsChanged(frame.feature)
        } else next = Math.min(next, until)
      }
      return next
    },

    addPending(rows: readonly Row[]): void {
      for (let row of rows) {
        if (pending.has(row.id)) continue
        if (own.has(row.id)) {
          visible(row.id)
          continue
        }
        pending.set(row.id, row)
        painting.added(row)
        let tail = tails.get(row.lane)
        if (row.n > 0 && tail && (tail.n === 0 || tail.n > row.n)) isUnsorted = true
        else tails.set(row.lane, row)
      }
    },
    /** A row was answered: it stays painted until the position reaches its event. */
    settlePending(id: string, at: number | undefined): void {
      let isReached = at !== undefined && at <= (position?.offset ?? 0)
      if (!pending.has(id)) isReached && visible(id)
      else if (isReached) unpend(id, true)
      else settled.set(id, at ?? null)
    },
    /** A row will never take effect: it is rolled back. */
    removePending: (id: string): void => unpend(id, false),

    /** Features whose painted state changed, with that state; `repaintAt` tells when there is more. `top`: new rows only. */
    paint(mono: () => number = () => 0, top?: 'top'): Map<string, unknown> {
      if (isUnsorted && !top) sortPending()
      return painting.paint(mono, top)
    },

    /** When `paint` has something to do that nothing else brings about, or Infinity. */
    repaintAt: (): number => painting.dueAt(),

    save(now: number): SavedRoom | null {
      if (!position || parts) return null
      return {
        ...position,
        states: Object.fromEntries(confirmed),
        unread: [...unread],
        own: [...own].slice(-SAVED_OWN),
        savedAt: now
      }
    }
  }
}

function castKey({ feature, type, key, by }: CastFrame): string {
  return [feature, type, key ?? '', by ?? ''].join('\u0000')
}

export type { Recovered }
