// Speaks and listens on this device: each utterance once, in order, and saying why not where it does not. Does not know speech
// engines; it speaks and listens through ports.

import { atom, computed, type ReadableAtom } from 'nanostores'
import { RealtimeError } from '../errors.js'
import type { LocalHost, LocalPart, Receipt } from '../feature.js'
import type { Stop } from '../ports.js'
import { clamp } from './bounded.js'
import { voiceFor } from './voice-emotions.js'
import type { VoiceEvents, VoiceState, VoiceUtterance } from './voice-events.js'

/** Utterances that wait while one is spoken; further ones are skipped. */
export const MAX_UTTERANCES = 8
/** Characters of the final transcript; the first ones give way. */
export const MAX_TRANSCRIPT = 10_000
/** An utterance older than this many milliseconds is not spoken. */
export const VOICE_WORTHLESS_MS = 60_000
/** Speech that has not begun after this many milliseconds is given up. */
export const VOICE_START_MS = 10_000

/**
 * Why this tab did not speak or stopped to listen.
 * - `unsupported`: the browser cannot.
 * - `other-tab`: another tab of this device speaks it.
 * - `too-late`: it came in more than 60 s after it was said.
 * - `queue-full`: too many were waiting.
 * - `no-start`: the browser took it and did not begin within 10 s, for it has no voice or the page was never touched.
 *
 * Any other text is the browser's own word, such as `not-allowed`.
 */
export type VoiceError = 'unsupported' | 'other-tab' | 'too-late' | 'queue-full' | 'no-start' | (string & {})

/** What is said in the room, and what this device makes of it. */
export interface VoiceView {
  /** Whether this tab speaks now. */
  readonly isSpeaking: boolean
  /** Whether this tab listens now. */
  readonly isListening: boolean
  /** Of what is spoken here, else of what was said last; `neutral` before the first. */
  readonly emotion: string
  /** 0 to 2; 1 before the first. */
  readonly pitch: number
  /** 0.1 to 10; 1 before the first. */
  readonly rate: number
  /** 0 to 1; 1 before the first. */
  readonly volume: number
  /** What is spoken here, else what was said last in the room, spoken here or not; `null` after `stopSpeaking`. */
  readonly currentText: string | null
  /** What this tab has heard: `interim` may still change, `final` does not; the last 10,000 characters. */
  readonly transcript: { readonly interim: string; readonly final: string }
  /** How far this tab has spoken `currentText`, from 0 to 1, by word boundaries. */
  readonly synthesisProgress: number
  readonly supported: { readonly speak: boolean; readonly listen: boolean }
  /** The newest reason why something was not spoken or not heard; `null` once it works again. */
  readonly lastError: VoiceError | null
  /** What was said last in the room. */
  readonly utterance: VoiceUtterance | null
  /** What this tab will speak next; at most 8. */
  readonly queue: readonly VoiceUtterance[]
}

/** The commands of this page. */
export interface VoiceLocal extends LocalPart<VoiceView> {
  readonly $state: ReadableAtom<VoiceView>
  /** Ends what is spoken and what waits to be, here at once and in the room when it is told. */
  stopSpeaking(): Receipt
  /**
   * Starts to listen in a language such as `en-GB` (by default the page's) with an empty transcript. Returns whether it has
   * started; if not, `lastError` says why.
   */
  startListening(lang?: string): boolean
  stopListening(): void
}

type Own = Pick<
  VoiceView,
  'isSpeaking' | 'isListening' | 'transcript' | 'synthesisProgress' | 'lastError' | 'queue'
> & {
  readonly speaking: VoiceUtterance | null
}

