// Conversations between real pages and the real server: what is written is there at once and arrives once, in order, through
// lost networks, reloads and killed servers; lists, receipts and pages back are the same everywhere.

import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { Page } from 'playwright'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import type { Realtime } from '../../src/client.js'
import type * as Devices from '../../src/devices/all.js'
import type * as Kit from '../../src/kits/conversations.js'
import { type Example, startExample } from '../support/example.js'
import { createWorld, type Device, until, type World } from './world.js'

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

interface App {
  client: Realtime
  mine: Kit.Conversations
  here: Kit.Conversation
}
declare global {
  var app: App
}

let world: World
let example: Example
beforeAll(async () => {
  ;[world, example] = await Promise.all([
    createWorld({ modules: true, handlers: 'test/support/handlers/chat.mjs' }),
    startExample('chat')
  ])
})
afterAll(async () => {
  await Promise.all([world.close(), example.close()])
})
afterEach(async () => {
  await Promise.all(world.browser.contexts().map(context => context.close()))
  expect(world.pageErrors).toEqual([])
})

/** Opens a conversation in a page; reading is off unless asked for. */
async function enter(page: Page, { url }: Device, user: string, id: string, isReading = false): Promise<Page> {
  await page.evaluate(
    async ({ url, user, id, isReading }) => {
      let kit = await load<typeof Kit>('realtime-stores/kits/conversations')
      let client = RS.createRealtime({ url, app: 'e2e-chat', user })
      let mine = kit.createConversations(client)
      let here = mine.open(id)
      here.setShown(isReading)
      window.app = { client, mine, here }
      client.connect()
      await client.ready
    },
    { url, user, id, isReading }
  )
  return page
}

async function arrive(user: string, id: string, isReading = false) {
  let device = await world.device()
  let page = await enter(await device.tab(), device, user, id, isReading)
  await fresh(page)
  return { device, page, user, id }
}

async function join(...people: { page: Page }[]): Promise<void> {
  for (let { page } of people) await page.evaluate(() => app.here.joinConversation().acked)
}

const fresh = (page: Page) => until(page, () => !app.here.$status.get().stale)
const shown = (page: Page) =>
  page.evaluate(() => app.here.$messages.get().map(({ content, status }) => `${content} ${status}`))
const say = (page: Page, ...contents: string[]) =>
  page.evaluate(async contents => {
    for (let content of contents) {
      let receipt = app.here.sendMessage({ content })
      receipt.acked.catch(() => {})
      await receipt
    }
  }, contents)
const unread = (page: Page, id: string) =>
  page.evaluate(id => app.mine.$list.get().find(({ conversationId }) => conversationId === id)?.unread, id)

function showing(page: Page, expected: readonly string[]): Promise<void> {
  return expect.poll(() => shown(page), { timeout: 20_000, interval: 50 }).toEqual(expected)
}

/** The contents of all messages in the room's log: what came twice would be in it twice. */
const logged = (page: Page) =>
  page.evaluate(async () => {
    let { events } = await app.here.room.history({ limit: 1000 })
    return events.flatMap(({ type, data }) => (type === 'message' ? [(data as { content: string }).content] : []))
  })

test('what is written offline is pending through a reload, and arrives once and in order behind what came meanwhile', async () => {
  let ada = await arrive('ada', 'conversation:offline')
  let ben = await arrive('ben', 'conversation:offline')
  await join(ada, ben)
  await say(ada.page, 'before')
  await showing(ben.page, ['before sent'])
  ada.device.network.cut()
  await say(ada.page, 'one', 'two')
  expect(await shown(ada.page)).toEqual(['before sent', 'one pending', 'two pending'])
  await say(ben.page, 'meanwhile')

  await ada.page.reload()
  await enter(ada.page, ada.device, 'ada', ada.id)
  expect(await shown(ada.page)).toEqual(['before sent', 'one pending', 'two pending'])
  ada.device.network.restore()
  await ada.page.evaluate(() => app.client.probe())
  let all = ['before sent', 'meanwhile sent', 'one sent', 'two sent']
  await showing(ada.page, all)
  await showing(ben.page, all)
  expect(await logged(ben.page)).toEqual(['before', 'meanwhile', 'one', 'two'])
})

test('a message that was refused is there after a reload, and is retried', async () => {
  let ada = await arrive('ada', 'conversation:refused')
  let ben = await arrive('ben', 'conversation:refused')
  await join(ada, ben)
  await world.refuse([{ text: 'weeds', code: 'rude' }])
  await say(ada.page, 'weeds', 'roses')
  await showing(ada.page, ['roses sent', 'weeds failed'])
  await ada.page.reload()
  await enter(ada.page, ada.device, 'ada', ada.id)
  await showing(ada.page, ['roses sent', 'weeds failed'])
  await showing(ben.page, ['roses sent'])
  await world.refuse([])
  expect(
    await ada.page.evaluate(() => {
      let failed = app.here.$messages.get().find(({ status }) => status === 'failed')
      return failed && app.here.retry(failed.id).then(isThere => [failed.code, isThere])
    })
  ).toEqual(['rude', true])
  await showing(ada.page, ['roses sent', 'weeds sent'])
  await showing(ben.page, ['roses sent', 'weeds sent'])
})

