// Answers requests for reports in the room of operations.

import { analytics } from '../features/analytics.js'
import { type MetricState, metricRoom, metrics } from '../features/metrics.js'
import { type Period, type Report, reportOf, reports, reportText } from '../features/reports.js'
import { OPERATIONS_ROOM, system } from '../features/system.js'
import type { Report as Tell } from '../ports.js'
import type { Hub } from '../server/hub.js'

export interface ReportsOptions {
  /** It must run the features `reports`, `system`, `analytics` and `metrics`. */
  readonly hub: Hub
  readonly report?: Tell
}

export interface Reports {
  /** What there was in a period. */
  report(period: Period): Promise<{ readonly report: Report; readonly text: string }>
  close(): void
}

/** Starts to answer; also what a crash has kept from being answered. */
export async function createReports({ hub, report: tell = () => {} }: ReportsOptions): Promise<Reports> {
  let operations = hub.room(OPERATIONS_ROOM)

  async function make(period: Period): Promise<{ report: Report; text: string }> {
    let [systemState, analyticsState] = await Promise.all([operations.state(system), operations.state(analytics)])
    let states: Record<string, MetricState> = {}
    for (let { name } of systemState.metrics) states[name] = await hub.room(metricRoom(name)).state(metrics)
    let report = reportOf({ system: systemState, analytics: analyticsState, metrics: states }, period)
    return { report, text: reportText(report) }
  }

  async function answer(request: string, period: Period): Promise<void> {
    try {
      let made = await make(period)
      await operations.push(reports, 'report:ready', { request, ...made }, { by: 'server' })
    } catch (error) {
      tell('error', 'report-failed', { request, error })
    }
  }

  let stop = hub.watch(reports, ({ room, events }) => {
    if (room !== OPERATIONS_ROOM) return
    for (let { type, id, data } of events) if (type === 'report:requested') void answer(id, data as Period)
  })
  for (let { id, from, to, report } of (await operations.state(reports)).reports) {
    if (report === null) void answer(id, { from, to })
  }
  return { report: make, close: stop }
}
