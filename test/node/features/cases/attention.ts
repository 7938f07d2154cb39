// What the contract of all features needs to know of notifications, activities and content.

import { activity, MAX_FOLLOWED } from '../../../../src/features/activity.js'
import { agenda } from '../../../../src/features/agenda.js'
import { content, MAX_DELIVERIES, MAX_PREVIEWS } from '../../../../src/features/content.js'
import { contentInbox } from '../../../../src/features/content-inbox.js'
import { MAX_CATEGORIES } from '../../../../src/features/notification-events.js'
import { notifications } from '../../../../src/features/notifications.js'
import type { FeatureCase } from '../cases.js'

let raised = {
  category: 'system',
  priority: 'normal',
  title: 'Hello',
  body: '',
  actions: [{ id: 'yes', title: 'Yes' }],
  data: {},
  until: null
} as const
let preference = { muted: false, desktop: true, limit: { count: 1, seconds: 60 } }
let quiet = { start: 22 * 60, end: 7 * 60, timeZone: 'Europe/Paris', urgentPasses: true }
let told = { friend: 'bob', title: 'Chess', note: '', priority: 'normal', targetable: false } as const
let song = { title: 'A song', body: 'la la', data: { url: '/song' } }
let arrived = { id: 'c1', room: 'ops', delivery: 'd1', ...song }
let before = (type: string, data: unknown) => ({ by: 'server', type, data })
let ofServer = (type: string, data: unknown) => ({ what: `a forged ${type}`, type, data, code: 'forbidden' })

