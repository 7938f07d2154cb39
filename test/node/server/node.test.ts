// The server on Node with real sockets and a real file.

import { mkdtempSync, rmSync } from 'node:fs'
import { createServer as createHttpServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import type { Frame, FrameName } from '../../../src/protocol/frames.js'
import { createServer, createSqliteStorage, type RealtimeServer, type ServerOptions } from '../../../src/server/node.js'
import { notes, pushOf } from './world.js'

type Named<N extends FrameName> = Extract<Frame, { f: N }>

let folder = mkdtempSync(join(tmpdir(), 'realtime-stores-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

let servers: RealtimeServer[] = []
let sockets: WebSocket[] = []
afterEach(async () => {
  for (let socket of sockets.splice(0)) socket.terminate()
  for (let server of servers.splice(0)) await server.close()
})

async function start(options: ServerOptions = {}): Promise<RealtimeServer> {
  let server = await createServer({ features: [notes], ...options })
  servers.push(server)
  return server
}

async function connect(url: string, user: string, hello: Partial<Named<'hello'>> = {}) {
  let socket = new WebSocket(url)
  sockets.push(socket)
  let got: Frame[] = []
  let waiting: (() => void)[] = []
  socket.on('message', data => {
    let text = String(data)
    if (text !== 'pong') got.push(...(JSON.parse(text) as Frame[]))
    for (let call of waiting.splice(0)) call()
  })
  let closed = new Promise<number>(resolve => socket.once('close', resolve))
  await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject))

  /** Waits for a frame and takes it with everything before it. */
  async function next<N extends FrameName>(
    name: N,
    fits: (frame: Named<N>) => boolean = () => true
  ): Promise<Named<N>> {
    for (;;) {
      let index = got.findIndex(frame => frame.f === name && fits(frame as Named<N>))
      if (index >= 0) return got.splice(0, index + 1).at(-1) as Named<N>
      await new Promise<void>(resolve => waiting.push(resolve))
    }
  }
  let send = (...frames: Frame[]) => socket.send(JSON.stringify(frames))
  send({ f: 'hello', v: 1, app: 'test', cid: `cid-${user}`, gen: 1, user, ...hello })
  let welcome = await next('welcome')
  return { socket, closed, next, send, welcome }
}

test('joins, pushes, is acked, and another one gets the event', async () => {
  let { url } = await start()
  let ann = await connect(url, 'ann')
  let bob = await connect(url, 'bob')
  ann.send({ f: 'join', ref: 1, room: 'r' })
  bob.send({ f: 'join', ref: 1, room: 'r' })
  await Promise.all([ann.next('joined'), bob.next('joined')])
  ann.send(pushOf(1), pushOf(2))
  expect(await ann.next('ack')).toMatchObject({ n: 1, at: 1 })
  expect(await bob.next('event')).toMatchObject({ offset: 1, by: 'ann' })
  expect(await bob.next('event')).toMatchObject({ offset: 2 })
  bob.socket.send('ping')
  bob.send({ f: 'ping', x: 7 })
  expect(await bob.next('pong')).toMatchObject({ x: 7 })
})

test('[P4] a killed connection is left after the grace', async () => {
  let { url } = await start({ limits: { presenceGrace: 60 } })
  let ann = await connect(url, 'ann')
  let bob = await connect(url, 'bob')
  for (let peer of [ann, bob]) {
    peer.send({ f: 'join', ref: 1, room: 'r' })
    await peer.next('joined')
  }
  ann.socket.terminate()
  expect((await bob.next('presence', ({ left }) => left !== undefined)).left).toEqual([ann.welcome.sid])
})

test('[H10] [D7] a restart on the same file is announced, and nothing is lost', async () => {
  let file = join(folder, 'restart.db')
  let storage = createSqliteStorage({ file })
  let first = await start({ storage })
  let ann = await connect(first.url, 'ann')
  ann.send({ f: 'join', ref: 1, room: 'r' })
  let { epoch } = await ann.next('joined')
  ann.send(pushOf(1), pushOf(2), pushOf(3))
  await ann.next('ack', ({ n }) => n === 3)
  let closing = first.close('deploy')
  expect(await ann.next('bye')).toMatchObject({ code: 'restart', final: false, why: 'deploy' })
  expect(await ann.closed).toBe(4503)
  await closing
  await storage.close()

  let again = createSqliteStorage({ file })
  let second = await start({ storage: again, port: first.port })
  expect(second.port).toBe(first.port)
  let back = await connect(second.url, 'ann', { gen: 2 })
  back.send({ f: 'join', ref: 1, room: 'r', epoch, offset: 1 })
  expect(await back.next('joined')).toMatchObject({ epoch, offset: 3, recovered: 'all', marks: { normal: { n: 3 } } })
  expect(await back.next('event')).toMatchObject({ offset: 2 })
  await second.close()
  await again.close()
})

test('a taken port rejects with what to read', async () => {
  let { port } = await start()
  await expect(createServer({ port })).rejects.toMatchObject({
    name: 'RealtimeError',
    code: 'conflict',
    message: `port ${port} is already in use`
  })
})

test('lives on an HTTP server that is already there, and leaves it running', async () => {
  let http = createHttpServer((_, response) => response.end('page'))
  let otherPath = 0
  http.on('upgrade', (request, socket) => {
    if (request.url !== '/other') return
    otherPath++
    socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')
  })
  await new Promise<void>(resolve => http.listen(0, resolve))
  let server = await start({ server: http })
  let { port } = http.address() as AddressInfo
  expect(server).toMatchObject({ port, url: `ws://localhost:${port}/realtime` })
  let ann = await connect(`${server.url}?v=1`, 'ann')
  expect(ann.welcome.user).toBe('ann')
  await expect(connect(`ws://localhost:${port}/other`, 'bob')).rejects.toThrow()
  expect(otherPath).toBe(1)
  await server.close()
  expect(await (await fetch(`http://localhost:${port}/`)).text()).toBe('page')
  await new Promise(resolve => http.close(resolve))
})

test('answers plain HTTP and other paths, without falling over', async () => {
  let { url, port } = await start({ path: '/rt' })
  expect((await fetch(`http://localhost:${port}/rt`)).status).toBe(426)
  await expect(connect(`ws://localhost:${port}/other`, 'ann')).rejects.toThrow('404')
  expect((await connect(url, 'ann')).welcome.user).toBe('ann')
})

test('[H4] what the transport knows of a peer reaches the authentication', async () => {
  let seen: unknown[] = []
  let { url } = await start({
    authenticate({ user = '', peer }) {
      seen.push(peer)
      return { user }
    }
  })
  await connect(url, 'ann')
  expect(seen).toMatchObject([{ ip: expect.stringContaining('1') }])
})

test('[F5] a message beyond the limit and a binary one cost at most the connection', async () => {
  let { url, hub } = await start({ limits: { max: 5000 } })
  let ann = await connect(url, 'ann')
  ann.socket.send('x'.repeat(10_000))
  expect(await ann.closed).toBe(1009)
  let bob = await connect(url, 'bob')
  bob.socket.send(Buffer.from([1, 2, 3]))
  bob.send({ f: 'ping', x: 1 })
  await bob.next('pong')
  expect(hub.stats().badFrames).toBe(1)
})

test('runs the features of a companion when none are named', async () => {
  let server = await createServer()
  servers.push(server)
  let ann = await connect(server.url, 'ann')
  ann.send({ f: 'join', ref: 1, room: 'r' })
  await ann.next('joined')
  ann.send(pushOf(1, { feature: 'no-such-feature' }))
  expect(await ann.next('nack')).toMatchObject({ code: 'unknown-feature', final: true })
})
