// Rules P, C and G: presence, casts and history.

import { expect, test } from 'vitest'
import type { Frame, Member } from '../../../src/protocol/frames.js'
import { createWorld, notes, pushOf, type TestPeer, variantOf } from './world.js'

type Presence = Extract<Frame, { f: 'presence' }>
type Cast = Extract<Frame, { f: 'cast' }>

let sidOf = (peer: TestPeer) => peer.last('welcome').sid
let castOf = (x: string, more: Partial<Cast> = {}): Cast => ({
  f: 'cast',
  room: 'r',
  feature: 'notes',
  type: 'cursor',
  data: { x },
  ttl: 5,
  ...more
})

/** What a client makes of everything it was told; throws at a hole in the versions. */
function believed(peer: TestPeer): Record<string, Member> {
  let members: Record<string, Member> = {}
  let version = -1
  for (let frame of peer.got) {
    if (frame.f === 'joined') {
      members = { ...frame.members }
      version = frame.version ?? -1
    }
    if (frame.f !== 'presence') continue
    if (frame.full) members = { ...frame.full }
    else if (frame.version !== version + 1) throw new Error(`version ${frame.version} after ${version}`)
    version = frame.version ?? -1
    Object.assign(members, frame.joined, frame.updated)
    for (let sid of frame.left ?? []) delete members[sid]
  }
  return members
}

test('[P1] joined has everyone, oneself included', async () => {
  let world = createWorld()
  let ann = await world.join('ann', 'r', { hello: { platform: 'web' }, join: { presence: { mood: 'fine' } } })
  let bob = await world.join('bob')
  let at = world.clock.now()
  expect(bob.last('joined').members).toEqual({
    [sidOf(ann)]: { user: 'ann', platform: 'web', data: { mood: 'fine' }, at },
    [sidOf(bob)]: { user: 'bob', data: null, at }
  })
})

test('[P1] someone who joins between a change and its telling is told right', async () => {
  let world = createWorld()
  let peers = [await world.join('ann'), await world.join('bob'), await world.enter('cat'), await world.enter('dan')]
  let [ann, bob, cat, dan] = peers as [TestPeer, TestPeer, TestPeer, TestPeer]
  ann.send({ f: 'presence', room: 'r', self: 1 })
  bob.drop(1000)
  cat.send({ f: 'join', ref: 1, room: 'r' })
  ann.send({ f: 'presence', room: 'r', self: 2 })
  dan.send({ f: 'join', ref: 1, room: 'r', presence: 'hi' })
  await world.clock.settle()
  let truth = world.hub.room('r').members()
  expect(Object.values(truth).map(({ user, data }) => [user, data])).toEqual([
    ['ann', 2],
    ['cat', null],
    ['dan', 'hi']
  ])
  for (let peer of [ann, cat, dan]) expect(believed(peer)).toEqual(truth)
})

test('[P2] changes of one turn are one difference, and versions count them', async () => {
  let world = createWorld()
  let [ann, bob] = [await world.join('ann'), await world.join('bob')]
  bob.take('presence')
  for (let i = 0; i < 5; i++) ann.send({ f: 'presence', room: 'r', self: i })
  let cat = await world.enter('cat')
  await world.clock.settle()
  let [only, ...more] = bob.take('presence')
  expect(more).toEqual([])
  expect(only).toMatchObject({ version: 3, updated: { [sidOf(ann)]: { data: 4 } } })
  cat.send({ f: 'join', ref: 1, room: 'r' }, { f: 'leave', room: 'r' })
  await world.clock.settle()
  bob.send({ f: 'presence', room: 'r', sync: true })
  await world.clock.settle()
  let { version, full } = bob.take('presence').at(-1) as Presence
  expect(full).toEqual(world.hub.room('r').members())
  ann.send({ f: 'presence', room: 'r', self: 'next' })
  await world.clock.settle()
  expect(bob.take('presence')).toMatchObject([{ version: (version ?? 0) + 1 }])
  expect(believed(ann)).toEqual(world.hub.room('r').members())
})

test('[P3] data given before joined count as those of the join', async () => {
  let world = createWorld()
  let ann = await world.enter('ann')
  ann.send({ f: 'join', ref: 1, room: 'r', presence: 'old' }, { f: 'presence', room: 'r', self: 'new' })
  await world.clock.settle()
  expect(world.hub.room('r').members()[sidOf(ann)]).toMatchObject({ data: 'new' })
  ann.send({ f: 'presence', room: 'elsewhere', self: 'x' })
  expect(world.hub.stats().badFrames).toBe(0)
})

