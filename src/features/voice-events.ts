// What is told of speech, and what a room knows of it. Does not know how it is spoken.

import { ttl } from '../feature.js'
import { number, object, string } from '../schema.js'

/** One thing said, as everybody in the room knows it. */
export interface VoiceUtterance {
  readonly id: string
  /** 1 to 2,000 characters. */
  readonly text: string
  /** 1 to 32 characters. */
  readonly emotion: string
  /** As asked for, 0 to 2, before the emotion's offset. */
  readonly pitch: number
  /** As asked for, 0.1 to 10, before the emotion's offset. */
  readonly rate: number
  /** 0 to 1. */
  readonly volume: number
  readonly by: string
  /** Milliseconds since 1970 by the server's clock. */
  readonly at: number
}

/** What was said last in the room. */
export interface VoiceState {
  /** `null` before the first, and after `stopSpeaking`. */
  readonly utterance: VoiceUtterance | null
}

/** The events of voice. */
export const voiceEvents = {
  spoken: ttl(
    60,
    object({
      text: string({ min: 1, max: 2000 }),
      emotion: string({ min: 1, max: 32 }),
      pitch: number({ min: 0, max: 2 }),
      rate: number({ min: 0.1, max: 10 }),
      volume: number({ min: 0, max: 1 })
    })
  ),
  stopped: ttl(60, object({}))
}

export type VoiceEvents = typeof voiceEvents
