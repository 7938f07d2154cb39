// A clock that stands still until it is told to go on, and chance that can be repeated: every run is the same.

import type { Clock, Random, Stop } from '../../src/ports.js'

export interface VirtualClock extends Clock {
  /** Lets time pass, timer by timer, with everything that promises do in between. */
  advance(ms: number): Promise<void>
  /** Lets everything that is due now happen. */
  settle(): Promise<void>
  /** Lets time pass without a timer going off, as in a machine that sleeps; what was due is late then. */
  sleep(ms: number): void
  /** Sets the wall clock forward or back. */
  shiftWall(ms: number): void
  /** Timers that have not gone off. */
  waiting(): number
}

export const START = 1_700_000_000_000

/** Promise chains end before the next turn of the event loop. */
export let nextTurn = (): Promise<void> => new Promise(resolve => setImmediate(resolve))

export function createVirtualClock(): VirtualClock {
  let time = 0
  let shift = 0
  let count = 0
  let timers = new Map<number, { at: number; call: () => void }>()

  function due(end: number): number | undefined {
    let best: number | undefined
    for (let [id, { at }] of timers) {
      if (at > end) continue
      let known = best === undefined ? undefined : timers.get(best)
      if (!known || at < known.at) best = id
    }
    return best
  }

  async function runUntil(end: number): Promise<void> {
    for (;;) {
      await nextTurn()
      let id = due(end)
      if (id === undefined) break
      let { at, call } = timers.get(id) as { at: number; call: () => void }
      timers.delete(id)
      time = Math.max(time, at)
      call()
    }
    time = Math.max(time, end)
  }

  return {
    now: () => START + time + shift,
    mono: () => time,
    after(ms, call): Stop {
      let id = ++count
      timers.set(id, { at: time + Math.max(0, ms), call })
      return () => void timers.delete(id)
    },
    soon(call) {
      let stopped = false
      queueMicrotask(() => {
        if (!stopped) call()
      })
      return () => {
        stopped = true
      }
    },
    advance: ms => runUntil(time + ms),
    settle: () => runUntil(time),
    sleep(ms) {
      time += ms
    },
    shiftWall(ms) {
      shift += ms
    },
    waiting: () => timers.size
  }
}

/** Numbers from a seed; ids are counted, so that they can be told apart by eye. */
export function createSeededRandom(seed = 1, prefix = ''): Random {
  let state = seed >>> 0
  let ids = 0
  return {
    float() {
      state = (state + 0x6d2b79f5) >>> 0
      let mixed = Math.imul(state ^ (state >>> 15), state | 1)
      mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
      return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
    },
    id: () => prefix + (++ids).toString(16).padStart(32 - prefix.length, '0')
  }
}
