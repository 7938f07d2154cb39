// One room as a page knows it: what is painted is the confirmed state with everything pending on top, after any sequence of
// events, answers, snapshots and casts.

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createReplica, type Replica } from '../../../src/core/replica.js'
import type { Row } from '../../../src/core/rows.js'
import { defineFeature, durable, type Feature, volatile } from '../../../src/feature.js'
import type { CastFrame, EventFrame, JoinedFrame, SnapshotFrame } from '../../../src/protocol/frames.js'
import { object, string } from '../../../src/schema.js'
import { rowOf } from './outbox-world.js'

interface NotesState {
  readonly texts: readonly string[]
  readonly cursors: readonly string[]
}
let notes = defineFeature({
  name: 'notes',
  version: 1,
  events: {
    add: durable(object({ text: string() })),
    boom: durable(object({})),
    cursor: volatile(object({ at: string() }))
  },
  initial: { texts: [], cursors: [] } as NotesState,
  reduce: {
    add: (state, { text }, { actor }) => {
      spent += perRow
      return { ...state, texts: [...state.texts, `${text}@${actor}`] }
    },
    boom: () => {
      throw new Error('boom')
    },
    cursor: (state, { at }, { actor }) => ({ ...state, cursors: [...state.cursors, `${at}@${actor}`] })
  },
  commands: {}
})
let votes = defineFeature({
  name: 'votes',
  version: 1,
  events: { up: durable(object({})) },
  initial: 0,
  reduce: { up: count => count + 1 },
  commands: {}
})

interface Stage {
  readonly replica: Replica
  readonly visible: string[]
  readonly failures: string[]
  /** What is painted of `notes`, as texts; unchanged stays. */
  texts(): readonly string[]
  cursors(): readonly string[]
  /** Names of the features that were painted by the last call. */
  readonly painted: string[]
}

/** The time that painting has taken; a row takes `perRow` milliseconds. */
let spent = 0
let perRow = 0

function createStage(...features: Feature[]): Stage {
  let visible: string[] = []
  let failures: string[] = []
  let shown = new Map<string, unknown>()
  let replica = createReplica({
    me: 'me',
    serverNow: () => 1000,
    failed: feature => void failures.push(feature),
    visible: id => void visible.push(id)
  })
  for (let feature of features) replica.use(feature)
  let paint = (): NotesState => {
    let changes = replica.paint(() => spent)
    stage.painted.length = 0
    stage.painted.push(...changes.keys())
    for (let [name, state] of changes) shown.set(name, state)
    return (shown.get('notes') ?? notes.initial) as NotesState
  }
  let stage: Stage = {
    replica,
    visible,
    failures,
    painted: [],
    texts: () => paint().texts,
    cursors: () => paint().cursors
  }
  return stage
}

let used = notes as unknown as Feature
let joinedFrame = (more: Partial<JoinedFrame> = {}): JoinedFrame => ({
  f: 'joined',
  ref: 1,
  room: 'r',
  epoch: 'e1',
  offset: 0,
  recovered: 'new',
  snapshot: false,
  marksEpoch: 'm1',
  marks: {},
  ...more
})
let eventOf = (offset: number, id: string, more: Partial<EventFrame> = {}): EventFrame => ({
  f: 'event',
  room: 'r',
  offset,
  feature: 'notes',
  type: 'add',
  data: { text: id },
  id,
  by: 'me',
  at: 500,
  ...more
})
let snapshotOf = (texts: string[], more: Partial<SnapshotFrame> = {}): SnapshotFrame => ({
  f: 'snapshot',
  ref: 1,
  room: 'r',
  epoch: 'e1',
  offset: texts.length,
  part: 0,
  of: 1,
  state: { notes: { version: 1, state: { texts, cursors: [] } } },
  ...more
})
let castOf = (at: string, more: Partial<CastFrame> = {}): CastFrame => ({
  f: 'cast',
  room: 'r',
  feature: 'notes',
  type: 'cursor',
  data: { at },
  ttl: 5,
  by: 'ann',
  ...more
})
/** Joined an empty room. */
function live(...features: Feature[]): Stage {
  let stage = createStage(used, ...features)
  expect(stage.replica.joined(joinedFrame())).toBe('live')
  return stage
}

