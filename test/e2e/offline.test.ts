// Actions without a network: kept in order, shown at once, delivered once, also across a reload.

import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import {
  connect,
  contents,
  createMemories,
  createWorld,
  drained,
  hurry,
  live,
  logged,
  numbers,
  offline,
  serverContents,
  shows,
  until,
  type World
} from './world.js'

let world: World
beforeAll(async () => {
  world = await createWorld()
})
afterAll(() => world.close())
afterEach(() => expect(world.pageErrors).toEqual([]))

test('200 actions made offline arrive once and in order when the network is back', async () => {
  let room = 'persona:offline'
  let [ada, ben] = await Promise.all([world.device(), world.device()])
  let [a, b] = await Promise.all([ada.tab(), ben.tab()])
  await connect(a, ada.url, 'ada', { persona: 'offline' })
  await connect(b, ben.url, 'ben', { persona: 'offline' })
  await Promise.all([live(a), live(b)])

  ada.network.cut()
  await offline(a)
  let counts = await a.evaluate(async () => {
    let receipts = Array.from({ length: 200 }, (_, i) => RS.realtimeService.createMemory(String(i)))
    let state = Object.assign(window, { receipts, acked: 0, seen: [] as number[] })
    RS.realtimeConnection.subscribe(view => state.seen.push(view.pending.count))
    for (let { acked } of receipts)
      acked.then(
        () => state.acked++,
        () => {}
      )
    await Promise.all(receipts.map(receipt => receipt.stored))
    let { pending, canSend, durability } = RS.realtimeConnection.get()
    return {
      pending: pending.count,
      rows: RS.realtimeService.pending.get().length,
      canSend,
      durability,
      acked: state.acked
    }
  })
  expect(counts).toEqual({ pending: 200, rows: 200, canSend: true, durability: 'disk', acked: 0 })
  // What was done is seen by who did it, and by nobody else.
  expect(await contents(a)).toEqual(numbers(0, 200))
  expect(await contents(b)).toEqual([])

  ada.network.restore()
  await hurry(a)
  await drained(a)
  await shows(b, numbers(0, 200))
  expect(await serverContents(world, room)).toEqual(numbers(0, 200))
  expect(await logged(b)).toEqual(numbers(0, 200))
  let after = await a.evaluate(async () => {
    let { receipts, seen, acked } = window as unknown as {
      receipts: ReturnType<typeof RS.realtimeService.createMemory>[]
      seen: number[]
      acked: number
    }
    await Promise.all(receipts.map(receipt => receipt.visible))
    return { acked, highest: Math.max(...seen), last: seen.at(-1) }
  })
  expect(after).toEqual({ acked: 200, highest: 200, last: 0 })
  await shows(a, numbers(0, 200))
})

test('a page that was reloaded offline shows everything at once and delivers what it had stored', async () => {
  let room = 'persona:reload'
  let [ada, ben] = await Promise.all([world.device(), world.device()])
  let [a, b] = await Promise.all([ada.tab(), ben.tab()])
  await connect(a, ada.url, 'ada', { persona: 'reload' })
  await connect(b, ben.url, 'ben', { persona: 'reload' })
  await Promise.all([live(a), live(b)])
  await createMemories(a, numbers(0, 30))
  await drained(a)
  await shows(b, numbers(0, 30))

  ada.network.cut()
  await offline(a)
  await createMemories(a, numbers(30, 80))
  await a.reload()
  let first = await a.evaluate(async url => {
    let phases: string[] = []
    RS.realtimeConnection.subscribe(view => phases.push(view.phase))
    await RS.realtimeService.connect({ url, app: 'e2e', user: 'ada', persona: 'reload' })
    return {
      shown: RS.realtimeMemory.get().memories.map(memory => memory.content),
      pending: RS.realtimeConnection.get().pending.count,
      wasOnline: phases.includes('online'),
      status: RS.realtimeService.room().$status.get()
    }
  }, ada.url)
  expect(first.shown).toEqual(numbers(0, 80))
  expect(first).toMatchObject({ pending: 50, wasOnline: false, status: { stale: true, recovered: null } })
  expect(first.status.asOf).toBeGreaterThan(0)
  // What is done after the reload goes behind what waited before it.
  await createMemories(a, numbers(80, 90))

  ada.network.restore()
  await hurry(a)
  await drained(a)
  await live(a)
  await shows(b, numbers(0, 90))
  await shows(a, numbers(0, 90))
  expect(await serverContents(world, room)).toEqual(numbers(0, 90))
  expect(await logged(b)).toEqual(numbers(0, 90))
  expect(await a.evaluate(() => RS.realtimeService.room().$status.get())).toMatchObject({
    stale: false,
    recovered: 'all'
  })
})

test('several reloads in the middle of sending neither lose nor double anything', async () => {
  let room = 'persona:reloads'
  let ada = await world.device()
  let a = await ada.tab()
  let made = 0
  for (let round = 0; round < 4; round++) {
    await connect(a, ada.url, 'ada', { persona: 'reloads' })
    if (round > 0) await until(a, () => RS.realtimeConnection.get().phase === 'online')
    await createMemories(a, numbers(made, made + 40))
    made += 40
    await a.reload()
  }
  await connect(a, ada.url, 'ada', { persona: 'reloads' })
  await live(a)
  await drained(a)
  expect(await serverContents(world, room)).toEqual(numbers(0, made))
  expect(await logged(a)).toEqual(numbers(0, made))
  await shows(a, numbers(0, made))
})
