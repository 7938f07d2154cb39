// The outbox in memory: what is known to be on disk, chain by chain, and what it weighs. Changed only after a transaction is
// complete.

import type { Lane } from '../feature.js'
import type { Clock } from '../ports.js'
import { type ChainRecord, chainKey, EMPTY_CHAIN, parseChainKey, type Row, weigh } from './rows.js'

/** A chain as mirrored in memory. */
export interface Chain extends ChainRecord {
  readonly key: string
  readonly room: string
  readonly lane: Lane
  /** Waiting rows, lowest number first. */
  rows: Row[]
  /** First and last number of each chunk on disk. */
  chunks: { first: number; last: number }[]
}

export type Mirror = ReturnType<typeof createMirror>

/** Where the rows above a number begin, in rows or chunks that are in order. */
export function indexAfter(rows: readonly Row[], n: number): number {
  let low = 0
  let high = rows.length
  while (low < high) {
    let middle = (low + high) >> 1
    if ((rows[middle] as Row).n <= n) low = middle + 1
    else high = middle
  }
  return low
}

/** The chunk that holds a number, if any does. */
export function chunkOf({ chunks }: Chain, n: number): Chain['chunks'][number] | undefined {
  let low = 0
  let high = chunks.length
  while (low < high) {
    let middle = (low + high) >> 1
    if ((chunks[middle] as Chain['chunks'][number]).first <= n) low = middle + 1
    else high = middle
  }
  return chunks[low - 1]
}

export function createMirror(clock: Clock) {
  let chains = new Map<string, Chain>()
  let weights = new Map<string, number>()
  let bytes = 0
  /** When a row is over, by the clock that nobody sets: told once, when the row is first seen here. */
  let deadlines = new Map<string, { row: Row; at: number }>()

  /** Milliseconds until a row is over, below zero when it is. The earlier deadline counts; a clock set back prolongs nothing. */
  function timeLeft(row: Row): number {
    if (row.ttl === undefined) return Infinity
    let byWall = Math.min(row.ttl * 1000, row.at + row.ttl * 1000 - clock.now())
    let deadline = deadlines.get(row.id)
    if (deadline) return Math.min(byWall, deadline.at - clock.mono())
    deadlines.set(row.id, { row, at: clock.mono() + byWall })
    return byWall
  }

  return {
    chains,
    get count(): number {
      return weights.size
    },
    get bytes(): number {
      return bytes
    },
    chain(key: string): Chain {
      let chain = chains.get(key)
      if (!chain) {
        chain = { ...EMPTY_CHAIN, ...parseChainKey(key), key, rows: [], chunks: [] }
        chains.set(key, chain)
      }
      return chain
    },
    /** Counts a row from the moment it is accepted, before it is on disk. */
    add(row: Row, weight = weigh(row)): void {
      bytes += weight - (weights.get(row.id) ?? 0)
      weights.set(row.id, weight)
      timeLeft(row)
    },
    weight: ({ id }: Row): number => weights.get(id) ?? 0,
    timeLeft,
    /** Milliseconds until the next row that never left is over, or Infinity. */
    nextOver(): number {
      let next = Infinity
      for (let { row } of deadlines.values()) {
        if (row.n > (chains.get(chainKey(row.room, row.lane))?.claimed ?? 0)) next = Math.min(next, timeLeft(row))
      }
      return next
    },
    /** Whether a row was accepted and has not gone. */
    holds: (row: Row): boolean => weights.has(row.id),
    uncount(row: Row): void {
      bytes -= weights.get(row.id) ?? 0
      weights.delete(row.id)
      deadlines.delete(row.id)
    },
    /** Takes out what is settled up to a number, and forgets the chunks that are settled as a whole. */
    settled(chain: Chain, last: number): Row[] {
      let left = chain.chunks.findIndex(chunk => chunk.last > last)
      chain.chunks.splice(0, left < 0 ? chain.chunks.length : left)
      return chain.rows.splice(0, indexAfter(chain.rows, last))
    },
    /** Takes rows out of a chain and returns them. */
    take(chain: Chain, rows: readonly { readonly id: string }[]): Row[] {
      if (!rows.length) return []
      let gone = new Set(rows.map(({ id }) => id))
      let out = chain.rows.filter(row => gone.has(row.id))
      chain.rows = chain.rows.filter(row => !gone.has(row.id))
      return out
    },
    rows(): Row[] {
      return [...chains.values()].flatMap(chain => chain.rows)
    },
    /** When the oldest waiting row was called. */
    oldestAt(): number | null {
      let oldest: number | null = null
      for (let { rows } of chains.values()) {
        let at = rows[0]?.at
        if (at !== undefined && (oldest === null || at < oldest)) oldest = at
      }
      return oldest
    }
  }
}
