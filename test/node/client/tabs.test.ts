// Many tabs of one app and user on one device: one of them has the socket, the others go through it, and none of them may tell
// the difference; whatever becomes of the one that has it.

import { describe, expect, test } from 'vitest'
import { RealtimeError } from '../../../src/errors.js'
import type { Clock, OpenDisk } from '../../../src/ports.js'
import { createWorld, type Device, type Tab, useBoard, type World } from './world.js'

type Opened = Awaited<ReturnType<typeof online>>

async function online(world: World, device: Device, user = 'ann', options?: Parameters<Device['open']>[1]) {
  let tab = device.open(user, options)
  let board = useBoard(tab)
  tab.client.connect()
  await world.clock.advance(200)
  return { tab, board, client: tab.client }
}

/** So many tabs of one device, the first of which leads. */
async function tabs(count: number, options?: Parameters<Device['open']>[1]) {
  let world = createWorld()
  let device = world.device()
  let all: Opened[] = []
  for (let i = 0; i < count; i++) all.push(await online(world, device, 'ann', options))
  expect(rolesOf(all)).toEqual(['leader', ...Array(count - 1).fill('follower')])
  return { world, device, all, first: all[0] as Opened, second: all[1] as Opened, last: all.at(-1) as Opened }
}

let shown = ({ client }: { client: Tab['client'] }) => client.$connection.get()
let rolesOf = (all: readonly Opened[]) => all.map(one => shown(one).tabs)
let phasesOf = (all: readonly Opened[]) => all.map(one => shown(one).phase)
let typesOf = ({ events }: Tab) => events.map(({ type }) => type)
/** Whom a tab was told to have come and gone. */
let visitsOf = ({ events }: Tab) => events.flatMap(({ type }) => (/^member/.test(type) ? [type] : []))
let cursorsOf = ({ board }: Opened) => board.$state.get().cursors
let membersOf = ({ board }: Opened) => Object.values(board.room.presence.$roster.get().members)

async function expectSame(world: World, all: readonly Opened[], count: number) {
  let notes = await world.notes()
  expect(notes).toHaveLength(count)
  expect(new Set(notes).size).toBe(count)
  for (let { board, client } of all) {
    expect(board.notes()).toEqual(notes)
    expect(board.status().stale).toBe(false)
    expect(client.pending.get()).toEqual([])
  }
}

