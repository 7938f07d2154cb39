// A conversation: its members, its newest messages, and how far each member has read. One room per conversation. Where older
// messages come from is not known here (chat-paging), nor who is told outside of the room (the inbox handler).

import { RealtimeError } from '../errors.js'
import { defineFeature, durable, type EventMeta, latest } from '../feature.js'
import { array, integer, object, optional, string } from '../schema.js'
import { appended, existing } from './bounded.js'
import {
  type ChatChange,
  type ChatContent,
  type ChatMessage,
  changedMessage,
  countReactions,
  hasReacted,
  MAX_REACTIONS,
  messageOf
} from './chat-messages.js'
import { createChatPaging } from './chat-paging.js'

export type { ChatMessage, ChatReaction } from './chat-messages.js'
export { MAX_REACTIONS } from './chat-messages.js'
export type { ChatPaging } from './chat-paging.js'

/** Newest messages in the state; what is older comes with `loadOlder`. */
export const MAX_MESSAGES = 100
/** Messages before those that can still be edited, deleted and reacted to. */
export const MAX_PAST = 900
/** Members of a conversation; nobody joins beyond. */
export const MAX_CHAT_MEMBERS = 500
const MAX_GONE = 100
/** Characters of a message. */
export const MAX_CONTENT = 4000

/** Who takes part in a conversation, whether here now or not. */
export interface ChatMember {
  readonly user: string
  /** As they want to be called; null when they have not said. */
  readonly name: string | null
  /** When they joined, in milliseconds since 1970 by the server's clock. */
  readonly since: number
  /** Messages that do not count for them: those before they joined, and their own. */
  readonly skipped: number
  /** Number of the newest message they have read; 0 when none. */
  readonly read: number
}

/** A conversation as all members see it. */
export interface ChatState {
  /** The newest 100, in order; those that still wait come last. */
  readonly messages: readonly ChatMessage[]
  /** All messages there ever were. */
  readonly total: number
  /** At most 500, in order of joining. */
  readonly members: readonly ChatMember[]
  /** 1 to 100 characters; null until one was given. */
  readonly title: string | null
  /** The two to whom it belongs since one wrote to the other alone: nobody else may join any more. */
  readonly pair: readonly [string, string] | null
  /** Whose the 900 messages before are, by id: oldest first. */
  readonly past: ReadonlyArray<readonly [id: string, sender: string]>
  /** Who left last, at most 100: so that it leaves their lists whatever happens. */
  readonly gone: readonly string[]
}

/** A message to be sent. */
export interface ChatDraft {
  /** 1 to 4,000 characters. */
  readonly content: string
  /** The only one who may see it: the conversation must have no other members, else it is refused as `not-private`. */
  readonly recipientId?: string | undefined
  /** Users whom it names; at most 20. */
  readonly mentions?: readonly string[] | undefined
}

const id = string({ min: 1, max: 128 })
const user = string({ min: 1, max: 256 })
const content = string({ min: 1, max: MAX_CONTENT })
const mentions = optional(array(user, { max: 20 }))
const emoji = string({ min: 1, max: 32 })

const initial: ChatState = { messages: [], total: 0, members: [], title: null, pair: null, past: [], gone: [] }

/** A member of the conversation, if this user is one. */
export function chatMember(state: ChatState, user: string): ChatMember | undefined {
  return state.members.find(member => member.user === user)
}

/**
 * How many messages of others there were for this user, read or not: what is unread is this less the same number at the time of
 * reading. 0 for who is no member.
 */
export function foreignCount(state: ChatState, user: string): number {
  let member = chatMember(state, user)
  return member ? state.total - member.skipped : 0
}

function withMember(state: ChatState, user: string, at: number, name: string | null = null): ChatState {
  let member = chatMember(state, user)
  if (member && (name === null || name === member.name)) return state
  if (member) return { ...state, members: state.members.map(item => (item === member ? { ...item, name } : item)) }
  if (state.members.length >= MAX_CHAT_MEMBERS) return state
  let { total } = state
  return {
    ...state,
    members: [...state.members, { user, name, since: at, skipped: total, read: 0 }],
    gone: state.gone.includes(user) ? state.gone.filter(other => other !== user) : state.gone
  }
}

