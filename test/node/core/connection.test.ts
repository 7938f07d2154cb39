// The life of the connection, step by step: every state with every input, and any sequence of them.

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  type ConnectionEffect,
  type ConnectionInput,
  type ConnectionSettings,
  type ConnectionState,
  step,
  wakeAt
} from '../../../src/core/connection.js'

let settings: ConnectionSettings = { maxAttempts: Infinity, connectTimeout: 20_000, retry: [1000, 5000] }
let heartbeat = 6000
let NOW = 100_000

let go = (
  state: ConnectionState,
  input: ConnectionInput,
  { now = NOW, random = 0.5, ...more }: { now?: number; random?: number } & Partial<ConnectionSettings> = {}
) => step(state, input, now, () => random, { ...settings, ...more })

type Online = Extract<ConnectionState, { phase: 'online' }>
let connecting = (attempt = 0): ConnectionState => ({
  phase: 'connecting',
  attempt,
  since: NOW - 10,
  deadline: NOW + 1000,
  refreshed: false
})
let authenticating = (attempt = 0, refreshed = false): ConnectionState => ({
  phase: 'authenticating',
  attempt,
  since: NOW - 10,
  deadline: NOW + 1000,
  refreshed
})
let online = (more: Partial<Online> = {}): ConnectionState => ({
  phase: 'online',
  attempt: 0,
  since: NOW - 60_000,
  heartbeat,
  pingAt: NOW + 1000,
  probe: null,
  ...more
})
let waiting = (more: Partial<Extract<ConnectionState, { phase: 'waiting' }>> = {}): ConnectionState => ({
  phase: 'waiting',
  attempt: 3,
  reason: 'network',
  until: NOW + 8000,
  since: NOW - 500,
  ...more
})
let states: Record<string, ConnectionState> = {
  idle: { phase: 'idle' },
  connecting: connecting(),
  authenticating: authenticating(),
  online: online(),
  waiting: waiting(),
  suspended: waiting({ reason: 'suspended', until: Infinity }),
  offline: { phase: 'offline', reason: 'attempts' },
  closed: { phase: 'closed', reason: 'disconnected' }
}
let failed: ConnectionInput = { type: 'failed', reason: 'network' }

describe('every state with every input', () => {
  // Rows: input; columns: what becomes of each state, with the effects. `=` leaves it as it is.
  let inputs: Record<string, ConnectionInput> = {
    connect: { type: 'connect' },
    disconnect: { type: 'disconnect', reason: 'disconnected' },
    opened: { type: 'opened' },
    welcome: { type: 'welcome', heartbeat },
    failed,
    final: { type: 'failed', reason: 'replaced', final: true },
    tick: { type: 'tick', heardAt: NOW - 10 },
    isOnline: { type: 'hint', hint: 'online' },
    isOffline: { type: 'hint', hint: 'offline' },
    visible: { type: 'hint', hint: 'visible' },
    probe: { type: 'hint', hint: 'probe' },
    woke: { type: 'woke' },
    suspend: { type: 'suspend' },
    resume: { type: 'resume' },
    reopen: { type: 'reopen', reason: 'replaced' }
  }
  let table: Record<string, Partial<Record<string, string>>> = {
    connect: { idle: 'connecting open', offline: 'connecting open', closed: 'connecting open' },
    disconnect: {
      idle: 'closed',
      connecting: 'closed close',
      authenticating: 'closed close',
      online: 'closed close',
      waiting: 'closed',
      suspended: 'closed',
      offline: 'closed',
      closed: 'closed'
    },
    opened: { connecting: 'authenticating hello' },
    welcome: { authenticating: 'online' },
    failed: { connecting: 'waiting close', authenticating: 'waiting close', online: 'waiting close' },
    final: { connecting: 'closed close', authenticating: 'closed close', online: 'closed close' },
    tick: {},
    isOnline: { online: 'online ping', waiting: 'connecting open', offline: 'connecting open' },
    isOffline: { online: 'online ping' },
    visible: { online: 'online ping', waiting: 'connecting open' },
    probe: {
      online: 'online ping',
      waiting: 'connecting open',
      suspended: 'connecting open',
      offline: 'connecting open'
    },
    woke: {
      connecting: 'connecting close open',
      authenticating: 'connecting close open',
      online: 'online ping',
      waiting: 'connecting open'
    },
    suspend: {
      connecting: 'waiting close',
      authenticating: 'waiting close',
      online: 'waiting close',
      waiting: 'waiting',
      suspended: 'waiting'
    },
    resume: { suspended: 'connecting open' },
    reopen: {
      connecting: 'connecting close open',
      authenticating: 'connecting close open',
      online: 'connecting close open'
    }
  }
  let cases = Object.keys(inputs).flatMap(input =>
    Object.keys(states).map(state => [state, input, table[input]?.[state] ?? '='] as const)
  )
  test.each(cases)('%s, %s: %s', (state, input, expected) => {
    let before = states[state] as ConnectionState
    let after = go(before, inputs[input] as ConnectionInput)
    if (expected === '=') expect(after).toEqual({ state: before, effects: [] })
    else expect([after.state.phase, ...after.effects].join(' ')).toBe(expected)
  })
})

