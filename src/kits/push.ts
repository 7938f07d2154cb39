// The page's side of Web Push: has the browser make a subscription and hands it to the app's server, through the user's own
// room. Works with what a service worker's registration offers; does not register one, and does not show anything.

import type { Realtime } from '../client.js'
import { type PushSubscriptionData, push } from '../features/push.js'

/** Of a browser's `PushSubscription`, what is used here. */
export interface PushSubscriptionLike {
  readonly endpoint: string
  toJSON(): { readonly endpoint?: string; readonly keys?: Readonly<Record<string, string>> }
  unsubscribe(): Promise<boolean>
}

/** Of a `ServiceWorkerRegistration`, what is used here. */
export interface PushRegistration {
  readonly pushManager?: {
    getSubscription(): Promise<PushSubscriptionLike | null>
    subscribe(options: { userVisibleOnly: boolean; applicationServerKey: string }): Promise<PushSubscriptionLike>
  }
}

/**
 * What became of it.
 * - `subscribed`: this device will be woken; `unsubscribe` ends that, call it before a logout on a shared device.
 * - `unsupported`: this browser has no push.
 * - `denied`: the person does not want it, or was not asked.
 * - `failed`: the browser could not reach its push service, or the key is another one than before; `reason` says so.
 */
export type PushOutcome =
  | { readonly state: 'subscribed'; readonly endpoint: string; unsubscribe(): Promise<void> }
  | { readonly state: 'unsupported' | 'denied' | 'failed'; readonly reason: string }

/**
 * Subscribes this device and hands the subscription to the server, which is delivered like every action: also after a reload.
 * Browsers want a click for the first time. Call it at every start of the app as well: it renews what the browser has changed.
 * `applicationServerKey` is the public VAPID key.
 *
 * ```ts
 * let registration = await navigator.serviceWorker.ready
 * button.onclick = () => subscribeToPush(client, { registration, applicationServerKey })
 * ```
 */
export async function subscribeToPush(
  client: Realtime,
  { registration, applicationServerKey }: { registration: PushRegistration; applicationServerKey: string }
): Promise<PushOutcome> {
  let manager = registration.pushManager
  if (!manager) return { state: 'unsupported', reason: 'this browser has no push' }
  let subscription: PushSubscriptionLike
  try {
    subscription =
      (await manager.getSubscription()) ?? (await manager.subscribe({ userVisibleOnly: true, applicationServerKey }))
  } catch (error) {
    let { name, message } = error as Error
    return { state: name === 'NotAllowedError' ? 'denied' : 'failed', reason: message }
  }
  let { endpoint } = subscription
  let { p256dh = '', auth = '' } = subscription.toJSON().keys ?? {}
  let device: PushSubscriptionData = { endpoint, keys: { p256dh, auth } }
  await within(client, handle => handle.addPushDevice(device))
  return {
    state: 'subscribed',
    endpoint,
    async unsubscribe() {
      // Before the browser forgets it: what is stored is delivered, whatever happens to this page.
      await within(client, handle => handle.removePushDevice(endpoint))
      await subscription.unsubscribe()
    }
  }
}

async function within(
  client: Realtime,
  call: (handle: ReturnType<typeof handleOf>['handle']) => PromiseLike<unknown>
): Promise<void> {
  let { room, handle } = handleOf(client)
  try {
    await call(handle)
  } finally {
    room.leave()
  }
}

function handleOf(client: Realtime) {
  let room = client.room(`user:${client.user}`)
  return { room, handle: room.use(push) }
}
