// Every transport keeps the same contract: over the real server, through a network that can be cut.

import { createServer as createHttpServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { realClock } from '../../../src/env/clock.js'
import type { Connect, Transport } from '../../../src/ports.js'
import { createServer, type RealtimeServer } from '../../../src/server/node.js'
import { type TransportWorld, transportContract } from '../../../src/testing/contract/transport.js'
import { httpConnect } from '../../../src/transport/http-knock.js'
import { webSocketConnect } from '../../../src/transport/websocket.js'
import { type CuttableProxy, cuttableProxy } from '../../support/cuttable-proxy.js'

interface Way {
  readonly name: string
  readonly transport: Transport
  readonly connect: () => Connect
  /** What is between client and server besides the cable. */
  readonly between?: (port: number) => Promise<{ port: number; close(): void }>
}

let ways: Way[] = [
  { name: 'WebSocket', transport: 'websocket', connect: () => webSocketConnect(WebSocket) },
  { name: 'HTTP, as a stream', transport: 'http', connect: () => httpConnect(realClock) },
  { name: 'HTTP, answer by answer', transport: 'http', connect: () => httpConnect(realClock), between: bufferingProxy }
]

/** Hands an answer on when it is complete. */
async function bufferingProxy(target: number) {
  let proxy = createHttpServer(async (incoming, response) => {
    let { method, url, headers } = incoming
    let outgoing = request({ port: target, host: '127.0.0.1', method, path: url, headers }, async answer => {
      let chunks: Buffer[] = []
      try {
        for await (let chunk of answer) chunks.push(chunk as Buffer)
        response.writeHead(answer.statusCode ?? 502, answer.headers).end(Buffer.concat(chunks))
      } catch {
        response.destroy()
      }
    })
    outgoing.on('error', () => response.destroy())
    response.on('close', () => outgoing.destroy())
    response.on('error', () => {})
    incoming.on('error', () => {})
    incoming.pipe(outgoing)
  })
  await new Promise<void>(resolve => proxy.listen(0, '127.0.0.1', resolve))
  return {
    port: (proxy.address() as AddressInfo).port,
    close() {
      proxy.close()
      proxy.closeAllConnections()
    }
  }
}

describe.each(ways)('$name', ({ transport, connect, between }) => {
  let server: RealtimeServer
  let cable: CuttableProxy
  let world: TransportWorld
  let closeBetween = (): void => {}

  beforeAll(async () => {
    server = await createServer({
      host: '127.0.0.1',
      limits: { presenceGrace: 0 },
      authenticate: ({ user = '' }) => ({ user })
    })
    let port = server.port
    if (between) {
      let middle = await between(port)
      closeBetween = middle.close
      port = middle.port
    }
    cable = await cuttableProxy(port)
    world = {
      transport,
      connect: connect(),
      url: `ws://127.0.0.1:${cable.port}/`,
      deadUrl: 'ws://127.0.0.1:9/',
      cut: cable.cut,
      heal: cable.restore,
      users: async room => Object.values(server.hub.room(room).members()).map(member => member.user)
    }
  })
  afterAll(async () => {
    await cable.close()
    closeBetween()
    await server.close()
  })

  for (let { name, run } of transportContract(() => world)) {
    test(name, async () => {
      await run()
      expect(server.hub.stats().badFrames).toBeLessThan(10)
    })
  }
})
