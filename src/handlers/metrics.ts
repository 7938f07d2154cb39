// Measures the server's own process and tells whoever entered the room of a metric; keeps what it comes to, and raises alerts.
// What is measured, and how, is in `metrics/process.ts`; when an alert begins and ends, in the features' `thresholds.ts`.

import process from 'node:process'
import { RealtimeError } from '../errors.js'
import { metricRoom, metrics } from '../features/metrics.js'
import { type Bucket, bucketOf, merged, RESOLUTIONS } from '../features/series.js'
import { MAX_METRICS, type MetricInfo, OPERATIONS_ROOM, openAlerts, system } from '../features/system.js'
import { CALM, checkThresholds, RAISED, type Threshold, type Watch, watched } from '../features/thresholds.js'
import type { Report, Stop } from '../ports.js'
import type { Hub } from '../server/hub.js'
import { processSources, type Source } from './metrics/process.js'
import { createTeller } from './support/teller.js'

export type { Source } from './metrics/process.js'

export interface MetricsOptions {
  /** It must run the features `metrics` and `system`. */
  readonly hub: Hub
  /** Milliseconds between samples; default 1,000. */
  readonly every?: number
  /** Milliseconds between what is stored, default 60,000: so much of the history a crash may cost. */
  readonly rollup?: number
  /** Further things to measure. */
  readonly custom?: readonly Source[]
  readonly thresholds?: readonly Threshold[]
  /** The file of the database. Without it, its size is not measured. */
  readonly storageFile?: string
  /** In place of what there is to measure of this process. */
  readonly sources?: readonly Source[]
  /** Told of sources that throw, and of what could not be stored. */
  readonly report?: Report
}

export interface Metrics {
  /** What is measured. */
  readonly metrics: readonly MetricInfo[]
  /** Stores what was measured since the last time, and says that the server stops. Call it before the server is closed. */
  close(): Promise<void>
}

/**
 * Starts to measure. Resolves when it is known which alerts the server's last run has left open.
 *
 * ```ts
 * let { hub } = await createServer({ features: [...companionFeatures, ...operationsFeatures] })
 * let { close } = await createMetrics({
 *   hub,
 *   thresholds: [{ id: 'cpu', metric: 'cpu', level: 'warning', raise: 90, clear: 70, forMs: 10_000 }]
 * })
 * ```
 */