test('pending rows are painted on top of the confirmed state, in the order of their calls', () => {
  let { replica, texts } = live()
  replica.event(eventOf(1, 'a', { by: 'ann' }))
  replica.addPending([rowOf('x'), rowOf('y')])
  replica.addPending([rowOf('z')])
  expect(texts()).toEqual(['a@ann', 'x@me', 'y@me', 'z@me'])
})

test("[R7] an event of somebody else goes under what is pending; one's own takes the place of its row", () => {
  let { replica, texts, visible } = live()
  replica.addPending([rowOf('x'), rowOf('y')])
  replica.event(eventOf(1, 'a', { by: 'ann' }))
  expect(texts()).toEqual(['a@ann', 'x@me', 'y@me'])
  replica.event(eventOf(2, 'x'))
  expect(texts()).toEqual(['a@ann', 'x@me', 'y@me'])
  expect(visible).toEqual(['x'])
})

test('[O3] an event under an id of the backend takes the place of the row that it is the effect of', () => {
  let { replica, texts, visible } = live()
  replica.addPending([rowOf('x'), rowOf('y')])
  replica.event(eventOf(1, 'm1', { pushed: 'x' }))
  expect(texts()).toEqual(['m1@me', 'y@me'])
  expect(visible).toEqual(['x'])
  expect(replica.offsetOf('x')).toBe(1)
  replica.addPending([rowOf('x')])
  expect(texts()).toEqual(['m1@me', 'y@me'])
})

test('[O4] where nothing is remembered, the state stays and stands at the place of the answer', () => {
  let { replica, texts } = live()
  replica.event(eventOf(1, 'a', { by: 'ann' }))
  expect(replica.joined(joinedFrame({ epoch: 'e9', offset: 40, recovered: 'kept' }))).toBe('live')
  expect(replica.position).toEqual({ epoch: 'e9', offset: 40 })
  expect(texts()).toEqual(['a@ann'])
  replica.event(eventOf(41, 'b', { by: 'ann' }))
  expect(texts()).toEqual(['a@ann', 'b@ann'])
})

test('what is refused is rolled back, and only that', () => {
  let { replica, texts, visible } = live()
  replica.addPending([rowOf('x'), rowOf('y'), rowOf('z')])
  expect(texts()).toHaveLength(3)
  replica.removePending('y')
  expect(texts()).toEqual(['x@me', 'z@me'])
  replica.removePending('y')
  replica.removePending('never there')
  expect(texts()).toEqual(['x@me', 'z@me'])
  expect(visible).toEqual([])
})

test('[R6] a settled row stays painted until the position reaches its event', () => {
  let { replica, texts, visible } = live()
  replica.addPending([rowOf('x')])
  replica.settlePending('x', 2)
  expect(texts()).toEqual(['x@me'])
  replica.event(eventOf(1, 'a', { by: 'ann' }))
  expect(texts()).toEqual(['a@ann', 'x@me'])
  expect(visible).toEqual([])
  replica.event(eventOf(2, 'x'))
  expect(texts()).toEqual(['a@ann', 'x@me'])
  expect(visible).toEqual(['x'])
})

test('[R6] a row that is answered after its event is gone at once', () => {
  let { replica, texts, visible } = live()
  replica.event(eventOf(1, 'a', { by: 'ann' }))
  replica.addPending([rowOf('x')])
  // An id that the room had seen before is answered with its first offset.
  replica.settlePending('x', 1)
  expect(texts()).toEqual(['a@ann'])
  expect(visible).toEqual(['x'])
})

test('[R6] a row that was taken without an effect of its own goes when the position reaches its answer', () => {
  let { replica, texts, visible } = live()
  replica.addPending([rowOf('x')])
  replica.settlePending('x', 1)
  replica.event(eventOf(1, 'another', { by: 'ann' }))
  expect(texts()).toEqual(['another@ann'])
  expect(visible).toEqual(['x'])
})

