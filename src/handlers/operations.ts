// All of operations in one call, and the policy that keeps them for admins. Nothing else is decided here.

import type { AnyFeature } from '../feature.js'
import { analytics } from '../features/analytics.js'
import { clients } from '../features/clients.js'
import { metrics } from '../features/metrics.js'
import { reports } from '../features/reports.js'
import { sessions } from '../features/sessions.js'
import { OPERATIONS_ROOM, system } from '../features/system.js'
import { defaultPolicy, type Policy, type PolicyRequest } from '../server/policy.js'
import { createAnalytics } from './analytics.js'
import { createMetrics, type MetricsOptions } from './metrics.js'
import { type ClientDefinition, createProcesses, type ProcessTimes } from './processes.js'
import { createReports, type Reports } from './reports.js'
import { createSessions } from './sessions.js'

/** What a server must run for operations. */
export const operationsFeatures: readonly AnyFeature[] = [system, metrics, analytics, sessions, reports, clients]

export interface OperationsOptions extends MetricsOptions {
  /** The app's own features, whose use is counted. */
  readonly features: readonly AnyFeature[]
  /** Processes to run; default: none. */
  readonly clients?: readonly ClientDefinition[]
  readonly times?: Partial<ProcessTimes>
}

export interface Operations extends Pick<Reports, 'report'> {
  /** Stores what is not stored yet and ends all processes. Call it before the server is closed. */
  close(): Promise<void>
}

/** Starts to measure, to count, to list, to answer and to run. */
export async function createOperations(options: OperationsOptions): Promise<Operations> {
  let { hub, features, clients: defined = [], times = {}, rollup, report } = options
  let telling = report ? { report } : {}
  let counting = await createAnalytics({ hub, features, ...(rollup ? { every: rollup } : {}), ...telling })
  let measuring = await createMetrics({ ...options, custom: [...counting.sources, ...(options.custom ?? [])] })
  let listing = createSessions({ hub })
  let reporting = await createReports({ hub, ...telling })
  let running = await createProcesses({ hub, clients: defined, times, ...telling })
  return {
    report: reporting.report,
    async close() {
      listing.close()
      reporting.close()
      await Promise.all([running.close(), counting.close(), measuring.close()])
    }
  }
}

/**
 * Keeps operations for admins: the room `operations` and all rooms of metrics, and every word said to clients. Who is an admin is
 * read from the claims that `authenticate` gave, never from what a client says; everything else is for `otherwise` to decide.
 *
 * ```ts
 * let policy = operationsPolicy(({ claims }) => (claims as { role?: string })?.role === 'admin')
 * ```
 */
export function operationsPolicy(
  isAdmin: (request: PolicyRequest) => boolean,
  otherwise: Policy = defaultPolicy
): Policy {
  return request => {
    let { room, feature } = request
    let isForAdmins = room === OPERATIONS_ROOM || room.startsWith('metrics:') || feature === clients.name
    return isForAdmins && !isAdmin(request) ? false : otherwise(request)
  }
}
