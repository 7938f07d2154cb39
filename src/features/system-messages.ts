// What the server tells a room. Members read it and cannot say it.

import { defineFeature, durable } from '../feature.js'
import { object, oneOf, optional, string } from '../schema.js'
import { appended } from './bounded.js'

/** Messages kept; the oldest give way. */
export const MAX_SYSTEM_MESSAGES = 200

export interface SystemMessage {
  readonly id: string
  /** 1 to 2,000 characters. */
  readonly text: string
  readonly level: 'info' | 'warning' | 'error'
  /** Milliseconds since 1970 by the server's clock. */
  readonly at: number
}

export interface SystemMessagesState {
  /** In order of arrival, newest last; at most 200. */
  readonly messages: readonly SystemMessage[]
  /** Messages ever said here. */
  readonly total: number
}

/**
 * System messages of a room; said with `hub.room(id).push(systemMessages, 'said', { text }, { by: 'system' })` or a handler's
 * `tellRoom`.
 */
export const systemMessages = defineFeature({
  name: 'system-messages',
  version: 1,
  events: {
    said: durable(object({ text: string({ min: 1, max: 2000 }), level: optional(oneOf('info', 'warning', 'error')) }), {
      author: 'server'
    })
  },
  initial: { messages: [], total: 0 } as SystemMessagesState,
  reduce: {
    said: ({ messages, total }, { text, level = 'info' }, { id, at }) => ({
      messages: appended(messages, { id, text, level, at }, MAX_SYSTEM_MESSAGES),
      total: total + 1
    })
  },
  commands: {}
})
