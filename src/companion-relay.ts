// Stores that outlive what is behind them: set from one client, or one room, after another. Knows nothing of either.

import { atom, type ReadableAtom, type WritableAtom } from 'nanostores'
import type { RowStore } from './client-view.js'
import type { ParkedRow, Row } from './core/rows.js'
import type { Stop } from './ports.js'

/** Sets `to` to whatever `from` is, until stopped. */
export function show<T>(from: ReadableAtom<T>, to: WritableAtom<T>): Stop {
  return from.subscribe(value => put(to, value as T))
}

/** Sets a store. What a listener of the app throws is the page's to report, and stops nothing here. */
export function put<T>(store: WritableAtom<T>, value: T): void {
  try {
    store.set(value)
  } catch (error) {
    queueMicrotask(() => {
      throw error
    })
  }
}

/** A store of rows that outlives the client behind it. */
export function relay<T extends Row | ParkedRow>(): { store: RowStore<T>; follow(source: RowStore<T>): Stop } {
  let source: RowStore<T> | null = null
  let $rows = atom<readonly T[]>([])
  let actions = {
    retry: async (id: string): Promise<boolean> => (await source?.retry(id)) ?? false,
    discard: async (id: string): Promise<boolean> => (await source?.discard(id)) ?? false
  }
  return {
    store: Object.assign($rows, actions) as unknown as RowStore<T>,
    follow(next) {
      source = next
      let stop = next.subscribe(rows => $rows.set(rows))
      return () => {
        stop()
        source = null
        $rows.set([])
      }
    }
  }
}
