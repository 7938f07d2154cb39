// Does what a state shows to be undone: each duty once at a time, again after a failure, and after a crash when its room comes into
// memory again. A duty ends by being pushed as done. Knows no feature.

import type { AnyFeature, StateOf } from '../feature.js'
import type { Stop } from '../ports.js'
import type { Hub } from '../server/hub.js'

export interface Duty {
  /** Tells it from the room's others. */
  readonly name: string
  /** Must be idempotent: pushes with a key. */
  run(): Promise<unknown>
}

export interface Duties {
  /** Resolves when everything that is known to be undone was done, or has failed and waits. */
  idle(): Promise<void>
  close(): void
}

/** After a failure a room is looked at again, in milliseconds. */
const AGAIN = 1000

/** Follows a feature in every room of a hub; `report` is told of failures. */
export function followDuties<F extends AnyFeature>(
  hub: Hub,
  feature: F,
  dutiesOf: (room: string, state: StateOf<F>) => readonly Duty[],
  report: (error: unknown) => void = () => {}
): Duties {
  let working = new Map<string, Promise<void>>()
  let waits = new Map<string, Stop>()
  let closed = false

  function look(room: string, state: StateOf<F>): void {
    for (let duty of dutiesOf(room, state)) {
      let name = JSON.stringify([room, duty.name])
      if (closed || working.has(name)) continue
      let work = duty.run().then(
        () => void working.delete(name),
        error => {
          working.delete(name)
          failed(room, error)
        }
      )
      working.set(name, work)
    }
  }

  function failed(room: string, error: unknown): void {
    if (closed) return
    report(error)
    if (waits.has(room)) return
    let stop = hub.clock.after(AGAIN, () => {
      waits.delete(room)
      hub
        .room(room)
        .state(feature)
        .then(
          state => look(room, state),
          error => failed(room, error)
        )
    })
    waits.set(room, stop)
  }

  let stop = hub.watch(feature, ({ room, state }) => look(room, state))

  return {
    async idle() {
      while (working.size > 0) await Promise.all(working.values())
    },
    close() {
      closed = true
      stop()
      for (let wait of waits.values()) wait()
      waits.clear()
    }
  }
}
