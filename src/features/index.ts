// The features of a companion, each one a file of its own.

import type { AnyFeature } from '../feature.js'
import { avatar } from './avatar.js'
import { biometric } from './biometric.js'
import { haptic } from './haptic.js'
import { memory } from './memory.js'
import { memoryReads } from './memory-reads.js'
import { relationship } from './relationship.js'
import { voice } from './voice.js'
import { vr } from './vr.js'

export * from './avatar.js'
export * from './biometric.js'
export * from './biometric-events.js'
export * from './biometric-monitor.js'
export * from './haptic.js'
export * from './haptic-events.js'
export * from './haptic-patterns.js'
export * from './haptic-player.js'
export * from './memory.js'
export * from './memory-reads.js'
export * from './relationship.js'
export * from './synchrony.js'
export * from './voice.js'
export * from './voice-emotions.js'
export * from './voice-events.js'
export * from './voice-speaker.js'
export * from './vr.js'

/** All of them; `memory-reads` belongs into the user's own room, the others into a persona's. */
export const companionFeatures: readonly AnyFeature[] = [
  avatar,
  memory,
  memoryReads,
  haptic,
  biometric,
  vr,
  voice,
  relationship
]
