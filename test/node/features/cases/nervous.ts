// What the contract of all features needs to know of one nervous system: shared state and tasks.

import { convergence } from '../../../../src/features/convergence.js'
import { limbic } from '../../../../src/features/limbic.js'
import { posture } from '../../../../src/features/posture.js'
import { taskJournal } from '../../../../src/features/task-journal.js'
import { tasks } from '../../../../src/features/tasks.js'
import type { FeatureCase } from '../cases.js'

const started = { kind: 'dream', input: { nights: 3 } }
const aTask = { by: 'ann', type: 'started', data: started }
const ended = { by: 'server', type: 'done', data: { id: 'app:before-0', result: 7 } }
const ofServer = (type: string, data: unknown) => ({
  what: `${type} from a client`,
  before: [aTask],
  type,
  data,
  code: 'forbidden'
})
const step = { id: 'app:before-0', attempt: 1, progress: 0.5, stage: 'deep' }
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
  },
  {
    feature: tasks,
    samples: {
      started: [started, { kind: 'k'.repeat(64), input: 'x'.repeat(7998), priority: 'urgent' }],
      cancelled: [{ id: '$0' }, { id: '$2' }],
      cleared: [{ id: '$1' }],
      running: [
        { id: '$0', attempt: 1, progress: 0, stage: '', partials: 0 },
        { id: '$1', attempt: 2, progress: 0.5, stage: 's'.repeat(64), partials: 1 }
      ],
      interrupted: [{ id: '$1', attempt: 1, code: 'worker-crashed', message: 'm'.repeat(500) }],
      partial: [
        { id: '$0', seq: 1, progress: 0.1, stage: 'light', data: 'x'.repeat(1998) },
        { id: '$1', seq: 2, progress: 0.2, stage: 'deep', data: null }
      ],
      done: [{ id: '$1', result: 'x'.repeat(15_998) }],
      failed: [{ id: '$2', code: 'failed', message: 'no' }],
      progress: [
        { id: '$1', attempt: 1, progress: 0.3, stage: 'light' },
        { id: '$2', attempt: 2, progress: 0.9, stage: 'deep' }
      ]
    },
    refusals: [
      { what: 'an oversized input', type: 'started', data: { kind: 'x', input: 'x'.repeat(8000) }, code: 'invalid' },
      { what: 'a nameless kind', type: 'started', data: { kind: '', input: null }, code: 'invalid' },
      {
        what: 'one task too many',
        before: Array(20).fill(aTask),
        type: 'started',
        data: started,
        code: 'too-many-tasks'
      },
      { what: 'cancelling a task that there is not', type: 'cancelled', data: { id: 'x' }, code: 'unknown-task' },
      {
        what: 'cancelling a task that is over',
        before: [aTask, ended],
        type: 'cancelled',
        data: { id: 'app:before-0' },
        code: 'already-ended'
      },
      { what: 'clearing a task that there is not', type: 'cleared', data: { id: 'x' }, code: 'unknown-task' },
      {
        what: 'clearing a task that is open',
        before: [aTask],
        type: 'cleared',
        data: { id: 'app:before-0' },
        code: 'still-open'
      },
      ofServer('running', { ...step, partials: 0 }),
      ofServer('interrupted', { id: 'app:before-0', attempt: 1, code: 'x', message: '' }),
      ofServer('partial', { id: 'app:before-0', seq: 1, progress: 0.5, stage: '', data: 'forged' }),
      ofServer('done', { id: 'app:before-0', result: 'forged' }),
      ofServer('failed', { id: 'app:before-0', code: 'forged', message: '' }),
      ofServer('progress', step)
    ],
    commands: {
      startTask: { args: ['dream', { nights: 3 }, { priority: 'urgent' }], delivery: 'durable' },
      cancelTask: { args: ['before'], delivery: 'durable', before: { type: 'started', data: started } },
      clearTask: {
        args: ['before'],
        delivery: 'durable',
        before: [
          { type: 'started', data: started },
          { type: 'cancelled', data: { id: 'before' } }
        ]
      }
    }
  },
  {
    feature: taskJournal,
    samples: {
      opened: [{ room: 'user:ann' }, { room: 'user:$0' }],
      closed: [{ room: 'user:ann' }],
      checkpoint: [{ ...step, id: '$0', partials: 2, data: 'x'.repeat(15_998) }],
      forgotten: [{ id: '$1' }]
    },
    refusals: [
      ofServer('opened', { room: 'user:ann' }),
      ofServer('closed', { room: 'user:ann' }),
      ofServer('checkpoint', { ...step, partials: 0, data: 'forged' }),
      ofServer('forgotten', { id: 'x' })
    ].map(({ before: _, ...refusal }) => refusal),
    commands: {}
  }
]
