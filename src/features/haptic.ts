// Vibrations that a room shares: who triggered what. Playing it is each device's, see haptic-player.

import { defineFeature, ttl } from '../feature.js'
import { array, integer, number, object, oneOf, optional, string } from '../schema.js'
import { appended } from './bounded.js'
import { playHaptics } from './haptic-player.js'

export type { HapticLocal, HapticOutcome, HapticSkip, HapticView } from './haptic-player.js'

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

const events = {
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

/** The events of vibrations. */
export type HapticEvents = typeof events

const initial: HapticState = { history: [] }

/**
 * Vibrations of the room. A trigger plays once per device, at the same server time on all, never when it is replayed or older
 * than 10 s; while one plays, up to 8 wait.
 *
 * ```ts
 * await room.use(haptic).triggerHaptic('heartbeat', 75, 3000)
 * ```
 */
export const haptic = defineFeature({
  name: 'haptic',
  version: 1,
  events,
  initial,
  reduce: {
    triggered: (state, { pattern, intensity, durationMs, target }, { id, actor, at }) => ({
      history: appended(
        state.history,
        { id, pattern, intensity, duration: durationMs, target, by: actor, at },
        MAX_HAPTIC_HISTORY
      )
    }),
    stopped: state => state
  },
  commands: {},
  local: playHaptics
})