test('[P4] a broken connection is left after the grace', async () => {
  let world = createWorld()
  let [ann, bob] = [await world.join('ann'), await world.join('bob')]
  bob.take('presence')
  ann.drop(1006)
  await world.clock.pass(7999)
  expect(bob.take('presence')).toEqual([])
  await world.clock.pass(1)
  expect(bob.take('presence')).toMatchObject([{ left: [sidOf(ann)] }])
})

test('[P5] a resumed connection keeps its entry, nobody is told', async () => {
  let world = createWorld()
  let ann = await world.join('ann', 'r', { join: { presence: 'here' } })
  let bob = await world.join('bob')
  bob.take('presence')
  let sid = sidOf(ann)
  ann.drop(1006)
  await world.clock.pass(5000)
  let again = await world.join('ann', 'r', { hello: { sid, gen: 2 } })
  await world.clock.pass(9000)
  expect(bob.take('presence')).toEqual([])
  expect(again.last('joined').members?.[sid]).toMatchObject({ data: 'here' })

  // Taken over while the old connection still looks open: its late end changes nothing.
  bob.send({ f: 'pong', x: 1 })
  let third = await world.join('ann', 'r', { hello: { sid, gen: 3 }, join: { presence: 'moved' } })
  again.drop(1000)
  await world.clock.pass(10_000)
  expect(bob.take('presence')).toMatchObject([{ updated: { [sid]: { data: 'moved' } } }])
  expect(third.closedWith()).toBe(null)
})

test('[P6] leaving and a clean close are told at once', async () => {
  let world = createWorld()
  let [ann, bob, cat] = [await world.join('ann'), await world.join('bob'), await world.join('cat')]
  bob.take('presence')
  ann.send({ f: 'leave', room: 'r' })
  cat.drop(1000)
  await world.clock.settle()
  let left = bob.take('presence').flatMap(frame => frame.left ?? [])
  expect(left.sort()).toEqual([sidOf(ann), sidOf(cat)].sort())
})

test('[P7] data that are too large or too deep are refused', async () => {
  let world = createWorld()
  let ann = await world.join('ann')
  ann.send({ f: 'presence', room: 'r', self: 'ü'.repeat(5000) }, { f: 'presence', room: 'r', self: deep() })
  await world.clock.settle()
  expect(world.hub.stats().badFrames).toBe(2)
  expect(world.hub.room('r').members()[sidOf(ann)]).toMatchObject({ data: null })
})

test('[P7] a join with such data is admitted without them', async () => {
  let world = createWorld()
  let ann = await world.enter('ann')
  ann.send({ f: 'join', ref: 1, room: 'r', presence: 'x'.repeat(10_000) }, pushOf(1))
  ann.send({ f: 'join', ref: 2, room: 's', presence: deep() })
  await world.clock.settle()
  expect(ann.take('nack')).toEqual([])
  expect(ann.take('ack')).toMatchObject([{ n: 1, at: 1 }])
  let members = ann.take('joined').map(joined => joined.members?.[sidOf(ann)])
  expect(members).toMatchObject([
    { user: 'ann', data: {} },
    { user: 'ann', data: {} }
  ])
  expect(world.hub.stats().badFrames).toBe(2)
  expect(world.reports).toEqual(['bad-frame', 'bad-frame'])
})

test('[P7] who sends such joins again and again is ended', async () => {
  let world = createWorld({ limits: { badFrames: 1 } })
  let ann = await world.enter('ann')
  for (let ref of [1, 2, 3]) ann.send({ f: 'join', ref, room: `r${ref}`, presence: deep() })
  await world.clock.settle()
  expect(ann.last('bye')).toMatchObject({ code: 'bad-frames', final: false })
  await world.clock.pass(10_000)
  expect(world.hub.room('r2').members()).toEqual({})
})

function deep(): unknown {
  let value: unknown = 1
  for (let i = 0; i < 1000; i++) value = [value]
  return value
}

test('[P3] a policy may refuse presence', async () => {
  let world = createWorld({ policy: ({ action, data }) => action !== 'presence' || data !== 'rude' })
  let ann = await world.join('ann')
  ann.send({ f: 'presence', room: 'r', self: 'nice' }, { f: 'presence', room: 'r', self: 'rude' })
  await world.clock.settle()
  expect(world.hub.room('r').members()[sidOf(ann)]).toMatchObject({ data: 'nice' })
})

test('[C1] a cast must be a volatile event that the server knows', async () => {
  let world = createWorld()
  let [ann, bob] = [await world.join('ann'), await world.join('bob')]
  ann.send(castOf('1', { feature: 'nope' }), castOf('1', { type: 'nope' }), castOf('1', { type: 'add' }))
  ann.send(castOf('1', { data: { x: 7 } }), castOf('1', { room: 'elsewhere' }))
  await world.clock.settle()
  expect(bob.take('cast')).toEqual([])
  expect(world.hub.stats().badFrames).toBe(4)
})

