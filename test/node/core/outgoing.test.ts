// Sending: what leaves when, in which order, after which number, and what each answer does. The outbox is the real one.

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createOutgoing, type Outgoing, type OutgoingPorts } from '../../../src/core/outgoing.js'
import { chainKey, type Row } from '../../../src/core/rows.js'
import type { Frame, FrameOf, PushFrame } from '../../../src/protocol/frames.js'
import { createTestDisk } from '../../../src/testing/disk.js'
import { type ChainServer, createChainServer } from './chain-server.js'
import { append, openLeader, openTab, ROOM, rowOf, type Tab } from './outbox-world.js'

const LANES = ['critical', 'high', 'normal', 'bulk'] as const

interface Desk {
  readonly tab: Tab
  readonly outgoing: Outgoing
  readonly server: ChainServer
  /** What left on all connections, in order. */
  readonly out: PushFrame[]
  /** How many frames left together. */
  readonly batches: number[]
  readonly rejoins: string[]
  readonly sent: string[]
  fenced: number
  readonly failures: unknown[]
  isOpen: boolean
  buffered: number
  /** Offsets of own events that were applied. */
  readonly seen: Map<string, number>
  /** A connection is welcome and has joined these rooms. */
  online(...rooms: string[]): Promise<void>
  offline(): void
  /** Hands everything that left and was not handed over yet to the server, and its answers back. */
  exchange(): Promise<void>
}

async function openDesk(
  {
    window = { count: 100, bytes: 100_000 },
    max = 64 * 1024,
    ...more
  }: { window?: { count: number; bytes: number }; max?: number } & Partial<OutgoingPorts> = {},
  disk = createTestDisk()
): Promise<Desk> {
  let tab = await openLeader(disk, {
    onStored(rows, claimed) {
      if (claimed) desk.outgoing.leave(rows)
      else desk.outgoing.pump()
    }
  })
  let handed = 0
  let desk: Desk = {
    tab,
    server: createChainServer(),
    out: [],
    batches: [],
    rejoins: [],
    sent: [],
    fenced: 0,
    failures: [],
    isOpen: true,
    buffered: 0,
    seen: new Map(),
    outgoing: createOutgoing({
      outbox: tab.outbox,
      clock: tab.clock,
      send(frames: readonly string[]) {
        if (!desk.isOpen) return false
        desk.out.push(...frames.map(text => JSON.parse(text) as PushFrame))
        desk.batches.push(frames.length)
        return true
      },
      buffered: () => desk.buffered,
      rejoin(room) {
        desk.rejoins.push(room)
        desk.outgoing.unready(room)
      },
      sent: rows => void desk.sent.push(...rows.map(row => row.id)),
      fenced: () => void desk.fenced++,
      failed: error => void desk.failures.push(error),
      seen: (_room, id) => desk.seen.get(id),
      recovered: () => Promise.resolve(),
      ...more
    }),
    async online(...rooms) {
      desk.isOpen = true
      handed = desk.out.length
      desk.server.connected()
      desk.outgoing.opened({ ...window, max })
      for (let room of rooms) await desk.outgoing.joined(desk.server.joined(room))
      await tab.clock.settle()
    },
    offline() {
      desk.isOpen = false
      handed = desk.out.length
      desk.outgoing.closed()
    },
    async exchange() {
      while (handed < desk.out.length) {
        let frames = desk.out.slice(handed)
        handed = desk.out.length
        for (let frame of frames) for (let answer of desk.server.push(frame)) give(desk, answer)
        await tab.clock.settle()
      }
    }
  }
  return desk
}

function give(desk: Desk, answer: FrameOf<'ack'> | FrameOf<'nack'>): void {
  if (answer.f === 'ack') desk.outgoing.ack(answer)
  else desk.outgoing.nack(answer)
}

let links = (frames: readonly PushFrame[]) => frames.map(({ id, prev, n }) => `${prev}→${n} ${id}`)
let nackOf = (
  { room, lane, n, id }: PushFrame,
  code: string,
  more: Partial<FrameOf<'nack'>> = {}
): FrameOf<'nack'> => ({
  f: 'nack',
  room,
  lane,
  n,
  id,
  code,
  final: false,
  ...more
})
let ackOf = ({ room, lane, n, id }: PushFrame, at: number): FrameOf<'ack'> => ({ f: 'ack', room, lane, n, id, at })

test('[S3] nothing leaves before its room has joined', async () => {
  let desk = await openDesk()
  await append(desk.tab, 'a', rowOf('b', { room: 'other' }))
  await desk.online()
  desk.outgoing.pump()
  await desk.tab.clock.settle()
  expect(desk.out).toEqual([])
  await desk.online('other')
  expect(links(desk.out)).toEqual(['0→1 b'])
})

