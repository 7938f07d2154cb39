// The world of tests runs in a browser too, where turns of the event loop come by message.

import { expect, test } from 'vitest'
import { createRealtime } from '../../src/client.js'
import { defineFeature, durable } from '../../src/feature.js'
import { object, string } from '../../src/schema.js'
import { createWorld } from '../../src/testing/index.js'

let notes = defineFeature({
  name: 'notes',
  version: 1,
  events: { added: durable(object({ text: string() })) },
  initial: [] as readonly string[],
  reduce: { added: (texts, { text }) => [...texts, text] },
  commands: { add: (_, text: string) => ({ type: 'added', data: { text } }) }
})

test('a device offline, a reload, and a server that was away', async () => {
  let world = createWorld({ features: [notes] })
  let phone = world.device()
  let open = () => {
    let page = phone.page()
    let client = createRealtime({ url: 'wss://example.org/', app: 'notes', user: 'ada', ports: page.ports })
    client.connect()
    return { page, client, ...client.room('r').use(notes) }
  }
  phone.goOffline()
  let first = open()
  await first.add('one')
  await first.page.close()
  world.server.crash()
  let second = open()
  phone.goOnline()
  await world.advance(5000)
  expect(second.$state.get()).toEqual(['one'])
  expect(second.client.pending.get()).toHaveLength(1)
  world.server.start()
  await world.until(() => second.client.pending.get().length === 0)
  expect(await world.server.state('r', notes)).toEqual(['one'])
})