test('[R6] a settled row is not painted any more after the epoch has changed', () => {
  let { replica, texts, visible } = live()
  replica.event(eventOf(1, 'a', { by: 'ann' }))
  replica.addPending([rowOf('x'), rowOf('y')])
  replica.settlePending('x', 9)
  expect(replica.joined(joinedFrame({ ref: 2, epoch: 'e2', recovered: 'none' }))).toBe('live')
  expect(texts()).toEqual(['y@me'])
  expect(visible).toEqual(['x'])
})

test('a row whose event was applied before it showed up is not painted a second time', () => {
  let { replica, texts, visible } = live()
  replica.event(eventOf(1, 'x'))
  replica.addPending([rowOf('x')])
  expect(texts()).toEqual(['x@me'])
  expect(visible).toEqual(['x'])
  expect(replica.offsetOf('x')).toBe(1)
  expect(replica.offsetOf('y')).toBe(undefined)
})

test('rows of another tab are painted where their numbers say', () => {
  let { replica, texts } = live()
  replica.addPending([rowOf('mine', { n: 2 }), rowOf('new'), rowOf('urgent', { lane: 'high' })])
  expect(texts()).toEqual(['mine@me', 'new@me', 'urgent@me'])
  replica.addPending([rowOf('theirs', { n: 1 })])
  expect(texts()).toEqual(['theirs@me', 'mine@me', 'urgent@me', 'new@me'])
})

test('[R1] repeats are dropped, a hole is told and nothing behind it is applied', () => {
  let { replica, texts } = live()
  expect(replica.event(eventOf(1, 'a'))).toMatchObject({ live: true })
  expect(replica.event(eventOf(1, 'a'))).toBe('drop')
  expect(replica.event(eventOf(3, 'c'))).toBe('gap')
  expect(texts()).toEqual(['a@me'])
  expect(replica.position).toEqual({ epoch: 'e1', offset: 1 })
})

test('events up to the offset of the join are a replay, later ones are live', () => {
  let { replica } = createStage(used)
  replica.restore({ epoch: 'e1', offset: 1, states: {}, unread: [], own: [], savedAt: 0 })
  expect(replica.joined(joinedFrame({ recovered: 'all', offset: 3 }))).toBe('recovering')
  expect(replica.isRecovered()).toBe(false)
  expect(replica.event(eventOf(2, 'b'))).toMatchObject({ live: false })
  expect(replica.event(eventOf(3, 'c'))).toMatchObject({ live: false })
  expect(replica.isRecovered()).toBe(true)
  expect(replica.event(eventOf(4, 'd'))).toMatchObject({ live: true })
})

test('[R3] a snapshot replaces everything once all of its parts are there, and held events follow', () => {
  let { replica, texts } = live(votes as unknown as Feature)
  replica.event(eventOf(1, 'old'))
  replica.addPending([rowOf('mine')])
  let parts = joinedFrame({ ref: 2, epoch: 'e2', recovered: 'none', snapshot: true, offset: 2 })
  expect(replica.joined(parts)).toBe('recovering')
  expect(texts()).toEqual(['old@me', 'mine@me'])
  expect(replica.snapshot(snapshotOf(['a', 'b'], { ref: 2, epoch: 'e2', of: 2 }))).toEqual([])
  expect(replica.event(eventOf(3, 'c', { by: 'ann' }))).toBe('held')
  expect(replica.event(eventOf(2, 'b', { by: 'ann' }))).toBe('held')
  expect(replica.isRecovered()).toBe(false)
  expect(replica.save(0)).toBe(null)
  expect(texts()).toEqual(['old@me', 'mine@me'])
  let applied = replica.snapshot(
    snapshotOf([], { ref: 2, epoch: 'e2', offset: 2, part: 1, of: 2, state: { votes: { version: 1, state: 7 } } })
  )
  expect(applied.map(({ frame, live }) => [frame.id, live])).toEqual([['c', true]])
  expect(texts()).toEqual(['a', 'b', 'c@ann', 'mine@me'])
  expect(replica.position).toEqual({ epoch: 'e2', offset: 3 })
  expect(replica.isRecovered()).toBe(true)
})

