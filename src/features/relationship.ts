// How a relationship fares: a score with its trend, insights, recommendations and open conflicts, the same for all members.
// Does not know where scores and insights come from.

import { defineFeature, durable, latest } from '../feature.js'
import { number, object, oneOf, string } from '../schema.js'
import { appended, existing } from './bounded.js'

/** Recent scores kept for the trend. */
export const MAX_SCORES = 20
/** Insights kept; the oldest give way. */
export const MAX_INSIGHTS = 200
/** Open recommendations kept; the oldest give way. */
export const MAX_RECOMMENDATIONS = 100
/** Open conflicts kept; the oldest give way. */
export const MAX_CONFLICTS = 100

/** `null` until two scores are known. */
export type RelationshipTrend = 'rising' | 'falling' | 'steady' | null

/** How urgent a conflict is. */
export type ConflictSeverity = 'low' | 'medium' | 'high'

/** An insight or a recommendation. */
export interface RelationshipNote {
  readonly id: string
  /** 1 to 2,000 characters. */
  readonly text: string
  readonly by: string
  /** Milliseconds since 1970 by the server's clock. */
  readonly at: number
}

/** An open conflict: an alert until it is resolved. */
export interface RelationshipConflict extends RelationshipNote {
  readonly severity: ConflictSeverity
}

/** The relationship as all members of the room see it; lists are in order of arrival, newest last. */
export interface RelationshipState {
  /** From 0 to 100; `null` until one was sent. */
  readonly healthScore: number | null
  readonly trend: RelationshipTrend
  /** The last 20 scores, newest last. */
  readonly scores: ReadonlyArray<{ readonly score: number; readonly at: number }>
  /** At most 200. */
  readonly insights: readonly RelationshipNote[]
  /** Those not dismissed; at most 100. */
  readonly recommendations: readonly RelationshipNote[]
  /** Those not resolved; at most 100. */
  readonly conflicts: readonly RelationshipConflict[]
  readonly lastUpdate: number | null
}

const text = string({ min: 1, max: 2000 })
const id = string({ min: 1, max: 128 })

const initial: RelationshipState = {
  healthScore: null,
  trend: null,
  scores: [],
  insights: [],
  recommendations: [],
  conflicts: [],
  lastUpdate: null
}

/**
 * Where scores are heading: the newest against the mean of up to four before it; more than 2 points above is `rising`, more
 * than 2 below is `falling`.
 */
export function trendOf(scores: readonly number[]): RelationshipTrend {
  let newest = scores.at(-1)
  let before = scores.slice(-5, -1)
  if (newest === undefined || before.length === 0) return null
  let difference = newest - before.reduce((sum, score) => sum + score, 0) / before.length
  return difference > 2 ? 'rising' : difference < -2 ? 'falling' : 'steady'
}

/**
 * Health score, insights, recommendations and open conflicts of the room. Dismissing or resolving twice changes nothing.
 *
 * ```ts
 * let { updateHealthScore, raiseConflict } = room.use(relationship)
 * await updateHealthScore(82)
 * await raiseConflict('We disagree about the holidays', 'low')
 * ```
 */
export const relationship = defineFeature({
  name: 'relationship',
  version: 1,
  events: {
    score: latest(object({ score: number({ min: 0, max: 100 }) })),
    insight: durable(object({ text })),
    recommended: durable(object({ text })),
    dismissed: durable(object({ id })),
    raised: durable(object({ text, severity: oneOf('low', 'medium', 'high') })),
    resolved: durable(object({ id }))
  },
  initial,
  reduce: {
    score: (state, { score }, { at }) => {
      let scores = appended(state.scores, { score, at }, MAX_SCORES)
      return { ...state, healthScore: score, scores, trend: trendOf(scores.map(entry => entry.score)), lastUpdate: at }
    },
    insight: (state, { text }, { id, actor, at }) => ({
      ...state,
      insights: appended(state.insights, { id, text, by: actor, at }, MAX_INSIGHTS),
      lastUpdate: at
    }),
    recommended: (state, { text }, { id, actor, at }) => ({
      ...state,
      recommendations: appended(state.recommendations, { id, text, by: actor, at }, MAX_RECOMMENDATIONS),
      lastUpdate: at
    }),
    dismissed: (state, { id }, { at }) =>
      state.recommendations.some(item => item.id === id)
        ? { ...state, recommendations: state.recommendations.filter(item => item.id !== id), lastUpdate: at }
        : state,
    raised: (state, { text, severity }, { id, actor, at }) => ({
      ...state,
      conflicts: appended(state.conflicts, { id, text, severity, by: actor, at }, MAX_CONFLICTS),
      lastUpdate: at
    }),
    resolved: (state, { id }, { at }) =>
      state.conflicts.some(item => item.id === id)
        ? { ...state, conflicts: state.conflicts.filter(item => item.id !== id), lastUpdate: at }
        : state
  },
  commands: {
    /** Sets the health score, from 0 to 100. */
    updateHealthScore: (_, score: number) => ({ type: 'score', data: { score } }),
    /** Adds an insight of 1 to 2,000 characters. */
    addInsight: (_, text: string) => ({ type: 'insight', data: { text } }),
    /** Adds a recommendation of 1 to 2,000 characters. */
    addRecommendation: (_, text: string) => ({ type: 'recommended', data: { text } }),
    /** Takes a recommendation away; throws when it is not there. */
    dismissRecommendation: ({ state }, id: string) => {
      existing(state.recommendations, id, 'id', 'open recommendation')
      return { type: 'dismissed', data: { id } }
    },
    /** Opens a conflict of 1 to 2,000 characters. */
    raiseConflict: (_, text: string, severity: ConflictSeverity = 'medium') => ({
      type: 'raised',
      data: { text, severity }
    }),
    /** Closes a conflict; throws when it is not open. */
    resolveConflict: ({ state }, id: string) => {
      existing(state.conflicts, id, 'id', 'open conflict')
      return { type: 'resolved', data: { id } }
    }
  }
})
