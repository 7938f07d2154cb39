// What the outbox stands on: its disk, the mirror of it in memory, and the client that both belong to. Keeps them in line: reads
// what other tabs wrote, puts memory in the place of a disk that fails, and takes a new client where somebody else uses ours.
// Knows nothing of how rows come and go. Except for `demote`, everything here is called in the outbox's lane.

import { RealtimeError } from '../errors.js'
import type { Clock, Disk, DiskReader, DiskWriter, Durability, LostReason, Random, Stop } from '../ports.js'
import type { LaneQueue } from './lane.js'
import { type Chain, createMirror } from './mirror.js'
import {
  assertClient,
  bringBack,
  confirmAll,
  Fenced,
  IdentityChanged,
  type LeftBehind,
  readNews,
  renewIdentity,
  writeRows
} from './outbox-tx.js'
import {
  afterKind,
  CLIENT_KEY,
  type ClientRecord,
  chainKey,
  firstOfChunk,
  keys,
  MOST_OUT,
  type ParkedRow,
  type Row,
  unpackRows,
  weigh
} from './rows.js'

/** How a row ended. `at` is the offset of its event, where known. */
export type Outcome =
  | { readonly kind: 'acked'; readonly at?: number | undefined }
  | { readonly kind: 'rejected' | 'unknown'; readonly code: string; readonly message: string }
  | { readonly kind: 'expired' | 'replaced' | 'purged' }

