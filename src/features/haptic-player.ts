// Plays the vibrations of a room on this device: once, in time, and saying why not where it does not. Does not know motors; it
// plays through a port.

import { atom, computed, type ReadableAtom } from 'nanostores'
import { RealtimeError } from '../errors.js'
import type { LiveEvent, LocalHost, LocalPart, Receipt } from '../feature.js'
import type { Stop } from '../ports.js'
import { entryOf, withEntry } from './bounded.js'
import type { HapticEvents, HapticState, HapticTarget, HapticTrigger } from './haptic-events.js'
import { HAPTIC_PATTERNS, type HapticPattern, remaining, render, stepsOf } from './haptic-patterns.js'

/** Triggers that wait while one plays; further ones are skipped. */
export const MAX_HAPTIC_QUEUE = 8
/** Patterns that an app may define on one page. */
export const MAX_CUSTOM_PATTERNS = 100
/** Devices start this many milliseconds after the server took the trigger in, so that all start together. */
export const HAPTIC_LEAD_MS = 250
/** A trigger older than this many milliseconds is not played. */
export const HAPTIC_WORTHLESS_MS = 10_000

/** Outcomes kept; as many as there are triggers in the history. */
const MAX_OUTCOMES = 50

/**
 * Why this tab did not play a trigger.
 * - `unsupported`: the device has no motor, or the browser does not give access to it.
 * - `disabled`: by `setHapticEnabled(false)`.
 * - `reduced-motion`: the person asked the system for less motion.
 * - `no-activation`: the person has not touched the page yet, or it is hidden; browsers do not vibrate then.
 * - `refused`: the browser refused for a reason of its own.
 * - `other-tab`: another tab of this device plays it.
 * - `too-late`: it came in more than 10 s after it was triggered, or its time is over.
 * - `queue-full`: too many were waiting.
 * - `silent`: its intensity is 0.
 * - `unknown-pattern`: it names a pattern that is not known here, and brings none.
 */
export type HapticSkip =
  | 'unsupported'
  | 'disabled'
  | 'reduced-motion'
  | 'no-activation'
  | 'refused'
  | 'other-tab'
  | 'too-late'
  | 'queue-full'
  | 'silent'
  | 'unknown-pattern'

/** What became of a trigger in this tab: `null` when it came in before this page was there. */
export type HapticOutcome = 'waiting' | 'playing' | 'played' | 'stopped' | HapticSkip | null

/** The room's triggers, and what this device makes of them. */
export interface HapticView {
  /** Whether this device can vibrate as far as the browser tells. */
  readonly supported: boolean
  readonly enabled: boolean
  /** Whether this device is vibrating now, in this tab or in another one. */
  readonly isActive: boolean
  /** What plays now. */
  readonly currentPattern: string | null
  /** Of what plays now, from 0 to 100; 0 when nothing does. */
  readonly intensity: number
  /** Of what plays now, in milliseconds; 0 when nothing does. */
  readonly duration: number
  /** When it started: milliseconds since 1970 by the server's clock. */
  readonly startedAt: number | null
  /** What will play next on this device; at most 8. */
  readonly queue: readonly HapticTrigger[]
  /** The last 50 triggers meant for this user, newest last. */
  readonly history: ReadonlyArray<HapticTrigger & { readonly outcome: HapticOutcome }>
  /** Why the newest trigger did not play; `null` once one plays. */
  readonly lastSkipped: HapticSkip | null
  /** The names that `triggerHaptic` takes. */
  readonly patterns: readonly string[]
}

/** The commands of this page. */
export interface HapticLocal extends LocalPart<HapticView> {
  readonly $state: ReadableAtom<HapticView>
  /**
   * Vibrates the devices of the room, or only one's own: a built-in or defined pattern, an intensity from 0 to 100, a duration
   * from 1 to 30,000 ms. Told `expired` if it is not delivered within 10 s. Throws `bad-argument`.
   */
  triggerHaptic(
    pattern: HapticPattern | (string & {}),
    intensity: number,
    durationMs: number,
    options?: { readonly target?: HapticTarget | undefined }
  ): Receipt
  /** Ends what plays and what waits: here at once, and in the room what is meant for the room. */
  stopHaptic(): Receipt
  /**
   * Gives a name of 1 to 32 characters to a pattern of 1 to 64 on/off steps of 0 to 10,000 ms, starting with on. It travels
   * with each trigger, so that others need not know it. Throws `bad-argument`.
   */
  definePattern(name: string, steps: readonly number[]): void
  /** Switches vibration on this page on or off; on by default, and not remembered over a reload. */
  setHapticEnabled(enabled: boolean): void
}

