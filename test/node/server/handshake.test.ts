// Rules F, H and L: frames, the handshake, and being alive.

import { expect, test } from 'vitest'
import { RealtimeError } from '../../../src/errors.js'
import type { Frame } from '../../../src/protocol/frames.js'
import { createMemoryStorage } from '../../../src/server/storage/memory.js'
import { createWorld, pushOf } from './world.js'

let hello = { f: 'hello', v: 1, app: 'test', cid: 'c', gen: 1, user: 'ann' } as const

test('[F1] unknown frames and fields are ignored', async () => {
  let world = createWorld()
  let peer = await world.join('ann')
  peer.text(
    JSON.stringify([
      { f: 'dance', x: 1 },
      { ...pushOf(1), later: true }
    ])
  )
  await world.clock.settle()
  expect(peer.take('ack')).toHaveLength(1)
  expect(world.hub.stats().badFrames).toBe(0)
})

test('[F2] bad frames are counted and dropped, good ones beside them count', async () => {
  let world = createWorld()
  let peer = await world.join('ann')
  peer.text('{')
  peer.text('{"f":"push"}')
  peer.text('[1,null,[],{"f":7}]')
  peer.text(JSON.stringify([{ f: 'push', room: 7 }, pushOf(1), { f: 'welcome', sid: 1 }]))
  peer.send({ f: 'gap', room: 'r', epoch: 'x', offset: 9 })
  await world.clock.settle()
  expect(peer.take('ack')).toMatchObject([{ n: 1 }])
  expect(world.hub.stats().badFrames).toBe(9)
  expect(peer.closedWith()).toBe(null)
})

test('[F3] a peer that keeps sending bad frames is ended', async () => {
  let world = createWorld()
  let peer = await world.join('ann')
  for (let i = 0; i < 20; i++) peer.text('nonsense')
  expect(peer.closedWith()).toBe(null)
  peer.text('nonsense')
  expect(peer.last('bye')).toMatchObject({ code: 'bad-frames', final: false, retry: [0, 5000] })
  expect(peer.closedWith()).toEqual({ code: 4400, reason: 'bad-frames' })
  peer.send(pushOf(1))
  await world.clock.settle()
  expect(peer.take('ack')).toEqual([])
})

test('[F4] the bare text ping is answered at any time', async () => {
  let world = createWorld()
  let peer = world.connect()
  peer.text('ping')
  expect(peer.messages).toEqual(['pong'])
})

test('[F5] a message that is too large ends the connection', async () => {
  let world = createWorld({ limits: { max: 1000 } })
  let peer = await world.join('ann')
  peer.send(pushOf(1, { data: { text: 'ü'.repeat(600) } }))
  expect(peer.last('bye')).toMatchObject({ code: 'too-large', final: false })
  expect(peer.closedWith()?.code).toBe(4413)
})

