// Whether somebody uses this page, for those who opt in: keys, pointer, wheel and scrolling, and whether it is looked at. Does
// not know presence, nor other tabs: it feeds whoever is handed in.

import type { Stop } from '../ports.js'

export interface ActivityOptions {
  /** So long without a key or a movement somebody has gone away from a page that is shown, in milliseconds. Default 300,000. */
  readonly idleAfter?: number | undefined
  /** So long a page is out of sight until nobody uses it, in milliseconds. Default 10,000. */
  readonly hiddenAfter?: number | undefined
}

const SIGNS = ['pointerdown', 'pointermove', 'keydown', 'wheel', 'touchstart', 'scroll', 'focus'] as const

/**
 * Feeds whether somebody uses this page: at once, and whenever that changes. Where there is no page, feeds `false` once.
 * Returns a stop function, after which nothing is fed.
 *
 * ```ts
 * let stop = watchActivity(presence.setActive, { idleAfter: 120_000 })
 * ```
 */
export function watchActivity(
  feed: (isActive: boolean) => void,
  { idleAfter = 300_000, hiddenAfter = 10_000 }: ActivityOptions = {}
): Stop {
  if (typeof window === 'undefined' || typeof document === 'undefined') {
    feed(false)
    return () => {}
  }
  let isActive: boolean | null = null
  let lastSign = performance.now()
  let timer: ReturnType<typeof setTimeout> | undefined

  function tell(next: boolean): void {
    if (next === isActive) return
    isActive = next
    feed(next)
  }

  /** One timer for all signs: each of them only says when it was. */
  function look(): void {
    let left = lastSign + idleAfter - performance.now()
    if (left > 0) timer = setTimeout(look, left)
    else tell(false)
  }

  function seen(): void {
    clearTimeout(timer)
    if (document.visibilityState === 'visible') {
      lastSign = performance.now()
      timer = setTimeout(look, idleAfter)
      tell(true)
    } else if (isActive) timer = setTimeout(() => tell(false), hiddenAfter)
  }

  function sign(): void {
    lastSign = performance.now()
    if (!isActive) seen()
  }

  for (let type of SIGNS) window.addEventListener(type, sign, { capture: true, passive: true })
  document.addEventListener('visibilitychange', seen)
  if (document.visibilityState === 'visible') seen()
  else tell(false)
  return () => {
    clearTimeout(timer)
    for (let type of SIGNS) window.removeEventListener(type, sign, { capture: true })
    document.removeEventListener('visibilitychange', seen)
  }
}