test('[R3] parts that belong to another join are dropped', () => {
  let { replica, texts } = live()
  replica.joined(joinedFrame({ ref: 2, recovered: 'none', snapshot: true, offset: 2 }))
  replica.snapshot(snapshotOf(['a'], { ref: 2, of: 2, offset: 2 }))
  replica.joined(joinedFrame({ ref: 3, recovered: 'none', snapshot: true, offset: 3 }))
  replica.snapshot(snapshotOf(['wrong'], { ref: 2, part: 1, of: 2, offset: 2 }))
  expect(replica.isRecovered()).toBe(false)
  replica.snapshot(snapshotOf(['a', 'b', 'c'], { ref: 3 }))
  expect(texts()).toEqual(['a', 'b', 'c'])
  expect(replica.snapshot(snapshotOf(['late'], { ref: 3 }))).toEqual([])
  expect(texts()).toEqual(['a', 'b', 'c'])
})

test('[R3] events held for a join that was superseded are dropped with it', () => {
  let { replica, texts } = live()
  replica.joined(joinedFrame({ ref: 2, epoch: 'e2', recovered: 'none', snapshot: true, offset: 1 }))
  expect(replica.event(eventOf(2, 'of e2'))).toBe('held')
  replica.joined(joinedFrame({ ref: 3, epoch: 'e3', recovered: 'none', snapshot: true, offset: 1 }))
  expect(replica.snapshot(snapshotOf(['a'], { ref: 3, epoch: 'e3' }))).toEqual([])
  expect(texts()).toEqual(['a'])
})

test('a feature that a snapshot does not name starts over', () => {
  let { replica, texts } = live()
  replica.event(eventOf(1, 'a'))
  replica.joined(joinedFrame({ ref: 2, recovered: 'none', snapshot: true, offset: 5 }))
  replica.snapshot(snapshotOf([], { ref: 2, offset: 5, state: {} }))
  expect(texts()).toEqual([])
})

test('an answer that does not fit the position makes a newcomer of us', () => {
  let { replica } = live()
  replica.event(eventOf(1, 'a'))
  expect(replica.joined(joinedFrame({ recovered: 'all', epoch: 'e2', offset: 4 }))).toBe('rejoin')
  expect(replica.joinFrom()).toBe(null)
  expect(replica.event(eventOf(5, 'e'))).toBe('drop')
})

test('casts are painted on top, the newest per key and sender, and end with their time', () => {
  let { replica, cursors } = live()
  replica.cast(castOf('1'), 0)
  replica.cast(castOf('2', { by: 'bob' }), 1000)
  replica.cast(castOf('3'), 2000)
  replica.cast(castOf('k', { key: 'k' }), 2000)
  expect(cursors()).toEqual(['2@bob', '3@ann', 'k@ann'])
  expect(replica.expireCasts(5999)).toBe(6000)
  expect(cursors()).toHaveLength(3)
  expect(replica.expireCasts(6000)).toBe(7000)
  expect(cursors()).toEqual(['3@ann', 'k@ann'])
  expect(replica.expireCasts(7000)).toBe(Infinity)
  expect(cursors()).toEqual([])
})

test('a peer that invents keys fills no memory: the newest thousand are known', () => {
  let { replica, cursors } = live()
  for (let i = 0; i < 1500; i++) replica.cast(castOf(`${i}`, { key: `${i}` }), 0)
  expect(replica.expireCasts(1000)).toBe(5000)
  expect([cursors().length, cursors()[0], cursors().at(-1)]).toEqual([1000, '500@ann', '1499@ann'])
})