test('[C2] a cast goes to everyone else, stamped, and not into the log', async () => {
  let world = createWorld()
  let [ann, bob, cat] = [await world.join('ann'), await world.join('bob'), await world.join('cat')]
  ann.send(castOf('1', { by: 'fake', at: 1, id: 'c1' }))
  await world.clock.settle()
  let expected = { ...castOf('1'), key: '', by: 'ann', at: world.clock.now(), id: 'c1' }
  expect(bob.take('cast')).toEqual([expected])
  expect(cat.take('cast')).toEqual([expected])
  expect(ann.take('cast')).toEqual([])
  expect((await world.join('dan')).last('joined').offset).toBe(0)
})

test('[C3] of one key and user only the newest of a turn goes out', async () => {
  let world = createWorld()
  let [ann, bob, cat] = [await world.join('ann'), await world.join('bob'), await world.join('cat')]
  for (let i = 0; i < 10; i++)
    ann.send(castOf(`a${i}`), castOf(`k${i}`, { data: { x: `k${i}`, of: 'k' }, key: `sent-${i}` }))
  cat.send(castOf('c'))
  await world.clock.settle()
  expect(bob.take('cast').map(({ data, key }) => [(data as { x: string }).x, key])).toEqual([
    ['a9', ''],
    ['k9', 'k'],
    ['c', '']
  ])
})

test('[C3] of one key and sender no more go out than its rate, and the newest always', async () => {
  let world = createWorld({
    features: [
      variantOf(notes, {
        events: {
          ...notes.events,
          cursor: { ...notes.events.cursor, delivery: { kind: 'volatile', seconds: 5, rate: 20 } }
        }
      })
    ]
  })
  let [ann, bob, cat] = [await world.join('ann'), await world.join('bob'), await world.join('cat')]
  let at = world.clock.mono()
  for (let i = 0; i < 1000; i++) {
    ann.send(castOf(`a${i}`))
    cat.send(castOf(`c${i}`))
    await world.clock.pass(1)
    // Who comes in a gap gets what is newest all the same.
    if (i === 510)
      expect((await world.join('dan')).take('cast').map(({ data }) => data)).toEqual([{ x: 'a510' }, { x: 'c510' }])
  }
  let values = (peer: typeof bob, by: string) =>
    peer
      .take('cast')
      .filter(cast => cast.by === by)
      .map(({ data }) => (data as { x: string }).x)
  await world.clock.pass(1000)
  expect(world.clock.mono() - at).toBe(2000)
  let got = bob.take('cast')
  for (let by of ['ann', 'cat']) {
    let mine = got.filter(cast => cast.by === by)
    expect(mine.filter(cast => (cast.at as number) - 1_700_000_000_000 < at + 1000).length).toBe(21)
    expect(mine.at(-1)?.data).toEqual({ x: `${by[0]}999` })
  }
  expect(values(cat, 'ann')).toHaveLength(21)
  // Both keys leave together, so there are as many messages as there are gaps.
  expect(bob.messages.filter(text => text.includes('"cast"'))).toHaveLength(21)
  expect(world.hub.stats()).toMatchObject({ castsIn: 2000, castsOut: 42, castsConflated: 1958 })
})

test('[A2] [C3] what the app casts is held to the rate as well', async () => {
  let world = createWorld()
  let ann = await world.join('ann')
  for (let i = 0; i < 1000; i++) {
    world.hub.room('r').cast(notes, 'cursor', { x: `${i}` }, { by: 'app' })
    await world.clock.pass(1)
  }
  await world.clock.pass(100)
  let got = ann.take('cast').map(({ data }) => (data as { x: string }).x)
  // 60 a second are gaps of 17 ms; the first one is longer, for it ends with those of all others.
  expect(got).toHaveLength(60)
  expect(got.at(-1)).toBe('999')
})

test('[C4] slow peers do not get casts', async () => {
  let world = createWorld()
  let [ann, bob] = [await world.join('ann'), await world.join('bob')]
  bob.stuffed = 2_000_000
  ann.send(castOf('1'))
  await world.clock.pass(100)
  bob.stuffed = 0
  ann.send(castOf('2'))
  await world.clock.settle()
  expect(bob.take('cast').map(({ data }) => data)).toEqual([{ x: '2' }])
})

