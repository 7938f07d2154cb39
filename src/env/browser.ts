// What a browser offers between tabs and about the page; each `null` where it is missing, so that a worker or a server
// gets the same library with less around it.

import type { Locks, OpenChannel, Page, PageEvent, Persistence } from '../ports.js'

export function browserLocks(): Locks | null {
  let locks = globalThis.navigator?.locks
  if (!locks) return null
  return {
    acquire(name, on, steal) {
      let release: (() => void) | null = null
      let abort = new AbortController()
      let hold = async (): Promise<void> => {
        if (abort.signal.aborted) return
        await new Promise<void>(resolve => {
          release = resolve
          on.held()
        })
      }
      let start = async (): Promise<void> => {
        if (steal) return locks.request(name, { steal: true }, hold)
        let free = await locks.request(name, { ifAvailable: true }, async lock => {
          if (!lock || abort.signal.aborted) return false
          await hold()
          return true
        })
        if (free || abort.signal.aborted) return
        on.waiting()
        await locks.request(name, { signal: abort.signal }, hold)
      }
      // Rejects when aborted while waiting, when stolen, and in frames whose storage is closed off: there it is never held.
      start().catch(() => {
        if (abort.signal.aborted) return
        if (release) on.lost()
        else on.waiting()
      })
      return () => {
        abort.abort()
        release?.()
      }
    },
    tryHold(name, holdMs) {
      return new Promise(resolve => {
        locks
          .request(name, { ifAvailable: true }, async lock => {
            resolve(lock !== null)
            if (lock) await new Promise(done => setTimeout(done, holdMs))
          })
          .catch(() => resolve(true))
      })
    }
  }
}

export function browserChannel(): OpenChannel | null {
  if (typeof BroadcastChannel === 'undefined') return null
  return (name, receive) => {
    let channel = new BroadcastChannel(name)
    channel.onmessage = event => receive(event.data)
    return { post: message => channel.postMessage(message), close: () => channel.close() }
  }
}

export function browserPage(): Page | null {
  if (typeof window === 'undefined' || typeof document === 'undefined') return null
  let stopGuard = (): void => {}
  return {
    visible: () => document.visibilityState === 'visible',
    online: () => navigator.onLine !== false,
    prerendering: () => 'prerendering' in document && document.prerendering === true,
    frame(call) {
      let frame = requestAnimationFrame(call)
      return () => cancelAnimationFrame(frame)
    },
    guard(isOn) {
      let ask = (event: Event): void => event.preventDefault()
      stopGuard()
      stopGuard = () => {}
      if (!isOn) return
      window.addEventListener('beforeunload', ask)
      stopGuard = () => window.removeEventListener('beforeunload', ask)
    },
    listen(call) {
      let stops: (() => void)[] = []
      let add = (target: EventTarget, type: string, event: () => PageEvent): void => {
        let listener = (): void => call(event())
        target.addEventListener(type, listener)
        stops.push(() => target.removeEventListener(type, listener))
      }
      add(document, 'visibilitychange', () => (document.visibilityState === 'visible' ? 'visible' : 'hidden'))
      // freeze and resume reach the document only; on window a bubbling listener never hears them.
      add(document, 'freeze', () => 'freeze')
      add(document, 'resume', () => 'resume')
      add(window, 'pagehide', () => 'hide')
      add(window, 'pageshow', () => 'show')
      add(document, 'prerenderingchange', () => 'show')
      add(window, 'online', () => 'online')
      add(window, 'offline', () => 'offline')
      return () => {
        for (let stop of stops) stop()
      }
    }
  }
}

/** `null` also in workers: only a page may ask. */
export function browserPersistence(): Persistence | null {
  let storage = globalThis.navigator?.storage
  return storage?.persist ? { granted: () => storage.persisted(), ask: () => storage.persist() } : null
}

/** Dispatches a `CustomEvent` on the window. */
export function browserDispatch(): ((type: string, detail: unknown) => void) | null {
  if (typeof window === 'undefined') return null
  return (type, detail) => void window.dispatchEvent(new CustomEvent(type, { detail }))
}

/** What exists once in a page, also when the module that made it is run again. */
export function pageWide<T>(key: string, make: () => T): T {
  let page = globalThis as unknown as Record<symbol, T | undefined>
  let symbol = Symbol.for(key)
  page[symbol] ??= make()
  return page[symbol]
}
