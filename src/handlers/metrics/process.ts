// What there is to measure of this process, its hub and its storage. Each source is asked once per sample and says `null` where
// there is nothing to say: not available here, or too early.

import { readFileSync, statSync } from 'node:fs'
import { monitorEventLoopDelay, performance } from 'node:perf_hooks'
import process from 'node:process'
import type { MetricInfo } from '../../features/system.js'
import type { Hub, HubStats } from '../../server/hub.js'

/** Something to measure. */
export interface Source extends MetricInfo {
  /** The value now; `null` when there is none. */
  read(): number | null
  close?(): void
}

/** `storageFile`: the file of the database, with whose companions (`-wal`) its size is counted. */
export function processSources(hub: Hub, storageFile?: string): readonly Source[] {
  let now = () => performance.now()
  let delay = monitorEventLoopDelay({ resolution: 10 })
  delay.enable()
  let loop = performance.eventLoopUtilization()
  let cpu = perSecond(() => {
    let { user, system } = process.cpuUsage()
    return (user + system) / 1e6
  }, now)
  let counted = (name: keyof HubStats) => perSecond(() => hub.stats()[name], now)

  return [
    { name: 'cpu', label: 'CPU', unit: '%', read: () => scaled(cpu(), 100) },
    { name: 'memory', label: 'Memory', unit: 'bytes', read: () => process.memoryUsage.rss() },
    { name: 'heap', label: 'Heap in use', unit: 'bytes', read: () => process.memoryUsage().heapUsed },
    { name: 'threads', label: 'Threads', unit: '', read: threads },
    {
      name: 'loop-delay',
      label: 'Event loop delay (99 %)',
      unit: 'ms',
      read() {
        // Counted from the resolution on: an idle loop is 10 ms late by this measure.
        let late = delay.count > 0 ? Math.max(0, delay.percentile(99) / 1e6 - 10) : null
        delay.reset()
        return late
      },
      close: () => delay.disable()
    },
    {
      name: 'loop-use',
      label: 'Event loop in use',
      unit: '%',
      read() {
        let before = loop
        loop = performance.eventLoopUtilization()
        return performance.eventLoopUtilization(loop, before).utilization * 100
      }
    },
    { name: 'connections', label: 'Connections', unit: '', read: () => hub.stats().connections },
    { name: 'rooms', label: 'Rooms in memory', unit: '', read: () => hub.stats().rooms },
    { name: 'network-in', label: 'Network in', unit: 'bytes/s', read: counted('bytesIn') },
    { name: 'network-out', label: 'Network out', unit: 'bytes/s', read: counted('bytesOut') },
    { name: 'events', label: 'Events stored', unit: '/s', read: counted('events') },
    ...(storageFile === undefined
      ? []
      : [{ name: 'storage', label: 'Storage', unit: 'bytes', read: () => sizeOf(storageFile) }])
  ]
}

/** How fast something that only grows has grown since it was asked last; `null` the first time. */
function perSecond(total: () => number, now: () => number): () => number | null {
  let before = total()
  let at = now()
  return () => {
    let seconds = (now() - at) / 1000
    if (seconds <= 0) return null
    let grown = total() - before
    before += grown
    at += seconds * 1000
    return grown / seconds
  }
}

function scaled(value: number | null, factor: number): number | null {
  return value === null ? null : value * factor
}

/** Linux says it; elsewhere nobody does. */
function threads(): number | null {
  try {
    return Number(/^Threads:\s+(\d+)/m.exec(readFileSync('/proc/self/status', 'latin1'))?.[1] ?? Number.NaN)
  } catch {
    return null
  }
}

function sizeOf(file: string): number | null {
  let sizes = [file, `${file}-wal`].map(path => statSync(path, { throwIfNoEntry: false })?.size ?? 0)
  return sizes.reduce((sum, size) => sum + size, 0)
}
