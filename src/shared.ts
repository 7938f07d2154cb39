// One client per page for an app and user, however often the module that asks for it is run: development servers replace
// modules while the page stays, and two copies of this library may meet on one page.

import { createRealtime, type Realtime } from './client.js'
import type { RealtimeOptions } from './client-options.js'
import { pageWide } from './env/browser.js'

/**
 * The client of this page for this app and user: made with these options at the first call, the same at every later one until
 * it is closed or logged out.
 *
 * ```ts
 * let client = sharedRealtime({ url: 'wss://example.org/realtime', app: 'rooms', user: 'ada' })
 * ```
 */
export function sharedRealtime(options: RealtimeOptions): Realtime {
  let clients = pageWide<Map<string, Realtime>>('realtime-stores', () => new Map())
  let key = JSON.stringify([options.app, options.user])
  let known = clients.get(key)
  if (known) return known
  let client = createRealtime(options)
  let forget = (): void => void (clients.get(key) === shared && clients.delete(key))
  let shared: Realtime = Object.create(client, {
    close: {
      value: () => {
        forget()
        return client.close()
      }
    },
    logout: {
      value: (...args: Parameters<Realtime['logout']>) => {
        forget()
        return client.logout(...args)
      }
    }
  })
  clients.set(key, shared)
  return shared
}
