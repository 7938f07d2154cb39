// The contracts that are shipped can fail: each implementation here is right but for one thing, and is found out by the test
// that is about it.

import { describe, expect, test } from 'vitest'
import type { Disk, DiskWriter, OpenDisk } from '../../../src/ports.js'
import { createMemoryStorage, type MemoryRoom } from '../../../src/server/storage/memory.js'
import type { Commit, Storage } from '../../../src/server/storage.js'
import { createMemoryDisk } from '../../../src/storage/memory.js'
import { serverStorageContract } from '../../../src/testing/contract/server-storage.js'
import { storageContract } from '../../../src/testing/contract/storage.js'
import type { ContractTest } from '../../../src/testing/contract/suite.js'

/** The names of the tests that fail, with what they say. */
async function failures(contract: readonly ContractTest[]): Promise<string[]> {
  let failed: string[] = []
  for (let { name, run } of contract) await run().catch((error: Error) => failed.push(`${name}: ${error.message}`))
  return failed
}

/** Disks by name that outlive who opened them. */
function disksOf(make: () => Disk = createMemoryDisk): OpenDisk {
  let disks = new Map<string, Disk>()
  return async name => {
    let disk = disks.get(name) ?? make()
    disks.set(name, disk)
    return { ...disk, kind: 'disk' }
  }
}

/** A disk whose transactions are not quite as they should be. */
function disksWith(change: (tx: DiskWriter) => Partial<DiskWriter>, from = createMemoryDisk): OpenDisk {
  return disksOf(() => {
    let disk = from()
    let broken = (tx: DiskWriter): DiskWriter => ({ ...tx, ...change(tx) })
    return {
      ...disk,
      read: body => disk.read(tx => body(broken(tx as DiskWriter))),
      write: (durability, body) => disk.write(durability, tx => body(broken(tx)))
    }
  })
}

function disksThat(change: (disk: Disk) => Partial<Disk>): OpenDisk {
  return disksOf(() => {
    let disk = createMemoryDisk()
    return { ...disk, ...change(disk) }
  })
}

let puts = 0
let brokenDisks: [what: string, open: OpenDisk, caught: RegExp][] = [
  [
    'loses one write in 500',
    disksWith(tx => ({ put: (key, value) => void (++puts % 500 && tx.put(key, value)) })),
    /a thousand rows/
  ],
  [
    'sorts keys as people do',
    disksWith(tx => ({
      range: async (from, to, limit) =>
        [...(await tx.range(from, to, limit))].sort(([a], [b]) => a.localeCompare(b, 'en'))
    })),
    /order of code units/
  ],
  [
    'takes the upper bound too',
    disksWith(tx => ({ range: (from, to, limit) => tx.range(from, `${to}\u0000`, limit) })),
    /upper one/
  ],
  [
    'leaves out the lower bound',
    disksWith(tx => ({ range: async (...all) => (await tx.range(...all)).filter(([key]) => key !== all[0]) })),
    /lower bound/
  ],
  ['knows no limit', disksWith(tx => ({ range: (from, to) => tx.range(from, to) })), /at most as many/],
  ['deletes one key of a range', disksWith(tx => ({ deleteRange: from => tx.delete(from) })), /can be deleted/],
  ['deletes nothing', disksWith(() => ({ delete() {} })), /can be deleted/],
  [
    'keeps what a failed transaction wrote',
    disksThat(disk => ({
      write: async (durability, body) => {
        let result = await disk.write(durability, async tx => {
          try {
            return { value: await body(tx) }
          } catch (error) {
            return { error }
          }
        })
        if ('error' in result) throw result.error
        return result.value
      }
    })),
    /leaves nothing behind/
  ],
  [
    'hides that a transaction failed',
    disksThat(disk => ({ write: (...all) => disk.write(...all).catch(() => undefined as never) })),
    /tells its error/
  ],
  [
    'hides that a read failed',
    disksThat(disk => ({ read: body => disk.read(body).catch(() => undefined as never) })),
    /reading transaction/
  ],
  [
    'reads what was there before the transaction',
    disksThat(disk => ({
      async write(durability, body) {
        let old = new Map(await disk.read(tx => tx.range('', '\uffff')))
        return disk.write(durability, tx => body({ ...tx, get: async key => old.get(key) }))
      }
    })),
    /sees its own writes/
  ],
  [
    'runs transactions at the same time',
    disksThat(disk => ({
      async write(durability, body) {
        let later: ((tx: DiskWriter) => void)[] = []
        let result = await disk.read(tx =>
          Promise.resolve(tx).then(tx =>
            body({
              ...tx,
              put: (key, value) => void later.push(tx => tx.put(key, value)),
              delete: key => void later.push(tx => tx.delete(key)),
              deleteRange: (from, to) => void later.push(tx => tx.deleteRange(from, to))
            })
          )
        )
        await disk.write(durability, async tx => {
          for (let call of later) call(tx)
        })
        return result
      }
    })),
    /run one after the other/
  ],
  [
    'says nothing of what was returned',
    disksThat(disk => ({ write: (...all) => disk.write(...all).then(() => undefined as never) })),
    /what a transaction returns/
  ],
  [
    'resolves before anything is written, and is closed too early',
    async name => delaying(await delayedDisks(name)),
    /is there when it is opened again/
  ],
  [
    'begins anew whenever it is opened',
    async () => ({ ...createMemoryDisk(), kind: 'disk' }),
    /when it is opened again/
  ],
  [
    'is one disk for all names',
    (
      all => async () =>
        all('one')
    )(disksOf()),
    /is empty at first|other disks/
  ],
  ['does not know that it forgets', async () => createMemoryDisk(), /says that it is a disk/]
]

