// What a page shows of a conversation, from the messages it has and the actions that wait, were refused or are in doubt. Pure.

import type { ParkedRow, Row } from '../core/rows.js'
import { type ChatMember, type ChatState, chat } from '../features/chat.js'
import {
  type ChatChange,
  type ChatContent,
  type ChatMessage,
  changedMessage,
  messageOf
} from '../features/chat-messages.js'

/**
 * What has become of a message. `sent`: everyone has it; `pending`: it waits on this device; `failed`: the server refused it;
 * `unknown`: nobody knows whether it arrived. The last two stay until they are retried or discarded.
 */
export type MessageStatus = 'sent' | 'pending' | 'failed' | 'unknown'

export interface ConversationMessage extends ChatMessage {
  readonly status: MessageStatus
  /** Why it failed; null unless it did. */
  readonly code: string | null
  /** An edit, a deletion or a reaction of this user is on its way. */
  readonly isChanging: boolean
}

/** Something else than a message that did not take effect: an edit, a reaction, a title. */
export interface FailedChange {
  readonly id: string
  readonly type: string
  /** Which message it was about; null when about none. */
  readonly messageId: string | null
  readonly status: 'failed' | 'unknown'
  readonly code: string
}

/** What this device holds back of one conversation. */
export interface Held {
  /** Messages of this page that were painted just now: their rows are not in a store yet. */
  readonly fresh: ReadonlySet<string>
  readonly pending: readonly Row[]
  readonly rejected: readonly ParkedRow[]
  readonly unknown: readonly ParkedRow[]
}

/** The rows of one conversation. */
export function heldOf(room: string, { fresh, pending, rejected, unknown }: Held): Held {
  let isHere = (row: Row): boolean => row.room === room && row.feature === chat.name
  return {
    fresh,
    pending: pending.filter(isHere),
    rejected: rejected.filter(({ row }) => isHere(row)),
    unknown: unknown.filter(({ row }) => isHere(row))
  }
}

/** The messages in order: those that everyone has, then those that wait in the order of sending, then those that failed. */
export function viewMessages(
  shown: readonly ChatMessage[],
  newest: readonly ChatMessage[],
  { fresh, pending, rejected, unknown }: Held,
  me: string
): readonly ConversationMessage[] {
  let waiting = new Map(pending.filter(({ type }) => type === 'message').map(row => [row.id, row]))
  let changes = changesOf(pending)
  let painted = new Set(newest.map(({ id }) => id))
  let here = new Map(shown.map(message => [message.id, message]))
  let sent = shown.filter(({ id }) => !waiting.has(id) && !fresh.has(id))
  let next = (sent.at(-1)?.n ?? 0) + 1

  /** The painted state has the changes that wait; older messages do not come from it. */
  let current = (message: ChatMessage): ChatMessage =>
    painted.has(message.id)
      ? message
      : (changes.get(message.id) ?? []).reduce(
          (before, { change, row }) => changedMessage(before, change, { id: row.id, actor: me, at: row.at }),
          message
        )
  let made = ({ id, data, at }: Row): ChatMessage =>
    here.get(id) ?? messageOf(data as ChatContent, next++, { id, actor: me, at })
  let parked = (items: readonly ParkedRow[], status: MessageStatus): ConversationMessage[] =>
    items
      .filter(({ row }) => row.type === 'message' && !here.has(row.id))
      .map(({ row, code }) => ({ ...made(row), status, code, isChanging: false }))

  return [
    ...sent.map(message =>
      changes.has(message.id)
        ? { ...current(message), status: 'sent' as const, code: null, isChanging: true }
        : plain(message)
    ),
    ...[...waiting.values()].map(row => ({
      ...made(row),
      status: 'pending' as const,
      code: null,
      isChanging: changes.has(row.id)
    })),
    ...shown
      .filter(({ id }) => fresh.has(id) && !waiting.has(id))
      .map(message => ({ ...message, status: 'pending' as const, code: null, isChanging: false })),
    ...parked(rejected, 'failed'),
    ...parked(unknown, 'unknown')
  ]
}

/** A message that everyone has, and to which nothing is happening: the same object for the same message. */
function plain(message: ChatMessage): ConversationMessage {
  let known = views.get(message) ?? { ...message, status: 'sent', code: null, isChanging: false }
  views.set(message, known)
  return known
}
const views = new WeakMap<ChatMessage, ConversationMessage>()

/** What else was refused or is in doubt. */
export function failedChanges({ rejected, unknown }: Held): readonly FailedChange[] {
  let view = ({ kind, row, code }: ParkedRow): FailedChange => ({
    id: row.id,
    type: row.type,
    messageId: (row.data as { id?: string }).id ?? null,
    status: kind === 'rejected' ? 'failed' : 'unknown',
    code
  })
  return [...rejected, ...unknown].filter(({ row }) => row.type !== 'message' && row.type !== 'read').map(view)
}

/** Who else has read a message. */
export function readersOf(
  { members }: Pick<ChatState, 'members'>,
  message: ConversationMessage
): readonly ChatMember[] {
  if (message.status !== 'sent') return []
  return members.filter(({ user, read }) => user !== message.sender && read >= message.n)
}

interface Change {
  readonly change: ChatChange
  readonly row: Row
}

const CHANGES: ReadonlySet<string> = new Set(['edited', 'deleted', 'reacted', 'unreacted'])

/** Waiting changes by the message they are about. */
function changesOf(pending: readonly Row[]): ReadonlyMap<string, readonly Change[]> {
  let changes = new Map<string, Change[]>()
  for (let row of pending) {
    if (!CHANGES.has(row.type)) continue
    let change = { type: row.type, data: row.data } as ChatChange
    let list = changes.get(change.data.id)
    if (list) list.push({ change, row })
    else changes.set(change.data.id, [{ change, row }])
  }
  return changes
}
