// The queue of a room: nothing is lost or doubled by reordering, and what several people do at once comes out the same for all.

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { reduceEvent } from '../../../src/feature.js'
import { type QueueState, queue } from '../../../src/features/queue.js'
import { createWorld } from '../../../src/testing/world.js'

interface Happening {
  readonly type: string
  readonly data: unknown
}

const FILMS = ['alien', 'brazil', 'casablanca', 'dune', '__proto__']
let film = fc.constantFrom(...FILMS)
let place = fc.option(film)
let anyHappening: fc.Arbitrary<Happening> = fc.oneof(
  film.map(mediaId => ({ type: 'added', data: { mediaId, mediaTitle: mediaId } })),
  film.map(mediaId => ({ type: 'removed', data: { mediaId } })),
  { arbitrary: fc.record({ mediaId: film, before: place }).map(data => ({ type: 'moved', data })), weight: 4 },
  place.map(from => ({ type: 'advanced', data: { from } }))
)

function step(state: QueueState, { type, data }: Happening, i: number): QueueState {
  return reduceEvent(queue, state, type, data, { id: `e${i}`, actor: 'ann', at: i }, error => {
    throw error
  }) as QueueState
}
let run = (...history: readonly Happening[]) => history.reduce(step, queue.initial)
let ids = ({ items }: QueueState) => items.map(({ mediaId }) => mediaId)
let add = (...films: string[]) => films.map(mediaId => ({ type: 'added', data: { mediaId, mediaTitle: mediaId } }))
let move = (mediaId: string, before: string | null) => ({ type: 'moved', data: { mediaId, before } })

test('a title moves in front of another, or to the end', () => {
  expect(ids(run(...add('a', 'b', 'c'), move('c', 'a')))).toEqual(['c', 'a', 'b'])
  expect(ids(run(...add('a', 'b', 'c'), move('a', null)))).toEqual(['b', 'c', 'a'])
  expect(ids(run(...add('a', 'b', 'c'), move('a', 'c')))).toEqual(['b', 'a', 'c'])
  expect(ids(run(...add('a', 'b'), move('a', 'a')))).toEqual(['a', 'b'])
  expect(ids(run(...add('a', 'b'), move('a', 'gone')))).toEqual(['a', 'b'])
})

test('two who press «next» at once skip one title', () => {
  let next = { type: 'advanced', data: { from: null } }
  let state = run(...add('a', 'b'), next, next)
  expect([state.current?.mediaId, ids(state), state.played]).toEqual(['a', ['b'], 1])
  let end = [{ from: 'a' }, { from: 'b' }].map(data => ({ type: 'advanced', data })).reduce(step, state)
  expect([end.current, ids(end), end.played]).toEqual([null, [], 2])
})

test('whatever happens, moving neither loses nor doubles a title, and none is in the queue while it is on', () => {
  fc.assert(
    fc.property(fc.array(anyHappening, { maxLength: 60 }), history => {
      let state = queue.initial
      for (let [i, happening] of history.entries()) {
        let before = state
        state = step(state, happening, i)
        let now = ids(state)
        expect(new Set(now).size).toBe(now.length)
        expect(now).not.toContain(state.current?.mediaId)
        if (happening.type === 'moved') expect([...now].sort()).toEqual([...ids(before)].sort())
      }
    }),
    { numRuns: 200 }
  )
})

test('what several people do to the queue at once, some of them offline, comes out the same for all', async () => {
  let act = fc.record({
    who: fc.nat(2),
    pick: fc.nat(),
    to: fc.nat(5),
    kind: fc.constantFrom('move', 'move', 'move', 'remove', 'add', 'next'),
    cut: fc.boolean()
  })
  await fc.assert(
    fc.asyncProperty(
      fc.array(act, { minLength: 2, maxLength: 10 }),
      fc.integer({ min: 1, max: 1e6 }),
      async (acts, seed) => {
        let world = createWorld({ features: [queue], seed })
        for (let mediaId of FILMS.slice(0, 4))
          await world.server.hub.room('r').push(queue, 'added', { mediaId, mediaTitle: mediaId }, { by: 'host' })
        let people = ['ann', 'bob', 'cleo'].map(user => {
          let device = world.device()
          device.network.jitter = 80
          let { client } = device.openTab(user)
          client.connect()
          return { device, client, queue: client.room('r').use(queue) }
        })
        await world.advance(1000)
        for (let { who, pick, to, kind, cut } of acts) {
          let person = people[who] as (typeof people)[number]
          if (cut) person.device.goOffline()
          let { $state, moveInQueue, removeFromQueue, addToQueue, advanceQueue } = person.queue
          let { items } = $state.get()
          let item = items[pick % Math.max(1, items.length)]?.mediaId
          if (kind === 'next') advanceQueue()
          else if (kind === 'add') addToQueue(`new-${pick % 3}`, 'New')
          else if (item && kind === 'remove') removeFromQueue(item)
          else if (item) moveInQueue(item, items[to]?.mediaId ?? null)
          await world.advance(pick % 50)
        }
        for (let { device } of people) device.goOnline()
        await world.until(
          () =>
            people.every(({ client }) => {
              let { phase, pending } = client.$connection.get()
              return phase === 'online' && pending.count === 0
            }),
          { within: 60_000 }
        )
        await world.advance(1000)
        let state = await world.server.state('r', queue)
        for (let person of people) expect(person.queue.$state.get()).toEqual(state)
        expect(new Set(ids(state)).size).toBe(state.items.length)
      }
    ),
    { numRuns: 100 }
  )
}, 120_000)
