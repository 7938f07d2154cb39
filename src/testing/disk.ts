// A disk that outlives the pages which open it, and can be made to fail, to hang, to forget, or to be copied.

import type { Disk, DiskReader, DiskWriter, Durability, LostReason } from '../ports.js'
import { createMemoryDisk } from '../storage/memory.js'
import type { Life } from './life.js'

/** A disk in memory that outlives the pages which open it, with what can happen to a disk. */
export interface TestDisk extends Disk {
  /** Writes fail with this while it is set, as when the quota is used up. */
  broken: Error | null
  /** Whether a transaction that waits to become complete when its page dies is kept. */
  keepsTorn: boolean
  /** How sure each completed write was asked to be. */
  readonly writes: Durability[]
  /** Told of every completed write, with what it put. */
  written: (puts: ReadonlyMap<string, unknown>) => void
  /** Transactions do not become complete from here on, until the returned function is called. */
  hold(): () => void
  /** How long a transaction takes. */
  latency: () => Promise<unknown>
  /** The disk as a page sees it: a transaction in the middle of which the page dies leaves nothing. */
  openedIn(life: Life): Disk
  /** Somebody clears the site's data. */
  wipe(): Promise<void>
  /** The browser closes the database under its pages. */
  lose(reason: LostReason): void
  /** The power fails: what was only written `relaxed` since the last `strict` write is gone. */
  powerCut(): Promise<void>
  /** Everything that is kept. */
  entries(): Promise<Map<string, unknown>>
  /** Another disk that holds the same: a backup, or a cloned profile. */
  copy(): Promise<TestDisk>
  /** Puts the content of another disk in the place of its own. */
  restore(from: TestDisk): Promise<void>
}

const ALL = ['', '\uffff'] as const

/** Creates an empty disk. */
export function createTestDisk(): TestDisk {
  let inner = createMemoryDisk()
  let gate: Promise<void> = Promise.resolve()
  let listeners = new Set<(reason: LostReason) => void>()
  /** What a power cut leaves; `null` when that is everything. */
  let safe: Map<string, unknown> | null = null

  let snapshot = async (tx: DiskReader): Promise<Map<string, unknown>> => new Map(await tx.range(...ALL))

  function replace(entries: ReadonlyMap<string, unknown>): Promise<void> {
    return inner.write('strict', async tx => {
      tx.deleteRange(...ALL)
      for (let [key, value] of entries) tx.put(key, value)
      safe = null
    })
  }

  async function write<T>(life: Life | null, durability: Durability, body: (tx: DiskWriter) => Promise<T>): Promise<T> {
    let puts = new Map<string, unknown>()
    let result = await inner.write(durability, async plain => {
      let put = (key: string, value: unknown): void => {
        plain.put(key, value)
        puts.set(key, value)
      }
      let tx = { ...plain, put }
      if (disk.broken) throw disk.broken
      let before = durability === 'relaxed' && !safe ? await snapshot(tx) : null
      let result = await (life ? unlessDead(life, body(copying(tx))) : body(copying(tx)))
      await untilDeath(life, Promise.all([disk.latency(), gate]))
      if (life?.state === 'dead' && !disk.keepsTorn) throw new Error('the page is gone')
      safe = durability === 'strict' ? null : (safe ?? before)
      return result
    })
    disk.writes.push(durability)
    disk.written(puts)
    return result
  }

  let disk: TestDisk = {
    kind: 'disk',
    broken: null,
    keepsTorn: true,
    writes: [],
    written: () => {},
    latency: () => Promise.resolve(),
    read: body => inner.read(tx => body(copying(tx))),
    write: (durability, body) => write(null, durability, body),
    onLost(call) {
      listeners.add(call)
      return () => listeners.delete(call)
    },
    close() {},
    openedIn: life => ({
      kind: 'disk',
      read: body => life.see(inner.read(tx => unlessDead(life, body(copying(tx))))),
      write: (durability, body) => life.see(write(life, durability, body)),
      onLost: call => disk.onLost(life.guard(call)),
      close() {}
    }),
    hold() {
      let release!: () => void
      gate = new Promise(resolve => {
        release = resolve
      })
      return release
    },
    wipe: () => replace(new Map()),
    lose(reason) {
      for (let call of [...listeners]) call(reason)
    },
    async powerCut() {
      if (safe) await replace(safe)
    },
    entries: () => inner.read(snapshot),
    async copy() {
      let other = createTestDisk()
      await other.restore(disk)
      return other
    },
    restore: async from => replace(await from.entries())
  }
  return disk
}

/** Dead pages end nothing: what waits for them is given up. */
function unlessDead<T>(life: Life, promise: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    let giveUp = (): void => reject(new Error('the page is gone'))
    if (life.state === 'dead') giveUp()
    let stop = life.onDeath(giveUp)
    void promise.then(resolve, reject).finally(stop)
  })
}

/** What a dead page began does not keep the others waiting. */
function untilDeath(life: Life | null, promise: Promise<unknown>): Promise<unknown> {
  if (!life) return promise
  return new Promise<unknown>(resolve => {
    let stop = life.onDeath(() => resolve(undefined))
    void promise.then(resolve).finally(stop)
  })
}

/** As a database does: what is stored is a copy, and so is what is read. */
function copying<T extends DiskReader | DiskWriter>(tx: T): T {
  return {
    ...tx,
    get: async (key: string) => copyOf(await tx.get(key)),
    range: async (from: string, to: string, limit?: number) =>
      (await tx.range(from, to, limit)).map(([key, value]) => [key, copyOf(value)]),
    ...('put' in tx ? { put: (key: string, value: unknown) => tx.put(key, copyOf(value)) } : {})
  }
}

function copyOf(value: unknown): unknown {
  return typeof value === 'object' && value !== null ? structuredClone(value) : value
}
