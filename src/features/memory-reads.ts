// Which memories a user has read: the user's own, equal on all their devices. Runs in the user's own room. Joined with a
// room's memories by `withReads`; does not know them otherwise.

import { defineFeature, durable } from '../feature.js'
import { number, object, optional, string } from '../schema.js'
import { appended } from './bounded.js'
import type { Memory, MemoryInsight, MemoryNotification, MemoryProcessing, MemoryState } from './memory.js'

/** Marks of single memories kept; the oldest give way. */
export const MAX_READ_MARKS = 1000
/** Rooms whose mark for all memories is kept; the oldest give way. */
export const MAX_READ_ROOMS = 200

/** A time may be this much ahead of the server's, in milliseconds; what is further ahead is taken as this. */
const AHEAD_MS = 60_000

/** What a user has read, newest last. Times are milliseconds since 1970 by the server's clock. */
export interface MemoryReadsState {
  /** Single memories, read as they were at a time. At most 1,000. */
  readonly marks: ReadonlyArray<{ readonly id: string; readonly upTo: number }>
  /** Rooms in which everything up to a time is read. At most 200. */
  readonly rooms: ReadonlyArray<{ readonly room: string; readonly upTo: number }>
}

/** What a room's memories look like to one user. */
export interface MemoryView {
  /** `read`: written by this user, or read since it was last changed. */
  readonly memories: ReadonlyArray<Memory & { readonly read: boolean }>
  /** Those that others caused. */
  readonly notifications: ReadonlyArray<MemoryNotification & { readonly read: boolean }>
  /** How many of `memories` are not read. */
  readonly unreadCount: number
  readonly processing: readonly MemoryProcessing[]
  readonly insights: readonly MemoryInsight[]
}

const initial: MemoryReadsState = { marks: [], rooms: [] }
const time = number({ min: 0 })

/**
 * Read marks of memories. Marks only ever move forward, so their order does not matter.
 *
 * ```ts
 * let reads = own.use(memoryReads)
 * await reads.markMemoryRead(id, newestMemoryAt(memories))
 * await reads.markAllMemoriesRead(newestMemoryAt(memories), room.name)
 * ```
 */
export const memoryReads = defineFeature({
  name: 'memory-reads',
  version: 1,
  events: {
    read: durable(object({ id: string({ min: 1, max: 128 }), upTo: optional(time) })),
    'read-all': durable(object({ upTo: time, room: string({ max: 256 }) }))
  },
  initial,
  reduce: {
    read: (state, { id, upTo = -1 }, { at }) => {
      let mark = { id, upTo: upTo < 0 ? at : Math.min(upTo, at + AHEAD_MS) }
      let before = state.marks.find(item => item.id === id)
      if (before && before.upTo >= mark.upTo) return state
      return {
        ...state,
        marks: appended(before ? state.marks.filter(item => item !== before) : state.marks, mark, MAX_READ_MARKS)
      }
    },
    'read-all': (state, { upTo, room }, { at }) => {
      let mark = { room, upTo: Math.min(upTo, at + AHEAD_MS) }
      let before = state.rooms.find(item => item.room === room)
      if (before && before.upTo >= mark.upTo) return state
      return {
        ...state,
        rooms: appended(before ? state.rooms.filter(item => item !== before) : state.rooms, mark, MAX_READ_ROOMS)
      }
    }
  },
  commands: {
    /**
     * Marks a memory read as it was at `upTo`, milliseconds since 1970 by the server's clock: what is changed later is unread
     * again. Without `upTo`: as it is when the server takes this in.
     */
    markMemoryRead: (_, id: string, upTo?: number) => ({ type: 'read', data: { id, upTo } }),
    /**
     * Marks all memories of a room read that were written until `upTo`, milliseconds since 1970 by the server's clock: hand in
     * `newestMemoryAt` of what is shown, so that what arrives meanwhile stays unread. Stores one number for each room.
     */
    markAllMemoriesRead: (_, upTo: number, room = '') => ({ type: 'read-all', data: { upTo, room } })
  }
})

/**
 * The room's memories as `me` sees them: own ones are read, those of others once they are marked. `room` is the name given to
 * `markAllMemoriesRead`.
 */
export function withReads(state: MemoryState, reads: MemoryReadsState, me: string, room = ''): MemoryView {
  let all = reads.rooms.find(item => item.room === room)?.upTo ?? -1
  let marks = new Map(reads.marks.map(({ id, upTo }) => [id, upTo]))
  let readUntil = (id: string) => Math.max(all, marks.get(id) ?? -1)
  let memories = state.memories.map(item => ({
    ...item,
    read: item.updatedBy === me || item.updatedAt <= readUntil(item.id)
  }))
  return {
    memories,
    notifications: state.notifications
      .filter(item => item.by !== me)
      .map(item => ({ ...item, read: item.at <= readUntil(item.memoryId) })),
    unreadCount: memories.reduce((count, item) => count + (item.read ? 0 : 1), 0),
    processing: state.processing,
    insights: state.insights
  }
}
