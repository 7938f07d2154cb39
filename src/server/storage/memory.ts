// Rooms in memory: for tests, demos, and rooms that may end with the process. A new process is a new epoch.

import { RealtimeError } from '../../errors.js'
import type { ClientRecord, Commit, Storage, StoredEvent, StoredSnapshot } from '../storage.js'

export interface MemoryRoom {
  epoch: string
  offset: number
  trimmed: number
  revision: number
  snapshot: StoredSnapshot | null
  /** The log from `trimmed + 1` on. */
  events: StoredEvent[]
  clients: Map<string, { record: ClientRecord; at: number }>
  ids: Map<string, { offset: number; at: number }>
}

/** Keeps rooms in the memory of this process; everything is gone when it ends. `rooms`: where they are kept, for tests. */
export function createMemoryStorage(rooms = new Map<string, MemoryRoom>()): Storage {
  function write(room: string, { epoch, revision, events, clients, now, snapshot, trim }: Commit): void {
    let stored = rooms.get(room)
    if (!stored || stored.epoch !== epoch || stored.revision !== revision) throw new RealtimeError('conflict')
    stored.revision++
    for (let event of events) {
      stored.events.push(event)
      stored.ids.set(event.id, { offset: event.offset, at: event.at })
      stored.offset = event.offset
    }
    for (let [client, record] of clients) stored.clients.set(client, { record, at: now })
    if (snapshot) stored.snapshot = snapshot
    if (!trim) return
    if (trim.to > stored.trimmed) {
      stored.events.splice(0, trim.to - stored.trimmed)
      stored.trimmed = trim.to
    }
    for (let [id, { offset, at }] of stored.ids) if (offset <= trim.to && at < trim.idsBefore) stored.ids.delete(id)
    for (let [client, { at }] of stored.clients) if (at < trim.clientsBefore) stored.clients.delete(client)
  }

  return {
    async open(room, epoch) {
      let stored = rooms.get(room)
      if (!stored) {
        stored = {
          epoch,
          offset: 0,
          trimmed: 0,
          revision: 0,
          snapshot: null,
          events: [],
          clients: new Map(),
          ids: new Map()
        }
        rooms.set(room, stored)
      }
      let { offset, trimmed, revision, snapshot } = stored
      return { epoch: stored.epoch, offset, trimmed, revision, snapshot }
    },
    async clientOf(room, client) {
      return rooms.get(room)?.clients.get(client)?.record ?? null
    },
    async findIds(room, ids) {
      let found = new Map<string, number>()
      for (let id of ids) {
        let entry = rooms.get(room)?.ids.get(id)
        if (entry) found.set(id, entry.offset)
      }
      return found
    },
    async read(room, after, limit) {
      let stored = rooms.get(room)
      if (!stored) return []
      let from = Math.max(0, after - stored.trimmed)
      return stored.events.slice(from, from + limit)
    },
    async before(room, offset, limit) {
      let stored = rooms.get(room)
      if (!stored) return []
      let to = Math.max(0, Math.min(stored.events.length, offset - 1 - stored.trimmed))
      return stored.events.slice(Math.max(0, to - limit), to)
    },
    async commit(room, commit) {
      write(room, commit)
    },
    async close() {}
  }
}
