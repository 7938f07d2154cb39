// Rules J and R: joining, recovering, and what a room's connections receive.

import { expect, test } from 'vitest'
import { RealtimeError } from '../../../src/errors.js'
import { defineFeature, durable } from '../../../src/feature.js'
import { object, string } from '../../../src/schema.js'
import type { PolicyAnswer } from '../../../src/server/policy.js'
import { createMemoryStorage } from '../../../src/server/storage/memory.js'
import { createWorld, notes, pushOf, variantOf } from './world.js'

let offsetsOf = (frames: { offset: number }[]) => frames.map(({ offset }) => offset)

test('[J1] a greater gen is stored before joined is sent', async () => {
  let storage = createMemoryStorage()
  let log: string[] = []
  let commit = storage.commit
  storage.commit = async (room, change) => {
    log.push('commit')
    await commit(room, change)
  }
  let world = createWorld({ storage })
  let peer = await world.enter('ann', { gen: 5 })
  peer.send({ f: 'join', ref: 1, room: 'r' })
  await world.clock.settle()
  log.push(...peer.take('joined').map(({ f }) => f))
  expect(log).toEqual(['commit', 'joined'])
  expect(await storage.clientOf('r', JSON.stringify(['ann', 'cid-ann']))).toMatchObject({ gen: 5 })
  peer.send({ f: 'join', ref: 2, room: 'r' })
  await world.clock.settle()
  expect(log).toEqual(['commit', 'joined'])
})

test('[J2] a lower gen is stale', async () => {
  let world = createWorld()
  await world.join('ann', 'r', { hello: { gen: 3 } })
  let old = await world.join('ann', 'r', { hello: { gen: 2 } })
  expect(old.take('joined')).toEqual([])
  expect(old.take('nack')).toEqual([{ f: 'nack', room: 'r', ref: 1, code: 'stale', final: false }])
})

test('[J3] an equal gen of another open connection is stale, of a closed one it is not', async () => {
  let world = createWorld()
  let first = await world.join('ann')
  let twin = await world.join('ann')
  expect(twin.take('nack')).toMatchObject([{ ref: 1, code: 'stale', final: false }])
  first.send(pushOf(1))
  await world.clock.settle()
  expect(first.take('ack')).toHaveLength(1)
  first.drop()
  let next = await world.join('ann')
  expect(next.take('joined')).toHaveLength(1)
})

test('[J3] two joins with one gen in the same turn: one of them is stale', async () => {
  let world = createWorld()
  let [one, two] = [await world.enter('ann'), await world.enter('ann')]
  one.send({ f: 'join', ref: 1, room: 'r' })
  two.send({ f: 'join', ref: 1, room: 'r' })
  await world.clock.settle()
  expect([one.take('joined').length, two.take('joined').length]).toEqual([1, 0])
  expect(two.take('nack')).toMatchObject([{ code: 'stale' }])
})

test('[J4] joined tells the marks of this client in this room', async () => {
  let world = createWorld()
  let ann = await world.join('ann')
  let first = ann.last('joined')
  expect(first.marks).toEqual({})
  ann.send(pushOf(1), pushOf(1, { lane: 'high', id: 'h1', type: 'nope' }), pushOf(2))
  await world.clock.settle()
  ann.send({ f: 'join', ref: 2, room: 'r' })
  await world.clock.settle()
  let { marks, marksEpoch } = ann.last('joined')
  expect(marksEpoch).toBe(first.marksEpoch)
  expect(marks).toMatchObject({
    normal: {
      n: 2,
      id: 'id-2',
      done: 0,
      answers: [
        [1, 'id-1', { ok: true, at: 1 }],
        [2, 'id-2', { ok: true, at: 2 }]
      ]
    },
    high: { n: 1, id: 'h1', done: 0, answers: [[1, 'h1', { ok: false, code: 'invalid' }]] }
  })
  let bob = await world.join('bob')
  expect(bob.last('joined').marks).toEqual({})
  expect(bob.last('joined').marksEpoch).not.toBe(marksEpoch)
  ann.send({ f: 'join', ref: 3, room: 's' })
  await world.clock.settle()
  expect(ann.last('joined').marks).toEqual({})
  expect(ann.last('joined').marksEpoch).not.toBe(marksEpoch)
})

