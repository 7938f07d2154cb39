import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  type Bucket,
  bucketOf,
  EMPTY_SERIES,
  inserted,
  MAX_SERIES_CHARACTERS,
  meanOf,
  merged,
  RESOLUTIONS,
  type Resolution,
  summaryOf
} from '../../../src/features/series.js'

const START = Date.UTC(2026, 10, 20)
const MINUTE = RESOLUTIONS.minutes.ms
const HOUR = RESOLUTIONS.hours.ms
const DAY = RESOLUTIONS.days.ms
const names = Object.keys(RESOLUTIONS) as Resolution[]

interface Sample {
  readonly at: number
  readonly value: number
}

/** All samples by span, the newest spans of a resolution: computed from everything that ever was. */
function naive(samples: readonly Sample[], name: Resolution): Bucket[] {
  let { ms, length } = RESOLUTIONS[name]
  let spans = new Map<number, number[]>()
  for (let { at, value } of samples) {
    let span = Math.floor(at / ms) * ms
    spans.set(span, [...(spans.get(span) ?? []), value])
  }
  return [...spans]
    .sort(([a], [b]) => a - b)
    .slice(-length)
    .map(([at, values]) => [
      at,
      values.length,
      Math.min(...values),
      Math.max(...values),
      values.reduce((sum, value) => sum + value, 0)
    ])
}

const value = fc.integer({ min: -1000, max: 1000 })

test.each<[string, fc.Arbitrary<number>]>([
  ['seconds', fc.nat(90_000)],
  ['minutes, out of order now and then', fc.integer({ min: -10 * MINUTE, max: 20 * MINUTE })],
  ['hours', fc.nat(5 * HOUR)],
  ['days', fc.nat(3 * DAY)]
])('is what the naive computation over all samples says, with samples %s apart', (_, gap) => {
  let samples = fc.array(fc.record({ gap, value }), { maxLength: 400 }).map(steps => {
    let at = START
    return steps.map(({ gap, value }) => {
      at = Math.max(0, at + gap)
      return { at, value }
    })
  })
  fc.assert(
    fc.property(samples, samples => {
      let series = samples.reduce((series, { at, value }) => inserted(series, bucketOf(at, value)), EMPTY_SERIES)
      for (let name of names) expect(series[name]).toEqual(naive(samples, name))
    }),
    { numRuns: 60 }
  )
})

test('does not care how many samples came in one bucket', () => {
  fc.assert(
    fc.property(fc.array(value, { minLength: 1, maxLength: 50 }), fc.nat(49), (values, cut) => {
      let buckets = values.map(value => bucketOf(START, value))
      let [first, ...rest] = buckets as [Bucket, ...Bucket[]]
      let together = inserted(EMPTY_SERIES, rest.reduce(merged, first))
      let inTwo = [buckets.slice(0, cut), buckets.slice(cut)].flatMap(([first, ...rest]) =>
        first ? [rest.reduce(merged, first)] : []
      )
      expect(inTwo.reduce(inserted, EMPTY_SERIES)).toEqual(together)
    })
  )
})

test('keeps its size however long it goes on', () => {
  let series = EMPTY_SERIES
  for (let i = 0; i < 200 * 24; i++) series = inserted(series, bucketOf(START + i * HOUR, 0.1 + i))
  for (let i = 0; i < 500; i++) series = inserted(series, bucketOf(START + 200 * DAY + i * MINUTE, Math.PI * 1e20))
  expect(series.minutes).toHaveLength(180)
  expect(series.hours).toHaveLength(168)
  expect(series.days).toHaveLength(90)
  let long: Bucket = [9_999_999_999_999, 1e15, -1.2345678901234567e-100, -1.2345678901234567e-101, -1.23456789e-100]
  expect(JSON.stringify(long).length).toBeLessThanOrEqual(110)
  expect(JSON.stringify(series).length).toBeLessThanOrEqual(MAX_SERIES_CHARACTERS)
})

test('puts a bucket in without touching the others', () => {
  let series = [START, START + HOUR].reduce((series, at) => inserted(series, bucketOf(at, 1)), EMPTY_SERIES)
  let next = inserted(series, bucketOf(START + HOUR + 5, 3))
  expect(next.hours[0]).toBe(series.hours[0])
  expect(next.hours[1]).toEqual([START + HOUR, 2, 1, 3, 4])
  expect(meanOf(next.hours[1] as Bucket)).toBe(2)
})

test('sums up a period by the finest resolution that reaches back to its start', () => {
  let series = EMPTY_SERIES
  expect(summaryOf(series, START, START + DAY)).toBeNull()
  for (let i = 0; i < 5 * 24 * 60; i++) series = inserted(series, bucketOf(START + i * MINUTE, i))
  let end = START + 5 * DAY
  expect(summaryOf(series, end - HOUR, end)).toEqual({
    ...{ resolution: 'minutes', count: 60, min: 7140, max: 7199, mean: 7169.5 }
  })
  expect(summaryOf(series, end - DAY, end)).toMatchObject({ resolution: 'hours', count: 1440, min: 5760, max: 7199 })
  expect(summaryOf(series, START, START + DAY - 1)).toMatchObject({ resolution: 'hours', count: 1440, min: 0 })
  expect(summaryOf(series, end + DAY, end + 2 * DAY)).toBeNull()
})
