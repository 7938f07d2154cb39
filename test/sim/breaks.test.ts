// Every rule taken away is noticed, and the schedules that show it pass with the rule in its place.

import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { breaks, implied } from './breaks.js'
import { bundle } from './bundle.js'
import { explain } from './explain.js'
import { runInWorker } from './in-worker.js'
import type { Schedule } from './steps.js'

/** The shortest schedules found so far, by the name of what they show. */
const schedules = JSON.parse(readFileSync(new URL('./schedules.json', import.meta.url), 'utf8')) as Record<
  string,
  Schedule
>

/** Where the schedule no longer shows it, seeds are tried. */
const SEEDS = 1000
const LIMIT = 30_000

test.each(breaks.map(item => [item.name, item] as const))(
  'it is noticed when %s',
  { timeout: 120_000 },
  async (name, item) => {
    let program = await bundle(item.patches)
    let known = schedules[name]
    let order = { schedules: known ? [known] : [], to: SEEDS, limit: LIMIT }
    let { failures, error } = await runInWorker(program, order, { deadline: LIMIT + 30_000 })
    expect(error).toBeUndefined()
    expect(failures).not.toEqual([])
  }
)

test('every schedule passes where nothing is broken', { timeout: 120_000 }, async () => {
  let { runs, failures } = await runInWorker(await bundle(), { schedules: Object.values(schedules), all: true })
  expect(failures.map(explain)).toEqual([])
  expect(runs).toBe(Object.keys(schedules).length)
})

test('every break has a schedule, and every schedule a name that says what it shows', () => {
  expect(breaks.filter(({ name }) => !schedules[name]).map(({ name }) => name)).toEqual([])
})

/** What makes delivery exact: without one of these, something is lost, doubled, reordered, misreported, or hangs. */
const VITAL = 'J1 J2 J5 S2 S3 S4 S5 S6 S7 S9 S10 S11 S12 S13 S14 S15 S16 S17 S18 S19 R1 R2 R3 R4 R6 L1 H13 D5'.split(
  ' '
)

test('every vital rule is taken away by a break, or it is said what it follows from', () => {
  let spec = readFileSync(new URL('../../src/protocol/SPEC.md', import.meta.url), 'utf8')
  let broken = new Set(breaks.flatMap(({ rule }) => rule.split(' ')))
  let told = new Set([...broken, ...implied.map(({ part }) => part.split(':')[0])])
  expect(VITAL.filter(rule => !spec.includes(`**[${rule}]**`))).toEqual([])
  expect(VITAL.filter(rule => !told.has(rule))).toEqual([])
  // What follows from other rules is noticed when those are gone.
  expect(implied.flatMap(({ by }) => by.filter(rule => !broken.has(rule)))).toEqual([])
})
