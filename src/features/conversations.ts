// The conversations of a user: what was said last in each, and what of it is unread, the same on all their devices. Runs in the
// user's own room. The server's inbox handler tells what happens; how it finds that out is not known here.

import { defineFeature, durable, latest } from '../feature.js'
import { boolean, integer, nullable, number, object, string } from '../schema.js'
import { createConversationAlerts } from './conversation-alerts.js'

export type { ConversationAlerts } from './conversation-alerts.js'

/** Conversations kept; those that were silent longest give way. */
export const MAX_CONVERSATIONS = 500
/** Characters of a last message. */
export const MAX_EXCERPT = 200

/** What was said last. */
export interface LastMessage {
  readonly id: string
  /** At most 200 characters; empty when it was deleted. */
  readonly content: string
  readonly sender: string
  /** Milliseconds since 1970 by the server's clock. */
  readonly timestamp: number
  readonly isDeleted: boolean
}

/** What the server tells of a conversation. */
export interface ConversationUpdate {
  readonly conversationId: string
  readonly title: string | null
  /** Null when nothing was said yet. */
  readonly lastMessage: LastMessage | null
  /** Of the last message, or when this user joined: conversations are in this order. */
  readonly timestamp: number
  /** Number of the last message. */
  readonly total: number
  /** Messages of others, read or not. */
  readonly foreign: number
  /** `foreign` as it was with the last message that names this user; 0 when none does. */
  readonly mention: number
}

export interface ConversationsState {
  /** By time, the latest last. At most 500. */
  readonly conversations: readonly ConversationUpdate[]
  /** `foreign` at the time of reading, by conversation; the oldest give way. */
  readonly reads: ReadonlyArray<readonly [conversationId: string, upTo: number]>
}

/** A conversation as a list shows it. */
export interface ConversationItem extends ConversationUpdate {
  readonly unread: number
  /** One of the unread messages names this user. */
  readonly isMentioned: boolean
}

const id = string({ min: 1, max: 256 })
const count = integer()
const initial: ConversationsState = { conversations: [], reads: [] }

/** Conversations with what is unread, the latest first. Own messages count as read. */
export function listConversations({ conversations, reads }: ConversationsState): readonly ConversationItem[] {
  let marks = new Map(reads)
  return conversations
    .map(item => {
      let upTo = marks.get(item.conversationId) ?? 0
      return { ...item, unread: Math.max(0, item.foreign - upTo), isMentioned: item.mention > upTo }
    })
    .reverse()
}

/** How many messages of a conversation are unread; 0 when it is not known. */
export function unreadOf(state: ConversationsState, conversationId: string): number {
  let item = state.conversations.find(item => item.conversationId === conversationId)
  let upTo = state.reads.find(([id]) => id === conversationId)?.[1] ?? 0
  return item ? Math.max(0, item.foreign - upTo) : 0
}

/**
 * The user's list of conversations. Read marks only ever move forward, whichever device is the first to deliver its own.
 *
 * ```ts
 * let mine = client.room(`user:${client.user}`).use(conversations)
 * mine.$state.subscribe(state => listConversations(state).map(({ lastMessage, unread }) => …))
 * ```
 */
export const conversations = defineFeature({
  name: 'conversations',
  version: 1,
  events: {
    conversationUpdate: durable(
      object({
        conversationId: id,
        title: nullable(string({ max: 100 })),
        lastMessage: nullable(
          object({
            id: string({ min: 1, max: 128 }),
            content: string({ max: MAX_EXCERPT }),
            sender: id,
            timestamp: number(),
            isDeleted: boolean()
          })
        ),
        timestamp: number(),
        total: count,
        foreign: count,
        mention: count
      }),
      { author: 'server' }
    ),
    conversationLeft: durable(object({ conversationId: id }), { author: 'server' }),
    read: latest(object({ conversationId: id, upTo: count }), { key: ({ conversationId }) => conversationId })
  },
  initial,
  reduce: {
    conversationUpdate: (state, update) => {
      let others = state.conversations.filter(item => item.conversationId !== update.conversationId)
      let later = others.findIndex(({ timestamp }) => timestamp > update.timestamp)
      let place = later < 0 ? others.length : later
      let all = [...others.slice(0, place), update, ...others.slice(place)]
      return { ...state, conversations: all.slice(-MAX_CONVERSATIONS) }
    },
    conversationLeft: ({ conversations, reads }, { conversationId }) => ({
      conversations: conversations.filter(item => item.conversationId !== conversationId),
      reads: reads.filter(([id]) => id !== conversationId)
    }),
    read: (state, { conversationId, upTo }) => {
      let before = state.reads.find(([id]) => id === conversationId)
      if (before && before[1] >= upTo) return state
      let others = state.reads.filter(item => item !== before)
      return { ...state, reads: [...others, [conversationId, upTo] as const].slice(-MAX_CONVERSATIONS) }
    }
  },
  commands: {
    /**
     * Marks a conversation read: `upTo` is how many messages of others it had when it was read, `foreignCount` of its state.
     * Without it, as many as this list knows of.
     */
    markConversationRead: ({ state }, conversationId: string, upTo?: number) => {
      let known = state.conversations.find(item => item.conversationId === conversationId)?.foreign ?? 0
      let before = state.reads.find(([id]) => id === conversationId)?.[1] ?? 0
      let next = upTo ?? known
      return next > before ? { type: 'read', data: { conversationId, upTo: next } } : null
    }
  },
  local: createConversationAlerts
})
