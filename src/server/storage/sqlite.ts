// Rooms in one SQLite file. What is committed survives a kill of the process and, with `synchronous: 'full'`, of the machine.
// Commits of one turn of the event loop share one write to the disk.

import { RealtimeError } from '../../errors.js'
import { requireObject, wrong } from '../arguments.js'
import type { ClientRecord, Commit, RoomHead, Storage, StoredEvent, StoredSnapshot } from '../storage.js'
import { openDatabase, type SqlDatabase, type SqlStatement } from './sqlite-driver.js'

export interface SqliteOptions {
  /** Path of the file; it is created when it is not there. */
  readonly file: string
  /** `full` (default): survives a power cut. `normal`: may lose the last moments on one, never on a crash of the process. */
  readonly synchronous?: 'full' | 'normal'
  /**
   * Set once after the file was put back from a backup: every room gets a new epoch and forgets its clients' marks, so that
   * clients notice instead of taking other events for the ones they know.
   */
  readonly restored?: boolean
}

const TABLES = `
  CREATE TABLE IF NOT EXISTS rooms (room TEXT PRIMARY KEY, epoch TEXT NOT NULL, head INTEGER NOT NULL,
    trimmed INTEGER NOT NULL, revision INTEGER NOT NULL, snapshot TEXT) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS events (room TEXT, at INTEGER, event TEXT NOT NULL, PRIMARY KEY (room, at)) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS ids (room TEXT, id TEXT, at INTEGER NOT NULL, seen INTEGER NOT NULL,
    PRIMARY KEY (room, id)) WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS ids_by_age ON ids (room, at);
  CREATE TABLE IF NOT EXISTS clients (room TEXT, client TEXT, record TEXT NOT NULL, seen INTEGER NOT NULL,
    PRIMARY KEY (room, client)) WITHOUT ROWID;
`

interface HeadRow {
  readonly epoch: string
  readonly head: number
  readonly trimmed: number
  readonly revision: number
  readonly snapshot: string | null
}

interface Waiting {
  readonly room: string
  readonly commit: Commit
  resolve(): void
  reject(error: unknown): void
}

