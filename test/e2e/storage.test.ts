// Browsers without a disk, or with one that fails: everything still works, and says what it cannot promise.

import { execFileSync } from 'node:child_process'
import { appendFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Page } from 'playwright'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { launchBare, launchPersistent } from '../support/chromium.js'
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
let scratch: string
beforeAll(async () => {
  scratch = mkdtempSync(join(tmpdir(), 'realtime-storage-'))
  world = await createWorld()
})
afterAll(async () => {
  await world.close()
  rmSync(scratch, { recursive: true, force: true, maxRetries: 5 })
})
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

test('{HC 30a} with a disk, what waits is on it, and nothing is kept where a killed browser forgets', async () => {
  let it = await open('disk')
  await delivers(it, 'disk')
  let told = await durability(it.page)
  expect(told).toMatchObject({ durability: 'disk', durabilityReason: null, canSend: true, degraded: [] })
  expect(told.reasons).not.toContain('actions are not stored on disk')
  let elsewhere = await it.page.evaluate(() => [localStorage.length, sessionStorage.length, document.cookie])
  expect(elsewhere).toEqual([0, 0, ''])
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
])(
  '{HC 22, 23, 27} a browser %s keeps actions in memory, says so, and delivers them',
  async (_, persona, before, reason) => {
    let it = await open(persona, before)
    await delivers(it, persona)
    let told = await durability(it.page)
    expect(told).toMatchObject({ durability: 'memory', durabilityReason: expect.stringMatching(reason), canSend: true })
    expect(told.reasons).toContain('actions are not stored on disk')
    expect(await it.page.evaluate(() => RS.realtimeService.unknown.get())).toEqual([])
  }
)

