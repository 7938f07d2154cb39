// Rules S: what becomes of a push.

import { expect, test } from 'vitest'
import { RealtimeError } from '../../../src/errors.js'
import type { PolicyRequest } from '../../../src/server/policy.js'
import { createMemoryStorage } from '../../../src/server/storage/memory.js'
import type { Commit, Storage } from '../../../src/server/storage.js'
import { createWorld, notes, pushOf, type TestPeer, type World } from './world.js'

let answers = (peer: TestPeer) =>
  [...peer.take('ack'), ...peer.take('nack')].map(frame =>
    frame.f === 'ack' ? `ack ${frame.n} at ${frame.at}` : `${frame.code}${frame.final ? '!' : ''} ${frame.n}`
  )

async function ask(world: World, peer: TestPeer, ...pushes: ReturnType<typeof pushOf>[]): Promise<string[]> {
  peer.send(...pushes)
  await world.clock.settle()
  return answers(peer)
}

async function textsOf(world: World): Promise<string[]> {
  let state = world.hub.room('r').state(notes)
  await world.clock.settle()
  return (await state).texts
}

test('[S4] takes a push only if prev is the mark', async () => {
  let world = createWorld()
  let ann = await world.join('ann')
  expect(await ask(world, ann, pushOf(2, { prev: 1 }))).toEqual(['order 2'])
  expect(await ask(world, ann, pushOf(3, { prev: 0 }))).toEqual(['ack 3 at 1'])
  expect(await ask(world, ann, pushOf(5, { prev: 0 }))).toEqual(['order 5'])
  expect(await ask(world, ann, pushOf(7, { prev: 3 }), pushOf(9, { prev: 7 }))).toEqual(['ack 7 at 2', 'ack 9 at 3'])
  expect(await textsOf(world)).toEqual(['text 3', 'text 7', 'text 9'])
})

test('[S4] chains are apart by lane, room and client', async () => {
  let world = createWorld()
  let [ann, bob] = [await world.join('ann'), await world.join('bob')]
  ann.send({ f: 'join', ref: 2, room: 's' })
  let high = pushOf(1, { id: 'high', lane: 'high' })
  let other = pushOf(1, { id: 'other', room: 's' })
  expect(await ask(world, ann, pushOf(1), high, other)).toHaveLength(3)
  expect(await ask(world, bob, pushOf(1, { id: 'bob' }))).toEqual(['ack 1 at 3'])
})

test('[S5] only the connection with the stored gen may push', async () => {
  let world = createWorld()
  let old = await world.join('ann', 'r', { hello: { gen: 1 } })
  expect(await ask(world, old, pushOf(1))).toEqual(['ack 1 at 1'])
  let next = await world.join('ann', 'r', { hello: { gen: 2 } })
  expect(await ask(world, old, pushOf(2), pushOf(3))).toEqual(['stale 2'])
  expect(await ask(world, old, pushOf(1))).toEqual([])
  expect(await ask(world, old, pushOf(2))).toEqual(['stale 2'])
  expect(await ask(world, next, pushOf(2))).toEqual(['ack 2 at 2'])
  let bob = await world.join('bob')
  expect(await ask(world, bob, pushOf(1, { id: 'b' }))).toEqual(['ack 1 at 3'])
  expect(old.take('event').map(({ offset }) => offset)).toEqual([1, 2, 3])
})

test('[S11] a chain that was refused for now still hears that another connection has taken its place', async () => {
  let isBusy = true
  let world = createWorld({
    policy({ action }) {
      if (action === 'push' && isBusy) throw new RealtimeError('busy', undefined, { retryable: true })
      return true
    }
  })
  let old = await world.join('ann', 'r', { hello: { gen: 1 } })
  expect(await ask(world, old, pushOf(1))).toEqual(['busy 1'])
  let next = await world.join('ann', 'r', { hello: { gen: 2 } })
  isBusy = false
  expect(await ask(world, next, pushOf(1))).toEqual(['ack 1 at 1'])
  expect(await ask(world, old, pushOf(1), pushOf(3))).toEqual(['stale 1'])
})

