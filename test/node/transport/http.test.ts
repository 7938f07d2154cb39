// A link over HTTP against servers and proxies that do what they should not: real ones, on this machine.

import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { realClock } from '../../../src/env/clock.js'
import { defineFeature, volatile } from '../../../src/feature.js'
import type { Link } from '../../../src/ports.js'
import { anything } from '../../../src/schema.js'
import {
  createServer as createRealtimeServer,
  type RealtimeServer,
  type ServerOptions
} from '../../../src/server/node.js'
import { createEventParser, type StreamEvent } from '../../../src/transport/event-stream.js'
import { httpConnect } from '../../../src/transport/http-knock.js'

let board = defineFeature({
  name: 'board',
  version: 1,
  events: { note: volatile(anything(), { seconds: 0 }) },
  initial: {},
  reduce: { note: state => state },
  commands: {}
})

let cleanups: (() => unknown)[] = []
afterEach(async () => {
  for (let clean of cleanups.splice(0).reverse()) await clean()
})

/** A request that went through, or should have. */
interface Passing {
  readonly body: string
  readonly response: ServerResponse
  /** Asks the real server, and hands its answer on. */
  pass(): Promise<void>
}

/** A realtime server behind something that may interfere with every request. */
async function behind(
  interfere: (passing: Passing, count: number) => void | Promise<void>,
  options: ServerOptions = {}
) {
  let server: RealtimeServer = await createRealtimeServer({ host: '127.0.0.1', ...options })
  cleanups.push(() => server.close())
  let bodies: string[] = []
  let url = await listen(async (incoming, response) => {
    let body = ''
    for await (let chunk of incoming) body += chunk
    let count = bodies.push(body)
    let pass = (): Promise<void> =>
      new Promise(done => {
        let { method, url: path, headers } = incoming
        let up = request({ port: server.port, host: '127.0.0.1', method, path, headers }, answer => {
          response.writeHead(answer.statusCode ?? 0, answer.headers)
          response.flushHeaders()
          answer.pipe(response)
          answer.on('end', done).on('error', () => response.destroy())
        })
        up.on('error', () => response.destroy()).end(body)
        response.on('close', () => up.destroy())
      })
    await interfere({ body, response, pass }, count)
  })
  return { url, server, bodies }
}

async function listen(handle: (incoming: IncomingMessage, response: ServerResponse) => unknown): Promise<string> {
  let http: Server = createServer((incoming, response) => {
    incoming.on('error', () => {})
    response.on('error', () => {})
    Promise.resolve(handle(incoming, response)).catch(() => response.destroy())
  })
  await new Promise<void>(resolve => http.listen(0, '127.0.0.1', resolve))
  cleanups.push(() => {
    http.close()
    http.closeAllConnections()
  })
  return `ws://127.0.0.1:${(http.address() as AddressInfo).port}/`
}

function open(url: string) {
  let log: string[] = []
  let waiting: (() => void)[] = []
  let note = (entry: string): void => {
    log.push(entry)
    for (let call of waiting.splice(0)) call()
  }
  let link: Link = httpConnect(realClock)(url, {
    opened: () => note('opened'),
    message: text => note(text),
    closed: (code, reason) => note(`closed ${code} ${reason}`)
  })
  cleanups.push(() => link.close())
  return {
    log,
    link,
    async until(wanted: RegExp): Promise<void> {
      while (!log.some(entry => wanted.test(entry))) await new Promise<void>(resolve => waiting.push(resolve))
    }
  }
}

let isDown = (body: string): boolean => body.includes('"down"')
let isUp = (body: string): boolean => body.includes('"from"') && !body.includes('"close"')
let hello = '[{"f":"hello","v":1,"app":"a","cid":"c","gen":1,"user":"ann"}]'
let pings = (log: readonly string[]): number[] =>
  log.flatMap(entry =>
    entry.startsWith('[')
      ? (JSON.parse(entry) as { f: string; x: number }[]).flatMap(frame => (frame.f === 'pong' ? [frame.x] : []))
      : []
  )

