// The tables that are shipped: every name of the catalogue is in them, and what they make of payloads is what the features take.

import { describe, expect, test } from 'vitest'
import { type AnyFeature, type EventMap, validateDraft } from '../../../src/feature.js'
import { activity } from '../../../src/features/activity.js'
import { chat } from '../../../src/features/chat.js'
import { clients } from '../../../src/features/clients.js'
import { content } from '../../../src/features/content.js'
import { contentInbox } from '../../../src/features/content-inbox.js'
import { conversations } from '../../../src/features/conversations.js'
import { metrics } from '../../../src/features/metrics.js'
import { notifications } from '../../../src/features/notifications.js'
import { personaStatus } from '../../../src/features/persona-status.js'
import { system } from '../../../src/features/system.js'
import { typing } from '../../../src/features/typing.js'
import { votes } from '../../../src/features/votes.js'
import { readAnswer } from '../../../src/transport/socket-io/answer.js'
import { joinTables, splitRoom } from '../../../src/transport/socket-io/table.js'
import {
  conversationsTable,
  decidingTable,
  type EventEntry,
  operationsTable,
  type UpEntry
} from '../../../src/transport/socket-io.js'

let features = new Map(
  [
    activity,
    chat,
    clients,
    content,
    contentInbox,
    conversations,
    metrics,
    notifications,
    personaStatus,
    system,
    typing,
    votes
  ].map(feature => [feature.name as string, feature as unknown as AnyFeature])
)
let table = joinTables([conversationsTable, decidingTable, operationsTable], '/realtime')
let at = '2026-01-02T03:04:05.000Z'
let ms = Date.parse(at)

function drafts(namespace: string, event: string, payload: Record<string, unknown>) {
  let entries = table.down.get(namespace)?.get(event) ?? []
  let about = { room: 'r', id: 'r', user: 'me', notes: new Map<string, unknown>() }
  return entries
    .filter((entry): entry is EventEntry => 'is' in entry)
    .flatMap(entry => {
      let data = entry.data(payload, about)
      return data === undefined ? [] : [{ is: entry.is, by: entry.by?.(payload, about), data }]
    })
}

let progress = { totalVotes: 1, requiredVotes: 2, percentage: 50 }
let told: [namespace: string, event: string, payload: Record<string, unknown>, what: string[]][] = [
  [
    '/realtime',
    'message',
    { id: 'm', content: 'hi', sender: 'bob', timestamp: at, conversationId: '1' },
    ['chat/message']
  ],
  ['/realtime', 'userJoined', { userId: 'bob', username: 'Bob', conversationId: '1' }, ['chat/joined']],
  ['/realtime', 'userLeft', { userId: 'bob', username: 'Bob', conversationId: '1' }, []],
  ['/realtime', 'typing', { userId: 'bob', username: 'Bob', conversationId: '1', isTyping: true }, ['typing/typing']],
  [
    '/realtime',
    'personaStatusUpdate',
    { personaId: 'luna', status: 'busy', lastSeen: at },
    ['persona-status/personaStatusUpdate']
  ],
  [
    '/realtime',
    'conversationUpdate',
    { conversationId: '1', lastMessage: 'hi', timestamp: at },
    ['conversations/conversationUpdate']
  ],
  [
    '/realtime',
    'conversationUpdate',
    { conversationId: '1', lastMessage: { id: 'm', content: 'hi', sender: 'bob', timestamp: ms }, timestamp: ms },
    ['conversations/conversationUpdate']
  ],
  ['/realtime', 'error', { message: 'no' }, []],
  [
    '/realtime',
    'voteUpdate',
    { userId: 'bob', mediaId: 'alien', voteType: 'like', progress },
    ['votes/joined', 'votes/proposed', 'votes/ruled', 'votes/cast']
  ],
  [
    '/realtime',
    'matchFound',
    { mediaId: 'alien', mediaTitle: 'Alien', participants: ['me', 'bob'], matchType: 'unanimous' },
    ['votes/matched']
  ],
  [
    '/realtime',
    'roomStateChanged',
    { status: 'voting', currentMediaId: 'alien', queueLength: 3, activeMembers: 2 },
    ['votes/proposed']
  ],
  ['/realtime', 'roomStateChanged', { status: 'idle', currentMediaId: null, queueLength: 0, activeMembers: 2 }, []],
  ['/realtime', 'memberStatusChanged', { userId: 'bob', status: 'active', lastActivity: at }, ['votes/joined']],
  ['/realtime', 'memberStatusChanged', { userId: 'bob', status: 'left', lastActivity: at }, ['votes/left']],
  [
    '/clients',
    'client:status',
    { clientId: 'a', status: 'connected', memory: 1, responseTime: 2, friendCount: 3 },
    ['clients/client:defined', 'clients/client:status']
  ],
  [
    '/clients',
    'client:friendsUpdate',
    { clientId: 'a', friends: [{ id: 'x', name: 'X' }] },
    ['clients/client:friendsUpdate']
  ],
  ['/clients', 'client:error', { clientId: 'a', error: 'broke' }, ['clients/client:error']],
  ['/activity', 'friend:startedPlaying', { friendId: 'bob', game: 'Go' }, ['activity/friend:startedPlaying']],
  ['/activity', 'friend:stoppedPlaying', { friendId: 'bob', game: 'Go' }, ['activity/friend:stoppedPlaying']],
  [
    '/activity',
    'friend:startedListening',
    { friendId: 'bob', track: 'So What', artist: 'Miles Davis' },
    ['activity/friend:startedListening']
  ],
  ['/activity', 'friend:stoppedListening', { friendId: 'bob', track: 'x' }, ['activity/friend:stoppedListening']],
  ['/activity', 'friend:statusChange', { friendId: 'bob', status: 'away' }, ['activity/friend:statusChange']],
  ['/content', 'content:delivered', { id: 'c' }, ['content/content:delivered']],
  [
    '/content',
    'content:delivered',
    { id: 'c', title: 'Song', body: 'la' },
    ['content/content:delivered', 'content-inbox/content:arrived']
  ],
  ['/content', 'content:error', { id: 'c', error: 'no way' }, ['content/content:error']],
  ['/content', 'content:preview', { id: 'c', title: 'Song', body: 'la' }, ['content/content:preview']],
  ['/content', 'content:preview', { id: 'c', error: 'no template' }, ['content/content:preview']],
  ['/system', 'metrics:update', { metric: 'cpu', value: 0.5, timestamp: at }, ['metrics/metrics:update']],
  [
    '/system',
    'metrics:alert',
    { metric: 'cpu', level: 'critical', value: 0.9, limit: 0.8, state: 'raised' },
    ['system/metrics:alert']
  ],
  ['/system', 'system:status', { status: 'healthy', pid: 1, startedAt: ms }, ['system/system:status']],
  [
    '/notifications',
    'notification:new',
    { id: 'n', type: 'memory', title: 'T', message: 'M' },
    ['notifications/notification:new']
  ],
  [
    '/notifications',
    'notification:update',
    { id: 'n', read: true },
    ['notifications/notification:update', 'notifications/notification:markRead']
  ]
]

