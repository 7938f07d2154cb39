// The real clock and real randomness; the same in browsers, workers and Node.

import type { Clock, Random } from '../ports.js'

/** The longest wait that timers can keep; a longer one would fire at once. */
const LONGEST = 2 ** 31 - 1

export const realClock: Clock = {
  now: () => Date.now(),
  mono: () => performance.now(),
  after(ms, call) {
    let timer = setTimeout(call, Math.min(ms, LONGEST))
    return () => clearTimeout(timer)
  },
  soon(call) {
    let stopped = false
    queueMicrotask(() => {
      if (!stopped) call()
    })
    return () => {
      stopped = true
    }
  }
}

export const realRandom: Random = {
  float: () => Math.random(),
  id() {
    let id = ''
    for (let byte of crypto.getRandomValues(new Uint8Array(16))) id += byte.toString(16).padStart(2, '0')
    return id
  }
}