test('[C5] the newest of each key is kept for those who join later', async () => {
  let world = createWorld({ limits: { keptCasts: 3 } })
  let ann = await world.join('ann')
  ann.send(castOf('old'))
  await world.clock.pass(3000)
  ann.send(castOf('new', { ttl: 4 }), castOf('never', { data: { x: 'never', of: 'z' }, ttl: 0 }))
  await world.clock.settle()
  let bob = await world.join('bob')
  expect(bob.take('cast')).toMatchObject([{ data: { x: 'new' }, ttl: 4, at: world.clock.now() }])
  await world.clock.pass(3500)
  expect((await world.join('cat')).take('cast')).toMatchObject([{ ttl: 1 }])
  await world.clock.pass(500)
  expect((await world.join('dan')).take('cast')).toEqual([])

  for (let of of ['a', 'b', 'c', 'd']) ann.send(castOf(of, { data: { x: of, of } }))
  await world.clock.settle()
  let kept = (await world.join('eve')).take('cast').map(({ key }) => key)
  expect(kept).toEqual(['b', 'c', 'd'])
  ann.send({ f: 'join', ref: 2, room: 'r' })
  await world.clock.settle()
  expect(ann.take('cast')).toEqual([])
  ann.send(castOf('long', { ttl: 1e9 }))
  await world.clock.settle()
  // A cursor is good for 5 seconds, whatever its sender says.
  expect((await world.join('fay')).take('cast').at(-1)?.ttl).toBe(5)
  expect(bob.take('cast').at(-1)).toMatchObject({ data: { x: 'long' }, ttl: 5 })
})

test('[C6] a cast that the policy refuses is dropped, and told when it has an id', async () => {
  let world = createWorld({ policy: ({ action, data }) => action !== 'cast' || (data as { x: string }).x !== 'no' })
  let [ann, bob] = [await world.join('ann'), await world.join('bob')]
  ann.send(castOf('no'), castOf('no', { id: 'c2' }))
  await world.clock.settle()
  expect(bob.take('cast')).toEqual([])
  expect(ann.take('nack')).toEqual([{ f: 'nack', room: 'r', id: 'c2', code: 'forbidden', final: true }])
})

test('[G1] [G2] history comes in pages, newest last', async () => {
  let world = createWorld()
  let ann = await world.join('ann')
  for (let n = 1; n <= 7; n++) ann.send(pushOf(n))
  await world.clock.settle()
  let page = async (before: number | undefined, limit: number) => {
    ann.send({ f: 'fetch', ref: 5, room: 'r', limit, ...(before === undefined ? {} : { before }) })
    await world.clock.settle()
    let { ref, events, done } = ann.take('page')[0] as Extract<Frame, { f: 'page' }>
    expect(ref).toBe(5)
    return [(events as { offset: number }[]).map(({ offset }) => offset), done]
  }
  let event = ann.last('event')
  expect(await page(undefined, 3)).toEqual([[5, 6, 7], false])
  expect(await page(5, 3)).toEqual([[2, 3, 4], false])
  expect(await page(2, 3)).toEqual([[1], true])
  expect(await page(1, 3)).toEqual([[], true])
  expect(await page(99, 1)).toEqual([[7], false])
  expect(await page(0, 1)).toEqual([[], true])
  ann.send({ f: 'fetch', ref: 6, room: 'r', limit: 1 })
  await world.clock.settle()
  expect(ann.last('page').events).toEqual([event])
})

test('[G2] a trimmed log begins where it was trimmed', async () => {
  let world = createWorld({ limits: { logLength: 3, snapshotEvery: 1 } })
  let ann = await world.join('ann')
  for (let n = 1; n <= 9; n++) ann.send(pushOf(n))
  await world.clock.settle()
  ann.send({ f: 'fetch', ref: 1, room: 'r', limit: 100 })
  await world.clock.settle()
  expect(ann.last('page')).toMatchObject({ done: true, events: [{ offset: 7 }, { offset: 8 }, { offset: 9 }] })
})

test('[G3] a page fits into a message', async () => {
  let world = createWorld({ limits: { max: 4000 } })
  let ann = await world.join('ann')
  for (let n = 1; n <= 9; n++) ann.send(pushOf(n, { data: { text: 'ü'.repeat(400) } }))
  await world.clock.settle()
  ann.send({ f: 'fetch', ref: 1, room: 'r', limit: 100 })
  await world.clock.settle()
  let { events, done } = ann.last('page')
  expect(done).toBe(false)
  expect((events as { offset: number }[]).map(({ offset }) => offset)).toEqual([7, 8, 9])
  for (let message of ann.messages) expect(new TextEncoder().encode(message).length).toBeLessThanOrEqual(4000)
})

test('[G4] a refused page is a nack with its ref', async () => {
  let world = createWorld({ policy: ({ action }) => action !== 'fetch' })
  let ann = await world.join('ann')
  ann.send({ f: 'fetch', ref: 3, room: 'r', limit: 1 }, { f: 'fetch', ref: 4, room: 'elsewhere', limit: 1 })
  await world.clock.settle()
  expect(ann.take('nack')).toMatchObject([
    { ref: 3, room: 'r', code: 'forbidden', final: true },
    { ref: 4, room: 'elsewhere', code: 'order', final: false }
  ])
})