describe('what comes in', () => {
  test.each(told)('%s %s %j', (namespace, event, payload, what) => {
    let made = drafts(namespace, event, payload)
    expect(made.map(({ is }) => is)).toEqual(what)
    for (let { is, data } of made) {
      let [name = '', type = ''] = is.split('/')
      let feature = features.get(name) as AnyFeature
      validateDraft(feature, type, data)
      let { delivery } = (feature.events as EventMap)[type] as EventMap[string]
      let entry = table.down
        .get(namespace)
        ?.get(event)
        ?.find(item => 'is' in item && item.is === is) as EventEntry
      expect(entry.seconds !== undefined).toBe(delivery.kind === 'volatile')
    }
  })

  test('nothing that is no payload at all comes through', () => {
    for (let [namespace, events] of table.down) {
      for (let event of events.keys()) {
        for (let { is, data } of harmless(() => drafts(namespace, event, {}))) {
          let [name = '', type = ''] = is.split('/')
          validateDraft(features.get(name) as AnyFeature, type, data)
        }
      }
    }
  })

  test('a client that is heard of again is not defined again', () => {
    let about = { room: 'clients', id: '', user: 'me', notes: new Map<string, unknown>() }
    let [defined] = (table.down.get('/clients')?.get('client:status') ?? []) as EventEntry[]
    expect(defined?.data({ clientId: 'a' }, about)).toMatchObject({ clients: [{ id: 'a' }] })
    expect(defined?.data({ clientId: 'a' }, about)).toBeUndefined()
    expect(defined?.data({ clientId: 'b' }, about)).toMatchObject({ clients: [{ id: 'a' }, { id: 'b' }] })
  })
})

function harmless<T>(run: () => T[]): T[] {
  try {
    return run()
  } catch {
    return []
  }
}