export let cases: readonly FeatureCase[] = [
  {
    feature: notifications,
    samples: {
      'notification:new': [
        raised,
        { ...raised, priority: 'urgent', title: 'x'.repeat(200), body: 'x'.repeat(1000), data: { a: 'x'.repeat(500) } },
        { ...raised, priority: 'low', category: 'memory' },
        { ...raised, until: 1_800_000_000_000 }
      ],
      'notification:update': [
        { id: '$0', until: null },
        { id: '$1', title: 'Other', body: 'words', data: { a: 'b' } },
        { id: '$2', until: 1_900_000_000_000 }
      ],
      'notification:markRead': [{ id: '$0' }, { id: '$2' }],
      'notification:markAllRead': [{ upTo: 1_700_000_010_000 }, { upTo: 0 }],
      'notification:dismiss': [{ id: '$1' }],
      'notification:action': [
        { id: '$0', action: 'yes' },
        { id: '$1', action: 'open' }
      ],
      'notification:preference': [
        { category: 'system', preference },
        { category: '$0', preference: { ...preference, limit: null } },
        { category: 'memory', preference: { ...preference, muted: true } }
      ],
      'notification:quietHours': [{ hours: quiet }, { hours: null }]
    },
    refusals: [
      ofServer('notification:new', raised),
      {
        ...ofServer('notification:update', { id: 'app:before-0', title: 'Send money' }),
        before: [before('notification:new', raised)]
      },
      { what: 'an oversized id', type: 'notification:markRead', data: { id: 'x'.repeat(65) }, code: 'invalid' },
      {
        what: 'an answer to what is not there',
        type: 'notification:action',
        data: { id: 'none', action: 'open' },
        code: 'unknown-notification'
      },
      {
        what: 'an answer that is not offered',
        before: [before('notification:new', raised)],
        type: 'notification:action',
        data: { id: 'app:before-0', action: 'no' },
        code: 'unknown-action'
      },
      {
        what: 'a second answer',
        before: [
          before('notification:new', { ...raised, actions: [...raised.actions, { id: 'no', title: 'No' }] }),
          { by: 'bob', type: 'notification:action', data: { id: 'app:before-0', action: 'no' } }
        ],
        type: 'notification:action',
        data: { id: 'app:before-0', action: 'yes' },
        code: 'already-chosen'
      },
      {
        what: 'a limit of nothing',
        type: 'notification:preference',
        data: { category: 'system', preference: { ...preference, limit: { count: 0, seconds: 60 } } },
        code: 'invalid'
      },
      {
        what: 'a preference of one category too many',
        before: Array.from({ length: MAX_CATEGORIES }, (_, i) =>
          before('notification:preference', { category: `c${i}`, preference })
        ),
        type: 'notification:preference',
        data: { category: 'another', preference },
        code: 'too-many-categories'
      },
      {
        what: 'quiet hours in no place on earth',
        type: 'notification:quietHours',
        data: { hours: { ...quiet, timeZone: 'Europe/Atlantis' } },
        code: 'unknown-time-zone'
      }
    ],
    commands: {
      markRead: { args: ['before'], delivery: 'durable', before: { type: 'notification:new', data: raised } },
      markAllRead: { args: [], delivery: 'durable', before: { type: 'notification:new', data: raised } },
      dismiss: { args: ['before'], delivery: 'durable', before: { type: 'notification:new', data: raised } },
      chooseAction: {
        args: ['before', 'yes'],
        delivery: 'durable',
        before: { type: 'notification:new', data: raised }
      },
      setPreference: { args: ['memory', { muted: true }], delivery: 'latest' },
      setQuietHours: { args: [{ start: '22:00', end: '07:00', timeZone: 'Asia/Tokyo' }], delivery: 'latest' }
    },
    ofThePage: ['enableDesktop', 'onOpened', 'getAll']
  },
  {
    feature: agenda,
    samples: {
      taken: [
        { id: '$0', due: 5 },
        { id: '$1', due: 7 }
      ],
      ended: [{ id: '$0' }]
    },
    refusals: [ofServer('taken', { id: 'a', due: 5 }), ofServer('ended', { id: 'a' })],
    commands: {}
  },
  {
    feature: activity,
    samples: {
      'activity:subscribe': [{ friend: 'bob' }, { friend: '$0', kinds: ['startedPlaying', 'statusChange'] }],
      'activity:unsubscribe': [{ friend: 'bob' }],
      'activity:report': [
        { kind: 'startedPlaying', title: 'Chess', note: '' },
        { kind: 'statusChange', title: 'x'.repeat(120), note: 'x'.repeat(200) }
      ],
      'activity:active': [{ friend: 'bob' }],
      'activity:passed': [{ id: '$0' }],
      'friend:startedPlaying': [told, { ...told, priority: 'high' }],
      'friend:stoppedPlaying': [told],
      'friend:startedListening': [{ ...told, title: '$0', targetable: true }],
      'friend:stoppedListening': [told],
      'friend:statusChange': [{ ...told, title: 'away', note: 'x'.repeat(200) }]
    },
    refusals: [
      ...[
        'friend:startedPlaying',
        'friend:stoppedPlaying',
        'friend:startedListening',
        'friend:stoppedListening',
        'friend:statusChange'
      ].map(type => ofServer(type, told)),
      ofServer('activity:active', { friend: 'bob' }),
      ofServer('activity:passed', { id: 'x' }),
      { what: 'following oneself', type: 'activity:subscribe', data: { friend: 'ann' }, code: 'oneself' },
      {
        what: 'following one too many',
        before: Array.from({ length: MAX_FOLLOWED }, (_, i) => before('activity:subscribe', { friend: `f${i}` })),
        type: 'activity:subscribe',
        data: { friend: 'another' },
        code: 'too-many'
      },
      {
        what: 'the end of a subscription that is none',
        type: 'activity:unsubscribe',
        data: { friend: 'bob' },
        code: 'not-subscribed'
      },
      {
        what: 'an oversized title',
        type: 'activity:report',
        data: { kind: 'startedPlaying', title: 'x'.repeat(121), note: '' },
        code: 'invalid'
      }
    ],
    commands: {
      subscribe: { args: ['bob', ['startedPlaying']], delivery: 'durable' },
      unsubscribe: {
        args: ['eve'],
        delivery: 'durable',
        before: { type: 'activity:subscribe', data: { friend: 'eve' } }
      },
      startedPlaying: { args: ['Chess'], delivery: 'ttl 3600' },
      stoppedPlaying: { args: ['Chess'], delivery: 'ttl 3600' },
      startedListening: { args: ['So What', 'Miles Davis'], delivery: 'ttl 3600' },
      stoppedListening: { args: ['So What'], delivery: 'ttl 3600' },
      changeStatus: { args: ['away'], delivery: 'ttl 3600' }
    }
  },
  {
    feature: content,
    samples: {
      'content:trigger': [
        { recipient: 'ann', ...song },
        { recipient: 'bob', title: 'x'.repeat(200), body: 'x'.repeat(4000), data: { a: 'x'.repeat(500) } }
      ],
      'content:generatePreview': [{ template: 'x'.repeat(4000), data: { a: 'b' } }],
      'content:feedback': [
        { id: '$0', rating: 5, comment: '' },
        { id: '$1', rating: 1, comment: 'x'.repeat(500) }
      ],
      'content:retry': [{ id: '$0' }, { id: '$3' }],
      'content:sent': [{ id: '$0' }, { id: '$1' }, { id: '$2' }],
      'content:delivered': [{ id: '$0' }, { id: '$1' }],
      'content:confirmed': [{ id: '$1' }, { id: '$2' }],
      'content:error': [
        { id: '$0', error: 'down', nextAt: 1_700_000_060_000 },
        { id: '$1', error: 'x'.repeat(200), nextAt: null }
      ],
      'content:preview': [
        { id: '$0', result: song, error: null },
        { id: '$1', result: null, error: 'no such template' }
      ]
    },
    refusals: [
      ...['content:sent', 'content:delivered', 'content:confirmed'].map(type => ({
        ...ofServer(type, { id: 'app:before-0' }),
        before: [before('content:trigger', { recipient: 'ann', ...song })]
      })),
      ofServer('content:error', { id: 'a', error: 'x', nextAt: null }),
      ofServer('content:preview', { id: 'a', result: song, error: null }),
      {
        what: 'one delivery more than can be open',
        before: Array.from({ length: MAX_DELIVERIES }, () => before('content:trigger', { recipient: 'ann', ...song })),
        type: 'content:trigger',
        data: { recipient: 'ann', ...song },
        code: 'too-many-open'
      },
      {
        what: 'one preview more than can be open',
        before: Array.from({ length: MAX_PREVIEWS }, () =>
          before('content:generatePreview', { template: 't', data: {} })
        ),
        type: 'content:generatePreview',
        data: { template: 't', data: {} },
        code: 'too-many-open'
      },
      {
        what: 'an opinion of nothing',
        type: 'content:feedback',
        data: { id: 'none', rating: 5, comment: '' },
        code: 'unknown-delivery'
      },
      {
        what: 'an opinion of what has not arrived',
        before: [before('content:trigger', { recipient: 'ann', ...song })],
        type: 'content:feedback',
        data: { id: 'app:before-0', rating: 5, comment: '' },
        code: 'not-delivered'
      },
      {
        what: 'six stars of five',
        type: 'content:feedback',
        data: { id: 'none', rating: 6, comment: '' },
        code: 'invalid'
      },
      { what: 'a retry of nothing', type: 'content:retry', data: { id: 'none' }, code: 'unknown-delivery' },
      {
        what: 'a retry of what is under way',
        before: [before('content:trigger', { recipient: 'ann', ...song })],
        type: 'content:retry',
        data: { id: 'app:before-0' },
        code: 'not-failed'
      }
    ],
    commands: {
      trigger: { args: ['ann', { title: 'A song' }], delivery: 'durable' },
      generatePreview: { args: ['song'], delivery: 'durable' },
      giveFeedback: {
        args: ['before', 5],
        delivery: 'durable',
        before: { type: 'content:trigger', data: { recipient: 'ann', ...song } }
      },
      retryDelivery: {
        args: ['before'],
        delivery: 'durable',
        before: { type: 'content:trigger', data: { recipient: 'ann', ...song } }
      }
    }
  },
  {
    feature: contentInbox,
    samples: {
      'content:arrived': [
        { ...arrived, id: '$0' },
        { ...arrived, body: 'x'.repeat(4000) }
      ],
      'content:told': [
        { id: '$0', what: 'delivered' },
        { id: 'c1', what: 'feedback' }
      ],
      'content:received': [{ id: '$0' }, { id: 'c1' }],
      'content:confirm': [{ id: '$0' }, { id: 'c1' }],
      'content:feedback': [{ id: 'c1', rating: 3, comment: 'x'.repeat(500) }]
    },
    refusals: [
      ofServer('content:arrived', arrived),
      { ...ofServer('content:told', { id: 'c1', what: 'delivered' }), before: [before('content:arrived', arrived)] },
      ...['content:received', 'content:confirm'].map(type => ({
        what: `${type} of what is not one’s own`,
        type,
        data: { id: 'c2' },
        code: 'unknown-delivery'
      })),
      {
        what: 'an opinion of what is not one’s own',
        type: 'content:feedback',
        data: { id: 'c2', rating: 5, comment: '' },
        code: 'unknown-delivery'
      },
      {
        what: 'half a star',
        type: 'content:feedback',
        data: { id: 'c1', rating: 0.5, comment: '' },
        code: 'invalid'
      }
    ],
    commands: {
      confirm: { args: ['c1'], delivery: 'durable', before: { type: 'content:arrived', data: arrived } },
      giveFeedback: { args: ['c1', 4, 'nice'], delivery: 'durable', before: { type: 'content:arrived', data: arrived } }
    }
  }
]
