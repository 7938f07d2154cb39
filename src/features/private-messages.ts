// Messages from one member of a room to another. They live in the two users' own rooms (`user:<id>`), never in the room they are
// about, whose log goes to everyone. That they get from one to the other is the server's part (handlers/private-messages).

import { defineFeature, durable } from '../feature.js'
import { nullable, object, string } from '../schema.js'
import { appended } from './bounded.js'

/** Messages kept of each kind; the oldest that are settled give way. */
export const MAX_PRIVATE_MESSAGES = 200
/** Sent messages that may wait for the server at once. */
export const MAX_UNSETTLED = 50

/** A message that this user has sent. */
export interface SentMessage {
  readonly id: string
  /** Where both are members. */
  readonly room: string
  readonly to: string
  /** 1 to 2,000 characters. */
  readonly text: string
  /** Milliseconds since 1970 by the server's clock. */
  readonly at: number
  /** `waiting` until the server has put it into the recipient's room, or refused to. */
  readonly status: 'waiting' | 'delivered' | 'refused'
  /** Why it was refused: `not-member`. */
  readonly code: string | null
}

/** A message that this user has got. */
export interface ReceivedMessage {
  readonly id: string
  readonly room: string
  readonly from: string
  readonly text: string
  readonly at: number
}

/** One user's private messages, the same on all their devices; newest last. */
export interface PrivateMessagesState {
  readonly sent: readonly SentMessage[]
  readonly received: readonly ReceivedMessage[]
}

const name = string({ min: 1, max: 256 })
const text = string({ min: 1, max: 2000 })

let unsettled = ({ sent }: PrivateMessagesState) => sent.filter(({ status }) => status === 'waiting').length

/**
 * Private messages of a user; use it in the user's own room.
 *
 * ```ts
 * let { $state, sendPrivateMessage } = client.room(`user:${client.user}`).use(privateMessages)
 * await sendPrivateMessage('friday', 'ben', 'Shall we skip this one?')
 * ```
 */
export const privateMessages = defineFeature({
  name: 'private-messages',
  version: 1,
  events: {
    sent: durable(object({ room: name, to: name, text })),
    received: durable(object({ room: name, from: name, text }), { author: 'server' }),
    settled: durable(object({ id: string({ min: 1, max: 64 }), code: nullable(string({ min: 1, max: 64 })) }), {
      author: 'server'
    })
  },
  initial: { sent: [], received: [] } as PrivateMessagesState,
  reduce: {
    sent: (state, { room, to, text }, { id, at }) => {
      if (unsettled(state) >= MAX_UNSETTLED) return state
      let message: SentMessage = { id, room, to, text, at, status: 'waiting', code: null }
      let oldest =
        state.sent.length < MAX_PRIVATE_MESSAGES ? -1 : state.sent.findIndex(({ status }) => status !== 'waiting')
      return { ...state, sent: [...state.sent.filter((_, i) => i !== oldest), message] }
    },
    received: (state, { room, from, text }, { id, at }) => ({
      ...state,
      received: appended(state.received, { id, room, from, text, at }, MAX_PRIVATE_MESSAGES)
    }),
    settled: (state, { id, code }) => {
      let status: SentMessage['status'] = code === null ? 'delivered' : 'refused'
      return { ...state, sent: state.sent.map(message => (message.id === id ? { ...message, status, code } : message)) }
    }
  },
  refuse: {
    sent: (state, { to }, { actor }) =>
      to === actor ? 'to-oneself' : unsettled(state) < MAX_UNSETTLED ? null : 'too-many'
  },
  commands: {
    /** Sends a text of 1 to 2,000 characters to another member of a room; its `status` tells what became of it. */
    sendPrivateMessage: (_, room: string, to: string, text: string) => ({ type: 'sent', data: { room, to, text } })
  }
})
