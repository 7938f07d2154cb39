// The frames of one open connection on their way to its rooms: who may enter, what may pass, and in which order while a
// policy thinks. Knows nothing of handshakes and timers.

import type { AnyFeature, EventSpec, Lane } from '../feature.js'
import type { Clock, Report } from '../ports.js'
import { byteLength, encodeFrame } from '../protocol/codec.js'
import type { CastFrame, Frame, FrameOf } from '../protocol/frames.js'
import type { Counts } from './counts.js'
import { problemOf, shallow, specOf } from './decide.js'
import type { Limits } from './limits.js'
import {
  askNow,
  type Policy,
  type PolicyAnswer,
  type PolicyRequest,
  type Refusal,
  refusalOf,
  refusalOfThrown
} from './policy.js'
import type { Room } from './room.js'
import { createSeat, type Link, type RoomSeat } from './seat.js'

export interface TrafficParts {
  readonly features: ReadonlyMap<string, AnyFeature>
  readonly clock: Clock
  readonly limits: Limits
  readonly counts: Counts
  readonly policy: Policy
  readonly report: Report
  room(id: string): Room
}

export type RoomFrame = Extract<Frame, { f: 'join' | 'leave' | 'push' | 'cast' | 'presence' | 'fetch' }>

export interface Traffic {
  take(frame: RoomFrame): void
  /** The rooms that it shows. */
  rooms(): string[]
  /** What a ping tells of the rooms. */
  positions(): Record<string, readonly [epoch: string, offset: number]>
  /** The connection is over; `presence` says whether its entries get a grace. */
  close(presence: 'now' | 'grace'): void
}

/** Rooms of the server's own code start so: no client enters one, whatever the policy says. */
const SERVER_ROOM = 'server:'
/** Frames that wait for one policy answer, at most. */
const MOST_HELD = 1000

