// The motor of a phone, through `navigator.vibrate`.

import type { Stop, Vibration } from '../ports.js'

/** Browsers play at most this many entries of one list, and cut the rest off. */
const MAX_ENTRIES = 99

/** Part of a long pattern: what to play, this many milliseconds after the start. */
export interface VibrationChunk {
  readonly after: number
  readonly pattern: readonly number[]
}

/** Cuts a list of on/off milliseconds into lists that browsers play whole; each but the last ends with a pause. */
export function chunksOf(pattern: readonly number[]): readonly VibrationChunk[] {
  let chunks: VibrationChunk[] = []
  let after = 0
  // An even number of entries ends with off, so that a new list starts with on.
  let size = MAX_ENTRIES - (MAX_ENTRIES % 2)
  for (let i = 0; i < pattern.length; i += size) {
    let part = pattern.slice(i, i + size)
    chunks.push({ after, pattern: part })
    after += part.reduce((sum, ms) => sum + ms, 0)
  }
  return chunks
}

/**
 * The vibration motor, or `null` where the browser gives no access to one. A browser on a computer may take patterns and have
 * no motor to play them; it does not tell.
 */
export function createVibration(): Vibration | null {
  if (typeof navigator === 'undefined' || typeof navigator.vibrate !== 'function') return null
  let timers: Stop[] = []
  let clear = () => {
    for (let stop of timers) stop()
    timers = []
  }
  return {
    play(pattern) {
      clear()
      let [first, ...later] = chunksOf(pattern)
      if (!navigator.vibrate([...(first?.pattern ?? [])])) return false
      timers = later.map(({ after, pattern }) => {
        let timer = setTimeout(() => navigator.vibrate([...pattern]), after)
        return () => clearTimeout(timer)
      })
      return true
    },
    stop() {
      clear()
      navigator.vibrate(0)
    },
    activated() {
      // A hidden page does not vibrate; a browser without `userActivation` answers when it is asked to play.
      let visible = typeof document === 'undefined' || document.visibilityState !== 'hidden'
      return visible && (navigator.userActivation?.hasBeenActive ?? true)
    }
  }
}
