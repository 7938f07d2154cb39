// Lists of conversations are kept by the real server engine, with clients on it, and by a server that dies at the worst moment.

import { expect, test } from 'vitest'
import { type ChatDraft, chat } from '../../../src/features/chat.js'
import { conversations, listConversations, unreadOf } from '../../../src/features/conversations.js'
import { createInbox, type InboxMessage, type InboxOptions } from '../../../src/handlers/inbox.js'
import { createWorld, type World } from '../../../src/testing/world.js'

const GARDEN = 'conversation:garden'

function createTown(options: InboxOptions = {}) {
  let world = createWorld({ features: [chat, conversations] })
  let reports: string[] = []
  let open = (more: InboxOptions = {}) =>
    createInbox(world.server.hub, { report: (_, code) => void reports.push(code), ...options, ...more })
  let stop = open()
  return { world, reports, open, stop: () => stop() }
}

const listOf = async (world: World, user: string) =>
  listConversations(await world.server.state(`user:${user}`, conversations))

async function say(world: World, by: string, draft: ChatDraft | string, room = GARDEN): Promise<string> {
  let data = typeof draft === 'string' ? { content: draft } : draft
  let { id } = await world.server.hub.room(room).push(chat, 'message', data, { by })
  await world.advance(50)
  return id
}

async function join(world: World, ...users: string[]): Promise<void> {
  for (let by of users) await world.server.hub.room(GARDEN).push(chat, 'joined', {}, { by })
  await world.advance(50)
}

test('every member has the conversation in their list, with the last message and what is unread', async () => {
  let { world } = createTown()
  await join(world, 'ann', 'bob')
  await say(world, 'ann', 'one')
  await say(world, 'bob', 'two')
  await say(world, 'ann', { content: 'three', mentions: ['bob'] })
  expect(await listOf(world, 'ann')).toMatchObject([
    {
      conversationId: GARDEN,
      unread: 1,
      isMentioned: false,
      total: 3,
      lastMessage: { content: 'three', sender: 'ann' }
    }
  ])
  expect(await listOf(world, 'bob')).toMatchObject([
    { conversationId: GARDEN, unread: 2, isMentioned: true, total: 3, lastMessage: { content: 'three', sender: 'ann' } }
  ])
  expect(await listOf(world, 'cyd')).toEqual([])
})

test('what was written before somebody came is not unread for them', async () => {
  let { world } = createTown()
  await join(world, 'ann')
  await say(world, 'ann', { content: 'welcome', mentions: ['bob'] })
  await join(world, 'bob')
  expect(await listOf(world, 'bob')).toMatchObject([
    { unread: 0, isMentioned: false, lastMessage: { content: 'welcome' } }
  ])
  await say(world, 'ann', 'again')
  expect(await listOf(world, 'bob')).toMatchObject([{ unread: 1 }])
})

test('what is edited or deleted is so in the lists, and nothing more is unread by it', async () => {
  let { world } = createTown()
  await join(world, 'ann', 'bob')
  let id = await say(world, 'ann', 'roses')
  await world.server.hub.room(GARDEN).push(chat, 'edited', { id, content: 'tulips' }, { by: 'ann' })
  await world.advance(50)
  expect(await listOf(world, 'bob')).toMatchObject([{ unread: 1, lastMessage: { content: 'tulips' } }])
  await world.server.hub.room(GARDEN).push(chat, 'deleted', { id }, { by: 'ann' })
  await world.advance(50)
  expect(await listOf(world, 'bob')).toMatchObject([{ unread: 1, lastMessage: { content: '', isDeleted: true } }])
})

test('who leaves has it in the list no more, and starts anew on coming back', async () => {
  let { world } = createTown()
  await join(world, 'ann', 'bob')
  await say(world, 'ann', 'one')
  await world.server.hub
    .room('user:bob')
    .push(conversations, 'read', { conversationId: GARDEN, upTo: 1 }, { by: 'bob' })
  await world.server.hub.room(GARDEN).push(chat, 'left', {}, { by: 'bob' })
  await say(world, 'ann', 'two')
  expect(await listOf(world, 'bob')).toEqual([])
  await join(world, 'bob')
  await say(world, 'ann', 'three')
  expect(await listOf(world, 'bob')).toMatchObject([{ unread: 1 }])
})

test('lists are in order of time, the latest first', async () => {
  let { world } = createTown()
  for (let room of ['conversation:a', 'conversation:b', 'conversation:c']) {
    await world.server.hub.room(room).push(chat, 'joined', {}, { by: 'ann' })
    await say(world, 'ann', room, room)
  }
  await say(world, 'ann', 'again', 'conversation:a')
  expect((await listOf(world, 'ann')).map(({ conversationId }) => conversationId.at(-1))).toEqual(['a', 'c', 'b'])
})

test('a burst of messages is told at once, not one by one', async () => {
  let { world } = createTown()
  await join(world, 'ann', 'bob')
  let before = (await world.server.events('user:bob')).length
  let { hub } = world.server
  await Promise.all(
    Array.from({ length: 200 }, (_, i) => hub.room(GARDEN).push(chat, 'message', { content: `${i}` }, { by: 'ann' }))
  )
  await world.advance(100)
  expect(await listOf(world, 'bob')).toMatchObject([{ unread: 200, lastMessage: { content: '199' } }])
  expect((await world.server.events('user:bob')).length - before).toBeLessThan(20)
})

test('a room that is no conversation fills no list', async () => {
  let { world } = createTown()
  await world.server.hub.room('lobby').push(chat, 'joined', {}, { by: 'ann' })
  await say(world, 'ann', 'one', 'lobby')
  expect(await listOf(world, 'ann')).toEqual([])
})

