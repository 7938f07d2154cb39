// Shows notifications outside of the page: once per device, only when nobody looks at the page, never one that was missed. Does
// not know browsers; it shows through a port.

import { atom, computed, type ReadableAtom } from 'nanostores'
import type { HistoryOptions, LocalHost, LocalPart } from '../feature.js'
import type { Stop } from '../ports.js'
import {
  type AppNotification,
  type NotificationEvents,
  type NotificationsState,
  visible
} from './notification-events.js'
import { type NotificationPreferences, preferenceOf } from './notification-rules.js'

/** One that came into the list longer ago than this many milliseconds is not shown outside of the page. */
export const DESKTOP_WORTHLESS_MS = 60_000
/** So long a tab that nobody looks at waits for one that somebody does look at to say so, in milliseconds. */
export const FOCUS_MS = 300

/**
 * Why this tab did not show one outside of the page.
 * - `unsupported`: the browser has no notifications, or no devices were handed to the client.
 * - `permission`: the person has not allowed them, or not yet: call `enableDesktop` from a click.
 * - `switched-off`: the category's preference says so.
 * - `focused`: somebody looks at this page.
 * - `other-tab`: another tab of this device has taken it on.
 * - `too-late`: it came in more than a minute after it arose.
 * - `settled`: it was read or dismissed elsewhere in the meantime.
 */
export type NotificationSkip =
  | 'unsupported'
  | 'permission'
  | 'switched-off'
  | 'focused'
  | 'other-tab'
  | 'too-late'
  | 'settled'

/** The notification centre as this page shows it. */
export interface NotificationsView {
  /** Newest first, without those that are held. */
  readonly items: readonly AppNotification[]
  readonly unreadCount: number
  /** How many wait for the end of the quiet hours. */
  readonly heldCount: number
  readonly preferences: NotificationPreferences
  readonly desktop: {
    readonly supported: boolean
    /** As the browser says; `denied` also where there are none. */
    readonly permission: 'granted' | 'denied' | 'default'
    /** Why this tab did not show the last one; `null` when it did, or when there was none. */
    readonly skipped: NotificationSkip | null
  }
}

/** The commands of this page. */
export interface NotificationLocal extends LocalPart<NotificationsView> {
  readonly $state: ReadableAtom<NotificationsView>
  /** Asks the person to allow desktop notifications; browsers want a click for it. */
  enableDesktop(): Promise<'granted' | 'denied' | 'default'>
  /** Told when the person clicks a desktop notification of this tab: it is read then, and `open` was chosen. */
  onOpened(listener: (item: AppNotification) => void): Stop
  /**
   * Notifications as they arose, newest first, also those that the list no longer has: read from the room's log, so it needs a
   * connection. `before` and `limit` are those of the log, in events of the room; go on with the `before` that it returns, until
   * that is `null`.
   */
  getAll(options?: HistoryOptions): Promise<{ items: readonly RaisedNotification[]; before: number | null }>
}

/** A notification as it arose: without what became of it. */
export type RaisedNotification = Pick<
  AppNotification,
  'id' | 'category' | 'priority' | 'title' | 'body' | 'actions' | 'data' | 'at'
>

/** Shows what is announced, and gives this page its commands. */
export function announce(host: LocalHost<NotificationsState, NotificationEvents>): NotificationLocal {
  let { notifications } = host.devices
  let $skipped = atom<NotificationSkip | null>(null)
  /** Raised when the permission may have changed. */
  let $asked = atom(0)
  let waiting = new Set<Stop>()
  let shown = new Map<string, Stop>()
  let listeners = new Set<(item: AppNotification) => void>()

  let find = (id: string): AppNotification | undefined => host.$state.get().items.find(item => item.id === id)

  function hindrance(item: AppNotification): NotificationSkip | null {
    if (!notifications) return 'unsupported'
    if (!preferenceOf(host.$state.get().preferences, item.category).desktop) return 'switched-off'
    if (notifications.permission() !== 'granted') return 'permission'
    return host.serverNow() - (item.shownAt ?? item.at) > DESKTOP_WORTHLESS_MS ? 'too-late' : null
  }

  /** A tab that somebody looks at takes it first, and does nothing with it: so no other tab shows it either. */
  function arrived(item: AppNotification): void {
    let reason = hindrance(item)
    if (reason !== null) {
      $skipped.set(reason)
      return
    }
    let take = (): Promise<boolean> => host.claim(`notification:${item.id}`).catch(() => true)
    if (notifications?.focused()) {
      $skipped.set('focused')
      void take()
      return
    }
    let stop = host.clock.after(FOCUS_MS, () => {
      waiting.delete(stop)
      let isOver = false
      let cancel = (): void => {
        isOver = true
      }
      waiting.add(cancel)
      void take().then(isMine => {
        waiting.delete(cancel)
        if (!isOver) settle(item.id, isMine)
      })
    })
    waiting.add(stop)
  }

  function settle(id: string, isMine: boolean): void {
    let item = find(id)
    if (!isMine) $skipped.set('other-tab')
    else if (notifications?.focused()) $skipped.set('focused')
    else if (!item || item.read) $skipped.set('settled')
    else {
      $skipped.set(null)
      let onClick = (): void => open(id)
      shown.set(
        id,
        (notifications as NonNullable<typeof notifications>).show(item.title, { body: item.body, tag: id, onClick })
      )
    }
  }

  function open(id: string): void {
    let item = find(id)
    if (!item) return
    void host.send({ type: 'notification:action', data: { id, action: 'open' } })
    for (let listener of listeners) listener(item)
  }

  /** What was read or dismissed, on whichever device, need not be shown any longer. */
  function tidy({ items }: NotificationsState): void {
    for (let [id, hide] of shown) {
      if (items.some(item => item.id === id && !item.read)) continue
      shown.delete(id)
      hide()
    }
  }

  let stops = [
    host.onEvent(event => {
      let isNew = event.type === 'notification:new'
      if (!isNew && event.type !== 'notification:update') return
      let item = find(isNew ? event.meta.id : (event.data as { id: string }).id)
      // An update announces only what was held until then.
      if (item?.outcome === 'delivered' && item.shownAt === event.meta.at) arrived(item)
    }),
    host.$state.listen(tidy)
  ]

  return {
    $state: computed([host.$state, $skipped, $asked], (state, skipped): NotificationsView => {
      let items = visible(state)
      return {
        items,
        unreadCount: items.reduce((count, { read }) => count + (read ? 0 : 1), 0),
        heldCount: state.items.length - items.length,
        preferences: state.preferences,
        desktop: {
          supported: notifications !== null,
          permission: notifications?.permission() ?? 'denied',
          skipped
        }
      }
    }),
    async enableDesktop() {
      let answer = (await notifications?.ask()) ?? 'denied'
      $asked.set($asked.get() + 1)
      return answer
    },
    onOpened(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    async getAll(options) {
      let { events, done } = await host.history(options)
      let items = events
        .filter(({ feature, type }) => feature === 'notifications' && type === 'notification:new')
        .map(({ id, data, at }): RaisedNotification => {
          let { category, priority, title, body, actions, data: more } = data as RaisedNotification
          return { id, category, priority, title, body, actions, data: more, at }
        })
      return { items: items.reverse(), before: done ? null : (events[0]?.offset ?? null) }
    },
    close() {
      for (let stop of stops) stop()
      for (let stop of [...waiting]) stop()
      for (let hide of shown.values()) hide()
      waiting.clear()
      shown.clear()
      listeners.clear()
    }
  }
}
