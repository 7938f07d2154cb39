// Networks that come and go without end, under a virtual clock: nothing is lost, doubled or out of order, nobody hammers, and
// what waited is there at once when it is over. A failing seed names itself.

import { expect, test } from 'vitest'
import { defineFeature, durable } from '../../../src/feature.js'
import { integer, object, string } from '../../../src/schema.js'
import { createSeededRandom } from '../../../src/testing/clock.js'
import { createWorld } from '../../../src/testing/world.js'
import { board, useBoard } from './world.js'

const CUTS = 30
/** Events a second, of each person. */
const RATE = 200

/** Counts instead of keeping: what came twice, too early or never shows in the numbers. */
let tally = defineFeature({
  name: 'tally',
  version: 1,
  events: { tick: durable(object({ who: string(), i: integer() })) },
  initial: { counts: {} as Readonly<Record<string, number>>, faults: [] as readonly string[] },
  reduce: {
    tick({ counts, faults }, { who, i }) {
      let expected = counts[who] ?? 0
      let fault = i === expected ? [] : [`${who}${i} where ${who}${expected} was due`]
      return { counts: { ...counts, [who]: i + 1 }, faults: [...faults, ...fault] }
    }
  },
  commands: { tick: (_, who: string, i: number) => ({ type: 'tick', data: { who, i } }) }
})

let numbers = (who: string, count: number): string[] => Array.from({ length: count }, (_, i) => `${who}${i}`)

test.each([1, 2, 3])(
  'seed %i: 30 cuts during 200 events a second both ways lose, double and reorder nothing, and all is there at once',
  {
    timeout: 120_000
  },
  async seed => {
    let chance = createSeededRandom(seed)
    let between = (from: number, to: number): number => Math.round(from + chance.float() * (to - from))
    let world = createWorld({ features: [tally], seed })
    // A server of some age knows that it has two clients only.
    await world.advance(31_000)
    let people = ['a', 'b'].map(name => {
      let device = world.device()
      let tab = device.open(name)
      let { $state, tick } = tab.client.room('r').use(tally)
      let views: string[] = []
      tab.client.$connection.subscribe(view => {
        if (views.at(-1) !== view.phase) views.push(view.phase)
      })
      tab.client.connect()
      return { name, device, tab, $state, tick, views, made: 0, down: 0, cuts: 0, nextCut: world.clock.mono() + 2000 }
    })
    await world.advance(2000)

    // Every 50 ms each makes ten events; each network is cut thirty times, at moments and for lengths of its own, in every way.
    while (people.some(({ cuts, down }) => cuts < CUTS || down > 0)) {
      expect(world.clock.mono(), `seed ${seed}: it ends`).toBeLessThan(300_000)
      for (let person of people) {
        let { device } = person
        for (let i = 0; i < RATE / 20; i++) person.tick(person.name, person.made++)
        let now = world.clock.mono()
        if (person.down > 0 && now >= person.down) {
          device.network.heal()
          person.down = 0
        } else if (person.tab.client.$connection.get().phase !== 'online') {
          // Only a link that stands is cut, some time after it stood.
          person.nextCut = now + between(50, 1500)
        } else if (person.down === 0 && person.cuts < CUTS && now >= person.nextCut) {
          person.cuts++
          person.down = now + between(0, 800)
          device.network.down = 'refused'
          if (chance.float() < 0.5) device.network.drop()
          else device.network.cut(between(0, 400))
        }
        expect(device.network.open, `seed ${seed}: one attempt at a time`).toBeLessThanOrEqual(1)
      }
      await world.advance(50)
    }
    let over = world.clock.mono()
    let waiting = people.map(({ tab }) => tab.client.$connection.get().pending.count)
    expect(Math.max(...waiting), `seed ${seed}: something waited`).toBeGreaterThan(RATE / 10)
    let attempts = people.map(({ device }) => device.network.urls.length)

    let everything = { counts: Object.fromEntries(people.map(({ name, made }) => [name, made])), faults: [] }
    let isThere = (): boolean =>
      people.every(({ name, tab, $state }) => {
        let others = Object.entries($state.get().counts).filter(([who]) => who !== name)
        return (
          tab.client.$connection.get().pending.count === 0 &&
          others.every(([who, count]) => count === everything.counts[who])
        )
      })
    while (!isThere() && world.clock.mono() - over < 60_000) await world.advance(50)
    let took = world.clock.mono() - over

    expect(await world.server.hub.room('r').state(tally), `seed ${seed}`).toEqual(everything)
    for (let { name, $state, tab, views } of people) {
      expect($state.get(), `seed ${seed}: ${name} sees what the server has`).toEqual(everything)
      expect(tab.client.unknown.get()).toEqual([])
      expect(tab.client.rejected.get()).toEqual([])
      expect(views.filter(phase => phase === 'online').length, `seed ${seed}: every cut met a link`).toBe(CUTS + 1)
    }
    // One wait, which never grew beyond the first steps, and then everything in one go.
    expect(took, `seed ${seed}: took ${took} ms`).toBeLessThan(3000)
    for (let count of attempts) expect(count).toBeLessThan(CUTS * 4)
  }
)

