// When a person does not want to be disturbed: hours of the day by the clock on their wall. Pure; time zones are those of Intl.

import { boolean, integer, object, string } from '../schema.js'

/** Hours in which nothing is announced, every day. */
export interface QuietHours {
  /** Minutes after midnight, 0 to 1,439. */
  readonly start: number
  /** Minutes after midnight; before `start` it means the next morning, equal to it means never. */
  readonly end: number
  /** IANA name such as `Europe/Paris`; summer time is followed. */
  readonly timeZone: string
  /** Whether what is urgent is announced all the same. */
  readonly urgentPasses: boolean
}

export const quietHoursSchema = object({
  start: integer({ max: 1439 }),
  end: integer({ max: 1439 }),
  timeZone: string({ min: 1, max: 64 }),
  urgentPasses: boolean()
})

const MINUTE = 60_000
const DAY = 24 * 60
/** Clocks are put forward or back by less than this, in minutes. */
const MOST_SHIFT = 180
/** Names of zones may be written in many ways; more than these are not kept ready. */
const MOST_FORMATS = 1000

let formats = new Map<string, Intl.DateTimeFormat>()

function formatOf(timeZone: string): Intl.DateTimeFormat {
  let known = formats.get(timeZone)
  if (known) return known
  if (formats.size >= MOST_FORMATS) formats.clear()
  let made = new Intl.DateTimeFormat('en-GB', { timeZone, hour: '2-digit', minute: '2-digit', hourCycle: 'h23' })
  formats.set(timeZone, made)
  return made
}

/** Whether this machine knows the time zone. */
export function isTimeZone(timeZone: string): boolean {
  try {
    formatOf(timeZone)
    return true
  } catch {
    return false
  }
}

/** Minutes after midnight on a wall in that zone. */
export function minuteOfDay(at: number, timeZone: string): number {
  let [hours = 0, minutes = 0] = formatOf(timeZone).format(at).split(':').map(Number)
  return hours * 60 + minutes
}

/** `22:30` as minutes after midnight; `null` when it is no time of the day. */
export function parseTime(text: string): number | null {
  let match = /^([01]\d|2[0-3]):([0-5]\d)$/.exec(text)
  return match ? Number(match[1]) * 60 + Number(match[2]) : null
}

/** Minutes after midnight as `22:30`. */
export function formatTime(minute: number): string {
  return `${String(Math.floor(minute / 60)).padStart(2, '0')}:${String(minute % 60).padStart(2, '0')}`
}

/**
 * When the quiet hours that hold at `at` are over, in milliseconds since 1970: the first minute whose time on the wall is
 * outside them. `null` when it is not quiet. An unknown time zone is never quiet.
 */
export function quietUntil(hours: QuietHours | null, at: number): number | null {
  if (!hours || !isTimeZone(hours.timeZone)) return null
  let { start, end, timeZone } = hours
  let length = (end - start + DAY) % DAY
  let left = (time: number): number => length - ((minuteOfDay(time, timeZone) - start + DAY) % DAY)
  let now = Math.floor(at / MINUTE) * MINUTE
  let rest = left(now)
  if (rest <= 0) return null
  let expected = now + rest * MINUTE
  if (minuteOfDay(expected, timeZone) === end) return expected
  // The clocks are changed meanwhile: minute by minute.
  let time = Math.max(now, expected - MOST_SHIFT * MINUTE)
  while (left(time) > 0) time += MINUTE
  return time
}