describe('one socket', () => {
  test('[T1] serves five tabs: all are online, act, and see everything once', async () => {
    let { world, device, all } = await tabs(5)
    expect(device.network.open).toBe(1)
    expect(device.network.urls).toHaveLength(1)
    expect(phasesOf(all)).toEqual(Array(5).fill('online'))
    expect(new Set(all.map(one => shown(one).sessionId)).size).toBe(1)
    for (let [i, { board }] of all.entries()) {
      board.note(`a${i}`)
      board.urgent(`b${i}`)
      await world.clock.advance(7)
    }
    await world.clock.advance(500)
    await expectSame(world, all, 10)
    expect(device.network.open).toBe(1)
  })

  test('tells the tabs how it is: what carries it, how fast it is, why it is gone and when it is tried again', async () => {
    let { world, device, all, first, second } = await tabs(3)
    await world.clock.advance(7000)
    expect(shown(second)).toMatchObject({ transport: 'websocket', latencyMs: 40, tabsReason: null, leader: false })
    device.network.down = 'refused'
    device.network.drop()
    await world.clock.advance(10_000)
    let { phase, reason, attempt, nextAttemptAt, lastError } = shown(first)
    expect(attempt).toBeGreaterThan(1)
    for (let one of all) expect(shown(one)).toMatchObject({ phase, reason, attempt, nextAttemptAt, lastError })
    expect(typesOf(second.tab)).toContain('disconnected')
    device.network.heal()
    first.client.probe()
    await world.clock.advance(200)
    expect(phasesOf(all)).toEqual(['online', 'online', 'online'])
    expect(device.network.open).toBe(1)
    second.board.note('a')
    await world.clock.advance(200)
    await expectSame(world, all, 1)
  })

  test('[T1] is asked for a token by one tab only, and a token that any tab hands in is the one of all', async () => {
    let asked = 0
    let world = createWorld({ authenticate: ({ token }) => ({ user: 'ann', claims: token, expiresIn: 60 }) })
    let device = world.device()
    let token = () => {
      asked++
      return `t${asked}`
    }
    let first = await online(world, device, 'ann', { token })
    let second = await online(world, device, 'ann', { token })
    await world.clock.advance(500)
    expect([asked, phasesOf([first, second])]).toEqual([1, ['online', 'online']])
    second.client.authenticate('from two')
    await world.clock.advance(100)
    expect(device.network.sentOf('auth')).toEqual([{ f: 'auth', token: 'from two' }])
    await world.clock.advance(50_000)
    expect(asked).toBe(2)
  })

  test('[T2] answers the pings of every tab: a probe goes to the server and back', async () => {
    let { world, device, all, second } = await tabs(2)
    let before = device.network.sentOf('ping').length
    second.client.probe()
    await world.clock.advance(30)
    expect(device.network.sentOf('ping').length).toBe(before + 1)
    device.network.silent = true
    second.client.probe()
    await world.clock.advance(3100)
    expect(shown(second).phase).not.toBe('online')
    device.network.heal()
    await world.clock.advance(20_000)
    expect(phasesOf(all)).toEqual(['online', 'online'])
  })

  test('[T2] history is for the tab that asked', async () => {
    let { world, all } = await tabs(3)
    for (let { board } of all) board.note('x')
    await world.clock.advance(200)
    let pages = Promise.all(all.map(({ board }, i) => board.room.history({ limit: i + 1 })))
    await world.clock.advance(200)
    expect((await pages).map(({ events }) => events.map(({ offset }) => offset))).toEqual([[3], [2, 3], [1, 2, 3]])
  })

  test('[S17] what a follower stores leaves at once', async () => {
    let { world, device, second } = await tabs(2)
    second.board.note('a')
    await world.clock.settle()
    await world.clock.advance(1)
    expect(device.network.sentOf('push')).toHaveLength(1)
  })

  test('is left by a tab that disconnects, which another tab then has', async () => {
    let { world, device, all, first, second } = await tabs(3)
    await first.client.disconnect()
    await world.clock.advance(100)
    expect(rolesOf(all)).toEqual(['none', 'leader', 'follower'])
    expect(phasesOf(all)).toEqual(['closed', 'online', 'online'])
    first.client.connect()
    await world.clock.advance(100)
    expect(rolesOf(all)).toEqual(['follower', 'leader', 'follower'])
    expect(device.network.open).toBe(1)
    second.board.note('a')
    await world.clock.advance(200)
    await expectSame(world, all, 1)
  })

  test('ends for all tabs when one logs out', async () => {
    let revoked = 0
    let world = createWorld({ revoke: () => void revoked++ })
    let device = world.device()
    let all = [await online(world, device), await online(world, device), await online(world, device)]
    await all[1]?.client.logout()
    await world.clock.advance(1000)
    expect([revoked, device.network.open]).toEqual([1, 0])
    expect(phasesOf(all)).toEqual(['closed', 'closed', 'closed'])
    expect(shown(all[0] as Opened).reason).toBe('logout')
  })

  test('that the server refuses for good is refused to all tabs', async () => {
    let isRefused = false
    let world = createWorld({
      authenticate: ({ user = '' }) => {
        if (isRefused) throw new RealtimeError('forbidden')
        return { user }
      }
    })
    let device = world.device()
    let all = [await online(world, device), await online(world, device)]
    isRefused = true
    device.network.drop()
    await world.clock.advance(30_000)
    expect(all.map(one => shown(one).reason)).toEqual([shown(all[0] as Opened).reason, shown(all[0] as Opened).reason])
    expect(phasesOf(all)).toEqual(['closed', 'closed'])
    expect(all.map(one => shown(one).lastError?.code)).toEqual(Array(2).fill(shown(all[0] as Opened).lastError?.code))
    // The other one did not try for itself.
    expect([device.network.open, device.network.urls.length]).toEqual([0, 2])
    // Whichever tab is told to try again has it.
    isRefused = false
    all[1]?.client.connect()
    await world.clock.advance(200)
    expect(rolesOf(all)).toEqual(['none', 'leader'])
    expect(phasesOf(all)).toEqual(['closed', 'online'])
    all[0]?.client.connect()
    await world.clock.advance(200)
    expect(rolesOf(all)).toEqual(['follower', 'leader'])
  })
})