test('[S3] the first push follows the mark, each later one the one before it', async () => {
  let desk = await openDesk()
  await append(desk.tab, 'a')
  await desk.online(ROOM)
  await desk.exchange()
  await append(desk.tab, 'b', 'c')
  await append(desk.tab, 'd')
  expect(links(desk.out)).toEqual(['0→1 a', '1→2 b', '2→3 c', '3→4 d'])
  await desk.exchange()
  expect(desk.server.log.map(({ id }) => id)).toEqual(['a', 'b', 'c', 'd'])
  expect(desk.tab.endings()).toEqual(['a: acked', 'b: acked', 'c: acked', 'd: acked'])
  expect(desk.sent).toEqual(['a', 'b', 'c', 'd'])
})

test('[S3] what may have left before is sent again first, after the mark', async () => {
  let desk = await openDesk()
  await append(desk.tab, 'a', 'b', 'c')
  await desk.online(ROOM)
  give(desk, desk.server.push(desk.out[0] as PushFrame)[0] as FrameOf<'ack'>)
  await desk.tab.clock.settle()
  desk.offline()
  await append(desk.tab, 'd')
  desk.out.length = 0
  await desk.online(ROOM)
  expect(links(desk.out)).toEqual(['1→2 b', '2→3 c', '3→4 d'])
})

test('[S13] the marks of a join answer what was taken while the answer was lost', async () => {
  let desk = await openDesk()
  desk.server.decide = ({ id }) => (id === 'b' ? 'forbidden' : 'take')
  await append(desk.tab, 'a', 'b', 'c', 'd')
  await desk.online(ROOM)
  for (let frame of desk.out.slice(0, 3)) desk.server.push(frame)
  desk.offline()
  desk.out.length = 0
  await desk.online(ROOM)
  expect(desk.tab.endings()).toEqual(['a: acked', 'b: rejected', 'c: acked'])
  expect(links(desk.out)).toEqual(['3→4 d'])
  expect([...desk.tab.outbox.parked.keys()]).toEqual(['b'])
})

test('the window is kept by count, and refilled by answers', async () => {
  let desk = await openDesk({ window: { count: 3, bytes: 100_000 } })
  await append(desk.tab, 'a', 'b', 'c', 'd', 'e')
  await desk.online(ROOM)
  expect(links(desk.out)).toEqual(['0→1 a', '1→2 b', '2→3 c'])
  give(desk, ackOf(desk.out[1] as PushFrame, 2))
  await desk.tab.clock.settle()
  expect(links(desk.out.slice(3))).toEqual(['3→4 d', '4→5 e'])
})

test('the window is kept by size; one row larger than it goes alone', async () => {
  let desk = await openDesk({ window: { count: 100, bytes: 1000 } })
  await append(desk.tab, rowOf('big', { data: 'x'.repeat(3000) }), 'b')
  await desk.online(ROOM)
  expect(links(desk.out)).toEqual(['0→1 big'])
  await desk.exchange()
  expect(links(desk.out)).toEqual(['0→1 big', '1→2 b'])
})

test.each(['never sent', 'possibly sent'])(
  'a row larger than the server takes (%s) is parked, its chain goes on',
  async how => {
    let disk = createTestDisk()
    let desk = await openDesk({ max: 1000 }, disk)
    await append(desk.tab, 'a', rowOf('big', { data: { text: 'é'.repeat(600) } }), 'c')
    if (how === 'possibly sent') await desk.tab.outbox.claim(chainKey(ROOM, 'normal'), { count: 10, bytes: 10_000 })
    await desk.online(ROOM)
    expect(links(desk.out)).toEqual(['0→1 a', '1→3 c'])
    expect([...desk.tab.outbox.parked.values()].map(({ kind, code, row }) => [kind, code, row.id])).toEqual([
      ['rejected', 'too-large', 'big']
    ])
    // Before it was answered, also for one who reads the disk anew.
    let other = await openTab(disk)
    expect(other.outbox.rows().map(({ id }) => id)).toEqual(['a', 'c'])
    desk.offline()
    await desk.online(ROOM)
    await desk.exchange()
    await append(desk.tab, 'd')
    await desk.exchange()
    desk.offline()
    await desk.online(ROOM)
    expect(desk.server.log.map(({ id }) => id)).toEqual(['a', 'c', 'd'])
    expect(desk.tab.outbox.rows()).toEqual([])
    expect(desk.tab.endings().sort()).toEqual(['a: acked', 'big: rejected', 'c: acked', 'd: acked'])
    expect(desk.failures).toEqual([])
  }
)

