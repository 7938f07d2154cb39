// Wakes the devices of people who are not there: what an app's rules call worth a notice goes, once, to every device that its
// user has subscribed, through whatever sends it (the `web-push` package, say). What is not sent yet is kept in a room of the
// server's own, so that a restart goes on with it. Does not know encryption, keys or push services.

import { createHash } from 'node:crypto'
import type { AnyFeature, StateOf } from '../feature.js'
import { type PushSubscriptionData, push } from '../features/push.js'
import { type PushWork, pushWork } from '../features/push-work.js'
import type { Stop } from '../ports.js'
import type { Hub } from '../server/hub.js'
import type { RoomChange } from '../server/watchers.js'

/** Something that a user shall hear of. */
export interface PushNotice {
  readonly user: string
  /** Survives JSON, at most 3,000 characters of it; the worker of this package shows `{ title, body?, tag?, url? }`. */
  readonly payload: unknown
}

/** Which events of a feature are worth a notice, and to whom. */
export interface PushRule {
  readonly feature: AnyFeature
  readonly notices: (event: RoomChange['events'][number], change: RoomChange<never>) => readonly PushNotice[]
}

/** A rule with the state of its feature in the right type. */
export function pushRule<F extends AnyFeature>(
  feature: F,
  notices: (event: RoomChange['events'][number], change: RoomChange<StateOf<F>>) => readonly PushNotice[]
): PushRule {
  return { feature, notices: notices as PushRule['notices'] }
}

export interface WebPushOptions {
  readonly rules: readonly PushRule[]
  /**
   * Sends to one device. Rejects or resolves with `{ statusCode }`, as the `web-push` package does: 404 and 410 mean that the
   * subscription is gone, and it is dropped; any other failure is tried again. `key` is the same at every try: a push service
   * may be told it as the topic.
   */
  readonly send: (
    subscription: PushSubscriptionData,
    payload: string,
    about: { readonly user: string; readonly key: string }
  ) => Promise<unknown>
  /**
   * Whether an address may be sent to: it came from a client, and the server will call it. Default: any host with a name and a
   * dot in it. Name the push services that you expect where the server can reach what clients must not.
   */
  readonly allow?: (endpoint: URL) => boolean
  /** Told what went wrong for good, or could not be stored. Default: nothing. */
  readonly failed?: (error: unknown) => void
}

/** The room that keeps what is not sent yet. */
export const PUSH_ROOM = 'server:push'
/** A notice older than this is not sent any more, in milliseconds. */
const WORTHLESS = 24 * 3600_000
/** Pauses between the tries, in milliseconds. */
const PAUSES = [5000, 60_000, 600_000]
const MAX_PAYLOAD = 3000

/**
 * Starts to send. Somebody counts as being there when a connection of theirs is in their own room (`user:<id>`) and does not
 * call itself `away` or `offline`; see `createPresence` and `watchActivity`. Returns what stops it.
 *
 * ```ts
 * sendWebPush(hub, {
 *   rules: [pushRule(memory, ({ data, by }) => (by === 'ann' ? [] : [{ user: 'ann', payload: { title: by, body: data.content } }]))],
 *   send: (subscription, payload) => webPush.sendNotification(subscription, payload, { vapidDetails, TTL: 3600 })
 * })
 * ```
 */