test('one tab that knows better hurries the one that has the socket', async () => {
  let { world, device, all, second } = await tabs(3)
  device.network.down = 'refused'
  device.network.drop()
  await world.clock.advance(60_000)
  device.network.heal()
  expect(phasesOf(all)).toEqual(['waiting', 'waiting', 'waiting'])
  second.client.probe()
  await world.clock.advance(200)
  expect(phasesOf(all)).toEqual(['online', 'online', 'online'])
})

describe('rooms', () => {
  test('[T4] a tab that joins, leaves and comes back takes nothing from the others', async () => {
    let { world, device, all, first, last } = await tabs(3)
    let bob = await online(world, world.device(), 'bob')
    for (let i = 0; i < 5; i++) {
      bob.board.note(`n${i}`)
      last.board.room.leave()
      await world.clock.advance(1500)
      last.board = useBoard(last.tab)
      bob.board.note(`m${i}`)
      await world.clock.advance(300)
    }
    await expectSame(world, [...all, bob], 10)
    first.board.room.leave()
    await world.clock.advance(1500)
    expect(device.network.sentOf('leave')).toEqual([])
    bob.board.note('after')
    await world.clock.advance(300)
    await expectSame(world, [...all.slice(1), bob], 11)
    for (let one of all.slice(1)) one.board.room.leave()
    await world.clock.advance(1500)
    expect(device.network.sentOf('leave')).toEqual([{ f: 'leave', room: 'r' }])
    expect(membersOf(bob)).toHaveLength(1)
  })

  test('[T3] the leader sends for a room that only a follower shows, who goes on seeing everything', async () => {
    let { world, device, all, first, second } = await tabs(2)
    let side = useBoard(second.tab, 'side')
    let bob = await online(world, world.device(), 'bob')
    let far = useBoard(bob.tab, 'side')
    await world.clock.advance(300)
    side.note('mine')
    far.note('theirs')
    await world.clock.advance(300)
    expect([...(await world.notes('side'))].sort()).toEqual(['mine', 'theirs'])
    expect(side.notes()).toEqual(await world.notes('side'))
    expect(membersOf({ ...second, board: far })).toHaveLength(2)
    expect(device.network.sentOf('join').filter(join => join.only)).toEqual([])
    // The one who shows it goes, with something on its way.
    side.note('last')
    side.room.leave()
    await world.clock.advance(5)
    await second.client.close()
    await world.clock.advance(2000)
    expect(await world.notes('side')).toHaveLength(3)
    expect(membersOf({ ...second, board: far })).toHaveLength(1)
    expect(first.client.pending.get()).toEqual([])
    await expectSame(world, all.slice(0, 1), 0)
  })

  test('[T3] a join that is refused for a moment puts no tab out', async () => {
    let isBusy = false
    let world = createWorld({
      policy: ({ action }) => {
        if (action === 'join' && isBusy) throw new RealtimeError('busy')
        return true
      }
    })
    let device = world.device()
    let first = await online(world, device)
    let bob = await online(world, world.device(), 'bob')
    isBusy = true
    let second = await online(world, device)
    bob.board.note('a')
    await world.clock.advance(2000)
    isBusy = false
    await world.clock.advance(10_000)
    bob.board.note('b')
    await world.clock.advance(300)
    await expectSame(world, [first, second, bob], 2)
  })

  test('[T3] events that fall between two places of the connection are found again at once', async () => {
    let { world, device, all, first } = await tabs(1)
    let bob = await online(world, world.device(), 'bob')
    for (let i = 0; i < 12; i++) {
      // Comes in at the server in one turn with the join.
      bob.board.note(`n${i}`)
      let tab = device.open('ann')
      let board = useBoard(tab)
      tab.client.connect()
      await world.clock.advance(100)
      all.push({ tab, board, client: tab.client })
      expect(first.board.notes()).toEqual(await world.notes())
    }
    await world.clock.advance(200)
    await expectSame(world, all, 12)
  })
})