test('a row that grew too large for its server leaves at once no more than later', async () => {
  let desk = await openDesk({ max: 1000 })
  await desk.online(ROOM)
  await append(desk.tab, 'a', rowOf('big', { data: { text: 'x'.repeat(900) } }), 'c')
  await desk.exchange()
  expect(links(desk.out)).toEqual(['0→1 a', '1→3 c'])
  expect(desk.tab.endings().sort()).toEqual(['a: acked', 'big: rejected', 'c: acked'])
})

test('a full network buffer stops sending, and sending goes on by itself when it has drained', async () => {
  let desk = await openDesk()
  desk.buffered = 1_000_000
  await append(desk.tab, 'a')
  await desk.online(ROOM)
  expect(desk.out).toEqual([])
  desk.buffered = 0
  await desk.tab.clock.advance(1000)
  expect(links(desk.out)).toEqual(['0→1 a'])
})

test('lanes go by priority', async () => {
  let desk = await openDesk({ window: { count: 1, bytes: 100_000 } })
  let lanes = ['bulk', 'normal', 'high', 'critical'] as const
  await append(desk.tab, ...lanes.map(lane => rowOf(lane, { lane })))
  await desk.online(ROOM)
  await desk.exchange()
  expect(desk.out.map(({ id }) => id)).toEqual(['critical', 'high', 'normal', 'bulk'])
})

test('what is critical leaves first on a new connection, however much waited before it was called', async () => {
  for (let turns = 0; turns < 10; turns++) {
    let desk = await openDesk({ window: { count: 256, bytes: 100_000 } })
    await desk.online(ROOM)
    for (let i = 0; i < turns; i++) {
      desk.outgoing.pump()
      await desk.tab.clock.settle()
    }
    desk.offline()
    await append(desk.tab, ...Array.from({ length: 600 }, (_, i) => `n${i}`))
    await append(desk.tab, rowOf('alarm', { lane: 'critical' }))
    desk.isOpen = true
    await desk.online(ROOM)
    await desk.exchange()
    expect(desk.server.log[0]?.id).toBe('alarm')
    expect(desk.server.log).toHaveLength(601)
  }
})

test('no lane starves while another is always full, and no room in it', async () => {
  let desk = await openDesk({ window: { count: 1, bytes: 100_000 } })
  let bulk = (room: string, i: number): Row => rowOf(`${room}-${i}`, { room, lane: 'bulk' })
  for (let i = 0; i < 20; i++) await append(desk.tab, bulk('r0', i), bulk('r1', i))
  for (let i = 0; i < 200; i++) await append(desk.tab, rowOf(`c${i}`, { room: 'r0', lane: 'critical' }))
  await desk.online('r0', 'r1')
  await desk.exchange()
  let ids = desk.server.log.map(({ id }) => id)
  expect(ids.indexOf('r0-0')).toBeLessThan(20)
  expect(ids.indexOf('r1-0')).toBeLessThan(20)
})

test('between two lanes that are always full no other starves: of 24 turns each of the lower ones has its own', async () => {
  let desk = await openDesk({ window: { count: 1, bytes: 100_000 } })
  for (let lane of LANES) {
    await append(desk.tab, ...Array.from({ length: 240 }, (_, i) => rowOf(`${lane}-${i}`, { lane })))
  }
  await desk.online(ROOM)
  await desk.exchange()
  expect(desk.server.log).toHaveLength(960)
  let counts = { critical: 0, high: 0, normal: 0, bulk: 0 }
  for (let { lane } of desk.server.log.slice(0, 240)) counts[lane]++
  expect(counts).toEqual({ critical: 210, high: 10, normal: 10, bulk: 10 })
})

test('whatever waits and however wide the window is: no lane waits for more than 24 turns, and order holds inside each', async () => {
  let amount = fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 240 }))
  let world = fc.record({
    window: fc.integer({ min: 1, max: 60 }),
    critical: amount,
    high: amount,
    normal: amount,
    bulk: amount,
    before: fc.integer({ min: 0, max: 40 })
  })
  await fc.assert(
    fc.asyncProperty(world, async ({ window, before, ...amounts }) => {
      let desk = await openDesk({ window: { count: window, bytes: 1_000_000 } })
      for (let lane of LANES) {
        if (amounts[lane] === 0) continue
        await append(desk.tab, ...Array.from({ length: amounts[lane] }, (_, i) => rowOf(`${lane}-${i}`, { lane })))
      }
      await desk.online(ROOM)
      // Turns that find nothing must not make anybody miss its own.
      for (let i = 0; i < before; i++) desk.outgoing.pump()
      await desk.exchange()
      let left = { ...amounts }
      let waits = { critical: 0, high: 0, normal: 0, bulk: 0 }
      let from = 0
      for (let size of desk.batches) {
        let turn = desk.out.slice(from, from + size)
        from += size
        let lane = (turn[0] as PushFrame).lane
        for (let { lane: of, id } of turn) expect([of, id]).toEqual([lane, `${lane}-${amounts[lane] - left[lane]--}`])
        for (let other of LANES) waits[other] = other === lane || left[other] === 0 ? 0 : waits[other] + 1
        expect(Math.max(...Object.values(waits))).toBeLessThan(24)
      }
      expect(left).toEqual({ critical: 0, high: 0, normal: 0, bulk: 0 })
    }),
    { numRuns: 60 }
  )
})

