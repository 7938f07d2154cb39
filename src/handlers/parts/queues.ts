// Work that a handler does one after the other for the same subject, and side by side for different ones.

import type { Stop } from '../../ports.js'

export interface Queues {
  /** Runs `work` when everything of the same subject before it is over; resolves and rejects as it does. */
  run<T>(subject: string, work: () => Promise<T>): Promise<T>
  /** The same, for work that nobody waits for; nothing is run any more after `close`. */
  start(subject: string, work: () => Promise<unknown>): void
  close: Stop
}

/** `failed`: told of what went wrong in work that was merely started. */
export function createQueues(failed: (error: unknown) => void): Queues {
  let tails = new Map<string, Promise<unknown>>()
  let isClosed = false

  function run<T>(subject: string, work: () => Promise<T>): Promise<T> {
    let before = tails.get(subject) ?? Promise.resolve()
    let result = before.then(work)
    let tail = result.then(
      () => {},
      () => {}
    )
    tails.set(subject, tail)
    void tail.then(() => {
      if (tails.get(subject) === tail) tails.delete(subject)
    })
    return result
  }

  return {
    run,
    start(subject, work) {
      run(subject, async () => {
        if (!isClosed) await work()
      }).catch(error => {
        // A hub that was closed takes nothing more: what is left is done after the next start.
        if (!isClosed) failed(error)
      })
    },
    close() {
      isClosed = true
    }
  }
}
