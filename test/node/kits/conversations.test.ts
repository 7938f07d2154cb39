// A page's conversations with the real client and the real server engine under them: what becomes of messages is shown, also
// after a reload, and what is read follows the focus.

import { expect, test } from 'vitest'
import { chat } from '../../../src/features/chat.js'
import { messageOf } from '../../../src/features/chat-messages.js'
import { conversations } from '../../../src/features/conversations.js'
import { conversationPolicy } from '../../../src/handlers/conversation-policy.js'
import { createInbox } from '../../../src/handlers/inbox.js'
import { viewMessages } from '../../../src/kits/conversation-view.js'
import { type Conversation, createConversations, readersOf } from '../../../src/kits/conversations.js'
import type { Device } from '../../../src/testing/device.js'
import { createWorld } from '../../../src/testing/world.js'

const GARDEN = 'conversation:garden'

async function stage() {
  let banned = new Set<string>()
  let world = createWorld({
    features: [chat, conversations],
    server: {
      policy: ({ data, type }) => type !== 'message' || !banned.has((data as { content: string }).content) || 'rude'
    }
  })
  createInbox(world.server.hub)

  function open(user: string, device: Device = world.device(), isFocused = false, receipts = true) {
    let tab = device.openTab(user)
    let feed: (isFocused: boolean) => void = () => {}
    let mine = createConversations(tab.client, {
      receipts,
      watchFocus(call) {
        feed = call
        call(isFocused)
        return () => {
          feed = () => {}
        }
      }
    })
    let garden = mine.open(GARDEN)
    tab.client.connect()
    let unread = () => mine.$list.get().find(({ conversationId }) => conversationId === GARDEN)?.unread
    return { device, tab, mine, garden, unread, focus: (next: boolean) => feed(next) }
  }
  let ann = open('ann')
  let bob = open('bob')
  for (let { garden } of [ann, bob]) garden.joinConversation()
  await world.advance(2000)
  return { world, banned, open, ann, bob }
}

const shown = ({ garden }: { garden: Conversation }) =>
  garden.$messages.get().map(({ content, status }) => `${content} ${status}`)

test('a message is there at once as pending, and then once, in order, as sent', async () => {
  let { world, ann, bob } = await stage()
  for (let i = 0; i < 3; i++) ann.garden.sendMessage({ content: `a${i}` })
  expect(shown(ann)).toEqual(['a0 pending', 'a1 pending', 'a2 pending'])
  let seen: number[] = []
  let stop = ann.garden.$messages.subscribe(
    messages => void seen.push(new Set(messages.map(({ id }) => id)).size - messages.length)
  )
  await world.advance(2000)
  stop()
  expect(seen.every(twice => twice === 0)).toBe(true)
  expect(shown(ann)).toEqual(['a0 sent', 'a1 sent', 'a2 sent'])
  expect(shown(bob)).toEqual(shown(ann))
})

test('what waits is pending after a reload as well, behind what came, and can be taken back', async () => {
  let { world, open, ann, bob } = await stage()
  ann.device.goOffline()
  await ann.garden.sendMessage({ content: 'waits' })
  let second = ann.garden.sendMessage({ content: 'not this' })
  await second
  ann.tab.crash()
  let again = open('ann', ann.device)
  await world.advance(1000)
  expect(shown(again)).toEqual(['waits pending', 'not this pending'])
  expect(await again.garden.discard(second.id)).toBe(true)
  bob.garden.sendMessage({ content: 'meanwhile' })
  await world.advance(1000)
  ann.device.goOnline()
  await world.advance(10_000)
  expect(shown(again)).toEqual(['meanwhile sent', 'waits sent'])
  expect(shown(bob)).toEqual(shown(again))
})

test('a message that is refused stays with its reason, also after a reload, until it is retried or discarded', async () => {
  let { world, banned, open, ann, bob } = await stage()
  banned.add('weeds')
  banned.add('slugs')
  ann.garden.sendMessage({ content: 'weeds' }).acked.catch(() => {})
  let slugs = ann.garden.sendMessage({ content: 'slugs' })
  slugs.acked.catch(() => {})
  ann.garden.sendMessage({ content: 'roses' })
  await world.advance(2000)
  expect(shown(ann)).toEqual(['roses sent', 'weeds failed', 'slugs failed'])
  ann.tab.crash()
  let again = open('ann', ann.device)
  await world.advance(2000)
  expect(shown(again)).toEqual(['roses sent', 'weeds failed', 'slugs failed'])
  let [, weeds] = again.garden.$messages.get()
  expect(weeds).toMatchObject({ code: 'rude', sender: 'ann' })
  expect(await again.garden.discard(slugs.id)).toBe(true)
  banned.clear()
  expect(await again.garden.retry(weeds?.id as string)).toBe(true)
  await world.advance(2000)
  expect(shown(again)).toEqual(['roses sent', 'weeds sent'])
  expect(shown(bob)).toEqual(shown(again))
  expect(again.tab.client.rejected.get()).toEqual([])
})

