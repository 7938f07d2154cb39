// How far a companion's parts have come together: one progress, the same on all clients. Does not know what is compared.

import type { StateOf } from '../feature.js'
import { number, string } from '../schema.js'
import { sharedState } from './shared-state.js'

/**
 * Progress towards agreement, from 0 to 1; changes overtake everything else that waits. What is said last holds, so it may go
 * back as well.
 *
 * ```ts
 * await room.use(convergence).patch({ progress: 0.4, phase: 'aligning' })
 * ```
 */
export const convergence = sharedState({
  name: 'convergence',
  version: 1,
  critical: true,
  fields: {
    /** From 0 to 1. */
    progress: number({ min: 0, max: 1 }),
    /** How sure that is, from 0 to 1. */
    confidence: number({ min: 0, max: 1 }),
    /** What is being done, up to 64 characters. */
    phase: string({ max: 64 }),
    /** What it converges on, up to 200 characters. */
    target: string({ max: 200 })
  },
  initial: { progress: 0, confidence: 0, phase: 'idle', target: '' }
})

/** Progress, confidence, phase and target with their versions. */
export type ConvergenceState = StateOf<typeof convergence>
