// Whole clients against the whole server: what a user sees through every loss, refusal and return.

import { describe, expect, test } from 'vitest'
import { RealtimeError } from '../../../src/errors.js'
import type { Receipt } from '../../../src/feature.js'
import { createMemoryStorage } from '../../../src/server/storage/memory.js'
import { createTestDisk } from '../../../src/testing/disk.js'
import { createWorld, type Device, type Tab, useBoard, type World } from './world.js'

/** How the stages of a receipt ended so far. */
function watch(receipt: Receipt): Record<string, string> {
  let stages: Record<string, string> = {}
  for (let stage of ['stored', 'sent', 'acked', 'visible'] as const) {
    receipt[stage].then(
      () => {
        stages[stage] = 'yes'
      },
      (error: RealtimeError) => {
        stages[stage] = error.code
      }
    )
  }
  return stages
}

let idsOf = (rows: readonly { readonly id: string }[]) => rows.map(({ id }) => id)
let typesOf = (tab: Tab) => tab.events.map(({ type }) => type)
let phase = (tab: Tab) => tab.client.$connection.get().phase

/** A page that is online, in room `r`, with the board in use. */
async function online(world: World, device: Device, user: string, options?: Parameters<Device['open']>[1]) {
  let tab = device.open(user, options)
  let board = useBoard(tab)
  tab.client.connect()
  await world.clock.advance(200)
  expect(phase(tab)).toBe('online')
  return { tab, board, client: tab.client, network: device.network }
}

describe('acting', () => {
  test('[S1] an action is painted at once, stored, sent, acked and visible, for its author and everyone else', async () => {
    let world = createWorld()
    let ann = await online(world, world.device(), 'ann')
    let bob = await online(world, world.device(), 'bob')
    let receipt = ann.board.note('hello')
    expect(ann.board.notes()).toEqual(['hello'])
    expect(idsOf(ann.client.pending.get())).toEqual([])
    let stages = watch(receipt)
    await world.clock.settle()
    expect(stages).toEqual({ stored: 'yes', sent: 'yes' })
    expect(idsOf(ann.client.pending.get())).toEqual([receipt.id])
    expect(bob.board.notes()).toEqual([])
    await world.clock.advance(40)
    expect(stages).toEqual({ stored: 'yes', sent: 'yes', acked: 'yes', visible: 'yes' })
    expect(await receipt).toEqual({ id: receipt.id, stage: 'stored' })
    expect(ann.client.pending.get()).toEqual([])
    expect(ann.board.notes()).toEqual(['hello'])
    expect(bob.board.notes()).toEqual(['hello'])
    expect(await world.notes()).toEqual(['hello'])
  })

  test('an answered action is not counted any more, in every tab', async () => {
    let world = createWorld()
    let device = world.device()
    let ann = await online(world, device, 'ann')
    let second = await online(world, device, 'ann')
    for (let { board, client } of [ann, second]) {
      for (let stage of ['acked', 'visible'] as const) {
        let receipt = board.note('hello')
        let counts: number[] = []
        receipt[stage].then(() => void counts.push(client.$connection.get().pending.count))
        await world.clock.advance(500)
        expect(counts).toEqual([0])
      }
    }
  })

  test('what the caller does with an object afterwards does not change what was accepted', async () => {
    let world = createWorld()
    let ann = await online(world, world.device(), 'ann')
    let data = { deep: [1] }
    ann.board.any(data)
    data.deep.push(2)
    await world.clock.advance(100)
    expect(ann.network.sentOf('push').map(({ data }) => data)).toEqual([{ deep: [1] }])
  })

  test('a wrong argument throws at the call and leaves nothing behind', async () => {
    let world = createWorld()
    let ann = await online(world, world.device(), 'ann')
    expect(() => ann.board.note(7 as never)).toThrow(/board\.note\.text must be a string/)
    expect(() => ann.board.note('x'.repeat(70_000))).toThrow(expect.objectContaining({ code: 'too-large' }))
    expect(() => ann.client.room('')).toThrow(/room must be a text/)
    expect(() => ann.client.authenticate('')).toThrow(/token/)
    expect(ann.board.notes()).toEqual([])
    expect(ann.client.$connection.get().pending.count).toBe(0)
    expect(ann.board.noteOnce('a')).not.toBe(null)
    expect(ann.board.noteOnce('a')).toBe(null)
  })

  test('an outbox that is full throws and paints nothing', async () => {
    let world = createWorld()
    let ann = world.device().open('ann', { outbox: { maxCount: 1 } })
    let board = useBoard(ann)
    await ann.client.ready
    board.note('a')
    expect(() => board.note('b')).toThrow(expect.objectContaining({ code: 'outbox-full' }))
    expect(board.notes()).toEqual(['a'])
    await world.clock.settle()
    expect(ann.client.$connection.get().canSend).toBe(false)
  })

  test('a refused action is rolled back, told, and waits in `rejected` until it is retried or discarded', async () => {
    let isAllowed = false
    let world = createWorld({ policy: ({ action }) => action !== 'push' || isAllowed || 'not-today' })
    let ann = await online(world, world.device(), 'ann')
    let stages = watch(ann.board.note('a'))
    let second = ann.board.note('b')
    expect(ann.board.notes()).toEqual(['a', 'b'])
    await world.clock.advance(100)
    expect(ann.board.notes()).toEqual([])
    expect(stages).toEqual({ stored: 'yes', sent: 'yes', acked: 'not-today', visible: 'not-today' })
    let rejected = ann.client.rejected.get()
    expect(rejected.map(({ code, row }) => [code, row.data])).toEqual([
      ['not-today', { text: 'a' }],
      ['not-today', { text: 'b' }]
    ])
    expect(ann.tab.events.filter(({ type }) => type === 'rejected').map(({ detail }) => detail)).toEqual([
      { id: rejected[0]?.row.id, feature: 'board', type: 'note', code: 'not-today' },
      { id: second.id, feature: 'board', type: 'note', code: 'not-today' }
    ])
    expect(ann.client.$connection.get().rejectedCount).toBe(2)

    expect(await ann.client.rejected.discard(second.id)).toBe(true)
    expect(await ann.client.rejected.discard(second.id)).toBe(false)
    isAllowed = true
    expect(await ann.client.rejected.retry(rejected[0]?.row.id as string)).toBe(true)
    await world.clock.settle()
    expect(ann.board.notes()).toEqual(['a'])
    await world.clock.advance(100)
    expect(await world.notes()).toEqual(['a'])
    expect(ann.client.rejected.get()).toEqual([])
    expect(ann.client.pending.get()).toEqual([])
  })

  test('nobody has to watch a receipt: refusals make no unhandled rejections', async () => {
    let unhandled: unknown[] = []
    let listener = (error: unknown) => void unhandled.push(error)
    process.on('unhandledRejection', listener)
    try {
      let world = createWorld({ policy: ({ action }) => action !== 'push' })
      let ann = await online(world, world.device(), 'ann')
      ann.board.note('a')
      void ann.board.note('b').stored
      void ann.board.note('c').acked
      ann.board.moveCursor('1')
      await ann.client.disconnect()
      ann.board.moveCursor('2')
      await world.clock.advance(1000)
      await new Promise(resolve => setTimeout(resolve, 5))
      expect(unhandled).toEqual([])
    } finally {
      process.off('unhandledRejection', listener)
    }
  })

  test('the time of an action that waits is the time of its call', async () => {
    let world = createWorld()
    let ann = world.device().open('ann')
    let board = useBoard(ann)
    await ann.client.ready
    board.note('a')
    await world.clock.advance(500)
    let { oldestAt, count } = ann.client.$connection.get().pending
    expect([count, world.clock.now() - (oldestAt as number)]).toEqual([1, 500])
  })
})