describe('casts and presence', () => {
  test('[T5] a cast is seen by the other tabs of the same socket, as by everybody', async () => {
    let { world, all, first, last } = await tabs(3)
    let bob = await online(world, world.device(), 'bob')
    last.board.moveCursor('from three')
    await world.clock.advance(100)
    for (let one of [...all, bob]) expect(cursorsOf(one)).toEqual({ ann: 'from three' })
    first.board.moveCursor('from one')
    bob.board.moveCursor('from bob')
    await world.clock.advance(100)
    for (let one of [...all, bob]) expect(cursorsOf(one)).toEqual({ ann: 'from one', bob: 'from bob' })
  })

  test('[T5] a tab that comes later gets the casts that are kept, and the others do not hear them twice', async () => {
    let { world, device, all, first } = await tabs(2)
    let bob = await online(world, world.device(), 'bob')
    bob.board.moveCursor('here')
    await world.clock.advance(4000)
    all.push(await online(world, device))
    expect(all.map(cursorsOf)).toEqual(Array(3).fill({ bob: 'here' }))
    await world.clock.advance(1000)
    // For a tab that had it, its time has run out all the same.
    expect(cursorsOf(first)).toEqual({})
  })

  test('[T6] one member for all tabs, who says what was said last; a tab that goes hands back', async () => {
    let { world, all, first, second, last } = await tabs(3)
    let bob = await online(world, world.device(), 'bob')
    let says = () => membersOf(bob).flatMap(({ user, data }) => (user === 'ann' ? [data] : []))
    expect(says()).toEqual([null])
    first.board.room.presence.set({ at: 'one' })
    await world.clock.advance(150)
    second.board.room.presence.set({ at: 'two' })
    await world.clock.advance(150)
    expect(says()).toEqual([{ at: 'two' }])
    first.board.room.presence.set({ at: 'one again' })
    await world.clock.advance(150)
    for (let one of [...all, bob]) expect(membersOf(one)).toHaveLength(2)
    last.board.room.presence.set({ at: 'three' })
    await world.clock.advance(150)
    expect(says()).toEqual([{ at: 'three' }])
    last.tab.kill()
    await world.clock.advance(150)
    expect(says()).toEqual([{ at: 'one again' }])
    first.board.room.leave()
    await world.clock.advance(1200)
    expect(says()).toEqual([{ at: 'two' }])
    // A new leader knows which of them was the last.
    first.tab.kill()
    await world.clock.advance(500)
    expect(says()).toEqual([{ at: 'two' }])
    await second.client.close()
    await world.clock.advance(200)
    expect(says()).toEqual([])
    expect(visitsOf(bob.tab)).toEqual(['memberLeft'])
  })

  test('[T6] what only a tab that is gone has said is taken back, also when that tab led', async () => {
    let { world, all, first, second } = await tabs(2)
    let bob = await online(world, world.device(), 'bob')
    let says = () => membersOf(bob).flatMap(({ user, data }) => (user === 'ann' ? [data] : []))
    let leader = all.find(({ client }) => client.$connection.get().tabs === 'leader') as Opened
    expect([first, second]).toContain(leader)
    leader.board.room.presence.set({ typing: true })
    await world.clock.advance(150)
    expect(says()).toEqual([{ typing: true }])
    leader.tab.kill()
    await world.clock.advance(8000)
    expect(says()).toEqual([null])
    expect(visitsOf(bob.tab)).toEqual([])
  })
})

