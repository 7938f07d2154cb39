// One connection kept alive: the handshake, tokens, deadlines, goodbyes, malformed frames and measurements, over links in memory.

import { expect, test } from 'vitest'
import { createSupervisor, type Supervisor, type SupervisorPorts } from '../../../src/core/supervisor.js'
import { RealtimeError } from '../../../src/errors.js'
import type { LinkSink } from '../../../src/ports.js'
import type { DownFrame, Frame, FrameName, FrameOf, WelcomeFrame } from '../../../src/protocol/frames.js'
import { createSeededRandom, createVirtualClock, type VirtualClock } from '../../../src/testing/clock.js'

/** One attempt, as the other side of it. */
interface Wire {
  readonly url: string
  readonly sink: LinkSink
  readonly got: Frame[]
  readonly texts: string[]
  closed: number | null
  say(...frames: unknown[]): void
}

interface Line {
  readonly supervisor: Supervisor
  readonly clock: VirtualClock
  readonly wires: Wire[]
  /** The newest attempt. */
  readonly wire: Wire
  readonly welcomed: WelcomeFrame[]
  readonly received: DownFrame[]
  readonly phases: string[]
  dropped: number
  readonly bad: string[]
  /** Goes all the way to a welcome. */
  online(more?: Partial<WelcomeFrame>): Promise<void>
}

let welcomeFrame = (more: Partial<WelcomeFrame> = {}): WelcomeFrame => ({
  f: 'welcome',
  sid: 'sid1',
  user: 'ann',
  heartbeat: 6000,
  max: 65_536,
  window: { count: 10, bytes: 10_000 },
  retry: [1000, 5000],
  now: 1_700_000_000_000,
  ...more
})

function createLine(more: Partial<SupervisorPorts> = {}): Line {
  let clock = createVirtualClock()
  let wires: Wire[] = []
  let phases: string[] = []
  let line: Line = {
    clock,
    wires,
    phases,
    dropped: 0,
    bad: [],
    welcomed: [],
    received: [],
    get wire() {
      return wires.at(-1) as Wire
    },
    async online(frame = {}) {
      if (line.supervisor.state.phase === 'idle') line.supervisor.feed({ type: 'connect' })
      line.wire.sink.opened()
      await clock.settle()
      line.wire.say(welcomeFrame(frame))
      await clock.settle()
      expect(line.supervisor.state.phase).toBe('online')
    },
    supervisor: createSupervisor({
      url: 'wss://example.test/realtime',
      connect(url, sink) {
        let wire: Wire = {
          url,
          sink,
          got: [],
          texts: [],
          closed: null,
          say: (...frames) => sink.message(JSON.stringify(frames))
        }
        wires.push(wire)
        return {
          send(text) {
            if (wire.closed !== null) return false
            wire.texts.push(text)
            wire.got.push(...(JSON.parse(text) as Frame[]))
            return true
          },
          close(code = 1000) {
            wire.closed ??= code
          },
          buffered: () => 0,
          transport: 'websocket'
        }
      },
      clock,
      random: createSeededRandom(5),
      token: 'secret',
      settings: { maxAttempts: Infinity, connectTimeout: 20_000 },
      identify: async () => ({ app: 'app', user: 'ann', cid: 'c1', gen: 3, platform: 'web', resume: true }),
      welcomed: frame => void line.welcomed.push(frame),
      received: frames => void line.received.push(...frames),
      dropped: () => void line.dropped++,
      changed: state => {
        if (phases.at(-1) !== state.phase) phases.push(state.phase)
      },
      bad: message => void line.bad.push(message),
      online: () => true,
      ...more
    })
  }
  return line
}

let framesOf = <N extends FrameName>(wire: Wire, name: N): FrameOf<N>[] =>
  wire.got.filter(frame => frame.f === name) as never

/** A promise with its ends outside. */
function deferred<T>() {
  let resolve!: (value: T) => void
  let reject!: (error: unknown) => void
  let promise = new Promise<T>((yes, no) => {
    resolve = yes
    reject = no
  })
  return { promise, resolve, reject }
}