test('{HC 27, 30b} when the quota runs out in the middle, nothing of what was accepted is lost', async () => {
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

test('{HC 28, 29} when the site data are deleted under a running page, what is done afterwards is delivered', async () => {
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

test('{HC 32} without Web Locks each tab is a client of its own, and both deliver', async () => {
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

/** Waits until the page keeps what waits on disk, or in memory. */
let keepsOn = (page: Page, kind: 'disk' | 'memory') =>
  until(page, kind => RS.realtimeConnection.get().durability === kind, kind)

/** A page of this origin without the library, with the database of ada open as other code may have it. */
async function stranger(device: Awaited<ReturnType<World['device']>>): Promise<Page> {
  let page = world.watch(await device.context.newPage())
  world.pages.put('/stranger', '<!doctype html><title>stranger</title>')
  await page.goto(`${world.pages.url}/stranger`)
  return page
}
const ADA = 'realtime-stores/1/e2e/ada'

test('{HC 23} a database that opens only later takes over what waited in memory, and keeps it across a reload', async () => {
  let device = await world.device()
  let first = await device.tab()
  await connect(first, device.url, 'ada', { persona: 'blocked' })
  await live(first)
  await first.close()
  // Somebody holds the database and hears nothing, somebody else wants it deleted: whoever opens it now has to wait.
  let other = await stranger(device)
  await other.evaluate(async name => {
    let database = await new Promise<IDBDatabase>(resolve => {
      let request = indexedDB.open(name)
      request.onsuccess = () => resolve(request.result)
    })
    indexedDB.deleteDatabase(name)
    Object.assign(window, { database })
  }, ADA)
  let page = await device.tab()
  await connect(page, device.url, 'ada', { persona: 'blocked' })
  await keepsOn(page, 'memory')
  expect((await durability(page)).durabilityReason).toMatch(/in time/)
  await live(page)
  device.network.cut()
  await offline(page)
  await createMemories(page, numbers(0, 10))
  await other.evaluate(() => (window as unknown as { database: IDBDatabase }).database.close())
  await keepsOn(page, 'disk')
  await page.reload()
  await connect(page, device.url, 'ada', { persona: 'blocked' })
  await shows(page, numbers(0, 10))
  device.network.restore()
  await hurry(page)
  await drained(page)
  expect(await serverContents(world, 'persona:blocked')).toEqual(numbers(0, 10))
})

test('{HC 24, 39} a newer version of the app takes the database over; the older page says so, writes nothing there, and still delivers', async () => {
  let it = await open('upgraded')
  await live(it.page)
  await createMemories(it.page, ['before'])
  await drained(it.page)
  let newer = await stranger(it.device)
  let content = () =>
    newer.evaluate(
      () =>
        new Promise<string>(resolve => {
          let { database } = window as unknown as { database: IDBDatabase }
          let request = database.transaction('entries').objectStore('entries').getAll()
          request.onsuccess = () => resolve(JSON.stringify(request.result))
        })
    )
  await newer.evaluate(async name => {
    let database = await new Promise<IDBDatabase>((resolve, reject) => {
      let request = indexedDB.open(name, 2)
      request.onupgradeneeded = () => void request.result.createObjectStore('newer')
      request.onsuccess = () => resolve(request.result)
      request.onblocked = () => reject(new Error('blocked'))
    })
    Object.assign(window, { database })
  }, ADA)
  await keepsOn(it.page, 'memory')
  expect((await durability(it.page)).durabilityReason).toMatch(/newer version.*reload/)
  let before = await content()
  await createMemories(it.page, ['after'])
  await drained(it.page)
  await shows(it.page, ['before', 'after'])
  expect(await content()).toBe(before)
  // Loaded again with the old code, it still keeps its hands off.
  await it.page.reload()
  await connect(it.page, it.device.url, 'ada', { persona: 'upgraded' })
  await keepsOn(it.page, 'memory')
  expect(await content()).toBe(before)
})

test('{HC 25, 28, 29} site data that the browser clears while actions wait are stored anew, and lost neither then nor by a reload', async () => {
  let it = await open('cleared')
  await live(it.page)
  await createMemories(it.page, ['before'])
  await drained(it.page)
  it.device.network.cut()
  await offline(it.page)
  await createMemories(it.page, numbers(0, 10))
  let cdp = await it.device.context.newCDPSession(it.page)
  await cdp.send('Storage.clearDataForOrigin', { origin: world.pages.url, storageTypes: 'all' })
  // Nothing more is done in the page; what waits is on the disk again.
  await expect
    .poll(
      () =>
        it.page.evaluate(async name => {
          // Opened before it is there, it would be made here, and empty.
          if (!(await indexedDB.databases()).some(database => database.name === name)) return 0
          return new Promise<number>(resolve => {
            let request = indexedDB.open(name)
            request.onsuccess = () => {
              let database = request.result
              let all = database.transaction('entries').objectStore('entries').getAll()
              all.onsuccess = () => {
                database.close()
                resolve(JSON.stringify(all.result).split('content').length - 1)
              }
            }
          })
        }, ADA),
      { timeout: 10_000 }
    )
    .toBeGreaterThanOrEqual(10)
  await it.page.reload()
  await connect(it.page, it.device.url, 'ada', { persona: 'cleared' })
  it.device.network.restore()
  await hurry(it.page)
  await live(it.page)
  await drained(it.page)
  expect(await serverContents(world, 'persona:cleared')).toEqual(['before', ...numbers(0, 10)])
  expect(await it.page.evaluate(() => [RS.realtimeService.unknown.get(), RS.realtimeService.rejected.get()])).toEqual([
    [],
    []
  ])
})

test('{HC 26} behind a tab that is frozen inside a transaction, actions go on in memory, and to the disk when it is thawed', async () => {
  let network = await world.network()
  let chromium = await launchBare(join(scratch, 'frozen'))
  try {
    let holder = world.watch(await chromium.context.newPage())
    await holder.goto(world.pages.url)
    await connect(holder, urlOf(network), 'ada', { persona: 'held' })
    await live(holder)
    await holder.evaluate(async name => {
      await RS.realtimeService.disconnect()
      let database = await new Promise<IDBDatabase>(resolve => {
        let request = indexedDB.open(name)
        request.onsuccess = () => resolve(request.result)
      })
      let store = database.transaction('entries', 'readwrite').objectStore('entries')
      let hold = () => {
        store.get('client').onsuccess = () => (window as unknown as { isOver?: boolean }).isOver || hold()
      }
      hold()
    }, ADA)
    let page = world.watch(await chromium.context.newPage())
    await page.goto(world.pages.url)
    let cdp = await chromium.context.newCDPSession(holder)
    await cdp.send('Page.setWebLifecycleState', { state: 'frozen' })
    await connect(page, urlOf(network), 'ada', { persona: 'held' })
    await keepsOn(page, 'memory')
    expect((await durability(page)).durabilityReason).toMatch(/too long/)
    await live(page)
    await createMemories(page, numbers(0, 10))
    await drained(page)
    network.cut()
    await offline(page)
    await createMemories(page, numbers(10, 20))
    await cdp.send('Page.setWebLifecycleState', { state: 'active' })
    await holder.close()
    await keepsOn(page, 'disk')
    network.restore()
    await hurry(page)
    await drained(page)
    await shows(page, numbers(0, 20))
    expect(await logged(page)).toEqual(numbers(0, 20))
  } finally {
    await chromium.close()
  }
})

/** A disk of 16 MB under the profile; false where this machine does not let us mount one. */
function mountSmallDisk(dir: string): boolean {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return false
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=16m', 'tmpfs', dir], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

let smallDisk = ''
let isMounted = false
beforeAll(() => {
  smallDisk = mkdtempSync(join(scratch, 'small-'))
  isMounted = mountSmallDisk(smallDisk)
})
afterAll(() => {
  if (isMounted) execFileSync('umount', ['--lazy', smallDisk])
})

test('{HC 27} a disk that is really full loses nothing of what was accepted, and is used again when there is room', async context => {
  if (!isMounted) context.skip('only where a small disk can be mounted: as root, on Linux')
  let browser = await launchPersistent(smallDisk)
  try {
    let device = await world.device(browser)
    let page = await device.tab()
    await connect(page, device.url, 'ada', { persona: 'small' })
    await live(page)
    device.network.cut()
    await offline(page)
    await createMemories(page, numbers(0, 10))
    expect((await durability(page)).durability).toBe('disk')
    // Something else on this machine fills the disk to the brim.
    let ballast = join(smallDisk, 'ballast')
    expect(() => {
      for (;;) appendFileSync(ballast, Buffer.alloc(64 * 1024, 1))
    }).toThrow(/ENOSPC/)
    let texts = numbers(10, 70).map(text => text.padEnd(2000, '.'))
    await createMemories(page, texts)
    await keepsOn(page, 'memory')
    expect((await durability(page)).durabilityReason).toEqual(expect.any(String))
    rmSync(ballast)
    await keepsOn(page, 'disk')
    device.network.restore()
    await hurry(page)
    await drained(page)
    expect(await serverContents(world, 'persona:small')).toEqual([...numbers(0, 10), ...texts])
    expect(await page.evaluate(() => [RS.realtimeService.unknown.get(), RS.realtimeService.rejected.get()])).toEqual([
      [],
      []
    ])
  } finally {
    await browser.close()
  }
})

test.each([
  ['in memory only', 'memory', () => Object.defineProperty(window, 'indexedDB', { value: undefined }), 1],
  ['on disk', 'disk', () => {}, 0]
] as const)('{HC 22} who closes a page while something waits %s is asked, or not', async (_, kind, before, dialogs) => {
  let device = await world.device()
  let page = await device.tab({ before })
  await connect(page, device.url, 'ada', { persona: `guard-${kind}` })
  await live(page)
  let asked: string[] = []
  page.on('dialog', dialog => {
    asked.push(dialog.type())
    void dialog.accept()
  })
  // Browsers ask only where the person has touched the page.
  await page.mouse.click(5, 5)
  let leave = () => page.goto(`${world.pages.url}/?left`)
  await createMemories(page, ['delivered'])
  await drained(page)
  await leave()
  expect(asked).toEqual([])

  await connect(page, device.url, 'ada', { persona: `guard-${kind}` })
  await live(page)
  await page.mouse.click(5, 5)
  device.network.cut()
  await offline(page)
  await createMemories(page, ['waits'])
  await leave()
  expect(asked).toEqual(Array(dialogs).fill('beforeunload'))
})

test('{HC 28} the browser is asked once to keep what is stored, after the first action, and its answer is shown', async () => {
  let device = await world.device()
  let before = () => {
    let persist = StorageManager.prototype.persist
    Object.assign(window, { asked: 0 })
    StorageManager.prototype.persist = function () {
      ;(window as unknown as { asked: number }).asked++
      return persist.call(this)
    }
  }
  let page = await device.tab({ before })
  let asked = () => page.evaluate(() => (window as unknown as { asked: number }).asked)
  await connect(page, device.url, 'ada', { persona: 'persist' })
  await live(page)
  expect(await asked()).toBe(0)
  await createMemories(page, ['one'])
  await until(page, () => RS.realtimeEvents.get().log.some(({ type }) => type === 'persisted'))
  await createMemories(page, ['two'])
  expect(await asked()).toBe(1)
  // What this browser says without a person in front of it.
  expect(
    await page.evaluate(async () => [RS.realtimeConnection.get().persisted, await navigator.storage.persisted()])
  ).toEqual([false, false])
  for (let user of ['ada', 'ben']) {
    await page.reload()
    await connect(page, device.url, user, { persona: 'persist' })
    await live(page)
    await createMemories(page, [`again by ${user}`])
    await drained(page)
    expect(await asked()).toBe(0)
  }
})
