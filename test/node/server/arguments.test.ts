// What the app's own code may hand to the server: everything else throws at the call, names the argument, and changes nothing.

import { createServer as createHttpServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { AnyFeature } from '../../../src/feature.js'
import { decode } from '../../../src/protocol/codec.js'
import type { AppOptions, HubOptions, HubRoom } from '../../../src/server/hub.js'
import { createServer, createSqliteStorage, type ServerOptions } from '../../../src/server/node.js'
import { createWorld, notes, variantOf, type World } from './world.js'

const BY = { by: 'app' }

/** What one call of the app's own code makes of wrong arguments, whichever way it fails. */
async function refusalOf(call: () => unknown): Promise<{ code?: string; message: string } | null> {
  try {
    await call()
    return null
  } catch (error) {
    return error as Error
  }
}

async function expectRefused(call: () => unknown, words: string | RegExp): Promise<void> {
  let error = await refusalOf(call)
  expect(error).toMatchObject({ name: 'RealtimeError', code: 'bad-argument' })
  expect(error?.message).toMatch(words)
}

/** Room `r` as it is, and that everything which a client was told in it is well-formed. */
async function expectUntouched(world: World, offset = 0): Promise<void> {
  await world.clock.settle()
  let ann = await world.join('ann')
  expect(ann.last('joined').offset).toBe(offset)
  expect(ann.take('cast')).toEqual([])
  expect(ann.messages.flatMap(text => decode(text).bad)).toEqual([])
}

let wrongOptions: [unknown, RegExp][] = [
  [undefined, /options.*by/],
  [null, /options.*by/],
  ['app', /options.*by/],
  [{}, /^by must/],
  [{ by: 7 }, /^by must/],
  [{ by: '' }, /^by must/],
  [{ by: 'x'.repeat(257) }, /^by must/],
  [{ by: { user: 'ann' } }, /^by must/],
  [{ by: 'app', key: '' }, /^key must/],
  [{ by: 'app', key: 7 }, /^key must/],
  [{ by: 'app', key: null }, /^key must/],
  [{ by: 'app', key: 'x'.repeat(61) }, /^key must/]
]

test.each(wrongOptions)('[A1] push and cast refuse the options %j', async (options, words) => {
  let world = createWorld()
  let room = world.hub.room('r')
  await expectRefused(() => room.push(notes, 'add', { text: 'x' }, options as AppOptions), words)
  expect(() => room.cast(notes, 'cursor', { x: '1' }, options as AppOptions)).toThrow(words)
  await expectUntouched(world)
})

test('[A1] the longest by and key are taken', async () => {
  let world = createWorld()
  let options = { by: 'x'.repeat(256), key: 'k'.repeat(60) }
  let pushed = world.hub.room('r').push(notes, 'add', { text: 'x' }, options)
  await world.clock.settle()
  expect(await pushed).toMatchObject({ offset: 1 })
  await expectUntouched(world, 1)
})

test.each([undefined, null, 7, '', 'x'.repeat(257), '__proto__', {}])('[A1] no room has the name %j', async id => {
  await expectRefused(() => createWorld().hub.room(id as string), /^room must/)
})

test('[A1] feature and type are checked', async () => {
  let room = createWorld().hub.room('r')
  for (let feature of [undefined, null, 7, {}]) {
    await expectRefused(() => room.push(feature as string, 'add', { text: 'x' }, BY), /^feature must/)
    await expectRefused(() => room.cast(feature as string, 'cursor', { x: '1' }, BY), /^feature must/)
    await expectRefused(() => room.state(feature as string), /^feature must/)
  }
  for (let type of [undefined, null, 7, Symbol('add')] as unknown[]) {
    await expectRefused(() => room.push(notes, type as string, { text: 'x' }, BY), /^type must/)
  }
})

let cyclic: Record<string, unknown> = {}
cyclic.self = cyclic
let throwing = {
  toJSON() {
    throw new Error('no')
  }
}

test.each([
  ['a BigInt', { count: 1n }],
  ['a cycle', cyclic],
  ['nothing', undefined],
  ['a function', () => {}],
  ['what throws', throwing]
])('[A1] data that JSON cannot write are refused: %s', async (_, data) => {
  let anything = { ...notes.events.cursor, schema: notes.events.blob.schema, key: undefined }
  let world = createWorld({ features: [variantOf(notes, { events: { ...notes.events, anything } })] })
  let room = world.hub.room('r')
  await expectRefused(() => room.push('notes', 'blob', data, BY), /^data .*JSON/)
  expect(() => room.cast('notes', 'anything', data, BY)).toThrow(/^data .*JSON/)
  await expectUntouched(world)
})

test('[A1] data are stored and cast as their JSON copy', async () => {
  let world = createWorld()
  let ann = await world.join('ann')
  let room = world.hub.room('r')
  let data = { at: new Date(0), list: [1, undefined], gone: undefined }
  let text = { text: 'before' }
  let pushes = [room.push(notes, 'blob', data, BY), room.push(notes, 'add', text, BY)]
  let cursor = { x: 'before' }
  room.cast(notes, 'cursor', cursor, BY)
  data.list.push(2)
  text.text = 'after'
  cursor.x = 'after'
  await world.clock.settle()
  await Promise.all(pushes)
  expect(ann.take('event').map(event => event.data)).toEqual([
    { at: '1970-01-01T00:00:00.000Z', list: [1, null] },
    { text: 'before' }
  ])
  expect(ann.take('cast')).toMatchObject([{ data: { x: 'before' } }])
  let state = room.state(notes)
  await world.clock.settle()
  expect((await state).texts).toEqual(['before'])
})

test('[A1] what is checked is the copy', async () => {
  let world = createWorld()
  let asNumber = { toJSON: () => ({ text: 7 }), text: 'fine' }
  await expectRefused(() => world.hub.room('r').push(notes, 'add', asNumber, BY), /text/)
  await expectUntouched(world)
})

test('[A2] a key function that throws or answers nonsense does no harm', async () => {
  let cursor = (key: (data: { x: string }) => string) => ({ ...notes.events.cursor, key })
  let throws = cursor(() => {
    throw new Error('no key')
  })
  let events = { ...notes.events, throws, long: cursor(({ x }) => x.repeat(1000)) }
  let world = createWorld({ features: [variantOf(notes, { events })] })
  let ann = await world.join('ann')
  world.hub.room('r').cast('notes', 'throws', { x: '1' }, BY)
  world.hub.room('r').cast('notes', 'long', { x: '1' }, BY)
  await world.clock.settle()
  expect(ann.take('cast').map(({ key }) => key?.length)).toEqual([undefined, 256])
  expect(ann.messages.flatMap(text => decode(text).bad)).toEqual([])
})

test('[A1] a closed hub takes nothing more', async () => {
  let world = createWorld()
  let room = world.hub.room('r')
  let first = room.push(notes, 'add', { text: 'in time' }, BY)
  let closing = world.hub.close()
  let calls: ((room: HubRoom) => unknown)[] = [
    room => room.push(notes, 'add', { text: 'late' }, BY),
    room => room.cast(notes, 'cursor', { x: '1' }, BY),
    room => room.state(notes)
  ]
  for (let call of calls) expect(await refusalOf(() => call(room))).toMatchObject({ code: 'closed' })
  await world.clock.settle()
  await closing
  expect(await first).toMatchObject({ offset: 1 })
  for (let call of calls) expect(await refusalOf(() => call(world.hub.room('s')))).toMatchObject({ code: 'closed' })
  await world.clock.settle()
  expect(world.hub.stats().rooms).toBe(0)
})

let wrongLimits: [unknown, string][] = [
  [null, 'limits must be an object'],
  [7, 'limits must be an object'],
  [[], 'limits must be an object'],
  [{ heartBeat: 1000 }, 'limits has no «heartBeat»'],
  [{ toString: 1 }, 'limits has no «toString»'],
  [{ heartbeat: '6000' }, 'limits.heartbeat must'],
  [{ heartbeat: 0 }, 'limits.heartbeat must'],
  [{ heartbeat: Infinity }, 'limits.heartbeat must'],
  [{ max: -1 }, 'limits.max must'],
  [{ max: 1000.5 }, 'limits.max must'],
  [{ badFrames: -1 }, 'limits.badFrames must'],
  [{ keepIds: Number.NaN }, 'limits.keepIds must'],
  [{ presenceGrace: null }, 'limits.presenceGrace must'],
  [{ idleRoom: 0 }, 'limits.idleRoom must'],
  [{ batch: 0 }, 'limits.batch must'],
  [{ actionsPerMinute: 0 }, 'limits.actionsPerMinute must'],
  [{ window: 5 }, 'limits.window must'],
  [{ window: null }, 'limits.window must'],
  [{ window: { count: 5 } }, 'limits.window.bytes must'],
  [{ window: { count: 0, bytes: 5 } }, 'limits.window.count must'],
  [{ retry: 5 }, 'limits.retry must'],
  [{ retry: [5] }, 'limits.retry must'],
  [{ retry: [-1, 5] }, 'limits.retry must'],
  [{ retry: [5, 1] }, 'limits.retry must']
]

test.each(wrongLimits)('the limits %j are refused', async (limits, words) => {
  await expectRefused(() => createWorld({ limits: limits as NonNullable<HubOptions['limits']> }), words)
  await expectRefused(() => createServer({ limits } as ServerOptions), words)
})

test('a limit that is undefined is the default', async () => {
  let world = createWorld({ limits: { heartbeat: undefined } as unknown as NonNullable<HubOptions['limits']> })
  expect((await world.enter('ann')).last('welcome').heartbeat).toBe(6000)
})

let wrongFeatures: [string, unknown, string][] = [
  ['no list', notes, 'features must be a list'],
  ['a name', ['notes'], 'features[0] must be a feature'],
  ['nothing', [notes, undefined], 'features[1] must be a feature'],
  ['a module', [{ notes }], 'features[0] must be a feature'],
  ['no reducers', [variantOf(notes, { reduce: undefined as never })], 'features[0] must be a feature'],
  ['no events', [variantOf(notes, { events: null as never })], 'features[0] must be a feature'],
  ['no version', [variantOf(notes, { version: '1' as never })], 'features[0] must be a feature'],
  ['a long name', [variantOf(notes, { name: 'x'.repeat(65) })], 'features[0] must be a feature'],
  ['an event that is none', [variantOf(notes, { events: { add: {} as never } })], 'features[0].events.add must'],
  ['one twice', [notes, notes], 'two features are named «notes»']
]

test.each(wrongFeatures)('features are checked: %s', async (_, features, words) => {
  await expectRefused(() => createWorld({ features: features as AnyFeature[] }), words)
  await expectRefused(() => createServer({ features } as ServerOptions), words)
})

let wrongRest: [unknown, string][] = [
  [{ storage: {} }, 'storage must'],
  [{ storage: 'realtime.db' }, 'storage must'],
  [{ policy: true }, 'policy must be a function'],
  [{ authenticate: {} }, 'authenticate must be a function'],
  [{ revoke: 'yes' }, 'revoke must be a function'],
  [{ report: 1 }, 'report must be a function']
]

test.each(wrongRest)('the options %j are refused', async (options, words) => {
  await expectRefused(() => createWorld(options as Partial<HubOptions>), words)
  await expectRefused(() => createServer(options as ServerOptions), words)
})

test('path and port are checked before anything is opened', async () => {
  for (let path of ['realtime', '', 7, null, '/realtime?x=1']) {
    await expectRefused(() => createServer({ path } as ServerOptions), 'path must start with /')
  }
  for (let port of [-1, 65_536, 1.5, '4000']) {
    await expectRefused(() => createServer({ port } as ServerOptions), 'port must')
  }
  await expectRefused(() => createServer({ server: {} } as ServerOptions), 'server must')
  await expectRefused(() => createServer(null as unknown as ServerOptions), 'options must be an object')
  let server = createHttpServer()
  await expectRefused(() => createServer({ server, path: 'x' }), 'path must start with /')
  expect(server.listenerCount('upgrade')).toBe(0)
})

test('createSqliteStorage says what is missing', async () => {
  let create = (options?: unknown) => () => createSqliteStorage(options as Parameters<typeof createSqliteStorage>[0])
  for (let options of [undefined, null, 'realtime.db']) await expectRefused(create(options), /^options must be .*file/)
  for (let file of [undefined, null, 7, '']) await expectRefused(create({ file }), /^file must/)
  let file = join(tmpdir(), 'no', 'such', 'folder.db')
  await expectRefused(create({ file, synchronous: 'FULL' }), /^synchronous must/)
  await expectRefused(create({ file, restored: 'no' }), /^restored must/)
})
