// Several tabs of one person: one of them sends for all, and another takes over when it goes.

import type { BrowserContext, Page } from 'playwright'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
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
  type World
} from './world.js'

let world: World
beforeAll(async () => {
  world = await createWorld()
})
afterAll(() => world.close())
afterEach(() => expect(world.pageErrors).toEqual([]))

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
  expect(device.network.connections).toBe(3)
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

test('a leader that crashes is replaced', async () => {
  let { pages } = await tabs('crash', 2)
  await expect.poll(() => leaders(pages)).toBe(1)
  let [leader, other] = (await leaderFirst(pages)) as [Page, Page]
  let crashed = leader.waitForEvent('crash')
  await createMemories(leader, numbers(0, 10))
  void leader.goto('chrome://crash').catch(() => {})
  await crashed
  await leader.close()
  await createMemories(other, numbers(10, 20))
  await drained(other)
  await shows(other, numbers(0, 20))
  expect(await leads(other)).toBe(true)
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