test('an edit that is refused is told with the message it was about', async () => {
  let { world, ann, bob } = await stage()
  let { id } = ann.garden.sendMessage({ content: 'roses' })
  await world.advance(1000)
  ann.device.goOffline()
  ann.garden.editMessage(id, 'tulips')
  await world.settle()
  expect(ann.garden.$messages.get()[0]).toMatchObject({ content: 'tulips', isChanging: true, status: 'sent' })
  // On another device it is deleted meanwhile.
  await world.server.hub.room(GARDEN).push(chat, 'deleted', { id }, { by: 'ann' })
  ann.device.goOnline()
  await world.advance(10_000)
  expect(ann.garden.$failed.get()).toMatchObject([{ type: 'edited', messageId: id, status: 'failed', code: 'deleted' }])
  expect(ann.garden.$messages.get()[0]).toMatchObject({ content: '', isDeleted: true, isChanging: false })
  expect(bob.garden.$failed.get()).toEqual([])
})

test('only what is shown in a focused window is read, on all devices at once, and the others see how far', async () => {
  let { world, open, ann, bob } = await stage()
  let phone = open('bob')
  await world.advance(1000)
  ann.garden.sendMessage({ content: 'one' })
  ann.garden.sendMessage({ content: 'two' })
  await world.advance(2000)
  expect([bob.unread(), phone.unread(), ann.unread()]).toEqual([2, 2, 0])
  bob.garden.setShown(false)
  bob.focus(true)
  await world.advance(1000)
  expect(bob.unread()).toBe(2)
  bob.garden.setShown(true)
  await world.advance(1000)
  expect([bob.unread(), phone.unread(), bob.mine.$unread.get()]).toEqual([0, 0, 0])
  let last = ann.garden.$messages.get()[1]
  expect(last && readersOf(ann.garden.$state.get(), last).map(({ user }) => user)).toEqual(['bob'])
  bob.focus(false)
  ann.garden.sendMessage({ content: 'three' })
  await world.advance(1000)
  expect([bob.unread(), phone.unread()]).toEqual([1, 1])
})

test('a message for one goes to the conversation of these two, whatever was open', async () => {
  let { world, ann, bob } = await stage()
  expect(() => ann.garden.sendMessage({ content: 'psst', recipientId: 'bob' })).toThrow('recipientId')
  await ann.mine.sendMessage({ content: 'psst', recipientId: 'bob', conversationId: GARDEN })
  await world.advance(3000)
  expect(shown(bob)).toEqual([])
  let [item] = bob.mine.$list.get()
  expect(item).toMatchObject({
    conversationId: 'conversation:direct:ann:bob',
    unread: 1,
    lastMessage: { content: 'psst' }
  })
  expect((await world.server.state(GARDEN, chat)).total).toBe(0)
  bob.mine.open('conversation:direct:ann:bob').sendMessage({ content: 'what?' })
  await world.advance(3000)
  expect(ann.mine.$list.get()[0]).toMatchObject({ unread: 1, lastMessage: { content: 'what?', sender: 'bob' } })
  expect((await world.server.state('conversation:direct:ann:bob', chat)).messages).toMatchObject([
    { recipientId: 'bob' },
    { recipientId: 'ann' }
  ])
})

test('an older message shows its own change before the server has heard of it', async () => {
  let { world, ann } = await stage()
  let first = ann.garden.sendMessage({ content: 'first' })
  for (let i = 0; i < 120; i++) ann.garden.sendMessage({ content: `${i}` })
  await world.advance(3000)
  expect(ann.garden.$messages.get()).toHaveLength(100)
  let loading = ann.garden.loadOlder()
  await world.advance(1000)
  expect(await loading).toBe(true)
  expect(ann.garden.$messages.get()).toHaveLength(121)
  ann.device.goOffline()
  ann.garden.editMessage(first.id, 'edited')
  ann.garden.addReaction(first.id, '🌹')
  await world.settle()
  let older = () => ann.garden.$messages.get()[0]
  expect(older()).toMatchObject({ content: 'edited', isChanging: true, reactions: [{ emoji: '🌹', users: ['ann'] }] })
  ann.device.goOnline()
  await world.advance(10_000)
  expect(older()).toMatchObject({ content: 'edited', isChanging: false, reactions: [{ emoji: '🌹', users: ['ann'] }] })
})