test('[S5] the fence comes before everything else', async () => {
  let asked = 0
  let policy = ({ action }: PolicyRequest) => {
    if (action === 'push') asked++
    return true
  }
  let world = createWorld({ policy })
  let old = await world.join('ann', 'r', { hello: { gen: 1 } })
  await world.join('ann', 'r', { hello: { gen: 2 } })
  expect(await ask(world, old, pushOf(1, { feature: 'nope' }))).toEqual(['stale 1'])
  expect(asked).toBe(0)
})

test('[S5] pushes into a room that is not joined are out of order', async () => {
  let world = createWorld()
  let ann = await world.enter('ann')
  let more = [pushOf(1), pushOf(2), pushOf(1, { lane: 'bulk' }), pushOf(1, { room: 's' })]
  expect(await ask(world, ann, ...more)).toEqual(['order 1', 'order 1', 'order 1'])
  ann.send({ f: 'join', ref: 1, room: 'r' })
  expect(await ask(world, ann, pushOf(1))).toEqual(['ack 1 at 1'])
})

test('[S6] a number that was answered gets the same answer again, without effect', async () => {
  let world = createWorld({ policy: ({ data }) => (data as { text?: string } | undefined)?.text !== 'secret' })
  let ann = await world.join('ann')
  let pushes = [pushOf(1), pushOf(2, { type: 'nope' }), pushOf(3, { data: { text: 'secret' } }), pushOf(4)]
  let expected = ['ack 1 at 1', 'ack 4 at 2', 'invalid! 2', 'forbidden! 3']
  expect(await ask(world, ann, ...pushes)).toEqual(expected)
  ann.drop()
  let again = await world.join('ann', 'r', { hello: { gen: 2 } })
  expect(await ask(world, again, ...pushes)).toEqual(expected)
  expect(await ask(world, again, pushOf(2, { prev: 77, id: 'foreign' }))).toEqual(['invalid! 2'])
  expect(again.last('nack').id).toBe('id-2')
  expect(await textsOf(world)).toEqual(['text 1', 'text 4'])
})

test('[S6] an answer survives a policy that has changed since', async () => {
  let allowed = true
  let world = createWorld({ policy: ({ action }) => action !== 'push' || allowed })
  let ann = await world.join('ann')
  await ask(world, ann, pushOf(1))
  allowed = false
  expect(await ask(world, ann, pushOf(1))).toEqual(['ack 1 at 1'])
})

test('[S7] a known id in another chain consumes its number and is acked with the first offset', async () => {
  let world = createWorld()
  let [ann, bob] = [await world.join('ann'), await world.join('bob')]
  await ask(world, ann, pushOf(1), pushOf(2))
  expect(await ask(world, bob, pushOf(5, { prev: 0, id: 'id-2' }))).toEqual(['ack 5 at 2'])
  expect(await ask(world, bob, pushOf(6), pushOf(7, { id: 'id-1' }))).toEqual(['ack 6 at 3', 'ack 7 at 1'])
  expect(await ask(world, bob, pushOf(8, { id: 'x' }), pushOf(1, { lane: 'high', id: 'x' }))).toEqual([
    'ack 8 at 4',
    'ack 1 at 4'
  ])
  expect(await textsOf(world)).toHaveLength(4)
})

test('[S7] a known id passes whatever the policy says now', async () => {
  let allowed = true
  let world = createWorld({ policy: ({ action }) => action !== 'push' || allowed })
  let [ann, bob] = [await world.join('ann'), await world.join('bob')]
  await ask(world, ann, pushOf(1))
  allowed = false
  expect(await ask(world, bob, pushOf(1))).toEqual(['ack 1 at 1'])
})

