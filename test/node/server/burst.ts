// Pushes without end into a file and prints each ack; the test that starts it kills it.

import { writeSync } from 'node:fs'
import process from 'node:process'
import type { Frame } from '../../../src/protocol/frames.js'
import { createHub } from '../../../src/server/hub.js'
import { nodeClock, nodeRandom } from '../../../src/server/node.js'
import { createSqliteStorage } from '../../../src/server/storage/sqlite.js'
import { notes, pushOf } from './world.js'

let storage = createSqliteStorage({ file: process.argv[3] as string })
let hub = createHub({ features: [notes], storage, clock: nodeClock, random: nodeRandom })
let n = 0

let connection = hub.accept({
  send(text) {
    for (let frame of JSON.parse(text) as Frame[]) {
      if (frame.f === 'welcome') send({ f: 'join', ref: 1, room: 'r' })
      if (frame.f === 'joined') for (let i = 0; i < 64; i++) send(pushOf(++n))
      if (frame.f !== 'ack') continue
      writeSync(1, `${frame.id} ${frame.at}\n`)
      send(pushOf(++n, { done: frame.n }))
    }
  },
  close() {},
  buffered: () => 0
})
let send = (frame: Frame) => connection.receive(JSON.stringify([frame]))
send({ f: 'hello', v: 1, app: 'test', cid: 'cid-ann', gen: 1, user: 'ann' })
