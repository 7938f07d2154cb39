// Text to frames and back: everything good comes through, nothing bad throws.

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { byteLength, decode, encodeFrame, joinFrames, packFrames } from '../../../src/protocol/codec.js'
import { type Frame, type FrameName, frames } from '../../../src/protocol/frames.js'

let push: Frame = {
  f: 'push',
  room: 'r',
  lane: 'normal',
  n: 1,
  prev: 0,
  id: 'i',
  feature: 'notes',
  type: 'add',
  data: { text: 'ä😀\u2028"\\' }
}

test('[F1] a message is a list of frames; unknown names and fields are ignored', () => {
  let more = { ...push, invented: true }
  expect(decode(joinFrames([encodeFrame(push), '{"f":"invented","x":1}', JSON.stringify(more)]))).toEqual({
    frames: [push, more],
    bad: []
  })
  expect(decode('[]')).toEqual({ frames: [], bad: [] })
})

test.each([
  ['', 'the message is not JSON'],
  ['{', 'the message is not JSON'],
  ['ping', 'the message is not JSON'],
  ['{"f":"ping","x":1}', 'the message is not a list of frames'],
  ['"x"', 'the message is not a list of frames'],
  ['null', 'the message is not a list of frames'],
  ['[null]', 'a frame has no name'],
  ['[7]', 'a frame has no name'],
  ['[[]]', 'a frame has no name'],
  ['[{"f":7}]', 'a frame has no name'],
  ['[{"x":1}]', 'a frame has no name'],
  ['[{"f":"leave"}]', 'leave.room must be a string of 1 to 256 characters'],
  ['[{"f":"leave","room":""}]', 'leave.room must be'],
  ['[{"f":"ping","x":"1"}]', 'ping.x must be a finite number'],
  ['[{"f":"ping","x":1,"rooms":{"__proto__":["e",1]}}]', 'ping.rooms has a key'],
  ['[{"f":"event","room":"r","offset":1.5}]', 'event.offset must be a whole number'],
  ['[{"f":"joined","ref":1,"room":"r","epoch":"e","offset":1,"recovered":"maybe"}]', 'joined.recovered must be one of'],
  ['[["f","ping"]]', 'a frame has no name']
])('[F2] %s: %s', (text, message) => {
  expect(decode(text)).toEqual({ frames: [], bad: [expect.stringContaining(message)] })
})

test.each(['toString', 'constructor', '__proto__', 'hasOwnProperty'])(
  '[F1] a frame named %s is an unknown one',
  name => {
    expect(decode(JSON.stringify([{ f: name }]))).toEqual({ frames: [], bad: [] })
  }
)

test('[F2] the good frames of a message with bad ones count', () => {
  let text = joinFrames(['{"f":"leave"}', encodeFrame(push), 'null'])
  expect(decode(text)).toEqual({ frames: [push], bad: [expect.any(String), expect.any(String)] })
})

test('[F2] no text whatever throws', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.json(), fc.string({ unit: 'binary' })), text => {
      let { frames, bad } = decode(text)
      expect(Array.isArray(frames) && Array.isArray(bad)).toBe(true)
    }),
    { numRuns: 1000, seed: 1 }
  )
})

test('[F2] neither does any frame with fields of any kind', () => {
  let names = Object.keys(frames) as FrameName[]
  let frame = fc.tuple(
    fc.constantFrom(...names),
    fc.dictionary(fc.string(), fc.jsonValue()),
    fc.infiniteStream(fc.jsonValue())
  )
  fc.assert(
    fc.property(frame, ([name, extra, values]) => {
      let fields = Object.keys(frames[name].fields ?? {})
      let item = { ...extra, f: name, ...Object.fromEntries(fields.map(field => [field, values.next().value])) }
      let { frames: good, bad } = decode(JSON.stringify([item]))
      expect(good.length + bad.length).toBe(1)
    }),
    { numRuns: 1000, seed: 1 }
  )
})

test('[F2] nor one that is nested beyond reason', () => {
  let text = `[{"f":"event","room":"r","offset":1,"feature":"a","type":"b","id":"i","by":"u","at":1,"data":${'['.repeat(50_000)}${']'.repeat(50_000)}}]`
  expect(decode(text).frames).toHaveLength(1)
})

test('bytes are counted as UTF-8 has them', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), text => {
      expect(byteLength(text)).toBe(new TextEncoder().encode(text).length)
    }),
    { seed: 1 }
  )
})

test('[F6] packing keeps order and everything, in messages that fit; what is larger alone goes alone', () => {
  let texts = fc.array(fc.string({ unit: 'grapheme', maxLength: 60 }), { maxLength: 30 })
  fc.assert(
    fc.property(texts, fc.integer({ min: 20, max: 300 }), (list, max) => {
      let encoded = list.map(text => JSON.stringify(text))
      let messages = packFrames(encoded, max)
      expect(messages.flatMap(message => JSON.parse(message) as string[])).toEqual(list)
      for (let message of messages) {
        if (byteLength(message) > max) expect((JSON.parse(message) as string[]).length).toBe(1)
      }
    }),
    { numRuns: 300, seed: 1 }
  )
})
