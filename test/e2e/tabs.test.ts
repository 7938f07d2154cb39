// Several tabs of one person: one of them has the socket and sends for all, and another takes over when it goes or hangs.

import { mkdtempSync } from 'node:fs'
import { join } from 'node:path'
import type { BrowserContext, Page } from 'playwright'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { launchBare } from '../support/chromium.js'
import {
  connect,
  createMemories,
  createWorld,
  type Device,
  drained,
  hurry,
  live,
  logged,
  numbers,
  offline,
  serverContents,
  shows,
  until,
  type World
} from './world.js'

let world: World
beforeAll(async () => {
  world = await createWorld()
})
afterAll(() => world.close())
afterEach(() => expect(world.pageErrors).toEqual([]))

/** Over HTTP a browser opens and closes connections as it likes. */
function oneSocket({ network }: Device): void {
  if (process.env.E2E_TRANSPORT !== 'http') expect(network.connections).toBe(1)
}

async function tabs(persona: string, count: number) {
  let device = await world.device()
  let pages: Page[] = []
  for (let i = 0; i < count; i++) {
    let page = await device.tab()
    await connect(page, device.url, 'ada', { persona })
    await live(page)
    pages.push(page)
  }
  return { device, pages }
}

function leads(page: Page): Promise<boolean> {
  return page.evaluate(() => RS.realtimeConnection.get().leader)
}

async function leaders(pages: readonly Page[]): Promise<number> {
  return (await Promise.all(pages.map(leads))).filter(Boolean).length
}

async function leaderFirst(pages: readonly Page[]): Promise<Page[]> {
  let flags = await Promise.all(pages.map(leads))
  return [...pages].sort((x, y) => Number(flags[pages.indexOf(y)]) - Number(flags[pages.indexOf(x)]))
}

/** The times of a takeover as the tabs that stay saw it, in milliseconds since the first tab's locks were free. */
interface Takeover {
  leads: number
  online: number
}

/** Has the tabs that stay note when the leader's locks come free, who leads then, and when that one is online. */
async function watchTakeover(leader: Page, others: readonly Page[]): Promise<() => Promise<Takeover>> {
  await leader.evaluate(
    () => new Promise<void>(held => void navigator.locks.request('leads', () => new Promise(() => setTimeout(held))))
  )
  for (let page of others) {
    await page.evaluate(() => {
      let times: Record<string, number> = {}
      let note = (what: string): void => {
        times[what] ??= performance.timeOrigin + performance.now()
      }
      Object.assign(window, { times })
      void navigator.locks.request('leads', { mode: 'shared' }, () => note('free'))
      RS.realtimeConnection.listen(({ tabs, phase }) => {
        if (tabs !== 'leader') return
        note('leads')
        if (phase === 'online' && times.free) note('online')
      })
    })
  }
  return async () => {
    let times = () =>
      Promise.all(
        others.map(page => page.evaluate(() => (window as unknown as { times: Record<string, number> }).times))
      )
    await expect
      .poll(async () => (await times()).some(({ leads }) => leads), { timeout: 15_000, interval: 20 })
      .toBe(true)
    await expect
      .poll(async () => (await times()).some(({ online }) => online), { timeout: 15_000, interval: 20 })
      .toBe(true)
    let all = await times()
    let free = Math.min(...all.map(({ free = Infinity }) => free))
    let { leads = NaN, online = NaN } = all.find(({ leads }) => leads) ?? {}
    return { leads: leads - free, online: online - free }
  }
}

function session(page: Page): Promise<string | null> {
  return page.evaluate(() => RS.realtimeConnection.get().sessionId)
}

/** Notes who comes and goes, as another person's page is told. */
async function watchVisits(persona: string): Promise<() => Promise<unknown[]>> {
  let device = await world.device()
  let page = await device.tab()
  await connect(page, device.url, 'ben', { persona })
  await live(page)
  await page.evaluate(() => {
    let visits: unknown[] = []
    Object.assign(window, { visits })
    RS.realtimeService.on('memberJoined', detail => void visits.push(['joined', detail]))
    RS.realtimeService.on('memberLeft', detail => void visits.push(['left', detail]))
  })
  return async () => {
    expect(await page.evaluate(() => Object.keys(RS.realtimePresence.get().members).sort())).toEqual(['ada', 'ben'])
    return page.evaluate(() => (window as unknown as { visits: unknown[] }).visits)
  }
}

