// The parts of sharing, one by one and by hand: who leads, which tab holds which room, what a link makes of lost messages.

import { describe, expect, test } from 'vitest'
import type { Locks } from '../../../src/ports.js'
import type { DownFrame, EventFrame, Frame, FrameOf } from '../../../src/protocol/frames.js'
import { createBridge } from '../../../src/tabs/bridge.js'
import { createFollower } from '../../../src/tabs/follower.js'
import { createLease } from '../../../src/tabs/lease.js'
import type { Beat, TabMessage } from '../../../src/tabs/messages.js'
import { createSeededRandom, createVirtualClock } from '../../../src/testing/clock.js'

const STATE = {
  phase: 'online',
  reason: 'none',
  attempt: 0,
  nextAt: null,
  error: null,
  transport: 'websocket'
} as const

/** Locks whose answers are given by hand. */
function createHand() {
  let asked: { name: string; on: Parameters<Locks['acquire']>[1]; steal: boolean; isStopped: boolean }[] = []
  let locks: Locks = {
    acquire(name, on, steal) {
      let request = { name, on, steal: steal !== undefined, isStopped: false }
      asked.push(request)
      return () => {
        request.isStopped = true
      }
    },
    tryHold: async () => true
  }
  let last = () => asked.at(-1) as (typeof asked)[number]
  return { locks, asked, last }
}

describe('the lease', () => {
  function createTab(hidden = 0) {
    let clock = createVirtualClock()
    let hand = createHand()
    let posted: TabMessage[] = []
    let changes: boolean[] = []
    let tab = { hidden }
    let lease = createLease({
      locks: hand.locks,
      name: 'x',
      clock,
      random: createSeededRandom(),
      post: message => void posted.push(message),
      hidden: () => tab.hidden,
      about: () => ({ n: 0, links: {}, state: STATE }),
      changed: () => void changes.push(lease.held)
    })
    let beat = (term: number, hidden = 0): Beat => ({ term, hidden, n: 0, links: {}, state: STATE })
    return { clock, hand, posted, changes, lease, tab, beat }
  }

  test('asks for nothing before it is wanted, and is settled when it is known who leads', async () => {
    let { hand, lease, posted, changes } = createTab()
    expect(hand.asked).toEqual([])
    lease.contend()
    lease.contend()
    expect(hand.asked).toHaveLength(1)
    expect([lease.held, lease.isSettled]).toEqual([false, false])
    hand.last().on.waiting()
    await lease.settled
    expect([lease.held, lease.isSettled, posted]).toEqual([false, true, [{ t: 'who' }]])
    hand.last().on.held()
    expect([lease.held, changes.at(-1), posted.at(-1)?.t]).toEqual([true, true, 'beat'])
  })

  test('released, it lets nobody wait, and is lined up for again only when asked', async () => {
    let { hand, lease, changes } = createTab()
    lease.contend()
    let { settled } = lease
    lease.release()
    await settled
    expect([hand.last().isStopped, changes]).toEqual([true, []])
    lease.contend()
    hand.last().on.held()
    lease.release()
    lease.release()
    expect([lease.held, changes, hand.asked.length]).toEqual([false, [true, false], 2])
  })

  test('[T7] beats every 2 s while it is held', async () => {
    let { clock, hand, lease, posted } = createTab()
    lease.contend()
    hand.last().on.held()
    await clock.advance(10_000)
    expect(posted.filter(({ t }) => t === 'beat')).toHaveLength(6)
    lease.release()
    await clock.advance(10_000)
    expect(posted).toHaveLength(6)
  })

  test('[T7] is stolen from a leader that neither beats nor answers, and not from one that does either', async () => {
    let { clock, hand, lease, posted, beat } = createTab()
    lease.contend()
    hand.last().on.waiting()
    for (let i = 0; i < 10; i++) {
      lease.hearBeat('a', 1, beat(1))
      await clock.advance(5900)
    }
    expect(hand.asked).toHaveLength(1)
    await clock.advance(200)
    expect(posted).toEqual([{ t: 'who' }, { t: 'who' }])
    // Any word of it is a sign of life.
    lease.hear('a')
    await clock.advance(2000)
    expect(hand.asked).toHaveLength(1)
    // Those of others are not.
    await clock.advance(4000)
    lease.hear('b')
    expect(posted).toHaveLength(3)
    await clock.advance(900)
    expect(hand.asked).toHaveLength(1)
    await clock.advance(600)
    expect([hand.asked.length, hand.asked[0]?.isStopped, hand.last().steal]).toEqual([2, true, true])
  })

  test('[T7] who was stolen from, or hears of a later leader, leads no more and lines up', () => {
    let { hand, lease, beat } = createTab()
    lease.contend()
    hand.last().on.held()
    expect(lease.hearBeat('b', 1, beat(lease.term - 1))).toBe(false)
    expect(lease.held).toBe(true)
    expect(lease.hearBeat('b', 1, beat(lease.term + 1))).toBe(true)
    expect([lease.held, hand.asked[0]?.isStopped, hand.last().steal, lease.leader?.id]).toEqual([
      false,
      true,
      false,
      'b'
    ])
    hand.last().on.held()
    let { term } = lease
    expect(term).toBeGreaterThan(1)
    hand.last().on.lost()
    expect([lease.held, hand.asked.length]).toEqual([false, 3])
    // What a former leader says late does not count.
    lease.hearBeat('c', 1, beat(term + 5))
    expect([lease.hearBeat('b', 1, beat(term)), lease.leader?.id]).toEqual([false, 'c'])
  })

  test('[T7] only who is looked at takes it from a leader in the background, and not when that one is back', async () => {
    let { clock, hand, lease, tab, beat } = createTab(100)
    lease.contend()
    hand.last().on.waiting()
    lease.hearBeat('a', 1, beat(1, 60_000))
    await clock.advance(1000)
    tab.hidden = 0
    lease.hearBeat('a', 1, beat(1, 4999))
    await clock.advance(1000)
    lease.hearBeat('a', 1, beat(1, 5000))
    lease.hearBeat('a', 1, beat(1, 0))
    await clock.advance(1000)
    expect(hand.asked).toHaveLength(1)
    lease.hearBeat('a', 1, beat(1, 5000))
    await clock.advance(1000)
    expect([hand.asked.length, hand.last().steal]).toEqual([2, true])
  })

  test('[T7] a newer version takes it from an older one', async () => {
    let { clock, hand, lease, beat } = createTab()
    lease.contend()
    hand.last().on.waiting()
    lease.hearBeat('a', 0, beat(1))
    await clock.advance(1000)
    expect(hand.last().steal).toBe(true)
  })
})

