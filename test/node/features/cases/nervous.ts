// What the contract of all features needs to know of one nervous system: shared state and tasks.

import { convergence } from '../../../../src/features/convergence.js'
import { limbic } from '../../../../src/features/limbic.js'
import { posture } from '../../../../src/features/posture.js'
import type { FeatureCase } from '../cases.js'

const rest = { from: 'neutral', turn: 0, to: { name: 'resting', settings: { pace: 0.2 } } }

export let cases: readonly FeatureCase[] = [
  {
    feature: limbic,
    samples: {
      patch: [{ fields: { joy: 0.1 } }, { fields: { joy: 0.9, fatigue: 1 } }, { fields: { calm: 0 } }],
      'patch-if': [
        { fields: { joy: 0.3 }, basedOn: { joy: 0 } },
        { fields: { fear: 0.3, anger: 0.4 }, basedOn: { fear: 1 } },
        { fields: { joy: 0.7 }, basedOn: { joy: 2, calm: 1 } }
      ]
    },
    refusals: [
      { what: 'a level out of range', type: 'patch', data: { fields: { joy: 1.01 } }, code: 'invalid' },
      { what: 'a level that is no number', type: 'patch', data: { fields: { joy: '1' } }, code: 'invalid' },
      { what: 'a field that there is not', type: 'patch', data: { fields: { joy: 1, luck: 1 } }, code: 'invalid' },
      { what: 'a field that all objects have', type: 'patch', data: { fields: { constructor: 1 } }, code: 'invalid' },
      {
        what: 'a field by a dangerous name',
        type: 'patch',
        data: JSON.parse('{"fields":{"__proto__":{"joy":1}}}'),
        code: 'invalid'
      },
      { what: 'a patch of nothing', type: 'patch', data: { fields: {} }, code: 'invalid' },
      {
        what: 'a patch based on what is no longer so',
        before: [{ by: 'bob', type: 'patch', data: { fields: { joy: 0.2 } } }],
        type: 'patch-if',
        data: { fields: { joy: 0.9, calm: 0.9 }, basedOn: { joy: 0 } },
        code: 'stale'
      },
      {
        what: 'a patch based on what is not so yet',
        type: 'patch-if',
        data: { fields: { joy: 0.9 }, basedOn: { joy: 1 } },
        code: 'stale'
      },
      {
        what: 'a patch based on a field that there is not',
        type: 'patch-if',
        data: { fields: { joy: 0.9 }, basedOn: { luck: 0 } },
        code: 'invalid'
      }
    ],
    commands: { patch: { args: [{ joy: 0.4 }], delivery: 'latest' } }
  },
  {
    feature: convergence,
    samples: {
      patch: [
        { fields: { progress: 0.4 } },
        { fields: { phase: 'p'.repeat(64), target: 't'.repeat(200), confidence: 1, progress: 1 } }
      ],
      'patch-if': [{ fields: { progress: 0.5 }, basedOn: { progress: 0 } }]
    },
    refusals: [
      { what: 'more than all', type: 'patch', data: { fields: { progress: 2 } }, code: 'invalid' },
      { what: 'an oversized target', type: 'patch', data: { fields: { target: 'x'.repeat(201) } }, code: 'invalid' },
      {
        what: 'a step from where nobody is any more',
        before: [{ by: 'bob', type: 'patch', data: { fields: { progress: 0.2 } } }],
        type: 'patch-if',
        data: { fields: { progress: 0.1 }, basedOn: { progress: 0 } },
        code: 'stale'
      }
    ],
    commands: { patch: { args: [{ progress: 0.4 }, { basedOn: { progress: 0 } }], delivery: 'durable' } }
  },
  {
    feature: posture,
    samples: {
      switched: [
        rest,
        { from: 'resting', turn: 1, to: { name: 'alert', settings: { lights: 'x'.repeat(200), open: true } } },
        { from: 'alert', turn: 2, to: { name: 'neutral', settings: {} } }
      ]
    },
    refusals: [
      {
        what: 'a switch from a posture that was left meanwhile',
        before: [{ by: 'bob', type: 'switched', data: rest }],
        type: 'switched',
        data: { from: 'neutral', turn: 0, to: { name: 'alert', settings: {} } },
        code: 'stale'
      },
      {
        what: 'a switch from a posture that was left and taken again meanwhile',
        before: [
          { by: 'bob', type: 'switched', data: rest },
          { by: 'bob', type: 'switched', data: { from: 'resting', turn: 1, to: { name: 'neutral', settings: {} } } }
        ],
        type: 'switched',
        data: rest,
        code: 'stale'
      },
      {
        what: 'settings of settings',
        type: 'switched',
        data: { ...rest, to: { name: 'x', settings: { deep: { a: 1 } } } },
        code: 'invalid'
      }
    ],
    commands: { switchPosture: { args: ['resting', { pace: 0.2 }], delivery: 'durable' } }
  }
]