test('[H1] the first frame is hello, with the token and never in the address; nothing else before welcome', async () => {
  let line = createLine()
  line.supervisor.feed({ type: 'connect' })
  expect(line.wire.texts).toEqual([])
  line.wire.sink.opened()
  await line.clock.settle()
  expect(line.wire.url).toBe('wss://example.test/realtime')
  expect(line.wire.got).toEqual([
    { f: 'hello', v: 1, app: 'app', user: 'ann', cid: 'c1', gen: 3, token: 'secret', platform: 'web' }
  ])
  expect(line.supervisor.send([{ f: 'ping', x: 1 }])).toBe(false)
  expect(line.supervisor.isWelcome).toBe(false)
  line.wire.say({ f: 'ping', x: 1 })
  expect(line.wire.got).toHaveLength(1)
  line.wire.say(welcomeFrame())
  expect(line.supervisor.sid).toBe('sid1')
  expect(line.supervisor.send([{ f: 'leave', room: 'r' }])).toBe(true)
  expect(line.phases).toEqual(['connecting', 'authenticating', 'online'])
})

test('what comes before welcome, or beside it, is for nobody', async () => {
  let line = createLine()
  line.supervisor.feed({ type: 'connect' })
  line.wire.sink.opened()
  await line.clock.settle()
  let event = { f: 'gap', room: 'r', epoch: 'e', offset: 1 }
  line.wire.say(event)
  expect(line.received).toEqual([])
  line.wire.say(welcomeFrame(), event)
  expect(line.received).toEqual([event])
  line.wire.say(welcomeFrame({ sid: 'another' }))
  expect(line.supervisor.sid).toBe('sid1')
  expect(line.welcomed).toHaveLength(1)
})

test('an address may be a function, and one that cannot be opened is `blocked`', async () => {
  let attempts = 0
  let line = createLine({
    url: () => {
      attempts++
      throw new SyntaxError('no such scheme')
    }
  })
  line.supervisor.feed({ type: 'connect' })
  expect(line.supervisor.state).toMatchObject({ phase: 'waiting', reason: 'blocked' })
  expect(line.supervisor.error?.message).toBe('no such scheme')
  await line.clock.advance(1100)
  expect(attempts).toBe(2)
})

test('[H5] the next hello asks for the same session, unless we left for good', async () => {
  let line = createLine()
  await line.online()
  line.wire.sink.closed(1006, '')
  await line.clock.advance(6000)
  await line.online()
  expect(framesOf(line.wire, 'hello')[0]).toMatchObject({ sid: 'sid1' })
  line.supervisor.close('disconnected')
  line.supervisor.feed({ type: 'connect' })
  line.wire.sink.opened()
  await line.clock.settle()
  expect(framesOf(line.wire, 'hello')[0]).not.toHaveProperty('sid')
})

test('[P6] who leaves for good closes with 1000, who will be back does not', async () => {
  let line = createLine()
  await line.online()
  line.supervisor.feed({ type: 'reopen', reason: 'replaced' })
  expect(line.wires[0]?.closed).not.toBe(1000)
  await line.online()
  line.supervisor.close('disconnected')
  expect(line.wire.closed).toBe(1000)
  expect(line.dropped).toBe(2)
})

test('token, opening and hello share one deadline', async () => {
  let token = deferred<string>()
  let line = createLine({ token: () => token.promise, settings: { maxAttempts: Infinity, connectTimeout: 5000 } })
  line.supervisor.feed({ type: 'connect' })
  await line.clock.advance(3000)
  line.wire.sink.opened()
  await line.clock.advance(1999)
  expect(line.supervisor.state.phase).toBe('authenticating')
  await line.clock.advance(1)
  expect(line.supervisor.state).toMatchObject({ phase: 'waiting', reason: 'timeout' })
  expect(line.wires[0]?.closed).not.toBe(null)
  // What the token function returns at last concerns an attempt that is over.
  token.resolve('late')
  await line.clock.settle()
  expect(line.wires[0]?.texts).toEqual([])
  await line.clock.advance(1000)
  expect(line.wires).toHaveLength(2)
})