test.each(['stale', 'order', 'fork'])(
  '[S8] a final refusal as «%s» is of the action, not of the connection',
  async code => {
    let desk = await openDesk()
    await append(desk.tab, 'a', 'b')
    await desk.online(ROOM)
    let [first, second] = desk.out as [PushFrame, PushFrame]
    give(desk, nackOf(first, code, { final: true }))
    give(desk, ackOf(second, 1))
    await desk.tab.clock.settle()
    expect(desk.fenced).toBe(0)
    expect(desk.tab.gone.map(({ id, outcome }) => [id, outcome.kind])).toEqual([
      ['a', 'rejected'],
      ['b', 'acked']
    ])
    expect(desk.tab.outbox.parked.get('a')).toMatchObject({ kind: 'rejected', code })
  }
)

test('rooms take turns within a lane', async () => {
  let desk = await openDesk({ window: { count: 1, bytes: 100_000 } })
  for (let i = 0; i < 4; i++) {
    await append(desk.tab, rowOf(`a${i}`, { room: 'a' }), rowOf(`b${i}`, { room: 'b' }), rowOf(`c${i}`, { room: 'c' }))
  }
  await desk.online('a', 'b', 'c')
  await desk.exchange()
  let firsts = ['a', 'b', 'c'].map(room => desk.server.log.findIndex(frame => frame.room === room))
  expect(Math.max(...firsts)).toBeLessThan(6)
})

test('[S11] busy: the row and all behind it go again after the pause, after the last answered number', async () => {
  let desk = await openDesk()
  await append(desk.tab, 'a', 'b', 'c')
  await desk.online(ROOM)
  let busy = true
  desk.server.decide = ({ id }) => (id === 'b' && busy ? 'busy' : 'take')
  await desk.exchange()
  busy = false
  desk.out.length = 0
  await append(desk.tab, 'd')
  await desk.tab.clock.advance(99)
  expect(desk.out).toEqual([])
  await desk.tab.clock.advance(1)
  expect(links(desk.out)).toEqual(['1→2 b', '2→3 c', '3→4 d'])
})

test('[S11] what is stored while its chain waits after a refusal does not overtake it', async () => {
  let desk = await openDesk()
  await append(desk.tab, 'a')
  await desk.online(ROOM)
  expect(links(desk.out)).toEqual(['0→1 a'])
  // Stored and claimed in one go while the refusal of the row before comes in.
  let release = (desk.tab.outbox.disk as ReturnType<typeof createTestDisk>).hold()
  desk.tab.outbox.append(rowOf('b'))
  await desk.tab.clock.settle()
  give(desk, nackOf(desk.out[0] as PushFrame, 'busy', { after: 100 }))
  release()
  await desk.tab.outbox.idle()
  await desk.tab.clock.settle()
  expect(links(desk.out)).toEqual(['0→1 a'])
  await desk.tab.clock.advance(100)
  expect(links(desk.out)).toEqual(['0→1 a', '0→1 a', '1→2 b'])
})

test('[S11] what was being claimed when a refusal came waits behind it', async () => {
  let desk = await openDesk({ window: { count: 2, bytes: 100_000 } })
  await append(desk.tab, 'a', 'b', 'c')
  await desk.online(ROOM)
  expect(links(desk.out)).toEqual(['0→1 a', '1→2 b'])
  give(desk, ackOf(desk.out[0] as PushFrame, 1))
  await desk.tab.outbox.idle()
  let release = (desk.tab.outbox.disk as ReturnType<typeof createTestDisk>).hold()
  await desk.tab.clock.settle()
  give(desk, nackOf(desk.out[1] as PushFrame, 'busy', { after: 100 }))
  release()
  await desk.tab.clock.settle()
  desk.out.splice(0, 2)
  await desk.tab.clock.advance(100)
  expect(links(desk.out).slice(0, 2)).toEqual(['1→2 b', '2→3 c'])
})