describe('another tab leads', () => {
  /** Notes of everybody, all the time. */
  async function busily(world: World, all: readonly Opened[], ms: number, from = 0): Promise<number> {
    let count = from
    for (let at = 0; at < ms; at += 10) {
      let one = all[(at / 10) % all.length] as Opened
      if (one.tab.life.state === 'running') {
        one.board.note(`${count}`)
        count++
      }
      await world.clock.advance(10)
    }
    return count
  }

  test.each<[string, (tab: Tab) => unknown]>([
    ['is closed', tab => tab.close()],
    ['crashes', tab => tab.kill()],
    ['is left for another page', tab => tab.hide()],
    ['is frozen and told so', tab => tab.freeze()],
    ['is closed by the app', tab => tab.client.close()],
    ['is disconnected by the app', tab => tab.client.disconnect()]
  ])(
    '[T6] at once when the one that leads %s; nothing is lost or doubled, and nobody comes or goes',
    async (_, end) => {
      let { world, device, all, first, second } = await tabs(4)
      let bob = await online(world, world.device(), 'bob')
      let count = await busily(world, all, 200)
      void end(first.tab)
      await world.clock.settle()
      expect(shown(second).tabs).toBe('leader')
      await world.clock.advance(100)
      let rest = all.slice(1)
      expect(rolesOf(rest)).toEqual(['leader', 'follower', 'follower'])
      expect(phasesOf(rest)).toEqual(['online', 'online', 'online'])
      count = await busily(world, rest, 200, count)
      await world.clock.advance(1000)
      let notes = await world.notes()
      // What a tab had accepted and not stored when it was killed is gone with it.
      expect(count - notes.length).toBeLessThanOrEqual(1)
      await expectSame(world, [...rest, bob], notes.length)
      expect(device.network.open).toBe(1)
      expect(visitsOf(bob.tab)).toEqual([])
      expect(membersOf(bob)).toHaveLength(2)
    }
  )

  test('[T7] within 10 s when the one that leads stands still without a word; at its thaw it follows', async () => {
    let { world, device, all, first } = await tabs(4)
    let bob = await online(world, world.device(), 'bob')
    let count = await busily(world, all, 200)
    first.tab.freeze('silently')
    let rest = all.slice(1)
    let at = 0
    while (!rolesOf(rest).includes('leader')) {
      await world.clock.advance(10)
      at += 10
      expect(at).toBeLessThanOrEqual(10_000)
    }
    expect(at).toBeGreaterThan(4000)
    await world.clock.advance(200)
    expect(phasesOf(rest)).toEqual(['online', 'online', 'online'])
    count = await busily(world, rest, 200, count)
    await world.clock.advance(30_000)
    first.tab.thaw()
    await world.clock.advance(3000)
    expect(rolesOf(all).filter(role => role === 'leader')).toHaveLength(1)
    expect(shown(first)).toMatchObject({ tabs: 'follower', phase: 'online', leader: false })
    count = await busily(world, all, 200, count)
    await world.clock.advance(1000)
    await expectSame(world, [...all, bob], count)
    expect(device.network.open).toBe(1)
    expect(visitsOf(bob.tab)).toEqual([])
  })

  test('[T7] not when the leader is merely slow to show itself: it answers when asked', async () => {
    let world = createWorld()
    let device = world.device()
    // Beats go off once a minute, as in a page that has been in the background for long.
    let after: Clock['after'] = (ms, call) => world.clock.after(ms === 2000 ? 60_000 : ms, call)
    let all = [await online(world, device, 'ann', { ports: { clock: { ...world.clock, after } } })]
    all.push(await online(world, device), await online(world, device))
    let asked = 0
    device.page().ports.openChannel?.([...device.disks.keys()][0] as string, message => {
      if ((message as { m: { t: string } }).m.t === 'who') asked++
    })
    await world.clock.advance(100_000)
    expect(rolesOf(all)).toEqual(['leader', 'follower', 'follower'])
    expect(device.network.urls).toHaveLength(1)
    // Frames are signs of life too, once in 6 s.
    device.network.silent = true
    await world.clock.advance(20_000)
    expect(asked).toBeGreaterThan(0)
    expect(shown(all[0] as Opened).tabs).toBe('leader')
  })

  test('[T7] when it is looked at and the one that leads has been in the background for 5 s', async () => {
    let { world, device, all, first, second, last } = await tabs(3)
    second.tab.page('hidden')
    first.tab.page('hidden')
    await world.clock.advance(4000)
    expect(shown(first).tabs).toBe('leader')
    await world.clock.advance(4000)
    expect(rolesOf(all)).toEqual(['follower', 'follower', 'leader'])
    expect(phasesOf(all)).toEqual(['online', 'online', 'online'])
    expect(device.network.open).toBe(1)
    last.tab.page('hidden')
    await world.clock.advance(60_000)
    // Nobody is looked at: nobody takes anything from anybody.
    expect(rolesOf(all)).toEqual(['follower', 'follower', 'leader'])
    expect(device.network.urls).toHaveLength(2)
  })

  test('when the leader comes up again and again: three that are looked at do not take it from each other', async () => {
    let { world, device, all, first } = await tabs(4)
    first.tab.page('hidden')
    await world.clock.advance(60_000)
    expect(rolesOf(all).filter(role => role === 'leader')).toHaveLength(1)
    expect(device.network.urls).toHaveLength(2)
  })

  test('[H5] a server that tells the former leader first does not put it out for good', async () => {
    let { world, all, first, second } = await tabs(2)
    first.tab.freeze('silently')
    await world.clock.advance(12_000)
    expect(shown(second).tabs).toBe('leader')
    first.tab.thaw()
    await world.clock.advance(3000)
    expect(phasesOf(all)).toEqual(['online', 'online'])
    await second.client.close()
    await world.clock.advance(200)
    expect(shown(first)).toMatchObject({ tabs: 'leader', phase: 'online' })
  })
})

