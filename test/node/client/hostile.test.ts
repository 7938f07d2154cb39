// A server that says wrong, late or malicious things: nothing throws, nothing moves that should not, and the next honest word
// puts everything right.

import fc from 'fast-check'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createWorld, useBoard, type World } from './world.js'

let unhandled: unknown[] = []
let listener = (error: unknown) => void unhandled.push(error)
beforeEach(() => {
  unhandled = []
  process.on('unhandledRejection', listener)
})
afterEach(async () => {
  await new Promise(resolve => setTimeout(resolve, 2))
  process.off('unhandledRejection', listener)
  expect(unhandled).toEqual([])
})

/** Somebody online in room `r`, with two confirmed notes and one that waits for its answer. */
async function open(options: Parameters<typeof createWorld>[0] = {}) {
  let world: World = createWorld(options)
  let device = world.device()
  let { network } = device
  let tab = device.open('ann')
  let board = useBoard(tab)
  tab.client.connect()
  await world.clock.advance(200)
  board.note('one')
  board.note('two')
  await world.clock.advance(200)
  return {
    world,
    network,
    tab,
    board,
    ref: () => network.sentOf('join').at(-1)?.ref as number,
    /** Whether all is well, sooner or later, and nothing was lost or doubled. */
    async recovers(notes: readonly string[] = ['one', 'two']) {
      board.note('after')
      await world.clock.advance(20_000)
      let expected = [...notes, 'after']
      expect(await world.notes()).toEqual(expected)
      expect(board.notes()).toEqual(expected)
      expect(tab.client.pending.get()).toEqual([])
      expect(tab.client.$connection.get().phase).toBe('online')
    }
  }
}

let event = (more: object = {}) => ({
  f: 'event',
  room: 'r',
  offset: 3,
  feature: 'board',
  type: 'note',
  data: { text: 'forged' },
  id: 'forged',
  by: 'eve',
  at: 1,
  ...more
})
let joined = (more: object = {}) => ({
  f: 'joined',
  ref: 0,
  room: 'r',
  epoch: 'forged',
  offset: 9,
  recovered: 'new',
  snapshot: false,
  marksEpoch: 'forged',
  marks: {},
  ...more
})

test.each<[string, unknown[]]>([
  ['no JSON', ['{']],
  ['no frames', [[null, 7, 'x', [], { f: 7 }]]],
  ['unknown frames', [[{ f: 'invented', x: 1 }]]],
  [
    'frames of the other direction',
    [
      [
        { f: 'leave', room: 'r' },
        { f: 'auth', token: 'x' }
      ]
    ]
  ],
  ['malformed frames', [[event({ offset: 'x' }), joined({ marks: 7 }), { f: 'ack', room: 'r' }]]],
  [
    'a second welcome',
    [
      [
        {
          f: 'welcome',
          sid: 's',
          user: 'eve',
          heartbeat: 1,
          max: 1,
          window: { count: 1, bytes: 1 },
          retry: [0, 0],
          now: 0
        }
      ]
    ]
  ],
  ['a join of another room', [[joined({ room: 'x', ref: 77 })]]],
  ['a join that nobody asked for', [[joined({ ref: 77 })]]],
  [
    'parts that nobody asked for',
    [[{ f: 'snapshot', ref: 77, room: 'r', epoch: 'x', offset: 9, part: 0, of: 1, state: {} }]]
  ],
  ['a repeat', [[event({ offset: 2 })]]],
  ['events of another room', [[event({ room: 'x' })]]],
  ['an answer to nothing', [[{ f: 'ack', room: 'r', lane: 'normal', n: 99, id: 'x', at: 1 }]]],
  ['an answer to what is settled', [[{ f: 'ack', room: 'r', lane: 'normal', n: 1, id: 'x', at: 1 }]]],
  [
    'refusals of nothing',
    [
      [
        { f: 'nack', code: 'order', final: false },
        { f: 'nack', room: 'x', lane: 'bulk', n: 1, id: 'x', code: 'order', final: false },
        { f: 'nack', room: 'r', lane: 'normal', n: 1, id: 'x', code: 'forbidden', final: true },
        { f: 'nack', ref: 12_345, code: 'forbidden', final: true }
      ]
    ]
  ],
  ['a page that nobody asked for', [[{ f: 'page', ref: 12_345, events: [1, null, 'x'], done: true }]]],
  [
    'a cast of a stored event',
    [[{ f: 'cast', room: 'r', feature: 'board', type: 'note', data: { text: 'forged' }, ttl: 9 }]]
  ],
  [
    'casts of unknown features and types',
    [
      [
        { f: 'cast', room: 'r', feature: 'x', type: 'note', data: 1, ttl: 9 },
        { f: 'cast', room: 'r', feature: 'board', type: 'toString', data: 1, ttl: 9 }
      ]
    ]
  ],
  [
    'a renewal that nobody asked for',
    [
      [
        { f: 'authed', expiresIn: 0 },
        { f: 'reauth', within: 0 }
      ]
    ]
  ],
  ['answers to pings that were never sent', [[{ f: 'pong', x: 1e9 }]]]
])('[F2] %s: nothing changes', async (_, messages) => {
  let { network, tab, board, world, recovers } = await open()
  let before = { state: board.$state.get(), status: board.status(), connects: network.urls.length }
  for (let message of messages) {
    network.injectText(typeof message === 'string' ? message : JSON.stringify(message))
    await world.clock.settle()
  }
  await world.clock.advance(100)
  expect({ state: board.$state.get(), status: board.status(), connects: network.urls.length }).toEqual(before)
  expect(tab.client.$connection.get().phase).toBe('online')
  await recovers()
})

