// What the contract of all features needs to know of those about people: who types, how they are, what wakes their devices.

import { personaStatus } from '../../../../src/features/persona-status.js'
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
  }
]
