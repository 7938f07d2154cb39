// Priorities of a whole client at a whole server: what is critical overtakes whatever waits, and nothing waits for ever.

import { expect, test } from 'vitest'
import { defineFeature, durable, type Lane } from '../../../src/feature.js'
import { integer, object } from '../../../src/schema.js'
import { createWorld } from '../../../src/testing/index.js'

let lanes = defineFeature({
  name: 'lanes',
  version: 1,
  events: {
    critical: durable(object({ i: integer() }), { lane: 'critical' }),
    high: durable(object({ i: integer() }), { lane: 'high' }),
    normal: durable(object({ i: integer() })),
    bulk: durable(object({ i: integer() }), { lane: 'bulk' })
  },
  initial: { critical: 0, high: 0, normal: 0, bulk: 0, faults: 0, overtaken: [] as readonly number[] },
  reduce: {
    // How many of the others were there before it.
    critical: (state, { i }) => ({
      ...state,
      critical: state.critical + 1,
      faults: state.faults + (i === state.critical ? 0 : 1),
      overtaken: [...state.overtaken, state.normal + state.bulk].slice(-10)
    }),
    high: (state, { i }) => ({ ...state, high: i + 1, faults: state.faults + (i === state.high ? 0 : 1) }),
    normal: (state, { i }) => ({ ...state, normal: i + 1, faults: state.faults + (i === state.normal ? 0 : 1) }),
    bulk: (state, { i }) => ({ ...state, bulk: i + 1, faults: state.faults + (i === state.bulk ? 0 : 1) })
  },
  commands: {
    say: (_, lane: Lane, i: number) => ({ type: lane, data: { i } })
  }
})

async function open(window: number) {
  let world = createWorld({
    features: [lanes],
    server: { limits: { window: { count: window, bytes: 128 * 1024 } } }
  })
  let { client } = world.device().open('ann')
  let { $state, say } = client.room('r').use(lanes)
  client.connect()
  await world.advance(1000)
  expect(client.$connection.get().phase).toBe('online')
  let confirmed = () => world.server.hub.room('r').state(lanes)
  return { ...world, client, $state, say, confirmed }
}

test('a critical action overtakes 5,000 that wait: before it is only what was in the window', async () => {
  let { say, confirmed, advance } = await open(256)
  for (let i = 0; i < 2500; i++) {
    say('bulk', i)
    say('normal', i)
  }
  await advance(100)
  let before = await confirmed()
  expect(before.normal + before.bulk).toBeLessThan(2000)
  let acked = 0
  say('critical', 0).acked.then(() => acked++)
  // A way to the server and back, and one turn of the window before it.
  await advance(150)
  expect(acked).toBe(1)
  await advance(20_000)
  let { overtaken, ...after } = await confirmed()
  expect(after).toEqual({ critical: 1, high: 0, normal: 2500, bulk: 2500, faults: 0 })
  expect((overtaken[0] as number) - (before.normal + before.bulk)).toBeLessThanOrEqual(3 * 256)
}, 30_000)

test('what never ends starves nobody: each lower lane has one turn in 24', async () => {
  let { say, confirmed, advance, client } = await open(8)
  let counts = { critical: 0, high: 0, normal: 0, bulk: 0 }
  // Some 200 a second pass; twice as many critical ones come, and bulk ones besides.
  for (let ms = 0; ms < 4000; ms += 20) {
    for (let i = 0; i < 8; i++) say('critical', counts.critical++)
    say('bulk', counts.bulk++)
    if (ms % 400 === 0) for (let lane of ['high', 'normal'] as const) say(lane, counts[lane]++)
    await advance(20)
  }
  let { overtaken: _, ...at } = await confirmed()
  expect(at.faults).toBe(0)
  // A turn of each is 8 actions at most, and 25 turns pass in a second.
  expect(at.critical).toBeGreaterThan(400)
  expect(at.critical).toBeLessThan(counts.critical - 400)
  expect(at.bulk).toBeGreaterThan(20)
  expect(at.normal).toBeGreaterThan(5)
  expect(at.high).toBeGreaterThan(5)
  await advance(15_000)
  expect(client.$connection.get().pending.count).toBe(0)
  expect(await confirmed()).toMatchObject({ ...counts, faults: 0 })
}, 30_000)
