// Publishing over plain HTTP: a real server, real requests, and `curl` as other programs use it.

import { execFile, spawnSync } from 'node:child_process'
import { createServer as createHttpServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { connect } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { createServer, type PublishOptions, type RealtimeServer, type ServerOptions } from '../../../src/server/node.js'
import { notes } from './world.js'

const SECRET = 'a secret of the tests'

let closing: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (let close of closing.splice(0).reverse()) await close()
})

async function start(publish?: PublishOptions, more: ServerOptions = {}) {
  let server = await createServer({ features: [notes], ...more, ...(publish && { publish }) })
  closing.push(() => server.close())
  return { server, url: addressOf(server) }
}

function addressOf({ port }: RealtimeServer, path = '/publish'): string {
  return `http://127.0.0.1:${port}${path}`
}

async function post(
  url: string,
  body: unknown,
  headers: Record<string, string> = { authorization: `Bearer ${SECRET}` }
) {
  let response = await fetch(url, {
    method: 'POST',
    headers,
    body: typeof body === 'string' ? body : JSON.stringify(body)
  })
  let text = await response.text()
  let isJson = response.headers.get('content-type') === 'application/json'
  return { status: response.status, body: isJson ? (JSON.parse(text) as unknown) : text }
}

let noteOf = (text: string, more: object = {}) => ({
  room: 'r',
  feature: 'notes',
  type: 'add',
  data: { text },
  by: 'python',
  ...more
})

test('one event, and a list of them: stored in order, with results in order', async () => {
  let { server, url } = await start({ secret: SECRET })
  expect(await post(url, noteOf('one', { key: 'k1' }))).toEqual({
    status: 200,
    body: { ok: true, offset: 1, id: 'app:k1' }
  })
  let list = Array.from({ length: 500 }, (_, i) => noteOf(`${i}`, { room: i % 2 ? 'r' : 's' }))
  let { status, body } = await post(url, [...list, noteOf('again', { key: 'k1' })])
  expect(status).toBe(200)
  let results = body as { ok: boolean; offset: number; id: string }[]
  expect(results.every(({ ok }) => ok)).toBe(true)
  expect(results.slice(0, 4).map(({ offset }) => offset)).toEqual([1, 2, 2, 3])
  expect(results.at(-1)).toEqual({ ok: true, offset: 1, id: 'app:k1' })
  let texts = (room: string) => server.hub.room(room).state(notes)
  expect((await texts('r')).texts).toEqual(['one', ...Array.from({ length: 250 }, (_, i) => `${2 * i + 1}`)])
  expect((await texts('s')).texts).toEqual(Array.from({ length: 250 }, (_, i) => `${2 * i}`))
  expect(await server.hub.room('r').state(notes)).toMatchObject({ title: '' })
})

test('a volatile event is told to those who are here, and has no offset', async () => {
  let { server, url } = await start({ secret: SECRET })
  let cursor = { room: 'r', feature: 'notes', type: 'cursor', data: { x: '1' }, by: 'python' }
  expect(await post(url, cursor)).toEqual({ status: 200, body: { ok: true } })
  expect(server.hub.stats()).toMatchObject({ castsIn: 1, events: 0 })
})

test('each bad event is told its code, and does not disturb the others', async () => {
  let { server, url } = await start({ secret: SECRET })
  let bad: [unknown, string, RegExp][] = [
    [7, 'bad-argument', /an event must be an object/],
    [null, 'bad-argument', /an event/],
    [noteOf('x', { room: '' }), 'bad-argument', /^room must/],
    [noteOf('x', { room: undefined }), 'bad-argument', /^room must/],
    [noteOf('x', { room: '__proto__' }), 'bad-argument', /^room must/],
    [noteOf('x', { feature: 'nope' }), 'unknown-feature', /«nope»/],
    [noteOf('x', { type: 'nope' }), 'bad-argument', /nope/],
    [noteOf('x', { type: 'toString' }), 'bad-argument', /toString/],
    [noteOf('x', { data: { text: 7 } }), 'bad-argument', /text/],
    [noteOf('x', { data: undefined }), 'bad-argument', /^data must/],
    [noteOf('x', { by: undefined }), 'bad-argument', /^by must/],
    [noteOf('x', { key: 'k'.repeat(61) }), 'bad-argument', /^key must/],
    [noteOf('x', { type: 'cursor', data: { x: 1 } }), 'bad-argument', /x/]
  ]
  let { status, body } = await post(url, [noteOf('first'), ...bad.map(([event]) => event), noteOf('last')])
  expect(status).toBe(200)
  let results = body as { ok: boolean; code: string; message: string; offset: number }[]
  expect(results).toHaveLength(bad.length + 2)
  for (let [i, [, code, message]] of bad.entries()) {
    expect(results[i + 1]).toMatchObject({ ok: false, code })
    expect(results[i + 1]?.message).toMatch(message)
  }
  expect([results[0]?.offset, results.at(-1)?.offset]).toEqual([1, 2])
  expect((await server.hub.room('r').state(notes)).texts).toEqual(['first', 'last'])
  // Alone, the status says it as well.
  expect(await post(url, noteOf('x', { feature: 'nope' }))).toMatchObject({
    status: 400,
    body: { code: 'unknown-feature' }
  })
})

