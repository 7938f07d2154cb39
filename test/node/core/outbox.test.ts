// The outbox over a disk in memory and over IndexedDB: numbering, conflation, expiry, claims, settling, reloads, failing disks
// and changed identities, with several tabs on one disk.

import 'fake-indexeddb/auto'
import { describe, expect, test } from 'vitest'
import { Fenced } from '../../../src/core/outbox-tx.js'
import { keys, type Row, unpackRows } from '../../../src/core/rows.js'
import type { Disk } from '../../../src/ports.js'
import { openIndexedDb } from '../../../src/storage/indexed-db.js'
import { createTestDisk } from '../../../src/testing/disk.js'
import { acked, append, CHAIN, idsOf, MANY, numbersOf, openLeader, openTab, rowOf, type Tab } from './outbox-world.js'

let databases = 0
/** Each call of what it returns opens the same storage again, as another tab or after a reload. */
let storages: Record<string, () => () => Promise<Disk>> = {
  memory() {
    let disk = createTestDisk()
    return async () => disk
  },
  IndexedDB() {
    let name = `outbox-${++databases}`
    return () => openIndexedDb(name)
  }
}

let rowsOn = async (disk: Disk): Promise<Row[]> => {
  let chunks = await disk.read(tx => tx.range('rows', 'rowt'))
  return chunks.flatMap(([, value]) => unpackRows(value))
}