test('[S11] a refusal without a pause, or with one that is called off, does not stop the chain', async () => {
  let desk = await openDesk()
  await append(desk.tab, 'a', 'b')
  await desk.online(ROOM)
  give(desk, nackOf(desk.out[0] as PushFrame, 'busy', { after: 0 }))
  await desk.tab.clock.settle()
  expect(links(desk.out.slice(2))).toEqual(['0→1 a', '1→2 b'])
  desk.outgoing.slow(60_000)
  await append(desk.tab, 'c')
  desk.outgoing.slow(0)
  await desk.tab.clock.settle()
  expect(links(desk.out.slice(4))).toEqual(['2→3 c'])
})

test('[S11] what is sent again goes first, also when the window has no room for it yet', async () => {
  let desk = await openDesk({ window: { count: 2, bytes: 100_000 } })
  await append(desk.tab, 'a', 'b', rowOf('h', { lane: 'high' }))
  await desk.online(ROOM)
  expect(links(desk.out)).toEqual(['0→1 h', '0→1 a'])
  // The next row of the chain is being claimed while the one before it comes back.
  give(desk, ackOf(desk.out[0] as PushFrame, 1))
  await desk.tab.outbox.idle()
  let release = (desk.tab.outbox.disk as ReturnType<typeof createTestDisk>).hold()
  await desk.tab.clock.settle()
  give(desk, nackOf(desk.out[1] as PushFrame, 'busy', { after: 0 }))
  release()
  await desk.tab.clock.settle()
  expect(links(desk.out.slice(2))).toEqual(['0→1 a', '1→2 b'])
})

test('[S4] order: the room is joined again once, and sending goes on from its marks', async () => {
  let desk = await openDesk()
  await append(desk.tab, 'a', 'b', rowOf('h', { lane: 'high' }))
  await desk.online(ROOM)
  let [h, a, b] = desk.out as [PushFrame, PushFrame, PushFrame]
  give(desk, nackOf(a, 'order'))
  give(desk, nackOf(b, 'order'))
  give(desk, nackOf(h, 'order'))
  expect(desk.rejoins).toEqual([ROOM])
  desk.outgoing.pump()
  await append(desk.tab, 'c')
  expect(desk.out).toHaveLength(3)
  await desk.outgoing.joined(desk.server.joined(ROOM, 2))
  await desk.exchange()
  expect(links(desk.out.slice(3))).toEqual(['0→1 h', '0→1 a', '1→2 b', '2→3 c'])
  expect(desk.tab.outbox.stats.count).toBe(0)
})

test('rows stored while a room is joined again are sent exactly once', async () => {
  let desk = await openDesk()
  let disk = desk.tab.outbox.disk as ReturnType<typeof createTestDisk>
  await append(desk.tab, 'a')
  await desk.online(ROOM)
  await desk.exchange()
  let release = disk.hold()
  desk.tab.outbox.append(rowOf('b'))
  await desk.tab.clock.settle()
  desk.outgoing.unready(ROOM)
  release()
  let joining = desk.outgoing.joined(desk.server.joined(ROOM, 2))
  desk.tab.outbox.append(rowOf('c'))
  await joining
  await desk.tab.clock.settle()
  await append(desk.tab, 'd')
  await desk.exchange()
  expect(desk.server.log.map(({ id }) => id)).toEqual(['a', 'b', 'c', 'd'])
  expect(links(desk.out)).toEqual(['0→1 a', '1→2 b', '2→3 c', '3→4 d'])
})

test('[R3] marks of a join that was superseded while it was taken in start nothing', async () => {
  let recover!: () => void
  let desk = await openDesk({
    recovered: () =>
      new Promise(resolve => {
        recover = resolve
      })
  })
  await append(desk.tab, 'a')
  await desk.tab.outbox.settle([], { room: ROOM, epoch: 'older' })
  desk.outgoing.opened({ count: 10, bytes: 10_000, max: 65_536 })
  let old = desk.outgoing.joined(desk.server.joined(ROOM, 1))
  await desk.tab.clock.settle()
  desk.outgoing.unready(ROOM)
  recover()
  await old
  await desk.tab.clock.settle()
  expect(desk.out).toEqual([])
})

test('[O2] where no marks are kept, what may have left goes again in order, and nothing is in doubt', async () => {
  let desk = await openDesk()
  await append(desk.tab, 'a')
  await desk.online(ROOM)
  await desk.exchange()
  await append(desk.tab, 'b', 'c')
  await desk.tab.clock.settle()
  desk.offline()
  await append(desk.tab, 'd')
  let empty = { ...desk.server.joined(ROOM), marks: {}, marksEpoch: '-' }
  for (let connection = 0; connection < 2; connection++) {
    desk.isOpen = true
    desk.out.length = 0
    desk.outgoing.opened({ count: 10, bytes: 10_000, max: 65_536, isForgetful: true })
    await desk.outgoing.joined(empty)
    await desk.tab.clock.settle()
    expect(links(desk.out)).toEqual(['1→2 b', '2→3 c', '3→4 d'])
    if (connection === 0) desk.offline()
  }
  for (let { room, lane, n, id } of desk.out) desk.outgoing.ack({ f: 'ack', room, lane, n, id, at: 1 })
  await desk.tab.clock.settle()
  expect(desk.tab.endings()).toEqual(['a: acked', 'b: acked', 'c: acked', 'd: acked'])
  expect(desk.tab.outbox.parked.size).toBe(0)
  expect(await desk.tab.outbox.marksEpoch(ROOM)).toBe('m1')
})