describe('the bridge', () => {
  function createShared() {
    let hand = createHand()
    let up: Frame[] = []
    let down: { to?: string; not?: string; frames: DownFrame[]; text: string }[] = []
    let posted: TabMessage[] = []
    let own: DownFrame[] = []
    let left: string[] = []
    let refs = 100
    let bridge = createBridge({
      name: 'x',
      locks: hand.locks,
      post(message) {
        posted.push(message)
        if (message.t === 'down') {
          let { to, not, text } = message
          down.push({ ...(to && { to }), ...(not && { not }), frames: JSON.parse(text), text })
        }
      },
      term: () => 1,
      user: 'ann',
      serverNow: () => 7,
      up: frames => {
        up.push(...frames)
        return true
      },
      nextRef: () => ++refs,
      deliver: frames => void own.push(...frames),
      left: room => void left.push(room)
    })
    bridge.welcomed(
      {
        f: 'welcome',
        sid: 's',
        user: 'ann',
        heartbeat: 1,
        max: 1,
        window: { count: 1, bytes: 1 },
        retry: [0, 0],
        now: 1,
        expiresIn: 9
      },
      false
    )
    let sent = new Map<string, number>()
    return {
      bridge,
      hand,
      posted,
      left,
      open(l: string) {
        bridge.hear({ t: 'open', l })
      },
      /** What a follower sends, and what goes up then. */
      from(l: string, ...frames: unknown[]): Frame[] {
        up.length = 0
        let u = (sent.get(l) ?? 0) + 1
        sent.set(l, u)
        bridge.hear({ t: 'up', l, u, text: JSON.stringify(frames) })
        return [...up]
      },
      fromOwn(...frames: Frame[]): Frame[] {
        up.length = 0
        bridge.send(frames)
        return [...up]
      },
      /** What the server sends: what this tab gets, and what the others are told. */
      receive(...frames: DownFrame[]) {
        down.length = 0
        let mine = bridge.received(frames, JSON.stringify(frames))
        return { mine, down: down.map(({ text: _, ...rest }) => rest) }
      },
      texts: () => down.map(({ text }) => text),
      told: () => [...own]
    }
  }

  let joined = (ref: number, offset: number, more: object = {}): FrameOf<'joined'> => ({
    f: 'joined',
    ref,
    room: 'r',
    epoch: 'e',
    offset,
    recovered: 'new',
    snapshot: false,
    marksEpoch: 'm',
    marks: {},
    ...more
  })
  let event = (offset: number, room = 'r'): EventFrame => ({
    f: 'event',
    room,
    offset,
    feature: 'board',
    type: 'note',
    data: {},
    id: `i${offset}`,
    by: 'ben',
    at: 1
  })
  let join = (ref: number, more: object = {}): FrameOf<'join'> => ({ f: 'join', ref, room: 'r', ...more })

  /** This tab and one other are in the room, both at 5. */
  function createRoom() {
    let shared = createShared()
    shared.open('a')
    shared.fromOwn(join(1))
    shared.receive(joined(1, 5))
    shared.from('a', join(1, { epoch: 'e', offset: 5 }))
    shared.receive(joined(101, 5, { recovered: 'all' }))
    return shared
  }

  test('[T1] answers hello with its welcome, without the token and its end', () => {
    let shared = createShared()
    shared.open('a')
    expect(shared.from('a', { f: 'hello', v: 1, app: 'x', cid: 'c', gen: 0 })).toEqual([])
    expect(shared.texts()[0]).toContain('"sid":"s"')
    expect(shared.texts()[0]).not.toContain('expiresIn')
    expect(
      shared.from('a', { f: 'push', room: 'r', lane: 'normal', n: 1, prev: 0, id: 'i', feature: 'f', type: 't' })
    ).toEqual([])
    expect(shared.from('a', { f: 'auth', token: 'x' })).toEqual([])
  })

  test('[T2] numbers of tabs do not meet: answers go back under the number that was asked', () => {
    let shared = createShared()
    shared.open('a')
    shared.open('b')
    expect(shared.from('a', join(1))).toEqual([join(101)])
    expect(shared.from('b', join(1))).toEqual([join(102)])
    expect(shared.fromOwn(join(1))).toEqual([join(1)])
    expect(shared.receive(joined(102, 0))).toEqual({ mine: [], down: [{ to: 'b', frames: [joined(1, 0)] }] })
    expect(shared.receive(joined(1, 0)).mine).toEqual([joined(1, 0)])
    expect(shared.from('a', { f: 'fetch', ref: 9, room: 'r', limit: 5 })).toEqual([
      { f: 'fetch', ref: 103, room: 'r', limit: 5 }
    ])
    let page = { f: 'page', ref: 103, events: [], done: true } as const
    expect(shared.receive(page).down).toEqual([{ to: 'a', frames: [{ ...page, ref: 9 }] }])
    expect(shared.receive(page)).toEqual({ mine: [page], down: [] })
    let [ping] = shared.from('a', { f: 'ping', x: 5 }) as [FrameOf<'ping'>]
    expect(ping.x).not.toBe(5)
    expect(shared.receive({ f: 'pong', x: ping.x }).down).toEqual([{ to: 'a', frames: [{ f: 'pong', x: 5 }] }])
  })

  test('[T2] what is for everybody is handed on as it came, if another tab has the room', () => {
    let shared = createRoom()
    let frames = [event(6), event(7)]
    expect(shared.receive(...frames)).toEqual({ mine: frames, down: [{ frames }] })
    expect(shared.texts()).toEqual([JSON.stringify(frames)])
    expect(shared.receive(event(1, 'other')).down).toEqual([])
    let ack = { f: 'ack', room: 'r', lane: 'normal', n: 1, id: 'i', at: 8 } as const
    expect(shared.receive(ack, event(8))).toEqual({ mine: [ack, event(8)], down: [{ frames: [event(8)] }] })
  })

  test('[T3] who may have missed events by another join is told; who cannot have is not', () => {
    let shared = createRoom()
    shared.receive(event(6))
    shared.from('a', join(2, { epoch: 'e', offset: 6 }))
    // Event 7 was there before the new place was: the events after 6 follow for everybody.
    expect(shared.receive(joined(102, 7, { recovered: 'all' }), event(7)).mine).toEqual([event(7)])
    shared.open('b')
    shared.from('b', join(1))
    let gap = { f: 'gap', room: 'r', epoch: 'e', offset: 8 } as const
    expect(shared.receive(joined(103, 8))).toEqual({
      mine: [gap],
      down: [
        { to: 'b', frames: [joined(1, 8)] },
        { not: 'b', frames: [gap] }
      ]
    })
    shared.from('b', join(2))
    expect(shared.receive(joined(104, 8)).mine).toEqual([])
    shared.from('b', join(3))
    expect(shared.receive(joined(105, 0, { epoch: 'f' })).mine).toEqual([{ ...gap, epoch: 'f', offset: 0 }])
  })

  test('[T3] a refused join puts everybody out of the room, and they are told once', () => {
    let shared = createRoom()
    shared.from('a', join(2))
    let nack = { f: 'nack', room: 'r', ref: 102, code: 'busy', final: false } as const
    let gap = { f: 'gap', room: 'r', epoch: 'e', offset: 5 } as const
    expect(shared.receive(nack)).toEqual({
      mine: [gap],
      down: [
        { to: 'a', frames: [{ ...nack, ref: 2 }] },
        { not: 'a', frames: [gap] }
      ]
    })
    shared.fromOwn(join(2))
    expect(shared.receive({ ...nack, ref: 2 })).toEqual({ mine: [{ ...nack, ref: 2 }], down: [] })
  })

  test('[T3] marks alone do not take the events of a tab away', () => {
    let shared = createShared()
    shared.open('a')
    let only = join(1, { only: true, done: { normal: 3 } })
    expect(shared.fromOwn(only)).toEqual([only])
    shared.from('a', join(1))
    shared.receive(joined(101, 5), event(6))
    expect(shared.fromOwn({ ...only, ref: 2 })).toEqual([join(2, { done: { normal: 3 }, epoch: 'e', offset: 6 })])
  })

  test('[T4] the last tab leaves; what the sender still needs of the room it asks for again', () => {
    let shared = createRoom()
    expect(shared.fromOwn({ f: 'leave', room: 'r' })).toEqual([])
    shared.fromOwn(join(2, { only: true }))
    expect(shared.from('a', { f: 'leave', room: 'r' })).toEqual([{ f: 'leave', room: 'r' }])
    expect(shared.left).toEqual(['r'])
    expect(shared.from('a', { f: 'leave', room: 'r' })).toEqual([])
  })

  test('[T4] what is done, only the leader says', () => {
    let shared = createShared()
    shared.open('a')
    expect(shared.from('a', join(1, { done: { normal: 9 } }))).toEqual([join(101)])
    expect(shared.fromOwn(join(1, { done: { normal: 2 } }))).toEqual([join(1, { done: { normal: 2 } })])
  })

  test('[T5] a cast that is kept goes to who joined, one that is new to everybody', () => {
    let shared = createRoom()
    let cast = {
      f: 'cast',
      room: 'r',
      feature: 'board',
      type: 'cursor',
      data: 1,
      ttl: 5,
      by: 'ben',
      at: 3,
      id: 'c'
    } as const
    expect(shared.receive(cast)).toEqual({ mine: [cast], down: [{ frames: [cast] }] })
    shared.from('a', join(2))
    expect(shared.receive(joined(102, 5), cast)).toEqual({
      mine: [],
      down: [{ to: 'a', frames: [joined(2, 5), cast] }]
    })
    expect(shared.receive({ ...cast, at: 4, id: 'd' }).mine).toHaveLength(1)
  })

  test('[T6] a tab that is gone, however it went, is out of its rooms', () => {
    let shared = createRoom()
    shared.fromOwn({ f: 'leave', room: 'r' })
    expect(shared.hand.last().name).toBe('x/link/a')
    shared.hand.last().on.held()
    expect([shared.bridge.size, shared.hand.last().isStopped]).toEqual([0, true])
    expect(shared.from('a', join(9))).toEqual([])
  })

  test('[T8] a hole in what came up ends the link, a repeat changes nothing', () => {
    let shared = createShared()
    shared.open('a')
    shared.bridge.hear({ t: 'up', l: 'a', u: 1, text: JSON.stringify([join(1)]) })
    shared.bridge.hear({ t: 'up', l: 'a', u: 1, text: JSON.stringify([join(2)]) })
    expect(shared.bridge.numbers().links).toEqual({ a: 1 })
    shared.bridge.hear({ t: 'up', l: 'a', u: 3, text: JSON.stringify([join(3)]) })
    expect([shared.posted.at(-1), shared.bridge.size]).toEqual([{ t: 'shut', term: 1, l: 'a' }, 0])
  })

  test('nobody gets a link while there is no connection', () => {
    let shared = createRoom()
    shared.bridge.dropped()
    expect(shared.posted.at(-1)).toEqual({ t: 'shut', term: 1 })
    shared.open('b')
    expect([shared.posted.at(-1)?.t, shared.bridge.size]).toEqual(['shut', 0])
  })
})

