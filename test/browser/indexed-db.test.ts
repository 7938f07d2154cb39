// IndexedDB as a disk, in a real browser: what it must do like every disk, and what happens when the browser takes it away.

import { afterEach, describe, expect, test, vi } from 'vitest'
import { openIndexedDb } from '../../src/storage/indexed-db.js'
import { storageContract } from '../../src/testing/contract/storage.js'

let names = 0
let fresh = (): string => `disk-${Date.now()}-${names++}`

afterEach(() => vi.restoreAllMocks())

describe('the contract of a disk', () => {
  for (let { name, run } of storageContract(openIndexedDb)) test(name, run)
})

let numbers = (count: number): number[] => Array.from({ length: count }, (_, i) => i)

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

test('{HC 26} a page that is frozen in the middle of a transaction lets go of the store, and begins it anew at its thaw', async () => {
  let disk = await openIndexedDb(fresh())
  let runs = 0
  await disk.write('relaxed', async tx => {
    let before = await tx.get('a')
    if (++runs === 1) document.dispatchEvent(new Event('freeze'))
    tx.put('a', [before, runs])
  })
  expect(runs).toBe(2)
  expect(await disk.read(tx => tx.get('a'))).toEqual([undefined, 2])
  disk.close()
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

test('{HC 30b, 31} a write asks for the durability that it was given, and resolves when the transaction is complete', async () => {
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

test('{HC 27, 30b} a transaction that the browser aborts after all requests were taken is rejected, and nothing of it is there', async () => {
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

test('{HC 29} a database that is deleted is told of, and made anew by the next transaction', async () => {
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

test('{HC 25} a connection that the browser has closed is opened again', async () => {
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

test('{HC 22} a browser that refuses IndexedDB is told by a rejection', async () => {
  vi.spyOn(IDBFactory.prototype, 'open').mockImplementation(() => {
    throw new DOMException('denied', 'SecurityError')
  })
  await expect(openIndexedDb(fresh())).rejects.toThrow('denied')
})

test('{HC 23} a database that does not open within 3 s is given up, and let go of when it opens after all', async () => {
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
  // Whoever holds it still would have this wait for ever.
  await answered(indexedDB.deleteDatabase(name))
  let next = await openIndexedDb(name)
  await next.write('strict', async tx => tx.put('a', 1))
  next.close()
})

test('{HC 25} a transaction whose connection is taken away is run once more, whole', async () => {
  let disk = await openIndexedDb(fresh())
  let runs = 0
  vi.spyOn(IDBTransaction.prototype, 'commit').mockImplementationOnce(function (this: IDBTransaction) {
    this.abort()
  })
  await disk.write('strict', async tx => {
    runs++
    tx.put('a', (((await tx.get('a')) as number | undefined) ?? 0) + 1)
  })
  expect([runs, await disk.read(tx => tx.get('a'))]).toEqual([2, 1])
  disk.close()
})

test('{HC 25} several transactions under one connection that is taken away all find the new one', async () => {
  let opened = vi.spyOn(IDBFactory.prototype, 'open')
  let disk = await openIndexedDb(fresh())
  let { value: request } = opened.mock.results[0] as { value: IDBOpenDBRequest }
  request.result.close()
  await Promise.all(numbers(10).map(n => disk.write('relaxed', async tx => tx.put(`k${n}`, n))))
  expect(await disk.read(tx => tx.range('k', 'l'))).toHaveLength(10)
  expect(opened).toHaveBeenCalledTimes(2)
  disk.close()
})

test('a body that throws is not run again, and its error is the one that is told', async () => {
  let disk = await openIndexedDb(fresh())
  let runs = 0
  await expect(
    disk.write('strict', async tx => {
      runs++
      tx.put('a', 1)
      throw new RangeError('mine')
    })
  ).rejects.toThrow('mine')
  expect([runs, await disk.read(tx => tx.get('a'))]).toEqual([1, undefined])
  disk.close()
})

test('{HC 24, 39} a newer version of the app takes the database over at once, and older code never writes there again', async () => {
  let name = fresh()
  let disk = await openIndexedDb(name)
  let told: string[] = []
  disk.onLost(reason => told.push(reason))
  await disk.write('strict', async tx => tx.put('a', 1))
  let upgrade = indexedDB.open(name, 2)
  let blocked = 0
  upgrade.onblocked = () => blocked++
  upgrade.onupgradeneeded = () => upgrade.result.createObjectStore('newer')
  let newer = await answered(upgrade)
  expect([blocked, told]).toEqual([0, ['outdated']])
  let refusal = { code: 'storage', message: expect.stringMatching(/newer version.*reload/) }
  await expect(disk.write('strict', async tx => tx.put('a', 2))).rejects.toMatchObject(refusal)
  await expect(openIndexedDb(name)).rejects.toMatchObject(refusal)
  expect(await answered(newer.transaction('entries').objectStore('entries').get('a'))).toBe(1)
  newer.close()
  disk.close()
})

test('{HC 26} a store that another tab holds is given up within 5 s, and what was given up is not written later', async () => {
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
  expect(performance.now() - from).toBeLessThan(6000)
  held = false
  await free
  expect(await disk.read(tx => tx.get('a'))).toBe(1)
  await disk.write('strict', async tx => tx.put('a', 3))
  expect(await disk.read(tx => tx.get('a'))).toBe(3)
  other.close()
  disk.close()
}, 15_000)
