// The outbox and a disk that goes away and comes back: nothing that waits is lost, and nothing of it is called something that
// it may not be.

import { expect, test } from 'vitest'
import { keys, type Row, unpackRows } from '../../../src/core/rows.js'
import type { Disk } from '../../../src/ports.js'
import { createTestDisk } from '../../../src/testing/disk.js'
import { acked, append, CHAIN, idsOf, MANY, openLeader, openTab, type Tab } from './outbox-world.js'

let noSpace = new DOMException('no space', 'QuotaExceededError')

async function rowsOn(disk: Disk): Promise<(string | number)[][]> {
  let chunks = await disk.read(tx => tx.range('rows', 'rowt'))
  return chunks.flatMap(([, value]) => unpackRows(value)).map(({ id, n }) => [n, id])
}
let chainOn = (disk: Disk) => disk.read(tx => tx.get(keys.chain(CHAIN)))
let rowsIn = (tab: Tab) => tab.outbox.rows().map(({ id, n }) => [n, id])
async function reject(tab: Tab, row: Row) {
  await tab.outbox.settle([{ chain: CHAIN, row, outcome: { kind: 'rejected', code: 'forbidden', message: '' } }])
}

test('{HC 23, 26} a disk that comes back takes everything that waits in memory, what may have left still marked so', async () => {
  let disk = createTestDisk()
  let tab = await openLeader(disk)
  await append(tab, 'a', 'b')
  await tab.outbox.claim(CHAIN, { count: 1, bytes: 100_000 })
  disk.broken = noSpace
  await append(tab, 'c')
  await append(tab, 'd')
  expect(idsOf(await tab.outbox.claim(CHAIN, { count: 2, bytes: 100_000 }))).toEqual(['b', 'c'])
  let { cid } = tab.outbox.client

  disk.broken = null
  await tab.outbox.returnTo(disk)
  expect(tab.outbox.disk.kind).toBe('disk')
  // Numbers may have been given twice: they all begin anew under another client, and the right to send with them.
  expect(tab.outbox.client.cid).not.toBe(cid)
  expect([tab.outbox.gen, tab.identities]).toEqual([0, 1])
  let all = [
    [1, 'a'],
    [2, 'b'],
    [3, 'c'],
    [4, 'd']
  ]
  expect(rowsIn(tab)).toEqual(all)
  expect(await rowsOn(disk)).toEqual(all)
  expect(await chainOn(disk)).toMatchObject({ n: 4, claimed: 3 })
  expect([tab.endings(), tab.outbox.stats.count]).toEqual([[], 4])
  // What may have left can not be taken back; what never left can.
  expect(await tab.outbox.withdraw(() => true, { kind: 'purged' })).toEqual(['d'])
  let after = await openLeader(disk)
  expect(rowsIn(after)).toEqual(all.slice(0, 3))
})

test('{HC 26} what ended in memory has ended on the disk as well', async () => {
  let disk = createTestDisk()
  let tab = await openLeader(disk)
  await append(tab, 'parked', 'acked', 'refused', 'waits')
  let rows = await tab.outbox.claim(CHAIN, { count: 3, bytes: 100_000 })
  await reject(tab, rows[0] as Row)
  disk.broken = noSpace
  await append(tab, 'later')
  await acked(tab, rows.slice(1, 2))
  await reject(tab, rows[2] as Row)
  await tab.outbox.unpark('parked')

  disk.broken = null
  await tab.outbox.returnTo(disk)
  let after = await openTab(disk)
  expect(idsOf(after.outbox.rows())).toEqual(['waits', 'later'])
  expect([...after.outbox.parked.keys()]).toEqual(['refused'])
})

