// A server that sends nonsense: nothing throws, nothing moves, everything is counted; and the real server afterwards is as good
// as if it had been the first.

import type { AddressInfo } from 'node:net'
import type { Page } from 'playwright'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { type WebSocket, WebSocketServer } from 'ws'
import {
  createMemories,
  createWorld,
  drained,
  live,
  numbers,
  serverContents,
  shows,
  until,
  type World
} from './world.js'

let world: World
let fake: WebSocketServer
/** What the fake server does with a connection, from its hello on. */
let behave: (socket: WebSocket, frames: Frame[]) => void = () => {}

interface Frame {
  f: string
  ref?: number
  room?: string
  [field: string]: unknown
}

beforeAll(async () => {
  world = await createWorld()
  fake = new WebSocketServer({ port: 0, host: '127.0.0.1' })
  fake.on('connection', socket => socket.on('message', data => behave(socket, JSON.parse(String(data)))))
})
afterAll(async () => {
  for (let socket of fake.clients) socket.terminate()
  fake.close()
  await world.close()
})
afterEach(() => expect(world.pageErrors).toEqual([]))

const EPOCH = 'e'.repeat(32)
const welcome = {
  f: 'welcome',
  v: 1,
  sid: 's1',
  user: 'ada',
  heartbeat: 6000,
  max: 262144,
  window: { count: 256, bytes: 131072 },
  retry: [0, 100],
  caps: [],
  now: Date.now()
}

function send(socket: WebSocket, ...frames: unknown[]): void {
  socket.send(JSON.stringify(frames))
}

/** Answers like a server, with one memory in each persona's room. */
function politely(socket: WebSocket, frames: Frame[]): void {
  for (let { f, ref, room } of frames) {
    if (f === 'hello') send(socket, welcome)
    if (f === 'join') {
      send(socket, {
        f: 'joined',
        ref,
        room,
        epoch: EPOCH,
        offset: 1,
        recovered: 'new',
        snapshot: true,
        marksEpoch: 'm1',
        marks: {},
        members: {},
        version: 0
      })
      send(socket, {
        f: 'snapshot',
        ref,
        room,
        epoch: EPOCH,
        offset: 1,
        part: 0,
        of: 1,
        state: {
          memory: {
            version: 1,
            state: {
              memories: [
                {
                  id: 'm',
                  content: 'first',
                  tags: [],
                  emotion: null,
                  importance: null,
                  by: 'app',
                  at: 1,
                  updatedBy: 'app',
                  updatedAt: 1
                }
              ],
              notifications: [],
              processing: [],
              insights: []
            }
          }
        }
      })
    }
  }
}

/** Opens a page that goes to the fake server until `real` is set, then to the real one. */
async function open(persona: string): Promise<{ page: Page; goReal(): Promise<void> }> {
  let device = await world.device()
  let page = await device.tab()
  await page.evaluate(
    ([fakeUrl, realUrl, persona]) => {
      Object.assign(window, { real: false, unhandled: [] })
      window.addEventListener('unhandledrejection', event =>
        (window as unknown as { unhandled: string[] }).unhandled.push(String(event.reason))
      )
      return RS.realtimeService.connect({
        url: () => ((window as unknown as { real: boolean }).real ? realUrl! : fakeUrl!),
        app: 'e2e',
        user: 'ada',
        persona: persona!
      })
    },
    [`ws://127.0.0.1:${(fake.address() as AddressInfo).port}`, device.url, persona]
  )
  return {
    page,
    async goReal() {
      await page.evaluate(() => Object.assign(window, { real: true }))
      for (let socket of fake.clients) socket.terminate()
      await until(page, () => RS.realtimeConnection.get().phase !== 'online')
      await page.evaluate(() => RS.realtimeService.probe())
      await live(page)
    }
  }
}

const room = (persona: string) => `persona:${persona}`
const event = (persona: string, offset: number, more = {}) => ({
  f: 'event',
  room: room(persona),
  offset,
  feature: 'memory',
  type: 'created',
  data: { content: `event ${offset}` },
  id: `id${offset}`,
  by: 'app',
  at: 1,
  ...more
})

