// Places that are not a plain page: workers, frames of another site, copies of a tab, pages whose policy forbids the network,
// modules that are run again.

import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { launchBare } from '../support/chromium.js'
import {
  connect,
  createMemories,
  createWorld,
  drained,
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

/** A script of a worker: connects, acts, says what it can and cannot. */
function workerScript(url: string, persona: string, answer: string): string {
  return `
    import * as RS from '/bundle/realtime-stores.js'
    let report = async () => {
      let { realtimeService: service, realtimeConnection: connection } = RS
      await service.connect({ url: '${url}', user: 'ada', app: 'e2e', persona: '${persona}' })
      await Promise.all(Array.from({ length: 10 }, (_, i) => service.createMemory(String(i)).visible))
      let listens = service.startListening()
      service.setHapticEnabled(true)
      service.triggerHaptic('tap', 100, 50)
      await new Promise(resolve => setTimeout(resolve, 300))
      let { phase, durability, pending, persisted } = connection.get()
      return {
        hasWindow: typeof window !== 'undefined' || typeof document !== 'undefined' || typeof localStorage !== 'undefined',
        phase, durability, pending: pending.count, persisted, listens,
        voice: RS.realtimeVoice.get().supported, voiceError: RS.realtimeVoice.get().lastError,
        haptic: RS.realtimeHaptic.get().supported,
        vr: RS.realtimeVR.get().supported,
        biometric: RS.realtimeBiometric.get().supported
      }
    }
    ${answer}`
}
const IN_A_WORKER = {
  hasWindow: false,
  phase: 'online',
  durability: 'disk',
  pending: 0,
  persisted: null,
  listens: false,
  voice: { speak: false, listen: false },
  voiceError: 'unsupported',
  haptic: false,
  vr: false,
  biometric: expect.objectContaining({ bluetooth: false })
}

test('{HC 11} in a dedicated worker everything runs that needs no page, and the rest says that it is not supported', async () => {
  let device = await world.device()
  let page = await device.tab()
  world.pages.put(
    '/worker.js',
    workerScript(device.url, 'worker', `report().then(postMessage, e => postMessage(String(e)))`)
  )
  let seen = await page.evaluate(
    () =>
      new Promise((resolve, reject) => {
        let worker = new Worker('/worker.js', { type: 'module' })
        worker.onmessage = event => resolve(event.data)
        worker.onerror = event => reject(new Error(event.message))
      })
  )
  expect(seen).toEqual(IN_A_WORKER)
  expect(await serverContents(world, 'persona:worker')).toEqual(numbers(0, 10))
})

test('{HC 11} so it is in a service worker', async () => {
  let device = await world.device()
  let page = await device.tab()
  world.pages.put(
    '/sw.js',
    workerScript(
      device.url,
      'service-worker',
      `addEventListener('message', event => event.waitUntil(report().catch(String).then(seen => event.source.postMessage(seen))))`
    )
  )
  let seen = await page.evaluate(async () => {
    let registration = await navigator.serviceWorker.register('/sw.js', { type: 'module' })
    let answer = new Promise(resolve => {
      navigator.serviceWorker.onmessage = event => resolve(event.data)
    })
    await new Promise<void>(resolve => {
      let look = () => (registration.active?.state === 'activated' ? resolve() : setTimeout(look, 20))
      look()
    })
    registration.active!.postMessage('report')
    let seen = await answer
    await registration.unregister()
    return seen
  })
  expect(seen).toEqual(IN_A_WORKER)
  expect(await serverContents(world, 'persona:service-worker')).toEqual(numbers(0, 10))
})

test.each([
  ['a private window', true],
  ['an ordinary profile', false]
])(
  '{HC 40} in a frame of another site it works, with a storage, if any, and a socket of its own: in %s',
  async (_, isPrivate) => {
    let chromium = isPrivate ? null : await launchBare(mkdtempSync(join(tmpdir(), 'realtime-framed-')))
    let persona = isPrivate ? 'framed-private' : 'framed'
    let device = await world.device(chromium?.context)
    let own = await device.tab()
    await connect(own, device.url, 'ada', { persona })
    await live(own)
    world.pages.put('/framing', `<!doctype html><title>framing</title><iframe src="${world.pages.url}/"></iframe>`)
    let outer = world.watch(await device.context.newPage())
    // Another name of this machine is another site.
    await outer.goto(`http://localhost:${world.pages.port}/framing`)
    let frame = outer.frames().at(-1)!
    await frame.waitForFunction(() => 'RS' in window)
    await frame.evaluate(([url, persona]) => RS.realtimeService.connect({ url, user: 'ada', app: 'e2e', persona }), [
      device.url,
      persona
    ] as const)
    await frame.waitForFunction(() => RS.realtimeConnection.get().phase === 'online')
    expect(device.network.connections).toBe(2)
    await frame.evaluate(() => RS.realtimeService.createMemory('from the frame').acked)
    await createMemories(own, ['from the page'])
    await shows(own, ['from the frame', 'from the page'])
    let views = await Promise.all([
      own.evaluate(() => RS.realtimeConnection.get()),
      frame.evaluate(() => RS.realtimeConnection.get())
    ])
    expect(views.map(({ leader }) => leader)).toEqual([true, true])
    // This browser keeps the data of frames apart, or, in a private window, does not let them keep any.
    expect(views.map(({ durability }) => durability)).toEqual(['disk', isPrivate ? 'memory' : 'disk'])
    expect(views[0]!.sessionId).not.toBe(views[1]!.sessionId)
    expect(await logged(own)).toEqual(['from the frame', 'from the page'])
    await chromium?.close()
  }
)

test('{HC 38} a duplicated tab, which gets a copy of the session storage, is a tab of its own: nothing is doubled', async () => {
  let device = await world.device()
  let first = await device.tab()
  await connect(first, device.url, 'ada', { persona: 'copied' })
  await live(first)
  await createMemories(first, ['one'])
  await first.evaluate(() => sessionStorage.setItem('copied', 'yes'))
  let [second] = await Promise.all([
    first.waitForEvent('popup'),
    first.evaluate(url => void window.open(url), world.pages.url)
  ])
  world.watch(second)
  await second.waitForFunction(() => 'RS' in window)
  expect(await second.evaluate(() => Object.entries(sessionStorage))).toEqual([['copied', 'yes']])
  await connect(second, device.url, 'ada', { persona: 'copied' })
  await live(second)
  device.network.cut()
  await Promise.all([offline(first), offline(second)])
  await Promise.all([createMemories(first, numbers(0, 10)), createMemories(second, numbers(10, 20))])
  device.network.restore()
  for (let page of [first, second]) await page.evaluate(() => RS.realtimeService.probe())
  for (let page of [first, second]) await live(page)
  for (let page of [first, second]) await drained(page)
  let all = await logged(first)
  expect([...all].sort()).toEqual(['one', ...numbers(0, 20)].sort())
  for (let page of [first, second]) await shows(page, all)
  let leads = await Promise.all([first, second].map(page => page.evaluate(() => RS.realtimeConnection.get().leader)))
  expect(leads.filter(Boolean)).toHaveLength(1)
})

test('{HC 21} a page whose policy forbids the connection keeps what waits, shows an error, and breaks nothing', async () => {
  let device = await world.device()
  world.pages.put(
    '/forbidding',
    `<!doctype html><meta http-equiv="Content-Security-Policy" content="connect-src 'self'">
    <script type="module">import * as RS from '/bundle/realtime-stores.js'; window.RS = RS</script>`
  )
  let page = world.watch(await device.context.newPage())
  await page.goto(`${world.pages.url}/forbidding`)
  await page.waitForFunction(() => 'RS' in window)
  await connect(page, device.url, 'ada', { persona: 'forbidden' })
  await createMemories(page, numbers(0, 5))
  await until(page, () => RS.realtimeConnection.get().lastError !== null)
  expect(await page.evaluate(() => RS.realtimeConnection.get())).toMatchObject({
    phase: 'waiting',
    // Which of the two ways failed last decides which of the two reasons it is.
    reason: expect.stringMatching(/^(blocked|network)$/),
    durability: 'disk',
    pending: { count: 5 },
    canSend: true
  })
  await shows(page, numbers(0, 5))
  // Allowed at the next visit, what waited is delivered.
  await page.goto(world.pages.url)
  await connect(page, device.url, 'ada', { persona: 'forbidden' })
  await live(page)
  await drained(page)
  expect(await serverContents(world, 'persona:forbidden')).toEqual(numbers(0, 5))
})

test('{HC 21} where the browser throws at every WebSocket, the same goes over HTTP', async () => {
  let device = await world.device()
  let page = await device.tab({
    before: () => {
      window.WebSocket = class {
        constructor() {
          throw new DOMException('The operation is insecure.', 'SecurityError')
        }
      } as unknown as typeof WebSocket
    }
  })
  await connect(page, device.url, 'ada', { persona: 'throwing' })
  await createMemories(page, numbers(0, 5))
  await live(page)
  await drained(page)
  expect(await page.evaluate(() => RS.realtimeConnection.get().transport)).toBe('http')
  expect(await serverContents(world, 'persona:throwing')).toEqual(numbers(0, 5))
})

test('{HC 9} a module that a development server runs again gets the client that is there, also from another copy of the library', async () => {
  let device = await world.device()
  let page = await device.tab()
  world.pages.put(
    '/app.js',
    `import { sharedRealtime } from '/bundle/realtime-stores.js'
     export let client = sharedRealtime({ url: '${device.url}', app: 'e2e', user: 'ada' })
     client.connect()`
  )
  world.pages.put(
    '/app-copy.js',
    `import { sharedRealtime } from '/bundle/realtime-stores.js?copy'
     export let client = sharedRealtime({ url: '${device.url}', app: 'e2e', user: 'ada' })
     client.connect()`
  )
  // As texts: what the test's own compiler makes of `import()` means nothing in a page.
  let same = await page.evaluate<boolean[]>(`(async () => {
    let runs = await Promise.all(['/app.js?v=1', '/app.js?v=2', '/app-copy.js'].map(path => import(path)))
    window.client = runs[0].client
    return runs.map(({ client }) => client === runs[0].client)
  })()`)
  expect(same).toEqual([true, true, true])
  await page.waitForFunction(`client.$connection.get().phase === 'online'`)
  expect(device.network.connections).toBe(1)
  let next = await page.evaluate<boolean>(`(async () => {
    await client.close()
    let run = await import('/app.js?v=3')
    return run.client !== client
  })()`)
  expect(next).toBe(true)
})