test('a token function that never answers is asked anew, and fails nothing any more when it does', async () => {
  let tokens = [deferred<string>(), deferred<string>()]
  let asked = 0
  let line = createLine({ token: () => (tokens[asked++] as (typeof tokens)[0]).promise })
  line.supervisor.feed({ type: 'connect' })
  line.wire.sink.opened()
  await line.clock.advance(10_000)
  line.supervisor.feed({ type: 'reopen', reason: 'replaced' })
  line.wire.sink.opened()
  await line.clock.settle()
  expect(asked).toBe(2)
  tokens[0]?.reject(new RealtimeError('forbidden'))
  await line.clock.settle()
  expect(line.supervisor.state.phase).toBe('authenticating')
  tokens[1]?.resolve('good')
  await line.clock.settle()
  expect(framesOf(line.wire, 'hello')[0]).toMatchObject({ token: 'good' })
})

test('a server that never says welcome is left after the deadline', async () => {
  let line = createLine()
  line.supervisor.feed({ type: 'connect' })
  line.wire.sink.opened()
  await line.clock.advance(20_000)
  expect(line.supervisor.state).toMatchObject({ phase: 'waiting', reason: 'timeout' })
})

test('a token function that fails is asked again with back-off, and the reason is shown', async () => {
  let asked: string[] = []
  let line = createLine({
    token: ({ reason }) => {
      asked.push(reason)
      if (asked.length < 3) throw new Error('auth server is down')
      return 'fresh'
    }
  })
  line.supervisor.feed({ type: 'connect' })
  line.wire.sink.opened()
  await line.clock.settle()
  expect(line.supervisor.state).toMatchObject({ phase: 'waiting', reason: 'token', attempt: 1 })
  expect(line.supervisor.error).toMatchObject({ code: 'token', message: 'auth server is down' })
  await line.clock.advance(1000)
  line.wire.sink.opened()
  await line.clock.settle()
  expect(line.supervisor.state).toMatchObject({ phase: 'waiting', reason: 'token', attempt: 2 })
  await line.clock.advance(2000)
  line.wire.sink.opened()
  await line.clock.settle()
  expect(framesOf(line.wire, 'hello')[0]).toMatchObject({ token: 'fresh' })
  expect(asked).toEqual(['connect', 'connect', 'connect'])
})

test('a token function that says no ends it; one that returns no text is a failure like any other', async () => {
  let line = createLine({
    token: () => {
      throw new RealtimeError('forbidden', 'signed out')
    }
  })
  line.supervisor.feed({ type: 'connect' })
  line.wire.sink.opened()
  await line.clock.settle()
  expect(line.supervisor.state).toMatchObject({ phase: 'closed', reason: 'forbidden' })

  let other = createLine({ token: () => null as never })
  other.supervisor.feed({ type: 'connect' })
  other.wire.sink.opened()
  await other.clock.settle()
  expect(other.supervisor.state).toMatchObject({ phase: 'waiting', reason: 'token' })
  expect(other.wire.texts).toEqual([])
})

test('a refused token is fetched anew once at once, and then with back-off', async () => {
  let asked: string[] = []
  let line = createLine({
    token: ({ reason }) => {
      asked.push(reason)
      return `t${asked.length}`
    }
  })
  line.supervisor.feed({ type: 'connect' })
  line.wire.sink.opened()
  await line.clock.settle()
  line.wire.say({ f: 'bye', code: 'unauthorized', final: true })
  expect(line.wires).toHaveLength(2)
  line.wire.sink.opened()
  await line.clock.settle()
  expect(framesOf(line.wire, 'hello')[0]).toMatchObject({ token: 't2' })
  line.wire.say({ f: 'bye', code: 'unauthorized', final: true, why: 'no such user' })
  expect(line.supervisor.state).toMatchObject({ phase: 'waiting', reason: 'unauthorized' })
  expect(line.supervisor.error).toMatchObject({ code: 'unauthorized', message: 'no such user' })
  expect(asked).toEqual(['connect', 'refused'])
})

