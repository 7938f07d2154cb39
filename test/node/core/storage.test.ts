// What is kept where: disks, the keys and records on them, the mirror in memory, saved rooms, and who may send.

import 'fake-indexeddb/auto'
import { describe, expect, test } from 'vitest'
import { createLane } from '../../../src/core/lane.js'
import { createMirror } from '../../../src/core/mirror.js'
import type { SavedRoom } from '../../../src/core/replica.js'
import {
  afterKind,
  chainKey,
  chainOfChunk,
  chunksFrom,
  firstOfChunk,
  keys,
  packRows,
  parseChainKey,
  span,
  unpackRows,
  weigh
} from '../../../src/core/rows.js'
import { createSaver } from '../../../src/core/saver.js'
import type { Disk } from '../../../src/ports.js'
import { openIndexedDb } from '../../../src/storage/indexed-db.js'
import { createLateDisk } from '../../../src/storage/late.js'
import { createMemoryDisk } from '../../../src/storage/memory.js'
import { createVirtualClock, nextTurn } from '../../../src/testing/clock.js'
import { createTestDisk } from '../../../src/testing/disk.js'
import { rowOf } from './outbox-world.js'

let names = 0
let disks: Record<string, () => Promise<Disk>> = {
  memory: async () => createMemoryDisk(),
  IndexedDB: () => openIndexedDb(`disk-${++names}`),
  'a disk that opens late': async () => createLateDisk(openIndexedDb, `disk-${++names}`, () => {})
}

describe.each(Object.entries(disks))('a disk: %s', (_, open) => {
  let all = (disk: Disk) => disk.read(tx => tx.range('', '\uffff'))

  test('keeps keys in the order of their code units, and reads ranges with a limit', async () => {
    let disk = await open()
    let words = ['b', 'a', 'ä', 'B', 'a\u0000z', 'a\u0000b', '10', '9', '😀']
    await disk.write('strict', async tx => {
      for (let word of words) tx.put(word, { word })
    })
    expect((await all(disk)).map(([key]) => key)).toEqual([...words].sort((a, b) => (a < b ? -1 : 1)))
    expect((await disk.read(tx => tx.range('a\u0000', 'a\u0000\uffff'))).map(([key]) => key)).toEqual([
      'a\u0000b',
      'a\u0000z'
    ])
    expect((await disk.read(tx => tx.range('a', 'c', 2))).map(([key]) => key)).toEqual(['a', 'a\u0000b'])
    expect(await disk.read(tx => tx.range('a', 'a'.concat('\u0000')))).toEqual([['a', { word: 'a' }]])
    expect(await disk.read(tx => tx.get('none'))).toBe(undefined)
  })

  test('deletes one, or a range without its end', async () => {
    let disk = await open()
    await disk.write('relaxed', async tx => {
      for (let key of ['a', 'b', 'c', 'd']) tx.put(key, key)
      tx.delete('a')
      tx.deleteRange('b', 'd')
    })
    expect(await all(disk)).toEqual([['d', 'd']])
  })

  test('reads within a transaction what it wrote', async () => {
    let disk = await open()
    await disk.write('strict', async tx => {
      tx.put('a', 1)
      expect(await tx.get('a')).toBe(1)
      tx.put('a', 2)
      tx.put('b', 3)
      expect(await tx.range('a', 'c')).toEqual([
        ['a', 2],
        ['b', 3]
      ])
    })
  })

  test('a transaction that fails leaves nothing behind, and the next one runs', async () => {
    let disk = await open()
    await disk.write('strict', async tx => tx.put('a', 1))
    let failing = disk.write('strict', async tx => {
      tx.put('a', 2)
      tx.put('b', 2)
      tx.deleteRange('a', 'c')
      await tx.get('a')
      throw new Error('no')
    })
    let next = disk.write('strict', async tx => tx.put('c', 3))
    await expect(failing).rejects.toThrow('no')
    await next
    expect(await all(disk)).toEqual([
      ['a', 1],
      ['c', 3]
    ])
  })

  test('transactions do not see each other half done', async () => {
    let disk = await open()
    await disk.write('strict', async tx => tx.put('n', 0))
    let raise = () =>
      disk.write('relaxed', async tx => {
        let n = (await tx.get('n')) as number
        await tx.get('other')
        tx.put('n', n + 1)
      })
    await Promise.all(Array.from({ length: 20 }, raise))
    expect(await disk.read(tx => tx.get('n'))).toBe(20)
  })
})

