// What a log is told of a client: by level, once for each thing, and nothing any more after the end.

import { expect, test } from 'vitest'
import { logClient, toConsole } from '../../../src/kits/log.js'
import { createWorld, useBoard } from '../client/world.js'

function stage(level?: 'debug' | 'warn' | 'error') {
  let world = createWorld({ policy: ({ data }) => (JSON.stringify(data ?? '').includes('bad') ? 'bad-word' : true) })
  let device = world.device()
  let tab = device.open('ann')
  let lines: [string, string, unknown][] = []
  let stop = logClient(tab.client, (...line) => void lines.push(line as (typeof lines)[0]), level ? { level } : {})
  let board = useBoard(tab)
  tab.client.connect()
  return { world, device, tab, board, lines, stop, codes: () => lines.map(([level, code]) => `${level} ${code}`) }
}

test('every phase is told once, with how the connection is', async () => {
  let { world, device, lines, codes } = stage()
  await world.clock.advance(1000)
  expect(codes()).toContain('info connected')
  expect(
    lines.filter(([, code]) => code === 'phase').map(([, , detail]) => (detail as { phase: string }).phase)
  ).toEqual(['connecting', 'authenticating', 'online'])
  lines.length = 0
  device.network.cut()
  await world.clock.advance(1000)
  expect(codes()).toEqual(expect.arrayContaining(['info phase', 'info disconnected']))
  expect(lines.find(([, code]) => code === 'phase')?.[2]).toMatchObject({
    phase: expect.any(String),
    reason: expect.any(String),
    bytesOut: expect.any(Number),
    pending: 0
  })
})

test('a refusal is a warning, and what waits and is answered is told only while debugging', async () => {
  let { world, board, codes } = stage('debug')
  await world.clock.advance(1000)
  board.note('good')
  board.note('bad')
  await world.clock.advance(1000)
  let about = codes().filter(code => /waiting|answered|rejected/.test(code))
  expect(about).toEqual(
    expect.arrayContaining(['debug waiting', 'debug waiting', 'debug answered', 'debug answered', 'warn rejected'])
  )
  expect(about.filter(code => code === 'debug answered')).toHaveLength(2)

  let quiet = stage('warn')
  await quiet.world.clock.advance(1000)
  quiet.board.note('bad')
  await quiet.world.clock.advance(1000)
  expect(quiet.codes()).toEqual(['warn rejected'])
})

test('what fails with nobody to tell is an error, and a log that throws disturbs nothing', async () => {
  let { world, tab, board, codes, stop } = stage('error')
  logClient(tab.client, () => {
    throw new Error('the log is full')
  })
  tab.client.$connection.listen(() => {})
  await world.clock.advance(1000)
  tab.client.emit('error', { error: new Error('x') as never })
  board.note('still')
  await world.clock.advance(1000)
  expect(codes()).toEqual(['error error'])
  expect(await world.notes()).toEqual(['still'])
  stop()
  tab.client.emit('error', { error: new Error('y') as never })
  expect(codes()).toHaveLength(1)
})

test('a console hears each level by its own method', () => {
  let said: unknown[] = []
  let method =
    (level: string) =>
    (...line: unknown[]) =>
      void said.push([level, ...line])
  let report = toConsole({ debug: method('debug'), info: method('info'), warn: method('warn'), error: method('error') })
  report('warn', 'rejected', { id: 'a' })
  report('debug', 'waiting')
  expect(said).toEqual([
    ['warn', 'realtime: rejected', { id: 'a' }],
    ['debug', 'realtime: waiting', undefined]
  ])
})