test('[W1] [W2] requests are plain POSTs to one address, and say nothing but in their bodies', async () => {
  let seen: { method?: string; url?: string; headers: Record<string, unknown> }[] = []
  let url = await listen((incoming, response) => {
    seen.push({ method: incoming.method ?? '', url: incoming.url ?? '', headers: incoming.headers })
    response.end('{"id":"0123456789abcdef0123456789abcdef","max":1000}')
  })
  let { until, link } = open(`${url}realtime?v=1`)
  await until(/opened/)
  link.send('ping')
  await until(/closed/)
  expect(seen.length).toBeGreaterThan(2)
  for (let { method, url, headers } of seen) {
    expect([method, url, headers['content-type']]).toEqual(['POST', '/realtime?v=1', 'text/plain;charset=UTF-8'])
    expect(headers.cookie ?? headers.authorization).toBeUndefined()
  }
})

test.each([
  ['a page of a portal', 200, { 'content-type': 'text/html' }, '<html>Please log in</html>'],
  ['another API', 200, { 'content-type': 'application/json' }, '{"ok":true}'],
  ['null', 200, { 'content-type': 'application/json' }, 'null'],
  ['nothing', 204, {}, ''],
  ['no such path', 404, {}, 'not found'],
  ['a way to somewhere else', 307, { location: 'http://127.0.0.1:9/' }, '']
])('[W2] an answer that is %s opens nothing, and is not asked for again', async (_, status, headers, body) => {
  let count = 0
  let url = await listen((_, response) => {
    count++
    response.writeHead(status, headers as Record<string, string>).end(body)
  })
  let { log, until } = open(url)
  await until(/closed/)
  expect(log).toEqual([expect.stringMatching(/^closed 1006 /)])
  expect(count).toBe(1)
})

test('[W4] one request up is in flight, whatever is sent meanwhile', async () => {
  let flying = 0
  let most = 0
  let { url } = await behind(async ({ body, pass }) => {
    if (!isUp(body)) return pass()
    most = Math.max(most, ++flying)
    await new Promise(resolve => setTimeout(resolve, 20))
    await pass()
    flying--
  })
  let { log, link, until } = open(url)
  await until(/opened/)
  link.send(hello)
  for (let x = 0; x < 30; x++) {
    link.send(`[{"f":"ping","x":${x}}]`)
    await new Promise(resolve => setTimeout(resolve, 3))
  }
  await until(/"x":29\b/)
  expect(most).toBe(1)
  expect(pings(log)).toEqual(Array.from({ length: 30 }, (_, i) => i))
})

test('[W4] a request whose answer is lost is made again, and has one effect', async () => {
  let lost = 0
  let { url, bodies } = await behind(async ({ body, response, pass }) => {
    if (!isUp(body) || !body.includes('"x":7') || lost++ > 0) return pass()
    // The server takes it; the answer breaks off.
    response.writeHead = () => response.destroy() as never
    await pass()
  })
  let { log, link, until } = open(url)
  await until(/opened/)
  link.send(hello)
  await until(/welcome/)
  link.send('[{"f":"ping","x":7}]')
  link.send('[{"f":"ping","x":8}]')
  await until(/"x":8\b/)
  link.send('[{"f":"ping","x":9}]')
  await until(/"x":9\b/)
  expect(pings(log)).toEqual([7, 8, 9])
  let repeated = bodies.filter(body => isUp(body) && body.includes('"x":7'))
  expect(repeated).toHaveLength(2)
  expect(new Set(repeated.map(body => JSON.parse(body.split('\n')[0] as string).from)).size).toBe(1)
})

