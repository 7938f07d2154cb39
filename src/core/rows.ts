// How the outbox lies on disk: keys, records and chunks of rows. Pure. A chunk holds rows of one chain that were committed
// together, as one JSON string: at hundreds of concurrent sends that is many times cheaper than a record per row.

import type { Lane } from '../feature.js'

/** An action that waits for its answer. */
export interface Row {
  /** Number in its chain, from 1; 0 until it is stored. */
  n: number
  readonly id: string
  readonly room: string
  readonly lane: Lane
  readonly feature: string
  readonly type: string
  readonly data: unknown
  /** When the command was called, by this device's clock, in milliseconds since 1970. */
  readonly at: number
  /** Seconds after `at` beyond which it is worth nothing. */
  readonly ttl?: number
  /** Rows of one chain with the same key replace each other while they wait. */
  readonly key?: string
}

/** An action that did not take effect (`rejected`), or of which nobody knows (`unknown`). Kept until the app decides. */
export interface ParkedRow {
  readonly kind: 'rejected' | 'unknown'
  readonly row: Row
  readonly code: string
  readonly message: string
  /** When it was parked, in milliseconds since 1970. */
  readonly parkedAt: number
}

/** What is known of a chain (client, room, lane) besides its rows. */
export interface ChainRecord {
  /** The last number given. */
  n: number
  /** The highest number that may have left this client. */
  claimed: number
  /** The last settled row, and up to which offset of the room what was settled took effect, where known. */
  last: { n: number; id: string; at?: number | undefined } | null
  /** The highest settled number that is surely on disk. */
  done: number
  /** How many rows were taken out of it before they left: so that other tabs notice. */
  cuts: number
  /** The last of them: so that other tabs can tell what became of them. */
  out: ReadonlyArray<readonly [n: number, how: Exit]>
  /** The last ones that were parked: a tab that looks when they are not parked any more must not take them for done. */
  bad?: ReadonlyArray<readonly [n: number, kind: ParkedRow['kind'], code: string]>
}

/** How a row that never left was taken out. */
export type Exit = 'expired' | 'replaced' | 'purged'

export const MOST_OUT = 64

/** Notes in a chain's record that rows were taken out. */
export function noteExits(record: ChainRecord, rows: readonly Row[], how: Exit): void {
  record.cuts += rows.length
  record.out = [...record.out, ...rows.map(({ n }) => [n, how] as const)].slice(-MOST_OUT)
}

export interface ClientRecord {
  readonly cid: string
  /** Counts the connections that send for this cid. */
  readonly gen: number
}

export const EMPTY_CHAIN: ChainRecord = { n: 0, claimed: 0, last: null, done: 0, cuts: 0, out: [] }

/** Rows in a chunk, at most: taking one of them out rewrites all. */
export const CHUNK = 128

const SEPARATOR = '\u0000'
/** Sorts after every key that starts with the same words. */
const END = '\uffff'

export const CLIENT_KEY = 'client'

export function chainKey(room: string, lane: Lane): string {
  return room + SEPARATOR + lane
}

export function parseChainKey(key: string): { room: string; lane: Lane } {
  let [room, lane] = key.split(SEPARATOR) as [string, Lane]
  return { room, lane }
}

export let keys = {
  chain: (chain: string): string => `chain${SEPARATOR}${chain}`,
  chunk: (chain: string, n: number): string => `rows${SEPARATOR}${chain}${SEPARATOR}${String(n).padStart(16, '0')}`,
  parked: (id: string): string => `parked${SEPARATOR}${id}`,
  room: (room: string): string => `room${SEPARATOR}${room}`,
  marks: (room: string): string => `marks${SEPARATOR}${room}`
}

/** The bounds `[from, to)` of all keys of one kind. */
export function span(kind: 'chain' | 'rows' | 'parked' | 'marks'): [string, string] {
  return [kind + SEPARATOR, kind + SEPARATOR + END]
}

/** The bounds of all chunks of a chain that start at `n` or later. */
export function chunksFrom(chain: string, n: number): [string, string] {
  return [keys.chunk(chain, n), `rows${SEPARATOR}${chain}${SEPARATOR}${END}`]
}

/** The part after the kind: a chain, an id or a room. */
export function afterKind(key: string): string {
  return key.slice(key.indexOf(SEPARATOR) + 1)
}

/** The chain that a chunk's key belongs to. */
export function chainOfChunk(key: string): string {
  let rest = afterKind(key)
  return rest.slice(0, rest.lastIndexOf(SEPARATOR))
}

/** The number of its first row when it was stored. */
export function firstOfChunk(key: string): number {
  return Number(key.slice(key.lastIndexOf(SEPARATOR) + 1))
}

export function packRows(rows: readonly Row[]): string {
  return JSON.stringify(rows)
}

/** Reads a chunk; one that was damaged holds no rows. */
export function unpackRows(value: unknown): Row[] {
  try {
    let rows: unknown = JSON.parse(String(value))
    return Array.isArray(rows) ? (rows as Row[]) : []
  } catch {
    return []
  }
}

/** What a row costs against the outbox's cap, in characters. */
export function weigh(row: Row): number {
  return 120 + row.room.length + row.feature.length + row.type.length + (JSON.stringify(row.data)?.length ?? 0)
}