test('a refused fixed token stays refused, until another is handed in', async () => {
  let line = createLine()
  line.supervisor.feed({ type: 'connect' })
  line.wire.sink.opened()
  await line.clock.settle()
  line.wire.say({ f: 'bye', code: 'unauthorized', final: true })
  expect(line.supervisor.state).toMatchObject({ phase: 'closed', reason: 'unauthorized' })
  await line.clock.advance(100_000)
  expect(line.wires).toHaveLength(1)
  line.supervisor.authenticate('better')
  line.supervisor.feed({ type: 'connect' })
  line.wire.sink.opened()
  await line.clock.settle()
  expect(framesOf(line.wire, 'hello')[0]).toMatchObject({ token: 'better' })
})

test('[H9] a token is renewed in place before it runs out', async () => {
  let asked: string[] = []
  let line = createLine({
    token: ({ reason }) => {
      asked.push(reason)
      return `t${asked.length}`
    }
  })
  await line.online({ expiresIn: 100 })
  for (let i = 0; i < 80; i++) {
    await line.clock.advance(1000)
    line.wire.say({ f: 'ping', x: i })
    if (i < 69) expect(asked).toEqual(['connect'])
  }
  expect(asked).toEqual(['connect', 'refresh'])
  expect(framesOf(line.wire, 'auth')).toEqual([{ f: 'auth', token: 't2' }])
  line.wire.say({ f: 'authed', expiresIn: 10 })
  await line.clock.advance(8000)
  expect(asked).toHaveLength(3)
  expect(line.wires).toHaveLength(1)
})

test('[H8] however often a token is asked for, one is fetched at a time', async () => {
  let token = deferred<string>()
  let asked = 0
  let line = createLine({
    token: () => {
      asked++
      return asked === 1 ? 't1' : token.promise
    }
  })
  await line.online({ expiresIn: 10 })
  await line.clock.advance(8000)
  expect(asked).toBe(2)
  for (let i = 0; i < 5; i++) line.wire.say({ f: 'reauth', within: 60, why: 'expires' })
  await line.clock.settle()
  expect(asked).toBe(2)
  token.resolve('t2')
  await line.clock.settle()
  expect(framesOf(line.wire, 'auth')).toEqual([{ f: 'auth', token: 't2' }])
  line.wire.say({ f: 'reauth', within: 60 })
  await line.clock.settle()
  expect(asked).toBe(3)
})

test('[H9] a server that cannot tell whether a token is good is not asked again at once', async () => {
  let asked = 0
  let line = createLine({ token: () => `t${++asked}` })
  await line.online()
  for (let i = 0; i < 3; i++) {
    line.wire.say({ f: 'reauth', within: 5, why: 'busy' })
    await line.clock.advance(4900)
    expect(asked).toBe(i + 1)
    await line.clock.advance(100)
    expect(asked).toBe(i + 2)
    line.wire.say({ f: 'ping', x: i })
  }
})

test('a refresh that fails is tried again, and dies with its connection', async () => {
  let asked = 0
  let line = createLine({
    token: () => {
      if (++asked > 1) throw new Error('down')
      return 't'
    }
  })
  await line.online({ expiresIn: 5 })
  await line.clock.advance(4000)
  expect([asked, line.supervisor.error?.message]).toEqual([2, 'down'])
  await line.clock.advance(5000)
  expect(asked).toBe(3)
  line.supervisor.close('disconnected')
  await line.clock.advance(100_000)
  expect(asked).toBe(3)
})

