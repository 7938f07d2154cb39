// The outbox's transactions: what each one reads and writes, given the transaction. They await nothing else, hold no state, and
// may be run again when the disk under them had to be changed.

import type { DiskReader, DiskWriter } from '../ports.js'
import { type Chain, chunkOf, indexAfter } from './mirror.js'
import {
  afterKind,
  CHUNK,
  type ChainRecord,
  CLIENT_KEY,
  type ClientRecord,
  chainKey,
  chainOfChunk,
  chunksFrom,
  EMPTY_CHAIN,
  firstOfChunk,
  keys,
  MOST_OUT,
  noteExits,
  type ParkedRow,
  packRows,
  type Row,
  span,
  unpackRows
} from './rows.js'

/** This connection's right to send was taken by a later one. */
export class Fenced extends Error {}
/** The disk holds another client than the one in memory, or none. */
export class IdentityChanged extends Error {}

/** Makes sure that the disk still holds this client and, for senders, this generation. */
export async function assertClient(tx: DiskReader, cid: string, gen?: number): Promise<ClientRecord> {
  let record = (await tx.get(CLIENT_KEY)) as ClientRecord | undefined
  if (record?.cid !== cid) throw new IdentityChanged()
  if (gen !== undefined && record.gen !== gen) throw new Fenced()
  return record
}

export async function readChain(tx: DiskReader, key: string): Promise<ChainRecord> {
  return { ...EMPTY_CHAIN, ...((await tx.get(keys.chain(key))) as ChainRecord | undefined) }
}

/**
 * What the disk has and a mirror has not: the numbers of each chain, and its chunks behind the last row that the mirror knows;
 * all of them where rows were taken out, or where the disk belongs to another client. Every row that comes, goes or is replaced
 * changes a number.
 */
export async function readNews(tx: DiskReader, cid: string, mirrored: ReadonlyMap<string, Chain>) {
  let client = (await tx.get(CLIENT_KEY)) as ClientRecord | undefined
  let records = new Map(
    (await tx.range(...span('chain'))).map(([key, value]) => [afterKind(key), value as ChainRecord])
  )
  // What a damaged disk has lost is known to be lost.
  for (let { key, n } of mirrored.values())
    if (n > 0 && client?.cid === cid && !records.has(key)) records.set(key, EMPTY_CHAIN)
  let chains = []
  for (let [key, record] of records) {
    let known = client?.cid === cid ? mirrored.get(key) : undefined
    let isWhole = known?.cuts !== record.cuts || record.n < known.n
    let from = isWhole ? 0 : (known as Chain).n + 1
    let chunks = record.n >= from ? await tx.range(...chunksFrom(key, from)) : []
    chains.push({ key, record, isWhole, chunks })
  }
  return { client, chains, parked: await tx.range(...span('parked')) }
}

/** Everything that is kept, in key order. */
export async function readEverything(tx: DiskReader) {
  return {
    client: (await tx.get(CLIENT_KEY)) as ClientRecord | undefined,
    chains: (await tx.range(...span('chain'))).map(([key, value]) => [afterKind(key), value as ChainRecord] as const),
    chunks: (await tx.range(...span('rows'))).map(([key, value]) => ({
      chain: chainOfChunk(key),
      first: firstOfChunk(key),
      rows: unpackRows(value)
    })),
    parked: (await tx.range(...span('parked'))).map(([key, value]) => [afterKind(key), value as ParkedRow] as const)
  }
}

/** Writes numbered rows as chunks of a chain. Returns the chunks as the mirror keeps them. */
export function writeRows(tx: DiskWriter, key: string, rows: readonly Row[]): Chain['chunks'] {
  let chunks: Chain['chunks'] = []
  for (let from = 0; from < rows.length; from += CHUNK) {
    let part = rows.slice(from, from + CHUNK)
    let chunk = { first: (part[0] as Row).n, last: (part.at(-1) as Row).n }
    tx.put(keys.chunk(key, chunk.first), packRows(part))
    chunks.push(chunk)
  }
  return chunks
}

/** Numbers rows and stores them, and takes out those that they replace. Claims them when `mayClaim`. */
export async function storeRows(tx: DiskWriter, chain: Chain, rows: readonly Row[], mayClaim: boolean) {
  let record = await readChain(tx, chain.key)
  let isInLine = record.cuts === chain.cuts
  // What other tabs stored meanwhile comes before.
  let missed = record.n > chain.n ? await tx.range(...chunksFrom(chain.key, chain.n + 1)) : []
  let newKeys = new Set(rows.map(row => row.key))
  newKeys.delete(undefined)
  let older = newKeys.size ? chain.rows.filter(row => newKeys.has(row.key)).map(row => row.id) : []
  let replaced = older.length ? await takeOut(tx, chain, record.claimed, new Set(older)) : []
  noteExits(record, replaced, 'replaced')
  let first = record.n + 1
  // Rows may leave at once only when nothing waits before them.
  let claimed = mayClaim && record.claimed === record.n
  record.n += rows.length
  if (claimed) record.claimed = record.n
  tx.put(keys.chain(chain.key), record)
  let chunks = writeRows(
    tx,
    chain.key,
    rows.map((row, i) => ({ ...row, n: first + i }))
  )
  return { chain, first, claimed, replaced, chunks, missed, ...(isInLine ? exitsOf(record) : {}) }
}

