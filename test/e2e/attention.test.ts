// What gets a person's attention, as real pages see it: notifications on two devices of one user, what friends do, and content
// on its way; offline and back, with the server killed and started again.

import type { Page } from 'playwright'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import type { browserDevices } from '../../src/devices/all.js'
import type { Handle } from '../../src/feature.js'
import type { activity } from '../../src/features/activity.js'
import type { content } from '../../src/features/content.js'
import type { contentInbox } from '../../src/features/content-inbox.js'
import type { notifications } from '../../src/features/notifications.js'
import type { Notified } from '../../src/handlers/notifier.js'
import { createWorld, type Device, until, type World } from './world.js'

interface Mine {
  url: string
  client: import('../../src/client.js').Realtime
  centre: Handle<typeof notifications>
  own: Handle<typeof activity>
  inbox: Handle<typeof contentInbox>
  ops: Handle<typeof content>
  /** Calls of the real `Notification`: what was shown, and what was taken away. */
  desktop: { shown: string[]; closed: string[]; click(): void }
  isFocused: boolean
}
declare global {
  var mine: Mine
}

let world: World
beforeAll(async () => {
  world = await createWorld({ modules: true, handlers: 'test/support/handlers/attention.mjs' })
})
afterAll(() => world.close())
afterEach(() => expect(world.pageErrors).toEqual([]))

/** The browser's own notifications, written down. Pages under test always have the focus: whether they have is said here. */
function record(): void {
  let Real = window.Notification
  let desktop = { shown: [] as string[], closed: [] as string[], click: () => {} }
  window.Notification = class extends Real {
    constructor(title: string, options?: NotificationOptions) {
      super(title, options)
      desktop.shown.push(title)
      desktop.click = () => this.dispatchEvent(new Event('click'))
    }
    override close(): void {
      desktop.closed.push(this.title)
      super.close()
    }
  }
  Object.assign(window, { mine: { desktop, isFocused: false } })
  document.hasFocus = () => window.mine.isFocused
}

async function openTab(device: Device, user: string): Promise<Page> {
  let page = await device.tab({ before: record })
  await page.evaluate(
    async ([url, user]) => {
      let feature = <T>(name: string): Promise<T> => load<T>(`realtime-stores/features/${name}`)
      let { browserDevices: devices } = await load<{ browserDevices: typeof browserDevices }>(
        'realtime-stores/devices/all'
      )
      let { notifications: centre } = await feature<{ notifications: typeof notifications }>('notifications')
      let { activity: own } = await feature<{ activity: typeof activity }>('activity')
      let { contentInbox: inbox } = await feature<{ contentInbox: typeof contentInbox }>('content-inbox')
      let { content: ops } = await feature<{ content: typeof content }>('content')
      let client = RS.createRealtime({ url, app: 'attention', user, devices: devices() })
      let room = client.room(`user:${user}`)
      Object.assign(window.mine, {
        url,
        client,
        centre: room.use(centre),
        own: room.use(own),
        inbox: room.use(inbox),
        ops: client.room('ops').use(ops)
      })
      for (let { $state } of [window.mine.centre, window.mine.own, window.mine.inbox]) $state.subscribe(() => {})
      client.connect()
    },
    [device.url, user] as const
  )
  await live(page)
  return page
}

async function openDevice(user: string): Promise<{ device: Device; page: Page }> {
  let device = await world.device()
  await device.context.grantPermissions(['notifications'], { origin: world.pages.url })
  return { device, page: await openTab(device, user) }
}

function live(page: Page): Promise<void> {
  return until(page, () => {
    let { client } = window.mine
    return client.$connection.get().phase === 'online' && !client.room(`user:${client.user}`).$status.get().stale
  })
}
let drained = (page: Page) => until(page, () => window.mine.client.$connection.get().pending.count === 0)
let away = (page: Page) => until(page, () => window.mine.client.$connection.get().phase !== 'online')
let back = async (page: Page) => {
  await page.evaluate(() => window.mine.client.probe())
  await live(page)
}

let notify = (user: string, title: string, more: object = {}) =>
  world.order<Notified>('notify', { user, category: 'system', title, ...more })

let view = (page: Page) =>
  page.evaluate(() => {
    let { items, unreadCount, heldCount } = window.mine.centre.$state.get()
    return { titles: items.map(({ title }) => title), unreadCount, heldCount }
  })
async function shows(page: Page, expected: Partial<Awaited<ReturnType<typeof view>>>): Promise<void> {
  await expect.poll(() => view(page), { timeout: 15_000, interval: 30 }).toMatchObject(expected)
}
let desktop = async (...pages: Page[]) =>
  (await Promise.all(pages.map(page => page.evaluate(() => window.mine.desktop.shown)))).flat()

