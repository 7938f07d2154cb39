import fc from 'fast-check'
import { expect, test } from 'vitest'
import { CALM, checkThresholds, type Threshold, type Watch, watched } from '../../../src/features/thresholds.js'

const above: Threshold = { id: 't', metric: 'm', level: 'warning', raise: 90, clear: 70 }
const below: Threshold = { ...above, raise: 10, clear: 30 }

/** Values a second apart, and what was said at each. */
function said(threshold: Threshold, values: readonly number[]): string {
  let watch: Watch = CALM
  return values
    .map((value, i) => {
      let step = watched(threshold, watch, value, i * 1000)
      watch = step.watch
      return step.said === 'raised' ? 'R' : step.said === 'cleared' ? 'C' : '.'
    })
    .join('')
}

test.each<[string, Threshold, number[], string]>([
  ['raises at once without a duration', above, [50, 90], '.R'],
  ['says it once', above, [95, 99, 95], 'R..'],
  ['does not clear inside the band', above, [95, 89, 71, 80], 'R...'],
  ['clears at the lower level', above, [95, 80, 70], 'R.C'],
  ['does not raise inside the band', above, [71, 89, 89.9], '...'],
  ['raises again after it was cleared', above, [95, 60, 95], 'RCR'],
  ['waits as long as it is told', { ...above, forMs: 2000 }, [95, 95, 95], '..R'],
  ['begins to wait anew after a moment of calm', { ...above, forMs: 2000 }, [95, 95, 89, 95, 95, 95], '.....R'],
  ['waits as long before it clears', { ...above, forMs: 2000 }, [95, 95, 95, 60, 60, 60], '..R..C'],
  ['begins to wait anew when it was not over', { ...above, forMs: 2000 }, [95, 95, 95, 60, 71, 60, 60, 60], '..R....C'],
  ['watches what must not shrink', below, [50, 10, 20, 29, 30], '.R..C']
])('%s', (_, threshold, values, expected) => {
  expect(said(threshold, values)).toBe(expected)
})

const pair = fc
  .tuple(fc.integer({ min: -50, max: 50 }), fc.integer({ min: -50, max: 50 }))
  .filter(([raise, clear]) => raise !== clear)

test('raises and clears take turns, and nothing inside the band says anything', () => {
  fc.assert(
    fc.property(
      pair,
      fc.nat(5000),
      fc.array(fc.record({ value: fc.integer({ min: -60, max: 60 }), passed: fc.nat(3000) })),
      ([raise, clear], forMs, steps) => {
        let threshold = { ...above, raise, clear, forMs }
        let watch: Watch = CALM
        let at = 0
        let last = 'cleared'
        for (let { value, passed } of steps) {
          at += passed
          let step = watched(threshold, watch, value, at)
          watch = step.watch
          if (step.said === null) continue
          expect(step.said).not.toBe(last)
          let isInside = value > Math.min(raise, clear) && value < Math.max(raise, clear)
          expect(isInside).toBe(false)
          last = step.said
        }
      }
    )
  )
})

test('a value that stays in the band never changes anything', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(CALM, { kind: 'raised' } as Watch),
      fc.array(fc.integer({ min: 71, max: 89 })),
      (from, values) => {
        let watch = from
        for (let [i, value] of values.entries()) watch = watched(above, watch, value, i).watch
        expect(watch).toEqual(from)
      }
    )
  )
})

test('says at most one thing for each time the value crosses the whole band', () => {
  let flapping = Array.from({ length: 100 }, (_, i) => (i % 2 ? 91 : 71))
  expect(said(above, flapping).replace(/\./g, '')).toBe('R')
})

test.each<[string, Threshold[], string]>([
  ['two with one id', [above, { ...below }], 'its id is taken'],
  ['no band', [{ ...above, clear: 90 }], 'two different numbers'],
  ['no number', [{ ...above, raise: Number.NaN }], 'two different numbers'],
  ['a duration that is none', [{ ...above, forMs: -1 }], 'forMs']
])('refuses thresholds with %s', (_, thresholds, message) => {
  expect(() => checkThresholds(thresholds)).toThrow(message)
})
