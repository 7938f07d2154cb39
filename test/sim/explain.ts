// A failure as a person reads it.

import { print } from './steps.js'
import type { Failure } from './worker.js'

export function explain({ verdict, schedule }: Failure): string {
  let { crime, what } = verdict
  let again = `npm run sim -- --seed ${schedule.seed}`
  return `seed ${schedule.seed}, ${crime}: ${what}\n${print(schedule.steps)}\nagain: ${again}`
}
