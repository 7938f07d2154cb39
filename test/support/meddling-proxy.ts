// A proxy that understands HTTP and meddles with it: what companies, hotels and virus scanners put between a page and its server.

import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'

/** `portal` answers with a page of its own, `silent` not at all, `mute` lets it open and nothing through. */
export type Upgrades = 'pass' | 'refuse' | 'portal' | 'silent' | 'mute'

export interface MeddlingProxy {
  readonly port: number
  /** What becomes of a WebSocket. */
  upgrades: Upgrades
  /** Hands an answer on only when it is complete. */
  holdsBack: boolean
  /** How many WebSockets were asked for so far. */
  readonly asked: number
  /** The bodies of the POSTs so far. */
  readonly posts: readonly string[]
  close(): Promise<void>
}

const PAGE = '<!doctype html><title>Please log in</title>'

export async function meddlingProxy(targetPort: number): Promise<MeddlingProxy> {
  let target = { port: targetPort, host: '127.0.0.1' }
  let sockets = new Set<Duplex>()
  let posts: string[] = []
  let asked = 0
  let proxy = { upgrades: 'pass' as Upgrades, holdsBack: false }

  async function pass(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    let chunks: Buffer[] = []
    for await (let chunk of incoming) chunks.push(chunk as Buffer)
    let body = Buffer.concat(chunks)
    if (incoming.method === 'POST') posts.push(String(body))
    let { method, url, headers } = incoming
    let up = request({ ...target, method, path: url, headers }, answer => {
      answer.on('error', () => response.destroy())
      let held: Buffer[] = []
      let start = (): void => void response.writeHead(answer.statusCode ?? 502, answer.headers)
      if (!proxy.holdsBack) {
        start()
        response.flushHeaders()
        answer.pipe(response)
      } else {
        answer.on('data', chunk => held.push(chunk))
        answer.on('end', () => {
          start()
          response.end(Buffer.concat(held))
        })
      }
    })
    up.on('error', () => response.destroy())
    up.end(body)
    response.on('close', () => up.destroy())
  }

  let listener = createServer((incoming, response) => {
    incoming.on('error', () => {})
    response.on('error', () => {})
    pass(incoming, response).catch(() => response.destroy())
  })
  listener.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })
  listener.on('upgrade', (incoming: IncomingMessage, socket: Duplex, head: Buffer) => {
    asked++
    socket.on('error', () => {})
    if (proxy.upgrades === 'silent') return
    if (proxy.upgrades === 'refuse') return void socket.end('HTTP/1.1 403 Forbidden\r\nconnection: close\r\n\r\n')
    if (proxy.upgrades === 'portal') {
      let head = `HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: ${PAGE.length}\r\nconnection: close\r\n\r\n`
      return void socket.end(head + PAGE)
    }
    let isMute = proxy.upgrades === 'mute'
    let up = connect(target, () => {
      let { method, url, rawHeaders } = incoming
      let lines = rawHeaders.reduce((text, part, i) => text + part + (i % 2 ? '\r\n' : ': '), '')
      up.write(`${method} ${url} HTTP/1.1\r\n${lines}\r\n`)
      if (isMute) return
      up.write(head)
      socket.pipe(up)
    })
    up.on('error', () => socket.destroy())
    up.on('close', () => socket.destroy())
    socket.on('close', () => up.destroy())
    up.pipe(socket)
  })
  await new Promise<void>(resolve => listener.listen(0, '127.0.0.1', resolve))
  return Object.assign(proxy, {
    port: (listener.address() as AddressInfo).port,
    get asked() {
      return asked
    },
    posts,
    close(): Promise<void> {
      for (let socket of sockets) socket.destroy()
      return new Promise<void>(resolve => listener.close(() => resolve()))
    }
  })
}