test('[S20] what is cast must be volatile here', () => {
  let { replica, texts } = live()
  expect(replica.cast(castOf('', { type: 'add', data: { text: 'forged' } }), 0)).toBe(false)
  expect(replica.cast(castOf('', { type: 'nothing' }), 0)).toBe(false)
  expect(replica.cast(castOf('', { type: 'toString' }), 0)).toBe(false)
  expect(replica.cast(castOf('', { feature: 'unknown' }), 0)).toBe(false)
  expect(texts()).toEqual([])
})

test('casts are painted after the rows, also after those that come later', () => {
  let trail = defineFeature({
    name: 'trail',
    version: 1,
    events: { step: durable(object({})), hover: volatile(object({})) },
    initial: [] as readonly string[],
    reduce: { step: list => [...list, 'step'], hover: list => [...list, 'hover'] },
    commands: {}
  })
  let { replica } = live(trail as unknown as Feature)
  replica.cast(castOf('', { feature: 'trail', type: 'hover', data: {} }), 0)
  expect(replica.paint().get('trail')).toEqual(['hover'])
  replica.addPending([rowOf('x', { feature: 'trail', type: 'step', data: {} })])
  expect(replica.paint().get('trail')).toEqual(['step', 'hover'])
})

test('casts stay on top of rows and events that come in', () => {
  let { replica, texts, cursors } = live()
  replica.cast(castOf('1'), 0)
  expect(cursors()).toEqual(['1@ann'])
  replica.addPending([rowOf('x')])
  expect(texts()).toEqual(['x@me'])
  replica.event(eventOf(1, 'x'))
  expect(cursors()).toEqual(['1@ann'])
})

test('[S25] a reducer that throws is told, and leaves the state as it was', () => {
  let { replica, texts, failures } = live()
  replica.event(eventOf(1, 'a'))
  expect(replica.event(eventOf(2, 'b', { type: 'boom', data: {} }))).toMatchObject({ live: true })
  replica.addPending([rowOf('c', { type: 'boom', data: {} })])
  expect(texts()).toEqual(['a@me'])
  expect(failures).toEqual(['notes', 'notes'])
  expect(replica.position?.offset).toBe(2)
})

test('only what changed is painted', () => {
  let stage = live(votes as unknown as Feature)
  stage.texts()
  stage.texts()
  expect(stage.painted).toEqual([])
  stage.replica.addPending([rowOf('v', { feature: 'votes', type: 'up', data: {} })])
  stage.texts()
  expect(stage.painted).toEqual(['votes'])
  stage.replica.addPending([rowOf('u', { feature: 'nobody uses this' })])
  stage.texts()
  expect(stage.painted).toEqual([])
})

