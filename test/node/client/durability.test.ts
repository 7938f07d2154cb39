// What a client does about its own memory: it asks the browser to keep it, asks the person to stay where nothing is kept, and
// does nothing at all in a page that nobody has visited yet.

import { expect, test } from 'vitest'
import { createRealtime } from '../../../src/client.js'
import type { Persistence } from '../../../src/ports.js'
import { createWorld, type Device, useBoard } from './world.js'

/** A browser's answer to being asked for persistence, and how often it was asked. */
function browserThat(answers: 'grants' | 'denies', before = false): Persistence & { readonly asked: number } {
  let asked = 0
  let granted = before
  return {
    get asked() {
      return asked
    },
    granted: async () => granted,
    async ask() {
      asked++
      granted = answers === 'grants'
      return granted
    }
  }
}

/** A page whose guard and prerendering can be seen and set. */
function openPage(device: Device, more: Partial<Parameters<typeof createRealtime>[0]> = {}) {
  let around = device.page()
  let state = { isPrerendering: false, guards: [] as boolean[] }
  let page = {
    ...(around.ports.page as NonNullable<typeof around.ports.page>),
    prerendering: () => state.isPrerendering,
    guard: (isOn: boolean) => void state.guards.push(isOn)
  }
  return {
    ...around,
    state,
    open(isPrerendering = false) {
      state.isPrerendering = isPrerendering
      return createRealtime({
        url: 'wss://example.test/realtime',
        app: 'app',
        user: 'ann',
        ...more,
        ports: { ...around.ports, page, ...more.ports }
      })
    }
  }
}

test('{HC 28} the browser is asked once, after the first action on disk, to keep what is stored; its answer is shown', async () => {
  let world = createWorld()
  let device = world.device()
  let persistence = browserThat('grants')
  let options = { ports: { persistence } }
  let first = device.open('ann', options)
  await world.clock.settle()
  expect([persistence.asked, first.client.$connection.get().persisted]).toEqual([0, false])
  let board = useBoard(first)
  board.note('a')
  board.note('b')
  await world.clock.settle()
  expect([persistence.asked, first.client.$connection.get().persisted]).toEqual([1, true])
  expect(first.events.filter(({ type }) => type === 'persisted')).toEqual([
    { type: 'persisted', detail: { granted: true } }
  ])
})

test('{HC 28} a browser that said no is not asked again: by no reload, no other tab, no other user', async () => {
  let world = createWorld()
  let device = world.device()
  let persistence = browserThat('denies')
  for (let user of ['ann', 'ann', 'bob']) {
    let tab = device.open(user, { ports: { persistence } })
    useBoard(tab).note('a')
    await world.clock.settle()
    expect([persistence.asked, tab.client.$connection.get().persisted]).toEqual([1, false])
    await tab.client.close()
  }
})

test('{HC 28} nobody is asked for what is granted already, nor for what is in memory only', async () => {
  let world = createWorld()
  let granted = browserThat('grants', true)
  let tab = world.device().open('ann', { ports: { persistence: granted } })
  useBoard(tab).note('a')
  await world.clock.settle()
  expect([granted.asked, tab.client.$connection.get().persisted]).toEqual([0, true])

  let denying = browserThat('denies')
  let inMemory = world.device().open('ann', { persist: false, ports: { persistence: denying } })
  useBoard(inMemory).note('a')
  await world.clock.settle()
  expect(denying.asked).toBe(0)

  let silent = world.device().open('ann')
  useBoard(silent).note('a')
  await world.clock.settle()
  expect(silent.client.$connection.get().persisted).toBe(null)
})

test('{HC 22} who leaves is asked to stay exactly while something waits in memory only', async () => {
  let world = createWorld()
  let device = world.device()
  let { open, state } = openPage(device, { persist: false })
  let client = open()
  let board = useBoard({ client } as never)
  client.connect()
  await world.clock.advance(200)
  expect(state.guards).toEqual([])
  board.note('a')
  await world.clock.settle()
  expect(state.guards).toEqual([true])
  await world.clock.advance(100)
  expect(client.$connection.get().pending.count).toBe(0)
  expect(state.guards).toEqual([true, false])
  device.network.drop()
  device.network.down = 'refused'
  board.note('b')
  board.note('c')
  await world.clock.settle()
  expect(state.guards).toEqual([true, false, true])
  await client.close()
  expect(state.guards).toEqual([true, false, true, false])
})