describe('offline and back', () => {
  test('what is done before connecting is kept and delivered in order', async () => {
    let world = createWorld()
    let ann = world.device().open('ann')
    let board = useBoard(ann)
    for (let i = 0; i < 20; i++) board.note(`n${i}`)
    await world.clock.advance(1000)
    expect(board.notes()).toHaveLength(20)
    expect(board.status()).toMatchObject({ stale: true })
    ann.client.connect()
    await world.clock.advance(300)
    expect(await world.notes()).toEqual(Array.from({ length: 20 }, (_, i) => `n${i}`))
    expect(ann.client.pending.get()).toEqual([])
    expect(board.status()).toMatchObject({ stale: false, recovered: 'new' })
  })

  test('[J5] a broken connection returns within a second, recovers what was missed and delivers what waits', async () => {
    let world = createWorld()
    let ann = await online(world, world.device(), 'ann')
    let bob = await online(world, world.device(), 'bob')
    await world.clock.advance(6000)
    ann.network.silent = true
    ann.board.note('from ann')
    bob.board.note('from bob')
    await world.clock.advance(100)
    // The link that is there stays dead; another one would live.
    ann.network.silent = false
    expect(bob.board.notes()).toEqual(['from bob'])
    expect(ann.board.notes()).toEqual(['from ann'])
    await world.clock.advance(14_000)
    expect(phase(ann.tab)).toBe('online')
    expect(ann.board.notes()).toEqual(['from bob', 'from ann'])
    expect(bob.board.notes()).toEqual(['from bob', 'from ann'])
    expect(ann.board.status()).toMatchObject({ stale: false, recovered: 'all' })
    expect(typesOf(ann.tab)).toEqual(expect.arrayContaining(['connected', 'disconnected']))
    expect(ann.tab.events.filter(({ type }) => type === 'connected').map(({ detail }) => detail)).toEqual([
      { again: false },
      { again: true }
    ])
  })

  test('[S13] an action whose answer was lost takes effect once', async () => {
    let world = createWorld()
    let ann = await online(world, world.device(), 'ann')
    let stages = watch(ann.board.note('once'))
    await world.clock.advance(25)
    expect(await world.notes()).toEqual(['once'])
    ann.network.drop()
    await world.clock.advance(5000)
    expect(phase(ann.tab)).toBe('online')
    expect(stages).toMatchObject({ acked: 'yes', visible: 'yes' })
    expect(await world.notes()).toEqual(['once'])
    expect(ann.board.notes()).toEqual(['once'])
    expect(ann.client.pending.get()).toEqual([])
  })

  test('an app that was closed in the middle goes on where it was, also on the screen', async () => {
    let world = createWorld()
    let device = world.device()
    let before = await online(world, device, 'ann')
    before.board.note('delivered')
    await world.clock.advance(2000)
    device.network.silent = true
    before.board.note('waits')
    await world.clock.settle()
    before.tab.kill()
    device.network.silent = false
    let after = device.open('ann')
    let board = useBoard(after)
    await after.client.ready
    await world.clock.settle()
    expect(board.notes()).toEqual(['delivered', 'waits'])
    expect(board.status()).toMatchObject({ stale: true, asOf: expect.any(Number) })
    after.client.connect()
    await world.clock.advance(1000)
    expect(await world.notes()).toEqual(['delivered', 'waits'])
    expect(board.notes()).toEqual(['delivered', 'waits'])
    expect(after.client.pending.get()).toEqual([])
    expect(device.network.sentOf('join').at(-1)).toMatchObject({ offset: 1 })
  })

  test('latest: only the newest of what waits is delivered', async () => {
    let world = createWorld()
    let device = world.device()
    let tab = device.open('ann')
    let board = useBoard(tab)
    await tab.client.ready
    let stages = watch(board.setTitle('a'))
    await world.clock.settle()
    board.setTitle('b')
    board.setTitle('c')
    await world.clock.settle()
    expect(stages).toMatchObject({ stored: 'yes', acked: 'replaced' })
    expect(tab.client.$connection.get().pending.count).toBe(1)
    expect(board.$state.get().title).toBe('c')
    tab.client.connect()
    await world.clock.advance(300)
    expect(device.network.sentOf('push').map(({ data }) => data)).toEqual([{ text: 'c' }])
    expect((await world.hub.room('r').state('board')) as unknown).toMatchObject({ title: 'c' })
  })

  test('ttl: what was not delivered in its time is told, rolled back and never sent', async () => {
    let world = createWorld()
    let device = world.device()
    let tab = device.open('ann')
    let board = useBoard(tab)
    await tab.client.ready
    let stages = watch(board.flash('now'))
    await world.clock.advance(9900)
    expect(board.notes()).toEqual(['*now'])
    await world.clock.advance(200)
    expect(board.notes()).toEqual([])
    expect(stages).toEqual({ stored: 'yes', sent: 'expired', acked: 'expired', visible: 'expired' })
    expect(typesOf(tab)).toContain('expired')
    tab.client.connect()
    await world.clock.advance(300)
    expect(device.network.sentOf('push')).toEqual([])
  })

  test('ttl: a clock that is set back prolongs nothing', async () => {
    let world = createWorld()
    let back = 0
    let device = world.device()
    let { ports } = device.page()
    let clock = { ...ports.clock, now: () => world.clock.now() - back }
    let tab = device.open('ann', { ports: { clock } })
    let board = useBoard(tab)
    await world.clock.advance(100)
    let stages = watch(board.flash('quick'))
    await world.clock.advance(1000)
    back = 3_600_000
    await world.clock.advance(9100)
    expect(stages.acked).toBe('expired')
    expect(board.notes()).toEqual([])
  })

  test('ttl: what may have left is not told to be expired while nobody knows', async () => {
    let world = createWorld()
    let ann = await online(world, world.device(), 'ann')
    let stages = watch(ann.board.flash('now'))
    await world.clock.advance(25)
    ann.network.drop()
    ann.network.down = 'refused'
    await world.clock.advance(20_000)
    expect(stages.acked).toBe(undefined)
    ann.network.down = null
    await world.clock.advance(40_000)
    expect(stages).toMatchObject({ acked: 'yes' })
    expect(ann.board.notes()).toEqual(['*now'])
  })

  test('volatile: without a joined room it is told `dropped`, never stored', async () => {
    let world = createWorld()
    let ann = world.device().open('ann')
    let board = useBoard(ann)
    await ann.client.ready
    let receipt = board.moveCursor('1')
    let stages = watch(receipt)
    expect(await receipt).toEqual({ id: receipt.id, stage: 'dropped' })
    expect(stages).toMatchObject({ sent: 'dropped' })
    expect(board.$state.get().cursors).toEqual({})
    expect(ann.client.$connection.get().pending.count).toBe(0)
  })

  test('[C3] volatile: everyone sees the newest of each sender, late joiners too, until its time is over', async () => {
    let world = createWorld()
    let ann = await online(world, world.device(), 'ann')
    let bob = await online(world, world.device(), 'bob')
    ann.board.moveCursor('1')
    expect(await ann.board.moveCursor('2')).toMatchObject({ stage: 'sent' })
    expect(ann.board.$state.get().cursors).toEqual({ ann: '2' })
    await world.clock.advance(100)
    expect(bob.board.$state.get().cursors).toEqual({ ann: '2' })
    let cid = await online(world, world.device(), 'cid')
    expect(cid.board.$state.get().cursors).toEqual({ ann: '2' })
    await world.clock.advance(5100)
    for (let { board } of [ann, bob, cid]) expect(board.$state.get().cursors).toEqual({})
    expect(await world.hub.room('r').state('board')).toMatchObject({ cursors: {} })
  })

  test('[R1] a lost event is found by the next beat, and recovered', async () => {
    let world = createWorld()
    let ann = await online(world, world.device(), 'ann')
    let bob = await online(world, world.device(), 'bob')
    bob.network.tamper = text => (text.includes('"f":"event"') ? null : text)
    ann.board.note('lost')
    await world.clock.advance(100)
    expect(bob.board.notes()).toEqual([])
    bob.network.tamper = text => text
    await world.clock.advance(7000)
    expect(bob.board.notes()).toEqual(['lost'])
    expect(bob.board.status()).toMatchObject({ recovered: 'all' })
  })

  test('[R1] a hole in the offsets is recovered at once', async () => {
    let world = createWorld()
    let ann = await online(world, world.device(), 'ann')
    let bob = await online(world, world.device(), 'bob')
    let isLossy = true
    bob.network.tamper = text => (isLossy && text.includes('"one"') ? null : text)
    ann.board.note('one')
    await world.clock.advance(60)
    isLossy = false
    ann.board.note('two')
    await world.clock.advance(200)
    expect(bob.board.notes()).toEqual(['one', 'two'])
  })

  test.each(['followed by others', 'the last one'])(
    'an event that cannot be read, %s, is got over with a snapshot',
    async which => {
      let world = createWorld()
      let ann = await online(world, world.device(), 'ann')
      let bob = await online(world, world.device(), 'bob')
      bob.network.tamper = text =>
        JSON.stringify(
          (JSON.parse(text) as { f: string; data?: { text?: string } }[]).map(frame =>
            frame.f === 'event' && frame.data?.text === 'bad' ? { ...frame, by: 7 } : frame
          )
        )
      ann.board.note('bad')
      if (which !== 'the last one') ann.board.note('good')
      await world.clock.advance(120_000)
      let notes = which === 'the last one' ? ['bad'] : ['bad', 'good']
      expect(bob.board.notes()).toEqual(notes)
      expect(bob.board.status().stale).toBe(false)
      expect(bob.network.sentOf('join').length).toBeLessThan(6)
      ann.board.note('next')
      await world.clock.advance(100)
      expect(bob.board.notes()).toEqual([...notes, 'next'])
    }
  )

  test('[J7] who was away for long gets a snapshot and is told of the reset', async () => {
    let world = createWorld({ limits: { maxReplay: 3 } })
    let ann = await online(world, world.device(), 'ann')
    let bob = await online(world, world.device(), 'bob')
    ann.board.note('seen')
    await world.clock.advance(100)
    bob.network.drop()
    bob.network.down = 'refused'
    bob.board.note('mine')
    for (let i = 0; i < 6; i++) ann.board.note(`n${i}`)
    await world.clock.advance(500)
    bob.network.down = null
    await world.clock.advance(10_000)
    expect(bob.board.notes()).toEqual(['seen', 'n0', 'n1', 'n2', 'n3', 'n4', 'n5', 'mine'])
    expect(bob.board.status()).toMatchObject({ recovered: 'none', stale: false })
    expect(bob.tab.events).toContainEqual({ type: 'reset', detail: { room: 'r' } })
  })

  test('[J6] a snapshot in many parts is shown as one', async () => {
    let world = createWorld({ limits: { max: 4096 } })
    let ann = await online(world, world.device(), 'ann')
    for (let i = 0; i < 40; i++) ann.board.note(`${i}`.padEnd(200, '.'))
    await world.clock.advance(1000)
    expect(await world.notes()).toHaveLength(40)
    let seen: number[] = []
    let tab = world.device().open('bob')
    let board = useBoard(tab)
    board.$state.subscribe(({ notes }) => void seen.push(notes.length))
    tab.client.connect()
    await world.clock.advance(500)
    expect([...new Set(seen)]).toEqual([0, 40])
  })

  test('[R2] a server that lost everything is a new beginning; what was pending is delivered to it', async () => {
    let world = createWorld()
    let ann = await online(world, world.device(), 'ann')
    ann.board.note('old')
    await world.clock.advance(1500)
    ann.network.drop()
    ann.network.down = 'refused'
    let stages = watch(ann.board.note('new'))
    await world.clock.advance(100)
    await world.restart({ storage: createMemoryStorage() })
    ann.network.down = null
    await world.clock.advance(10_000)
    expect(ann.board.notes()).toEqual(['new'])
    expect(await world.notes()).toEqual(['new'])
    expect(stages).toMatchObject({ acked: 'yes', visible: 'yes' })
    expect(typesOf(ann.tab)).toContain('reset')
  })

  test('[S15] what may have left to a server that lost everything is unknown; a retry is safe', async () => {
    let world = createWorld()
    let ann = await online(world, world.device(), 'ann')
    ann.board.note('settled')
    await world.clock.advance(1500)
    ann.network.silent = true
    let stages = watch(ann.board.note('in doubt'))
    await world.clock.settle()
    expect(stages).toMatchObject({ sent: 'yes' })
    await world.restart({ storage: createMemoryStorage() })
    ann.network.drop()
    ann.network.silent = false
    await world.clock.advance(10_000)
    expect(stages).toMatchObject({ acked: 'unknown' })
    expect(ann.board.notes()).toEqual([])
    expect(ann.client.unknown.get().map(({ row }) => row.data)).toEqual([{ text: 'in doubt' }])
    expect(typesOf(ann.tab).filter(type => type === 'unknown')).toHaveLength(1)
    let id = ann.client.unknown.get()[0]?.row.id as string
    expect(await ann.client.unknown.retry(id)).toBe(true)
    await world.clock.advance(200)
    expect(await world.notes()).toEqual(['in doubt'])
    expect(ann.client.unknown.get()).toEqual([])
    expect(ann.client.pending.get()).toEqual([])
  })

  test('a server restart that keeps its storage loses nothing', async () => {
    let storage = createMemoryStorage()
    let world = createWorld({ storage })
    let ann = await online(world, world.device(), 'ann')
    let bob = await online(world, world.device(), 'bob')
    ann.board.note('a')
    await world.clock.advance(100)
    ann.board.note('b')
    await world.restart()
    ann.board.note('c')
    await world.clock.advance(8000)
    expect(ann.board.notes()).toEqual(['a', 'b', 'c'])
    expect(bob.board.notes()).toEqual(['a', 'b', 'c'])
    expect(ann.client.pending.get()).toEqual([])
  })

  test('a server that is busy gets everything, in order, a little later', async () => {
    let storage = createMemoryStorage()
    let failures = 0
    let world = createWorld({
      storage: {
        ...storage,
        async commit(room, change) {
          if (change.events.length && failures-- > 0) throw new Error('down')
          return storage.commit(room, change)
        }
      }
    })
    let ann = await online(world, world.device(), 'ann')
    failures = 2
    for (let i = 0; i < 5; i++) {
      ann.board.note(`n${i}`)
      await world.clock.advance(7)
    }
    await world.clock.advance(5000)
    expect(await world.notes()).toEqual(['n0', 'n1', 'n2', 'n3', 'n4'])
    expect(ann.client.pending.get()).toEqual([])
  })
})