test.each<[string, (ref: number) => unknown[]]>([
  ['an event out of nowhere', () => [event({ offset: 7 })]],
  ['a gap', () => [{ f: 'gap', room: 'r', epoch: 'another', offset: 0 }]],
  ['a beat at another position', () => [{ f: 'ping', x: 1, rooms: { r: ['another', 0] } }]],
  ['a second answer to the last join, without a state', ref => [joined({ ref })]],
  ['a second answer to the last join, of another epoch', ref => [joined({ ref, recovered: 'all', offset: 2 })]],
  ['a hole in the presence', () => [{ f: 'presence', room: 'r', version: 999, left: ['x'] }]],
  ['a pause', () => [{ f: 'slow', ms: 3000 }]],
  ['a goodbye', () => [{ f: 'bye', code: 'whatever', final: false, retry: [0, 10] }]],
  ['a refusal of the last join', ref => [{ f: 'nack', ref, code: 'forbidden', final: true }]],
  ['another connection having taken over', () => [{ f: 'nack', room: 'r', code: 'stale', final: false }]],
  [
    'a snapshot that promises a second part and never sends it',
    ref => [
      joined({ ref, snapshot: true, recovered: 'none' }),
      { f: 'snapshot', ref, room: 'r', epoch: 'forged', offset: 9, part: 0, of: 2, state: {} },
      { f: 'bye', code: 'restart', final: false, retry: [0, 10] }
    ]
  ]
])('[R1] %s: it is recovered from', async (_, frames) => {
  let { network, world, ref, recovers } = await open()
  network.inject(...frames(ref()))
  await world.clock.advance(3000)
  await recovers()
})

test('[S25] events that the reducer cannot stand are told, and the room goes on', async () => {
  let { network, world, tab, board } = await open()
  network.inject(event({ type: 'cursor', data: null, offset: 3 }), event({ type: 'note', data: null, offset: 4 }))
  await world.clock.settle()
  expect(board.notes()).toEqual(['one', 'two'])
  expect(tab.events.filter(({ type }) => type === 'error').length).toBeGreaterThan(0)
  network.inject(event({ offset: 5 }))
  await world.clock.settle()
  expect(board.notes()).toEqual(['one', 'two', 'forged'])
})

