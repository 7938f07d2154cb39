// When people were last there, for those who come later.

import { expect, test } from 'vitest'
import { personaStatus } from '../../../src/features/persona-status.js'
import { keepLastSeen } from '../../../src/handlers/last-seen.js'
import { createPresence } from '../../../src/kits/presence.js'
import type { Device } from '../../../src/testing/device.js'
import { createWorld } from '../../../src/testing/world.js'

function stage() {
  let world = createWorld({ features: [personaStatus] })
  keepLastSeen(world.server.hub)
  function open(user: string, room = 'c', device: Device = world.device()) {
    let tab = device.openTab(user)
    let presence = createPresence(tab.client, room, tab.ports)
    tab.client.connect()
    return { tab, device, person: (user: string) => presence.$state.get().people[user] }
  }
  return { world, open }
}

test('who left is offline, and was last seen then: also for whoever comes later, and until they are back', async () => {
  let { world, open } = stage()
  let bob = open('bob')
  let ann = open('ann')
  await world.advance(1000)
  expect(bob.person('ann')).toMatchObject({ status: 'online', lastSeen: null, devices: 1 })
  await world.advance(60_000)
  let left = world.clock.now()
  await ann.tab.client.disconnect()
  await world.advance(1000)
  let cy = open('cy')
  await world.advance(1000)
  for (let { person } of [bob, cy]) {
    expect(person('ann')).toMatchObject({ status: 'offline', devices: 0 })
    expect(Math.abs((person('ann')?.lastSeen ?? 0) - left)).toBeLessThan(1000)
  }
  ann.tab.client.connect()
  await world.advance(1000)
  expect(cy.person('ann')).toMatchObject({ status: 'online', lastSeen: null, devices: 1 })
})

test('nothing is written while another device is there, nor when a network fails for a moment', async () => {
  let { world, open } = stage()
  let bob = open('bob')
  let laptop = open('ann')
  let phone = open('ann')
  await world.advance(1000)
  laptop.tab.crash()
  await world.advance(30_000)
  phone.device.goOffline()
  await world.advance(2000)
  phone.device.goOnline()
  await world.advance(10_000)
  expect(bob.person('ann')).toMatchObject({ status: 'online', devices: 1 })
  expect(await world.server.hub.room('c').state(personaStatus)).toEqual({ chosen: {}, told: {} })
  phone.tab.crash()
  await world.advance(30_000)
  expect(bob.person('ann')?.status).toBe('offline')
})

test("what was chosen by hand does not hold for somebody who left, and users' own rooms keep no record", async () => {
  let { world, open } = stage()
  let bob = open('bob')
  let ann = open('ann')
  ann.tab.client.room('user:ann')
  await ann.tab.client.room('c').use(personaStatus).updatePersonaStatus('busy')
  await world.advance(1000)
  expect(bob.person('ann')?.status).toBe('busy')
  await ann.tab.client.disconnect()
  await world.advance(1000)
  expect(bob.person('ann')?.status).toBe('offline')
  expect(await world.server.hub.room('user:ann').state(personaStatus)).toEqual({ chosen: {}, told: {} })
})
