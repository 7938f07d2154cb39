// The events of the notification centre and what its state holds. What becomes of them is in notifications and
// notification-desktop.

import { durable, latest } from '../feature.js'
import { array, nullable, number, object, oneOf, optional, record, string } from '../schema.js'
import {
  categoryPreferenceSchema,
  type NotificationOutcome,
  type NotificationPreferences,
  type NotificationPriority
} from './notification-rules.js'
import { quietHoursSchema } from './quiet-hours.js'

/** Notifications kept in the list; the oldest give way. The room's log has them longer. */
export const MAX_ITEMS = 200
/** Categories with a preference of their own. */
export const MAX_CATEGORIES = 32
/** Something that can be answered. */
export interface NotificationAction {
  /** 1 to 32 characters; `open` is always there and need not be listed. */
  readonly id: string
  /** 1 to 64 characters. */
  readonly title: string
}

export interface AppNotification {
  readonly id: string
  /** 1 to 32 characters: one of `NOTIFICATION_KINDS`, or a word of the app. */
  readonly category: string
  readonly priority: NotificationPriority
  /** 1 to 200 characters. */
  readonly title: string
  /** At most 1,000 characters. */
  readonly body: string
  /** At most 3. */
  readonly actions: readonly NotificationAction[]
  /** What the app needs to act on it: at most 10 texts of at most 500 characters. */
  readonly data: Readonly<Record<string, string>>
  readonly outcome: NotificationOutcome
  /** When it arose, in milliseconds since 1970 by the server's clock. */
  readonly at: number
  /** When it came into the list; `null` while it is held. */
  readonly shownAt: number | null
  /** While it is held: when the quiet hours are expected to end. */
  readonly heldUntil: number | null
  readonly read: boolean
  /** The action that was chosen, on whichever device. */
  readonly chosen: string | null
}

export interface NotificationsState {
  /** Newest first, at most 200; those that are held too. */
  readonly items: readonly AppNotification[]
  readonly preferences: NotificationPreferences
  /** Per category, when it was announced: what its limit counts. Oldest first, at most 100 each. */
  readonly announced: Readonly<Record<string, readonly number[]>>
}

const id = string({ min: 1, max: 64 })
const category = string({ min: 1, max: 32 })
const title = string({ min: 1, max: 200 })
const body = string({ max: 1000 })
const data = record(string({ max: 500 }), { max: 10 })
const time = number({ min: 0 })
const actions = array(object({ id: string({ min: 1, max: 32 }), title: string({ min: 1, max: 64 }) }), { max: 3 })
const priority = oneOf('low', 'normal', 'high', 'urgent')

/** What the person can see, newest first. */
export function visible({ items }: NotificationsState): readonly AppNotification[] {
  return items.filter(item => item.shownAt !== null)
}

export const notificationEvents = {
  'notification:new': durable(
    object({
      category,
      priority,
      title,
      body,
      actions,
      data,
      /** Until when the quiet hours last, as the server found; `null` when they do not hold it. */
      until: nullable(time)
    }),
    { author: 'server', lane: 'high' }
  ),
  /** `until`: held until then, or with `null` no more. */
  'notification:update': durable(
    object({
      id,
      title: optional(title),
      body: optional(body),
      data: optional(data),
      until: optional(nullable(time))
    }),
    { author: 'server', lane: 'high' }
  ),
  'notification:markRead': durable(object({ id })),
  /** All that came into the list until then. */
  'notification:markAllRead': durable(object({ upTo: time })),
  'notification:dismiss': durable(object({ id })),
  'notification:action': durable(object({ id, action: string({ min: 1, max: 32 }) })),
  'notification:preference': latest(object({ category, preference: categoryPreferenceSchema }), {
    key: ({ category }) => category
  }),
  'notification:quietHours': latest(object({ hours: nullable(quietHoursSchema) }))
}

export type NotificationEvents = typeof notificationEvents
