// The world of an end-to-end test: the real server in a process of its own, the built library in real Chromium, and for every
// device a network of its own that can fail.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Browser, BrowserContext, Page } from 'playwright'
import { expect } from 'vitest'
import type * as Library from '../../src/index.js'
import { launch } from '../support/chromium.js'
import { type CuttableProxy, cuttableProxy } from '../support/cuttable-proxy.js'
import { modulePage, type PageServer, servePage } from '../support/page-server.js'
import { type ServerProcess, startServer } from '../support/server-process.js'

declare global {
  interface Window {
    RS: typeof Library
  }
  var RS: typeof Library
  /** Of `modulePage`: loads a module of the package. */
  var load: <T>(name: string) => Promise<T>
}

const SCRIPT = fileURLToPath(new URL('../support/realtime-server.mjs', import.meta.url))

export interface PushOrder {
  room: string
  feature: string
  type: string
  data: unknown
  by: string
  key?: string
}

/** One person's device: its own storage and its own network. */
export interface Device {
  readonly context: BrowserContext
  readonly network: CuttableProxy
  /** The address for `connect`. */
  readonly url: string
  /** Opens a tab that has loaded the library and not called it. `before` runs in the page ahead of everything else. */
  tab(options?: { before?: () => void }): Promise<Page>
}

export interface World {
  readonly server: ServerProcess
  readonly pages: PageServer
  readonly browser: Browser
  readonly dir: string
  /** What pages threw and nobody caught; every test expects it to be empty. */
  readonly pageErrors: string[]
  device(context?: BrowserContext): Promise<Device>
  /** A proxy to the server, closed with the world. */
  network(): Promise<CuttableProxy>
  /** Has uncaught errors of a page land in `pageErrors`. */
  watch(page: Page): Page
  push(events: readonly PushOrder[]): Promise<{ offset: number; id: string }[]>
  state<T>(room: string, feature: string): Promise<T>
  /** An order of the server's `handlers`. */
  order<T>(name: string, body?: unknown): Promise<T>
  /** How many connections the server has, whatever carries them. */
  connections(): Promise<number>
  members(room: string): Promise<Record<string, { user: string }>>
  refuse(rules: readonly { text: string; code: string }[]): Promise<void>
  /** What authentication says from now on. */
  auth(rules: { refuse?: string[]; forbid?: string[]; down?: boolean }): Promise<void>
  /** Puts a user out; resolves to how many connections ended. */
  revoke(user: string): Promise<number>
  close(): Promise<void>
}

/**
 * `chromium`: how the browser is started; `limits`: of the server. `refuseWebSockets`: as behind a proxy that does not know
 * them; default: as `E2E_TRANSPORT` says, so that a suite runs once more over HTTP.
 */
export async function createWorld({
  limits = {},
  chromium = {},
  auth = false,
  storage = 'sqlite',
  modules = false,
  handlers,
  refuseWebSockets = process.env.E2E_TRANSPORT === 'http'
}: {
  limits?: Record<string, unknown>
  chromium?: Parameters<typeof launch>[0]
  /** Tokens are `<user>:<seconds it is good for>`; without it the claimed user is believed. */
  auth?: boolean
  /** Where the server keeps its rooms. */
  storage?: 'sqlite' | 'memory'
  /** Pages load the package as modules (`modulePage`) instead of the bundle. */
  modules?: boolean
  /** A module whose `install(hub)` starts handlers on the server, and may return further orders. */
  handlers?: string
  refuseWebSockets?: boolean
} = {}): Promise<World> {
  let dir = mkdtempSync(join(tmpdir(), 'realtime-e2e-'))
  let env = {
    ...(storage === 'sqlite' && { DATABASE: join(dir, 'server.db') }),
    LIMITS: JSON.stringify(limits),
    ...(auth && { AUTH: '1' }),
    ...(handlers && { HANDLERS: handlers }),
    ...(refuseWebSockets && { REFUSE_WEBSOCKETS: '1' })
  }
  let [server, pages, browser] = await Promise.all([
    startServer(SCRIPT, { env }),
    servePage(modules ? { html: modulePage } : {}),
    launch(chromium)
  ])
  let networks: CuttableProxy[] = []
  let pageErrors: string[] = []

  async function order<T>(name: string, body: unknown): Promise<T> {
    let response = await fetch(`http://127.0.0.1:${server.port}/${name}`, {
      method: 'POST',
      body: JSON.stringify(body)
    })
    let result = await response.json()
    if (!response.ok) throw new Error(`${name}: ${result.error}\n${server.output()}`)
    return result
  }

  async function network(): Promise<CuttableProxy> {
    let proxy = await cuttableProxy(server.port)
    networks.push(proxy)
    return proxy
  }

  function watch(page: Page): Page {
    page.on('pageerror', error => pageErrors.push(error.stack ?? error.message))
    return page
  }

  return {
    server,
    pages,
    browser,
    dir,
    pageErrors,
    network,
    watch,
    async device(given) {
      let context = given ?? (await browser.newContext())
      let proxy = await network()
      return {
        context,
        network: proxy,
        url: urlOf(proxy),
        async tab({ before } = {}) {
          let page = watch(await context.newPage())
          if (before) await page.addInitScript(before)
          await page.goto(pages.url)
          return page
        }
      }
    },
    order: (name, body = null) => order(name, body),
    push: events => order('push', events),
    state: (room, feature) => order('state', { room, feature }),
    connections: async () => (await order<{ connections: number }>('stats', {})).connections,
    members: room => order('members', { room }),
    refuse: rules => order('refuse', rules),
    auth: rules => order('auth', rules),
    revoke: user => order('revoke', { user }),
    async close() {
      await browser.close()
      await Promise.all([...networks.map(proxy => proxy.close()), pages.close(), server.stop()])
      rmSync(dir, { recursive: true, force: true, maxRetries: 5 })
    }
  }
}

