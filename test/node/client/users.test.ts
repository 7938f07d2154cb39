// Users who come and go on one device: what one of them left waiting is sent under their own name or not at all, through
// reloads, several tabs, lost answers and a service that changes users; and what a logout does with what waits.

import { expect, test } from 'vitest'
import { RealtimeError } from '../../../src/errors.js'
import { companionFeatures } from '../../../src/features/index.js'
import type { Connect } from '../../../src/ports.js'
import type { Frame } from '../../../src/protocol/frames.js'
import { createRealtimeService } from '../../../src/service.js'
import { createSeededRandom } from '../../../src/testing/clock.js'
import type { Device, Tab } from '../../../src/testing/device.js'
import { createWorld } from '../../../src/testing/world.js'
import { board, useBoard } from './world.js'

/** What left on one connection, and in whose name. */
interface Wire {
  user: string | undefined
  readonly frames: Frame[]
}

/** Every connection of a device with what left on it. */
function tapped(wires: Wire[], connect: Connect): Connect {
  return (url, sink) => {
    let wire: Wire = { user: undefined, frames: [] }
    wires.push(wire)
    let link = connect(url, sink)
    return {
      ...link,
      send(text) {
        let isSent = link.send(text)
        for (let frame of isSent ? (JSON.parse(text) as Frame[]) : []) {
          if (frame.f === 'hello') wire.user = frame.user
          wire.frames.push(frame)
        }
        return isSent
      },
      buffered: link.buffered
    }
  }
}

/** Pushes and casts that left on a connection of somebody else; every note begins with the name of its author. */
function strays(wires: readonly Wire[]): string[] {
  return wires.flatMap(({ user, frames }) =>
    frames.flatMap(frame => {
      if (frame.f !== 'push' && frame.f !== 'cast') return []
      let text = String(Object.values(frame.data as object)[0])
      return text.startsWith(`${user} `) ? [] : [`«${text}» on a connection of ${user}`]
    })
  )
}

test.each([1, 2, 3, 4, 5, 6])(
  'seed %i: no frame of one user leaves on a connection of another, with two tabs, reloads and a network that fails',
  {
    timeout: 60_000
  },
  async seed => {
    let chance = createSeededRandom(seed)
    let pick = <T>(list: readonly T[]): T => list[Math.floor(chance.float() * list.length)] as T
    let world = createWorld({ features: [board], seed })
    await world.advance(31_000)
    let wires: Wire[] = []
    let device = world.device()
    let made = { ann: 0, bob: 0 }
    type Name = keyof typeof made
    type Open = { user: Name; tab: Tab; note(text: string): unknown }

    function open(user: Name): Open {
      let tab = device.open(user, { ports: { connect: tapped(wires, device.network.connect) } })
      let { note } = useBoard(tab)
      tab.client.connect()
      return { user, tab, note }
    }
    let tabs: Open[] = [open('ann'), open('ann')]
    for (let turn = 0; turn < 60; turn++) {
      let i = Math.floor(chance.float() * tabs.length)
      let one = tabs[i] as Open
      let what = pick(['note', 'note', 'note', 'switch', 'reload', 'cut', 'heal', 'heal', 'logout'] as const)
      if (what === 'note') for (let n = 0; n < 5; n++) one.note(`${one.user} ${made[one.user]++}`)
      else if (what === 'cut') {
        device.network.down = 'refused'
        device.network.cut(Math.round(chance.float() * 300))
      } else if (what === 'heal') device.network.heal()
      else {
        let next: Name = what === 'reload' ? one.user : one.user === 'ann' ? 'bob' : 'ann'
        if (what === 'logout') await Promise.all([one.tab.client.logout(), world.advance(10)])
        // What the tab has accepted is on the disk before it goes: that a crash may take it is shown elsewhere.
        else await world.advance(10)
        if (what !== 'logout') one.tab.kill()
        // A logout ends the session of all tabs of that user.
        tabs = tabs.map((other, j) => {
          if (j === i) return open(next)
          return what === 'logout' && other.user === one.user ? open(other.user) : other
        })
      }
      await world.advance(Math.round(chance.float() * 400))
    }
    device.network.heal()
    for (let { tab } of tabs) tab.kill()
    for (let user of ['ann', 'bob'] as const) tabs.push(open(user))
    await world.advance(10_000)

    expect(strays(wires), `seed ${seed}`).toEqual([])
    expect(wires.length, `seed ${seed}`).toBeGreaterThan(10)
    let { notes } = await world.server.hub.room('r').state(board)
    for (let user of ['ann', 'bob'] as const) {
      let mine = notes.filter(text => text.startsWith(`${user} `)).map(text => Number(text.split(' ')[1]))
      expect(mine, `seed ${seed}: all of ${user}, once and in order`).toEqual(
        Array.from({ length: made[user] }, (_, n) => n)
      )
    }
    expect([...device.disks.keys()]).toHaveLength(2)
  }
)

