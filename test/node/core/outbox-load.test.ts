// The outbox with many rows waiting: what it reads and writes depends on what moves, not on what waits.

import { describe, expect, test } from 'vitest'
import { CHUNK, type Row, unpackRows } from '../../../src/core/rows.js'
import type { Clock, Disk, DiskReader, DiskWriter } from '../../../src/ports.js'
import { createMemoryDisk } from '../../../src/storage/memory.js'
import { createVirtualClock } from '../../../src/testing/clock.js'
import { createTestDisk } from '../../../src/testing/disk.js'
import { acked, append, CHAIN, createTab, idsOf, openLeader, openTab, rowOf, type Tab } from './outbox-world.js'

const PAGE = { count: 128, bytes: 1_000_000 }
const ROOMY = { limits: { maxCount: 50_000, maxBytes: 50_000_000 } }

interface Tally {
  read: number
  written: number
}

/** A disk that counts the characters of the rows that are read and written. */
function counted(): { disk: Disk; tally: Tally } {
  let disk = createMemoryDisk()
  let tally = { read: 0, written: 0 }
  let size = (value: unknown): number => (typeof value === 'string' ? value.length : 0)
  let reader = (tx: DiskReader): DiskReader => ({
    async get(key) {
      let value = await tx.get(key)
      tally.read += size(value)
      return value
    },
    async range(from, to, limit) {
      let entries = await tx.range(from, to, limit)
      for (let [, value] of entries) tally.read += size(value)
      return entries
    }
  })
  let writer = (tx: DiskWriter): DiskWriter => ({
    ...tx,
    ...reader(tx),
    put(key, value) {
      tally.written += size(value)
      tx.put(key, value)
    }
  })
  let counting: Disk = {
    ...disk,
    kind: 'disk',
    read: body => disk.read(tx => body(reader(tx))),
    write: (durability, body) => disk.write(durability, tx => body(writer(tx)))
  }
  return { disk: counting, tally }
}

async function fill(tab: Tab, count: number, prefix = 'r'): Promise<void> {
  await append(tab, ...Array.from({ length: count }, (_, i) => `${prefix}${i}`))
}

