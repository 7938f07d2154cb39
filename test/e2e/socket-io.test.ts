// An app that keeps its Socket.IO backend: two real pages over a real Socket.IO 4 server, through the tables that are shipped.

import type { Browser, BrowserContext, Page } from 'playwright'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import type { chat } from '../../src/features/chat.js'
import type { typing } from '../../src/features/typing.js'
import type { votes } from '../../src/features/votes.js'
import type { socketIo } from '../../src/transport/socket-io.js'
import { launch } from '../support/chromium.js'
import { type CuttableProxy, cuttableProxy } from '../support/cuttable-proxy.js'
import { modulePage, type PageServer, servePage } from '../support/page-server.js'
import { type Backend, createBackend } from '../support/socket-io-backend.js'
import { until } from './world.js'

type Handle<F> = import('../../src/feature.js').Handle<F>

interface Talk {
  client: import('../../src/client.js').Realtime
  chat: Handle<typeof chat>
  typing: Handle<typeof typing>
  votes: Handle<typeof votes>
  room: import('../../src/room.js').Room
}

declare global {
  var talk: Talk
}

let browser: Browser
let pages: PageServer
let backend: Backend
let networks: CuttableProxy[] = []
let contexts: BrowserContext[] = []
let pageErrors: string[] = []

beforeAll(async () => {
  ;[browser, pages] = await Promise.all([launch(), servePage({ html: modulePage })])
})
beforeEach(async () => {
  backend = await createBackend(['/realtime', '/notifications'])
})
afterEach(async () => {
  expect(pageErrors).toEqual([])
  await Promise.all([...contexts.map(context => context.close()), ...networks.map(network => network.close())])
  contexts = []
  networks = []
  await backend.close()
})
afterAll(() => Promise.all([browser.close(), pages.close()]))

interface Person {
  readonly user: string
  readonly network: CuttableProxy
  readonly context: BrowserContext
  readonly page: Page
}

async function arrive(user: string): Promise<Person> {
  let network = await cuttableProxy(backend.port)
  let context = await browser.newContext()
  networks.push(network)
  contexts.push(context)
  let person = { user, network, context, page: await context.newPage() }
  await open(person, person.page)
  return person
}

async function open({ user, network }: Person, page: Page): Promise<void> {
  page.on('pageerror', error => pageErrors.push(error.stack ?? error.message))
  await page.goto(pages.url)
  await page.evaluate(
    async ([port, user]) => {
      let { socketIo: over } = await load<{ socketIo: typeof socketIo }>('realtime-stores/transport/socket-io')
      let [{ chat: chatting }, { typing: typed }, { votes: voting }] = await Promise.all([
        load<{ chat: typeof chat }>('realtime-stores/features/chat'),
        load<{ typing: typeof typing }>('realtime-stores/features/typing'),
        load<{ votes: typeof votes }>('realtime-stores/features/votes')
      ])
      let client = RS.createRealtime({
        url: `http://127.0.0.1:${port}`,
        app: 'socket-io',
        user: user as string,
        connect: over({ auth: { user }, retry: [0, 300] })
      })
      let room = client.room('conversation:1')
      window.talk = {
        client,
        room,
        chat: room.use(chatting),
        typing: room.use(typed),
        votes: client.room('friday').use(voting)
      }
      for (let { $state } of [talk.chat, talk.typing, talk.votes]) ($state as typeof talk.chat.$state).listen(() => {})
      client.connect()
    },
    [network.port, user] as const
  )
}

let live = (page: Page) => until(page, () => !talk.room.$status.get().stale)
let said = (page: Page) =>
  page.evaluate(() => talk.chat.$state.get().messages.map(({ sender, content }) => `${sender}: ${content}`))
let shows = (page: Page, messages: readonly string[]) =>
  expect.poll(() => said(page), { timeout: 15_000, interval: 30 }).toEqual(messages)
let say = (page: Page, content: string) =>
  page.evaluate(async text => void (await talk.chat.sendMessage({ content: text })), content)

