// Vibrations that a room shares: who triggered what. Playing it is each device's, see haptic-player.

import { defineFeature } from '../feature.js'
import { appended } from './bounded.js'
import { type HapticState, hapticEvents, MAX_HAPTIC_HISTORY } from './haptic-events.js'
import { playHaptics } from './haptic-player.js'

export type { HapticState, HapticTarget, HapticTrigger } from './haptic-events.js'
export type { HapticPattern } from './haptic-patterns.js'
export type { HapticLocal, HapticOutcome, HapticSkip, HapticView } from './haptic-player.js'

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
  events: hapticEvents,
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
