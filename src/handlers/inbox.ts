// Keeps every member's list of conversations equal to what the conversations say. It compares what a list should show with what
// it shows and pushes the difference: so nothing depends on having been told of each event, a crash at any point is made good
// when the room comes into memory again, and doing it twice does nothing. Does not know who notifies people, nor how.

import type { ChatMember, ChatMessage, ChatState } from '../features/chat.js'
import { chat, chatMember, foreignCount } from '../features/chat.js'
import { isConversation } from '../features/conversation-ids.js'
import { type ConversationUpdate, conversations, MAX_EXCERPT } from '../features/conversations.js'
import type { Report, Stop } from '../ports.js'
import type { Hub } from '../server/hub.js'

/** A message for one user, as a notifier hears of it. */
export interface InboxMessage {
  /** Whom to tell. */
  readonly user: string
  readonly conversationId: string
  readonly title: string | null
  readonly message: ChatMessage
  /** It names this user. */
  readonly isMention: boolean
  /** The same at every telling: use it as the key of what follows. At most 60 characters. */
  readonly key: string
}

export interface InboxOptions {
  /**
   * Told of each message of others once it is committed: at least once, and again after a crash, with the same `key`. The
   * list waits for it; when it fails, that is reported and the message is not told again.
   */
  readonly onMessage?: (message: InboxMessage) => unknown
  /** The same, of those that name the user. */
  readonly onMention?: (message: InboxMessage) => unknown
  readonly report?: Report
}

/** How long after a failure lists are compared again, in milliseconds. */
const AGAIN = 5000
/** Whoever has a longer name has no room of their own, and so no list: it would be tried for ever. */
const LONGEST_NAME = 256 - 'user:'.length

/**
 * Starts it; returns what stops it. Needs the features `chat` and `conversations` on the hub.
 *
 * ```ts
 * let stop = createInbox(hub, { onMention: ({ user, message, key }) => notify(user, message, key) })
 * ```
 */
export function createInbox(hub: Hub, options: InboxOptions = {}): Stop {
  let { report = () => {} } = options
  /** The newest state of each conversation that is yet to be told; a burst of messages is told as one. */
  let waiting = new Map<string, ChatState>()
  let running = new Set<string>()
  let timers = new Set<Stop>()
  let isStopped = false

  async function run(conversation: string): Promise<void> {
    running.add(conversation)
    for (let state = waiting.get(conversation); state; state = waiting.get(conversation)) {
      waiting.delete(conversation)
      await tellAll(conversation, state).catch(error => failed(conversation, state as ChatState, error))
    }
    running.delete(conversation)
  }

  function failed(conversation: string, state: ChatState, error: unknown): void {
    if (isStopped || (error as { code?: string })?.code === 'closed') return
    report('error', 'inbox-failed', { conversation, error })
    let stop = hub.clock.after(AGAIN, () => {
      timers.delete(stop)
      if (!waiting.has(conversation)) look(conversation, state)
    })
    timers.add(stop)
  }

  function look(conversation: string, state: ChatState): void {
    waiting.set(conversation, state)
    if (!running.has(conversation) && !isStopped) void run(conversation)
  }

  async function tellAll(conversation: string, state: ChatState): Promise<void> {
    let told = await Promise.allSettled([
      ...state.members.filter(({ user }) => hasList(user)).map(member => tell(conversation, state, member)),
      ...state.gone.filter(hasList).map(user => takeAway(conversation, user))
    ])
    for (let result of told) if (result.status === 'rejected') throw result.reason
  }

  async function tell(conversation: string, state: ChatState, member: ChatMember): Promise<void> {
    let { user } = member
    let shown = (await listOf(user)).find(item => item.conversationId === conversation)
    let due = updateFor(conversation, state, member, shown)
    if (shown && isEqual(shown, due)) return
    // Before the list says so: a crash in between tells it again, never not at all.
    for (let message of freshFor(state, member, shown)) await hand(conversation, state, user, message)
    await hub
      .room(`user:${user}`)
      .push(conversations, 'conversationUpdate', due, { by: due.lastMessage?.sender ?? user })
  }

  async function takeAway(conversation: string, user: string): Promise<void> {
    if (!(await listOf(user)).some(item => item.conversationId === conversation)) return
    let data = { conversationId: conversation }
    await hub.room(`user:${user}`).push(conversations, 'conversationLeft', data, { by: user })
  }

  async function hand(conversationId: string, { title }: ChatState, user: string, message: ChatMessage): Promise<void> {
    let isMention = message.mentions.includes(user)
    let told: InboxMessage = {
      user,
      conversationId,
      title,
      message,
      isMention,
      key: `message:${message.id}`.slice(0, 60)
    }
    try {
      await options.onMessage?.(told)
      if (isMention) await options.onMention?.(told)
    } catch (error) {
      report('error', 'notifier-failed', { conversation: conversationId, user, error })
    }
  }

  async function listOf(user: string): Promise<readonly ConversationUpdate[]> {
    return (await hub.room(`user:${user}`).state(conversations)).conversations
  }

  /** Somebody has opened it: who came in while it was nobody's hears no more, unless the policy says otherwise. */
  function turnOut(conversation: string, state: ChatState): void {
    let room = hub.room(conversation)
    for (let user of new Set(Object.values(room.members()).map(({ user }) => user))) {
      if (!chatMember(state, user)) room.rejoin(user)
    }
  }

  let stop = hub.watch(chat, ({ room, state, events }) => {
    if (!isConversation(room)) return
    look(room, state)
    // Who is no member any more hears no more, unless the policy says otherwise.
    for (let { type, by } of events) if (type === 'left') hub.room(room).rejoin(by)
    if (events.some(({ type, at }) => type === 'joined' && at === state.members[0]?.since)) turnOut(room, state)
  })
  return () => {
    isStopped = true
    stop()
    for (let stop of timers) stop()
    timers.clear()
    waiting.clear()
  }
}

function hasList(user: string): boolean {
  return user.length <= LONGEST_NAME
}

/** What a member's list should show of a conversation, given what it shows. */
export function updateFor(
  conversationId: string,
  state: ChatState,
  member: ChatMember,
  shown?: ConversationUpdate
): ConversationUpdate {
  let last = state.messages.at(-1)
  let foreign = foreignCount(state, member.user)
  let since = state.messages.findLastIndex(
    ({ sender, mentions }) => sender !== member.user && mentions.includes(member.user)
  )
  let after = state.messages.slice(since + 1).filter(({ sender }) => sender !== member.user).length
  return {
    conversationId,
    title: state.title,
    lastMessage: last
      ? {
          id: last.id,
          content: last.content.slice(0, MAX_EXCERPT),
          sender: last.sender,
          timestamp: last.timestamp,
          isDeleted: last.isDeleted
        }
      : null,
    timestamp: last ? Math.max(last.timestamp, member.since) : member.since,
    total: state.total,
    foreign,
    // Those before this member came do not count.
    mention: since < 0 ? (shown?.mention ?? 0) : Math.max(0, foreign - after)
  }
}

/** Messages of others that a member's list does not show yet, oldest first; of those the state still has. */
export function freshFor(
  state: ChatState,
  { user, since }: ChatMember,
  shown?: ConversationUpdate
): readonly ChatMessage[] {
  return state.messages.filter(
    ({ n, sender, timestamp, isDeleted }) =>
      sender !== user && !isDeleted && (shown ? n > shown.total : timestamp >= since)
  )
}

function isEqual(one: ConversationUpdate, other: ConversationUpdate): boolean {
  return JSON.stringify(one) === JSON.stringify(other)
}
