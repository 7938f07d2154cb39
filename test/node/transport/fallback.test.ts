// Which way is taken, and when: under a virtual clock, over networks that let a WebSocket through or do not.

import { beforeEach, describe, expect, test } from 'vitest'
import type { Transport as AnyTransport, Connect, Link, LinkSink, PageEvent } from '../../../src/ports.js'
import { createVirtualClock, type VirtualClock } from '../../../src/testing/clock.js'
// Loaded beforehand: what is imported when it is needed comes in real time.
import '../../../src/transport/climb.js'
import { fallbackConnect } from '../../../src/transport/fallback.js'
import { isHttpFirst, type Memory, REMEMBERED, untilTrial } from '../../../src/transport/ways.js'

type Transport = Exclude<AnyTransport, 'socket.io'>

/** How a network treats one transport. `mute`: opens, and nothing comes. */
type Treatment = 'open' | 'refused' | 'hangs' | 'throws' | 'mute' | 'foreign'

let clock: VirtualClock
let network: Record<Transport, Treatment>
let attempts: string[]
/** Links that were ended by who uses them. */
let closed: Transport[]
let open: { transport: Transport; sink: LinkSink }[]
let memory: Memory & { until: number }
let tell: (event: PageEvent) => void
let connect: Connect

function way(transport: Transport): Connect {
  return (_, sink) => {
    let treatment = network[transport]
    attempts.push(transport)
    if (treatment === 'throws') throw new Error('not allowed')
    let mine = { transport, sink }
    let isOver = false
    let end = (): void => {
      isOver = true
      open = open.filter(entry => entry !== mine)
    }
    if (treatment === 'refused') {
      clock.after(10, () => {
        if (!isOver) sink.closed(1006, 'refused')
      })
    } else if (treatment !== 'hangs') {
      clock.after(20, () => {
        if (isOver) return
        open.push(mine)
        sink.opened()
      })
    }
    let link: Link = {
      send(text) {
        if (isOver || !open.includes(mine)) return false
        let answer = text === 'ping' ? 'pong' : '[{"f":"welcome","v":1}]'
        if (treatment === 'open') clock.after(20, () => !isOver && sink.message(welcome(answer)))
        if (treatment === 'foreign') clock.after(20, () => !isOver && sink.message('<html>'))
        return true
      },
      close() {
        closed.push(transport)
        end()
      },
      buffered: () => 0,
      transport
    }
    return link
  }
}

let welcome = (text: string): string =>
  text === 'pong'
    ? text
    : JSON.stringify([
        {
          f: 'welcome',
          v: 1,
          sid: 's',
          user: 'u',
          heartbeat: 6000,
          max: 1000,
          window: { count: 1, bytes: 1 },
          retry: [0, 1],
          caps: [],
          now: 1
        }
      ])

interface Attempt {
  readonly link: Link
  readonly log: string[]
  /** When it opened. */
  openedAt: number | null
  error: unknown
}

/** An attempt as the supervisor makes it: the hello follows the opening. */
function attempt(): Attempt {
  let made: { -readonly [K in keyof Attempt]: Attempt[K] } = {
    log: [],
    openedAt: null,
    error: undefined,
    link: connect('ws://server/', {
      opened() {
        made.log.push('opened')
        made.openedAt = clock.mono()
        made.link.send('hello')
      },
      message: () => void made.log.push('message'),
      closed(code, _, error) {
        made.log.push(`closed ${code}`)
        made.error = error
      },
      better: () => void made.log.push('better')
    })
  }
  return made
}

beforeEach(() => {
  clock = createVirtualClock()
  network = { websocket: 'open', http: 'open' }
  attempts = []
  closed = []
  open = []
  let listeners = new Set<(event: PageEvent) => void>()
  tell = event => {
    for (let call of listeners) call(event)
  }
  memory = {
    until: 0,
    read: () => memory.until,
    write(_, until) {
      memory.until = until
    }
  }
  connect = fallbackConnect({
    webSocket: way('websocket'),
    http: way('http'),
    clock,
    memory,
    page: {
      visible: () => true,
      online: () => true,
      prerendering: () => false,
      frame: () => () => {},
      guard: () => {},
      listen(call) {
        listeners.add(call)
        return () => listeners.delete(call)
      }
    }
  })
})

