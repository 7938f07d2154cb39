// What every disk of a client must keep to, whatever it is made of.

import type { Disk, DiskWriter, OpenDisk } from '../../ports.js'
import { type ContractTest, createSuite, holds, rejects, same } from './suite.js'

export interface StorageContractOptions {
  /** Whether what was written is there when the same name is opened again; default true. */
  readonly outlives?: boolean
}

const EVERYTHING = ['', '\uffff'] as const

/**
 * Tests for a disk of your own, as it is handed to `createRealtime({ ports: { openDisk } })`. `open` gets a name that was
 * never used before, where it must give an empty disk.
 *
 * ```ts
 * for (let { name, run } of storageContract(openMyDisk)) test(name, run)
 * ```
 */
export function storageContract(open: OpenDisk, { outlives = true }: StorageContractOptions = {}): ContractTest[] {
  let { tests, test: add } = createSuite()
  let run = `${Date.now().toString(36)}-${Math.random().toString(36).slice(2)}`
  let count = 0

  /** A test that gets a way to open a disk, again and again the same. */
  function test(name: string, body: (reopen: () => Promise<Disk>) => Promise<void>): void {
    add(name, async () => {
      let opened: Disk[] = []
      let disk = `contract-${run}-${++count}`
      try {
        await body(async () => {
          let next = await open(disk)
          opened.push(next)
          return next
        })
      } finally {
        for (let each of opened) each.close()
      }
    })
  }

  test(`says that it is ${outlives ? 'a disk' : 'memory'}`, async open => {
    same((await open()).kind, outlives ? 'disk' : 'memory', 'its kind')
  })

  test('is empty at first', async open => {
    same(await all(await open()), [], 'what is on a new disk')
  })

  test('gives back what was put, and nothing where nothing was put', async open => {
    let disk = await filled(open, { a: { list: [1, 'two', null], nested: { at: 1.5 } }, b: 'text', c: 0, d: null })
    let seen = await disk.read(tx => Promise.all(['a', 'b', 'c', 'd', 'e'].map(key => tx.get(key))))
    same(seen, [{ list: [1, 'two', null], nested: { at: 1.5 } }, 'text', 0, null, undefined])
    same(seen[4], undefined, 'the value of a key that was never put')
  })

  test('a key has one value, the last one', async open => {
    let disk = await filled(open, { a: 1 })
    await disk.write('strict', async tx => {
      tx.put('a', 2)
      tx.put('a', 3)
    })
    same(await all(disk), [['a', 3]])
  })

  test('ranges are in the order of code units, with the lower bound and without the upper one', async open => {
    let keys = ['b', 'a', 'é', 'Z', 'a\u0000b', 'a\u0000a', 'aa', '10', '9', '\ud83d\ude00', '\uffee', '']
    let disk = await filled(open, Object.fromEntries(keys.map((key, i) => [key, i])))
    let sorted = ['', '10', '9', 'Z', 'a', 'a\u0000a', 'a\u0000b', 'aa', 'b', 'é', '\ud83d\ude00', '\uffee']
    same(await keysOf(disk, ...EVERYTHING), sorted, 'all keys')
    same(await keysOf(disk, 'a', 'b'), ['a', 'a\u0000a', 'a\u0000b', 'aa'], 'the keys from a to b')
    same(await keysOf(disk, 'a\u0000', 'a\u0000\uffff'), ['a\u0000a', 'a\u0000b'], 'the keys below a')
    same(await keysOf(disk, 'c', 'd'), [], 'the keys from c to d')
  })

  test('ranges give values with their keys, and at most as many as asked for', async open => {
    let disk = await filled(open, { a: 1, b: 2, c: 3, d: 4 })
    let two = await disk.read(tx => tx.range('b', 'z', 2))
    same(two, [
      ['b', 2],
      ['c', 3]
    ])
    same(await keysOf(disk, 'a', 'c', 100), ['a', 'b'], 'at most 100 keys from a to c')
  })

  test('keys and ranges of keys can be deleted', async open => {
    let disk = await filled(open, { a: 1, b: 2, c: 3, d: 4, e: 5 })
    await disk.write('relaxed', async tx => {
      tx.delete('a')
      tx.delete('nothing')
      tx.deleteRange('b', 'd')
    })
    same(await keysOf(disk, ...EVERYTHING), ['d', 'e'], 'what is left')
  })

  test('a transaction sees its own writes', async open => {
    let disk = await filled(open, { a: 1, b: 2 })
    let seen = await disk.write('relaxed', async tx => {
      tx.put('a', 10)
      tx.put('c', 30)
      tx.delete('b')
      let before = await tx.range(...EVERYTHING)
      tx.deleteRange('', 'b')
      return [before, await tx.get('a'), await tx.get('c')]
    })
    let before = [
      ['a', 10],
      ['c', 30]
    ]
    same(seen, [before, undefined, 30])
  })

  let failing: Record<string, (tx: DiskWriter) => Promise<void>> = {
    'throws at once': () => {
      throw new Error('no')
    },
    'throws after writing': async tx => {
      tx.put('a', 'changed')
      tx.put('new', 1)
      tx.delete('b')
      throw new Error('no')
    },
    'throws after reading what it wrote': async tx => {
      tx.deleteRange(...EVERYTHING)
      tx.put('b', 'changed')
      await tx.get('b')
      await tx.range(...EVERYTHING)
      throw new Error('no')
    }
  }
  for (let [how, body] of Object.entries(failing)) {
    test(`a transaction that ${how} leaves nothing behind and tells its error`, async open => {
      let disk = await filled(open, { a: 1, b: 2 })
      let error = await rejects(disk.write('strict', body), 'the transaction')
      same(error.message, 'no', 'the message of its error')
      let before = [
        ['a', 1],
        ['b', 2]
      ]
      same(await all(disk), before, 'what is there afterwards')
      // And the next one is not hindered by it.
      await disk.write('relaxed', async tx => tx.put('c', 3))
      same(await keysOf(disk, ...EVERYTHING), ['a', 'b', 'c'], 'what is there after the next one')
    })
  }

  test('a reading transaction that throws tells its error', async open => {
    let disk = await filled(open, { a: 1 })
    let error = await rejects(
      disk.read(() => Promise.reject(new Error('no'))),
      'the transaction'
    )
    same(error.message, 'no', 'the message of its error')
    same(await disk.read(tx => tx.get('a')), 1)
  })

  test('transactions started together run one after the other, in the order in which they were asked for', async open => {
    let disk = await open()
    let turns = Array.from({ length: 50 }, (_, i) => i)
    await Promise.all(
      turns.map(i =>
        disk.write(i % 2 ? 'strict' : 'relaxed', async tx => {
          let count = ((await tx.get('count')) as number | undefined) ?? 0
          tx.put('count', count + 1)
          tx.put(`turn ${String(count).padStart(2, '0')}`, i)
        })
      )
    )
    same(await disk.read(tx => tx.get('count')), 50, 'how many added one')
    let order = await disk.read(tx => tx.range('turn', 'turn \uffff'))
    same(
      order.map(([, i]) => i),
      turns,
      'their order'
    )
  })

  test('a read that was started after a write sees it', async open => {
    let disk = await filled(open, { a: 1 })
    let write = disk.write('relaxed', async tx => {
      await tx.get('a')
      tx.put('a', 2)
    })
    same(await disk.read(tx => tx.get('a')), 2)
    await write
  })

  test('what a transaction returns comes back, for both durabilities', async open => {
    let disk = await open()
    same(await disk.write('relaxed', async tx => tx.put('a', 1) ?? 'relaxed'), 'relaxed')
    same(await disk.write('strict', async () => 'strict'), 'strict')
    same(await disk.read(async tx => [await tx.get('a')]), [1])
  })

  test('a thousand rows of a kilobyte are all there', async open => {
    let disk = await open()
    let text = 'x'.repeat(1000)
    await disk.write('relaxed', async tx => {
      for (let i = 1000; i < 2000; i++) tx.put(`row ${i}`, { i, text })
    })
    let rows = await disk.read(tx => tx.range('row ', 'row \uffff'))
    holds(rows.length === 1000, `there are ${rows.length} of 1000 rows`)
    same(rows[999], ['row 1999', { i: 1999, text }], 'the last row')
  })

  if (!outlives) return tests

  for (let durability of ['relaxed', 'strict'] as const) {
    test(`what a ${durability} write resolved for is there when it is opened again`, async open => {
      let disk = await open()
      await disk.write(durability, async tx => {
        tx.put('a', { n: 1 })
        tx.put('b', 2)
      })
      await disk.write(durability, async tx => tx.delete('b'))
      disk.close()
      same(await all(await open()), [['a', { n: 1 }]])
    })
  }

  test('two that have the same disk open see what the other wrote, and take turns', async open => {
    let both = [await open(), await open()] as const
    await Promise.all(
      both.flatMap(disk =>
        Array.from({ length: 20 }, () =>
          disk.write('relaxed', async tx => tx.put('count', (((await tx.get('count')) as number | undefined) ?? 0) + 1))
        )
      )
    )
    for (let disk of both) same(await disk.read(tx => tx.get('count')), 40, 'how many added one')
  })

  test('disks of other names are other disks', async openOne => {
    let one = await filled(openOne, { a: 1 })
    let other = await open(`contract-${run}-${++count}-other`)
    same(await all(other), [], 'what is on the other one')
    other.close()
    same(await all(one), [['a', 1]])
  })

  return tests
}

async function filled(open: () => Promise<Disk>, entries: Record<string, unknown>): Promise<Disk> {
  let disk = await open()
  await disk.write('relaxed', async tx => {
    for (let [key, value] of Object.entries(entries)) tx.put(key, value)
  })
  return disk
}

let all = (disk: Disk) => disk.read(tx => tx.range(...EVERYTHING))

async function keysOf(disk: Disk, from: string, to: string, limit?: number): Promise<string[]> {
  return (await disk.read(tx => tx.range(from, to, limit))).map(([key]) => key)
}