describe('messages between tabs', () => {
  test.each([3, 10, 30])('[T8] may be lost, one in %s: all tabs see everything in the end', async often => {
    let { world, device, all } = await tabs(4)
    let count = 0
    let told = 0
    device.channels.lost = () => ++told % often === 0
    for (let i = 0; i < 60; i++) {
      all[i % 4]?.board.note(`${i}`)
      count++
      await world.clock.advance(100)
    }
    device.channels.lost = () => false
    await world.clock.advance(20_000)
    await expectSame(world, all, count)
    expect(rolesOf(all).filter(role => role === 'leader')).toHaveLength(1)
    expect(device.network.open).toBe(1)
  })

  test('[T8] may come in a burst: a follower that stood still catches up', async () => {
    let { world, device, all, first, last } = await tabs(3)
    last.tab.freeze('silently')
    for (let i = 0; i < 30; i++) {
      first.board.note(`${i}`)
      await world.clock.advance(1000)
    }
    last.tab.thaw()
    await world.clock.advance(5000)
    await expectSame(world, all, 30)
    expect(shown(last)).toMatchObject({ tabs: 'follower', phase: 'online' })
    expect(device.network.open).toBe(1)
  })

  test('that are none of ours change nothing', async () => {
    let { world, device, all } = await tabs(2)
    let name = [...device.disks.keys()][0] as string
    let channel = device.page().ports.openChannel?.(name, () => {})
    for (let message of [null, 'wrote', 7, {}, { m: null }, { v: 1, from: 'x', m: { t: 'down' } }, { v: 1, m: {} }])
      channel?.post(message)
    await world.clock.advance(3000)
    expect(phasesOf(all)).toEqual(['online', 'online'])
    all[1]?.board.note('a')
    await world.clock.advance(200)
    await expectSame(world, all, 1)
  })
})

