// A service worker that delivers is one of the tabs of its device: it keeps to their lease, and the server has everything once.

import { expect, test } from 'vitest'
import { memory } from '../../../src/features/memory.js'
import type { Device } from '../../../src/testing/device.js'
import { createWorld } from '../../../src/testing/world.js'
import { deliver } from '../../../src/worker/index.js'

async function stage() {
  let world = createWorld({ features: [memory] })
  let device = world.device()
  let tab = device.openTab('ann')
  let { createMemory } = tab.client.room('c').use(memory)
  tab.client.connect()
  await world.advance(1000)
  device.goOffline()
  for (let text of ['one', 'two']) await createMemory(text)
  await world.advance(1000)
  let contents = async () => (await world.server.hub.room('c').state(memory)).memories.map(({ content }) => content)
  return { world, device, tab, contents }
}

/** As a worker has them: there is no page. */
function options(device: Device) {
  let { page: _, ...ports } = device.page().ports
  return { url: 'wss://example.test/realtime', app: 'app', user: 'ann', ports }
}

test('where no page is left it delivers, and lets go', async () => {
  let { world, device, tab, contents } = await stage()
  await tab.close()
  device.goOnline()
  let delivered = deliver(options(device))
  await world.advance(5000)
  await delivered
  expect(await contents()).toEqual(['one', 'two'])
  expect(world.server.hub.stats().connections).toBe(0)
  let next = device.openTab('ann')
  next.client.connect()
  await world.advance(1000)
  expect(next.client.$connection.get()).toMatchObject({ tabs: 'leader', phase: 'online', pending: { count: 0 } })
})

test('the page that leads goes on leading, also when it has long been out of sight', async () => {
  let { world, device, tab, contents } = await stage()
  tab.tell('hidden')
  await world.advance(20_000)
  let wasLeader = new Set<string>()
  tab.client.$connection.listen(({ tabs }) => wasLeader.add(tabs))
  let delivered = deliver(options(device))
  await world.advance(100)
  device.network.heal()
  await world.advance(10_000)
  await delivered
  expect(await contents()).toEqual(['one', 'two'])
  expect([...wasLeader]).toEqual(['leader'])
})

test('a tab that comes while it delivers takes over, and nothing is twice', async () => {
  let { world, device, tab, contents } = await stage()
  await tab.close()
  let delivered = deliver(options(device))
  await world.advance(200)
  let next = device.openTab('ann')
  let { createMemory } = next.client.room('c').use(memory)
  next.client.connect()
  device.goOnline()
  await createMemory('three')
  await world.advance(10_000)
  await delivered
  expect(await contents()).toEqual(['one', 'two', 'three'])
  expect(world.server.hub.stats().events).toBe(3)
  expect(next.client.$connection.get()).toMatchObject({ tabs: 'leader', pending: { count: 0 } })
})

test('it connects to nothing when nothing waits, and says so when time is up', async () => {
  let { world, device, tab } = await stage()
  await tab.close()
  let attempts = 0
  let counted = options(device)
  let failing = {
    ...counted,
    ports: {
      ...counted.ports,
      connect: (...args: Parameters<typeof counted.ports.connect>) => {
        attempts++
        return counted.ports.connect(...args)
      }
    }
  }
  let failed: string | null = null
  deliver(failing, 50).catch(error => {
    failed = String(error)
  })
  await world.advance(1000)
  let told = async () => {
    await world.settle()
    return failed
  }
  await expect.poll(told).toContain('within 50 ms')
  expect(attempts).toBeGreaterThan(0)
  device.goOnline()
  let delivered = deliver(options(device))
  await world.advance(5000)
  await delivered
  attempts = 0
  let nothing = deliver(failing)
  await world.advance(1000)
  await nothing
  expect(attempts).toBe(0)
})
