// The notification centre and Web Push joined: what is announced to somebody who is not there wakes their devices. What the person's
// preferences and quiet hours hold back or keep silent wakes nobody.

import { notifications } from '../features/notifications.js'
import { type PushRule, pushRule } from './web-push.js'

/**
 * A rule for `sendWebPush`. The `url` that a click opens is the notification's `data.url`, if it has one.
 *
 * ```ts
 * sendWebPush(hub, { rules: [notificationPushes], send })
 * ```
 */
export const notificationPushes: PushRule = pushRule(notifications, ({ id, type, data }, { room, state }) => {
  if (!room.startsWith('user:')) return []
  let update = data as { id: string; until?: number | null }
  let isReleased = type === 'notification:update' && update.until === null
  let about = isReleased ? update.id : type === 'notification:new' ? id : null
  let item = state.items.find(item => item.id === about)
  if (item?.outcome !== 'delivered' || item.read) return []
  let { title, body, data: more } = item
  let payload = { title, body, tag: item.id, ...(more.url !== undefined && { url: more.url }) }
  return [{ user: room.slice('user:'.length), payload }]
})
