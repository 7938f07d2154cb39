// Who is typing, as the others see it: also when the word that it is over never comes.

import { describe, expect, test } from 'vitest'
import { defineFeature, volatile } from '../../../src/feature.js'
import { typing, typingText } from '../../../src/features/typing.js'
import { anything } from '../../../src/schema.js'
import { createWorld } from '../../../src/testing/world.js'
import { createPage } from './world.js'

describe('what is sent', () => {
  test('one word for many keys, again while it goes on, and an end after one second of silence', async () => {
    let page = createPage(typing)
    let told: [number, boolean][] = []
    let key = () => {
      page.local.startTyping()
      for (let { data } of page.sent.splice(0)) told.push([page.clock.mono(), (data as { isTyping: boolean }).isTyping])
    }
    for (let i = 0; i < 20; i++) {
      key()
      await page.clock.pass(100)
    }
    // The last key came at 1900.
    await page.clock.pass(899)
    expect(page.local.$state.get().isTyping).toBe(true)
    await page.clock.pass(1)
    for (let { data } of page.sent.splice(0)) told.push([page.clock.mono(), (data as { isTyping: boolean }).isTyping])
    expect(told).toEqual([
      [0, true],
      [1500, true],
      [2900, false]
    ])
    expect(page.local.$state.get().isTyping).toBe(false)
    await page.clock.pass(10_000)
    expect(page.sent).toEqual([])
  })

  test('stopTyping says it at once, and only when there is something to stop', async () => {
    let page = createPage(typing)
    page.local.stopTyping()
    expect(page.sent).toEqual([])
    page.local.startTyping()
    page.local.stopTyping()
    page.local.stopTyping()
    await page.clock.pass(5000)
    expect(page.sent.map(({ data }) => data)).toEqual([{ isTyping: true }, { isTyping: false }])
  })
})

describe('what is shown', () => {
  let ids = (page: ReturnType<typeof createPage<typeof typing>>) =>
    page.local.$state.get().typing.map(({ userId }) => userId)

  test('others in the order in which they began, however often they are heard of, and never oneself', async () => {
    let page = createPage(typing)
    page.local.$state.subscribe(() => {})
    page.tell('typing', { isTyping: true }, { actor: 'zoe' })
    await page.clock.pass(10)
    page.tell('typing', { isTyping: true }, { actor: 'bob' })
    page.tell('typing', { isTyping: true }, { actor: 'ann' })
    await page.clock.pass(10)
    page.tell('typing', { isTyping: true }, { actor: 'zoe' })
    expect(ids(page)).toEqual(['zoe', 'bob'])
    page.tell('typing', { isTyping: false }, { actor: 'zoe' })
    expect(ids(page)).toEqual(['bob'])
  })

  test('a message ends what came before it, not what came after, in whatever order they are heard of', async () => {
    let page = createPage(typing)
    page.local.$state.subscribe(() => {})
    let { at } = page.tell('typing', { isTyping: true }, { actor: 'bob' })
    page.tell('typing', { isTyping: true }, { actor: 'zoe' })
    page.local.messageFrom('bob', at)
    expect(ids(page)).toEqual(['zoe'])
    page.local.messageFrom('bob', at - 1000)
    expect(ids(page)).toEqual(['zoe'])
    page.tell('typing', { isTyping: true }, { actor: 'bob', at: at - 1 })
    expect(ids(page)).toEqual(['zoe'])
    page.tell('typing', { isTyping: true }, { actor: 'bob', at: at + 1 })
    expect(ids(page)).toEqual(['zoe', 'bob'])
  })

  test('a listener is told of each change once, and of nothing else', async () => {
    let page = createPage(typing)
    let seen: string[] = []
    page.local.$state.listen(({ typing }) => seen.push(typing.map(({ userId }) => userId).join()))
    for (let i = 0; i < 3; i++) {
      page.tell('typing', { isTyping: true }, { actor: 'bob' })
      await page.clock.pass(100)
    }
    page.tell('typing', { isTyping: false }, { actor: 'bob' })
    page.local.messageFrom('bob', page.clock.now())
    expect(seen).toEqual(['bob', ''])
  })
})