let delayedDisks = disksOf()
/** Writes to what it remembers; the disk would be written later, if there were a later. */
function delaying(disk: Disk): Disk {
  let memory = createMemoryDisk()
  let loaded: Promise<void> | null = null
  let load = (): Promise<void> => {
    loaded ??= disk.read(async tx => {
      let rows = await tx.range('', '\uffff')
      await memory.write('relaxed', async tx => {
        for (let [key, value] of rows) tx.put(key, value)
      })
    })
    return loaded
  }
  return {
    ...disk,
    read: async body => load().then(() => memory.read(body)),
    write: async (durability, body) => load().then(() => memory.write(durability, body))
  }
}

describe('the contract of a disk', () => {
  test('is kept by one that outlives who opened it', async () => {
    expect(await failures(storageContract(disksOf()))).toEqual([])
  })

  test.each(brokenDisks)('finds one that %s', async (_, open, caught) => {
    let found = await failures(storageContract(open))
    expect(found.filter(failure => caught.test(failure))).not.toEqual([])
  })
})

let stored = new WeakMap<Storage, Map<string, MemoryRoom>>()
function kept(rooms = new Map<string, MemoryRoom>()): Storage {
  let storage = createMemoryStorage(rooms)
  stored.set(storage, rooms)
  return storage
}

type Broken = (storage: Storage) => Partial<Storage>
let committing =
  (change: (commit: Commit) => Partial<Commit>): Broken =>
  storage => ({ commit: (room, commit) => storage.commit(room, { ...commit, ...change(commit) }) })