test('[H4] a session that changed hands in another tab never speaks for the former user', async () => {
  let signedIn = 'ann'
  let world = createWorld({
    features: [board],
    server: {
      authenticate({ token }) {
        if (!token) throw new RealtimeError('unauthorized')
        return { user: token, expiresIn: 60 }
      }
    }
  })
  let wires: Wire[] = []
  let device = world.device()
  let tab = device.open('ann', { token: () => signedIn, ports: { connect: tapped(wires, device.network.connect) } })
  let { note } = useBoard(tab)
  tab.client.connect()
  await world.advance(1000)
  note('ann 0')
  await world.advance(1000)
  device.network.cut()
  note('ann 1')
  signedIn = 'bob'
  await world.advance(10_000)
  expect(tab.client.$connection.get()).toMatchObject({ phase: 'closed', reason: 'wrong-user', pending: { count: 1 } })
  expect(wires.at(-1)?.frames.map(({ f }) => f)).toEqual(['hello'])
  expect((await world.server.hub.room('r').state(board)).notes).toEqual(['ann 0'])
  // Nor by a renewal in place.
  signedIn = 'ann'
  tab.client.connect()
  await world.advance(2000)
  expect(tab.client.$connection.get()).toMatchObject({ phase: 'online', pending: { count: 0 } })
  signedIn = 'bob'
  await world.advance(60_000)
  expect(tab.client.$connection.get()).toMatchObject({ phase: 'closed', reason: 'wrong-user' })
})

function createPage(world: ReturnType<typeof createWorld>, device: Device, wires: Wire[]) {
  let { ports } = device.page()
  let { service, stores } = createRealtimeService()
  let tap = { ...ports, connect: tapped(wires, ports.connect) }
  return {
    service,
    stores,
    connect: (user: string) =>
      service.connect({ url: 'wss://example.test/realtime', app: 'app', user, devices: ports.devices, ports: tap }),
    insights: async (): Promise<string[]> => {
      let state = (await world.server.hub.room('persona:default').state('relationship')) as {
        insights: { text: string; by: string }[]
      }
      return state.insights.map(({ text, by }) => `${by}: ${text}`)
    }
  }
}

test('a service that changes users drops the answers of the former one, and finds them again', async () => {
  let world = createWorld({ features: companionFeatures })
  let device = world.device()
  let wires: Wire[] = []
  let page = createPage(world, device, wires)
  await page.connect('ann')
  await world.advance(1000)
  // Taken by the server, and the answers are on their way when the user changes.
  for (let i = 0; i < 5; i++) page.service.addInsight(`ann ${i}`)
  await world.advance(25)
  expect(page.service.pending.get()).toHaveLength(5)
  await page.connect('bob')
  for (let i = 0; i < 5; i++) page.service.addInsight(`bob ${i}`)
  expect(page.stores.events.get().log).toContainEqual(
    expect.objectContaining({ type: 'pendingKept', detail: { user: 'ann', count: 5 } })
  )
  await world.advance(2000)
  expect(page.service.pending.get()).toEqual([])
  expect(page.service.unknown.get()).toEqual([])
  await page.connect('ann')
  await world.advance(2000)
  expect(page.service.pending.get()).toEqual([])
  expect(page.service.unknown.get()).toEqual([])
  expect((await page.insights()).sort()).toEqual(
    ['ann', 'bob'].flatMap(user => [0, 1, 2, 3, 4].map(i => `${user}: ${user} ${i}`))
  )
  expect(strays(wires)).toEqual([])
  await page.service.disconnect()
})

test('logout keeps what waits, says so, and empties the stores; the next user finds none of it, the same one all', async () => {
  let world = createWorld({ features: companionFeatures })
  let device = world.device()
  let wires: Wire[] = []
  let page = createPage(world, device, wires)
  await page.connect('ann')
  await world.advance(1000)
  device.network.down = 'refused'
  device.network.drop()
  page.service.addInsight('ann 0')
  await world.advance(100)
  let heard: unknown[] = []
  for (let type of ['pendingKept', 'loggedOut'] as const) page.service.on(type, detail => void heard.push(detail))
  expect(await page.service.logout()).toBe(false)
  expect(heard).toEqual([{ user: 'ann', count: 1 }, { told: false }])
  expect(page.stores.relationship.get().insights).toEqual([])
  expect(() => page.service.addInsight('ann 1')).toThrow(expect.objectContaining({ code: 'not-connected' }))
  device.network.heal()
  await page.connect('bob')
  await world.advance(3000)
  expect(page.service.pending.get()).toEqual([])
  expect(await page.insights()).toEqual([])
  expect(await Promise.all([page.service.logout(), world.advance(100)])).toEqual([true, undefined])
  expect(heard.at(-1)).toEqual({ told: true })
  await page.connect('ann')
  await world.advance(3000)
  expect(await page.insights()).toEqual(['ann: ann 0'])
  expect(strays(wires)).toEqual([])
  await page.service.disconnect()
})

