// How a joining connection comes up to date, as pure decisions.

import { byteLength } from '../protocol/codec.js'

export interface RecoverInput {
  readonly epoch: string
  readonly offset: number
  readonly trimmed: number
  readonly maxReplay: number
}

export type Recovered = 'all' | 'new' | 'none'

/** `all`: the log continues the client's position. `new`: it has none. `none`: its position cannot be continued. */
export function recover(
  { epoch, offset, trimmed, maxReplay }: RecoverInput,
  position: { readonly epoch?: string | undefined; readonly offset?: number | undefined }
): Recovered {
  if (position.epoch === undefined || position.offset === undefined) return 'new'
  if (position.epoch !== epoch || position.offset > offset || position.offset < trimmed) return 'none'
  return offset - position.offset > maxReplay ? 'none' : 'all'
}

/** Packs entries, in order, into parts of at most `max` bytes; an entry that is larger has a part of its own. */
export function pack(entries: readonly string[], max: number): string[][] {
  let parts: string[][] = []
  let size = Infinity
  for (let entry of entries) {
    let bytes = byteLength(entry) + 1
    if (size + bytes > max) {
      parts.push([])
      size = 0
    }
    parts.at(-1)?.push(entry)
    size += bytes
  }
  return parts.length > 0 ? parts : [[]]
}
