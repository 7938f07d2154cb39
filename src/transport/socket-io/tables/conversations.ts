// Conversations on a Socket.IO backend: the names of its events, and the features that they are about. Changes of messages,
// reactions and titles have no names there: such actions are refused, unless an app adds them.

import { fields, list, optional, type SocketIoTable, text, time } from '../table.js'

const KIND = 'conversation'
type Status = { personaId: string; status: string | null }

export const conversationsTable = {
  rooms: [
    {
      kind: KIND,
      join: ({ id }) => ({ event: 'joinConversation', payload: { conversationId: id } }),
      leave: ({ id }) => ({ event: 'leaveConversation', payload: { conversationId: id } }),
      history: answer =>
        optional(fields(answer).messages, list)?.map(payload => ({ event: 'message', payload: fields(payload) })),
      members: answer =>
        optional(fields(answer).members, list)?.map(item => {
          let { userId, username } = fields(item)
          return { user: text(userId), data: { username } }
        })
    },
    { kind: 'user' }
  ],
  up: {
    'chat/message': {
      emit: ({ content, recipientId, mentions }: Message, { id, action }) => ({
        event: 'sendMessage',
        payload: { content, conversationId: id, recipientId, mentions, clientId: action }
      })
    },
    // Whoever enters the room is a member there, and how far somebody has read is not told.
    'chat/joined': { emit: () => undefined },
    'chat/left': { emit: () => undefined },
    'chat/read': { emit: () => undefined },
    'conversations/read': { emit: () => undefined },
    'typing/typing': {
      emit: ({ isTyping }: { isTyping: boolean }, { id }) => ({
        event: isTyping ? 'startTyping' : 'stopTyping',
        payload: { conversationId: id }
      })
    },
    'persona-status/updatePersonaStatus': {
      emit: ({ personaId, status }: Status) => ({
        event: 'updatePersonaStatus',
        payload: { personaId, status: status ?? 'online' }
      }),
      // The last one counts, and the backend tells everybody: nobody waits for an answer.
      ack: 'none',
      echo: false
    }
  },
  down: [
    {
      event: 'message',
      kind: KIND,
      room: ({ conversationId }) => text(conversationId),
      is: 'chat/message',
      data: ({ content, recipientId, mentions }) => ({
        content: text(content),
        ...(recipientId === undefined || recipientId === null ? {} : { recipientId: text(recipientId) }),
        ...(mentions === undefined ? {} : { mentions: list(mentions).map(text) })
      }),
      by: ({ sender }) => text(sender),
      id: ({ id }) => text(id),
      action: ({ clientId }) => optional(clientId, text),
      at: ({ timestamp }) => optional(timestamp, time)
    },
    {
      event: 'typing',
      kind: KIND,
      room: ({ conversationId }) => text(conversationId),
      is: 'typing/typing',
      data: ({ isTyping }) => ({ isTyping: isTyping === true }),
      by: ({ userId }) => text(userId),
      seconds: 3
    },
    {
      event: 'userJoined',
      kind: KIND,
      room: ({ conversationId }) => text(conversationId),
      is: 'chat/joined',
      data: ({ username }) => ({
        ...(typeof username === 'string' && username ? { name: username.slice(0, 100) } : {})
      }),
      by: ({ userId }) => text(userId)
    },
    {
      event: 'userJoined',
      kind: KIND,
      room: ({ conversationId }) => text(conversationId),
      member: 'joined',
      user: ({ userId }) => text(userId),
      data: ({ username }) => ({ username })
    },
    {
      event: 'userLeft',
      kind: KIND,
      room: ({ conversationId }) => text(conversationId),
      member: 'left',
      user: ({ userId }) => text(userId)
    },
    {
      event: 'personaStatusUpdate',
      kind: KIND,
      everywhere: true,
      is: 'persona-status/personaStatusUpdate',
      data: ({ personaId, status, lastSeen }) => ({
        personaId: text(personaId),
        status: text(status),
        ...(lastSeen === undefined || lastSeen === null ? {} : { lastSeen: time(lastSeen) })
      }),
      by: ({ personaId }) => text(personaId)
    },
    {
      event: 'personaStatusUpdate',
      kind: KIND,
      everywhere: true,
      member: 'updated',
      user: ({ personaId }) => text(personaId),
      data: ({ status, lastSeen }) => ({ status, lastSeen })
    },
    {
      event: 'conversationUpdate',
      kind: 'user',
      is: 'conversations/conversationUpdate',
      data: ({ conversationId, title, lastMessage, timestamp, unreadCount }, { notes, user }) => {
        let id = `${KIND}:${text(conversationId)}`
        let at = time(timestamp)
        let last = typeof lastMessage === 'string' ? { content: lastMessage } : fields(lastMessage)
        let sender = optional(last.sender, text) ?? 'app'
        // What the backend does not count is counted here, from the first that is told.
        let [total = 0, foreign = 0] = (notes.get(id) as [number, number] | undefined) ?? []
        let isForeign = sender !== user
        let counts: [number, number] = [total + 1, optional(unreadCount, Number) ?? foreign + (isForeign ? 1 : 0)]
        notes.set(id, counts)
        return {
          conversationId: id,
          title: typeof title === 'string' ? title.slice(0, 100) : null,
          lastMessage:
            last.content === undefined
              ? null
              : {
                  id: optional(last.id, text) ?? `at-${at}`,
                  content: text(last.content).slice(0, 200),
                  sender,
                  timestamp: optional(last.timestamp, time) ?? at,
                  isDeleted: false
                },
          timestamp: at,
          total: counts[0],
          foreign: counts[1],
          mention: 0
        }
      }
    },
    {
      event: 'error',
      problem: ({ code, message }) => ({
        code: optional(code, text) ?? 'error',
        message: optional(message, text) ?? ''
      })
    }
  ]
} satisfies SocketIoTable

interface Message {
  readonly content: string
  readonly recipientId?: string
  readonly mentions?: readonly string[]
}