describe('rooms', () => {
  test('a room is left a second after its last holder let go, each of whom can let go once', async () => {
    let world = createWorld()
    let ann = await online(world, world.device(), 'ann')
    let again = ann.client.room('r')
    expect(again.$status).toBe(ann.board.room.$status)
    again.leave()
    again.leave()
    await world.clock.advance(2000)
    expect(Object.keys(world.hub.room('r').members())).toHaveLength(1)
    ann.board.room.leave()
    let back = ann.client.room('r')
    await world.clock.advance(2000)
    expect(Object.keys(world.hub.room('r').members())).toHaveLength(1)
    back.leave()
    await world.clock.advance(2000)
    expect(Object.keys(world.hub.room('r').members())).toHaveLength(0)
    expect(() => ann.board.note('late')).toThrow(expect.objectContaining({ code: 'left' }))
    expect(useBoard(ann.tab).room).not.toBe(again)
  })

  test('[S18] what waits in a room that was left is delivered all the same', async () => {
    let world = createWorld()
    let ann = await online(world, world.device(), 'ann')
    ann.network.drop()
    ann.network.down = 'refused'
    let stages = watch(ann.board.note('bye'))
    ann.board.room.leave()
    await world.clock.advance(2000)
    ann.network.down = null
    await world.clock.advance(10_000)
    expect(await world.notes()).toEqual(['bye'])
    expect(stages).toMatchObject({ acked: 'yes' })
    expect(ann.client.pending.get()).toEqual([])
    expect(ann.network.sentOf('join').at(-1)).toMatchObject({ room: 'r', only: true })
    expect(Object.keys(world.hub.room('r').members())).toHaveLength(0)
  })

  test('a room that is entered while it is joined only for what waits there ends up live', async () => {
    let world = createWorld()
    let ann = await online(world, world.device(), 'ann')
    ann.board.note('bye')
    ann.board.room.leave()
    await world.clock.advance(1000)
    ann.board.room.leave()
    let board = useBoard(ann.tab)
    board.note('again')
    await world.clock.advance(500)
    expect(board.notes()).toEqual(['bye', 'again'])
    expect(board.status()).toMatchObject({ stale: false })
    expect(await world.notes()).toEqual(['bye', 'again'])
  })

  test('a room that is entered while it is joined for what waits there sends nothing twice', async () => {
    let world = createWorld()
    let device = world.device()
    let before = device.open('ann')
    useBoard(before).note('waits')
    await world.clock.settle()
    before.kill()
    let after = device.open('ann')
    after.client.connect()
    await world.clock.advance(65)
    expect(device.network.sentOf('join')).toMatchObject([{ only: true }])
    let board = useBoard(after)
    await world.clock.advance(500)
    expect(device.network.sentOf('join')).toMatchObject([{ only: true }, { ref: expect.any(Number) }])
    expect(device.network.sentOf('push')).toHaveLength(1)
    expect(board.notes()).toEqual(['waits'])
  })

  test('[S3] nothing is pushed into a room that was left before it is joined again', async () => {
    let isAllowed = false
    let world = createWorld({ policy: ({ action }) => action !== 'push' || isAllowed })
    let ann = await online(world, world.device(), 'ann')
    let { id } = ann.board.note('a')
    await world.clock.advance(100)
    ann.board.room.leave()
    await world.clock.advance(1100)
    isAllowed = true
    ann.network.sent.length = 0
    await ann.client.rejected.retry(id)
    await world.clock.advance(500)
    let names = ann.network.sent.map(({ f }) => f).filter(f => f === 'join' || f === 'push')
    expect(names).toEqual(['join', 'push'])
    expect(await world.notes()).toEqual(['a'])
  })

  test('[J10] a refused room is told, and what waits there is rejected', async () => {
    let world = createWorld({
      policy({ action, room }) {
        if (action === 'join' && room === 'r') throw new RealtimeError('forbidden', 'members only')
        return true
      }
    })
    let ann = world.device().open('ann')
    let board = useBoard(ann)
    let stages = watch(board.note('let me in'))
    ann.client.connect()
    await world.clock.advance(500)
    expect(board.status()).toMatchObject({ refused: 'forbidden', stale: true })
    expect(stages).toMatchObject({ stored: 'yes', acked: 'forbidden' })
    expect(board.notes()).toEqual([])
    expect(ann.client.rejected.get()).toMatchObject([{ code: 'forbidden', message: 'members only' }])
  })

  test('[J10] so is what is done in it later, and what is tried again', async () => {
    let isAllowed = false
    let world = createWorld({ policy: ({ action, room }) => action !== 'join' || room !== 'r' || isAllowed })
    let ann = world.device().open('ann')
    let board = useBoard(ann)
    ann.client.connect()
    await world.clock.advance(500)
    let stages = watch(board.note('let me in'))
    await world.clock.advance(2000)
    expect(stages).toMatchObject({ acked: 'forbidden' })
    expect(ann.client.pending.get()).toEqual([])
    isAllowed = true
    let [item] = ann.client.rejected.get()
    await ann.client.rejected.retry(item?.row.id as string)
    await world.clock.advance(2000)
    expect(await world.notes()).toEqual(['let me in'])
    expect(board.status()).toMatchObject({ refused: null, stale: false })
  })

  test('[J10] a refused room that is entered anew is asked for anew, though somebody holds it still', async () => {
    let isAllowed = false
    let world = createWorld({ policy: ({ action, room }) => action !== 'join' || room !== 'r' || isAllowed })
    let device = world.device()
    let ann = device.open('ann')
    let board = useBoard(ann)
    ann.client.connect()
    await world.clock.advance(500)
    expect(board.status()).toMatchObject({ refused: 'forbidden', stale: true })
    isAllowed = true
    let joins = () => device.network.sent.filter(({ f }) => f === 'join').length
    let before = joins()
    for (let i = 0; i < 3; i++) useBoard(ann)
    await world.clock.advance(500)
    expect(board.status()).toMatchObject({ refused: null, stale: false })
    expect(joins() - before).toBe(1)
  })

  test('[J10] a room that is not shown and was refused is asked for again when something else waits there', async () => {
    let world = createWorld({ policy: ({ action, room }) => action !== 'join' || room !== 'r' })
    let device = world.device()
    let before = device.open('ann')
    useBoard(before).note('a')
    await world.clock.settle()
    before.kill()
    let after = device.open('ann')
    after.client.connect()
    await world.clock.advance(500)
    let [item] = after.client.rejected.get()
    expect(item?.row.data).toEqual({ text: 'a' })
    await after.client.rejected.retry(item?.row.id as string)
    await world.clock.advance(2000)
    expect(after.client.pending.get()).toEqual([])
    expect(after.client.rejected.get()).toHaveLength(1)
  })

  test('[G1] history reads back, page by page', async () => {
    let world = createWorld()
    let ann = await online(world, world.device(), 'ann')
    for (let i = 0; i < 5; i++) ann.board.note(`n${i}`)
    await world.clock.advance(200)
    let pages: unknown[] = []
    void ann.board.room.history({ limit: 2 }).then(page => {
      pages.push(page)
      return ann.board.room.history({ before: 2 }).then(older => pages.push(older))
    })
    await world.clock.advance(200)
    expect(pages).toMatchObject([
      { events: [{ offset: 4 }, { offset: 5 }], done: false },
      { events: [{ offset: 1 }], done: true }
    ])
    await ann.client.disconnect()
    await expect(ann.board.room.history()).rejects.toMatchObject({ code: 'not-connected' })
  })

  test('[P1] everyone sees who is there and what they say of themselves, also over a break', async () => {
    let world = createWorld()
    let ann = await online(world, world.device(), 'ann')
    let bob = await online(world, world.device(), 'bob')
    ann.board.room.presence.set({ status: 'busy' })
    await world.clock.advance(200)
    let roster = () =>
      Object.values(bob.board.room.presence.$roster.get().members).map(({ user, data }) => [user, data])
    expect(roster()).toContainEqual(['ann', { status: 'busy' }])
    expect(roster()).toHaveLength(2)
    ann.network.drop()
    await world.clock.advance(3000)
    expect(roster()).toContainEqual(['ann', { status: 'busy' }])
    expect(roster()).toHaveLength(2)
    await ann.client.disconnect()
    await world.clock.advance(100)
    expect(roster().map(([user]) => user)).toEqual(['bob'])
    expect(bob.tab.events.filter(({ type }) => type.startsWith('member')).map(({ type }) => type)).toEqual([
      'memberLeft'
    ])
  })

  test('presence is sent at most ten times a second, and the last word counts', async () => {
    let world = createWorld()
    let ann = await online(world, world.device(), 'ann')
    for (let i = 0; i < 50; i++) {
      ann.board.room.presence.set({ activity: `a${i}` })
      await world.clock.advance(10)
    }
    await world.clock.advance(200)
    expect(ann.network.sentOf('presence').length).toBeLessThan(8)
    expect(Object.values(world.hub.room('r').members())[0]?.data).toEqual({ activity: 'a49' })
  })
})

