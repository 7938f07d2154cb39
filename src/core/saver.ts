// Keeps confirmed room states on disk, a moment after they changed: so that a reload shows the last known state at once. State
// and position are written together.

import type { Clock, Disk, Stop } from '../ports.js'
import type { SavedRoom } from './replica.js'
import { keys } from './rows.js'

const SAVE_INTERVAL = 1000

export interface Saver {
  /** The room's state moved on. */
  soon(room: string): void
  /** Writes what changed, and these rooms. `ending`: the page goes now, and would not live to see an answer of the disk. */
  now(rooms?: readonly string[], ending?: boolean): void
  read(room: string): Promise<SavedRoom | null>
  close(): void
}

/** `stateOf` gives what is to be kept of a room, or null when there is nothing whole to keep. */
export function createSaver(ports: {
  clock: Clock
  disk: () => Disk
  stateOf: (room: string) => SavedRoom | null
  failed: (error: unknown) => void
}): Saver {
  let { clock, disk, stateOf, failed } = ports
  let changed = new Set<string>()
  let stop: Stop | null = null

  function now(rooms: readonly string[] = [], ending = false): void {
    stop?.()
    stop = null
    let records = [...new Set([...changed, ...rooms])].flatMap(room => {
      let state = stateOf(room)
      return state ? [[room, state] as const] : []
    })
    changed.clear()
    if (!records.length) return
    disk()
      .write('relaxed', async tx => {
        for (let [room, state] of records) {
          // Another tab may be further; an older state is as true, and costs a longer replay.
          let known = ending ? undefined : ((await tx.get(keys.room(room))) as SavedRoom | undefined)
          if (known?.epoch === state.epoch && known.offset > state.offset) continue
          tx.put(keys.room(room), state)
        }
      })
      .catch(failed)
  }

  return {
    soon(room) {
      changed.add(room)
      stop ??= clock.after(SAVE_INTERVAL, () => now())
    },
    now,
    read: async room => ((await disk().read(tx => tx.get(keys.room(room)))) as SavedRoom | undefined) ?? null,
    close: () => stop?.()
  }
}
