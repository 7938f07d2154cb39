// A series of fixed size: what was measured, by minute, hour and day, each with its smallest, largest and mean value. Pure;
// knows neither what is measured nor by whom.

/** What was measured in one span of time: its start, how many samples, the smallest, the largest, and their sum. */
export type Bucket = readonly [at: number, count: number, min: number, max: number, sum: number]

/** The three resolutions of a series: how long a span is in milliseconds, and how many are kept. */
export const RESOLUTIONS = {
  /** Three hours. */
  minutes: { ms: 60_000, length: 180 },
  /** Seven days. */
  hours: { ms: 3_600_000, length: 168 },
  /** Ninety days, by UTC. */
  days: { ms: 86_400_000, length: 90 }
} as const

export type Resolution = keyof typeof RESOLUTIONS

/** Each list is in order of time, oldest first; spans in which nothing was measured are absent. */
export type Series = Readonly<Record<Resolution, readonly Bucket[]>>

/** Characters of a whole series as JSON, at most: 438 buckets of at most 110. Counts above 10^15 are not expected. */
export const MAX_SERIES_CHARACTERS = 438 * 110 + 40

export const EMPTY_SERIES: Series = { minutes: [], hours: [], days: [] }

const NAMES = Object.keys(RESOLUTIONS) as Resolution[]

/** One sample as a bucket. `at` in milliseconds since 1970. */
export function bucketOf(at: number, value: number): Bucket {
  return [at, 1, value, value, value]
}

/** Two buckets as one, with the start of the first. */
export function merged([at, count, min, max, sum]: Bucket, other: Bucket): Bucket {
  return [at, count + other[1], Math.min(min, other[2]), Math.max(max, other[3]), sum + other[4]]
}

export function meanOf([, count, , , sum]: Bucket): number {
  return sum / count
}

/**
 * The series with a bucket more. It costs the same however much was measured before: it falls into the last span of each
 * resolution or begins the next one, and nothing is computed anew. What comes late is put where it belongs.
 */
export function inserted(series: Series, bucket: Bucket): Series {
  let next = { ...series }
  for (let name of NAMES) next[name] = insertedInto(series[name], bucket, RESOLUTIONS[name])
  return next
}

function insertedInto(
  list: readonly Bucket[],
  bucket: Bucket,
  { ms, length }: { readonly ms: number; readonly length: number }
): readonly Bucket[] {
  let at = Math.floor(bucket[0] / ms) * ms
  let place = list.length
  while (place > 0 && (list[place - 1] as Bucket)[0] > at) place--
  let before = list[place - 1]
  let own: Bucket = [at, bucket[1], bucket[2], bucket[3], bucket[4]]
  if (before?.[0] === at) return [...list.slice(0, place - 1), merged(before, own), ...list.slice(place)]
  let grown = [...list.slice(0, place), own, ...list.slice(place)]
  return grown.length > length ? grown.slice(grown.length - length) : grown
}

/** What was measured in a period, and how finely that is known. */
export interface Summary {
  readonly resolution: Resolution
  readonly count: number
  readonly min: number
  readonly max: number
  readonly mean: number
}

/**
 * Sums up what was measured from `from` to `to`, in milliseconds since 1970, by the finest resolution that still reaches back
 * to `from`; whole spans are counted that begin in the period or contain its start. `null` when nothing was measured.
 */
export function summaryOf(series: Series, from: number, to: number): Summary | null {
  let resolution = NAMES.find(name => reaches(series, name, from)) ?? 'days'
  let { ms } = RESOLUTIONS[resolution]
  let inside = series[resolution].filter(([at]) => at + ms > from && at <= to)
  let [first, ...rest] = inside
  if (!first) return null
  let all = rest.reduce(merged, first)
  return { resolution, count: all[1], min: all[2], max: all[3], mean: meanOf(all) }
}

/** Whether a resolution has lost nothing that was measured since `from`. */
function reaches(series: Series, name: Resolution, from: number): boolean {
  let oldest = series[name][0]
  return series[name].length < RESOLUTIONS[name].length || (oldest !== undefined && oldest[0] <= from)
}