type Triggered = Extract<LiveEvent<HapticEvents>, { type: 'triggered' }>

interface Waiting {
  readonly trigger: HapticTrigger
  readonly steps: readonly number[]
  /** Whether this tab is the one that plays it. */
  readonly mine: Promise<boolean>
}

type Own = Omit<HapticView, 'supported' | 'history' | 'patterns' | 'queue'> & {
  readonly queue: readonly Waiting[]
  readonly outcomes: Readonly<Record<string, { readonly outcome: Exclude<HapticOutcome, null>; readonly nth: number }>>
  readonly custom: Readonly<Record<string, readonly number[]>>
}

const SILENT = { isActive: false, currentPattern: null, intensity: 0, duration: 0, startedAt: null } as const

/** Plays what comes in, and gives this page its commands. */
export function playHaptics(host: LocalHost<HapticState, HapticEvents>): HapticLocal {
  let { vibration } = host.devices
  let $own = atom<Own>({ ...SILENT, enabled: true, queue: [], outcomes: {}, custom: {}, lastSkipped: null })
  let current: { readonly trigger: HapticTrigger; readonly vibrates: boolean } | null = null
  let timer: Stop | null = null
  let closed = false
  let nth = 0
  // Raised by everything that ends what was going on, so that a promise that comes late finds nothing to do.
  let turn = 0

  let set = (patch: Partial<Own>) => $own.set({ ...$own.get(), ...patch })

  function settled(id: string, outcome: Exclude<HapticOutcome, null>): Pick<Own, 'outcomes'> {
    let entry = { outcome, nth: nth++ }
    return { outcomes: withEntry($own.get().outcomes, id, entry, MAX_OUTCOMES, ({ nth }) => nth) }
  }

  function skipped(id: string, reason: HapticSkip): void {
    set({ ...settled(id, reason), lastSkipped: reason })
  }

  function hindered(): HapticSkip | null {
    if (!vibration) return 'unsupported'
    if (!$own.get().enabled) return 'disabled'
    if (host.devices.reducedMotion()) return 'reduced-motion'
    return vibration.activated() ? null : 'no-activation'
  }

  function unfit({ data, meta }: Triggered, steps: readonly number[]): HapticSkip | null {
    if (host.serverNow() - meta.at > HAPTIC_WORTHLESS_MS) return 'too-late'
    if (steps.length === 0) return 'unknown-pattern'
    return render(steps, data.intensity, data.durationMs).length > 0 ? null : 'silent'
  }

  function triggered(event: Triggered): void {
    let { pattern, intensity, durationMs, target } = event.data
    let { id, actor, at } = event.meta
    if (target === 'self' && actor !== host.me) return
    let steps = event.data.steps ?? stepsOf(pattern) ?? []
    let { queue } = $own.get()
    let reason = unfit(event, steps) ?? hindered() ?? (queue.length < MAX_HAPTIC_QUEUE ? null : 'queue-full')
    if (reason) {
      skipped(id, reason)
      return
    }
    // Claimed by all tabs at the same time, when it comes in: a claim does not last for ever.
    let mine = host.claim(`haptic:${id}`).catch(() => true)
    let trigger: HapticTrigger = { id, pattern, intensity, duration: durationMs, target, by: actor, at }
    set({ ...settled(id, 'waiting'), queue: [...queue, { trigger, steps, mine }] })
    if (!current && !timer) next()
  }

  function next(): void {
    let waiting = $own.get().queue[0]
    if (!waiting || closed) return
    let startAt = Math.max(waiting.trigger.at + HAPTIC_LEAD_MS, host.serverNow())
    // A clock that is far off must not keep a vibration back.
    let wait = Math.min(startAt - host.serverNow(), 2 * HAPTIC_LEAD_MS)
    let now = ++turn
    timer = host.clock.after(wait, () => {
      waiting.mine.then(mine => {
        if (turn === now) begin(waiting, startAt, mine)
      })
    })
  }

  function begin({ trigger, steps }: Waiting, startAt: number, mine: boolean): void {
    timer = null
    set({ queue: $own.get().queue.slice(1) })
    let late = Math.max(0, host.serverNow() - startAt)
    let reason = late >= trigger.duration ? 'too-late' : hindered()
    if (!reason && mine) {
      let played = render(steps, trigger.intensity, trigger.duration)
      if (!vibration?.play(late > 0 ? remaining(played, late) : played)) reason = 'refused'
    }
    if (reason) {
      skipped(trigger.id, reason)
      next()
      return
    }
    current = { trigger, vibrates: mine }
    set({
      ...settled(trigger.id, mine ? 'playing' : 'other-tab'),
      isActive: true,
      currentPattern: trigger.pattern,
      intensity: trigger.intensity,
      duration: trigger.duration,
      startedAt: host.serverNow() - late,
      lastSkipped: mine ? null : 'other-tab'
    })
    timer = host.clock.after(trigger.duration - late, () => {
      timer = null
      current = null
      set({ ...SILENT, ...(mine ? settled(trigger.id, 'played') : {}) })
      next()
    })
  }

  function stop(applies: (trigger: HapticTrigger) => boolean): void {
    let ended = $own.get().queue.filter(({ trigger }) => applies(trigger))
    let stopsCurrent = current !== null && applies(current.trigger)
    if (!stopsCurrent && ended.length === 0) return
    for (let { trigger } of ended) set(settled(trigger.id, 'stopped'))
    set({ queue: $own.get().queue.filter(waiting => !ended.includes(waiting)) })
    if (current && !stopsCurrent) return
    timer?.()
    timer = null
    turn++
    if (current) {
      if (current.vibrates) vibration?.stop()
      set({ ...SILENT, ...(current.vibrates ? settled(current.trigger.id, 'stopped') : {}) })
      current = null
    }
    next()
  }

  let unlisten = host.onEvent(event => {
    if (event.type === 'triggered') triggered(event)
    else stop(trigger => trigger.target === 'room' || event.meta.actor === host.me)
  })

  return {
    $state: computed(
      [host.$state, $own],
      (state, { outcomes, custom, queue, ...own }): HapticView => ({
        ...own,
        supported: vibration !== null,
        queue: queue.map(({ trigger }) => trigger),
        history: state.history
          .filter(item => item.target === 'room' || item.by === host.me)
          .map(item => ({ ...item, outcome: entryOf(outcomes, item.id)?.outcome ?? null })),
        patterns: [...Object.keys(HAPTIC_PATTERNS), ...Object.keys(custom)]
      })
    ),

    triggerHaptic(pattern, intensity, durationMs, { target = 'room' } = {}) {
      let steps = entryOf($own.get().custom, pattern)
      if (!steps && !stepsOf(pattern)) {
        let known = [...Object.keys(HAPTIC_PATTERNS), ...Object.keys($own.get().custom)].join(', ')
        throw new RealtimeError(
          'bad-argument',
          `pattern: «${pattern}» is not known. Define it, or take one of ${known}`
        )
      }
      return host.send({
        type: 'triggered',
        data: { pattern, intensity, durationMs, target, ...(steps ? { steps } : {}) }
      })
    },

    stopHaptic() {
      stop(() => true)
      return host.send({ type: 'stopped', data: {} })
    },

    definePattern(name, steps) {
      let { custom } = $own.get()
      if (typeof name !== 'string' || name.length < 1 || name.length > 32) {
        throw new RealtimeError('bad-argument', 'name must be a string of 1 to 32 characters')
      }
      if (stepsOf(name)) throw new RealtimeError('bad-argument', `name: «${name}» is a built-in pattern`)
      let fine = (step: unknown) => Number.isInteger(step) && (step as number) >= 0 && (step as number) <= 10_000
      if (!Array.isArray(steps) || steps.length < 1 || steps.length > 64 || !steps.every(fine)) {
        throw new RealtimeError('bad-argument', 'steps must be a list of 1 to 64 whole numbers from 0 to 10,000')
      }
      if (!steps.some((step, i) => i % 2 === 0 && step > 0)) {
        throw new RealtimeError('bad-argument', 'steps must be on for some time: the first, third, … are on')
      }
      if (!Object.hasOwn(custom, name) && Object.keys(custom).length >= MAX_CUSTOM_PATTERNS) {
        throw new RealtimeError('bad-argument', `name: at most ${MAX_CUSTOM_PATTERNS} patterns can be defined`)
      }
      set({ custom: { ...custom, [name]: [...steps] } })
    },

    setHapticEnabled(enabled) {
      if (typeof enabled !== 'boolean') throw new RealtimeError('bad-argument', 'enabled must be true or false')
      set({ enabled })
      if (!enabled) stop(() => true)
    },

    close() {
      closed = true
      unlisten()
      stop(() => true)
    }
  }
}