test('a notification is read on one device and so on all, offline and over a killed server, shown outside once per device', async () => {
  let [{ device: laptop, page: one }, { device: phone, page: other }, { page: stranger }] = await Promise.all([
    openDevice('ada'),
    openDevice('ada'),
    openDevice('ben')
  ])
  let second = await openTab(laptop, 'ada')
  await notify('ada', 'First', { actions: [{ id: 'yes', title: 'Yes' }] })
  for (let page of [one, second, other]) await shows(page, { titles: ['First'], unreadCount: 1 })
  await expect.poll(() => desktop(one, second)).toEqual(['First'])
  await expect.poll(() => desktop(other)).toEqual(['First'])

  // Somebody looks at the second tab of the laptop: nothing is shown there.
  await second.evaluate(() => {
    window.mine.isFocused = true
  })
  await notify('ada', 'Second')
  await expect.poll(() => desktop(other)).toEqual(['First', 'Second'])
  await until(second, () => window.mine.centre.$state.get().desktop.skipped === 'focused')
  await until(one, () => window.mine.centre.$state.get().desktop.skipped === 'other-tab')
  expect(await desktop(one, second)).toEqual(['First'])

  phone.network.cut()
  await away(other)
  await world.server.kill()
  await away(one)
  await other.evaluate(async () => {
    let { centre } = window.mine
    await centre.markAllRead()
    await centre.dismiss(centre.$state.get().items[0]?.id as string)
  })
  await shows(other, { titles: ['First'], unreadCount: 0 })
  await shows(one, { titles: ['Second', 'First'], unreadCount: 2 })
  await world.server.restart()
  phone.network.restore()
  await Promise.all([one, second, other].map(back))
  for (let page of [one, second, other]) await shows(page, { titles: ['First'], unreadCount: 0 })
  // What came back from the log is not shown again; what is read is taken away.
  await notify('ada', 'Third')
  await expect.poll(() => desktop(other)).toEqual(['First', 'Second', 'Third'])
  expect(await desktop(one, second)).toEqual(['First'])
  let closed = await Promise.all([one, second].map(page => page.evaluate(() => window.mine.desktop.closed)))
  expect(closed.flat()).toEqual(['First'])

  // A click opens it: read on every device.
  await other.evaluate(() => {
    window.mine.centre.onOpened(({ title }) => {
      document.title = `opened ${title}`
    })
    window.mine.desktop.click()
  })
  await shows(one, { titles: ['Third', 'First'], unreadCount: 0 })
  expect(await other.title()).toBe('opened Third')
  expect(await stranger.evaluate(() => window.mine.centre.$state.get().items)).toEqual([])
  await Promise.all([laptop, phone].map(({ context }) => context.close()))
})

test('quiet hours hold what comes, over a restart, and a limit counts what is announced', async () => {
  let [{ device, page: one }, { page: other }] = await Promise.all([openDevice('cleo'), openDevice('cleo')])
  await one.evaluate(async () => {
    let { centre } = window.mine
    let wall = (hours: number): string =>
      new Date(Date.now() + hours * 3_600_000).toLocaleTimeString('en-GB', { timeZone: 'Asia/Tokyo' }).slice(0, 5)
    await centre.setQuietHours({ start: wall(-1), end: wall(2), timeZone: 'Asia/Tokyo', urgentPasses: true })
    await centre.setPreference('system', { limit: { count: 2, seconds: 3600 } }).acked
  })
  expect(await notify('cleo', 'One')).toMatchObject({ outcome: 'held' })
  expect(await notify('cleo', 'Two')).toMatchObject({ outcome: 'held' })
  await shows(other, { titles: [], unreadCount: 0, heldCount: 2 })
  expect(await notify('cleo', 'Fire', { category: 'alert', priority: 'urgent' })).toMatchObject({
    outcome: 'delivered'
  })
  await expect.poll(() => desktop(other)).toEqual(['Fire'])
  await world.server.restart()
  await Promise.all([one, other].map(back))
  expect(await notify('cleo', 'Three')).toMatchObject({ outcome: 'held' })
  await shows(one, { titles: ['Fire'], unreadCount: 1, heldCount: 3 })

  // The hours are ended without a connection: they are over when it is back.
  device.network.cut()
  await away(one)
  await one.evaluate(() => window.mine.centre.setQuietHours(null))
  await shows(other, { heldCount: 3 })
  device.network.restore()
  await back(one)
  for (let page of [one, other])
    await shows(page, { titles: ['Three', 'Two', 'One', 'Fire'], unreadCount: 4, heldCount: 0 })
  await expect.poll(() => desktop(one)).toEqual(['Fire', 'One', 'Two'])
  expect((await notify('cleo', 'Four')).outcome).toBe('silent')
  let muted = () => window.mine.centre.setPreference('memory', { muted: true }).acked
  await other.evaluate(muted)
  expect((await notify('cleo', 'Quietly', { category: 'memory' })).outcome).toBe('listed')
  await shows(one, { titles: ['Quietly', 'Four', 'Three', 'Two', 'One', 'Fire'], unreadCount: 5 })
  expect(await desktop(one)).toEqual(['Fire', 'One', 'Two'])
})