describe('the link of a follower', () => {
  function createLink() {
    let hand = createHand()
    let posted: TabMessage[] = []
    let told: unknown[] = []
    let follower = createFollower({
      me: 'me',
      name: 'x',
      locks: hand.locks,
      post: message => void posted.push(message),
      transport: () => 'http'
    })
    let link = follower.connect('', {
      opened: () => told.push('opened'),
      message: text => told.push(text),
      closed: code => told.push(code)
    })
    let down = (n: number, text: string, more: object = {}): void =>
      follower.hear('lead', { t: 'down', term: 1, n, text, ...more })
    let beat = (more: Partial<Beat> = {}): void =>
      follower.hear('lead', { t: 'beat', term: 1, hidden: 0, n: 0, links: { 'me/1': 0 }, state: STATE, ...more })
    let open = (): void => {
      hand.last().on.held()
      follower.hear('lead', { t: 'opened', l: 'me/1', term: 1, n: 7 })
    }
    return { hand, posted, told, follower, link, down, beat, open }
  }

  test('asks when its lock can be waited for, and again with every beat until it is open', () => {
    let { hand, posted, told, link, beat, open } = createLink()
    expect([posted, link.send('x')]).toEqual([[], false])
    hand.last().on.held()
    beat({ state: { ...STATE, phase: 'waiting' } })
    expect(posted).toEqual([{ t: 'open', l: 'me/1' }])
    beat()
    expect(posted).toHaveLength(2)
    open()
    expect([told, link.send('x'), posted.at(-1), link.transport]).toEqual([
      ['opened'],
      true,
      { t: 'up', l: 'me/1', u: 1, text: 'x' },
      'http'
    ])
  })

  test('[T8] takes what is for it, in order and once', () => {
    let { told, follower, down, open } = createLink()
    open()
    down(8, 'a')
    down(8, 'a')
    down(9, 'not for me', { not: 'me/1' })
    down(10, 'for another', { to: 'you/1' })
    down(11, 'b', { to: 'me/1' })
    follower.hear('someone else', { t: 'down', term: 1, n: 12, text: 'no' })
    down(12, 'late', { term: 0 })
    expect(told).toEqual(['opened', 'a', 'b'])
  })

  test.each<[string, (link: ReturnType<typeof createLink>) => void]>([
    ['a hole in what comes down', ({ down }) => down(9, 'b')],
    ['a beat that tells of more than came', ({ beat }) => beat({ n: 8 })],
    ['a beat that does not know the link', ({ beat }) => beat({ n: 7, links: {} })],
    [
      'a beat that still knows of less than went up',
      ({ beat, link }) => {
        link.send('x')
        beat({ n: 7 })
        beat({ n: 7 })
      }
    ],
    ['a beat of another leader', ({ beat }) => beat({ n: 7, term: 2 })],
    ['the leader', ({ follower }) => follower.hear('lead', { t: 'shut', term: 1 })]
  ])('[T8] is ended by %s', (_, end) => {
    let all = createLink()
    all.open()
    end(all)
    expect(all.told).toEqual(['opened', 1006])
    expect([all.posted.at(-1), all.hand.last().isStopped, all.link.send('x')]).toEqual([
      { t: 'close', l: 'me/1' },
      true,
      false
    ])
  })
})