test('four tabs have one socket at the server, and see everything once', async () => {
  let { device, pages } = await tabs('four', 4)
  oneSocket(device)
  expect(new Set(await Promise.all(pages.map(session))).size).toBe(1)
  await world.push(
    numbers(0, 30).map(text => ({
      room: 'persona:four',
      feature: 'memory',
      type: 'created',
      data: { content: text, kind: 'note', importance: 0.5 },
      by: 'ben'
    }))
  )
  await createMemories(pages[3]!, numbers(30, 60))
  await Promise.all(pages.map(drained))
  for (let page of pages) await shows(page, await serverContents(world, 'persona:four'))
  expect(await logged(pages[2]!)).toHaveLength(60)
  oneSocket(device)
})

let endings: [string, (page: Page) => Promise<unknown>][] = [
  ['is closed', page => page.close()],
  [
    'crashes',
    async page => {
      let crashed = page.waitForEvent('crash')
      void page.goto('chrome://crash').catch(() => {})
      await crashed
      await page.close()
    }
  ],
  ['goes to another page', page => page.goto('about:blank')]
]
test('the next tab leads within 100 ms, and nobody comes or goes', { timeout: 90_000 }, async () => {
  for (let [how, end] of endings) {
    let persona = how.replaceAll(' ', '-')
    let { device, pages } = await tabs(persona, 4)
    let visits = await watchVisits(persona)
    let [leader, ...others] = (await leaderFirst(pages)) as [Page, ...Page[]]
    let sid = await session(leader)
    let takeover = await watchTakeover(leader, others)
    await Promise.all(
      pages.map((page, i) =>
        createMemories(
          page,
          numbers(0, 20).map(k => `${i}/${k}`)
        )
      )
    )
    await end(leader)
    await createMemories(others[2]!, ['after'])
    let { leads, online } = await takeover()
    console.info(
      `A leader that ${how}: the next one leads after ${leads.toFixed(1)} ms, is online after ${online.toFixed(1)} ms`
    )
    expect(leads).toBeLessThanOrEqual(100)
    await Promise.all(others.map(drained))
    let all = await serverContents(world, `persona:${persona}`)
    expect(all).toHaveLength(81)
    expect(new Set(all).size).toBe(81)
    for (let page of others) {
      await shows(page, all)
      expect(await session(page)).toBe(sid)
    }
    expect(await logged(others[0]!)).toEqual(all)
    expect(await visits()).toEqual([])
    oneSocket(device)
    for (let page of pages) await page.close()
  }
})

test('a leader that hangs is replaced within 10 s, and follows when it is through', { timeout: 90_000 }, async () => {
  let { device, pages } = await tabs('hangs', 3)
  let visits = await watchVisits('hangs')
  let [leader, ...others] = (await leaderFirst(pages)) as [Page, ...Page[]]
  await createMemories(leader, numbers(0, 10))
  // One that hangs in the middle of a transaction keeps the others from the disk: that is another test.
  await drained(leader)
  let since = Date.now()
  let hang = leader.evaluate(() => {
    let until = performance.now() + 15_000
    while (performance.now() < until);
  })
  await createMemories(others[1]!, numbers(10, 20))
  await expect.poll(() => leaders(others), { timeout: 15_000, interval: 50 }).toBe(1)
  let took = Date.now() - since
  console.info(`A leader that hangs: the next one leads after ${took} ms`)
  expect(took).toBeLessThanOrEqual(10_000)
  await Promise.all(others.map(drained))
  await hang
  await until(
    leader,
    () => RS.realtimeConnection.get().tabs === 'follower' && RS.realtimeConnection.get().phase === 'online'
  )
  await createMemories(leader, ['thawed'])
  await Promise.all(pages.map(drained))
  let all = await serverContents(world, 'persona:hangs')
  expect([...all].sort()).toEqual([...numbers(0, 20), 'thawed'].sort())
  for (let page of pages) await shows(page, all)
  await expect.poll(() => leaders(pages)).toBe(1)
  expect(await visits()).toEqual([])
  oneSocket(device)
})

