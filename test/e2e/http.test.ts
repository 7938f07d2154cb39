// Pages for which no WebSocket opens: refused, held back, swallowed or forbidden. The same frames travel over HTTP, and move
// back to a WebSocket when one works.

import type { Page } from 'playwright'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { type MeddlingProxy, meddlingProxy, type Upgrades } from '../support/meddling-proxy.js'
import { servePage } from '../support/page-server.js'
import {
  connect,
  createMemories,
  createWorld,
  drained,
  hurry,
  live,
  logged,
  numbers,
  offline,
  serverContents,
  shows,
  until,
  urlOf,
  type World
} from './world.js'

let world: World
let proxies: MeddlingProxy[] = []
beforeAll(async () => {
  world = await createWorld({ refuseWebSockets: false })
})
afterAll(async () => {
  await Promise.all(proxies.map(proxy => proxy.close()))
  await world.close()
})
afterEach(() => expect(world.pageErrors).toEqual([]))

async function behind(upgrades: Upgrades, { holdsBack = false } = {}) {
  let proxy = await meddlingProxy(world.server.port)
  proxies.push(proxy)
  proxy.upgrades = upgrades
  proxy.holdsBack = holdsBack
  let device = await world.device()
  return { proxy, url: urlOf(proxy), page: await device.tab(), device }
}

let transport = (page: Page): Promise<string> => page.evaluate(() => RS.realtimeConnection.get().transport)
let carriedBy = (page: Page, wanted: string, timeout?: number): Promise<void> =>
  until(page, wanted => RS.realtimeConnection.get().transport === wanted, wanted, timeout)
let remembered = (page: Page): Promise<number> =>
  page.evaluate(() => Object.keys(localStorage).filter(key => key.includes('http')).length)

test.each(['refuse', 'portal', 'silent', 'mute'] as const)('where a proxy treats WebSockets so: %s', async upgrades => {
  let { page, url } = await behind(upgrades)
  await connect(page, url, 'ada', { persona: upgrades })
  await carriedBy(page, 'http', 30_000)
  await live(page)
  await createMemories(page, numbers(0, 20))
  await drained(page)
  await world.push([
    { room: `persona:${upgrades}`, feature: 'memory', type: 'created', data: { content: 'down' }, by: 'app' }
  ])
  await shows(page, [...numbers(0, 20), 'down'])
  expect(await logged(page)).toEqual([...numbers(0, 20), 'down'])
})

test('where a proxy holds streams back too, one answer at a time, on the same connection', async () => {
  let { page, url, proxy } = await behind('refuse', { holdsBack: true })
  await connect(page, url, 'ada', { persona: 'held' })
  await live(page)
  expect(await transport(page)).toBe('http')
  await createMemories(page, numbers(0, 50))
  await drained(page)
  await shows(page, numbers(0, 50))
  expect(proxy.posts.filter(body => body.includes('"open"'))).toHaveLength(1)
  expect(proxy.posts.filter(body => body.includes('"stream"'))).toHaveLength(1)
  // Held open by the server, not asked for again and again.
  let before = proxy.posts.length
  await page.waitForTimeout(3000)
  expect(proxy.posts.length - before).toBeLessThan(6)
})

test('where the page itself forbids WebSockets', async () => {
  let { url, device } = await behind('pass')
  let html = `<!doctype html><meta charset="utf-8">
    <meta http-equiv="Content-Security-Policy" content="connect-src http://127.0.0.1:*; script-src 'self'">
    <script type="module" src="/bundle/realtime-stores.js"></script>`
  let pages = await servePage({ html })
  let page = world.watch(await device.context.newPage())
  await page.goto(pages.url)
  await page.evaluate(`import('/bundle/realtime-stores.js').then(RS => { window.RS = RS })`)
  let since = Date.now()
  await connect(page, url, 'ada', { persona: 'forbidden' })
  await live(page)
  // Not by the deadline of 5 s: the refusal is noticed.
  expect(Date.now() - since).toBeLessThan(4500)
  expect(await transport(page)).toBe('http')
  await createMemories(page, numbers(0, 5))
  await drained(page)
  expect(await serverContents(world, 'persona:forbidden')).toEqual(numbers(0, 5))
  await page.close()
  await pages.close()
})

