// What browsers do to pages: they keep them in the back-forward cache, freeze them, throw them away, put the machine to sleep
// under them, and load them before anybody asked. Only a real browser shows this.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Page } from 'playwright'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { type BareChromium, launchAlone, launchBare } from '../support/chromium.js'
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
  urlOf,
  type World
} from './world.js'

let world: World
let profiles: string
beforeAll(async () => {
  profiles = mkdtempSync(join(tmpdir(), 'realtime-lifecycle-'))
  world = await createWorld({
    limits: { heartbeat: 2000 },
    chromium: { ignoreDefaultArgs: ['--disable-back-forward-cache'] }
  })
})
afterAll(async () => {
  await world.close()
  rmSync(profiles, { recursive: true, force: true, maxRetries: 5 })
})
afterEach(() => expect(world.pageErrors).toEqual([]))

type Watched = Window & { sockets: WebSocket[]; shows: boolean[]; ends: string[] }

/** Runs in the page first: keeps its sockets, how they ended, and how it came back. */
function watchSockets(): void {
  let seen = Object.assign(window, { sockets: [] as WebSocket[], shows: [] as boolean[], ends: [] as string[] })
  window.WebSocket = class extends WebSocket {
    constructor(...args: ConstructorParameters<typeof WebSocket>) {
      super(...args)
      let number = seen.sockets.push(this)
      this.addEventListener('close', ({ code }) => seen.ends.push(`${number}: ${code}`))
    }
  }
  addEventListener('pageshow', event => seen.shows.push(event.persisted))
}

let leads = (page: Page) => page.evaluate(() => RS.realtimeConnection.get().leader)
let becomesLeader = (page: Page) => until(page, () => RS.realtimeConnection.get().leader)

/** Goes back, and makes sure that the page was not loaded again: it came out of the back-forward cache. */
async function back(page: Page): Promise<void> {
  await page.evaluate(() => history.back())
  await expect
    .poll(() => page.evaluate(() => (window as unknown as Watched).shows).catch(() => null), { timeout: 10_000 })
    .toEqual([false, true])
}

let openSockets = (page: Page) =>
  page.evaluate(() => (window as unknown as Watched).sockets.map(socket => socket.readyState === 1))

test('{HC 1, 2} a page that went into the back-forward cache comes back with a new socket, and what the old one still says is void', async () => {
  world.pages.put('/away', '<!doctype html><title>away</title>')
  let device = await world.device()
  let page = await device.tab({ before: watchSockets })
  await connect(page, device.url, 'ada', { persona: 'cache' })
  await live(page)
  // Not waited for: it leaves with the page, or waits for its return.
  await page.evaluate(() => void RS.realtimeService.createMemory('in the last moment'))
  await page.goto(`${world.pages.url}/away`)
  await expect.poll(() => device.network.connections).toBe(0)
  await world.push([
    { room: 'persona:cache', feature: 'memory', type: 'created', data: { content: 'meanwhile' }, by: 'ben' }
  ])

  await back(page)
  await live(page)
  expect(await openSockets(page)).toEqual([false, true])
  // As browsers do: the end of the old socket is told after the return.
  await page.evaluate(() => {
    let [old] = (window as unknown as Watched).sockets
    old!.dispatchEvent(new Event('error'))
    old!.dispatchEvent(new CloseEvent('close', { code: 1006 }))
  })
  await createMemories(page, ['after'])
  await drained(page)
  expect(await openSockets(page)).toEqual([false, true])
  expect(device.network.connections).toBe(1)
  let all = await logged(page)
  expect([...all].sort()).toEqual(['after', 'in the last moment', 'meanwhile'])
  expect(all.at(-1)).toBe('after')
  await shows(page, all)
})

test('{HC 36} a page in the back-forward cache has given the sending to another tab, and lines up behind it when it comes back', async () => {
  world.pages.put('/away', '<!doctype html><title>away</title>')
  let device = await world.device()
  let [one, two] = [await device.tab({ before: watchSockets }), await device.tab()]
  for (let page of [one, two]) {
    await connect(page, device.url, 'ada', { persona: 'cached' })
    await live(page)
  }
  expect([await leads(one), await leads(two)]).toEqual([true, false])
  await createMemories(one, ['before'])
  await drained(one)
  await one.goto(`${world.pages.url}/away`)
  await becomesLeader(two)
  await createMemories(two, ['meanwhile'])
  await drained(two)

  await back(one)
  await live(one)
  await createMemories(one, ['after'])
  await drained(one)
  expect([await leads(one), await leads(two)]).toEqual([false, true])
  for (let page of [one, two]) await shows(page, ['before', 'meanwhile', 'after'])
  expect(await logged(one)).toEqual(['before', 'meanwhile', 'after'])
})

