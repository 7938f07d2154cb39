// The simulation from the command line: one seed, one schedule, or very many seeds with a line that tells how far they are.

import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import { bundle } from './bundle.js'
import { explain } from './explain.js'
import { runInWorker } from './in-worker.js'
import { print, type Schedule, scheduleOf } from './steps.js'
import type { Failure } from './worker.js'

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    schedule: { type: 'string' },
    seeds: { type: 'string' },
    from: { type: 'string', default: '0' },
    json: { type: 'boolean', default: false }
  }
})

async function one(schedule: Schedule): Promise<void> {
  console.log(`seed ${schedule.seed}\n${print(schedule.steps)}\n`)
  let { failures, error } = await runInWorker(await bundle(), { schedules: [schedule], shrink: 30_000 })
  let [failure] = failures
  process.exitCode = failure || error ? 1 : 0
  console.log(failure ? explain(failure) : (error ?? 'all is well'))
  if (failure && values.json) console.log(JSON.stringify(failure.schedule))
}

async function many(from: number, to: number): Promise<void> {
  let program = await bundle()
  let workers = availableParallelism()
  let start = performance.now()
  let done = 0
  let failures: Failure[] = []

  function line(): string {
    let seconds = (performance.now() - start) / 1000
    let rate = done / Math.max(seconds, 0.001)
    let rest = rate > 0 ? (to - from - done) / rate : 0
    let counts = `${done}/${to - from} seeds, ${failures.length} failures`
    return `${counts}, ${rate.toFixed(1)} seeds/s, ${seconds.toFixed(0)} s, ${rest.toFixed(0)} s to go`
  }

  let timer = setInterval(() => console.log(line()), 10_000)
  let reports = await Promise.all(
    Array.from({ length: workers }, (_, i) => {
      let news = ({ runs = 0, failure }: { runs?: number; failure?: Failure }): void => {
        done += runs
        if (!failure) return
        failures.push(failure)
        console.log(explain(failure))
      }
      return runInWorker(program, { from: from + i, to, stride: workers, shrink: 20_000, all: true }, { news })
    })
  )
  clearInterval(timer)
  done = reports.reduce((sum, { runs }) => sum + runs, 0)
  for (let { error } of reports) if (error) console.log(error)
  console.log(line())
  console.log(`the next seed is ${to}: --from ${to}`)
  process.exitCode = failures.length > 0 || done < to - from ? 1 : 0
}

let from = Number(values.from)
if (values.schedule) await one(JSON.parse(readFileSync(values.schedule, 'utf8')) as Schedule)
else if (values.seed) await one(scheduleOf(Number(values.seed)))
else await many(from, from + Number(values.seeds ?? 2000))
