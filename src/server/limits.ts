// How much of everything a server takes, in one table. Times in milliseconds, sizes in bytes unless said otherwise.

import { byteLength } from '../protocol/codec.js'

export interface Limits {
  /** Largest message in either direction, in bytes; larger ones end the connection. */
  readonly max: number
  /** How much a client may have in flight. */
  readonly window: { readonly count: number; readonly bytes: number }
  /** Time between pings; a connection that is silent for three of them is closed. */
  readonly heartbeat: number
  /** Time a new connection has for its `hello`, and an authentication for its answer. */
  readonly handshake: number
  /** Window in which clients spread their next attempt after a planned close. */
  readonly retry: readonly [min: number, max: number]
  /** Malformed frames that one connection may send before it is closed. */
  readonly badFrames: number
  /** Rooms that one connection may be in. */
  readonly roomsPerConnection: number
  /** Bytes waiting for a slow peer above which it is sent no more events and casts. Four times this closes it. */
  readonly highWater: number
  /** Longest gap, in events, that is filled from the log; a longer one is filled by a snapshot. */
  readonly maxReplay: number
  /** Events that a room's log keeps. */
  readonly logLength: number
  /** Events between two stored snapshots of a room. */
  readonly snapshotEvery: number
  /** How long ids of trimmed events are still recognised. */
  readonly keepIds: number
  /** How long the marks of a client that no longer comes are kept. */
  readonly keepMarks: number
  /** Time after a broken connection until its presence is `left`. */
  readonly presenceGrace: number
  /** Largest presence data of one connection, in bytes. */
  readonly presenceBytes: number
  /** Casts that a room keeps for joiners. */
  readonly keptCasts: number
  /** Fresh actions that one user may send in a minute. */
  readonly actionsPerMinute: number
  /** Time without connections after which a room leaves memory. */
  readonly idleRoom: number
  /** Actions that are decided and stored in one transaction. */
  readonly batch: number
}

const SECOND = 1000
const DAY = 24 * 3600 * SECOND

export const DEFAULT_LIMITS: Limits = {
  max: 256 * 1024,
  window: { count: 256, bytes: 128 * 1024 },
  heartbeat: 6 * SECOND,
  handshake: 10 * SECOND,
  retry: [0, 4 * SECOND],
  badFrames: 20,
  roomsPerConnection: 1000,
  highWater: 1024 * 1024,
  maxReplay: 500,
  logLength: 10_000,
  snapshotEvery: 500,
  keepIds: 7 * DAY,
  keepMarks: 90 * DAY,
  presenceGrace: 8 * SECOND,
  presenceBytes: 8 * 1024,
  keptCasts: 1000,
  actionsPerMinute: Infinity,
  idleRoom: 60 * SECOND,
  batch: 500
}

/** Whether a text is longer than `max` bytes, without counting when its length tells. */
export function longerThan(text: string, max: number): boolean {
  if (text.length > max) return true
  return text.length * 3 > max && byteLength(text) > max
}
