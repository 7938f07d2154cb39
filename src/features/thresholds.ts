// When a measured value is worth an alert, and when that is over. Pure: the past is in the state that is handed in.

import { RealtimeError } from '../errors.js'

export type AlertLevel = 'warning' | 'critical'

/** An alert begins when the value is at or beyond `raise`, and ends when it is back at or behind `clear`. */
export interface Threshold {
  /** 1 to 64 characters; one alert at a time is open for it. */
  readonly id: string
  /** The metric's name. */
  readonly metric: string
  readonly level: AlertLevel
  /** Above `clear` for what must not grow, below it for what must not shrink. */
  readonly raise: number
  /** Never equal to `raise`: what lies between the two changes nothing. */
  readonly clear: number
  /** How long the value must stay beyond before the alert is raised, or behind before it is cleared; default 0. */
  readonly forMs?: number
}

/** Where a threshold stands. `over`: beyond, not for long enough yet. `under`: raised, and behind for some time. */
export type Watch =
  | { readonly kind: 'calm' }
  | { readonly kind: 'over'; readonly since: number }
  | { readonly kind: 'raised' }
  | { readonly kind: 'under'; readonly since: number }

export const CALM: Watch = { kind: 'calm' }
export const RAISED: Watch = { kind: 'raised' }

/** Throws `bad-argument` for thresholds that could never be told apart or would flap. */
export function checkThresholds(thresholds: readonly Threshold[]): void {
  let ids = new Set<string>()
  for (let { id, raise, clear, forMs = 0 } of thresholds) {
    let wrong = (what: string) => new RealtimeError('bad-argument', `threshold «${id}»: ${what}`)
    if (ids.has(id)) throw wrong('its id is taken')
    if (!Number.isFinite(raise) || !Number.isFinite(clear) || raise === clear)
      throw wrong('raise and clear must be two different numbers')
    if (!(forMs >= 0)) throw wrong('forMs must be a number of milliseconds from 0')
    ids.add(id)
  }
}

/** One value later. `at` in milliseconds of a clock that never goes back. */
export function watched(
  { raise, clear, forMs = 0 }: Threshold,
  watch: Watch,
  value: number,
  at: number
): { readonly watch: Watch; readonly said: 'raised' | 'cleared' | null } {
  let isBeyond = raise > clear ? value >= raise : value <= raise
  let isBehind = raise > clear ? value <= clear : value >= clear
  if (watch.kind === 'calm' || watch.kind === 'over') {
    if (!isBeyond) return { watch: CALM, said: null }
    let since = watch.kind === 'over' ? watch.since : at
    return at - since >= forMs ? { watch: RAISED, said: 'raised' } : { watch: { kind: 'over', since }, said: null }
  }
  if (!isBehind) return { watch: RAISED, said: null }
  let since = watch.kind === 'under' ? watch.since : at
  return at - since >= forMs ? { watch: CALM, said: 'cleared' } : { watch: { kind: 'under', since }, said: null }
}
