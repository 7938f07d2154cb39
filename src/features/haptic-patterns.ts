// Vibration patterns and how one becomes the on/off list that a motor plays. Pure; does not know motors.

/** On/off milliseconds of one period, starting with on. */
export const HAPTIC_PATTERNS = {
  /** Two beats a second, the second one stronger. */
  heartbeat: [80, 120, 140, 660],
  pulse: [200, 300],
  /** Swells and falls. */
  wave: [60, 60, 120, 60, 200, 60, 120, 60, 60, 300],
  tap: [40, 260],
  /** Long and slow. */
  hug: [1200, 400],
  /** Two seconds in, two seconds out. */
  breath: [60, 240, 120, 180, 180, 120, 240, 460, 180, 120, 120, 180, 60, 840],
  alarm: [250, 100, 250, 100, 250, 550]
} as const satisfies Readonly<Record<string, readonly number[]>>

/** A pattern that every device knows. */
export type HapticPattern = keyof typeof HAPTIC_PATTERNS

/** The steps of a built-in pattern, or `undefined`. */
export function stepsOf(pattern: string): readonly number[] | undefined {
  return Object.hasOwn(HAPTIC_PATTERNS, pattern) ? HAPTIC_PATTERNS[pattern as HapticPattern] : undefined
}

/**
 * The on/off milliseconds to play, starting with on. `intensity` (0 to 100) is the duty cycle: at 50 each on-slot is on for
 * half of its time and the period stays; 0 gives nothing. The pattern repeats or is cut so that the whole never exceeds
 * `durationMs`; it never ends with off.
 *
 * ```ts
 * render('pulse', 50, 1000) // [100, 400, 100]
 * ```
 */
export function render(pattern: HapticPattern | readonly number[], intensity: number, durationMs: number): number[] {
  let steps = typeof pattern === 'string' ? stepsOf(pattern) : pattern
  let played: number[] = []
  if (!steps || !(intensity > 0) || !(durationMs > 0) || !steps.some((step, i) => i % 2 === 0 && step > 0))
    return played
  let duty = Math.min(intensity, 100) / 100
  // What is played next is on when the list's length is even; equal slots in a row become one.
  let push = (on: boolean, ms: number) => {
    if (ms <= 0) return
    if ((played.length % 2 === 0) === on) played.push(ms)
    else if (played.length > 0) played[played.length - 1] = (played[played.length - 1] as number) + ms
  }
  let left = Math.floor(durationMs)
  while (left > 0) {
    for (let i = 0; i < steps.length && left > 0; i++) {
      let slot = Math.min(steps[i] as number, left)
      left -= slot
      // The share of the whole on-slot, then cut: cutting must not make what is left weaker.
      let on = i % 2 === 0 ? Math.min(slot, Math.max(1, Math.round((steps[i] as number) * duty))) : 0
      if (slot === 0) continue
      push(true, on)
      push(false, slot - on)
    }
  }
  if (played.length % 2 === 0) played.pop()
  return played
}

/** The rest of an on/off list after its first `ms` milliseconds; for a device that starts late and stays in step. */
export function remaining(played: readonly number[], ms: number): number[] {
  let rest: number[] = []
  let left = ms
  for (let i = 0; i < played.length; i++) {
    let slot = played[i] as number
    let kept = Math.max(0, slot - left)
    left = Math.max(0, left - slot)
    // A list starts with on, be it for 0 ms.
    if (kept > 0 || rest.length > 0) {
      if (rest.length === 0 && i % 2 === 1) rest.push(0)
      rest.push(kept)
    }
  }
  return rest
}
