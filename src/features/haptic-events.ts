// What is told of vibrations, and what a room knows of them. Does not know how they are played.

import { ttl } from '../feature.js'
import { array, integer, number, object, oneOf, optional, string } from '../schema.js'

/** Triggers kept in the history; the oldest give way. */
export const MAX_HAPTIC_HISTORY = 50
/** The longest vibration, in milliseconds. */
export const MAX_HAPTIC_MS = 30_000

/** `self`: the author's own devices; `room`: those of all members. */
export type HapticTarget = 'self' | 'room'

/** One trigger, as everybody in the room knows it. */
export interface HapticTrigger {
  readonly id: string
  readonly pattern: string
  /** Duty cycle, from 0 to 100. */
  readonly intensity: number
  /** Milliseconds. */
  readonly duration: number
  readonly target: HapticTarget
  readonly by: string
  /** Milliseconds since 1970 by the server's clock. */
  readonly at: number
}

/** The triggers of the room; newest last. */
export interface HapticState {
  /** At most 50. */
  readonly history: readonly HapticTrigger[]
}

/** The events of vibrations. */
export const hapticEvents = {
  triggered: ttl(
    10,
    object({
      pattern: string({ min: 1, max: 32 }),
      intensity: number({ min: 0, max: 100 }),
      durationMs: number({ min: 1, max: MAX_HAPTIC_MS }),
      target: oneOf('self', 'room'),
      steps: optional(array(integer({ min: 0, max: 10_000 }), { max: 64 }))
    })
  ),
  stopped: ttl(10, object({}))
}

export type HapticEvents = typeof hapticEvents
