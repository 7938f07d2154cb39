// Volatile events of a room: of each key and sender the newest goes out, no more often than its event's rate, and is kept for a
// while for those who join later. Never stored.

import { createConflation } from '../conflate.js'
import type { Clock } from '../ports.js'
import type { CastFrame } from '../protocol/frames.js'
import type { Counts } from './counts.js'

const LONGEST = 3600

export interface Casts<S> {
  /** At most `rate` a second go out. `from`: who must not get it back; `sid`: who need not get it again when joining. */
  add(frame: CastFrame, rate: number, from: S | null, sid: string | null): void
  /** What is kept for a joining connection, with the seconds that are left. */
  kept(sid: string): CastFrame[]
  /** Whether anything is kept that has not run out. */
  any(): boolean
  close(): void
}

interface Kept {
  readonly frame: CastFrame
  readonly sid: string | null
  readonly until: number
}

export function createCasts<S>(
  clock: Clock,
  max: number,
  counts: Counts,
  tell: (frame: CastFrame, from: S | null) => void
): Casts<S> {
  /** In the order of their arrival. */
  let kept = new Map<string, Kept>()
  let stream = createConflation<{ frame: CastFrame; from: S | null }>(
    clock,
    casts => {
      counts.castsOut += casts.length
      for (let { frame, from } of casts) tell(frame, from)
    },
    () => counts.castsConflated++
  )

  function expire(): void {
    let now = clock.mono()
    for (let [key, { until }] of kept) if (until <= now) kept.delete(key)
  }

  return {
    add(frame, rate, from, sid) {
      let key = JSON.stringify([frame.feature, frame.type, frame.key ?? '', frame.by])
      counts.castsIn++
      stream.add(key, rate, { frame, from })

      kept.delete(key)
      if (frame.ttl <= 0) return
      if (kept.size >= max) expire()
      if (kept.size >= max) kept.delete(kept.keys().next().value as string)
      kept.set(key, { frame, sid, until: clock.mono() + Math.min(frame.ttl, LONGEST) * 1000 })
    },
    kept(sid) {
      expire()
      let now = clock.mono()
      return [...kept.values()]
        .filter(entry => entry.sid !== sid)
        .map(({ frame, until }) => ({ ...frame, ttl: Math.ceil((until - now) / 1000) }))
    },
    any() {
      expire()
      return kept.size > 0
    },
    close() {
      stream.close()
      kept.clear()
    }
  }
}