/** What a chain's record says of rows that were taken out. */
export function exitsOf({ cuts, out }: ChainRecord): Pick<ChainRecord, 'cuts' | 'out'> {
  return { cuts, out }
}

/** Takes rows that never left out of their chunks. Returns those that were really there to be taken. */
export async function takeOut(tx: DiskWriter, chain: Chain, claimed: number, ids: ReadonlySet<string>): Promise<Row[]> {
  let firsts = new Set<number>()
  for (let row of chain.rows) {
    if (!ids.has(row.id) || row.n <= claimed) continue
    let chunk = chunkOf(chain, row.n)
    if (chunk) firsts.add(chunk.first)
  }
  let removed: Row[] = []
  for (let first of firsts) {
    let key = keys.chunk(chain.key, first)
    let rows = unpackRows(await tx.get(key))
    let kept = rows.filter(row => row.n <= claimed || !ids.has(row.id))
    for (let row of rows) if (!kept.includes(row)) removed.push(row)
    rewrite(tx, key, kept)
  }
  return removed
}

function rewrite(tx: DiskWriter, key: string, rows: readonly Row[]): void {
  if (rows.length) tx.put(key, packRows(rows))
  else tx.delete(key)
}

/**
 * Marks the next waiting rows of a chain as possibly sent, and takes out those past their time. Null when another tab has put
 * some in or taken some out that the mirror does not know of.
 */
export async function claimRows(
  tx: DiskWriter,
  chain: Chain,
  max: { count: number; bytes: number },
  of: { isOver(row: Row): boolean; weight(row: Row): number }
) {
  let record = await readChain(tx, chain.key)
  if (record.n !== chain.n || record.cuts !== chain.cuts) return null
  let rows: Row[] = []
  let expired: Row[] = []
  let size = 0
  for (let i = indexAfter(chain.rows, record.claimed); i < chain.rows.length; i++) {
    let row = chain.rows[i] as Row
    if (rows.length >= max.count || (rows.length > 0 && size > max.bytes)) break
    if (of.isOver(row)) expired.push(row)
    else {
      size += of.weight(row)
      rows.push(row)
    }
  }
  if (expired.length) {
    await takeOut(tx, chain, record.claimed, new Set(expired.map(row => row.id)))
    noteExits(record, expired, 'expired')
  }
  if (rows.length) record.claimed = (rows.at(-1) as Row).n
  tx.put(keys.chain(chain.key), record)
  return { record, rows, expired }
}

/** Moves the last settled row of a chain and deletes the chunks that are settled as a whole. */
export async function settleUpTo(
  tx: DiskWriter,
  chain: Chain,
  { row, at }: { readonly row: Row; readonly at: number | undefined },
  parking: readonly ParkedRow[],
  isStrict: boolean
): Promise<ChainRecord> {
  let record = await readChain(tx, chain.key)
  if (row.n > (record.last?.n ?? 0)) record.last = { n: row.n, id: row.id, at: at ?? record.last?.at }
  if (isStrict) record.done = record.last?.n ?? 0
  let bad = parking.flatMap(({ kind, code, row }) =>
    row.room === chain.room && row.lane === chain.lane ? [[row.n, kind, code] as const] : []
  )
  if (bad.length) record.bad = [...(record.bad ?? []), ...bad].slice(-MOST_OUT)
  tx.put(keys.chain(chain.key), record)
  // A chunk that is settled in part stays as it is, and so does what another tab stored behind this row.
  let next = chain.chunks.find(chunk => chunk.last > row.n)
  tx.deleteRange(keys.chunk(chain.key, 0), keys.chunk(chain.key, Math.min(next?.first ?? Infinity, row.n + 1)))
  return record
}

/** What is settled is surely so once this transaction is. */
export async function confirmAll(tx: DiskWriter): Promise<void> {
  for (let [key, value] of await tx.range(...span('chain'))) {
    let record = value as ChainRecord
    let done = record.last?.n ?? 0
    if (record.done < done) tx.put(key, { ...record, done })
  }
}

/**
 * The server knows nothing of a chain any more: what was settled is gone for good, and its number is no measure. Counts as a
 * cut, so that other tabs look at what is left.
 */
