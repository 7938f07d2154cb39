// The other side of the benchmarks, in a process of its own: the real server twice (memory, SQLite file), a plain WebSocket
// server that echoes, and the orders of run.mjs.

import { once } from 'node:events'
import process from 'node:process'
import { setImmediate } from 'node:timers/promises'
import { WebSocket, WebSocketServer } from 'ws'
import { createServer, createSqliteStorage } from '../dist/server/node.js'
import { ticks } from './feature.mjs'

let messages = 0
let send = WebSocket.prototype.send
WebSocket.prototype.send = function (...args) {
  messages++
  return send.apply(this, args)
}

let options = { features: [ticks], host: '127.0.0.1' }
let memory = await createServer(options)
let storage = process.env.DATABASE ? openStorage(process.env.DATABASE) : null
let disk = storage && (await createServer({ ...options, storage }))

let raw = new WebSocketServer({ port: 0, host: '127.0.0.1', perMessageDeflate: false })
await once(raw, 'listening')
raw.on('connection', socket => {
  // What an echo costs that reads what it answers.
  socket.on('message', data => socket.send(JSON.stringify([JSON.parse(String(data))])))
})

function openStorage(file) {
  try {
    return createSqliteStorage({ file })
  } catch {
    return null
  }
}

/** One event as it goes over the wire, so that both sides parse the same text. */
function frame(room, offset, value) {
  return {
    f: 'event',
    room,
    offset,
    feature: 'ticks',
    type: 'tick',
    data: { value },
    id: offset.toString(16).padStart(32, '0'),
    by: 'server',
    at: Date.now()
  }
}

let orders = {
  /** Sends `count` events to a room, `group` of them in each turn. */
  async ours({ room, count, group }) {
    let target = memory.hub.room(room)
    for (let sent = 0; sent < count; sent += group) {
      await Promise.all(
        Array.from({ length: group }, (_, i) => target.push('ticks', 'tick', { value: sent + i }, { by: 'server' }))
      )
      await setImmediate()
    }
  },
  /** The same as plain messages of `group` events each. */
  async plain({ room, count, group }) {
    let [socket] = raw.clients
    for (let sent = 0; sent < count; sent += group) {
      let frames = Array.from({ length: group }, (_, i) => frame(room, sent + i + 1, sent + i))
      socket.send(JSON.stringify(frames))
      await setImmediate()
    }
  }
}

process.on('message', async ({ id, name, args }) => {
  let before = messages
  await orders[name](args)
  process.send({ id, messages: messages - before })
})
process.on('disconnect', () => process.exit())
process.send({
  memory: `ws://127.0.0.1:${memory.port}/`,
  disk: disk && `ws://127.0.0.1:${disk.port}/`,
  raw: `ws://127.0.0.1:${raw.address().port}/`
})
