// What a person is told, on all their devices: one list with one read state, and what they wish to be told how. Runs in the
// user's own room. Only the server's code raises notifications, see handlers/notifier; what each device shows outside of the
// page is its own, see notification-desktop.

import { RealtimeError } from '../errors.js'
import { defineFeature } from '../feature.js'
import { appended, entryOf, existing, withEntry } from './bounded.js'
import { announce } from './notification-desktop.js'
import {
  type AppNotification,
  MAX_CATEGORIES,
  MAX_ITEMS,
  type NotificationsState,
  notificationEvents,
  visible
} from './notification-events.js'
import { type CategoryPreference, outcomeOf, preferenceOf } from './notification-rules.js'
import { isTimeZone, parseTime } from './quiet-hours.js'

export type { NotificationLocal, NotificationSkip, NotificationsView } from './notification-desktop.js'
export type { AppNotification, NotificationAction, NotificationsState } from './notification-events.js'
export { visible } from './notification-events.js'
export type {
  CategoryPreference,
  FrequencyLimit,
  NotificationOutcome,
  NotificationPreferences,
  NotificationPriority
} from './notification-rules.js'
export { heldUntil, kindOf, NOTIFICATION_KINDS } from './notification-rules.js'

/** Announcements of a category that are remembered: as many as a limit may count. */
const MAX_TIMES = 100

const initial: NotificationsState = { items: [], preferences: { categories: {}, quietHours: null }, announced: {} }

/** Puts a notification where it belongs now, and counts it when it is announced. */
function placed(
  state: NotificationsState,
  item: Omit<AppNotification, 'outcome' | 'shownAt' | 'heldUntil'>,
  until: number | null,
  at: number
): NotificationsState {
  let times = entryOf(state.announced, item.category) ?? []
  let { priority } = item
  let outcome = outcomeOf(preferenceOf(state.preferences, item.category), times, { priority, until, at })
  let isHeld = outcome === 'held'
  let next: AppNotification = {
    ...item,
    outcome,
    read: item.read || outcome === 'listed',
    shownAt: isHeld ? null : at,
    heldUntil: isHeld ? until : null
  }
  let items = [next, ...state.items.filter(other => other.id !== item.id)].slice(0, MAX_ITEMS)
  if (outcome !== 'delivered') return { ...state, items }
  let now = appended(times, at, MAX_TIMES)
  let announced = withEntry(state.announced, item.category, now, MAX_CATEGORIES, list => list.at(-1) ?? 0)
  return { ...state, items, announced }
}

function changed(
  state: NotificationsState,
  id: string,
  change: (item: AppNotification) => AppNotification
): NotificationsState {
  if (!state.items.some(item => item.id === id)) return state
  return { ...state, items: state.items.map(item => (item.id === id ? change(item) : item)) }
}

/** Whether an action can be chosen: a code why not, or `null`. */
function whyNot(state: NotificationsState, id: string, action: string): string | null {
  let item = state.items.find(item => item.id === id && item.shownAt !== null)
  if (!item) return 'unknown-notification'
  if (action !== 'open' && !item.actions.some(known => known.id === action)) return 'unknown-action'
  return action === 'open' || item.chosen === null || item.chosen === action ? null : 'already-chosen'
}

/**
 * The notification centre of a user. Reading, dismissing and answering hold on all devices. Of one that is gone already,
 * nothing is refused: two devices may dismiss the same, one of them offline.
 *
 * ```ts
 * let centre = client.room(`user:${me}`).use(notifications)
 * centre.$state.subscribe(({ unreadCount }) => badge(unreadCount))
 * await centre.setQuietHours({ start: '22:00', end: '07:00', timeZone: 'Europe/Paris', urgentPasses: true })
 * ```
 */