test('[F6] one turn is one message, split where it grows too large', async () => {
  let world = createWorld({ limits: { max: 2000 } })
  let ann = await world.join('ann')
  let bob = await world.join('bob')
  bob.messages.length = 0
  for (let n = 1; n <= 5; n++) ann.send(pushOf(n))
  await world.clock.settle()
  expect(bob.messages).toHaveLength(1)
  bob.messages.length = 0
  for (let n = 6; n <= 10; n++) ann.send(pushOf(n, { data: { text: 'ü'.repeat(300) } }))
  await world.clock.settle()
  expect(bob.messages.length).toBeGreaterThan(2)
  for (let message of bob.messages) expect(new TextEncoder().encode(message).length).toBeLessThanOrEqual(2000)
  expect(bob.take('event').map(({ offset }) => offset)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
})

test('[F7] an event for many connections is written once', async () => {
  let world = createWorld()
  let ann = await world.join('ann')
  for (let i = 0; i < 10; i++) await world.join(`user-${i}`)
  let written = 0
  let toJSON = () => {
    written++
    return { text: 'once' }
  }
  let data = { text: 'once', toJSON }
  let pushed = world.hub.room('r').push('notes', 'add', data, { by: 'app' })
  await world.clock.settle()
  await pushed
  expect(ann.last('event').data).toEqual({ text: 'once' })
  expect(written).toBe(1)
})

test('[H1] the first frame is hello', async () => {
  let world = createWorld()
  for (let text of ['[{"f":"join","ref":1,"room":"r"}]', 'GET / HTTP/1.1', '[{"f":"hello","v":"1"}]']) {
    let peer = world.connect()
    peer.text(text)
    expect(peer.got).toMatchObject([{ f: 'bye', code: 'hello', final: true }])
    expect(peer.closedWith()?.code).toBe(4400)
  }
  let patient = world.connect()
  patient.text('[{"f":"future"}]')
  patient.send(hello)
  await world.clock.settle()
  expect(patient.got[0]?.f).toBe('welcome')
  patient.send(hello)
  expect(world.hub.stats().badFrames).toBe(3)
})

test('[H2] another version is refused for good', async () => {
  let peer = createWorld().connect()
  peer.send({ ...hello, v: 2 })
  expect(peer.got).toMatchObject([{ f: 'bye', code: 'version', final: true }])
  expect(peer.closedWith()?.code).toBe(4410)
})

test('[H3] what comes before welcome is held', async () => {
  let world = createWorld()
  let peer = world.connect()
  peer.send(hello, { f: 'join', ref: 1, room: 'r' }, pushOf(1))
  await world.clock.settle()
  expect(peer.got.map(({ f }) => f).slice(0, 2)).toEqual(['welcome', 'joined'])
  expect(peer.take('ack')).toHaveLength(1)
  let flood = world.connect()
  flood.send({ ...hello, cid: 'd' }, ...Array.from({ length: 300 }, (_, i) => pushOf(i + 1)))
  expect(flood.last('bye').code).toBe('rate-limited')
})

test('[H4] the app says who it is', async () => {
  let seen: unknown[] = []
  let world = createWorld({
    authenticate: async credentials => {
      seen.push(credentials)
      if (credentials.token === 'good') return { user: 'ann', claims: { admin: true }, expiresIn: 60 }
      if (credentials.token === 'down') throw new Error('database is down')
      throw new RealtimeError('unauthorized', 'who are you')
    }
  })
  let good = await world.enter('ann', { token: 'good', platform: 'web' })
  expect(seen).toEqual([{ token: 'good', user: 'ann', app: 'test', platform: 'web', peer: {} }])
  expect(good.last('welcome')).toMatchObject({
    v: 1,
    user: 'ann',
    heartbeat: 6000,
    max: 262_144,
    window: { count: 256, bytes: 131_072 },
    expiresIn: 60,
    retry: [0, 5000],
    now: world.clock.now()
  })
  let bad = await world.enter('ann', { token: 'bad' })
  expect(bad.got).toMatchObject([{ f: 'bye', code: 'unauthorized', final: true, why: 'who are you' }])
  expect(bad.closedWith()?.code).toBe(4401)
  let down = await world.enter('ann', { token: 'down' })
  expect(down.got).toMatchObject([{ f: 'bye', code: 'busy', final: false, retry: [0, 5000] }])
  expect(world.reports).toContain('authenticate-failed')
})

test('[H4] by default the claimed user is believed, and must not be empty', async () => {
  let world = createWorld()
  expect((await world.enter('ann')).last('welcome').user).toBe('ann')
  expect((await world.enter('')).last('bye')).toMatchObject({ code: 'unauthorized', final: true })
})

test('[H5] a client resumes its own connection id, and nobody else', async () => {
  let world = createWorld()
  let first = await world.enter('ann')
  let { sid } = first.last('welcome')
  let second = await world.enter('ann', { gen: 2, sid })
  expect(second.last('welcome').sid).toBe(sid)
  expect(first.last('bye')).toMatchObject({ code: 'replaced', final: true })
  expect(first.closedWith()?.code).toBe(4409)
  first.drop()

  expect((await world.enter('bob', { sid })).last('welcome').sid).not.toBe(sid)
  expect((await world.enter('ann', { sid, cid: 'other' })).last('welcome').sid).not.toBe(sid)
  expect(second.closedWith()).toBe(null)
  second.drop()
  await world.clock.pass(7999)
  let third = await world.enter('ann', { gen: 3, sid })
  expect(third.last('welcome').sid).toBe(sid)
  third.drop()
  await world.clock.pass(8001)
  expect((await world.enter('ann', { gen: 4, sid })).last('welcome').sid).not.toBe(sid)
})

test('[H6] an observer sees, never pushes, and moves nothing', async () => {
  let storage = createMemoryStorage()
  let world = createWorld({ storage })
  let observer = await world.join('ann', 'r', { hello: { gen: 0 } })
  expect(observer.last('joined')).toMatchObject({ marksEpoch: '-', marks: {} })
  expect((await storage.open('r', '-')).revision).toBe(0)
  observer.send(pushOf(1), pushOf(2))
  await world.clock.settle()
  expect(observer.take('nack')).toMatchObject([{ n: 1, code: 'stale', final: false }])

  let ann = await world.join('ann', 'r', { hello: { gen: 1 } })
  ann.send(pushOf(1))
  await world.clock.settle()
  expect(observer.take('event')).toHaveLength(1)
  observer.send({ f: 'join', ref: 2, room: 'r' })
  await world.clock.settle()
  expect(observer.last('joined').marks).toMatchObject({ normal: { n: 1 } })
  ann.send(pushOf(2))
  await world.clock.settle()
  expect(ann.take('ack')).toHaveLength(2)
})

test('[H7] a connection that says nothing is ended', async () => {
  let world = createWorld()
  let silent = world.connect()
  await world.clock.pass(9999)
  expect(silent.closedWith()).toBe(null)
  await world.clock.pass(1)
  expect(silent.last('bye').code).toBe('timeout')
  expect(world.hub.stats().connections).toBe(0)
  let hanging = createWorld({ authenticate: () => new Promise(() => {}) })
  let peer = await hanging.enter('ann')
  await hanging.clock.pass(10_000)
  expect(peer.last('bye').code).toBe('timeout')
})

test('[H8] an identity that runs out is asked for anew, then ended', async () => {
  let world = createWorld({ authenticate: () => ({ user: 'ann', expiresIn: 100 }) })
  let peer = await world.enter('ann')
  let alive = () => peer.send({ f: 'ping', x: 1 })
  for (let i = 0; i < 5; i++) {
    await world.clock.pass(9990)
    alive()
  }
  expect(peer.take('reauth')).toEqual([])
  await world.clock.pass(100)
  expect(peer.take('reauth')).toEqual([{ f: 'reauth', within: 50, why: 'expires' }])
  for (let i = 0; i < 5; i++) {
    alive()
    await world.clock.pass(10_000)
  }
  // Some seconds of grace: a new token may be on its way.
  alive()
  await world.clock.pass(9900)
  expect(peer.closedWith()).toBe(null)
  await world.clock.pass(100)
  expect(peer.last('bye')).toMatchObject({ code: 'expired', final: false })
  expect(peer.closedWith()?.code).toBe(4401)
})

test('[H9] auth renews in place', async () => {
  let world = createWorld({
    authenticate: ({ token }) => {
      if (token === 'down') throw new Error('down')
      if (token === 'bad') throw new RealtimeError('unauthorized')
      return { user: token ?? 'ann', expiresIn: 20 }
    }
  })
  let peer = await world.enter('ann')
  await world.clock.pass(15_000)
  peer.send({ f: 'auth', token: 'ann' })
  await world.clock.settle()
  expect(peer.take('authed')).toEqual([{ f: 'authed', expiresIn: 20 }])
  await world.clock.pass(6000)
  expect(peer.closedWith()).toBe(null)
  peer.take('reauth')
  peer.send({ f: 'auth', token: 'down' })
  await world.clock.settle()
  expect(peer.take('reauth')).toEqual([{ f: 'reauth', within: 5, why: 'busy' }])
  peer.send({ f: 'auth', token: 'bob' })
  await world.clock.settle()
  expect(peer.last('bye')).toMatchObject({ code: 'wrong-user', final: true })
  let other = await world.enter('ann')
  other.send({ f: 'auth', token: 'bad' })
  await world.clock.settle()
  expect(other.last('bye')).toMatchObject({ code: 'unauthorized', final: true })
})

test('[H10] a planned end is announced with a window', async () => {
  let world = createWorld({ limits: { retry: [200, 900] } })
  let ann = await world.join('ann')
  ann.send(pushOf(1))
  let closing = world.hub.close('deploy')
  expect(ann.last('bye')).toEqual({ f: 'bye', code: 'restart', final: false, retry: [200, 900], why: 'deploy' })
  expect(ann.closedWith()).toEqual({ code: 4503, reason: 'restart' })
  await world.clock.settle()
  await closing
  let late = world.connect()
  expect(late.last('bye').code).toBe('restart')
})

test('[H11] a logout tells the app which token to revoke, and ends presence at once', async () => {
  let ended: unknown[] = []
  let world = createWorld({
    authenticate: ({ token, user }) => ({ user: user ?? '', claims: { role: 'guest', token } }),
    revoke: session => {
      ended.push(session)
      throw new Error('a revocation that fails is reported, and ends the session all the same')
    }
  })
  let ann = await world.join('ann')
  let bob = await world.join('bob')
  ann.send({ f: 'bye', code: 'logout', final: true })
  await world.clock.settle()
  expect(ended).toMatchObject([{ user: 'ann', claims: { role: 'guest' } }])
  expect(ann.closedWith()).toEqual({ code: 1000, reason: 'logout' })
  expect(bob.take('presence').flatMap(frame => frame.left ?? [])).toHaveLength(1)
})

test('[L1] pings tell where the rooms stand', async () => {
  let world = createWorld()
  let peer = await world.join('ann')
  peer.send({ f: 'join', ref: 2, room: 's', only: true }, pushOf(1))
  await world.clock.pass(5999)
  expect(peer.take('ping')).toEqual([])
  await world.clock.pass(1)
  let { epoch } = peer.got.find(frame => frame.f === 'joined') as Extract<Frame, { f: 'joined' }>
  expect(peer.take('ping')).toEqual([{ f: 'ping', x: 6000, now: world.clock.now(), rooms: { r: [epoch, 1] } }])
})

test('[L2] a connection that is silent for three heartbeats is ended', async () => {
  let world = createWorld()
  let silent = await world.join('ann')
  let alive = await world.join('bob')
  for (let i = 0; i < 5; i++) {
    await world.clock.pass(5000)
    alive.send({ f: 'pong', x: 1 })
  }
  expect(silent.last('bye')).toMatchObject({ code: 'timeout', final: false })
  expect(alive.closedWith()).toBe(null)
})

test('[L2] a server that slept does not blame its peers', async () => {
  let sleepy = createWorld()
  let peer = await sleepy.enter('ann')
  let slept = 0
  let mono = sleepy.clock.mono
  sleepy.clock.mono = () => mono() + slept
  slept = 60_000
  await sleepy.clock.pass(6000)
  expect(peer.closedWith()).toBe(null)
  await sleepy.clock.pass(18_000)
  expect(peer.last('bye').code).toBe('timeout')
})

test('[L3] answers a ping of the client', async () => {
  let world = createWorld()
  let peer = await world.enter('ann')
  peer.send({ f: 'ping', x: 42 })
  await world.clock.settle()
  expect(peer.last('pong')).toEqual({ f: 'pong', x: 42, now: world.clock.now() })
})

test('[L4] a slow peer gets no more events, then a gap, then nothing until it joins again', async () => {
  let world = createWorld()
  let ann = await world.join('ann')
  let bob = await world.join('bob')
  bob.stuffed = 2_000_000
  ann.send(pushOf(1), pushOf(2))
  await world.clock.settle()
  ann.send(pushOf(3))
  await world.clock.pass(1000)
  expect(bob.take('event')).toEqual([])
  expect(bob.take('gap')).toEqual([])
  bob.stuffed = 0
  await world.clock.pass(100)
  let { epoch } = bob.last('joined')
  expect(bob.take('gap')).toEqual([{ f: 'gap', room: 'r', epoch, offset: 3 }])
  ann.send(pushOf(4))
  await world.clock.settle()
  expect(bob.take('event')).toEqual([])
  bob.send({ f: 'join', ref: 2, room: 'r', epoch, offset: 0 })
  await world.clock.settle()
  expect(bob.take('event').map(({ offset }) => offset)).toEqual([1, 2, 3, 4])
  ann.send(pushOf(5))
  await world.clock.settle()
  expect(bob.take('event').map(({ offset }) => offset)).toEqual([5])
  expect(bob.take('gap')).toEqual([])
})

test('[L5] a peer that is far too slow is ended', async () => {
  let world = createWorld()
  let peer = await world.join('ann')
  peer.stuffed = 5_000_000
  await world.clock.pass(6000)
  expect(peer.last('bye').code).toBe('slow')
  let asking = await world.join('bob')
  asking.stuffed = 5_000_000
  asking.send({ f: 'fetch', ref: 1, room: 'r', limit: 1000 })
  expect(asking.last('bye').code).toBe('slow')
})

test('[H4] a token of somebody else opens nothing under the claimed name', async () => {
  let world = createWorld({ authenticate: ({ token }) => ({ user: token ?? '' }) })
  let peer = await world.enter('ann', { token: 'bob' })
  expect(peer.got).toMatchObject([{ f: 'bye', code: 'wrong-user', final: true }])
  expect(peer.closedWith()?.code).toBe(4401)
  let unnamed = await world.enter('ann', { token: 'bob', user: undefined })
  expect(unnamed.last('welcome').user).toBe('bob')
})

test('[H8] a token that ran out some seconds ago is taken, one that did so before is not', async () => {
  let expiresIn = -9
  let world = createWorld({ authenticate: ({ user }) => ({ user: user ?? '', expiresIn }) })
  let late = await world.enter('ann')
  expect(late.last('welcome')).toMatchObject({ expiresIn: 0 })
  expect(late.take('reauth')).toMatchObject([{ within: 0 }])
  await world.clock.pass(999)
  expect(late.closedWith()).toBe(null)
  await world.clock.pass(1)
  expect(late.last('bye')).toMatchObject({ code: 'expired', final: false })
  expiresIn = -10
  let stale = await world.enter('ann')
  expect(stale.got).toMatchObject([{ f: 'bye', code: 'unauthorized', final: true, why: 'the token has expired' }])
})

test('[H12] a user who is revoked is put out at once, with all sessions, and nobody else', async () => {
  let world = createWorld()
  let phone = await world.join('ann', 'r', { hello: { cid: 'phone' } })
  let desk = await world.join('ann', 'r', { hello: { cid: 'desk' } })
  let bob = await world.join('bob')
  bob.take('presence')
  expect(world.hub.revoke({ user: 'ann' }, 'left the company')).toBe(2)
  for (let peer of [phone, desk]) {
    expect(peer.last('bye')).toEqual({ f: 'bye', code: 'revoked', final: true, why: 'left the company' })
    expect(peer.closedWith()).toEqual({ code: 4403, reason: 'revoked' })
  }
  await world.clock.settle()
  expect(bob.take('presence').flatMap(frame => frame.left ?? [])).toHaveLength(2)
  expect(bob.closedWith()).toBe(null)
  expect(world.hub.revoke({ user: 'ann' })).toBe(0)
})

test('[H12] one session may be revoked, and is not resumed', async () => {
  let world = createWorld()
  let phone = await world.join('ann', 'r', { hello: { cid: 'phone' } })
  let desk = await world.join('ann', 'r', { hello: { cid: 'desk' } })
  let { sid } = phone.last('welcome')
  expect(world.hub.revoke({ sid, user: 'bob' })).toBe(0)
  expect(world.hub.revoke({ sid })).toBe(1)
  expect(phone.last('bye').code).toBe('revoked')
  expect(desk.closedWith()).toBe(null)
  let again = await world.enter('ann', { cid: 'phone', gen: 2, sid })
  expect(again.last('welcome').sid).not.toBe(sid)
  for (let who of [{}, null, { user: '' }, { sid: 7 }] as never[]) {
    expect(() => world.hub.revoke(who)).toThrow(expect.objectContaining({ code: 'bad-argument' }))
  }
})

test('[H12] a hello that the app was looking at meanwhile is looked at again', async () => {
  let banned = false
  let answers: (() => void)[] = []
  let world = createWorld({
    authenticate({ user = '' }) {
      let isBanned = banned
      return new Promise((resolve, reject) => {
        answers.push(() => (isBanned ? reject(new RealtimeError('unauthorized', 'banned')) : resolve({ user })))
      })
    }
  })
  let peer = await world.enter('ann')
  banned = true
  world.hub.revoke({ user: 'ann' })
  answers.shift()?.()
  await world.clock.settle()
  expect(peer.got).toEqual([])
  answers.shift()?.()
  await world.clock.settle()
  expect(peer.last('bye')).toMatchObject({ code: 'unauthorized', why: 'banned' })
})

test('[H13] the window grows with the number of clients, and is told when it changes', async () => {
  let world = createWorld()
  // Young, it does not know how many will come.
  let first = await world.enter('ann')
  expect(first.last('welcome').retry).toEqual([0, 5000])
  let alive = async (ms: number, ...peers: { send(frame: Frame): void }[]): Promise<void> => {
    for (let past = 0; past < ms; past += 6000) {
      for (let peer of peers) peer.send({ f: 'ping', x: 1 })
      await world.clock.pass(6000)
    }
  }
  await alive(36_000, first)
  expect(first.take('ping').flatMap(({ retry }) => (retry ? [retry] : []))).toEqual([[0, 1000]])
  let many = []
  for (let i = 0; i < 99; i++) many.push(await world.enter(`user-${i}`))
  expect(many[5]?.last('welcome').retry).toEqual([0, 1000])
  expect(many[35]?.last('welcome').retry).toEqual([0, 3200])
  expect(many.at(-1)?.last('welcome').retry).toEqual([0, 5000])
  await alive(6000, first, ...many)
  expect(first.last('ping').retry).toEqual([0, 5000])
  void world.hub.close()
  // Everybody is told the same, first or last.
  expect(new Set(many.map(peer => String(peer.last('bye').retry)))).toEqual(new Set(['0,5000']))
})
