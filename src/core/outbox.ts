// The rows that wait for their answer: on disk first, mirrored in memory. Every transaction runs in one lane, the mirror
// changes only after its transaction is complete. Knows nothing of connections: `outgoing` asks it for rows to send.

import { RealtimeError } from '../errors.js'
import type { Lane } from '../feature.js'
import type { Clock, Disk, DiskReader, DiskWriter, Durability, Random, Stop } from '../ports.js'
import { createLane } from './lane.js'
import {
  afterKind, type ChainRecord, chainKey, chainOfChunk, chunksFrom, CLIENT_KEY, type ClientRecord, EMPTY_CHAIN, isExpired, keys,
  packRows, parseChainKey, type ParkedRow, type Row, span, unpackRows, weigh
} from './rows.js'

/** How a row ended. `at` is the offset of its event, where known. */
export type Outcome =
  | { readonly kind: 'acked'; readonly at?: number | undefined }
  | { readonly kind: 'rejected' | 'unknown'; readonly code: string; readonly message: string }
  | { readonly kind: 'expired' | 'replaced' | 'purged' }

/** How a row that never left is taken out. */
export type Withdrawal =
  | { readonly kind: 'expired' | 'purged' }
  | { readonly kind: 'rejected'; readonly code: string; readonly message: string }

export interface Settlement {
  readonly chain: string
  readonly row: Row
  readonly outcome: Exclude<Outcome, { kind: 'expired' | 'replaced' | 'purged' }>
}

/** A chain as mirrored in memory. */
export interface Chain extends ChainRecord {
  readonly key: string
  readonly room: string
  readonly lane: Lane
  /** Waiting rows, lowest number first. */
  rows: Row[]
  /** First and last number of each chunk on disk. */
  chunks: { first: number; last: number }[]
}

export interface OutboxListener {
  /** Rows are on disk. `claimed` ones may leave at once. */
  stored(rows: readonly Row[], claimed: boolean): void
  /** Rows left the outbox (or never got in: `storage`). */
  gone(row: Row, outcome: Outcome | { readonly kind: 'failed'; readonly error: RealtimeError }): void
  /** Rows came in from another tab or from the disk. */
  found(rows: readonly Row[]): void
  /** The disk failed; rows now live in memory only. */
  degraded(reason: string): void
  /** The client has another id now: everything that was sent under the old one is void. */
  identity(): void
  /** Something changed that the other tabs must read. */
  wrote(): void
  /** Counts, rows or parked rows changed. */
  changed(): void
}

export interface OutboxLimits {
  readonly maxCount: number
  readonly maxBytes: number
}

/** This connection's right to send was taken by a later one. */
export class Fenced extends Error {}
/** The disk holds another client than the one in memory, or none. */
class IdentityChanged extends Error {}

interface Waiting {
  readonly row: Row
  readonly bytes: number
}

export type Outbox = ReturnType<typeof createOutbox>

