// Whoever may not be in a room any more hears and says nothing more there, from the moment at which the server's own code says so.

import { expect, test } from 'vitest'
import type { PolicyRequest } from '../../../src/server/policy.js'
import { createWorld as createClients } from '../../../src/testing/world.js'
import { createWorld, notes, pushOf } from './world.js'

function doors() {
  let banned = new Set<string>()
  return { banned, policy: ({ user, action }: PolicyRequest) => action !== 'join' || !banned.has(user) }
}

test('[A4] who is refused now is told to join again, and gets nothing without it; the others stay as they are', async () => {
  let { banned, policy } = doors()
  let world = createWorld({ features: [notes], policy })
  let [ann, bob] = [await world.join('ann'), await world.join('bob')]
  banned.add('bob')
  world.hub.room('r').rejoin('bob')
  await world.clock.settle()
  expect(bob.take('gap')).toEqual([{ f: 'gap', room: 'r', epoch: expect.any(String), offset: 0 }])
  expect(ann.take('gap')).toEqual([])

  // One that does not care: nothing of it is taken, nothing is told to it.
  bob.got.length = 0
  bob.send(
    pushOf(1),
    { f: 'cast', room: 'r', feature: 'notes', type: 'cursor', data: { x: '1' }, ttl: 5 },
    { f: 'presence', room: 'r', self: { status: 'online' }, sync: true },
    { f: 'fetch', ref: 9, room: 'r', limit: 10 }
  )
  ann.send(pushOf(1), { f: 'cast', room: 'r', feature: 'notes', type: 'cursor', data: { x: '2' }, ttl: 5 })
  await world.clock.pass(1000)
  expect(bob.got.map(frame => [frame.f, 'code' in frame && frame.code])).toEqual([
    ['nack', 'order'],
    ['nack', 'order']
  ])
  expect(ann.take('cast')).toEqual([])
  let state = world.hub.room('r').state(notes)
  await world.clock.settle()
  expect(await state).toMatchObject({ texts: [expect.any(String)] })
  // Its presence goes as after a broken connection.
  expect(Object.values(world.hub.room('r').members()).map(({ user }) => user)).toEqual(['ann', 'bob'])
  await world.clock.pass(10_000)
  expect(Object.values(world.hub.room('r').members()).map(({ user }) => user)).toEqual(['ann'])

  bob.send({ f: 'join', ref: 2, room: 'r' })
  await world.clock.settle()
  expect(bob.last('nack')).toMatchObject({ ref: 2, code: 'forbidden', final: true })
})

test('a join that was allowed before and is under way is asked anew as well', async () => {
  let { banned, policy } = doors()
  let world = createWorld({ features: [notes], policy })
  let [ann, bob] = [await world.join('ann'), await world.enter('bob')]
  bob.send({ f: 'join', ref: 1, room: 'r' })
  banned.add('bob')
  world.hub.room('r').rejoin()
  ann.send({ f: 'join', ref: 2, room: 'r' })
  await world.clock.settle()
  expect(bob.take('gap')).toHaveLength(1)
  ann.send({ f: 'join', ref: 3, room: 'r' })
  await world.clock.settle()
  ann.send(pushOf(1))
  await world.clock.settle()
  expect(ann.take('event')).toHaveLength(1)
  expect(bob.take('event')).toEqual([])
})

test('a client that may stay goes on without a seam, one that may not shows that it was refused', async () => {
  let { banned, policy } = doors()
  let world = createClients({ features: [notes], server: { policy } })
  let open = (user: string) => {
    let { client } = world.device().openTab(user)
    let room = client.room('r')
    let handle = room.use(notes)
    client.connect()
    return { room, texts: () => handle.$state.get().texts }
  }
  let [ann, bob] = [open('ann'), open('bob')]
  await world.advance(1000)
  let { hub } = world.server
  await hub.room('r').push(notes, 'add', { text: 'for both' }, { by: 'x' })
  banned.add('bob')
  hub.room('r').rejoin()
  await hub.room('r').push(notes, 'add', { text: 'for Ann' }, { by: 'x' })
  await world.advance(1000)
  expect(ann.texts()).toEqual(['for both', 'for Ann'])
  expect(ann.room.$status.get()).toMatchObject({ stale: false, refused: null, recovered: 'all' })
  expect(bob.texts()).toEqual(['for both'])
  expect(bob.room.$status.get()).toMatchObject({ stale: true, refused: 'forbidden' })
})
