// Rules D and A: the log, loading and unloading, and the app's own code.

import { expect, test } from 'vitest'
import { createMemoryStorage } from '../../../src/server/storage/memory.js'
import { createTestRandom, createWorld, notes, pushOf, variantOf, type World } from './world.js'

async function stateOf(world: World): Promise<typeof notes.initial> {
  let state = world.hub.room('r').state(notes)
  await world.clock.settle()
  return state
}

async function fill(world: World, from: number, to: number): Promise<void> {
  let peer = await world.join('ann', 'r', { hello: { gen: from } })
  for (let n = from; n <= to; n++) {
    peer.send(pushOf(n))
    await world.clock.settle()
  }
  peer.drop()
}

test('[D1] [D2] states are stored now and then, and what is trimmed is in them', async () => {
  let storage = createMemoryStorage()
  let limits = { snapshotEvery: 4, logLength: 6 }
  await fill(createWorld({ storage, limits }), 1, 15)
  let head = await storage.open('r', '-')
  expect(head).toMatchObject({ offset: 15, trimmed: 6, snapshot: { notes: { version: 1, offset: 12 } } })
  expect((await storage.read('r', 0, 100))[0]?.offset).toBe(7)

  let texts = Array.from({ length: 15 }, (_, i) => `text ${i + 1}`)
  let reads: number[] = []
  let read = storage.read
  storage.read = (room, after, limit) => {
    reads.push(after)
    return read(room, after, limit)
  }
  expect((await stateOf(createWorld({ storage, limits }))).texts).toEqual(texts)
  expect(reads).toEqual([12])
})

test('[D2] a room is loaded in pages', async () => {
  let storage = createMemoryStorage()
  let world = createWorld({
    storage,
    limits: { snapshotEvery: 1e9, logLength: 1e9, window: { count: 1e6, bytes: 1e9 } }
  })
  let peer = await world.join('ann')
  for (let n = 1; n <= 2500; n++) peer.send(pushOf(n))
  await world.clock.settle()
  expect((await stateOf(createWorld({ storage }))).texts).toHaveLength(2500)
})

test('[D3] a state of another version is built anew from the log', async () => {
  let storage = createMemoryStorage()
  await fill(createWorld({ storage, limits: { snapshotEvery: 2 } }), 1, 5)
  let next = variantOf(notes, { version: 2 })
  let world = createWorld({ storage, features: [next] })
  expect((await stateOf(world)).texts).toHaveLength(5)
  expect(world.reports).toEqual([])

  await fill(createWorld({ storage, limits: { snapshotEvery: 2, logLength: 3 } }), 6, 9)
  let late = createWorld({ storage, features: [next] })
  expect((await stateOf(late)).texts).toEqual(['text 6', 'text 7', 'text 8', 'text 9'])
  expect(late.reports).toContain('state-incomplete')
})

test('[D3] each state starts where it was stored, whatever the others need', async () => {
  let storage = createMemoryStorage()
  let other = variantOf(notes, { name: 'other' })
  let world = createWorld({ storage, features: [notes, other], limits: { snapshotEvery: 2 } })
  let peer = await world.join('ann')
  for (let n = 1; n <= 5; n++) {
    peer.send(pushOf(n, n % 2 ? { feature: 'other' } : {}))
    await world.clock.settle()
  }
  let next = createWorld({ storage, features: [notes, variantOf(other, { version: 2 })] })
  expect((await stateOf(next)).texts).toEqual(['text 2', 'text 4'])
  let rebuilt = next.hub.room('r').state('other')
  await next.clock.settle()
  expect(await rebuilt).toMatchObject({ texts: ['text 1', 'text 3', 'text 5'] })
})

test('[D4] states of features that a server does not run are carried along', async () => {
  let storage = createMemoryStorage()
  let other = variantOf(notes, { name: 'other' })
  let both = createWorld({ storage, features: [notes, other], limits: { snapshotEvery: 2 } })
  let peer = await both.join('ann')
  peer.send(...[1, 2, 3].map(n => pushOf(n, { feature: 'other' })))
  await both.clock.settle()
  await fill(createWorld({ storage, limits: { snapshotEvery: 2, logLength: 2 } }), 4, 20)
  let again = createWorld({ storage, features: [notes, other] })
  let state = again.hub.room('r').state(other)
  await again.clock.settle()
  expect((await state).texts).toEqual(['text 1', 'text 2', 'text 3'])
})

test('[D6] rooms that nobody uses leave memory and come back as they were', async () => {
  let world = createWorld()
  await fill(world, 1, 3)
  await world.clock.pass(70_000)
  expect(world.hub.stats().rooms).toBe(1)
  await world.clock.pass(60_000)
  expect(world.hub.stats()).toMatchObject({ rooms: 0, connections: 0 })
  let peer = await world.join('ann', 'r', { hello: { gen: 9 } })
  expect(peer.last('joined')).toMatchObject({ offset: 3, marks: { normal: { n: 3 } } })
  for (let i = 0; i < 40; i++) {
    peer.send({ f: 'pong', x: 1 })
    await world.clock.pass(5000)
  }
  expect(world.hub.stats().rooms).toBe(1)
})

test('[D6] a room that keeps casts stays until they have run out', async () => {
  let world = createWorld({ limits: { idleRoom: 1000 } })
  world.hub.room('r').cast(notes, 'cursor', { x: '1' }, { by: 'app' })
  await world.clock.pass(4900)
  expect(world.hub.stats().rooms).toBe(1)
  await world.clock.pass(3000)
  expect(world.hub.stats().rooms).toBe(0)
})

