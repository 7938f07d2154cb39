// What there was in a period, in numbers and in words, on demand. Runs in the room `operations`: a member asks, the server's own
// code answers. The report itself is a pure function of the states of the other features.

import { defineFeature, durable, ttl } from '../feature.js'
import { array, integer, nullable, number, object, oneOf, record, string } from '../schema.js'
import { type AnalyticsState, deliveryWithin } from './analytics.js'
import { appended } from './bounded.js'
import type { MetricState } from './metrics.js'
import { type Summary, summaryOf } from './series.js'
import { MAX_ALERTS, MAX_METRICS, type SystemState } from './system.js'

/** Reports kept; the oldest give way. */
export const MAX_REPORTS = 5

/** A period, in milliseconds since 1970. */
export interface Period {
  readonly from: number
  readonly to: number
}

export interface Report extends Period {
  readonly metrics: ReadonlyArray<{
    readonly name: string
    readonly label: string
    readonly unit: string
    /** `null`: nothing was measured. */
    readonly summary: Summary | null
  }>
  /** Alerts that were raised in the period or lasted into it. */
  readonly alerts: ReadonlyArray<{
    readonly metric: string
    readonly level: string
    readonly at: number
    readonly clearedAt: number | null
  }>
  /** Of all time that was counted, not of the period alone. */
  readonly usage: {
    readonly since: number | null
    readonly total: number
    readonly byType: Readonly<Record<string, number>>
    readonly activeDay: number
    /** Milliseconds within which 50 and 99 of 100 events were delivered; `null`: none was, or longer than is told apart. */
    readonly p50: number | null
    readonly p99: number | null
  }
}

export interface ReportsState {
  /** At most 5, newest last; `report` is `null` until the server has answered. */
  readonly reports: ReadonlyArray<
    Period & { readonly id: string; readonly by: string; readonly report: Report | null; readonly text: string }
  >
}

/** Characters of a report's text, at most. */
const MAX_TEXT = 60_000

const id = string({ min: 1, max: 128 })
const time = integer({ min: 0 })
/** What a `Date` can be. */
const day = integer({ min: 0, max: 8.64e15 })
const initial: ReportsState = { reports: [] }

/** Reports. */
export const reports = defineFeature({
  name: 'reports',
  version: 1,
  events: {
    'report:requested': ttl(60, object({ from: day, to: day })),
    'report:ready': durable(
      object({
        request: id,
        text: string({ max: MAX_TEXT }),
        report: object({
          from: time,
          to: time,
          metrics: array(
            object({
              name: string({ max: 64 }),
              label: string({ max: 64 }),
              unit: string({ max: 16 }),
              summary: nullable(
                object({
                  resolution: oneOf('minutes', 'hours', 'days'),
                  count: time,
                  min: number(),
                  max: number(),
                  mean: number()
                })
              )
            }),
            { max: MAX_METRICS }
          ),
          alerts: array(
            object({
              metric: string({ max: 64 }),
              level: string({ max: 16 }),
              at: time,
              clearedAt: nullable(time)
            }),
            { max: MAX_ALERTS }
          ),
          usage: object({
            since: nullable(time),
            total: time,
            byType: record(time),
            activeDay: time,
            p50: nullable(number()),
            p99: nullable(number())
          })
        })
      }),
      { author: 'server', lane: 'bulk' }
    )
  },
  initial,
  reduce: {
    'report:requested': (state, { from, to }, { id, actor }) => ({
      reports: appended(state.reports, { id, by: actor, from, to, report: null, text: '' }, MAX_REPORTS)
    }),
    'report:ready': (state, { request, text, report }) => ({
      reports: state.reports.map(item => (item.id === request ? { ...item, report, text } : item))
    })
  },
  refuse: {
    'report:requested': (_, { from, to }) => (from < to ? null : 'empty-period')
  },
  commands: {
    /** Asks for a report from `from` to `to`, in milliseconds since 1970; its id is the receipt's id. */
    requestReport: (_, from: number, to: number) => ({ type: 'report:requested', data: { from, to } })
  }
})

/** What there was in a period. */
export function reportOf(
  states: {
    readonly system: SystemState
    readonly analytics: AnalyticsState
    readonly metrics: Readonly<Record<string, MetricState>>
  },
  { from, to }: Period
): Report {
  let { system, analytics } = states
  let finite = (ms: number | null): number | null => (ms === Infinity ? null : ms)
  return {
    from,
    to,
    metrics: system.metrics.map(({ name, label, unit }) => {
      let state = Object.hasOwn(states.metrics, name) ? states.metrics[name] : undefined
      return { name, label, unit, summary: state ? summaryOf(state.series, from, to) : null }
    }),
    alerts: system.alerts
      .filter(({ at, clearedAt }) => at <= to && (clearedAt === null || clearedAt >= from))
      .map(({ metric, level, at, clearedAt }) => ({ metric, level, at, clearedAt })),
    usage: {
      since: analytics.since,
      total: analytics.total,
      byType: analytics.byType,
      activeDay: analytics.active.day,
      p50: finite(deliveryWithin(analytics, 0.5)),
      p99: finite(deliveryWithin(analytics, 0.99))
    }
  }
}

/** A report in words, one line for each thing. Times are UTC. */
export function reportText({ from, to, metrics, alerts, usage }: Report): string {
  let when = (at: number) => new Date(at).toISOString().slice(0, 19).replace('T', ' ')
  let lines = [`From ${when(from)} to ${when(to)} UTC`, '', 'Measured (mean, from smallest to largest)']
  for (let { label, unit, summary } of metrics) {
    let values = summary
      ? `${inWords(summary.mean, unit)}, ${inWords(summary.min, unit)} to ${inWords(summary.max, unit)} (${summary.count} samples, by ${summary.resolution})`
      : 'nothing was measured'
    lines.push(`  ${label}: ${values}`)
  }
  lines.push('', `Alerts: ${alerts.length === 0 ? 'none' : alerts.length}`)
  for (let { metric, level, at, clearedAt } of alerts) {
    lines.push(
      `  ${when(at)} ${level}: ${metric}, ${clearedAt === null ? 'still lasting' : `until ${when(clearedAt)}`}`
    )
  }
  lines.push('', `Events since ${usage.since === null ? 'never' : when(usage.since)}: ${usage.total}`)
  for (let [type, count] of Object.entries(usage.byType).sort(([, a], [, b]) => b - a))
    lines.push(`  ${type}: ${count}`)
  lines.push(`Users active in the last day: ${usage.activeDay}`)
  let within = usage.p50 === null ? 'nothing delivered yet' : `half within ${usage.p50} ms`
  lines.push(`Delivery: ${within}${usage.p99 === null ? '' : `, 99 % within ${usage.p99} ms`}`)
  return `${lines.join('\n')}\n`.slice(0, MAX_TEXT)
}

/** A value of a metric as people read it: `12.3 MB`, `4.5 %`. */
export function inWords(value: number, unit: string): string {
  if (!unit.startsWith('bytes')) return `${Number(value.toPrecision(3))}${unit === '' ? '' : ` ${unit}`}`
  let power = Math.abs(value) < 1000 ? 0 : Math.min(3, Math.floor(Math.log10(Math.abs(value)) / 3))
  let scaled = Number((value / 1000 ** power).toPrecision(3))
  return `${scaled} ${['B', 'kB', 'MB', 'GB'][power]}${unit.slice('bytes'.length)}`
}