describe.each(Object.entries(storages))('over %s', (_name, createStorage) => {
  let latest = (id: string, key = 'k') => rowOf(id, { key })

  test('[S1] what is accepted in one turn is numbered and stored in one transaction', async () => {
    let open = createStorage()
    let tab = await openTab(await open())
    await append(tab, 'a', 'b', rowOf('c', { lane: 'high' }))
    expect(tab.stored).toEqual(['a', 'b', 'c'])
    expect(tab.outbox.rows().map(({ id, n }) => [id, n])).toEqual([
      ['a', 1],
      ['b', 2],
      ['c', 1]
    ])
    expect((await rowsOn(await open())).map(({ id, n }) => [id, n])).toEqual([
      ['c', 1],
      ['a', 1],
      ['b', 2]
    ])
    expect(await (await open()).read(tx => tx.range('rows', 'rowt'))).toHaveLength(2)
  })

  test('[S17] tabs that append at the same time never give one number twice', async () => {
    let open = createStorage()
    let tabs = await Promise.all([openTab(await open()), openTab(await open()), openTab(await open())])
    let [one, two, three] = tabs as [Tab, Tab, Tab]
    for (let i = 0; i < 5; i++) {
      await Promise.all([append(one, `one${i}`, `one${i}b`), append(two, `two${i}`), append(three, `three${i}`)])
    }
    let rows = await rowsOn(await open())
    expect(numbersOf(rows)).toEqual(Array.from({ length: 20 }, (_, i) => i + 1))
    for (let tab of tabs) await tab.outbox.refresh()
    for (let tab of tabs) expect(idsOf(tab.outbox.rows())).toEqual(idsOf(rows))
    let own = idsOf(rows).filter(id => id.startsWith('one'))
    expect(own).toEqual(['one0', 'one0b', 'one1', 'one1b', 'one2', 'one2b', 'one3', 'one3b', 'one4', 'one4b'])
    expect(new Set(tabs.map(({ outbox }) => outbox.client.cid)).size).toBe(1)
  })

  test('a newer row with the same key takes the place of the older one within one flush', async () => {
    let open = createStorage()
    let tab = await openTab(await open())
    await append(tab, latest('a'), 'x', latest('other', 'o'), latest('b'))
    expect(tab.endings()).toEqual(['a: replaced'])
    expect(idsOf(await rowsOn(await open()))).toEqual(['x', 'other', 'b'])
    expect(tab.outbox.stats.count).toBe(3)
  })

  test('[S2] a newer row with the same key takes the place of a stored one that never left', async () => {
    let open = createStorage()
    let tab = await openTab(await open())
    await append(tab, latest('a'), 'x')
    await append(tab, latest('b'))
    expect(tab.endings()).toEqual(['a: replaced'])
    expect((await rowsOn(await open())).map(({ id, n }) => [id, n])).toEqual([
      ['x', 2],
      ['b', 3]
    ])
  })

  test('[S2] a row that may have left is neither replaced nor expired nor withdrawn', async () => {
    let open = createStorage()
    let tab = await openLeader(await open())
    await append(tab, latest('a'), rowOf('t', { ttl: 1 }))
    await tab.outbox.claim(CHAIN, MANY)
    await append(tab, latest('b'))
    tab.clock.shiftWall(60_000)
    expect(await tab.outbox.withdraw(() => true, { kind: 'expired' })).toEqual(['b'])
    expect(tab.endings()).toEqual(['b: expired'])
    expect(idsOf(await rowsOn(await open()))).toEqual(['a', 't'])
  })

  test('[S2] what another tab claimed is not replaced by a tab that does not know of the claim', async () => {
    let open = createStorage()
    let [leader, other] = [await openLeader(await open()), await openTab(await open())]
    await append(other, latest('a'))
    await leader.outbox.refresh()
    expect(idsOf(await leader.outbox.claim(CHAIN, MANY))).toEqual(['a'])
    await append(other, latest('b'))
    expect(other.endings()).toEqual([])
    expect(await other.outbox.withdraw(row => row.id === 'a', { kind: 'purged' })).toEqual([])
    expect(idsOf(await rowsOn(await open()))).toEqual(['a', 'b'])
  })

  test('[S2] a withdrawal of what lies together takes only what never left', async () => {
    let open = createStorage()
    let [leader, other] = [await openLeader(await open()), await openTab(await open())]
    await append(other, 'a', 'b', 'c')
    await leader.outbox.refresh()
    await leader.outbox.claim(CHAIN, { count: 1, bytes: 100_000 })
    expect(await other.outbox.withdraw(() => true, { kind: 'purged' })).toEqual(['b', 'c'])
    expect(idsOf(await rowsOn(await open()))).toEqual(['a'])
  })

  test('rows past their time are taken out by a claim, and the others go', async () => {
    let open = createStorage()
    let tab = await openLeader(await open())
    await append(tab, rowOf('old', { ttl: 5 }), 'x', rowOf('young', { ttl: 100 }))
    tab.clock.shiftWall(6000)
    expect(idsOf(await tab.outbox.claim(CHAIN, MANY))).toEqual(['x', 'young'])
    expect(tab.endings()).toEqual(['old: expired'])
    expect(idsOf(await rowsOn(await open()))).toEqual(['x', 'young'])
  })

  test('a clock that was set back makes no row older', async () => {
    let tab = await openLeader(await createStorage()())
    await append(tab, rowOf('t', { ttl: 5 }))
    tab.clock.shiftWall(-60_000)
    expect(idsOf(await tab.outbox.claim(CHAIN, MANY))).toEqual(['t'])
  })

  test('[S2] a claim finds out what another tab took out of the outbox', async () => {
    let open = createStorage()
    let [leader, other] = [await openLeader(await open()), await openTab(await open())]
    await append(leader, 'a', 'b', 'c')
    await other.outbox.refresh()
    expect(await other.outbox.withdraw(row => row.id !== 'b', { kind: 'purged' })).toEqual(['a', 'c'])
    expect(idsOf(await leader.outbox.claim(CHAIN, MANY))).toEqual(['b'])
    expect(leader.endings()).toEqual(['a: purged', 'c: purged'])
    expect(leader.outbox.stats.count).toBe(1)
  })

  test('[S17] a claim takes rows of another tab that lie before those known here', async () => {
    let open = createStorage()
    let [leader, other] = [await openLeader(await open()), await openTab(await open())]
    await append(other, 'theirs')
    await append(leader, 'mine')
    let rows = await leader.outbox.claim(CHAIN, MANY)
    expect(rows.map(({ id, n }) => [id, n])).toEqual([
      ['theirs', 1],
      ['mine', 2]
    ])
    expect(leader.found).toEqual(['theirs'])
  })

  test('[S17] settling leaves alone what another tab stored in between', async () => {
    let open = createStorage()
    let [leader, other] = [await openLeader(await open()), await openTab(await open())]
    await append(leader, 'first')
    let first = await leader.outbox.claim(CHAIN, MANY)
    await append(other, 'theirs')
    await append(leader, 'mine')
    await acked(leader, first)
    expect(idsOf(await rowsOn(await open()))).toEqual(['theirs', 'mine'])
    expect(idsOf(await leader.outbox.claim(CHAIN, MANY))).toEqual(['theirs', 'mine'])
  })

  test('[S13] settling a part of what another tab stored keeps the rest on disk', async () => {
    let open = createStorage()
    let [leader, other] = [await openLeader(await open()), await openTab(await open())]
    await append(other, 'a', 'b', 'c')
    await append(leader, 'd')
    let rows = await leader.outbox.claim(CHAIN, MANY)
    expect(idsOf(rows)).toEqual(['a', 'b', 'c', 'd'])
    await acked(leader, rows.slice(0, 2))
    expect(idsOf(await rowsOn(await open()))).toContain('c')
    let next = await openTab(await open())
    expect(idsOf(next.outbox.rows())).toEqual(['c', 'd'])
  })

  test('a claim keeps to count and bytes, and always takes one', async () => {
    let tab = await openLeader(await createStorage()())
    await append(tab, rowOf('a', { data: 'x'.repeat(5000) }), 'b', 'c', 'd')
    expect(idsOf(await tab.outbox.claim(CHAIN, { count: 10, bytes: 100 }))).toEqual(['a'])
    expect(idsOf(await tab.outbox.claim(CHAIN, { count: 2, bytes: 100_000 }))).toEqual(['b', 'c'])
    expect(idsOf(await tab.outbox.claim(CHAIN, { count: 2, bytes: 100_000 }))).toEqual(['d'])
    expect(await tab.outbox.claim(CHAIN, MANY)).toEqual([])
  })

  test('[S2] a claim under an old generation is fenced and claims nothing', async () => {
    let open = createStorage()
    let one = await openLeader(await open())
    await append(one, 'a')
    let two = await openLeader(await open())
    expect(two.outbox.gen).toBe(2)
    await expect(one.outbox.claim(CHAIN, MANY)).rejects.toBeInstanceOf(Fenced)
    expect(await one.outbox.holdsGen()).toBe(false)
    expect(idsOf(await two.outbox.claim(CHAIN, MANY))).toEqual(['a'])
  })

  test('[S17] a tab that takes the sending over knows what the former one claimed and settled', async () => {
    let open = createStorage()
    let [one, two] = [await openLeader(await open()), await openTab(await open())]
    await append(one, 'a', 'b', 'c')
    let rows = await one.outbox.claim(CHAIN, { count: 2, bytes: 100_000 })
    await acked(one, rows.slice(0, 1))
    await two.outbox.raiseGen()
    expect(two.outbox.chains.get(CHAIN)).toMatchObject({ n: 3, claimed: 2, last: { n: 1, id: 'a' } })
    expect(idsOf(two.outbox.rows())).toEqual(['b', 'c'])
    expect(idsOf(await two.outbox.claim(CHAIN, MANY))).toEqual(['c'])
  })

  test('[S13] settling takes whole chunks off the disk, and settled rows of the others do not come back', async () => {
    let open = createStorage()
    let tab = await openLeader(await open())
    await append(tab, 'a', 'b')
    await append(tab, 'c', 'd')
    let rows = await tab.outbox.claim(CHAIN, MANY)
    await acked(tab, rows.slice(0, 3))
    expect(tab.endings()).toEqual(['a: acked', 'b: acked', 'c: acked'])
    expect(idsOf(await rowsOn(await open()))).toEqual(['c', 'd'])
    let next = await openTab(await open())
    expect(idsOf(next.outbox.rows())).toEqual(['d'])
    expect(next.outbox.chains.get(CHAIN)).toMatchObject({ n: 4, claimed: 4, last: { n: 3, id: 'c' } })
    await acked(tab, rows.slice(3))
    expect(await rowsOn(await open())).toEqual([])
  })

  test('a row that is settled twice is told once', async () => {
    let tab = await openLeader(await createStorage()())
    await append(tab, 'a')
    let [row] = await tab.outbox.claim(CHAIN, MANY)
    let outcome = { kind: 'rejected', code: 'forbidden', message: '' } as const
    await Promise.all([1, 2].map(() => tab.outbox.settle([{ chain: CHAIN, row: row as Row, outcome }])))
    expect(tab.endings()).toEqual(['a: rejected'])
  })

  test('[S12] done follows a relaxed answer by one strict write, a second later', async () => {
    let open = createStorage()
    let tab = await openLeader(await open())
    await append(tab, 'a', 'b')
    await acked(tab, await tab.outbox.claim(CHAIN, MANY))
    expect(tab.outbox.chains.get(CHAIN)).toMatchObject({ last: { n: 2 }, done: 0 })
    await tab.clock.advance(1000)
    await tab.outbox.idle()
    expect(tab.outbox.chains.get(CHAIN)).toMatchObject({ last: { n: 2 }, done: 2 })
    expect((await openTab(await open())).outbox.chains.get(CHAIN)).toMatchObject({ done: 2 })
  })

  test('a reload goes on exactly where the page ended', async () => {
    let open = createStorage()
    let before = await openLeader(await open())
    await append(before, 'a', latest('b'), rowOf('t', { ttl: 50, lane: 'critical' }))
    await before.outbox.claim(CHAIN, { count: 1, bytes: 100_000 })
    await append(before, rowOf('d', { room: 'other' }))
    let after = await openTab(await open())
    expect(after.outbox.client.cid).toBe(before.outbox.client.cid)
    let shown = (tab: Tab) =>
      new Map([...tab.outbox.chains].map(([key, { n, claimed, last, rows }]) => [key, { n, claimed, last, rows }]))
    expect(shown(after)).toEqual(shown(before))
    expect(after.outbox.stats).toEqual(before.outbox.stats)
    expect(after.found.sort()).toEqual(['a', 'b', 'd', 't'])
    expect(await after.outbox.raiseGen()).toBe(2)
    expect(idsOf(await after.outbox.claim(CHAIN, MANY))).toEqual(['b'])
  })

  test('[S19] refused rows and rows in doubt survive a reload until they are resolved', async () => {
    let open = createStorage()
    let tab = await openLeader(await open())
    await append(tab, 'a', 'b', 'c')
    let [a, b] = (await tab.outbox.claim(CHAIN, { count: 2, bytes: 100_000 })) as [Row, Row]
    await tab.outbox.settle([
      { chain: CHAIN, row: a, outcome: { kind: 'rejected', code: 'forbidden', message: 'not you' } },
      { chain: CHAIN, row: b, outcome: { kind: 'unknown', code: 'unknown', message: '' } }
    ])
    await tab.outbox.withdraw(() => true, { kind: 'rejected', code: 'gone', message: '' })
    let after = await openTab(await open())
    expect(
      [...after.outbox.parked.values()].map(({ kind, code, message, row }) => [row.id, kind, code, message])
    ).toEqual([
      ['a', 'rejected', 'forbidden', 'not you'],
      ['b', 'unknown', 'unknown', expect.stringContaining('may have happened')],
      ['c', 'rejected', 'gone', expect.any(String)]
    ])
    expect(await after.outbox.unpark('a')).toMatchObject({ row: { id: 'a' } })
    expect(await after.outbox.unpark('a')).toBe(null)
    let last = await openTab(await open())
    expect([...last.outbox.parked.keys()]).toEqual(['b', 'c'])
  })

  test('an outbox that is full throws, tells its limits, and takes again when something has gone', async () => {
    let tab = await openLeader(await createStorage()(), { limits: { maxCount: 2, maxBytes: 100_000 } })
    await append(tab, 'a', 'b')
    expect(tab.outbox.hasRoom).toBe(false)
    expect(() => tab.outbox.append(rowOf('c'))).toThrow(/outbox is full: 2 actions/)
    expect(() => tab.outbox.append(rowOf('c'))).toThrow(
      expect.objectContaining({ code: 'outbox-full', retryable: true })
    )
    await acked(tab, await tab.outbox.claim(CHAIN, MANY))
    expect(tab.outbox.hasRoom).toBe(true)
    expect(tab.outbox.stats).toEqual({ count: 0, bytes: 0, oldestAt: null })
    expect(() => tab.outbox.append(rowOf('huge', { data: 'x'.repeat(100_001) }))).toThrow(/outbox is full/)
    await append(tab, 'c')
    expect(tab.stored).toContain('c')
  })

  test('the cap counts what is accepted before it is stored', async () => {
    let tab = await openTab(await createStorage()(), { limits: { maxCount: 2, maxBytes: 100_000 } })
    tab.outbox.append(rowOf('a'))
    tab.outbox.append(rowOf('b'))
    expect(() => tab.outbox.append(rowOf('c'))).toThrow(/full/)
    expect(tab.outbox.rows()).toHaveLength(2)
    expect(tab.outbox.stats.oldestAt).toBe(1_700_000_000_000)
    await tab.outbox.idle()
  })

  test('[S14] a fork takes a new client: rows that never left go again in order, the others are in doubt', async () => {
    let open = createStorage()
    let tab = await openLeader(await open())
    await append(tab, 'a', 'b')
    await append(tab, 'c', 'd', 'e')
    await tab.outbox.claim(CHAIN, { count: 3, bytes: 100_000 })
    let before = tab.outbox.client.cid
    await tab.outbox.fork()
    expect(tab.outbox.client.cid).not.toBe(before)
    expect(tab.outbox.gen).toBe(0)
    expect(tab.identities).toBe(1)
    expect(tab.endings()).toEqual(['a: unknown', 'b: unknown', 'c: unknown'])
    expect(tab.outbox.rows().map(({ id, n }) => [id, n])).toEqual([
      ['d', 1],
      ['e', 2]
    ])
    expect([...tab.outbox.parked.keys()]).toEqual(['a', 'b', 'c'])
    expect(await tab.outbox.raiseGen()).toBe(1)
    expect(idsOf(await tab.outbox.claim(CHAIN, MANY))).toEqual(['d', 'e'])
    let after = await openTab(await open())
    expect(idsOf(after.outbox.rows())).toEqual(['d', 'e'])
    expect([...after.outbox.parked.keys()]).toEqual(['a', 'b', 'c'])
  })

  test('[S14] the other tabs follow a fork', async () => {
    let open = createStorage()
    let [leader, other] = [await openLeader(await open()), await openTab(await open())]
    await append(other, 'a')
    await leader.outbox.refresh()
    await leader.outbox.claim(CHAIN, MANY)
    await append(other, 'b')
    await leader.outbox.fork()
    await other.outbox.refresh()
    expect(other.outbox.client.cid).toBe(leader.outbox.client.cid)
    expect(other.identities).toBe(1)
    expect(other.endings()).toEqual(['a: unknown'])
    await append(other, 'c')
    expect((await rowsOn(await open())).map(({ id, n }) => [id, n])).toEqual([
      ['b', 1],
      ['c', 2]
    ])
  })

  test('[S14] whoever could send under a former client cannot under the new one', async () => {
    let open = createStorage()
    let [leader, other] = [await openLeader(await open()), await openTab(await open())]
    await other.outbox.fork()
    expect(await other.outbox.raiseGen()).toBe(leader.outbox.gen)
    await append(other, 'a')
    await leader.outbox.refresh()
    expect(leader.outbox.gen).toBe(0)
    await expect(leader.outbox.claim(CHAIN, MANY)).rejects.toBeInstanceOf(Fenced)
  })

  test('[S14] a tab that has not heard of a fork stores under the new client', async () => {
    let open = createStorage()
    let [leader, other] = [await openLeader(await open()), await openTab(await open())]
    await append(leader, 'a')
    await leader.outbox.fork()
    await append(other, 'b')
    expect(other.endings()).toEqual([])
    expect((await rowsOn(await open())).map(({ id, n }) => [id, n])).toEqual([
      ['a', 1],
      ['b', 2]
    ])
    expect(other.identities).toBe(1)
  })

  test('[S15] the life of the marks is kept by room, and settled with them', async () => {
    let open = createStorage()
    let tab = await openLeader(await open())
    expect(await tab.outbox.marksEpoch('r')).toBe(undefined)
    await tab.outbox.settle([], { room: 'r', epoch: 'm1' })
    expect(await (await openTab(await open())).outbox.marksEpoch('r')).toBe('m1')
    await append(tab, 'a')
    await acked(tab, await tab.outbox.claim(CHAIN, MANY))
    await tab.outbox.resetChain(CHAIN)
    expect(tab.outbox.chains.get(CHAIN)).toMatchObject({ n: 1, claimed: 1, last: null, done: 0 })
    expect((await openTab(await open())).outbox.chains.get(CHAIN)).toMatchObject({ n: 1, last: null, done: 0 })
  })

  test('rows may leave at once only when nothing waits before them', async () => {
    let open = createStorage()
    let [leader, other] = [await openLeader(await open()), await openTab(await open())]
    leader.outbox.setGate({ maySend: () => true, isOnline: () => true })
    other.outbox.setGate({ maySend: () => true, isOnline: () => true })
    await append(leader, 'a')
    expect(leader.outbox.chains.get(CHAIN)).toMatchObject({ n: 1, claimed: 1 })
    await append(other, 'b')
    await append(leader, 'c')
    expect(leader.stored).toEqual(['a*', 'c'])
    expect(other.stored).toEqual(['b'])
    expect(idsOf(await leader.outbox.claim(CHAIN, MANY))).toEqual(['b', 'c'])
  })

  test('a damaged chunk costs its own rows only', async () => {
    let open = createStorage()
    let tab = await openTab(await open())
    await append(tab, 'a')
    await append(tab, 'b')
    await (await open()).write('strict', async tx => tx.put(keys.chunk(CHAIN, 1), '{"not":'))
    let after = await openTab(await open())
    expect(idsOf(after.outbox.rows())).toEqual(['b'])
  })
})

