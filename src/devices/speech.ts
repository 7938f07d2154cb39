// Speaking, through the Web Speech API.

import type { Speech } from '../ports.js'

/** The speech synthesiser, or `null` where the browser has none. It may have one and no voice: then speaking fails or waits. */
export function createSpeech(): Speech | null {
  if (typeof speechSynthesis === 'undefined' || typeof SpeechSynthesisUtterance === 'undefined') return null
  // Browsers lose the events of an utterance that nobody holds on to.
  let alive = new Set<SpeechSynthesisUtterance>()
  return {
    speak({ text, pitch, rate, volume, lang }, on) {
      let utterance = new SpeechSynthesisUtterance(text)
      utterance.pitch = pitch
      utterance.rate = rate
      utterance.volume = volume
      if (lang !== undefined) utterance.lang = lang
      let ended = false
      let stopped = false
      let end = (reason: 'done' | 'stopped' | 'failed', detail?: string) => {
        if (ended) return
        ended = true
        alive.delete(utterance)
        on.end(reason, detail)
      }
      utterance.onstart = () => {
        if (!ended) on.start()
      }
      utterance.onboundary = ({ charIndex, charLength }) => {
        if (!ended && text.length > 0) on.progress(Math.min(1, (charIndex + (charLength ?? 0)) / text.length))
      }
      // Some browsers tell a cancelled utterance by `end`, others by an error.
      utterance.onend = () => end(stopped ? 'stopped' : 'done')
      utterance.onerror = ({ error }) => {
        if (stopped || error === 'canceled' || error === 'interrupted') end('stopped')
        else end('failed', error)
      }
      alive.add(utterance)
      // After a cancel, some browsers stay paused.
      if (speechSynthesis.paused) speechSynthesis.resume()
      speechSynthesis.speak(utterance)
      return () => {
        if (ended) return
        stopped = true
        speechSynthesis.cancel()
        end('stopped')
      }
    }
  }
}
