// Two thousand worlds, each from its seed. A seed that fails prints the shortest schedule that was found and how to run it again.

import { availableParallelism } from 'node:os'
import { expect, test } from 'vitest'
import { bundle } from './bundle.js'
import { explain } from './explain.js'
import { runInWorker } from './in-worker.js'

const SEEDS = 2000
const WORKERS = Math.min(4, Math.max(2, availableParallelism()))

test(`${SEEDS} seeds: nothing is lost, doubled, reordered or misreported, and everything comes to rest`, {
  timeout: 600_000
}, async () => {
  let program = await bundle()
  let reports = await Promise.all(
    Array.from({ length: WORKERS }, (_, i) =>
      runInWorker(program, { from: i, to: SEEDS, stride: WORKERS, shrink: 20_000 })
    )
  )
  expect(reports.flatMap(({ failures, error }) => [...failures.map(explain), ...(error ? [error] : [])])).toEqual([])
  expect(reports.reduce((sum, { runs }) => sum + runs, 0)).toBe(SEEDS)
  // A simulation in which nothing is done would find nothing.
  expect(reports.reduce((sum, { actions }) => sum + actions, 0)).toBeGreaterThan(SEEDS * 5)
})
