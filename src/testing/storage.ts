// Storage of rooms that outlives its server, and can be made to lose, to fail, or to be slow.

import { createMemoryStorage, type MemoryRoom } from '../server/storage/memory.js'
import type { Commit, Storage } from '../server/storage.js'
import type { Life } from './life.js'

/** What may get lost: the events, what is known of the clients, or both. */
export type Loss = 'log' | 'marks' | 'all'

/** The storage of a world's server, with what can happen to one. */
export interface TestStorage extends Storage {
  /** Every call fails while this is set. */
  broken: Error | null
  /** What is kept, by room. */
  readonly rooms: ReadonlyMap<string, MemoryRoom>
  /** Told of everything that was committed. */
  committed: (room: string, commit: Commit) => void
  /** How long a call takes. */
  latency: () => Promise<unknown>
  /** Forgets, for all rooms or for one. What comes after is a new life of what was lost. */
  lose(what: Loss, room?: string): void
  /** Everything as it is now. */
  backup(): Backup
  /** Puts a backup in the place of everything; it starts a new life of every log and of all marks. */
  restore(backup: Backup): void
  /** The storage as a process sees it that may die in the middle of a call. */
  openedIn(life: Life): Storage
}

/** What a storage held at one time. */
export type Backup = ReadonlyMap<string, MemoryRoom>

/** Creates an empty storage. */
export function createTestStorage(newId: () => string): TestStorage {
  let rooms = new Map<string, MemoryRoom>()
  let inner = createMemoryStorage(rooms)

  function forget(stored: MemoryRoom, what: Loss): void {
    stored.revision++
    if (what !== 'marks') {
      Object.assign(stored, { epoch: newId(), offset: 0, trimmed: 0, snapshot: null, events: [] })
      stored.ids.clear()
    }
    if (what !== 'log') stored.clients.clear()
  }

  async function slowly<T>(life: Life | null, call: () => Promise<T>): Promise<T> {
    if (storage.broken) throw storage.broken
    await storage.latency()
    if (life?.state === 'dead') throw new Error('the server is gone')
    return call()
  }

  function over(life: Life | null): Storage {
    let see = <T>(call: () => Promise<T>): Promise<T> => (life ? life.see(slowly(life, call)) : slowly(null, call))
    return {
      open: (room, epoch) => see(() => inner.open(room, epoch)),
      clientOf: (room, client) => see(() => inner.clientOf(room, client)),
      findIds: (room, ids) => see(() => inner.findIds(room, ids)),
      read: (room, after, limit) => see(() => inner.read(room, after, limit)),
      before: (room, offset, limit) => see(() => inner.before(room, offset, limit)),
      commit: (room, commit) =>
        see(async () => {
          await inner.commit(room, commit)
          storage.committed(room, commit)
        }),
      close: () => inner.close()
    }
  }

  let storage: TestStorage = {
    ...over(null),
    broken: null,
    rooms,
    committed: () => {},
    latency: () => Promise.resolve(),
    lose(what, room) {
      for (let [name, stored] of rooms) if (room === undefined || room === name) forget(stored, what)
    },
    backup: () => structuredClone(rooms),
    restore(backup) {
      for (let [name, stored] of rooms) if (!backup.has(name)) forget(stored, 'all')
      for (let [name, copy] of structuredClone(backup)) {
        let revision = (rooms.get(name)?.revision ?? 0) + 1
        rooms.set(name, { ...copy, revision, epoch: newId(), clients: new Map() })
      }
    },
    openedIn: over
  }
  return storage
}