export function createOutbox(ports: {
  disk: Disk
  memory: () => Disk
  clock: Clock
  random: Random
  limits: OutboxLimits
  on: OutboxListener
}) {
  let { clock, random, limits, on } = ports
  let disk = ports.disk
  let lane = createLane()
  let client: ClientRecord = { cid: '', gen: 0 }
  /** The generation under which this tab may send; 0 when it may not. */
  let myGen = 0
  let chains = new Map<string, Chain>()
  let parked = new Map<string, ParkedRow>()
  let queue: Waiting[] = []
  let flushing = false
  let bytesOf = new Map<string, number>()
  let bytes = 0
  let stopConfirm: Stop | null = null
  /** Asked at append: may these rows leave at once? Set by `outgoing`. */
  let maySend: (chain: string, count: number, bytes: number) => boolean = () => false
  let isOnline: () => boolean = () => false

  function chainOf(key: string): Chain {
    let chain = chains.get(key)
    if (!chain) {
      chain = { ...EMPTY_CHAIN, ...parseChainKey(key), key, rows: [], chunks: [] }
      chains.set(key, chain)
    }
    return chain
  }

  function account(row: Row, weight: number): void {
    bytesOf.set(row.id, weight)
    bytes += weight
  }

  function discount(row: Row): void {
    bytes -= bytesOf.get(row.id) ?? 0
    bytesOf.delete(row.id)
  }

  function drop(row: Row, outcome: Parameters<OutboxListener['gone']>[1]): void {
    discount(row)
    on.gone(row, outcome)
  }

  // --- transactions ---

  /** Runs a transaction; when the disk fails, everything moves to memory and the transaction is run there. */
  async function commit<T>(durability: Durability, body: (tx: DiskWriter) => Promise<T>): Promise<T> {
    try {
      return await disk.write(durability, body)
    } catch (error) {
      if (error instanceof Fenced || error instanceof IdentityChanged || disk.kind === 'memory') throw error
      await moveToMemory(describe(error))
      return disk.write(durability, body)
    }
  }

  /**
   * The one who sends keeps its id and numbers (should the disk come back with older ones, the server's marks show it and
   * the client takes a new id); any other tab starts with an id of its own and only what it could not store.
   */
  async function moveToMemory(reason: string): Promise<void> {
    disk.close()
    disk = ports.memory()
    if (myGen === 0) {
      client = { cid: random.id(), gen: 0 }
      for (let chain of chains.values()) for (let row of chain.rows) discount(row)
      chains.clear()
    }
    await disk.write('relaxed', async tx => {
      tx.put(CLIENT_KEY, client)
      for (let chain of chains.values()) {
        tx.put(keys.chain(chain.key), recordOf(chain))
        if (chain.rows.length) tx.put(keys.chunk(chain.key, (chain.rows[0] as Row).n), packRows(chain.rows))
        chain.chunks = chain.rows.length ? [{ first: (chain.rows[0] as Row).n, last: (chain.rows.at(-1) as Row).n }] : []
      }
      for (let item of parked.values()) tx.put(keys.parked(item.row.id), item)
    })
    on.degraded(reason)
    if (myGen === 0) on.identity()
  }

  async function assertClient(tx: DiskReader, sender: boolean): Promise<void> {
    let record = (await tx.get(CLIENT_KEY)) as ClientRecord | undefined
    if (record?.cid !== client.cid) throw new IdentityChanged()
    if (sender && record.gen !== myGen) throw new Fenced()
  }

  async function chainRecord(tx: DiskReader, key: string): Promise<ChainRecord> {
    return { ...EMPTY_CHAIN, ...((await tx.get(keys.chain(key))) as ChainRecord | undefined) }
  }

  /** Takes rows that never left out of their chunks. Returns what was really there to be taken. */
  async function removeUnclaimed(tx: DiskWriter, chain: Chain, claimed: number, ids: ReadonlySet<string>): Promise<string[]> {
    let removed: string[] = []
    let firsts = new Set<number>()
    for (let row of chain.rows) {
      if (!ids.has(row.id) || row.n <= claimed) continue
      let chunk = chain.chunks.findLast(candidate => candidate.first <= row.n)
      if (chunk) firsts.add(chunk.first)
    }
    for (let first of firsts) {
      let key = keys.chunk(chain.key, first)
      let rows = unpackRows(await tx.get(key))
      let kept = rows.filter(row => row.n <= claimed || !ids.has(row.id))
      for (let row of rows) if (!kept.includes(row)) removed.push(row.id)
      if (kept.length) tx.put(key, packRows(kept))
      else tx.delete(key)
    }
    return removed
  }

  function forget(chain: Chain, ids: readonly string[], outcome: (row: Row) => Outcome): void {
    if (!ids.length) return
    let gone = new Set(ids)
    let out = chain.rows.filter(row => gone.has(row.id))
    chain.rows = chain.rows.filter(row => !gone.has(row.id))
    for (let row of out) drop(row, outcome(row))
  }

  // --- append ---

  async function flush(): Promise<void> {
    flushing = false
    let batch = queue
    queue = []
    if (!batch.length) return
    batch = conflate(batch, row => drop(row, { kind: 'replaced' }))
    let perChain = new Map<string, Waiting[]>()
    for (let item of batch) {
      let key = chainKey(item.row.room, item.row.lane)
      let list = perChain.get(key)
      if (list) list.push(item)
      else perChain.set(key, [item])
    }
    try {
      let done = await commitAsClient(isOnline() ? 'relaxed' : 'strict', tx => storeBatch(tx, perChain))
      for (let { chain, items, first, claimed, replaced } of done) {
        forget(chain, replaced, () => ({ kind: 'replaced' }))
        items.forEach(({ row }, i) => {
          row.n = first + i
        })
        let rows = items.map(item => item.row)
        chain.n = first + rows.length - 1
        if (claimed) chain.claimed = chain.n
        chain.rows.push(...rows)
        chain.chunks.push({ first, last: chain.n })
        on.stored(rows, claimed)
      }
      on.wrote()
    } catch (error) {
      let failure = new RealtimeError('storage', undefined, { cause: error })
      for (let { row } of batch) drop(row, { kind: 'failed', error: failure })
    }
    on.changed()
  }

  async function storeBatch(tx: DiskWriter, perChain: ReadonlyMap<string, Waiting[]>) {
    await assertClient(tx, false)
    let stored: { chain: Chain; items: Waiting[]; first: number; claimed: boolean; replaced: string[] }[] = []
    for (let [key, items] of perChain) {
      let chain = chainOf(key)
      let record = await chainRecord(tx, key)
      let newKeys = new Set(items.map(item => item.row.key).filter(value => value !== undefined))
      let older = new Set(chain.rows.filter(row => row.key !== undefined && newKeys.has(row.key)).map(row => row.id))
      let replaced = older.size ? await removeUnclaimed(tx, chain, record.claimed, older) : []
      let first = record.n + 1
      let weight = items.reduce((sum, item) => sum + item.bytes, 0)
      let claimed = myGen > 0 && record.claimed === record.n && maySend(key, items.length, weight)
      if (claimed) await assertClient(tx, true)
      record.n += items.length
      if (claimed) record.claimed = record.n
      tx.put(keys.chain(key), record)
      tx.put(keys.chunk(key, first), packRows(items.map(({ row }, i) => ({ ...row, n: first + i }))))
      stored.push({ chain, items, first, claimed, replaced })
    }
    return stored
  }

  /** As `commit`, and once more after taking a new identity or the one that another tab made. */
  async function commitAsClient<T>(durability: Durability, body: (tx: DiskWriter) => Promise<T>): Promise<T> {
    try {
      return await commit(durability, body)
    } catch (error) {
      if (!(error instanceof IdentityChanged)) throw error
      await reidentify()
      return commit(durability, body)
    }
  }

  async function reidentify(): Promise<void> {
    if (await disk.read(tx => tx.get(CLIENT_KEY))) await readAll()
    else await takeNewIdentity()
  }

  // --- reading what others wrote ---

  async function readAll(): Promise<void> {
    let read = await disk.read(async tx => ({
      client: (await tx.get(CLIENT_KEY)) as ClientRecord | undefined,
      chains: await tx.range(...span('chain')),
      chunks: await tx.range(...span('rows')),
      parked: await tx.range(...span('parked'))
    }))
    if (!read.client) return
    let before = new Map<string, Row>()
    for (let chain of chains.values()) for (let row of chain.rows) before.set(row.id, row)
    let changedIdentity = client.cid !== '' && client.cid !== read.client.cid
    if (changedIdentity) myGen = 0
    client = read.client
    chains.clear()
    parked = new Map(read.parked.map(([key, value]) => [afterKind(key), value as ParkedRow]))
    for (let [key, value] of read.chains) Object.assign(chainOf(afterKind(key)), value)
    let found: Row[] = []
    for (let [key, value] of read.chunks) {
      let chain = chainOf(chainOfChunk(key))
      let rows = unpackRows(value)
      if (!rows.length) continue
      chain.chunks.push({ first: Number(key.slice(-16)), last: (rows.at(-1) as Row).n })
      for (let row of rows) {
        if (row.n <= (chain.last?.n ?? 0)) continue
        let known = before.get(row.id)
        before.delete(row.id)
        if (known) known.n = row.n
        else {
          account(row, weigh(row))
          found.push(row)
        }
        chain.rows.push(known ?? row)
      }
    }
    if (found.length) on.found(found)
    for (let row of before.values()) drop(row, outcomeElsewhere(row))
    if (changedIdentity) on.identity()
    on.changed()
  }

  /** What became of a row that another tab took out of the outbox. */
  function outcomeElsewhere(row: Row): Outcome {
    let item = parked.get(row.id)
    if (item) return { kind: item.kind, code: item.code, message: item.message }
    if (row.n <= (chains.get(chainKey(row.room, row.lane))?.last?.n ?? 0)) return { kind: 'acked' }
    return { kind: isExpired(row, clock.now()) ? 'expired' : 'replaced' }
  }

  // --- identity ---

  /** A new client id. Rows that never left go again under it, with the same ids in the same order; others become `unknown`. */
  async function takeNewIdentity(): Promise<void> {
    let next: ClientRecord = { cid: random.id(), gen: 0 }
    let settled = await commit('strict', async tx => {
      let onDisk = await tx.range(...span('rows'))
      let records = new Map((await tx.range(...span('chain'))).map(([key, value]) => [afterKind(key), value as ChainRecord]))
      let rows = new Map<string, Row>()
      for (let chain of chains.values()) for (let row of chain.rows) rows.set(row.id, { ...row })
      for (let [key, value] of onDisk) {
        let last = records.get(chainOfChunk(key))?.last?.n ?? 0
        for (let row of unpackRows(value)) if (row.n > last) rows.set(row.id, row)
      }
      for (let kind of ['chain', 'rows', 'marks'] as const) tx.deleteRange(...span(kind))
      tx.put(CLIENT_KEY, next)
      let again = new Map<string, Row[]>()
      let unknown: ParkedRow[] = []
      for (let row of rows.values()) {
        let key = chainKey(row.room, row.lane)
        let claimed = Math.max(chains.get(key)?.claimed ?? 0, records.get(key)?.claimed ?? 0)
        if (row.n <= claimed) unknown.push(park(row, 'unknown', 'unknown'))
        else again.set(key, [...(again.get(key) ?? []), row])
      }
      for (let [key, list] of again) {
        list.sort((a, b) => a.n - b.n)
        list.forEach((row, i) => {
          row.n = i + 1
        })
        tx.put(keys.chain(key), { ...EMPTY_CHAIN, n: list.length })
        tx.put(keys.chunk(key, 1), packRows(list))
      }
      for (let item of unknown) tx.put(keys.parked(item.row.id), item)
      return unknown
    })
    for (let item of settled) {
      let chain = chains.get(chainKey(item.row.room, item.row.lane))
      parked.set(item.row.id, item)
      if (chain) forget(chain, [item.row.id], () => ({ kind: 'unknown', code: item.code, message: item.message }))
    }
    client = next
    myGen = 0
    await readAll()
    on.identity()
    on.wrote()
  }

  function park(row: Row, kind: ParkedRow['kind'], code: string, message?: string): ParkedRow {
    return { kind, row: { ...row }, code, message: message ?? new RealtimeError(code).message, parkedAt: clock.now() }
  }

  // --- settling ---

  async function settleAll(settlements: readonly Settlement[], marks?: { room: string; epoch: string }): Promise<void> {
    if (!settlements.length && !marks) return
    let strict = settlements.some(({ outcome }) => outcome.kind !== 'acked') || disk.kind === 'memory'
    let parking = settlements.flatMap(({ row, outcome }) =>
      outcome.kind === 'acked' ? [] : [park(row, outcome.kind, outcome.code, outcome.message)]
    )
    let highest = new Map<string, Row>()
    for (let { chain, row } of settlements) if (row.n > (highest.get(chain)?.n ?? 0)) highest.set(chain, row)
    let records = await commit(strict ? 'strict' : 'relaxed', async tx => {
      await assertClient(tx, false)
      let result = new Map<string, ChainRecord>()
      for (let [key, row] of highest) {
        let record = await chainRecord(tx, key)
        if (row.n > (record.last?.n ?? 0)) record.last = { n: row.n, id: row.id }
        if (strict) record.done = record.last?.n ?? 0
        tx.put(keys.chain(key), record)
        let next = chainOf(key).chunks.find(chunk => chunk.last > row.n)
        tx.deleteRange(keys.chunk(key, 0), keys.chunk(key, next?.first ?? row.n + 1))
        result.set(key, record)
      }
      for (let item of parking) tx.put(keys.parked(item.row.id), item)
      if (marks) tx.put(keys.marks(marks.room), marks.epoch)
      return result
    })
    for (let item of parking) parked.set(item.row.id, item)
    for (let [key, record] of records) {
      let chain = chainOf(key)
      Object.assign(chain, record)
      chain.chunks = chain.chunks.filter(chunk => chunk.last > (record.last?.n ?? 0))
    }
    for (let { chain: key, row, outcome } of settlements) {
      let chain = chainOf(key)
      // Rows settle from the front: the index is 0 but for a row that was taken out while its answer was under way.
      let index = chain.rows.findIndex(candidate => candidate.id === row.id)
      if (index < 0) continue
      chain.rows.splice(index, 1)
      drop(row, outcome)
    }
    if (!strict) confirmSoon()
    on.wrote()
    on.changed()
  }

  /** Answers may be forgotten by the server only when ours are surely on disk: once in a while one strict write says so. */
  function confirmSoon(): void {
    stopConfirm ??= clock.after(1000, () => {
      stopConfirm = null
      void lane.run(async () => {
        let open = [...chains.values()].filter(chain => chain.done < (chain.last?.n ?? 0))
        if (!open.length) return
        await commit('strict', async tx => {
          await assertClient(tx, false)
          for (let chain of open) {
            let record = await chainRecord(tx, chain.key)
            tx.put(keys.chain(chain.key), { ...record, done: record.last?.n ?? 0 })
          }
        })
        for (let chain of open) chain.done = chain.last?.n ?? 0
      }).catch(() => {})
    })
  }

  return {
    get client(): ClientRecord {
      return client
    },
    get disk(): Disk {
      return disk
    },
    get gen(): number {
      return myGen
    },
    get stats(): { count: number; bytes: number; oldestAt: number | null } {
      let oldestAt: number | null = queue[0]?.row.at ?? null
      for (let chain of chains.values()) {
        let at = chain.rows[0]?.at
        if (at !== undefined && (oldestAt === null || at < oldestAt)) oldestAt = at
      }
      return { count: bytesOf.size, bytes, oldestAt }
    },
    /** Whether one more action would be taken. */
    get hasRoom(): boolean {
      return bytesOf.size < limits.maxCount && bytes < limits.maxBytes
    },
    get chains(): ReadonlyMap<string, Chain> {
      return chains
    },
    get parked(): ReadonlyMap<string, ParkedRow> {
      return parked
    },
    /** Rows not yet settled, in the order of their chains. */
    rows(): Row[] {
      return [...[...chains.values()].flatMap(chain => chain.rows), ...queue.map(item => item.row)]
    },

    /** Reads the disk; makes the client's id on the first visit. */
    load(): Promise<void> {
      return lane.run(async () => {
        await commit('relaxed', async tx => {
          if (!(await tx.get(CLIENT_KEY))) tx.put(CLIENT_KEY, { cid: random.id(), gen: 0 })
        })
        await readAll()
      })
    },
    /** Reads again what other tabs wrote. */
    refresh: (): Promise<void> => lane.run(readAll),

    /** Throws `outbox-full` or `too-large`; otherwise the row is stored soon, and `stored` or `gone` tells. */
    append(row: Row): void {
      let weight = weigh(row)
      if (bytesOf.size >= limits.maxCount || bytes + weight > limits.maxBytes) {
        throw new RealtimeError('outbox-full', `The outbox is full: ${bytesOf.size} actions with ${bytes} characters wait (limits: ${limits.maxCount}, ${limits.maxBytes}).`)
      }
      account(row, weight)
      queue.push({ row, bytes: weight })
      if (flushing) return
      flushing = true
      void lane.run(flush)
    },

    /** The right to send: raised strictly on disk before each connection that may push. */
    raiseGen(): Promise<number> {
      return lane.run(async () => {
        let next = await commitAsClient('strict', async tx => {
          await assertClient(tx, false)
          let record = (await tx.get(CLIENT_KEY)) as ClientRecord
          let raised = { ...record, gen: record.gen + 1 }
          tx.put(CLIENT_KEY, raised)
          return raised
        })
        client = next
        myGen = next.gen
        return myGen
      })
    },
    /** Gives the right to send up. */
    demote(): void {
      myGen = 0
    },
    /** Whether the disk still holds the generation of this tab. */
    async holdsGen(): Promise<boolean> {
      let record = (await disk.read(tx => tx.get(CLIENT_KEY))) as ClientRecord | undefined
      return record?.cid === client.cid && record.gen === myGen
    },

    /**
     * Marks the next waiting rows of a chain as possibly sent and returns them, read from disk: another tab may have taken
     * some out. Rows past their time are taken out here. Throws `Fenced` when another connection sends now.
     */
    claim(key: string, maxCount: number, maxBytes: number): Promise<Row[]> {
      return lane.run(async () => {
        let chain = chainOf(key)
        let now = clock.now()
        let page = chain.rows.filter(row => row.n > chain.claimed).slice(0, maxCount)
        if (!page.length) return []
        let strict = page.some(row => row.ttl !== undefined || row.key !== undefined)
        let first = chain.chunks.findLast(chunk => chunk.first <= (page[0] as Row).n)?.first ?? 0
        let limit = maxCount + 1
        let { rows, expired, present, end, record } = await commitAsClient(strict ? 'strict' : 'relaxed', async tx => {
          await assertClient(tx, true)
          let record = await chainRecord(tx, key)
          let rows: Row[] = []
          let late = new Set<string>()
          let size = 0
          let chunks = await tx.range(...chunksFrom(key, first), limit)
          let present = chunks.flatMap(([, value]) => unpackRows(value)).filter(row => row.n > record.claimed)
          for (let row of present) {
            if (rows.length >= maxCount || size > maxBytes) break
            if (isExpired(row, now)) {
              late.add(row.id)
              continue
            }
            size += weigh(row)
            rows.push(row)
          }
          for (let [chunk, value] of late.size ? chunks : []) {
            let all = unpackRows(value)
            let kept = all.filter(row => !late.has(row.id))
            if (!kept.length) tx.delete(chunk)
            else if (kept.length < all.length) tx.put(chunk, packRows(kept))
          }
          if (rows.length) record.claimed = (rows.at(-1) as Row).n
          tx.put(keys.chain(key), record)
          return { rows, expired: [...late], present, end: chunks.length < limit ? Infinity : (present.at(-1)?.n ?? 0), record }
        })
        forget(chain, expired, () => ({ kind: 'expired' }))
        // Rows that the mirror has and the disk has not were taken out by another tab.
        let onDisk = new Set(present.map(row => row.id))
        let taken = chain.rows.filter(row => row.n > chain.claimed && row.n <= end && !onDisk.has(row.id))
        forget(chain, taken.map(row => row.id), () => ({ kind: 'replaced' }))
        Object.assign(chain, record)
        let known = new Map(chain.rows.map(row => [row.id, row]))
        let found = rows.filter(row => !known.has(row.id))
        if (found.length) {
          for (let row of found) account(row, weigh(row))
          chain.rows = [...chain.rows, ...found].sort((a, b) => a.n - b.n)
          on.found(found)
        }
        on.changed()
        return rows.map(row => known.get(row.id) ?? row)
      })
    },

    settle(settlements: readonly Settlement[], marks?: { room: string; epoch: string }): Promise<void> {
      return lane.run(async () => {
        try {
          await settleAll(settlements, marks)
        } catch (error) {
          // These answers belong to numbers of another life; the new one has its own.
          if (!(error instanceof IdentityChanged)) throw error
          await reidentify()
        }
      })
    },

    /** The server's marks of a chain are gone: its numbers start over, nothing of it is in flight. */
    resetChain(key: string): Promise<void> {
      return lane.run(async () => {
        await commit('strict', async tx => {
          await assertClient(tx, false)
          tx.put(keys.chain(key), { ...(await chainRecord(tx, key)), last: null, done: 0 })
        })
        Object.assign(chainOf(key), { last: null, done: 0 })
      })
    },
    fork: (): Promise<void> => lane.run(takeNewIdentity),

    marksEpoch: async (room: string): Promise<string | undefined> =>
      (await disk.read(tx => tx.get(keys.marks(room)))) as string | undefined,

    /** Takes out rows that never left; rejected ones are parked. Returns the ids of those that could be taken. */
    withdraw(select: (row: Row) => boolean, outcome: Withdrawal): Promise<string[]> {
      return lane.run(async () => {
        let ids: string[] = []
        for (let chain of [...chains.values()]) {
          let chosen = new Map(chain.rows.filter(row => row.n > chain.claimed && select(row)).map(row => [row.id, row]))
          if (!chosen.size) continue
          let removed = await commit('strict', async tx => {
            await assertClient(tx, false)
            let claimed = (await chainRecord(tx, chain.key)).claimed
            let taken = await removeUnclaimed(tx, chain, claimed, new Set(chosen.keys()))
            let items = outcome.kind === 'rejected' ? taken.map(id => park(chosen.get(id) as Row, 'rejected', outcome.code, outcome.message)) : []
            for (let item of items) tx.put(keys.parked(item.row.id), item)
            return { taken, items }
          })
          for (let item of removed.items) parked.set(item.row.id, item)
          forget(chain, removed.taken, () => outcome)
          ids.push(...removed.taken)
        }
        if (ids.length) {
          on.wrote()
          on.changed()
        }
        return ids
      })
    },
    /** Forgets a parked row. Returns it, so that it can be sent again. */
    unpark(id: string): Promise<ParkedRow | null> {
      return lane.run(async () => {
        let item = parked.get(id)
        if (!item) return null
        await commit('strict', async tx => tx.delete(keys.parked(id)))
        parked.delete(id)
        on.wrote()
        on.changed()
        return item
      })
    },
    setGate(gate: { maySend: typeof maySend; isOnline: typeof isOnline }): void {
      maySend = gate.maySend
      isOnline = gate.isOnline
    },
    /** Waits until everything accepted so far is on disk. */
    idle: (): Promise<void> => lane.run(async () => {}),
    close(): void {
      stopConfirm?.()
      void lane.run(async () => disk.close())
    }
  }
}

function recordOf({ n, claimed, last, done }: Chain): ChainRecord {
  return { n, claimed, last, done }
}

/** Within one flush, the newest row per key of a chain takes the place of the older ones. */
function conflate(batch: readonly Waiting[], replaced: (row: Row) => void): Waiting[] {
  let newest = new Map<string, Row>()
  for (let { row } of batch) if (row.key !== undefined) newest.set(chainKey(row.room, row.lane) + row.key, row)
  return batch.filter(({ row }) => {
    if (row.key === undefined || newest.get(chainKey(row.room, row.lane) + row.key) === row) return true
    replaced(row)
    return false
  })
}

function describe(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error)
}
