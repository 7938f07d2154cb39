// What the contract of all features needs to know of conversations.

import { chat } from '../../../../src/features/chat.js'
import { conversations } from '../../../../src/features/conversations.js'
import type { FeatureCase } from '../cases.js'

let joined = (by: string) => ({ by, type: 'joined', data: {} })
let said = (by: string, content = 'hello') => ({ by, type: 'message', data: { content } })
let update = {
  conversationId: 'conversation:garden',
  title: 'Garden',
  lastMessage: { id: 'm', content: 'roses', sender: 'bob', timestamp: 5, isDeleted: false },
  timestamp: 5,
  total: 3,
  foreign: 2,
  mention: 1
}

export let cases: readonly FeatureCase[] = [
  {
    feature: chat,
    samples: {
      joined: [{}, { name: 'Ann' }],
      invited: [{ user: 'cyd' }, { user: '__proto__' }],
      left: [{}],
      titled: [{ title: 'Garden' }],
      message: [
        { content: 'roses' },
        { content: 'x'.repeat(4000), mentions: ['ann', 'bob', 'ann'] },
        { content: 'only you', recipientId: 'bob' }
      ],
      edited: [
        { id: '$0', content: 'tulips' },
        { id: '$1', content: 'tulips', mentions: ['bob'] }
      ],
      deleted: [{ id: '$2' }],
      reacted: [
        { id: '$0', emoji: '🌹' },
        { id: '$1', emoji: 'constructor' }
      ],
      unreacted: [{ id: '$1', emoji: '🌹' }],
      read: [{ upTo: 1 }, { upTo: 7 }]
    },
    refusals: [
      { what: 'an empty message', before: [joined('ann')], type: 'message', data: { content: '' }, code: 'invalid' },
      {
        what: 'an oversized message',
        before: [joined('ann')],
        type: 'message',
        data: { content: 'x'.repeat(4001) },
        code: 'invalid'
      },
      {
        what: 'a message that names too many',
        before: [joined('ann')],
        type: 'message',
        data: { content: 'x', mentions: Array.from({ length: 21 }, (_, i) => `u${i}`) },
        code: 'invalid'
      },
      {
        what: 'a message of a stranger',
        before: [joined('bob')],
        type: 'message',
        data: { content: 'x' },
        code: 'not-a-member'
      },
      {
        what: 'a message for one where others read along',
        before: [joined('ann'), joined('bob'), joined('cyd')],
        type: 'message',
        data: { content: 'x', recipientId: 'bob' },
        code: 'not-private'
      },
      {
        what: 'a message to oneself alone',
        before: [joined('ann')],
        type: 'message',
        data: { content: 'x', recipientId: 'ann' },
        code: 'not-private'
      },
      {
        what: 'a third one in a conversation of two',
        before: [{ by: 'bob', type: 'message', data: { content: 'x', recipientId: 'cyd' } }],
        type: 'joined',
        data: {},
        code: 'not-a-member'
      },
      {
        what: 'an invitation into a conversation of two',
        before: [{ by: 'bob', type: 'message', data: { content: 'x', recipientId: 'ann' } }],
        type: 'invited',
        data: { user: 'cyd' },
        code: 'not-private'
      },
      {
        what: 'an invitation by a stranger',
        before: [joined('bob')],
        type: 'invited',
        data: { user: 'cyd' },
        code: 'not-a-member'
      },
      {
        what: 'a title by a stranger',
        before: [joined('bob')],
        type: 'titled',
        data: { title: 'x' },
        code: 'not-a-member'
      },
      {
        what: 'an edit of what another wrote',
        before: [joined('ann'), joined('bob'), said('bob')],
        type: 'edited',
        data: { id: 'app:before-2', content: 'I never said that' },
        code: 'not-yours'
      },
      {
        what: 'an edit of nothing',
        before: [joined('ann')],
        type: 'edited',
        data: { id: 'no', content: 'x' },
        code: 'unknown-message'
      },
      {
        what: 'a deletion of what another wrote',
        before: [joined('ann'), joined('bob'), said('bob')],
        type: 'deleted',
        data: { id: 'app:before-2' },
        code: 'not-yours'
      },
      {
        what: 'an edit of what is deleted',
        before: [joined('ann'), said('ann'), { by: 'ann', type: 'deleted', data: { id: 'app:before-1' } }],
        type: 'edited',
        data: { id: 'app:before-1', content: 'back' },
        code: 'deleted'
      },
      {
        what: 'a reaction of a stranger',
        before: [joined('bob'), said('bob')],
        type: 'reacted',
        data: { id: 'app:before-1', emoji: '🌹' },
        code: 'not-a-member'
      },
      {
        what: 'a reaction to what is not there',
        before: [joined('ann')],
        type: 'reacted',
        data: { id: 'no', emoji: '🌹' },
        code: 'unknown-message'
      },
      {
        what: 'a reaction too many',
        before: [
          joined('ann'),
          said('ann'),
          ...Array.from({ length: 100 }, (_, i) => ({
            by: 'ann',
            type: 'reacted',
            data: { id: 'app:before-1', emoji: `e${i}` }
          }))
        ],
        type: 'reacted',
        data: { id: 'app:before-1', emoji: '🌹' },
        code: 'too-many-reactions'
      },
      {
        what: 'a reaction taken back from what is not there',
        before: [joined('ann')],
        type: 'unreacted',
        data: { id: 'no', emoji: '🌹' },
        code: 'unknown-message'
      },
      {
        what: 'a receipt for what is not yet written',
        before: [joined('ann'), joined('bob'), said('bob')],
        type: 'read',
        data: { upTo: 2 },
        code: 'unknown-message'
      },
      {
        what: 'a receipt of a stranger',
        before: [joined('bob'), said('bob')],
        type: 'read',
        data: { upTo: 1 },
        code: 'not-a-member'
      }
    ],
    commands: {
      joinConversation: { args: ['Ann'], delivery: 'durable' },
      inviteToConversation: { args: ['cyd'], delivery: 'durable' },
      leaveConversation: { args: [], delivery: 'durable' },
      renameConversation: { args: ['Garden'], delivery: 'latest' },
      sendMessage: { args: [{ content: 'roses', recipientId: 'bob', mentions: ['bob'] }], delivery: 'durable' },
      editMessage: {
        args: ['before', 'tulips', ['bob']],
        delivery: 'durable',
        me: 'bob',
        before: { type: 'message', data: { content: 'x' } }
      },
      deleteMessage: {
        args: ['before'],
        delivery: 'durable',
        me: 'bob',
        before: { type: 'message', data: { content: 'x' } }
      },
      addReaction: { args: ['m', '🌹'], delivery: 'durable' },
      removeReaction: { args: ['m', '🌹'], delivery: 'durable' },
      markRead: {
        args: ['before'],
        delivery: 'latest',
        before: { type: 'message', data: { content: 'x', recipientId: 'ann' } }
      }
    },
    ofThePage: ['$messages', '$paging', 'loadOlder']
  },
  {
    feature: conversations,
    samples: {
      conversationUpdate: [
        update,
        { ...update, conversationId: '__proto__', title: null, timestamp: 2, lastMessage: null },
        { ...update, conversationId: '$0', timestamp: 9 }
      ],
      conversationLeft: [{ conversationId: '__proto__' }],
      read: [
        { conversationId: 'conversation:garden', upTo: 2 },
        { conversationId: '$0', upTo: 1 }
      ]
    },
    refusals: [
      { what: 'a last message of a client’s making', type: 'conversationUpdate', data: update, code: 'forbidden' },
      {
        what: 'that a client takes away what the server keeps',
        before: [{ by: 'bob', type: 'conversationUpdate', data: update }],
        type: 'conversationLeft',
        data: { conversationId: update.conversationId },
        code: 'forbidden'
      },
      { what: 'a mark below nothing', type: 'read', data: { conversationId: 'x', upTo: -1 }, code: 'invalid' }
    ],
    commands: {
      markConversationRead: { args: ['conversation:garden', 2], delivery: 'latest' }
    },
    ofThePage: ['enableAlerts', 'setFocused']
  }
]