test('what changes below many rows is painted in slices, and rarely; rows on top at once', () => {
  let { replica } = live()
  perRow = 0.5
  let shown: readonly string[] = []
  let paint = (top?: 'top'): boolean => {
    let state = replica.paint(() => spent, top).get('notes') as NotesState | undefined
    shown = state?.texts ?? shown
    return state !== undefined
  }
  /** Paints until nothing is left to do. Returns the longest that one paint took, and how long the longest pause was. */
  let rest = (): { longest: number; pause: number } => {
    let longest = 0
    let pause = 0
    for (let next = replica.repaintAt(); next < Infinity; next = replica.repaintAt()) {
      pause = Math.max(pause, next - spent)
      spent = Math.max(spent, next)
      let start = spent
      paint()
      longest = Math.max(longest, spent - start)
    }
    return { longest, pause }
  }
  let ids = Array.from({ length: 600 }, (_, i) => `n${i}`)
  replica.addPending(ids.map(id => rowOf(id)))
  // 300 ms of work; nothing half done is shown.
  expect(paint()).toBe(false)
  expect(rest()).toEqual({ longest: 8, pause: 0 })
  expect(shown).toEqual(ids.map(id => `${id}@me`))

  // What happens below waits four times as long as that took.
  replica.event(eventOf(1, 'theirs', { by: 'ann' }))
  replica.event(eventOf(2, 'n0'))
  replica.removePending('n5')
  let before = spent
  expect(paint()).toBe(false)
  replica.addPending([rowOf('new')])
  expect(paint('top')).toBe(true)
  expect(spent - before).toBe(perRow)
  expect(shown).toEqual([...ids, 'new'].map(id => `${id}@me`))
  let { longest, pause } = rest()
  expect(longest).toBe(8)
  expect(pause).toBeGreaterThan(1100)
  let kept = [...ids.filter(id => id !== 'n0' && id !== 'n5'), 'new'].map(id => `${id}@me`)
  expect(shown).toEqual(['theirs@ann', 'n0@me', ...kept])

  // A row that comes while all are painted again is shown at once, and is part of what is painted.
  spent += 10_000
  replica.event(eventOf(3, 'theirs too', { by: 'ann' }))
  paint()
  replica.addPending([rowOf('late')])
  expect(paint('top')).toBe(true)
  expect(shown.at(-1)).toBe('late@me')
  expect(shown).not.toContain('theirs too@ann')
  rest()
  expect(shown).toEqual(['theirs@ann', 'n0@me', 'theirs too@ann', ...kept, 'late@me'])

  // Many at once are no news: they are painted as all others.
  let many = Array.from({ length: 300 }, (_, i) => `m${i}`)
  replica.addPending(many.map(id => rowOf(id)))
  let start = spent
  paint('top')
  expect(spent).toBe(start)
  expect(rest().longest).toBe(8)
  expect(shown.slice(-2)).toEqual(['m298@me', 'm299@me'])
  for (let id of many) replica.removePending(id)

  // Another life of the log: what was being painted is void, and nothing waits for its turn.
  replica.event(eventOf(4, 'n1'))
  paint()
  replica.joined(joinedFrame({ ref: 2, epoch: 'e2', recovered: 'none' }))
  expect(replica.repaintAt()).toBe(0)
  rest()
  expect(shown).toEqual([...kept.filter(text => text !== 'n1@me'), 'late@me'])

  // With few rows everything is painted at once again.
  for (let id of ids.slice(5)) replica.removePending(id)
  expect(rest().pause).toBeLessThan(1)
  replica.removePending('n2')
  paint()
  expect(shown).toEqual(['n3@me', 'n4@me', 'new@me', 'late@me'])
  perRow = 0
})

test('a feature that is used after events of it went by must be fetched', () => {
  let { replica, texts } = live()
  expect(replica.joinFrom()).toEqual({ epoch: 'e1', offset: 0 })
  replica.event(eventOf(1, 'v', { feature: 'votes', type: 'up', data: {}, by: 'ann' }))
  expect(replica.joinFrom()).toEqual({ epoch: 'e1', offset: 1 })
  expect(replica.use(votes as unknown as Feature)).toBe(true)
  expect(replica.joinFrom()).toBe(null)
  replica.joined(joinedFrame({ ref: 2, offset: 1, snapshot: true }))
  replica.snapshot(
    snapshotOf(['a'], {
      ref: 2,
      state: { notes: { version: 1, state: { texts: ['a'], cursors: [] } }, votes: { version: 1, state: 1 } }
    })
  )
  expect(texts()).toEqual(['a'])
  expect(replica.joinFrom()).toEqual({ epoch: 'e1', offset: 1 })
})

test('a feature that is used late paints rows that were waiting for it', () => {
  let { replica, texts } = createStage()
  replica.addPending([rowOf('x')])
  replica.joined(joinedFrame())
  expect(texts()).toEqual([])
  expect(replica.use(used)).toBe(false)
  expect(texts()).toEqual(['x@me'])
})

test('[R4] what is saved is one whole, and restores to the same', () => {
  let before = live()
  before.replica.event(eventOf(1, 'a', { by: 'ann' }))
  before.replica.event(eventOf(2, 'x'))
  before.replica.event(eventOf(3, 'v', { feature: 'votes', type: 'up', data: {} }))
  let saved = before.replica.save(77)
  expect(saved).toEqual({
    epoch: 'e1',
    offset: 3,
    states: { notes: { version: 1, state: { texts: ['a@ann', 'x@me'], cursors: [] } } },
    unread: ['votes'],
    own: [
      ['x', 2],
      ['v', 3]
    ],
    savedAt: 77
  })
  let after = createStage(used)
  after.replica.addPending([rowOf('x'), rowOf('y')])
  after.replica.restore(structuredClone(saved) as NonNullable<typeof saved>)
  expect(after.texts()).toEqual(['a@ann', 'x@me', 'y@me'])
  expect(after.visible).toEqual(['x'])
  expect(after.replica.joinFrom()).toEqual({ epoch: 'e1', offset: 3 })
  expect(after.replica.use(votes as unknown as Feature)).toBe(true)
})

