// What the server alone may say, what a feature refuses by itself, rooms that no client enters, and server code that follows a
// feature in every room.

import { expect, test } from 'vitest'
import { type AnyFeature, defineFeature, durable, type EventMeta, volatile } from '../../../src/feature.js'
import { integer, object, string } from '../../../src/schema.js'
import type { PolicyRequest } from '../../../src/server/policy.js'
import { createMemoryStorage } from '../../../src/server/storage/memory.js'
import type { RoomChange } from '../../../src/server/watchers.js'
import { createWorld, notes, pushOf, type TestPeer, type World } from './world.js'

interface Auction {
  readonly price: number
  readonly leader: string
  readonly isOver: boolean
}

let asked: { state: Auction; amount: number; meta: EventMeta }[] = []

/** Bids go up, a hammer is the server's. */
let auction = defineFeature({
  name: 'auction',
  version: 1,
  events: {
    bid: durable(object({ amount: integer() })),
    hammered: durable(object({ winner: string() }), { author: 'server', lane: 'critical' }),
    ticking: volatile(object({ left: integer() }), { author: 'server' })
  },
  initial: { price: 0, leader: '', isOver: false } as Auction,
  reduce: {
    bid: (state, { amount }, { actor }) => ({ ...state, price: amount, leader: actor }),
    hammered: state => ({ ...state, isOver: true }),
    ticking: state => state
  },
  refuse: {
    bid(state, { amount }, meta) {
      asked.push({ state, amount, meta })
      if (amount === 666) throw new Error('666')
      if (amount === 7) return 'x'.repeat(100)
      if (state.isOver) return 'over'
      return amount > state.price ? null : 'too-low'
    }
  },
  commands: {}
})

let bidOf = (n: number, amount: number, more: object = {}) =>
  pushOf(n, { feature: 'auction', type: 'bid', data: { amount }, ...more })

async function stateOf(world: World, room = 'r'): Promise<Auction> {
  let state = world.hub.room(room).state(auction)
  await world.clock.settle()
  return state
}

/** The answers to pushes: `id` or `id code`, `…` where it is not final. */
let answers = (peer: TestPeer) =>
  peer.got.flatMap(frame => {
    if (frame.f === 'ack') return frame.id
    return frame.f === 'nack' ? `${frame.id} ${frame.code}${frame.final ? '' : '…'}` : []
  })

