// What the contract of all features needs to know of those of operations.

import { analytics } from '../../../../src/features/analytics.js'
import { clients } from '../../../../src/features/clients.js'
import { metrics } from '../../../../src/features/metrics.js'
import { reports } from '../../../../src/features/reports.js'
import { sessions } from '../../../../src/features/sessions.js'
import { system } from '../../../../src/features/system.js'
import type { FeatureCase } from '../cases.js'

const DAY = 86_400_000
const status = {
  ...{ id: 'mail', status: 'connected', doing: null, why: 'answers', pid: 7, run: 'r', memory: 5e7 },
  ...{ responseTime: 0.5, friendCount: 0, attempt: 0, retryAt: null }
}
const fields = [
  { name: 'interval', label: 'Interval', kind: 'number', default: 5, min: 1, max: 60 },
  { name: 'mode', label: 'Mode', kind: 'choice', default: 'quick', choices: ['quick', 'calm'] }
]
const defined = { clients: [{ id: 'mail', name: 'Mail', fields, autostart: false }] }
const isDefined = { by: 'server', type: 'client:defined', data: defined }
const raised = { state: 'raised', threshold: 't', metric: 'cpu', level: 'warning', value: 95, limit: 90 }
const report = {
  ...{ from: 0, to: 5 },
  metrics: [
    { name: 'cpu', label: 'CPU', unit: '%', summary: { resolution: 'minutes', count: 1, min: 1, max: 1, mean: 1 } },
    { name: 'memory', label: 'Memory', unit: 'bytes', summary: null }
  ],
  alerts: [{ metric: 'cpu', level: 'warning', at: 1, clearedAt: null }],
  usage: { since: null, total: 0, byType: {}, activeDay: 0, p50: null, p99: null }
}
const list = {
  ...{ at: 5, total: 1 },
  sessions: [{ sid: 's', user: 'ann', app: 'a', platform: null, since: 1, rooms: 2 }]
}
const rollup = {
  ...{ from: 1, to: 2, byType: { 'chat.sent': 2, other: 1 }, users: [['ann', 2]] },
  ...{ active: { minutes5: 1, hour: 1, day: 1 }, delivery: [1, 2] }
}

