// Touch gestures on an element, from pointer events, for those who opt in. Does not know presence: it feeds whoever is handed in.

import type { Stop } from '../ports.js'
import {
  GESTURE_LIMITS,
  type Gesture,
  type GestureState,
  noGesture,
  type PointerInput,
  recognise
} from './gesture-recogniser.js'

export type { Gesture } from './gesture-recogniser.js'

/** What `watchGestures` feeds. */
export interface GestureFeed {
  readonly supported: boolean
  readonly gesture: Gesture | null
  readonly reason?: 'unsupported'
}

export interface GestureOptions {
  /** Where to look for gestures. Default: the whole page. */
  readonly element?: HTMLElement | undefined
}

/**
 * Feeds each gesture on an element: tap, double tap, long press, swipe, pinch, rotate. The element needs the style
 * `touch-action: none` (or `pan-y` …) where the browser would scroll or zoom instead. Where there are no pointer events, feeds
 * `{ supported: false, gesture: null, reason: 'unsupported' }` once. Returns a stop function.
 *
 * ```ts
 * let stop = watchGestures(({ gesture }) => realtimeService.setDevice({ gesture }), { element: canvas })
 * ```
 */
export function watchGestures(feed: (value: GestureFeed) => void, options: GestureOptions = {}): Stop {
  let element = options.element ?? (typeof document === 'undefined' ? null : document.documentElement)
  if (!element || typeof PointerEvent === 'undefined') {
    feed({ supported: false, gesture: null, reason: 'unsupported' })
    return () => {}
  }
  let target = element
  let state: GestureState = noGesture
  let timer: ReturnType<typeof setTimeout> | undefined

  function step(input: PointerInput): void {
    let [next, gestures] = recognise(state, input)
    state = next
    for (let gesture of gestures) feed({ supported: true, gesture })
  }
  function handle(kind: 'down' | 'move' | 'up' | 'cancel', event: PointerEvent): void {
    // A mouse that hovers, and its other buttons, are no fingers.
    if (kind === 'down' && event.button > 0) return
    let { left, top } = target.getBoundingClientRect()
    step({ kind, id: event.pointerId, x: event.clientX - left, y: event.clientY - top, at: event.timeStamp })
    if (kind === 'move') return
    clearTimeout(timer)
    if (kind !== 'down') return
    timer = setTimeout(() => {
      step({ kind: 'tick', at: event.timeStamp + GESTURE_LIMITS.longPressMs })
    }, GESTURE_LIMITS.longPressMs)
  }

  let down = (event: PointerEvent) => handle('down', event)
  let move = (event: PointerEvent) => handle('move', event)
  let up = (event: PointerEvent) => handle('up', event)
  let cancel = (event: PointerEvent) => handle('cancel', event)
  target.addEventListener('pointerdown', down, { passive: true })
  // A finger may leave the element before it leaves the screen.
  let scope = target.ownerDocument
  scope.addEventListener('pointermove', move, { passive: true })
  scope.addEventListener('pointerup', up, { passive: true })
  scope.addEventListener('pointercancel', cancel, { passive: true })
  return () => {
    clearTimeout(timer)
    target.removeEventListener('pointerdown', down)
    scope.removeEventListener('pointermove', move)
    scope.removeEventListener('pointerup', up)
    scope.removeEventListener('pointercancel', cancel)
  }
}
