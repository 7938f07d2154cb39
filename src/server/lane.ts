// One thing after the other: what arrives while a turn runs waits and is taken together in the next one.

import type { Clock, Stop } from '../ports.js'

export interface Lane<T> {
  add(item: T): void
  busy(): boolean
  /** Resolves when nothing is waiting or running. */
  idle(): Promise<void>
}

/** `run` gets at most `max` items in the order of their arrival; `failed` is told when it rejects, and the lane goes on. */
export function createLane<T>(
  clock: Clock,
  max: number,
  run: (items: T[]) => Promise<void>,
  failed: (error: unknown) => void
): Lane<T> {
  let waiting: T[] = []
  let running = false
  let _stop: Stop | null = null
  let idlers: (() => void)[] = []

  async function drain(): Promise<void> {
    _stop = null
    running = true
    while (waiting.length > 0) await run(waiting.splice(0, max)).catch(failed)
    running = false
    let calls = idlers
    idlers = []
    for (let call of calls) call()
  }

  let busy = () => running || waiting.length > 0

  return {
    add(item) {
      waiting.push(item)
      if (!running) _stop ??= clock.soon(() => void drain())
    },
    busy,
    idle: () => (busy() ? new Promise(resolve => idlers.push(resolve)) : Promise.resolve())
  }
}
