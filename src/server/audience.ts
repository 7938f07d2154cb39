// The connections in a room and what all of them are told. Encodes once, skips who is too slow, and tells those later where
// the room stands.

import { encodeFrame } from '../protocol/codec.js'
import type { DownFrame } from '../protocol/frames.js'
import type { RoomSeat } from './seat.js'

export interface Audience {
  /** Per client, the seat that joined last with a right to push. */
  readonly holders: ReadonlyMap<string, RoomSeat>
  count(): number
  add(seat: RoomSeat): void
  remove(seat: RoomSeat): void
  /** Removes another seat of the same connection. */
  replace(seat: RoomSeat): void
  /** Sends events in order to every live seat. */
  events(frames: readonly string[]): void
  /** Sends to every seat but `from` that sees the room and is not too slow. */
  all(frame: DownFrame, from?: object | null): void
  /** Tells everyone to recover from its own position; nobody gets an event until it has joined again. */
  gap(): void
  /** Takes out the seats of a user (without one, of everyone) and tells them to join again. Returns them. */
  takeOut(user?: string): RoomSeat[]
}

/** `gapFrame` is asked for when it is sent, so that it tells where the room stands then. */
export function createAudience(gapFrame: () => DownFrame): Audience {
  let seats = new Map<object, RoomSeat>()
  let holders = new Map<string, RoomSeat>()

  function remove(seat: RoomSeat): void {
    seat.state = 'gone'
    if (seats.get(seat.link) === seat) seats.delete(seat.link)
    if (holders.get(seat.client) === seat) holders.delete(seat.client)
  }

  function replace(seat: RoomSeat): void {
    let before = seats.get(seat.link)
    if (before && before !== seat) remove(before)
  }

  function pauseSlow(seat: RoomSeat): void {
    seat.state = 'paused'
    seat.link.writer.whenDrained(() => {
      if (seat.state === 'paused') seat.link.writer.frame(gapFrame())
    })
  }

  return {
    holders,
    count: () => seats.size,
    add(seat) {
      replace(seat)
      seat.state = 'live'
      seats.set(seat.link, seat)
      if (seat.gen > 0) holders.set(seat.client, seat)
    },
    remove,
    replace,
    events(frames) {
      if (frames.length === 0) return
      for (let seat of seats.values()) {
        if (seat.only || seat.state !== 'live') continue
        if (seat.link.writer.slow()) pauseSlow(seat)
        else for (let frame of frames) seat.link.writer.encoded(frame)
      }
    },
    all(frame, from = null) {
      let encoded: string | null = null
      for (let seat of seats.values()) {
        if (seat.only || seat.link === from || seat.link.writer.slow()) continue
        encoded ??= encodeFrame(frame)
        seat.link.writer.encoded(encoded)
      }
    },
    gap() {
      for (let seat of seats.values()) {
        if (seat.state === 'live') seat.link.writer.frame(gapFrame())
        seat.state = 'paused'
      }
    },
    takeOut(user) {
      let out = [...seats.values()].filter(seat => user === undefined || seat.user === user)
      for (let seat of out) {
        remove(seat)
        seat.state = 'out'
        seat.link.writer.frame(gapFrame())
      }
      return out
    }
  }
}