test('{HC 26} what other tabs did on the disk meanwhile stands, and all of it goes once', async () => {
  let disk = createTestDisk()
  let [tab, other] = [await openLeader(disk), await openTab(disk)]
  await append(tab, 'a')
  await append(tab, 'b')
  disk.broken = noSpace
  await append(tab, 'mine')
  disk.broken = null
  // The other one could write all the time, and has taken the sending over.
  await other.outbox.refresh()
  await other.outbox.raiseGen()
  await append(other, 'theirs')
  await acked(other, await other.outbox.claim(CHAIN, { count: 1, bytes: 100_000 }))
  expect(other.endings()).toEqual(['a: acked'])

  await tab.outbox.returnTo(disk)
  await other.outbox.refresh()
  // `a` goes again under its id, for this tab never heard of its answer: the server knows it.
  expect(idsOf(tab.outbox.rows())).toEqual(['b', 'theirs', 'a', 'mine'])
  expect(idsOf(other.outbox.rows())).toEqual(idsOf(tab.outbox.rows()))
  expect(other.outbox.client).toEqual(tab.outbox.client)
  expect([other.outbox.gen, other.identities]).toEqual([0, 1])
  expect(tab.found).toContain('theirs')
})

test('{HC 26} a disk that does not take it back leaves everything in memory, and can be tried again', async () => {
  let disk = createTestDisk()
  let tab = await openLeader(disk)
  await append(tab, 'a')
  disk.broken = noSpace
  await append(tab, 'b')
  await expect(tab.outbox.returnTo(disk)).rejects.toThrow('no space')
  expect([tab.outbox.disk.kind, tab.identities]).toEqual(['memory', 0])
  expect(idsOf(await tab.outbox.claim(CHAIN, MANY))).toEqual(['a', 'b'])
  disk.broken = null
  await tab.outbox.returnTo(disk)
  expect((await rowsOn(disk)).map(([, id]) => id)).toEqual(['a', 'b'])
})

test('{HC 29} a disk that is emptied under a page gets back at once what waits, what may have left still marked so', async () => {
  let disk = createTestDisk()
  let tab = await openLeader(disk)
  await append(tab, 'a', 'b', 'c')
  let [a] = await tab.outbox.claim(CHAIN, { count: 2, bytes: 100_000 })
  await reject(tab, a as Row)
  await disk.wipe()
  disk.lose('closed')
  await tab.outbox.idle()
  expect(tab.identities).toBe(1)
  expect(tab.endings()).toEqual(['a: rejected'])
  let after = await openTab(disk)
  expect(rowsIn(after)).toEqual([
    [1, 'b'],
    [2, 'c']
  ])
  expect(await chainOn(disk)).toMatchObject({ claimed: 1 })
  expect([...after.outbox.parked.keys()]).toEqual(['a'])
})

test('{HC 29} of two tabs whose disk is emptied, each brings back what the other does not know of', async () => {
  let disk = createTestDisk()
  let [one, two] = [await openLeader(disk), await openTab(disk)]
  await append(one, 'a')
  await two.outbox.refresh()
  await append(two, 'b')
  await disk.wipe()
  disk.lose('closed')
  await Promise.all([one.outbox.idle(), two.outbox.idle()])
  await one.outbox.refresh()
  expect((await rowsOn(disk)).map(([, id]) => id).sort()).toEqual(['a', 'b'])
  expect(idsOf(one.outbox.rows()).sort()).toEqual(['a', 'b'])
  expect([...one.endings(), ...two.endings()]).toEqual([])
})

test('{HC 25} a disk that was only closed, and holds everything, stays as it is', async () => {
  let disk = createTestDisk()
  let tab = await openLeader(disk)
  await append(tab, 'a')
  let before = await disk.entries()
  disk.lose('closed')
  await tab.outbox.idle()
  expect(await disk.entries()).toEqual(before)
  expect([tab.identities, tab.outbox.gen, tab.outbox.disk.kind]).toEqual([0, 1, 'disk'])
})

test('{HC 24} what is stored belongs to the newer version of the app that took the disk: the older one starts afresh in memory', async () => {
  let disk = createTestDisk()
  let tab = await openLeader(disk)
  await append(tab, 'a')
  let { cid } = tab.outbox.client
  disk.lose('outdated')
  await tab.outbox.idle()
  expect(tab.degraded).toEqual([expect.stringMatching(/newer version.*reload/)])
  expect([tab.outbox.disk.kind, tab.identities, tab.outbox.rows()]).toEqual(['memory', 1, []])
  expect(tab.outbox.client.cid).not.toBe(cid)
  let before = await disk.entries()
  await append(tab, 'b')
  expect(await disk.entries()).toEqual(before)
  expect(idsOf(tab.outbox.rows())).toEqual(['b'])
})