test('[S8] what an action is refused for, in order', async () => {
  let asked: PolicyRequest[] = []
  let world = createWorld({
    authenticate: () => ({ user: 'ann', claims: 'vip' }),
    limits: { actionsPerMinute: 1 },
    policy: request => {
      if (request.action !== 'push') return true
      asked.push(request)
      let { text } = request.data as { text: string }
      if (text === 'code') return 'too-rude'
      if (text === 'later') throw new RealtimeError('rate-limited')
      if (text === 'reason') throw new RealtimeError('forbidden', 'because')
      if (text === 'bug') throw new TypeError('x is not a function')
      if (text === 'promise') return Promise.resolve(true)
      return text !== 'no'
    }
  })
  let ann = await world.join('ann', 'r', { join: { token: 'door' } })
  let n = 0
  let tried = async (more: Parameters<typeof pushOf>[1]) => (await ask(world, ann, pushOf(++n, more)))[0]
  expect(await tried({ feature: 'nope' })).toBe('unknown-feature! 1')
  expect(await tried({ type: 'nope' })).toBe('invalid! 2')
  expect(await tried({ type: 'constructor' })).toBe('invalid! 3')
  expect(await tried({ data: { text: 7 } })).toBe('invalid! 4')
  expect(ann.last('nack').message).toBe('notes.add.text must be a string of 0 to 100000 characters')
  expect(asked).toEqual([])
  expect(await tried({ data: { text: 'no' }, ttl: 0 })).toBe('forbidden! 5')
  expect(asked).toMatchObject([
    {
      user: 'ann',
      claims: 'vip',
      app: 'test',
      room: 'r',
      token: 'door',
      feature: 'notes',
      type: 'add',
      state: notes.initial
    }
  ])
  expect(await tried({ data: { text: 'code' } })).toBe('too-rude! 6')
  expect(await tried({ data: { text: 'bug' } })).toBe('refused! 7')
  expect(await tried({ data: { text: 'promise' } })).toBe('refused! 8')
  expect(world.reports.filter(code => code === 'policy-threw')).toHaveLength(2)
  expect(await tried({ data: { text: 'reason' } })).toBe('forbidden! 9')
  expect(ann.last('nack').message).toBe('because')
  expect(await tried({ data: { text: 'later' } })).toBe('rate-limited 10')
  n--
  expect(await tried({ type: 'soon', ttl: 0 })).toBe('expired! 10')
  expect(await tried({ type: 'soon', ttl: -3 })).toBe('expired! 11')
  expect(await tried({ type: 'soon', ttl: 0.5 })).toBe('ack 12 at 1')
  expect(await tried({ ttl: 0 })).toBe('rate-limited 13')
})

test('[S8] the policy sees the state that the actions before it have left', async () => {
  let world = createWorld({
    policy: ({ action, state }) => action !== 'push' || (state as typeof notes.initial).texts.length < 2 || 'full'
  })
  let ann = await world.join('ann')
  expect(await ask(world, ann, pushOf(1), pushOf(2), pushOf(3))).toEqual(['ack 1 at 1', 'ack 2 at 2', 'full! 3'])
})

/** A memory storage that records its commits and can be held or made to fail. */
function watched(): Storage & { commits: Commit[]; hold: Promise<void> | null; fail: 'before' | 'after' | null } {
  let storage = createMemoryStorage()
  let commit = storage.commit
  let shell = Object.assign(storage, {
    commits: [] as Commit[],
    hold: null as Promise<void> | null,
    fail: null as 'before' | 'after' | null
  })
  storage.commit = async (room, change) => {
    await shell.hold
    if (shell.fail === 'before') throw new Error('disk')
    await commit(room, change)
    shell.commits.push(change)
    if (shell.fail === 'after') throw new Error('disk')
  }
  return shell
}