describe('[W13] the first way to open is taken', () => {
  test('[W13] a WebSocket that opens is all there is', async () => {
    let made = attempt()
    await clock.advance(60_000)
    expect(attempts).toEqual(['websocket'])
    expect(made).toMatchObject({ openedAt: 20, log: ['opened', 'message'], link: { transport: 'websocket' } })
    expect(memory.until).toBe(0)
    expect(clock.waiting()).toBe(0)
  })

  test.each([
    ['refused', 30],
    ['throws', 20],
    ['hangs', 5020]
  ] as const)('[W13] where a WebSocket %s, HTTP carries the same attempt after %i ms', async (treatment, at) => {
    network.websocket = treatment
    let made = attempt()
    await clock.advance(5100)
    expect(made).toMatchObject({ openedAt: at, log: ['opened', 'message'], link: { transport: 'http' } })
    // One that may still open is given up.
    if (treatment === 'hangs') expect(closed).toEqual(['websocket'])
  })

  test('a WebSocket that opens late is not given up for its lateness', async () => {
    network = { websocket: 'hangs', http: 'hangs' }
    let late!: LinkSink
    let slow = fallbackConnect({
      webSocket: (_, sink) => {
        late = sink
        return { send: () => true, close: () => {}, buffered: () => 0, transport: 'websocket' }
      },
      http: way('http'),
      clock,
      memory,
      page: null
    })
    let log: string[] = []
    let link = slow('ws://server/', {
      opened: () => void log.push('opened'),
      message: () => {},
      closed: () => void log.push('closed')
    })
    await clock.advance(8000)
    late.opened()
    expect([log, link.transport]).toEqual([['opened'], 'websocket'])
  })

  test('where nothing opens, the attempt ends once, nothing is remembered, and no timer is left', async () => {
    network = { websocket: 'refused', http: 'refused' }
    for (let i = 0; i < 5; i++) {
      let made = attempt()
      await clock.advance(100)
      expect(made.log).toEqual(['closed 1006'])
    }
    expect(attempts).toEqual(Array.from({ length: 10 }, (_, i) => (i % 2 ? 'http' : 'websocket')))
    expect(memory.until).toBe(0)
    expect(clock.waiting()).toBe(0)
  })

  test('what forbids a WebSocket is told when HTTP fails too', async () => {
    network = { websocket: 'throws', http: 'refused' }
    let made = attempt()
    await clock.advance(100)
    expect(made.log).toEqual(['closed 1006'])
    expect(String(made.error)).toContain('not allowed')
  })

  test('an attempt that is given up reports nothing and leaves nothing', async () => {
    network.websocket = 'hangs'
    let made = attempt()
    await clock.advance(100)
    made.link.close(4000)
    await clock.advance(60_000)
    expect([made.log, attempts, open, clock.waiting()]).toEqual([[], ['websocket'], [], 0])
  })
})

test.each([
  ['mute', 8020],
  ['foreign', 40]
] as const)('[W14] a WebSocket that is %s has failed after %i ms, and HTTP comes first next', async (treatment, at) => {
  network.websocket = treatment
  let made = attempt()
  await clock.advance(at - 1)
  expect(made.log).toEqual(['opened'])
  await clock.advance(1)
  expect(made.log).toEqual(['opened', 'closed 1006'])
  attempts = []
  let next = attempt()
  await clock.advance(100)
  expect([next.link.transport, attempts]).toEqual(['http', ['http']])
})

test('[W14] a server that takes its time to ask who it is is not mute', async () => {
  network.websocket = 'mute'
  let made = attempt()
  await clock.advance(5000)
  open[0]?.sink.message(welcome('hello'))
  await clock.advance(60_000)
  expect(made.log).toEqual(['opened', 'message'])
})

test('[W15] a welcome over HTTP is remembered: HTTP comes first, for 10 minutes', async () => {
  network.websocket = 'refused'
  let made = attempt()
  await clock.advance(100)
  expect(memory.until - clock.now()).toBeGreaterThan(REMEMBERED - 200)
  made.link.close(4000)
  attempts = []
  let next = attempt()
  await clock.advance(100)
  expect([attempts, next.openedAt! - 100]).toEqual([['http'], 20])
  next.link.close(4000)
  await clock.advance(REMEMBERED)
  attempts = []
  attempt()
  expect(attempts).toEqual(['websocket'])
})

