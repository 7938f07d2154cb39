// How alike two heart rates move. Pure; does not know where samples come from.

/** The window over which two heart rates are compared, in seconds. */
export const SYNC_WINDOW_S = 60
/** How many seconds of the window both must be known. */
export const SYNC_MIN_OVERLAP_S = 20
/** How long a value holds when no newer one comes, in seconds. */
export const SYNC_HOLD_S = 5

/** A heart rate at a time. */
export interface HeartRateAt {
  /** Milliseconds since 1970. */
  readonly at: number
  /** Beats a minute; `null` where it is not known. */
  readonly heartRate: number | null
}

/**
 * One value a second for the seconds `to − 59 … to` (seconds since 1970): the mean of that second's samples, else the last
 * value for up to 5 s, else `null`. Samples are in order of time.
 */
export function resample(samples: readonly HeartRateAt[], to: number): ReadonlyArray<number | null> {
  let from = to - SYNC_WINDOW_S + 1
  let sums = new Map<number, { sum: number; count: number }>()
  for (let { at, heartRate } of samples) {
    let second = Math.floor(at / 1000)
    if (heartRate === null) continue
    let bin = sums.get(second) ?? { sum: 0, count: 0 }
    sums.set(second, { sum: bin.sum + heartRate, count: bin.count + 1 })
  }
  let values: (number | null)[] = []
  let held: { value: number; second: number } | null = null
  for (let second = from - SYNC_HOLD_S; second <= to; second++) {
    let bin = sums.get(second)
    if (bin) held = { value: bin.sum / bin.count, second }
    if (second >= from) values.push(held && second - held.second <= SYNC_HOLD_S ? held.value : null)
  }
  return values
}

/** Pearson's product-moment correlation, −1 to 1; `null` when one of the two does not vary. */
export function pearson(a: readonly number[], b: readonly number[]): number | null {
  let n = Math.min(a.length, b.length)
  let meanA = 0
  let meanB = 0
  for (let i = 0; i < n; i++) {
    meanA += (a[i] as number) / n
    meanB += (b[i] as number) / n
  }
  let covariance = 0
  let varianceA = 0
  let varianceB = 0
  for (let i = 0; i < n; i++) {
    let da = (a[i] as number) - meanA
    let db = (b[i] as number) - meanB
    covariance += da * db
    varianceA += da * da
    varianceB += db * db
  }
  // Below this, what looks like variation is the rounding of the mean.
  if (varianceA < 1e-9 || varianceB < 1e-9) return null
  return Math.min(1, Math.max(-1, covariance / Math.sqrt(varianceA * varianceB)))
}

/**
 * How much two heart rates rise and fall together, 0 to 100: both are resampled to one value a second over the last 60 s, and
 * `100 · max(0, r)` is rounded, with r Pearson's correlation of the seconds in which both are known. So 0 means unrelated or
 * opposite, 100 moving in step. `null` with fewer than 20 such seconds, or when one of the two does not vary at all.
 *
 * This is windowed cross-correlation at lag 0 (Boker, Xu, Rotondo and King: Windowed cross-correlation and peak picking for the
 * analysis of variability in the association between behavioral time series. Psychological Methods 7, 2002, 338–355). It says
 * how two curves move, and nothing about love.
 */
export function synchrony(a: readonly HeartRateAt[], b: readonly HeartRateAt[], now: number): number | null {
  let to = Math.floor(now / 1000)
  let first = resample(a, to)
  let second = resample(b, to)
  let bothA: number[] = []
  let bothB: number[] = []
  for (let i = 0; i < first.length; i++) {
    let valueA = first[i]
    let valueB = second[i]
    if (valueA == null || valueB == null) continue
    bothA.push(valueA)
    bothB.push(valueB)
  }
  if (bothA.length < SYNC_MIN_OVERLAP_S) return null
  let r = pearson(bothA, bothB)
  return r === null ? null : Math.round(Math.max(0, r) * 100)
}
