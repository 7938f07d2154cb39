// A user's conversations in one piece for a page: the list with what is unread, and each conversation with what became of its
// messages. Reading follows the focus of the window. Joins features and rooms; what is shown is decided in conversation-view.

import { atom, batch, computed, type ReadableAtom } from 'nanostores'
import type { Realtime } from '../client.js'
import { watchFocus } from '../devices/focus.js'
import { RealtimeError } from '../errors.js'
import type { Handle, Receipt } from '../feature.js'
import { type ChatDraft, type ChatPaging, type ChatState, chat, chatMember, foreignCount } from '../features/chat.js'
import type { AlertOptions } from '../features/conversation-alerts.js'
import { directConversation, directPair } from '../features/conversation-ids.js'
import { type ConversationItem, conversations, listConversations } from '../features/conversations.js'
import type { Stop } from '../ports.js'
import type { Room } from '../room.js'
import {
  type ConversationMessage,
  type FailedChange,
  failedChanges,
  heldOf,
  viewMessages
} from './conversation-view.js'

export { directConversation, directPair } from '../features/conversation-ids.js'
export type { ConversationItem } from '../features/conversations.js'
export { type ConversationMessage, type FailedChange, type MessageStatus, readersOf } from './conversation-view.js'

type Commands = Omit<Handle<typeof chat>, '$state' | '$messages' | '$paging' | 'markRead'>

/** A conversation that is open on this page. */
export interface Conversation extends Commands {
  readonly id: string
  readonly room: Room
  readonly $status: Room['$status']
  /** Members, title and receipts; its messages are the newest only, see `$messages`. */
  readonly $state: ReadableAtom<ChatState>
  /** All messages that this page has, in order, with what became of them. */
  readonly $messages: ReadableAtom<readonly ConversationMessage[]>
  readonly $paging: ReadableAtom<ChatPaging>
  /** Edits, reactions and the like that were refused or are in doubt. */
  readonly $failed: ReadableAtom<readonly FailedChange[]>
  /** Tries a failed action again, a message or a change. False when it is not there any more. */
  retry(id: string): Promise<boolean>
  /** Forgets it; also a message that waits and surely has not left. False when that cannot be done any more. */
  discard(id: string): Promise<boolean>
  /** Whether it is on the screen; it is from the start. What is hidden is not read. */
  setShown(isShown: boolean): void
  /** Lets go of it; membership stays until `leaveConversation`. */
  close(): void
}

export interface Conversations {
  /** The latest first. */
  readonly $list: ReadableAtom<readonly ConversationItem[]>
  /** Unread messages of all conversations. */
  readonly $unread: ReadableAtom<number>
  /** Opens a conversation; close each one that was opened. */
  open(id: string): Conversation
  /**
   * Sends without opening. With a `recipientId` it goes to the conversation of these two, whichever `conversationId` was named,
   * and so to nobody else.
   */
  sendMessage(draft: ChatDraft & { readonly conversationId?: string | undefined }): Receipt
  /**
   * Turns desktop notifications on, for messages that come while no tab of this device is focused. Needs a client that was made
   * with `devices: browserDevices()`, and the person's permission. Returns what turns them off.
   */
  enableAlerts(options?: AlertOptions): Stop
  close(): void
}

export interface ConversationsOptions {
  /** Tells members how far this user has read; default true. */
  readonly receipts?: boolean
  /** Feeds whether the page is focused; default `watchFocus`. */
  readonly watchFocus?: (feed: (isFocused: boolean) => void) => Stop
}

/**
 * The conversations of a client's user; the server runs `createInbox` of `realtime-stores/handlers/inbox`.
 *
 * ```ts
 * let mine = createConversations(client)
 * let garden = mine.open('conversation:garden')
 * garden.$messages.subscribe(messages => draw(messages))
 * await garden.sendMessage({ content: 'The roses are out' })
 * ```
 */