function malformed(persona: string): unknown[] {
  let at = room(persona)
  return [
    null,
    5,
    'event',
    [],
    {},
    { f: 5 },
    { f: null },
    { f: {} },
    { f: 'event' },
    event(persona, 'two' as unknown as number),
    event(persona, -1),
    event(persona, 1.5),
    event(persona, 2, { id: 7 }),
    event(persona, 2, { room: null }),
    { f: 'event', room: at, offset: 2 },
    { f: 'joined' },
    { f: 'joined', ref: 'x', room: at },
    { f: 'snapshot', ref: 1, room: at, epoch: EPOCH, offset: 9, part: 0, of: 0, state: {} },
    { f: 'snapshot', ref: 1, room: at, epoch: EPOCH, offset: 9, part: 0, of: 1, state: { memory: 7 } },
    { f: 'ack', room: at, lane: 'fast', n: 1, id: 'x', at: 1 },
    { f: 'ack', room: at, lane: 'normal', n: 0, id: 'x', at: 1 },
    { f: 'nack', code: 5, final: 'yes' },
    { f: 'gap', room: at },
    { f: 'cast', room: at },
    { f: 'presence', room: at, full: [1, 2] },
    { f: 'presence', room: at, version: 'x' },
    { f: 'ping', x: 'now' },
    { f: 'pong' },
    { f: 'bye' },
    { f: 'welcome' },
    { f: 'slow', ms: -5 },
    { f: 'page', ref: 1, events: 'all', done: 1 }
  ]
}

test('malformed frames are counted, and neither throw nor move anything', async () => {
  behave = politely
  let { page, goReal } = await open('malformed')
  await live(page)
  await shows(page, ['first'])
  let bad = malformed('malformed')
  let [socket] = [...fake.clients]
  for (let frame of bad) send(socket!, frame)
  for (let text of ['', 'nonsense', '{', 'null', '7', '"text"', '{"f":"event"}', '[[[[', '\u0000']) socket!.send(text)
  socket!.send(Buffer.from([1, 2, 3]))
  // A good frame between bad ones of the same message counts.
  send(socket!, { f: 'event' }, event('malformed', 2), { f: 'joined' })
  await shows(page, ['first', 'event 2'])
  await until(page, count => RS.realtimeConnection.get().badFrames >= (count as number), bad.length + 9 + 2)
  expect(
    await page.evaluate(() => [
      RS.realtimeConnection.get().phase,
      (window as unknown as { unhandled: string[] }).unhandled
    ])
  ).toEqual(['online', []])
  await goReal()
  await createMemories(page, numbers(0, 5))
  await drained(page)
  await shows(page, numbers(0, 5))
})