export const notifications = defineFeature({
  name: 'notifications',
  version: 1,
  events: notificationEvents,
  initial,
  reduce: {
    'notification:new': (state, { category, priority, title, body, actions, data, until }, { id, at }) => {
      if (state.items.some(item => item.id === id)) return state
      let fresh = { id, category, priority, title, body, actions, data, at, read: false, chosen: null }
      return placed(state, fresh, until, at)
    },
    'notification:update': (state, { id, until, title, body, data }, { at }) => {
      let before = state.items.find(item => item.id === id)
      if (!before) return state
      let after = {
        ...before,
        title: title ?? before.title,
        body: body ?? before.body,
        data: data ?? before.data
      }
      return before.outcome === 'held' && until !== undefined
        ? placed(state, after, until, at)
        : changed(state, id, () => after)
    },
    'notification:markRead': (state, { id }) => changed(state, id, item => ({ ...item, read: true })),
    'notification:markAllRead': (state, { upTo }) => {
      let isMeant = ({ read, shownAt }: AppNotification): boolean => !read && shownAt !== null && shownAt <= upTo
      if (!state.items.some(isMeant)) return state
      return { ...state, items: state.items.map(item => (isMeant(item) ? { ...item, read: true } : item)) }
    },
    'notification:dismiss': (state, { id }) =>
      state.items.some(item => item.id === id)
        ? { ...state, items: state.items.filter(item => item.id !== id) }
        : state,
    'notification:action': (state, { id, action }) =>
      whyNot(state, id, action) === null
        ? changed(state, id, item => ({ ...item, read: true, chosen: action === 'open' ? item.chosen : action }))
        : state,
    'notification:preference': (state, { category, preference }) => {
      if (isFull(state, category)) return state
      let { muted, desktop, limit } = preference
      let kept: CategoryPreference = {
        muted,
        desktop,
        limit: limit && { count: limit.count, seconds: limit.seconds }
      }
      let categories = { ...state.preferences.categories, [category]: kept }
      return { ...state, preferences: { ...state.preferences, categories } }
    },
    'notification:quietHours': (state, { hours }) => {
      if (!hours) return { ...state, preferences: { ...state.preferences, quietHours: null } }
      let { start, end, timeZone, urgentPasses } = hours
      return { ...state, preferences: { ...state.preferences, quietHours: { start, end, timeZone, urgentPasses } } }
    }
  },
  refuse: {
    'notification:action': (state, { id, action }) => whyNot(state, id, action),
    'notification:preference': (state, { category }) => (isFull(state, category) ? 'too-many-categories' : null),
    'notification:quietHours': (_, { hours }) => (hours && !isTimeZone(hours.timeZone) ? 'unknown-time-zone' : null)
  },
  commands: {
    /** Marks one read, on all devices; throws when it is not in the list. */
    markRead: ({ state }, id: string) => {
      existing(state.items, id, 'id', 'notification')
      return { type: 'notification:markRead', data: { id } }
    },
    /** Marks all read that are shown now; what arrives meanwhile stays unread. `null` when there is nothing to mark. */
    markAllRead: ({ state }) => {
      let unread = visible(state).filter(item => !item.read)
      if (unread.length === 0) return null
      let upTo = unread.reduce((newest, item) => Math.max(newest, item.shownAt ?? 0), 0)
      return { type: 'notification:markAllRead', data: { upTo } }
    },
    /** Takes one out of the list, on all devices; throws when it is not there. */
    dismiss: ({ state }, id: string) => {
      existing(state.items, id, 'id', 'notification')
      return { type: 'notification:dismiss', data: { id } }
    },
    /** Answers with one of its actions, or with `open`; the first answer counts. It is read then. */
    chooseAction: ({ state }, id: string, action: string) => {
      let code = whyNot(state, id, action)
      if (code !== null) throw new RealtimeError('bad-argument', `id, action: ${code}`)
      return { type: 'notification:action', data: { id, action } }
    },
    /** Changes what is named of a category's preference; the rest stays as it is. */
    setPreference: ({ state }, category: string, patch: Partial<CategoryPreference>) => ({
      type: 'notification:preference',
      data: { category, preference: { ...preferenceOf(state.preferences, category), ...patch } }
    }),
    /** Sets the quiet hours, `start` and `end` as `22:00`, by the clock of an IANA time zone; `null` ends them. */
    setQuietHours: (_, hours: { start: string; end: string; timeZone: string; urgentPasses?: boolean } | null) => {
      if (hours === null) return { type: 'notification:quietHours', data: { hours } }
      let { timeZone, urgentPasses = false } = hours
      let [start, end] = [minutes('start', hours.start), minutes('end', hours.end)]
      if (!isTimeZone(timeZone)) throw new RealtimeError('bad-argument', `timeZone: there is no «${timeZone}»`)
      return { type: 'notification:quietHours', data: { hours: { start, end, timeZone, urgentPasses } } }
    }
  },
  local: announce
})

function isFull({ preferences: { categories } }: NotificationsState, category: string): boolean {
  return !Object.hasOwn(categories, category) && Object.keys(categories).length >= MAX_CATEGORIES
}

function minutes(name: string, text: string): number {
  let parsed = typeof text === 'string' ? parseTime(text) : null
  if (parsed === null) throw new RealtimeError('bad-argument', `${name} must be a time of the day such as 22:00`)
  return parsed
}
