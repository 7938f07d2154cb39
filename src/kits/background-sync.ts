// Has the browser wake the service worker when the network is back, so that what waits is delivered although no page is open.
// Works with what a service worker's registration offers; what the worker then does is in `realtime-stores/worker`.

import { atom, type ReadableAtom } from 'nanostores'
import type { Realtime } from '../client.js'
import type { Stop } from '../ports.js'

/**
 * - `idle`: nothing waits for a network.
 * - `registered`: the browser will wake the worker.
 * - `unsupported`: this browser has no Background Sync; what waits is delivered by the next page that is opened.
 * - `denied`: the browser would not take it; `reason` says why.
 */
export interface SyncState {
  readonly state: 'idle' | 'registered' | 'unsupported' | 'denied'
  readonly reason: string | null
}

/** Whose outbox it is. */
export interface SyncOwner {
  readonly app: string
  readonly user: string
}

const PREFIX = 'realtime-stores/1/flush'

/** The name of the browser's errand. */
export function syncTag({ app, user }: SyncOwner): string {
  return [PREFIX, encodeURIComponent(app), encodeURIComponent(user)].join('/')
}

/** Reads it back; null for an errand of somebody else. */
export function ownerOf(tag: string): SyncOwner | null {
  let [app, user, ...rest] = tag.startsWith(`${PREFIX}/`) ? tag.slice(PREFIX.length + 1).split('/') : []
  if (!app || !user || rest.length > 0) return null
  return { app: decodeURIComponent(app), user: decodeURIComponent(user) }
}

/**
 * From here on, whenever actions wait and there is no connection, the browser is asked to wake the service worker once the
 * network is back.
 *
 * ```ts
 * let { $state, stop } = registerBackgroundSync(client, await navigator.serviceWorker.ready)
 * ```
 */
export function registerBackgroundSync(
  client: Realtime,
  /** A `ServiceWorkerRegistration`. Its `sync` is in some browsers only, and so in no type of the DOM. */
  registration: object
): { readonly $state: ReadableAtom<SyncState>; readonly stop: Stop } {
  let { sync } = registration as { readonly sync?: { register(tag: string): Promise<void> } }
  let $state = atom<SyncState>(
    sync ? { state: 'idle', reason: null } : { state: 'unsupported', reason: 'this browser has no Background Sync' }
  )
  if (!sync) return { $state, stop: () => {} }
  let manager = sync
  /** Asked for once in every time without a connection. */
  let isAsked = false
  let isStopped = false

  async function ask(): Promise<void> {
    isAsked = true
    let answer: SyncState = { state: 'registered', reason: null }
    try {
      await manager.register(syncTag(client))
    } catch (error) {
      answer = { state: 'denied', reason: (error as Error).message }
    }
    if (isAsked && !isStopped) $state.set(answer)
  }

  let stop = client.$connection.subscribe(({ phase, pending }) => {
    if (phase === 'online') {
      isAsked = false
      if (pending.count === 0 && $state.get().state !== 'idle') $state.set({ state: 'idle', reason: null })
    } else if (pending.count > 0 && !isAsked) void ask()
  })
  return {
    $state,
    stop() {
      isStopped = true
      stop()
    }
  }
}