test('[W4] a server that takes nothing more is given up after three attempts, without spinning', async () => {
  let { url, bodies } = await behind(({ body, response, pass }) => {
    if (isUp(body)) response.writeHead(502).end('Bad Gateway')
    else return pass()
  })
  let { log, link, until } = open(url)
  await until(/opened/)
  link.send(hello)
  await until(/closed/)
  expect(log.at(-1)).toBe('closed 1006 HTTP 502')
  expect(bodies.filter(isUp)).toHaveLength(3)
  expect(link.send('x')).toBe(false)
})

test('[W7] a stream that is held back becomes a poll within 3 s, on the same connection; the next one polls at once', async () => {
  let { url, server, bodies } = await behind(async ({ body, response, pass }) => {
    if (!body.includes('"stream"')) return pass()
    // Nothing but the head arrives.
    response.write = () => true
    await pass()
  })
  let connect = httpConnect(realClock)
  for (let round of [1, 2]) {
    let since = performance.now()
    let opened = 0
    await new Promise<void>(resolve => {
      let link = connect(url, {
        opened() {
          opened++
          link.send(hello.replace('"c"', `"c${round}"`))
        },
        message: text => text.includes('welcome') && resolve(),
        closed: () => {}
      })
      cleanups.push(() => link.close())
    })
    let took = performance.now() - since
    if (round === 1) expect(took).toBeGreaterThan(2900)
    else expect(took).toBeLessThan(2500)
    expect(opened).toBe(1)
  }
  expect(bodies.filter(body => body.includes('"stream"'))).toHaveLength(1)
  expect(server.hub.stats().connections).toBe(2)
}, 15_000)

test('a stream that breaks is asked for again from where it was; what came twice is told once', async () => {
  let streams: ServerResponse[] = []
  let { url, bodies } = await behind(({ body, response, pass }) => {
    if (isDown(body)) streams.push(response)
    return pass()
  })
  let { log, link, until } = open(url)
  await until(/opened/)
  link.send(hello)
  await until(/welcome/)
  for (let x = 0; x < 5; x++) {
    link.send(`[{"f":"ping","x":${x}}]`)
    await until(new RegExp(`"x":${x}\\b`))
    streams.at(-1)?.destroy()
  }
  link.send('[{"f":"ping","x":99}]')
  await until(/"x":99\b/)
  expect(pings(log)).toEqual([0, 1, 2, 3, 4, 99])
  expect(log.some(entry => entry.startsWith('closed'))).toBe(false)
  expect(bodies.filter(isDown).length).toBeGreaterThan(3)
})

test('[W5] what a server tells twice is told once; where something is missing, the connection ends', async () => {
  let answers = ['id: 1\ndata: a\n\nid: 2\ndata: b\n\n', 'id: 2\ndata: b\n\nid: 3\ndata: c\n\n', 'id: 5\ndata: e\n\n']
  let url = await listen(async (incoming, response) => {
    let body = ''
    for await (let chunk of incoming) body += chunk
    if (!isDown(body)) response.end('{"id":"0123456789abcdef0123456789abcdef","max":1000}')
    else response.end(`event: ready\ndata: 1\n\n${answers.shift()}`)
  })
  let { log, until } = open(url)
  await until(/closed/)
  expect(log).toEqual(['opened', 'a', 'b', 'c', 'closed 1006 a message is missing'])
})

test('[W10] the last words of a page that leaves arrive, also those that were on their way', async () => {
  let told: string[] = []
  let isHeld = false
  let { url } = await behind(
    async ({ body, pass }) => {
      // The request in flight is overtaken.
      if (isHeld && isUp(body)) await new Promise(resolve => setTimeout(resolve, 500))
      await pass()
    },
    {
      policy({ action, room }) {
        told.push(`${action} ${room}`)
        return true
      },
      revoke: ({ user }) => void told.push(`logout ${user}`)
    }
  )
  let { link, until } = open(url)
  await until(/opened/)
  link.send(hello)
  await until(/welcome/)
  isHeld = true
  link.send('[{"f":"join","ref":1,"room":"r"}]')
  await new Promise(resolve => setTimeout(resolve, 50))
  link.send('[{"f":"bye","code":"logout","final":true}]')
  link.close(1000)
  while (told.length < 2) await new Promise(resolve => setTimeout(resolve, 10))
  expect(told).toEqual(['join r', 'logout ann'])
})

