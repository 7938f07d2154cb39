// What every disk must keep to, whatever it is made of.

import { describe, expect, test } from 'vitest'
import type { Disk, DiskWriter } from '../../src/ports.js'

/** Every disk that `open` gives must be empty and its own. */
export function diskContract(what: string, open: () => Promise<Disk>): void {
  async function filled(entries: Record<string, unknown>): Promise<Disk> {
    let disk = await open()
    await disk.write('relaxed', async tx => {
      for (let [key, value] of Object.entries(entries)) tx.put(key, value)
    })
    return disk
  }
  let all = (disk: Disk) => disk.read(tx => tx.range('', '\uffff'))
  let keysOf = async (disk: Disk, from: string, to: string, limit?: number) =>
    (await disk.read(tx => tx.range(from, to, limit))).map(([key]) => key)

  describe(`${what} as a disk`, () => {
    test('gives back what was put, and nothing where nothing was put', async () => {
      let disk = await filled({ a: { list: [1, 'two', null], nested: { at: 1.5 } }, b: 'text', c: 0, d: null })
      expect(await disk.read(tx => Promise.all(['a', 'b', 'c', 'd', 'e'].map(key => tx.get(key))))).toEqual([
        { list: [1, 'two', null], nested: { at: 1.5 } },
        'text',
        0,
        null,
        undefined
      ])
      disk.close()
    })

    test('a key has one value, the last one', async () => {
      let disk = await filled({ a: 1 })
      await disk.write('strict', async tx => {
        tx.put('a', 2)
        tx.put('a', 3)
      })
      expect(await all(disk)).toEqual([['a', 3]])
      disk.close()
    })

    test('ranges are in the order of code units, with the lower bound and without the upper one', async () => {
      let keys = ['b', 'a', 'é', 'Z', 'a\u0000b', 'a\u0000a', 'aa', '10', '9', '\ud83d\ude00', '\uffee', '']
      let disk = await filled(Object.fromEntries(keys.map((key, i) => [key, i])))
      let sorted = ['', '10', '9', 'Z', 'a', 'a\u0000a', 'a\u0000b', 'aa', 'b', 'é', '\ud83d\ude00', '\uffee']
      expect(await keysOf(disk, '', '\uffff')).toEqual(sorted)
      expect(await keysOf(disk, 'a', 'b')).toEqual(['a', 'a\u0000a', 'a\u0000b', 'aa'])
      expect(await keysOf(disk, 'a\u0000', 'a\u0000\uffff')).toEqual(['a\u0000a', 'a\u0000b'])
      expect(await keysOf(disk, 'c', 'd')).toEqual([])
      disk.close()
    })

    test('ranges give values with their keys, and at most as many as asked for', async () => {
      let disk = await filled({ a: 1, b: 2, c: 3, d: 4 })
      expect(await disk.read(tx => tx.range('b', 'z', 2))).toEqual([
        ['b', 2],
        ['c', 3]
      ])
      expect(await keysOf(disk, 'a', 'c', 100)).toEqual(['a', 'b'])
      disk.close()
    })

    test('keys and ranges of keys can be deleted', async () => {
      let disk = await filled({ a: 1, b: 2, c: 3, d: 4, e: 5 })
      await disk.write('relaxed', async tx => {
        tx.delete('a')
        tx.delete('nothing')
        tx.deleteRange('b', 'd')
      })
      expect(await keysOf(disk, '', '\uffff')).toEqual(['d', 'e'])
      disk.close()
    })

    test('a transaction sees its own writes', async () => {
      let disk = await filled({ a: 1, b: 2 })
      let seen = await disk.write('relaxed', async tx => {
        tx.put('a', 10)
        tx.put('c', 30)
        tx.delete('b')
        let before = await tx.range('', '\uffff')
        tx.deleteRange('', 'b')
        return [before, await tx.get('a'), await tx.get('c')]
      })
      expect(seen).toEqual([
        [
          ['a', 10],
          ['c', 30]
        ],
        undefined,
        30
      ])
      disk.close()
    })

    test.each<[string, (tx: DiskWriter) => Promise<void>]>([
      [
        'throws at once',
        () => {
          throw new Error('no')
        }
      ],
      [
        'throws after writing',
        async tx => {
          tx.put('a', 'changed')
          tx.put('new', 1)
          tx.delete('b')
          throw new Error('no')
        }
      ],
      [
        'throws after reading what it wrote',
        async tx => {
          tx.deleteRange('', '\uffff')
          tx.put('b', 'changed')
          await tx.get('b')
          await tx.range('', '\uffff')
          throw new Error('no')
        }
      ]
    ])('a transaction that %s leaves nothing behind and tells its error', async (_, body) => {
      let disk = await filled({ a: 1, b: 2 })
      await expect(disk.write('strict', body)).rejects.toThrow('no')
      expect(await all(disk)).toEqual([
        ['a', 1],
        ['b', 2]
      ])
      // And the next one is not hindered by it.
      await disk.write('relaxed', async tx => tx.put('c', 3))
      expect(await keysOf(disk, '', '\uffff')).toEqual(['a', 'b', 'c'])
      disk.close()
    })

    test('a reading transaction that throws tells its error', async () => {
      let disk = await filled({ a: 1 })
      await expect(disk.read(() => Promise.reject(new Error('no')))).rejects.toThrow('no')
      expect(await disk.read(tx => tx.get('a'))).toBe(1)
      disk.close()
    })

    test('transactions started together run one after the other', async () => {
      let disk = await open()
      await Promise.all(
        Array.from({ length: 50 }, (_, i) =>
          disk.write(i % 2 ? 'strict' : 'relaxed', async tx => {
            let count = ((await tx.get('count')) as number | undefined) ?? 0
            tx.put('count', count + 1)
            tx.put(`turn ${String(count).padStart(2, '0')}`, i)
          })
        )
      )
      expect(await disk.read(tx => tx.get('count'))).toBe(50)
      // In the order in which they were asked for.
      expect((await disk.read(tx => tx.range('turn', 'turn \uffff'))).map(([, i]) => i)).toEqual(
        Array.from({ length: 50 }, (_, i) => i)
      )
      disk.close()
    })

    test('what a transaction returns comes back, for both durabilities', async () => {
      let disk = await open()
      expect(await disk.write('relaxed', async tx => tx.put('a', 1) ?? 'relaxed')).toBe('relaxed')
      expect(await disk.write('strict', async () => 'strict')).toBe('strict')
      expect(await disk.read(async tx => [await tx.get('a')])).toEqual([1])
      disk.close()
    })
  })
}
