// The part of the HTTP fallback that everyone carries: asks the server whether it takes connections over HTTP, and only then
// loads the rest. So a network that is down costs no download, and no module is asked for while there is nobody to talk to:
// browsers do not ask again for one that could not be loaded.

import type { Clock, Connect, Link } from '../ports.js'
import { post } from './http-request.js'

/** The connection is gone without a word of the other side. */
const LOST = 1006

/** Connects over HTTP. */
export function httpConnect(clock: Clock): Connect {
  let network = { streamsHeldUntil: 0 }
  return (address, sink) => {
    let link: Link | null = null
    let over = new AbortController()
    async function open(): Promise<void> {
      let url = address.replace(/^ws/, 'http')
      let response = await post(url, '{"open":1}', { signal: over.signal })
      // A portal answers with a page of its own: that is no JSON, or not this.
      let { id, max } = (await response.json()) as { id?: unknown; max?: unknown }
      if (typeof id !== 'string' || typeof max !== 'number') throw new Error('This is no realtime server.')
      let { createHttpLink } = await import('./http.js')
      if (over.signal.aborted) return
      link = createHttpLink({ url, id, max, clock, network, sink })
      sink.opened()
    }
    open().catch(error => {
      if (!over.signal.aborted) sink.closed(LOST, String(error))
    })
    return {
      send: text => link?.send(text) ?? false,
      close(code, reason) {
        over.abort()
        link?.close(code, reason)
      },
      buffered: () => link?.buffered() ?? 0,
      transport: 'http'
    }
  }
}
