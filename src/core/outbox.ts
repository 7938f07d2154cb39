// The rows that wait for their answer: on disk first, mirrored in memory. Every transaction runs in one lane, and the mirror
// changes only after its transaction is complete. Knows nothing of connections: `outgoing` asks it for rows to send.

import { RealtimeError } from '../errors.js'
import type { Clock, Disk, DiskReader, DiskWriter, Durability, LostReason, Random, Stop } from '../ports.js'
import { createLane } from './lane.js'
import { type Chain, createMirror } from './mirror.js'
import {
  assertClient,
  bringBack,
  claimRows,
  confirmAll,
  Fenced,
  forgetSettled,
  IdentityChanged,
  type LeftBehind,
  readChain,
  readEverything,
  readNumbers,
  renewIdentity,
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
  packRows,
  type Row,
  weigh
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
const NOTHING_LEFT: LeftBehind = { rows: new Set(), parked: new Set() }

export type Outbox = ReturnType<typeof createOutbox>

export function createOutbox({ disk, memory, clock, random, limits, on }: OutboxPorts) {
  let lane = createLane()
  let mirror = createMirror()
  let parked = new Map<string, ParkedRow>()
  let client: ClientRecord = { cid: '', gen: 0 }
  /** The generation under which this tab may send; 0 when it may not. */
  let myGen = 0
  /** Accepted, not yet on disk. */
  let queue: Row[] = []
  let flushing = false
  let stopConfirm: Stop | null = null
  /** Another tab stored rows that the mirror has not. */
  let isBehind = false
  let gate: Gate = { maySend: () => false, isOnline: () => false }
  /** What was on the disk that was lost. */
  let left: LeftBehind = NOTHING_LEFT
  let stopLost: Stop | null = null
  /** When a row is over, by the clock that nobody sets: told once, when the row is first seen here. */
  let deadlines = new Map<string, number>()

  /** Milliseconds until a row is over, below zero when it is. The earlier deadline counts; a clock set back prolongs nothing. */
  function timeLeft(row: Row): number {
    if (row.ttl === undefined) return Infinity
    let byWall = Math.min(row.ttl * 1000, row.at + row.ttl * 1000 - clock.now())
    let deadline = deadlines.get(row.id)
    if (deadline !== undefined) return Math.min(byWall, deadline - clock.mono())
    deadlines.set(row.id, clock.mono() + byWall)
    return byWall
  }

  function drop(row: Row, outcome: Parameters<OutboxListener['gone']>[1]): void {
    mirror.uncount(row)
    deadlines.delete(row.id)
    on.gone(row, outcome)
  }

  function park(row: Row, kind: ParkedRow['kind'], code: string, message = ''): ParkedRow {
    return { kind, row: { ...row }, code, message: message || new RealtimeError(code).message, parkedAt: clock.now() }
  }

  // --- transactions ---

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

  /** As `commit`, and once more after taking a new identity or the one that another tab made. */
  function commitAsClient<T>(durability: Durability, body: (tx: DiskWriter) => Promise<T>): Promise<T> {
    let run = (): Promise<T> => commit(durability, body)
    return adopting(run, run)
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
      for (let row of mirror.rows()) drop(row, { kind: 'unknown', code: 'unknown', message: '' })
      mirror.chains.clear()
    }
    await disk.write('relaxed', async tx => {
      tx.put(CLIENT_KEY, client)
      for (let chain of mirror.chains.values()) {
        let { n, claimed, last, done, cuts, out, rows } = chain
        let first = rows[0]?.n
        tx.put(keys.chain(chain.key), { n, claimed, last, done, cuts, out })
        if (first !== undefined) tx.put(keys.chunk(chain.key, first), packRows(rows))
        chain.chunks = first === undefined ? [] : [{ first, last: (rows.at(-1) as Row).n }]
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
    isBehind = true
    await readAll()
    on.wrote()
  }

  // --- what others wrote, and who we are ---

  async function readAll(): Promise<void> {
    let read = await disk.read(readEverything)
    if (!read.client) return
    isBehind = false
    let before = new Map(mirror.rows().map(row => [row.id, row]))
    let isOther = client.cid !== '' && client.cid !== read.client.cid
    if (isOther) myGen = 0
    client = read.client
    parked = new Map(read.parked)
    mirror.chains.clear()
    for (let [key, record] of read.chains) Object.assign(mirror.chain(key), record)
    let found: Row[] = []
    for (let { chain: key, first, rows } of read.chunks) {
      let chain = mirror.chain(key)
      if (rows.length) chain.chunks.push({ first, last: (rows.at(-1) as Row).n })
      for (let row of rows) {
        if (row.n <= (chain.last?.n ?? 0)) continue
        let known = before.get(row.id)
        before.delete(row.id)
        if (known) known.n = row.n
        else {
          mirror.add(row)
          found.push(row)
        }
        chain.rows.push(known ?? row)
      }
    }
    if (found.length) on.found(found)
    for (let row of before.values()) drop(row, outcomeElsewhere(row, isOther))
    if (isOther) on.identity()
    on.changed()
  }

  function adopt(chain: Chain, record: ChainRecord): void {
    if (record.n > chain.n || record.cuts !== chain.cuts) isBehind = true
    Object.assign(chain, record)
  }

  /** Whether the disk has other numbers than the mirror: every row that comes, goes or is replaced changes one. */
  async function hasChanged(): Promise<boolean> {
    let { record, chains, parkedCount } = await disk.read(readNumbers)
    if (record?.cid !== client.cid || parkedCount !== parked.size || chains.length !== mirror.chains.size) return true
    return chains.some(([key, { n, claimed, last, cuts }]) => {
      let known = mirror.chains.get(key)
      return known?.n !== n || known.claimed !== claimed || known.last?.n !== last?.n || known.cuts !== cuts
    })
  }

  /** What became of a row that another tab took out of the outbox. What cannot be known is not guessed. */
  function outcomeElsewhere(row: Row, isOther: boolean): Outcome {
    let item = parked.get(row.id)
    if (item) return { kind: item.kind, code: item.code, message: item.message }
    let { last, claimed, cuts, out } = mirror.chain(chainKey(row.room, row.lane))
    let exit = isOther ? undefined : out.find(([n]) => n === row.n)
    if (exit) return { kind: exit[1] }
    let isForgotten = cuts > out.length && row.n < (out[0]?.[0] ?? 0)
    if (!isOther && !isForgotten && row.n <= (last?.n ?? 0)) return { kind: 'acked' }
    if (isOther || isForgotten || row.n <= claimed) return { kind: 'unknown', code: 'unknown', message: '' }
    return { kind: timeLeft(row) < 0 ? 'expired' : 'replaced' }
  }

  /** Runs work; when the client turns out to have changed, adopts the new one and does `otherwise`. */
  async function adopting<T>(work: () => Promise<T>, otherwise: () => T | Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (error) {
      if (!(error instanceof IdentityChanged)) throw error
      await reidentify()
      return otherwise()
    }
  }

  async function reidentify(): Promise<void> {
    if (await disk.read(tx => tx.get(CLIENT_KEY))) await readAll()
    else await takeNewIdentity()
  }

  async function takeNewIdentity(): Promise<void> {
    let next: ClientRecord = { cid: random.id(), gen: 0 }
    let unknown = await commit('strict', tx =>
      renewIdentity(tx, next, mirror.chains.values(), row => park(row, 'unknown', 'unknown'))
    )
    client = next
    myGen = 0
    // Those that are known here are told by the reading.
    let others = unknown.filter(({ row }) => !mirror.holds(row))
    await readAll()
    for (let { row, code, message } of others) on.gone(row, { kind: 'unknown', code, message })
    on.identity()
    on.wrote()
  }

  // --- in ---

  async function flush(): Promise<void> {
    flushing = false
    let batch = conflate(queue, row => drop(row, { kind: 'replaced' }))
    queue = []
    let groups = new Map<string, Row[]>()
    for (let row of batch) {
      let key = chainKey(row.room, row.lane)
      groups.set(key, groups.get(key) ?? [])
      groups.get(key)?.push(row)
    }
    try {
      let stored = await commitAsClient(gate.isOnline() ? 'relaxed' : 'strict', async tx => {
        let { gen } = await assertClient(tx, client.cid)
        let isSender = myGen > 0 && gen === myGen
        let results: Awaited<ReturnType<typeof storeRows>>[] = []
        for (let [key, rows] of groups) {
          let bytes = rows.reduce((sum, row) => sum + weigh(row), 0)
          results.push(await storeRows(tx, mirror.chain(key), rows, isSender && gate.maySend(key, rows.length, bytes)))
        }
        return results
      })
      for (let { chain, first, claimed, replaced } of stored) {
        for (let row of mirror.take(chain, replaced)) drop(row, { kind: 'replaced' })
        let rows = groups.get(chain.key) as Row[]
        rows.forEach((row, i) => {
          row.n = first + i
        })
        if (first > chain.n + 1) isBehind = true
        chain.n = first + rows.length - 1
        if (claimed) chain.claimed = chain.n
        chain.rows.push(...rows)
        chain.chunks.push({ first, last: chain.n })
        on.stored(rows, claimed)
      }
      on.wrote()
    } catch (error) {
      for (let row of batch)
        drop(row, { kind: 'failed', error: new RealtimeError('storage', undefined, { cause: error }) })
    }
    on.changed()
  }

  // --- out ---

  async function claim(key: string, max: { count: number; bytes: number }): Promise<Row[]> {
    let chain = mirror.chain(key)
    let page = chain.rows.filter(row => row.n > chain.claimed).slice(0, max.count)
    if (!page.length) return []
    // What can still be replaced or expire must be known as sent even after a power cut.
    let isStrict = page.some(row => row.ttl !== undefined || row.key !== undefined)
    let { record, rows, expired, chunks, present, knownUpTo } = await commit(
      isStrict ? 'strict' : 'relaxed',
      async tx => {
        await assertClient(tx, client.cid, myGen)
        return claimRows(tx, chain, max, row => timeLeft(row) < 0)
      }
    )
    for (let row of mirror.take(chain, expired)) drop(row, { kind: 'expired' })
    let taken = chain.rows.filter(row => row.n > chain.claimed && row.n <= knownUpTo && !present.has(row.id))
    for (let row of mirror.take(
      chain,
      taken.map(row => row.id)
    ))
      drop(row, { kind: 'replaced' })
    adopt(chain, record)
    let starts = new Map([...chain.chunks, ...chunks].map(chunk => [chunk.first, chunk]))
    chain.chunks = [...starts.values()].sort((a, b) => a.first - b.first)
    let known = new Map(chain.rows.map(row => [row.id, row]))
    let found = rows.filter(row => !known.has(row.id))
    if (found.length) {
      for (let row of found) mirror.add(row)
      chain.rows = [...chain.rows, ...found].sort((a, b) => a.n - b.n)
      on.found(found)
    }
    on.changed()
    return rows.map(row => known.get(row.id) ?? row)
  }

  async function settle(answers: readonly Settlement[], marks?: { room: string; epoch: string }): Promise<void> {
    // One answer may come in two ways: by itself, and with the marks of the next join.
    let settlements = answers.filter(({ row }) => mirror.holds(row))
    if (!settlements.length && !marks) return
    let isStrict = settlements.some(({ outcome }) => outcome.kind !== 'acked') || disk.kind === 'memory'
    let parking = settlements.flatMap(({ row, outcome }) =>
      outcome.kind === 'acked' ? [] : [park(row, outcome.kind, outcome.code, outcome.message)]
    )
    let highest = new Map<Chain, Row>()
    for (let { chain: key, row } of settlements) {
      let chain = mirror.chain(key)
      if (row.n > (highest.get(chain)?.n ?? 0)) highest.set(chain, row)
    }
    let records = await commit(isStrict ? 'strict' : 'relaxed', async tx => {
      await assertClient(tx, client.cid)
      let result: [Chain, ChainRecord][] = []
      for (let [chain, row] of highest) result.push([chain, await settleUpTo(tx, chain, row, isStrict)])
      for (let item of parking) tx.put(keys.parked(item.row.id), item)
      if (marks) tx.put(keys.marks(marks.room), marks.epoch)
      return result
    })
    for (let item of parking) parked.set(item.row.id, item)
    for (let [chain, record] of records) {
      adopt(chain, record)
      chain.chunks = chain.chunks.filter(chunk => chunk.last > (record.last?.n ?? 0))
      mirror.take(
        chain,
        settlements.filter(item => item.chain === chain.key).map(item => item.row.id)
      )
    }
    for (let { row, outcome } of settlements) drop(row, outcome)
    if (!isStrict) stopConfirm ??= clock.after(CONFIRM_AFTER, () => void lane.run(confirm).catch(() => {}))
    on.wrote()
    on.changed()
  }

  async function confirm(): Promise<void> {
    stopConfirm = null
    let open = [...mirror.chains.values()].filter(chain => chain.done < (chain.last?.n ?? 0))
    if (!open.length) return
    await commit('strict', async tx => {
      await assertClient(tx, client.cid)
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
      let { taken, items } = await commit('strict', async tx => {
        await assertClient(tx, client.cid)
        let record = await readChain(tx, chain.key)
        let taken = await takeOut(tx, chain, isAny ? 0 : record.claimed, new Set(chosen.keys()))
        noteExits(record, taken, outcome.kind === 'expired' ? 'expired' : 'purged')
        if (taken.length) tx.put(keys.chain(chain.key), record)
        let items =
          outcome.kind === 'rejected'
            ? taken.map(({ id }) => park(chosen.get(id) as Row, 'rejected', outcome.code, outcome.message))
            : []
        for (let item of items) tx.put(keys.parked(item.row.id), item)
        return { taken, items }
      })
      for (let item of items) parked.set(item.row.id, item)
      let gone = taken.map(row => row.id)
      for (let row of mirror.take(chain, gone)) drop(row, outcome)
      ids.push(...gone)
    }
    if (ids.length) {
      on.wrote()
      on.changed()
    }
    return ids
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
      return parked
    },
    timeLeft,
    /** Rows not yet settled, in the order of their chains. */
    rows: (): Row[] => [...mirror.rows(), ...queue],
    setGate(next: Gate): void {
      gate = next
    },

    /** Reads the disk; makes the client's id on the first visit. */
    load: (): Promise<void> =>
      lane.run(async () => {
        watchDisk()
        await commit('relaxed', async tx => {
          if (!(await tx.get(CLIENT_KEY))) tx.put(CLIENT_KEY, { cid: random.id(), gen: 0 })
        })
        await readAll()
      }),
    /** Reads again what other tabs wrote, if they wrote. */
    refresh: (): Promise<void> =>
      lane.run(async () => {
        if (isBehind || (await hasChanged())) await readAll()
      }),

    /** Throws `outbox-full`; otherwise the row is stored soon, and `stored` or `gone` tells. */
    append(row: Row): void {
      let weight = weigh(row)
      if (mirror.count >= limits.maxCount || mirror.bytes + weight > limits.maxBytes) {
        throw new RealtimeError(
          'outbox-full',
          `The outbox is full: ${mirror.count} actions with ${mirror.bytes} characters wait (limits: ${limits.maxCount}, ${limits.maxBytes}).`
        )
      }
      mirror.add(row, weight)
      timeLeft(row)
      queue.push(row)
      if (flushing) return
      flushing = true
      void lane.run(flush)
    },
    /**
     * Marks the next waiting rows of a chain as possibly sent and returns them. Throws `Fenced` when another connection
     * sends now.
     */
    claim: (key: string, max: { count: number; bytes: number }): Promise<Row[]> =>
      lane.run(() =>
        adopting(
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
    /** Forgets a parked row. Returns it, so that it can be sent again. */
    unpark: (id: string): Promise<ParkedRow | null> =>
      lane.run(async () => {
        let item = parked.get(id)
        if (!item) return null
        await commit('strict', async tx => tx.delete(keys.parked(id)))
        parked.delete(id)
        on.wrote()
        on.changed()
        return item
      }),

    /** The right to send: raised strictly on disk before each connection that may push. */
    raiseGen: (): Promise<number> =>
      lane.run(async () => {
        let before = myGen
        client = await commitAsClient('strict', async tx => {
          let record = await assertClient(tx, client.cid)
          let raised = { ...record, gen: record.gen + 1 }
          tx.put(CLIENT_KEY, raised)
          // What an earlier page settled and had no time to make sure of is sure with this write.
          await confirmAll(tx)
          return raised
        })
        for (let chain of mirror.chains.values()) chain.done = chain.last?.n ?? 0
        // Somebody else sent in between: what is known here of claims and answers is old.
        if (client.gen !== before + 1) await readAll()
        myGen = client.gen
        return myGen
      }),
    /** Gives the right to send up. */
    demote(): void {
      myGen = 0
    },
    /** Whether the disk still holds the generation of this tab. */
    async holdsGen(): Promise<boolean> {
      let record = (await disk.read(tx => tx.get(CLIENT_KEY))) as ClientRecord | undefined
      return record?.cid === client.cid && record.gen === myGen
    },
    /** The disk is back: everything that lives in memory goes there. Rejects when it cannot, and stays in memory. */
    returnTo: (next: Disk): Promise<void> =>
      lane.run(async () => {
        await next.write('strict', bringAllBack)
        changeDisk(next)
        await readBack()
      }),
    /** Takes a new client id: somebody else uses ours. */
    fork: (): Promise<void> => lane.run(takeNewIdentity),

    /** Which life of its marks the server last named for a room. */
    marksEpoch: async (room: string): Promise<string | undefined> =>
      (await disk.read(tx => tx.get(keys.marks(room)))) as string | undefined,
    /** The server's marks of a chain are gone: its numbers count as never settled. */
    resetChain: (key: string): Promise<void> =>
      lane.run(async () => {
        await commit('strict', async tx => {
          await assertClient(tx, client.cid)
          await forgetSettled(tx, key)
        })
        Object.assign(mirror.chain(key), { last: null, done: 0 })
      }),

    /** Resolves when everything accepted so far is on disk. */
    idle: (): Promise<void> => lane.run(async () => {}),
    close(): void {
      stopConfirm?.()
      stopLost?.()
      void lane.run(async () => disk.close())
    }
  }
}

/** Within one flush, the newest row per key of a chain takes the place of the older ones. */
function conflate(batch: readonly Row[], replaced: (row: Row) => void): Row[] {
  let newest = new Map<string, Row>()
  let keyOf = (row: Row): string => chainKey(row.room, row.lane) + row.key
  for (let row of batch) if (row.key !== undefined) newest.set(keyOf(row), row)
  return batch.filter(row => {
    if (row.key === undefined || newest.get(keyOf(row)) === row) return true
    replaced(row)
    return false
  })
}
