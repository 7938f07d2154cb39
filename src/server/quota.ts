// How many fresh actions a user may send: a bucket per user that fills evenly. Looking and taking are apart, so that a
// decision can be made twice and counted once.

import type { Clock } from '../ports.js'

export interface Quota {
  /** Milliseconds to wait until one more action fits behind `ahead` others; 0 when it fits now. */
  wait(user: string, ahead: number): number
  take(user: string, count: number): void
}

export function createQuota(clock: Clock, perMinute: number): Quota {
  if (perMinute === Infinity) return { wait: () => 0, take() {} }
  let perAction = 60_000 / perMinute
  /** Per user, the time at which the bucket is full again. */
  let full = new Map<string, number>()
  return {
    wait(user, ahead) {
      let now = clock.mono()
      let since = Math.max(full.get(user) ?? 0, now)
      return Math.ceil(Math.max(0, since + (ahead + 1) * perAction - now - 60_000))
    },
    take(user, count) {
      if (count === 0) return
      let now = clock.mono()
      if (full.size > 10_000) for (let [key, time] of full) if (time <= now) full.delete(key)
      full.set(user, Math.max(full.get(user) ?? 0, now) + count * perAction)
    }
  }
}
