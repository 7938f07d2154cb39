// What every storage must do, run over each of them.

import { afterEach, describe, expect, test } from 'vitest'
import type { ClientRecord, Commit, Storage, StoredEvent } from '../../../src/server/storage.js'

export interface StorageMaker {
  /** A fresh, empty storage. */
  create(): Storage | Promise<Storage>
  /** Closes it and opens what is left of it; `null` where nothing is. */
  reopen: ((storage: Storage) => Promise<Storage>) | null
}

function eventAt(offset: number, more: Partial<StoredEvent> = {}): StoredEvent {
  let event = { feature: 'notes', type: 'add', data: { text: `«${offset}»` }, by: 'ann', at: 1000 + offset }
  return { offset, id: `id-${offset}`, ...event, ...more }
}

function commitOf(from: number, count: number, more: Partial<Commit> = {}): Commit {
  let events = Array.from({ length: count }, (_, i) => eventAt(from + i))
  return { epoch: 'e', revision: 0, events, clients: [], now: 5000, ...more }
}

let record: ClientRecord = {
  marksEpoch: 'm',
  gen: 3,
  lanes: {
    normal: {
      n: 4,
      id: 'id-4',
      done: 2,
      answers: [
        [3, 'id-3', { ok: false, code: 'forbidden' }],
        [4, 'id-4', { ok: true, at: 9 }]
      ]
    }
  }
}

