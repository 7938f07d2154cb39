import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { type CuttableProxy, cuttableProxy } from '../support/cuttable-proxy.js'

let echo: Server
let received: string
let proxy: CuttableProxy
const clients: Socket[] = []

beforeEach(async () => {
  received = ''
  echo = createServer(socket => {
    socket.on('error', () => {})
    socket.on('data', bytes => {
      received += bytes
      socket.write(`<${bytes}>`)
    })
  }).listen(0, '127.0.0.1')
  await once(echo, 'listening')
  proxy = await cuttableProxy((echo.address() as AddressInfo).port)
})

afterEach(async () => {
  for (const client of clients.splice(0)) client.destroy()
  await proxy.close()
  echo.close()
})

/** A client that keeps what it heard and how it ended. */
async function client() {
  const socket = connect(proxy.port, '127.0.0.1')
  clients.push(socket)
  const seen = { heard: '', closed: false, error: '' }
  socket.on('data', bytes => {
    seen.heard += bytes
  })
  socket.on('error', (error: NodeJS.ErrnoException) => {
    seen.error = error.code ?? 'unknown'
  })
  socket.on('close', () => {
    seen.closed = true
  })
  await Promise.race([once(socket, 'connect'), once(socket, 'close')]).catch(() => {})
  return { socket, seen, say: (text: string) => socket.write(text) }
}

const until = (check: () => void) => vi.waitFor(check, { timeout: 3_000, interval: 5 })
const aMoment = () => new Promise(resolve => setTimeout(resolve, 60))

test('forwards both ways and passes a close on', async () => {
  const a = await client()
  a.say('hi')
  await until(() => expect(a.seen.heard).toBe('<hi>'))
  expect(proxy.connections).toBe(1)
  a.socket.end()
  await until(() => expect(a.seen.closed).toBe(true))
  expect(a.seen.error).toBe('')
  await until(() => expect(proxy.connections).toBe(0))
})

test('carries more than any buffer holds', async () => {
  const a = await client()
  const large = 'x'.repeat(5_000_000)
  a.say(large)
  await until(() => expect(a.seen.heard.replace(/[<>]/g, '').length).toBe(large.length))
})

test('cut resets what is open and what comes, until restored', async () => {
  const a = await client()
  a.say('hi')
  await until(() => expect(a.seen.heard).toBe('<hi>'))
  proxy.cut()
  await until(() => expect(a.seen.closed).toBe(true))
  const b = await client()
  await until(() => expect(b.seen.closed).toBe(true))
  proxy.restore()
  const c = await client()
  c.say('back')
  await until(() => expect(c.seen.heard).toBe('<back>'))
})

test('a black hole keeps connections open and passes nothing, then everything', async () => {
  const a = await client()
  a.say('1')
  await until(() => expect(a.seen.heard).toBe('<1>'))
  proxy.blackhole()
  const b = await client()
  a.say('2')
  b.say('new')
  await aMoment()
  expect(received).toBe('1')
  expect([a.seen.heard, a.seen.closed, b.seen.heard, b.seen.closed]).toEqual(['<1>', false, '', false])
  proxy.restore()
  await until(() => expect([a.seen.heard, b.seen.heard]).toEqual(['<1><2>', '<new>']))
})

test('swallow down: the server hears, the client does not, and the torn connection is reset', async () => {
  const a = await client()
  proxy.swallow('down')
  a.say('lost answer')
  await until(() => expect(received).toBe('lost answer'))
  await aMoment()
  expect([a.seen.heard, a.seen.closed]).toEqual(['', false])
  proxy.restore()
  await until(() => expect(a.seen.closed).toBe(true))
})

test('swallow up: the server hears nothing', async () => {
  const a = await client()
  proxy.swallow('up')
  a.say('into the void')
  await aMoment()
  expect([received, a.seen.closed]).toEqual(['', false])
})

test('an untouched connection survives cut-free restores', async () => {
  const a = await client()
  proxy.swallow('down')
  proxy.restore()
  a.say('fine')
  await until(() => expect(a.seen.heard).toBe('<fine>'))
})
