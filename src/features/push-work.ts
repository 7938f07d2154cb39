// What the server still has to send to devices by Web Push: its own memory, in a room that no client may enter, so that a
// crash loses nothing of it and sends nothing twice that it knows was sent.

import { defineFeature, durable } from '../feature.js'
import { json, object, string } from '../schema.js'
import { appended } from './bounded.js'

/** So many notices may wait; the oldest are given up. */
export const MAX_PUSH_WORK = 500

/** A notice that has not reached all devices of its user yet. */
export interface PushWork {
  /** Names the event and the user. */
  readonly key: string
  readonly user: string
  readonly payload: unknown
  /** Milliseconds since 1970 by the server's clock. */
  readonly at: number
  /** Endpoints that have it. */
  readonly sent: readonly string[]
}

export interface PushWorkState {
  /** Oldest first; at most 500. */
  readonly open: readonly PushWork[]
}

const initial: PushWorkState = { open: [] }
const key = string({ min: 1, max: 100 })
const author = { author: 'server' } as const

/** Open work of `sendWebPush`. Nothing of it is for clients. */
export const pushWork = defineFeature({
  name: 'push-work',
  version: 1,
  events: {
    due: durable(object({ key, user: string({ min: 1, max: 256 }), payload: json() }), author),
    sent: durable(object({ key, endpoint: string({ min: 1, max: 1000 }) }), author),
    done: durable(object({ key }), author)
  },
  initial,
  reduce: {
    due: (state, { key, user, payload }, { at }) =>
      state.open.some(work => work.key === key)
        ? state
        : { open: appended(state.open, { key, user, payload, at, sent: [] }, MAX_PUSH_WORK) },
    sent: ({ open }, { key, endpoint }) => ({
      open: open.map(work => (work.key === key ? { ...work, sent: appended(work.sent, endpoint, 50) } : work))
    }),
    done: ({ open }, { key }) => ({ open: open.filter(work => work.key !== key) })
  },
  commands: {}
})
