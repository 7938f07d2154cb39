// Which of a user's devices may be woken by Web Push: the subscriptions that their browsers made, handed to the app's server.
// Lives in the user's own room. Does not know who sends, nor what.

import { defineFeature, durable } from '../feature.js'
import { object, string } from '../schema.js'
import { appended } from './bounded.js'

/** So many devices of a user are kept; the oldest give way. */
export const MAX_PUSH_DEVICES = 20

/** What a browser hands out, as its `toJSON()` has it: where to send, and the keys to encrypt with. */
export interface PushSubscriptionData {
  /** An `https:` address of the browser's push service. */
  readonly endpoint: string
  readonly keys: { readonly p256dh: string; readonly auth: string }
}

export interface PushDevice extends PushSubscriptionData {
  /** When it was handed over last, in milliseconds since 1970 by the server's clock. */
  readonly at: number
}

export interface PushState {
  /** The one that was handed over last comes last; at most 20. */
  readonly devices: readonly PushDevice[]
}

const initial: PushState = { devices: [] }
const endpoint = string({ min: 1, max: 1000 })

/**
 * A user's push subscriptions, one for each device. Apps call `subscribeToPush` of the kit, which makes one and hands it over.
 *
 * ```ts
 * await client.room(`user:${client.user}`).use(push).addPushDevice(subscription.toJSON())
 * ```
 */
export const push = defineFeature({
  name: 'push',
  version: 1,
  events: {
    subscribed: durable(
      object({
        endpoint,
        keys: object({ p256dh: string({ min: 1, max: 200 }), auth: string({ min: 1, max: 100 }) })
      })
    ),
    unsubscribed: durable(object({ endpoint }))
  },
  initial,
  reduce: {
    subscribed: ({ devices }, { endpoint, keys: { p256dh, auth } }, { at }) => {
      let others = devices.filter(device => device.endpoint !== endpoint)
      return { devices: appended(others, { endpoint, keys: { p256dh, auth }, at }, MAX_PUSH_DEVICES) }
    },
    unsubscribed: (state, { endpoint }) => {
      let devices = state.devices.filter(device => device.endpoint !== endpoint)
      return devices.length === state.devices.length ? state : { devices }
    }
  },
  refuse: {
    // The address is one that the server will send to: see `allow` of the handler for which.
    subscribed: (_, { endpoint }) => (/^https:\/\/[^\s/@]+(\/|$)/i.test(endpoint) ? null : 'bad-endpoint')
  },
  commands: {
    /** Hands a device's subscription over; again when it is already known, which keeps it from giving way. */
    addPushDevice: (_, { endpoint, keys: { p256dh, auth } }: PushSubscriptionData) => ({
      type: 'subscribed',
      data: { endpoint, keys: { p256dh, auth } }
    }),
    /** Nothing is sent to this address any more. */
    removePushDevice: (_, endpoint: string) => ({ type: 'unsubscribed', data: { endpoint } })
  }
})
