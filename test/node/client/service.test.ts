// The companion's service: its stores live as long as the page, whatever comes and goes behind them.

import { afterEach, expect, test } from 'vitest'
import { companionFeatures } from '../../../src/features/index.js'
import { createRealtimeService } from '../../../src/service.js'
import { board, createWorld, type Device, type World } from './world.js'

let ends: (() => Promise<void>)[] = []
afterEach(async () => {
  for (let end of ends.splice(0)) await end()
})

function createPage(world: World, device: Device = world.device()) {
  let { ports, page } = device.page()
  let { service, stores } = createRealtimeService()
  ends.push(() => service.disconnect())
  return {
    service,
    stores,
    device,
    page,
    connect: (user: string, more: { persona?: string } = {}) =>
      service.connect({ url: 'wss://example.test/realtime', app: 'app', user, ...more, devices: ports.devices, ports })
  }
}

let companions = (): World => createWorld({ features: companionFeatures })

test('before connect the stores have their first values, and commands say what to do', () => {
  let { service, stores } = createPage(companions())
  expect(stores.connection.get()).toMatchObject({ phase: 'idle', persona: null, canSend: false })
  expect(stores.status.get()).toMatchObject({ isConnected: false, systemHealth: 'offline' })
  expect(() => service.updateAvatarMood('happy')).toThrow(
    expect.objectContaining({ code: 'not-connected', message: expect.stringContaining('connect(') })
  )
  expect(service.pending.get()).toEqual([])
})

test('connect does not wait for the network; what is done offline is shown, kept and delivered', async () => {
  let world = companions()
  let ann = createPage(world)
  ann.device.network.down = 'silent'
  await ann.connect('ann')
  ann.service.updateAvatarMood('happy')
  expect(ann.stores.avatar.get().currentMood).toBe('happy')
  await world.clock.advance(100)
  expect(ann.service.pending.get()).toHaveLength(1)
  expect(ann.stores.connection.get()).toMatchObject({ persona: 'default', pending: { count: 1 } })
  ann.device.network.down = null
  ann.service.probe()
  await world.clock.advance(60_000)
  expect(ann.service.pending.get()).toEqual([])
  let bob = createPage(world)
  await bob.connect('bob')
  await world.clock.advance(500)
  expect(bob.stores.avatar.get().currentMood).toBe('happy')
  expect(ann.stores.status.get()).toMatchObject({ isConnected: true })
})

test('switching the persona changes the stores at once and for all features, and coming back resumes', async () => {
  let world = companions()
  let ann = createPage(world)
  await ann.connect('ann', { persona: 'luna' })
  await world.clock.advance(500)
  ann.service.updateAvatarMood('happy')
  ann.service.updateHealthScore(80)
  let seen: [string | null, string][] = []
  ann.stores.connection.subscribe(({ persona }) => void seen.push([persona, ann.stores.avatar.get().currentMood]))
  let first = ann.stores.avatar.get().currentMood
  await ann.service.switchPersona('sol')
  expect(ann.stores.connection.get().persona).toBe('sol')
  expect(ann.stores.avatar.get().currentMood).not.toBe('happy')
  expect(ann.stores.relationship.get().healthScore).toBe(null)
  ann.service.updateAvatarMood('calm')
  await world.clock.advance(3000)
  await ann.service.switchPersona('luna')
  await world.clock.advance(500)
  expect(ann.stores.avatar.get().currentMood).toBe('happy')
  expect(ann.stores.relationship.get().healthScore).toBe(80)
  await ann.service.switchPersona('sol')
  await world.clock.advance(500)
  expect(ann.stores.avatar.get().currentMood).toBe('calm')
  expect(first).toBe('happy')
  // Nobody ever saw one persona's name with another one's state.
  expect(seen.some(([persona, mood]) => persona === 'sol' && mood === 'happy')).toBe(false)
})

test('what waits for a persona that was left is delivered to it', async () => {
  let world = companions()
  let ann = createPage(world)
  await ann.connect('ann', { persona: 'luna' })
  await world.clock.advance(500)
  ann.device.network.drop()
  ann.device.network.down = 'refused'
  ann.service.addInsight('kept')
  await ann.service.switchPersona('sol')
  await world.clock.advance(2000)
  ann.device.network.down = null
  await world.clock.advance(30_000)
  expect(ann.service.pending.get()).toEqual([])
  let state = (await world.hub.room('persona:luna').state('relationship')) as { insights: { text: string }[] }
  expect(state.insights.map(({ text }) => text)).toEqual(['kept'])
})

test('memories are read for a user on all devices, the others keep theirs unread', async () => {
  let world = companions()
  let phone = createPage(world)
  let desk = createPage(world)
  let bob = createPage(world)
  await phone.connect('ann')
  await desk.connect('ann')
  await bob.connect('bob')
  await world.clock.advance(500)
  let { id } = bob.service.createMemory('we met')
  await world.clock.advance(200)
  expect([phone, desk].map(({ stores }) => stores.memory.get().unreadCount)).toEqual([1, 1])
  phone.service.markMemoryRead(id)
  await world.clock.advance(200)
  expect([phone, desk].map(({ stores }) => stores.memory.get().unreadCount)).toEqual([0, 0])
})