describe('back-off', () => {
  test.each([
    [0, 500, 1000],
    [1, 1000, 2000],
    [2, 2000, 4000],
    [3, 4000, 8000],
    [4, 8000, 16_000],
    [5, 15_000, 30_000],
    [6, 15_000, 30_000],
    [60, 15_000, 30_000]
  ])('after %i failed attempts in a row: from %i to %i ms', (attempt, from, to) => {
    for (let [random, delay] of [
      [0, from],
      [1, to]
    ] as const) {
      let { state } = go(connecting(attempt), failed, { random, retry: [0, 0] })
      expect(state).toMatchObject({ phase: 'waiting', attempt: attempt + 1, until: NOW + delay, since: NOW })
    }
  })

  test('no wait is narrower than the window of the server: who lost it together does not meet again', () => {
    for (let [attempt, from, to] of [
      [0, 1000, 5000],
      [1, 1000, 5000],
      [3, 4000, 8000],
      [5, 15_000, 30_000]
    ] as const) {
      expect(go(connecting(attempt), failed, { random: 0 }).state).toMatchObject({ until: NOW + from })
      expect(go(connecting(attempt), failed, { random: 1 }).state).toMatchObject({ until: NOW + to })
    }
  })

  test('a link that fell silent is returned to in the window of the server: everybody may have heard the silence', () => {
    let silent: ConnectionInput = { type: 'tick', heardAt: NOW - 13_000 }
    expect(go(online(), silent, { random: 0 }).state).toMatchObject({ reason: 'network', until: NOW + 1000 })
    expect(go(online(), silent, { random: 1 }).state).toMatchObject({ reason: 'network', until: NOW + 5000 })
  })

  test('a cut network is tried again within a second: nobody else is', () => {
    expect(go(online(), failed, { random: 0 }).state).toMatchObject({ attempt: 1, until: NOW })
    expect(go(online(), failed, { random: 1 }).state).toMatchObject({ attempt: 1, until: NOW + 1000 })
  })

  test('[H10] a lost server is returned to in the window of its welcome, or in that of its goodbye', () => {
    let lost: ConnectionInput = { type: 'failed', reason: 'server' }
    expect(go(online(), lost, { random: 0 }).state).toMatchObject({ until: NOW + 1000 })
    expect(go(online(), lost, { random: 1 }).state).toMatchObject({ until: NOW + 5000 })
    let bye: ConnectionInput = { ...lost, retry: [20_000, 60_000] }
    expect(go(online(), bye, { random: 0 }).state).toMatchObject({ until: NOW + 20_000 })
    expect(go(authenticating(4), bye, { random: 1 }).state).toMatchObject({ attempt: 5, until: NOW + 60_000 })
    let reversed: ConnectionInput = { ...lost, retry: [9000, 1000] }
    expect(go(online(), reversed, { random: 1 }).state).toMatchObject({ until: NOW + 9000 })
  })

  test('starts over only after a connection that proved stable', () => {
    let short = online({ attempt: 3, since: NOW - 249 })
    expect(go(short, failed, { random: 1 }).state).toMatchObject({ attempt: 4, until: NOW + 8000 })
    let stable = online({ attempt: 3, since: NOW - 5000 })
    expect(go(stable, failed, { random: 1 }).state).toMatchObject({ attempt: 1, until: NOW + 1000 })
    let welcome: ConnectionInput = { type: 'welcome', heartbeat }
    expect(go(authenticating(3), welcome).state).toMatchObject({ phase: 'online', attempt: 3 })
  })

  test('a flapping connection that proved itself goes half way back, and does not start over', () => {
    for (let lasted of [250, 4999]) {
      let flapping = online({ attempt: 6, since: NOW - lasted })
      expect(go(flapping, failed, { random: 1 }).state).toMatchObject({ attempt: 3, until: NOW + 6000 })
      let first = online({ attempt: 0, since: NOW - lasted })
      expect(go(first, failed).state).toMatchObject({ attempt: 1 })
      expect(go(online({ attempt: 1, since: NOW - lasted }), failed).state).toMatchObject({ attempt: 1 })
    }
  })

  test('[H10] who is told again and again to come later comes ever later', () => {
    let bye: ConnectionInput = { type: 'failed', reason: 'server', retry: [0, 1000] }
    let state: ConnectionState = authenticating()
    for (let wait of [1000, 2000, 4000, 8000]) {
      expect(go(state, bye, { random: 1 }).state).toMatchObject({ until: NOW + wait })
      state = authenticating((state as { attempt: number }).attempt + 1)
    }
    expect(go(online({ attempt: 2, since: NOW - 4999 }), bye, { random: 1 }).state).toMatchObject({ attempt: 3 })
  })

  test('a flapping connection never gives up; attempts that all fail do', () => {
    expect(go(online({ attempt: 9, since: NOW }), failed, { maxAttempts: 3 }).state).toMatchObject({ phase: 'waiting' })
    expect(go(connecting(1), failed, { maxAttempts: 3 }).state).toMatchObject({ phase: 'waiting', attempt: 2 })
    expect(go(connecting(2), failed, { maxAttempts: 3 })).toEqual({
      state: { phase: 'offline', reason: 'attempts' },
      effects: ['close']
    })
  })

  test.each(['connect', 'probe', 'online'])('who gave up starts over by %s', how => {
    let input: ConnectionInput = how === 'connect' ? { type: 'connect' } : { type: 'hint', hint: how as 'probe' }
    expect(go({ phase: 'offline', reason: 'attempts' }, input)).toMatchObject({
      state: { phase: 'connecting', attempt: 0, deadline: NOW + 20_000 },
      effects: ['open']
    })
  })
})

