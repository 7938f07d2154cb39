// A stream cut down to a rate, by numbers, and by chance against what is promised of it.

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createConflation } from '../../src/conflate.js'
import { createVirtualClock } from '../../src/testing/clock.js'

interface Sample {
  readonly key: string
  readonly value: number
}

function open() {
  let clock = createVirtualClock()
  let passed: { at: number; values: string[] }[] = []
  let replaced: string[] = []
  let name = ({ key, value }: Sample) => `${key}${value}`
  let stream = createConflation<Sample>(
    clock,
    samples => void passed.push({ at: clock.mono(), values: samples.map(name) }),
    sample => void replaced.push(name(sample))
  )
  return {
    clock,
    passed,
    replaced,
    add: (key: string, rate: number, value: number) => stream.add(key, rate, { key, value }),
    stream
  }
}

test('1,000 samples in a second at a rate of 20: 20 pass, and the last one after its gap', async () => {
  let { clock, passed, replaced, add } = open()
  for (let i = 0; i < 1000; i++) {
    add('a', 20, i)
    await clock.advance(1)
  }
  await clock.advance(1000)
  expect(passed.map(({ at }) => at)).toEqual(Array.from({ length: 21 }, (_, i) => i * 50))
  // What is told in the millisecond in which a gap ends is told before or after that end: here after it.
  expect(passed.map(({ values }) => values[0]).slice(0, 3)).toEqual(['a0', 'a49', 'a99'])
  expect(passed.at(-1)?.values).toEqual(['a999'])
  expect(replaced).toHaveLength(1000 - 21)
  expect(clock.waiting()).toBe(0)
})

test('a lone sample passes in its turn, and so does the next one after the gap', async () => {
  let { clock, passed, add } = open()
  await clock.advance(1005)
  add('a', 10, 1)
  await clock.settle()
  expect(passed).toEqual([{ at: 1005, values: ['a1'] }])
  // The first gap ends where those of all streams of this rate do, never before its time.
  await clock.advance(194)
  expect(clock.waiting()).toBe(1)
  await clock.advance(1)
  expect(clock.waiting()).toBe(0)
  add('a', 10, 2)
  await clock.settle()
  expect(passed.at(-1)).toEqual({ at: 1200, values: ['a2'] })
})

test('of one turn the newest passes, and keys pass together, in the order of their newest', async () => {
  let { clock, passed, replaced, add } = open()
  add('a', 10, 1)
  add('b', 10, 1)
  add('a', 10, 2)
  await clock.settle()
  expect(passed).toEqual([{ at: 0, values: ['b1', 'a2'] }])
  expect(replaced).toEqual(['a1'])
})

test('keys of one rate that began at different times come to pass together', async () => {
  let { clock, passed, add } = open()
  for (let ms = 0; ms < 2000; ms++) {
    for (let k = 0; k < 30; k++) if (ms >= k * 3) add(`${k}.`, 25, ms)
    await clock.advance(1)
  }
  let later = passed.filter(({ at }) => at >= 1000 && at < 2000)
  expect(later.map(({ at }) => at)).toEqual(Array.from({ length: 25 }, (_, i) => 1000 + i * 40))
  for (let { values } of later) expect(values).toHaveLength(30)
})

test('a timer that comes late is no reason to hurry afterwards', async () => {
  let { clock, passed, add } = open()
  add('a', 10, 1)
  await clock.settle()
  add('a', 10, 2)
  clock.sleep(730)
  await clock.settle()
  add('a', 10, 3)
  await clock.advance(1000)
  expect(passed.map(({ at }) => at)).toEqual([0, 730, 900])
})

test('what waits when it is closed is forgotten', async () => {
  let { clock, passed, add, stream } = open()
  add('a', 10, 1)
  await clock.settle()
  add('a', 10, 2)
  add('b', 10, 1)
  stream.close()
  await clock.advance(1000)
  expect(passed).toHaveLength(1)
  expect(clock.waiting()).toBe(0)
})

test('whatever comes: never more than the rate in any second, nothing twice or back in time, the newest always, all accounted for', async () => {
  let step = fc.record({
    key: fc.constantFrom('a', 'b', 'c'),
    wait: fc.oneof(fc.constant(0), fc.double({ min: 0, max: 400, noNaN: true }))
  })
  let rates: Record<string, number> = { a: 60, b: 7, c: 0.8 }
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async steps => {
      let { clock, passed, replaced, add } = open()
      for (let [i, { key, wait }] of steps.entries()) {
        add(key, rates[key] as number, i)
        if (wait > 0) await clock.advance(wait)
      }
      await clock.advance(10_000)
      let all = passed.flatMap(({ at, values }) =>
        values.map(value => ({ at, key: value[0] as string, i: Number(value.slice(1)) }))
      )
      for (let key of Object.keys(rates)) {
        let mine = all.filter(entry => entry.key === key)
        let values = mine.map(({ i }) => i)
        expect(values).toEqual([...new Set(values)].sort((a, b) => a - b))
        expect(values.at(-1)).toBe(
          steps.findLastIndex(entry => entry.key === key) >= 0
            ? steps.findLastIndex(entry => entry.key === key)
            : undefined
        )
        for (let { at } of mine) {
          let second = mine.filter(other => other.at >= at && other.at < at + 1000).length
          expect(second).toBeLessThanOrEqual(Math.max(1, rates[key] as number))
        }
      }
      expect(all.length + replaced.length).toBe(steps.length)
      expect(clock.waiting()).toBe(0)
    }),
    { numRuns: 200 }
  )
})
