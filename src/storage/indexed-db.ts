// The disk in a browser: one database with one object store. Transactions are our own, for they need a durability, are
// complete only at `oncomplete`, and must outlive a browser that closes the database under them.

import { promisifyRequest } from 'idb-keyval'
import { RealtimeError } from '../errors.js'
import type { Disk, DiskReader, DiskWriter, LostReason, OpenDisk } from '../ports.js'

const STORE = 'entries'
/** The version of everything that is stored. Code of an older version never writes what a newer one has taken over. */
const SCHEMA = 1
/** A database that does not open within this time is treated as missing. */
const OPEN_DEADLINE = 3000
/** A transaction that is not complete within this time has failed: a frozen tab may hold the store. */
const WRITE_DEADLINE = 5000
const GRACE = 100
/** What a transaction ends with when its connection was taken away; run again on a new one, it may well succeed. */
const TAKEN_AWAY = ['InvalidStateError', 'NotFoundError', 'AbortError', 'UnknownError', 'TransactionInactiveError']

export function hasIndexedDb(): boolean {
  return typeof indexedDB !== 'undefined'
}

/** Opens the database of this name. Rejects with `storage` where there is none, or it does not open in time. */
export const openIndexedDb: OpenDisk = async name => {
  if (!hasIndexedDb()) throw new RealtimeError('storage', 'This browser has no IndexedDB here.')
  let listeners = new Set<(reason: LostReason) => void>()
  /** Transactions that have not ended. */
  let running = new Set<IDBTransaction>()
  let closed = false
  let opened = open()
  await opened
  globalThis.document?.addEventListener('freeze', letGo)

  async function open(): Promise<IDBDatabase> {
    let database = await within(openDatabase(name), OPEN_DEADLINE, 'IndexedDB did not open in time.', late =>
      late.close()
    )
    let lost = (reason: LostReason): void => {
      if (!closed) for (let call of listeners) call(reason)
    }
    // A newer version of the app, or somebody deleting the data, must not wait for us.
    database.onversionchange = ({ newVersion }) => {
      database.close()
      lost(newVersion === null ? 'closed' : 'outdated')
    }
    database.onclose = () => lost('closed')
    return database
  }

  /** A page that is frozen in the middle of a transaction keeps every other tab from the store: it begins anew at its thaw. */
  function letGo(): void {
    for (let tx of running) abort(tx)
  }

  /** Runs a transaction; when it or its connection was taken away, once more on a new one. */
  async function run<T>(
    mode: IDBTransactionMode,
    durability: 'relaxed' | 'strict',
    body: (tx: DiskWriter) => Promise<T>
  ): Promise<T> {
    let used = opened
    let database = await used
    try {
      return await transact(database.transaction(STORE, mode, { durability }), body, running)
    } catch (error) {
      if (closed || !(error instanceof DOMException) || !TAKEN_AWAY.includes(error.name)) throw error
      if (opened === used) {
        database.close()
        opened = open()
      }
      return transact((await opened).transaction(STORE, mode, { durability }), body, running)
    }
  }

  return {
    kind: 'disk',
    read: body => run('readonly', 'relaxed', body),
    write: (durability, body) => run('readwrite', durability, body),
    onLost(call) {
      listeners.add(call)
      return () => listeners.delete(call)
    },
    close() {
      closed = true
      globalThis.document?.removeEventListener('freeze', letGo)
      opened.then(
        database => database.close(),
        () => {}
      )
    }
  } satisfies Disk
}

async function transact<T>(
  tx: IDBTransaction,
  body: (tx: DiskWriter) => Promise<T>,
  running: Set<IDBTransaction>
): Promise<T> {
  let complete = promisifyRequest(tx)
  running.add(tx)
  complete.catch(() => {})
  let work = async (): Promise<T> => {
    let result = await body(access(tx.objectStore(STORE)))
    tx.commit()
    await complete
    return result
  }
  try {
    return await within(work(), WRITE_DEADLINE, 'The transaction took too long.')
  } catch (error) {
    // Why the browser ended it says more than how its requests noticed.
    let reason = tx.error ?? error
    abort(tx)
    throw reason ?? new DOMException('The browser aborted the transaction.', 'AbortError')
  } finally {
    running.delete(tx)
  }
}

function abort(tx: IDBTransaction): void {
  try {
    tx.abort()
  } catch {
    // It is over, or on its way to the disk, where it needs no page any more.
  }
}

async function openDatabase(name: string): Promise<IDBDatabase> {
  let request = indexedDB.open(name, SCHEMA)
  request.onupgradeneeded = () => request.result.createObjectStore(STORE)
  try {
    return await promisifyRequest(request)
  } catch (error) {
    if ((error as DOMException | null)?.name !== 'VersionError') throw error
    throw new RealtimeError('storage', 'A newer version of this app keeps its data here: reload this page.', {
      cause: error
    })
  }
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

/** Rejects when it takes too long; what comes after that is handed to `late`. */
function within<T>(promise: Promise<T>, ms: number, message: string, late?: (value: T) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    let isLate = false
    let giveUp = (): void => {
      isLate = true
      reject(new RealtimeError('storage', message))
    }
    let due = performance.now() + ms - GRACE
    // A page that stood still reads what came meanwhile before it judges, and what it waited for may only begin now.
    let timer = setTimeout(() => {
      timer = setTimeout(giveUp, performance.now() - due > 1000 ? ms : GRACE)
    }, ms - GRACE)
    promise.then(value => (isLate ? late?.(value) : resolve(value)), reject).finally(() => clearTimeout(timer))
  })
}
