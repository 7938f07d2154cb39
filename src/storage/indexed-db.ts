// The disk in a browser. idb-keyval makes the database and its one object store; transactions are our own, for they need a
// durability and are complete only at `oncomplete`.

import { createStore, promisifyRequest } from 'idb-keyval'
import { RealtimeError } from '../errors.js'
import type { Disk, DiskReader, DiskWriter, OpenDisk } from '../ports.js'

const STORE = 'entries'
/** A database that does not open within this time is treated as missing. */
const OPEN_DEADLINE = 3000
/** A transaction that is not complete within this time has failed: a frozen tab may hold the store. */
const WRITE_DEADLINE = 8000

export function hasIndexedDb(): boolean {
  return typeof indexedDB !== 'undefined'
}

/** Opens the database of this name. Rejects with `storage` where there is none, or it does not open in time. */
export const openIndexedDb: OpenDisk = async name => {
  if (!hasIndexedDb()) throw new RealtimeError('storage', 'This browser has no IndexedDB here.')
  let lost = new Set<(reason: string) => void>()
  let closed = false
  let database = await within(openDatabase(name, onGone), OPEN_DEADLINE, 'IndexedDB did not open in time.')

  function onGone(): void {
    if (!closed) for (let call of lost) call('closed')
  }

  async function begin(mode: IDBTransactionMode, durability: 'relaxed' | 'strict'): Promise<IDBTransaction> {
    try {
      return database.transaction(STORE, mode, { durability })
    } catch (error) {
      // The browser closed it (memory pressure, cleared data, another tab upgrades or deletes it): open again, once.
      if (
        closed ||
        !(error instanceof DOMException) ||
        (error.name !== 'InvalidStateError' && error.name !== 'NotFoundError')
      )
        throw error
      database = await within(openDatabase(name, onGone), OPEN_DEADLINE, 'IndexedDB did not open again.')
      return database.transaction(STORE, mode, { durability })
    }
  }

  async function run<T>(
    mode: IDBTransactionMode,
    durability: 'relaxed' | 'strict',
    body: (tx: DiskWriter) => Promise<T>
  ): Promise<T> {
    let tx = await begin(mode, durability)
    let complete = promisifyRequest(tx)
    complete.catch(() => {})
    let store = tx.objectStore(STORE)
    try {
      let result = await within(body(access(store)), WRITE_DEADLINE, 'The transaction took too long.')
      tx.commit()
      await within(complete, WRITE_DEADLINE, 'The transaction took too long.')
      return result
    } catch (error) {
      try {
        tx.abort()
      } catch {
        // It was over already.
      }
      throw error ?? tx.error ?? new RealtimeError('storage', 'The transaction was aborted.')
    }
  }

  return {
    kind: 'disk',
    read: body => run('readonly', 'relaxed', body),
    write: (durability, body) => run('readwrite', durability, body),
    onLost(call) {
      lost.add(call)
      return () => lost.delete(call)
    },
    close() {
      closed = true
      database.close()
    }
  } satisfies Disk
}

async function openDatabase(name: string, gone: () => void): Promise<IDBDatabase> {
  let use = createStore(name, STORE)
  let database = await use('readonly', store => store.transaction.db)
  // A newer version of the app, or somebody deleting the data, must not wait for us.
  database.onversionchange = () => {
    database.close()
    gone()
  }
  return database
}

function access(store: IDBObjectStore): DiskWriter {
  let reader: DiskReader = {
    get: key => promisifyRequest(store.get(key)),
    async range(from, to, limit) {
      let bounds = IDBKeyRange.bound(from, to, false, true)
      let [keys, values] = await Promise.all([
        promisifyRequest(store.getAllKeys(bounds, limit)),
        promisifyRequest(store.getAll(bounds, limit) as IDBRequest<unknown[]>)
      ])
      return keys.map((key, i) => [String(key), values[i]] as const)
    }
  }
  return {
    ...reader,
    put: (key, value) => void store.put(value, key),
    delete: key => void store.delete(key),
    deleteRange: (from, to) => void store.delete(IDBKeyRange.bound(from, to, false, true))
  }
}

function within<T>(promise: Promise<T>, ms: number, message: string): Promise<T> {
  return new Promise((resolve, reject) => {
    let timer = setTimeout(() => reject(new RealtimeError('storage', message)), ms)
    promise.then(resolve, reject).finally(() => clearTimeout(timer))
  })
}