export function sendWebPush(hub: Hub, options: WebPushOptions): Stop {
  let { rules, send, allow = isPublicName, failed = () => {} } = options
  let { clock } = hub
  /** Work that is under way, with what ends its pause. */
  let running = new Map<string, Stop>()
  let isStopped = false

  let remember = (type: 'due' | 'sent' | 'done', data: object, by: string, key?: string): Promise<unknown> =>
    hub.room(PUSH_ROOM).push(pushWork, type, data, { by, ...(key === undefined ? {} : { key }) })

  function notice(room: string, eventId: string, { user, payload }: PushNotice): void {
    if (isThere(hub, user)) return
    let text = JSON.stringify(payload)
    if (text === undefined || text.length > MAX_PAYLOAD) {
      failed(new Error(`a notice takes at most ${MAX_PAYLOAD} characters, that of ${room} takes ${text?.length}`))
      return
    }
    let key = createHash('sha256')
      .update(JSON.stringify([room, eventId, user]))
      .digest('base64url')
    remember('due', { key, user, payload }, user, key).catch(failed)
  }

  async function work({ key, user, payload, at }: PushWork, sent: Set<string>, tries: number): Promise<void> {
    let isLate = clock.now() - at > WORTHLESS
    let { devices } = isLate || isThere(hub, user) ? { devices: [] } : await hub.room(`user:${user}`).state(push)
    let isComplete = true
    for (let { endpoint, keys } of devices) {
      if (sent.has(endpoint) || isStopped) continue
      let outcome = await attempt({ endpoint, keys }, payload, { user, key })
      if (outcome === 'again') isComplete = false
      else sent.add(endpoint)
      if (outcome === 'sent') await remember('sent', { key, endpoint }, user)
      if (outcome === 'gone') await hub.room(`user:${user}`).push(push, 'unsubscribed', { endpoint }, { by: user })
    }
    let pause = PAUSES[tries]
    if (isStopped) return
    if (isComplete || pause === undefined) {
      await remember('done', { key }, user)
      running.delete(key)
    } else
      running.set(
        key,
        clock.after(pause, () => void run({ key, user, payload, at, sent: [] }, sent, tries + 1))
      )
  }

  function run(open: PushWork, sent: Set<string>, tries: number): void {
    running.set(open.key, () => {})
    work(open, sent, tries).catch(error => {
      // Still open where it is kept: the next start goes on with it.
      running.delete(open.key)
      failed(error)
    })
  }

  async function attempt(
    subscription: PushSubscriptionData,
    payload: unknown,
    about: { user: string; key: string }
  ): Promise<'sent' | 'gone' | 'again'> {
    if (!isAllowed(subscription.endpoint, allow)) return 'gone'
    let answer: unknown
    try {
      answer = await send(subscription, JSON.stringify(payload), about)
    } catch (error) {
      answer = error
      if (!isGone(error)) failed(error)
      return isGone(error) ? 'gone' : 'again'
    }
    return isGone(answer) ? 'gone' : 'sent'
  }

  let stops = rules.map(({ feature, notices }) =>
    hub.watch(feature, change => {
      for (let event of change.events) {
        for (let each of notices(event, change as RoomChange<never>)) {
          try {
            notice(change.room, event.id, each)
          } catch (error) {
            // Whoever cannot be woken, such as one whose name is too long for a room, keeps nobody else asleep.
            failed(error)
          }
        }
      }
    })
  )
  stops.push(
    hub.watch(pushWork, ({ room, state }) => {
      if (room !== PUSH_ROOM || isStopped) return
      for (let open of state.open) if (!running.has(open.key)) run(open, new Set(open.sent), 0)
    })
  )
  // Brings the room into memory: what a restart has left open goes on.
  hub.room(PUSH_ROOM).state(pushWork).catch(failed)
  return () => {
    isStopped = true
    for (let stop of [...stops, ...running.values()]) stop()
  }
}

/** Whether somebody looks at one of the user's pages, as far as these say. */
function isThere(hub: Hub, user: string): boolean {
  return Object.values(hub.room(`user:${user}`).members()).some(({ data }) => {
    let status = (data as { status?: unknown } | null)?.status
    return status !== 'away' && status !== 'offline'
  })
}

function isGone(answer: unknown): boolean {
  let code = (answer as { statusCode?: unknown } | null | undefined)?.statusCode
  return code === 404 || code === 410
}

function isAllowed(endpoint: string, allow: (endpoint: URL) => boolean): boolean {
  try {
    let url = new URL(endpoint)
    return url.protocol === 'https:' && allow(url)
  } catch {
    return false
  }
}

/** No address by number, and no name of the own network. */
function isPublicName({ hostname }: URL): boolean {
  return (
    /^[a-z0-9-]+(\.[a-z0-9-]+)*\.[a-z][a-z0-9-]+\.?$/i.test(hostname) &&
    !/\.(local|localhost|localdomain|internal|intranet|private|corp|home|lan|arpa|test)\.?$/i.test(hostname)
  )
}
