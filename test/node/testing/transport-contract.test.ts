// The contract of a transport can fail: a way to the server inside of this process keeps to it, and each of its relatives that
// is wrong in one thing is found out.

import { describe, expect, test } from 'vitest'
import { realClock, realRandom } from '../../../src/env/clock.js'
import type { Connect, Link, LinkSink } from '../../../src/ports.js'
import { createHub } from '../../../src/server/hub.js'
import { createMemoryStorage } from '../../../src/server/storage/memory.js'
import { type TransportWorld, transportContract } from '../../../src/testing/contract/transport.js'

/** A server, and a way to it: what is handed over arrives a little later, in order. */
function createWorld(change?: (connect: Connect) => Connect): TransportWorld & { close(): void } {
  let hub = createHub({
    features: [],
    storage: createMemoryStorage(),
    clock: realClock,
    random: realRandom,
    authenticate: ({ user = '' }) => ({ user }),
    limits: { presenceGrace: 0 }
  })
  let isCut = false
  let open = new Set<() => void>()

  let connect: Connect = (url, sink) => {
    let state: 'opening' | 'open' | 'over' = 'opening'
    let server: ReturnType<typeof hub.accept> | null = null
    let end = (code: number, reason: string): void => {
      if (state === 'over') return
      state = 'over'
      open.delete(breakOff)
      server?.closed(code)
      sink.closed(code, reason)
    }
    let breakOff = (): void => end(1006, '')
    soon(() => {
      if (state === 'over') return
      if (isCut || url === 'nowhere') return breakOff()
      state = 'open'
      open.add(breakOff)
      server = hub.accept({
        send: text => soon(() => state === 'open' && sink.message(text)),
        close: (code, reason) => soon(() => end(code, reason)),
        buffered: () => 0
      })
      sink.opened()
    })
    return {
      send(text) {
        if (state === 'open') soon(() => server?.receive(text))
        return state === 'open'
      },
      close(code = 1000) {
        state = 'over'
        open.delete(breakOff)
        soon(() => server?.closed(code))
      },
      buffered: () => 0,
      transport: 'websocket'
    }
  }

  return {
    transport: 'websocket',
    connect: change ? change(connect) : connect,
    url: 'here',
    deadUrl: 'nowhere',
    cut() {
      isCut = true
      for (let breakOff of [...open]) breakOff()
    },
    heal() {
      isCut = false
    },
    users: async room => Object.values(hub.room(room).members()).map(member => member.user),
    // What is right must not fail on a slow machine; what is wrong need not be waited for.
    patience: change === undefined ? 20_000 : 300,
    close: () => void hub.close()
  }
}

function soon(call: () => void): void {
  setImmediate(call)
}

async function failures(change?: (connect: Connect) => Connect): Promise<string[]> {
  let failed: string[] = []
  let world: ReturnType<typeof createWorld>
  for (let { name, run } of transportContract(() => {
    world = createWorld(change)
    return world
  })) {
    await run().catch((error: Error) => failed.push(`${name}: ${error.message}`))
    world!.close()
  }
  return failed
}

/** A transport whose links are not quite as they should be. */
let linksThat =
  (change: (link: Link, sink: LinkSink) => Partial<Link>) =>
  (connect: Connect): Connect =>
  (url, sink) => {
    let link = connect(url, sink)
    return { ...link, ...change(link, sink) }
  }
let sinksThat =
  (change: (sink: LinkSink) => Partial<LinkSink>) =>
  (connect: Connect): Connect =>
  (url, sink) =>
    connect(url, { ...sink, ...change(sink) })

let broken: [what: string, change: (connect: Connect) => Connect, caught: RegExp][] = [
  [
    'loses one text in 200',
    sinksThat(sink => {
      let count = 0
      return { message: text => void (++count % 200 && sink.message(text)) }
    }),
    /500 messages each way/
  ],
  [
    'brings a text twice',
    sinksThat(sink => {
      let count = 0
      return {
        message(text) {
          sink.message(text)
          if (++count % 100 === 0) sink.message(text)
        }
      }
    }),
    /500 messages each way/
  ],
  [
    'lets texts overtake each other',
    linksThat(link => {
      let held: string | null = null
      return {
        send(text) {
          if (held === null && text.includes('"x":7')) {
            held = text
            return true
          }
          let sent = link.send(text)
          if (held !== null) link.send(held)
          held = null
          return sent
        }
      }
    }),
    /500 messages|turn by turn/
  ],
  [
    'knows ASCII only',
    sinksThat(sink => ({ message: text => sink.message(text.replace(/[^ -~]/g, '?')) })),
    /any character/
  ],
  [
    'takes a text before it is open',
    linksThat(link => ({ send: text => link.send(text) || true })),
    /sending before it is open/
  ],
  ['does not know what it is', linksThat(() => ({ transport: 'http' })), /transport is "http"/],
  ['never gets rid of anything', linksThat(() => ({ buffered: () => 1 })), /how much is on its way/],
  [
    'throws away what was sent last',
    linksThat(link => ({ send: text => text.includes('"bye"') || link.send(text), close: () => {} })),
    /delivers what was sent right before|tells the server that it leaves/
  ],
  ['forgets the code of the server', sinksThat(sink => ({ closed: () => sink.closed(1006, '') })), /the code is 1006/],
  [
    'says twice that it broke',
    sinksThat(sink => ({
      closed(code, reason) {
        sink.closed(code, reason)
        sink.closed(code, reason)
      }
    })),
    /reports of the end|an address where nobody is/
  ],
  [
    'says that it opened where nobody is',
    sinksThat(sink => ({
      closed(code, reason) {
        sink.opened()
        sink.closed(code, reason)
      }
    })),
    /an address where nobody is/
  ],
  [
    'says nothing of a break',
    sinksThat(() => ({ closed() {} })),
    /a connection that breaks, once: closed did not come/
  ],
  [
    'opens although it was given up',
    linksThat(link => ({ close: code => void setTimeout(() => link.close(code), 50) })),
    /given up before it opened/
  ]
]

describe('the contract of a transport', () => {
  test('is kept by a way within the process', { timeout: 30_000 }, async () => {
    expect(await failures()).toEqual([])
  })

  test.each(broken)('finds one that %s', { timeout: 20_000 }, async (_, change, caught) => {
    let found = await failures(change)
    expect(found.filter(failure => caught.test(failure))).not.toEqual([])
  })
})