test('a server that is killed while people write loses and doubles nothing, and the lists are right again', async () => {
  let ada = await arrive('ada', 'conversation:killed')
  let ben = await arrive('ben', 'conversation:killed')
  await join(ada, ben)
  let writing = Promise.all(
    [ada, ben].map(({ page, user }) =>
      page.evaluate(async user => {
        for (let i = 0; i < 40; i++) {
          await app.here.sendMessage({ content: `${user} ${i}`, ...(i === 39 && { mentions: ['ada', 'ben'] }) })
          await new Promise(resolve => setTimeout(resolve, 10))
        }
      }, user)
    )
  )
  await until(ada.page, () => app.here.$messages.get().length > 20)
  await world.server.kill()
  await world.server.restart()
  await writing
  for (let { page } of [ada, ben]) await page.evaluate(() => app.client.probe())
  for (let { page } of [ada, ben])
    await until(page, () => app.here.$messages.get().filter(({ status }) => status === 'sent').length === 80)
  let all = await logged(ada.page)
  expect(all).toHaveLength(80)
  for (let user of ['ada', 'ben'])
    expect(all.filter(content => content.startsWith(user))).toEqual(
      Array.from({ length: 40 }, (_, i) => `${user} ${i}`)
    )
  expect(await shown(ada.page)).toEqual(all.map(content => `${content} sent`))
  expect(await shown(ben.page)).toEqual(await shown(ada.page))
  for (let { page, id } of [ada, ben]) await expect.poll(() => unread(page, id)).toBe(40)
  await expect
    .poll(async () => [...new Set((await world.order<[string, string][]>('mentions')).map(([user]) => user))].sort())
    .toEqual(['ada', 'ben'])
})

test('older messages come in front of the live ones without a seam, with what happened to them meanwhile', async () => {
  let id = 'conversation:long'
  let ada = await arrive('ada', id)
  let ben = await arrive('ben', id)
  await join(ada, ben)
  let contents = Array.from({ length: 260 }, (_, i) => `m${i}`)
  await ada.page.evaluate(async contents => {
    await Promise.all(contents.map(content => app.here.sendMessage({ content }).acked))
  }, contents)
  await until(ben.page, () => app.here.$messages.get().length === 100)
  let loading = ben.page.evaluate(() => app.here.loadOlder())
  await say(ada.page, 'live 1', 'live 2')
  expect(await loading).toBe(true)
  await until(ben.page, () => app.here.$messages.get().at(-1)?.content === 'live 2')
  while (await ben.page.evaluate(() => app.here.$paging.get().hasOlder))
    await ben.page.evaluate(() => app.here.loadOlder())
  let all = [...contents, 'live 1', 'live 2'].map(content => `${content} sent`)
  await showing(ben.page, all)

  // An old message is changed live, and another one while Ben is away.
  let change = (n: number, content: string) =>
    world.push([{ room: id, feature: 'chat', type: 'edited', data: { id: ids[n], content }, by: 'ada' }])
  let ids = await ben.page.evaluate(() => app.here.$messages.get().map(message => message.id))
  await change(3, 'changed live')
  await until(ben.page, () => app.here.$messages.get()[3]?.content === 'changed live')
  ben.device.network.cut()
  await until(ben.page, () => app.here.$status.get().stale)
  await change(5, 'changed away')
  await say(ada.page, 'live 3')
  ben.device.network.restore()
  await ben.page.evaluate(() => app.client.probe())
  all[3] = 'changed live sent'
  all[5] = 'changed away sent'
  await showing(ben.page, [...all, 'live 3 sent'])
})

test('two tabs and two devices of a user show the same unread, and reading in one of them is reading in all', async () => {
  let id = 'conversation:unread'
  let ada = await arrive('ada', id)
  let ben = await arrive('ben', id)
  let tab = await enter(await ben.device.tab(), ben.device, 'ben', id)
  let phone = await arrive('ben', id)
  await join(ada, ben)
  let pages = [ben.page, tab, phone.page]
  await say(ada.page, 'one', 'two', 'three')
  for (let page of pages) await expect.poll(() => unread(page, id)).toBe(3)
  expect(await unread(ada.page, id)).toBe(0)
  await tab.evaluate(() => app.here.setShown(true))
  for (let page of pages) await expect.poll(() => unread(page, id)).toBe(0)
  await until(ada.page, () => app.here.$state.get().members.some(({ user, read }) => user === 'ben' && read === 3))
})