describe('deadlines', () => {
  test.each([connecting(), authenticating()])('$phase ends with its deadline', state => {
    expect(wakeAt(state, 0)).toBe(NOW + 1000)
    expect(go(state, { type: 'tick', heardAt: 0 }, { now: NOW + 999 }).effects).toEqual([])
    expect(go(state, { type: 'tick', heardAt: 0 }, { now: NOW + 1000 })).toMatchObject({
      state: { phase: 'waiting', reason: 'timeout', attempt: 1 },
      effects: ['close']
    })
  })

  test('the deadline covers opening and hello together, and a second try with a fresh token', () => {
    let opened = go(connecting(), { type: 'opened' }, { now: NOW + 900 }).state
    expect(opened).toMatchObject({ phase: 'authenticating', deadline: NOW + 1000 })
    let again = go(opened, { type: 'failed', reason: 'unauthorized' }, { now: NOW + 950 })
    expect(again.state).toMatchObject({ phase: 'connecting', deadline: NOW + 1000, refreshed: true })
  })

  test('a wait ends with an attempt', () => {
    expect(wakeAt(waiting(), 0)).toBe(NOW + 8000)
    expect(go(waiting(), { type: 'tick', heardAt: 0 }, { now: NOW + 7999 }).effects).toEqual([])
    expect(go(waiting(), { type: 'tick', heardAt: 0 }, { now: NOW + 8000 })).toMatchObject({
      state: { phase: 'connecting', attempt: 3, since: NOW + 8000 },
      effects: ['open']
    })
  })

  test.each(['idle', 'offline', 'closed', 'suspended'])('%s waits for nothing', name => {
    expect(wakeAt(states[name] as ConnectionState, 0)).toBe(Infinity)
  })
})

describe('a refused token', () => {
  let refused: ConnectionInput = { type: 'failed', reason: 'unauthorized' }
  test('is fetched anew once, at once, then counts as a failure', () => {
    expect(go(authenticating(2), refused)).toMatchObject({
      state: { phase: 'connecting', attempt: 2, refreshed: true },
      effects: ['close', 'open']
    })
    expect(go(authenticating(2, true), refused)).toMatchObject({
      state: { phase: 'waiting', reason: 'unauthorized', attempt: 3 },
      effects: ['close']
    })
  })
  test('ends it when it is final', () => {
    expect(go(authenticating(), { ...refused, final: true }).state).toEqual({ phase: 'closed', reason: 'unauthorized' })
  })
  test('is asked for once per attempt', () => {
    let next = go(waiting({ until: NOW }), { type: 'tick', heardAt: 0 }).state
    expect(next).toMatchObject({ phase: 'connecting', refreshed: false })
    let after = go(waiting({ until: NOW, reason: 'unauthorized' }), { type: 'tick', heardAt: 0 }).state
    expect(after).toMatchObject({ phase: 'connecting', refreshed: true })
  })
})