describe('IndexedDB', () => {
  test('two pages share it', async () => {
    let [one, two] = await Promise.all([openIndexedDb('shared'), openIndexedDb('shared')])
    await one.write('strict', async tx => tx.put('a', 1))
    expect(await two.read(tx => tx.get('a'))).toBe(1)
  })

  test('what cannot be cloned fails the transaction, whole', async () => {
    let disk = await openIndexedDb(`disk-${++names}`)
    let write = disk.write('strict', async tx => {
      tx.put('a', 1)
      tx.put('b', () => {})
    })
    await expect(write).rejects.toMatchObject({ name: 'DataCloneError' })
    expect(await disk.read(tx => tx.get('a'))).toBe(undefined)
  })

  test('a database that is deleted under a page does not stop it: it is told, and a new one takes its place', async () => {
    let name = `disk-${++names}`
    let disk = await openIndexedDb(name)
    let told: string[] = []
    let stop = disk.onLost(reason => void told.push(reason))
    await disk.write('strict', async tx => tx.put('a', 1))
    await new Promise((resolve, reject) => {
      let request = indexedDB.deleteDatabase(name)
      request.onsuccess = resolve
      request.onerror = reject
      request.onblocked = reject
    })
    expect(told).toEqual(['closed'])
    expect(await disk.read(tx => tx.get('a'))).toBe(undefined)
    await disk.write('strict', async tx => tx.put('b', 2))
    expect(await disk.read(tx => tx.get('b'))).toBe(2)
    stop()
  })

  test('a closed one stays closed', async () => {
    let disk = await openIndexedDb(`disk-${++names}`)
    disk.close()
    await expect(disk.read(tx => tx.get('a'))).rejects.toMatchObject({ name: 'InvalidStateError' })
  })
})

describe('a disk that is still being opened', () => {
  test('work waits for it', async () => {
    let inner = createTestDisk()
    let ready!: (disk: Disk) => void
    let disk = createLateDisk(
      () =>
        new Promise(resolve => {
          ready = resolve
        }),
      'x',
      () => {}
    )
    let write = disk.write('strict', async tx => tx.put('a', 1))
    expect(disk.kind).toBe('disk')
    await nextTurn()
    expect(await inner.entries()).toEqual(new Map())
    ready(inner)
    await write
    expect(await inner.entries()).toEqual(new Map([['a', 1]]))
  })

  test('where it cannot be opened, memory takes its place and the reason is told', async () => {
    let reasons: string[] = []
    let disk = createLateDisk(
      () => Promise.reject(new Error('denied')),
      'x',
      reason => void reasons.push(reason)
    )
    await disk.write('strict', async tx => tx.put('a', 1))
    expect(await disk.read(tx => tx.get('a'))).toBe(1)
    expect([disk.kind, reasons]).toEqual(['memory', ['denied']])
    expect(createLateDisk(null, 'x', () => {}).kind).toBe('memory')
  })

  test('it passes on what happens to the disk', async () => {
    let lose!: (reason: 'closed' | 'outdated') => void
    let closed = 0
    let inner: Disk = {
      ...createMemoryDisk(),
      onLost(call) {
        lose = call
        return () => {}
      },
      close: () => void closed++
    }
    let disk = createLateDisk(
      async () => inner,
      'x',
      () => {}
    )
    let told: string[] = []
    disk.onLost(reason => void told.push(reason))
    await nextTurn()
    lose('outdated')
    disk.close()
    await nextTurn()
    expect([told, closed]).toEqual([['outdated'], 1])
  })
})

describe('keys and records', () => {
  test('a room may have any name without a zero character', () => {
    for (let room of ['r', 'a/b', 'ä😀', '\uffff', 'chain']) {
      let chain = chainKey(room, 'bulk')
      expect(parseChainKey(chain)).toEqual({ room, lane: 'bulk' })
      let chunk = keys.chunk(chain, 42)
      expect([chainOfChunk(chunk), firstOfChunk(chunk), afterKind(keys.chain(chain))]).toEqual([chain, 42, chain])
    }
  })

  test('chunks of a chain sort by number, and ranges hold one chain only', () => {
    let chain = chainKey('r', 'normal')
    let numbers = [1, 9, 10, 99, 100, 12_345_678_901]
    let chunks = numbers.map(n => keys.chunk(chain, n))
    expect([...chunks].sort()).toEqual(chunks)
    let [from, to] = chunksFrom(chain, 10)
    expect(chunks.filter(key => key >= from && key < to)).toEqual(chunks.slice(2))
    for (let other of [chainKey('r', 'high'), chainKey('r2', 'normal')]) {
      let key = keys.chunk(other, 50)
      expect(key >= from && key < to).toBe(false)
    }
  })

  test('kinds do not overlap', () => {
    for (let kind of ['chain', 'rows', 'parked', 'marks'] as const) {
      let [from, to] = span(kind)
      let all = { chain: keys.chain('r'), rows: keys.chunk('r', 1), parked: keys.parked('i'), marks: keys.marks('r') }
      let inside = Object.entries({ ...all, room: keys.room('r'), client: 'client' }).filter(
        ([, key]) => key >= from && key < to
      )
      expect(inside.map(([name]) => name)).toEqual([kind])
    }
  })

  test.each([undefined, null, '', '{', '7', '"x"', '{}', 'null'])('a damaged chunk (%s) holds no rows', value => {
    expect(unpackRows(value)).toEqual([])
  })

  test('rows pack and unpack to the same', () => {
    let rows = [rowOf('a', { n: 1, ttl: 5 }), rowOf('b', { n: 2, key: 'k', data: { deep: [null, 1.5, 'ä'] } })]
    expect(unpackRows(packRows(rows))).toEqual(rows)
  })

  test('a row weighs what it holds', () => {
    expect(weigh(rowOf('a', { data: 'x'.repeat(1000) })) - weigh(rowOf('a', { data: '' }))).toBe(1000)
    expect(weigh(rowOf('a', { data: undefined }))).toBeGreaterThan(100)
  })
})