async function bare(name: string): Promise<BareChromium> {
  return launchBare(join(profiles, name))
}

async function openIn(chromium: BareChromium, url: string, persona: string): Promise<Page> {
  let page = world.watch(await chromium.context.newPage())
  await page.goto(world.pages.url)
  await connect(page, url, 'ada', { persona })
  await live(page)
  return page
}

test('{HC 3} a tab that is frozen gives away its socket and the sending first, and recovers when it is thawed', async () => {
  let network = await world.network()
  let chromium = await bare('frozen')
  try {
    let one = await openIn(chromium, urlOf(network), 'frozen')
    let two = await openIn(chromium, urlOf(network), 'frozen')
    expect([await leads(one), await leads(two)]).toEqual([true, false])
    await createMemories(one, ['before'])
    // A page that is frozen in the middle of a transaction keeps the others from the disk: that is another test.
    await drained(one)
    let cdp = await chromium.context.newCDPSession(one)
    await cdp.send('Page.setWebLifecycleState', { state: 'frozen' })
    await becomesLeader(two)
    await expect.poll(() => network.connections).toBe(1)
    await createMemories(two, numbers(0, 20))
    await drained(two)
    await cdp.send('Page.setWebLifecycleState', { state: 'active' })
    await live(one)
    await createMemories(one, ['after'])
    await drained(one)
    for (let page of [one, two]) await shows(page, ['before', ...numbers(0, 20), 'after'])
    expect(await logged(two)).toEqual(['before', ...numbers(0, 20), 'after'])
    await expect.poll(async () => [await leads(one), await leads(two)]).toEqual([false, true])
  } finally {
    await chromium.close()
  }
})

test('{HC 6, 7} a tab in the background stays connected; the moment it is seen again, a link that died meanwhile is found out', async () => {
  let network = await world.network()
  let chromium = await bare('hidden')
  try {
    let one = await openIn(chromium, urlOf(network), 'hidden')
    let front = await chromium.context.newPage()
    await until(one, () => document.visibilityState === 'hidden')
    // Its timers go off once a second at most, yet five beats of the server do not make it doubt.
    let { since } = await one.evaluate(() => RS.realtimeConnection.get())
    await until(one, since => Date.now() - since > 10_000, since)
    expect(await one.evaluate(() => RS.realtimeConnection.get())).toMatchObject({ phase: 'online', since })
    await world.push([
      { room: 'persona:hidden', feature: 'memory', type: 'created', data: { content: 'news' }, by: 'ben' }
    ])
    await shows(one, ['news'])

    network.blackhole()
    let from = Date.now()
    await one.bringToFront()
    await offline(one)
    expect(Date.now() - from).toBeLessThan(5000)
    network.restore()
    await live(one)
    await front.close()
  } finally {
    await chromium.close()
  }
})

test('{HC 5} a machine that sleeps finds out on waking that its link is dead, and goes on at once', async () => {
  let network = await world.network()
  let chromium = await bare('sleeping')
  try {
    let page = await openIn(chromium, urlOf(network), 'sleeping')
    await createMemories(page, ['before'])
    await drained(page)
    let cdp = await chromium.browser.newBrowserCDPSession()
    let { processInfo } = await cdp.send('SystemInfo.getProcessInfo')
    let renderers = processInfo.filter(({ type }) => type === 'renderer').map(({ id }) => id)
    let all = (signal: NodeJS.Signals): void => {
      for (let pid of renderers) process.kill(pid, signal)
    }
    // Nothing in the page runs, and no goodbye of the server reaches it.
    all('SIGSTOP')
    network.blackhole()
    await new Promise(resolve => setTimeout(resolve, 7000))
    let from = Date.now()
    all('SIGCONT')
    await offline(page)
    expect(Date.now() - from).toBeLessThan(5000)
    await createMemories(page, ['awake'])
    network.restore()
    await live(page)
    await drained(page)
    await shows(page, ['before', 'awake'])
    expect(await logged(page)).toEqual(['before', 'awake'])
  } finally {
    await chromium.close()
  }
})

/** A page that connects by itself and tells what it sees: nobody can be attached to it. */
function selfReporting(url: string, persona: string, script: string): string {
  return `<!doctype html><meta charset="utf-8"><title>${persona}</title><script type="module">
    import * as RS from '/bundle/realtime-stores.js'
    let tell = text => fetch('/told', { method: 'POST', body: text })
    let when = condition => new Promise(resolve => {
      let look = () => (condition(RS.realtimeConnection.get()) ? resolve() : setTimeout(look, 20))
      look()
    })
    RS.realtimeService.connect({ url: '${url}', user: 'ada', app: 'e2e', persona: '${persona}' })
    ${script}
  </script>`
}

