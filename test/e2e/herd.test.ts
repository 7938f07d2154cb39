// A hundred real sockets on the real server, which is killed without a word and started again.

import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { createRealtime } from '../../src/client.js'
import { webSocketConnect } from '../../src/transport/websocket.js'
import { startServer } from '../support/server-process.js'

const SCRIPT = fileURLToPath(new URL('../support/realtime-server.mjs', import.meta.url))
const CLIENTS = 100
const MOST = 10
const SLOT = 100

/** The most of these times that lie within one slot. */
function densest(times: readonly number[]): number {
  let sorted = [...times].sort((a, b) => a - b)
  return Math.max(...sorted.map((from, i) => sorted.slice(i).filter(at => at < from + SLOT).length))
}

/** A process that stood still has everything that was due meanwhile at once: as many more as slots went by. */
let allowed = (late: number): number => MOST * (1 + Math.floor(late / SLOT))

test('a hundred clients return from a server that was killed, and no 100 ms hold more than ten attempts or returns', async () => {
  let server = await startServer(SCRIPT)
  let { WebSocket } = createRequire(import.meta.url)('ws') as { WebSocket: unknown }
  let attempts: { client: number; at: number }[] = []
  let returns: number[] = []
  let planned = new Map<number, number>()
  let late = 0
  let lastBeat = performance.now()
  let beat = setInterval(() => {
    late = Math.max(late, performance.now() - lastBeat - 20)
    lastBeat = performance.now()
  }, 20)
  let connect = webSocketConnect(WebSocket)
  let clients = Array.from({ length: CLIENTS }, (_, client) => {
    let made = createRealtime({
      url: `ws://127.0.0.1:${server.port}/realtime`,
      app: 'e2e',
      user: `user-${client}`,
      ports: {
        connect(url, sink) {
          attempts.push({ client, at: Date.now() })
          return connect(url, sink)
        }
      }
    })
    made.on('connected', () => void returns.push(Date.now()))
    made.$connection.subscribe(({ attempt, nextAttemptAt }) => {
      if (attempt === 1 && nextAttemptAt !== null) planned.set(client, nextAttemptAt)
    })
    made.connect()
    return made
  })
  try {
    await expect.poll(() => returns.length, { timeout: 20_000 }).toBe(CLIENTS)
    // Connections that proved stable.
    await new Promise(resolve => setTimeout(resolve, 6000))
    attempts.length = 0
    returns.length = 0
    late = 0
    await server.kill()
    await server.restart()
    await expect.poll(() => returns.length, { timeout: 40_000 }).toBe(CLIENTS)
    let first = [...new Map(attempts.toReversed().map(({ client, at }) => [client, at])).values()]
    expect(first).toHaveLength(CLIENTS)
    // What they meant to do does not depend on how busy this machine is.
    expect(planned.size).toBe(CLIENTS)
    expect(densest([...planned.values()])).toBeLessThanOrEqual(MOST)
    expect(densest(first)).toBeLessThanOrEqual(allowed(late))
    let answer = await fetch(`http://127.0.0.1:${server.port}/hellos`, { method: 'POST' })
    let there = (await answer.json()) as { hellos: number[]; late: number }
    expect(there.hellos).toHaveLength(CLIENTS)
    expect(densest(there.hellos)).toBeLessThanOrEqual(allowed(Math.max(late, there.late)))
    expect(densest(returns)).toBeLessThanOrEqual(allowed(Math.max(late, there.late)))
    if (process.env.SHOW)
      console.log(
        densest([...planned.values()]),
        densest(first),
        densest(there.hellos),
        densest(returns),
        late,
        there.late
      )
  } finally {
    clearInterval(beat)
    await Promise.all(clients.map(client => client.close()))
    await server.stop()
  }
})