/** `bad` counts a frame that no correct client sends. */
export function createTraffic(link: Link, parts: TrafficParts, bad: (why: string) => void): Traffic {
  let { features, clock, limits, policy, report } = parts
  let seats = new Map<string, RoomSeat>()
  /** Per room whose policy is thinking: what came meanwhile. */
  let gates = new Map<string, RoomFrame[]>()
  /** Chains of rooms that are not joined, which were told so. */
  let strays = new Map<string, Set<Lane>>()
  let fetching: Promise<void> = Promise.resolve()
  let fetches = 0

  function request(room: string, action: PolicyRequest['action']): PolicyRequest {
    return { user: link.user, claims: link.claims, app: link.app, room, action }
  }

  function threw(room: string) {
    return (error: unknown) => report('error', 'policy-threw', { room, error })
  }

  function take(frame: RoomFrame) {
    let held = gates.get(frame.room)
    if (held) {
      if (held.length < MOST_HELD) held.push(frame)
      else bad(`more than ${MOST_HELD} frames for a room that is being joined`)
      return
    }
    if (frame.f === 'join') join(frame)
    else if (frame.f === 'leave') leave(frame.room)
    else if (frame.f === 'push') push(frame)
    else if (frame.f === 'cast') cast(frame)
    else if (frame.f === 'presence') presence(frame)
    else fetch(frame)
  }

  /** Whether presence data are small and shallow enough to be told to others. */
  function fitting(presence: unknown): boolean {
    return shallow(presence) && sizeOf(presence) <= limits.presenceBytes
  }

  function join(frame: FrameOf<'join'>) {
    let { room } = frame
    // Rooms are keys of objects on the wire, where this one means something else.
    if (room === '__proto__') return refuseJoin(frame, { code: 'invalid', final: true })
    if (room.startsWith(SERVER_ROOM)) return refuseJoin(frame, { code: 'forbidden', final: true })
    if (!seats.has(room) && seats.size + gates.size >= limits.roomsPerConnection) {
      return refuseJoin(frame, { code: 'rate-limited', final: false, message: 'too many rooms on one connection' })
    }
    if (!fitting(frame.presence)) {
      bad('join.presence is too large')
      if (!link.open) return
      frame = { ...frame, presence: {} }
    }
    let later: Refusal = { code: 'busy', final: false }
    let answer: PolicyAnswer | Promise<PolicyAnswer>
    try {
      answer = policy({ ...request(room, 'join'), token: frame.token })
    } catch (error) {
      threw(room)(error)
      return refuseJoin(frame, refusalOfThrown(error, later))
    }
    if (typeof answer !== 'object') return admit(frame, refusalOf(answer))
    gates.set(room, [])
    void answer
      .then(refusalOf, error => {
        threw(room)(error)
        return refusalOfThrown(error, later)
      })
      .then(refusal => {
        let held = gates.get(room) ?? []
        gates.delete(room)
        if (!link.open) return
        admit(frame, refusal)
        for (let next of held) take(next)
      })
  }

  function admit(frame: FrameOf<'join'>, refusal: Refusal | null) {
    if (refusal) return refuseJoin(frame, refusal)
    strays.delete(frame.room)
    let seat = createSeat(link, frame)
    seats.set(frame.room, seat)
    parts.room(frame.room).join(seat)
  }

  function refuseJoin({ room, ref }: FrameOf<'join'>, refusal: Refusal): void {
    let seat = seats.get(room)
    if (seat) parts.room(room).detach(seat, 'now')
    seats.delete(room)
    link.writer.frame({ f: 'nack', room, ref, ...refusal })
  }

  function leave(room: string): void {
    let seat = seats.get(room)
    if (!seat) return
    seats.delete(room)
    parts.room(room).leave(seat)
  }

  /** The connection's place in a room, unless it has to join again. */
  function seatIn(room: string): RoomSeat | null {
    let seat = seats.get(room)
    return seat && seat.state !== 'out' ? seat : null
  }

  function push(frame: FrameOf<'push'>) {
    let { room, lane, n, id } = frame
    let seat = seatIn(room)
    if (seat) return parts.room(room).push(seat, frame)
    let told = strays.get(room) ?? new Set()
    if (strays.size > limits.roomsPerConnection) strays.clear()
    strays.set(room, told)
    if (told.has(lane)) return
    told.add(lane)
    link.writer.frame({ f: 'nack', room, lane, n, id, code: 'order', final: false, message: 'the room is not joined' })
  }

  function cast({ room, feature: name, type, data, key, ttl, id }: CastFrame) {
    let seat = seatIn(room)
    if (!seat || seat.only) return
    let feature = features.get(name)
    let problem = feature ? problemOf(feature, type, data, 'volatile') : `there is no feature «${name}»`
    if (!feature || problem !== null) return bad(problem ?? '')
    let asked = { ...request(room, 'cast'), token: seat.join.token, feature: name, type, data }
    let refusal =
      specOf(feature, type)?.author === 'server'
        ? { code: 'forbidden', final: true }
        : askNow(policy, asked, threw(room))
    if (refusal) {
      if (id !== undefined) link.writer.frame({ f: 'nack', room, id, ...refusal })
      return
    }
    let { delivery } = specOf(feature, type) as EventSpec<unknown>
    // Nobody's word is believed for longer than the event says.
    let seconds = delivery.kind === 'volatile' ? Math.min(ttl, delivery.seconds) : 0
    let stamp = { by: link.user, at: clock.now(), ttl: seconds, ...(id === undefined ? {} : { id }) }
    parts
      .room(room)
      .cast({ f: 'cast', room, feature: name, type, data, ...keyOf(feature, type, data, key), ...stamp }, link)
  }

  function presence({ room, self, sync }: FrameOf<'presence'>) {
    let seat = seatIn(room)
    if (!seat || seat.only) return
    if (sync) parts.room(room).tellMembers(link)
    if (self === undefined) return
    if (!fitting(self)) return bad('presence is too large')
    let refusal = askNow(policy, { ...request(room, 'presence'), token: seat.join.token, data: self }, threw(room))
    if (!refusal) parts.room(room).presence(seat, self)
  }

  function fetch({ ref, room, before, limit }: FrameOf<'fetch'>) {
    let seat = seatIn(room)
    let refuse = (refusal: Refusal) => link.writer.frame({ f: 'nack', room, ref, ...refusal })
    if (!seat) return refuse({ code: 'order', final: false, message: 'the room is not joined' })
    let refusal = askNow(policy, { ...request(room, 'fetch'), token: seat.join.token }, threw(room))
    if (refusal) return refuse(refusal)
    if (fetches >= 8) return refuse({ code: 'rate-limited', final: false, message: 'too many pages at once' })
    fetches++
    fetching = fetching
      .then(() => parts.room(room).page(before, limit))
      .then(
        ({ events, done }) => {
          let newest = newestThatFit(events, limits.max - 1024)
          link.writer.frame({ f: 'page', ref, events: newest, done: done && newest.length === events.length })
        },
        error => {
          report('error', 'storage-failed', { room, error })
          refuse({ code: 'busy', final: false })
        }
      )
      .then(() => void fetches--)
  }

  return {
    take,
    rooms: () => [...seats].flatMap(([room, { only }]) => (only ? [] : room)),
    positions() {
      let positions: Record<string, readonly [string, number]> = {}
      for (let [room, seat] of seats) {
        let position = parts.room(room).position(seat)
        if (position) positions[room] = position
      }
      return positions
    },
    close(presence) {
      for (let [room, seat] of seats) parts.room(room).detach(seat, presence)
      seats.clear()
      gates.clear()
    }
  }
}

function sizeOf(value: unknown): number {
  return value === undefined ? 0 : byteLength(JSON.stringify(value))
}

/** The key by which a cast replaces others: what the feature says, else what the sender says. */
export function keyOf(feature: AnyFeature, type: string, data: unknown, sent: string | undefined): { key?: string } {
  let key = sent
  try {
    key = specOf(feature, type)?.key?.(data) ?? sent
  } catch {
    // A key function that throws on data which its schema took: the sender's key serves.
  }
  return key === undefined ? {} : { key: String(key).slice(0, 256) }
}

/** The newest events that fit into a message; always at least one. */
function newestThatFit<E extends Frame>(events: readonly E[], max: number): E[] {
  let size = 0
  let from = events.length
  while (from > 0) {
    size += byteLength(encodeFrame(events[from - 1] as E)) + 1
    if (size > max && from < events.length) break
    from--
  }
  return events.slice(from)
}