function changed(state: ChatState, change: ChatChange, meta: EventMeta): ChatState {
  let before = state.messages.find(item => item.id === change.data.id)
  if (!before) return state
  let after = changedMessage(before, change, meta)
  return after === before ? state : { ...state, messages: state.messages.map(item => (item === before ? after : item)) }
}

/** Whose a message is, as far back as it can be changed. */
function senderOf(state: ChatState, id: string): string | undefined {
  return state.messages.find(item => item.id === id)?.sender ?? state.past.find(([known]) => known === id)?.[1]
}

function refuseStranger(state: ChatState, _: unknown, { actor }: EventMeta): string | null {
  return chatMember(state, actor) ? null : 'not-a-member'
}

/** Why a message may not be changed by this user. */
function refuseOwn(state: ChatState, { id }: { readonly id: string }, { actor }: EventMeta): string | null {
  let sender = senderOf(state, id)
  if (sender === undefined) return 'unknown-message'
  if (sender !== actor) return 'not-yours'
  return state.messages.find(item => item.id === id)?.isDeleted ? 'deleted' : null
}

function refuseReaction(state: ChatState, { id }: { readonly id: string }, meta: EventMeta): string | null {
  if (senderOf(state, id) === undefined) return 'unknown-message'
  if (state.messages.find(item => item.id === id)?.isDeleted) return 'deleted'
  return refuseStranger(state, null, meta)
}

/** Whether nobody but these two takes part. */
function isBetween({ members, pair }: ChatState, actor: string, recipientId: string): boolean {
  let isOne = (user: string) => user === actor || user === recipientId
  return actor !== recipientId && (pair ?? []).every(isOne) && members.every(member => isOne(member.user))
}

/**
 * Messages of a conversation, with edits, reactions and read receipts. Whose word something is says the server, never the event.
 *
 * ```ts
 * let chatting = client.room('conversation:garden').use(chat)
 * await chatting.joinConversation()
 * await chatting.sendMessage({ content: 'The roses are out' })
 * ```
 */