describe('being alive', () => {
  let heardAt = NOW - 1000
  let overdue = heardAt + 2 * heartbeat + 1000

  test('pings with every beat', () => {
    expect(wakeAt(online(), heardAt)).toBe(NOW + 1000)
    expect(go(online(), { type: 'tick', heardAt }, { now: NOW + 1000 })).toEqual({
      state: online({ pingAt: NOW + 1000 + heartbeat }),
      effects: ['ping']
    })
  })

  test('two missed beats end the connection', () => {
    let state = online({ pingAt: NOW + 50_000 })
    expect(wakeAt(state, heardAt)).toBe(overdue)
    expect(go(state, { type: 'tick', heardAt }, { now: overdue - 1 }).state).toBe(state)
    expect(go(state, { type: 'tick', heardAt }, { now: overdue })).toMatchObject({
      state: { phase: 'waiting', reason: 'network' },
      effects: ['close']
    })
  })

  test('a tick that comes far too late means that the page slept: it asks', () => {
    let late = overdue + 1.5 * heartbeat
    let slept = go(online(), { type: 'tick', heardAt }, { now: late })
    expect(slept).toMatchObject({
      state: { phase: 'online', probe: { since: late, until: late + 3000 } },
      effects: ['ping']
    })
    expect(wakeAt(slept.state, heardAt)).toBe(late + 3000)
    let dead = go(slept.state, { type: 'tick', heardAt }, { now: late + 3000 })
    expect(dead).toMatchObject({ state: { phase: 'waiting', reason: 'network' }, effects: ['close'] })
    let again = late + 3000 + 1.5 * heartbeat
    expect(go(slept.state, { type: 'tick', heardAt }, { now: again })).toMatchObject({
      state: { phase: 'online', probe: { since: again } },
      effects: ['ping']
    })
    let alive = go(slept.state, { type: 'tick', heardAt: late + 100 }, { now: late + 3000 })
    expect(alive).toMatchObject({ state: { phase: 'online', probe: null }, effects: [] })
  })

  test.each(['online', 'offline', 'visible', 'probe'] as const)('%s makes it ask; once until it is answered', hint => {
    let asked = go(online(), { type: 'hint', hint })
    expect(asked.effects).toEqual(['ping'])
    for (let again of ['online', 'offline', 'visible', 'probe'] as const) {
      expect(go(asked.state, { type: 'hint', hint: again }, { now: NOW + 10 }).effects).toEqual([])
    }
  })

  test('a question that nobody could see unanswered, in a page that was frozen, is asked again', () => {
    let asked = go(online(), { type: 'hint', hint: 'visible' })
    let later = go(asked.state, { type: 'hint', hint: 'visible' }, { now: NOW + 60_000 })
    expect(later).toMatchObject({ state: { probe: { until: NOW + 63_000 } }, effects: ['ping'] })
  })

  test('what this device knows to be its own fault is mended within a second', () => {
    let asked = go(online(), { type: 'hint', hint: 'visible' })
    let dead = go(asked.state, { type: 'tick', heardAt: NOW - 10 }, { now: NOW + 3000, random: 1 })
    expect(dead.state).toMatchObject({ reason: 'network', until: NOW + 4000 })
  })
})

describe('hints while waiting', () => {
  test('end the wait; what comes back online starts over, what becomes visible does not', () => {
    expect(go(waiting(), { type: 'hint', hint: 'online' }).state).toMatchObject({ phase: 'connecting', attempt: 0 })
    expect(go(waiting(), { type: 'hint', hint: 'visible' }).state).toMatchObject({ phase: 'connecting', attempt: 3 })
    expect(go(waiting(), { type: 'hint', hint: 'offline' }).effects).toEqual([])
  })

  test('come in bursts: a short wait that began just now is left to run', () => {
    let fresh = waiting({ since: NOW - 50, until: NOW + 300 })
    expect(go(fresh, { type: 'hint', hint: 'online' })).toEqual({ state: fresh, effects: [] })
    expect(go(fresh, { type: 'hint', hint: 'visible' })).toEqual({ state: fresh, effects: [] })
    expect(go(fresh, { type: 'hint', hint: 'probe' }).effects).toEqual(['open'])
  })

  test('hasten a long wait that began just now, and do not hammer', () => {
    let long = waiting({ since: NOW - 50 })
    let { state, effects } = go(long, { type: 'hint', hint: 'online' })
    expect([state, effects]).toMatchObject([{ phase: 'waiting', attempt: 0, until: NOW + 450 }, []])
    expect(go(long, { type: 'hint', hint: 'visible' }).state).toMatchObject({ attempt: 3, until: NOW + 450 })
    expect(go(waiting({ since: NOW - 500 }), { type: 'hint', hint: 'online' }).effects).toEqual(['open'])
    // However often a network comes and goes: attempts that fail at once are half a second apart.
    let now = NOW
    let attempts = 0
    let flapping: ConnectionState = long
    for (let i = 0; i < 1000; i++) {
      now += 10
      for (let input of [{ type: 'hint', hint: 'online' }, { type: 'tick', heardAt: 0 }, failed] as ConnectionInput[]) {
        let next = go(flapping, input, { now })
        if (next.effects.includes('open')) attempts++
        flapping = next.state
      }
    }
    expect(attempts).toBeGreaterThan(15)
    expect(attempts).toBeLessThanOrEqual(20)
  })

  test('a suspended page answers to its return, or when somebody asks', () => {
    let suspended = states.suspended as ConnectionState
    for (let hint of ['online', 'visible', 'offline'] as const)
      expect(go(suspended, { type: 'hint', hint }).effects).toEqual([])
    expect(go(suspended, { type: 'hint', hint: 'probe' }).effects).toEqual(['open'])
    expect(go(suspended, { type: 'resume' })).toMatchObject({
      state: { phase: 'connecting', attempt: 3 },
      effects: ['open']
    })
  })

  test('suspending keeps the count of failures, unless the connection had proved stable', () => {
    expect(go(online({ attempt: 4, since: NOW - 10 }), { type: 'suspend' }).state).toMatchObject({ attempt: 4 })
    expect(go(online({ attempt: 4 }), { type: 'suspend' }).state).toMatchObject({ attempt: 0, until: Infinity })
  })
})

