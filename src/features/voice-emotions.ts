// How an emotion sounds. Pure; does not know speech engines.

import { clamp } from './bounded.js'

/**
 * What an emotion adds to pitch and rate, before both are kept within what browsers take (pitch 0 to 2, rate 0.1 to 10). Any
 * other word is fine as an emotion and adds nothing.
 */
export const VOICE_EMOTIONS = {
  neutral: { pitch: 0, rate: 0 },
  happy: { pitch: 0.2, rate: 0.1 },
  excited: { pitch: 0.3, rate: 0.25 },
  playful: { pitch: 0.25, rate: 0.1 },
  romantic: { pitch: -0.1, rate: -0.1 },
  tender: { pitch: 0.05, rate: -0.15 },
  calm: { pitch: -0.1, rate: -0.15 },
  sad: { pitch: -0.2, rate: -0.2 },
  serious: { pitch: -0.15, rate: -0.05 },
  surprised: { pitch: 0.35, rate: 0.15 },
  angry: { pitch: -0.15, rate: 0.2 }
} as const satisfies Readonly<Record<string, { readonly pitch: number; readonly rate: number }>>

/** An emotion with offsets of its own. */
export type VoiceEmotion = keyof typeof VOICE_EMOTIONS

/** Pitch and rate with the emotion's offset, kept within what browsers take: pitch 0 to 2, rate 0.1 to 10. */
export function voiceFor(
  emotion: string,
  pitch: number,
  rate: number
): { readonly pitch: number; readonly rate: number } {
  let offset = Object.hasOwn(VOICE_EMOTIONS, emotion) ? VOICE_EMOTIONS[emotion as VoiceEmotion] : VOICE_EMOTIONS.neutral
  return { pitch: rounded(clamp(pitch + offset.pitch, 0, 2)), rate: rounded(clamp(rate + offset.rate, 0.1, 10)) }
}

function rounded(value: number): number {
  return Math.round(value * 1000) / 1000
}
