// What the avatar of a room says: the utterance is the room's. Speaking and listening are each device's, see voice-speaker.

import { defineFeature, ttl } from '../feature.js'
import { number, object, string } from '../schema.js'
import type { VoiceEmotion } from './voice-emotions.js'
import { converse } from './voice-speaker.js'

export type { VoiceEmotion } from './voice-emotions.js'
export type { VoiceError, VoiceLocal, VoiceView } from './voice-speaker.js'

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

const events = {
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

/** The events of voice. */
export type VoiceEvents = typeof events

const initial: VoiceState = { utterance: null }

/**
 * What is said in the room. Each device speaks it once, in one of its tabs; never when it is replayed or older than 60 s;
 * while one is spoken, up to 8 wait.
 *
 * ```ts
 * await room.use(voice).speakText('Hello, I love you!', 'romantic', 1.2, 0.9, 0.8)
 * ```
 */
export const voice = defineFeature({
  name: 'voice',
  version: 1,
  events,
  initial,
  reduce: {
    spoken: (_, { text, emotion, pitch, rate, volume }, { id, actor, at }) => ({
      utterance: { id, text, emotion, pitch, rate, volume, by: actor, at }
    }),
    stopped: state => (state.utterance === null ? state : { utterance: null })
  },
  commands: {
    /**
     * Says 1 to 2,000 characters with an emotion, a pitch from 0 to 2, a rate from 0.1 to 10 and a volume from 0 to 1. Told
     * `expired` if it is not delivered within 60 s.
     */
    speakText: (
      _,
      text: string,
      emotion: VoiceEmotion | (string & {}) = 'neutral',
      pitch = 1,
      rate = 1,
      volume = 1
    ) => ({ type: 'spoken', data: { text, emotion, pitch, rate, volume } })
  },
  local: converse
})
