// For an app's service worker: shows what Web Push brings, opens the page that it is about, and delivers what waits in the
// outbox when the browser says that the network is back. As one of the tabs of its app and user it keeps to the same rules:
// whoever holds the lease sends, and the server has everything once.

import { createRealtime } from '../client.js'
import type { RealtimeOptions } from '../client-options.js'
import { ownerOf, type SyncOwner, syncTag } from '../kits/background-sync.js'
import type { Page } from '../ports.js'

export { ownerOf, type SyncOwner, syncTag }

/** What a notification shows: what the payload of a push is, unless `notification` makes it. */
export interface WorkerNotification {
  readonly title: string
  readonly body?: string
  /** The newest of a tag takes the place of the one before. */
  readonly tag?: string
  readonly icon?: string
  /** The page that it is about, of this origin: not shown while that page has the focus, and opened by a click. */
  readonly url?: string
}

export interface WorkerOptions {
  /**
   * How to connect for this app and user, or null when there is no way: the worker has no page to ask, so the token must come
   * from somewhere that it can reach.
   */
  readonly client?: (owner: SyncOwner) => RealtimeOptions | null | Promise<RealtimeOptions | null>
  /** What to show for a push, or null to show nothing (browsers allow that only now and then). */
  readonly notification?: (payload: unknown) => WorkerNotification | null
  /** So long a delivery may take, in milliseconds; then the browser is asked to try again later. Default 25,000. */
  readonly within?: number
}

/** Of a `ServiceWorkerGlobalScope`, what is used here. */
export interface WorkerScope {
  readonly registration: {
    readonly scope: string
    showNotification(title: string, options?: object): Promise<void>
  }
  readonly clients: {
    matchAll(options: { type: 'window'; includeUncontrolled: boolean }): Promise<readonly WorkerWindow[]>
    openWindow(url: string): Promise<unknown>
  }
  // biome-ignore lint/suspicious/noExplicitAny: events of service workers are not among the types of pages.
  addEventListener(type: string, listener: (event: any) => void): void
}

interface WorkerWindow {
  readonly url: string
  readonly focused: boolean
  focus(): Promise<unknown>
}

interface Waits {
  waitUntil(work: Promise<unknown>): void
}

const WITHIN = 25_000

/** A worker is never looked at: it takes the lead from no page, and gives way to every page that is. */
const NOWHERE: Page = {
  visible: () => false,
  online: () => true,
  prerendering: () => false,
  frame: () => () => {},
  guard() {},
  listen: () => () => {}
}

/**
 * Makes a service worker answer `push`, `notificationclick` and `sync`. Call it in the worker's first turn, with its `self`.
 *
 * ```ts
 * serveWorker(self, {
 *   client: async ({ app, user }) => ({ url: 'wss://example.org/realtime', app, user, token: () => freshToken(user) })
 * })
 * ```
 */
export function serveWorker(scope: WorkerScope, options: WorkerOptions = {}): void {
  let { client, notification = payloadAsIs, within = WITHIN } = options

  let windows = (): Promise<readonly WorkerWindow[]> =>
    scope.clients.matchAll({ type: 'window', includeUncontrolled: true })

  /** Never another origin's: what a push brings must not send people elsewhere. */
  function pageOf(url: string | undefined): string | null {
    if (url === undefined) return null
    let home = new URL(scope.registration.scope)
    let page = parsedUrl(url, home) ?? home
    return page.origin === home.origin ? page.href : home.href
  }

  async function show(payload: unknown): Promise<void> {
    let shown = notification(payload)
    if (!shown) return
    let { title, url, ...rest } = shown
    let page = pageOf(url)
    let isSeen = (await windows()).some(({ focused, url }) => focused && (page === null || isAt(url, page)))
    if (!isSeen) await scope.registration.showNotification(title, { ...rest, data: { url: page } })
  }

  async function open(url: string | null): Promise<void> {
    let all = await windows()
    let found = url === null ? all[0] : all.find(window => isAt(window.url, url))
    if (found) await found.focus()
    else await scope.clients.openWindow(url ?? scope.registration.scope)
  }

  scope.addEventListener('push', (event: Waits & { data: { text(): string } | null }) => {
    event.waitUntil(show(parsed(event.data?.text())))
  })
  scope.addEventListener(
    'notificationclick',
    (event: Waits & { notification: { data?: { url?: string | null } | null; close(): void } }) => {
      event.notification.close()
      event.waitUntil(open(event.notification.data?.url ?? null))
    }
  )
  scope.addEventListener('sync', (event: Waits & { tag: string }) => {
    let owner = ownerOf(event.tag)
    if (!owner || !client) return
    // Also where it throws at once: what the browser is not told of, it does not try again.
    let asked = async (): Promise<void> => {
      let found = await client(owner)
      if (found) await deliver(found, within)
    }
    event.waitUntil(asked())
  })
}

/**
 * Delivers what waits in the outbox of this app and user: by itself, or by the tab that has the connection. Rejects when that
 * takes longer than `within` milliseconds; what is left stays where it is.
 */
export async function deliver(options: RealtimeOptions, within = WITHIN): Promise<void> {
  let client = createRealtime({ ...options, ports: { page: NOWHERE, ...options.ports } })
  try {
    await client.ready
    if (client.pending.get().length === 0) return
    client.connect()
    await new Promise<void>((resolve, reject) => {
      let stop = client.$connection.listen(({ pending, phase, reason }) => {
        if (pending.count > 0 && phase !== 'closed') return
        end()
        if (pending.count === 0) resolve()
        else reject(new Error(`the connection was ended: ${reason}`))
      })
      let timer = setTimeout(() => {
        end()
        reject(new Error(`not everything was delivered within ${within} ms`))
      }, within)
      function end(): void {
        stop()
        clearTimeout(timer)
      }
    })
  } finally {
    await client.close()
  }
}

/** The same page; where `page` names no place in it, any place. */
function isAt(url: string, page: string): boolean {
  return page.includes('#') ? url === page : url.split('#')[0] === page
}

function parsedUrl(url: string, base: URL): URL | null {
  try {
    return new URL(url, base)
  } catch {
    return null
  }
}

function parsed(text: string | undefined): unknown {
  try {
    return JSON.parse(text ?? 'null')
  } catch {
    return text
  }
}

/** What is no notification is shown as a text, for browsers want something to be shown. */
function payloadAsIs(payload: unknown): WorkerNotification {
  if (typeof payload !== 'object' || payload === null) return { title: String(payload ?? '') }
  let { title, body, tag, icon, url } = payload as Partial<Record<keyof WorkerNotification, unknown>>
  let texts = Object.entries({ body, tag, icon, url }).filter(([, value]) => typeof value === 'string')
  return { title: String(title ?? ''), ...Object.fromEntries(texts) }
}
