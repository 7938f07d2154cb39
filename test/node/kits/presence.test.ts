// The people of a conversation: away when no tab is used, in a call or editing wherever that is, as chosen by hand before all
// else; and what the others see when tabs, devices and networks come and go.

import { describe, expect, test } from 'vitest'
import { personaStatus } from '../../../src/features/persona-status.js'
import { callText, createPresence, editingText, whereabouts } from '../../../src/kits/presence.js'
import type { Device } from '../../../src/testing/device.js'
import { createWorld } from '../../../src/testing/world.js'

const ROOM = 'c'

async function stage() {
  let world = createWorld({ features: [personaStatus] })
  function open(user: string, device: Device = world.device()) {
    let tab = device.openTab(user)
    let presence = createPresence(tab.client, ROOM, tab.ports)
    tab.client.connect()
    let person = (user: string) => presence.$state.get().people[user]
    return { tab, device, presence, person }
  }
  let bob = open('bob')
  await world.advance(1000)
  return { world, open, bob }
}

describe('away, over the tabs of a device', () => {
  test('a device is used as long as any of its tabs is', async () => {
    let { world, open, bob } = await stage()
    let one = open('ann')
    await world.advance(1000)
    let two = open('ann', one.device)
    await world.advance(1000)
    one.presence.setActive(true)
    two.presence.setActive(false)
    await world.advance(500)
    expect(bob.person('ann')).toMatchObject({ status: 'online', devices: 1 })
    one.presence.setActive(false)
    await world.advance(500)
    expect(bob.person('ann')?.status).toBe('away')
    two.presence.setActive(true)
    await world.advance(500)
    expect(bob.person('ann')?.status).toBe('online')
    // What a tab in the background says last does not count for more.
    one.presence.setEditing('notes')
    await world.advance(500)
    expect(bob.person('ann')).toMatchObject({ status: 'online', editing: 'notes' })
  })

  test.each(['close', 'crash', 'hide', 'freeze'] as const)('the tab that was used is gone: %s', async end => {
    let { world, open, bob } = await stage()
    let one = open('ann')
    await world.advance(1000)
    let two = open('ann', one.device)
    await world.advance(1000)
    one.presence.setActive(true)
    one.presence.setCall('video')
    two.presence.setActive(false)
    await world.advance(500)
    expect(bob.person('ann')).toMatchObject({ status: 'online', call: 'video' })
    void one.tab[end]()
    await world.advance(10_000)
    expect(bob.person('ann')).toMatchObject({ status: 'away', call: 'none', devices: 1 })
    if (end === 'hide') one.tab.show()
    else if (end === 'freeze') one.tab.thaw()
    else return
    await world.advance(10_000)
    expect(bob.person('ann')).toMatchObject({ status: 'online', call: 'video', devices: 1 })
  })

  test('a tab that opens in the background takes nothing back of what the other one said', async () => {
    let { world, open, bob } = await stage()
    let one = open('ann')
    await world.advance(1000)
    one.presence.setCall('voice')
    one.presence.setEditing('title')
    await world.advance(500)
    let seen = new Set<string>()
    bob.presence.$state.listen(() => seen.add(JSON.stringify([bob.person('ann')?.status, bob.person('ann')?.call])))
    // It is connected, and in the room, before it speaks of the conversation.
    let tab = one.device.openTab('ann')
    tab.client.room(ROOM)
    tab.client.connect()
    await world.advance(1000)
    let two = { presence: createPresence(tab.client, ROOM, tab.ports) }
    two.presence.setActive(false)
    await world.advance(3000)
    expect([...seen].filter(text => text !== '["online","voice"]')).toEqual([])
    expect(bob.person('ann')).toMatchObject({ status: 'online', call: 'voice', editing: 'title' })
    two.presence.close()
    await world.advance(3000)
    expect(bob.person('ann')).toMatchObject({ status: 'online', call: 'voice', editing: 'title' })
    expect([...seen].filter(text => text !== '["online","voice"]')).toEqual([])
  })

  test('the newest of several targets is shown, and the older one again when it is let go of', async () => {
    let { world, open, bob } = await stage()
    let one = open('ann')
    await world.advance(1000)
    let two = open('ann', one.device)
    await world.advance(1000)
    one.presence.setEditing('title')
    await world.advance(500)
    two.presence.setEditing('body')
    await world.advance(500)
    expect(bob.person('ann')?.editing).toBe('body')
    two.presence.setEditing(null)
    await world.advance(500)
    expect(bob.person('ann')?.editing).toBe('title')
    two.presence.setEditing('body')
    await world.advance(500)
    one.presence.setEditing('summary')
    await world.advance(500)
    expect(bob.person('ann')?.editing).toBe('summary')
  })

  test('closing it takes back what was said, while the room goes on', async () => {
    let { world, open, bob } = await stage()
    let ann = open('ann')
    ann.tab.client.room(ROOM)
    await world.advance(1000)
    ann.presence.setCall('screen')
    await world.advance(500)
    expect(bob.person('ann')?.call).toBe('screen')
    ann.presence.close()
    await world.advance(3000)
    expect(bob.person('ann')).toMatchObject({ call: 'none', devices: 1 })
  })

  test('where tabs cannot hear each other each has a connection, and the device counts for each', async () => {
    let { world, bob } = await stage()
    let device = world.device()
    let tabs = [1, 2].map(() => {
      let tab = device.openTab('ann', { ports: { ...device.page().ports, locks: null, openChannel: null } })
      let presence = createPresence(tab.client, ROOM, { ...tab.ports, locks: null, openChannel: null })
      tab.client.connect()
      return presence
    })
    await world.advance(1000)
    tabs[0]?.setActive(false)
    await world.advance(500)
    expect(bob.person('ann')).toMatchObject({ status: 'online', devices: 2 })
    tabs[1]?.setActive(false)
    await world.advance(500)
    expect(bob.person('ann')?.status).toBe('away')
  })
})

