// Streams between real pages: what a thousand samples a second cost the wire and the page, counted where they pass and where
// they are painted, and priorities in a backlog.

import type { Page } from 'playwright'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import type { AnyFeature, Realtime } from '../../src/index.js'
import { lanesOf } from '../support/lanes.mjs'
import { pointerOf } from '../support/pointer.mjs'
import { createWorld, type Device, until, type World } from './world.js'

/** As the feature says. */
const RATE = 30
const COUNT = 2000
const MS = 2000

interface Window {
  client: Realtime
  pointer: {
    $state: { get(): Record<string, number>; listen(call: () => void): () => void }
    point(x: number): unknown
  }
  counts: { paints: number; frames: number }
}

let world: World
beforeAll(async () => {
  world = await createWorld({ handlers: 'test/support/handlers/streams.mjs' })
}, 60_000)
afterAll(() => world?.close())
afterEach(() => expect(world.pageErrors).toEqual([]))

/** A page in a room of its own features, that counts its frames and the changes of its store. */
async function open(
  user: string,
  room: string
): Promise<{ page: Page; device: Device; wire: { got: number; sent: number } }> {
  let device = await world.device()
  let page = await device.tab()
  let wire = { got: 0, sent: 0 }
  let cdp = await device.context.newCDPSession(page)
  await cdp.send('Network.enable')
  let count = (text: string) => text.split('"f":"cast"').length - 1
  cdp.on('Network.webSocketFrameReceived', ({ response }) => {
    wire.got += count(response.payloadData)
  })
  cdp.on('Network.webSocketFrameSent', ({ response }) => {
    wire.sent += count(response.payloadData)
  })
  await page.evaluate(
    ([url, user, room, text]) => {
      let feature = new Function(`return ${text}`)()(RS) as AnyFeature
      let client = RS.createRealtime({ url, app: 'e2e', user })
      let pointer = client.room(room).use(feature) as unknown as Window['pointer']
      let counts = { paints: 0, frames: 0 }
      pointer.$state.listen(() => void counts.paints++)
      let frame = () => {
        counts.frames++
        requestAnimationFrame(frame)
      }
      requestAnimationFrame(frame)
      Object.assign(window, { client, pointer, counts })
      client.connect()
    },
    [device.url, user, room, pointerOf.toString()] as const
  )
  await until(page, () => (window as unknown as Window).client.$connection.get().phase === 'online')
  await until(page, room => !(window as unknown as Window).client.room(room).$status.get().stale, room)
  return { page, device, wire }
}

let countsOf = (page: Page) => page.evaluate(() => ({ ...(window as unknown as Window).counts }))

/** As the connection shows them, which is as of its last change: a question and its answer are one. */
function castsOf(page: Page): Promise<{ sent: number; conflated: number; received: number; painted: number }> {
  return page.evaluate(() => {
    let { client } = window as unknown as Window
    client.probe()
    return client.$connection.get().casts
  })
}

/** Resolves when what the page counts is what passed on the wire, of which this process hears a little later. */
async function settled(page: Page, wire: { got: number; sent: number }): Promise<void> {
  await expect
    .poll(async () => {
      let { received, sent } = await castsOf(page)
      return [received - wire.got, sent - wire.sent]
    })
    .toEqual([0, 0])
}

async function pointsAt(page: Page, user: string, x: number): Promise<void> {
  await until(page, ([user, x]) => (window as unknown as Window).pointer.$state.get()[user] === x, [user, x] as const)
}

test('a thousand updates a second of the server cost a page its rate, and one paint a frame', async () => {
  let { page, wire } = await open('ann', 'from-server')
  let before = await countsOf(page)
  let took = await world.order<number>('point', { room: 'from-server', by: 'sensor', count: COUNT, ms: MS })
  await pointsAt(page, 'sensor', COUNT - 1)
  let after = await countsOf(page)
  await settled(page, wire)
  let paints = after.paints - before.paints
  expect(wire.got).toBeGreaterThan(5)
  expect(wire.got).toBeLessThanOrEqual((RATE * took) / 1000 + 2)
  expect(paints).toBeGreaterThan(5)
  expect(paints).toBeLessThanOrEqual(wire.got)
  expect(paints).toBeLessThanOrEqual(after.frames - before.frames)
  await expect.poll(() => castsOf(page)).toEqual({ sent: 0, conflated: 0, received: wire.got, painted: paints })
  let stats = await world.order<{ castsIn: number; castsOut: number; castsConflated: number }>('stats')
  expect(stats).toMatchObject({ castsIn: COUNT, castsOut: wire.got, castsConflated: COUNT - wire.got })
}, 60_000)