describe('with many rows waiting', () => {
  test('claiming and settling a page reads no row and writes none', async () => {
    let { disk, tally } = counted()
    let leader = await openLeader(disk, ROOMY)
    await fill(leader, 3000)
    Object.assign(tally, { read: 0, written: 0 })
    let ids: string[] = []
    for (let i = 0; i < 10; i++) {
      let rows = await leader.outbox.claim(CHAIN, PAGE)
      ids.push(...idsOf(rows))
      await acked(leader, rows)
    }
    expect(ids).toEqual(Array.from({ length: 1280 }, (_, i) => `r${i}`))
    expect(tally).toEqual({ read: 0, written: 0 })
    expect(leader.outbox.stats.count).toBe(1720)
    // What is settled is not on the disk any more, but for the chunk that is settled in part.
    let left = await disk.read(tx => tx.range('rows', 'rowt'))
    let rows = left.flatMap(([, value]) => unpackRows(value))
    expect(rows.length).toBeLessThan(1720 + CHUNK)
    expect(rows.at(-1)).toMatchObject({ id: 'r2999', n: 3000 })
  })

  test('a burst is stored in several transactions, and all of it is pending at every moment', async () => {
    let disk = createTestDisk()
    let tab = await openTab(disk, ROOMY)
    let release = disk.hold()
    for (let i = 0; i < 2000; i++) tab.outbox.append(rowOf(`r${i}`))
    await new Promise(resolve => setTimeout(resolve))
    expect(new Set(idsOf(tab.outbox.rows())).size).toBe(2000)
    release()
    let writes = disk.writes.length
    await tab.outbox.idle()
    expect(tab.stored).toHaveLength(2000)
    expect(disk.writes.length - writes).toBeGreaterThan(2)
    expect(idsOf(tab.outbox.rows())).toEqual(Array.from({ length: 2000 }, (_, i) => `r${i}`))
    let chunks = [...(await disk.entries())].filter(([key]) => key.startsWith('rows')).map(([, value]) => value)
    expect(Math.max(...chunks.map(value => unpackRows(value).length))).toBe(CHUNK)
  })

  test('another tab reads what is new, and of what is settled nothing', async () => {
    let { disk, tally } = counted()
    let leader = await openLeader(disk, ROOMY)
    await fill(leader, 3000)
    let other = await openTab(disk, ROOMY)
    Object.assign(tally, { read: 0, written: 0 })
    await acked(leader, await leader.outbox.claim(CHAIN, PAGE))
    await other.outbox.refresh()
    expect(other.outbox.stats.count).toBe(3000 - PAGE.count)
    expect(other.gone).toHaveLength(PAGE.count)
    expect(other.endings().every(ending => ending.endsWith(': acked'))).toBe(true)
    expect(tally.read).toBe(0)
    await append(other, 'mine')
    await leader.outbox.refresh()
    expect(leader.found).toEqual(['mine'])
    expect(tally.read).toBe(tally.written)
    await append(leader, 'x')
    await append(other, 'y')
    expect(idsOf(other.outbox.rows()).slice(-3)).toEqual(['mine', 'x', 'y'])
    expect(other.found.at(-1)).toBe('x')
    // Taking one out rewrites its chunk, and another tab reads the chain anew.
    expect(await other.outbox.withdraw(row => row.id === 'r2000', { kind: 'purged' })).toEqual(['r2000'])
    await leader.outbox.refresh()
    expect(leader.endings().at(-1)).toBe('r2000: purged')
    expect(idsOf(leader.outbox.rows())).toEqual(idsOf(other.outbox.rows()))
  })

  test('the page gets its turn while a large backlog is read', async () => {
    let disk = createTestDisk()
    await fill(await openTab(disk, ROOMY), 4000)
    let pauses = 0
    let time = 0
    let base = createVirtualClock()
    let clock: Clock = {
      ...base,
      // Every look at the clock costs 5 ms: so do 128 rows.
      mono: () => (time += 5),
      after(ms, call) {
        if (ms > 0) return base.after(ms, call)
        pauses++
        let timer = setTimeout(call)
        return () => clearTimeout(timer)
      }
    }
    let tab = createTab(disk, { ...ROOMY, clock: clock as typeof base })
    await tab.outbox.load()
    expect(idsOf(tab.outbox.rows())).toEqual(Array.from({ length: 4000 }, (_, i) => `r${i}`))
    expect(pauses).toBeGreaterThan(8)
  })

  test('rows that expire in the middle are taken out, and only those', async () => {
    let tab = await openLeader(createTestDisk(), ROOMY)
    let isOld = (i: number): boolean => i % 50 === 7
    let rows = Array.from({ length: 1000 }, (_, i) => rowOf(`r${i}`, isOld(i) ? { ttl: 5 } : {}))
    await append(tab, ...rows)
    expect(tab.outbox.nextOver()).toBe(5000)
    tab.clock.shiftWall(6000)
    let left: Row[] = []
    for (let page = await tab.outbox.claim(CHAIN, PAGE); page.length; page = await tab.outbox.claim(CHAIN, PAGE))
      left.push(...page)
    expect(idsOf(left)).toEqual(rows.filter((_, i) => !isOld(i)).map(({ id }) => id))
    expect(tab.endings()).toEqual(rows.filter((_, i) => isOld(i)).map(({ id }) => `${id}: expired`))
    expect(tab.outbox.nextOver()).toBe(Infinity)
  })
})

describe('a full outbox', () => {
  let two = { limits: { maxCount: 2, maxBytes: 100_000 } }
  let latest = (id: string, more: Partial<Row> = {}): Row => rowOf(id, { key: 'k', ...more })

  test('takes what replaces a waiting row', async () => {
    let tab = await openLeader(createTestDisk(), two)
    await append(tab, 'a', latest('b'))
    await append(tab, latest('c'))
    tab.outbox.append(latest('d'))
    tab.outbox.append(latest('e'))
    await tab.outbox.idle()
    expect(tab.endings()).toEqual(['b: replaced', 'd: replaced', 'c: replaced'])
    expect(idsOf(tab.outbox.rows())).toEqual(['a', 'e'])
    expect(tab.outbox.stats.count).toBe(2)
  })

  test('takes nothing beside a row that may have left, or that another room or lane has', async () => {
    let tab = await openLeader(createTestDisk(), two)
    await append(tab, latest('a'), 'b')
    for (let more of [{ room: 'other' }, { lane: 'high' as const }, { key: 'other' }])
      expect(() => tab.outbox.append(latest('c', more))).toThrow(/full/)
    await tab.outbox.claim(CHAIN, PAGE)
    expect(() => tab.outbox.append(latest('c'))).toThrow(/full/)
  })
})

test('a row that another tab took out is told to be replaced only where another one took its place', async () => {
  let disk = createTestDisk()
  let [leader, other] = [await openLeader(disk), await openTab(disk)]
  await append(leader, rowOf('a', { key: 'k' }), rowOf('b', { key: 'l' }), 'c')
  await other.outbox.refresh()
  await append(other, rowOf('a2', { key: 'k' }))
  await leader.outbox.refresh()
  expect(leader.endings()).toEqual(['a: replaced'])
  await other.outbox.withdraw(row => row.id !== 'a2', { kind: 'purged' })
  await leader.outbox.refresh()
  expect(leader.endings()).toEqual(['a: replaced', 'b: purged', 'c: purged'])
})
