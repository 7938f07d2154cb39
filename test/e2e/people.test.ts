// People as two real pages see each other: who types, who is away on all tabs, who says so by hand, who calls and edits;
// offline and back.

import type { Page } from 'playwright'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import type { watchActivity } from '../../src/devices/activity.js'
import type { typing, typingText } from '../../src/features/typing.js'
import type { createPresence, Person, Presence } from '../../src/kits/presence.js'
import { createWorld, type Device, until, type World } from './world.js'

type Handle = import('../../src/feature.js').Handle<typeof typing>

declare global {
  var client: import('../../src/client.js').Realtime
  var presence: Presence
  /** What this tab's own activity is. */
  var isActive: boolean
  var chat: Handle
  var typingLine: () => string
  var person: (user: string) => Person | undefined
}

/** So long without a key or a movement is away, in milliseconds. */
const IDLE = 800

let world: World
beforeAll(async () => {
  world = await createWorld({
    modules: true,
    handlers: 'test/support/handlers/people.mjs',
    limits: { presenceGrace: 1500 }
  })
})
afterAll(() => world.close())
afterEach(() => expect(world.pageErrors).toEqual([]))

async function enter(page: Page, { url }: Device, user: string, room: string): Promise<void> {
  await page.evaluate(
    async ([url, user, room, idleAfter]) => {
      let { createPresence: create } = await load<{ createPresence: typeof createPresence }>(
        'realtime-stores/kits/presence'
      )
      let { watchActivity: watch } = await load<{ watchActivity: typeof watchActivity }>(
        'realtime-stores/devices/activity'
      )
      let { typing: feature, typingText: text } = await load<{ typing: typeof typing; typingText: typeof typingText }>(
        'realtime-stores/features/typing'
      )
      let client = RS.createRealtime({ url, app: 'people', user })
      let presence = create(client, room)
      let feed = (isActive: boolean): void => {
        window.isActive = isActive
        presence.setActive(isActive)
      }
      watch(feed, { idleAfter, hiddenAfter: 100 })
      let chat = client.room(room).use(feature)
      presence.$state.subscribe(() => {})
      chat.$state.subscribe(() => {})
      client.connect()
      Object.assign(window, {
        client,
        presence,
        chat,
        typingLine: () => text(chat.$state.get().typing.map(({ userId }) => userId)),
        person: (user: string) => presence.$state.get().people[user]
      })
    },
    [url, user, room, IDLE] as const
  )
  await until(page, () => !window.presence.$state.get().stale)
}

async function arrive(user: string, room: string, device?: Device) {
  let at = device ?? (await world.device())
  let page = await at.tab()
  await enter(page, at, user, room)
  return { device: at, page }
}

/** Waits until the page shows this of a user. */
async function shows(page: Page, user: string, expected: Partial<Person>): Promise<void> {
  await expect
    .poll(() => page.evaluate(user => window.person(user), user), { timeout: 10_000, interval: 30 })
    .toMatchObject(expected)
}

test('who types is seen by the others while it lasts, together, and on no device of their own', async () => {
  let [{ page: ben }, ann, { page: zoe }] = await Promise.all([
    arrive('ben', 'typing'),
    arrive('ann', 'typing'),
    arrive('zoe', 'typing')
  ])
  let { page: tab } = await arrive('ann', 'typing', ann.device)
  await ann.page.evaluate(() => window.chat.startTyping())
  await until(ben, () => window.typingLine() === 'ann is typing')
  await zoe.evaluate(() => window.chat.startTyping())
  await until(ben, () => window.typingLine() === 'ann and zoe are typing')
  expect(await tab.evaluate(() => window.chat.$state.get().typing.map(({ userId }) => userId))).not.toContain('ann')
  // Nothing more is pressed: one second later it is over.
  await until(ben, () => window.typingLine() === '', undefined, 3000)
})

test('the message ends it, also where the word of it never comes', async () => {
  let [{ page: ben }, { page: ann }] = await Promise.all([arrive('ben', 'message'), arrive('ann', 'message')])
  await ben.evaluate(async () => {
    let lines: string[] = []
    Object.assign(window, { lines })
    client
      .room('message')
      .use(RS.memory)
      .$state.listen(({ memories }) => {
        let last = memories.at(-1)
        if (!last) return
        lines.push(window.typingLine())
        window.chat.messageFrom(last.by, last.at)
        lines.push(window.typingLine())
      })
  })
  // The sender never stops, as if the word of it were lost.
  await ann.evaluate(() => window.chat.startTyping())
  await until(ben, () => window.typingLine() === 'ann is typing')
  await ann.evaluate(() => window.client.room('message').use(RS.memory).createMemory('hello'))
  await until(ben, () => (window as unknown as { lines: string[] }).lines.length > 0)
  expect(await ben.evaluate(() => (window as unknown as { lines: string[] }).lines)).toEqual(['ann is typing', ''])
})

