// What came in of one room, numbered here because the backend does not number it: so that the tabs of a device, and a page that
// lost its connection for a moment, go on where they were. Pure.

import type { EventFrame, JoinedFrame, SnapshotFrame } from '../../protocol/frames.js'

/** Events kept for tabs that come later; a little of the past, not the backend's log. */
const KEPT = 1000
/** Ids by which what comes twice is known. */
const KNOWN = 4096

export type Incoming = Pick<EventFrame, 'feature' | 'type' | 'data' | 'id' | 'by' | 'at' | 'pushed'>
export interface Position {
  readonly epoch: string
  readonly offset: number
}

export type RoomLog = ReturnType<typeof createRoomLog>

export function createRoomLog(room: string, newEpoch: () => string) {
  let epoch = ''
  let offset = 0
  /** The events kept follow this offset. */
  let base = 0
  let kept: EventFrame[] = []
  /** Offsets by the ids of events and of the actions that they are the effects of. */
  let known = new Map<string, number>()
  /** The kept events are all that the backend tells of the past: the state can be made from them alone. */
  let isWhole = false
  /** The link broke here last: what came between this event and the next one is not known. */
  let brokenAt = -1

  function begin(at: Position, isAll: boolean): void {
    epoch = at.epoch
    base = at.offset
    offset = at.offset
    kept = []
    known.clear()
    brokenAt = -1
    isWhole = isAll
  }

  return {
    get position(): Position {
      return { epoch, offset }
    },
    get isEmpty(): boolean {
      return epoch === ''
    },
    /** The backend told what there is: everything begins anew. */
    restart: (): void => begin({ epoch: newEpoch(), offset: 0 }, true),
    /** Goes on from what a tab remembers, or from nothing; what came before that is not known. */
    adopt(from: Position | null): void {
      begin(from ?? { epoch: newEpoch(), offset: 0 }, false)
      if (from) brokenAt = offset
    },
    /** The connection is gone: what comes before the next one is not told. */
    broken(): void {
      brokenAt = offset
      isWhole = false
    },
    /** Where an event with this id, or the effect of this action, is. */
    offsetOf: (id: string): number | undefined => known.get(id),
    /** The last `limit` of the kept events before an offset. */
    before: (end: number, limit: number): readonly EventFrame[] =>
      kept.filter(frame => frame.offset < end).slice(-limit),
    /** The next event; null when it has been told already. */
    append(event: Incoming): EventFrame | null {
      if (epoch === '') begin({ epoch: newEpoch(), offset: 0 }, false)
      let ids = [event.id, ...(event.pushed === undefined ? [] : [event.pushed])]
      if (ids.some(id => known.has(id))) return null
      offset++
      for (let id of ids) known.set(id, offset)
      for (let id of known.keys()) {
        if (known.size <= KNOWN) break
        known.delete(id)
      }
      let frame: EventFrame = { f: 'event', room, offset, ...event }
      kept.push(frame)
      if (kept.length > KEPT) {
        kept.shift()
        base++
        isWhole = false
      }
      return frame
    },

    /** What a tab that stands at `from` is answered. */
    answer(
      ref: number,
      from: Position | null
    ): {
      readonly joined: Pick<JoinedFrame, 'ref' | 'room' | 'epoch' | 'offset' | 'recovered' | 'snapshot'>
      readonly frames: readonly (SnapshotFrame | EventFrame)[]
    } {
      let after = (start: number): EventFrame[] => kept.slice(start - base)
      let head = { ref, room, epoch }
      let isHere = from?.epoch === epoch && from.offset >= base && from.offset <= offset
      if (from && isHere && from.offset > brokenAt)
        return { joined: { ...head, offset, recovered: 'all', snapshot: false }, frames: after(from.offset) }
      // What it knows is all there is of the time before.
      if (from && !isWhole) {
        let at = isHere ? from.offset : base
        return { joined: { ...head, offset: at, recovered: 'kept', snapshot: false }, frames: after(at) }
      }
      let snapshot: SnapshotFrame = { f: 'snapshot', ref, room, epoch, offset: base, part: 0, of: 1, state: {} }
      let recovered = from ? ('none' as const) : ('new' as const)
      return { joined: { ...head, offset, recovered, snapshot: true }, frames: [snapshot, ...after(base)] }
    }
  }
}