test('a message, somebody typing, and a vote that ends in a match', async () => {
  let [ann, bob] = await Promise.all([arrive('ann'), arrive('bob')])
  await Promise.all([live(ann.page), live(bob.page)])

  await say(ann.page, 'hello')
  await Promise.all([shows(ann.page, ['ann: hello']), shows(bob.page, ['ann: hello'])])
  let ids = await Promise.all(
    [ann, bob].map(({ page }) => page.evaluate(() => talk.chat.$state.get().messages.map(message => message.id)))
  )
  expect(ids).toEqual([['m1'], ['m1']])

  await bob.page.evaluate(() => talk.typing.startTyping())
  await until(ann.page, () => talk.typing.$state.get().typing.some(({ userId }) => userId === 'bob'))
  await until(ann.page, () => talk.typing.$state.get().typing.length === 0)

  backend.io().of('/realtime').emit('roomStateChanged', { roomId: 'friday', status: 'voting', currentMediaId: 'alien' })
  for (let { page } of [ann, bob])
    await until(page, () => talk.votes.$state.get().media.some(({ mediaId }) => mediaId === 'alien'))
  await ann.page.evaluate(() => talk.votes.joinRoom('Ann'))
  await ann.page.evaluate(async () => void (await talk.votes.castVote('alien', 'like')?.acked))
  await until(bob.page, () => talk.votes.$state.get().media[0]?.progress.totalVotes === 1)
  // The backend's count of what is needed is shown, not the number of members that this page knows of.
  expect(await bob.page.evaluate(() => talk.votes.$state.get().media[0]?.progress.requiredVotes)).toBe(2)
  await bob.page.evaluate(async () => void (await talk.votes.castVote('alien', 'like')?.acked))
  for (let { page } of [ann, bob]) {
    await until(page, () => talk.votes.$state.get().matches.length === 1)
    expect(await page.evaluate(() => talk.votes.$state.get().matches[0]?.participants)).toEqual(['ann', 'bob'])
    expect(await page.evaluate(() => talk.client.$connection.get())).toMatchObject({
      phase: 'online',
      transport: 'socket.io',
      delivery: 'at-least-once',
      badFrames: 0,
      rejectedCount: 0,
      unknownCount: 0
    })
  }
  let second = await ann.page.evaluate(() =>
    talk.votes.castVote('alien', 'like')?.acked.then(
      () => 'taken',
      error => error.code
    )
  )
  expect(second).toBe('already-voted')
})

test('offline, reloaded there, and back: what was said arrives in order, in both pages and both tabs', async () => {
  backend.habits.history = true
  let [ann, bob] = await Promise.all([arrive('ann'), arrive('bob')])
  await Promise.all([live(ann.page), live(bob.page)])
  await say(ann.page, 'before')
  await shows(bob.page, ['ann: before'])

  ann.network.cut()
  await until(ann.page, () => talk.client.$connection.get().phase !== 'online')
  await say(ann.page, 'one')
  await ann.page.reload()
  await open(ann, ann.page)
  await shows(ann.page, ['ann: before', 'ann: one'])
  await say(ann.page, 'two')
  await say(bob.page, 'meanwhile')
  await shows(bob.page, ['ann: before', 'bob: meanwhile'])
  expect(await ann.page.evaluate(() => talk.client.$connection.get().pending.count)).toBe(2)

  ann.network.restore()
  await ann.page.evaluate(() => talk.client.probe())
  let all = ['ann: before', 'bob: meanwhile', 'ann: one', 'ann: two']
  await Promise.all([shows(ann.page, all), shows(bob.page, all)])

  // Another tab of the same person goes through the one socket.
  let tab = await ann.context.newPage()
  await open(ann, tab)
  await shows(tab, all)
  expect(backend.connections).toBe(2)
  await say(tab, 'from the other tab')
  for (let page of [ann.page, tab, bob.page]) await shows(page, [...all, 'ann: from the other tab'])
})

test('the server is killed and comes back: nothing is missing, nothing is shown twice', async () => {
  backend.habits.history = true
  let [ann, bob] = await Promise.all([arrive('ann'), arrive('bob')])
  await Promise.all([live(ann.page), live(bob.page)])
  await say(ann.page, 'before')
  await shows(bob.page, ['ann: before'])
  await backend.kill()
  for (let { page } of [ann, bob]) await until(page, () => talk.client.$connection.get().phase === 'waiting')
  await say(ann.page, 'while it is away')
  await say(bob.page, 'so am I')
  await backend.restart()
  await Promise.all([ann, bob].map(({ page }) => page.evaluate(() => talk.client.probe())))
  for (let { page } of [ann, bob]) {
    await until(
      page,
      () => talk.chat.$state.get().messages.length === 3 && talk.client.$connection.get().pending.count === 0
    )
    expect((await said(page)).sort()).toEqual(['ann: before', 'ann: while it is away', 'bob: so am I'])
  }
  expect(await said(ann.page)).toEqual(await said(bob.page))
})
