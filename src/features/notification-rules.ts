// What becomes of a notification by the wishes of the person it is for. Pure: the server and every device come to the same.

import { boolean, integer, nullable, object } from '../schema.js'
import { entryOf } from './bounded.js'
import { type QuietHours, quietUntil } from './quiet-hours.js'

/** How much it matters. `low` is never announced; `urgent` may pass the quiet hours. */
export type NotificationPriority = 'low' | 'normal' | 'high' | 'urgent'

/** The kinds that an interface has an icon and a colour for. */
export const NOTIFICATION_KINDS = [
  'memory',
  'avatar',
  'haptic',
  'biometric',
  'vr',
  'voice',
  'relationship',
  'recommendation',
  'system'
] as const
export type NotificationKind = (typeof NOTIFICATION_KINDS)[number]

/** Categories that this library itself uses besides the kinds, and what they look like. */
const LOOKS: Readonly<Record<string, NotificationKind>> = {
  friends: 'relationship',
  message: 'relationship',
  mention: 'relationship',
  content: 'recommendation',
  alert: 'system',
  task: 'system'
}

/** What a category looks like: itself when it is one of the kinds, `system` when nobody knows it. */
export function kindOf(category: string): NotificationKind {
  return NOTIFICATION_KINDS.find(kind => kind === category) ?? entryOf(LOOKS, category) ?? 'system'
}

/** At most `count` announcements in any `seconds`. */
export interface FrequencyLimit {
  /** 1 to 100. */
  readonly count: number
  /** 1 to 86,400. */
  readonly seconds: number
}

/** What a person wants of one category. */
export interface CategoryPreference {
  /** It goes into the list as read and is not announced. */
  readonly muted: boolean
  /** Whether devices show it outside of the page. */
  readonly desktop: boolean
  /** `null`: as many as come. */
  readonly limit: FrequencyLimit | null
}

export const categoryPreferenceSchema = object({
  muted: boolean(),
  desktop: boolean(),
  limit: nullable(object({ count: integer({ min: 1, max: 100 }), seconds: integer({ min: 1, max: 86_400 }) }))
})

/** What holds for a category until the person says something else. */
export const DEFAULT_PREFERENCE: CategoryPreference = {
  muted: false,
  desktop: true,
  limit: { count: 10, seconds: 60 }
}

export interface NotificationPreferences {
  /** At most 32; a category that is not here has `DEFAULT_PREFERENCE`. */
  readonly categories: Readonly<Record<string, CategoryPreference>>
  readonly quietHours: QuietHours | null
}

export function preferenceOf({ categories }: NotificationPreferences, category: string): CategoryPreference {
  return entryOf(categories, category) ?? DEFAULT_PREFERENCE
}

/**
 * What became of a notification.
 * - `delivered`: in the list, unread, and announced: a toast, a desktop notification, a sound.
 * - `silent`: in the list and unread, not announced: its priority is low, or there were too many.
 * - `held`: not shown anywhere until the quiet hours are over; then it is delivered or silent.
 * - `listed`: in the list and read already: its category is muted.
 */
export type NotificationOutcome = 'delivered' | 'silent' | 'held' | 'listed'

/** Whether one more announcement fits at `at`, after those at `times`. One from the future counts: clocks may be set back. */
export function fits(limit: FrequencyLimit | null, times: readonly number[], at: number): boolean {
  if (!limit) return true
  let since = at - limit.seconds * 1000
  return times.reduce((count, time) => count + (time > since ? 1 : 0), 0) < limit.count
}

/** Until when a notification waits because of the quiet hours, in milliseconds since 1970; `null` when it need not. */
export function heldUntil(hours: QuietHours | null, priority: NotificationPriority, at: number): number | null {
  if (priority === 'low' || (priority === 'urgent' && hours?.urgentPasses)) return null
  return quietUntil(hours, at)
}

/**
 * What becomes of a notification at `at`, when its category was announced at `times` before. Muting comes first, then a low
 * priority, then the quiet hours, then the limit, which holds for every priority.
 */
export function outcomeOf(
  { muted, limit }: CategoryPreference,
  times: readonly number[],
  { priority, until, at }: { priority: NotificationPriority; until: number | null; at: number }
): NotificationOutcome {
  if (muted) return 'listed'
  if (priority === 'low') return 'silent'
  if (until !== null && until > at) return 'held'
  return fits(limit, times, at) ? 'delivered' : 'silent'
}