/** Keeps rooms in a file, with `node:sqlite` where Node has it, else with the package `libsql`. Throws without either. */
export function createSqliteStorage(options: SqliteOptions): Storage {
  requireObject('options', options, "an object such as { file: 'realtime.db' }")
  let { file, synchronous = 'full', restored = false } = options
  if (typeof file !== 'string' || file === '') wrong('file', 'the path of the database file', file)
  if (synchronous !== 'full' && synchronous !== 'normal') wrong('synchronous', "'full' or 'normal'", synchronous)
  if (typeof restored !== 'boolean') wrong('restored', 'true or false', restored)
  let db = openDatabase(file)
  db.exec('PRAGMA busy_timeout = 5000')
  db.exec('PRAGMA journal_mode = WAL')
  db.exec(`PRAGMA synchronous = ${synchronous === 'full' ? 'FULL' : 'NORMAL'}`)
  db.exec(TABLES)
  if (restored) db.exec('BEGIN; UPDATE rooms SET epoch = lower(hex(randomblob(16))); DELETE FROM clients; COMMIT')
  let sql = statements(db)
  let waiting: Waiting[] = []
  let closed = false

  function write({ room, commit }: Waiting): void {
    let { epoch, revision, events, clients, now, snapshot, trim } = commit
    let head = sql.head.get(room) as HeadRow | undefined
    if (head?.epoch !== epoch || head.revision !== revision) throw new RealtimeError('conflict')
    for (let event of events) {
      sql.addEvent.run(room, event.offset, JSON.stringify(event))
      sql.addId.run(room, event.id, event.offset, event.at)
    }
    for (let [client, record] of clients) sql.putClient.run(room, client, JSON.stringify(record), now)
    let offset = events.at(-1)?.offset ?? head.head
    let stored = snapshot ? JSON.stringify(snapshot) : head.snapshot
    sql.putHead.run(offset, Math.max(head.trimmed, trim?.to ?? 0), revision + 1, stored, room)
    if (!trim) return
    sql.trimEvents.run(room, trim.to)
    sql.trimIds.run(room, trim.to, trim.idsBefore)
    sql.trimClients.run(room, trim.clientsBefore)
  }

  /** One transaction for everything that waits; each commit takes effect, or not, on its own. */
  function flush(): void {
    let commits = waiting
    waiting = []
    let done: (() => void)[] = []
    try {
      db.exec('BEGIN IMMEDIATE')
      for (let commit of commits) {
        db.exec('SAVEPOINT one')
        try {
          write(commit)
          done.push(commit.resolve)
        } catch (error) {
          db.exec('ROLLBACK TO one')
          done.push(() => commit.reject(error))
        }
        db.exec('RELEASE one')
      }
      db.exec('COMMIT')
    } catch (error) {
      try {
        db.exec('ROLLBACK')
      } catch {
        // There was no transaction left to roll back; the first error is the one to tell.
      }
      for (let { reject } of commits) reject(error)
      return
    }
    for (let call of done) call()
  }

  return {
    async open(room, epoch) {
      sql.addRoom.run(room, epoch)
      let row = sql.head.get(room) as HeadRow
      let snapshot = row.snapshot === null ? null : (JSON.parse(row.snapshot) as StoredSnapshot)
      return {
        epoch: row.epoch,
        offset: row.head,
        trimmed: row.trimmed,
        revision: row.revision,
        snapshot
      } satisfies RoomHead
    },
    async clientOf(room, client) {
      let row = sql.client.get(room, client) as { record: string } | undefined
      return row ? (JSON.parse(row.record) as ClientRecord) : null
    },
    async findIds(room, ids) {
      let found = new Map<string, number>()
      for (let id of ids) {
        let row = sql.findId.get(room, id) as { at: number } | undefined
        if (row) found.set(id, row.at)
      }
      return found
    },
    async read(room, after, limit) {
      return parseEvents(sql.read.all(room, after, limit))
    },
    async before(room, offset, limit) {
      return parseEvents(sql.before.all(room, Math.min(offset, Number.MAX_SAFE_INTEGER), limit)).reverse()
    },
    commit(room, commit) {
      return new Promise((resolve, reject) => {
        if (closed) return reject(new RealtimeError('closed', 'the storage was closed'))
        if (waiting.length === 0) setImmediate(flush)
        waiting.push({ room, commit, resolve, reject })
      })
    },
    async close() {
      if (closed) return
      closed = true
      if (waiting.length > 0) flush()
      // Leaves one complete file behind, fit for a copy.
      db.exec('PRAGMA wal_checkpoint(TRUNCATE)')
      db.close()
    }
  }
}

function parseEvents(rows: unknown[]): StoredEvent[] {
  return (rows as { event: string }[]).map(({ event }) => JSON.parse(event) as StoredEvent)
}

function statements(
  db: SqlDatabase
): Record<
  | 'addRoom'
  | 'head'
  | 'putHead'
  | 'client'
  | 'putClient'
  | 'trimClients'
  | 'addId'
  | 'findId'
  | 'trimIds'
  | 'addEvent'
  | 'read'
  | 'before'
  | 'trimEvents',
  SqlStatement
> {
  return {
    addRoom: db.prepare('INSERT OR IGNORE INTO rooms VALUES (?, ?, 0, 0, 0, NULL)'),
    head: db.prepare('SELECT epoch, head, trimmed, revision, snapshot FROM rooms WHERE room = ?'),
    putHead: db.prepare('UPDATE rooms SET head = ?, trimmed = ?, revision = ?, snapshot = ? WHERE room = ?'),
    client: db.prepare('SELECT record FROM clients WHERE room = ? AND client = ?'),
    putClient: db.prepare('INSERT OR REPLACE INTO clients VALUES (?, ?, ?, ?)'),
    trimClients: db.prepare('DELETE FROM clients WHERE room = ? AND seen < ?'),
    addId: db.prepare('INSERT OR REPLACE INTO ids VALUES (?, ?, ?, ?)'),
    findId: db.prepare('SELECT at FROM ids WHERE room = ? AND id = ?'),
    trimIds: db.prepare('DELETE FROM ids WHERE room = ? AND at <= ? AND seen < ?'),
    addEvent: db.prepare('INSERT INTO events VALUES (?, ?, ?)'),
    read: db.prepare('SELECT event FROM events WHERE room = ? AND at > ? ORDER BY at LIMIT ?'),
    before: db.prepare('SELECT event FROM events WHERE room = ? AND at < ? ORDER BY at DESC LIMIT ?'),
    trimEvents: db.prepare('DELETE FROM events WHERE room = ? AND at <= ?')
  }
}