describe('by hand', () => {
  test('wins over what is detected, on all devices and after a reload, until it is taken back', async () => {
    let { world, open, bob } = await stage()
    let laptop = open('ann')
    let phone = open('ann')
    await world.advance(1000)
    await laptop.presence.setStatus('busy')
    await world.advance(500)
    expect(bob.person('ann')).toMatchObject({ status: 'busy', isManual: true, devices: 2 })
    expect(phone.person('ann')).toMatchObject({ status: 'busy', isManual: true })
    laptop.presence.setActive(false)
    phone.presence.setActive(false)
    await world.advance(500)
    expect(bob.person('ann')?.status).toBe('busy')
    await laptop.tab.close()
    await world.advance(500)
    let again = open('ann', laptop.device)
    await world.advance(1000)
    expect(again.person('ann')).toMatchObject({ status: 'busy', isManual: true })
    await phone.presence.setStatus(null)
    await world.advance(500)
    // The reloaded tab is used.
    expect(bob.person('ann')).toMatchObject({ status: 'online', isManual: false })
  })

  test('offline it is shown at once here, and by the others after the return', async () => {
    let { world, open, bob } = await stage()
    let ann = open('ann')
    await world.advance(1000)
    ann.device.goOffline()
    await world.advance(100)
    await ann.presence.setStatus('away')
    await world.advance(100)
    expect(ann.presence.$state.get().stale).toBe(true)
    expect(ann.person('ann')?.status).toBe('away')
    expect(bob.person('ann')?.status).toBe('online')
    ann.device.goOnline()
    await world.advance(5000)
    expect(ann.presence.$state.get().stale).toBe(false)
    expect(bob.person('ann')).toMatchObject({ status: 'away', isManual: true })
  })

  test('nobody counts who chose to be offline, though they are there', async () => {
    let { world, open, bob } = await stage()
    let ann = open('ann')
    await world.advance(1000)
    expect(bob.presence.$state.get().onlineCount).toBe(2)
    await ann.presence.setStatus('offline')
    await world.advance(500)
    expect(bob.presence.$state.get().onlineCount).toBe(1)
  })

  test('a persona that the server plays is as the server says', async () => {
    let { world, bob } = await stage()
    await world.server.hub
      .room(ROOM)
      .push(personaStatus, 'personaStatusUpdate', { personaId: 'luna', status: 'responding' }, { by: 'luna' })
    await world.advance(500)
    expect(bob.person('luna')).toMatchObject({ status: 'responding', devices: 0 })
    expect(bob.presence.$state.get().onlineCount).toBe(2)
  })
})

test('who comes and goes is noted, oneself and other rooms are not; the list stays short', async () => {
  let { world, open, bob } = await stage()
  let ann = open('ann')
  await world.advance(1000)
  ann.tab.client.room('elsewhere')
  bob.tab.client.room('elsewhere')
  await world.advance(1000)
  await ann.tab.client.disconnect()
  await world.advance(1000)
  let notices = () => bob.presence.$state.get().notices.map(({ type, userId }) => `${type} ${userId}`)
  expect(notices()).toEqual(['userJoined ann', 'userLeft ann'])
  for (let i = 0; i < 30; i++) {
    ann.tab.client.connect()
    await world.advance(1000)
    await ann.tab.client.disconnect()
    await world.advance(1000)
  }
  expect(notices()).toHaveLength(50)
  expect(notices().at(-1)).toBe('userLeft ann')
})

test('malformed words of a peer count as not said', async () => {
  let { world, bob } = await stage()
  let eve = world.device().openTab('eve')
  eve.client.room(ROOM).presence.set({ status: 'king', call: 7, editing: { a: 1 }, user: 'bob', activity: [] })
  eve.client.connect()
  await world.advance(1000)
  expect(bob.person('eve')).toMatchObject({ status: 'online', call: 'none', editing: null, activity: null })
  expect(bob.person('bob')).toMatchObject({ status: 'online', call: 'none', devices: 1 })
})

test('the words for it', () => {
  expect(editingText('Ann', { editing: 'the title' })).toBe('Ann is editing the title')
  expect(editingText('Ann', { editing: null })).toBe('')
  expect(['none', 'voice', 'video', 'screen'].map(call => callText('Ann', { call: call as 'voice' }))).toEqual([
    '',
    'Ann is in a voice call',
    'Ann is in a video call',
    'Ann is sharing their screen'
  ])
})

test('who is in which conversation', async () => {
  let { world, open, bob } = await stage()
  let ann = open('ann')
  let views = [bob.presence, ...['d', 'e'].map(room => createPresence(bob.tab.client, room, bob.tab.ports))]
  let annToo = createPresence(ann.tab.client, 'e', ann.tab.ports)
  await world.advance(1000)
  expect(whereabouts(views.map(({ $state }) => $state.get()))).toEqual({ ann: ['c', 'e'], bob: ['c', 'd', 'e'] })
  annToo.close()
  await world.advance(3000)
  expect(whereabouts(views.map(({ $state }) => $state.get()))).toEqual({ ann: ['c'], bob: ['c', 'd', 'e'] })
})
