// Volatile events of whole clients: what they cost the wire and the page, and that the newest always comes.

import { expect, test } from 'vitest'
import { createRealtime } from '../../../src/client.js'
import { defineFeature, durable, volatile } from '../../../src/feature.js'
import { number, object, string } from '../../../src/schema.js'
import { createWorld } from '../../../src/testing/index.js'

let pointer = defineFeature({
  name: 'pointer',
  version: 1,
  events: {
    at: volatile(object({ of: string(), x: number() }), { rate: 20, key: ({ of }) => of }),
    fast: volatile(object({ x: number() }), { rate: Infinity }),
    slow: volatile(object({ x: number() }), { rate: 0.5 }),
    pinned: durable(object({ x: number() }))
  },
  initial: { at: {} as Readonly<Record<string, number>>, fast: -1, pinned: 0 },
  reduce: {
    at: (state, { of, x }) => ({ ...state, at: { ...state.at, [of]: x } }),
    fast: (state, { x }) => ({ ...state, fast: x }),
    slow: state => state,
    pinned: (state, { x }) => ({ ...state, pinned: x })
  },
  commands: {
    point: (_, of: string, x: number) => ({ type: 'at', data: { of, x } }),
    rush: (_, x: number) => ({ type: 'fast', data: { x } }),
    crawl: (_, x: number) => ({ type: 'slow', data: { x } })
  }
})

async function open() {
  let world = createWorld({ features: [pointer] })
  let enter = async (user: string) => {
    let device = world.device()
    let tab = device.open(user)
    let room = tab.client.room('r')
    let handle = room.use(pointer)
    tab.client.connect()
    await world.clock.advance(1000)
    expect(tab.client.$connection.get().phase).toBe('online')
    return {
      device,
      tab,
      room,
      ...handle,
      casts: () => tab.client.$connection.get().casts,
      state: () => handle.$state.get()
    }
  }
  let ann = await enter('ann')
  let bob = await enter('bob')
  return { ...world, ann, bob, hub: world.server.hub }
}

test('[C7] a client sends the first sample at once, then the newest of each gap, and the last one', async () => {
  let { clock, hub, ann, bob } = await open()
  let stages: string[] = []
  for (let i = 0; i < 1000; i++) {
    void ann.point('a', i).then(({ stage }) => stages.push(stage))
    // One's own is shown at once, whatever is sent.
    expect(ann.state().at).toEqual({ a: i })
    await clock.advance(1)
  }
  await clock.advance(10_000)
  // A second with its both ends: what passes at the end of the last gap is the last sample.
  expect(stages.filter(stage => stage === 'sent')).toHaveLength(21)
  expect(stages.filter(stage => stage === 'dropped')).toHaveLength(979)
  expect(hub.stats()).toMatchObject({ castsIn: 21, castsOut: 21, castsConflated: 0 })
  expect(ann.device.network.sentOf('cast').map(({ at }) => at)).toHaveLength(21)
  expect(ann.casts()).toEqual({ sent: 21, conflated: 979, received: 0, painted: 0 })
  expect(bob.casts()).toEqual({ sent: 0, conflated: 0, received: 21, painted: 21 })
  expect(bob.state().at).toEqual({ a: 999 })
})

test('[C7] many keys travel in one message', async () => {
  let { clock, ann, bob } = await open()
  let before = ann.device.network.sent.length
  for (let i = 0; i < 1000; i++) {
    for (let of of ['a', 'b', 'c', 'd', 'e']) ann.point(of, i)
    await clock.advance(1)
  }
  await clock.advance(10_000)
  expect(bob.casts().received).toBe(5 * 21)
  expect(bob.casts().painted).toBe(21)
  expect(ann.device.network.sent.length - before).toBeLessThan(5 * 21 + 10)
  expect(bob.state().at).toEqual({ a: 999, b: 999, c: 999, d: 999, e: 999 })
})

test('what comes in faster than the screen is painted once a frame; a hidden page is told at once', async () => {
  let { clock, hub, ann, bob } = await open()
  let paints = 0
  bob.$state.listen(() => void paints++)
  // One each millisecond for a second: frames of this world are 16 ms apart.
  for (let i = 0; i < 1000; i++) {
    hub.room('r').cast(pointer, 'fast', { x: i }, { by: 'app' })
    await clock.advance(1)
  }
  await clock.advance(100)
  expect(bob.state().fast).toBe(999)
  expect(paints).toBeGreaterThan(50)
  expect(paints).toBeLessThanOrEqual(1000 / 16 + 1)
  await clock.advance(10_000)
  expect(bob.casts()).toMatchObject({ received: 1000, painted: paints })

  ann.tab.page('hidden')
  hub.room('r').cast(pointer, 'fast', { x: 1000 }, { by: 'app' })
  // The network takes 20 ms, and no frame is waited for.
  await clock.advance(20)
  expect(ann.state().fast).toBe(1000)
  expect(bob.state().fast).toBe(999)
  await clock.advance(16)
  expect(bob.state().fast).toBe(1000)
})

test('a page that gets no frames is painted all the same', async () => {
  let { clock, hub, device } = await open()
  let { ports } = device().page()
  let page = { ...(ports.page as NonNullable<typeof ports.page>), frame: () => () => {} }
  let cid = createRealtime({ url: 'wss://world.test/', app: 'app', user: 'cid', ports: { ...ports, page } })
  let { $state } = cid.room('r').use(pointer)
  cid.connect()
  await clock.advance(1000)
  hub.room('r').cast(pointer, 'fast', { x: 7 }, { by: 'app' })
  await clock.advance(400)
  expect($state.get().fast).toBe(7)
})

test('a stored event paints at once what waits for a frame', async () => {
  let { clock, bob, hub } = await open()
  hub.room('r').cast(pointer, 'fast', { x: 1 }, { by: 'app' })
  await clock.advance(20)
  expect(bob.state().fast).toBe(-1)
  bob.device.network.inject({
    f: 'event',
    room: 'r',
    offset: 1,
    feature: 'pointer',
    type: 'pinned',
    data: { x: 5 },
    id: 'e',
    by: 'app',
    at: 1
  })
  await clock.settle()
  expect(bob.state()).toMatchObject({ fast: 1, pinned: 5 })
})

test('what waits in a gap is dropped with its connection, and with its room', async () => {
  let { clock, ann, bob } = await open()
  ann.point('a', 1)
  await clock.advance(10)
  let waiting = ann.point('a', 2)
  ann.device.network.cut()
  await clock.advance(1)
  let late = ann.point('a', 3)
  expect(await late).toMatchObject({ stage: 'dropped' })
  await clock.advance(100)
  expect(await waiting).toMatchObject({ stage: 'dropped' })
  ann.device.network.heal()
  await clock.advance(15_000)
  expect(bob.state().at).toEqual({ a: 1 })

  expect(await ann.crawl(1)).toMatchObject({ stage: 'sent' })
  let left = ann.crawl(2)
  ann.room.leave()
  await clock.advance(5000)
  expect(await left).toMatchObject({ stage: 'dropped' })
  expect(ann.device.network.sentOf('cast').filter(({ type }) => type === 'slow')).toHaveLength(1)
})

test('rates that are none are refused where they are written', () => {
  for (let rate of [0, -1, Number.NaN]) {
    expect(() => volatile(object({}), { rate })).toThrow(/rate must be above 0/)
  }
})
