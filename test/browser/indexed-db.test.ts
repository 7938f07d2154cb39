// IndexedDB as a disk, in a real browser: what it must do like every disk, and what happens when the browser takes it away.

import { afterEach, expect, test, vi } from 'vitest'
import { openIndexedDb } from '../../src/storage/indexed-db.js'
import { diskContract } from '../support/disk-contract.js'

let names = 0
let fresh = (): string => `disk-${Date.now()}-${names++}`

afterEach(() => vi.restoreAllMocks())

diskContract('IndexedDB', () => openIndexedDb(fresh()))

function answered<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result)
    request.onerror = () => reject(request.error)
  })
}

test('what was written is there when the database is opened again', async () => {
  let name = fresh()
  let first = await openIndexedDb(name)
  expect(first.kind).toBe('disk')
  await first.write('strict', async tx => tx.put('a', { n: 1 }))
  first.close()
  let second = await openIndexedDb(name)
  expect(await second.read(tx => tx.get('a'))).toEqual({ n: 1 })
  second.close()
})

test('two that have the same database open see what the other wrote', async () => {
  let name = fresh()
  let [one, two] = await Promise.all([openIndexedDb(name), openIndexedDb(name)])
  await Promise.all(
    [one, two].flatMap(disk =>
      Array.from({ length: 20 }, () =>
        disk.write('relaxed', async tx => tx.put('count', (((await tx.get('count')) as number | undefined) ?? 0) + 1))
      )
    )
  )
  expect(await one.read(tx => tx.get('count'))).toBe(40)
  expect(await two.read(tx => tx.get('count'))).toBe(40)
  one.close()
  two.close()
})

test('a write asks for the durability that it was given, and resolves when the transaction is complete', async () => {
  let begin = vi.spyOn(IDBDatabase.prototype, 'transaction')
  let disk = await openIndexedDb(fresh())
  begin.mockClear()
  for (let durability of ['relaxed', 'strict'] as const) {
    await disk.write(durability, async tx => tx.put('a', durability))
    let tx = begin.mock.results.at(-1)?.value as IDBTransaction
    expect([tx.mode, tx.durability]).toEqual(['readwrite', durability])
    // A transaction that is complete takes nothing more.
    expect(() => tx.objectStore('entries')).toThrow(/finished/)
  }
  disk.close()
})

test('a transaction that the browser aborts after all requests were taken is rejected, and nothing of it is there', async () => {
  let disk = await openIndexedDb(fresh())
  await disk.write('strict', async tx => tx.put('a', 1))
  // What running out of quota looks like: requests succeed, the transaction does not.
  vi.spyOn(IDBTransaction.prototype, 'commit').mockImplementation(function (this: IDBTransaction) {
    this.abort()
  })
  await expect(disk.write('strict', async tx => tx.put('a', 2))).rejects.toThrow(/./)
  vi.restoreAllMocks()
  expect(await disk.read(tx => tx.get('a'))).toBe(1)
  disk.close()
})

test('a database that is deleted is told of, and made anew by the next transaction', async () => {
  let name = fresh()
  let disk = await openIndexedDb(name)
  let told: string[] = []
  disk.onLost(reason => told.push(reason))
  await disk.write('strict', async tx => tx.put('a', 1))
  // Not blocked: whoever deletes the data of a site must not wait for its tabs.
  await answered(indexedDB.deleteDatabase(name))
  expect(told).toEqual(['closed'])
  expect(await disk.read(tx => tx.range('', '\uffff'))).toEqual([])
  await disk.write('strict', async tx => tx.put('b', 2))
  expect(await disk.read(tx => tx.get('b'))).toBe(2)
  disk.close()
})

test('a connection that the browser has closed is opened again', async () => {
  let name = fresh()
  let opened = vi.spyOn(IDBFactory.prototype, 'open')
  let disk = await openIndexedDb(name)
  await disk.write('strict', async tx => tx.put('a', 1))
  let { value: request } = opened.mock.results[0] as { value: IDBOpenDBRequest }
  let connection = request.result
  connection.close()
  await disk.write('strict', async tx => tx.put('b', 2))
  expect(await disk.read(tx => tx.range('', '\uffff'))).toEqual([
    ['a', 1],
    ['b', 2]
  ])
  disk.close()
})

test('a disk that was closed takes nothing more and does not open again', async () => {
  let disk = await openIndexedDb(fresh())
  let last = disk.write('strict', async tx => tx.put('a', 1))
  disk.close()
  await last.catch(() => {})
  await expect(disk.write('strict', async tx => tx.put('b', 2))).rejects.toThrow(/clos/)
})

test('a browser that refuses IndexedDB is told by a rejection', async () => {
  vi.spyOn(IDBFactory.prototype, 'open').mockImplementation(() => {
    throw new DOMException('denied', 'SecurityError')
  })
  await expect(openIndexedDb(fresh())).rejects.toThrow('denied')
})

test('a database that does not open within 3 s is given up', async () => {
  let name = fresh()
  let holder = await answered(indexedDB.open(name, 1))
  // Deleting waits for the holder, and opening waits for the deletion.
  let deletion = answered(indexedDB.deleteDatabase(name))
  let from = performance.now()
  await expect(openIndexedDb(name)).rejects.toMatchObject({
    code: 'storage',
    message: expect.stringMatching(/in time/)
  })
  expect(performance.now() - from).toBeLessThan(4000)
  holder.close()
  await deletion
})

test('a store that another tab holds is given up within 8 s, and what was given up is not written later', async () => {
  let name = fresh()
  let disk = await openIndexedDb(name)
  await disk.write('strict', async tx => tx.put('a', 1))
  let other = await answered(indexedDB.open(name))
  let holding = other.transaction('entries', 'readwrite')
  let free = new Promise(resolve => holding.addEventListener('complete', resolve))
  let held = true
  let hold = (): void => {
    holding.objectStore('entries').get('a').onsuccess = () => held && hold()
  }
  hold()
  let from = performance.now()
  let late = disk.write('strict', async tx => {
    let before = (await tx.get('a')) as number
    tx.put('a', before + 1)
  })
  await expect(late).rejects.toMatchObject({ code: 'storage' })
  expect(performance.now() - from).toBeLessThan(9000)
  held = false
  await free
  expect(await disk.read(tx => tx.get('a'))).toBe(1)
  await disk.write('strict', async tx => tx.put('a', 3))
  expect(await disk.read(tx => tx.get('a'))).toBe(3)
  other.close()
  disk.close()
}, 15_000)
