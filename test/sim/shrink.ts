// Finds a shorter schedule that breaks the same promise: leaves out chunks, then single steps, then makes numbers smaller.

import { run } from './run.js'
import type { Schedule, Step } from './steps.js'
import type { Crime } from './witness.js'

/** The shortest schedule found within the time, in milliseconds of the machine's clock. */
export async function shrink(schedule: Schedule, crime: Crime, limit = 20_000): Promise<Schedule> {
  let end = performance.now() + limit
  let best = schedule.steps
  let isOver = (): boolean => performance.now() > end

  async function accept(steps: readonly Step[]): Promise<boolean> {
    if (isOver() || (await run({ seed: schedule.seed, steps })).crime !== crime) return false
    best = steps
    return true
  }

  async function leaveOut(): Promise<boolean> {
    let before = best.length
    for (let size = Math.ceil(best.length / 2); size >= 1 && !isOver(); size = size > 1 ? Math.ceil(size / 2) : 0) {
      for (let at = best.length - size; at > -size && !isOver(); at -= size) {
        let from = Math.max(0, at)
        await accept([...best.slice(0, from), ...best.slice(at + size)])
      }
    }
    return best.length < before
  }

  async function simplify(): Promise<boolean> {
    let isSimpler = false
    for (let i = 0; i < best.length; i++) {
      for (let step of simpler(best[i] as Step)) {
        if (isOver()) return isSimpler
        if (!(await accept(best.with(i, step)))) continue
        isSimpler = true
        break
      }
    }
    return isSimpler
  }

  while (!isOver()) {
    let isShorter = await leaveOut()
    let isSimpler = await simplify()
    if (!isShorter && !isSimpler) break
  }
  return { seed: schedule.seed, steps: best }
}

/** The same step with less in it. */
function simpler(step: Step): Step[] {
  let { wait, ...rest } = step
  let result: Step[] = []
  if (wait) {
    result.push(rest as Step)
    if (wait > 1000) result.push({ ...step, wait: 1000 })
    if (wait > 100) result.push({ ...step, wait: 100 })
  }
  if (step.do === 'send' && step.count > 1) result.push({ ...step, count: 1 })
  if (step.do === 'send' && step.kind !== 'note') result.push({ ...step, kind: 'note' })
  if (step.do === 'open') for (let r of step.rooms) result.push({ ...step, rooms: step.rooms.filter(one => one !== r) })
  return result
}