/** Speaks what is said, listens when asked to, and gives this page its commands. */
export function converse(host: LocalHost<VoiceState, VoiceEvents>): VoiceLocal {
  let { speech, recognition } = host.devices
  let $own = atom<Own>({
    isSpeaking: false,
    isListening: false,
    transcript: { interim: '', final: '' },
    synthesisProgress: 0,
    lastError: null,
    queue: [],
    speaking: null
  })
  let stopSpeech: Stop | null = null
  let stopWatch: Stop | null = null
  let stopHearing: Stop | null = null
  let speechTurn = 0
  let hearingTurn = 0
  // Raised by everything that stops speech, so that a claim that comes late speaks nothing.
  let stops = 0
  let line: Promise<void> = Promise.resolve()

  let set = (patch: Partial<Own>) => $own.set({ ...$own.get(), ...patch })

  function said(utterance: VoiceUtterance): void {
    let late = host.serverNow() - utterance.at > VOICE_WORTHLESS_MS
    if (late || !speech) {
      set({ lastError: late ? 'too-late' : 'unsupported' })
      return
    }
    let before = stops
    let mine = host.claim(`voice:${utterance.id}`).catch(() => true)
    // In order of arrival, however long each claim takes.
    line = Promise.all([mine, line]).then(([mine]) => {
      if (stops !== before) return
      let { queue } = $own.get()
      if (!mine || queue.length >= MAX_UTTERANCES) {
        set({ lastError: mine ? 'queue-full' : 'other-tab' })
        return
      }
      set({ queue: [...queue, utterance] })
      if (!$own.get().speaking) next()
    })
  }

  function next(): void {
    let [utterance, ...queue] = $own.get().queue
    if (!utterance || !speech) return
    let turn = ++speechTurn
    let over = (patch: Partial<Own>) => {
      if (turn !== speechTurn) return
      speechTurn++
      stopWatch?.()
      stopWatch = null
      stopSpeech = null
      set({ isSpeaking: false, speaking: null, ...patch })
      next()
    }
    set({ queue, speaking: utterance, synthesisProgress: 0 })
    stopWatch = host.clock.after(VOICE_START_MS, () => {
      let stop = stopSpeech
      over({ lastError: 'no-start' })
      stop?.()
    })
    let { text, emotion, volume } = utterance
    try {
      let stop = speech.speak(
        { text, volume, ...voiceFor(emotion, utterance.pitch, utterance.rate) },
        {
          start() {
            if (turn !== speechTurn) return
            stopWatch?.()
            stopWatch = null
            set({ isSpeaking: true, lastError: null })
          },
          progress(fraction) {
            if (turn === speechTurn) set({ synthesisProgress: clamp(fraction, 0, 1) })
          },
          end(reason, detail) {
            if (reason === 'done') over({ synthesisProgress: 1, lastError: null })
            else over(reason === 'failed' ? { lastError: detail ?? 'failed' } : {})
          }
        }
      )
      if (turn === speechTurn) stopSpeech = stop
    } catch (error) {
      over({ lastError: error instanceof RealtimeError ? error.code : String(error) })
    }
  }

  function silence(): void {
    stops++
    speechTurn++
    stopWatch?.()
    stopWatch = null
    let stop = stopSpeech
    stopSpeech = null
    stop?.()
    let { queue, speaking } = $own.get()
    if (speaking || queue.length > 0) set({ isSpeaking: false, speaking: null, synthesisProgress: 0, queue: [] })
  }

  function deafen(lastError: string | null): void {
    hearingTurn++
    let stop = stopHearing
    stopHearing = null
    stop?.()
    let { isListening, transcript } = $own.get()
    if (isListening || lastError !== null) {
      set({
        isListening: false,
        transcript: { ...transcript, interim: '' },
        ...(lastError === null ? {} : { lastError })
      })
    }
  }

  let unlisten = host.onEvent(event => {
    if (event.type === 'stopped') {
      silence()
      return
    }
    let { text, emotion, pitch, rate, volume } = event.data
    let { id, actor, at } = event.meta
    said({ id, text, emotion, pitch, rate, volume, by: actor, at })
  })

  return {
    $state: computed([host.$state, $own], ({ utterance }, { speaking, ...own }): VoiceView => {
      let { text = null, emotion = 'neutral', pitch = 1, rate = 1, volume = 1 } = speaking ?? utterance ?? {}
      let supported = { speak: speech !== null, listen: recognition !== null }
      return { ...own, emotion, pitch, rate, volume, currentText: text, supported, utterance }
    }),

    stopSpeaking() {
      silence()
      return host.send({ type: 'stopped', data: {} })
    },

    startListening(lang) {
      if (lang !== undefined && (typeof lang !== 'string' || !/^[A-Za-z0-9-]{1,35}$/.test(lang))) {
        throw new RealtimeError('bad-argument', 'lang must be a language tag such as en-GB')
      }
      deafen(null)
      if (!recognition) {
        set({ lastError: 'unsupported' })
        return false
      }
      let turn = ++hearingTurn
      let heard = (transcript: Partial<VoiceView['transcript']>) => {
        if (turn === hearingTurn) set({ transcript: { ...$own.get().transcript, ...transcript } })
      }
      set({ isListening: true, transcript: { interim: '', final: '' }, lastError: null })
      try {
        let stop = recognition.start(lang, {
          interim: text => heard({ interim: text.slice(-MAX_TRANSCRIPT) }),
          final: text => {
            let before = $own.get().transcript.final
            let joined =
              before && text && !/\s$/.test(before) && !/^\s/.test(text) ? `${before} ${text}` : before + text
            heard({ interim: '', final: joined.slice(-MAX_TRANSCRIPT) })
          },
          end: error => {
            if (turn !== hearingTurn) return
            stopHearing = null
            deafen(error ?? null)
          }
        })
        if (turn === hearingTurn) stopHearing = stop
      } catch (error) {
        if (turn === hearingTurn) deafen(error instanceof RealtimeError ? error.code : String(error))
      }
      return $own.get().isListening
    },

    stopListening() {
      deafen(null)
    },

    close() {
      unlisten()
      silence()
      deafen(null)
    }
  }
}