export async function forgetSettled(tx: DiskWriter, key: string): Promise<ChainRecord> {
  let record = await readChain(tx, key)
  let settled = record.last?.n ?? 0
  for (let [chunk, value] of await tx.range(keys.chunk(key, 0), keys.chunk(key, settled + 1))) {
    rewrite(
      tx,
      chunk,
      unpackRows(value).filter(row => row.n > settled)
    )
  }
  let reset = { ...record, last: null, done: 0, cuts: record.cuts + 1 }
  tx.put(keys.chain(key), reset)
  return reset
}

/**
 * Gives the disk a new client. Rows that never left go again under it, with the same ids in the same order; of the others
 * nobody knows any more: they are parked as `park` makes them.
 */
export async function renewIdentity(
  tx: DiskWriter,
  next: ClientRecord,
  mirrored: Iterable<Chain>,
  park: (row: Row) => ParkedRow
): Promise<readonly ParkedRow[]> {
  let disk = await readEverything(tx)
  let claimed = new Map(disk.chains.map(([key, record]) => [key, record.claimed]))
  let last = new Map(disk.chains.map(([key, record]) => [key, record.last?.n ?? 0]))
  let rows = new Map<string, Row>()
  for (let chain of mirrored) {
    claimed.set(chain.key, Math.max(claimed.get(chain.key) ?? 0, chain.claimed))
    for (let row of chain.rows) rows.set(row.id, { ...row })
  }
  for (let chunk of disk.chunks)
    for (let row of chunk.rows) if (row.n > (last.get(chunk.chain) ?? 0)) rows.set(row.id, row)

  let again: Row[] = []
  let unknown: ParkedRow[] = []
  for (let row of [...rows.values()].sort((a, b) => a.n - b.n)) {
    if (row.n <= (claimed.get(chainKey(row.room, row.lane)) ?? 0)) unknown.push(park(row))
    else again.push(row)
  }
  beginAnew(tx, next, again)
  for (let item of unknown) tx.put(keys.parked(item.row.id), item)
  return unknown
}

/** Numbers all rows from 1, in this order, under a new client. Those up to the last one that `mayHaveLeft` are claimed. */
function beginAnew(
  tx: DiskWriter,
  next: ClientRecord,
  rows: readonly Row[],
  mayHaveLeft: (row: Row) => boolean = () => false
): void {
  for (let kind of ['chain', 'rows', 'marks'] as const) tx.deleteRange(...span(kind))
  tx.put(CLIENT_KEY, next)
  let chains = new Map<string, Row[]>()
  for (let row of rows) {
    let key = chainKey(row.room, row.lane)
    let list = chains.get(key)
    if (list) list.push(row)
    else chains.set(key, [row])
  }
  for (let [key, list] of chains) {
    let claimed = list.findLastIndex(mayHaveLeft) + 1
    tx.put(keys.chain(key), { ...EMPTY_CHAIN, n: list.length, claimed })
    writeRows(
      tx,
      key,
      list.map((row, i) => ({ ...row, n: i + 1 }))
    )
  }
}

/** Ids of what was on a disk when it was lost. */
export interface LeftBehind {
  readonly rows: ReadonlySet<string>
  readonly parked: ReadonlySet<string>
}

/**
 * Brings what lived in memory meanwhile back to the disk, behind what other tabs stored there. All of it goes again under a
 * new client, for numbers may have been given twice; under the same ids, so that it takes effect once. What may have left
 * stays marked so. What ended meanwhile, of what was left behind, ends on the disk as well.
 */
export async function bringBack(
  tx: DiskWriter,
  next: ClientRecord,
  chains: Iterable<Chain>,
  parked: ReadonlyMap<string, ParkedRow>,
  left: LeftBehind
): Promise<void> {
  let disk = await readEverything(tx)
  let records = new Map(disk.chains)
  let rows = new Map<string, Row>()
  let mayHaveLeft = new Set<string>()
  let here = new Map<string, Row>()
  for (let chain of chains) {
    for (let row of chain.rows) {
      here.set(row.id, row)
      if (row.n <= chain.claimed) mayHaveLeft.add(row.id)
    }
  }
  for (let { chain, rows: stored } of disk.chunks) {
    let { claimed, last } = records.get(chain) ?? EMPTY_CHAIN
    for (let row of stored) {
      if (row.n <= (last?.n ?? 0) || (left.rows.has(row.id) && !here.has(row.id))) continue
      rows.set(row.id, row)
      if (row.n <= claimed) mayHaveLeft.add(row.id)
    }
  }
  beginAnew(tx, next, [...new Map([...rows, ...here]).values()], row => mayHaveLeft.has(row.id))
  for (let id of left.parked) if (!parked.has(id)) tx.delete(keys.parked(id))
  for (let [id, item] of parked) if (!left.parked.has(id)) tx.put(keys.parked(id), item)
}