describe('tabs that cannot share', () => {
  test.each<[string, Parameters<Device['open']>[1], RegExp]>([
    ['no Web Locks', { ports: { locks: null } }, /Web Locks/],
    ['no BroadcastChannel', { ports: { openChannel: null } }, /BroadcastChannel/],
    ['nothing on disk', { persist: false }, /persist/]
  ])('have a socket each and say why: %s', async (_, options, why) => {
    let world = createWorld()
    let device = world.device()
    let all = [await online(world, device, 'ann', options), await online(world, device, 'ann', options)]
    expect(phasesOf(all)).toEqual(['online', 'online'])
    for (let one of all)
      expect(shown(one)).toMatchObject({ tabs: 'alone', leader: true, tabsReason: expect.stringMatching(why) })
    expect(device.network.open).toBe(2)
    for (let { board } of all) board.note(`${board}`)
  })

  test('has a socket when its disk fails while nobody knows yet who leads', async () => {
    let world = createWorld()
    let locks = { acquire: () => () => {}, tryHold: async () => true }
    let openDisk = () => Promise.reject(new Error('not today'))
    let tab = await online(world, world.device(), 'ann', { ports: { locks, openDisk } })
    await world.clock.advance(1000)
    expect(shown(tab)).toMatchObject({ phase: 'online', tabs: 'alone', tabsReason: expect.stringMatching(/not today/) })
  })

  test('[H5] a tab whose disk hangs and the one that then leads end up with a session each, and lose nothing', async () => {
    let world = createWorld()
    let device = world.device()
    let isHung = false
    let openDisk: OpenDisk = async name => {
      if (isHung) throw new Error('hung')
      let disk = await device.page().ports.openDisk?.(name)
      if (!disk) throw new Error('none')
      return { ...disk, write: (...all) => (isHung ? Promise.reject(new Error('hung')) : disk.write(...all)) }
    }
    let first = await online(world, device, 'ann', { ports: { openDisk } })
    let second = await online(world, device)
    expect(rolesOf([first, second])).toEqual(['leader', 'follower'])
    isHung = true
    first.board.note('a')
    await world.clock.advance(100)
    expect(rolesOf([first, second])).toEqual(['alone', 'leader'])
    second.board.note('b')
    await world.clock.advance(3000)
    first.board.note('c')
    second.board.note('d')
    await world.clock.advance(5000)
    expect(phasesOf([first, second])).toEqual(['online', 'online'])
    expect(shown(first).sessionId).not.toBe(shown(second).sessionId)
    isHung = false
    await world.clock.advance(60_000)
    expect(rolesOf([first, second])).toEqual(['follower', 'leader'])
    await world.clock.advance(1000)
    await expectSame(world, [first, second], 4)
    expect(device.network.open).toBe(1)
  })

  test('[T7] of two versions of the app the newer one leads, and the older one sees, stores and says that it is old', async () => {
    let { world, device, all, first, second } = await tabs(2)
    let name = [...device.disks.keys()][0] as string
    let newer = device.page()
    let beat = { term: world.clock.now() + 1, hidden: 0, n: 0, links: {}, state: { phase: 'online' } }
    newer.ports.locks?.acquire(name, { held() {}, waiting() {}, lost() {} }, 'steal')
    let channel = newer.ports.openChannel?.(name, () => {})
    let stop = () => {}
    let show = () => {
      channel?.post({ v: 2, from: 'newer', m: { t: 'beat', ...beat } })
      stop = world.clock.after(2000, show)
    }
    show()
    await world.clock.advance(500)
    for (let one of all)
      expect(shown(one)).toMatchObject({ tabs: 'alone', phase: 'online', tabsReason: expect.stringMatching(/reload/) })
    second.board.note('kept')
    await world.clock.advance(20_000)
    // It may not send: that is for the newer one to do.
    expect(await world.notes()).toEqual([])
    expect(second.client.pending.get()).toHaveLength(1)
    stop()
    newer.kill()
    await world.clock.advance(500)
    expect(rolesOf(all)).toEqual(['follower', 'leader'])
    await expectSame(world, [first, second], 1)
  })
})