describe('the mirror', () => {
  test('counts what is accepted until it goes, each row once', () => {
    let mirror = createMirror(createVirtualClock())
    let row = rowOf('a')
    mirror.add(row, 7)
    mirror.add(rowOf('b'), 3)
    expect([mirror.count, mirror.bytes, mirror.holds(row)]).toEqual([2, 10, true])
    mirror.uncount(row)
    mirror.uncount(row)
    expect([mirror.count, mirror.bytes, mirror.holds(row)]).toEqual([1, 3, false])
  })

  test('takes rows out of a chain and knows the oldest', () => {
    let mirror = createMirror(createVirtualClock())
    expect(mirror.oldestAt()).toBe(null)
    let chain = mirror.chain(chainKey('r', 'high'))
    chain.rows.push(rowOf('a', { at: 5 }), rowOf('b', { at: 6 }))
    mirror.chain(chainKey('s', 'high')).rows.push(rowOf('c', { at: 3 }))
    expect(mirror.oldestAt()).toBe(3)
    expect(mirror.take(chain, [{ id: 'a' }, { id: 'c' }, { id: 'x' }]).map(({ id }) => id)).toEqual(['a'])
    expect(mirror.rows().map(({ id }) => id)).toEqual(['b', 'c'])
    expect(mirror.chain(chain.key)).toBe(chain)
  })
})

test('a lane does one thing after the other, and a failure stops nothing', async () => {
  let lane = createLane()
  let log: string[] = []
  let work = (name: string, fails = false) =>
    lane.run(async () => {
      log.push(`${name} begins`)
      await nextTurn()
      log.push(`${name} ends`)
      if (fails) throw new Error(name)
      return name
    })
  let results = await Promise.allSettled([work('a'), work('b', true), work('c')])
  expect(log).toEqual(['a begins', 'a ends', 'b begins', 'b ends', 'c begins', 'c ends'])
  expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
})

describe('saved rooms', () => {
  let saved = (offset: number, epoch = 'e'): SavedRoom => ({
    epoch,
    offset,
    states: {},
    unread: [],
    own: [],
    savedAt: 0
  })
  function open(disk = createTestDisk()) {
    let clock = createVirtualClock()
    let states = new Map<string, SavedRoom | null>()
    let failures: unknown[] = []
    let saver = createSaver({
      clock,
      disk: () => disk,
      stateOf: room => states.get(room) ?? null,
      failed: error => void failures.push(error)
    })
    return { clock, disk, states, saver, failures }
  }

  test('[R4] are written together a second after the first change', async () => {
    let { clock, disk, states, saver } = open()
    states.set('a', saved(1)).set('b', saved(2)).set('c', null)
    saver.soon('a')
    await clock.advance(600)
    saver.soon('b')
    saver.soon('c')
    await clock.advance(399)
    expect(await saver.read('a')).toBe(null)
    states.set('a', saved(7))
    await clock.advance(1)
    expect(disk.writes).toEqual(['relaxed'])
    expect(await saver.read('a')).toEqual(saved(7))
    expect(await saver.read('b')).toEqual(saved(2))
    expect(await saver.read('c')).toBe(null)
    await clock.advance(5000)
    expect(disk.writes).toHaveLength(1)
  })

  test('at once when asked, with what changed before', async () => {
    let { clock, disk, states, saver } = open()
    states.set('a', saved(1)).set('b', saved(2))
    saver.soon('a')
    saver.now(['b'])
    await clock.settle()
    expect(disk.writes).toHaveLength(1)
    expect([await saver.read('a'), await saver.read('b')]).toEqual([saved(1), saved(2)])
  })

  test('of the same epoch do not go back; of another one they do', async () => {
    let { clock, states, saver } = open()
    for (let [state, kept] of [
      [saved(9), saved(9)],
      [saved(5), saved(9)],
      [saved(3, 'f'), saved(3, 'f')]
    ] as const) {
      states.set('a', state)
      saver.now(['a'])
      await clock.settle()
      expect(await saver.read('a')).toEqual(kept)
    }
  })

  test('a disk that fails is told', async () => {
    let { clock, disk, states, saver, failures } = open()
    disk.broken = new Error('full')
    states.set('a', saved(1))
    saver.now(['a'])
    await clock.settle()
    expect(failures).toEqual([disk.broken])
  })

  test('after the end nothing is written', async () => {
    let { clock, disk, states, saver } = open()
    states.set('a', saved(1))
    saver.soon('a')
    saver.close()
    await clock.advance(5000)
    expect(disk.writes).toEqual([])
  })
})
