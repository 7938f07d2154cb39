// Listening, through the Web Speech API where it is present (Chromium and Safari, some by way of a service of theirs).

import type { Recognition } from '../ports.js'

// The parts that are used here; not in TypeScript's library.
interface Recognizer {
  lang: string
  continuous: boolean
  interimResults: boolean
  onresult: ((event: RecognizerResult) => void) | null
  onerror: ((event: { readonly error: string }) => void) | null
  onend: (() => void) | null
  start(): void
  abort(): void
}
interface RecognizerResult {
  readonly resultIndex: number
  readonly results: ArrayLike<ArrayLike<{ readonly transcript: string }> & { readonly isFinal: boolean }>
}
type RecognizerClass = new () => Recognizer

/** The speech recogniser, or `null` where the browser has none. */
export function createRecognition(): Recognition | null {
  let scope = globalThis as { SpeechRecognition?: RecognizerClass; webkitSpeechRecognition?: RecognizerClass }
  let Recognizer = scope.SpeechRecognition ?? scope.webkitSpeechRecognition
  if (typeof Recognizer !== 'function') return null
  return {
    start(lang, on) {
      let recognizer = new Recognizer()
      if (lang !== undefined) recognizer.lang = lang
      recognizer.continuous = true
      recognizer.interimResults = true
      let ended = false
      let failure: string | undefined
      recognizer.onresult = ({ resultIndex, results }) => {
        if (ended) return
        let interim = ''
        for (let i = resultIndex; i < results.length; i++) {
          let result = results[i]
          let text = result?.[0]?.transcript ?? ''
          if (result?.isFinal) on.final(text)
          else interim += text
        }
        if (interim) on.interim(interim)
      }
      recognizer.onerror = ({ error }) => {
        failure = error
      }
      recognizer.onend = () => {
        if (ended) return
        ended = true
        on.end(failure)
      }
      recognizer.start()
      return () => {
        if (ended) return
        ended = true
        recognizer.abort()
      }
    }
  }
}