test('what comes faster than the screen is painted once a frame', async () => {
  let { page, wire } = await open('ann', 'fast')
  let before = await countsOf(page)
  await world.order('point', { room: 'fast', type: 'fast', by: 'sensor', count: COUNT, ms: MS })
  await pointsAt(page, 'sensor', COUNT - 1)
  let after = await countsOf(page)
  let frames = after.frames - before.frames
  await settled(page, wire)
  // More than two to a frame, whatever this machine does besides.
  expect(wire.got).toBeGreaterThan(2 * frames)
  expect(after.paints - before.paints).toBeGreaterThan(5)
  expect(after.paints - before.paints).toBeLessThanOrEqual(frames)
}, 60_000)

test('a thousand updates a second of another page are cut down before they leave it', async () => {
  let ann = await open('ann', 'from-page')
  let bob = await open('bob', 'from-page')
  let before = await countsOf(ann.page)
  let { took, painted } = await bob.page.evaluate(
    async ([count, ms]) => {
      let { pointer } = window as unknown as Window
      let { port1, port2 } = new MessageChannel()
      let start = performance.now()
      let painted = 0
      for (let i = 0; i < count; ) {
        let due = Math.min(count, Math.ceil(((performance.now() - start) / ms) * count))
        for (; i < due; i++) {
          pointer.point(i)
          // One's own is there at once.
          if (pointer.$state.get().bob === i) painted++
        }
        await new Promise(resolve => {
          port1.onmessage = resolve
          port2.postMessage(0)
        })
      }
      return { took: performance.now() - start, painted }
    },
    [COUNT, MS] as const
  )
  expect(painted).toBe(COUNT)
  await pointsAt(ann.page, 'bob', COUNT - 1)
  let after = await countsOf(ann.page)
  await settled(ann.page, ann.wire)
  await settled(bob.page, bob.wire)
  let paints = after.paints - before.paints
  expect(bob.wire.sent).toBeGreaterThan(5)
  expect(bob.wire.sent).toBeLessThanOrEqual((RATE * took) / 1000 + 2)
  expect(ann.wire.got).toBeLessThanOrEqual(bob.wire.sent)
  expect(paints).toBeLessThanOrEqual(ann.wire.got)
  expect(paints).toBeLessThanOrEqual(after.frames - before.frames)
  await expect
    .poll(() => castsOf(bob.page))
    .toEqual({
      sent: bob.wire.sent,
      conflated: COUNT - bob.wire.sent,
      received: 0,
      painted: 0
    })
  await expect.poll(() => castsOf(ann.page)).toMatchObject({ received: ann.wire.got, painted: paints })

  // Who comes later sees where it stands.
  let cat = await open('cat', 'from-page')
  await pointsAt(cat.page, 'bob', COUNT - 1)
}, 60_000)

test('a page that nobody sees is told without frames', async () => {
  let { page, device } = await open('ann', 'hidden')
  // Another tab in front of it, in a browser that hides what is behind.
  await page.evaluate(() => {
    Object.defineProperty(document, 'visibilityState', { configurable: true, get: () => 'hidden' })
    window.requestAnimationFrame = () => 0
    document.dispatchEvent(new Event('visibilitychange'))
  })
  await world.order('point', { room: 'hidden', by: 'sensor', count: 500, ms: 500 })
  await pointsAt(page, 'sensor', 499)
  // And one that is said to be visible, but gets none, as in a frame that is scrolled out of sight.
  await page.evaluate(() => {
    Object.defineProperty(document, 'visibilityState', { configurable: true, get: () => 'visible' })
    document.dispatchEvent(new Event('visibilitychange'))
  })
  await world.order('point', { room: 'hidden', by: 'other', count: 500, ms: 500 })
  await pointsAt(page, 'other', 499)
  await device.context.close()
}, 60_000)

test('a critical action overtakes five thousand that wait before it, online', async () => {
  let device = await world.device()
  let page = await device.tab()
  let { alarms, steps, faults } = await page.evaluate(
    async ([url, text]) => {
      let feature = new Function(`return ${text}`)()(RS) as AnyFeature
      let client = RS.createRealtime({ url, app: 'e2e', user: 'ann' })
      let room = client.room('lanes')
      interface Sent {
        acked: Promise<void>
        visible: Promise<void>
      }
      let handle = room.use(feature) as unknown as {
        $state: { get(): { alarms: number[]; steps: number; faults: number } }
        step(i: number): Sent
        alarm(i: number): Sent
      }
      client.connect()
      await new Promise<void>(resolve => {
        room.$status.subscribe(({ stale }) => {
          if (!stale) resolve()
        })
      })
      let last: Sent | undefined
      for (let i = 0; i < 5000; i++) last = handle.step(i)
      await handle.alarm(0).visible
      await last?.visible
      return handle.$state.get()
    },
    [device.url, lanesOf.toString()] as const
  )
  expect({ steps, faults }).toEqual({ steps: 5000, faults: 0 })
  // What was in the window already is before it, and nothing else.
  expect(alarms).toHaveLength(1)
  expect(alarms[0]).toBeLessThanOrEqual(256 + 128)
}, 60_000)
