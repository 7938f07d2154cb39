// What a task runner reads and writes: said until it is stored, and the list of rooms with open tasks kept true. Does not
// choose what runs.

import { RealtimeError } from '../../errors.js'
import type { AnyFeature, StateOf } from '../../feature.js'
import { taskJournal } from '../../features/task-journal.js'
import type { Report } from '../../ports.js'
import type { Hub } from '../../server/hub.js'

/** In whose name the runner speaks, and the room that lists rooms with open tasks. */
const SELF = 'server:tasks'
/** Until what could not be stored or read is tried again, in milliseconds. */
const AGAIN = 1000

/** The task was cancelled, or the server closes: not a failure of anything. */
export class Ended extends Error {}

export type TaskStore = ReturnType<typeof createTaskStore>

export function createTaskStore(hub: Hub, closing: AbortSignal, report: Report) {
  let indexed = new Set<string>()
  let tail: Promise<void> = Promise.resolve()

  /** Only storage fails in a way that passes. */
  async function untilStored<T>(what: () => Promise<T>, signal: AbortSignal): Promise<T> {
    for (;;) {
      if (signal.aborted) throw new Ended()
      try {
        return await what()
      } catch (error) {
        if (!(error instanceof RealtimeError)) throw error
        if (error.code === 'closed') throw new Ended()
        if (error.code !== 'storage') throw error
        report('warn', 'tasks-not-stored', { error })
        await pause(AGAIN, signal)
      }
    }
  }

  function pause(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      let stop = hub.clock.after(ms, () => {
        signal.removeEventListener('abort', end)
        resolve()
      })
      function end(): void {
        stop()
        reject(new Ended())
      }
      signal.addEventListener('abort', end, { once: true })
    })
  }

  async function say(room: string, feature: AnyFeature, type: string, data: unknown, signal = closing): Promise<void> {
    await untilStored(() => hub.room(room).push(feature, type, data, { by: SELF }), signal)
  }

  function read<F extends AnyFeature>(room: string, feature: F, signal = closing): Promise<StateOf<F>> {
    return untilStored(() => hub.room(room).state(feature), signal)
  }

  return {
    say,
    read,
    pause,
    /** The runner's own room for what it keeps of a room's tasks. */
    journalOf: (room: string): string => `${SELF}:${room}`,
    cast: (room: string, feature: AnyFeature, data: unknown): void =>
      hub.room(room).cast(feature, 'progress', data, { by: SELF }),
    /** The rooms that had open tasks when the server went down. */
    async rooms(): Promise<readonly string[]> {
      let { rooms } = await read(SELF, taskJournal)
      for (let room of rooms) indexed.add(room)
      return rooms
    },
    isIndexed: (room: string): boolean => indexed.has(room),
    /** Brings the list in line; one room after the other, each as things are when its turn comes. */
    keepIndexed(room: string, isOpen: () => boolean): Promise<void> {
      tail = tail.then(async () => {
        let open = isOpen()
        if (open === indexed.has(room)) return
        await say(SELF, taskJournal, open ? 'opened' : 'closed', { room })
        if (open) indexed.add(room)
        else indexed.delete(room)
      })
      tail = tail.catch(error => {
        if (!(error instanceof Ended)) report('error', 'task-index-failed', { room, error })
      })
      return tail
    }
  }
}
