// What is known of a link by measuring it: round trips, the server's clock, bytes, drops. Knows nothing of what is sent and why.

import type { Clock } from '../ports.js'

export interface LinkStats {
  readonly connectMs: number | null
  readonly latencyMs: number | null
  readonly jitterMs: number | null
  readonly bytesIn: number
  readonly bytesOut: number
  readonly serverTimeOffsetMs: number
  /** Drops of a connection that had been online, ever. */
  readonly drops: number
  /** Malformed frames received, ever. */
  readonly badFrames: number
}

/** Questions that may be open at once; older ones are not waited for any more. */
const OPEN = 8

export type Meter = ReturnType<typeof createMeter>

export function createMeter(clock: Clock) {
  let pings = new Map<number, number>()
  let stats: { -readonly [K in keyof LinkStats]: LinkStats[K] } = {
    connectMs: null,
    latencyMs: null,
    jitterMs: null,
    bytesIn: 0,
    bytesOut: 0,
    serverTimeOffsetMs: 0,
    drops: 0,
    badFrames: 0
  }

  function learnTime(serverNow: number | undefined): void {
    if (serverNow !== undefined)
      stats.serverTimeOffsetMs = Math.round(serverNow + (stats.latencyMs ?? 0) / 2 - clock.now())
  }

  return {
    /** Counters are counted here by whoever sends and receives. */
    stats,
    learnTime,
    /** The `x` of a new question. */
    ping(): number {
      let x = Math.round(clock.mono() * 1000) / 1000
      pings.set(x, clock.mono())
      if (pings.size > OPEN) pings.delete(pings.keys().next().value as number)
      return x
    },
    /** Measures by an answer; false when the question was not ours. */
    pong(x: number, serverNow: number | undefined): boolean {
      let sentAt = pings.get(x)
      if (sentAt === undefined) return false
      pings.delete(x)
      let rtt = clock.mono() - sentAt
      let { latencyMs, jitterMs } = stats
      // Smoothed as in RFC 6298: a mean of 7/8, a deviation of 3/4.
      stats.jitterMs = latencyMs === null ? rtt / 2 : (jitterMs ?? 0) * 0.75 + Math.abs(rtt - latencyMs) * 0.25
      stats.latencyMs = latencyMs === null ? rtt : latencyMs * 0.875 + rtt * 0.125
      learnTime(serverNow)
      return true
    },
    /** The link is gone, and what it was asked. */
    forget: (): void => pings.clear()
  }
}
