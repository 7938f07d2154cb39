// Browsers without a disk, or with one that fails: everything still works, and says what it cannot promise.

import type { Page } from 'playwright'
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

async function open(persona: string, before?: () => void) {
  let device = await world.device()
  let page = await device.tab(before ? { before } : {})
  await connect(page, device.url, 'ada', { persona })
  return { device, page }
}

function durability(page: Page) {
  return page.evaluate(() => {
    let { durability, durabilityReason, canSend } = RS.realtimeConnection.get()
    let degraded = RS.realtimeEvents
      .get()
      .log.filter(entry => entry.type === 'degraded')
      .map(entry => entry.detail)
    return { durability, durabilityReason, canSend, degraded, reasons: RS.realtimeStatus.get().reasons }
  })
}

/** Sends while connected and while not, and looks whether all of it arrived. */
async function delivers({ device, page }: Awaited<ReturnType<typeof open>>, persona: string): Promise<void> {
  await live(page)
  await createMemories(page, numbers(0, 10))
  device.network.cut()
  await offline(page)
  await createMemories(page, numbers(10, 30))
  device.network.restore()
  await hurry(page)
  await drained(page)
  await shows(page, numbers(0, 30))
  expect(await serverContents(world, `persona:${persona}`)).toEqual(numbers(0, 30))
  expect(await logged(page)).toEqual(numbers(0, 30))
}

test('with a disk, what waits is on it', async () => {
  let it = await open('disk')
  await delivers(it, 'disk')
  let told = await durability(it.page)
  expect(told).toMatchObject({ durability: 'disk', durabilityReason: null, canSend: true, degraded: [] })
  expect(told.reasons).not.toContain('actions are not stored on disk')
})

test.each<[string, string, () => void, RegExp]>([
  [
    'that has no IndexedDB',
    'absent',
    () => Object.defineProperty(window, 'indexedDB', { value: undefined }),
    /IndexedDB/
  ],
  [
    'in which opening throws',
    'throws',
    () => {
      IDBFactory.prototype.open = () => {
        throw new DOMException('The user denied permission to access the database.', 'SecurityError')
      }
    },
    /denied permission/
  ],
  [
    'in which opening fails',
    'fails',
    () => {
      let open = IDBFactory.prototype.open
      // A version below the present one is refused by the real thing.
      IDBFactory.prototype.open = function (name) {
        let first = open.call(this, name, 2)
        first.onsuccess = () => first.result.close()
        return open.call(this, name, 1)
      }
    },
    /./
  ],
  [
    'in which opening never answers',
    'hangs',
    () => {
      IDBFactory.prototype.open = () => new EventTarget() as unknown as IDBOpenDBRequest
    },
    /in time/
  ],
  [
    'whose quota is used up',
    'quota',
    () => {
      IDBObjectStore.prototype.put = () => {
        throw new DOMException('The quota has been exceeded.', 'QuotaExceededError')
      }
    },
    /Quota/
  ]
])('a browser %s keeps actions in memory, says so, and delivers them', async (_, persona, before, reason) => {
  let it = await open(persona, before)
  await delivers(it, persona)
  let told = await durability(it.page)
  expect(told).toMatchObject({ durability: 'memory', durabilityReason: expect.stringMatching(reason), canSend: true })
  expect(told.reasons).toContain('actions are not stored on disk')
  expect(await it.page.evaluate(() => RS.realtimeService.unknown.get())).toEqual([])
})

test('when the quota runs out in the middle, nothing of what was accepted is lost', async () => {
  let it = await open('fills', () => {
    let commit = IDBTransaction.prototype.commit
    Object.assign(window, { full: false })
    // As browsers do it: every request is taken, and the transaction as a whole is aborted.
    IDBTransaction.prototype.commit = function () {
      if ((window as unknown as { full: boolean }).full && this.mode === 'readwrite') this.abort()
      else commit.call(this)
    }
  })
  await live(it.page)
  await createMemories(it.page, numbers(0, 10))
  await drained(it.page)
  it.device.network.cut()
  await offline(it.page)
  await createMemories(it.page, numbers(10, 20))
  await it.page.evaluate(() => Object.assign(window, { full: true }))
  await createMemories(it.page, numbers(20, 30))
  expect(await durability(it.page)).toMatchObject({
    durability: 'memory',
    canSend: true,
    degraded: [{ reason: expect.any(String) }]
  })
  it.device.network.restore()
  await hurry(it.page)
  await drained(it.page)
  await shows(it.page, numbers(0, 30))
  expect(await serverContents(world, 'persona:fills')).toEqual(numbers(0, 30))
  expect(await logged(it.page)).toEqual(numbers(0, 30))
  expect(await it.page.evaluate(() => [RS.realtimeService.unknown.get(), RS.realtimeService.rejected.get()])).toEqual([
    [],
    []
  ])
})

test('when the site data are deleted under a running page, what is done afterwards is delivered', async () => {
  let it = await open('deleted')
  await live(it.page)
  await createMemories(it.page, numbers(0, 10))
  await drained(it.page)
  await it.page.evaluate(async () => {
    for (let { name } of await indexedDB.databases()) {
      await new Promise((resolve, reject) => {
        let request = indexedDB.deleteDatabase(name!)
        request.onsuccess = resolve
        request.onerror = reject
        request.onblocked = () => reject(new Error('blocked'))
      })
    }
  })
  await createMemories(it.page, numbers(10, 20))
  await drained(it.page)
  await shows(it.page, numbers(0, 20))
  expect(await serverContents(world, 'persona:deleted')).toEqual(numbers(0, 20))
})

test('without Web Locks each tab is a client of its own, and both deliver', async () => {
  let device = await world.device()
  let before = () => Object.defineProperty(Navigator.prototype, 'locks', { value: undefined })
  let [one, two] = await Promise.all([device.tab({ before }), device.tab({ before })])
  for (let page of [one, two]) {
    await connect(page, device.url, 'ada', { persona: 'locks' })
    await live(page)
    expect(await durability(page)).toMatchObject({
      durability: 'memory',
      durabilityReason: expect.stringMatching(/Web Locks/)
    })
  }
  await Promise.all([createMemories(one, numbers(0, 10)), createMemories(two, numbers(10, 20))])
  await Promise.all([drained(one), drained(two)])
  let all = await serverContents(world, 'persona:locks')
  expect([...all].sort()).toEqual(numbers(0, 20).sort())
  await shows(one, all)
  await shows(two, all)
})

test('an outbox that is full says so before anything is lost', async () => {
  let device = await world.device()
  let page = await device.tab()
  await page.evaluate(
    url => RS.realtimeService.connect({ url, app: 'e2e', user: 'ada', persona: 'full', outbox: { maxCount: 5 } }),
    device.url
  )
  await live(page)
  device.network.cut()
  await offline(page)
  await createMemories(page, numbers(0, 5))
  await until(page, () => !RS.realtimeConnection.get().canSend)
  expect(
    await page.evaluate(() => {
      try {
        RS.realtimeService.createMemory('one too many')
        return 'taken'
      } catch (error) {
        return (error as { code: string }).code
      }
    })
  ).toBe('outbox-full')
  await shows(page, numbers(0, 5))
  device.network.restore()
  await hurry(page)
  await drained(page)
  await until(page, () => RS.realtimeConnection.get().canSend)
  expect(await serverContents(world, 'persona:full')).toEqual(numbers(0, 5))
})
