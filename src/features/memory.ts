// Shared memories of a room, what is being done with them, and what there is to tell about them. Who has read what is not
// known here: that is the user's own, see memory-reads.

import { RealtimeError } from '../errors.js'
import { defineFeature, durable, type EventMeta } from '../feature.js'
import { array, nullable, number, object, optional, string } from '../schema.js'
import { appended, existing } from './bounded.js'

/** Memories kept; the oldest give way. */
export const MAX_MEMORIES = 1000
/** Notifications kept; the oldest give way. */
export const MAX_NOTIFICATIONS = 200
/** Insights kept; the oldest give way. */
export const MAX_MEMORY_INSIGHTS = 200

/** Something that the members of a room want to keep. */
export interface Memory {
  readonly id: string
  /** 1 to 2,000 characters. */
  readonly content: string
  /** At most 20, of 1 to 64 characters each. */
  readonly tags: readonly string[]
  /** 1 to 64 characters. */
  readonly emotion: string | null
  /** From 0 to 1. */
  readonly importance: number | null
  readonly by: string
  /** Milliseconds since 1970 by the server's clock. */
  readonly at: number
  readonly updatedBy: string
  /** When its content was last changed; equal to `at` until then. */
  readonly updatedAt: number
}

/** What a notification tells. */
export type MemoryNotificationKind = 'created' | 'updated' | 'insight' | 'processed'

/** Something that happened to a memory. */
export interface MemoryNotification {
  readonly id: string
  readonly kind: MemoryNotificationKind
  readonly memoryId: string
  /** Up to 80 characters of the memory, or of the insight. */
  readonly excerpt: string
  readonly by: string
  readonly at: number
}

/** Work on a memory that goes on. */
export interface MemoryProcessing {
  /** The memory's id. */
  readonly id: string
  /** 1 to 64 characters. */
  readonly stage: string
  /** From 0 to 1. */
  readonly progress: number
  readonly at: number
}

/** What was found in the memories. */
export interface MemoryInsight {
  readonly id: string
  /** 1 to 2,000 characters. */
  readonly text: string
  /** The memory it is about, if it is about one. */
  readonly memoryId: string | null
  readonly by: string
  readonly at: number
}

/** The memories as all members of the room see them; lists are in order of arrival, newest last. */
export interface MemoryState {
  /** At most 1,000. */
  readonly memories: readonly Memory[]
  /** At most 200; a later one of the same kind about the same memory by the same user takes the earlier one's place. */
  readonly notifications: readonly MemoryNotification[]
  /** At most one for each memory. */
  readonly processing: readonly MemoryProcessing[]
  /** At most 200. */
  readonly insights: readonly MemoryInsight[]
}

/** What else a new memory may carry. */
export interface MemoryOptions {
  readonly tags?: readonly string[] | undefined
  readonly emotion?: string | null | undefined
  readonly importance?: number | null | undefined
}

/** What of a memory to change; fields that are absent stay, `null` clears. */
export interface MemoryPatch extends MemoryOptions {
  readonly content?: string | undefined
}

const id = string({ min: 1, max: 128 })
const text = string({ min: 1, max: 2000 })
const word = string({ min: 1, max: 64 })
const extras = {
  tags: optional(array(word, { max: 20 })),
  emotion: optional(nullable(word)),
  importance: optional(nullable(number({ min: 0, max: 1 })))
}

const initial: MemoryState = { memories: [], notifications: [], processing: [], insights: [] }

function notified(
  state: MemoryState,
  kind: MemoryNotificationKind,
  memoryId: string,
  source: string,
  { id, actor, at }: EventMeta
): readonly MemoryNotification[] {
  let others = state.notifications.filter(item => item.kind !== kind || item.memoryId !== memoryId || item.by !== actor)
  return appended(others, { id, kind, memoryId, excerpt: source.slice(0, 80), by: actor, at }, MAX_NOTIFICATIONS)
}

/** The list without what is about a memory; the same list when nothing is. */
function without<T>(list: readonly T[], memoryId: string, about: (item: T) => string | null): readonly T[] {
  return list.some(item => about(item) === memoryId) ? list.filter(item => about(item) !== memoryId) : list
}

/** The state without a memory and everything that is about it. */
function forgotten(state: MemoryState, memoryId: string): MemoryState {
  return {
    memories: without(state.memories, memoryId, item => item.id),
    notifications: without(state.notifications, memoryId, item => item.memoryId),
    processing: without(state.processing, memoryId, item => item.id),
    insights: without(state.insights, memoryId, item => item.memoryId)
  }
}

/**
 * Memories of the room. What is said last about a memory holds; what concerns a deleted memory is ignored.
 *
 * ```ts
 * let receipt = room.use(memory).createMemory('The night of the shooting stars', { tags: ['summer'] })
 * await receipt
 * ```
 */