test('[W15] HTTP that fails is forgotten at once, and the WebSocket carries the same attempt', async () => {
  memory.until = clock.now() + 60_000
  network.http = 'refused'
  let made = attempt()
  await clock.advance(100)
  expect([attempts, made.link.transport, memory.until]).toEqual([['http', 'websocket'], 'websocket', 0])
})

test.each([
  ['breaks', 1006, 0],
  ['is ended by the server', 4503, 1]
])('[W15] a connection over HTTP that %s', async (_, code, remembered) => {
  network.websocket = 'refused'
  attempt()
  await clock.advance(100)
  open[0]?.sink.closed(code, '')
  expect(Math.sign(memory.until)).toBe(remembered)
})

test('[W15] HTTP that fell silent is forgotten when it is given up', async () => {
  network.websocket = 'refused'
  let made = attempt()
  await clock.advance(13_000)
  made.link.close(4000)
  expect(memory.until).toBe(0)
})

describe('[W16] the way back', () => {
  test('a server that was just starting: the WebSocket takes over 5 s after the first welcome', async () => {
    network.websocket = 'refused'
    let made = attempt()
    await clock.advance(100)
    network.websocket = 'open'
    await clock.advance(4900)
    expect(made.log).toEqual(['opened', 'message'])
    await clock.advance(200)
    expect(made.log).toEqual(['opened', 'message', 'better'])
    expect(memory.until).toBe(0)
    made.link.close(4000)
    attempts = []
    expect(attempt().link.transport).toBe('websocket')
    await clock.advance(100)
    expect(attempts).toEqual(['websocket'])
    expect(open).toHaveLength(1)
  })

  test('where it stays closed it is tried every 10 minutes, and HTTP goes on', async () => {
    network.websocket = 'refused'
    let made = attempt()
    await clock.advance(3 * REMEMBERED)
    expect(attempts.filter(transport => transport === 'websocket')).toHaveLength(4)
    expect(made.log).toEqual(['opened', 'message'])
    expect(isHttpFirst(memory.until, clock.now())).toBe(true)
    made.link.close()
    expect(clock.waiting()).toBe(0)
  })

  test('another network is asked at once', async () => {
    network.websocket = 'hangs'
    let made = attempt()
    await clock.advance(60_000)
    network.websocket = 'open'
    tell('visible')
    await clock.advance(1000)
    expect(made.log).toEqual(['opened', 'message'])
    tell('online')
    tell('online')
    await clock.advance(1000)
    expect(made.log).toEqual(['opened', 'message', 'better'])
  })

  test.each(['mute', 'foreign'] as const)('a WebSocket that opens and is %s is no way back', async treatment => {
    network.websocket = 'refused'
    let made = attempt()
    await clock.advance(100)
    network.websocket = treatment
    await clock.advance(60_000)
    expect(made.log).toEqual(['opened', 'message'])
  })

  test('[W16] one that was found and failed all the same waits 10 minutes', async () => {
    network.websocket = 'refused'
    let made = attempt()
    await clock.advance(100)
    network.websocket = 'open'
    await clock.advance(6000)
    expect(made.log).toContain('better')
    made.link.close(4000)
    network.websocket = 'refused'
    let next = attempt()
    await clock.advance(100)
    expect(next.link.transport).toBe('http')
    network.websocket = 'open'
    attempts = []
    await clock.advance(REMEMBERED - 1000)
    expect(attempts).toEqual([])
    await clock.advance(2000)
    expect(next.log).toContain('better')
  })
})

test('[W15] [W16] the decisions, as a table', () => {
  expect(isHttpFirst(0, 1000)).toBe(false)
  expect(isHttpFirst(1001, 1000)).toBe(true)
  expect(isHttpFirst(1000, 1000)).toBe(false)
  expect(isHttpFirst(Number.NaN, 1000)).toBe(false)
  // The clock was set back, or somebody wrote nonsense.
  expect(isHttpFirst(1001 + REMEMBERED, 1000)).toBe(false)
  expect(untilTrial(5000, 1000, true)).toBe(4000)
  expect(untilTrial(0, 1000, false)).toBe(5000)
  expect(untilTrial(0, 1000, true)).toBe(REMEMBERED)
})
