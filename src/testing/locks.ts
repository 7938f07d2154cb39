// Mutual exclusion over the pages of one device, as browsers have it: first come, first served, unless somebody steals. A
// dead page holds nothing; a frozen one keeps what it holds.

import type { Clock, Locks } from '../ports.js'
import type { Life } from './life.js'

interface Request {
  grant(): void
  lose(): void
}

/** Creates the locks of a device; returns how a page sees them. */
export function createLocks(clock: Clock): (life: Life) => Locks {
  let holders = new Map<string, Request>()
  let queues = new Map<string, Request[]>()

  function give(name: string, request: Request): void {
    holders.set(name, request)
    queueMicrotask(request.grant)
  }

  function free(name: string, request: Request): void {
    let queue = queues.get(name) ?? []
    let index = queue.indexOf(request)
    if (index >= 0) queue.splice(index, 1)
    if (holders.get(name) !== request) return
    holders.delete(name)
    let next = queue.shift()
    if (next) give(name, next)
  }

  return life => ({
    acquire(name, on, steal) {
      let [held, waiting, lost] = [life.guard(on.held), life.guard(on.waiting), life.guard(on.lost)]
      let isOver = false
      let request: Request = {
        grant() {
          if (!isOver) held()
        },
        lose() {
          isOver = true
          queueMicrotask(lost)
        }
      }
      let stop = (): void => {
        if (isOver) return
        isOver = true
        free(name, request)
      }
      life.onDeath(stop)
      if (steal) {
        holders.get(name)?.lose()
        give(name, request)
      } else if (holders.has(name)) {
        queues.set(name, [...(queues.get(name) ?? []), request])
        queueMicrotask(() => !isOver && waiting())
      } else give(name, request)
      return stop
    },
    async tryHold(name, holdMs) {
      if (holders.has(name)) return false
      let request: Request = { grant() {}, lose() {} }
      holders.set(name, request)
      let release = (): void => free(name, request)
      life.onDeath(release)
      clock.after(holdMs, release)
      return true
    }
  })
}
