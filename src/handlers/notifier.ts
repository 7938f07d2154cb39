// Raises notifications for users and lets go of those that quiet hours hold back. What becomes of each is decided by the
// feature, from the user's preferences; all that is added here is what the clock on the user's wall says.

import { RealtimeError } from '../errors.js'
import type { AnyFeature } from '../feature.js'
import { agenda } from '../features/agenda.js'
import {
  heldUntil,
  type NotificationAction,
  type NotificationOutcome,
  type NotificationPriority,
  type NotificationsState,
  notifications
} from '../features/notifications.js'
import type { Report, Stop } from '../ports.js'
import type { Hub } from '../server/hub.js'
import { createQueues } from './parts/queues.js'
import { shortKey } from './parts/short-key.js'

/** What the hub must run for this handler. */
export const notifierFeatures: readonly AnyFeature[] = [notifications, agenda]

/** Whose word notifications are. */
const BY = 'server'
/** Which users have notifications that are held. */
const AGENDA = 'server:notifier'
/** Characters of an app's key. */
const MOST_KEY = 256

/** What somebody is to be told. */
export interface NewNotification {
  /** 1 to 32 characters: one of `NOTIFICATION_KINDS`, or a word of the app. */
  readonly category: string
  /** Default `normal`. */
  readonly priority?: NotificationPriority
  /** 1 to 200 characters. */
  readonly title: string
  /** At most 1,000 characters. */
  readonly body?: string
  /** At most 3. */
  readonly actions?: readonly NotificationAction[]
  /** At most 10 texts of at most 500 characters. */
  readonly data?: Readonly<Record<string, string>>
  /** What makes two calls the same one: the second has no effect. 1 to 256 characters. */
  readonly key?: string
}

/** What may still be changed; it is not announced again. */
export type NotificationPatch = Partial<Pick<NewNotification, 'title' | 'body' | 'data'>>

export interface Notified {
  readonly id: string
  /** `gone`: it was raised before, and dismissed or pushed out since. */
  readonly outcome: NotificationOutcome | 'gone'
  /** When the quiet hours that hold it are expected to end, in milliseconds since 1970. */
  readonly heldUntil: number | null
}

export interface Notifier {
  /** Tells a user something, on all their devices. Resolves when it is stored. Rejects with `bad-argument` when it is too long. */
  notify(user: string, notification: NewNotification): Promise<Notified>
  /** Changes the words of one that is there; does nothing when it is gone. */
  update(user: string, id: string, patch: NotificationPatch): Promise<void>
  close: Stop
}

/**
 * Starts the notifier of a hub that runs `notifierFeatures`. What quiet hours hold back is let go when they end, also when the
 * server was started anew meanwhile, and at once when the user ends them.
 *
 * ```ts
 * let notifier = createNotifier({ hub })
 * await notifier.notify('ada', { category: 'system', priority: 'high', title: 'The backup failed', key: `backup-${day}` })
 * ```
 */
export function createNotifier({ hub, report = () => {} }: { readonly hub: Hub; readonly report?: Report }): Notifier {
  let { clock, random } = hub
  let queues = createQueues(error => report('error', 'notifier-failed', { error }))
  let timers = new Map<string, Stop>()
  /** What the agenda says of users: when the next one is due. */
  let noted = new Map<string, number>()

  let roomOf = (user: string) => hub.room(`user:${user}`)

  async function note(user: string, due: number, newest: string): Promise<void> {
    if (noted.get(user) === due) return
    noted.set(user, due)
    let key = shortKey('t', user, newest, due)
    await hub.room(AGENDA).push(agenda, 'taken', { id: user, due }, { by: BY, key })
  }

  async function cross(user: string): Promise<void> {
    if (noted.delete(user)) await hub.room(AGENDA).push(agenda, 'ended', { id: user }, { by: BY })
  }

  /** Lets go of what the quiet hours hold no longer, and comes back when they end. */
  async function review(user: string): Promise<void> {
    timers.get(user)?.()
    timers.delete(user)
    let { items, preferences } = await roomOf(user).state(notifications)
    let now = clock.now()
    let next = Infinity
    // The oldest first, so that the newest ends up on top.
    for (let { id, outcome, priority, heldUntil: expected } of items.toReversed()) {
      if (outcome !== 'held') continue
      let until = heldUntil(preferences.quietHours, priority, now)
      if (until !== null) next = Math.min(next, until)
      if (until === expected) continue
      let key = shortKey('u', id, until ?? 'over')
      await roomOf(user).push(notifications, 'notification:update', { id, until }, { by: BY, key })
    }
    if (next === Infinity) return cross(user)
    timers.set(
      user,
      clock.after(Math.max(0, next - now), () => queues.start(user, () => review(user)))
    )
    await note(user, next, items.find(item => item.outcome === 'held')?.id ?? '')
  }

  function followed(room: string, { items }: NotificationsState): void {
    if (!room.startsWith('user:')) return
    let user = room.slice('user:'.length)
    if (items.some(item => item.outcome === 'held') || noted.has(user)) queues.start(user, () => review(user))
  }

  let stopWatching = hub.watch(notifications, ({ room, state, events }) => {
    // Only what raises, moves or takes away one, and the hours themselves, have anything to do with what is held.
    let matters = (type: string): boolean => !/:(markRead|markAllRead|action|preference)$/.test(type)
    if (events.length === 0 || events.some(({ type }) => matters(type))) followed(room, state)
  })
  // Reading a room brings it into memory, and that is told to whoever watches.
  queues.start(AGENDA, async () => {
    let { entries } = await hub.room(AGENDA).state(agenda)
    for (let [user, { due }] of Object.entries(entries)) {
      noted.set(user, due)
      queues.start(user, () => review(user))
    }
  })

  return {
    notify(user, { category, priority = 'normal', title, body = '', actions = [], data = {}, key = random.id() }) {
      if (typeof key !== 'string' || key.length < 1 || key.length > MOST_KEY)
        return Promise.reject(new RealtimeError('bad-argument', `key must be a text of 1 to ${MOST_KEY} characters`))
      return queues.run(user, async () => {
        let room = roomOf(user)
        let { preferences } = await room.state(notifications)
        let until = heldUntil(preferences.quietHours, priority, clock.now())
        let raised = { category, priority, title, body, actions, data, until }
        let { id } = await room.push(notifications, 'notification:new', raised, { by: BY, key: shortKey('n', key) })
        let item = (await room.state(notifications)).items.find(item => item.id === id)
        return { id, outcome: item?.outcome ?? 'gone', heldUntil: item?.heldUntil ?? null }
      })
    },
    async update(user, id, { title, body, data }) {
      let patch = {
        id,
        ...(title !== undefined && { title }),
        ...(body !== undefined && { body }),
        ...(data && { data })
      }
      await roomOf(user).push(notifications, 'notification:update', patch, { by: BY })
    },
    close() {
      stopWatching()
      queues.close()
      for (let stop of timers.values()) stop()
      timers.clear()
    }
  }
}
