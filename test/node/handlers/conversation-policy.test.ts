// Clients that lie about who they are, where they are, and what they may: over raw sockets, so that every byte they get is seen.

import { expect, test } from 'vitest'
import { type ChatState, chat } from '../../../src/features/chat.js'
import { directConversation, directPair } from '../../../src/features/conversation-ids.js'
import { conversations } from '../../../src/features/conversations.js'
import { conversationPolicy } from '../../../src/handlers/conversation-policy.js'
import { createInbox } from '../../../src/handlers/inbox.js'
import type { Hub } from '../../../src/server/hub.js'
import { createWorld, pushOf, type TestPeer } from '../server/world.js'

const GARDEN = 'conversation:garden'
const SECRET = 'the roses are for you'

function createTown(mayEnter?: Parameters<typeof conversationPolicy>[0]['mayEnter']) {
  let hub!: Hub
  let world = createWorld({
    features: [chat, conversations],
    authenticate: ({ token = '' }) => ({ user: token.replace('token of ', ''), claims: { groups: [GARDEN] } }),
    policy: conversationPolicy({ hub: () => hub, ...(mayEnter && { mayEnter }) })
  })
  hub = world.hub
  createInbox(hub)
  let count = 0
  return {
    ...world,
    /** A connection of a user, or of one who says so with another's token. */
    person: (user: string, token = `token of ${user}`) => world.enter(user, { cid: `cid-${++count}`, token }),
    async join(peer: TestPeer, room: string) {
      let ref = ++count
      peer.send({ f: 'join', ref, room })
      await world.clock.settle()
      let nack = peer.got.find(frame => frame.f === 'nack' && frame.ref === ref) as { code: string } | undefined
      return nack?.code ?? 'joined'
    },
    /** The first or a later action of a peer in a room: its answer. */
    async push(peer: TestPeer, room: string, n: number, type: string, data: unknown) {
      let id = `id-${++count}`
      peer.send(pushOf(n, { room, id, feature: 'chat', type, data }))
      await world.clock.pass(50)
      let answer = peer.got.find(frame => (frame.f === 'ack' || frame.f === 'nack') && frame.id === id)
      return answer?.f === 'nack' ? answer.code : answer?.f
    },
    /** The app's own server code says so. */
    async app(type: string, data: unknown, by: string) {
      let pushed = hub.room(GARDEN).push(chat, type, data, { by })
      await world.clock.pass(50)
      return pushed
    },
    async state(room: string): Promise<ChatState> {
      let state = hub.room(room).state(chat)
      await world.clock.settle()
      return state
    }
  }
}

test('a message for one reaches these two alone: no byte of it comes to a third, wherever that one looks', async () => {
  let town = createTown()
  let [ann, bob, cyd] = (await Promise.all(['ann', 'bob', 'cyd'].map(user => town.person(user)))) as [
    TestPeer,
    TestPeer,
    TestPeer
  ]
  let direct = directConversation('ann', 'bob')
  for (let by of ['ann', 'bob', 'cyd']) await town.app('joined', {}, by)
  for (let peer of [ann, bob, cyd]) expect(await town.join(peer, GARDEN)).toBe('joined')
  expect(await town.join(ann, direct)).toBe('joined')
  expect(await town.join(bob, 'user:bob')).toBe('joined')
  expect(await town.join(cyd, direct)).toBe('forbidden')
  for (let room of ['user:ann', 'user:bob']) expect(await town.join(cyd, room)).toBe('forbidden')

  expect(await town.push(ann, direct, 1, 'message', { content: SECRET, recipientId: 'bob' })).toBe('ack')
  cyd.send({ f: 'fetch', ref: 99, room: direct, limit: 50 })
  cyd.send({ f: 'presence', room: direct, sync: true } as never)
  await town.clock.pass(1000)

  expect(bob.messages.join()).toContain(SECRET)
  expect(await town.join(bob, direct)).toBe('joined')
  expect(cyd.messages.join()).not.toContain(SECRET)
  expect(cyd.last('nack')).toMatchObject({ ref: 99, code: 'order' })
  expect((await town.state(direct)).members.map(({ user }) => user)).toEqual(['ann', 'bob'])
})

test('a message for one is taken in no other room, not even where they are alone', async () => {
  let town = createTown()
  let ann = await town.person('ann')
  await town.join(ann, GARDEN)
  expect(await town.push(ann, GARDEN, 1, 'joined', {})).toBe('ack')
  expect(await town.push(ann, GARDEN, 2, 'message', { content: SECRET, recipientId: 'bob' })).toBe('not-private')
  await town.join(ann, directConversation('ann', 'bob'))
  let direct = directConversation('ann', 'bob')
  expect(await town.push(ann, direct, 1, 'message', { content: SECRET, recipientId: 'cyd' })).toBe('not-private')
  expect(await town.push(ann, direct, 2, 'joined', {})).toBe('ack')
  expect(await town.push(ann, direct, 3, 'invited', { user: 'cyd' })).toBe('not-private')
  expect((await town.state(GARDEN)).total).toBe(0)
})