test('[J5] continues a position, starts without one, and says when it cannot', async () => {
  let world = createWorld({ limits: { logLength: 5, snapshotEvery: 5 } })
  let ann = await world.join('ann')
  let { epoch } = ann.last('joined')
  for (let n = 1; n <= 12; n++) {
    ann.send(pushOf(n))
    await world.clock.settle()
  }
  async function joinAt(position: { epoch?: string; offset?: number }) {
    let peer = await world.join(`u${Math.random()}`, 'r', { join: position })
    let { recovered, snapshot, offset } = peer.last('joined')
    return [recovered, snapshot, offset, offsetsOf(peer.take('event'))]
  }
  expect(await joinAt({})).toEqual(['new', true, 12, []])
  expect(await joinAt({ offset: 12 })).toEqual(['new', true, 12, []])
  expect(await joinAt({ epoch, offset: 12 })).toEqual(['all', false, 12, []])
  expect(await joinAt({ epoch, offset: 9 })).toEqual(['all', false, 12, [10, 11, 12]])
  expect(await joinAt({ epoch, offset: 5 })).toEqual(['all', false, 12, [6, 7, 8, 9, 10, 11, 12]])
  expect(await joinAt({ epoch, offset: 4 })).toEqual(['none', true, 12, []])
  expect(await joinAt({ epoch, offset: 13 })).toEqual(['none', true, 12, []])
  expect(await joinAt({ epoch: 'other', offset: 12 })).toEqual(['none', true, 12, []])
})

test('[J5] an empty room has no snapshot', async () => {
  let world = createWorld()
  let fresh = await world.join('ann')
  expect(fresh.last('joined')).toMatchObject({ recovered: 'new', snapshot: false, offset: 0 })
  let lost = await world.join('bob', 'r', { join: { epoch: 'gone', offset: 3 } })
  expect(lost.last('joined')).toMatchObject({ recovered: 'none', snapshot: false, offset: 0 })
})

test('[J6] a snapshot has all states and comes in parts of at most max bytes', async () => {
  let letters = defineFeature({
    name: 'letters',
    version: 4,
    events: { add: durable(object({ text: string() })) },
    initial: [] as string[],
    reduce: { add: (state, { text }) => [...state, text] },
    commands: {}
  })
  let quiet = variantOf(letters, { name: 'quiet' })
  let world = createWorld({ features: [notes, letters, quiet], limits: { max: 2500 } })
  let ann = await world.join('ann')
  for (let n = 1; n <= 12; n++) {
    ann.send(pushOf(n, { data: { text: 'ü'.repeat(150) }, feature: n < 4 ? 'letters' : 'notes' }))
    await world.clock.settle()
  }
  let bob = await world.join('bob', 'r', { join: { ref: 77 } })
  let parts = bob.take('snapshot')
  let { epoch } = bob.last('joined')
  expect(parts.map(({ part, of }) => [part, of])).toEqual([
    [0, 2],
    [1, 2]
  ])
  for (let part of parts) expect(part).toMatchObject({ ref: 77, room: 'r', epoch, offset: 12 })
  let state = Object.assign({}, ...parts.map(part => part.state))
  expect(Object.keys(state).sort()).toEqual(['letters', 'notes', 'quiet'])
  expect(state.letters).toEqual({ version: 4, state: Array(3).fill('ü'.repeat(150)) })
  expect(state.quiet).toEqual({ version: 4, state: [] })
  expect(state.notes.state.texts).toHaveLength(9)
})

test('[J7] a long gap is filled by a snapshot', async () => {
  let world = createWorld({ limits: { maxReplay: 3 } })
  let ann = await world.join('ann')
  let { epoch } = ann.last('joined')
  ann.send(...[1, 2, 3, 4].map(n => pushOf(n)))
  await world.clock.settle()
  let near = await world.join('bob', 'r', { join: { epoch, offset: 1 } })
  expect(near.last('joined').recovered).toBe('all')
  let far = await world.join('cat', 'r', { join: { epoch, offset: 0 } })
  expect(far.last('joined')).toMatchObject({ recovered: 'none', snapshot: true })
})

