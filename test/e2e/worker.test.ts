// The service worker in real Chromium: what was done offline is delivered by it when all pages are closed, once, also while a
// tab opens; what Web Push brings is shown, unless somebody looks at it already. What a push service would do, and the browser
// when the network is back, is done over CDP: headless Chromium has no push service.

import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import type { CDPSession, Page } from 'playwright'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import type { registerBackgroundSync, SyncState } from '../../src/kits/background-sync.js'
import type { PushOutcome, subscribeToPush } from '../../src/kits/push.js'
import { createWorld, type Device, until, type World } from './world.js'

type SyncKit = { registerBackgroundSync: typeof registerBackgroundSync }

let world: World
beforeAll(async () => {
  world = await createWorld({ modules: true })
})
afterAll(() => world.close())
afterEach(() => expect(world.pageErrors).toEqual([]))

/** The service worker of an app: everything in one file, as bundlers make it. */
async function script(url: string): Promise<string> {
  let result = await build({
    stdin: {
      contents: `
        import { serveWorker } from './dist/worker/index.js'
        self.addEventListener('install', () => self.skipWaiting())
        self.addEventListener('activate', event => event.waitUntil(self.clients.claim()))
        serveWorker(self, { client: ({ app, user }) => ({ url: ${JSON.stringify(url)}, app, user }), within: 4000 })`,
      resolveDir: fileURLToPath(new URL('../..', import.meta.url))
    },
    bundle: true,
    write: false,
    format: 'iife',
    logLevel: 'silent'
  })
  return result.outputFiles[0]?.text as string
}

interface Worker {
  push(payload: unknown): Promise<unknown>
  sync(tag: string): Promise<unknown>
}

/** Has the worker of a device be there, and the means to do what a browser does with it. */
async function install(device: Device, name: string): Promise<Worker> {
  world.pages.put(`/${name}.js`, await script(device.url))
  await device.context.grantPermissions(['notifications', 'background-sync'], { origin: world.pages.url })
  let page = await device.tab()
  let session: CDPSession = await device.context.newCDPSession(await device.context.newPage())
  let found = new Promise<string>(resolve => {
    session.on('ServiceWorker.workerRegistrationUpdated', ({ registrations }) => {
      for (let { registrationId, scopeURL } of registrations)
        if (scopeURL.startsWith(world.pages.url)) resolve(registrationId)
    })
  })
  await session.send('ServiceWorker.enable')
  await page.evaluate(async name => {
    await navigator.serviceWorker.register(`/${name}.js`)
    await navigator.serviceWorker.ready
  }, name)
  let at = { origin: world.pages.url, registrationId: await found }
  await page.close()
  return {
    push: payload => session.send('ServiceWorker.deliverPushMessage', { ...at, data: JSON.stringify(payload) }),
    sync: tag => session.send('ServiceWorker.dispatchSyncEvent', { ...at, tag, lastChance: false })
  }
}

async function open(device: Device, user: string, room: string): Promise<Page> {
  let page = await device.tab()
  await page.evaluate(
    async ([url, user, room]) => {
      let { registerBackgroundSync: register } = await load<SyncKit>('realtime-stores/kits/background-sync')
      let client = RS.createRealtime({ url, app: 'worker', user })
      let sync = register(client, await navigator.serviceWorker.ready)
      let memory = client.room(room).use(RS.memory)
      client.connect()
      Object.assign(window, { client, sync, memory })
    },
    [device.url, user, room] as const
  )
  return page
}

declare global {
  var sync: ReturnType<typeof registerBackgroundSync>
  var memory: import('../../src/feature.js').Handle<typeof RS.memory>
}

async function contents(room: string): Promise<string[]> {
  let { memories } = await world.state<{ memories: { content: string }[] }>(room, 'memory')
  return memories.map(({ content }) => content)
}

/** By the log, where what came twice would be twice. */
async function logged(user: string, room: string): Promise<string[]> {
  let device = await world.device()
  let page = await device.tab()
  let list = await page.evaluate(
    async ([url, user, room]) => {
      let client = RS.createRealtime({ url, app: 'reader', user })
      let entered = client.room(room)
      client.connect()
      await new Promise<void>(resolve => entered.$status.subscribe(({ stale }) => !stale && resolve()))
      let { events } = await entered.history({ limit: 500 })
      return events.map(({ data }) => (data as { content: string }).content)
    },
    [device.url, user, room] as const
  )
  await device.context.close()
  return list
}

async function sendOffline(page: Page, device: Device, list: readonly string[]): Promise<void> {
  await until(page, () => window.client.$connection.get().phase === 'online')
  device.network.cut()
  await until(page, () => window.client.$connection.get().phase !== 'online')
  await page.evaluate(async list => {
    for (let text of list) await window.memory.createMemory(text)
  }, list)
}

let tag = (user: string) => `realtime-stores/1/flush/worker/${user}`
let words = ['one', 'two', 'three', 'four', 'five']