test('authenticate goes over the present connection; a fixed token is used from then on', async () => {
  let line = createLine()
  await line.online()
  line.supervisor.authenticate('new')
  expect(framesOf(line.wire, 'auth')).toEqual([{ f: 'auth', token: 'new' }])
  line.supervisor.feed({ type: 'reopen', reason: 'replaced' })
  line.wire.sink.opened()
  await line.clock.settle()
  expect(framesOf(line.wire, 'hello')[0]).toMatchObject({ token: 'new' })
})

test('[H10] a planned end is followed by a wait in its window; a final one by none', async () => {
  let line = createLine()
  await line.online()
  await line.clock.advance(5000)
  let before = line.clock.mono()
  line.wire.say({ f: 'bye', code: 'restart', final: false, retry: [3000, 9000] })
  expect(line.supervisor.state).toMatchObject({ phase: 'waiting', reason: 'server' })
  let { until } = line.supervisor.state as { until: number }
  expect(until - before).toBeGreaterThanOrEqual(3000)
  expect(until - before).toBeLessThanOrEqual(9000)
  await line.clock.advance(9000)
  await line.online()
  line.wire.say({ f: 'bye', code: 'replaced', final: true })
  expect(line.supervisor.state).toEqual({ phase: 'closed', reason: 'replaced' })
  await line.clock.advance(100_000)
  expect(line.wires).toHaveLength(2)
  // The session is that of the other one now.
  line.supervisor.feed({ type: 'connect' })
  line.wire.sink.opened()
  await line.clock.settle()
  expect(framesOf(line.wire, 'hello')[0]).not.toHaveProperty('sid')
})

test('[F2] malformed frames are counted and move nothing; the good ones beside them count', async () => {
  let line = createLine()
  await line.online()
  line.wire.sink.message('{')
  line.wire.sink.message('"text"')
  line.wire.say({ f: 'event', room: 7 }, { f: 'gap', room: 'r', epoch: 'e', offset: 1 }, null, { f: 'nobody knows' })
  line.wire.say({ f: 'push', room: 'r', lane: 'normal', n: 1, prev: 0, id: 'i', feature: 'f', type: 't', data: 1 })
  expect(line.received).toEqual([{ f: 'gap', room: 'r', epoch: 'e', offset: 1 }])
  expect(line.supervisor.stats.badFrames).toBe(5)
  expect(line.bad).toHaveLength(4)
  expect(line.supervisor.state.phase).toBe('online')
})

test('a server that keeps sending malformed frames is left, and the count starts over with the next link', async () => {
  let line = createLine()
  await line.online()
  for (let i = 0; i < 100; i++) line.wire.sink.message('x')
  expect(line.supervisor.state.phase).toBe('online')
  line.wire.sink.message('x')
  expect(line.supervisor.state).toMatchObject({ phase: 'waiting', reason: 'protocol' })
  expect(line.wires[0]?.closed).not.toBe(null)
  await line.clock.advance(10_000)
  await line.online()
  line.wire.sink.message('x')
  expect(line.supervisor.state.phase).toBe('online')
})

test('[R5] whatever an abandoned link still reports is void', async () => {
  let line = createLine()
  await line.online()
  let old = line.wire
  line.supervisor.feed({ type: 'reopen', reason: 'replaced' })
  await line.online({ sid: 'sid2' })
  old.sink.closed(1006, '')
  old.sink.opened()
  old.say({ f: 'bye', code: 'replaced', final: true }, { f: 'gap', room: 'r', epoch: 'e', offset: 1 })
  expect(line.supervisor.state.phase).toBe('online')
  expect(line.supervisor.sid).toBe('sid2')
  expect(line.received).toEqual([])
  expect(line.wires).toHaveLength(2)
})

test('frames that were under way with a goodbye are not handed on', async () => {
  let line = createLine()
  await line.online()
  line.wire.say({ f: 'bye', code: 'busy', final: false }, { f: 'gap', room: 'r', epoch: 'e', offset: 1 })
  expect(line.received).toEqual([])
})

