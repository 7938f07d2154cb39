// What is printed when a seed fails: a shorter schedule that breaks the same promise, and the command that runs the seed again.

import { expect, test } from 'vitest'
import { breaks } from './breaks.js'
import { bundle } from './bundle.js'
import { explain } from './explain.js'
import { runInWorker } from './in-worker.js'
import { scheduleOf } from './steps.js'

test('a seed that fails is shortened, printed with its command, and fails again in the same way', {
  timeout: 120_000
}, async () => {
  let broken = breaks.find(({ name }) => name === 'what the server refused is not kept')
  let program = await bundle(broken?.patches)
  let { failures } = await runInWorker(program, { to: 1000, limit: 60_000 })
  let seed = failures[0]?.schedule.seed as number
  let whole = scheduleOf(seed)
  expect(failures[0]?.schedule).toEqual(whole)

  let again = await runInWorker(program, { schedules: [whole], shrink: 5000 })
  let [failure] = again.failures
  expect(failure?.verdict.crime).toBe(failures[0]?.verdict.crime)
  expect(failure?.schedule.steps.length).toBeLessThan(whole.steps.length)
  let text = explain(failure as NonNullable<typeof failure>)
  expect(text).toContain(`npm run sim -- --seed ${seed}`)
  expect(text.split('\n')).toHaveLength((failure?.schedule.steps.length ?? 0) + 2)

  let shorter = await runInWorker(program, { schedules: [failure?.schedule ?? whole] })
  expect(shorter.failures[0]?.verdict).toEqual(failure?.verdict)
})
