// A hub under a virtual clock with peers in memory: nothing here sleeps, and every run is the same.

import { type AnyFeature, defineFeature, durable, latest, ttl, volatile } from '../../../src/feature.js'
import type { Clock, Random } from '../../../src/ports.js'
import type { Frame, FrameName } from '../../../src/protocol/frames.js'
import { anything, object, optional, string } from '../../../src/schema.js'
import { createHub, type Hub, type HubOptions } from '../../../src/server/hub.js'
import { createMemoryStorage } from '../../../src/server/storage/memory.js'

export const notes = defineFeature({
  name: 'notes',
  version: 1,
  events: {
    add: durable(object({ text: string({ max: 100_000 }) })),
    soon: ttl(10, object({ text: string() })),
    title: latest(object({ text: string() }), { key: () => 'title' }),
    blob: durable(anything()),
    boom: durable(object({})),
    cursor: volatile(object({ x: string(), of: optional(string()) }), { key: ({ of = '' }) => of, seconds: 5 })
  },
  initial: { texts: [] as string[], title: '' },
  reduce: {
    add: (state, { text }) => ({ ...state, texts: [...state.texts, text] }),
    soon: (state, { text }) => ({ ...state, texts: [...state.texts, text] }),
    title: (state, { text }) => ({ ...state, title: text }),
    blob: state => state,
    boom: () => {
      throw new Error('boom')
    },
    cursor: state => state
  },
  commands: {}
})

/** The same feature under another name or version. */
export let variantOf = (feature: AnyFeature, more: Partial<AnyFeature>): AnyFeature => ({ ...feature, ...more })

export interface TestClock extends Clock {
  /** Lets time pass, timer by timer, with everything that promises do in between. */
  pass(ms: number): Promise<void>
  /** Runs what is due now. */
  settle(): Promise<void>
}

export function createTestClock(): TestClock {
  let time = 0
  let count = 0
  let timers = new Map<number, { at: number; call: () => void }>()

  function add(at: number, call: () => void) {
    let id = ++count
    timers.set(id, { at, call })
    return () => void timers.delete(id)
  }

  /** Promise chains of the engine are short: a few real turns of the event loop let all of them end, writes included. */
  async function promises(): Promise<void> {
    for (let i = 0; i < 3; i++) await new Promise(resolve => setImmediate(resolve))
  }

  async function runUntil(end: number): Promise<void> {
    for (;;) {
      await promises()
      let due = [...timers].filter(([, { at }]) => at <= end).sort(([a, x], [b, y]) => x.at - y.at || a - b)[0]
      if (!due) break
      let [id, { at, call }] = due
      timers.delete(id)
      time = Math.max(time, at)
      call()
    }
    time = end
  }

  return {
    now: () => 1_700_000_000_000 + time,
    mono: () => time,
    after: (ms, call) => add(time + ms, call),
    soon: call => add(time, call),
    pass: ms => runUntil(time + ms),
    settle: () => runUntil(time)
  }
}

export function createTestRandom(start = 0): Random {
  let count = start
  return {
    float: () => 0.5,
    id: () => (++count).toString(16).padStart(32, '0')
  }
}

type Named<N extends FrameName> = Extract<Frame, { f: N }>

/** A connection as its client sees it. */
export interface TestPeer {
  /** Everything that came, in order. */
  readonly got: Frame[]
  /** How many messages it came in. */
  readonly messages: string[]
  readonly closedWith: () => { code: number; reason: string } | null
  /** Pretends that so many bytes wait for the network. */
  stuffed: number
  text(text: string): void
  send(...frames: Frame[]): void
  /** The connection breaks; 1000 for a clean end. */
  drop(code?: number): void
  /** Takes what came since the last call, of one name. */
  take<N extends FrameName>(name: N): Named<N>[]
  /** The newest frame of a name. */
  last<N extends FrameName>(name: N): Named<N>
}

export interface World {
  readonly clock: TestClock
  readonly hub: Hub
  readonly reports: string[]
  connect(): TestPeer
  /** A connection that has its `welcome`. */
  enter(user: string, hello?: Partial<Named<'hello'>>): Promise<TestPeer>
  /** A connection that has joined `room`. */
  join(
    user: string,
    room?: string,
    more?: { hello?: Partial<Named<'hello'>>; join?: Partial<Named<'join'>> }
  ): Promise<TestPeer>
}

export function createWorld(options: Partial<HubOptions> = {}): World {
  let clock = createTestClock()
  let reports: string[] = []
  let hub = createHub({
    features: [notes],
    storage: createMemoryStorage(),
    clock,
    random: createTestRandom(),
    report: (_, code) => void reports.push(code),
    ...options
  })
  let world: World = {
    clock,
    hub,
    reports,
    connect: () => createPeer(hub),
    async enter(user, hello = {}) {
      let peer = createPeer(hub)
      peer.send({ f: 'hello', v: 1, app: 'test', cid: `cid-${user}`, gen: 1, user, ...hello })
      await clock.settle()
      return peer
    },
    async join(user, room = 'r', { hello, join } = {}) {
      let peer = await world.enter(user, hello)
      peer.send({ f: 'join', ref: 1, room, ...join })
      await clock.settle()
      return peer
    }
  }
  return world
}

function createPeer(hub: Hub): TestPeer {
  let got: Frame[] = []
  let fresh: Frame[] = []
  let messages: string[] = []
  let closed: { code: number; reason: string } | null = null
  let peer: TestPeer = {
    got,
    messages,
    closedWith: () => closed,
    stuffed: 0,
    text: text => connection.receive(text),
    send: (...frames) => connection.receive(JSON.stringify(frames)),
    drop: code => connection.closed(code),
    take(name) {
      let taken = fresh.filter(frame => frame.f === name)
      fresh = fresh.filter(frame => frame.f !== name)
      return taken as Named<typeof name>[]
    },
    last(name) {
      let frame = got.findLast(frame => frame.f === name)
      if (!frame) throw new Error(`no «${name}» came, only ${got.map(({ f }) => f).join(' ')}`)
      return frame as Named<typeof name>
    }
  }
  let connection = hub.accept({
    send(text) {
      messages.push(text)
      if (text === 'pong') return
      let frames = JSON.parse(text) as Frame[]
      got.push(...frames)
      fresh.push(...frames)
    },
    close(code, reason) {
      closed = { code, reason }
    },
    buffered: () => peer.stuffed
  })
  return peer
}

/** A push of the chain `normal` in room `r`; number `n` follows `prev`, by default the one before. */
export function pushOf(n: number, more: Partial<Named<'push'>> = {}): Named<'push'> {
  return {
    f: 'push',
    room: 'r',
    lane: 'normal',
    n,
    prev: n - 1,
    id: `id-${n}`,
    feature: 'notes',
    type: 'add',
    data: { text: `text ${n}` },
    ...more
  }
}
