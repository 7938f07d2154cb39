// How a server is: what it is, what it measures, and what there is to worry about. Runs in the room `operations`. Does not know
// the values that are measured: each metric has a room of its own, see metrics.

import { RealtimeError } from '../errors.js'
import { defineFeature, durable } from '../feature.js'
import { array, integer, number, object, oneOf, string } from '../schema.js'
import { appended } from './bounded.js'
import type { AlertLevel } from './thresholds.js'

/** The room of operations, for admins. */
export const OPERATIONS_ROOM = 'operations'
/** Alerts kept; the oldest give way. */
export const MAX_ALERTS = 200
/** Metrics that a server may have. */
export const MAX_METRICS = 100

/** What a metric is. */
export interface MetricInfo {
  /** 1 to 64 characters; its room is `metrics:<name>`. */
  readonly name: string
  readonly label: string
  /** `%`, `bytes`, `ms`, … */
  readonly unit: string
}

/** Something to worry about. */
export interface Alert {
  readonly id: string
  /** The threshold's id. */
  readonly threshold: string
  readonly metric: string
  readonly level: AlertLevel
  /** What the metric was when the alert was raised. */
  readonly value: number
  /** What it must not pass. */
  readonly limit: number
  readonly at: number
  /** `null` while it lasts. */
  readonly clearedAt: number | null
  /** What the metric was then. */
  readonly clearedValue: number | null
  /** The user who has seen to it, and when. */
  readonly acknowledged: { readonly by: string; readonly at: number } | null
}

export interface SystemState {
  /** `unknown`: no server has said anything yet. `stopping`: it was stopped as it should. */
  readonly status: 'unknown' | 'running' | 'stopping'
  readonly pid: number | null
  /** Milliseconds since 1970. */
  readonly startedAt: number | null
  /** Such as `Node v24.1.0, linux`. */
  readonly runtime: string
  /** At most 100. */
  readonly metrics: readonly MetricInfo[]
  /** At most 200, newest last; at most one that lasts for each threshold. */
  readonly alerts: readonly Alert[]
}

const id = string({ min: 1, max: 128 })
const name = string({ min: 1, max: 64 })
const initial: SystemState = { status: 'unknown', pid: null, startedAt: null, runtime: '', metrics: [], alerts: [] }

/**
 * A server and its alerts. Only the server raises and clears them; a member acknowledges, if the app's policy allows it.
 *
 * ```ts
 * let { $state, acknowledgeAlert } = client.room(OPERATIONS_ROOM).use(system)
 * for (let alert of openAlerts($state.get())) await acknowledgeAlert(alert.id)
 * ```
 */
export const system = defineFeature({
  name: 'system',
  version: 1,
  events: {
    'system:status': durable(
      object({
        status: oneOf('running', 'stopping'),
        pid: integer({ min: 0 }),
        startedAt: integer({ min: 0 }),
        runtime: string({ max: 100 }),
        metrics: array(object({ name, label: name, unit: string({ max: 16 }) }), { max: MAX_METRICS })
      }),
      { author: 'server', lane: 'high' }
    ),
    'metrics:alert': durable(
      object({
        state: oneOf('raised', 'cleared'),
        threshold: name,
        metric: name,
        level: oneOf('warning', 'critical'),
        value: number(),
        limit: number()
      }),
      { author: 'server', lane: 'critical' }
    ),
    'metrics:acknowledge': durable(object({ alert: id }), { lane: 'high' })
  },
  initial,
  reduce: {
    'system:status': (state, { status, pid, startedAt, runtime, metrics }) => ({
      ...state,
      status,
      pid,
      startedAt,
      runtime,
      metrics
    }),
    'metrics:alert': (state, { state: said, threshold, metric, level, value, limit }, { id, at }) => {
      let open = state.alerts.find(alert => alert.threshold === threshold && alert.clearedAt === null)
      if (said === 'raised') {
        if (open) return state
        let alert: Alert = {
          ...{ id, threshold, metric, level, value, limit, at },
          ...{ clearedAt: null, clearedValue: null, acknowledged: null }
        }
        return { ...state, alerts: appended(state.alerts, alert, MAX_ALERTS) }
      }
      if (!open) return state
      let cleared: Alert = { ...open, clearedAt: at, clearedValue: value }
      return { ...state, alerts: state.alerts.map(alert => (alert === open ? cleared : alert)) }
    },
    'metrics:acknowledge': (state, { alert: id }, { actor, at }) => ({
      ...state,
      alerts: state.alerts.map(alert =>
        alert.id === id && !alert.acknowledged ? { ...alert, acknowledged: { by: actor, at } } : alert
      )
    })
  },
  refuse: {
    'metrics:acknowledge': ({ alerts }, { alert: id }) => {
      let alert = alerts.find(alert => alert.id === id)
      if (!alert) return 'unknown-alert'
      return alert.acknowledged ? 'already-acknowledged' : null
    }
  },
  commands: {
    /** Says that one sees to an alert. Throws when there is none of this id; `null` when somebody has said so already. */
    acknowledgeAlert: ({ state }, id: string) => {
      let alert = state.alerts.find(alert => alert.id === id)
      if (!alert) throw new RealtimeError('bad-argument', `id: there is no alert with the id «${String(id)}»`)
      return alert.acknowledged ? null : { type: 'metrics:acknowledge', data: { alert: id } }
    }
  }
})

/** The alerts that last. */
export function openAlerts({ alerts }: SystemState): readonly Alert[] {
  return alerts.filter(({ clearedAt }) => clearedAt === null)
}

/** How a server is, by its worst alert that lasts. */
export function healthOf(state: SystemState): 'unknown' | 'ok' | 'warning' | 'critical' | 'stopping' {
  if (state.status !== 'running') return state.status
  let levels = new Set(openAlerts(state).map(({ level }) => level))
  return levels.has('critical') ? 'critical' : levels.has('warning') ? 'warning' : 'ok'
}
