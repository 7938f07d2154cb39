// Messages of a conversation as values: what an event makes of a list of them, whether the list is the newest few or the whole
// log. Knows nothing of members, limits of the list, or where events come from.

import type { EventMeta } from '../feature.js'

/** Reactions that one message has at most, over all users and emojis. */
export const MAX_REACTIONS = 100

/** Who reacted with one emoji, in order of arrival. */
export interface ChatReaction {
  readonly emoji: string
  readonly users: readonly string[]
}

/** A message as all members see it. */
export interface ChatMessage {
  readonly id: string
  /** Its number in the conversation, from 1; that of a message that still waits may rise. */
  readonly n: number
  /** 1 to 4,000 characters; empty once it is deleted. */
  readonly content: string
  /** The user whom the server authenticated. */
  readonly sender: string
  /** Milliseconds since 1970 by the server's clock. */
  readonly timestamp: number
  /** For whom alone it was meant; only in a conversation of these two. */
  readonly recipientId: string | null
  /** Users whom it names. */
  readonly mentions: readonly string[]
  /** When its content was last changed; null until then. */
  readonly editedAt: number | null
  readonly isDeleted: boolean
  readonly reactions: readonly ChatReaction[]
}

/** What a `message` event carries. */
export interface ChatContent {
  readonly content: string
  readonly recipientId?: string | undefined
  readonly mentions?: readonly string[] | undefined
}

/** What happens to a message that is there. */
export type ChatChange =
  | {
      readonly type: 'edited'
      readonly data: {
        readonly id: string
        readonly content: string
        readonly mentions?: readonly string[] | undefined
      }
    }
  | { readonly type: 'deleted'; readonly data: { readonly id: string } }
  | { readonly type: 'reacted'; readonly data: { readonly id: string; readonly emoji: string } }
  | { readonly type: 'unreacted'; readonly data: { readonly id: string; readonly emoji: string } }

/** A new message; `n` is its number. */
export function messageOf({ content, recipientId, mentions }: ChatContent, n: number, meta: EventMeta): ChatMessage {
  return {
    id: meta.id,
    n,
    content,
    sender: meta.actor,
    timestamp: meta.at,
    recipientId: recipientId ?? null,
    mentions: named(mentions),
    editedAt: null,
    isDeleted: false,
    reactions: []
  }
}

/** The message after a change; the same object when the change does nothing. Only its author edits and deletes it. */
export function changedMessage(
  message: ChatMessage,
  { type, data }: ChatChange,
  { actor, at }: EventMeta
): ChatMessage {
  if (message.isDeleted) return message
  if (type === 'reacted') return reacted(message, data.emoji, actor)
  if (type === 'unreacted') return unreacted(message, data.emoji, actor)
  if (message.sender !== actor) return message
  if (type === 'deleted') return { ...message, content: '', mentions: [], reactions: [], isDeleted: true }
  let { content, mentions } = data
  return { ...message, content, mentions: mentions ? named(mentions) : message.mentions, editedAt: at }
}

export function countReactions({ reactions }: ChatMessage): number {
  return reactions.reduce((count, { users }) => count + users.length, 0)
}

export function hasReacted({ reactions }: ChatMessage, emoji: string, user: string): boolean {
  return reactions.some(item => item.emoji === emoji && item.users.includes(user))
}

function reacted(message: ChatMessage, emoji: string, user: string): ChatMessage {
  if (hasReacted(message, emoji, user) || countReactions(message) >= MAX_REACTIONS) return message
  let { reactions } = message
  let isKnown = reactions.some(item => item.emoji === emoji)
  return {
    ...message,
    reactions: isKnown
      ? reactions.map(item => (item.emoji === emoji ? { emoji, users: [...item.users, user] } : item))
      : [...reactions, { emoji, users: [user] }]
  }
}

function unreacted(message: ChatMessage, emoji: string, user: string): ChatMessage {
  if (!hasReacted(message, emoji, user)) return message
  let reactions = message.reactions.map(item =>
    item.emoji === emoji ? { emoji, users: item.users.filter(other => other !== user) } : item
  )
  return { ...message, reactions: reactions.filter(({ users }) => users.length > 0) }
}

function named(mentions: readonly string[] = []): readonly string[] {
  return [...new Set(mentions)]
}