test('a message for one is seen by no third page, not on its wire either', async () => {
  let ada = await arrive('ada', 'conversation:three')
  let ben = await arrive('ben', 'conversation:three')
  let device = await world.device()
  let page = await device.tab()
  let wire: string[] = []
  page.on('websocket', socket => socket.on('framereceived', ({ payload }) => void wire.push(String(payload))))
  let cleo = { page: await enter(page, device, 'cleo', 'conversation:three') }
  await fresh(page)
  await join(ada, ben, cleo)
  await ada.page.evaluate(
    () => app.mine.sendMessage({ content: 'psst, Ben', recipientId: 'ben', conversationId: app.here.id }).acked
  )
  await expect.poll(() => unread(ben.page, 'conversation:direct:ada:ben')).toBe(1)
  await say(ada.page, 'all of you')
  await showing(page, ['all of you sent'])
  expect(wire.join()).toContain('all of you')
  expect(wire.join()).not.toContain('psst')
})

test('a message that nobody looks at is told by the system, by one of the tabs', async () => {
  let id = 'conversation:alerts'
  let ada = await arrive('ada', id)
  let ben = await arrive('ben', id)
  await join(ada, ben)
  await ben.device.context.grantPermissions(['notifications'])
  // The calls made on the real API are written down: no headless browser shows them.
  let record = () => {
    let real = window.Notification
    let shown: string[] = []
    let Recorded = class extends real {
      constructor(title: string, options?: NotificationOptions) {
        super(title, options)
        shown.push(`${title}: ${options?.body}`)
      }
    }
    Object.assign(window, { Notification: Recorded, shown })
  }
  let tabs = [await ben.device.tab({ before: record }), await ben.device.tab({ before: record })]
  let shownBy = (page: Page) => page.evaluate(() => (window as unknown as { shown: string[] }).shown)
  for (let tab of tabs) {
    await tab.evaluate(
      async ({ url }) => {
        let kit = await load<typeof Kit>('realtime-stores/kits/conversations')
        let { browserDevices } = await load<typeof Devices>('realtime-stores/devices/all')
        let client = RS.createRealtime({ url, app: 'e2e-chat', user: 'ben', devices: browserDevices() })
        let feed: (isFocused: boolean) => void = () => {}
        let watchFocus = (call: (isFocused: boolean) => void) => {
          feed = call
          return () => {}
        }
        let mine = kit.createConversations(client, { watchFocus })
        mine.enableAlerts({ titleOf: ({ sender }) => `From ${sender}` })
        Object.assign(window, { app: { client, mine }, focusOn: (isFocused: boolean) => feed(isFocused) })
        client.connect()
      },
      { url: ben.device.url }
    )
    await until(tab, () => app.mine.$list.get().length > 0)
  }
  await say(ada.page, 'Wake up')
  await expect.poll(async () => (await Promise.all(tabs.map(shownBy))).flat()).toEqual(['From ada: Wake up'])
  // One of them is looked at: nobody is disturbed.
  await tabs[1]?.evaluate(() => (window as unknown as { focusOn(isFocused: boolean): void }).focusOn(true))
  await say(ada.page, 'Good morning')
  for (let tab of tabs)
    await until(tab, () => app.mine.$list.get().some(item => item.lastMessage?.content === 'Good morning'))
  await tabs[0]?.evaluate(() => new Promise(resolve => setTimeout(resolve, 800)))
  expect((await Promise.all(tabs.map(shownBy))).flat()).toEqual(['From ada: Wake up'])
})

async function visit(user: string): Promise<Page> {
  let context = await world.browser.newContext()
  let page = world.watch(await context.newPage())
  await page.goto(`${example.url}?as=${user}`)
  await page.locator('.phase[data-phase=online]').waitFor()
  return page
}

const write = async (page: Page, text: string) => {
  await page.getByLabel('Message', { exact: true }).fill(text)
  await page.getByRole('button', { name: 'Send' }).click()
}
const choose = (page: Page, name: string) => page.locator('.item', { hasText: name }).click()
const texts = (page: Page) => page.locator('.message .content').allTextContents()

