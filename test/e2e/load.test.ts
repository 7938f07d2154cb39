// Twenty thousand actions without a network: taken, kept, shown, sent and forgotten again, without the page ever standing still.

import type { Page } from 'playwright'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { AnyFeature } from '../../src/index.js'
import { lanesOf } from '../support/lanes.mjs'
import { heapOf, mainThreadTasks, slowdown } from '../support/main-thread.js'
import {
  connect,
  createWorld,
  drained,
  hurry,
  live,
  numbers,
  offline,
  serverContents,
  until,
  type World
} from './world.js'

const COUNT = 20_000
/** Promised: no block longer than this, in milliseconds. */
const BLOCK = 50
/** Of thousands of tasks, so many may be the collector's of garbage, which takes longer where everything is slow. */
const EXCEPTIONS = 3
/** Promised for draining all of it, in milliseconds, on a machine that has nothing else to do. */
const DRAIN = 5000
/** Calls in one task of the page. */
const BATCH = 100

/** Calls `createMemory` for these numbers, some in each task; resolves when all are stored. */
async function create(page: Page, from: number, to: number): Promise<void> {
  await page.evaluate(
    async ([from, to, batch]) => {
      let { port1, port2 } = new MessageChannel()
      let last: PromiseLike<unknown> | undefined
      for (let i = from; i < to; i++) {
        last = RS.realtimeService.createMemory(String(i))
        if (i % batch > 0) continue
        await new Promise(resolve => {
          port1.onmessage = resolve
          port2.postMessage(0)
        })
      }
      await last
    },
    [from, to, BATCH] as const
  )
}

let pendingCount = (page: Page): Promise<number> => page.evaluate(() => RS.realtimeConnection.get().pending.count)

async function shows(page: Page, upTo: number): Promise<void> {
  await until(page, last => RS.realtimeMemory.get().memories.at(-1)?.content === last, String(upTo - 1), 60_000)
  let shown = await page.evaluate(() => RS.realtimeMemory.get().memories.map(({ content }) => content))
  expect(shown).toEqual(numbers(Math.max(0, upTo - 1000), upTo))
}