test('[J8] joined, snapshot, events, casts, and only then what happens later', async () => {
  let world = createWorld()
  let ann = await world.join('ann')
  let { epoch } = ann.last('joined')
  ann.send(pushOf(1), { f: 'cast', room: 'r', feature: 'notes', type: 'cursor', data: { x: '1' }, ttl: 5 })
  await world.clock.settle()
  let [bob, cat] = [await world.enter('bob'), await world.enter('cat')]
  bob.send({ f: 'join', ref: 1, room: 'r' })
  cat.send({ f: 'join', ref: 1, room: 'r', epoch, offset: 0 })
  ann.send(pushOf(2), pushOf(3))
  await world.clock.settle()
  ann.send(pushOf(4))
  await world.clock.settle()
  let seen = (peer: typeof bob) =>
    peer.got
      .filter(({ f }) => f !== 'welcome' && f !== 'presence')
      .map(frame => ('offset' in frame ? `${frame.f} ${frame.offset}` : frame.f))
  expect(seen(bob)).toEqual(['joined 3', 'snapshot 3', 'cast', 'event 4'])
  expect(seen(cat)).toEqual(['joined 3', 'event 1', 'event 2', 'event 3', 'cast', 'event 4'])
})

test('[J9] only: marks and answers, nothing else', async () => {
  let world = createWorld()
  let bob = await world.join('bob')
  bob.send(pushOf(1))
  await world.clock.settle()
  bob.take('presence')
  let ann = await world.join('ann', 'r', { join: { only: true } })
  let joined = ann.last('joined')
  expect(joined).toMatchObject({ recovered: 'new', snapshot: false, offset: 1, marks: {} })
  expect(joined).not.toHaveProperty('members')
  ann.send(pushOf(1, { id: 'a1' }))
  bob.send(
    pushOf(2, { id: 'b2' }),
    { f: 'cast', room: 'r', feature: 'notes', type: 'cursor', data: { x: '1' }, ttl: 5 },
    { f: 'presence', room: 'r', self: 1 }
  )
  ann.send({ f: 'presence', room: 'r', self: 1, sync: true })
  await world.clock.pass(6000)
  expect(ann.take('ack')).toMatchObject([{ n: 1, at: 2 }])
  expect(ann.got.map(({ f }) => f)).toEqual(['welcome', 'joined', 'ack', 'ping'])
  expect(ann.last('ping').rooms).toEqual({})
  expect(Object.values(bob.last('joined').members ?? {})).toHaveLength(1)
  expect(Object.keys(world.hub.room('r').members())).toHaveLength(1)
})

test('[J9] a member that joins again as only is gone from presence', async () => {
  let world = createWorld()
  let [ann, bob] = [await world.join('ann'), await world.join('bob')]
  bob.take('presence')
  ann.send({ f: 'join', ref: 2, room: 'r', only: true })
  await world.clock.settle()
  expect(bob.take('presence')).toMatchObject([{ left: [ann.last('welcome').sid] }])
})

test('[J10] a refused join is a nack with its ref', async () => {
  let answers: Record<string, () => PolicyAnswer | Promise<PolicyAnswer>> = {
    no: () => false,
    code: () => 'members-only',
    later: async () => false,
    failing: async () => {
      throw new Error('down')
    },
    throwing: () => {
      throw new Error('down')
    },
    saying: async () => {
      throw new RealtimeError('rate-limited', 'slowly')
    }
  }
  let world = createWorld({ policy: ({ room, token }) => (token === 'key' ? true : (answers[room]?.() ?? true)) })
  let peer = await world.enter('ann')
  let ref = 0
  for (let room of Object.keys(answers)) peer.send({ f: 'join', ref: ++ref, room })
  peer.send({ f: 'join', ref: 99, room: 'no', token: 'key' })
  await world.clock.settle()
  let nacks = peer.take('nack').sort((a, b) => (a.ref ?? 0) - (b.ref ?? 0))
  expect(nacks.map(({ ref, room, code, final }) => [ref, room, code, final])).toEqual([
    [1, 'no', 'forbidden', true],
    [2, 'code', 'members-only', true],
    [3, 'later', 'forbidden', true],
    [4, 'failing', 'busy', false],
    [5, 'throwing', 'busy', false],
    [6, 'saying', 'rate-limited', false]
  ])
  expect(peer.take('joined')).toMatchObject([{ ref: 99 }])
})

