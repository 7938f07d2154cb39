// The outbox in memory: what is known to be on disk, chain by chain, and what it weighs. Changed only after a transaction is
// complete.

import type { Lane } from '../feature.js'
import { type ChainRecord, EMPTY_CHAIN, parseChainKey, type Row, weigh } from './rows.js'

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

export function createMirror() {
  let chains = new Map<string, Chain>()
  let weights = new Map<string, number>()
  let bytes = 0

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
      weights.set(row.id, weight)
      bytes += weight
    },
    /** Whether a row was accepted and has not gone. */
    holds: (row: Row): boolean => weights.has(row.id),
    uncount(row: Row): void {
      bytes -= weights.get(row.id) ?? 0
      weights.delete(row.id)
    },
    /** Takes rows out of a chain and returns them. */
    take(chain: Chain, ids: Iterable<string>): Row[] {
      let gone = new Set(ids)
      if (!gone.size) return []
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
