// What the avatar of a room says: the utterance is the room's. Speaking and listening are each device's, see voice-speaker.

import { defineFeature } from '../feature.js'
import type { VoiceEmotion } from './voice-emotions.js'
import { type VoiceState, voiceEvents } from './voice-events.js'
import { converse } from './voice-speaker.js'

export type { VoiceEmotion } from './voice-emotions.js'
export type { VoiceState, VoiceUtterance } from './voice-events.js'
export type { VoiceError, VoiceLocal, VoiceView } from './voice-speaker.js'

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
  events: voiceEvents,
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