test('[S8] an event of the server is refused from a client, whatever the policy says, and blocks nothing', async () => {
  let world = createWorld({ features: [notes, auction], policy: () => true })
  let [ann, bob] = [await world.join('ann'), await world.join('bob')]
  ann.send(
    pushOf(1, { lane: 'critical', feature: 'auction', type: 'hammered', data: { winner: 'ann' } }),
    pushOf(2, { lane: 'critical', feature: 'auction', type: 'bid', data: { amount: 5 } })
  )
  await world.clock.settle()
  expect(answers(ann)).toEqual(['id-1 forbidden', 'id-2'])
  expect(ann.last('nack').message).toMatch(/auction\.hammered is the server's/)
  expect(bob.take('event').map(({ type }) => type)).toEqual(['bid'])
  expect(await stateOf(world)).toEqual({ price: 5, leader: 'ann', isOver: false })

  let pushed = world.hub.room('r').push(auction, 'hammered', { winner: 'ann' }, { by: 'auctioneer' })
  await world.clock.settle()
  expect(await pushed).toMatchObject({ offset: 2 })
  expect(bob.last('event')).toMatchObject({ type: 'hammered', by: 'auctioneer' })
  expect((await stateOf(world)).isOver).toBe(true)
})

test('[C6] a cast of the server is refused from a client, and told when it has an id', async () => {
  let world = createWorld({ features: [notes, auction], policy: () => true })
  let [ann, bob] = [await world.join('ann'), await world.join('bob')]
  let cast = { f: 'cast', room: 'r', feature: 'auction', type: 'ticking', data: { left: 3 }, ttl: 5 } as const
  ann.send(cast, { ...cast, id: 'c1' })
  await world.clock.settle()
  expect(bob.take('cast')).toEqual([])
  expect(ann.take('nack')).toEqual([{ f: 'nack', room: 'r', id: 'c1', code: 'forbidden', final: true }])
  expect(world.hub.stats()).toMatchObject({ castsIn: 0, badFrames: 0 })
  world.hub.room('r').cast(auction, 'ticking', { left: 3 }, { by: 'auctioneer' })
  await world.clock.settle()
  expect(bob.take('cast')).toMatchObject([{ by: 'auctioneer', data: { left: 3 } }])
})

test('[S8] what a feature refuses is refused for good with its code, on the state as confirmed so far', async () => {
  asked = []
  let world = createWorld({ features: [notes, auction] })
  let [ann, bob] = [await world.join('ann'), await world.join('bob')]
  ann.send(bidOf(1, 10), bidOf(2, 10), bidOf(3, 11))
  await world.clock.settle()
  expect(answers(ann)).toEqual(['id-1', 'id-2 too-low', 'id-3'])
  expect(bob.take('event').map(({ data }) => data)).toEqual([{ amount: 10 }, { amount: 11 }])
  // In one turn: each is asked on what the ones before it have left, with author and time.
  expect(asked.map(({ state, meta }) => [state.price, meta])).toEqual(
    [0, 10, 10].map((price, i) => [price, { id: `id-${i + 1}`, actor: 'ann', at: world.clock.now() }])
  )
  // A refusal takes its number: asked again, it is answered as before, and nobody is asked.
  ann.send(bidOf(2, 10, { prev: 1 }))
  await world.clock.settle()
  expect(answers(ann).at(-1)).toBe('id-2 too-low')
  expect(asked).toHaveLength(3)
  ann.send(bidOf(4, 7))
  await world.clock.settle()
  expect(ann.last('nack').code).toBe('x'.repeat(64))
})

test('[S8] the feature is asked after the schema and before the policy', async () => {
  asked = []
  let policed: PolicyRequest[] = []
  let policy = (request: PolicyRequest) => {
    if (request.action === 'push') policed.push(request)
    return 'not-you'
  }
  let world = createWorld({
    features: [notes, auction],
    policy: request => request.action === 'join' || policy(request)
  })
  let ann = await world.join('ann')
  ann.send(bidOf(1, 1.5), bidOf(2, 0), bidOf(3, 1))
  await world.clock.settle()
  expect(answers(ann)).toEqual(['id-1 invalid', 'id-2 too-low', 'id-3 not-you'])
  expect(asked.map(({ amount }) => amount)).toEqual([0, 1])
  expect(policed.map(({ data }) => data)).toEqual([{ amount: 1 }])
})

test('[S8] a feature that throws when asked has refused, and that is reported', async () => {
  let world = createWorld({ features: [notes, auction] })
  let ann = await world.join('ann')
  ann.send(bidOf(1, 666), bidOf(2, 5))
  await world.clock.settle()
  expect(answers(ann)).toEqual(['id-1 refused', 'id-2'])
  expect(world.reports).toEqual(['reducer-threw'])
})

test("[A1] the app's own events are not asked about", async () => {
  asked = []
  let world = createWorld({ features: [notes, auction] })
  let pushed = [10, 5].map(amount => world.hub.room('r').push(auction, 'bid', { amount }, { by: 'app' }))
  await world.clock.settle()
  expect(await Promise.all(pushed)).toMatchObject([{ offset: 1 }, { offset: 2 }])
  expect(asked).toEqual([])
  expect((await stateOf(world)).price).toBe(5)
})

test('the policy sees the other features as what came in just before has left them', async () => {
  let seen: unknown[] = []
  let unknown = { ...auction, name: 'unknown' } as unknown as AnyFeature
  let world = createWorld({
    features: [notes, auction],
    policy({ action, stateOf }) {
      if (action === 'push') seen.push([stateOf?.(auction)?.price, stateOf?.(unknown)])
      return true
    }
  })
  let peer = await world.join('a')
  peer.send(bidOf(1, 5), pushOf(2, { prev: 1 }))
  await world.clock.settle()
  expect(seen).toEqual([
    [0, undefined],
    [5, undefined]
  ])
})

test('[J15] no client enters a room of the server, whatever the policy says', async () => {
  let world = createWorld({ features: [notes, auction], policy: () => true })
  let room = world.hub.room('server:index')
  let ann = await world.join('ann', 'server:index')
  expect(ann.take('nack')).toEqual([{ f: 'nack', room: 'server:index', ref: 1, code: 'forbidden', final: true }])
  ann.send(
    { f: 'join', ref: 2, room: 'server:index', only: true },
    bidOf(1, 10, { room: 'server:index' }),
    { f: 'cast', room: 'server:index', feature: 'notes', type: 'cursor', data: { x: '1' }, ttl: 5 },
    { f: 'presence', room: 'server:index', sync: true },
    { f: 'fetch', ref: 3, room: 'server:index', limit: 10 }
  )
  let pushed = room.push(auction, 'bid', { amount: 7 }, { by: 'app' })
  await world.clock.settle()
  await pushed
  expect(ann.take('nack').map(({ ref, code }) => [ref, code])).toEqual([
    [2, 'forbidden'],
    [undefined, 'order'],
    [3, 'order']
  ])
  expect(ann.got.filter(({ f }) => f === 'joined' || f === 'event' || f === 'presence')).toEqual([])
  expect(room.members()).toEqual({})
  expect(await stateOf(world, 'server:index')).toEqual({ price: 7, leader: 'app', isOver: false })
  // A name that only looks like one is anybody's.
  expect((await world.join('bob', 'servers')).take('joined')).toHaveLength(1)
})

// --- following a feature ---

interface Seen {
  readonly room: string
  readonly price: number
  readonly events: readonly string[]
}

function follow(world: World) {
  let seen: Seen[] = []
  let stop = world.hub.watch(auction, ({ room, state, events }: RoomChange<Auction>) => {
    seen.push({ room, price: state.price, events: events.map(({ type, offset }) => `${type} ${offset}`) })
  })
  return { seen, stop }
}

test('[A3] a watcher is told after each commit, of its feature alone, in every room', async () => {
  let world = createWorld({ features: [notes, auction] })
  let { seen, stop } = follow(world)
  let ann = await world.join('ann')
  expect(seen).toEqual([])
  ann.send(bidOf(1, 10), pushOf(2), bidOf(3, 9), bidOf(4, 12))
  await world.clock.settle()
  expect(seen).toEqual([{ room: 'r', price: 12, events: ['bid 1', 'bid 3'] }])
  // What is known already, refused, or of another feature, is no news.
  ann.send(pushOf(5), bidOf(6, 1), bidOf(7, 50, { id: 'id-1' }))
  let pushed = world.hub.room('s').push(auction, 'bid', { amount: 3 }, { by: 'app', key: 'k' })
  await world.clock.settle()
  await pushed
  expect(seen.splice(0)).toEqual([
    { room: 'r', price: 12, events: ['bid 1', 'bid 3'] },
    // It has just come into memory as well.
    { room: 's', price: 3, events: [] },
    { room: 's', price: 3, events: ['bid 1'] }
  ])
  stop()
  ann.send(bidOf(8, 100))
  await world.clock.settle()
  expect(seen).toEqual([])
})

test('[A3] what a watcher is told is stored: a commit that fails tells nothing', async () => {
  let storage = createMemoryStorage()
  let isDown = false
  let world = createWorld({
    features: [notes, auction],
    storage: {
      ...storage,
      commit: (...all) => (isDown ? Promise.reject(new Error('disk')) : storage.commit(...all))
    }
  })
  let { seen } = follow(world)
  let ann = await world.join('ann')
  isDown = true
  ann.send(bidOf(1, 10))
  await world.clock.settle()
  expect(answers(ann)).toEqual(['id-1 busy…'])
  expect(seen).toEqual([])
  isDown = false
  ann.send(bidOf(1, 10))
  await world.clock.settle()
  expect(seen).toEqual([{ room: 'r', price: 10, events: ['bid 1'] }])
})

test('[A3] a room that comes into memory is told once, with its state and no events, also after it has been out of it', async () => {
  let storage = createMemoryStorage()
  let first = createWorld({ features: [notes, auction], storage, limits: { idleRoom: 1000 } })
  let pushed = [
    first.hub.room('r').push(auction, 'bid', { amount: 5 }, { by: 'app' }),
    first.hub.room('other').push(notes, 'add', { text: 'no bid here' }, { by: 'app' })
  ]
  await first.clock.settle()
  await Promise.all(pushed)
  let closing = first.hub.close()
  await first.clock.settle()
  await closing

  // Another process: what happened is not told again, but that the room is there.
  let world = createWorld({ features: [notes, auction], storage, limits: { idleRoom: 1000 } })
  let { seen } = follow(world)
  let ann = await world.join('ann')
  await world.join('bob', 'other')
  expect(seen.splice(0)).toEqual([{ room: 'r', price: 5, events: [] }])
  ann.send(bidOf(1, 6), { f: 'leave', room: 'r' })
  await world.clock.settle()
  expect(seen.splice(0)).toEqual([{ room: 'r', price: 6, events: ['bid 2'] }])
  await world.clock.pass(12_000)
  expect(world.hub.sessions().map(({ rooms }) => rooms)).toEqual([[], ['other']])
  expect(world.hub.stats().rooms).toBe(1)
  // The state is asked for by somebody: the room is in memory again.
  expect((await stateOf(world)).price).toBe(6)
  expect(seen.splice(0)).toEqual([{ room: 'r', price: 6, events: [] }])
  ann.send({ f: 'join', ref: 9, room: 'r' })
  await world.clock.settle()
  expect(seen).toEqual([])
})

test('[A3] a room that comes into memory by an event tells its state first, then the event', async () => {
  let storage = createMemoryStorage()
  let first = createWorld({ features: [notes, auction], storage })
  let pushed = first.hub.room('r').push(auction, 'bid', { amount: 5 }, { by: 'app' })
  await first.clock.settle()
  await pushed
  let world = createWorld({ features: [notes, auction], storage })
  let { seen } = follow(world)
  let again = world.hub.room('r').push(auction, 'bid', { amount: 8 }, { by: 'app', key: 'second' })
  await world.clock.settle()
  await again
  expect(seen).toEqual([
    { room: 'r', price: 8, events: [] },
    { room: 'r', price: 8, events: ['bid 2'] }
  ])
})

test('[A3] a watcher that throws disturbs nothing, and is reported', async () => {
  let world = createWorld({ features: [notes, auction] })
  world.hub.watch(auction, () => {
    throw new Error('watcher')
  })
  let { seen } = follow(world)
  let [ann, bob] = [await world.join('ann'), await world.join('bob')]
  ann.send(bidOf(1, 10))
  await world.clock.settle()
  expect(answers(ann)).toEqual(['id-1'])
  expect(bob.take('event')).toHaveLength(1)
  expect(seen).toHaveLength(1)
  expect(world.reports).toEqual(['watcher-threw'])
})

test('[A3] what a watcher pushes with a key has one effect, and is told to it as well', async () => {
  let world = createWorld({ features: [notes, auction] })
  let results: { offset: number; id: string }[] = []
  let told = 0
  world.hub.watch(auction, ({ room, state }) => {
    told++
    if (state.price < 100) return
    void world.hub
      .room(room)
      .push(auction, 'hammered', { winner: state.leader }, { by: 'auctioneer', key: 'hammer' })
      .then(result => results.push(result))
  })
  let ann = await world.join('ann')
  ann.send(bidOf(1, 100))
  await world.clock.settle()
  // The bid, and the hammer: which asks for the hammer once more, to no effect.
  expect(told).toBe(2)
  expect(results).toEqual([
    { offset: 2, id: 'app:hammer' },
    { offset: 2, id: 'app:hammer' }
  ])
  ann.send(bidOf(2, 200))
  await world.clock.settle()
  expect(answers(ann).at(-1)).toBe('id-2 over')
  expect(ann.take('event')).toHaveLength(2)
})

test('watch takes a function and a feature that the hub runs', () => {
  let { hub } = createWorld()
  expect(() => hub.watch(notes, undefined as never)).toThrow(/watcher must/)
  expect(() => hub.watch(auction, () => {})).toThrow(/does not run the feature «auction»/)
})