test('frames that are well-formed but make no sense move nothing for good', async () => {
  let asked = 0
  behave = (socket, frames) => {
    asked += frames.filter(frame => frame.f === 'join' && frame.room === room('senseless')).length
    politely(socket, frames)
  }
  let { page, goReal } = await open('senseless')
  await live(page)
  let [socket] = [...fake.clients]
  let at = room('senseless')
  let senseless = [
    { f: 'unheard-of', room: at, offset: 3 },
    {
      f: 'joined',
      ref: 99,
      room: at,
      epoch: 'other',
      offset: 500,
      recovered: 'all',
      snapshot: false,
      marksEpoch: 'm9',
      marks: { normal: { n: 900, id: 'x', done: 0, answers: [] } }
    },
    {
      f: 'joined',
      ref: 99,
      room: 'persona:elsewhere',
      epoch: 'other',
      offset: 500,
      recovered: 'all',
      snapshot: false,
      marksEpoch: 'm9',
      marks: {}
    },
    {
      f: 'snapshot',
      ref: 99,
      room: at,
      epoch: 'other',
      offset: 500,
      part: 0,
      of: 1,
      state: { memory: { version: 1, state: 'nothing' } }
    },
    { f: 'ack', room: at, lane: 'normal', n: 9_007_199_254_740_991, id: 'nobody', at: 9_007_199_254_740_991 },
    { f: 'nack', room: at, lane: 'normal', n: 4, id: 'nobody', code: 'forbidden', final: true },
    { f: 'nack', ref: 12_345, code: 'forbidden', final: true },
    { f: 'page', ref: 777, events: [1, null, {}], done: true },
    { f: 'presence', room: at, version: 70, left: ['nobody'] },
    { f: 'presence', room: at, version: 71, joined: { __proto__: { user: 'x', data: 7, at: 1 } } },
    { f: 'cast', room: at, feature: 'memory', type: 'created', data: { content: 'cast' }, ttl: 5 },
    { f: 'cast', room: at, feature: 'toString', type: 'constructor', data: null, ttl: 5 },
    event('senseless', 1, { data: { content: 'a repeat' } }),
    { f: 'authed', expiresIn: -5 },
    { f: 'reauth', within: 1e12 },
    { f: 'hello', v: 1, app: 'x', cid: 'x', gen: 1 },
    { f: 'push', room: at, lane: 'normal', n: 1, prev: 0, id: 'x', feature: 'memory', type: 'created', data: {} },
    { ...welcome, sid: 's2', user: 'mallory' }
  ]
  for (let frame of senseless) send(socket!, frame)
  // A hole, far ahead of everything: it asks again instead of applying.
  let before = asked
  send(socket!, event('senseless', 4_000_000_000))
  await expect.poll(() => asked).toBeGreaterThan(before)
  await live(page)
  await shows(page, ['first'])
  // An event that no feature here can apply, and one whose data are not what its reducer expects.
  send(
    socket!,
    event('senseless', 2, { type: 'unheard-of' }),
    event('senseless', 3, { data: null }),
    event('senseless', 4, { feature: '__proto__', type: 'toString' })
  )
  send(socket!, event('senseless', 5))
  await shows(page, ['first', 'event 5'])
  expect(
    await page.evaluate(() => [
      RS.realtimeConnection.get().phase,
      (window as unknown as { unhandled: string[] }).unhandled
    ])
  ).toEqual(['online', []])
  expect(await page.evaluate(() => Object.keys(RS.realtimePresence.get().members))).toEqual([])

  await goReal()
  await createMemories(page, numbers(0, 5))
  await drained(page)
  await shows(page, numbers(0, 5))
  expect(await serverContents(world, at)).toEqual(numbers(0, 5))
})

test('a server that sends nothing but nonsense is left, and tried again', async () => {
  let connections = 0
  behave = (socket, frames) => {
    politely(socket, frames)
    if (frames.some(frame => frame.f === 'hello')) connections++
    for (let i = 0; i < 150; i++) socket.send('nonsense')
  }
  let { page, goReal } = await open('nonsense')
  await expect.poll(() => connections, { timeout: 15_000 }).toBeGreaterThan(1)
  expect(await page.evaluate(() => RS.realtimeConnection.get().badFrames)).toBeGreaterThan(100)
  behave = politely
  await live(page)
  await goReal()
  await createMemories(page, ['at last'])
  await drained(page)
  await shows(page, ['at last'])
})

test('a server that never says welcome, or says it wrongly, keeps nothing from being kept', async () => {
  behave = socket =>
    send(
      socket,
      {
        f: 'joined',
        ref: 1,
        room: room('mute'),
        epoch: EPOCH,
        offset: 5,
        recovered: 'all',
        snapshot: false,
        marksEpoch: 'm',
        marks: {}
      },
      { ...welcome, heartbeat: 0 },
      event('mute', 1)
    )
  let { page } = await open('mute')
  await createMemories(page, numbers(0, 5))
  await until(page, () => RS.realtimeConnection.get().badFrames > 0)
  expect(
    await page.evaluate(() => [RS.realtimeConnection.get().phase, RS.realtimeConnection.get().pending.count])
  ).toEqual(['authenticating', 5])
  await page.evaluate(() => Object.assign(window, { real: true }))
  for (let socket of fake.clients) socket.terminate()
  await until(page, () => RS.realtimeConnection.get().phase === 'waiting')
  await page.evaluate(() => RS.realtimeService.probe())
  await live(page)
  await drained(page)
  await shows(page, numbers(0, 5))
})
