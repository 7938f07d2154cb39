// How much of everything a server takes, in one table. Times in milliseconds, sizes in bytes unless said otherwise.

import { RealtimeError } from '../errors.js'
import { byteLength } from '../protocol/codec.js'
import { isObject, wrong } from './arguments.js'

export interface Limits {
  /** Largest message in either direction, in bytes; larger ones end the connection. */
  readonly max: number
  /** How much a client may have in flight. */
  readonly window: { readonly count: number; readonly bytes: number }
  /** Time between pings; a connection that is silent for three of them is closed. */
  readonly heartbeat: number
  /** Time a new connection has for its `hello`, and an authentication for its answer. */
  readonly handshake: number
  /**
   * Widest window in which clients spread their return: that of a hundred of them. Fewer get less, for they need less room;
   * at least a second.
   */
  readonly retry: readonly [min: number, max: number]
  /** How long a token is taken after it ran out: clocks differ, and a new one is on its way. */
  readonly tokenGrace: number
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
  retry: [0, 5 * SECOND],
  tokenGrace: 10 * SECOND,
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

/** What must be at least 1: without it nothing would ever be taken, or a timer would never rest. */
const POSITIVE: ReadonlySet<string> = new Set([
  'handshake',
  'highWater',
  'logLength',
  'snapshotEvery',
  'actionsPerMinute',
  'idleRoom',
  'batch'
])

/** The limits of a server; throws `bad-argument` naming the one that is unknown or out of range. */
export function limitsOf(given: Partial<Limits> = {}): Limits {
  if (!isObject(given)) wrong('limits', 'an object', given)
  let limits: Record<string, unknown> = { ...DEFAULT_LIMITS }
  for (let [name, value] of Object.entries(given)) {
    if (!Object.hasOwn(limits, name)) throw new RealtimeError('bad-argument', `limits has no «${name}»`)
    if (value === undefined) continue
    checkLimit(name, value)
    limits[name] = value
  }
  return limits as unknown as Limits
}

function checkLimit(name: string, value: unknown): void {
  let path = `limits.${name}`
  if (name === 'window') {
    if (!isObject(value)) wrong(path, 'an object { count, bytes }', value)
    requireWhole(`${path}.count`, value.count)
    requireWhole(`${path}.bytes`, value.bytes)
  } else if (name === 'retry') {
    let [min, max] = Array.isArray(value) && value.length === 2 ? (value as unknown[]) : []
    if (!within(min, 0) || !within(max, min as number) || max === Infinity)
      wrong(path, 'a list [min, max] of two numbers, 0 <= min <= max', value)
  } else if (name === 'max') requireWhole(path, value)
  else if (name === 'heartbeat') {
    // Told to every client, and Infinity does not survive JSON.
    if (!within(value, 1) || value === Infinity) wrong(path, 'a finite number from 1', value)
  } else {
    let min = POSITIVE.has(name) ? 1 : 0
    if (!within(value, min)) wrong(path, `a number from ${min}`, value)
  }
}

function requireWhole(path: string, value: unknown): void {
  if (!Number.isSafeInteger(value) || (value as number) < 1) wrong(path, 'a whole number from 1', value)
}

/** NaN is not. */
function within(value: unknown, min: number): boolean {
  return typeof value === 'number' && value >= min
}

/** Whether a text is longer than `max` bytes, without counting when its length tells. */
export function longerThan(text: string, max: number): boolean {
  if (text.length > max) return true
  return text.length * 3 > max && byteLength(text) > max
}
