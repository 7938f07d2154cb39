// What is seldom done together: several tabs that do the same at once, a lead that is lost in the middle of something, a page
// that closes while it waits.

import { expect, test } from 'vitest'
import { RealtimeError } from '../../../src/errors.js'
import { createWorld, type Device, type Tab, useBoard, type World } from './world.js'

async function online(world: World, device: Device, user = 'ann', options?: Parameters<Device['open']>[1]) {
  let tab = device.open(user, options)
  let board = useBoard(tab)
  tab.client.connect()
  await world.clock.advance(200)
  return { tab, board, client: tab.client }
}

let shown = ({ client }: { client: Tab['client'] }) => client.$connection.get()

/** Refuses every action until it is told otherwise. */
function strict() {
  let rule = { refuses: true }
  let world = createWorld({ policy: ({ action }) => action !== 'push' || !rule.refuses || 'no' })
  return { world, rule }
}

test('a rejected action that is retried twice at once goes again once, and nothing of it stays', async () => {
  let { world, rule } = strict()
  let { client, board } = await online(world, world.device())
  board.note('x')
  await world.clock.advance(300)
  let id = client.rejected.get()[0]?.row.id as string
  rule.refuses = false
  let answers = await Promise.all([client.rejected.retry(id), client.rejected.retry(id), client.rejected.discard(id)])
  expect(answers).toEqual([true, false, false])
  expect(board.notes()).toEqual(['x'])
  await world.clock.advance(300)
  expect(await world.notes()).toEqual(['x'])
  expect(client.pending.get()).toEqual([])
  expect(shown({ client }).pending).toMatchObject({ count: 0, bytes: 0 })
})

test.each([0, 1, 20])('every tab retries what is refused, on a disk that takes %d ms: it goes again once', async ms => {
  let { world, rule } = strict()
  let device = world.device()
  let all = [await online(world, device), await online(world, device), await online(world, device)]
  if (ms > 0)
    for (let disk of device.disks.values())
      disk.latency = () => new Promise<void>(resolve => world.clock.after(ms, resolve))
  let answers: boolean[] = []
  for (let { client } of all)
    client.on('rejected', async ({ id }) => {
      rule.refuses = false
      answers.push(await client.rejected.retry(id))
    })
  all[1]?.board.note('x')
  await world.clock.advance(3000)
  expect(answers.filter(Boolean)).toHaveLength(1)
  expect(await world.notes()).toEqual(['x'])
  for (let { client, board } of all) {
    expect(board.notes()).toEqual(['x'])
    expect(client.pending.get()).toEqual([])
    expect(client.rejected.get()).toEqual([])
    expect(shown({ client }).pending).toMatchObject({ count: 0, bytes: 0 })
  }
})

test('a crash in the middle of a retry leaves the action either rejected or waiting', async () => {
  for (let keepsTorn of [true, false]) {
    let { world, rule } = strict()
    let device = world.device()
    let before = await online(world, device)
    before.board.note('x')
    await world.clock.advance(300)
    let disk = [...device.disks.values()][0] as NonNullable<ReturnType<Device['disks']['get']>>
    disk.keepsTorn = keepsTorn
    let release = disk.hold()
    void before.client.rejected.retry(before.client.rejected.get()[0]?.row.id as string)
    await world.clock.settle()
    before.tab.kill()
    release()
    rule.refuses = false
    let after = await online(world, device)
    await world.clock.advance(500)
    expect(await world.notes()).toEqual(keepsTorn ? ['x'] : [])
    expect(after.client.rejected.get()).toHaveLength(keepsTorn ? 0 : 1)
  }
})

test('a tab that stood still while an action of it was refused and sent again tells what became of it in the end', async () => {
  let { world, rule } = strict()
  let device = world.device()
  let first = await online(world, device)
  let second = await online(world, device)
  let receipt = second.board.note('x')
  let told = ''
  receipt.acked.then(
    () => {
      told = 'acked'
    },
    error => {
      told = String(error.code)
    }
  )
  await world.clock.settle()
  second.tab.freeze('silently')
  await world.clock.advance(1000)
  let id = first.client.rejected.get()[0]?.row.id as string
  await Promise.all([first.client.rejected.retry(id), world.clock.advance(20)])
  second.tab.thaw()
  await world.clock.settle()
  expect(told).toBe('')
  await world.clock.advance(1000)
  expect(told).toBe('no')
  expect(second.board.notes()).toEqual([])
  expect(second.client.pending.get()).toEqual([])
  expect(second.client.rejected.get()).toHaveLength(1)
  rule.refuses = false
})