test('a leader that is frozen in the background is replaced within 10 s, and follows at its thaw', {
  timeout: 90_000
}, async () => {
  let dir = mkdtempSync(join(world.dir, 'profile-'))
  let browser = await launchBare(dir)
  try {
    let device = await world.device(browser.context)
    let open = async (): Promise<Page> => {
      let page = await device.tab()
      await connect(page, device.url, 'ada', { persona: 'frozen' })
      await live(page)
      return page
    }
    let first = await open()
    let lifecycle = await browser.context.newCDPSession(first)
    let second = await open()
    // The first tab is in the background now; nobody has taken it over yet.
    expect(await first.evaluate(() => document.visibilityState)).toBe('hidden')
    expect(await leads(first)).toBe(true)
    let since = Date.now()
    await lifecycle.send('Page.setWebLifecycleState', { state: 'frozen' })
    await until(
      second,
      () => RS.realtimeConnection.get().tabs === 'leader' && RS.realtimeConnection.get().phase === 'online'
    )
    let took = Date.now() - since
    console.info(`A leader that is frozen: the next one is online after ${took} ms`)
    expect(took).toBeLessThanOrEqual(10_000)
    await createMemories(second, numbers(0, 5))
    await drained(second)
    expect(await second.evaluate(() => RS.realtimeConnection.get().durability)).toBe('disk')
    await lifecycle.send('Page.setWebLifecycleState', { state: 'active' })
    await until(
      first,
      () => RS.realtimeConnection.get().tabs === 'follower' && RS.realtimeConnection.get().phase === 'online'
    )
    await shows(first, numbers(0, 5))
    oneSocket(device)
    // The one that is looked at takes it from one that has been in the background for a while.
    await first.bringToFront()
    await until(first, () => RS.realtimeConnection.get().tabs === 'leader', undefined, 12_000)
    await createMemories(second, ['from behind'])
    await shows(first, [...numbers(0, 5), 'from behind'])
    await shows(second, [...numbers(0, 5), 'from behind'])
  } finally {
    await browser.close()
  }
})

test('exactly one of three tabs leads, and the actions of all are delivered in order and settle in all', async () => {
  let { device, pages } = await tabs('three', 3)
  await expect.poll(() => leaders(pages)).toBe(1)
  await Promise.all(
    pages.map((page, i) =>
      page.evaluate(async i => {
        let receipts = Array.from({ length: 40 }, (_, k) => RS.realtimeService.createMemory(`${i}/${k}`))
        await Promise.all(receipts.map(receipt => receipt.stored))
        Object.assign(window, { receipts })
      }, i)
    )
  )
  await Promise.all(pages.map(drained))
  let done = await Promise.all(
    pages.map(page =>
      page.evaluate(async () => {
        let { receipts } = window as unknown as { receipts: ReturnType<typeof RS.realtimeService.createMemory>[] }
        await Promise.all(receipts.flatMap(({ acked, visible }) => [acked, visible]))
        return receipts.length
      })
    )
  )
  expect(done).toEqual([40, 40, 40])
  let all = await serverContents(world, 'persona:three')
  expect(all).toHaveLength(120)
  for (let i of [0, 1, 2])
    expect(all.filter(text => text.startsWith(`${i}/`))).toEqual(numbers(0, 40).map(k => `${i}/${k}`))
  for (let page of pages) await shows(page, all)
  expect(await logged(pages[0]!)).toEqual(all)
  expect(await leaders(pages)).toBe(1)
  oneSocket(device)
})

test('when the tab that leads is closed, another one takes over and delivers what waits', async () => {
  let { device, pages } = await tabs('closed', 2)
  await expect.poll(() => leaders(pages)).toBe(1)
  let [leader, other] = (await leaderFirst(pages)) as [Page, Page]
  device.network.cut()
  await Promise.all([offline(leader), offline(other)])
  await createMemories(leader, numbers(0, 20))
  await createMemories(other, numbers(20, 40))
  // Each sees what the other did.
  await until(other, () => RS.realtimeConnection.get().pending.count === 40)
  await shows(other, numbers(0, 40))
  await leader.close()
  device.network.restore()
  await hurry(other)
  await drained(other)
  await until(other, () => RS.realtimeConnection.get().leader)
  await shows(other, numbers(0, 40))
  expect(await serverContents(world, 'persona:closed')).toEqual(numbers(0, 40))
  expect(await logged(other)).toEqual(numbers(0, 40))
})

