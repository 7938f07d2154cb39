// A room's state in memory and its storage, kept in line: loads, commits, and notices when another writer or a loss of the
// storage made them differ. Knows nothing of connections.

import type { AnyFeature } from '../feature.js'
import type { Clock, Random, Report } from '../ports.js'
import type { Decision, Seat, View } from './decide.js'
import type { Limits } from './limits.js'
import { loadState, type RoomState, snapshotOf } from './state.js'
import type { ClientRecord, Storage, StoredEvent } from './storage.js'

export interface LedgerParts {
  readonly features: ReadonlyMap<string, AnyFeature>
  readonly storage: Storage
  readonly clock: Clock
  readonly random: Random
  readonly limits: Limits
  readonly report: Report
}

/** What the storage held that the memory did not: nothing, events of another writer, or another log. */
export type Surprise =
  | { readonly kind: 'none' }
  | { readonly kind: 'events'; readonly events: readonly StoredEvent[] }
  | { readonly kind: 'gap' }

export interface Ledger {
  /** Where the room stands as far as memory knows; `null` before it was loaded. */
  state(): RoomState | null
  /** Loads what is missing or in doubt. */
  ready(): Promise<{ state: RoomState; surprise: Surprise }>
  /** The storage may hold something else than memory: `ready` will read it again. */
  doubt(): void
  /** Everything that a decision about these clients and ids looks at. */
  view(clients: ReadonlySet<string>, ids: readonly string[]): Promise<Omit<View, 'holders'>>
  /** Makes a decision true. Nothing in memory changes when it rejects. */
  commit(decision: Decision<Seat>): Promise<void>
  /** The events after an offset up to another, or `null` when the log no longer holds all of them. */
  between(after: number, upTo: number): Promise<StoredEvent[] | null>
  /** Forgets clients that are not needed now, when there are many. */
  trimClients(needed: ReadonlyMap<string, unknown>): void
}

export function createLedger(room: string, { features, storage, clock, random, limits, report }: LedgerParts): Ledger {
  let state: RoomState | null = null
  let inDoubt = true
  let clients = new Map<string, ClientRecord | null>()

  async function between(after: number, upTo: number): Promise<StoredEvent[] | null> {
    let events: StoredEvent[] = []
    while (after < upTo) {
      let page = await storage.read(room, after, upTo - after)
      if (page[0]?.offset !== after + 1) return null
      events.push(...page)
      after = page.at(-1)?.offset ?? upTo
    }
    return events
  }

  function known(): RoomState {
    if (!state) throw new Error(`the room «${room}» is not loaded`)
    return state
  }

  return {
    state: () => state,
    between,
    doubt() {
      inDoubt = true
    },
    async ready() {
      if (state && !inDoubt) return { state, surprise: { kind: 'none' } }
      let before = state
      let failed = (code: string, detail: unknown) => report('error', code, detail)
      let loaded = await loadState(storage, room, random.id(), features, failed)
      let surprise: Surprise = { kind: 'none' }
      if (before && (before.epoch !== loaded.epoch || before.offset > loaded.offset)) surprise = { kind: 'gap' }
      else if (before && before.offset < loaded.offset) {
        let events = await between(before.offset, loaded.offset)
        surprise = events ? { kind: 'events', events } : { kind: 'gap' }
      }
      clients.clear()
      state = loaded
      inDoubt = false
      if (surprise.kind === 'gap') report('warn', 'log-changed', { room, before: before?.epoch, now: loaded.epoch })
      return { state, surprise }
    },
    async view(wanted, ids) {
      for (let client of wanted) {
        if (!clients.has(client)) clients.set(client, await storage.clientOf(room, client))
      }
      let seen = ids.length > 0 ? await storage.findIds(room, ids) : new Map<string, number>()
      let { offset, states } = known()
      return { offset, now: clock.now(), features, states, clients, known: seen }
    },
    async commit({ events, states, clients: changed }) {
      if (events.length === 0 && changed.size === 0) return
      let { epoch, revision, snapshotAt, trimmed, foreign, ...rest } = known()
      let offset = rest.offset + events.length
      let now = clock.now()
      let due = offset - snapshotAt >= limits.snapshotEvery
      let to = due ? Math.max(trimmed, offset - limits.logLength) : trimmed
      let housekeeping = {
        snapshot: snapshotOf(foreign, states, offset, features),
        trim: { to, idsBefore: now - limits.keepIds, clientsBefore: now - limits.keepMarks }
      }
      await storage.commit(room, { epoch, revision, events, clients: [...changed], now, ...(due ? housekeeping : {}) })
      state = {
        epoch,
        offset,
        trimmed: to,
        revision: revision + 1,
        snapshotAt: due ? offset : snapshotAt,
        states,
        foreign
      }
      for (let [client, record] of changed) clients.set(client, record)
    },
    trimClients(needed) {
      if (clients.size <= 100 + 2 * needed.size) return
      for (let client of clients.keys()) if (!needed.has(client)) clients.delete(client)
    }
  }
}
