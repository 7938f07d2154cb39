// From pointers to gestures, as one pure step. Does not know the browser: times, places and pointers are handed in.

/** What happens to a pointer; `tick` is the time alone, for what is recognised by waiting. Places in pixels, times in ms. */
export type PointerInput =
  | {
      readonly kind: 'down' | 'move' | 'up' | 'cancel'
      readonly id: number
      readonly x: number
      readonly y: number
      readonly at: number
    }
  | { readonly kind: 'tick'; readonly at: number }

/** A gesture. Places are pixels from the element's corner; where two fingers are at work, the middle between them. */
export type Gesture =
  | { readonly type: 'tap' | 'double-tap' | 'long-press'; readonly x: number; readonly y: number; readonly at: number }
  | {
      readonly type: 'swipe'
      readonly direction: 'left' | 'right' | 'up' | 'down'
      /** Pixels. */
      readonly distance: number
      /** Pixels a millisecond. */
      readonly velocity: number
      readonly x: number
      readonly y: number
      readonly at: number
    }
  /** `scale`: how far the fingers are apart, against the beginning of the gesture. */
  | { readonly type: 'pinch'; readonly scale: number; readonly x: number; readonly y: number; readonly at: number }
  /** `rotation`: degrees clockwise against the beginning of the gesture; beyond 180 it goes on. */
  | { readonly type: 'rotate'; readonly rotation: number; readonly x: number; readonly y: number; readonly at: number }

/** What tells one gesture from another. */
export const GESTURE_LIMITS = {
  /** A pointer that moves less is a tap or a long press; pixels. */
  slop: 10,
  /** A tap is over before this; milliseconds. */
  tapMs: 300,
  /** The second tap of two begins before this; milliseconds. */
  doubleTapMs: 300,
  /** The second tap of two is this near the first; pixels. */
  doubleTapDistance: 30,
  /** A pointer that stays put for this long is a long press; milliseconds. */
  longPressMs: 500,
  /** A swipe is at least this long; pixels. */
  swipeDistance: 30,
  /** A swipe is at least this fast on average; pixels a millisecond. */
  swipeVelocity: 0.3,
  /** A pinch begins when the distance of the fingers has changed by this share. */
  pinchShare: 0.1,
  /** A rotation begins at this angle; degrees. */
  rotateDegrees: 10
} as const

interface Point {
  readonly id: number
  readonly x: number
  readonly y: number
}

/** What is known of the pointers that are down. */
export interface GestureState {
  readonly pointers: readonly Point[]
  /** Where and when the first one went down. */
  readonly start: { readonly x: number; readonly y: number; readonly at: number } | null
  /** The first one has moved further than a tap may. */
  readonly moved: boolean
  /** What is going on was told, or is no gesture of one finger: until all pointers are up, no tap and no swipe. */
  readonly spent: boolean
  readonly pair: {
    readonly distance: number
    readonly angle: number
    /** Degrees so far. */
    readonly rotation: number
    readonly pinching: boolean
    readonly rotating: boolean
  } | null
  /** The tap before, which a second one may make a double tap. */
  readonly tap: { readonly x: number; readonly y: number; readonly at: number } | null
}

/** Before any pointer. */
export const noGesture: GestureState = { pointers: [], start: null, moved: false, spent: false, pair: null, tap: null }

type Step = readonly [state: GestureState, gestures: readonly Gesture[]]

/**
 * What a pointer event makes of the state, and the gestures it completes. A tap is told when the finger leaves, a second one
 * nearby as a double tap in its place; a long press while the finger rests; a swipe when it leaves; pinch and rotation with
 * each move of two fingers.
 */
export function recognise(state: GestureState, input: PointerInput): Step {
  switch (input.kind) {
    case 'tick':
      return rested(state, input.at)
    case 'down':
      return down(state, input)
    case 'move':
      return move(state, input)
    case 'cancel':
      return [without(state, input.id, true), []]
    case 'up':
      return up(state, input)
  }
}

function rested(state: GestureState, at: number): Step {
  let { start, moved, spent, pointers } = state
  if (!start || moved || spent || pointers.length !== 1 || at - start.at < GESTURE_LIMITS.longPressMs)
    return [state, []]
  return [{ ...state, spent: true, tap: null }, [{ type: 'long-press', x: start.x, y: start.y, at }]]
}

type At = Point & { readonly at: number }