test('a leader that is closed in the middle of sending leaves nothing behind and nothing twice', async () => {
  let { pages } = await tabs('busy', 3)
  await expect.poll(() => leaders(pages)).toBe(1)
  let [leader, ...others] = await leaderFirst(pages)
  await Promise.all(
    pages.map((page, i) =>
      createMemories(
        page,
        numbers(0, 60).map(k => `${i}/${k}`)
      )
    )
  )
  await leader!.close()
  await Promise.all(others.map(drained))
  await expect.poll(() => leaders(others)).toBe(1)
  let all = await serverContents(world, 'persona:busy')
  for (let i of [0, 1, 2])
    expect(all.filter(text => text.startsWith(`${i}/`))).toEqual(numbers(0, 60).map(k => `${i}/${k}`))
  expect(all).toHaveLength(180)
  for (let page of others) await shows(page, all)
  expect(await logged(others[0]!)).toEqual(all)
})

test('marks, rejections and decisions about them are the same in all tabs', async () => {
  let { pages } = await tabs('shared', 2)
  let [one, two] = pages as [Page, Page]
  await world.refuse([{ text: 'forbidden', code: 'house-rules' }])
  let id = await one.evaluate(async () => {
    let receipt = RS.realtimeService.createMemory('forbidden')
    await receipt.acked.catch(() => {})
    return receipt.id
  })
  for (let page of pages) await until(page, () => RS.realtimeConnection.get().rejectedCount === 1)
  await world.refuse([])
  expect(await two.evaluate(id => RS.realtimeService.rejected.retry(id), id)).toBe(true)
  for (let page of pages) {
    await shows(page, ['forbidden'])
    await until(
      page,
      () => RS.realtimeConnection.get().rejectedCount === 0 && RS.realtimeConnection.get().pending.count === 0
    )
  }
})

test('tabs of two people in one browser share nothing', async () => {
  let context: BrowserContext = await world.browser.newContext()
  let device = await world.device(context)
  let [a, b] = await Promise.all([device.tab(), device.tab()])
  await connect(a, device.url, 'ada', { persona: 'two' })
  await connect(b, device.url, 'ben', { persona: 'two' })
  await Promise.all([live(a), live(b)])
  expect(await leaders([a, b])).toBe(2)
  device.network.cut()
  await Promise.all([offline(a), offline(b)])
  await createMemories(a, ['from ada'])
  await createMemories(b, ['from ben'])
  expect(await a.evaluate(() => RS.realtimeConnection.get().pending.count)).toBe(1)
  device.network.restore()
  await Promise.all([hurry(a), hurry(b)])
  await Promise.all([drained(a), drained(b)])
  let { memories } = await world.state<{ memories: { content: string; by: string }[] }>('persona:two', 'memory')
  expect(memories.map(({ content, by }) => `${content} by ${by}`).sort()).toEqual([
    'from ada by ada',
    'from ben by ben'
  ])
})

test('changing the user keeps the waiting actions of the one before until they come back', async () => {
  let device = await world.device()
  let page = await device.tab()
  await connect(page, device.url, 'ada', { persona: 'change' })
  await live(page)
  device.network.cut()
  await offline(page)
  await createMemories(page, numbers(0, 5))
  await connect(page, device.url, 'ben', { persona: 'change' })
  expect(
    await page.evaluate(() => [RS.realtimeConnection.get().pending.count, RS.realtimeMemory.get().memories.length])
  ).toEqual([0, 0])
  device.network.restore()
  await hurry(page)
  await live(page)
  await createMemories(page, ['from ben'])
  await drained(page)
  expect(await serverContents(world, 'persona:change')).toEqual(['from ben'])
  await connect(page, device.url, 'ada', { persona: 'change' })
  await live(page)
  await drained(page)
  await shows(page, ['from ben', ...numbers(0, 5)])
})