describe('leaving', () => {
  test('disconnect keeps what waits', async () => {
    let world = createWorld()
    let device = world.device()
    let ann = await online(world, device, 'ann')
    await ann.client.disconnect()
    expect(phase(ann.tab)).toBe('closed')
    ann.board.note('later')
    await world.clock.advance(60_000)
    expect(device.network.open).toBe(0)
    ann.client.connect()
    await world.clock.advance(500)
    expect(await world.notes()).toEqual(['later'])
  })

  test('disconnect can wait for the deliveries, but not for ever', async () => {
    let world = createWorld()
    let ann = await online(world, world.device(), 'ann')
    ann.board.note('a')
    let isOver = false
    let leaving = ann.client.disconnect({ pending: 'wait' }).then(() => {
      isOver = true
    })
    await world.clock.advance(20)
    expect(isOver).toBe(false)
    await world.clock.advance(100)
    await leaving
    expect(await world.notes()).toEqual(['a'])
    expect(ann.client.pending.get()).toEqual([])

    ann.network.down = 'refused'
    ann.client.connect()
    ann.board.note('b')
    isOver = false
    void ann.client.disconnect({ pending: 'wait' }).then(() => {
      isOver = true
    })
    await world.clock.advance(9900)
    expect(isOver).toBe(false)
    await world.clock.advance(200)
    expect(isOver).toBe(true)
    expect(ann.client.pending.get()).toHaveLength(1)
  })

  test('disconnect can delete what never left', async () => {
    let world = createWorld()
    let ann = world.device().open('ann')
    let board = useBoard(ann)
    let stages = watch(board.note('a'))
    await ann.client.ready
    await ann.client.disconnect({ pending: 'purge' })
    await world.clock.settle()
    expect(stages).toMatchObject({ acked: 'purged' })
    expect(board.notes()).toEqual([])
    expect(ann.client.pending.get()).toEqual([])
  })

  test('a waiting action can be taken back until it may have left', async () => {
    let world = createWorld()
    let device = world.device()
    let ann = device.open('ann')
    let board = useBoard(ann)
    let [first, second] = [board.note('a'), board.note('b')]
    await ann.client.ready
    await first
    expect(await ann.client.pending.discard(first.id)).toBe(true)
    expect(board.notes()).toEqual(['b'])
    ann.client.connect()
    await world.clock.advance(105)
    expect(device.network.sentOf('push')).toHaveLength(1)
    expect(await ann.client.pending.discard(second.id)).toBe(false)
    await world.clock.advance(100)
    expect(await world.notes()).toEqual(['b'])
  })

  test('a closed client takes nothing more', async () => {
    let world = createWorld()
    let ann = await online(world, world.device(), 'ann')
    await ann.client.close()
    expect(() => ann.board.note('a')).toThrow(expect.objectContaining({ code: expect.stringMatching(/closed|left/) }))
    expect(() => ann.client.connect()).toThrow(expect.objectContaining({ code: 'closed' }))
    expect(() => ann.client.room('r')).toThrow(expect.objectContaining({ code: 'closed' }))
    await ann.client.close()
    await world.clock.advance(60_000)
    expect(ann.network.open).toBe(0)
  })

  test('users of one device do not meet: neither what waits nor what was seen', async () => {
    let world = createWorld()
    let device = world.device()
    let ann = await online(world, device, 'ann')
    ann.board.note('seen')
    await world.clock.advance(2000)
    await ann.client.disconnect()
    ann.board.note('of ann')
    await world.clock.settle()
    await ann.client.close()
    let bob = device.open('bob')
    let board = useBoard(bob)
    await bob.client.ready
    await world.clock.settle()
    expect(board.notes()).toEqual([])
    expect(bob.client.pending.get()).toEqual([])
    bob.client.connect()
    await world.clock.advance(500)
    expect(await world.notes()).toEqual(['seen'])
    await bob.client.close()
    let back = await online(world, device, 'ann')
    await world.clock.advance(500)
    expect(await world.notes()).toEqual(['seen', 'of ann'])
    expect(back.board.notes()).toEqual(['seen', 'of ann'])
  })
})