let isTold = (text: string) => expect.poll(() => world.pages.told, { timeout: 15_000, interval: 30 }).toContain(text)

test('{HC 4} a tab that the browser discards loses nothing that was stored', async () => {
  let network = await world.network()
  world.pages.put(
    '/discarded',
    selfReporting(
      urlOf(network),
      'discarded',
      `if (document.wasDiscarded) {
        await RS.realtimeService.connect({ url: '${urlOf(network)}', user: 'ada', app: 'e2e', persona: 'discarded' })
        await tell('came back with ' + RS.realtimeConnection.get().pending.count)
      } else {
        await when(view => view.phase === 'online')
        await tell('discarded is online')
        await when(view => view.phase !== 'online')
        await Promise.all(Array.from({ length: 20 }, (_, i) => RS.realtimeService.createMemory(String(i)).stored))
        await tell('discarded has stored')
      }`
    )
  )
  let dir = mkdtempSync(join(profiles, 'discarded-'))
  // Lets the page open with which tabs can be discarded.
  writeFileSync(join(dir, 'Local State'), JSON.stringify({ internal_only_uis_enabled: true }))
  let address = `${world.pages.url}/discarded`
  let chromium = await launchAlone(dir, address)
  try {
    await isTold('discarded is online')
    network.cut()
    await isTold('discarded has stored')
    let { targetId } = await chromium.send<{ targetId: string }>('Target.createTarget', {
      url: 'chrome://discards/discards'
    })
    let { sessionId } = await chromium.send<{ sessionId: string }>('Target.attachToTarget', { targetId, flatten: true })
    let discard = `(() => {
      let found = []
      let walk = node => {
        for (let child of node.querySelectorAll('*')) {
          if (child.shadowRoot) walk(child.shadowRoot)
          if (child.tagName === 'TR' && child.textContent.includes('${address}')) found.push(child)
        }
      }
      walk(document)
      let link = [...(found[0]?.querySelectorAll('*') ?? [])].find(
        child => !child.children.length && child.textContent.includes('Urgent Discard')
      )
      link?.click()
      return !!link
    })()`
    await expect
      .poll(
        async () => {
          let { result } = await chromium.send<{ result: { value: boolean } }>(
            'Runtime.evaluate',
            { expression: discard, returnByValue: true },
            sessionId
          )
          return result.value
        },
        { timeout: 10_000 }
      )
      .toBe(true)
    // A tab that was discarded is loaded again when the person goes back to it.
    await expect
      .poll(
        async () => {
          let { targetInfos } = await chromium.send<{ targetInfos: { url: string; targetId: string }[] }>(
            'Target.getTargets'
          )
          let tab = targetInfos.find(({ url }) => url === address)
          if (tab) await chromium.send('Target.activateTarget', { targetId: tab.targetId }).catch(() => {})
          return world.pages.told
        },
        { timeout: 15_000, interval: 200 }
      )
      .toContain('came back with 20')
    network.restore()
    await expect.poll(() => serverContents(world, 'persona:discarded')).toEqual(numbers(0, 20))
  } finally {
    await chromium.kill()
  }
})

test('{HC 8} a page that is loaded ahead of its visit connects when it is visited, not before', async () => {
  let network = await world.network()
  world.pages.put(
    '/ahead',
    selfReporting(
      urlOf(network),
      'ahead',
      `let wasAhead = document.prerendering
      setTimeout(() => tell('ahead: ' + document.prerendering + ' ' + RS.realtimeConnection.get().phase), 800)
      await when(view => view.phase === 'online')
      await tell('visited: ' + wasAhead + ' ' + document.prerendering)
      await RS.realtimeService.createMemory('visited')`
    )
  )
  world.pages.put(
    '/before',
    `<!doctype html><meta charset="utf-8"><title>before</title>
    <script type="speculationrules">{ "prerender": [{ "urls": ["/ahead"], "eagerness": "immediate" }] }</script>
    <script>
      let look = async () => ((await fetch('/go')).ok ? (location.href = '/ahead') : setTimeout(look, 50))
      look()
    </script>`
  )
  let chromium = await launchAlone(mkdtempSync(join(profiles, 'ahead-')), `${world.pages.url}/before`)
  try {
    await isTold('ahead: true idle')
    expect(network.connections).toBe(0)
    world.pages.put('/go', 'go')
    await isTold('visited: true false')
    expect(network.connections).toBe(1)
    await expect.poll(() => serverContents(world, 'persona:ahead')).toEqual(['visited'])
  } finally {
    await chromium.kill()
  }
})
