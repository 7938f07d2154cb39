// What the server's task runner keeps for itself, in rooms that are closed to all clients: which rooms have open tasks, and
// how far each task has got. Does not know what tasks do.

import { defineFeature, durable } from '../feature.js'
import { integer, jsonUpTo, number, object, string } from '../schema.js'
import { appended } from './bounded.js'
import { MAX_TASKS } from './tasks.js'

/** Rooms with open tasks that are remembered; of more than these, the oldest are found again when somebody comes. */
export const MAX_TASK_ROOMS = 2000
/** Characters of JSON. */
export const MAX_CHECKPOINT = 16_000

/** From where a task can go on. */
export interface TaskCheckpoint {
  readonly id: string
  /** The attempt that has come so far. */
  readonly attempt: number
  readonly progress: number
  readonly stage: string
  /** Partial results until then. */
  readonly partials: number
  readonly data: unknown
}

export interface TaskJournalState {
  /** At most 2,000. */
  readonly rooms: readonly string[]
  /** One for each task, at most 50. */
  readonly checkpoints: readonly TaskCheckpoint[]
}

const room = string({ min: 1, max: 256 })
const id = string({ min: 1, max: 128 })
const server = { author: 'server' } as const

/** The runner's memory. A server that runs tasks has it among its features; no client needs it. */
export const taskJournal = defineFeature({
  name: 'task-journal',
  version: 1,
  events: {
    opened: durable(object({ room }), server),
    closed: durable(object({ room }), server),
    checkpoint: durable(
      object({
        id,
        attempt: integer({ min: 1 }),
        progress: number({ min: 0, max: 1 }),
        stage: string({ max: 64 }),
        partials: integer(),
        data: jsonUpTo(MAX_CHECKPOINT)
      }),
      server
    ),
    forgotten: durable(object({ id }), server)
  },
  initial: { rooms: [], checkpoints: [] } as TaskJournalState,
  reduce: {
    opened: (state, { room }) =>
      state.rooms.includes(room) ? state : { ...state, rooms: appended(state.rooms, room, MAX_TASK_ROOMS) },
    closed: (state, { room }) => ({ ...state, rooms: state.rooms.filter(other => other !== room) }),
    checkpoint: (state, checkpoint) => {
      let { id, attempt, progress, stage, partials, data } = checkpoint
      let others = state.checkpoints.filter(other => other.id !== id)
      let entry: TaskCheckpoint = { id, attempt, progress, stage, partials, data }
      return { ...state, checkpoints: appended(others, entry, MAX_TASKS) }
    },
    forgotten: (state, { id }) => ({ ...state, checkpoints: state.checkpoints.filter(other => other.id !== id) })
  },
  commands: {}
})