function down(state: GestureState, { id, x, y, at }: At): Step {
  let pointers = [...state.pointers.filter(pointer => pointer.id !== id), { id, x, y }]
  if (pointers.length === 1)
    return [{ ...state, pointers, start: { x, y, at }, moved: false, spent: false, pair: null }, []]
  let [first, second] = pointers as [Point, Point, ...Point[]]
  // A third finger is none of our gestures.
  let pair =
    pointers.length === 2
      ? {
          distance: distanceOf(first, second),
          angle: angleOf(first, second),
          rotation: 0,
          pinching: false,
          rotating: false
        }
      : null
  return [{ ...state, pointers, spent: true, pair, tap: null }, []]
}

function move(state: GestureState, { id, x, y, at }: At): Step {
  if (!state.pointers.some(pointer => pointer.id === id)) return [state, []]
  let pointers = state.pointers.map(pointer => (pointer.id === id ? { id, x, y } : pointer))
  let { start, pair } = state
  let moved = state.moved || (start !== null && distanceOf(start, { x, y }) > GESTURE_LIMITS.slop)
  let [first, second] = pointers
  if (!pair || !first || !second) return [{ ...state, pointers, moved }, []]
  let scale = pair.distance > 0 ? distanceOf(first, second) / pair.distance : 1
  let angle = angleOf(first, second)
  let rotation = pair.rotation + shortestTurn(angle - pair.angle)
  let pinching = pair.pinching || Math.abs(scale - 1) >= GESTURE_LIMITS.pinchShare
  let rotating = pair.rotating || Math.abs(rotation) >= GESTURE_LIMITS.rotateDegrees
  let middle = { x: (first.x + second.x) / 2, y: (first.y + second.y) / 2, at }
  let gestures: Gesture[] = []
  if (pinching) gestures.push({ type: 'pinch', scale, ...middle })
  if (rotating) gestures.push({ type: 'rotate', rotation, ...middle })
  return [
    { ...state, pointers, moved, pair: { distance: pair.distance, angle, rotation, pinching, rotating } },
    gestures
  ]
}

function up(state: GestureState, { id, x, y, at }: At): Step {
  if (!state.pointers.some(pointer => pointer.id === id)) return [state, []]
  // The finger may have rested long enough without a tick between.
  let [before, gestures] = rested(state, at)
  let { start, spent, tap } = before
  let next = without(before, id, false)
  if (!start || spent) return [next, gestures]
  let distance = distanceOf(start, { x, y })
  let took = at - start.at
  if (!before.moved && distance <= GESTURE_LIMITS.slop) {
    if (took > GESTURE_LIMITS.tapMs) return [{ ...next, tap: null }, []]
    let second =
      tap !== null &&
      start.at - tap.at <= GESTURE_LIMITS.doubleTapMs &&
      distanceOf(tap, start) <= GESTURE_LIMITS.doubleTapDistance
    return [{ ...next, tap: second ? null : { x, y, at } }, [{ type: second ? 'double-tap' : 'tap', x, y, at }]]
  }
  let velocity = distance / Math.max(1, took)
  if (distance < GESTURE_LIMITS.swipeDistance || velocity < GESTURE_LIMITS.swipeVelocity)
    return [{ ...next, tap: null }, []]
  let dx = x - start.x
  let dy = y - start.y
  let direction: 'left' | 'right' | 'up' | 'down' =
    Math.abs(dx) >= Math.abs(dy) ? (dx > 0 ? 'right' : 'left') : dy > 0 ? 'down' : 'up'
  return [{ ...next, tap: null }, [{ type: 'swipe', direction, distance, velocity, x, y, at }]]
}

function without(state: GestureState, id: number, cancelled: boolean): GestureState {
  let pointers = state.pointers.filter(pointer => pointer.id !== id)
  if (pointers.length === 0) return { ...noGesture, tap: cancelled ? null : state.tap }
  return { ...state, pointers, spent: true, pair: null }
}

function distanceOf(a: { x: number; y: number }, b: { x: number; y: number }): number {
  return Math.hypot(a.x - b.x, a.y - b.y)
}

/** Degrees; clockwise is positive, for y grows downward on a screen. */
function angleOf(a: Point, b: Point): number {
  return (Math.atan2(b.y - a.y, b.x - a.x) * 180) / Math.PI
}

function shortestTurn(degrees: number): number {
  return ((((degrees + 180) % 360) + 360) % 360) - 180
}