export const chat = defineFeature({
  name: 'chat',
  version: 1,
  events: {
    joined: durable(object({ name: optional(string({ min: 1, max: 100 })) })),
    invited: durable(object({ user })),
    left: durable(object({})),
    titled: latest(object({ title: string({ min: 1, max: 100 }) })),
    message: durable(object({ content, recipientId: optional(user), mentions })),
    edited: durable(object({ id, content, mentions })),
    deleted: durable(object({ id })),
    reacted: durable(object({ id, emoji })),
    unreacted: durable(object({ id, emoji })),
    read: latest(object({ upTo: integer({ min: 1 }) }))
  },
  initial,
  reduce: {
    joined: (state, { name }, { actor, at }) => withMember(state, actor, at, name),
    invited: (state, { user }, { at }) => withMember(state, user, at),
    left: (state, _, { actor }) =>
      chatMember(state, actor)
        ? {
            ...state,
            members: state.members.filter(member => member.user !== actor),
            gone: appended(state.gone, actor, MAX_GONE)
          }
        : state,
    titled: (state, { title }) => (title === state.title ? state : { ...state, title }),
    message: (state, data: ChatContent, meta) => {
      let { recipientId } = data
      let next = state
      if (recipientId !== undefined) {
        next = withMember(withMember(next, meta.actor, meta.at), recipientId, meta.at)
        next = { ...next, pair: next.pair ?? [meta.actor, recipientId] }
      }
      let total = next.total + 1
      let oldest = next.messages.length < MAX_MESSAGES ? undefined : next.messages[0]
      return {
        ...next,
        total,
        messages: appended(next.messages, messageOf(data, total, meta), MAX_MESSAGES),
        past: oldest ? appended(next.past, [oldest.id, oldest.sender], MAX_PAST) : next.past,
        members: next.members.map(member =>
          member.user === meta.actor ? { ...member, skipped: member.skipped + 1 } : member
        )
      }
    },
    edited: (state, data, meta) => changed(state, { type: 'edited', data }, meta),
    deleted: (state, data, meta) => changed(state, { type: 'deleted', data }, meta),
    reacted: (state, data, meta) => changed(state, { type: 'reacted', data }, meta),
    unreacted: (state, data, meta) => changed(state, { type: 'unreacted', data }, meta),
    read: (state, { upTo }, { actor }) => {
      let member = chatMember(state, actor)
      let read = Math.min(upTo, state.total)
      if (!member || member.read >= read) return state
      return { ...state, members: state.members.map(item => (item === member ? { ...item, read } : item)) }
    }
  },
  refuse: {
    joined: (state, _, { actor }) => {
      if (state.pair && !state.pair.includes(actor)) return 'not-a-member'
      return state.members.length >= MAX_CHAT_MEMBERS && !chatMember(state, actor) ? 'full' : null
    },
    invited: (state, { user }, meta) => {
      if (state.pair && !state.pair.includes(user)) return 'not-private'
      if (state.members.length >= MAX_CHAT_MEMBERS && !chatMember(state, user)) return 'full'
      return refuseStranger(state, null, meta)
    },
    titled: refuseStranger,
    message: (state, { recipientId }, meta) => {
      if (recipientId === undefined) return refuseStranger(state, null, meta)
      return isBetween(state, meta.actor, recipientId) ? null : 'not-private'
    },
    edited: refuseOwn,
    deleted: refuseOwn,
    reacted: (state, data, meta) => {
      let message = state.messages.find(item => item.id === data.id)
      let isFull = message && countReactions(message) >= MAX_REACTIONS
      if (isFull && !hasReacted(message as ChatMessage, data.emoji, meta.actor)) return 'too-many-reactions'
      return refuseReaction(state, data, meta)
    },
    unreacted: refuseReaction,
    read: (state, { upTo }, meta) => (upTo > state.total ? 'unknown-message' : refuseStranger(state, null, meta))
  },
  commands: {
    /** Becomes a member, from now on and on all devices; `name` is how the others see this user. */
    joinConversation: (_, name?: string) => ({ type: 'joined', data: name === undefined ? {} : { name } }),
    /** Makes somebody else a member; whether they may enter the room is the server's policy to say. */
    inviteToConversation: (_, user: string) => ({ type: 'invited', data: { user } }),
    /** Is no member any more; what was written stays. */
    leaveConversation: () => ({ type: 'left' as const, data: {} }),
    /** Gives the conversation a title of 1 to 100 characters. */
    renameConversation: (_, title: string) => ({ type: 'titled', data: { title } }),
    /** Sends a message of 1 to 4,000 characters; its id is the receipt's id. */
    sendMessage: (_, { content, recipientId, mentions }: ChatDraft) => ({
      type: 'message',
      data: { content, ...(recipientId !== undefined && { recipientId }), ...(mentions && { mentions }) }
    }),
    /** Changes an own message; throws when it is another's or unknown. Without `mentions` they stay as they are. */
    editMessage: ({ state, me }, id: string, content: string, mentions?: readonly string[]) => {
      requireOwn(state, me, id)
      return { type: 'edited', data: { id, content, ...(mentions && { mentions }) } }
    },
    /** Takes the content of an own message away; throws when it is another's or unknown. */
    deleteMessage: ({ state, me }, id: string) => {
      requireOwn(state, me, id)
      return { type: 'deleted', data: { id } }
    },
    /** Reacts to a message with an emoji; once for each emoji. */
    addReaction: (_, id: string, emoji: string) => ({ type: 'reacted', data: { id, emoji } }),
    /** Takes an own reaction back. */
    removeReaction: (_, id: string, emoji: string) => ({ type: 'unreacted', data: { id, emoji } }),
    /**
     * Tells the members that this user has read up to a message, by default the newest. Only ever forward; null when there is
     * nothing new to tell.
     */
    markRead: ({ state, me }, id?: string) => {
      let { messages } = state
      let shown =
        id === undefined ? messages : messages.slice(0, messages.indexOf(existing(messages, id, 'id', 'message')) + 1)
      // Numbers of own messages may still rise while they wait; those of others are final.
      let upTo = shown.findLast(item => item.sender !== me)
      let member = chatMember(state, me)
      if (!upTo || !member || member.read >= upTo.n) return null
      return { type: 'read', data: { upTo: upTo.n } }
    }
  },
  local: host => createChatPaging(host)
})

function requireOwn(state: ChatState, me: string, id: string): void {
  let sender = senderOf(state, id)
  if (sender === undefined)
    throw new RealtimeError('bad-argument', `id: there is no message with the id «${String(id)}»`)
  if (sender !== me) throw new RealtimeError('bad-argument', `id: the message «${id}» is of another user`)
}
