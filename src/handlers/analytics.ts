// Counts how a server is used by following its features; tells the room of operations what came since the last time. What it
// remembers has a fixed size: counts, and the users of one day up to a limit.

import type { AnyFeature } from '../feature.js'
import { analytics, DELIVERY_BOUNDS, deliveryPlace, MAX_ACTIVE_USERS, MAX_EVENT_TYPES } from '../features/analytics.js'
import { OPERATIONS_ROOM } from '../features/system.js'
import type { Report, Stop } from '../ports.js'
import type { Hub } from '../server/hub.js'
import type { StoredEvent } from '../server/storage.js'
import type { Source } from './metrics/process.js'
import { createTeller } from './support/teller.js'

export interface AnalyticsOptions {
  /** It must run the feature `analytics`. */
  readonly hub: Hub
  /** What is counted: those of them that the server runs. */
  readonly features: readonly AnyFeature[]
  /** Milliseconds between what is told; default 60,000. */
  readonly every?: number
  /** Users whose activity of the last day is remembered; default 10,000. Beyond it those give way that were seen longest ago. */
  readonly maxUsers?: number
  readonly report?: Report
}

export interface Analytics {
  /** What of this can be measured: for the `custom` of `createMetrics`. */
  readonly sources: readonly Source[]
  /** Tells what is left and stops. */
  close(): Promise<void>
}

const MINUTE = 60_000
const DAY = 24 * 60 * MINUTE

/** Starts to count. Resolves when it is known whom the server's last run has seen. */
export async function createAnalytics(options: AnalyticsOptions): Promise<Analytics> {
  let { hub, features, every = MINUTE, maxUsers = 10_000, report = () => {} } = options
  let { clock } = hub
  let teller = createTeller(hub, report)
  /** In order of last activity, oldest first. */
  let seen = new Map<string, number>()
  let from = Math.floor(clock.now())
  let byType = new Map<string, number>()
  let delivery: number[] = []
  let fresh = new Set<string>()
  /** What was delivered since that was measured last. */
  let delivered = { count: 0, ms: 0 }

  function reset(): void {
    byType = new Map()
    delivery = [...DELIVERY_BOUNDS, 0].map(() => 0)
    fresh = new Set()
  }

  function count({ feature, type, by, cid, at }: StoredEvent): void {
    let name = `${feature}.${type}`
    let key = byType.has(name) || byType.size < MAX_EVENT_TYPES ? name : 'other'
    byType.set(key, (byType.get(key) ?? 0) + 1)
    let ms = Math.max(0, clock.now() - at)
    delivered = { count: delivered.count + 1, ms: delivered.ms + ms }
    let place = deliveryPlace(ms)
    delivery[place] = (delivery[place] ?? 0) + 1
    // The server's own code speaks in anybody's name.
    if (cid === undefined) return
    seen.delete(by)
    seen.set(by, at)
    if (seen.size > maxUsers) seen.delete(seen.keys().next().value as string)
    fresh.add(by)
  }

  function activeSince(time: number): number {
    let count = 0
    for (let at of seen.values()) if (at > time) count++
    return count
  }

  function tell(): void {
    let to = Math.floor(clock.now())
    for (let [user, at] of seen) {
      if (at > to - DAY) break
      seen.delete(user)
    }
    let users = [...fresh].flatMap(user => {
      let at = seen.get(user)
      return at === undefined ? [] : [[user, at] as const]
    })
    let data = {
      from,
      to,
      byType: Object.fromEntries(byType),
      users: users.slice(-MAX_ACTIVE_USERS),
      active: {
        minutes5: activeSince(to - 5 * MINUTE),
        hour: activeSince(to - 60 * MINUTE),
        day: activeSince(to - DAY)
      },
      delivery
    }
    reset()
    from = to
    teller.push(OPERATIONS_ROOM, analytics, 'analytics:rollup', data)
  }

  reset()
  let before = await hub.room(OPERATIONS_ROOM).state(analytics)
  for (let [user, at] of [...before.users].reverse()) seen.set(user, at)
  let stops: Stop[] = features.map(feature =>
    hub.watch(feature, ({ events }) => {
      for (let event of events) count(event)
    })
  )
  let stopTimer = clock.after(every, again)
  function again(): void {
    stopTimer = clock.after(every, again)
    tell()
  }

  function meanDelivery(): number | null {
    let { count, ms } = delivered
    delivered = { count: 0, ms: 0 }
    return count === 0 ? null : ms / count
  }

  return {
    sources: [
      { name: 'delivery', label: 'Decided to stored and told', unit: 'ms', read: meanDelivery },
      {
        name: 'active-users',
        label: 'Users active in 5 minutes',
        unit: '',
        read: () => activeSince(clock.now() - 5 * MINUTE)
      }
    ],
    async close() {
      for (let stop of [stopTimer, ...stops]) stop()
      tell()
      await teller.settled()
    }
  }
}