describe.each(['sqlite', 'memory'] as const)('with a server that keeps rooms in %s', storage => {
  let world: World
  beforeAll(async () => {
    world = await createWorld({ storage })
  })
  afterAll(() => world.close())
  afterEach(() => expect(world.pageErrors).toEqual([]))

  test('20,000 actions are accepted offline, found again after a reload, and drained, without a block', async () => {
    let ada = await world.device()
    let a = await ada.tab()
    let tasks: number[] = []
    let traced = async (work: () => Promise<void>): Promise<void> => {
      tasks.push(...(await mainThreadTasks(world.browser, a, work)))
    }
    await connect(a, ada.url, 'ada', { persona: 'load' })
    await live(a)
    ada.network.cut()
    await offline(a)
    let before = await heapOf(a)

    await traced(() => create(a, 0, COUNT))
    expect(await pendingCount(a)).toBe(COUNT)
    await shows(a, COUNT)
    // Bounded: row, receipt and what is kept to find them, for each.
    let waiting = await heapOf(a)
    expect((waiting - before) / COUNT).toBeLessThan(2000)

    await a.reload()
    await traced(async () => {
      await a.evaluate(
        async url => RS.realtimeService.connect({ url, app: 'e2e', user: 'ada', persona: 'load' }),
        ada.url
      )
      await until(a, count => RS.realtimeConnection.get().pending.count === count, COUNT)
    })
    await shows(a, COUNT)

    // One in the middle is refused: everything above it is painted again.
    await world.refuse([{ text: '"5000"', code: 'refused' }])
    let ms = 0
    let factor = slowdown()
    await traced(async () => {
      ada.network.restore()
      await hurry(a)
      await until(a, () => RS.realtimeConnection.get().phase === 'online')
      let start = performance.now()
      await until(a, () => RS.realtimeConnection.get().pending.count === 0, undefined, 120_000)
      ms = performance.now() - start
    })
    factor = Math.max(factor, slowdown())
    // A machine that is busy with other things has less for each of the three processes, and unevenly.
    expect(ms).toBeLessThan(factor < 1.2 ? DRAIN : 2 * DRAIN * factor)
    let longest = tasks.sort((x, y) => y - x).slice(0, 5)
    expect(longest[0], `longest: ${longest}`).toBeLessThan(3 * BLOCK)
    expect(longest[EXCEPTIONS], `longest: ${longest}`).toBeLessThan(BLOCK)
    await shows(a, COUNT)

    // Each took effect once, in order: the log counts them, and its state is that of their calls.
    expect(await serverContents(world, 'persona:load')).toEqual(numbers(COUNT - 1000, COUNT))
    let { events } = await a.evaluate(() => RS.realtimeService.room().history({ limit: 500 }))
    expect(events.at(-1)?.offset).toBe(COUNT - 1)
    expect(await a.evaluate(() => RS.realtimeService.rejected.get().map(({ row }) => row.data))).toEqual([
      { content: '5000' }
    ])
    // Nothing of them is left: a thousand memories are what the state keeps.
    expect((await heapOf(a)) - before).toBeLessThan(4_000_000)
  })

  test('what is critical overtakes a backlog that waited before it', async () => {
    let ada = await world.device()
    let a = await ada.tab()
    let state = await a.evaluate(
      ([url, source]) => {
        let client = RS.createRealtime({ url, app: 'priority', user: 'ada' })
        let feature = new Function('library', `return (${source})(library)`)(RS) as AnyFeature
        let handle = client.room('priority').use(feature)
        Object.assign(window, { client, handle })
        client.connect()
        return client.ready.then(() => client.$connection.get().durability)
      },
      [ada.url, lanesOf.toString()] as const
    )
    expect(state).toBe('disk')
    interface Page {
      client: ReturnType<typeof RS.createRealtime>
      handle: {
        step(i: number): { acked: Promise<void> }
        alarm(i: number): { acked: Promise<void>; visible: Promise<void> }
      }
    }
    await until(a, () => (window as unknown as Page).client.$connection.get().phase === 'online')
    ada.network.cut()
    await until(a, () => (window as unknown as Page).client.$connection.get().phase !== 'online')
    await a.evaluate(async count => {
      let { handle } = window as unknown as Page
      let stored: Promise<unknown>[] = []
      for (let i = 0; i < count; i++) {
        let receipt = handle.step(i) as unknown as { stored: Promise<void> }
        if (i % 100 === 0) stored.push(receipt.stored)
        if (i % 1000 === 999) await Promise.all(stored.splice(0))
      }
      let alarm = handle.alarm(0) as unknown as { stored: Promise<void>; acked: Promise<void> }
      Object.assign(window, { alarm })
      await alarm.stored
    }, COUNT)
    ada.network.restore()
    await a.evaluate(() => (window as unknown as Page).client.probe())
    await a.evaluate(() => (window as unknown as { alarm: { acked: Promise<void> } }).alarm.acked)
    await until(a, () => (window as unknown as Page).client.$connection.get().pending.count === 0, undefined, 120_000)
    let { steps, faults, alarms } = await world.state<{ steps: number; faults: number; alarms: number[] }>(
      'priority',
      'lanes'
    )
    expect({ steps, faults }).toEqual({ steps: COUNT, faults: 0 })
    expect(alarms).toHaveLength(1)
    expect(alarms[0]).toBeLessThan(10)
  })
})

describe('with 10,000 actions waiting', () => {
  let world: World
  beforeAll(async () => {
    world = await createWorld()
  })
  afterAll(() => world.close())

  test('one more is stored within 10 ms, and costs what it costs when nothing waits', async () => {
    let ada = await world.device()
    let a = await ada.tab()
    await connect(a, ada.url, 'ada', { persona: 'enqueue' })
    await live(a)
    ada.network.cut()
    await offline(a)
    let times = (from: number): Promise<number[]> =>
      a.evaluate(async from => {
        let times: number[] = []
        for (let i = from; i < from + 100; i++) {
          await new Promise(resolve => setTimeout(resolve, 5))
          let start = performance.now()
          await RS.realtimeService.createMemory(String(i)).stored
          times.push(performance.now() - start)
        }
        return times.sort((x, y) => x - y)
      }, from)
    let factor = slowdown()
    let empty = await times(0)
    await create(a, 100, 10_100)
    let full = await times(10_100)
    factor = Math.max(factor, slowdown())
    expect(await pendingCount(a)).toBe(10_200)
    let at = (list: number[], share: number): number => list[Math.floor(list.length * share)] as number
    expect(at(full, 0.95)).toBeLessThan(10 * factor)
    expect(at(full, 0.5)).toBeLessThan(1 + 5 * at(empty, 0.5))
    ada.network.restore()
    await hurry(a)
    await drained(a)
  })
})