test('a token that the leading tab was handed is the one of whoever leads next', async () => {
  let good = 'old'
  let world = createWorld({
    authenticate: ({ token }) => {
      if (token !== good) throw new RealtimeError('unauthorized')
      return { user: 'ann' }
    }
  })
  let device = world.device()
  let all = []
  for (let i = 0; i < 3; i++) all.push(await online(world, device, 'ann', { token: 'old' }))
  good = 'new'
  all[0]?.client.authenticate('new')
  await world.clock.advance(100)
  await all[0]?.client.close()
  await world.clock.advance(500)
  expect(all.slice(1).map(one => shown(one).phase)).toEqual(['online', 'online'])
})

test('a logout ends also the session of a tab with a connection of its own, and the other way round', async () => {
  for (let who of [0, 1]) {
    let world = createWorld()
    let device = world.device()
    let all = [await online(world, device), await online(world, device, 'ann', { persist: false })] as const
    expect(all.map(one => shown(one).tabs)).toEqual(['leader', 'alone'])
    await all[who as 0 | 1].client.logout()
    await world.clock.advance(100)
    expect(all.map(one => shown(one).phase)).toEqual(['closed', 'closed'])
    expect(device.network.open).toBe(0)
  }
})

test('a tab that loses the lead while it takes the right to send does not keep it', async () => {
  let { world } = strict()
  let device = world.device()
  let first = await online(world, device)
  let second = await online(world, device)
  first.board.note('x')
  await world.clock.advance(300)
  for (let { tab } of [first, second]) tab.page('hidden')
  await world.clock.advance(6000)
  device.network.drop()
  let [disk] = device.disks.values()
  let release = disk?.hold()
  // Keeps the first one busy, so that its turn at the disk comes after that of the second one.
  void first.client.rejected.discard(first.client.rejected.get()[0]?.row.id as string)
  await world.clock.advance(1500)
  second.tab.page('visible')
  await world.clock.advance(500)
  expect([first, second].map(one => shown(one).tabs)).toEqual(['follower', 'leader'])
  let senders: boolean[] = []
  first.client.$connection.listen(({ leader }) => void senders.push(leader))
  release?.()
  await world.clock.settle()
  first.board.note('one')
  await world.clock.settle()
  expect(senders).not.toContain(true)
})

test('a client that is closed while it waits leaves no timer', async () => {
  let isBusy = false
  let world = createWorld({
    policy: ({ action, room }) => {
      if (isBusy && action === 'join' && room !== 'r') throw new RealtimeError('busy')
      return true
    }
  })
  let device = world.device()
  let shows = await online(world, device)
  let sends = await online(world, world.device(), 'bob')
  isBusy = true
  shows.client.room('shown')
  useBoard(sends.tab, 'side').note('x')
  sends.client.room('side').leave()
  await world.clock.advance(50)
  await shows.client.close()
  expect(shows.tab.life.timers()).toBe(0)
  await world.clock.advance(1500)
  device = world.device()
  let drains = await online(world, device, 'cyd')
  device.goOffline()
  drains.board.note('x')
  await world.clock.advance(50)
  let isOut = false
  void drains.client.disconnect({ pending: 'wait' }).then(() => {
    isOut = true
  })
  await world.clock.settle()
  await drains.client.close()
  await sends.client.close()
  await world.clock.settle()
  expect([isOut, drains.tab.life.timers(), sends.tab.life.timers()]).toEqual([true, 0, 0])
})

test('what was refused and discarded while a tab stood still is not taken for done when it looks', async () => {
  let { world } = strict()
  let device = world.device()
  let first = await online(world, device)
  let second = await online(world, device)
  let told: string[] = []
  for (let text of ['x', 'y'])
    second.board.note(text).acked.then(
      () => told.push('acked'),
      error => told.push(error.code)
    )
  await world.clock.settle()
  second.tab.freeze('silently')
  await world.clock.advance(1000)
  for (let { row } of first.client.rejected.get()) await first.client.rejected.discard(row.id)
  second.tab.thaw()
  await world.clock.advance(1000)
  expect(told).toEqual(['no', 'no'])
  expect(second.board.notes()).toEqual([])
})