test('[S9] a turn is one commit, and nothing is told before it', async () => {
  let storage = watched()
  let world = createWorld({ storage })
  let [ann, bob] = [await world.join('ann'), await world.join('bob')]
  storage.commits.length = 0
  let release: () => void = () => {}
  storage.hold = new Promise(resolve => (release = resolve))
  ann.send(pushOf(1), pushOf(2))
  bob.send(pushOf(1, { id: 'b1' }), pushOf(2, { id: 'b2', type: 'nope' }))
  await world.clock.settle()
  expect([...answers(ann), ...answers(bob), ...ann.take('event'), ...bob.take('event')]).toEqual([])
  expect(bob.take('cast')).toEqual([])
  release()
  await world.clock.settle()
  expect(answers(ann)).toEqual(['ack 1 at 1', 'ack 2 at 2'])
  expect(answers(bob)).toEqual(['ack 1 at 3', 'invalid! 2'])
  expect(storage.commits).toHaveLength(1)
  expect(storage.commits[0]?.events).toHaveLength(3)
  expect(storage.commits[0]?.clients).toHaveLength(2)
  let acks = ann.got.findIndex(({ f }) => f === 'ack')
  expect(acks).toBeLessThan(ann.got.findIndex(({ f }) => f === 'event'))
})

test('[S10] a final refusal consumes its number and is committed', async () => {
  let storage = watched()
  let world = createWorld({ storage })
  let ann = await world.join('ann')
  storage.commits.length = 0
  expect(await ask(world, ann, pushOf(1, { type: 'nope' }), pushOf(2))).toEqual(['ack 2 at 1', 'invalid! 1'])
  expect(await ask(world, ann, pushOf(3, { type: 'nope' }))).toEqual(['invalid! 3'])
  expect(storage.commits[1]).toMatchObject({
    events: [],
    clients: [[expect.anything(), { lanes: { normal: { n: 3 } } }]]
  })
  storage.fail = 'before'
  expect(await ask(world, ann, pushOf(4, { type: 'nope' }))).toEqual(['busy 4'])
})

test('[S11] one refusal per break, then silence until a push starts at the mark', async () => {
  let busy = true
  let world = createWorld({
    policy: ({ action, data }) => {
      if (action === 'push' && busy && (data as { text: string }).text === 'text 3') throw new RealtimeError('busy')
      return true
    }
  })
  let ann = await world.join('ann')
  let window = [2, 3, 4, 5, 6].map(n => pushOf(n))
  await ask(world, ann, pushOf(1))
  expect(await ask(world, ann, ...window)).toEqual(['ack 2 at 2', 'busy 3'])
  expect(await ask(world, ann, pushOf(7), pushOf(8))).toEqual([])
  expect(await ask(world, ann, pushOf(1, { lane: 'high', id: 'h' }))).toEqual(['ack 1 at 3'])
  expect(await ask(world, ann, pushOf(3))).toEqual(['busy 3'])
  busy = false
  expect(await ask(world, ann, pushOf(4, { prev: 3 }))).toEqual([])
  expect(await ask(world, ann, pushOf(3), pushOf(4))).toEqual(['ack 3 at 4', 'ack 4 at 5'])
  expect(await ask(world, ann, pushOf(9, { prev: 8 }), pushOf(10))).toEqual(['order 9'])
  ann.send({ f: 'join', ref: 2, room: 'r' })
  expect(await ask(world, ann, pushOf(9, { prev: 8 }))).toEqual(['order 9'])
})

test('[S12] done drops answers, and never passes the mark', async () => {
  let storage = createMemoryStorage()
  let world = createWorld({ storage })
  let ann = await world.join('ann')
  let marks = async () => {
    let record = await storage.clientOf('r', JSON.stringify(['ann', 'cid-ann']))
    return [record?.lanes.normal?.done, record?.lanes.normal?.answers.map(([n]) => n)]
  }
  await ask(world, ann, pushOf(1), pushOf(2), pushOf(3))
  expect(await marks()).toEqual([0, [1, 2, 3]])
  await ask(world, ann, pushOf(4, { done: 2 }))
  expect(await marks()).toEqual([2, [3, 4]])
  await ask(world, ann, pushOf(5, { done: 1 }))
  expect(await marks()).toEqual([2, [3, 4, 5]])
  expect(await ask(world, ann, pushOf(2))).toEqual(['order 2'])
  let again = await world.join('ann', 'r', { hello: { gen: 2 }, join: { done: { normal: 99, high: 5 } } })
  expect(again.last('joined').marks).toEqual({ normal: { n: 5, id: 'id-5', done: 5, answers: [] } })
  expect(await marks()).toEqual([5, []])
})

