// What the server's marks say about our rows: each verdict, and that no row is ever settled by its number alone.

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { judgeMark } from '../../../src/core/marks.js'
import type { Row } from '../../../src/core/rows.js'
import type { Mark, PushResult } from '../../../src/protocol/frames.js'
import { rowOf } from './outbox-world.js'

type Chain = Parameters<typeof judgeMark>[0]
let chain = (more: Partial<Chain> = {}): Chain => ({
  n: 5,
  claimed: 4,
  last: { n: 2, id: 'b' },
  done: 2,
  ...more
})
let rows = (...ids: string[]): Row[] => ids.map((id, i) => rowOf(id, { n: i + 3 }))
let mark = (n: number, id: string | undefined, answers: [number, string, PushResult][] = [], done = 2): Mark => ({
  n,
  done,
  answers,
  ...(id === undefined ? {} : { id })
})
let taken = (at: number): PushResult => ({ ok: true, at })
let waiting = rows('c', 'd', 'e')

test('[S3] the mark is our last settled row: claimed rows go again after it', () => {
  expect(judgeMark(chain(), waiting, mark(2, 'b'), true)).toEqual({
    kind: 'settle',
    answers: [],
    resend: waiting.slice(0, 2),
    prev: 2
  })
})

test('[S13] the mark is a claimed row with that id: it and those before it are answered, the rest go again', () => {
  let verdict = judgeMark(chain(), waiting, mark(3, 'c', [[3, 'c', taken(9)]]), true)
  expect(verdict).toMatchObject({
    kind: 'settle',
    answers: [{ row: { id: 'c' }, ok: true, at: 9 }],
    resend: [{ id: 'd' }],
    prev: 3
  })
})

test('[S10] an answer may be a refusal, and names its code', () => {
  let answers: [number, string, PushResult][] = [
    [3, 'c', { ok: false, code: 'forbidden', message: 'not you' }],
    [4, 'd', { ok: false }]
  ]
  expect(judgeMark(chain(), waiting, mark(4, 'd', answers), true)).toMatchObject({
    answers: [
      { row: { id: 'c' }, ok: false, code: 'forbidden', message: 'not you' },
      { row: { id: 'd' }, ok: false, code: 'refused' }
    ],
    resend: [],
    prev: 4
  })
})

test('no mark and nothing settled: everything that may have left goes again, from the start', () => {
  let fresh = chain({ n: 3, claimed: 2, last: null, done: 0 })
  let own = ['a', 'b', 'c'].map((id, i) => rowOf(id, { n: i + 1 }))
  expect(judgeMark(fresh, own, undefined, true)).toMatchObject({ kind: 'settle', resend: own.slice(0, 2), prev: 0 })
})

test('rows that never left are not touched', () => {
  let verdict = judgeMark(chain({ claimed: 2 }), waiting, mark(2, 'b'), true)
  expect(verdict).toEqual({ kind: 'settle', answers: [], resend: [], prev: 2 })
})

test.each<[string, Chain, Mark]>([
  ['above our counter', chain(), mark(6, 'f', [], 2)],
  ['above what may have left', chain(), mark(5, 'e')],
  ['a claimed number with another id', chain(), mark(3, 'somebody else', [[3, 'somebody else', taken(9)]])],
  ['our last settled number with another id', chain(), mark(2, 'somebody else')],
  ['our last settled number without an id', chain(), mark(2, undefined)],
  ['with a `done` above our own', chain(), mark(2, 'b', [], 3)],
  ['without the answer to a row before it', chain(), mark(4, 'd', [[4, 'd', taken(9)]])],
  [
    'with an answer of another id before it',
    chain(),
    mark(4, 'd', [
      [3, 'x', taken(8)],
      [4, 'd', taken(9)]
    ])
  ]
])('[S13] a mark %s is a fork', (_, own, given) => {
  expect(judgeMark(own, waiting, given, true)).toEqual({ kind: 'fork' })
})

test('[S13] a mark on a chain that we never used is a fork', () => {
  let nothing = { n: 0, claimed: 0, last: null, done: 0 }
  expect(judgeMark(nothing, [], mark(1, 'x', [], 0), true)).toEqual({ kind: 'fork' })
})

test('[S15] a mark below our last settled row, or none, means that the server forgot', () => {
  expect(judgeMark(chain(), waiting, mark(1, 'a'), true)).toEqual({ kind: 'lost' })
  expect(judgeMark(chain(), waiting, undefined, true)).toEqual({ kind: 'lost' })
})

test('[S15] another life of the marks: lost when there are none, a fork when somebody has begun anew', () => {
  expect(judgeMark(chain(), waiting, undefined, false)).toEqual({ kind: 'lost' })
  expect(judgeMark(chain(), waiting, mark(0, undefined, [], 0), false)).toEqual({ kind: 'lost' })
  expect(judgeMark(chain(), waiting, mark(2, 'b'), false)).toEqual({ kind: 'fork' })
})

test('[S13] whatever a server says, only rows with their own id and number are settled, and none is both settled and sent', () => {
  let result = fc.record({ ok: fc.boolean(), at: fc.nat({ max: 20 }) })
  let ids = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'x')
  let anyMark = fc.record({
    n: fc.nat({ max: 7 }),
    id: ids,
    done: fc.nat({ max: 4 }),
    answers: fc.array(fc.tuple(fc.nat({ max: 7 }), ids, result), { maxLength: 5 })
  })
  fc.assert(
    fc.property(anyMark, fc.integer({ min: 2, max: 5 }), fc.boolean(), (given, claimed, sameLife) => {
      let own = chain({ claimed })
      let verdict = judgeMark(own, waiting, given, sameLife)
      if (verdict.kind !== 'settle') return
      let settled = verdict.answers.map(({ row }) => row.id)
      let again = verdict.resend.map(({ id }) => id)
      expect([...settled, ...again]).toEqual(waiting.filter(row => row.n <= claimed).map(({ id }) => id))
      for (let { row } of verdict.answers)
        expect(given.answers.some(([n, id]) => n === row.n && id === row.id)).toBe(true)
      expect(verdict.prev).toBe(given.n)
    }),
    { numRuns: 1000, seed: 5 }
  )
})
