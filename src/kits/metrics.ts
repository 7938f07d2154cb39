// The metrics of a server for a page: each one is a room of its own, entered while somebody wants to see it and left afterwards,
// so that nothing travels that nobody asked for.

import { atom, type ReadableAtom } from 'nanostores'
import type { Realtime } from '../client.js'
import type { Handle } from '../feature.js'
import { type MetricView, metricRoom, metrics } from '../features/metrics.js'
import { OPERATIONS_ROOM, system } from '../features/system.js'
import type { Room } from '../room.js'

export interface MetricsKit {
  /** What the server is, what it measures, and its alerts. */
  readonly system: Handle<typeof system>
  /** The names of the metrics that this page has subscribed to. */
  readonly $subscribed: ReadableAtom<readonly string[]>
  /** Enters the room of a metric; the same store at every call. */
  subscribe(name: string): ReadableAtom<MetricView>
  /** Leaves it: nothing of it comes any more, and its samples are forgotten. */
  unsubscribe(name: string): void
  close(): void
}

/**
 * Subscriptions to single metrics.
 *
 * ```ts
 * let { subscribe, unsubscribe } = createMetricsKit(client)
 * subscribe('cpu').subscribe(({ last }) => show(last))
 * unsubscribe('cpu')
 * ```
 */
export function createMetricsKit(client: Realtime): MetricsKit {
  let operations = client.room(OPERATIONS_ROOM)
  let entered = new Map<string, { readonly room: Room; readonly $view: ReadableAtom<MetricView> }>()
  let $subscribed = atom<readonly string[]>([])
  let changed = (): void => $subscribed.set([...entered.keys()])

  function unsubscribe(name: string): void {
    let metric = entered.get(name)
    if (!metric) return
    entered.delete(name)
    metric.room.leave()
    changed()
  }

  return {
    system: operations.use(system),
    $subscribed,
    subscribe(name) {
      let known = entered.get(name)
      if (known) return known.$view
      let room = client.room(metricRoom(name))
      let { $state } = room.use(metrics)
      entered.set(name, { room, $view: $state })
      changed()
      return $state
    },
    unsubscribe,
    close() {
      for (let name of [...entered.keys()]) unsubscribe(name)
      operations.leave()
    }
  }
}
