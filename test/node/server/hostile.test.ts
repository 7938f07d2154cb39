// Whatever comes: nothing is thrown, nothing moves, everything is counted. Seeded, so that a failure can be run again.

import { expect, test } from 'vitest'
import { frames } from '../../../src/protocol/frames.js'
import { createMemoryStorage } from '../../../src/server/storage/memory.js'
import { createWorld, pushOf } from './world.js'

/** A small generator of numbers in [0, 1): mulberry32. */
function randomOf(seed: number): () => number {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}

function anyValue(random: () => number, depth = 3): unknown {
  let pick = <T>(...choices: T[]) => choices[Math.floor(random() * choices.length)] as T
  let kind = Math.floor(random() * (depth > 0 ? 9 : 7))
  if (kind === 0) return pick(0, -1, 1, 0.5, 1e21, 2 ** 53, 7)
  if (kind === 1) return pick('', 'r', 'normal', 'notes', 'add', 'x'.repeat(300), '__proto__', '\ud800', '\0')
  if (kind === 2) return pick(true, false)
  if (kind === 3) return null
  if (kind === 4) return pick('id-1', 'cid-ann', 'ann')
  if (kind < 7) return pick<unknown>(1, 'r', [], {})
  if (kind === 7) return Array.from({ length: Math.floor(random() * 4) }, () => anyValue(random, depth - 1))
  let names = ['text', 'f', 'n', 'constructor', '__proto__', 'toString', 'length']
  return Object.fromEntries(names.filter(() => random() < 0.4).map(name => [name, anyValue(random, depth - 1)]))
}

/** A frame with the right fields and mostly wrong values. */
function frameOf(random: () => number): string {
  let names = [...Object.keys(frames), 'constructor', '__proto__', 'nope']
  let name = names[Math.floor(random() * names.length)] as string
  let fields = Object.hasOwn(frames, name) ? Object.keys(frames[name as keyof typeof frames].fields ?? {}) : ['a']
  let entries = fields.filter(() => random() < 0.9).map(field => [field, anyValue(random)] as const)
  return JSON.stringify({ f: name, ...Object.fromEntries(entries) })
}

function textOf(random: () => number): string {
  let frame = frameOf(random)
  let kind = random()
  if (kind < 0.6) return `[${frame}]`
  if (kind < 0.7) return frame
  if (kind < 0.8) return `[${frame}`.slice(0, Math.floor(random() * frame.length))
  if (kind < 0.9) return JSON.stringify(anyValue(random))
  return String.fromCharCode(...Array.from({ length: 20 }, () => Math.floor(random() * 65_536)))
}

test('[F2] garbage never throws and never moves a state', { timeout: 30_000 }, async () => {
  for (let seed = 1; seed <= 30; seed++) {
    let random = randomOf(seed)
    let storage = createMemoryStorage()
    let world = createWorld({ storage, limits: { badFrames: Infinity, window: { count: 100_000, bytes: 1e9 } } })
    let victim = await world.join('ann')
    let bob = await world.join('bob')
    victim.send(pushOf(1))
    bob.send(pushOf(1, { id: 'b1' }))
    await world.clock.settle()
    let before = await storage.open('r', '-')
    for (let i = 0; i < 300; i++) {
      let text = textOf(random)
      // The few garbled frames that happen to leave the room are allowed to.
      if (!text.includes('"f":"leave"')) victim.text(text)
      if (random() < 0.05) world.connect().text(textOf(random))
      if (random() < 0.02) await world.clock.settle()
    }
    await world.clock.settle()
    let after = await storage.open('r', '-')
    expect({ seed, offset: after.offset, epoch: after.epoch }).toEqual({
      seed,
      offset: before.offset,
      epoch: before.epoch
    })
    expect(world.hub.stats().badFrames).toBeGreaterThan(50)
    expect(world.reports.filter(code => code === 'turn-failed' || code === 'storage-failed')).toEqual([])
    bob.send(pushOf(2, { id: 'b2' }))
    await world.clock.settle()
    expect(bob.take('ack').at(-1)).toMatchObject({ n: 2, at: 3 })
  }
})

test('[F2] what is nested without end is refused, not stored', async () => {
  let world = createWorld()
  let ann = await world.join('ann')
  let deep = `${'['.repeat(50_000)}${']'.repeat(50_000)}`
  let push = JSON.stringify(pushOf(1, { type: 'blob', data: 'DEEP' })).replace('"DEEP"', deep)
  ann.text(`[${push}]`)
  ann.text(deep)
  await world.clock.settle()
  expect(ann.take('nack')).toMatchObject([{ n: 1, code: 'invalid', final: true }])
  ann.send(pushOf(2))
  await world.clock.settle()
  expect(ann.take('ack')).toMatchObject([{ n: 2, at: 1 }])
})

test('[F2] names of objects own nothing', async () => {
  let world = createWorld()
  let ann = await world.join('ann')
  let odd = ['__proto__', 'constructor', 'toString', 'hasOwnProperty']
  ann.send({ f: 'join', ref: 1, room: '__proto__' })
  expect(world.hub.stats().rooms).toBe(1)
  let rooms = odd.slice(1)
  for (let name of rooms) ann.send({ f: 'join', ref: 1, room: name, done: { [name]: 3 } })
  await world.clock.settle()
  expect(ann.take('joined').map(({ room }) => room)).toEqual(['r', ...rooms])
  expect(ann.take('nack')).toMatchObject([{ ref: 1, code: 'invalid', final: true }])
  let n = 0
  for (let name of odd) ann.send(pushOf(++n, { feature: name }), pushOf(++n, { type: name }))
  await world.clock.settle()
  expect(ann.take('nack').map(({ final }) => final)).toEqual(Array(8).fill(true))
  expect(world.reports).toEqual([])
})