describe('what goes out', () => {
  let about = { room: 'conversation:1', id: '1', user: 'me', action: 'act' }
  let emitted = (is: string, data: unknown) => (table.up.get(is) as UpEntry).emit(data as never, about)
  test.each<[string, unknown, string, unknown]>([
    ['chat/message', { content: 'hi' }, 'sendMessage', { content: 'hi', conversationId: '1', clientId: 'act' }],
    ['typing/typing', { isTyping: true }, 'startTyping', { conversationId: '1' }],
    ['typing/typing', { isTyping: false }, 'stopTyping', { conversationId: '1' }],
    [
      'persona-status/updatePersonaStatus',
      { personaId: 'me', status: 'busy' },
      'updatePersonaStatus',
      { personaId: 'me', status: 'busy' }
    ],
    ['votes/cast', { mediaId: 'alien', voteType: 'like' }, 'vote', { roomId: '1', mediaId: 'alien', voteType: 'like' }],
    ['clients/client:start', { id: 'a' }, 'client:start', { clientId: 'a', clientActionId: 'act' }],
    ['clients/client:updateSettings', { id: 'a', settings: { x: 1 } }, 'client:updateSettings', { settings: { x: 1 } }],
    ['activity/activity:subscribe', { friend: 'bob' }, 'activity:subscribe', { friendId: 'bob' }],
    ['content/content:trigger', { recipient: 'bob', title: 'T' }, 'content:trigger', { id: 'act', recipient: 'bob' }],
    ['content-inbox/content:feedback', { id: 'c', rating: 5 }, 'content:feedback', { id: 'c', rating: 5 }],
    ['notifications/notification:dismiss', { id: 'n' }, 'notification:dismiss', { id: 'n' }]
  ])('%s %j', (is, data, event, payload) => {
    expect(emitted(is, data)).toMatchObject({ event, payload })
  })

  test('every action that is named exists, and is the word of members', () => {
    for (let is of table.up.keys()) {
      let [name = '', type = ''] = is.split('/')
      expect((features.get(name)?.events as EventMap | undefined)?.[type]?.author, is).toBe('member')
    }
  })
})

test('every name of the catalogue is spoken or understood', () => {
  let heard = [...table.down.values()].flatMap(events => [...events.keys()])
  let about = { room: 'metrics:cpu', id: 'cpu', user: 'me', action: 'act' }
  let spoken = [...table.rooms.values()]
    .flat()
    .flatMap(entry => [entry.join?.(about).event, entry.leave?.(about).event])
  let said = [...table.up.values()].flatMap(entry =>
    [true, false].map(isTyping => harmless(() => [entry.emit({ isTyping } as never, about)?.event])[0])
  )
  let session = [table.session?.login('t').event, table.session?.logout?.event]
  let names =
    `joinConversation leaveConversation sendMessage startTyping stopTyping updatePersonaStatus message userJoined
    userLeft typing personaStatusUpdate conversationUpdate error joinRoom leaveRoom voteUpdate matchFound roomStateChanged
    memberStatusChanged authenticate logout client:status client:friendsUpdate client:error client:start client:stop
    client:restart client:refresh client:updateSettings friend:startedPlaying friend:stoppedPlaying friend:startedListening
    friend:stoppedListening friend:statusChange activity:subscribe activity:unsubscribe content:delivered content:error
    content:preview content:trigger content:generatePreview content:feedback metrics:update metrics:alert system:status
    metrics:subscribe metrics:unsubscribe notification:new notification:update notification:markRead notification:dismiss
    notification:getAll`.split(/\s+/)
  expect(names.filter(name => ![...heard, ...spoken, ...said, ...session].includes(name))).toEqual([])
})

test.each([
  ['conversation:42', { kind: 'conversation', id: '42' }],
  ['conversation:direct:a:b', { kind: 'conversation', id: 'direct:a:b' }],
  ['clients', { kind: 'clients', id: '' }],
  ['metrics:cpu', { kind: 'metrics', id: 'cpu' }],
  ['friday', { kind: '*', id: 'friday' }],
  ['film:night', { kind: '*', id: 'film:night' }]
])('the room %s', (room, where) => {
  expect(splitRoom(room, table.rooms)).toEqual(where)
})

test.each<[unknown[], unknown]>([
  [[], { ok: true }],
  [[undefined], { ok: true }],
  [['ok'], { ok: true }],
  [[{ ok: true, id: 7 }], { ok: true, id: '7' }],
  [[{ success: true, data: { id: 'm' } }], { ok: true, id: 'm' }],
  [[null, { id: 'm', timestamp: at }], { ok: true, id: 'm', at: ms }],
  [[{ error: 'forbidden' }], { ok: false, code: 'forbidden' }],
  [[{ error: 'Not for you.' }], { ok: false, code: 'refused', message: 'Not for you.' }],
  [[{ error: null, id: 'm' }], { ok: true, id: 'm' }],
  [[{ ok: false, code: 'full' }], { ok: false, code: 'full' }],
  [[{ success: false, message: 'Too many here.' }], { ok: false, code: 'refused', message: 'Too many here.' }],
  [
    [{ status: 'error', error: { code: 'x', message: 'Y.' }, retryAfter: 5 }],
    { ok: false, code: 'x', message: 'Y.', after: 5 }
  ],
  [['went-wrong', null], { ok: false, code: 'went-wrong' }],
  [[new Error('broken')], { ok: false, code: 'broken' }]
])('the acknowledgement %j', (args, answer) => {
  expect(readAnswer(args)).toEqual(answer)
})
