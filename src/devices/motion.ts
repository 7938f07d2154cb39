// How this device is moved and held (accelerometer and gyroscope), for those who opt in. Does not know presence: it feeds
// whoever is handed in.

import type { Stop } from '../ports.js'

/** Three numbers along or around the device's axes; `null` where the sensor is missing. */
export interface Axes {
  readonly x: number | null
  readonly y: number | null
  readonly z: number | null
}

/** How the device is moved and held. */
export interface Motion {
  /** Metres a second squared, without gravity; `null` until told. */
  readonly acceleration: Axes | null
  /** Metres a second squared, gravity included; `null` until told. */
  readonly gravity: Axes | null
  /** Degrees a second around each axis; `null` until told. */
  readonly rotation: Axes | null
  /** How it is held, in degrees: `alpha` 0 to 360, `beta` −180 to 180, `gamma` −90 to 90; `null` until told. */
  readonly orientation: {
    readonly alpha: number | null
    readonly beta: number | null
    readonly gamma: number | null
  } | null
  /** Milliseconds since 1970. */
  readonly at: number
}

/** What `watchMotion` feeds. `motion` is `null` while nothing is known; `reason` says why. */
export interface MotionFeed {
  readonly supported: boolean
  readonly motion: Motion | null
  readonly reason?: 'unsupported' | 'denied' | 'silent'
}

export interface MotionOptions {
  /** The least time between two values, in milliseconds. Default 100. */
  readonly every?: number | undefined
}

type Asking = { requestPermission?(): Promise<'granted' | 'denied' | 'default'> }

/** How long a sensor may be silent before that is told: computers have the events and no sensor. */
const SILENT_MS = 2000

/**
 * Feeds how the device is moved, at most every 100 ms. On iOS call it from a click, for the person is asked for leave. Where
 * the browser cannot tell, feeds `{ supported: false, motion: null, reason: 'unsupported' }` once; where it could and nothing
 * comes for 2 s, `reason: 'silent'`. Returns a stop function.
 *
 * ```ts
 * button.onclick = () => (stop = watchMotion(({ motion }) => realtimeService.setDevice({ motion }), { every: 250 }))
 * ```
 */
export function watchMotion(feed: (value: MotionFeed) => void, { every = 100 }: MotionOptions = {}): Stop {
  let kinds =
    typeof window === 'undefined'
      ? []
      : [
          typeof DeviceMotionEvent === 'undefined' ? null : (DeviceMotionEvent as Asking),
          typeof DeviceOrientationEvent === 'undefined' ? null : (DeviceOrientationEvent as Asking)
        ].filter(kind => kind !== null)
  if (kinds.length === 0) {
    feed({ supported: false, motion: null, reason: 'unsupported' })
    return () => {}
  }
  let stopped = false
  let motion: Omit<Motion, 'at'> = { acceleration: null, gravity: null, rotation: null, orientation: null }
  let last = -Infinity
  let waiting: ReturnType<typeof setTimeout> | undefined
  let silence: ReturnType<typeof setTimeout> | undefined

  function changed(patch: Partial<Motion>): void {
    clearTimeout(silence)
    motion = { ...motion, ...patch }
    if (waiting !== undefined) return
    // At once when there was a pause, else the newest when the pause is over.
    waiting = setTimeout(tell, Math.max(0, last + every - performance.now()))
  }
  function tell(): void {
    waiting = undefined
    last = performance.now()
    feed({ supported: true, motion: { ...motion, at: Date.now() } })
  }
  function moved({ acceleration, accelerationIncludingGravity: gravity, rotationRate: rate }: DeviceMotionEvent): void {
    // A computer without sensors sends one event with nothing in it.
    if (!has(acceleration) && !has(gravity)) return
    changed({
      acceleration: axes(acceleration),
      gravity: axes(gravity),
      rotation: rate ? { x: rate.beta, y: rate.gamma, z: rate.alpha } : null
    })
  }
  function turned({ alpha, beta, gamma }: DeviceOrientationEvent): void {
    if (alpha === null && beta === null && gamma === null) return
    changed({ orientation: { alpha, beta, gamma } })
  }
  function listen(): void {
    window.addEventListener('devicemotion', moved)
    window.addEventListener('deviceorientation', turned)
    silence = setTimeout(() => feed({ supported: true, motion: null, reason: 'silent' }), SILENT_MS)
  }

  // Both are asked in the same turn: a click counts for that long only.
  Promise.all(kinds.map(kind => kind.requestPermission?.() ?? 'granted')).then(
    answers => {
      if (stopped) return
      if (answers.every(answer => answer === 'granted')) listen()
      else feed({ supported: true, motion: null, reason: 'denied' })
    },
    () => {
      if (!stopped) feed({ supported: true, motion: null, reason: 'denied' })
    }
  )
  return () => {
    stopped = true
    clearTimeout(waiting)
    clearTimeout(silence)
    if (typeof window === 'undefined') return
    window.removeEventListener('devicemotion', moved)
    window.removeEventListener('deviceorientation', turned)
  }
}

function has(axes: DeviceMotionEventAcceleration | null): boolean {
  return axes !== null && (axes.x !== null || axes.y !== null || axes.z !== null)
}

function axes(value: DeviceMotionEventAcceleration | null): Axes | null {
  return value && has(value) ? { x: value.x, y: value.y, z: value.z } : null
}