export function createConversations(client: Realtime, options: ConversationsOptions = {}): Conversations {
  let own = client.room(`user:${client.user}`)
  let list = own.use(conversations)
  let $list = computed(list.$state, listConversations)
  let open = new Set<{ look(): void; close(): void }>()
  let $fresh = atom<ReadonlySet<string>>(new Set())
  let isFocused = false
  let stopFocus = (options.watchFocus ?? watchFocus)(next => {
    isFocused = next
    list.setFocused(next)
    for (let conversation of open) conversation.look()
  })

  /** Sends so that the message is pending from the first moment, not only when the stores of rows say so. */
  function send(handle: Handle<typeof chat>, draft: ChatDraft): Receipt {
    let receipt!: Receipt
    batch(() => {
      receipt = handle.sendMessage(draft)
      $fresh.set(new Set($fresh.get()).add(receipt.id))
    })
    let { id } = receipt
    let settle = (): void => $fresh.set(new Set([...$fresh.get()].filter(other => other !== id)))
    receipt.acked.then(settle, settle)
    return receipt
  }

  function openOne(id: string): Conversation {
    let room = client.room(id)
    let handle = room.use(chat)
    let { $state, $messages, $paging } = handle
    /** With whom it is, where it is with one alone: both are members from the first message on. */
    let other = directPair(id)?.find(user => user !== client.user)
    let $held = computed(
      [$fresh, client.pending, client.rejected, client.unknown],
      (fresh, pending, rejected, unknown) => heldOf(id, { fresh, pending, rejected, unknown })
    )
    let isShown = true
    let isClosed = false

    function read(): void {
      if (isClosed || !isShown || !isFocused) return
      let state = $state.get()
      if (!chatMember(state, client.user)) return
      if (options.receipts !== false) handle.markRead()
      list.markConversationRead(id, foreignCount(state, client.user))
    }

    /** Not from within a store's change: what is read changes stores itself. */
    function look(): void {
      void Promise.resolve()
        .then(read)
        .catch(error => client.emit('error', { error }))
    }

    let stops = [
      $state.subscribe(look),
      // Refused before, and invited since: whoever enters again is asked about anew.
      $list.listen(items => {
        let isListed = items.some(({ conversationId }) => conversationId === id)
        if (isListed && room.$status.get().refused !== null) client.room(id).leave()
      }),
      // A receipt that was refused is of no use to anybody.
      $held.subscribe(({ rejected }) => {
        for (let { row } of rejected) if (row.type === 'read') void client.rejected.discard(row.id)
      })
    ]
    let entry = {
      look,
      close() {
        if (isClosed) return
        isClosed = true
        open.delete(entry)
        for (let stop of stops) stop()
        room.leave()
      }
    }
    open.add(entry)

    let storeOf = (rowId: string) =>
      [client.rejected, client.unknown].find(store => store.get().some(({ row }) => row.id === rowId)) ?? client.pending
    let { markRead: _, ...commands } = handle
    return {
      ...commands,
      id,
      room,
      $messages: computed([$messages, $state, $held], (shown, { messages }, held) =>
        viewMessages(shown, messages, held, client.user)
      ),
      $paging,
      $failed: computed($held, failedChanges),
      sendMessage(draft) {
        let { recipientId = other } = draft
        if (recipientId !== other)
          throw new RealtimeError(
            'bad-argument',
            'recipientId: only the conversation of these two is private; open that one'
          )
        return send(handle, { ...draft, recipientId })
      },
      retry: rowId => storeOf(rowId).retry(rowId),
      discard: rowId => storeOf(rowId).discard(rowId),
      setShown(next) {
        isShown = next
        look()
      },
      close: entry.close
    }
  }

  return {
    $list,
    $unread: computed($list, items => items.reduce((sum, { unread }) => sum + unread, 0)),
    open: openOne,
    sendMessage({ conversationId, ...draft }) {
      let { recipientId } = draft
      let id = recipientId === undefined ? conversationId : directConversation(client.user, recipientId)
      if (id === undefined) throw new RealtimeError('bad-argument', 'conversationId: must be given, or a recipientId')
      let room = client.room(id)
      try {
        return send(room.use(chat), draft)
      } finally {
        // What waits is delivered all the same.
        room.leave()
      }
    },
    enableAlerts: list.enableAlerts,
    close() {
      stopFocus()
      for (let conversation of [...open]) conversation.close()
      own.leave()
    }
  }
}