test('a server that answers every join with a state it does not send is not asked over and over', async () => {
  let { network, world } = await open()
  network.tamper = text => {
    let frames = JSON.parse(text) as { f: string }[]
    return JSON.stringify(
      frames.map(frame =>
        frame.f === 'joined' ? joined({ ...frame, snapshot: false, recovered: 'new', offset: 9 }) : frame
      )
    )
  }
  let before = network.sentOf('join').length
  network.inject({ f: 'gap', room: 'r', epoch: 'another', offset: 0 })
  await world.clock.advance(10_000)
  expect(network.sentOf('join').length - before).toBeLessThan(30)
})

test('a room whose log stays unreadable is joined ever more rarely, and is stale meanwhile', async () => {
  let { network, world, board } = await open()
  network.tamper = text => {
    let frames = JSON.parse(text) as { f: string }[]
    let more = frames.some(({ f }) => f === 'joined' || f === 'snapshot') ? [event({ offset: 99 })] : []
    return JSON.stringify([...frames, ...more])
  }
  let before = network.sentOf('join').length
  network.inject(event({ offset: 99 }))
  let stale: boolean[] = []
  for (let second = 0; second < 120; second++) {
    await world.clock.advance(1000)
    stale.push(board.status().stale)
  }
  let joins = network.sentOf('join').slice(before)
  expect(joins.length).toBeGreaterThan(5)
  expect(joins.length).toBeLessThan(12)
  expect(joins.map(join => 'offset' in join)).toEqual(joins.map((_, i) => i < 2))
  expect(stale).not.toContain(false)
  network.tamper = text => text
  await world.clock.advance(31_000)
  expect(board.notes()).toEqual(['one', 'two'])
  expect(board.status().stale).toBe(false)
})

test('presence that cannot be sent is refused at the call; one room does not keep the others from joining', async () => {
  let { network, world, board, tab } = await open()
  let other = useBoard(tab, 'other')
  let cyclic: Record<string, unknown> = {}
  cyclic.self = cyclic
  for (let bad of [cyclic, { n: 1n }, { n: NaN }, [], null, 'x', { text: 'é'.repeat(4100) }] as never[]) {
    expect(() => board.room.presence.set(bad)).toThrow(/presence/)
  }
  let said = { mood: 'good' }
  board.room.presence.set(said)
  Object.assign(said, cyclic)
  network.drop()
  await world.clock.advance(5000)
  expect(board.status().stale).toBe(false)
  expect(other.status().stale).toBe(false)
  expect(network.sentOf('join').findLast(join => join.room === 'r')?.presence).toEqual({ mood: 'good' })
})

test('a server that refuses every join for now is asked again with pauses', async () => {
  let { network, world } = await open({ policy: () => true })
  network.tamper = text => {
    let frames = JSON.parse(text) as { f: string; ref?: number }[]
    return JSON.stringify(
      frames.map(frame => (frame.f === 'joined' ? { f: 'nack', ref: frame.ref, code: 'busy', final: false } : frame))
    )
  }
  let before = network.sentOf('join').length
  network.inject({ f: 'gap', room: 'r', epoch: 'another', offset: 0 })
  await world.clock.advance(10_000)
  expect(network.sentOf('join').length - before).toBeLessThan(15)
})

test('listeners of the app that throw stop nothing', async () => {
  let { tab, board, recovers } = await open()
  tab.client.on('connected', () => {
    throw new Error('app')
  })
  board.$state.listen(() => {
    throw new Error('app')
  })
  board.room.$status.listen(() => {
    throw new Error('app')
  })
  await recovers()
})

// --- anything ---

