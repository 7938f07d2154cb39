// Sudden ends: of the server while it is busy, of the browser right after it was told that everything is stored.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Page } from 'playwright'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { launchBare } from '../support/chromium.js'
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
let profile: string
beforeAll(async () => {
  world = await createWorld()
  profile = mkdtempSync(join(tmpdir(), 'realtime-profile-'))
})
afterAll(async () => {
  await world.close()
  rmSync(profile, { recursive: true, force: true, maxRetries: 5 })
})
afterEach(() => expect(world.pageErrors).toEqual([]))

/** Creates memories a few at a time without waiting for answers, until `total` are stored. */
async function startBurst(page: Page, total: number): Promise<void> {
  await page.evaluate(total => {
    let burst = Object.assign(window, { stored: 0, acked: 0, failed: [] as string[] })
    let made = 0
    let more = () => {
      for (let i = 0; i < 5 && made < total; i++) {
        let receipt = RS.realtimeService.createMemory(String(made++))
        receipt.stored.then(
          () => burst.stored++,
          error => burst.failed.push(String(error))
        )
        receipt.acked.then(
          () => burst.acked++,
          error => burst.failed.push(String(error))
        )
      }
      if (made < total) setTimeout(more, 4)
    }
    more()
  }, total)
}

type Burst = Window & { stored: number; acked: number; failed: string[] }

test('a server that is killed twice in the middle of a burst loses and doubles nothing', async () => {
  let room = 'persona:killed'
  let [ada, ben] = await Promise.all([world.device(), world.device()])
  let [a, b] = await Promise.all([ada.tab(), ben.tab()])
  await connect(a, ada.url, 'ada', { persona: 'killed' })
  await connect(b, ben.url, 'ben', { persona: 'killed' })
  await Promise.all([live(a), live(b)])

  await startBurst(a, 400)
  for (let [acked, stored] of [
    [60, 0],
    [200, 250]
  ] as const) {
    await until(
      a,
      ([acked, stored]) => (window as unknown as Burst).acked >= acked && (window as unknown as Burst).stored >= stored,
      [acked, stored] as const
    )
    await world.server.kill()
    await Promise.all([offline(a), offline(b)])
    await world.server.restart()
    await Promise.all([hurry(a), hurry(b)])
  }
  await until(a, () => (window as unknown as Burst).stored === 400)
  await drained(a)

  let expected = numbers(0, 400)
  await Promise.all([live(a), live(b)])
  await shows(a, expected)
  await shows(b, expected)
  expect(await serverContents(world, room)).toEqual(expected)
  expect(await logged(b)).toEqual(expected)
  let states = await Promise.all(
    [a, b].map(page => page.evaluate(() => RS.realtimeService.room().use(RS.memory).$state.get()))
  )
  expect(states[0]).toEqual(states[1])
  expect(states[0]).toEqual(await world.state(room, 'memory'))
  let end = await a.evaluate(() => {
    let { acked, failed } = window as unknown as Burst
    return { acked, failed, unknown: RS.realtimeService.unknown.get(), rejected: RS.realtimeService.rejected.get() }
  })
  expect(end).toEqual({ acked: 400, failed: [], unknown: [], rejected: [] })
})

test.each([
  ['offline', 'killed-offline'],
  ['online', 'killed-online']
])(
  'a browser that is killed %s right after the last of 50 was stored delivers all of them at its next start',
  async (when, persona) => {
    let dir = join(profile, persona)
    let network = await world.network()
    let open = async () => {
      let chromium = await launchBare(dir)
      let page = world.watch(await chromium.context.newPage())
      await page.goto(world.pages.url)
      await connect(page, urlOf(network), 'ada', { persona })
      return { chromium, page }
    }
    let first = await open()
    await live(first.page)
    await createMemories(first.page, numbers(0, 5))
    await drained(first.page)
    if (when === 'offline') {
      network.cut()
      await offline(first.page)
    }
    await createMemories(first.page, numbers(5, 55))
    await first.chromium.kill()

    network.restore()
    let second = await open()
    try {
      await live(second.page)
      await drained(second.page)
      await shows(second.page, numbers(0, 55))
      expect(await serverContents(world, `persona:${persona}`)).toEqual(numbers(0, 55))
      expect(await logged(second.page)).toEqual(numbers(0, 55))
      expect(await second.page.evaluate(() => RS.realtimeService.unknown.get())).toEqual([])
    } finally {
      await second.chromium.close()
    }
  }
)
