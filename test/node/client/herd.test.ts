// A hundred clients that lose their server together: they come back one by one, whether it said goodbye, died, or stayed away
// until everybody's back-off had grown.

import { expect, test } from 'vitest'
import type { Device } from '../../../src/testing/device.js'
import { createWorld, type World } from '../../../src/testing/world.js'
import { board, useBoard } from './world.js'

const CLIENTS = 100
/** Of a hundred, in any 100 ms. */
const MOST = 10

interface Herd {
  readonly world: World
  readonly devices: readonly Device[]
  /** When attempts were made and welcomes came, since the last `forget`. */
  readonly attempts: { at: number; client: number }[]
  readonly returns: number[]
  online(): number
  forget(): void
}

/** A hundred people in one room, so that all of them hear the server for the last time at the same moment. */
async function createHerd(seed: number, age: number): Promise<Herd> {
  let world = createWorld({ features: [board], seed })
  let attempts: Herd['attempts'] = []
  let returns: number[] = []
  let devices = Array.from({ length: CLIENTS }, () => world.device())
  let tabs = devices.map((device, client) => {
    let { connect } = device.page().ports
    let tab = device.open(`user-${client}`, {
      ports: {
        connect(url, sink) {
          attempts.push({ at: world.clock.mono(), client })
          return connect(url, sink)
        }
      }
    })
    tab.client.on('connected', () => void returns.push(world.clock.mono()))
    return tab
  })
  for (let tab of tabs) tab.client.connect()
  await world.advance(age)
  let rooms = tabs.slice(0, 1).map(tab => useBoard(tab))
  for (let tab of tabs) useBoard(tab)
  await world.advance(2000)
  rooms[0]?.note('everybody hears this')
  await world.advance(100)
  return {
    world,
    devices,
    attempts,
    returns,
    online: () => tabs.filter(tab => tab.client.$connection.get().phase === 'online').length,
    forget() {
      attempts.length = 0
      returns.length = 0
    }
  }
}

/** The most of these times that lie within any 100 ms. */
function densest(times: readonly number[]): number {
  let sorted = [...times].sort((a, b) => a - b)
  return Math.max(...sorted.map((from, i) => sorted.slice(i).filter(at => at < from + 100).length))
}

let firstOf = (attempts: Herd['attempts']): number[] => [
  ...new Map(attempts.toReversed().map(({ client, at }) => [client, at])).values()
]

test.each(
  [1, 2, 3].flatMap(seed =>
    (['a goodbye', 'a crash', 'a crash of 1 s', 'a crash of 30 s', 'a young server', 'silence'] as const).map(
      kind => [seed, kind] as const
    )
  )
)(
  'seed %i: a hundred clients return from %s, and no 100 ms hold more than ten',
  { timeout: 60_000 },
  async (seed, kind) => {
    let { world, devices, attempts, returns, online, forget } = await createHerd(
      seed,
      kind === 'a young server' ? 3000 : 60_000
    )
    expect(online()).toBe(CLIENTS)
    forget()
    let from = world.clock.mono()
    if (kind === 'a goodbye') await world.server.restart()
    else if (kind === 'a young server') {
      world.server.crash()
      world.server.start()
    } else if (kind === 'silence') {
      // The cable between all of them and the machine is gone: nobody is told.
      for (let device of devices) device.network.halfOpen()
    } else {
      world.server.crash()
      let [, seconds = '0'] = /(\d+) s/.exec(kind) ?? []
      await world.advance(Number(seconds) * 1000)
      world.server.start()
    }
    let up = world.clock.mono()
    while (returns.length < CLIENTS) {
      await world.advance(50)
      expect(world.clock.mono() - up, `seed ${seed}: everybody is back`).toBeLessThan(31_000)
    }
    expect(returns).toHaveLength(CLIENTS)
    let first = firstOf(attempts)
    expect(first).toHaveLength(CLIENTS)
    expect(Math.max(...first) - from).toBeLessThan(kind === 'silence' ? 20_000 : 5200)
    expect(densest(first), `seed ${seed}: first attempts`).toBeLessThanOrEqual(MOST)
    expect(densest(returns), `seed ${seed}: returns`).toBeLessThanOrEqual(MOST)
  }
)

test('a few return within a second', async () => {
  let world = createWorld({ features: [board] })
  let tabs = Array.from({ length: 10 }, (_, i) => world.device().open(`user-${i}`))
  for (let tab of tabs) tab.client.connect()
  await world.advance(40_000)
  world.server.crash()
  world.server.start()
  await world.advance(1100)
  expect(tabs.map(tab => tab.client.$connection.get().phase)).toEqual(tabs.map(() => 'online'))
})
