// What the server's policy refuses: taken back where it was shown, kept where the app can decide about it.

import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import {
  connect,
  contents,
  createWorld,
  drained,
  hurry,
  live,
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

async function pair(persona: string) {
  let [ada, ben] = await Promise.all([world.device(), world.device()])
  let [a, b] = await Promise.all([ada.tab(), ben.tab()])
  await connect(a, ada.url, 'ada', { persona })
  await connect(b, ben.url, 'ben', { persona })
  await Promise.all([live(a), live(b)])
  return { ada, ben, a, b }
}

test('a refused action is taken back, survives a reload as rejected, and is sent again or forgotten on request', async () => {
  let { ada, a, b } = await pair('refused')
  await world.refuse([{ text: 'forbidden fruit', code: 'house-rules' }])
  let told = await a.evaluate(async () => {
    let events: unknown[] = []
    RS.realtimeService.on('rejected', detail => events.push(detail))
    let before = RS.realtimeService.createMemory('before')
    let one = RS.realtimeService.createMemory('forbidden fruit 1')
    let two = RS.realtimeService.createMemory('forbidden fruit 2')
    let after = RS.realtimeService.createMemory('after')
    let shownAtOnce = RS.realtimeMemory.get().memories.length
    let code = async (promise: Promise<void>) =>
      promise.then(
        () => 'acked',
        error => `${error.name} ${error.code}`
      )
    let outcomes = await Promise.all([before, one, two, after].map(receipt => code(receipt.acked)))
    return { shownAtOnce, outcomes, ids: [one.id, two.id], events }
  })
  expect(told).toMatchObject({
    shownAtOnce: 4,
    outcomes: ['acked', 'RealtimeError house-rules', 'RealtimeError house-rules', 'acked'],
    events: told.ids.map(id => ({ id, feature: 'memory', type: 'created', code: 'house-rules' }))
  })
  // One refusal holds nothing up and pulls nothing down with it.
  await shows(a, ['before', 'after'])
  await shows(b, ['before', 'after'])
  let rejected = () =>
    a.evaluate(() => ({
      rows: RS.realtimeService.rejected
        .get()
        .map(({ kind, code, row }) => [kind, code, (row.data as { content: string }).content]),
      count: RS.realtimeConnection.get().rejectedCount,
      pending: RS.realtimeConnection.get().pending.count,
      reasons: RS.realtimeStatus.get().reasons
    }))
  let both = {
    rows: [
      ['rejected', 'house-rules', 'forbidden fruit 1'],
      ['rejected', 'house-rules', 'forbidden fruit 2']
    ],
    count: 2,
    pending: 0,
    reasons: expect.arrayContaining(['2 actions were rejected'])
  }
  expect(await rejected()).toEqual(both)

  await a.reload()
  await connect(a, ada.url, 'ada', { persona: 'refused' })
  await live(a)
  await expect.poll(async () => [...(await rejected()).rows].sort()).toEqual(both.rows)
  expect(await contents(a)).toEqual(['before', 'after'])

  let [one, two] = told.ids as [string, string]
  // As long as the policy says no, it comes back.
  expect(await a.evaluate(id => RS.realtimeService.rejected.retry(id), one)).toBe(true)
  await drained(a)
  await expect.poll(async () => (await rejected()).count).toBe(2)
  await world.refuse([])
  expect(await a.evaluate(id => RS.realtimeService.rejected.retry(id), one)).toBe(true)
  await shows(b, ['before', 'after', 'forbidden fruit 1'])
  await shows(a, ['before', 'after', 'forbidden fruit 1'])
  expect(await a.evaluate(id => RS.realtimeService.rejected.discard(id), two)).toBe(true)
  await until(a, () => RS.realtimeConnection.get().rejectedCount === 0)
  // Nothing is left to do anything with.
  expect(
    await a.evaluate(
      id => Promise.all([RS.realtimeService.rejected.retry(id), RS.realtimeService.rejected.discard(id)]),
      two
    )
  ).toEqual([false, false])
  await a.reload()
  await connect(a, ada.url, 'ada', { persona: 'refused' })
  await live(a)
  expect((await rejected()).rows).toEqual([])
  expect(await serverContents(world, 'persona:refused')).toEqual(['before', 'after', 'forbidden fruit 1'])
})

test('a refusal whose answer was lost is learnt after the next connection', async () => {
  let { ada, a, b } = await pair('lost-refusal')
  await world.refuse([{ text: 'no way', code: 'house-rules' }])
  ada.network.swallow('down')
  await a.evaluate(() => Promise.all(['fine 1', 'no way', 'fine 2'].map(text => RS.realtimeService.createMemory(text))))
  await shows(b, ['fine 1', 'fine 2'])
  ada.network.cut()
  await offline(a)
  // By now everything would be allowed: the answer that was given counts.
  await world.refuse([])
  ada.network.restore()
  await hurry(a)
  await drained(a)
  await shows(a, ['fine 1', 'fine 2'])
  expect(await a.evaluate(() => RS.realtimeService.rejected.get().map(item => item.code))).toEqual(['house-rules'])
  expect(await serverContents(world, 'persona:lost-refusal')).toEqual(['fine 1', 'fine 2'])
})

test('an action that waits can be taken back, one that may have left can not', async () => {
  let { ada, a, b } = await pair('withdrawn')
  ada.network.cut()
  await offline(a)
  let ids = await a.evaluate(async () => {
    let receipts = ['keep', 'take back'].map(text => RS.realtimeService.createMemory(text))
    await Promise.all(receipts)
    return receipts.map(receipt => receipt.id)
  })
  expect(await a.evaluate(id => RS.realtimeService.pending.discard(id), ids[1]!)).toBe(true)
  await shows(a, ['keep'])
  ada.network.restore()
  await hurry(a)
  await drained(a)
  await shows(b, ['keep'])

  ada.network.swallow('down')
  let sent = await a.evaluate(async () => {
    let receipt = RS.realtimeService.createMemory('left')
    await receipt.sent
    return receipt.id
  })
  expect(await a.evaluate(id => RS.realtimeService.pending.discard(id), sent)).toBe(false)
  ada.network.restore()
  await hurry(a)
  await drained(a)
  await shows(b, ['keep', 'left'])
})

test('a room that the server refuses says so, and what waits for it is rejected', async () => {
  let { a } = await pair('door')
  let refused = await a.evaluate(async () => {
    let room = RS.realtimeService.enter('user:ben')
    let memory = room.use(RS.memory)
    let receipt = memory.createMemory('not mine')
    let code = await receipt.acked.then(
      () => 'acked',
      error => error.code
    )
    return { code, status: room.$status.get(), shown: memory.$state.get().memories.length }
  })
  expect(refused).toMatchObject({ code: 'forbidden', status: { refused: 'forbidden', stale: true }, shown: 0 })
  expect(await a.evaluate(() => RS.realtimeConnection.get())).toMatchObject({ phase: 'online', rejectedCount: 1 })
})
