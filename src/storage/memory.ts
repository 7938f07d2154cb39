// A disk that forgets: for pages without storage, for servers and for tests. Transactions run one after the other, and one
// that fails leaves nothing behind.

import type { Disk, DiskReader, DiskWriter } from '../ports.js'

export function createMemoryDisk(): Disk {
  let entries = new Map<string, unknown>()
  let sorted: string[] | null = []
  let tail: Promise<unknown> = Promise.resolve()

  function reader(): DiskReader {
    return {
      get: async key => entries.get(key),
      async range(from, to, limit = Infinity) {
        sorted ??= [...entries.keys()].sort(byCodeUnit)
        let result: [string, unknown][] = []
        for (let i = lowerBound(sorted, from); i < sorted.length && result.length < limit; i++) {
          let key = sorted[i] as string
          if (key >= to) break
          result.push([key, entries.get(key)])
        }
        return result
      }
    }
  }

  function writer(undo: Map<string, unknown>): DiskWriter {
    let remember = (key: string): void => {
      if (!undo.has(key)) undo.set(key, entries.has(key) ? { value: entries.get(key) } : null)
    }
    let remove = (key: string): void => {
      remember(key)
      if (entries.delete(key)) sorted = null
    }
    return {
      ...reader(),
      put(key, value) {
        remember(key)
        if (!entries.has(key)) sorted = null
        entries.set(key, value)
      },
      delete: remove,
      deleteRange(from, to) {
        for (let key of [...entries.keys()]) if (key >= from && key < to) remove(key)
      }
    }
  }

  function exclusive<T>(work: () => Promise<T>): Promise<T> {
    let result = tail.then(work)
    tail = result.catch(() => {})
    return result
  }

  return {
    kind: 'memory',
    read: body => exclusive(() => body(reader())),
    write: (_durability, body) =>
      exclusive(async () => {
        let undo = new Map<string, unknown>()
        try {
          return await body(writer(undo))
        } catch (error) {
          for (let [key, before] of undo) {
            if (before) entries.set(key, (before as { value: unknown }).value)
            else entries.delete(key)
          }
          sorted = null
          throw error
        }
      }),
    onLost: () => () => {},
    close() {}
  }
}

function byCodeUnit(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

function lowerBound(keys: readonly string[], key: string): number {
  let low = 0
  let high = keys.length
  while (low < high) {
    let middle = (low + high) >> 1
    if ((keys[middle] as string) < key) low = middle + 1
    else high = middle
  }
  return low
}