test('[J10] a connection has room for so many rooms', async () => {
  let world = createWorld({ limits: { roomsPerConnection: 2 } })
  let peer = await world.enter('ann')
  for (let [i, room] of ['a', 'b', 'c', 'a'].entries()) peer.send({ f: 'join', ref: i, room })
  await world.clock.settle()
  expect(
    peer
      .take('joined')
      .map(({ room }) => room)
      .sort()
  ).toEqual(['a', 'a', 'b'])
  expect(peer.take('nack')).toMatchObject([{ ref: 2, code: 'rate-limited', final: false }])
})

test('[J11] joining again replaces, and a refusal then ends it', async () => {
  let allowed = true
  let world = createWorld({ policy: ({ action }) => action !== 'join' || allowed })
  let [ann, bob] = [await world.join('ann'), await world.join('bob')]
  bob.send({ f: 'join', ref: 2, room: 'r' })
  await world.clock.settle()
  ann.send(pushOf(1))
  await world.clock.settle()
  expect(bob.take('event')).toHaveLength(1)
  bob.take('presence')
  ann.take('presence')
  allowed = false
  bob.send({ f: 'join', ref: 3, room: 'r' }, pushOf(1, { id: 'b1' }))
  ann.send(pushOf(2))
  await world.clock.settle()
  expect(bob.take('event')).toEqual([])
  expect(bob.take('nack')).toMatchObject([
    { ref: 3, code: 'forbidden', final: true },
    { n: 1, code: 'order', final: false }
  ])
  expect(ann.take('presence')).toMatchObject([{ left: [bob.last('welcome').sid] }])
})

test('[J12] while a policy thinks, the room of that connection waits and others do not', async () => {
  let decide: (answer: boolean) => void = () => {}
  let world = createWorld({
    policy: ({ room, action }) => (room === 'r' && action === 'join' ? new Promise(done => (decide = done)) : true)
  })
  let peer = await world.enter('ann')
  peer.send(
    { f: 'join', ref: 1, room: 'r' },
    pushOf(1),
    { f: 'join', ref: 2, room: 's' },
    pushOf(1, { room: 's', id: 's1' })
  )
  await world.clock.settle()
  expect(peer.take('joined')).toMatchObject([{ ref: 2 }])
  expect(peer.take('ack')).toMatchObject([{ room: 's' }])
  decide(true)
  await world.clock.settle()
  expect(peer.take('joined')).toMatchObject([{ ref: 1 }])
  expect(peer.take('ack')).toMatchObject([{ room: 'r' }])
  peer.send({ f: 'join', ref: 3, room: 'r' })
  peer.drop()
  decide(true)
  await world.clock.settle()
  expect(peer.take('joined')).toEqual([])
})

test('[J13] storage that fails refuses a join for now', async () => {
  let storage = createMemoryStorage()
  let world = createWorld({ storage })
  let { open, commit, read } = storage
  storage.open = async () => {
    throw new Error('disk')
  }
  let peer = await world.join('ann')
  expect(peer.take('nack')).toEqual([{ f: 'nack', room: 'r', ref: 1, code: 'busy', final: false, after: 1000 }])
  storage.open = open
  storage.commit = async () => {
    throw new Error('disk')
  }
  peer.send({ f: 'join', ref: 2, room: 'r' })
  await world.clock.settle()
  expect(peer.take('nack')).toMatchObject([{ ref: 2, code: 'busy' }])
  storage.commit = commit
  peer.send({ f: 'join', ref: 3, room: 'r' })
  await world.clock.settle()
  expect(peer.take('joined')).toMatchObject([{ ref: 3 }])
  peer.send(pushOf(1), pushOf(2))
  await world.clock.settle()
  expect(peer.take('ack')).toHaveLength(2)
  storage.read = async () => {
    throw new Error('disk')
  }
  peer.send({ f: 'join', ref: 4, room: 'r', epoch: peer.last('joined').epoch, offset: 1 })
  await world.clock.settle()
  expect(peer.last('joined')).toMatchObject({ ref: 4, recovered: 'none', snapshot: true })
  storage.read = read
})

