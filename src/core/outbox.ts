// The rows that wait for their answer: on disk first, mirrored in memory. Every transaction runs in one lane, and the mirror
// changes only after its transaction is complete. Each costs what it moves, however much waits. Knows nothing of connections:
// `outgoing` asks it for rows to send.

import { RealtimeError } from '../errors.js'
import type { Clock, Disk, Random, Stop } from '../ports.js'
import { createLane } from './lane.js'
import { type Chain, indexAfter } from './mirror.js'
import { createOutboxStore, type OutboxListener, type Outcome } from './outbox-store.js'
import {
  assertClient,
  claimRows,
  confirmAll,
  exitsOf,
  forgetSettled,
  readChain,
  settleUpTo,
  storeRows,
  takeOut
} from './outbox-tx.js'
import {
  type ChainRecord,
  CLIENT_KEY,
  type ClientRecord,
  chainKey,
  keys,
  noteExits,
  type ParkedRow,
  type Row,
  weigh
} from './rows.js'

export type { OutboxListener, Outcome } from './outbox-store.js'

/** How a row that never left is taken out. */
export type Withdrawal =
  | { readonly kind: 'expired' | 'purged' }
  | { readonly kind: 'rejected'; readonly code: string; readonly message: string }

export interface Settlement {
  readonly chain: string
  readonly row: Row
  readonly outcome: Exclude<Outcome, { kind: 'expired' | 'replaced' | 'purged' }>
}

export interface OutboxPorts {
  readonly disk: Disk
  /** What takes the disk's place when it fails. */
  readonly memory: () => Disk
  readonly clock: Clock
  readonly random: Random
  readonly limits: { readonly maxCount: number; readonly maxBytes: number }
  readonly on: OutboxListener
}

/** Asked when rows are stored: may they leave at once, and is an answer on its way soon? */
export interface Gate {
  maySend(chain: string, count: number, bytes: number): boolean
  isOnline(): boolean
}

/** Answers may be forgotten by the server only when ours are surely on disk; this long after them, one write makes sure. */
const CONFIRM_AFTER = 1000
/** Rows stored in one transaction, at most: a long one would keep the page busy, and other tabs waiting. */
const FLUSH = 512

export type Outbox = ReturnType<typeof createOutbox>

