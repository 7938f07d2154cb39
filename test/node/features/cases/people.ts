// What the contract of all features needs to know of those about people: who types, how they are, what wakes their devices.

import { personaStatus } from '../../../../src/features/persona-status.js'
import { push } from '../../../../src/features/push.js'
import { pushWork } from '../../../../src/features/push-work.js'
import { typing } from '../../../../src/features/typing.js'
import type { FeatureCase } from '../cases.js'

export let cases: readonly FeatureCase[] = [
  {
    feature: typing,
    samples: { typing: [{ isTyping: true }, { isTyping: false }] },
    commands: {
      startTyping: { args: [], delivery: 'volatile 3' },
      stopTyping: { args: [], delivery: 'volatile 3' }
    },
    ofThePage: ['messageFrom'],
    refusals: [{ what: 'a typing that says neither', type: 'typing', data: { isTyping: 'yes' }, code: 'invalid' }]
  },
  {
    feature: personaStatus,
    samples: {
      updatePersonaStatus: [
        { personaId: 'ann', status: 'busy' },
        { personaId: 'ann', status: null },
        { personaId: '__proto__', status: 'away' }
      ],
      personaStatusUpdate: [
        { personaId: 'luna', status: 'responding' },
        { personaId: 'constructor', status: 'offline', lastSeen: 5 },
        { personaId: '$0', status: 'online' }
      ]
    },
    commands: { updatePersonaStatus: { args: ['busy'], delivery: 'latest' } },
    refusals: [
      {
        what: 'the status of somebody else',
        before: [{ by: 'bob', type: 'updatePersonaStatus', data: { personaId: 'bob', status: 'busy' } }],
        type: 'updatePersonaStatus',
        data: { personaId: 'bob', status: 'offline' },
        code: 'forbidden'
      },
      {
        what: 'what only the server may tell',
        type: 'personaStatusUpdate',
        data: { personaId: 'ann', status: 'offline', lastSeen: 5 },
        code: 'forbidden'
      },
      {
        what: 'a status that is none',
        type: 'updatePersonaStatus',
        data: { personaId: 'ann', status: 'x' },
        code: 'invalid'
      }
    ]
  },
  {
    feature: push,
    samples: {
      subscribed: [
        { endpoint: 'https://push.example.org/$0', keys: { p256dh: 'p', auth: 'a' } },
        { endpoint: `https://push.example.org/${'x'.repeat(900)}`, keys: { p256dh: 'p'.repeat(200), auth: 'a' } }
      ],
      unsubscribed: [{ endpoint: 'https://push.example.org/$0' }, { endpoint: 'x' }]
    },
    commands: {
      addPushDevice: {
        args: [{ endpoint: 'https://push.example.org/1', keys: { p256dh: 'p', auth: 'a' } }],
        delivery: 'durable'
      },
      removePushDevice: { args: ['https://push.example.org/1'], delivery: 'durable' }
    },
    refusals: [
      ...['http://push.example.org/1', 'https://user@host/1', 'file:///etc/passwd', 'javascript:alert(1)'].map(
        endpoint => ({
          what: `${endpoint} as an endpoint`,
          type: 'subscribed',
          data: { endpoint, keys: { p256dh: 'p', auth: 'a' } },
          code: 'bad-endpoint'
        })
      ),
      {
        what: 'an oversized key',
        type: 'subscribed',
        data: { endpoint: 'https://push.example.org/1', keys: { p256dh: 'p'.repeat(201), auth: 'a' } },
        code: 'invalid'
      }
    ]
  },
  {
    feature: pushWork,
    samples: {
      due: [
        { key: '$0', user: 'ann', payload: { title: 'x'.repeat(100) } },
        { key: 'key', user: 'constructor', payload: null }
      ],
      sent: [
        { key: '$0', endpoint: 'https://push.example.org/1' },
        { key: 'key', endpoint: '$1' }
      ],
      done: [{ key: '$3' }, { key: 'key' }]
    },
    commands: {},
    refusals: [
      { what: 'a notice', type: 'due', data: { key: 'k', user: 'bob', payload: 'spam' }, code: 'forbidden' },
      { what: 'a notice as sent', type: 'sent', data: { key: 'k', endpoint: 'x' }, code: 'forbidden' },
      { what: 'a notice as done', type: 'done', data: { key: 'k' }, code: 'forbidden' }
    ]
  }
]
