// What the engine asks of a place that keeps rooms. A room is self-contained: nothing here spans two rooms, so a room may
// live in a file, in Redis or in an edge object. Knows nothing of connections.

import type { Lane } from '../feature.js'
import type { PushResult } from '../protocol/frames.js'

/** An event as it lies in a room's log. Must survive JSON. */
export interface StoredEvent {
  readonly offset: number
  readonly feature: string
  readonly type: string
  readonly data: unknown
  readonly id: string
  readonly by: string
  readonly cid?: string
  /** Milliseconds since 1970 by the server's clock. */
  readonly at: number
  readonly kid?: string
  readonly op?: readonly [lane: Lane, n: number]
}

/** The answer to one push, kept until its client confirms it. */
export type Answer = readonly [n: number, id: string, result: PushResult]

/** What was answered last in one chain. */
export interface LaneMark {
  readonly n: number
  readonly id: string
  /** Highest number whose answer the client has confirmed. */
  readonly done: number
  /** Answers above `done`, oldest first. */
  readonly answers: readonly Answer[]
}

/** What a room knows of one client. */
export interface ClientRecord {
  /** One life of these marks. */
  readonly marksEpoch: string
  /** Highest connection count of the client that has joined. */
  readonly gen: number
  readonly lanes: Readonly<Partial<Record<Lane, LaneMark>>>
}

/** A feature's state, as of `offset`. */
export interface StoredState {
  readonly version: number
  readonly state: unknown
  readonly offset: number
}

/** The states of a room's features as last written; each carries its own offset. */
export type StoredSnapshot = Readonly<Record<string, StoredState>>

/** Where a room stands. */
export interface RoomHead {
  /** One life of the log: chosen when the room is created, and anew when its storage is restored or lost. */
  readonly epoch: string
  /** Offset of the last event, 0 for none. */
  readonly offset: number
  /** Events up to here are gone from the log. */
  readonly trimmed: number
  /** Counts the commits of the room; a commit names the one that it builds on. */
  readonly revision: number
  readonly snapshot: StoredSnapshot | null
}

/** All that one turn of a room changes; takes effect completely or not at all. */
export interface Commit {
  readonly epoch: string
  /** The revision that this was decided on. */
  readonly revision: number
  /** New events; their offsets follow the head without a hole. */
  readonly events: readonly StoredEvent[]
  readonly clients: ReadonlyArray<readonly [client: string, record: ClientRecord]>
  /** The server's clock, milliseconds since 1970. */
  readonly now: number
  readonly snapshot?: StoredSnapshot
  readonly trim?: Trim
}

export interface Trim {
  /** Drops events up to this offset. */
  readonly to: number
  /** Of the trimmed events, forgets ids that are older than this time. */
  readonly idsBefore: number
  /** Forgets clients that have not written since this time. */
  readonly clientsBefore: number
}

/**
 * Keeps rooms. Every method may be called at any time for any room; what it returns and what it is given is never changed.
 * One engine writes a room at a time; where two do, `commit` lets one of them win.
 */
export interface Storage {
  /** The head of a room; a room that is not there is created with `epoch` as its epoch. */
  open(room: string, epoch: string): Promise<RoomHead>
  /** The record of a client, `null` when there is none. */
  clientOf(room: string, client: string): Promise<ClientRecord | null>
  /** Which of the ids the room has seen, with their offsets; also ids of trimmed events, for as long as they are kept. */
  findIds(room: string, ids: readonly string[]): Promise<ReadonlyMap<string, number>>
  /** Events after an offset in order, at most `limit`. */
  read(room: string, after: number, limit: number): Promise<readonly StoredEvent[]>
  /** The last events before an offset in order, at most `limit`. */
  before(room: string, offset: number, limit: number): Promise<readonly StoredEvent[]>
  /**
   * Writes a turn. Resolves when it survives a crash of the process; rejects with a `RealtimeError` of code `conflict` when
   * the room's epoch or revision is another, with nothing written. After any other rejection it may or may not be written.
   */
  commit(room: string, commit: Commit): Promise<void>
  /** Waits for what is under way, then lets go of the storage. */
  close(): Promise<void>
}