describe('tabs of one device', () => {
  test('[S17] every tab may act, one of them sends, and all of them see it', async () => {
    let world = createWorld()
    let device = world.device()
    let one = await online(world, device, 'ann')
    let two = await online(world, device, 'ann')
    expect([one, two].map(({ client }) => client.$connection.get().leader)).toEqual([true, false])
    let stages = watch(two.board.note('from two'))
    one.board.note('from one')
    await world.clock.advance(500)
    expect(stages).toMatchObject({ stored: 'yes', acked: 'yes', visible: 'yes' })
    let notes = await world.notes()
    expect([...notes].sort()).toEqual(['from one', 'from two'])
    expect(one.board.notes()).toEqual(notes)
    expect(two.board.notes()).toEqual(notes)
    for (let { client } of [one, two]) expect(client.pending.get()).toEqual([])
  })

  test('[S17] a tab that was not asked to connect keeps nobody from sending what it stored', async () => {
    let world = createWorld()
    let device = world.device()
    let [one, two] = [device.open('ann'), device.open('ann')]
    let board = useBoard(one)
    useBoard(two)
    await one.client.ready
    await two.client.ready
    board.note('a')
    await world.clock.settle()
    two.client.connect()
    await world.clock.advance(500)
    expect(two.client.$connection.get()).toMatchObject({ phase: 'online', leader: true, tabs: 'leader' })
    expect(one.client.$connection.get()).toMatchObject({ phase: 'idle', leader: false, tabs: 'none' })
    expect(await world.notes()).toEqual(['a'])
    for (let { client } of [one, two]) expect(client.pending.get()).toEqual([])
  })

  test('[S17] tabs that act without pause lose nothing', async () => {
    let world = createWorld()
    let device = world.device()
    let one = await online(world, device, 'ann')
    let two = await online(world, device, 'ann')
    for (let i = 0; i < 40; i++) {
      one.board.note(`one${i}`)
      if (i % 2) two.board.note(`two${i}`)
      await world.clock.advance(3)
    }
    await world.clock.advance(2000)
    let notes = await world.notes()
    expect(notes).toHaveLength(60)
    expect(new Set(notes).size).toBe(60)
    expect(one.board.notes()).toEqual(notes)
    expect(two.board.notes()).toEqual(notes)
    for (let { client } of [one, two]) expect(client.pending.get()).toEqual([])
  })

  test('[S17] when the tab that sends is killed, another takes over and nothing is doubled or lost', async () => {
    let world = createWorld()
    let device = world.device()
    let one = await online(world, device, 'ann')
    let two = await online(world, device, 'ann')
    for (let i = 0; i < 10; i++) one.board.note(`n${i}`)
    two.board.note('two')
    await world.clock.advance(15)
    one.tab.kill()
    await world.clock.advance(5000)
    expect(two.client.$connection.get()).toMatchObject({ leader: true, phase: 'online' })
    let notes = await world.notes()
    expect([...notes].sort()).toEqual([...Array.from({ length: 10 }, (_, i) => `n${i}`), 'two'].sort())
    expect(two.board.notes()).toEqual(notes)
    expect(two.client.pending.get()).toEqual([])
    expect(two.client.unknown.get()).toEqual([])
  })

  test('a page in the back-forward cache gives the sending up and lines up again when it returns', async () => {
    let world = createWorld()
    let device = world.device()
    let one = await online(world, device, 'ann')
    let two = await online(world, device, 'ann')
    one.tab.page('hide')
    await world.clock.advance(3000)
    expect(one.client.$connection.get()).toMatchObject({ phase: 'waiting', reason: 'suspended', leader: false })
    expect(two.client.$connection.get()).toMatchObject({ phase: 'online', leader: true })
    two.board.note('while away')
    await world.clock.advance(500)
    one.tab.page('show')
    await world.clock.advance(500)
    expect(one.client.$connection.get()).toMatchObject({ phase: 'online', leader: false })
    expect(one.board.notes()).toEqual(['while away'])
    one.board.note('back')
    await world.clock.advance(500)
    expect(await world.notes()).toEqual(['while away', 'back'])
  })

  test('what one tab parks, another may resolve', async () => {
    let world = createWorld({ policy: ({ action }) => action !== 'push' })
    let device = world.device()
    let one = await online(world, device, 'ann')
    let two = await online(world, device, 'ann')
    let { id } = two.board.note('a')
    await world.clock.advance(500)
    for (let { client } of [one, two]) expect(client.rejected.get().map(({ row }) => row.id)).toEqual([id])
    expect(two.board.notes()).toEqual([])
    await two.client.rejected.discard(id)
    await world.clock.advance(100)
    expect(one.client.rejected.get()).toEqual([])
  })

  test('[S14] a copied profile is noticed, and both go on as clients of their own', async () => {
    let world = createWorld()
    let device = world.device()
    let one = await online(world, device, 'ann')
    one.board.note('before')
    await world.clock.advance(2000)
    await one.client.close()

    let copy = world.device()
    for (let [name, disk] of device.disks) {
      let entries = await disk.entries()
      let target = createTestDisk()
      await target.write('strict', async tx => {
        for (let [key, value] of entries) tx.put(key, value)
      })
      copy.disks.set(name, target)
    }
    let here = await online(world, device, 'ann')
    here.board.note('here')
    await world.clock.advance(500)
    let there = await online(world, copy, 'ann')
    there.board.note('there')
    here.board.note('here too')
    await world.clock.advance(10_000)
    let notes = await world.notes()
    expect([...notes].sort()).toEqual(['before', 'here', 'here too', 'there'])
    expect(here.board.notes()).toEqual(notes)
    expect(there.board.notes()).toEqual(notes)
    for (let { client } of [here, there]) expect(client.pending.get()).toEqual([])
  })
})

