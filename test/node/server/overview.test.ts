// What the app's own code sees of the whole server: who is connected, and what was counted.

import { expect, test } from 'vitest'
import { createWorld, notes, pushOf } from './world.js'

const START = 1_700_000_000_000

test('sessions name who is connected, since when and in which rooms', async () => {
  let world = createWorld()
  world.connect() // says nothing
  let ann = await world.join('ann', 'r', { hello: { platform: 'web' } })
  await world.clock.pass(1000)
  let bob = await world.enter('bob', { app: 'other' })
  ann.send({ f: 'join', ref: 2, room: 's' }, { f: 'join', ref: 3, room: 'silent', only: true })
  await world.clock.settle()
  let { sid } = ann.last('welcome')
  expect(world.hub.sessions()).toEqual([
    { sid, user: 'ann', app: 'test', platform: 'web', since: START, rooms: ['r', 's'] },
    { sid: bob.last('welcome').sid, user: 'bob', app: 'other', platform: null, since: START + 1000, rooms: [] }
  ])

  ann.send({ f: 'leave', room: 'r' })
  bob.drop()
  await world.clock.settle()
  expect(world.hub.sessions()).toMatchObject([{ user: 'ann', rooms: ['s'] }])
  ann.drop()
  expect(world.hub.sessions()).toEqual([])
})

test('a refused join is no room of a session; one that comes back keeps its id and begins anew', async () => {
  let world = createWorld({ policy: ({ room }) => room !== 'secret' })
  let ann = await world.join('ann', 'secret')
  expect(ann.last('nack').code).toBe('forbidden')
  let { sid } = ann.last('welcome')
  expect(world.hub.sessions()).toMatchObject([{ sid, rooms: [] }])
  ann.drop()
  await world.clock.pass(2000)
  await world.join('ann', 'r', { hello: { sid, gen: 2 } })
  expect(world.hub.sessions()).toMatchObject([{ sid, since: START + 2000, rooms: ['r'] }])
})

test('what passes is counted: frames, characters, events', async () => {
  let world = createWorld()
  let before = world.hub.stats()
  expect(before).toMatchObject({ framesIn: 0, bytesIn: 0, framesOut: 0, bytesOut: 0, events: 0, badFrames: 0 })
  let ann = await world.join('ann')
  let ben = await world.join('ben')
  ann.send(pushOf(1), pushOf(2), pushOf(3, { id: 'id-1' }), pushOf(4, { feature: 'nothing' }))
  let pushed = world.hub.room('r').push(notes, 'add', { text: 'of the app' }, { by: 'app' })
  await world.clock.settle()
  await pushed
  let stats = world.hub.stats()
  // Of five pushes one was known before, and one refused.
  expect(stats).toMatchObject({ framesIn: 2 + 2 + 4, events: 3, badFrames: 0 })
  expect(stats.framesOut).toBe(ann.got.length + ben.got.length)
  expect(stats.bytesOut).toBe([...ann.messages, ...ben.messages].join('').length)
  let text = JSON.stringify([{ f: 'ping', x: 1 }])
  ann.text(text)
  expect(world.hub.stats().bytesIn - stats.bytesIn).toBe(text.length)
})
