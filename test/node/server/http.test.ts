// Connections made of requests: numbered both ways, so that nothing is lost and nothing comes twice. The real engine, under a
// virtual clock.

import { beforeEach, expect, test } from 'vitest'
import type { Frame, FrameOf } from '../../../src/protocol/frames.js'
import { createHttpDoor, type HttpDoor } from '../../../src/server/http.js'
import { createEventParser, type StreamEvent } from '../../../src/transport/event-stream.js'
import { createTestRandom, createWorld, type World } from './world.js'

interface Asked {
  status: number
  headers: Readonly<Record<string, string>>
  text: string
  ended: boolean
  events: StreamEvent[]
  /** The frames of the messages, in order. */
  frames(): Frame[]
  /** The network gives up the request. */
  abort(): void
}

let world: World
let door: HttpDoor
/** A server that beats so rarely that nothing but the test speaks. */
function start(): void {
  world = createWorld({ limits: { heartbeat: 600_000 } })
  door = createHttpDoor({ accept: world.hub.accept, clock: world.clock, random: createTestRandom(1000), max: 5000 })
}
beforeEach(start)

function ask(head: unknown, ...messages: string[]): Asked {
  let events: StreamEvent[] = []
  let parse = createEventParser(event => events.push(event))
  let asked: Asked = {
    status: 0,
    headers: {},
    text: '',
    ended: false,
    events,
    frames: () =>
      events.flatMap(({ event, data }) =>
        event === 'message' && data !== 'pong' ? (JSON.parse(data) as Frame[]) : []
      ),
    abort: () => over()
  }
  let body = [typeof head === 'string' ? head : JSON.stringify(head), ...messages].join('\n')
  let over = door.take(
    body,
    { ip: '1.2.3.4' },
    {
      start(status, headers) {
        if (asked.status !== 0) throw new Error('answered twice')
        Object.assign(asked, { status, headers })
      },
      write(text) {
        if (asked.ended) throw new Error('written after the end')
        asked.text += text
        if (asked.status === 200) parse(text)
      },
      end() {
        asked.ended = true
      },
      buffered: () => 0
    }
  )
  return asked
}

let opened = (): string => JSON.parse(ask({ open: 1 }).text).id
let text = (...frames: object[]): string => JSON.stringify(frames)
let hello = (user = 'ann'): string => text({ f: 'hello', v: 1, app: 'test', cid: `cid-${user}`, gen: 1, user })
let ping = (x: number): string => text({ f: 'ping', x })
let pongs = (...all: Asked[]): number[] =>
  all.flatMap(asked => asked.frames().flatMap(frame => (frame.f === 'pong' ? [(frame as FrameOf<'pong'>).x] : [])))

/** A connection that is welcome; `got` is the number of its last message. */
async function welcome(user?: string): Promise<string> {
  let id = opened()
  let first = ask({ id, after: 0, down: 'poll' })
  expect(ask({ id, from: 1, after: 0 }, hello(user)).status).toBe(204)
  await world.clock.settle()
  expect(first.frames().map(frame => frame.f)).toEqual(['welcome'])
  return id
}

test('[W1] [W2] a connection is opened by a POST, gets a secret of its own, and carries frames', async () => {
  let answer = ask({ open: 1 })
  expect(answer).toMatchObject({ status: 200, ended: true })
  expect(JSON.parse(answer.text)).toEqual({ id: expect.stringMatching(/^[0-9a-f]{32}$/), max: 5000 })
  expect(opened()).not.toBe(opened())
  await welcome()
  expect(world.hub.stats().connections).toBe(4)
})

test('[W3] messages are taken once and in order, whatever is repeated; nothing is taken behind a hole', async () => {
  let id = await welcome()
  let down = ask({ id, after: 1, down: 'stream' })
  expect(ask({ id, from: 2, after: 1 }, ping(2), ping(3)).status).toBe(204)
  expect(ask({ id, from: 2, after: 1 }, ping(2), ping(3)).status).toBe(204)
  expect(ask({ id, from: 3, after: 1 }, ping(3), ping(4)).status).toBe(204)
  expect(ask({ id, from: 6, after: 1 }, ping(6)).status).toBe(409)
  expect(ask({ id, from: 5, after: 1 }, ping(5)).status).toBe(204)
  await world.clock.settle()
  expect(pongs(down)).toEqual([2, 3, 4, 5])
})

test('[W5] what was not confirmed is written again, and what was is not', async () => {
  let id = await welcome()
  let lost = ask({ id, after: 1, down: 'stream' })
  ask({ id, from: 2, after: 1 }, ping(2))
  await world.clock.settle()
  ask({ id, from: 3, after: 1 }, ping(3))
  await world.clock.settle()
  expect(pongs(lost)).toEqual([2, 3])
  expect(lost.events.map(event => event.id)).toEqual(['', '2', '3'])
  lost.abort()
  let again = ask({ id, after: 2, down: 'poll' })
  expect(again.ended).toBe(true)
  expect(pongs(again)).toEqual([3])
  // A request up confirms too.
  ask({ id, from: 4, after: 3 }, ping(4))
  await world.clock.settle()
  let third = ask({ id, after: 3, down: 'poll' })
  expect(pongs(third)).toEqual([4])
})

test('[W5] the newest request for news counts; an older one is ended', async () => {
  let id = await welcome()
  let [first, second] = [ask({ id, after: 1, down: 'stream' }), ask({ id, after: 1, down: 'stream' })]
  expect([first.ended, second.ended]).toEqual([true, false])
  // Its end is told late, and ends nothing else.
  first.abort()
  ask({ id, from: 2, after: 1 }, ping(2))
  await world.clock.settle()
  expect([pongs(first), pongs(second)]).toEqual([[], [2]])
  await world.clock.pass(7000)
  expect(world.hub.stats().connections).toBe(1)
})

