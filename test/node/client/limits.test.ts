// Something between a client and its server takes less than the server does, and ends every connection that brings more.

import { expect, test } from 'vitest'
import type { Connect } from '../../../src/ports.js'
import { createWorld, useBoard, type World } from './world.js'

function openBehind(limit: number, world: World) {
  let device = world.device()
  let ended = 0
  let connect: Connect = (url, sink) => {
    let link = device.network.connect(url, sink)
    let isEnded = false
    return {
      ...link,
      send(text) {
        if (text.length <= limit) return link.send(text)
        if (!isEnded) ended++
        isEnded = true
        link.close()
        world.clock.after(10, () => sink.closed(1009, ''))
        return true
      }
    }
  }
  let tab = device.open('ann', { ports: { connect } })
  let board = useBoard(tab)
  tab.client.connect()
  return { tab, board, ended: () => ended }
}

test('{HC 18} an action that ends every connection is rejected as too large, and those before and behind it are delivered', async () => {
  let world = createWorld()
  let { tab, board, ended } = openBehind(20_000, world)
  await world.clock.advance(200)
  board.note('before')
  let large = board.note('x'.repeat(30_000))
  let acked = large.acked.then(
    () => 'acked',
    error => error.code
  )
  board.note('behind')
  await world.clock.advance(60_000)
  expect(await world.notes()).toEqual(['before', 'behind'])
  expect(await acked).toBe('too-large')
  expect(tab.client.rejected.get()).toMatchObject([{ code: 'too-large', row: { id: large.id } }])
  expect(tab.client.pending.get()).toEqual([])
  expect(ended()).toBeLessThanOrEqual(3)
  expect(tab.client.$connection.get().phase).toBe('online')
  // Known from now on, at the call.
  expect(() => board.note('x'.repeat(30_000))).toThrow(expect.objectContaining({ code: 'too-large' }))
})

test('{HC 18} many small actions are too large only together: they go in smaller messages, and none is refused', async () => {
  let world = createWorld()
  let { tab, board, ended } = openBehind(4000, world)
  let wanted = Array.from({ length: 100 }, (_, i) => `${i}`.padEnd(200, '.'))
  await world.clock.advance(200)
  for (let text of wanted) board.note(text)
  await world.clock.advance(120_000)
  expect(await world.notes()).toEqual(wanted)
  expect([tab.client.rejected.get(), tab.client.pending.get()]).toEqual([[], []])
  expect(ended()).toBeLessThanOrEqual(5)
})