test('answers that bring nothing and end at once are not asked for without end', async () => {
  let { url, bodies } = await behind(({ body, response, pass }) => {
    if (isDown(body)) response.writeHead(200).end('event: ready\ndata: 1\n\n')
    else return pass()
  })
  let { log, until } = open(url)
  await until(/closed/)
  expect(log).toEqual(['opened', 'closed 1006 empty answers'])
  expect(bodies.filter(isDown)).toHaveLength(3)
})

test('a portal that steps in later ends the connection', async () => {
  let isPortal = false
  let { url, bodies } = await behind(({ response, pass }) => {
    if (isPortal) response.writeHead(200, { 'content-type': 'text/html' }).end('<html>Please log in</html>')
    else return pass()
  })
  let { log, link, until } = open(url)
  await until(/opened/)
  link.send(hello)
  await until(/welcome/)
  isPortal = true
  let before = bodies.length
  link.send('ping')
  await until(/closed/)
  expect(log.at(-1)).toBe('closed 1006 HTTP 200')
  expect(bodies.length - before).toBeLessThan(4)
})

test('a message that the server does not take ends the connection with 1009', async () => {
  let { url } = await behind(({ pass }) => pass())
  let { log, link, until } = open(url)
  await until(/opened/)
  link.send(hello)
  await until(/welcome/)
  link.send('x'.repeat(300 * 1024))
  await until(/closed/)
  expect(log.at(-1)).toBe('closed 1009 HTTP 413')
})

test('[W12] where a page is from reaches the authentication', async () => {
  let seen: unknown[] = []
  let server = await createRealtimeServer({
    host: '127.0.0.1',
    authenticate({ user = '', peer }) {
      seen.push(peer)
      return { user }
    }
  })
  cleanups.push(() => server.close())
  let origin = { origin: 'https://app.example', 'user-agent': 'test' }
  let post = (body: string): Promise<Response> =>
    fetch(`http://127.0.0.1:${server.port}/`, { method: 'POST', body, headers: origin })
  let { id } = (await (await post('{"open":1}')).json()) as { id: string }
  expect((await post(`{"id":"${id}","from":1}\n${hello}`)).status).toBe(204)
  expect(seen).toEqual([{ ip: '127.0.0.1', userAgent: 'test', origin: 'https://app.example', cookie: undefined }])
})

test('[W11] on a server of somebody else only POSTs to the one path are taken, also from listeners that came first', async () => {
  let heard: string[] = []
  let http = createServer((incoming, response) => {
    heard.push(`${incoming.method} ${incoming.url}`)
    response.end('page')
  })
  await new Promise<void>(resolve => http.listen(0, '127.0.0.1', resolve))
  cleanups.push(() => http.close())
  let server = await createRealtimeServer({ server: http })
  http.on('request', incoming => heard.push(`later ${incoming.method} ${incoming.url}`))
  let base = `http://127.0.0.1:${server.port}`
  let ask = async (path: string, method: string): Promise<string> =>
    (await fetch(base + path, { method, ...(method === 'POST' && { body: '{"open":1}' }) })).text()
  expect(await ask('/realtime', 'POST')).toContain('"id"')
  expect(await ask('/realtime?v=1', 'POST')).toContain('"id"')
  for (let [path, method] of [
    ['/realtime', 'GET'],
    ['/realtime/', 'POST'],
    ['/', 'POST']
  ] as const)
    expect(await ask(path, method)).toBe('page')
  expect(heard).toEqual([
    'GET /realtime',
    'later GET /realtime',
    'POST /realtime/',
    'later POST /realtime/',
    'POST /',
    'later POST /'
  ])
  await server.close()
  expect(await ask('/realtime', 'POST')).toBe('page')
})

