// What a room watches: the title that is on, and those that wait, in an order that everyone may change. Who may is the policy's.

import { defineFeature, durable } from '../feature.js'
import { nullable, object, string } from '../schema.js'

/** Titles that wait at most; nothing is added to a full queue. */
export const MAX_QUEUE = 200

/** A title in the queue. */
export interface QueueItem {
  /** 1 to 128 characters, the app's own; in the queue once. */
  readonly mediaId: string
  /** 1 to 200 characters. */
  readonly mediaTitle: string
  readonly by: string
  /** When it was added, in milliseconds since 1970 by the server's clock. */
  readonly at: number
}

/** A room's queue, the same for everyone who has seen the same events. */
export interface QueueState {
  /** What is on; null when nothing is. */
  readonly current: QueueItem | null
  /** What waits, the next one first; at most 200. */
  readonly items: readonly QueueItem[]
  /** Titles that were ever on. */
  readonly played: number
}

const mediaId = string({ min: 1, max: 128 })

let indexOf = ({ items }: QueueState, mediaId: string) => items.findIndex(item => item.mediaId === mediaId)
let has = (state: QueueState, mediaId: string) => indexOf(state, mediaId) >= 0

function addProblem(state: QueueState, mediaId: string): string | null {
  if (has(state, mediaId) || state.current?.mediaId === mediaId) return 'already-queued'
  return state.items.length < MAX_QUEUE ? null : 'queue-full'
}

function moveProblem(state: QueueState, mediaId: string, before: string | null): string | null {
  return has(state, mediaId) && (before === null || has(state, before)) ? null : 'unknown-item'
}

function advanceProblem({ current, items }: QueueState, from: string | null): string | null {
  if ((current?.mediaId ?? null) !== from) return 'not-current'
  return current || items.length > 0 ? null : 'queue-empty'
}

/**
 * The queue of a room. Everything is said relative to what its author saw: a title moves in front of another, and the next one
 * comes on in place of a certain one. So orders of several people converge, in the order in which the server takes them in; one
 * that no longer makes sense is refused and changes nothing.
 *
 * ```ts
 * let { $state, addToQueue, moveInQueue, advanceQueue } = room.use(queue)
 * await addToQueue('tt0078748', 'Alien')
 * await moveInQueue('tt0078748', 'tt0090605')
 * await advanceQueue()
 * ```
 */
export const queue = defineFeature({
  name: 'queue',
  version: 1,
  events: {
    added: durable(object({ mediaId, mediaTitle: string({ min: 1, max: 200 }) })),
    removed: durable(object({ mediaId })),
    moved: durable(object({ mediaId, before: nullable(mediaId) })),
    advanced: durable(object({ from: nullable(mediaId) }))
  },
  initial: { current: null, items: [], played: 0 } as QueueState,
  reduce: {
    added: (state, { mediaId, mediaTitle }, { actor: by, at }) =>
      addProblem(state, mediaId) ? state : { ...state, items: [...state.items, { mediaId, mediaTitle, by, at }] },
    removed: (state, { mediaId }) =>
      has(state, mediaId) ? { ...state, items: state.items.filter(item => item.mediaId !== mediaId) } : state,
    moved: (state, { mediaId, before }) => {
      let item = state.items[indexOf(state, mediaId)]
      if (!item || mediaId === before || moveProblem(state, mediaId, before)) return state
      let others = state.items.filter(other => other !== item)
      let at = before === null ? others.length : others.findIndex(other => other.mediaId === before)
      return { ...state, items: [...others.slice(0, at), item, ...others.slice(at)] }
    },
    advanced: (state, { from }) => {
      if (advanceProblem(state, from)) return state
      let [next, ...items] = state.items
      return { current: next ?? null, items, played: state.played + (next ? 1 : 0) }
    }
  },
  refuse: {
    added: (state, { mediaId }) => addProblem(state, mediaId),
    removed: (state, { mediaId }) => (has(state, mediaId) ? null : 'unknown-item'),
    moved: (state, { mediaId, before }) => moveProblem(state, mediaId, before),
    advanced: (state, { from }) => advanceProblem(state, from)
  },
  commands: {
    /** Adds a title at the end. Refused as `already-queued` and `queue-full`. */
    addToQueue: (_, mediaId: string, mediaTitle: string) => ({ type: 'added', data: { mediaId, mediaTitle } }),
    /** Takes a waiting title out. */
    removeFromQueue: (_, mediaId: string) => ({ type: 'removed', data: { mediaId } }),
    /** Moves a waiting title in front of another, or to the end with `null`. Refused as `unknown-item` when one of them is gone. */
    moveInQueue: (_, mediaId: string, before: string | null) => ({ type: 'moved', data: { mediaId, before } }),
    /** Puts the next title on in place of the one shown here: two people who press at once skip one, the other is `not-current`. */
    advanceQueue: ({ state }) => ({ type: 'advanced', data: { from: state.current?.mediaId ?? null } })
  }
})
