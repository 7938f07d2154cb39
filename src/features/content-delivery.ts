// The way of one delivery, as a table of what may follow what, and how long the steps take. Pure.

import { appended } from './bounded.js'

/**
 * - `queued`: triggered, and not yet handed over; it may have been tried.
 * - `sent`: handed over for the recipient.
 * - `delivered`: a device of the recipient has it.
 * - `confirmed`: the recipient says so.
 * - `failed`: given up, for the attempts are used up or no device fetched it in time.
 */
export type DeliveryStage = 'queued' | 'sent' | 'delivered' | 'confirmed' | 'failed'

/** What may follow what. A failed one may be tried again by hand, or reach a device after all. */
export const NEXT_STAGES: Readonly<Record<DeliveryStage, readonly DeliveryStage[]>> = {
  queued: ['sent', 'failed'],
  sent: ['delivered', 'failed'],
  delivered: ['confirmed'],
  confirmed: [],
  failed: ['queued', 'delivered']
}

export function mayFollow(from: DeliveryStage, to: DeliveryStage): boolean {
  return NEXT_STAGES[from].includes(to)
}

/** Entries of a timeline that are kept; the first one stays, of the others the oldest give way. */
export const MAX_TIMELINE = 20
/** Durations of each step that are kept; the oldest give way. */
export const MAX_DURATIONS = 200

/** Something that happened to a delivery. */
export interface TimelineEntry {
  /** `attempt`: one that failed and is made again. */
  readonly stage: DeliveryStage | 'attempt'
  /** Milliseconds since 1970 by the server's clock. */
  readonly at: number
  /** What else there is to say, such as why an attempt failed; at most 200 characters. */
  readonly note: string
}

/** What moves through the stages. */
export interface Moving {
  readonly stage: DeliveryStage
  /** Oldest first, at most 20. */
  readonly timeline: readonly TimelineEntry[]
}

/** With one entry more. */
export function noted<T extends Moving>(delivery: T, entry: TimelineEntry): T {
  let [first, ...rest] = delivery.timeline
  let timeline = first ? [first, ...appended(rest, entry, MAX_TIMELINE - 1)] : [entry]
  return { ...delivery, timeline }
}

/** The delivery one stage on, or `null` when that may not follow. */
export function moved<T extends Moving>(delivery: T, stage: DeliveryStage, at: number, note = ''): T | null {
  return mayFollow(delivery.stage, stage) ? noted({ ...delivery, stage }, { stage, at, note }) : null
}

/** The steps that are measured: from `queued` to `sent`, from there to `delivered`, from there to `confirmed`. */
export type DeliveryStep = 'sending' | 'arriving' | 'confirming'

/** What is counted and measured of all deliveries of a room, also of those that are not kept any more. */
export interface DeliveryFigures {
  /** How many there are or were. */
  readonly triggered: number
  readonly sent: number
  readonly delivered: number
  readonly confirmed: number
  /** Those that ended so and were not tried again. */
  readonly failed: number
  /** Attempts that failed and were tried again by themselves or by hand. */
  readonly retried: number
  /** The newest durations of each step in milliseconds, at most 200. */
  readonly durations: Readonly<Record<DeliveryStep, readonly number[]>>
}

export const NO_FIGURES: DeliveryFigures = {
  triggered: 0,
  sent: 0,
  delivered: 0,
  confirmed: 0,
  failed: 0,
  retried: 0,
  durations: { sending: [], arriving: [], confirming: [] }
}

const STEPS: Readonly<Partial<Record<DeliveryStage, readonly [DeliveryStage, DeliveryStep]>>> = {
  sent: ['queued', 'sending'],
  delivered: ['sent', 'arriving'],
  confirmed: ['delivered', 'confirming']
}

/** The figures after a delivery has moved from `from` to the stage that it is in now. */
export function counted(figures: DeliveryFigures, from: DeliveryStage, { stage, timeline }: Moving): DeliveryFigures {
  let next: Record<'sent' | 'delivered' | 'confirmed' | 'failed' | 'retried', number> = { ...figures }
  if (from === 'failed') next.failed--
  if (stage === 'queued') next.retried++
  else next[stage]++
  let [before, step] = STEPS[stage] ?? []
  let start = before && timeline.slice(0, -1).findLast(entry => entry.stage === before)
  let end = timeline.at(-1)
  if (!step || !start || !end || from !== before) return { ...figures, ...next }
  let durations = appended(figures.durations[step], Math.max(0, end.at - start.at), MAX_DURATIONS)
  return { ...figures, ...next, durations: { ...figures.durations, [step]: durations } }
}

/** How long a step took, in milliseconds; of the newest 200. */
export interface StepFigures {
  readonly count: number
  readonly min: number
  readonly mean: number
  /** Nineteen of twenty were at most this. */
  readonly p95: number
  readonly max: number
}

export interface Performance {
  /** `null` until one was measured. */
  readonly sending: StepFigures | null
  readonly arriving: StepFigures | null
  readonly confirming: StepFigures | null
  /** From 0 to 1: those that reached a device among those that did or failed; `null` until there is one. */
  readonly successRate: number | null
}

export function performanceOf({ durations, delivered, failed }: DeliveryFigures): Performance {
  return {
    sending: stepFigures(durations.sending),
    arriving: stepFigures(durations.arriving),
    confirming: stepFigures(durations.confirming),
    successRate: delivered + failed === 0 ? null : delivered / (delivered + failed)
  }
}

/** `p95` is the nearest rank: a value that was measured. */
export function stepFigures(durations: readonly number[]): StepFigures | null {
  let sorted = [...durations].sort((a, b) => a - b)
  let count = sorted.length
  if (count === 0) return null
  let [min, max] = [sorted[0] as number, sorted[count - 1] as number]
  let mean = sorted.reduce((sum, value) => sum + value, 0) / count
  return { count, min, mean, p95: sorted[Math.ceil(count * 0.95) - 1] as number, max }
}