test('a saved state of another version is not read, and is fetched anew', () => {
  let { replica, texts } = createStage(used)
  replica.restore({
    epoch: 'e1',
    offset: 3,
    states: { notes: { version: 0, state: { old: true } } },
    unread: [],
    own: [],
    savedAt: 0
  })
  expect(texts()).toEqual([])
  expect(replica.joinFrom()).toBe(null)
})

test('what is saved does not take the place of what is live', () => {
  let { replica, texts } = live()
  replica.event(eventOf(1, 'a'))
  replica.restore({ epoch: 'e0', offset: 9, states: {}, unread: [], own: [], savedAt: 0 })
  expect(replica.position).toEqual({ epoch: 'e1', offset: 1 })
  expect(texts()).toEqual(['a@me'])
})

test('without a position nothing is saved', () => {
  expect(createStage(used).replica.save(0)).toBe(null)
})

// --- any interleaving ---

type Action =
  | { kind: 'call' | 'other' | 'hear' | 'paint' | 'cast' | 'reload' }
  | { kind: 'take' | 'answer' | 'refuse'; which: number }
  | { kind: 'reset'; forget: boolean }

let which = fc.nat({ max: 5 })
let actions: fc.Arbitrary<Action> = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({
      kind: fc.constantFrom('call' as const, 'other' as const, 'hear' as const, 'paint' as const)
    })
  },
  {
    weight: 9,
    arbitrary: fc.record({ kind: fc.constantFrom('take' as const, 'answer' as const, 'refuse' as const), which })
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constantFrom('cast' as const, 'reload' as const, 'hear' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('reset' as const), forget: fc.boolean() }) }
)