test('what was done offline is delivered when every page is closed', async () => {
  let device = await world.device()
  let worker = await install(device, 'closed')
  let page = await open(device, 'ann', 'closed')
  await sendOffline(page, device, words)
  await until(page, () => window.sync.$state.get().state === 'registered')
  await page.close()
  expect(await contents('closed')).toEqual([])
  device.network.restore()
  await worker.sync(tag('ann'))
  await expect.poll(() => contents('closed'), { timeout: 15_000 }).toEqual(words)
  expect(await logged('ann', 'closed')).toEqual(words)
  // Whoever opens the page finds nothing waiting, and the worker has let go of the lead.
  let again = await open(device, 'ann', 'closed')
  await until(again, () => window.client.$connection.get().tabs === 'leader')
  await until(again, () => window.client.$connection.get().pending.count === 0)
  await until(again, () => window.memory.$state.get().memories.length === 5)
  expect(await again.evaluate(() => window.sync.$state.get().state)).toBe('idle')
  await device.context.close()
})

test('once, when tabs open and send while the worker delivers', async () => {
  let device = await world.device()
  let worker = await install(device, 'both')
  let page = await open(device, 'ann', 'both')
  await sendOffline(page, device, words)
  await page.close()
  device.network.restore()
  let [, ...pages] = await Promise.all([
    worker.sync(tag('ann')),
    open(device, 'ann', 'both'),
    open(device, 'ann', 'both')
  ])
  await Promise.all(pages.map((page, i) => page.evaluate(i => window.memory.createMemory(`tab ${i}`).acked, i)))
  for (let page of pages) await until(page, () => window.client.$connection.get().pending.count === 0)
  let all = await logged('ann', 'both')
  expect(all.filter(text => !text.startsWith('tab'))).toEqual(words)
  expect([...all].sort()).toEqual([...words, 'tab 0', 'tab 1'].sort())
  for (let page of pages) expect(await page.evaluate(() => window.client.unknown.get().length)).toBe(0)
  await device.context.close()
})

test('a page that is there delivers, and goes on leading; an errand of somebody else is left alone', async () => {
  let device = await world.device()
  let worker = await install(device, 'alive')
  let page = await open(device, 'ann', 'alive')
  await sendOffline(page, device, words)
  expect(await page.evaluate(() => window.client.$connection.get().tabs)).toBe('leader')
  device.network.restore()
  await worker.sync('something else')
  await worker.sync(tag('ann'))
  await until(page, () => window.client.$connection.get().pending.count === 0)
  expect(await page.evaluate(() => window.client.$connection.get().tabs)).toBe('leader')
  expect(await logged('ann', 'alive')).toEqual(words)
  await device.context.close()
})

function shown(page: Page): Promise<string[]> {
  return page.evaluate(async () => {
    let registration = await navigator.serviceWorker.ready
    return (await registration.getNotifications()).map(({ title, body }) => `${title}: ${body}`).sort()
  })
}

test('what a push brings is shown, but not while its page has the focus', async () => {
  let device = await world.device()
  let worker = await install(device, 'push')
  let page = await device.tab()
  let url = '/?conversation=7'
  await worker.push({ title: 'Ben', body: 'hello', tag: 'a', url })
  await expect.poll(() => shown(page)).toEqual(['Ben: hello'])
  await worker.push({ title: 'Ben', body: 'hello again', tag: 'a', url })
  await expect.poll(() => shown(page)).toEqual(['Ben: hello again'])
  await page.goto(world.pages.url + url)
  await page.bringToFront()
  await worker.push({ title: 'Ben', body: 'seen', tag: 'b', url })
  await worker.push({ title: 'Cy', body: 'elsewhere', tag: 'c', url: '/?conversation=8' })
  await expect.poll(() => shown(page)).toEqual(['Ben: hello again', 'Cy: elsewhere'])
  await device.context.close()
})

test('a browser without a push service says so', async () => {
  let device = await world.device()
  await install(device, 'none')
  let page = await open(device, 'ann', 'none')
  let outcome: PushOutcome = await page.evaluate(async () => {
    let kit = await load<{ subscribeToPush: typeof subscribeToPush }>('realtime-stores/kits/push')
    let registration = await navigator.serviceWorker.ready
    let applicationServerKey = 'BEl62iUYgUivxIkv69yViEuiBIa-Ib9-SkvMeAtA3LFgDzkrxZJjSgSnfckjBJuBkr3qBUYIHBQFLXYp5Nksh8U'
    return kit.subscribeToPush(window.client, { registration, applicationServerKey })
  })
  expect(['failed', 'denied']).toContain(outcome.state)
  expect((outcome as { reason: string }).reason).not.toBe('')
  let state: SyncState = await page.evaluate(() => window.sync.$state.get())
  expect(state).toEqual({ state: 'idle', reason: null })
  await device.context.close()
})