test('what a friend does comes to who follows, also what was told without a connection, and to nobody else', async () => {
  let [{ page: ann }, { device: road, page: bob }, { page: eve }] = await Promise.all([
    openDevice('ann'),
    openDevice('bob'),
    openDevice('eve')
  ])
  await ann.evaluate(() => window.mine.own.subscribe('bob').acked)
  await bob.evaluate(() => window.mine.own.startedListening('So What', 'Miles Davis').acked)
  let feed = (page: Page) =>
    page.evaluate(() =>
      window.mine.own.$state
        .get()
        .feed.map(item => `${item.friend} ${item.kind} ${item.title} ${item.count}${item.targetable ? ' !' : ''}`)
    )
  await expect.poll(() => feed(ann), { timeout: 10_000 }).toEqual(['bob startedListening So What 1'])
  road.network.cut()
  await away(bob)
  await bob.evaluate(async () => {
    await window.mine.own.startedPlaying('Chess')
    await window.mine.own.startedPlaying('Chess')
    await window.mine.own.changeStatus('away')
  })
  road.network.restore()
  await world.server.restart()
  await Promise.all([ann, bob, eve].map(back))
  await drained(bob)
  await expect
    .poll(() => feed(ann), { timeout: 10_000 })
    .toEqual(['bob statusChange away 1', 'bob startedPlaying Chess 2 !', 'bob startedListening So What 1'])
  await shows(ann, { titles: ['bob plays Chess', 'bob plays Chess'], unreadCount: 2 })
  expect(await feed(eve)).toEqual([])
  await shows(eve, { titles: [] })

  // Who speaks for a friend gets nothing, in the room of another or in one's own.
  let codes = await eve.evaluate(async () => {
    let { activity: feature } = await load<{ activity: typeof activity }>('realtime-stores/features/activity')
    let data = { friend: 'bob', title: 'Send money', note: '', priority: 'high', targetable: true }
    let commands = { say: () => ({ type: 'friend:statusChange', data }) }
    let lie = async (client: Mine['client'], room: string): Promise<string> => {
      let { say } = client.room(room).use({ ...feature, commands } as never) as { say(): { acked: Promise<void> } }
      return say().acked.then(
        () => 'acked',
        (error: { code: string }) => error.code
      )
    }
    let liar = RS.createRealtime({ url: window.mine.url, app: 'liar', user: 'eve' })
    liar.connect()
    return [await lie(liar, 'user:ann'), await lie(liar, 'user:eve')]
  })
  expect(codes).toEqual(['forbidden', 'forbidden'])
  expect(await feed(ann)).toHaveLength(3)
  expect(await feed(eve)).toEqual([])
})

test('content goes its way over a killed server and a device that was away, each step once', async () => {
  let [{ page: olga }, { device, page: dan }] = await Promise.all([openDevice('olga'), openDevice('dan')])
  await olga.evaluate(() => window.mine.ops.trigger('dan', { title: 'broken' }))
  let stages = (page: Page) =>
    page.evaluate(() =>
      window.mine.ops.$state.get().deliveries.map(item => item.timeline.map(({ stage }) => stage).join(' '))
    )
  await expect.poll(() => stages(olga), { timeout: 10_000 }).toEqual(['queued attempt attempt sent delivered'])
  device.network.cut()
  await away(dan)
  await olga.evaluate(() => window.mine.ops.trigger('dan', { title: 'slow' }).acked)
  await world.server.restart()
  await back(olga)
  await expect.poll(async () => (await stages(olga))[1], { timeout: 10_000 }).toBe('queued sent')
  device.network.restore()
  await back(dan)
  await expect.poll(async () => (await stages(olga))[1], { timeout: 10_000 }).toBe('queued sent delivered')
  await dan.evaluate(async () => {
    let { inbox } = window.mine
    let ids = inbox.$state.get().items.map(({ id }) => id)
    for (let id of ids) await inbox.confirm(id)
    await inbox.giveFeedback(ids[0] as string, 5, 'worth the wait')
  })
  await expect
    .poll(() => stages(olga), { timeout: 10_000 })
    .toEqual(['queued attempt attempt sent delivered confirmed', 'queued sent delivered confirmed'])
  expect(await dan.evaluate(() => window.mine.inbox.$state.get().items.map(({ body }) => body))).toEqual([
    'slow, delivered',
    'broken, delivered'
  ])
  await olga.evaluate(() => window.mine.ops.generatePreview('song', { name: 'dan' }))
  await until(olga, () => window.mine.ops.$state.get().previews[0]?.result?.title === 'song for dan')
  await until(olga, () => window.mine.ops.$state.get().deliveries[1]?.feedback[0]?.comment === 'worth the wait')
  expect(await olga.evaluate(() => window.mine.ops.$state.get().figures)).toMatchObject({
    triggered: 2,
    sent: 2,
    delivered: 2,
    confirmed: 2,
    failed: 0,
    retried: 2
  })
})