test('[S12] a chain that never confirms waits in the end', async () => {
  let world = createWorld({ limits: { window: { count: 10_000, bytes: 1e9 } } })
  let ann = await world.join('ann')
  let all = Array.from({ length: 10_001 }, (_, i) => pushOf(i + 1))
  for (let i = 0; i < all.length; i += 500) ann.send(...all.slice(i, i + 500))
  await world.clock.settle()
  expect(ann.take('ack')).toHaveLength(10_000)
  expect(answers(ann)).toEqual(['rate-limited 10001'])
  expect(await ask(world, ann, pushOf(10_001, { done: 9000 }))).toEqual(['ack 10001 at 10001'])
})

test('[S16] after marks are lost a push is out of order until the room is joined again', async () => {
  let storage = createMemoryStorage()
  let world = createWorld({ storage, limits: { keepMarks: 1000, snapshotEvery: 1, idleRoom: 1000 } })
  let bob = await world.join('bob')
  let ann = await world.join('ann')
  let { marksEpoch } = ann.last('joined')
  await ask(world, ann, pushOf(1))
  await world.clock.pass(5000)
  await ask(world, bob, pushOf(1, { id: 'b1' }))
  let lost = storage.clientOf
  expect(await lost('r', JSON.stringify(['ann', 'cid-ann']))).toBe(null)

  let later = createWorld({ storage })
  let cat = await later.join('ann', 'r', { hello: { gen: 9 } })
  expect(cat.last('joined').marks).toEqual({})
  expect(cat.last('joined').marksEpoch).not.toBe(marksEpoch)
  expect(await ask(world, ann, pushOf(2, { prev: 1 }))).toEqual(['order 2'])
  expect(await ask(world, ann, pushOf(1, { prev: 0, id: 'again' }))).toEqual(['order 1'])
  ann.send({ f: 'join', ref: 2, room: 'r' })
  await world.clock.settle()
  expect(answers(ann)).toEqual(['stale undefined'])
})

test('[S20] volatile events are not pushed and stored ones not cast', async () => {
  let world = createWorld()
  let [ann, bob] = [await world.join('ann'), await world.join('bob')]
  expect(await ask(world, ann, pushOf(1, { type: 'cursor', data: { x: '1' } }))).toEqual(['invalid! 1'])
  ann.send({ f: 'cast', room: 'r', feature: 'notes', type: 'add', data: { text: 'x' }, ttl: 1 })
  await world.clock.settle()
  expect(bob.take('cast')).toEqual([])
  expect(world.hub.stats().badFrames).toBe(1)
})

test('[S21] storage that fails asks to come again, once per chain, and decides nothing', async () => {
  let storage = watched()
  let world = createWorld({ storage })
  let ann = await world.join('ann')
  storage.fail = 'before'
  let pushes = [pushOf(1), pushOf(2), pushOf(1, { lane: 'high', id: 'h1' }), pushOf(2, { lane: 'high', id: 'h2' })]
  expect(await ask(world, ann, ...pushes)).toEqual(['busy 1', 'busy 1'])
  expect(world.reports).toContain('storage-failed')
  storage.fail = null
  expect(await ask(world, ann, pushOf(3))).toEqual([])
  expect(await ask(world, ann, ...pushes)).toEqual(['ack 1 at 1', 'ack 2 at 2', 'ack 1 at 3', 'ack 2 at 4'])
})