export async function createMetrics(options: MetricsOptions): Promise<Metrics> {
  let { hub, every = 1000, rollup = 60_000, custom = [], thresholds = [], report = () => {} } = options
  let sources = [...(options.sources ?? processSources(hub, options.storageFile)), ...custom]
  check(sources, thresholds, every, rollup)
  let { clock } = hub
  let infos = sources.map(({ name, label, unit }) => ({ name, label, unit }))
  let startedAt = Math.floor(clock.now())
  let watches = new Map<string, Watch>()
  let collected = new Map<string, Bucket>()
  let teller = createTeller(hub, report)
  let stopTimers: Stop[] = []
  let isClosed = false

  function say(status: 'running' | 'stopping'): void {
    let runtime = `Node ${process.version}, ${process.platform}`
    let data = { status, pid: process.pid, startedAt, runtime, metrics: infos }
    teller.push(OPERATIONS_ROOM, system, 'system:status', data)
  }

  function measured(source: Source): number | null {
    try {
      let value = source.read()
      return value === null || !Number.isFinite(value) ? null : Number(value.toFixed(3))
    } catch (error) {
      report('error', 'source-threw', { metric: source.name, error })
      return null
    }
  }

  function sample(): void {
    let at = Math.floor(clock.now())
    for (let source of sources) {
      let { name } = source
      let value = measured(source)
      if (value === null) continue
      collect(name, bucketOf(at, value))
      teller.cast(metricRoom(name), metrics, 'metrics:update', { at, value })
      for (let threshold of thresholds) if (threshold.metric === name) judge(threshold, value)
    }
  }

  /** What lies in two minutes is never stored as one. */
  function collect(name: string, bucket: Bucket): void {
    let before = collected.get(name)
    let isSame = before !== undefined && minuteOf(before) === minuteOf(bucket)
    if (before && !isSame) storeOne(name, before)
    collected.set(name, before && isSame ? merged(before, bucket) : bucket)
  }

  function judge(threshold: Threshold, value: number): void {
    let { id, metric, level, raise, clear } = threshold
    let before = watches.get(id) ?? CALM
    let { watch, said } = watched(threshold, before, value, clock.mono())
    watches.set(id, watch)
    if (said === null) return
    let alert = { state: said, threshold: id, metric, level, value, limit: said === 'raised' ? raise : clear }
    // Nobody knows of it then: the next sample says it again.
    teller.push(OPERATIONS_ROOM, system, 'metrics:alert', alert, () => {
      if (watches.get(id)?.kind === watch.kind) watches.set(id, before)
    })
  }

  function storeOne(name: string, [at, count, min, max, sum]: Bucket): void {
    teller.push(metricRoom(name), metrics, 'metrics:rollup', { at, count, min, max, sum })
  }

  function store(): void {
    for (let [name, bucket] of collected) storeOne(name, bucket)
    collected.clear()
  }

  /** Alerts of the last run go on, or are over when nobody watches for them any more. */
  async function resume(): Promise<void> {
    let state = await hub.room(OPERATIONS_ROOM).state(system)
    for (let { threshold: id, metric, level, value, limit } of openAlerts(state)) {
      if (thresholds.some(threshold => threshold.id === id)) watches.set(id, RAISED)
      else {
        let gone = { state: 'cleared', threshold: id, metric, level, value, limit }
        teller.push(OPERATIONS_ROOM, system, 'metrics:alert', gone)
      }
    }
  }

  function repeat(ms: number, call: () => void): void {
    let due = clock.mono() + ms
    let again = () => {
      call()
      // Without drift; what was missed while the process stood still is not made up for.
      due = Math.max(due + ms, clock.mono())
      stop = clock.after(due - clock.mono(), again)
    }
    let stop = clock.after(ms, again)
    stopTimers.push(() => stop())
  }

  await resume()
  say('running')
  repeat(every, sample)
  repeat(rollup, store)

  return {
    metrics: infos,
    async close() {
      if (isClosed) return
      isClosed = true
      for (let stop of stopTimers) stop()
      for (let source of sources) source.close?.()
      store()
      say('stopping')
      await teller.settled()
    }
  }
}

function minuteOf([at]: Bucket): number {
  return Math.floor(at / RESOLUTIONS.minutes.ms)
}

function check(sources: readonly Source[], thresholds: readonly Threshold[], every: number, rollup: number): void {
  let wrong = (what: string) => new RealtimeError('bad-argument', what)
  if (!(every >= 100)) throw wrong('every must be a number of milliseconds from 100')
  if (!(rollup >= every)) throw wrong('rollup must be a number of milliseconds, not below every')
  if (sources.length > MAX_METRICS) throw wrong(`there can be at most ${MAX_METRICS} metrics`)
  let names = sources.map(({ name }) => name)
  let twice = names.find((name, i) => names.indexOf(name) !== i)
  if (twice !== undefined) throw wrong(`two metrics are named «${twice}»`)
  for (let { name, label, unit } of sources) {
    for (let word of [name, label])
      if (word.length < 1 || word.length > 64) throw wrong(`metric «${name}»: name and label take 1 to 64 characters`)
    if (unit.length > 16) throw wrong(`metric «${name}»: its unit takes at most 16 characters`)
  }
  checkThresholds(thresholds)
  let stray = thresholds.find(({ metric }) => !names.includes(metric))
  if (stray) throw wrong(`threshold «${stray.id}»: there is no metric «${stray.metric}»`)
}