test('the example: two people write, mention, react, edit and delete, see who types and who has read', async () => {
  let [ada, ben] = [await visit('ada'), await visit('ben')]
  for (let page of [ada, ben]) await choose(page, 'Garden')
  await write(ada, 'The roses are out, @ben')
  await ben.getByText('The roses are out').last().waitFor()
  await ada.getByText('Read by Ben').waitFor()
  // By keyboard, which stays where it was when the message is drawn anew.
  await ben.getByRole('button', { name: 'React with 🌹' }).press('Enter')
  await ada.locator('.reactions', { hasText: '🌹 1' }).waitFor()
  await ben.locator('.reactions', { hasText: '🌹 1' }).waitFor()
  expect(await ben.evaluate(() => document.activeElement?.ariaLabel)).toBe('React with 🌹')
  await ben.getByLabel('Message', { exact: true }).pressSequentially('How l')
  await ada.locator('.typing', { hasText: 'Ben is typing' }).waitFor()
  await write(ben, 'How lovely')
  await ada.getByText('How lovely').last().waitFor()
  await expect.poll(() => ada.locator('.typing').textContent()).toBe('')

  await ada.getByRole('button', { name: 'Edit' }).click()
  await ben.locator('.there', { hasText: 'is editing a message' }).waitFor()
  await ada.getByLabel('Message', { exact: true }).fill('The tulips are out')
  await ada.getByRole('button', { name: 'Save' }).click()
  await ben.getByText('The tulips are out').last().waitFor()
  await ada.getByRole('button', { name: 'Voice call' }).click()
  await ben.locator('.there', { hasText: 'is in a voice call' }).waitFor()
  await ada.getByRole('button', { name: 'Delete' }).click()
  await expect.poll(() => texts(ben)).toEqual(['Message deleted', 'How lovely'])

  // The list of who looks elsewhere.
  await choose(ben, 'Kitchen')
  await ben.locator('.item', { hasText: 'Kitchen' }).focus()
  await write(ada, 'Where are you, @ben?')
  await ben.locator('.item', { hasText: 'Garden' }).locator('.unread', { hasText: '@ 1' }).waitFor()
  expect(await ben.evaluate(() => document.activeElement?.textContent)).toMatch(/^Kitchen/)
  expect(await ben.title()).toBe('(1) Conversations of Ben')
  await choose(ben, 'Garden')
  await expect.poll(() => ben.locator('.unread').count()).toBe(0)

  // Refused, kept through a reload, and tried again.
  ada.once('dialog', dialog => void dialog.accept('Quiet'))
  await ada.getByRole('button', { name: 'Rename' }).click()
  await ben.getByRole('heading', { name: 'Quiet' }).waitFor()
  await write(ben, 'Hello?')
  await ben.getByText('It is quiet here now').waitFor()
  await ben.reload()
  await choose(ben, 'Quiet')
  await ben.getByText('It is quiet here now').waitFor()
  ada.once('dialog', dialog => void dialog.accept('Garden'))
  await ada.getByRole('button', { name: 'Rename' }).click()
  await ben.getByRole('heading', { name: 'Garden' }).waitFor()
  await ben.getByRole('button', { name: 'Try again' }).click()
  await ada.getByText('Hello?').last().waitFor()

  // The server is killed; what is written meanwhile waits and arrives.
  await example.kill()
  await write(ben, 'Into the dark')
  await ben.locator('.message.pending', { hasText: 'Into the dark' }).waitFor()
  await example.start()
  await ada.getByText('Into the dark').last().waitFor()
  await ben.locator('.message.pending').waitFor({ state: 'detached' })
  expect((await texts(ada)).filter(text => text === 'Into the dark')).toHaveLength(1)
  expect(await texts(ben)).toEqual(await texts(ada))
  if (process.env.SCREENSHOT) {
    await ada.screenshot({ path: `${process.env.SCREENSHOT}/light.png` })
    await ada.emulateMedia({ colorScheme: 'dark' })
    await ada.screenshot({ path: `${process.env.SCREENSHOT}/dark.png` })
  }
  for (let colorScheme of ['light', 'dark'] as const) {
    await ada.emulateMedia({ colorScheme })
    await ada.evaluate(axe)
    let violations = await ada.evaluate(async () => {
      let { axe } = window as unknown as { axe: typeof import('axe-core') }
      let { violations } = await axe.run({ runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'] })
      return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`)
    })
    expect(violations).toEqual([])
  }
})

test('the example shows two people side by side', async () => {
  let page = world.watch(await (await world.browser.newContext()).newPage())
  await page.goto(example.url)
  let [ada, ben] = [page.frameLocator('iframe >> nth=0'), page.frameLocator('iframe >> nth=1')]
  for (let frame of [ada, ben]) await frame.locator('.item', { hasText: 'Kitchen' }).click()
  await ada.getByLabel('Message', { exact: true }).fill('Dinner?')
  await ada.getByRole('button', { name: 'Send' }).click()
  await ben.getByText('Dinner?').last().waitFor()
  await ada.getByRole('button', { name: 'Ben', exact: true }).click()
  await ada.getByLabel('Message', { exact: true }).fill('Only you')
  await ada.getByRole('button', { name: 'Send' }).click()
  await ben.locator('.item', { hasText: 'Only you' }).locator('.unread').waitFor()
})