test('[L3] the round trip is measured at once, and smoothed', async () => {
  let line = createLine()
  await line.online({ now: 1_700_000_050_000 })
  let answer = async (ms: number): Promise<void> => {
    await line.clock.advance(ms)
    let { x } = framesOf(line.wire, 'ping').at(-1) as FrameOf<'ping'>
    line.wire.say({ f: 'pong', x })
  }
  expect(framesOf(line.wire, 'ping')).toHaveLength(1)
  expect(line.supervisor.stats.latencyMs).toBe(null)
  await answer(80)
  expect(line.supervisor.stats).toMatchObject({ latencyMs: 80, jitterMs: 40 })
  await line.clock.advance(5920)
  await answer(160)
  expect(line.supervisor.stats).toMatchObject({ latencyMs: 90, jitterMs: 50 })
  line.wire.say({ f: 'pong', x: 12_345 })
  expect(line.supervisor.stats.latencyMs).toBe(90)
  expect(line.supervisor.stats.serverTimeOffsetMs).toBe(50_000)
})

test('the server clock is told with half a round trip added', async () => {
  let line = createLine()
  await line.online({ now: 1_700_000_000_000 })
  let { x } = framesOf(line.wire, 'ping')[0] as FrameOf<'ping'>
  await line.clock.advance(100)
  line.wire.say({ f: 'pong', x, now: 1_700_000_000_050 + 7000 })
  expect(line.supervisor.stats.serverTimeOffsetMs).toBe(7000)
})

test('[L1] pings are answered; those with positions concern the rooms too', async () => {
  let line = createLine()
  await line.online()
  let beat = { f: 'ping', x: 42, now: 1_700_000_000_000, rooms: { r: ['e', 3] } }
  line.wire.say(beat, { f: 'ping', x: 43 })
  expect(framesOf(line.wire, 'pong')).toEqual([
    { f: 'pong', x: 42 },
    { f: 'pong', x: 43 }
  ])
  expect(line.received).toEqual([beat])
})

test('a silent link is given up after two missed beats', async () => {
  let line = createLine()
  await line.online({ retry: [0, 1000] })
  await line.clock.advance(12_999)
  expect(line.supervisor.state.phase).toBe('online')
  await line.clock.advance(1)
  expect(line.supervisor.state).toMatchObject({ phase: 'waiting', reason: 'network' })
  expect(line.dropped).toBe(1)
  expect(line.supervisor.stats.drops).toBe(1)
  await line.clock.advance(1000)
  expect(line.wires).toHaveLength(2)
})

test('a page that slept asks before it gives up', async () => {
  let line = createLine()
  await line.online()
  line.clock.sleep(3_600_000)
  await line.clock.settle()
  expect(line.supervisor.state).toMatchObject({ phase: 'online', probe: expect.anything() })
  let { x } = framesOf(line.wire, 'ping').at(-1) as FrameOf<'ping'>
  await line.clock.advance(50)
  line.wire.say({ f: 'pong', x })
  await line.clock.advance(5000)
  expect(line.supervisor.state).toMatchObject({ phase: 'online', probe: null })
  line.clock.sleep(3_600_000)
  await line.clock.advance(3000)
  expect(line.supervisor.state).toMatchObject({ phase: 'waiting', reason: 'network' })
})

test('[F6] what is sent together travels in messages that the server takes', async () => {
  let line = createLine()
  await line.online({ max: 1000 })
  let frames = Array.from({ length: 10 }, (_, i) => ({ f: 'leave' as const, room: `${i}`.padEnd(200, 'x') }))
  line.wire.texts.length = 0
  expect(line.supervisor.send(frames)).toBe(true)
  expect(line.wire.texts.flatMap(text => JSON.parse(text) as Frame[])).toEqual(frames)
  for (let text of line.wire.texts) expect(text.length).toBeLessThanOrEqual(1000)
  expect(line.wire.texts.length).toBeLessThan(4)
})

test('bytes are counted both ways', async () => {
  let line = createLine()
  await line.online()
  let { bytesIn, bytesOut } = line.supervisor.stats
  expect(bytesOut).toBe(line.wire.texts.join('').length)
  line.wire.say({ f: 'ping', x: 1 })
  expect(line.supervisor.stats.bytesIn - bytesIn).toBe('[{"f":"ping","x":1}]'.length)
})