describe('storage', () => {
  test('without a disk everything works in memory, and says so', async () => {
    let world = createWorld()
    let ann = await online(world, world.device(), 'ann', { persist: false })
    expect(ann.client.$connection.get()).toMatchObject({ durability: 'memory', durabilityReason: expect.any(String) })
    ann.board.note('a')
    await world.clock.advance(200)
    expect(await world.notes()).toEqual(['a'])
  })

  test('a disk that fails in the middle degrades to memory; nothing that waits is lost', async () => {
    let world = createWorld()
    let device = world.device()
    let ann = await online(world, device, 'ann')
    ann.network.drop()
    ann.network.down = 'refused'
    ann.board.note('a')
    await world.clock.settle()
    for (let disk of device.disks.values()) disk.broken = new Error('no space')
    let stages = watch(ann.board.note('b'))
    await world.clock.settle()
    expect(stages).toMatchObject({ stored: 'yes' })
    expect(ann.client.$connection.get()).toMatchObject({ durability: 'memory' })
    expect(ann.tab.events).toContainEqual({ type: 'degraded', detail: { reason: expect.stringContaining('no space') } })
    ann.network.down = null
    await world.clock.advance(10_000)
    expect(await world.notes()).toEqual(['a', 'b'])
    expect(ann.client.pending.get()).toEqual([])
  })

  test('site data that are cleared under a running page make a new client, and nothing is lost or doubled', async () => {
    let world = createWorld()
    let device = world.device()
    let ann = await online(world, device, 'ann')
    ann.board.note('a')
    await world.clock.advance(500)
    for (let disk of device.disks.values()) await disk.wipe()
    ann.board.note('b')
    await world.clock.advance(500)
    ann.board.note('c')
    await world.clock.advance(5000)
    expect(await world.notes()).toEqual(['a', 'b', 'c'])
    expect(ann.board.notes()).toEqual(['a', 'b', 'c'])
    expect(ann.client.pending.get()).toEqual([])
  })
})
