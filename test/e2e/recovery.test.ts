// What happens while nobody listens: short gaps are filled event by event, long ones by a snapshot, and both say so.

import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import {
  connect,
  createMemories,
  createWorld,
  hurry,
  live,
  numbers,
  offline,
  type PushOrder,
  shows,
  until,
  type World
} from './world.js'

let world: World
beforeAll(async () => {
  world = await createWorld({ limits: { maxReplay: 500, logLength: 700, snapshotEvery: 100 } })
})
afterAll(() => world.close())
afterEach(() => expect(world.pageErrors).toEqual([]))

function memories(persona: string, list: readonly string[]): PushOrder[] {
  return list.map(content => ({
    room: `persona:${persona}`,
    feature: 'memory',
    type: 'created',
    data: { content },
    by: 'app',
    key: content
  }))
}

async function pair(persona: string) {
  let [ada, ben] = await Promise.all([world.device(), world.device()])
  let [a, b] = await Promise.all([ada.tab(), ben.tab()])
  await connect(a, ada.url, 'ada', { persona })
  await connect(b, ben.url, 'ben', { persona })
  await Promise.all([live(a), live(b)])
  return { ada, ben, a, b }
}

test('someone who was away for 500 events gets every one of them, in order and once', async () => {
  let { ben, a, b } = await pair('short')
  await b.evaluate(() => {
    let seen: string[] = []
    Object.assign(window, { seen })
    // Every state that was ever shown: a gap would be visible in between.
    RS.realtimeMemory.subscribe(({ memories }) => {
      let inOrder = memories.every(({ content }, i) => content === String(i))
      seen.push(`${memories.length}${inOrder ? '' : ' out of order'}`)
    })
  })
  await world.push(memories('short', numbers(0, 10)))
  await shows(b, numbers(0, 10))
  ben.network.cut()
  await offline(b)
  await createMemories(a, numbers(10, 110))
  await shows(a, numbers(0, 110))
  await world.push(memories('short', numbers(110, 510)))
  await shows(a, numbers(0, 510))
  expect(await b.evaluate(() => RS.realtimeService.room().$status.get().stale)).toBe(true)

  ben.network.restore()
  await hurry(b)
  await live(b)
  await shows(b, numbers(0, 510))
  expect(await b.evaluate(() => RS.realtimeService.room().$status.get())).toMatchObject({
    stale: false,
    recovered: 'all'
  })
  expect(
    await b.evaluate(() => (window as unknown as { seen: string[] }).seen.filter(entry => entry.endsWith('order')))
  ).toEqual([])
  expect(await b.evaluate(() => RS.realtimeEvents.get().log.some(entry => entry.type === 'reset'))).toBe(false)
  let state = (page: typeof a) => page.evaluate(() => RS.realtimeService.room().use(RS.memory).$state.get())
  expect(await state(b)).toEqual(await state(a))
  expect(await state(b)).toEqual(await world.state('persona:short', 'memory'))
})

test.each([
  ['than is replayed', 'long', 501],
  ['than the server remembers', 'longer', 800]
])('someone who was away for more events %s gets the state as it is, and is told', async (_, persona, count) => {
  let { ben, a, b } = await pair(persona)
  await world.push(memories(persona, numbers(0, 10)))
  await shows(b, numbers(0, 10))
  ben.network.cut()
  await offline(b)
  // What ben does meanwhile is not lost with it.
  await createMemories(b, ['from ben'])
  await world.push(memories(persona, numbers(10, 10 + count)))
  ben.network.restore()
  await hurry(b)
  await live(b)
  let expected = [...numbers(0, 10 + count), 'from ben']
  await shows(b, expected)
  await shows(a, expected)
  expect(await b.evaluate(() => RS.realtimeService.room().$status.get())).toMatchObject({
    stale: false,
    recovered: 'none'
  })
  expect(
    await b.evaluate(() =>
      RS.realtimeEvents
        .get()
        .log.filter(entry => entry.type === 'reset')
        .map(entry => entry.detail)
    )
  ).toEqual([{ room: `persona:${persona}` }])
})

test('a newcomer sees everything there is', async () => {
  await world.push(memories('late', numbers(0, 650)))
  let ada = await world.device()
  let a = await ada.tab()
  await connect(a, ada.url, 'ada', { persona: 'late' })
  await live(a)
  await shows(a, numbers(0, 650))
  expect(await a.evaluate(() => RS.realtimeService.room().$status.get().recovered)).toBe('new')
})

test('an event that the app of the server pushes twice under one key comes once', async () => {
  let { a } = await pair('keys')
  let [first, second] = [await world.push(memories('keys', ['once'])), await world.push(memories('keys', ['once']))]
  expect(second).toEqual(first)
  await world.push(memories('keys', ['end']))
  await until(a, () => RS.realtimeMemory.get().memories.some(memory => memory.content === 'end'))
  await shows(a, ['once', 'end'])
})
