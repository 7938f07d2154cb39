// One metric of a server, in a room of its own (`metrics:<name>`): who enters the room gets its samples, and nobody else does.
// Samples are a stream that is not stored; what they come to by minute, hour and day is. Does not know what is measured.

import { atom, type ReadableAtom } from 'nanostores'
import { defineFeature, durable, type LocalPart, volatile } from '../feature.js'
import { integer, number, object } from '../schema.js'
import { appended } from './bounded.js'
import { type Bucket, EMPTY_SERIES, inserted, type Series } from './series.js'

/** Samples that a page keeps: five minutes at one a second; the oldest give way. */
export const MAX_LIVE = 300

/** One sample. */
export interface MetricSample {
  /** Milliseconds since 1970 by the server's clock. */
  readonly at: number
  readonly value: number
}

export interface MetricState {
  readonly last: MetricSample | null
  /** At most 180 minutes, 168 hours and 90 days. */
  readonly series: Series
}

/** A metric as a page sees it: with the samples that came in while it was there, oldest first, at most 300. */
export interface MetricView extends MetricState {
  readonly live: readonly MetricSample[]
}

/** The room of a metric. */
export function metricRoom(name: string): string {
  return `metrics:${name}`
}

const initial: MetricState = { last: null, series: EMPTY_SERIES }
const time = integer({ min: 0 })

/**
 * One metric. Only the server's own code speaks here.
 *
 * ```ts
 * let cpu = client.room(metricRoom('cpu'))
 * cpu.use(metrics).$state.subscribe(({ live, series }) => draw(live, series.minutes))
 * cpu.leave() // nothing of it travels any more
 * ```
 */
export const metrics = defineFeature({
  name: 'metrics',
  version: 1,
  events: {
    'metrics:update': volatile(object({ at: time, value: number() }), { author: 'server', seconds: 60, rate: 4 }),
    'metrics:rollup': durable(
      object({ at: time, count: integer({ min: 1 }), min: number(), max: number(), sum: number() }),
      { author: 'server', lane: 'bulk' }
    )
  },
  initial,
  reduce: {
    'metrics:update': (state, { at, value }) =>
      state.last && state.last.at > at ? state : { ...state, last: { at, value } },
    'metrics:rollup': (state, { at, count, min, max, sum }) => {
      let bucket: Bucket = [at, count, min, max, sum]
      return { ...state, series: inserted(state.series, bucket) }
    }
  },
  commands: {},
  local({ $state, onEvent }): LocalPart<MetricView> {
    let live: readonly MetricSample[] = []
    let $view = atom<MetricView>({ ...$state.get(), live })
    let stopListening = onEvent(({ type, data }) => {
      if (type !== 'metrics:update') return
      // After every join, the server tells the last sample again.
      if ((live.at(-1)?.at ?? -1) >= data.at) return
      live = appended(live, { at: data.at, value: data.value }, MAX_LIVE)
      $view.set({ ...$state.get(), live })
    })
    let stopFollowing = $state.subscribe(state => $view.set({ ...state, live }))
    return {
      $state: $view as ReadableAtom<MetricView>,
      close() {
        stopListening()
        stopFollowing()
      }
    }
  }
})
