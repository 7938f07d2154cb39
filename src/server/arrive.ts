// What a connection gets when it has joined: `joined`, then either the events it missed or the whole state, then the casts
// that are kept. All of it goes out in one piece, before anything that happens later.

import { encodeFrame } from '../protocol/codec.js'
import type { CastFrame, JoinedFrame } from '../protocol/frames.js'
import { pack } from './recover.js'
import type { RoomSeat } from './seat.js'
import type { RoomState } from './state.js'

/** Writes the states of a room; a state that has not changed is written once. */
export interface StateWriter {
  entries(states: ReadonlyMap<string, unknown>, versions: (feature: string) => number): string[]
}

export function createStateWriter(): StateWriter {
  let written = new Map<string, { state: unknown; text: string }>()
  return {
    entries(states, versions) {
      return [...states].map(([feature, state]) => {
        let cached = written.get(feature)
        if (!cached || cached.state !== state) {
          let text = `${JSON.stringify(feature)}:${JSON.stringify({ version: versions(feature), state: state ?? null })}`
          cached = { state, text }
          written.set(feature, cached)
        }
        return cached.text
      })
    }
  }
}

/** The snapshot frames of a join, encoded. `entries` are `"feature":{…}` texts. */
export function snapshotFrames(
  { ref, room }: { readonly ref: number; readonly room: string },
  { epoch, offset }: Pick<RoomState, 'epoch' | 'offset'>,
  entries: readonly string[],
  max: number
): string[] {
  let parts = pack(entries, max - 1024 - room.length * 3)
  return parts.map((part, index) => {
    let head = encodeFrame({ f: 'snapshot', ref, room, epoch, offset, part: index, of: parts.length, state: {} })
    return `${head.slice(0, -3)}{${part.join(',')}}}`
  })
}

/** Sends everything that belongs to a join. */
export function greet(
  { link }: RoomSeat,
  joined: JoinedFrame,
  snapshot: readonly string[],
  events: readonly string[],
  casts: readonly CastFrame[]
): void {
  link.writer.frame(joined)
  for (let part of snapshot) link.writer.encoded(part)
  for (let event of events) link.writer.encoded(event)
  for (let cast of casts) link.writer.frame(cast)
}