let rooms = fc.constantFrom('r', 'r', 'r', 'x')
let lane = fc.constantFrom('normal', 'bulk')
let small = fc.nat({ max: 6 })
let epoch = fc.constantFrom('e', 'f')
let ids = fc.constantFrom('a', 'b')
let value = fc.jsonValue({ maxDepth: 2 })
let anyFrame = fc.oneof(
  fc.record({
    f: fc.constant('event'),
    room: rooms,
    offset: small,
    feature: fc.constantFrom('board', 'x'),
    type: fc.constantFrom('note', 'cursor', 'x'),
    data: fc.oneof(value, fc.constant({ text: 't' })),
    id: ids,
    by: fc.constantFrom('ann', 'eve'),
    at: small,
    op: fc.tuple(lane, small)
  }),
  fc.record({
    f: fc.constant('joined'),
    ref: small,
    room: rooms,
    epoch,
    offset: small,
    recovered: fc.constantFrom('all', 'new', 'none'),
    snapshot: fc.boolean(),
    marksEpoch: epoch,
    marks: fc.dictionary(
      fc.constantFrom('normal', 'bulk', 'x'),
      fc.record({
        n: small,
        id: ids,
        done: small,
        answers: fc.array(fc.tuple(small, ids, fc.record({ ok: fc.boolean(), at: small })), { maxLength: 2 })
      })
    )
  }),
  fc.record({
    f: fc.constant('snapshot'),
    ref: small,
    room: rooms,
    epoch,
    offset: small,
    part: small,
    of: fc.integer({ min: 1, max: 2 }),
    state: fc.dictionary(fc.constantFrom('board', 'x'), fc.record({ version: fc.nat({ max: 2 }), state: value }), {
      maxKeys: 2
    })
  }),
  fc.record({ f: fc.constant('ack'), room: rooms, lane, n: fc.integer({ min: 1, max: 5 }), id: ids, at: small }),
  fc.record({
    f: fc.constant('nack'),
    room: rooms,
    lane,
    n: small,
    id: ids,
    code: fc.constantFrom('order', 'busy', 'forbidden', 'fork'),
    final: fc.boolean(),
    after: small
  }),
  fc.record({ f: fc.constant('nack'), ref: small, code: fc.constantFrom('busy', 'x'), final: fc.boolean() }),
  fc.record({ f: fc.constant('gap'), room: rooms, epoch, offset: small }),
  fc.record({
    f: fc.constant('cast'),
    room: rooms,
    feature: fc.constantFrom('board', 'x'),
    type: fc.constantFrom('cursor', 'note'),
    data: value,
    ttl: small,
    by: ids
  }),
  fc.record({
    f: fc.constant('presence'),
    room: rooms,
    version: small,
    left: fc.array(ids, { maxLength: 2 }),
    joined: fc.dictionary(ids, fc.record({ user: ids, data: value, at: small }))
  }),
  fc.record({
    f: fc.constant('presence'),
    room: rooms,
    version: small,
    full: fc.dictionary(ids, fc.record({ user: ids, data: value, at: small }))
  }),
  fc.record({ f: fc.constant('page'), ref: small, events: fc.array(value, { maxLength: 2 }), done: fc.boolean() }),
  fc.record({ f: fc.constant('ping'), x: small, now: small, rooms: fc.dictionary(rooms, fc.tuple(epoch, small)) }),
  fc.record({ f: fc.constant('pong'), x: small, now: small }),
  fc.record({ f: fc.constant('slow'), ms: small }),
  fc.record({ f: fc.constant('authed'), expiresIn: small }),
  fc.record({ f: fc.constant('reauth'), within: small, why: fc.constantFrom('busy', 'expires') }),
  fc.record({ f: fc.constant('bye'), code: ids, final: fc.constant(false), retry: fc.tuple(small, small) })
)

test('[F2] whatever frames come in whatever order: nothing throws, and the page works on with an honest server', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(anyFrame, { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 12, size: 'max' }),
      async messages => {
        let world = createWorld()
        let device = world.device()
        let tab = device.open('ann', { token: () => 'token' })
        let board = useBoard(tab)
        tab.client.connect()
        await world.clock.advance(200)
        board.note('mine')
        for (let frames of messages) {
          device.network.inject(...frames)
          await world.clock.advance(15)
          board.setTitle('t')
        }
        device.network.drop()
        await world.clock.advance(60_000)
        expect(tab.client.$connection.get().phase).toBe('online')
        let last = board.note('last')
        await world.clock.advance(5000)
        await last.acked
        expect(board.notes()).toEqual(await world.notes())
        expect(tab.client.pending.get()).toEqual([])
        let notes = await world.notes()
        expect(new Set(notes).size).toBe(notes.length)
        await tab.client.close()
        await world.hub.close()
      }
    ),
    { numRuns: 60, seed: 4 }
  )
}, 30_000)
