import { describe, expect, test } from 'vitest'
import type { Draft } from '../../../src/feature.js'
import { reduceEvent } from '../../../src/feature.js'
import { type MemoryState, memory, newestMemoryAt } from '../../../src/features/memory.js'
import { type MemoryReadsState, memoryReads, withReads } from '../../../src/features/memory-reads.js'

type Step = Draft<typeof memory.events> & { by?: string; id?: string; at?: number }
function run(from: MemoryState, ...steps: Step[]): MemoryState {
  return steps.reduce<MemoryState>(
    (state, { type, data, by = 'ann', id, at = 10 }, i) =>
      reduceEvent(memory, state, type, data, { id: id ?? `e${i}`, actor: by, at }) as MemoryState,
    from
  )
}
const two = run(
  memory.initial,
  { type: 'created', data: { content: 'stars', tags: ['night'] }, id: 'a', at: 10 },
  { type: 'created', data: { content: 'sea' }, id: 'b', by: 'bob', at: 20 }
)

describe('memories', () => {
  test('are created with what is given, by whoever created them', () => {
    expect(two.memories).toEqual([
      {
        id: 'a',
        content: 'stars',
        tags: ['night'],
        emotion: null,
        importance: null,
        by: 'ann',
        at: 10,
        updatedBy: 'ann',
        updatedAt: 10
      },
      {
        id: 'b',
        content: 'sea',
        tags: [],
        emotion: null,
        importance: null,
        by: 'bob',
        at: 20,
        updatedBy: 'bob',
        updatedAt: 20
      }
    ])
  })

  test('are not created twice by the same event', () => {
    expect(run(two, { type: 'created', data: { content: 'again' }, id: 'a' })).toBe(two)
  })

  test('change in the fields of the patch only; null clears', () => {
    let full = run(memory.initial, {
      type: 'created',
      data: { content: 'stars', emotion: 'joy', importance: 0.5 },
      id: 'a'
    })
    let changed = run(full, {
      type: 'updated',
      data: { id: 'a', patch: { emotion: null, tags: ['t'] } },
      by: 'bob',
      at: 30
    })
    expect(changed.memories).toEqual([
      { ...full.memories[0], emotion: null, tags: ['t'], updatedBy: 'bob', updatedAt: 30 }
    ])
  })

  test('leave with everything that is about them', () => {
    let busy = run(
      two,
      { type: 'insight', data: { text: 'about a', memoryId: 'a' } },
      { type: 'insight', data: { text: 'about all' } },
      { type: 'processed', data: { id: 'a', stage: 'reading', progress: 0.2 } },
      { type: 'processed', data: { id: 'b', stage: 'reading', progress: 0.2 } }
    )
    let left = run(busy, { type: 'deleted', data: { id: 'a' } })
    expect(left.memories.map(item => item.id)).toEqual(['b'])
    expect(left.notifications.map(item => item.memoryId)).toEqual(['b'])
    expect(left.processing.map(item => item.id)).toEqual(['b'])
    expect(left.insights.map(item => item.text)).toEqual(['about all'])
  })

  test('beyond a thousand, the oldest leave with everything that is about them', () => {
    let state = run(
      memory.initial,
      ...Array.from({ length: 1000 }, (_, i): Step => ({ type: 'created', data: { content: `${i}` }, id: `m${i}` }))
    )
    state = run(state, { type: 'processed', data: { id: 'm0', stage: 's', progress: 0 } })
    expect(state.processing).toHaveLength(1)
    state = run(state, { type: 'created', data: { content: 'new' }, id: 'new' })
    expect(state.memories).toHaveLength(1000)
    expect(state.memories[0]?.id).toBe('m1')
    expect(state.processing).toEqual([])
    expect(state.notifications).toHaveLength(200)
  })

  test.each<[string, Step]>([
    ['an update', { type: 'updated', data: { id: 'x', patch: { content: 'y' } } }],
    ['a deletion', { type: 'deleted', data: { id: 'x' } }],
    ['an insight', { type: 'insight', data: { text: 'y', memoryId: 'x' } }],
    ['work', { type: 'processed', data: { id: 'x', stage: 's', progress: 0.5 } }]
  ])('are as they were after %s that is about none of them', (_, step) => {
    expect(run(two, step)).toBe(two)
  })

  test('show the work on them until it is done', () => {
    let work = (stage: string, progress: number): Step => ({ type: 'processed', data: { id: 'a', stage, progress } })
    let working = run(two, work('reading', 0.1), work('writing', 0.5))
    expect(working.processing).toEqual([{ id: 'a', stage: 'writing', progress: 0.5, at: 10 }])
    expect(run(working, work('done', 0.5)).processing).toEqual([])
    expect(run(working, work('writing', 1)).processing).toEqual([])
    expect(run(working, work('writing', 1)).notifications.at(-1)).toMatchObject({
      kind: 'processed',
      memoryId: 'a',
      excerpt: 'stars'
    })
  })

  test('tell of a kind of thing once for each memory and user', () => {
    let edit = (by: string): Step => ({
      type: 'updated',
      data: { id: 'a', patch: { content: `by ${by}` } },
      by,
      id: `by-${by}`
    })
    let edits = run(two, edit('bob'), edit('bob'), edit('ann'))
    expect(edits.notifications.map(({ kind, by, memoryId }) => [kind, by, memoryId])).toEqual([
      ['created', 'ann', 'a'],
      ['created', 'bob', 'b'],
      ['updated', 'bob', 'a'],
      ['updated', 'ann', 'a']
    ])
  })

  test('know when the newest was written', () => {
    expect(newestMemoryAt(memory.initial)).toBe(0)
    expect(newestMemoryAt(run(two, { type: 'updated', data: { id: 'a', patch: { content: 'c' } }, at: 40 }))).toBe(40)
  })

  let context = { state: two, me: 'ann', id: 'new' }
  let { commands } = memory
  test.each<[string, () => unknown, string]>([
    [
      'updateMemory',
      () => commands.updateMemory(context, 'x', { content: 'y' }),
      'id: there is no memory with the id «x»'
    ],
    ['deleteMemory', () => commands.deleteMemory(context, 'x'), 'id: there is no memory with the id «x»'],
    [
      'addMemoryInsight',
      () => commands.addMemoryInsight(context, 'y', 'x'),
      'memoryId: there is no memory with the id «x»'
    ],
    ['processMemory', () => commands.processMemory(context, 'x'), 'id: there is no memory with the id «x»'],
    ['an empty updateMemory', () => commands.updateMemory(context, 'a', {}), 'patch: must name at least one of']
  ])('refuse %s of what is not there, naming the argument', (_, call, message) => {
    expect(call).toThrow(message)
  })
})