test('what worked is remembered over a reload and in other tabs; when that is over, the connection moves back', async () => {
  let { page, url, proxy, device } = await behind('silent')
  await connect(page, url, 'ada', { persona: 'memory' })
  await carriedBy(page, 'http')
  let { asked } = proxy
  let second = await device.tab()
  for (let tab of [page, second]) {
    if (tab === page) await page.reload()
    let since = Date.now()
    await connect(tab, url, 'ada', { persona: 'memory' })
    await live(tab)
    // Without a memory the first 5 s belong to the WebSocket.
    expect(Date.now() - since).toBeLessThan(4500)
    expect(await transport(tab)).toBe('http')
  }
  expect(proxy.asked).toBe(asked)

  proxy.upgrades = 'pass'
  await page.evaluate(() => {
    let key = Object.keys(localStorage).find(key => key.includes('http')) as string
    localStorage.setItem(key, String(Date.now() + 3000))
  })
  await page.reload()
  await connect(page, url, 'ada', { persona: 'memory' })
  await live(page)
  expect(await transport(page)).toBe('http')
  await createMemories(page, ['over HTTP'])
  await carriedBy(page, 'websocket')
  await live(page)
  await createMemories(page, ['over a WebSocket'])
  await drained(page)
  await shows(page, ['over HTTP', 'over a WebSocket'])
  expect(await remembered(page)).toBe(0)
})

test('a WebSocket that failed once is tried again 5 s later, and takes over without losing anything', async () => {
  let { page, url, proxy } = await behind('refuse')
  await connect(page, url, 'ada', { persona: 'soon' })
  await carriedBy(page, 'http')
  proxy.upgrades = 'pass'
  let made = 0
  while ((await transport(page)) !== 'websocket') {
    await createMemories(page, numbers(made, made + 10))
    made += 10
    await page.waitForTimeout(200)
  }
  await createMemories(page, numbers(made, made + 10))
  made += 10
  await drained(page)
  await shows(page, numbers(0, made))
  expect(await logged(page)).toEqual(numbers(0, made))
  expect(await remembered(page)).toBe(0)
})

test('a server that restarts moves nobody to HTTP', async () => {
  let devices = await Promise.all(numbers(0, 5).map(() => world.device()))
  let pages = await Promise.all(devices.map(device => device.tab()))
  await Promise.all(pages.map((page, i) => connect(page, devices[i]!.url, `user${i}`, { persona: 'restart' })))
  await Promise.all(pages.map(live))
  await world.server.restart()
  await Promise.all(pages.map(page => carriedBy(page, 'websocket', 30_000)))
  for (let page of pages) expect(await remembered(page)).toBe(0)
})

test('500 actions each way arrive once and in order over HTTP, however often it is cut', async () => {
  let { device, page: a } = await behind('refuse')
  let ben = await world.device()
  let b = await ben.tab()
  await a.evaluate(() => localStorage.clear())
  // The device's own cable can be cut; what is behind it takes no WebSockets.
  let options = { app: 'e2e', user: 'ada', persona: 'both', transports: ['http'] as const }
  await a.evaluate(all => RS.realtimeService.connect(all), { url: device.url, ...options })
  await connect(b, ben.url, 'ben', { persona: 'both' })
  await Promise.all([live(a), live(b)])
  expect(await Promise.all([transport(a), transport(b)])).toEqual(['http', 'websocket'])
  let up = numbers(0, 500)
  let down = up.map(text => `app ${text}`)
  for (let round = 0; round < 10; round++) {
    let part = [round * 50, round * 50 + 50] as const
    await Promise.all([
      createMemories(a, up.slice(...part)),
      world.push(
        down.slice(...part).map(content => ({
          room: 'persona:both',
          feature: 'memory',
          type: 'created',
          data: { content },
          by: 'app',
          key: content
        }))
      )
    ])
    if (round % 3 === 0) {
      device.network.cut()
      device.network.restore()
    } else if (round % 3 === 1) {
      device.network.cut()
      await offline(a)
      device.network.restore()
      await hurry(a)
    } else device.network.swallow('down')
    if (round % 3 === 2) {
      await a.waitForTimeout(300)
      device.network.restore()
    }
  }
  await hurry(a)
  await drained(a)
  await live(a)
  let all = await serverContents(world, 'persona:both')
  expect(all).toHaveLength(1000)
  for (let page of [a, b]) {
    await shows(page, all)
    expect(await logged(page)).toEqual(all)
  }
  expect(all.filter(text => !text.startsWith('app'))).toEqual(up)
  expect(all.filter(text => text.startsWith('app'))).toEqual(down)
  expect(await transport(a)).toBe('http')
})