test('a restart of the engine on the same storage goes on where it was', async () => {
  let storage = createMemoryStorage()
  let one = createWorld({ storage })
  let ann = await one.join('ann')
  let { epoch, marksEpoch } = ann.last('joined')
  ann.send(pushOf(1), pushOf(2))
  await one.clock.settle()
  await one.hub.close()
  let two = createWorld({ storage, random: createTestRandom(5000) })
  let again = await two.join('ann', 'r', { hello: { gen: 2 }, join: { epoch, offset: 1 } })
  expect(again.last('joined')).toMatchObject({ epoch, marksEpoch, recovered: 'all', marks: { normal: { n: 2 } } })
  again.send(pushOf(2), pushOf(3))
  await two.clock.settle()
  expect(again.take('ack')).toMatchObject([
    { n: 2, at: 2 },
    { n: 3, at: 3 }
  ])
})

test('[A1] the app pushes, and with a key only once', async () => {
  let world = createWorld()
  let room = world.hub.room('r')
  let ann = await world.join('ann')
  let pushes = [
    room.push(notes, 'add', { text: 'one' }, { by: 'system', key: 'k' }),
    room.push('notes', 'add', { text: 'two' }, { by: 'system', key: 'k' }),
    room.push(notes, 'add', { text: 'three' }, { by: 'system' })
  ]
  await world.clock.settle()
  let [first, second, third] = await Promise.all(pushes)
  expect(first).toEqual({ offset: 1, id: 'app:k' })
  expect(second).toEqual(first)
  expect(third?.offset).toBe(2)
  expect(ann.take('event')).toMatchObject([
    { offset: 1, by: 'system', data: { text: 'one' }, id: 'app:k' },
    { offset: 2, data: { text: 'three' } }
  ])
  expect(ann.got.find(frame => frame.f === 'event')).not.toHaveProperty('op')
  expect((await stateOf(world)).texts).toEqual(['one', 'three'])
})

test('[A1] a client cannot take an id of the app before it does', async () => {
  let world = createWorld()
  let eve = await world.join('eve')
  eve.send(pushOf(1, { id: 'app:welcome' }))
  await world.clock.settle()
  expect(eve.take('nack')).toMatchObject([{ n: 1, code: 'invalid', final: true }])
  let pushed = world.hub.room('r').push(notes, 'add', { text: 'welcome' }, { by: 'app', key: 'welcome' })
  await world.clock.settle()
  expect(await pushed).toEqual({ offset: 1, id: 'app:welcome' })
})

test('[A1] wrong arguments reject', async () => {
  let room = createWorld().hub.room('r')
  let by = { by: 'app' }
  await expect(room.push('nope', 'add', {}, by)).rejects.toMatchObject({ code: 'unknown-feature' })
  await expect(room.push(notes, 'nope', {}, by)).rejects.toMatchObject({ code: 'bad-argument' })
  await expect(room.push(notes, 'add', { text: 7 }, by)).rejects.toMatchObject({ code: 'bad-argument' })
  await expect(room.push(notes, 'cursor', { x: '1' }, by)).rejects.toMatchObject({ code: 'bad-argument' })
  await expect(room.push(notes, 'add', { text: '' }, { ...by, key: 'x'.repeat(61) })).rejects.toMatchObject({
    code: 'bad-argument'
  })
  expect(() => room.cast(notes, 'add', { text: '' }, by)).toThrow('notes.add is not volatile')
  expect(() => createWorld().hub.room('')).toThrow('1 to 256 characters')
})

test('[A1] storage that fails rejects, and the next one counts', async () => {
  let storage = createMemoryStorage()
  let { commit } = storage
  let world = createWorld({ storage })
  storage.commit = async () => {
    throw new Error('disk')
  }
  let failing = expect(
    world.hub.room('r').push(notes, 'add', { text: 'x' }, { by: 'app', key: 'k' })
  ).rejects.toMatchObject({
    code: 'storage'
  })
  await world.clock.settle()
  await failing
  storage.commit = commit
  let pushed = world.hub.room('r').push(notes, 'add', { text: 'x' }, { by: 'app', key: 'k' })
  await world.clock.settle()
  expect(await pushed).toEqual({ offset: 1, id: 'app:k' })
})

test('[A2] the app casts, and reads states and members', async () => {
  let world = createWorld()
  let ann = await world.join('ann')
  world.hub.room('r').cast(notes, 'cursor', { x: '1', of: 'doc' }, { by: 'app' })
  world.hub.room('r').cast('notes', 'cursor', { x: '2' }, { by: 'app', key: 'mine' })
  await world.clock.settle()
  expect(ann.take('cast')).toMatchObject([
    { data: { x: '1' }, key: 'doc', by: 'app', ttl: 5 },
    { data: { x: '2' }, key: 'mine' }
  ])
  expect(Object.values(world.hub.room('r').members())).toMatchObject([{ user: 'ann' }])
  expect(world.hub.room('elsewhere').members()).toEqual({})
  let state = world.hub.room('r').state('notes')
  await world.clock.settle()
  expect(await state).toEqual(notes.initial)
})

test('two features of one name are a mistake', () => {
  expect(() => createWorld({ features: [notes, notes] })).toThrow('two features are named «notes»')
})