test('logout can wait for the deliveries, in sight, and not for ever', async () => {
  let world = createWorld({ features: [board] })
  await world.advance(31_000)
  let device = world.device()
  for (let isBack of [true, false]) {
    let tab = device.open('ann')
    let { note } = useBoard(tab)
    tab.client.connect()
    await world.advance(1000)
    device.network.down = 'refused'
    device.network.drop()
    for (let i = 0; i < 50; i++) note(`ann ${i}`)
    await world.advance(100)
    let counts: number[] = []
    tab.client.$connection.subscribe(({ pending }) => void counts.push(pending.count))
    let told: boolean | null = null
    void tab.client.logout({ pending: 'wait' }).then(answer => {
      told = answer
    })
    await world.advance(2000)
    expect([told, counts[0]]).toEqual([null, 50])
    if (isBack) device.network.heal()
    await world.advance(7900)
    expect(told).toBe(isBack ? true : null)
    await world.advance(200)
    expect(told).toBe(isBack)
    expect(counts.at(-1)).toBe(isBack ? 0 : 50)
    expect(tab.events.filter(({ type }) => type === 'pendingKept')).toHaveLength(isBack ? 0 : 1)
  }
  await expect(device.open('ann').client.logout({ pending: 'burn' as never })).rejects.toThrow(/pending must be/)
})

test('logout can delete what never left', async () => {
  let world = createWorld({ features: [board] })
  let device = world.device()
  let tab = device.open('ann')
  let { note } = useBoard(tab)
  device.network.down = 'refused'
  tab.client.connect()
  note('ann 0')
  await world.advance(100)
  expect(await tab.client.logout({ pending: 'purge' })).toBe(false)
  expect(tab.events.map(({ type }) => type)).not.toContain('pendingKept')
  device.network.heal()
  let again = device.open('ann')
  useBoard(again)
  again.client.connect()
  await world.advance(3000)
  expect((await world.server.hub.room('r').state(board)).notes).toEqual([])
  expect(again.client.pending.get()).toEqual([])
})

test('[H12] a user who is revoked keeps what waits, and learns why', async () => {
  let world = createWorld({ features: [board] })
  let device = world.device()
  let tab = device.open('ann', { token: () => 'a token' })
  let { note } = useBoard(tab)
  tab.client.connect()
  await world.advance(1000)
  expect(world.server.hub.revoke({ user: 'ann' }, 'left the company')).toBe(1)
  await world.advance(1000)
  note('ann 0')
  await world.advance(600_000)
  expect(tab.client.$connection.get()).toMatchObject({
    phase: 'closed',
    reason: 'revoked',
    lastError: { code: 'revoked', message: 'left the company' },
    pending: { count: 1 }
  })
  expect(device.network.urls).toHaveLength(1)
})

test('[H11] a logout in any tab ends the session of all of them, once, and nothing that waits is lost', async () => {
  let revoked: unknown[] = []
  let world = createWorld({
    features: [board],
    server: {
      authenticate: ({ token = '' }) => ({ user: token.split(':')[0] as string }),
      revoke: ({ user, token }) => void revoked.push([user, token])
    }
  })
  for (let which of [0, 1]) {
    let device = world.device()
    let tabs = [device.open('ann', { token: 'ann:1' }), device.open('ann', { token: 'ann:1' })]
    let boards = tabs.map(tab => useBoard(tab, `r${which}`))
    for (let tab of tabs) {
      tab.client.connect()
      await world.advance(1000)
    }
    boards[0]?.note('ann 0')
    boards[1]?.note('ann 1')
    let told = (tabs[which] as Tab).client.logout({ pending: 'wait' })
    await world.advance(1000)
    expect(await told).toBe(true)
    expect(tabs.map(tab => tab.client.$connection.get())).toMatchObject([
      { phase: 'closed', pending: { count: 0 } },
      { phase: 'closed', pending: { count: 0 } }
    ])
    expect(revoked.splice(0)).toEqual([['ann', 'ann:1']])
    let { notes } = await world.server.hub.room(`r${which}`).state(board)
    expect([...notes].sort()).toEqual(['ann 0', 'ann 1'])
    await world.advance(60_000)
    expect(world.server.hub.stats().connections).toBe(0)
  }
})