export function urlOf({ port }: { port: number }): string {
  return `ws://127.0.0.1:${port}/realtime`
}

/** Connects the page's service. Does not wait for the network. */
export async function connect(
  page: Page,
  url: string,
  user: string,
  options: { persona?: string; platform?: string } = {}
): Promise<void> {
  await page.evaluate(all => RS.realtimeService.connect(all), { url, user, app: 'e2e', ...options })
}

/** Waits until the page's room shows what the server has. */
export async function live(page: Page): Promise<void> {
  await until(
    page,
    () => RS.realtimeConnection.get().phase === 'online' && !RS.realtimeService.room().$status.get().stale
  )
}

/** Waits until the page has no connection and knows it. */
export async function offline(page: Page): Promise<void> {
  await until(page, () => RS.realtimeConnection.get().phase !== 'online')
}

/** Ends the wait for the next attempt. */
export async function hurry(page: Page): Promise<void> {
  await page.evaluate(() => RS.realtimeService.probe())
}

/** Waits until everything was answered. */
export async function drained(page: Page): Promise<void> {
  await until(page, () => RS.realtimeConnection.get().pending.count === 0)
}

/** Waits for a condition in the page, also where it is in the background. */
export async function until<A>(page: Page, condition: (arg: A) => unknown, arg?: A, timeout = 20_000): Promise<void> {
  await page.waitForFunction(condition as (arg: unknown) => unknown, arg, { polling: 20, timeout })
}

export function contents(page: Page): Promise<string[]> {
  return page.evaluate(() => RS.realtimeMemory.get().memories.map(memory => memory.content))
}

export async function serverContents(world: World, room: string): Promise<string[]> {
  let { memories } = await world.state<{ memories: { content: string }[] }>(room, 'memory')
  return memories.map(memory => memory.content)
}

/**
 * The contents of all memories that were ever created in the page's room, by its log: a state may hide that something came
 * twice, the log does not.
 */
export function logged(page: Page): Promise<string[]> {
  return page.evaluate(async () => {
    let contents: string[] = []
    let before: number | undefined
    for (;;) {
      let { events, done } = await RS.realtimeService
        .room()
        .history({ limit: 500, ...(before === undefined ? {} : { before }) })
      contents.unshift(
        ...events.flatMap(({ type, data }) => (type === 'created' ? [(data as { content: string }).content] : []))
      )
      before = events[0]?.offset
      if (done || before === undefined) return contents
    }
  })
}

/** Waits until a page shows exactly these memories, in this order. */
export async function shows(page: Page, expected: readonly string[]): Promise<void> {
  await expect.poll(() => contents(page), { timeout: 20_000, interval: 50 }).toEqual(expected)
}

/** `numbers(0, 3)` is `['0', '1', '2']`. */
export function numbers(from: number, to: number): string[] {
  return Array.from({ length: to - from }, (_, i) => String(from + i))
}

/** Creates memories with these contents in one go; resolves when all are stored. */
export async function createMemories(page: Page, list: readonly string[]): Promise<void> {
  await page.evaluate(async list => {
    await Promise.all(list.map(text => RS.realtimeService.createMemory(text)))
  }, list)
}