let brokenStorages: [what: string, change: Broken, caught: RegExp][] = [
  ['loses the last event of a commit', committing(({ events }) => ({ events: events.slice(0, -1) })), /\[S9\]/],
  ['loses marks', committing(() => ({ clients: [] })), /\[S9\]/],
  [
    'loses the snapshot',
    storage => ({ open: async (...all) => ({ ...(await storage.open(...all)), snapshot: null }) }),
    /\[S9\]/
  ],
  [
    'loses a field',
    committing(({ events }) => ({ events: events.map(({ op: _, ...event }) => event) })),
    /with all its fields/
  ],
  [
    'takes a commit on an old revision',
    storage => ({
      commit: async (room, commit) =>
        storage.commit(room, { ...commit, revision: (await storage.open(room, '-')).revision })
    }),
    /\[S23\] a commit on another revision/
  ],
  [
    'writes marks although the commit is a conflict',
    storage => ({
      async commit(room, commit) {
        let { revision, epoch } = await storage.open(room, commit.epoch)
        if (revision !== commit.revision) await storage.commit(room, { ...commit, revision, epoch, events: [] })
        return storage.commit(room, commit)
      }
    }),
    /\[S23\]/
  ],
  [
    'hides a conflict',
    storage => ({ commit: (...all) => storage.commit(...all).catch(() => {}) }),
    /\[S23\].*should have been rejected/
  ],
  [
    'lets two win',
    storage => ({
      commit: (room, commit) =>
        storage.commit(room, commit).catch(async error => {
          let { revision, offset, epoch } = await storage.open(room, '-')
          if (epoch !== commit.epoch || offset >= (commit.events.at(-1)?.offset ?? 0)) throw error
          await storage.commit(room, { ...commit, revision })
        })
    }),
    /\[S23\] of two commits/
  ],
  [
    'mixes the rooms up',
    storage => ({
      findIds: async (_, ids) => new Map([...(await storage.findIds('r', ids)), ...(await storage.findIds('s', ids))])
    }),
    /rooms do not see each other/
  ],
  [
    'reads backward in the wrong order',
    storage => ({ before: async (...all) => [...(await storage.before(...all))].reverse() }),
    /in pages, in order/
  ],
  [
    'reads one too many',
    storage => ({ read: (room, after, limit) => storage.read(room, after, limit + 1) }),
    /in pages, in order/
  ],
  [
    'trims nothing',
    storage => ({
      commit: (room, { trim: _, ...commit }) => storage.commit(room, commit)
    }),
    /\[D1\]/
  ],
  [
    'forgets ids with their events',
    committing(({ trim }) => (trim ? { trim: { ...trim, idsBefore: Infinity } } : {})),
    /\[S7\]/
  ],
  [
    'remembers clients for ever',
    committing(({ trim }) => (trim ? { trim: { ...trim, clientsBefore: 0 } } : {})),
    /forgets clients/
  ],
  [
    'makes a room anew whenever it is opened',
    storage => ({ open: async (room, epoch) => ({ ...(await storage.open(room, epoch)), epoch }) }),
    /is created with the given epoch, once/
  ],
  [
    'keeps lists that are not its own',
    storage => {
      let lists = new Map<string, Commit['events']>()
      return {
        commit: async (room, commit) => {
          await storage.commit(room, commit)
          lists.set(room, commit.events)
        },
        read: async (room, after, limit) => {
          let list = lists.get(room)
          return after === 0 && list ? list.slice(0, limit) : storage.read(room, after, limit)
        }
      }
    },
    /kept as it was then/
  ]
]

describe('the contract of a server’s storage', () => {
  let reopen = (storage: Storage) => kept(stored.get(storage))

  test('is kept by one that is there when it is opened again', async () => {
    expect(await failures(serverStorageContract(kept, { reopen }))).toEqual([])
  })

  test.each(brokenStorages)('finds one that %s', async (_, change, caught) => {
    let make = () => {
      let storage = createMemoryStorage()
      return { ...storage, ...change(storage) }
    }
    let found = await failures(serverStorageContract(make))
    expect(found.filter(failure => caught.test(failure))).not.toEqual([])
  })

  test('finds one that is empty when it is opened again', async () => {
    let found = await failures(serverStorageContract(kept, { reopen: () => createMemoryStorage() }))
    expect(found).toHaveLength(1)
    expect(found[0]).toMatch(/^\[D7\]/)
  })
})