test('[S10] a final refusal parks the row, and its chain goes on', async () => {
  let desk = await openDesk()
  desk.server.decide = ({ id }) => (id === 'b' ? 'forbidden' : 'take')
  await append(desk.tab, 'a', 'b', 'c')
  await desk.online(ROOM)
  await desk.exchange()
  expect(desk.tab.endings()).toEqual(['a: acked', 'b: rejected', 'c: acked'])
  expect(desk.tab.outbox.parked.get('b')).toMatchObject({ kind: 'rejected', code: 'forbidden' })
  await append(desk.tab, 'd')
  await desk.exchange()
  expect(links(desk.out)).toEqual(['0→1 a', '1→2 b', '2→3 c', '3→4 d'])
})

test('answers are cumulative: an ack settles the rows before it, a final refusal too', async () => {
  let desk = await openDesk()
  await append(desk.tab, 'a', 'b', 'c', 'd', 'e')
  await desk.online(ROOM)
  give(desk, ackOf(desk.out[1] as PushFrame, 7))
  give(desk, nackOf(desk.out[3] as PushFrame, 'forbidden', { final: true }))
  await desk.tab.clock.settle()
  expect(desk.tab.gone.map(({ id, outcome }) => [id, outcome.kind, 'at' in outcome ? outcome.at : undefined])).toEqual([
    ['a', 'acked', 7],
    ['b', 'acked', 7],
    ['c', 'acked', undefined],
    ['d', 'rejected', undefined]
  ])
  expect(desk.tab.outbox.rows().map(({ id }) => id)).toEqual(['e'])
})

test('[S13] an ack settles only what was pushed on this connection, and only by its id', async () => {
  let desk = await openDesk()
  await append(desk.tab, 'a', 'b')
  await desk.online(ROOM)
  let [a, b] = desk.out as [PushFrame, PushFrame]
  give(desk, { ...ackOf(a, 1), id: 'somebody else' })
  give(desk, { ...ackOf(a, 1), n: 9 })
  give(desk, { ...ackOf(a, 1), room: 'other' })
  give(desk, { ...ackOf(a, 1), lane: 'bulk' })
  desk.offline()
  give(desk, ackOf(b, 2))
  await desk.tab.clock.settle()
  expect(desk.tab.endings()).toEqual([])
  await desk.online()
  give(desk, ackOf(b, 2))
  await desk.tab.clock.settle()
  expect(desk.tab.endings()).toEqual([])
})

test('a connection that takes nothing any more is not tried over and over', async () => {
  let desk = await openDesk()
  await desk.online(ROOM)
  desk.isOpen = false
  await append(desk.tab, 'a')
  await append(desk.tab, 'b', rowOf('h', { lane: 'high' }))
  desk.outgoing.pump()
  await desk.tab.clock.settle()
  expect(desk.out).toEqual([])
  desk.offline()
  await desk.online(ROOM)
  await desk.exchange()
  expect(desk.server.log.map(({ id }) => id).sort()).toEqual(['a', 'b', 'h'])
})

test('[S2] a claim that another connection has fenced sends nothing and tells', async () => {
  let disk = createTestDisk()
  let desk = await openDesk({}, disk)
  await desk.online(ROOM)
  desk.tab.outbox.setGate({ maySend: () => false, isOnline: () => true })
  await openLeader(disk)
  await append(desk.tab, 'a')
  await desk.tab.clock.settle()
  expect(desk.fenced).toBe(1)
  expect(desk.out).toEqual([])
})

test('[S17] stale: another connection sends now', async () => {
  let desk = await openDesk()
  await append(desk.tab, 'a')
  await desk.online(ROOM)
  give(desk, nackOf(desk.out[0] as PushFrame, 'stale'))
  expect(desk.fenced).toBe(1)
  expect(desk.tab.endings()).toEqual([])
})

test('[S12] done is told with pushes once it is strictly on disk', async () => {
  let desk = await openDesk()
  await append(desk.tab, 'a')
  await desk.online(ROOM)
  await desk.exchange()
  await append(desk.tab, 'b')
  await desk.exchange()
  expect(desk.out.map(({ done }) => done)).toEqual([0, 0])
  await desk.tab.clock.advance(1000)
  await append(desk.tab, 'c')
  expect(desk.out.at(-1)).toMatchObject({ n: 3, done: 2 })
})