test('members only: who is not invited neither hears nor says anything', async () => {
  let town = createTown()
  let [ann, bob, cyd, dan] = (await Promise.all(['ann', 'bob', 'cyd', 'dan'].map(user => town.person(user)))) as [
    TestPeer,
    TestPeer,
    TestPeer,
    TestPeer
  ]
  await town.join(ann, GARDEN)
  // It is still empty: whoever is here first opens it.
  expect(await town.join(cyd, GARDEN)).toBe('joined')
  expect(await town.join(dan, GARDEN)).toBe('joined')
  expect(await town.push(ann, GARDEN, 1, 'joined', {})).toBe('ack')
  // Who was there before it was anybody's hears nothing from then on.
  expect(await town.join(cyd, GARDEN)).toBe('forbidden')
  expect(await town.push(cyd, GARDEN, 1, 'joined', {})).toBe('order')
  expect(await town.join(bob, GARDEN)).toBe('forbidden')
  expect(await town.push(bob, GARDEN, 1, 'joined', {})).toBe('order')
  expect(await town.push(ann, GARDEN, 2, 'invited', { user: 'bob' })).toBe('ack')
  expect(await town.join(bob, GARDEN)).toBe('joined')
  expect(await town.push(bob, GARDEN, 1, 'message', { content: SECRET })).toBe('ack')
  expect(ann.messages.join()).toContain(SECRET)
  for (let peer of [cyd, dan]) expect(peer.messages.join()).not.toContain(SECRET)
  expect((await town.state(GARDEN)).messages.map(({ sender }) => sender)).toEqual(['bob'])
})

test('what was said where all have left is read by none but those who were there', async () => {
  let town = createTown()
  let [ann, bob, cyd] = (await Promise.all(['ann', 'bob', 'cyd'].map(user => town.person(user)))) as [
    TestPeer,
    TestPeer,
    TestPeer
  ]
  for (let by of ['ann', 'bob']) await town.app('joined', {}, by)
  await town.app('message', { content: SECRET }, 'ann')
  for (let by of ['ann', 'bob']) await town.app('left', {}, by)
  expect(await town.join(cyd, GARDEN)).toBe('forbidden')
  cyd.send({ f: 'fetch', ref: 99, room: GARDEN, limit: 50 })
  await town.clock.pass(1000)
  expect(cyd.messages.join()).not.toContain(SECRET)
  expect(await town.join(bob, GARDEN)).toBe('joined')
  expect(await town.push(bob, GARDEN, 1, 'joined', {})).toBe('ack')
  expect(await town.join(ann, GARDEN)).toBe('forbidden')
})

test('the app’s claims may decide instead', async () => {
  let town = createTown(({ claims, room }) => (claims as { groups: string[] }).groups.includes(room))
  let ann = await town.person('ann')
  expect(await town.join(ann, GARDEN)).toBe('joined')
  expect(await town.join(ann, 'conversation:shed')).toBe('forbidden')
  expect(await town.push(ann, GARDEN, 1, 'joined', {})).toBe('ack')
})

test('whose word it is says the token, never what a client writes into its hello or its data', async () => {
  let town = createTown()
  let ann = await town.person('ann')
  await town.join(ann, GARDEN)
  await town.push(ann, GARDEN, 1, 'joined', {})
  let { id } = await town.app('message', { content: 'mine' }, 'ann')
  await town.push(ann, GARDEN, 2, 'invited', { user: 'cyd' })

  let liar = await town.person('ann', 'token of cyd')
  expect(liar.closedWith()).toMatchObject({ reason: expect.stringContaining('wrong-user') })

  let cyd = await town.person('cyd')
  await town.join(cyd, GARDEN)
  let forged = { content: 'I am ann', sender: 'ann', actor: 'ann', by: 'ann', timestamp: 1, n: 99 }
  expect(await town.push(cyd, GARDEN, 1, 'message', forged)).toBe('ack')
  expect(await town.push(cyd, GARDEN, 2, 'edited', { id, content: 'stolen', by: 'ann' })).toBe('not-yours')
  expect(await town.push(cyd, GARDEN, 3, 'deleted', { id, sender: 'ann' })).toBe('not-yours')
  let { messages } = await town.state(GARDEN)
  expect(messages).toMatchObject([
    { content: 'mine', sender: 'ann', isDeleted: false },
    { content: 'I am ann', sender: 'cyd', n: 2 }
  ])
  expect(messages[1]?.timestamp).toBeGreaterThan(1)
})

test('a direct conversation has one name, and false names are nobody’s', async () => {
  expect(directConversation('bob', 'ann')).toBe(directConversation('ann', 'bob'))
  let odd = ['a:b', 'ü%3A', '__proto__', 'direct']
  for (let one of odd)
    for (let other of odd)
      if (one !== other) expect(directPair(directConversation(one, other))).toEqual([one, other].sort())
  for (let wrong of ['bob:ann', 'ann', 'ann:ann', 'ann:bob:cyd', 'ann:', '%:ann', 'ann:%62ob', ''])
    expect(directPair(`conversation:direct:${wrong}`)).toBe(null)
  expect(directPair('conversation:ann:bob')).toBe(null)
  expect(() => directConversation('ann', 'ann')).toThrow('recipientId')
  let town = createTown()
  let ann = await town.person('ann')
  expect(await town.join(ann, 'conversation:direct:bob:ann')).toBe('forbidden')
  expect(await town.join(ann, 'conversation:direct:ann')).toBe('forbidden')
})

test('who has left hears nothing more, wherever that one looks', async () => {
  let town = createTown()
  let [ann, cyd] = [await town.person('ann'), await town.person('cyd')]
  for (let by of ['ann', 'cyd']) await town.app('joined', {}, by)
  for (let peer of [ann, cyd]) expect(await town.join(peer, GARDEN)).toBe('joined')
  expect(await town.push(cyd, GARDEN, 1, 'left', {})).toBe('ack')
  expect(await town.push(ann, GARDEN, 1, 'message', { content: SECRET })).toBe('ack')
  cyd.send({ f: 'fetch', ref: 99, room: GARDEN, limit: 50 })
  await town.clock.pass(1000)
  expect(await town.join(cyd, GARDEN)).toBe('forbidden')
  expect(cyd.messages.join()).not.toContain(SECRET)
  expect(ann.messages.join()).toContain(SECRET)
})