test('a wait does not grow while a link flaps that proved itself, and grows with every failure', async () => {
  let world = createWorld({ features: [board] })
  await world.advance(31_000)
  let device = world.device()
  let tab = device.open('ann')
  tab.client.connect()
  let waits: number[] = []
  for (let i = 0; i < CUTS; i++) {
    while (tab.client.$connection.get().phase !== 'online') await world.advance(10)
    await world.advance(1200)
    device.network.drop()
    await world.clock.settle()
    let { nextAttemptAt, attempt } = tab.client.$connection.get()
    expect(attempt).toBe(1)
    waits.push((nextAttemptAt as number) - world.clock.now())
  }
  expect(Math.max(...waits)).toBeLessThanOrEqual(1000)
  device.network.down = 'refused'
  await world.advance(60_000)
  expect(tab.client.$connection.get().attempt).toBeGreaterThan(5)
  let before = device.network.urls.length
  await world.advance(120_000)
  expect(device.network.urls.length - before).toBeLessThanOrEqual(8)
})

test('a link that is half open is given up within two missed beats, and what it swallowed arrives once', async () => {
  let world = createWorld({ features: [board] })
  await world.advance(31_000)
  let device = world.device()
  let tab = device.open('ann')
  let { note } = useBoard(tab)
  tab.client.connect()
  await world.advance(7000)
  device.network.halfOpen()
  let from = world.clock.mono()
  for (let text of numbers('n', 50)) note(text)
  while (tab.client.$connection.get().phase === 'online') await world.advance(50)
  expect(world.clock.mono() - from).toBeLessThanOrEqual(15_000)
  expect(tab.client.$connection.get().reason).toBe('network')
  await world.advance(1500)
  expect((await world.server.hub.room('r').state(board)).notes).toEqual(numbers('n', 50))
})

test('«connected» is not shown for longer than a question takes: after becoming visible a dead link is noticed within 5 s', async () => {
  let world = createWorld({ features: [board] })
  let device = world.device()
  let tab = device.open('ann')
  tab.client.connect()
  await world.advance(7000)
  tab.page('hidden')
  tab.freeze('silently')
  device.network.halfOpen()
  await world.advance(600_000)
  expect(tab.client.$connection.get().phase).toBe('online')
  let from = world.clock.mono()
  tab.thaw()
  tab.page('visible')
  while (tab.client.$connection.get().phase === 'online') {
    await world.advance(50)
    expect(world.clock.mono() - from).toBeLessThanOrEqual(5000)
  }
  await world.advance(1500)
  expect(tab.client.$connection.get().phase).toBe('online')
})

test('`online` and `offline` are hints: neither opens a second attempt, and a wrong one costs nothing', async () => {
  let world = createWorld({ features: [board] })
  let device = world.device()
  let tab = device.open('ann')
  tab.client.connect()
  await world.advance(1000)
  let opened = device.network.urls.length
  for (let i = 0; i < 100; i++) {
    tab.page(i % 2 ? 'online' : 'offline')
    await world.advance(30)
  }
  await world.advance(5000)
  expect(tab.client.$connection.get().phase).toBe('online')
  expect(device.network.urls.length).toBe(opened)
  device.network.down = 'silent'
  device.network.drop()
  for (let i = 0; i < 200; i++) {
    tab.page(i % 2 ? 'online' : 'offline')
    await world.advance(30)
    expect(device.network.open).toBeLessThanOrEqual(1)
  }
  device.network.down = 'refused'
  device.network.drop()
  opened = device.network.urls.length
  for (let i = 0; i < 200; i++) {
    tab.page(i % 2 ? 'online' : 'offline')
    await world.advance(30)
  }
  expect(device.network.urls.length - opened).toBeLessThanOrEqual(13)
})
