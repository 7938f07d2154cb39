// How good the connection is, as a number and a word. Pure.

export type Quality = 'excellent' | 'good' | 'fair' | 'poor' | 'none'

export interface QualityInput {
  readonly isOnline: boolean
  /** Smoothed round trip in milliseconds; null before the first measurement. */
  readonly latencyMs: number | null
  readonly jitterMs: number | null
  /** Connections lost in the last five minutes. */
  readonly recentDrops: number
}

/**
 * 100 minus what hurts: a point for each 8 ms of latency above 50 ms (at most 60), a point for each 5 ms of jitter above
 * 10 ms (at most 20), 10 points for each connection lost in the last five minutes (at most 40). 0 when not online.
 */
export function qualityScore({ isOnline, latencyMs, jitterMs, recentDrops }: QualityInput): number {
  if (!isOnline) return 0
  let latency = clamp(((latencyMs ?? 50) - 50) / 8, 60)
  let jitter = clamp(((jitterMs ?? 10) - 10) / 5, 20)
  let drops = clamp(recentDrops * 10, 40)
  return Math.max(1, Math.round(100 - latency - jitter - drops))
}

/** 85 and more is excellent, 65 good, 40 fair, less is poor; 0 is none. */
export function qualityWord(score: number): Quality {
  if (score === 0) return 'none'
  return score >= 85 ? 'excellent' : score >= 65 ? 'good' : score >= 40 ? 'fair' : 'poor'
}

function clamp(value: number, max: number): number {
  return Math.min(max, Math.max(0, value))
}