export function createOutbox({ disk, memory, clock, random, limits, on }: OutboxPorts) {
  let lane = createLane()
  let store = createOutboxStore({ disk, memory, clock, random, lane, on })
  let { mirror, drop, park, commit, commitAsClient, adopting } = store
  /** Accepted, not yet on disk. */
  let queue: Row[] = []
  let flushing = false
  let stopConfirm: Stop | null = null
  let closed = false
  let gate: Gate = { maySend: () => false, isOnline: () => false }

  // --- in ---

  /** Stores what was accepted so far. What is accepted meanwhile makes a flush of its own. */
  async function flush(): Promise<void> {
    flushing = false
    for (let left = queue.length; left > 0; ) {
      let batch = queue.slice(0, Math.min(left, FLUSH))
      await storeBatch(batch)
      left -= batch.length
    }
  }

  async function storeBatch(batch: readonly Row[]): Promise<void> {
    let newest = conflate(batch)
    let groups = new Map<string, Row[]>()
    for (let row of newest) {
      let key = chainKey(row.room, row.lane)
      let rows = groups.get(key)
      if (rows) rows.push(row)
      else groups.set(key, [row])
    }
    let failure: RealtimeError | null = null
    let stored: Awaited<ReturnType<typeof storeRows>>[] = []
    try {
      stored = await commitAsClient(gate.isOnline() ? 'relaxed' : 'strict', async tx => {
        let { gen } = await assertClient(tx, store.client.cid)
        let isSender = store.gen > 0 && gen === store.gen
        let results: typeof stored = []
        for (let [key, rows] of groups) {
          let bytes = rows.reduce((sum, row) => sum + mirror.weight(row), 0)
          results.push(await storeRows(tx, mirror.chain(key), rows, isSender && gate.maySend(key, rows.length, bytes)))
        }
        return results
      })
    } catch (error) {
      failure = new RealtimeError('storage', undefined, { cause: error })
    }
    queue.splice(0, batch.length)
    for (let row of batch) if (!newest.has(row)) drop(row, { kind: 'replaced' })
    if (failure) for (let row of newest) drop(row, { kind: 'failed', error: failure })
    for (let result of stored) takeStored(result, groups.get(result.chain.key) as Row[])
    if (!failure) on.wrote()
    on.changed()
  }

  function takeStored(result: Awaited<ReturnType<typeof storeRows>>, rows: readonly Row[]): void {
    let { chain, first, claimed, replaced, chunks, missed, ...exits } = result
    for (let row of mirror.take(chain, replaced)) drop(row, { kind: 'replaced' })
    store.find(chain, missed)
    rows.forEach((row, i) => {
      row.n = first + i
    })
    chain.n = first + rows.length - 1
    Object.assign(chain, exits)
    if (claimed) chain.claimed = chain.n
    chain.rows.push(...rows)
    chain.chunks.push(...chunks)
    on.stored(rows, claimed)
  }

  /** In one transaction: whoever else asks for it finds it gone, and a crash leaves it neither in both places nor in none. */
  async function restore(id: string): Promise<boolean> {
    let item = store.parked.get(id)
    if (!item) return false
    let { ttl: _isOver, ...kept } = item.row
    let row: Row = { ...kept, n: 0, at: clock.now() }
    let weight = weigh(row)
    let isWaiting = mirror.holds(row)
    if (!isWaiting) assertRoom(row, weight)
    let key = chainKey(row.room, row.lane)
    let result = await commitAsClient('strict', async tx => {
      let { gen } = await assertClient(tx, store.client.cid)
      if (!(await tx.get(keys.parked(id)))) return null
      tx.delete(keys.parked(id))
      let isSender = store.gen > 0 && gen === store.gen
      return isWaiting ? null : storeRows(tx, mirror.chain(key), [row], isSender && gate.maySend(key, 1, weight))
    })
    store.parked.delete(id)
    if (result) {
      mirror.add(row, weight)
      takeStored(result, [row])
      on.found([row])
    }
    on.wrote()
    on.changed()
    return result !== null
  }

  function assertRoom(row: Row, weight: number): void {
    if ((mirror.count < limits.maxCount && mirror.bytes + weight <= limits.maxBytes) || replaces(row)) return
    throw new RealtimeError(
      'outbox-full',
      `The outbox is full: ${mirror.count} actions with ${mirror.bytes} characters wait (limits: ${limits.maxCount}, ${limits.maxBytes}).`
    )
  }

  /** Whether a row that waits would give way to this one. */
  function replaces({ room, lane, key }: Row): boolean {
    let { rows, claimed } = mirror.chain(chainKey(room, lane))
    let isLike = (other: Row): boolean => other.key === key && other.room === room && other.lane === lane
    return key !== undefined && (queue.some(isLike) || rows.some(other => isLike(other) && other.n > claimed))
  }

  // --- out ---

  async function claim(key: string, max: { count: number; bytes: number }): Promise<readonly Row[]> {
    let chain = mirror.chain(key)
    for (;;) {
      let from = indexAfter(chain.rows, chain.claimed)
      if (from === chain.rows.length) return []
      let of = { isOver: (row: Row): boolean => mirror.timeLeft(row) < 0, weight: mirror.weight }
      // What can still be taken back must be known as sent even after a power cut.
      let result = await commit('strict', async tx => {
        await assertClient(tx, store.client.cid, store.gen)
        return claimRows(tx, chain, max, of)
      })
      if (result) {
        let { record, rows, expired } = result
        for (let row of mirror.take(chain, expired)) drop(row, { kind: 'expired' })
        Object.assign(chain, record)
        on.changed()
        return rows
      }
      await store.catchUp()
      chain = mirror.chain(key)
    }
  }

  async function settle(answers: readonly Settlement[], marks?: { room: string; epoch: string }): Promise<void> {
    // One answer may come in two ways: by itself, and with the marks of the next join.
    let settlements = answers.filter(({ row }) => mirror.holds(row))
    if (!settlements.length && !marks) return
    let isStrict = settlements.some(({ outcome }) => outcome.kind !== 'acked') || store.disk.kind === 'memory'
    let parking = settlements.flatMap(({ row, outcome }) =>
      outcome.kind === 'acked' ? [] : [park(row, outcome.kind, outcome.code, outcome.message)]
    )
    let highest = new Map<Chain, { row: Row; at: number | undefined }>()
    for (let { chain: key, row, outcome } of settlements) {
      let chain = mirror.chain(key)
      let known = highest.get(chain)
      let at = outcome.kind === 'acked' ? outcome.at : undefined
      highest.set(chain, {
        row: known && known.row.n > row.n ? known.row : row,
        at: at === undefined ? known?.at : Math.max(at, known?.at ?? 0)
      })
    }
    let records = await commit(isStrict ? 'strict' : 'relaxed', async tx => {
      await assertClient(tx, store.client.cid)
      let result: [Chain, ChainRecord][] = []
      for (let [chain, end] of highest) result.push([chain, await settleUpTo(tx, chain, end, parking, isStrict)])
      for (let item of parking) tx.put(keys.parked(item.row.id), item)
      if (marks) tx.put(keys.marks(marks.room), marks.epoch)
      return result
    })
    for (let item of parking) store.parked.set(item.row.id, item)
    let taken: Row[] = []
    for (let [chain, { claimed, last, done }] of records) {
      Object.assign(chain, { claimed, last, done })
      taken.push(...mirror.settled(chain, last?.n ?? 0))
    }
    for (let { row, outcome } of settlements) drop(row, outcome)
    // An answer to a later one says that these were taken.
    for (let row of taken) if (mirror.holds(row)) drop(row, { kind: 'acked' })
    if (!isStrict && !closed) stopConfirm ??= clock.after(CONFIRM_AFTER, () => void lane.run(confirm).catch(() => {}))
    on.wrote()
    on.changed()
  }

  async function confirm(): Promise<void> {
    stopConfirm = null
    let open = [...mirror.chains.values()].filter(chain => chain.done < (chain.last?.n ?? 0))
    if (!open.length) return
    await commit('strict', async tx => {
      await assertClient(tx, store.client.cid)
      await confirmAll(tx)
    })
    for (let chain of open) chain.done = chain.last?.n ?? 0
  }

  async function withdraw(select: (row: Row) => boolean, outcome: Withdrawal, isAny: boolean): Promise<string[]> {
    let ids: string[] = []
    for (let chain of [...mirror.chains.values()]) {
      let waiting = chain.rows.filter(row => (isAny || row.n > chain.claimed) && select(row))
      let chosen = new Map(waiting.map(row => [row.id, row]))
      if (!chosen.size) continue
      let { taken, items, exits } = await commit('strict', async tx => {
        await assertClient(tx, store.client.cid)
        let record = await readChain(tx, chain.key)
        let isInLine = record.cuts === chain.cuts
        let taken = await takeOut(tx, chain, isAny ? 0 : record.claimed, new Set(chosen.keys()))
        noteExits(record, taken, outcome.kind === 'expired' ? 'expired' : 'purged')
        if (taken.length) tx.put(keys.chain(chain.key), record)
        let items =
          outcome.kind === 'rejected'
            ? taken.map(({ id }) => park(chosen.get(id) as Row, 'rejected', outcome.code, outcome.message))
            : []
        for (let item of items) tx.put(keys.parked(item.row.id), item)
        return { taken, items, exits: isInLine ? exitsOf(record) : {} }
      })
      Object.assign(chain, exits)
      for (let item of items) store.parked.set(item.row.id, item)
      for (let row of mirror.take(chain, taken)) drop(row, outcome)
      ids.push(...taken.map(row => row.id))
    }
    if (ids.length) {
      on.wrote()
      on.changed()
    }
    return ids
  }

  return {
    get client(): ClientRecord {
      return store.client
    },
    get disk(): Disk {
      return store.disk
    },
    get gen(): number {
      return store.gen
    },
    get stats(): { count: number; bytes: number; oldestAt: number | null } {
      return { count: mirror.count, bytes: mirror.bytes, oldestAt: mirror.oldestAt() ?? queue[0]?.at ?? null }
    },
    /** Whether one more action would be taken. */
    get hasRoom(): boolean {
      return mirror.count < limits.maxCount && mirror.bytes < limits.maxBytes
    },
    get chains(): ReadonlyMap<string, Chain> {
      return mirror.chains
    },
    get parked(): ReadonlyMap<string, ParkedRow> {
      return store.parked
    },
    timeLeft: mirror.timeLeft,
    nextOver: mirror.nextOver,
    /** Rows not yet settled, in the order of their chains. */
    rows: (): Row[] => [...mirror.rows(), ...queue],
    setGate(next: Gate): void {
      gate = next
    },

    /** Reads the disk; makes the client's id on the first visit. */
    load: (): Promise<void> => lane.run(store.load),
    /** Reads what other tabs wrote. */
    refresh: (): Promise<void> => lane.run(store.catchUp),

    /** Throws `outbox-full`; otherwise the row is stored soon, and `stored` or `gone` tells. One that replaces another always fits. */
    append(row: Row): void {
      let weight = weigh(row)
      assertRoom(row, weight)
      mirror.add(row, weight)
      queue.push(row)
      if (flushing) return
      flushing = true
      void lane.run(flush)
    },
    /**
     * Marks the next waiting rows of a chain as possibly sent and returns them. Throws `Fenced` when another connection
     * sends now.
     */
    claim: (key: string, max: { count: number; bytes: number }): Promise<readonly Row[]> =>
      lane.run(() =>
        adopting<readonly Row[]>(
          () => claim(key, max),
          () => []
        )
      ),
    /** Takes answered rows out, parks those that did not take effect, and keeps the server's marks epoch of a room. */
    settle: (settlements: readonly Settlement[], marks?: { room: string; epoch: string }): Promise<void> =>
      lane.run(() =>
        adopting(
          () => settle(settlements, marks),
          // These answers belong to numbers of another life; the new one has its own.
          () => {}
        )
      ),
    /**
     * Takes out rows that never left; rejected ones are parked. Returns the ids of those that could be taken. `claimed too`:
     * whoever calls knows that the server has not taken them, whatever their claim says.
     */
    withdraw: (select: (row: Row) => boolean, outcome: Withdrawal, which?: 'claimed too'): Promise<string[]> =>
      lane.run(() => {
        let run = (): Promise<string[]> => withdraw(select, outcome, which !== undefined)
        return adopting(run, run)
      }),
    /** Puts a parked row back among those that wait. False when it is not parked any more. */
    restore: (id: string): Promise<boolean> => lane.run(() => restore(id)),
    /** Forgets a parked row, and returns it. */
    unpark: (id: string): Promise<ParkedRow | null> =>
      lane.run(async () => {
        let item = store.parked.get(id)
        if (!item) return null
        await commit('strict', async tx => tx.delete(keys.parked(id)))
        store.parked.delete(id)
        on.wrote()
        on.changed()
        return item
      }),

    /** The right to send: raised strictly on disk before each connection that may push. */
    raiseGen: (): Promise<number> => lane.run(store.raiseGen),
    /** Gives the right to send up. */
    demote: store.demote,
    /** Whether the disk still holds the generation of this tab. */
    async holdsGen(): Promise<boolean> {
      let record = (await store.disk.read(tx => tx.get(CLIENT_KEY))) as ClientRecord | undefined
      return record?.cid === store.client.cid && record.gen === store.gen
    },
    /** The disk is back: everything that lives in memory goes there. Rejects when it cannot, and stays in memory. */
    returnTo: (next: Disk): Promise<void> => lane.run(() => store.returnTo(next)),
    /** Takes a new client id: somebody else uses ours. */
    fork: (): Promise<void> => lane.run(store.takeNewIdentity),

    /** Which life of its marks the server last named for a room. */
    marksEpoch: async (room: string): Promise<string | undefined> =>
      (await store.disk.read(tx => tx.get(keys.marks(room)))) as string | undefined,
    /** The server's marks of a chain are gone: its numbers count as never settled. */
    resetChain: (key: string): Promise<void> =>
      lane.run(async () => {
        let { cuts } = await commit('strict', async tx => {
          await assertClient(tx, store.client.cid)
          return forgetSettled(tx, key)
        })
        Object.assign(mirror.chain(key), { last: null, done: 0, cuts })
        on.wrote()
      }),

    /** Resolves when everything accepted so far is on disk. */
    idle: (): Promise<void> => lane.run(async () => {}),
    close(): void {
      closed = true
      stopConfirm?.()
      void lane.run(async () => store.close())
    }
  }
}

/** Within one flush, the newest row per key of a chain takes the place of the older ones. */
function conflate(batch: readonly Row[]): ReadonlySet<Row> {
  let newest = new Map<string, Row>()
  let keyOf = (row: Row): string => chainKey(row.room, row.lane) + row.key
  for (let row of batch) if (row.key !== undefined) newest.set(keyOf(row), row)
  return new Set(batch.filter(row => row.key === undefined || newest.get(keyOf(row)) === row))
}