test('an identity that cannot be had fails the attempt, not the page', async () => {
  let line = createLine({
    identify: async () => {
      throw new RealtimeError('storage', 'no disk')
    }
  })
  line.supervisor.feed({ type: 'connect' })
  line.wire.sink.opened()
  await line.clock.settle()
  expect(line.supervisor.state).toMatchObject({ phase: 'waiting' })
  expect(line.supervisor.error).toMatchObject({ code: 'storage' })
})

test('[H4] a welcome for another user is no welcome: nothing of ours leaves on it', async () => {
  let line = createLine()
  line.supervisor.feed({ type: 'connect' })
  line.wire.sink.opened()
  await line.clock.settle()
  line.wire.say(welcomeFrame({ user: 'bob' }))
  expect(line.supervisor.state).toEqual({ phase: 'closed', reason: 'wrong-user' })
  expect(line.welcomed).toEqual([])
  expect(line.wire.got.map(({ f }) => f)).toEqual(['hello'])
})

test('[H12] who is revoked stays away, and the reason is shown', async () => {
  let line = createLine({ token: () => 't' })
  await line.online()
  line.wire.say({ f: 'bye', code: 'revoked', final: true, why: 'left the company' })
  expect(line.supervisor.state).toEqual({ phase: 'closed', reason: 'revoked' })
  expect(line.supervisor.error).toMatchObject({ code: 'revoked', message: 'left the company' })
  await line.clock.advance(600_000)
  expect(line.wires).toHaveLength(1)
})

test('[H13] the newest window of the server counts', async () => {
  for (let window of [0, 1000, 60_000]) {
    let line = createLine()
    await line.online({ retry: [30_000, 30_000] })
    line.wire.say({ f: 'ping', x: 1, retry: [window, window] })
    await line.clock.advance(6000)
    line.wire.say({ f: 'ping', x: 2 })
    line.wire.sink.closed(1006, '')
    await line.clock.advance(window)
    expect(line.wires).toHaveLength(2)
    expect(line.clock.mono()).toBe(6000 + window)
  }
})

// A sleep that stops the monotonic clock and every timer shows in the wall clock alone.
let napOf = (line: Line, ms: number): void => line.clock.shiftWall(ms)

test('a machine that slept notices within 5 s that its link is dead, whatever its clocks do', async () => {
  for (let nap of [napOf, (line: Line, ms: number) => line.clock.sleep(ms)]) {
    let line = createLine()
    await line.online({ retry: [30_000, 30_000] })
    await line.clock.advance(700)
    nap(line, 3_600_000)
    let woke = line.clock.mono()
    while (line.supervisor.state.phase === 'online') {
      await line.clock.advance(10)
      expect(line.clock.mono() - woke).toBeLessThanOrEqual(5000)
    }
    expect(line.supervisor.state).toMatchObject({ phase: 'waiting', reason: 'network' })
    // Its own fault: nobody else is at the door.
    await line.clock.advance(1000)
    expect(line.wires).toHaveLength(2)
  }
})

test('a page that becomes visible knows within 5 s whether its link is dead', async () => {
  let line = createLine()
  await line.online()
  await line.clock.advance(10)
  line.supervisor.feed({ type: 'hint', hint: 'visible' })
  await line.clock.advance(3000)
  expect(line.supervisor.state).toMatchObject({ phase: 'waiting', reason: 'network' })
})

test('a wait, and an attempt that was under way, do not outlast a sleep', async () => {
  let line = createLine()
  line.supervisor.feed({ type: 'connect' })
  for (let i = 0; i < 6; i++) {
    line.wire.sink.closed(1006, '')
    await line.clock.advance(i < 5 ? 16_000 : 0)
  }
  expect(line.supervisor.state).toMatchObject({ phase: 'waiting', attempt: 6 })
  let attempts = line.wires.length
  napOf(line, 600_000)
  await line.clock.advance(1500)
  expect(line.wires).toHaveLength(attempts + 1)
  expect(line.supervisor.state.phase).toBe('connecting')
  napOf(line, 600_000)
  await line.clock.advance(1500)
  expect(line.wires).toHaveLength(attempts + 2)
  expect(line.wires.at(-2)?.closed).not.toBe(null)
})

