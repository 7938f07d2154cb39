// What the server's marks say about our rows when a room is joined. Pure; the rules are S3, S6, S9 and S10 of the protocol.

import type { Mark } from '../protocol/frames.js'
import type { ChainRecord, Row } from './rows.js'

export type Verdict =
  /** Our numbers were used by somebody else with the same id (a cloned or restored profile): take a new id. */
  | { readonly kind: 'fork' }
  /** The server lost what it knew of this chain: nobody can say what happened to rows that left. */
  | { readonly kind: 'lost' }
  | {
      readonly kind: 'settle'
      readonly answers: ReadonlyArray<{
        readonly row: Row
        readonly ok: boolean
        readonly at?: number | undefined
        readonly code: string
        readonly message?: string | undefined
      }>
      /** Rows that may have left before, to be sent again in order, the first with `prev`. */
      readonly resend: readonly Row[]
      readonly prev: number
    }

const NO_MARK: Mark = { n: 0, done: 0, answers: [] }

/**
 * Compares a chain with its mark. `rows` are the waiting rows in order; a mark must be our last settled row or a row that
 * may have left, with its very id.
 */
export function judgeMark(
  chain: Pick<ChainRecord, 'n' | 'claimed' | 'last' | 'done'>,
  rows: readonly Row[],
  given: Mark | undefined,
  sameLife: boolean
): Verdict {
  let mark = given ?? NO_MARK
  if (!sameLife) return mark.n > 0 ? { kind: 'fork' } : { kind: 'lost' }
  let last = chain.last ?? { n: 0, id: '' }
  if (mark.n > chain.n || mark.done > chain.done) return { kind: 'fork' }
  if (mark.n < last.n) return { kind: 'lost' }
  if (mark.n === last.n && mark.n > 0 && mark.id !== last.id) return { kind: 'fork' }
  let claimed = rows.filter(row => row.n > last.n && row.n <= chain.claimed)
  if (mark.n > last.n && !claimed.some(row => row.n === mark.n && row.id === mark.id)) return { kind: 'fork' }

  let answers = new Map(mark.answers.map(([n, id, result]) => [n, { id, result }]))
  let settled: Extract<Verdict, { kind: 'settle' }>['answers'][number][] = []
  for (let row of claimed) {
    if (row.n > mark.n) break
    let answer = answers.get(row.n)
    if (!answer || answer.id !== row.id) return { kind: 'fork' }
    let { ok, at, code, message } = answer.result
    settled.push({ row, ok, at, code: code ?? 'refused', message })
  }
  return { kind: 'settle', answers: settled, resend: claimed.filter(row => row.n > mark.n), prev: mark.n }
}