test('{HC 22} nobody is kept from leaving what is on disk; a disk that fails changes that', async () => {
  let world = createWorld()
  let device = world.device()
  let { open, state } = openPage(device)
  let client = open()
  let board = useBoard({ client } as never)
  board.note('a')
  await world.clock.settle()
  expect([client.$connection.get().pending.count, state.guards]).toEqual([1, []])
  for (let disk of device.disks.values()) disk.broken = new Error('the disk is on fire')
  board.note('b')
  await world.clock.settle()
  expect([client.$connection.get().durability, state.guards]).toEqual(['memory', [true]])
  client.connect()
  await world.clock.advance(300)
  expect([client.$connection.get().pending.count, state.guards]).toEqual([0, [true, false]])
})

test('{HC 8} a page that is loaded ahead of its visit does not connect, does not lead, and connects when it is visited', async () => {
  let world = createWorld()
  let device = world.device()
  let { open, page, state } = openPage(device)
  let client = open(true)
  let board = useBoard({ client } as never)
  client.connect()
  // Loaded ahead, a page gets its `pageshow` all the same.
  page('show')
  page('online')
  page('visible')
  await world.clock.advance(10_000)
  expect(device.network.urls).toEqual([])
  expect(client.$connection.get()).toMatchObject({ phase: 'idle', leader: false })
  // Another tab sends meanwhile.
  let other = device.open('ann')
  other.client.connect()
  await world.clock.advance(200)
  expect(other.client.$connection.get()).toMatchObject({ phase: 'online', leader: true })

  state.isPrerendering = false
  page('show')
  await world.clock.advance(200)
  expect(client.$connection.get()).toMatchObject({ phase: 'online', leader: false })
  board.note('visited')
  await world.clock.advance(200)
  expect(await world.notes()).toEqual(['visited'])
})

test('{HC 8} a page that was loaded ahead and told to disconnect stays disconnected when it is visited', async () => {
  let world = createWorld()
  let device = world.device()
  let { open, page, state } = openPage(device)
  let client = open(true)
  client.connect()
  await client.disconnect()
  state.isPrerendering = false
  page('show')
  await world.clock.advance(10_000)
  expect(device.network.urls).toEqual([])
})

test('{HC 23} a disk that does not open in time is looked for again; then it has what waits, and nothing is lost or doubled', async () => {
  let world = createWorld()
  let device = world.device()
  let around = device.page()
  let isStuck = true
  let tab = device.open('ann', {
    ports: {
      async openDisk(name) {
        if (isStuck) throw new Error('IndexedDB did not open in time.')
        return (around.ports.openDisk as NonNullable<typeof around.ports.openDisk>)(name)
      }
    }
  })
  let board = useBoard(tab)
  tab.client.connect()
  await world.clock.advance(200)
  board.note('a')
  await world.clock.advance(200)
  device.network.drop()
  device.network.down = 'refused'
  board.note('b')
  await world.clock.advance(5000)
  expect(tab.client.$connection.get()).toMatchObject({
    durability: 'memory',
    durabilityReason: 'IndexedDB did not open in time.'
  })
  isStuck = false
  await world.clock.advance(10_000)
  expect(tab.client.$connection.get()).toMatchObject({ durability: 'disk', durabilityReason: null })
  expect(tab.events.map(({ type }) => type)).toContain('restored')
  expect(board.notes()).toEqual(['a', 'b'])
  // It survives the end of the page now.
  tab.kill()
  device.network.down = null
  let again = device.open('ann')
  again.client.connect()
  await world.clock.advance(500)
  expect(await world.notes()).toEqual(['a', 'b'])
  expect(again.client.pending.get()).toEqual([])
})

test('{HC 26} a disk that fails under load and comes back loses and doubles nothing, and is looked for ever more rarely', async () => {
  let world = createWorld()
  let device = world.device()
  let tab = device.open('ann')
  let board = useBoard(tab)
  tab.client.connect()
  await world.clock.advance(200)
  let wanted: string[] = []
  let act = (text: string): void => {
    wanted.push(text)
    board.note(text)
  }
  for (let round = 0; round < 6; round++) {
    let [disk] = [...device.disks.values()]
    if (!disk) throw new Error('no disk')
    disk.broken = round % 2 ? null : new Error('no space')
    for (let i = 0; i < 20; i++) {
      act(`${round}/${i}`)
      await world.clock.advance(i % 3 ? 7 : 150)
      if (i === 11) device.network.drop()
    }
    await world.clock.advance(8000)
    expect(tab.client.$connection.get().durability).toBe(round % 2 ? 'disk' : 'memory')
  }
  await world.clock.advance(2000)
  expect(await world.notes()).toEqual(wanted)
  expect(board.notes()).toEqual(wanted)
  expect([tab.client.pending.get(), tab.client.unknown.get(), tab.client.rejected.get()]).toEqual([[], [], []])
})