test('[H9] a token that ran out in the sleep is renewed first, and for all who need it at once', async () => {
  let token = deferred<string>()
  let asked: string[] = []
  let line = createLine({
    token({ reason }) {
      asked.push(reason)
      return asked.length === 1 ? 't1' : token.promise
    }
  })
  await line.online({ expiresIn: 3600 })
  await line.clock.advance(700)
  napOf(line, 7_200_000)
  await line.clock.advance(1500)
  expect(asked).toEqual(['connect', 'refresh'])
  // The timer for it, the server and the next connection ask for the same one.
  line.wire.say({ f: 'reauth', within: 0, why: 'expires' })
  line.supervisor.feed({ type: 'reopen', reason: 'replaced' })
  line.wire.sink.opened()
  await line.clock.settle()
  expect(asked).toEqual(['connect', 'refresh'])
  expect(line.wire.got).toEqual([])
  token.resolve('t2')
  await line.clock.settle()
  expect(framesOf(line.wire, 'hello')[0]).toMatchObject({ token: 't2' })
  expect(line.wires.flatMap(wire => framesOf(wire, 'auth'))).toEqual([])
})

test('a clock that is set ahead costs a question, not the connection', async () => {
  let line = createLine()
  await line.online()
  napOf(line, 86_400_000)
  await line.clock.advance(1500)
  let { x } = framesOf(line.wire, 'ping').at(-1) as FrameOf<'ping'>
  line.wire.say({ f: 'pong', x })
  await line.clock.advance(5000)
  expect(line.supervisor.state).toMatchObject({ phase: 'online', probe: null })
  expect(line.wires).toHaveLength(1)
})

test('[H9] tokens that are worth nothing are not fetched without end', async () => {
  let asked = 0
  let line = createLine({ token: () => `t${++asked}` })
  await line.online({ expiresIn: 0 })
  // A clock that is wrong somewhere: whatever is handed in has run out already.
  for (let second = 0; second < 600; second++) {
    await line.clock.advance(1000)
    for (let _ of framesOf(line.wire, 'auth')) line.wire.say({ f: 'authed', expiresIn: 0 }, { f: 'reauth', within: 0 })
    line.wire.got.length = 0
    line.wire.say({ f: 'ping', x: second })
  }
  expect(asked).toBeGreaterThan(50)
  expect(asked).toBeLessThanOrEqual(1 + 11 * 10)
})

test('a token function that is refused again and again is asked once for each attempt, ever more rarely, without end', async () => {
  let times: number[] = []
  let line = createLine({
    token() {
      times.push(line.clock.mono())
      return 'bad'
    }
  })
  line.supervisor.feed({ type: 'connect' })
  for (let second = 0; second < 600; second++) {
    if (line.wire.closed === null && line.supervisor.state.phase === 'connecting') line.wire.sink.opened()
    await line.clock.settle()
    if (line.supervisor.state.phase === 'authenticating') line.wire.say({ f: 'bye', code: 'unauthorized', final: true })
    if (line.supervisor.state.phase === 'connecting') line.wire.sink.opened()
    await line.clock.settle()
    if (line.supervisor.state.phase === 'authenticating') line.wire.say({ f: 'bye', code: 'unauthorized', final: true })
    await line.clock.advance(1000)
  }
  expect(line.supervisor.state).toMatchObject({ reason: 'unauthorized' })
  // One more at once after the first refusal, then 15 to 30 s apart.
  expect(times.length).toBeGreaterThan(20)
  expect(times.length).toBeLessThan(50)
  expect(line.supervisor.state.phase).not.toBe('closed')
})