export const memory = defineFeature({
  name: 'memory',
  version: 1,
  events: {
    created: durable(object({ content: text, ...extras })),
    updated: durable(object({ id, patch: object({ content: optional(text), ...extras }) })),
    deleted: durable(object({ id })),
    insight: durable(object({ text, memoryId: optional(id) })),
    processed: durable(object({ id, stage: word, progress: number({ min: 0, max: 1 }) }))
  },
  initial,
  reduce: {
    created: (state, { content, tags = [], emotion = null, importance = null }, meta) => {
      let { id, actor: by, at } = meta
      if (state.memories.some(item => item.id === id)) return state
      let created: Memory = { id, content, tags, emotion, importance, by, at, updatedBy: by, updatedAt: at }
      let oldest = state.memories.length < MAX_MEMORIES ? undefined : state.memories[0]
      let kept = oldest ? forgotten(state, oldest.id) : state
      return {
        ...kept,
        memories: appended(kept.memories, created, MAX_MEMORIES),
        notifications: notified(kept, 'created', id, content, meta)
      }
    },
    updated: (state, { id, patch }, meta) => {
      let before = state.memories.find(item => item.id === id)
      if (!before) return state
      let after: Memory = {
        ...before,
        content: patch.content ?? before.content,
        tags: patch.tags ?? before.tags,
        emotion: patch.emotion === undefined ? before.emotion : patch.emotion,
        importance: patch.importance === undefined ? before.importance : patch.importance,
        updatedBy: meta.actor,
        updatedAt: meta.at
      }
      return {
        ...state,
        memories: state.memories.map(item => (item === before ? after : item)),
        notifications: notified(state, 'updated', id, after.content, meta)
      }
    },
    deleted: (state, { id }) => (state.memories.some(item => item.id === id) ? forgotten(state, id) : state),
    insight: (state, { text, memoryId }, meta) => {
      if (memoryId !== undefined && !state.memories.some(item => item.id === memoryId)) return state
      let insight: MemoryInsight = { id: meta.id, text, memoryId: memoryId ?? null, by: meta.actor, at: meta.at }
      return {
        ...state,
        insights: appended(state.insights, insight, MAX_MEMORY_INSIGHTS),
        notifications: memoryId === undefined ? state.notifications : notified(state, 'insight', memoryId, text, meta)
      }
    },
    processed: (state, { id, stage, progress }, meta) => {
      let about = state.memories.find(item => item.id === id)
      if (!about) return state
      let before = state.processing.find(item => item.id === id)
      if (stage === 'done' || progress >= 1) {
        return {
          ...state,
          processing: state.processing.filter(item => item !== before),
          notifications: notified(state, 'processed', id, about.content, meta)
        }
      }
      let entry: MemoryProcessing = { id, stage, progress, at: meta.at }
      return {
        ...state,
        processing: before
          ? state.processing.map(item => (item === before ? entry : item))
          : [...state.processing, entry]
      }
    }
  },
  // What somebody wrote about a memory that is gone by now must not vanish without a word. To delete it twice is no mistake.
  refuse: {
    updated: ({ memories }, { id }) => (memories.some(item => item.id === id) ? null : 'unknown-memory'),
    insight: ({ memories }, { memoryId }) =>
      memoryId === undefined || memories.some(item => item.id === memoryId) ? null : 'unknown-memory'
  },
  commands: {
    /** Adds a memory of 1 to 2,000 characters; its id is the receipt's id. */
    createMemory: (_, content: string, options: MemoryOptions = {}) => ({
      type: 'created',
      data: { ...options, content }
    }),
    /** Changes the fields that `patch` names; throws when there is no such memory. */
    updateMemory: ({ state }, id: string, patch: MemoryPatch) => {
      existing(state.memories, id, 'id', 'memory')
      if (patch && Object.keys(patch).length === 0) {
        throw new RealtimeError('bad-argument', 'patch: must name at least one of content, tags, emotion, importance')
      }
      return { type: 'updated', data: { id, patch } }
    },
    /** Takes a memory away with everything about it; throws when there is no such memory. */
    deleteMemory: ({ state }, id: string) => {
      existing(state.memories, id, 'id', 'memory')
      return { type: 'deleted', data: { id } }
    },
    /** Adds an insight of 1 to 2,000 characters, about one memory or about all; throws when there is no such memory. */
    addMemoryInsight: ({ state }, text: string, memoryId?: string) => {
      if (memoryId !== undefined) existing(state.memories, memoryId, 'memoryId', 'memory')
      return { type: 'insight', data: { text, memoryId } }
    },
    /**
     * Tells how far the work on a memory is: a stage of 1 to 64 characters and a progress from 0 to 1. The stage `done` or the
     * progress 1 ends it. Throws when there is no such memory.
     */
    processMemory: ({ state }, id: string, stage = 'processing', progress = 0) => {
      existing(state.memories, id, 'id', 'memory')
      return { type: 'processed', data: { id, stage, progress } }
    }
  }
})

/** When the newest content in the room was written, in milliseconds since 1970; 0 when there is none. */
export function newestMemoryAt(state: MemoryState): number {
  return state.memories.reduce((newest, item) => Math.max(newest, item.updatedAt), 0)
}