test('[J14] a room of a user is for that user alone', async () => {
  let world = createWorld()
  let ann = await world.join('ann', 'user:ann')
  expect(ann.take('joined')).toHaveLength(1)
  let bob = await world.join('bob', 'user:ann')
  expect(bob.take('nack')).toMatchObject([{ code: 'forbidden', final: true }])
})

test('[R2] a new epoch is told before any event of it', async () => {
  let storage = createMemoryStorage()
  let lost = createMemoryStorage()
  let shell = { ...storage }
  let inner = storage
  for (let name of ['open', 'clientOf', 'findIds', 'read', 'before', 'commit'] as const) {
    Object.assign(shell, { [name]: (...args: never[]) => (inner[name] as (...args: never[]) => unknown)(...args) })
  }
  let world = createWorld({ storage: shell })
  let [ann, bob] = [await world.join('ann'), await world.join('bob')]
  ann.send(pushOf(1), pushOf(2))
  await world.clock.settle()
  inner = lost
  ann.send(pushOf(3))
  await world.clock.settle()
  let { epoch } = await lost.open('r', '-')
  expect(bob.take('gap')).toEqual([{ f: 'gap', room: 'r', epoch, offset: 0 }])
  expect(bob.take('event').map(({ offset }) => offset)).toEqual([1, 2])
  expect(ann.take('nack')).toMatchObject([{ n: 3, code: 'order', final: false }])
  let cat = await world.join('cat')
  cat.send(pushOf(1, { id: 'c1' }))
  await world.clock.settle()
  expect(bob.take('event')).toEqual([])
  bob.send({ f: 'join', ref: 2, room: 'r', epoch: bob.last('joined').epoch, offset: 2 })
  await world.clock.settle()
  expect(bob.last('joined')).toMatchObject({ epoch, recovered: 'none', snapshot: true, offset: 1 })
})

test('[R7] an event carries what its author settles by, and the user that was authenticated', async () => {
  let world = createWorld({ authenticate: () => ({ user: 'real-ann' }) })
  let ann = await world.join('ann', 'r', { hello: { user: undefined } })
  ann.send(pushOf(7, { prev: 0, lane: 'high', kid: 'k1' }))
  await world.clock.settle()
  expect(ann.last('event')).toEqual({
    f: 'event',
    room: 'r',
    offset: 1,
    feature: 'notes',
    type: 'add',
    data: { text: 'text 7' },
    id: 'id-7',
    by: 'real-ann',
    cid: 'cid-ann',
    at: world.clock.now(),
    kid: 'k1',
    op: ['high', 7]
  })
})

test('[R8] every connection gets every event once, in order', async () => {
  let world = createWorld()
  let peers = [await world.join('ann'), await world.join('bob'), await world.join('cat')]
  for (let n = 1; n <= 20; n++) {
    for (let [i, peer] of peers.entries()) peer.send(pushOf(n, { id: `${i}-${n}` }))
    if (n % 3 === 0) await world.clock.settle()
  }
  await world.clock.settle()
  for (let peer of peers) expect(offsetsOf(peer.take('event'))).toEqual(Array.from({ length: 60 }, (_, i) => i + 1))
})

test('leave ends it for this connection, pushes then are out of order', async () => {
  let world = createWorld()
  let [ann, bob] = [await world.join('ann'), await world.join('bob')]
  bob.send({ f: 'leave', room: 'r' }, { f: 'leave', room: 'r' }, { f: 'leave', room: 'nowhere' })
  ann.send(pushOf(1))
  await world.clock.settle()
  bob.take('event')
  ann.send(pushOf(2))
  bob.send(pushOf(1, { id: 'b1' }), pushOf(2, { id: 'b2' }))
  await world.clock.settle()
  expect(bob.take('event')).toEqual([])
  expect(bob.take('nack')).toMatchObject([{ n: 1, code: 'order' }])
  bob.send({ f: 'join', ref: 5, room: 'r' }, pushOf(1, { id: 'b1' }))
  await world.clock.settle()
  expect(bob.take('ack')).toMatchObject([{ n: 1 }])
})