describe('when the disk fails', () => {
  let broken = new DOMException('no space', 'QuotaExceededError')

  test('what is accepted next, what waits and what is parked live on in memory', async () => {
    let disk = createTestDisk()
    let tab = await openLeader(disk)
    await append(tab, 'a', 'b', 'c')
    let [row] = await tab.outbox.claim(CHAIN, { count: 1, bytes: 100_000 })
    await tab.outbox.settle([
      { chain: CHAIN, row: row as Row, outcome: { kind: 'rejected', code: 'forbidden', message: '' } }
    ])
    disk.broken = broken
    await append(tab, 'd')
    expect(tab.degraded).toEqual(['QuotaExceededError: no space'])
    expect(tab.outbox.disk.kind).toBe('memory')
    expect(tab.stored).toContain('d')
    expect(tab.outbox.rows().map(({ id, n }) => [id, n])).toEqual([
      ['b', 2],
      ['c', 3],
      ['d', 4]
    ])
    expect([...tab.outbox.parked.keys()]).toEqual(['a'])
    let rows = await tab.outbox.claim(CHAIN, MANY)
    expect(idsOf(rows)).toEqual(['b', 'c', 'd'])
    await acked(tab, rows)
    expect(tab.outbox.stats.count).toBe(0)
    expect(tab.outbox.chains.get(CHAIN)).toMatchObject({ last: { n: 4 }, done: 4 })
  })

  test('a claim that finds the disk failing loses no row', async () => {
    let disk = createTestDisk()
    let tab = await openLeader(disk)
    await append(tab, 'a')
    await append(tab, 'b')
    await append(tab, 'c')
    await tab.outbox.claim(CHAIN, { count: 1, bytes: 100_000 })
    disk.broken = broken
    expect(idsOf(await tab.outbox.claim(CHAIN, MANY))).toEqual(['b', 'c'])
    expect(tab.endings()).toEqual([])
    expect(tab.outbox.stats.count).toBe(3)
  })

  test('an answer that cannot be stored still counts', async () => {
    let disk = createTestDisk()
    let tab = await openLeader(disk)
    await append(tab, 'a')
    await append(tab, 'b')
    let rows = await tab.outbox.claim(CHAIN, MANY)
    disk.broken = broken
    await acked(tab, rows.slice(0, 1))
    expect(tab.endings()).toEqual(['a: acked'])
    expect(idsOf(tab.outbox.rows())).toEqual(['b'])
  })

  test('a tab that does not send starts afresh, with what it could not store', async () => {
    let disk = createTestDisk()
    let [leader, other] = [await openLeader(disk), await openTab(disk)]
    await append(leader, 'a')
    await other.outbox.refresh()
    disk.broken = broken
    await append(other, 'b')
    expect(other.identities).toBe(1)
    expect(other.outbox.client.cid).not.toBe(leader.outbox.client.cid)
    // The others are on the disk still, and the one who sends will send them.
    expect(idsOf(other.outbox.rows())).toEqual(['b'])
    expect(await other.outbox.raiseGen()).toBe(1)
    expect(idsOf(await other.outbox.claim(CHAIN, MANY))).toEqual(['b'])
  })

  test('[S1] nothing is told to be stored before its transaction is complete', async () => {
    let disk = createTestDisk()
    let tab = await openTab(disk)
    let release = disk.hold()
    tab.outbox.append(rowOf('a'))
    await tab.clock.settle()
    expect(tab.stored).toEqual([])
    expect(tab.outbox.chains.get(CHAIN)?.rows ?? []).toEqual([])
    release()
    await tab.outbox.idle()
    expect(tab.stored).toEqual(['a'])
  })

  test('[S1] durability is strict while offline and relaxed while an answer is on its way', async () => {
    let disk = createTestDisk()
    let tab = await openLeader(disk)
    let isOnline = false
    tab.outbox.setGate({ maySend: () => false, isOnline: () => isOnline })
    await append(tab, 'a')
    expect(disk.writes.at(-1)).toBe('strict')
    isOnline = true
    await append(tab, 'b')
    expect(disk.writes.at(-1)).toBe('relaxed')
    await tab.outbox.claim(CHAIN, MANY)
    expect(disk.writes.at(-1)).toBe('strict')
    await append(tab, rowOf('t', { ttl: 100 }))
    await tab.outbox.claim(CHAIN, MANY)
    expect(disk.writes.at(-1)).toBe('strict')
  })
})

