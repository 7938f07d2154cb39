// Tabs that share one disk, and what each of them was told.

import { createOutbox, type Outbox, type Outcome } from '../../../src/core/outbox.js'
import { chainKey, type Row } from '../../../src/core/rows.js'
import type { RealtimeError } from '../../../src/errors.js'
import type { Disk } from '../../../src/ports.js'
import { createMemoryDisk } from '../../../src/storage/memory.js'
import { createSeededRandom, createVirtualClock, type VirtualClock } from '../../../src/testing/clock.js'

export interface Told {
  readonly id: string
  readonly outcome: Outcome | { readonly kind: 'failed'; readonly error: RealtimeError }
}

export interface Tab {
  readonly outbox: Outbox
  readonly clock: VirtualClock
  /** Ids in the order in which they were told to be on disk; claimed ones with a star. */
  readonly stored: string[]
  readonly gone: Told[]
  readonly found: string[]
  readonly degraded: string[]
  /** How often the client's id changed. */
  identities: number
  /** `id: kind` for everything that has gone. */
  endings(): string[]
}

export const ROOM = 'r'
export const CHAIN = chainKey(ROOM, 'normal')
export const MANY = { count: 1000, bytes: 1_000_000 }

let tabs = 0
export function createTab(
  disk: Disk,
  {
    clock = createVirtualClock(),
    limits = { maxCount: 1000, maxBytes: 1_000_000 },
    onStored = (_rows: readonly Row[], _claimed: boolean): void => {}
  } = {}
): Tab {
  let tab: Omit<Tab, 'outbox'> & { outbox?: Outbox } = {
    clock,
    stored: [],
    gone: [],
    found: [],
    degraded: [],
    identities: 0,
    endings: () => tab.gone.map(({ id, outcome }) => `${id}: ${outcome.kind}`)
  }
  tab.outbox = createOutbox({
    disk,
    memory: createMemoryDisk,
    clock,
    random: createSeededRandom(1, `tab${++tabs}-`),
    limits,
    on: {
      stored(rows, claimed) {
        tab.stored.push(...rows.map(row => row.id + (claimed ? '*' : '')))
        onStored(rows, claimed)
      },
      gone: (row, outcome) => void tab.gone.push({ id: row.id, outcome }),
      found: rows => void tab.found.push(...rows.map(row => row.id)),
      degraded: reason => void tab.degraded.push(reason),
      identity: () => void tab.identities++,
      wrote: () => {},
      changed: () => {}
    }
  })
  return tab as Tab
}

export function rowOf(id: string, more: Partial<Row> = {}): Row {
  return {
    n: 0,
    id,
    room: ROOM,
    lane: 'normal',
    feature: 'notes',
    type: 'add',
    data: { text: id },
    at: 1_700_000_000_000,
    ...more
  }
}

/** Accepts rows as one group and waits until they are stored. */
export async function append(tab: Tab, ...rows: (string | Row)[]): Promise<void> {
  for (let row of rows) tab.outbox.append(typeof row === 'string' ? rowOf(row) : row)
  await tab.outbox.idle()
}

export async function openTab(disk: Disk, options?: Parameters<typeof createTab>[1]): Promise<Tab> {
  let tab = createTab(disk, options)
  await tab.outbox.load()
  return tab
}

/** A tab that may send. */
export async function openLeader(disk: Disk, options?: Parameters<typeof createTab>[1]): Promise<Tab> {
  let tab = await openTab(disk, options)
  await tab.outbox.raiseGen()
  return tab
}

export let idsOf = (rows: readonly Row[]): string[] => rows.map(row => row.id)
export let numbersOf = (rows: readonly Row[]): number[] => rows.map(row => row.n)

/** Settles rows as taken by the server. */
export function acked(tab: Tab, rows: readonly Row[]): Promise<void> {
  return tab.outbox.settle(
    rows.map((row, i) => ({ chain: chainKey(row.room, row.lane), row, outcome: { kind: 'acked', at: i + 1 } }))
  )
}
