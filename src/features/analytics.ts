// How a server is used: which events there were, who was active, and how long events took. Runs in the room `operations`. What
// the events were about is not known here.

import { defineFeature, durable } from '../feature.js'
import { array, integer, object, record, string, tuple } from '../schema.js'

/** Kinds of events that are told apart; all further ones count as `other`. */
export const MAX_EVENT_TYPES = 200
/** Users that are known by name; the ones seen longest ago give way. */
export const MAX_ACTIVE_USERS = 200
/** What a delivery may have taken, in milliseconds; the last count is of those that took longer than all of these. */
export const DELIVERY_BOUNDS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000] as const

export interface AnalyticsState {
  /** Since when is counted, in milliseconds since 1970; `null` before the first count. */
  readonly since: number | null
  readonly until: number | null
  readonly total: number
  /** Counts by `feature.type`; at most 200 and `other`. */
  readonly byType: Readonly<Record<string, number>>
  /** Who was seen last and when, newest first; at most 200. */
  readonly users: ReadonlyArray<readonly [user: string, at: number]>
  /** How many users said something in the last five minutes, hour, day. */
  readonly active: { readonly minutes5: number; readonly hour: number; readonly day: number }
  /** How many events took how long from decision to stored and told, by `DELIVERY_BOUNDS`. */
  readonly delivery: readonly number[]
}

const user = string({ min: 1, max: 256 })
const count = integer({ min: 0 })
const initial: AnalyticsState = {
  since: null,
  until: null,
  total: 0,
  byType: {},
  users: [],
  active: { minutes5: 0, hour: 0, day: 0 },
  delivery: [...DELIVERY_BOUNDS, 0].map(() => 0)
}

/** What a server counts. Only its own code speaks here, and only of what has come since it spoke last. */
export const analytics = defineFeature({
  name: 'analytics',
  version: 1,
  events: {
    'analytics:rollup': durable(
      object({
        from: count,
        to: count,
        byType: record(count, { max: MAX_EVENT_TYPES + 1 }),
        users: array(tuple(user, count), { max: MAX_ACTIVE_USERS }),
        active: object({ minutes5: count, hour: count, day: count }),
        delivery: array(count, { max: DELIVERY_BOUNDS.length + 1 })
      }),
      { author: 'server', lane: 'bulk' }
    )
  },
  initial,
  reduce: {
    'analytics:rollup': (state, { from, to, byType, users, active, delivery }) => {
      let { other = 0, ...types } = byType
      let counts = new Map(Object.entries(state.byType))
      let add = (type: string, count: number) => counts.set(type, (counts.get(type) ?? 0) + count)
      for (let [type, count] of Object.entries(types)) {
        add(counts.has(type) || counts.size < MAX_EVENT_TYPES ? type : 'other', count)
      }
      if (other > 0) add('other', other)
      let seen = new Map(state.users)
      for (let [user, at] of users) seen.set(user, Math.max(at, seen.get(user) ?? 0))
      return {
        since: state.since ?? from,
        until: to,
        total: state.total + Object.values(byType).reduce((sum, count) => sum + count, 0),
        byType: Object.fromEntries(counts),
        users: [...seen].sort(([, a], [, b]) => b - a).slice(0, MAX_ACTIVE_USERS),
        active,
        delivery: state.delivery.map((count, i) => count + (delivery[i] ?? 0))
      }
    }
  },
  commands: {}
})

/** The place of a time in `delivery`. */
export function deliveryPlace(ms: number): number {
  let place = DELIVERY_BOUNDS.findIndex(bound => ms <= bound)
  return place < 0 ? DELIVERY_BOUNDS.length : place
}

/** The time within which the share `q` (0 to 1) of events was delivered, in milliseconds; `null` when there were none. */
export function deliveryWithin({ delivery }: AnalyticsState, q: number): number | null {
  let all = delivery.reduce((sum, count) => sum + count, 0)
  if (all === 0) return null
  let sum = 0
  let place = delivery.findIndex(count => {
    sum += count
    return sum >= all * q && sum > 0
  })
  return DELIVERY_BOUNDS[place] ?? Infinity
}
