// Where clients are to lie that come back at once: the window grows with their number, so that a few return fast and many
// never stand at the door together. Knows nothing of who they are.

import type { Clock } from '../ports.js'

/** Milliseconds of window for each client: about two of them in 100 ms. */
const SHARE = 50
/** No window is narrower, in milliseconds: others may have lost their server at the same moment. */
const LEAST = 1000
/** A server this young does not know yet how many will come, in milliseconds. */
const YOUNG = 30_000

export type Herd = ReturnType<typeof createHerd>

/** `widest`: the window for a hundred clients and more. */
export function createHerd(widest: readonly [min: number, max: number], count: () => number, clock: Clock) {
  let since = clock.mono()
  let [min, max] = widest
  return {
    /** The window for now, in whole steps, so that it is not told anew for every single one who comes or goes. */
    window(): readonly [min: number, max: number] {
      if (clock.mono() - since < YOUNG) return widest
      let room = Math.max(LEAST, SHARE * 2 ** Math.ceil(Math.log2(Math.max(1, count()))))
      return [min, Math.min(max, min + room)]
    }
  }
}