test('a server that closes says goodbye over HTTP too, and does not wait for those who ask nothing', async () => {
  let server = await createRealtimeServer({ host: '127.0.0.1' })
  let { log, link, until } = open(`ws://127.0.0.1:${server.port}/`)
  await until(/opened/)
  link.send(hello)
  await until(/welcome/)
  await fetch(`http://127.0.0.1:${server.port}/`, { method: 'POST', body: '{"open":1}' })
  let since = performance.now()
  await server.close('deploy')
  expect(performance.now() - since).toBeLessThan(4000)
  await until(/closed/)
  expect(log.at(-2)).toMatch(/"bye".*deploy/)
  expect(log.at(-1)).toBe('closed 4503 restart')
})

test('[L5] who asks for news and does not read them is ended, and nothing of it is left', async () => {
  let http = createServer()
  let sockets: Socket[] = []
  http.on('connection', socket => sockets.push(socket))
  await new Promise<void>(resolve => http.listen(0, '127.0.0.1', resolve))
  cleanups.push(() => http.close())
  let server = await createRealtimeServer({ server: http, path: '/', features: [board], limits: { highWater: 10_000 } })
  cleanups.push(() => server.close())
  let post = (body: string): Promise<Response> => fetch(`http://127.0.0.1:${server.port}/`, { method: 'POST', body })
  let { id } = (await (await post('{"open":1}')).json()) as { id: string }
  await post(`{"id":"${id}","from":1}\n${hello}\n[{"f":"join","ref":1,"room":"r"}]`)
  let socket = connect(server.port, '127.0.0.1')
  cleanups.push(() => socket.destroy())
  let body = `{"id":"${id}","after":0,"down":"stream"}`
  socket.write(`POST / HTTP/1.1\r\nhost: x\r\ncontent-length: ${body.length}\r\n\r\n${body}`)
  socket.pause()
  // What the kernel takes on both sides counts as read.
  for (let i = 0; server.hub.stats().connections > 0; i++) {
    if (i > 5000) throw new Error('it is never ended')
    server.hub.room('r').cast('board', 'note', { text: 'x'.repeat(50_000) }, { by: 'app', key: String(i) })
    await post(`{"id":"${id}","from":${i + 2}}\n[{"f":"ping","x":1}]`)
  }
  let reader = sockets.find(({ remotePort }) => remotePort === socket.localPort)
  expect(reader?.destroyed).toBe(false)
  await new Promise(resolve => reader?.once('close', resolve))
}, 30_000)

test('without HTTP a server answers POSTs like everything else', async () => {
  let server = await createRealtimeServer({ host: '127.0.0.1', http: false })
  cleanups.push(() => server.close())
  let { log, until } = open(`ws://127.0.0.1:${server.port}/`)
  await until(/closed/)
  expect(log).toHaveLength(1)
})

test('events are read from pieces of any size', () => {
  let stream =
    ':  padding\n\nevent: ready\ndata: 1\n\nid: 1\ndata: [{"x":": \u2028ä🫀"}]\n\nid: 2\ndata: pong\n\nevent: close\ndata: {"code":1}\n\n'
  let expected = [
    ['ready', '', '1'],
    ['message', '1', '[{"x":": \u2028ä🫀"}]'],
    ['message', '2', 'pong'],
    ['close', '', '{"code":1}']
  ]
  for (let size = 1; size <= stream.length; size++) {
    let events: StreamEvent[] = []
    let parse = createEventParser(event => events.push(event))
    for (let at = 0; at < stream.length; at += size) parse(stream.slice(at, at + size))
    expect(events.map(({ event, id, data }) => [event, id, data])).toEqual(expected)
  }
})
