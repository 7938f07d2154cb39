// The real server as a program for end-to-end tests: `node realtime-server.mjs`, after a build.
//
// PORT: where to listen, 0 for anywhere; told as `{"port":N}`. DATABASE: a SQLite file; without it, memory.
// LIMITS: limits of the hub as JSON. REFUSE_WEBSOCKETS: no WebSocket opens, as behind a proxy that does not know them.
// WebSockets come to /realtime; a POST to any other path is an order of the test:
//   /push     [{ room, feature, type, data, by, key? }, …] → [{ offset, id }, …], pushed one after the other
//   /state    { room, feature } → its confirmed state
//   /members  { room } → who is here
//   /refuse   [{ text, code }, …] → from now on, exactly those actions whose data contain a text are refused with its code
//   /stats    {} → what the hub counts
//   /hellos   {} → when somebody said hello, by the clock of this machine, and by how much this process was late at most
//   /auth     { refuse?: [token], forbid?: [token], down?: true } → what authentication says from now on
//   /revoke   { user } → puts a user out
// AUTH: with it a token is «user:seconds it is good for»; without it the claimed user is believed.
// HANDLERS: a module whose `install(hub)` starts handlers, and may return further orders.
// It runs every feature of the package, and those of tally.mjs, lanes.mjs and pointer.mjs.

import { readdirSync } from 'node:fs'
import { createServer as createHttpServer } from 'node:http'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import * as stores from '../../dist/index.js'
import { createServer, createSqliteStorage, defaultPolicy, RealtimeError } from '../../dist/server/node.js'
import { lanesOf } from './lanes.mjs'
import { pointerOf } from './pointer.mjs'
import { tallyOf } from './tally.mjs'

let refused = []

function policy(request) {
  if (!defaultPolicy(request)) return false
  if (request.action !== 'push') return true
  let text = JSON.stringify(request.data)
  return refused.find(rule => text.includes(rule.text))?.code ?? true
}

let orders = {
  async push(events) {
    let results = []
    for (let { room, feature, type, data, by, key } of events) {
      results.push(await hub.room(room).push(feature, type, data, { by, ...(key && { key }) }))
    }
    return results
  },
  state: ({ room, feature }) => hub.room(room).state(feature),
  members: ({ room }) => hub.room(room).members(),
  refuse(rules) {
    refused = rules
  },
  stats: () => hub.stats(),
  hellos: () => ({ hellos, late }),
  auth(next) {
    auth = next
  },
  revoke: ({ user }) => hub.revoke({ user })
}

async function allFeatures() {
  let folder = new URL('../../dist/features/', import.meta.url)
  let files = readdirSync(folder).filter(name => name.endsWith('.js'))
  let modules = await Promise.all(files.map(name => import(new URL(name, folder).href)))
  let values = modules.flatMap(module => Object.values(module))
  return [...new Set(values)].filter(value => value?.reduce && value.events && value.commands && value.name)
}

let auth = {}
let hellos = []

function authenticate({ token = '', user }) {
  hellos.push(Date.now())
  if (auth.down) throw new Error('the identity service is down')
  if (!process.env.AUTH) return { user }
  if (auth.forbid?.includes(token)) throw new RealtimeError('forbidden', 'not for you')
  let [name, seconds] = token.split(':')
  if (!name || auth.refuse?.includes(token)) throw new RealtimeError('unauthorized', 'not this token')
  return { user: name, expiresIn: Number(seconds) }
}

let late = 0
let lastBeat = performance.now()
setInterval(() => {
  late = Math.max(late, performance.now() - lastBeat - 20)
  lastBeat = performance.now()
}, 20).unref()

let http = createHttpServer(async (request, response) => {
  let answer = (status, body) =>
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body ?? null))
  try {
    let text = ''
    for await (let chunk of request) text += chunk
    let order = orders[request.url.slice(1)]
    if (order) answer(200, await order(JSON.parse(text || 'null')))
    else answer(404, { error: `there is no order ${request.url}` })
  } catch (error) {
    answer(500, { error: String(error?.stack ?? error) })
  }
})
await new Promise(resolve => http.listen(Number(process.env.PORT ?? 0), '127.0.0.1', resolve))
let { hub, port } = await createServer({
  server: http,
  path: '/realtime',
  policy,
  authenticate,
  features: [...(await allFeatures()), tallyOf(stores), lanesOf(stores), pointerOf(stores)],
  limits: JSON.parse(process.env.LIMITS ?? '{}'),
  ...(process.env.DATABASE && { storage: createSqliteStorage({ file: process.env.DATABASE }) })
})
if (process.env.HANDLERS) {
  let { install } = await import(pathToFileURL(resolve(process.env.HANDLERS)).href)
  Object.assign(orders, await install(hub))
}
if (process.env.REFUSE_WEBSOCKETS) {
  http.removeAllListeners('upgrade')
  http.on('upgrade', (_, socket) => socket.end('HTTP/1.1 403 Forbidden\r\nconnection: close\r\n\r\n'))
}
console.log(JSON.stringify({ port }))
process.once('SIGTERM', () => process.exit())
