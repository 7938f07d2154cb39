// A clock that stands still until it is told to go on, and chance that can be repeated: every run is the same.

import type { Clock, Random, Stop } from '../ports.js'

/** A clock for clients and servers that a test moves. */
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

/** What a virtual wall clock shows at first, in milliseconds since 1970. */
export const START = 1_700_000_000_000

/** Promise chains end before the next turn of the event loop. A turn must come even where a test has made timers stand still. */
export let nextTurn = (): Promise<void> =>
  new Promise(
    typeof setImmediate === 'function' && !('clock' in setImmediate) ? resolve => setImmediate(resolve) : turnByMessage
  )

function turnByMessage(resolve: () => void): void {
  let { port1, port2 } = new MessageChannel()
  port1.onmessage = () => {
    port1.close()
    resolve()
  }
  port2.postMessage(null)
}

interface Timer {
  readonly at: number
  call: (() => void) | null
}

/** Creates a clock that shows `START`. */
export function createVirtualClock(): VirtualClock {
  let time = 0
  let shift = 0
  let count = 0
  /** The next one last; stopped ones stay until they are due. */
  let timers: Timer[] = []

  function add(timer: Timer): void {
    let low = 0
    let high = timers.length
    while (low < high) {
      let middle = (low + high) >> 1
      if ((timers[middle] as Timer).at > timer.at) low = middle + 1
      else high = middle
    }
    timers.splice(low, 0, timer)
  }

  async function runUntil(end: number): Promise<void> {
    for (;;) {
      await nextTurn()
      let timer = timers.at(-1)
      while (timer && timer.call === null) {
        timers.pop()
        timer = timers.at(-1)
      }
      if (!timer || timer.at > end) break
      timers.pop()
      count--
      time = Math.max(time, timer.at)
      let { call } = timer
      timer.call = null
      call?.()
    }
    time = Math.max(time, end)
  }

  return {
    now: () => START + time + shift,
    mono: () => time,
    after(ms, call): Stop {
      let timer: Timer = { at: time + Math.max(0, ms), call }
      add(timer)
      count++
      return () => {
        if (timer.call === null) return
        timer.call = null
        count--
      }
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
    waiting: () => count
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
