// Runs in a worker thread: one schedule, or seeds one after the other, until something fails or the time is over.

import { parentPort, workerData } from 'node:worker_threads'
import { run, type Verdict } from './run.js'
import { shrink } from './shrink.js'
import { type Schedule, scheduleOf } from './steps.js'

export interface Order {
  /** Run before any seed. */
  readonly schedules?: readonly Schedule[]
  readonly from?: number
  readonly to?: number
  /** Only every so-manieth of the seeds. */
  readonly stride?: number
  /** Milliseconds after which no further seed is begun. */
  readonly limit?: number
  /** Looks for a shorter schedule for so many milliseconds. */
  readonly shrink?: number
  /** Go on after a failure. */
  readonly all?: boolean
}

export interface Failure {
  readonly verdict: Verdict
  readonly schedule: Schedule
}

export interface Report {
  readonly runs: number
  readonly actions: number
  readonly failures: readonly Failure[]
}

async function work(order: Order): Promise<Report> {
  let { schedules = [], from = 0, to = from, stride = 1, limit = Infinity } = order
  let end = performance.now() + limit
  let failures: Failure[] = []
  let [runs, actions] = [0, 0]

  /** False when enough was seen. */
  async function one(schedule: Schedule): Promise<boolean> {
    let verdict = await run(schedule)
    runs++
    actions += verdict.actions
    if (runs % 50 === 0) parentPort?.postMessage({ runs: 50, actions: 0 })
    if (verdict.crime === null) return true
    let shorter = order.shrink ? await shrink(schedule, verdict.crime, order.shrink) : schedule
    let failure = { verdict: order.shrink ? await run(shorter) : verdict, schedule: shorter }
    failures.push(failure)
    parentPort?.postMessage({ failure })
    return order.all === true
  }

  for (let schedule of schedules) if (!(await one(schedule))) return { runs, actions, failures }
  for (let seed = from; seed < to && performance.now() < end; seed += stride) if (!(await one(scheduleOf(seed)))) break
  return { runs, actions, failures }
}

void work(workerData as Order).then(report => parentPort?.postMessage({ report }))