test('ttl is sent as the time that is left', async () => {
  let desk = await openDesk()
  await append(desk.tab, rowOf('t', { ttl: 10, at: desk.tab.clock.now() }))
  await desk.tab.clock.advance(4000)
  await desk.online(ROOM)
  expect(desk.out[0]).toMatchObject({ id: 't', ttl: 6 })
})

test('a server that asks to go slower is obeyed', async () => {
  let desk = await openDesk()
  await desk.online(ROOM)
  desk.outgoing.slow(500)
  await append(desk.tab, 'a')
  await desk.tab.clock.advance(499)
  expect(desk.out).toEqual([])
  await desk.tab.clock.advance(1)
  expect(links(desk.out)).toEqual(['0→1 a'])
})

test('[S15] lost marks: what may have left is in doubt unless its event was seen, the rest goes after none', async () => {
  let desk = await openDesk({ window: { count: 3, bytes: 100_000 } })
  await append(desk.tab, 'a')
  await desk.online(ROOM)
  await desk.exchange()
  await append(desk.tab, 'b', 'c', 'd', 'e')
  await desk.tab.clock.settle()
  desk.server.push(desk.out[1] as PushFrame)
  desk.seen.set('b', 2)
  desk.offline()
  desk.server.forget()
  desk.out.length = 0
  await desk.online(ROOM)
  expect(desk.tab.endings()).toEqual(['a: acked', 'b: acked', 'c: unknown', 'd: unknown'])
  expect(links(desk.out)).toEqual(['0→5 e'])
  await desk.exchange()
  await append(desk.tab, 'f')
  expect(links(desk.out)).toEqual(['0→5 e', '5→6 f'])
  await desk.exchange()
  expect(desk.tab.outbox.stats.count).toBe(0)
})

test('[S13] a mark that is not ours makes a fork', async () => {
  let desk = await openDesk()
  await append(desk.tab, 'a', 'b')
  let foreign = { room: ROOM, lane: 'normal', feature: 'notes', type: 'add', data: {} } as const
  desk.server.push({ f: 'push', ...foreign, n: 1, prev: 0, id: 'clone' })
  let { cid } = desk.tab.outbox.client
  await desk.online(ROOM)
  expect(desk.out).toEqual([])
  expect(desk.tab.outbox.client.cid).not.toBe(cid)
  expect(desk.tab.identities).toBe(1)
  expect(desk.tab.outbox.rows().map(({ id, n }) => [id, n])).toEqual([
    ['a', 1],
    ['b', 2]
  ])
})

test('a refused room: what never left is rejected, of the rest nobody knows', async () => {
  let desk = await openDesk({ window: { count: 2, bytes: 100_000 } })
  await append(desk.tab, 'a', 'b', 'c', rowOf('other', { room: 'other' }))
  await desk.online(ROOM)
  desk.offline()
  await desk.outgoing.refused(ROOM, 'forbidden', 'not you')
  expect(desk.tab.endings().sort()).toEqual(['a: unknown', 'b: unknown', 'c: rejected'])
  expect(desk.tab.outbox.parked.get('c')).toMatchObject({ code: 'forbidden', message: 'not you' })
  expect(desk.tab.outbox.rows().map(({ id }) => id)).toEqual(['other'])
})

test('a failing storage below is reported, and sending is not stuck', async () => {
  let disk = createTestDisk()
  let desk = await openDesk({}, disk)
  await desk.online(ROOM)
  await append(desk.tab, 'a')
  disk.broken = new Error('no')
  await append(desk.tab, 'b')
  await desk.exchange()
  expect(desk.server.log.map(({ id }) => id)).toEqual(['a', 'b'])
})

// --- any schedule ---

type Action =
  | { kind: 'append'; lane: 'normal' | 'high'; room: string; count: number }
  | { kind: 'deliver' | 'answer'; count: number }
  | { kind: 'drop' | 'rejoin' | 'wait' | 'turn' | 'forget' }

let some = fc.integer({ min: 1, max: 4 })
let actions: fc.Arbitrary<Action> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('append' as const),
      lane: fc.constantFrom('normal' as const, 'high' as const),
      room: fc.constantFrom('r', 's'),
      count: some
    })
  },
  { weight: 12, arbitrary: fc.record({ kind: fc.constantFrom('deliver' as const, 'answer' as const), count: some }) },
  { weight: 10, arbitrary: fc.record({ kind: fc.constantFrom('wait' as const, 'turn' as const, 'turn' as const) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constantFrom('drop' as const, 'rejoin' as const) }) }
)