test('presence tells who is there, and of oneself', async () => {
  let world = companions()
  let ann = createPage(world)
  let bob = createPage(world)
  await ann.connect('ann')
  await bob.connect('bob')
  await world.clock.advance(500)
  ann.service.setStatus('busy')
  ann.service.setActivity('writing')
  await world.clock.advance(300)
  expect(bob.stores.presence.get()).toMatchObject({
    onlineCount: 2,
    members: { ann: { status: 'busy', activity: 'writing' } }
  })
  expect(() => ann.service.setStatus('king' as never)).toThrow(/status must be one of/)
  expect(() => ann.service.setActivity('x'.repeat(201))).toThrow(/activity/)
  await ann.service.disconnect()
  await world.clock.advance(300)
  expect(bob.stores.presence.get().onlineCount).toBe(1)
  expect(bob.stores.presence.get().recent.at(-1)).toMatchObject({ user: 'ann', kind: 'left' })
})

test('connecting again as the same user ends a wait and keeps everything', async () => {
  let world = companions()
  let ann = createPage(world)
  await ann.connect('ann')
  await world.clock.advance(500)
  let connects = ann.device.network.urls.length
  await ann.connect('ann')
  await world.clock.advance(500)
  expect(ann.device.network.urls).toHaveLength(connects)
  ann.device.network.drop()
  ann.device.network.down = 'refused'
  await world.clock.advance(60_000)
  ann.device.network.down = null
  await ann.connect('ann')
  await world.clock.advance(200)
  expect(ann.stores.connection.get().phase).toBe('online')
})

test('another user gets nothing of the former one, who finds everything again', async () => {
  let world = companions()
  let device = world.device()
  let page = createPage(world, device)
  device.network.down = 'refused'
  await page.connect('ann')
  page.service.addInsight('of ann')
  await world.clock.settle()
  let connected = page.connect('bob')
  page.service.addInsight('of bob')
  await connected
  await world.clock.advance(100)
  expect(page.stores.relationship.get().insights.map(({ text }) => text)).toEqual(['of bob'])
  expect(page.service.pending.get()).toHaveLength(1)
  device.network.down = null
  await world.clock.advance(30_000)
  let state = (await world.hub.room('persona:default').state('relationship')) as {
    insights: { text: string; by: string }[]
  }
  expect(state.insights.map(({ by, text }) => [by, text])).toEqual([['bob', 'of bob']])
  await page.connect('ann')
  await world.clock.advance(1000)
  state = (await world.hub.room('persona:default').state('relationship')) as typeof state
  expect(state.insights.map(({ by, text }) => [by, text])).toEqual([
    ['bob', 'of bob'],
    ['ann', 'of ann']
  ])
  expect(page.service.pending.get()).toEqual([])
})

test('after disconnect the stores stay, and commands ask for connect again', async () => {
  let world = companions()
  let ann = createPage(world)
  await ann.connect('ann')
  await world.clock.advance(500)
  ann.service.updateAvatarMood('happy')
  await world.clock.advance(500)
  await ann.service.disconnect()
  expect(ann.stores.connection.get()).toMatchObject({ phase: 'closed' })
  expect(ann.stores.avatar.get().currentMood).toBe('happy')
  expect(() => ann.service.updateAvatarMood('sad')).toThrow(expect.objectContaining({ code: 'not-connected' }))
  await ann.connect('ann')
  await world.clock.advance(500)
  expect(ann.stores.avatar.get().currentMood).toBe('happy')
})

test('refused actions wait in the service’s stores, and can be resolved there', async () => {
  let world = createWorld({ features: companionFeatures, policy: ({ action }) => action !== 'push' || 'not-today' })
  let ann = createPage(world)
  let told: string[] = []
  ann.service.on('rejected', ({ code }) => void told.push(code))
  await ann.connect('ann')
  await world.clock.advance(500)
  let { id } = ann.service.updateAvatarMood('happy')
  await world.clock.advance(500)
  expect(ann.service.rejected.get().map(({ row }) => row.id)).toEqual([id])
  expect(told).toEqual(['not-today'])
  expect(ann.stores.status.get().reasons).toContainEqual(expect.stringContaining('rejected'))
  expect(await ann.service.rejected.discard(id)).toBe(true)
  expect(ann.service.rejected.get()).toEqual([])
})

test('events are logged with a count of unseen ones, and listeners outlive connections', async () => {
  let world = companions()
  let ann = createPage(world)
  let heard: string[] = []
  let stop = ann.service.on('connected', () => void heard.push('connected'))
  ann.service.emitEvent('app-started', { from: 'test' })
  await ann.connect('ann')
  await world.clock.advance(500)
  expect(heard).toEqual(['connected'])
  let { log, unseenCount } = ann.stores.events.get()
  expect(log.map(({ type }) => type)).toEqual(expect.arrayContaining(['app-started', 'connected']))
  expect(unseenCount).toBe(log.length)
  ann.service.markEventsSeen()
  expect(ann.stores.events.get()).toMatchObject({ unseenCount: 0, log })
  ann.service.clearEvents()
  expect(ann.stores.events.get()).toEqual({ log: [], unseenCount: 0 })
  for (let i = 0; i < 250; i++) ann.service.emitEvent(`e${i}`)
  expect(
    ann.stores.events
      .get()
      .log.map(({ type }) => type)
      .at(0)
  ).toBe('e50')
  await ann.service.disconnect()
  await ann.connect('ann')
  await world.clock.advance(500)
  expect(heard).toHaveLength(2)
  stop()
  ann.device.network.drop()
  await world.clock.advance(10_000)
  expect(heard).toHaveLength(2)
})

test('an app may use features of its own beside those of the companion', async () => {
  let world = createWorld({ features: [...companionFeatures, board] })
  let ann = createPage(world)
  await ann.connect('ann')
  await world.clock.advance(500)
  ann.service.room().use(board).note('here')
  ann.service.enter('elsewhere').use(board).note('there')
  await world.clock.advance(500)
  expect(await world.notes('persona:default')).toEqual(['here'])
  expect(await world.notes('elsewhere')).toEqual(['there'])
})