test('a server that dies between the message and the lists makes it good when it is back, and tells of it with the same key', async () => {
  let told: InboxMessage[] = []
  let { world, open } = createTown({
    onMention(message) {
      told.push(message)
      if (told.length === 1) world.server.crash()
    }
  })
  await join(world, 'ann', 'bob')
  let tab = world.device().openTab('ann')
  tab.client.connect()
  let receipt = tab.client
    .room(GARDEN)
    .use(chat)
    .sendMessage({ content: 'roses', mentions: ['bob'] })
  await world.advance(1000)
  expect(told).toHaveLength(1)

  world.server.start()
  open()
  expect(await listOf(world, 'bob')).toMatchObject([{ unread: 0, lastMessage: null }])
  // Ann's client comes back, and with it the room into memory: nothing else happens in it.
  await world.advance(30_000)
  await receipt.acked
  expect(await listOf(world, 'bob')).toMatchObject([
    { unread: 1, isMentioned: true, lastMessage: { content: 'roses' } }
  ])
  expect(told.map(({ user, key }) => [user, key])).toEqual([
    ['bob', `message:${receipt.id}`],
    ['bob', `message:${receipt.id}`]
  ])
  let updates = (await world.server.events('user:bob')).filter(({ type }) => type === 'conversationUpdate')
  expect(updates).toHaveLength(2)

  // Once more into memory: there is nothing to make good.
  await world.server.restart()
  open()
  await world.advance(30_000)
  expect((await world.server.events('user:bob')).filter(({ type }) => type === 'conversationUpdate')).toHaveLength(2)
  expect(told).toHaveLength(2)
})

test('notifiers hear of every message of others once, and of mentions besides; one that fails holds nothing up', async () => {
  let heard: string[] = []
  let { world, reports } = createTown({
    onMessage({ user, message, isMention }) {
      heard.push(`${user} ${message.content}${isMention ? '!' : ''}`)
      if (message.content === 'two') throw new Error('the notifier is down')
    }
  })
  await join(world, 'ann', 'bob', 'cyd')
  await say(world, 'ann', { content: 'one', mentions: ['bob', 'ann'] })
  await say(world, 'ann', 'two')
  await say(world, 'bob', 'three')
  expect(heard.sort()).toEqual(['ann three', 'bob one!', 'bob two', 'cyd one', 'cyd three', 'cyd two'])
  expect(reports).toEqual(['notifier-failed', 'notifier-failed'])
  expect(unreadOf(await world.server.state('user:cyd', conversations), GARDEN)).toBe(3)
})

test('lists that could not be stored are compared again later', async () => {
  let { world, reports } = createTown()
  await join(world, 'ann', 'bob')
  let { hub } = world.server
  let real = hub.room
  let isBroken = true
  hub.room = id => {
    if (isBroken && id === 'user:bob') throw new Error('the disk is full')
    return real(id)
  }
  await say(world, 'ann', 'one')
  expect(reports).toContain('inbox-failed')
  isBroken = false
  expect(await listOf(world, 'bob')).toMatchObject([{ unread: 0 }])
  await world.advance(6000)
  expect(await listOf(world, 'bob')).toMatchObject([{ unread: 1 }])
})

test('who has too long a name for a room of their own is in no list, and is not tried for ever', async () => {
  let { world, reports } = createTown()
  await join(world, 'ann')
  await world.server.hub.room(GARDEN).push(chat, 'invited', { user: 'x'.repeat(256) }, { by: 'ann' })
  await join(world, 'bob')
  await say(world, 'ann', 'one')
  await world.server.hub.room(GARDEN).push(chat, 'left', {}, { by: 'x'.repeat(256) })
  await world.advance(60_000)
  expect(await listOf(world, 'bob')).toMatchObject([{ conversationId: GARDEN, unread: 1 }])
  expect(reports).toEqual([])
})

test('after it was stopped nothing is told', async () => {
  let { world, stop } = createTown()
  await join(world, 'ann')
  stop()
  await say(world, 'ann', 'one')
  expect(await listOf(world, 'ann')).toMatchObject([{ total: 0 }])
})

test('reading on one device is reading on all, also when the marks cross', async () => {
  let { world } = createTown()
  await join(world, 'ann', 'bob')
  let both = [world.device(), world.device()].map(device => {
    let tab = device.openTab('bob')
    let mine = tab.client.room('user:bob').use(conversations)
    tab.client.connect()
    return { device, mine, unread: () => unreadOf(mine.$state.get(), GARDEN) }
  })
  for (let i = 0; i < 5; i++) await say(world, 'ann', `${i}`)
  await world.advance(2000)
  expect(both.map(one => one.unread())).toEqual([5, 5])
  both[0]?.device.goOffline()
  both[0]?.mine.markConversationRead(GARDEN, 2)
  expect(both[0]?.unread()).toBe(3)
  both[1]?.mine.markConversationRead(GARDEN, 4)
  await world.advance(2000)
  both[0]?.device.goOnline()
  await world.advance(10_000)
  expect(both.map(one => one.unread())).toEqual([1, 1])
})

test('what is told later is never overtaken by what was told before', async () => {
  let { world } = createTown()
  await join(world, 'ann', 'bob')
  let { hub } = world.server
  let real = hub.room
  let isFirst = true
  hub.room = id => {
    let room = real(id)
    if (id !== 'user:bob' || !isFirst) return room
    return {
      ...room,
      async push(...args) {
        isFirst = false
        await new Promise<void>(resolve => world.clock.after(1000, resolve))
        return room.push(...args)
      }
    }
  }
  await say(world, 'ann', 'one')
  await say(world, 'ann', 'two')
  await world.advance(2000)
  expect(await listOf(world, 'bob')).toMatchObject([{ unread: 2, lastMessage: { content: 'two' } }])
})