test('[R6] whatever comes in whatever order, everything is painted exactly once: where it is known to be, else on top', () => {
  fc.assert(
    fc.property(fc.array(actions, { minLength: 5, maxLength: 60, size: 'max' }), fc.boolean(), (script, isSlow) => {
      // So slow that one row fills a slice: then it is painted when its time has come, and not before.
      perRow = isSlow ? 9 : 0
      let stage = live()
      let { replica } = stage
      let epoch = 1
      let refs = 1
      /** The server's log; the first `heard` events have reached us. */
      let log: { id: string; by: string }[] = []
      let heard = 0
      /** Called and not refused: on top until it is heard, or answered with an offset that was heard. */
      let rows: { row: Row; state: 'waiting' | 'taken' | 'answered'; at: number }[] = []
      let casts: string[] = []
      let ids = 0
      let cursor = 0

      let expected = (): { texts: string[]; cursors: string[] } => {
        let known = log.slice(0, heard)
        let above = rows.filter(({ row }) => !known.some(({ id }) => id === row.id))
        return {
          texts: [...known.map(({ id, by }) => `${id}@${by}`), ...above.map(({ row }) => `${row.id}@me`)],
          cursors: casts
        }
      }
      let shown = { texts: [] as readonly string[], cursors: [] as readonly string[] }
      let paint = (): void => {
        let texts = stage.texts()
        expect(new Set(texts).size).toBe(texts.length)
        for (let next = replica.repaintAt(); next < Infinity; next = replica.repaintAt()) {
          spent = Math.max(spent, next)
          stage.texts()
        }
        shown = { texts: stage.texts(), cursors: stage.cursors() }
        expect(shown).toEqual(expected())
      }
      let look = (): void => {
        let texts = stage.texts()
        expect(new Set(texts).size).toBe(texts.length)
      }

      for (let action of script) {
        if (action.kind === 'call') {
          let row = rowOf(`own${ids++}`)
          rows.push({ row, state: 'waiting', at: 0 })
          replica.addPending([row])
        } else if (action.kind === 'other') log.push({ id: `other${ids++}`, by: 'ann' })
        else if (action.kind === 'take') {
          let waiting = rows.filter(entry => entry.state === 'waiting')
          let entry = waiting[action.which % Math.max(1, waiting.length)]
          if (!entry) continue
          log.push({ id: entry.row.id, by: 'me' })
          Object.assign(entry, { state: 'taken', at: log.length })
        } else if (action.kind === 'answer') {
          let taken = rows.filter(entry => entry.state === 'taken')
          let entry = taken[action.which % Math.max(1, taken.length)]
          if (!entry) continue
          entry.state = 'answered'
          replica.settlePending(entry.row.id, entry.at)
        } else if (action.kind === 'refuse') {
          let waiting = rows.filter(entry => entry.state === 'waiting')
          let entry = waiting[action.which % Math.max(1, waiting.length)]
          if (!entry) continue
          rows.splice(rows.indexOf(entry), 1)
          replica.removePending(entry.row.id)
        } else if (action.kind === 'hear') {
          let entry = log[heard]
          if (!entry) continue
          heard++
          expect(replica.event(eventOf(heard, entry.id, { by: entry.by }))).toMatchObject({ live: true })
        } else if (action.kind === 'cast') {
          casts = [String(cursor++)].map(at => `${at}@ann`)
          replica.cast(castOf(String(cursor - 1)), 0)
        } else if (action.kind === 'paint') (isSlow ? look : paint)()
        else if (action.kind === 'reset') {
          // The server starts over, or was merely too far ahead for a replay.
          if (action.forget) {
            epoch++
            // What was seen as confirmed and is not any more is rolled back with the log.
            let seen = new Set(log.slice(0, heard).map(({ id }) => id))
            rows = rows.filter(({ row }) => !seen.has(row.id))
            log = log.slice(0, Math.floor(log.length / 2))
            // What is lost with the log and was answered is gone; the rest of it is sent again.
            for (let entry of rows) {
              let at = log.findIndex(({ id }) => id === entry.row.id) + 1
              if (entry.state === 'taken' && !at) entry.state = 'waiting'
              entry.at = at
            }
            rows = rows.filter(entry => entry.state !== 'answered' || entry.at > 0)
          }
          heard = log.length
          let frame = { ref: ++refs, epoch: `e${epoch}`, offset: log.length, recovered: 'none' as const }
          replica.joined(joinedFrame({ ...frame, snapshot: log.length > 0 }))
          if (log.length)
            replica.snapshot(
              snapshotOf(
                log.map(({ id, by }) => `${id}@${by}`),
                frame
              )
            )
          // The marks that come with a join answer what was taken.
          for (let entry of rows) if (entry.state === 'taken') replica.settlePending(entry.row.id, entry.at)
          for (let entry of rows) if (entry.state === 'taken') entry.state = 'answered'
          paint()
        } else {
          let saved = replica.save(0)
          let next = createStage(used)
          // Rows that were not answered are found in the outbox again.
          let open = rows.filter(entry => entry.state !== 'answered' || entry.at > heard)
          next.replica.addPending(open.map(entry => entry.row))
          if (saved) next.replica.restore(structuredClone(saved))
          next.replica.joined(joinedFrame({ ref: ++refs, epoch: `e${epoch}`, recovered: 'all', offset: heard }))
          for (let { row, state, at } of open) if (state === 'answered') next.replica.settlePending(row.id, at)
          stage = next
          replica = next.replica
          casts = []
          paint()
        }
      }
      paint()
      // At last everything is heard.
      for (; heard < log.length; heard++) replica.event(eventOf(heard + 1, log[heard]!.id, { by: log[heard]!.by }))
      paint()
    }),
    { numRuns: 300, seed: 3 }
  )
  perRow = 0
})
