// Networks that fail in every way: cut, silent, or silent in one direction only.

import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import {
  connect,
  contents,
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

async function pair(persona: string) {
  let [ada, ben] = await Promise.all([world.device(), world.device()])
  let [a, b] = await Promise.all([ada.tab(), ben.tab()])
  await connect(a, ada.url, 'ada', { persona })
  await connect(b, ben.url, 'ben', { persona })
  await Promise.all([live(a), live(b)])
  return { ada, ben, a, b }
}

test('50 actions whose answers are swallowed before the network is cut are neither doubled nor lost', async () => {
  let { ada, a, b } = await pair('swallowed')
  ada.network.swallow('down')
  await createMemories(a, numbers(0, 50))
  await shows(b, numbers(0, 50))
  // The server has them all; nobody told the page.
  expect(await a.evaluate(() => RS.realtimeConnection.get().pending.count)).toBe(50)
  ada.network.cut()
  await offline(a)
  await createMemories(a, numbers(50, 60))
  ada.network.restore()
  await hurry(a)
  await drained(a)
  await shows(b, numbers(0, 60))
  await shows(a, numbers(0, 60))
  expect(await serverContents(world, 'persona:swallowed')).toEqual(numbers(0, 60))
  expect(await logged(b)).toEqual(numbers(0, 60))
  expect(await a.evaluate(() => RS.realtimeService.unknown.get())).toEqual([])
})

test('what was swallowed on its way to the server is sent again', async () => {
  let { ada, a, b } = await pair('swallowed-up')
  ada.network.swallow('up')
  await createMemories(a, numbers(0, 50))
  await until(a, () => RS.realtimeConnection.get().pending.count === 50)
  expect(await serverContents(world, 'persona:swallowed-up')).toEqual([])
  ada.network.cut()
  await offline(a)
  ada.network.restore()
  await hurry(a)
  await drained(a)
  await shows(b, numbers(0, 50))
  expect(await contents(a)).toEqual(numbers(0, 50))
  expect(await logged(b)).toEqual(numbers(0, 50))
})

test('a link on which nothing passes any more is given up within 15 s, and everything recovers when it is back', async () => {
  let { ada, a, b } = await pair('silent')
  ada.network.blackhole()
  let from = Date.now()
  await createMemories(a, numbers(0, 20))
  await offline(a)
  expect(Date.now() - from).toBeLessThan(15_000)
  expect(await a.evaluate(() => RS.realtimeConnection.get().reason)).toBe('network')
  await createMemories(a, numbers(20, 30))
  ada.network.restore()
  await hurry(a)
  await drained(a)
  await live(a)
  await shows(b, numbers(0, 30))
  expect(await logged(b)).toEqual(numbers(0, 30))
  await shows(a, numbers(0, 30))
})

test('a connection that is reset is noticed at once and made again within the window that the server gave', async () => {
  let { ada, a, b } = await pair('cut')
  // Only after a connection that proved stable does the back-off start over.
  await until(a, () => Date.now() - RS.realtimeConnection.get().since > 5000)
  ada.network.cut()
  ada.network.restore()
  await offline(a)
  let view = await a.evaluate(() => ({ ...RS.realtimeConnection.get(), now: Date.now() }))
  expect(view).toMatchObject({ phase: 'waiting', reason: 'server', transport: 'none', quality: 'none', attempt: 1 })
  expect(view.nextAttemptAt! - view.now).toBeLessThanOrEqual(5000)
  expect(await a.evaluate(() => RS.realtimeStatus.get())).toMatchObject({ isConnected: false, systemHealth: 'offline' })
  await createMemories(a, ['meanwhile'])
  await until(a, () => RS.realtimeConnection.get().phase === 'online', undefined, 6000)
  await shows(b, ['meanwhile'])
  expect(await a.evaluate(() => RS.realtimeEvents.get().log.map(entry => entry.type))).toEqual(
    expect.arrayContaining(['connected', 'disconnected'])
  )
})

test('the event `online` ends a long wait for the next attempt', async () => {
  let { ada, a } = await pair('online')
  ada.network.cut()
  // Three failures in a row: the next wait is 2 s at least.
  await until(a, () => RS.realtimeConnection.get().phase === 'waiting' && RS.realtimeConnection.get().attempt >= 3)
  await ada.context.setOffline(true)
  ada.network.restore()
  let waits = await a.evaluate(() => {
    let { phase, nextAttemptAt } = RS.realtimeConnection.get()
    return { phase, left: (nextAttemptAt ?? 0) - Date.now() }
  })
  expect(waits.phase).toBe('waiting')
  expect(waits.left).toBeGreaterThan(1000)
  await ada.context.setOffline(false)
  await until(a, () => RS.realtimeConnection.get().phase === 'online', undefined, 1000)
})