test.each([
  [[], ''],
  [['Ann'], 'Ann is typing'],
  [['Ann', 'Bob'], 'Ann and Bob are typing'],
  [['Ann', 'Bob', 'Cy'], 'Ann, Bob and Cy are typing'],
  [['Ann', 'Bob', 'Cy', 'Di'], 'Ann, Bob and 2 others are typing'],
  [Array.from({ length: 50 }, (_, i) => `P${i}`), 'P0, P1 and 48 others are typing']
])('%j read as «%s»', (names, text) => expect(typingText(names)).toBe(text))

async function room() {
  let world = createWorld({ features: [typing] })
  let join = (user: string, device = world.device()) => {
    let tab = device.openTab(user)
    let handle = tab.client.room('c').use(typing)
    tab.client.connect()
    let ids = () => handle.$state.get().typing.map(({ userId }) => userId)
    return { tab, device, handle, ids }
  }
  let ann = join('ann')
  let bob = join('bob')
  await world.advance(1000)
  return { world, join, ann, bob }
}

describe('through the server', () => {
  test('it is over on every screen three seconds after somebody vanished in the middle of a word', async () => {
    let { world, ann, bob } = await room()
    ann.handle.startTyping()
    await world.advance(100)
    expect(bob.ids()).toEqual(['ann'])
    ann.tab.crash()
    await world.advance(2700)
    expect(bob.ids()).toEqual(['ann'])
    await world.advance(400)
    expect(bob.ids()).toEqual([])
  })

  test('somebody who types on and on never flickers', async () => {
    let { world, ann, bob } = await room()
    let seen = new Set<string>()
    ann.handle.startTyping()
    await world.advance(200)
    bob.handle.$state.listen(() => seen.add(bob.ids().join()))
    for (let i = 0; i < 100; i++) {
      ann.handle.startTyping()
      await world.advance(200)
      seen.add(bob.ids().join())
    }
    expect([...seen]).toEqual(['ann'])
  })

  test('tabs and devices of the one who types do not show it', async () => {
    let { world, join, ann, bob } = await room()
    let tab = join('ann', ann.device)
    let phone = join('ann')
    await world.advance(1000)
    ann.handle.startTyping()
    await world.advance(100)
    expect([ann.ids(), tab.ids(), phone.ids(), bob.ids()]).toEqual([[], [], [], ['ann']])
  })

  test('a joiner sees who is typing', async () => {
    let { world, join, ann } = await room()
    ann.handle.startTyping()
    await world.advance(100)
    let cy = join('cy')
    await world.advance(500)
    expect(cy.ids()).toEqual(['ann'])
  })

  test('offline nobody is told afterwards of keys that were pressed then', async () => {
    let { world, ann, bob } = await room()
    ann.device.goOffline()
    await world.advance(100)
    ann.handle.startTyping()
    await world.advance(500)
    ann.device.goOnline()
    await world.advance(400)
    let seen = 0
    bob.handle.$state.listen(({ typing }) => (seen += typing.length))
    await world.advance(10_000)
    expect(seen).toBe(0)
  })

  test('who claims to be somebody else is shown as who they are', async () => {
    let { world, ann, bob } = await room()
    let cy = world.device().openTab('cy')
    let lies = defineFeature({
      name: 'typing',
      version: 1,
      events: { typing: volatile(anything()) },
      initial: null,
      reduce: { typing: state => state },
      commands: { lie: (_, data: unknown) => ({ type: 'typing', data }) }
    })
    let handle = cy.client.room('c').use(lies)
    cy.client.connect()
    await world.advance(1000)
    await handle.lie({ isTyping: true, userId: 'ann', by: 'ann', actor: 'ann' })
    await world.advance(100)
    expect(bob.ids()).toEqual(['cy'])
    ann.handle.startTyping()
    await handle.lie({ isTyping: false, userId: 'ann', by: 'ann' })
    await world.advance(100)
    expect(bob.ids()).toEqual(['ann'])
  })
})