describe('when the site data were cleared in between', () => {
  test('a new client stores the next row, and rows that never left before it', async () => {
    let disk = createTestDisk()
    let tab = await openLeader(disk)
    await append(tab, 'a', 'b', 'c')
    await tab.outbox.claim(CHAIN, { count: 1, bytes: 100_000 })
    let { cid } = tab.outbox.client
    await disk.wipe()
    await append(tab, 'd')
    expect(tab.outbox.client.cid).not.toBe(cid)
    expect(tab.identities).toBe(1)
    expect(tab.endings()).toEqual(['a: unknown'])
    expect((await rowsOn(disk)).map(({ id, n }) => [id, n])).toEqual([
      ['b', 1],
      ['c', 2],
      ['d', 3]
    ])
    expect(tab.outbox.rows().map(({ id, n }) => [id, n])).toEqual([
      ['b', 1],
      ['c', 2],
      ['d', 3]
    ])
  })

  test('a claim finds out', async () => {
    let disk = createTestDisk()
    let tab = await openLeader(disk)
    await append(tab, 'a', 'b')
    await disk.wipe()
    expect(await tab.outbox.claim(CHAIN, MANY)).toEqual([])
    expect(tab.identities).toBe(1)
    expect(tab.outbox.rows().map(({ id, n }) => [id, n])).toEqual([
      ['a', 1],
      ['b', 2]
    ])
    await tab.outbox.raiseGen()
    expect(idsOf(await tab.outbox.claim(CHAIN, MANY))).toEqual(['a', 'b'])
  })

  test('so does a withdrawal, and it still withdraws', async () => {
    let disk = createTestDisk()
    let tab = await openLeader(disk)
    await append(tab, 'a', 'b')
    await disk.wipe()
    expect(await tab.outbox.withdraw(row => row.id === 'b', { kind: 'purged' })).toEqual(['b'])
    expect(tab.endings()).toEqual(['b: purged'])
    expect(idsOf(await rowsOn(disk))).toEqual(['a'])
  })

  test('answers to the numbers of a former life settle nothing', async () => {
    let disk = createTestDisk()
    let tab = await openLeader(disk)
    await append(tab, 'a', 'b')
    let rows = await tab.outbox.claim(CHAIN, { count: 1, bytes: 100_000 })
    await disk.wipe()
    await acked(tab, rows)
    expect(tab.endings()).toEqual(['a: unknown'])
    expect(tab.outbox.rows().map(({ id, n }) => [id, n])).toEqual([['b', 1]])
    expect(tab.outbox.chains.get(CHAIN)).toMatchObject({ last: null })
  })
})
