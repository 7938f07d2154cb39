// The wire as it is written down in test/wire: one file of examples per frame, what is bad, and one whole conversation.

import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { decode, encodeFrame, joinFrames } from '../../src/protocol/codec.js'
import { type Frame, frames, PROTOCOL_VERSION } from '../../src/protocol/frames.js'
import type { Schema } from '../../src/schema.js'
import { createWorld, pushOf } from './server/world.js'

let folder = join(import.meta.dirname, '../wire')
let read = (name: string) => JSON.parse(readFileSync(join(folder, name), 'utf8')) as unknown

test('[F1] every frame has examples, and they are read and written as they are', () => {
  let files = readdirSync(folder).filter(name => name.endsWith('.json'))
  let names = files.map(name => name.slice(0, -5)).filter(name => name !== 'bad' && name !== 'version')
  expect(names.sort()).toEqual(Object.keys(frames).sort())
  for (let name of names) {
    let examples = read(`${name}.json`) as Frame[]
    expect(decode(JSON.stringify(examples))).toEqual({ frames: examples, bad: [] })
    expect(joinFrames(examples.map(encodeFrame))).toBe(JSON.stringify(examples))
    expect(examples.every(({ f }) => f === name)).toBe(true)
  }
})

test('[F2] what is bad is refused with a reason', () => {
  for (let text of read('bad.json') as string[]) {
    let { frames, bad } = decode(text)
    expect({ text, frames: frames.length, bad: bad.length }).toEqual({ text, frames: 0, bad: 1 })
  }
})

function shapeOf(schema: Schema<unknown>): unknown {
  if (!schema.fields) return schema.describe
  return Object.fromEntries(Object.entries(schema.fields).map(([name, field]) => [name, shapeOf(field)]))
}

test('[F8] frames change only with the version, or so that older peers do not notice', () => {
  let shapes = Object.fromEntries(Object.entries(frames).map(([name, schema]) => [name, shapeOf(schema)]))
  let hash = createHash('sha256').update(JSON.stringify(shapes)).digest('hex').slice(0, 16)
  let now = { version: PROTOCOL_VERSION, shapes: hash }
  let advice = `The frames are not what test/wire/version.json says. When an older peer can ignore the change (a new frame, a
new optional field), add an example of it to test/wire and write ${JSON.stringify(now)} into version.json. Otherwise raise
PROTOCOL_VERSION as well and say in SPEC.md what is different.`
  expect(read('version.json'), advice).toEqual(now)
})

test('[F8] a conversation goes as it was recorded', async () => {
  let world = createWorld()
  let log: string[] = []
  let [ann, bob] = [world.connect(), world.connect()]
  let told = { ann: 0, bob: 0 }
  async function say(name: 'ann' | 'bob', ...said: Frame[]) {
    let peers = { ann, bob }
    log.push(`${name} > ${JSON.stringify(said)}`)
    peers[name].send(...said)
    await world.clock.settle()
    for (let who of ['ann', 'bob'] as const) {
      for (let message of peers[who].messages.slice(told[who])) log.push(`${who} < ${message}`)
      told[who] = peers[who].messages.length
    }
  }
  await say('ann', { f: 'hello', v: 1, app: 'demo', cid: 'cid-ann', gen: 1, user: 'ann', platform: 'web' })
  await say('ann', { f: 'join', ref: 1, room: 'r', presence: { mood: 'fine' } })
  await say('ann', pushOf(1), pushOf(2, { type: 'nope' }), pushOf(3, { kid: 'k' }))
  await say('bob', { f: 'hello', v: 1, app: 'demo', cid: 'cid-bob', gen: 1, user: 'bob' })
  await say('bob', { f: 'join', ref: 1, room: 'r' })
  await say('bob', { f: 'cast', room: 'r', feature: 'notes', type: 'cursor', data: { x: '1' }, ttl: 5 })
  await say('bob', pushOf(1, { prev: 4, id: 'b1' }), pushOf(1, { id: 'b1', prev: 0 }))
  await say('bob', { f: 'fetch', ref: 2, room: 'r', limit: 1 }, { f: 'ping', x: 1 })
  await say('ann', { f: 'presence', room: 'r', self: { mood: 'better' } })
  await say('ann', { f: 'join', ref: 2, room: 'r', done: { normal: 2 }, only: true })
  await say('bob', { f: 'hello', v: 1, app: 'demo', cid: 'cid-bob', gen: 1 }, { f: 'leave', room: 'r' })
  await expect(`${log.join('\n')}\n`).toMatchFileSnapshot('../wire/conversation.txt')
})
