// How a companion feels, in ten numbers that are the same on all its clients. Does not know what they do to it.

import type { StateOf } from '../feature.js'
import { number } from '../schema.js'
import { sharedState } from './shared-state.js'

const level = number({ min: 0, max: 1 })

/**
 * Ten variables from 0 to 1, each 0.5 at first; changes overtake everything else that waits.
 *
 * ```ts
 * await room.use(limbic).patch({ joy: 0.8, fatigue: 0.2 })
 * ```
 */
export const limbic = sharedState({
  name: 'limbic',
  version: 1,
  critical: true,
  fields: {
    joy: level,
    calm: level,
    trust: level,
    curiosity: level,
    affection: level,
    focus: level,
    fear: level,
    anger: level,
    sadness: level,
    fatigue: level
  },
  initial: {
    joy: 0.5,
    calm: 0.5,
    trust: 0.5,
    curiosity: 0.5,
    affection: 0.5,
    focus: 0.5,
    fear: 0.5,
    anger: 0.5,
    sadness: 0.5,
    fatigue: 0.5
  }
})

/** The ten variables with their versions. */
export type LimbicState = StateOf<typeof limbic>
/** The name of a variable. */
export type LimbicVariable = keyof LimbicState['values']
