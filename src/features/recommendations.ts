// Titles that the server recommends to a room. Where they come from is the app's.

import { defineFeature, durable } from '../feature.js'
import { array, number, object, optional, string } from '../schema.js'

/** Recommendations kept; the oldest give way. */
export const MAX_RECOMMENDED = 50

/** One title, and why. */
export interface Recommendation {
  /** 1 to 128 characters, the app's own; recommended again, it takes its former place's place. */
  readonly mediaId: string
  /** 1 to 200 characters. */
  readonly mediaTitle: string
  /** Up to 500 characters. */
  readonly reason: string | null
  /** How well it fits, from 0 to 1. */
  readonly score: number | null
  /** Milliseconds since 1970 by the server's clock. */
  readonly at: number
}

/** What a room is recommended, the same for everyone who has seen the same events. */
export interface RecommendationsState {
  /** The best score first, then the newest; at most 50. */
  readonly items: readonly Recommendation[]
  /** Titles that were ever delivered. */
  readonly delivered: number
}

const mediaId = string({ min: 1, max: 128 })

/** The best first. */
function ranked(items: readonly Recommendation[]): readonly Recommendation[] {
  return [...items].sort((a, b) => (b.score ?? -1) - (a.score ?? -1) || b.at - a.at || (a.mediaId < b.mediaId ? -1 : 1))
}

/**
 * Recommendations of a room: delivered by the server's code alone, put away by members for everyone.
 *
 * ```ts
 * let { $state, dismissRecommendation } = room.use(recommendations)
 * ```
 */
export const recommendations = defineFeature({
  name: 'recommendations',
  version: 1,
  events: {
    delivered: durable(
      object({
        items: array(
          object({
            mediaId,
            mediaTitle: string({ min: 1, max: 200 }),
            reason: optional(string({ max: 500 })),
            score: optional(number({ min: 0, max: 1 }))
          }),
          { max: MAX_RECOMMENDED }
        )
      }),
      { author: 'server' }
    ),
    dismissed: durable(object({ mediaId }))
  },
  initial: { items: [], delivered: 0 } as RecommendationsState,
  reduce: {
    delivered: (state, { items }, { at }) => {
      let fresh = new Map(
        items.map(({ mediaId, mediaTitle, reason = null, score = null }) => [
          mediaId,
          { mediaId, mediaTitle, reason, score, at }
        ])
      )
      let kept = state.items
        .filter(item => !fresh.has(item.mediaId))
        .sort((a, b) => b.at - a.at || (a.mediaId < b.mediaId ? -1 : 1))
        .slice(0, MAX_RECOMMENDED - fresh.size)
      return { items: ranked([...kept, ...fresh.values()]), delivered: state.delivered + fresh.size }
    },
    dismissed: (state, { mediaId }) =>
      state.items.some(item => item.mediaId === mediaId)
        ? { ...state, items: state.items.filter(item => item.mediaId !== mediaId) }
        : state
  },
  refuse: {
    dismissed: ({ items }, { mediaId }) => (items.some(item => item.mediaId === mediaId) ? null : 'unknown-media')
  },
  commands: {
    /** Puts a recommendation away, for everyone in the room. */
    dismissRecommendation: (_, mediaId: string) => ({ type: 'dismissed', data: { mediaId } })
  }
})