export let cases: readonly FeatureCase[] = [
  {
    feature: metrics,
    samples: {
      'metrics:update': [
        { at: 5, value: 1.5 },
        { at: 9, value: -2 }
      ],
      'metrics:rollup': [
        { at: DAY, count: 3, min: 1, max: 9, sum: 12 },
        { at: 3 * DAY + 61_000, count: 1, min: -1, max: -1, sum: -1 }
      ]
    },
    commands: {},
    refusals: [
      { what: 'a made-up sample', type: 'metrics:update', data: { at: 5, value: 100 }, code: 'forbidden' },
      {
        what: 'a made-up history',
        before: [{ by: 'server', type: 'metrics:rollup', data: { at: DAY, count: 1, min: 1, max: 1, sum: 1 } }],
        type: 'metrics:rollup',
        data: { at: DAY, count: 1, min: 0, max: 0, sum: 0 },
        code: 'forbidden'
      }
    ]
  },
  {
    feature: system,
    samples: {
      'system:status': [
        {
          ...{ status: 'running', pid: 7, startedAt: 5, runtime: 'Node' },
          metrics: [{ name: 'cpu', label: 'CPU', unit: '%' }]
        },
        { status: 'stopping', pid: 7, startedAt: 5, runtime: 'Node', metrics: [] }
      ],
      'metrics:alert': [raised, { ...raised, state: 'cleared' }, { ...raised, threshold: 'u', level: 'critical' }],
      'metrics:acknowledge': [{ alert: '$0' }, { alert: '$1' }]
    },
    commands: {
      acknowledgeAlert: { args: ['before'], delivery: 'durable', before: { type: 'metrics:alert', data: raised } }
    },
    refusals: [
      { what: 'a made-up alert', type: 'metrics:alert', data: raised, code: 'forbidden' },
      {
        what: 'an alert taken away by who did not raise it',
        before: [{ by: 'server', type: 'metrics:alert', data: raised }],
        type: 'metrics:alert',
        data: { ...raised, state: 'cleared' },
        code: 'forbidden'
      },
      {
        what: 'another server',
        type: 'system:status',
        data: { status: 'stopping', pid: 1, startedAt: 1, runtime: 'x', metrics: [] },
        code: 'forbidden'
      },
      {
        what: 'the acknowledgement of no alert',
        type: 'metrics:acknowledge',
        data: { alert: 'app:nothing' },
        code: 'unknown-alert'
      },
      {
        what: 'a second acknowledgement',
        before: [
          { by: 'server', type: 'metrics:alert', data: raised },
          { by: 'bob', type: 'metrics:acknowledge', data: { alert: 'app:before-0' } }
        ],
        type: 'metrics:acknowledge',
        data: { alert: 'app:before-0' },
        code: 'already-acknowledged'
      }
    ]
  },
  {
    feature: analytics,
    samples: { 'analytics:rollup': [rollup, { ...rollup, byType: {}, users: [], delivery: [] }] },
    commands: {},
    refusals: [{ what: 'made-up counts', type: 'analytics:rollup', data: rollup, code: 'forbidden' }]
  },
  {
    feature: sessions,
    samples: {
      'sessions:list': [list, { at: 9, total: 0, sessions: [] }],
      'sessions:end': [{ sid: 's' }]
    },
    commands: {
      endSession: { args: ['s'], delivery: 'ttl 30', before: { type: 'sessions:list', data: list } as never }
    },
    refusals: [
      { what: 'a made-up list', type: 'sessions:list', data: list, code: 'forbidden' },
      { what: 'the end of a session without a name', type: 'sessions:end', data: { sid: '' }, code: 'invalid' }
    ]
  },
  {
    feature: reports,
    samples: {
      'report:requested': [{ from: 0, to: DAY }],
      'report:ready': [{ request: '$0', text: 'words', report }]
    },
    commands: { requestReport: { args: [0, DAY], delivery: 'ttl 60' } },
    refusals: [
      { what: 'a made-up report', type: 'report:ready', data: { request: 'x', text: '', report }, code: 'forbidden' },
      { what: 'an empty period', type: 'report:requested', data: { from: 5, to: 5 }, code: 'empty-period' },
      { what: 'a period after all time', type: 'report:requested', data: { from: 5, to: 9e15 }, code: 'invalid' },
      { what: 'a period before all time', type: 'report:requested', data: { from: -5, to: 5 }, code: 'invalid' }
    ]
  },
  {
    feature: clients,
    samples: {
      'client:defined': [defined],
      'client:status': [
        status,
        { ...status, status: 'reconnecting', pid: null, run: null, retryAt: 9, attempt: 1, why: 'crashed' }
      ],
      'client:sample': [{ id: 'mail', memory: 6e7, responseTime: 1 }],
      'client:friendsUpdate': [{ id: 'mail', friends: [{ id: 'f', name: 'Fay' }] }],
      'client:error': [{ id: 'mail', code: 'crashed', message: 'SIGKILL' }],
      'client:start': [{ id: 'mail' }, { id: 'constructor' }],
      'client:stop': [{ id: 'mail' }],
      'client:restart': [{ id: 'mail' }],
      'client:refresh': [{ id: 'mail' }],
      'client:updateSettings': [
        { id: 'mail', settings: { interval: 9 } },
        { id: 'mail', settings: { nothing: 1 } }
      ]
    },
    commands: {
      startClient: { args: ['mail'], delivery: 'ttl 60', before: isDefined as never },
      stopClient: { args: ['mail'], delivery: 'ttl 60', before: isDefined as never },
      restartClient: { args: ['mail'], delivery: 'ttl 60', before: isDefined as never },
      refreshClient: { args: ['mail'], delivery: 'ttl 60', before: isDefined as never },
      updateClientSettings: { args: ['mail', { mode: 'calm' }], delivery: 'durable', before: isDefined as never }
    },
    refusals: [
      { what: 'a made-up client', type: 'client:defined', data: defined, code: 'forbidden' },
      { what: 'a made-up status', before: [isDefined], type: 'client:status', data: status, code: 'forbidden' },
      {
        what: 'a made-up sample',
        before: [isDefined, { by: 'server', type: 'client:status', data: status }],
        type: 'client:sample',
        data: { id: 'mail', memory: 0, responseTime: 0 },
        code: 'forbidden'
      },
      {
        what: 'made-up friends',
        before: [isDefined],
        type: 'client:friendsUpdate',
        data: { id: 'mail', friends: [] },
        code: 'forbidden'
      },
      {
        what: 'a made-up error',
        before: [isDefined],
        type: 'client:error',
        data: { id: 'mail', code: 'x', message: '' },
        code: 'forbidden'
      },
      ...['start', 'stop', 'restart', 'refresh'].map(word => ({
        what: `a ${word} of what nobody defined`,
        before: [isDefined],
        type: `client:${word}`,
        data: { id: 'constructor' },
        code: 'unknown-client'
      })),
      {
        what: 'a start of what runs',
        before: [
          isDefined,
          { by: 'bob', type: 'client:start', data: { id: 'mail' } },
          { by: 'server', type: 'client:status', data: status }
        ],
        type: 'client:start',
        data: { id: 'mail' },
        code: 'already-running'
      },
      {
        what: 'a stop of what does not run',
        before: [isDefined],
        type: 'client:stop',
        data: { id: 'mail' },
        code: 'not-running'
      },
      {
        what: 'a refresh of what does not run',
        before: [isDefined],
        type: 'client:refresh',
        data: { id: 'mail' },
        code: 'not-running'
      },
      {
        what: 'a setting out of range',
        before: [isDefined],
        type: 'client:updateSettings',
        data: { id: 'mail', settings: { interval: 61 } },
        code: 'invalid-settings'
      },
      {
        what: 'a setting that there is not',
        before: [isDefined],
        type: 'client:updateSettings',
        data: { id: 'mail', settings: { command: 'rm' } },
        code: 'invalid-settings'
      },
      {
        what: 'settings of what nobody defined',
        type: 'client:updateSettings',
        data: { id: 'mail', settings: { interval: 2 } },
        code: 'unknown-client'
      }
    ]
  }
]