// --- any sequence ---

let inputs: fc.Arbitrary<ConnectionInput> = fc.oneof(
  fc.constant({ type: 'connect' } as const),
  fc.constant({ type: 'disconnect', reason: 'disconnected' } as const),
  { weight: 4, arbitrary: fc.constant({ type: 'opened' } as const) },
  { weight: 4, arbitrary: fc.constant({ type: 'welcome', heartbeat } as const) },
  {
    weight: 3,
    arbitrary: fc.record({
      type: fc.constant('failed' as const),
      reason: fc.constantFrom('network', 'server', 'token', 'unauthorized', 'timeout'),
      final: fc.constantFrom(false, false, false, true)
    })
  },
  { weight: 6, arbitrary: fc.record({ type: fc.constant('tick' as const), heardAt: fc.nat({ max: 200_000 }) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      type: fc.constant('hint' as const),
      hint: fc.constantFrom('online' as const, 'offline' as const, 'visible' as const, 'probe' as const)
    })
  },
  fc.constant({ type: 'woke' } as const),
  fc.constant({ type: 'suspend' } as const),
  fc.constant({ type: 'resume' } as const),
  fc.constant({ type: 'reopen', reason: 'replaced' } as const)
)

test('never two links at once, never none where one is needed, and every wait ends', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(inputs, fc.nat({ max: 20_000 }), fc.double({ min: 0, max: 0.999, noNaN: true })), {
        maxLength: 60,
        size: 'max'
      }),
      fc.constantFrom(1, 3, Infinity),
      (script, maxAttempts) => {
        let state: ConnectionState = { phase: 'idle' }
        let links = 0
        let now = 0
        let carryOut = (effects: readonly ConnectionEffect[]): void => {
          for (let effect of effects) {
            if (effect === 'open') links++
            if (effect === 'close') links--
            expect(links === 0 || links === 1).toBe(true)
            if (effect === 'ping' || effect === 'hello') expect(links).toBe(1)
          }
        }
        for (let [input, pause, random] of script) {
          now += pause
          let next = go(state, input, { now, random, maxAttempts })
          carryOut(next.effects)
          state = next.state
          let hasLink = state.phase === 'connecting' || state.phase === 'authenticating' || state.phase === 'online'
          expect(links).toBe(hasLink ? 1 : 0)
          if (input.type === 'disconnect') expect(state.phase).toBe('closed')
          if (state.phase === 'waiting' && state.reason !== 'suspended') expect(state.until).toBeLessThan(Infinity)
        }
        // With nobody saying anything, every tick at the asked time leads on: no state asks for the same time twice.
        let heardAt = 0
        for (let i = 0; i < 20 && wakeAt(state, heardAt) < Infinity; i++) {
          let at = Math.max(now, wakeAt(state, heardAt))
          now = at
          let next = go(state, { type: 'tick', heardAt }, { now, maxAttempts })
          carryOut(next.effects)
          state = next.state
          if (state.phase === 'connecting') heardAt = now
          expect(wakeAt(state, heardAt)).toBeGreaterThan(now)
        }
      }
    ),
    { numRuns: 500, seed: 1 }
  )
})