describe('read marks', () => {
  type Mark = Draft<typeof memoryReads.events> & { at?: number }
  let mark = (...marks: Mark[]): MemoryReadsState =>
    marks.reduce<MemoryReadsState>(
      (state, { type, data, at = 100 }, i) =>
        reduceEvent(memoryReads, state, type, data, { id: `r${i}`, actor: 'ann', at }) as MemoryReadsState,
      memoryReads.initial
    )
  let seen = (reads: MemoryReadsState, state = two, me = 'ann', room = '') => {
    let { memories, notifications, unreadCount } = withReads(state, reads, me, room)
    return { read: memories.map(item => item.read), told: notifications.map(item => item.read), unreadCount }
  }

  test('are not needed for what one wrote oneself, and nobody is told of that', () => {
    expect(seen(mark())).toEqual({ read: [true, false], told: [false], unreadCount: 1 })
    expect(seen(mark(), two, 'bob')).toEqual({ read: [false, true], told: [false], unreadCount: 1 })
    expect(seen(mark(), two, 'eve')).toEqual({ read: [false, false], told: [false, false], unreadCount: 2 })
  })

  test('make a memory and what is told of it read', () => {
    expect(seen(mark({ type: 'read', data: { id: 'b' } }))).toEqual({
      read: [true, true],
      told: [true],
      unreadCount: 0
    })
  })

  test('end when another changes the memory later, and hold when one changes it oneself', () => {
    let reads = mark({ type: 'read', data: { id: 'b', upTo: 20 } })
    let byBob = run(two, { type: 'updated', data: { id: 'b', patch: { content: 'new' } }, by: 'bob', at: 21 })
    expect(seen(reads, byBob)).toEqual({ read: [true, false], told: [true, false], unreadCount: 1 })
    let byAnn = run(two, { type: 'updated', data: { id: 'b', patch: { content: 'new' } }, by: 'ann', at: 21 })
    expect(seen(reads, byAnn)).toMatchObject({ read: [true, true], unreadCount: 0 })
  })

  test('for all cover what was there, of that room only', () => {
    let reads = mark({ type: 'read-all', data: { upTo: 20, room: 'luna' } })
    expect(seen(reads, two, 'ann', 'luna')).toEqual({ read: [true, true], told: [true], unreadCount: 0 })
    expect(seen(reads, two, 'ann', 'sol').unreadCount).toBe(1)
    let later = run(two, { type: 'created', data: { content: 'new' }, id: 'c', by: 'bob', at: 21 })
    expect(seen(reads, later, 'ann', 'luna').unreadCount).toBe(1)
  })

  test('only move forward, so that their order does not matter', () => {
    let early: Mark = { type: 'read', data: { id: 'b', upTo: 10 } }
    let late: Mark = { type: 'read', data: { id: 'b', upTo: 30 } }
    expect(mark(early, late)).toEqual(mark(late, early))
    let all = (upTo: number): Mark => ({ type: 'read-all', data: { upTo, room: '' } })
    expect(mark(all(10), all(30))).toEqual(mark(all(30), all(10)))
    expect(mark(all(30)).rooms).toEqual([{ room: '', upTo: 30 }])
  })

  test('do not reach further into the future than a minute', () => {
    expect(mark({ type: 'read-all', data: { upTo: 1e15, room: '' }, at: 100 }).rooms).toEqual([
      { room: '', upTo: 60_100 }
    ])
    expect(mark({ type: 'read', data: { id: 'b', upTo: 1e15 }, at: 100 }).marks).toEqual([{ id: 'b', upTo: 60_100 }])
  })

  test('give way beyond a thousand, those made first before the others', () => {
    let marks = Array.from({ length: 1001 }, (_, i): Mark => ({ type: 'read', data: { id: `m${i}`, upTo: 1 } }))
    let again: Mark = { type: 'read', data: { id: 'm0', upTo: 2 } }
    let ids = mark(...marks.slice(0, 1000), again, ...marks.slice(1000)).marks.map(item => item.id)
    expect(ids).toHaveLength(1000)
    expect(ids).toContain('m0')
    expect(ids).not.toContain('m1')
  })

  test('know memories and rooms by any name', () => {
    expect(
      seen(mark(), run(memory.initial, { type: 'created', data: { content: 'c' }, id: 'constructor', by: 'bob' }))
        .unreadCount
    ).toBe(1)
    expect(seen(mark(), two, 'ann', '__proto__').unreadCount).toBe(1)
  })
})