test('a device is away when none of its tabs is used, and back with the first movement in any', async () => {
  let { page: ben } = await arrive('ben', 'away')
  let ann = await arrive('ann', 'away')
  let { page: two } = await arrive('ann', 'away', ann.device)
  // One of them is used; the other one goes idle meanwhile, and must not speak for the device.
  let moving = await two.evaluate(() =>
    window.setInterval(() => window.dispatchEvent(new PointerEvent('pointermove')), 50)
  )
  await until(ann.page, () => !window.isActive)
  await ann.page.evaluate(() => window.presence.setActivity('reading'))
  await shows(ben, 'ann', { status: 'online', activity: 'reading' })
  await two.evaluate(timer => clearInterval(timer), moving)
  await shows(ben, 'ann', { status: 'away', devices: 1 })
  await ann.page.keyboard.press('a')
  await shows(ben, 'ann', { status: 'online' })
  // The tab that was used is closed; the other one has long been idle.
  await ann.page.close()
  await shows(ben, 'ann', { status: 'away', devices: 1 })
})

test('by hand it counts on all devices, also when said offline, after a reload, and until it is taken back', async () => {
  let { page: ben } = await arrive('ben', 'hand')
  let ann = await arrive('ann', 'hand')
  let { page: phone } = await arrive('ann', 'hand')
  ann.device.network.cut()
  await until(ann.page, () => window.presence.$state.get().stale)
  await ann.page.evaluate(() => window.presence.setStatus('busy'))
  await shows(ann.page, 'ann', { status: 'busy', isManual: true })
  expect(await ben.evaluate(() => window.person('ann')?.isManual)).toBe(false)
  await ann.page.reload()
  ann.device.network.restore()
  await enter(ann.page, ann.device, 'ann', 'hand')
  for (let page of [ann.page, ben, phone]) await shows(page, 'ann', { status: 'busy', isManual: true })
  await phone.evaluate(() => window.presence.setStatus(null))
  for (let page of [ann.page, ben]) await shows(page, 'ann', { isManual: false })
})

test('calls and what is edited are seen, through a cut as well, and end with the tab', async () => {
  let { page: ben } = await arrive('ben', 'call')
  let ann = await arrive('ann', 'call')
  let { page: two } = await arrive('ann', 'call', ann.device)
  await ann.page.evaluate(() => window.presence.setCall('video'))
  await two.evaluate(() => window.presence.setEditing('the title'))
  await shows(ben, 'ann', { call: 'video', editing: 'the title', devices: 1 })
  ann.device.network.cut()
  await until(two, () => window.presence.$state.get().stale)
  await two.evaluate(() => window.presence.setEditing('the end'))
  ann.device.network.restore()
  await two.evaluate(() => window.client.probe())
  await shows(ben, 'ann', { call: 'video', editing: 'the end' })
  // A crash takes nothing back by itself: the other tab notices.
  await ann.page.close()
  await shows(ben, 'ann', { call: 'none', editing: 'the end', devices: 1 })
})

test('who leaves is noted and was last seen then, for those who come later too', async () => {
  let { page: ben } = await arrive('ben', 'left')
  let ann = await arrive('ann', 'left')
  await until(ben, () => window.presence.$state.get().onlineCount === 2)
  let before = Date.now()
  await ann.page.close()
  await until(ben, () => window.presence.$state.get().onlineCount === 1)
  let { page: cy } = await arrive('cy', 'left')
  for (let page of [ben, cy]) await shows(page, 'ann', { status: 'offline', devices: 0 })
  let lastSeen = await cy.evaluate(() => window.person('ann')?.lastSeen ?? 0)
  expect(lastSeen).toBeGreaterThanOrEqual(before - 50)
  expect(lastSeen).toBeLessThan(Date.now() + 50)
  let notices = () =>
    ben.evaluate(() => window.presence.$state.get().notices.map(({ type, userId }) => `${type} ${userId}`))
  expect(await notices()).toEqual(['userJoined ann', 'userLeft ann', 'userJoined cy'])
})

test('a client that lies about whose status it is gets nothing', async () => {
  let { page: ben } = await arrive('ben', 'lies')
  let { page: eve, device } = await arrive('eve', 'lies')
  let code = await eve.evaluate(async url => {
    let { personaStatus } = await load<typeof import('../../src/features/persona-status.js')>(
      'realtime-stores/features/persona-status'
    )
    let { name, version, events, initial, reduce } = personaStatus
    let lying = RS.defineFeature({
      name,
      version,
      events,
      initial,
      reduce,
      commands: { lie: () => ({ type: 'updatePersonaStatus', data: { personaId: 'ben', status: 'offline' } }) as const }
    })
    let liar = RS.createRealtime({ url, app: 'liar', user: 'eve' })
    let { lie } = liar.room('lies').use(lying)
    liar.connect()
    return lie().acked.catch(error => error.code)
  }, device.url)
  expect(code).toBe('forbidden')
  await eve.evaluate(() => window.presence.setStatus('busy'))
  await shows(ben, 'eve', { status: 'busy' })
  expect(await ben.evaluate(() => window.person('ben')?.isManual)).toBe(false)
})
