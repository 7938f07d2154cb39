// What every storage of a server must do, whatever it is made of.

import type { ClientRecord, Commit, Storage, StoredEvent } from '../../server/storage.js'
import { type ContractTest, createSuite, holds, rejects, same } from './suite.js'

export interface ServerStorageContractOptions {
  /** Closes the storage and opens what is left of it; leave it out where nothing is. */
  readonly reopen?: (storage: Storage) => Storage | Promise<Storage>
}

/**
 * Tests for a storage of your own, as it is handed to `createServer({ storage })`. `make` must give an empty one at every
 * call.
 *
 * ```ts
 * for (let { name, run } of serverStorageContract(() => createMyStorage())) test(name, run)
 * ```
 */
export function serverStorageContract(
  make: () => Storage | Promise<Storage>,
  { reopen }: ServerStorageContractOptions = {}
): ContractTest[] {
  let { tests, test: add } = createSuite()

  /** A test that gets a storage with the empty room `r` in it. */
  function test(name: string, body: (storage: Storage) => Promise<void>): void {
    add(name, async () => {
      let storage = await make()
      try {
        await storage.open('r', 'e')
        await body(storage)
      } finally {
        await storage.close()
      }
    })
  }

  test('a room that is not there is created with the given epoch, once', async storage => {
    let empty = { epoch: 'e', offset: 0, trimmed: 0, revision: 0, snapshot: null }
    same(await storage.open('r', 'other'), empty, 'the head of a room opened again')
    same(await storage.open('s', 'f'), { ...empty, epoch: 'f' }, 'the head of another room')
  })

  test('[S9] a commit writes events, marks and snapshot together', async storage => {
    let snapshot = { notes: { version: 1, state: { texts: ['a'] }, offset: 2 } }
    await storage.commit('r', commitOf(1, 2, { clients: [['c', RECORD]], snapshot }))
    same(await storage.open('r', '-'), { epoch: 'e', offset: 2, trimmed: 0, revision: 1, snapshot }, 'the head')
    same(await storage.read('r', 0, 10), [eventAt(1), eventAt(2)], 'the log')
    same(await storage.clientOf('r', 'c'), RECORD, 'the record of a client')
    same(await storage.clientOf('r', 'd'), null, 'the record of a client that is not there')
    same(await storage.clientOf('s', 'c'), null, 'the record of a client in another room')
  })

  test('a commit without a snapshot leaves the last one', async storage => {
    let snapshot = { notes: { version: 1, state: ['a'], offset: 1 } }
    await storage.commit('r', commitOf(1, 1, { snapshot }))
    await storage.commit('r', commitOf(2, 1, { revision: 1 }))
    same((await storage.open('r', '-')).snapshot, snapshot, 'the snapshot')
  })

  test('an event comes back as it was, with all its fields', async storage => {
    let data = { deep: [null, true, 'ü€😀', { '': 0.5 }] }
    let event = eventAt(1, { cid: 'c', kid: 'k', op: ['high', 7], data })
    await storage.commit('r', { ...commitOf(1, 0), events: [event] })
    same(await storage.read('r', 0, 1), [event])
  })

  test('the record of a client is replaced by the next one', async storage => {
    await storage.commit('r', commitOf(1, 1, { clients: [['c', RECORD]] }))
    let next = { marksEpoch: 'n', gen: 4, lanes: {} }
    await storage.commit('r', commitOf(2, 1, { revision: 1, clients: [['c', next]] }))
    same(await storage.clientOf('r', 'c'), next)
  })

  test('[S23] a commit on another revision or epoch is a conflict and writes nothing', async storage => {
    await storage.commit('r', commitOf(1, 1))
    for (let wrong of [{ revision: 0 }, { revision: 2 }, { revision: 1, epoch: 'other' }]) {
      await conflicts(storage.commit('r', commitOf(2, 1, { ...wrong, clients: [['c', RECORD]] })))
    }
    await conflicts(storage.commit('unopened', commitOf(1, 1)))
    let { offset, revision } = await storage.open('r', '-')
    same({ offset, revision }, { offset: 1, revision: 1 }, 'the head')
    same((await storage.read('r', 0, 10)).length, 1, 'the length of the log')
    same(await storage.clientOf('r', 'c'), null, 'the record of a client')
    same(await storage.findIds('r', ['id-2']), new Map(), 'the known ids')
  })

  test('[S23] of two commits on one revision at the same time one wins', async storage => {
    let settled = await Promise.allSettled([
      storage.commit('r', commitOf(1, 1)),
      storage.commit('r', commitOf(1, 2)),
      storage.commit('s', commitOf(1, 1))
    ])
    let won = settled.map(({ status }) => status)
    holds(won[2] === 'rejected', 'a commit to a room that was never opened was taken')
    same(won.filter(status => status === 'fulfilled').length, 1, 'the number of winners')
    let { offset, revision } = await storage.open('r', '-')
    same({ offset, revision }, { offset: won[0] === 'fulfilled' ? 1 : 2, revision: 1 }, 'the head')
    same((await storage.read('r', 0, 10)).length, offset, 'the length of the log')
  })

  test('rooms do not see each other', async storage => {
    await storage.open('s', 'f')
    await Promise.all([storage.commit('r', commitOf(1, 3)), storage.commit('s', { ...commitOf(1, 1), epoch: 'f' })])
    same((await storage.read('s', 0, 10)).length, 1, 'the length of the log')
    same(await storage.findIds('s', ['id-1', 'id-3']), new Map([['id-1', 1]]), 'the known ids')
    same(await storage.clientOf('s', 'c'), null, 'the record of a client')
  })

  test('reads forward and backward in pages, in order', async storage => {
    await storage.commit('r', commitOf(1, 10))
    let offsets = (events: readonly StoredEvent[]) => events.map(({ offset }) => offset)
    same(offsets(await storage.read('r', 0, 3)), [1, 2, 3], 'the first three')
    same(offsets(await storage.read('r', 8, 100)), [9, 10], 'what comes after 8')
    same(offsets(await storage.read('r', 10, 5)), [], 'what comes after the last one')
    same(offsets(await storage.before('r', 11, 2)), [9, 10], 'the last two before 11')
    same(offsets(await storage.before('r', 3, 100)), [1, 2], 'what comes before 3')
    same(offsets(await storage.before('r', 1, 5)), [], 'what comes before the first one')
    same(offsets(await storage.before('r', Infinity, 1)), [10], 'the last one')
    same(offsets(await storage.before('nowhere', 5, 5)), [], 'what comes before 5 in a room that is not there')
  })

  test('[D1] trims the log up to an offset', async storage => {
    await storage.commit('r', commitOf(1, 10, { trim: { to: 7, idsBefore: 0, clientsBefore: 0 } }))
    let { offset, trimmed } = await storage.open('r', '-')
    same({ offset, trimmed }, { offset: 10, trimmed: 7 }, 'the head')
    same((await storage.read('r', 0, 100))[0]?.offset, 8, 'the first offset of the log')
    same((await storage.read('r', 8, 100))[0]?.offset, 9, 'the first offset after 8')
    same(
      (await storage.before('r', 9, 100)).map(({ offset }) => offset),
      [8],
      'what comes before 9'
    )
    await storage.commit('r', commitOf(11, 1, { revision: 1 }))
    let next = await storage.open('r', '-')
    same({ offset: next.offset, trimmed: next.trimmed }, { offset: 11, trimmed: 7 }, 'the head after another commit')
  })

  test('[S7] ids outlive their events until they are old, and then go', async storage => {
    await storage.commit('r', commitOf(1, 10, { trim: { to: 7, idsBefore: 1005, clientsBefore: 0 } }))
    let known = await storage.findIds('r', ['id-1', 'id-4', 'id-5', 'id-7', 'id-10', 'id-11'])
    let sorted = [...known].sort(([, a], [, b]) => a - b)
    let expected = [
      ['id-5', 5],
      ['id-7', 7],
      ['id-10', 10]
    ]
    same(sorted, expected, 'the known ids')
  })

  test('forgets clients that have not written for long', async storage => {
    await storage.commit('r', commitOf(1, 1, { clients: [['old', RECORD]], now: 1000 }))
    let trim = { to: 0, idsBefore: 0, clientsBefore: 2000 }
    await storage.commit('r', commitOf(2, 1, { revision: 1, clients: [['new', RECORD]], now: 3000, trim }))
    same(await storage.clientOf('r', 'old'), null, 'the record of the old client')
    same(await storage.clientOf('r', 'new'), RECORD, 'the record of the new client')
  })

  test('what was given is kept as it was then', async storage => {
    let events = [eventAt(1)]
    let clients: [string, ClientRecord][] = [['c', RECORD]]
    await storage.commit('r', { ...commitOf(1, 0), events, clients })
    events.push(eventAt(2))
    clients.length = 0
    same((await storage.read('r', 0, 10)).length, 1, 'the length of the log')
    same(await storage.clientOf('r', 'c'), RECORD, 'the record of a client')
  })

  if (!reopen) return tests

  add('[D7] everything is there after opening again', async () => {
    let storage = await make()
    await storage.open('r', 'e')
    let snapshot = { notes: { version: 1, state: 1, offset: 3 } }
    await storage.commit('r', commitOf(1, 3, { clients: [['c', RECORD]], snapshot }))
    let again = await reopen(storage)
    try {
      same(await again.open('r', '-'), { epoch: 'e', offset: 3, trimmed: 0, revision: 1, snapshot }, 'the head')
      same(await again.read('r', 1, 10), [eventAt(2), eventAt(3)], 'the log after 1')
      same(await again.clientOf('r', 'c'), RECORD, 'the record of a client')
      same(await again.findIds('r', ['id-2']), new Map([['id-2', 2]]), 'the known ids')
    } finally {
      await again.close()
    }
  })

  return tests
}

async function conflicts(commit: Promise<void>): Promise<void> {
  same((await rejects(commit, 'the commit')).code, 'conflict', 'the code of its error')
}

function eventAt(offset: number, more: Partial<StoredEvent> = {}): StoredEvent {
  let event = { feature: 'notes', type: 'add', data: { text: `«${offset}»` }, by: 'ann', at: 1000 + offset }
  return { offset, id: `id-${offset}`, ...event, ...more }
}

function commitOf(from: number, count: number, more: Partial<Commit> = {}): Commit {
  let events = Array.from({ length: count }, (_, i) => eventAt(from + i))
  return { epoch: 'e', revision: 0, events, clients: [], now: 5000, ...more }
}

const RECORD: ClientRecord = {
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