test('[S21] a commit that failed but happened is not done twice, and its events are told', async () => {
  let storage = watched()
  let world = createWorld({ storage })
  let [ann, bob] = [await world.join('ann'), await world.join('bob')]
  storage.fail = 'after'
  expect(await ask(world, ann, pushOf(1), pushOf(2))).toEqual(['busy 1'])
  expect(bob.take('event')).toEqual([])
  storage.fail = null
  expect(await ask(world, ann, pushOf(1), pushOf(2), pushOf(3))).toEqual(['ack 1 at 1', 'ack 2 at 2', 'ack 3 at 3'])
  expect(bob.take('event').map(({ offset }) => offset)).toEqual([1, 2, 3])
  expect(await textsOf(world)).toEqual(['text 1', 'text 2', 'text 3'])
})

test('[S22] chains of another user cannot be fenced, read or continued', async () => {
  let world = createWorld()
  let ann = await world.join('ann', 'r', { hello: { cid: 'shared' } })
  await ask(world, ann, pushOf(1))
  let eve = await world.join('eve', 'r', { hello: { cid: 'shared', gen: 1000 } })
  expect(eve.last('joined').marks).toEqual({})
  expect(await ask(world, ann, pushOf(2))).toEqual(['ack 2 at 2'])
  expect(await ask(world, eve, pushOf(3, { prev: 2 }))).toEqual(['order 3'])
})

test('[S23] two engines on one room: the slower one reads again, tells, and decides again', async () => {
  let storage = createMemoryStorage()
  let one = createWorld({ storage })
  let two = createWorld({ storage })
  let ann = await one.join('ann')
  let bob = await two.join('bob')
  expect(await ask(one, ann, pushOf(1), pushOf(2))).toEqual(['ack 1 at 1', 'ack 2 at 2'])
  expect(await ask(two, bob, pushOf(1, { id: 'b1' }), pushOf(2))).toEqual(['ack 1 at 3', 'ack 2 at 2'])
  expect(bob.take('event').map(({ id }) => id)).toEqual(['id-1', 'id-2', 'b1'])
  expect(await ask(one, ann, pushOf(3))).toEqual(['ack 3 at 4'])
  expect(ann.take('event').map(({ id }) => id)).toEqual(['id-1', 'id-2', 'b1', 'id-3'])
  let other = await two.join('ann', 'r', { hello: { gen: 2 } })
  expect(other.last('joined').marks.normal?.n).toBe(3)
  expect(await ask(one, ann, pushOf(4))).toEqual(['stale 4'])
})

test('[S24] a user above the quota waits, and repeats cost nothing', async () => {
  let world = createWorld({ limits: { actionsPerMinute: 60 } })
  let ann = await world.join('ann')
  let first = Array.from({ length: 60 }, (_, i) => pushOf(i + 1))
  expect(await ask(world, ann, ...first)).toHaveLength(60)
  expect(await ask(world, ann, ...first)).toHaveLength(60)
  expect(await ask(world, ann, pushOf(61), pushOf(62))).toEqual(['rate-limited 61'])
  expect(ann.last('nack')).toMatchObject({ final: false, after: 1000 })
  let bob = await world.join('bob')
  expect(await ask(world, bob, pushOf(1, { id: 'b' }))).toEqual(['ack 1 at 61'])
  await world.clock.pass(1000)
  expect(await ask(world, ann, pushOf(61), pushOf(62))).toEqual(['ack 61 at 62', 'rate-limited 62'])
})

test('[S25] a reducer that throws leaves the state, the event stands', async () => {
  let world = createWorld()
  let [ann, bob] = [await world.join('ann'), await world.join('bob')]
  expect(await ask(world, ann, pushOf(1), pushOf(2, { type: 'boom', data: {} }), pushOf(3))).toHaveLength(3)
  expect(bob.take('event')).toHaveLength(3)
  expect(await textsOf(world)).toEqual(['text 1', 'text 3'])
  expect(world.reports).toContain('reducer-threw')
})

test('far more in flight than the window takes ends the connection', async () => {
  let storage = watched()
  let world = createWorld({ storage, limits: { window: { count: 10, bytes: 1000 } } })
  let ann = await world.join('ann')
  for (let n = 1; n <= 50; n++) ann.send(pushOf(n))
  expect(ann.last('bye')).toMatchObject({ code: 'rate-limited', final: false })
})