test('what was opened is let go of: nothing is read or heard after that', async () => {
  let { world, ann, bob } = await stage()
  bob.focus(true)
  bob.mine.close()
  ann.garden.sendMessage({ content: 'one' })
  await world.advance(3000)
  expect((await world.server.state('user:bob', conversations)).reads).toEqual([])
  expect(Object.values(world.server.hub.room(GARDEN).members()).map(({ user }) => user)).toEqual(['ann'])
})

test('who tells nobody what they have read has it read all the same, on all devices', async () => {
  let { world, open, ann, bob } = await stage()
  ann.garden.sendMessage({ content: 'one' })
  await world.advance(1000)
  let quiet = open('bob', undefined, true, false)
  await world.advance(2000)
  expect([quiet.unread(), bob.unread()]).toEqual([0, 0])
  expect((await world.server.state(GARDEN, chat)).members.map(({ read }) => read)).toEqual([0, 0])
})

test('a receipt that comes too late troubles nobody', async () => {
  let { world, ann, bob } = await stage()
  ann.garden.sendMessage({ content: 'one' })
  await world.advance(1000)
  bob.device.goOffline()
  bob.focus(true)
  await world.settle()
  expect(bob.tab.client.pending.get().map(({ type }) => type)).toEqual(['read', 'read'])
  await world.server.hub.room(GARDEN).push(chat, 'left', {}, { by: 'bob' })
  bob.device.goOnline()
  await world.advance(10_000)
  expect(bob.tab.client.pending.get()).toEqual([])
  expect(bob.tab.events.filter(({ type }) => type === 'rejected')).toHaveLength(1)
  expect(bob.tab.client.rejected.get()).toEqual([])
})

test('what did not change is the same object, so that a page draws it once', async () => {
  let { world, ann } = await stage()
  ann.garden.sendMessage({ content: 'one' })
  await world.advance(1000)
  let [before] = ann.garden.$messages.get()
  ann.garden.sendMessage({ content: 'two' })
  await world.advance(1000)
  expect(ann.garden.$messages.get()[0]).toBe(before)
  expect(ann.garden.$messages.get()).toHaveLength(2)
})

test('a message in doubt that did arrive is shown once', () => {
  let meta = { id: 'm', actor: 'ann', at: 5 }
  let message = messageOf({ content: 'roses' }, 1, meta)
  let row = { n: 1, id: 'm', room: GARDEN, lane: 'normal', feature: 'chat', type: 'message', data: {}, at: 5 } as const
  let unknown = [{ kind: 'unknown', row, code: 'unknown', message: '', parkedAt: 6 }] as const
  let held = { fresh: new Set<string>(), pending: [], rejected: [], unknown }
  expect(viewMessages([message], [message], held, 'ann')).toMatchObject([{ id: 'm', status: 'sent' }])
  expect(viewMessages([], [], held, 'ann')).toMatchObject([{ id: 'm', status: 'unknown', n: 1 }])
})

test('whoever shows a conversation that was closed to them is let in as soon as they are invited', async () => {
  let world = createWorld({
    features: [chat, conversations],
    server: { policy: conversationPolicy({ hub: () => world.server.hub }) }
  })
  createInbox(world.server.hub)
  let open = (user: string) => {
    let { client } = world.device().openTab(user)
    let garden = createConversations(client, { watchFocus: () => () => {} }).open(GARDEN)
    client.connect()
    return garden
  }
  let ann = open('ann')
  await world.advance(1000)
  ann.joinConversation()
  await world.advance(1000)
  let bob = open('bob')
  await world.advance(2000)
  expect(bob.$status.get().refused).toBe('forbidden')
  ann.sendMessage({ content: 'Is Bob here?' })
  ann.inviteToConversation('bob')
  await world.advance(5000)
  expect(bob.$status.get()).toMatchObject({ refused: null, stale: false })
  expect(bob.$messages.get().map(({ content }) => content)).toEqual(['Is Bob here?'])
})
