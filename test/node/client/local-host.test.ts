// What the part of a feature that runs on a page is given of its room, by a whole client at a whole server.

import { expect, test } from 'vitest'
import { defineFeature, durable, type LocalHost } from '../../../src/feature.js'
import { object, string } from '../../../src/schema.js'
import { createWorld } from '../../../src/testing/index.js'

const events = { said: durable(object({ text: string() })) }
type Host = LocalHost<{ texts: readonly string[] }, typeof events>

let hosts: Host[] = []
let said = defineFeature({
  name: 'said',
  version: 1,
  events,
  initial: { texts: [] as readonly string[] },
  reduce: { said: ({ texts }, { text }) => ({ texts: [...texts, text] }) },
  commands: { say: (_, text: string) => ({ type: 'said', data: { text } }) },
  local(host: Host) {
    hosts.push(host)
    return {}
  }
})

test('a local part knows its room, whether it is current, and what was said before', async () => {
  hosts = []
  let world = createWorld({ features: [said] })
  let pushed = Array.from({ length: 5 }, (_, i) =>
    world.server.hub.room('r').push(said, 'said', { text: `${i}` }, { by: 'app' })
  )
  await world.settle()
  await Promise.all(pushed)
  let device = world.device()
  let { client } = device.open('ann')
  client.room('r').use(said)
  client.room('s').use(said)
  let [host, other] = hosts as [Host, Host]
  expect([host.room, other.room, host.me]).toEqual(['r', 's', 'ann'])
  expect(host.$status.get().stale).toBe(true)
  expect(await host.history().catch((error: { code: string }) => error.code)).toBe('not-connected')

  let heard: string[] = []
  host.onEvent(({ data }) => void heard.push(data.text))
  client.connect()
  await world.advance(1000)
  expect(host.$status.get().stale).toBe(false)
  // What was missed is state, not news.
  expect(host.$state.get().texts).toEqual(['0', '1', '2', '3', '4'])
  expect(heard).toEqual([])

  let textsOf = async (options?: Parameters<Host['history']>[0]) => {
    let page = host.history(options)
    await world.advance(100)
    let { events, done } = await page
    return [events.map(({ data }) => (data as { text: string }).text).join(''), done]
  }
  expect(await textsOf()).toEqual(['01234', true])
  expect(await textsOf({ limit: 2 })).toEqual(['34', false])
  expect(await textsOf({ before: 4, limit: 2 })).toEqual(['12', false])

  device.network.down = 'refused'
  device.network.drop()
  await world.advance(100)
  expect(host.$status.get().stale).toBe(true)
  device.network.heal()
  await world.advance(20_000)
  void world.server.hub.room('r').push(said, 'said', { text: 'live' }, { by: 'app' })
  await world.advance(100)
  expect(heard).toEqual(['live'])
})

test('a claim is had by one tab of a device', async () => {
  hosts = []
  let world = createWorld({ features: [said] })
  let device = world.device()
  for (let i = 0; i < 3; i++) device.open('ann').client.room('r').use(said)
  let claims = Promise.all(hosts.map(host => host.claim('bell')))
  await world.advance(100)
  expect((await claims).filter(Boolean)).toHaveLength(1)
})
