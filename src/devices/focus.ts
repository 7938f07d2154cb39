// Whether the person is looking at this page: it is shown, and its window has the focus. Does not know what follows from it.

import type { Stop } from '../ports.js'

/**
 * Feeds whether this page is focused: at once, and whenever that changes. Where there is no page, feeds `false` once. Returns a
 * stop function, after which nothing is fed.
 *
 * ```ts
 * let stop = watchFocus(isFocused => document.body.classList.toggle('focused', isFocused))
 * ```
 */
export function watchFocus(feed: (isFocused: boolean) => void): Stop {
  if (typeof window === 'undefined' || typeof document === 'undefined') {
    feed(false)
    return () => {}
  }
  let before: boolean | null = null
  function look(): void {
    let isFocused = document.visibilityState === 'visible' && document.hasFocus()
    if (isFocused === before) return
    before = isFocused
    feed(isFocused)
  }
  look()
  window.addEventListener('focus', look)
  window.addEventListener('blur', look)
  document.addEventListener('visibilitychange', look)
  return () => {
    window.removeEventListener('focus', look)
    window.removeEventListener('blur', look)
    document.removeEventListener('visibilitychange', look)
  }
}