export function testStorage(name: string, { create, reopen }: StorageMaker): void {
  describe(`storage in ${name}`, () => {
    let open: Storage[] = []

    async function fresh(): Promise<Storage> {
      let storage = await create()
      open.push(storage)
      await storage.open('r', 'e')
      return storage
    }

    afterEach(async () => {
      for (let storage of open.splice(0)) await storage.close()
    })

    test('a room that is not there is created with the given epoch, once', async () => {
      let storage = await fresh()
      let empty = { epoch: 'e', offset: 0, trimmed: 0, revision: 0, snapshot: null }
      expect(await storage.open('r', 'other')).toEqual(empty)
      expect(await storage.open('s', 'f')).toEqual({ ...empty, epoch: 'f' })
    })

    test('[S9] a commit writes events, marks and snapshot together', async () => {
      let storage = await fresh()
      let snapshot = { notes: { version: 1, state: { texts: ['a'] }, offset: 2 } }
      await storage.commit('r', commitOf(1, 2, { clients: [['c', record]], snapshot }))
      expect(await storage.open('r', '-')).toEqual({ epoch: 'e', offset: 2, trimmed: 0, revision: 1, snapshot })
      expect(await storage.read('r', 0, 10)).toEqual([eventAt(1), eventAt(2)])
      expect(await storage.clientOf('r', 'c')).toEqual(record)
      expect(await storage.clientOf('r', 'd')).toBe(null)
      expect(await storage.clientOf('s', 'c')).toBe(null)
    })

    test('an event comes back as it was, with all its fields', async () => {
      let storage = await fresh()
      let event = eventAt(1, { cid: 'c', kid: 'k', op: ['high', 7], data: { deep: [null, true, 'ü€😀', { '': 0.5 }] } })
      await storage.commit('r', { ...commitOf(1, 0), events: [event] })
      expect(await storage.read('r', 0, 1)).toEqual([event])
    })

    test('[S23] a commit on another revision or epoch is a conflict and writes nothing', async () => {
      let storage = await fresh()
      await storage.commit('r', commitOf(1, 1))
      for (let wrong of [{ revision: 0 }, { revision: 2 }, { revision: 1, epoch: 'other' }]) {
        await expect(storage.commit('r', commitOf(2, 1, { ...wrong, clients: [['c', record]] }))).rejects.toMatchObject(
          {
            code: 'conflict'
          }
        )
      }
      await expect(storage.commit('unopened', commitOf(1, 1))).rejects.toMatchObject({ code: 'conflict' })
      expect(await storage.open('r', '-')).toMatchObject({ offset: 1, revision: 1 })
      expect(await storage.read('r', 0, 10)).toHaveLength(1)
      expect(await storage.clientOf('r', 'c')).toBe(null)
      expect(await storage.findIds('r', ['id-2'])).toEqual(new Map())
    })

    test('[S23] of two commits on one revision at the same time one wins', async () => {
      let storage = await fresh()
      let settled = await Promise.allSettled([
        storage.commit('r', commitOf(1, 1)),
        storage.commit('r', commitOf(1, 2)),
        storage.commit('s', commitOf(1, 1))
      ])
      expect(settled.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'rejected'])
      expect(await storage.open('r', '-')).toMatchObject({ offset: 1, revision: 1 })
    })

    test('rooms do not see each other', async () => {
      let storage = await fresh()
      await storage.open('s', 'f')
      await Promise.all([storage.commit('r', commitOf(1, 3)), storage.commit('s', { ...commitOf(1, 1), epoch: 'f' })])
      expect(await storage.read('s', 0, 10)).toHaveLength(1)
      expect(await storage.findIds('s', ['id-1', 'id-3'])).toEqual(new Map([['id-1', 1]]))
    })

    test('reads forward and backward in pages', async () => {
      let storage = await fresh()
      await storage.commit('r', commitOf(1, 10))
      let offsets = (events: readonly StoredEvent[]) => events.map(({ offset }) => offset)
      expect(offsets(await storage.read('r', 0, 3))).toEqual([1, 2, 3])
      expect(offsets(await storage.read('r', 8, 100))).toEqual([9, 10])
      expect(offsets(await storage.read('r', 10, 5))).toEqual([])
      expect(offsets(await storage.before('r', 11, 2))).toEqual([9, 10])
      expect(offsets(await storage.before('r', 3, 100))).toEqual([1, 2])
      expect(offsets(await storage.before('r', 1, 5))).toEqual([])
      expect(offsets(await storage.before('r', Infinity, 1))).toEqual([10])
      expect(offsets(await storage.before('nowhere', 5, 5))).toEqual([])
    })

    test('[D1] trims the log up to an offset', async () => {
      let storage = await fresh()
      await storage.commit('r', commitOf(1, 10, { trim: { to: 7, idsBefore: 0, clientsBefore: 0 } }))
      expect(await storage.open('r', '-')).toMatchObject({ offset: 10, trimmed: 7 })
      expect((await storage.read('r', 0, 100))[0]?.offset).toBe(8)
      expect((await storage.read('r', 8, 100))[0]?.offset).toBe(9)
      expect((await storage.before('r', 9, 100)).map(({ offset }) => offset)).toEqual([8])
      await storage.commit('r', commitOf(11, 1, { revision: 1 }))
      expect(await storage.open('r', '-')).toMatchObject({ offset: 11, trimmed: 7 })
    })

    test('[S7] ids outlive their events until they are old, and then go', async () => {
      let storage = await fresh()
      await storage.commit('r', commitOf(1, 10, { trim: { to: 7, idsBefore: 1005, clientsBefore: 0 } }))
      let known = await storage.findIds('r', ['id-1', 'id-4', 'id-5', 'id-7', 'id-10', 'id-11'])
      expect([...known]).toEqual([
        ['id-5', 5],
        ['id-7', 7],
        ['id-10', 10]
      ])
    })

    test('forgets clients that have not written for long', async () => {
      let storage = await fresh()
      await storage.commit('r', commitOf(1, 1, { clients: [['old', record]], now: 1000 }))
      let trim = { to: 0, idsBefore: 0, clientsBefore: 2000 }
      await storage.commit('r', commitOf(2, 1, { revision: 1, clients: [['new', record]], now: 3000, trim }))
      expect(await storage.clientOf('r', 'old')).toBe(null)
      expect(await storage.clientOf('r', 'new')).toEqual(record)
    })

    test('what was given is kept as it was then', async () => {
      let storage = await fresh()
      let events = [eventAt(1)]
      let clients: [string, ClientRecord][] = [['c', record]]
      await storage.commit('r', { ...commitOf(1, 0), events, clients })
      events.push(eventAt(2))
      clients.length = 0
      expect(await storage.read('r', 0, 10)).toHaveLength(1)
    })

    if (!reopen) return
    test('[D7] everything is there after opening again', async () => {
      let storage = await fresh()
      let snapshot = { notes: { version: 1, state: 1, offset: 3 } }
      await storage.commit('r', commitOf(1, 3, { clients: [['c', record]], snapshot }))
      let again = await reopen(storage)
      open.push(again)
      expect(await again.open('r', '-')).toEqual({ epoch: 'e', offset: 3, trimmed: 0, revision: 1, snapshot })
      expect(await again.read('r', 1, 10)).toEqual([eventAt(2), eventAt(3)])
      expect(await again.clientOf('r', 'c')).toEqual(record)
      expect(await again.findIds('r', ['id-2'])).toEqual(new Map([['id-2', 2]]))
    })
  })
}