export interface OutboxListener {
  /** Rows are on disk. `claimed` ones may leave at once. */
  stored(rows: readonly Row[], claimed: boolean): void
  /** A row left the outbox, or never got in: `failed`. */
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

/** Of a row that vanished, nobody can tell how. */
const UNKNOWN: Outcome = { kind: 'unknown', code: 'unknown', message: '' }
const NOTHING_LEFT: LeftBehind = { rows: new Set(), parked: new Set() }
/** The longest that reading works in one go, in milliseconds. */
const SLICE = 12

export type OutboxStore = ReturnType<typeof createOutboxStore>

export function createOutboxStore(ports: {
  disk: Disk
  memory: () => Disk
  clock: Clock
  random: Random
  lane: LaneQueue
  on: OutboxListener
}) {
  let { disk, memory, clock, random, lane, on } = ports
  let mirror = createMirror(clock)
  let parked = new Map<string, ParkedRow>()
  let client: ClientRecord = { cid: '', gen: 0 }
  /** The generation under which this tab may send; 0 when it may not. */
  let myGen = 0
  /** What was on the disk that was lost. */
  let left: LeftBehind = NOTHING_LEFT
  let stopLost: Stop | null = null

  function drop(row: Row, outcome: Parameters<OutboxListener['gone']>[1]): void {
    mirror.uncount(row)
    on.gone(row, outcome)
  }

  function park(row: Row, kind: ParkedRow['kind'], code: string, message = ''): ParkedRow {
    return { kind, row: { ...row }, code, message: message || new RealtimeError(code).message, parkedAt: clock.now() }
  }

  // --- the disk ---

  /** Runs a transaction; when the disk fails, everything moves to memory and the transaction is run there. */
  async function commit<T>(durability: Durability, body: (tx: DiskWriter) => Promise<T>): Promise<T> {
    try {
      return await disk.write(durability, body)
    } catch (error) {
      if (error instanceof Fenced || error instanceof IdentityChanged || disk.kind === 'memory') throw error
      await moveToMemory(error instanceof Error ? `${error.name}: ${error.message}` : String(error))
      return disk.write(durability, body)
    }
  }

  /**
   * The one who sends keeps its id and numbers (should the disk come back with older ones, the server's marks show it and
   * the client takes a new id); any other tab starts with an id of its own and only what it could not store.
   */
  async function moveToMemory(reason: string): Promise<void> {
    let isSender = myGen > 0
    left = { rows: new Set(isSender ? mirror.rows().map(row => row.id) : []), parked: new Set(parked.keys()) }
    changeDisk(memory())
    if (!isSender) {
      client = { cid: random.id(), gen: 0 }
      // The tab that sends has them on its disk; what becomes of them is told there.
      for (let row of mirror.rows()) drop(row, UNKNOWN)
      mirror.chains.clear()
    }
    await disk.write('relaxed', async tx => {
      tx.put(CLIENT_KEY, client)
      for (let chain of mirror.chains.values()) {
        let { key, n, claimed, last, done, cuts, out, rows } = chain
        tx.put(keys.chain(key), { n, claimed, last, done, cuts, out })
        chain.chunks = writeRows(tx, key, rows)
      }
      for (let item of parked.values()) tx.put(keys.parked(item.row.id), item)
    })
    on.degraded(reason)
    if (!isSender) on.identity()
  }

  function changeDisk(next: Disk): void {
    stopLost?.()
    disk.close()
    disk = next
    watchDisk()
  }

  /** What waits is in this page's memory only when its disk was taken away: not left so until the next action finds out. */
  function watchDisk(): void {
    stopLost = disk.onLost(reason => void lane.run(() => onLost(reason)).catch(() => {}))
  }

  async function onLost(reason: LostReason): Promise<void> {
    if (disk.kind === 'memory') return
    if (reason === 'outdated') {
      // What is stored belongs to the newer version now, and so does our id.
      myGen = 0
      await moveToMemory('A newer version of this app keeps its data here: reload this page.')
    } else if (await commit('strict', async tx => !(await holdsUs(tx)) && bringAllBack(tx))) await readBack()
  }

  async function holdsUs(tx: DiskReader): Promise<boolean> {
    return ((await tx.get(CLIENT_KEY)) as ClientRecord | undefined)?.cid === client.cid
  }

  async function bringAllBack(tx: DiskWriter): Promise<true> {
    await bringBack(tx, { cid: random.id(), gen: 0 }, mirror.chains.values(), parked, left)
    return true
  }

  async function readBack(): Promise<void> {
    left = NOTHING_LEFT
    await catchUp()
    on.wrote()
  }

  // --- what others wrote ---

  /** Reads what the disk has and the mirror has not; of a large backlog, only what is new. */
  async function catchUp(): Promise<void> {
    let news = await disk.read(tx => readNews(tx, client.cid, mirror.chains))
    if (!news.client) return
    let isOther = news.client.cid !== client.cid
    let wasOther = isOther && client.cid !== ''
    let chains = await unpacked(news.chains)
    let before = new Map<string, Row>()
    let setAside = (chain: Chain): void => {
      for (let row of chain.rows) before.set(row.id, row)
      Object.assign(chain, { rows: [], chunks: [] })
    }
    if (isOther) {
      for (let chain of mirror.chains.values()) setAside(chain)
      mirror.chains.clear()
    }
    if (wasOther) myGen = 0
    client = news.client
    let isSame = news.parked.length === parked.size && news.parked.every(([key]) => parked.has(afterKind(key)))
    if (!isSame) parked = new Map(news.parked.map(([key, value]) => [afterKind(key), value as ParkedRow]))
    let hasChanged = isOther || !isSame
    let found: Row[] = []
    let gone: Row[] = []
    for (let { key, record, isWhole, chunks } of chains) {
      let chain = mirror.chain(key)
      if (isWhole) setAside(chain)
      let last = record.last?.n ?? 0
      for (let { first, rows } of chunks) {
        let end = rows.at(-1)
        if (end) chain.chunks.push({ first, last: end.row.n })
        for (let { row, weight } of rows) {
          if (row.n <= last) continue
          let known = before.get(row.id)
          before.delete(row.id)
          if (known) known.n = row.n
          else {
            mirror.add(row, weight)
            found.push(row)
          }
          chain.rows.push(known ?? row)
        }
      }
      gone.push(...mirror.settled(chain, last))
      hasChanged ||= isWhole || chunks.length > 0 || record.claimed !== chain.claimed || last !== (chain.last?.n ?? 0)
      Object.assign(chain, record)
    }
    if (found.length) on.found(found)
    // What was refused and sent again before this tab looked never went.
    let back = new Set(gone.length ? found.map(({ id }) => id) : [])
    for (let row of gone.filter(({ id }) => !back.has(id))) drop(row, parkedOutcome(row) ?? settledOutcome(row))
    for (let row of before.values()) drop(row, parkedOutcome(row) ?? (wasOther ? UNKNOWN : outcomeElsewhere(row)))
    if (wasOther) on.identity()
    if (hasChanged) on.changed()
  }

  /** Reads the texts of chunks; when there are many, the page gets its turn in between. */
  async function unpacked(chains: Awaited<ReturnType<typeof readNews>>['chains']) {
    let until = clock.mono() + SLICE
    let result = []
    for (let { chunks, ...rest } of chains) {
      let read = []
      for (let [key, value] of chunks) {
        read.push({ first: firstOfChunk(key), rows: unpackRows(value).map(row => ({ row, weight: weigh(row) })) })
        if (clock.mono() < until) continue
        await new Promise<void>(resolve => clock.after(0, resolve))
        until = clock.mono() + SLICE
      }
      result.push({ ...rest, chunks: read })
    }
    return result
  }

  function parkedOutcome({ id }: Row): Outcome | undefined {
    let item = parked.get(id)
    return item && { kind: item.kind, code: item.code, message: item.message }
  }

  /** What became of a row that another tab settled. What was parked may have been discarded since. */
  function settledOutcome(row: Row): Outcome {
    let { last, bad = [] } = mirror.chain(chainKey(row.room, row.lane))
    let [, kind, code = ''] = bad.find(([n]) => n === row.n) ?? []
    if (kind) return { kind, code, message: '' }
    return bad.length < MOST_OUT || row.n > (bad[0]?.[0] ?? 0) ? { kind: 'acked', at: last?.at } : UNKNOWN
  }

  /** What became of a row that another tab took out of the outbox. What cannot be known is not guessed. */
  function outcomeElsewhere(row: Row): Outcome {
    let { last, claimed, cuts, out } = mirror.chain(chainKey(row.room, row.lane))
    let exit = out.find(([n]) => n === row.n)
    if (exit) return { kind: exit[1] }
    let isForgotten = cuts > out.length && row.n < (out[0]?.[0] ?? 0)
    if (!isForgotten && row.n <= (last?.n ?? 0)) return settledOutcome(row)
    if (isForgotten || row.n <= claimed) return UNKNOWN
    return { kind: mirror.timeLeft(row) < 0 ? 'expired' : 'replaced' }
  }

  /** Takes in chunks that another tab stored behind the last known row. */
  function find(chain: Chain, chunks: Awaited<ReturnType<DiskReader['range']>>): void {
    let found: Row[] = []
    for (let [key, value] of chunks) {
      let rows = unpackRows(value)
      let end = rows.at(-1)
      if (!end) continue
      chain.chunks.push({ first: firstOfChunk(key), last: end.n })
      chain.rows.push(...rows)
      found.push(...rows)
    }
    for (let row of found) mirror.add(row)
    if (found.length) on.found(found)
  }

  // --- who we are ---

  /** Runs work; when the client turns out to have changed, adopts the new one and does `otherwise`. */
  async function adopting<T>(work: () => Promise<T>, otherwise: () => T | Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (error) {
      if (!(error instanceof IdentityChanged)) throw error
      if (await disk.read(tx => tx.get(CLIENT_KEY))) await catchUp()
      else await takeNewIdentity()
      return otherwise()
    }
  }

  /** As `commit`, and once more after taking a new identity or the one that another tab made. */
  function commitAsClient<T>(durability: Durability, body: (tx: DiskWriter) => Promise<T>): Promise<T> {
    let run = (): Promise<T> => commit(durability, body)
    return adopting(run, run)
  }

  async function takeNewIdentity(): Promise<void> {
    let next: ClientRecord = { cid: random.id(), gen: 0 }
    let unknown = await commit('strict', tx =>
      renewIdentity(tx, next, mirror.chains.values(), row => park(row, 'unknown', 'unknown'))
    )
    // Those that are known here are told by the reading.
    let others = unknown.filter(({ row }) => !mirror.holds(row))
    await catchUp()
    for (let { row, code, message } of others) on.gone(row, { kind: 'unknown', code, message })
    on.wrote()
  }

  return {
    mirror,
    get disk(): Disk {
      return disk
    },
    get client(): ClientRecord {
      return client
    },
    get gen(): number {
      return myGen
    },
    get parked(): Map<string, ParkedRow> {
      return parked
    },
    drop,
    park,
    commit,
    commitAsClient,
    adopting,
    catchUp,
    find,
    takeNewIdentity,
    /** Reads the disk; makes the client's id on the first visit. */
    async load(): Promise<void> {
      watchDisk()
      await commit('relaxed', async tx => {
        if (!(await tx.get(CLIENT_KEY))) tx.put(CLIENT_KEY, { cid: random.id(), gen: 0 })
      })
      await catchUp()
      on.changed()
    },
    async raiseGen(): Promise<number> {
      let before = myGen
      let raised = await commitAsClient('strict', async tx => {
        let record = await assertClient(tx, client.cid)
        let next = { ...record, gen: record.gen + 1 }
        tx.put(CLIENT_KEY, next)
        // What an earlier page settled and had no time to make sure of is sure with this write.
        await confirmAll(tx)
        return next
      })
      for (let chain of mirror.chains.values()) chain.done = chain.last?.n ?? 0
      // Somebody else sent in between: what is known here of claims and answers is old.
      if (raised.gen !== before + 1) await catchUp()
      client = raised
      myGen = raised.gen
      return myGen
    },
    demote(): void {
      myGen = 0
    },
    async returnTo(next: Disk): Promise<void> {
      await next.write('strict', bringAllBack)
      changeDisk(next)
      await readBack()
    },
    close(): void {
      stopLost?.()
      disk.close()
    }
  }
}