test('without the secret nothing is read: 401, also where it is almost right', async () => {
  let { server, url } = await start({ secret: SECRET })
  let wrong = [
    '',
    'Bearer',
    `Bearer ${SECRET} `.trimEnd().slice(0, -1),
    `Bearer ${SECRET}x`,
    SECRET,
    `Basic ${SECRET}`,
    'Bearer'
  ]
  for (let authorization of wrong) {
    expect(await post(url, noteOf('x'), { authorization })).toMatchObject({
      status: 401,
      body: { code: 'unauthorized' }
    })
  }
  expect(await post(url, noteOf('x'), {})).toMatchObject({ status: 401 })
  expect(server.hub.stats().events).toBe(0)
})

test('authorize is asked with the request; false, and what throws, is 401', async () => {
  let asked: IncomingMessage[] = []
  let reports: string[] = []
  let { server, url } = await start(
    {
      async authorize(request) {
        asked.push(request)
        let { authorization } = request.headers
        if (authorization === 'throw') throw new Error('down')
        // Only true is true.
        return authorization === 'yes' ? true : (authorization as unknown as boolean)
      }
    },
    { report: (_, code) => void reports.push(code) }
  )
  expect((await post(url, noteOf('x'), { authorization: 'no' })).status).toBe(401)
  expect((await post(url, noteOf('x'), { authorization: 'throw' })).status).toBe(401)
  expect((await post(url, noteOf('x'), { authorization: 'yes' })).status).toBe(200)
  expect(asked).toHaveLength(3)
  expect(reports).toEqual(['authorize-threw'])
  expect(server.hub.stats().events).toBe(1)
})

test('what is no JSON, too long or too many is refused as a whole', async () => {
  let { server, url } = await start({ secret: SECRET, max: 1000 })
  expect(await post(url, '{"room":')).toMatchObject({ status: 400, body: { code: 'bad-argument' } })
  expect(await post(url, '')).toMatchObject({ status: 400 })
  expect(await post(url, noteOf('x'.repeat(1000)))).toMatchObject({ status: 413, body: { code: 'too-large' } })
  let many = await start({ secret: SECRET })
  expect(await post(many.url, Array(1001).fill(7))).toMatchObject({ status: 413, body: { code: 'too-large' } })
  expect(await post(url, [])).toEqual({ status: 200, body: [] })
  expect(server.hub.stats().events).toBe(0)
})

test('it is off unless it is configured, and POST alone', async () => {
  let { url } = await start()
  expect((await post(url, noteOf('x'))).status).toBe(426)
  let on = await start({ secret: SECRET })
  let response = await fetch(on.url, { headers: { authorization: `Bearer ${SECRET}` } })
  expect(response.status).toBe(426)
})

test('on a server of somebody else it is under the path, beside the fallback, and leaves the rest alone', async () => {
  let http = createHttpServer((_, response) => response.end('mine'))
  await new Promise<void>(resolve => http.listen(0, '127.0.0.1', resolve))
  closing.push(() => new Promise(resolve => http.close(resolve)))
  let server = await createServer({ features: [notes], server: http, publish: { secret: SECRET } })
  let base = `http://127.0.0.1:${(http.address() as AddressInfo).port}`
  expect(await post(`${base}/realtime/publish`, noteOf('x'))).toMatchObject({ status: 200, body: { offset: 1 } })
  expect((await post(`${base}/publish`, noteOf('x'))).body).toBe('mine')
  expect((await post(`${base}/realtime`, '{"open":1}')).body).toMatchObject({ id: expect.any(String) })
  await server.close()
  for (let path of ['/realtime/publish', '/realtime']) expect((await post(`${base}${path}`, '{}')).body).toBe('mine')
})

test('a request that breaks off in the middle leaves the server as it was', async () => {
  let { server, url } = await start({ secret: SECRET })
  let socket = connect(server.port, '127.0.0.1')
  await new Promise(resolve => socket.once('connect', resolve))
  socket.write(
    `POST /publish HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${SECRET}\r\ncontent-length: 1000\r\n\r\n{"room":"r"`
  )
  await new Promise(resolve => setImmediate(resolve))
  socket.destroy()
  expect(await post(url, noteOf('x'))).toMatchObject({ status: 200, body: { offset: 1 } })
})

/** Not on every machine; what it does is what the other tests do. */
let hasCurl = spawnSync('curl', ['--version']).status === 0

test.runIf(hasCurl)('as the guide says it with curl', async () => {
  let { server, url } = await start({ secret: SECRET })
  let event = JSON.stringify(noteOf('from a shell'))
  let args = ['-sS', '-H', `authorization: Bearer ${SECRET}`, '-d', event, url]
  let output = await new Promise<string>((resolve, reject) =>
    execFile('curl', args, (error, out) => (error ? reject(error) : resolve(out)))
  )
  expect(JSON.parse(output)).toMatchObject({ ok: true, offset: 1 })
  expect((await server.hub.room('r').state(notes)).texts).toEqual(['from a shell'])
})

test.each([
  [null, /publish must be an object/],
  ['secret', /publish must be an object/],
  [{}, /either a secret or authorize/],
  [{ secret: SECRET, authorize: () => true }, /either a secret or authorize/],
  [{ secret: 'short' }, /at least 16/],
  [{ secret: 7 }, /publish.secret/],
  [{ authorize: true }, /publish.authorize/],
  [{ secret: SECRET, max: 0 }, /publish.max/]
])('publish: %j is refused at the start', async (publish, words) => {
  let error = await createServer({ features: [notes], publish: publish as never }).then(
    server => server.close().then(() => null),
    (error: Error) => error
  )
  expect(error).toMatchObject({ code: 'bad-argument' })
  expect(error?.message).toMatch(words)
  expect(error?.message).not.toContain(SECRET)
})