test('[W5] the end comes last, with its code, also to who asks for it later', async () => {
  let [streaming, polling] = [opened(), opened()]
  let down = ask({ id: streaming, after: 0, down: 'stream' })
  for (let id of [streaming, polling]) ask({ id, from: 1, after: 0 }, ping(1))
  await world.clock.settle()
  let late = ask({ id: polling, after: 0, down: 'poll' })
  for (let asked of [down, late]) {
    expect(asked.frames()).toMatchObject([{ f: 'bye', code: 'hello' }])
    expect(asked.events.at(-1)).toMatchObject({ event: 'close', data: '{"code":4400,"reason":"hello"}' })
    expect(asked.ended).toBe(true)
  }
  expect(ask({ id: streaming, from: 2, after: 1 }, ping(2)).status).toBe(404)
  expect(door.size).toBe(0)
})

test('[W6] a stream begins with padding and goes on; a poll ends with the first messages, or after 20 s', async () => {
  let id = await welcome()
  let stream = ask({ id, after: 1, down: 'stream' })
  expect(stream.headers['content-type']).toBe('text/event-stream')
  expect(stream.text.length).toBeGreaterThan(2048)
  expect(stream.events.map(event => event.event)).toEqual(['ready'])
  ask({ id, from: 2, after: 1 }, ping(2), ping(3))
  await world.clock.settle()
  expect(stream).toMatchObject({ ended: false, events: { length: 2 } })
  let poll = ask({ id, after: 1, down: 'poll' })
  expect(poll.ended).toBe(true)
  expect(pongs(poll)).toEqual([2, 3])
})

test('[W6] a poll that has nothing to bring ends after 20 s', async () => {
  let id = await welcome()
  let poll = ask({ id, after: 1, down: 'poll' })
  await world.clock.pass(19_900)
  expect(poll.ended).toBe(false)
  await world.clock.pass(200)
  expect(poll).toMatchObject({ ended: true, events: { length: 1 } })
})

test('[W8] what lies too far back is not written again: the connection ends', async () => {
  let id = await welcome()
  let stream = ask({ id, after: 1, down: 'stream' })
  let data = 'x'.repeat(4000)
  ask({ id, from: 2, after: 1 }, text({ f: 'join', ref: 1, room: 'r', presence: {} }))
  await world.clock.settle()
  for (let i = 0; i < 300; i++) {
    void world.hub.room('r').push('notes', 'add', { text: data }, { by: 'app' })
    await world.clock.settle()
  }
  expect(stream.frames().filter(frame => frame.f === 'event')).toHaveLength(300)
  expect(ask({ id, after: 1, down: 'poll' }).status).toBe(410)
  expect(world.hub.stats().connections).toBe(0)
})

test('[W9] a connection whose news nobody asks for has broken', async () => {
  let id = await welcome()
  await world.clock.pass(5900)
  let poll = ask({ id, after: 1, down: 'poll' })
  await world.clock.pass(1000)
  poll.abort()
  await world.clock.pass(5900)
  expect(world.hub.stats().connections).toBe(1)
  await world.clock.pass(200)
  expect(world.hub.stats().connections).toBe(0)
  expect(ask({ id, after: 1, down: 'poll' }).status).toBe(404)
  expect(door.size).toBe(0)
})

test('[W10] who leaves takes along what was not answered; it counts once', async () => {
  let ann = await welcome('ann')
  let bob = await world.join('bob')
  ask({ id: ann, from: 2, after: 1 }, text({ f: 'join', ref: 1, room: 'r', presence: {} }))
  await world.clock.settle()
  expect(Object.keys(world.hub.room('r').members())).toHaveLength(2)
  let down = ask({ id: ann, after: 1, down: 'stream' })
  expect(ask({ id: ann, from: 2, after: 1, close: 1000 }, 'ping', text({ f: 'leave', room: 'r' })).status).toBe(204)
  await world.clock.settle()
  expect(bob.take('presence').at(-1)?.left).toHaveLength(1)
  expect(down.ended).toBe(true)
  expect(ask({ id: ann, from: 3, after: 1 }, ping(3)).status).toBe(404)
})

test('[W11] nonsense is refused with a status, and moves nothing', async () => {
  let id = await welcome()
  let bodies = ['', '{', 'null', '[]', '7', '{}', '{"open":2}', `{"id":"${id}"}`, `{"id":"${id}","from":"1"}`]
  for (let body of [...bodies, `{"id":"${id}","from":-1}`, `{"id":"${id}","down":"now"}`])
    expect([body, ask(body).status]).toEqual([body, 400])
  expect(ask({ id: 'nobody', from: 1 }).status).toBe(404)
  expect(ask({ id, after: 17, down: 'poll' }).status).toBe(410)
})

test('[W11] there is an end to how many connections are kept', () => {
  for (let i = 0; i < 10_000; i++) expect(ask({ open: 1 }).status).toBe(200)
  expect(ask({ open: 1 })).toMatchObject({ status: 503, ended: true })
})

test('[W12] every answer may be read by pages of any origin, and by no cache', async () => {
  let id = await welcome()
  for (let head of [{ open: 1 }, { id, from: 2 }, { id, after: 1, down: 'stream' }, { id: 'nobody' }, 'nonsense']) {
    expect(ask(head).headers).toMatchObject({
      'access-control-allow-origin': '*',
      'cache-control': 'no-store, no-transform'
    })
  }
})