/** Runs a script against a server that is sometimes busy and refuses some rows, with frames and answers under way for long. */
async function play(script: readonly Action[], moods: readonly number[]) {
  let disk = createTestDisk()
  let desk = await openDesk({ window: { count: 5, bytes: 100_000 } }, disk)
  let mood = 0
  disk.latency = () =>
    new Promise<void>(done => desk.tab.clock.after(3 * (moods[mood++ % moods.length] as number), done))
  let calm = false
  let { server, outgoing, tab } = desk
  server.decide = ({ id }) => {
    if (id.endsWith('7')) return 'forbidden'
    return !calm && moods[mood++ % moods.length] === 0 ? 'busy' : 'take'
  }
  let up: Frame[] = []
  let down: Frame[] = []
  let refs = 0
  let joins = new Map<string, number>()
  let join = (room: string): void => {
    outgoing.unready(room)
    joins.set(room, ++refs)
    up.push({ f: 'join', ref: refs, room })
  }
  let open = (): void => {
    server.connected()
    outgoing.opened({ count: 5, bytes: 100_000, max: 65_536 })
    for (let room of ['r', 's']) join(room)
  }
  let deliver = (): void => {
    let frame = up.shift()
    if (frame?.f === 'join') down.push(server.joined(frame.room, frame.ref))
    else if (frame?.f === 'push') down.push(...server.push(frame))
  }
  let answer = (): void => {
    let frame = down.shift()
    if (frame?.f === 'ack') outgoing.ack(frame)
    else if (frame?.f === 'nack') outgoing.nack(frame)
    else if (frame?.f === 'joined' && joins.get(frame.room) === frame.ref) void outgoing.joined(frame)
  }
  let rejoins: string[] = []
  let handled = 0
  let real = createOutgoing({
    outbox: tab.outbox,
    clock: tab.clock,
    send: frames => {
      up.push(...frames.map(text => JSON.parse(text) as Frame))
      return true
    },
    buffered: () => 0,
    rejoin: room => {
      rejoins.push(room)
      join(room)
    },
    sent: () => {},
    fenced: () => void desk.fenced++,
    failed: error => void desk.failures.push(error),
    seen: () => undefined,
    recovered: () => Promise.resolve()
  })
  Object.assign(outgoing, real)
  let accepted: { id: string; chain: string }[] = []
  open()
  for (let action of script) {
    handled++
    if (action.kind === 'append') {
      for (let i = 0; i < action.count; i++) {
        let id = `x${accepted.length}`
        accepted.push({ id, chain: chainKey(action.room, action.lane) })
        tab.outbox.append(rowOf(id, { room: action.room, lane: action.lane }))
      }
    } else if (action.kind === 'deliver') for (let i = 0; i < action.count; i++) deliver()
    else if (action.kind === 'answer') for (let i = 0; i < action.count; i++) answer()
    else if (action.kind === 'wait') await tab.clock.advance(60)
    else if (action.kind === 'turn') await tab.clock.advance(3)
    else if (action.kind === 'rejoin') join('r')
    else {
      up = []
      down = []
      outgoing.closed()
      await Promise.resolve()
      open()
    }
  }
  calm = true
  for (let i = 0; i < 500 && (up.length || down.length || tab.outbox.stats.count); i++) {
    await tab.clock.settle()
    deliver()
    answer()
    if (!up.length && !down.length) await tab.clock.advance(100)
  }
  return { desk, accepted, handled }
}

test('[S3] whatever is lost, late, busy or refused: every row takes effect once, in the order of its chain', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(actions, { minLength: 5, maxLength: 50, size: 'max' }),
      fc.array(fc.integer({ min: 0, max: 5 }), { minLength: 20, maxLength: 20 }),
      async (script, moods) => {
        let { desk, accepted } = await play(script, moods)
        expect(desk.failures).toEqual([])
        expect(desk.fenced).toBe(0)
        expect(desk.tab.identities).toBe(0)
        for (let chain of new Set(accepted.map(row => row.chain))) {
          let taken = desk.server.log.filter(({ room, lane }) => chainKey(room, lane) === chain).map(({ id }) => id)
          let expected = accepted.filter(row => row.chain === chain && !row.id.endsWith('7')).map(({ id }) => id)
          expect(taken).toEqual(expected)
        }
        expect(desk.tab.gone.map(({ id }) => id).sort()).toEqual(accepted.map(({ id }) => id).sort())
        for (let { id, outcome } of desk.tab.gone) expect(outcome.kind).toBe(id.endsWith('7') ? 'rejected' : 'acked')
        expect(desk.tab.outbox.stats).toMatchObject({ count: 0, bytes: 0 })
      }
    ),
    { numRuns: 100, seed: 11 }
  )
})
