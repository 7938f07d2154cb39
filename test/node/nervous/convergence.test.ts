// Whatever is done to networks, pages and the server: afterwards all clients, a late joiner and the server show the same, and
// that is what the log says.

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type EventMeta, reduceEvent, type StateOf } from '../../../src/feature.js'
import { sharedState } from '../../../src/features/shared-state.js'
import { number } from '../../../src/schema.js'
import type { Device, Tab } from '../../../src/testing/index.js'
import { createWorld } from '../../../src/testing/world.js'

const level = number({ min: 0, max: 1 })
const dials = sharedState({
  name: 'dials',
  version: 1,
  fields: { a: level, b: level, c: level, d: level },
  initial: { a: 0, b: 0, c: 0, d: 0 }
})
type Dials = StateOf<typeof dials>
type Field = keyof Dials['values']
const FIELDS: readonly Field[] = ['a', 'b', 'c', 'd']

type Step =
  | { readonly do: 'patch'; readonly on: number; readonly fields: readonly Field[] }
  | { readonly do: 'patch-if'; readonly on: number; readonly fields: readonly Field[]; readonly seen: Field }
  | { readonly do: 'offline' | 'online' | 'drop' | 'cut' | 'half-open' | 'slow' | 'reload'; readonly on: number }
  | { readonly do: 'crash' | 'start' | 'wait' }

const on = fc.nat(2)
const fields = fc.subarray([...FIELDS], { minLength: 1 })
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    { weight: 8, arbitrary: fc.record({ do: fc.constant('patch' as const), on, fields }) },
    {
      weight: 3,
      arbitrary: fc.record({ do: fc.constant('patch-if' as const), on, fields, seen: fc.constantFrom(...FIELDS) })
    },
    {
      weight: 4,
      arbitrary: fc.record({
        do: fc.constantFrom('offline', 'online', 'drop', 'cut', 'half-open', 'slow', 'reload'),
        on
      })
    },
    { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('crash', 'start', 'wait', 'wait') }) }
  ),
  { minLength: 10, maxLength: 50 }
)

interface Said {
  readonly on: number
  readonly id: string
  readonly isChecked: boolean
  readonly fields: readonly Field[]
}

async function play(seed: number, list: readonly Step[]) {
  let world = createWorld({ features: [dials], seed: 1 + (seed % 1000) })
  let devices: { device: Device; tab: Tab }[] = ['web', 'desktop', 'mobile'].map((platform, i) => {
    let device = world.device()
    return { device, tab: open(device, `user-${i}`, platform) }
  })
  let said: Said[] = []
  let count = 0

  function open(device: Device, user: string, platform: string): Tab {
    let tab = device.openTab(user, { platform })
    tab.client.room('r').use(dials)
    tab.client.connect()
    return tab
  }
  let dialsOf = (tab: Tab) => tab.client.room('r').use(dials)

  await world.advance(1000)
  for (let step of list) {
    if (!('on' in step)) {
      if (step.do === 'crash') world.server.crash()
      else if (step.do === 'start') world.server.start()
      else await world.advance(700)
    } else {
      let it = devices[step.on] as (typeof devices)[number]
      let { device } = it
      if (step.do === 'patch' || step.do === 'patch-if') {
        let handle = dialsOf(it.tab)
        let values = Object.fromEntries(step.fields.map(field => [field, ++count / 10_000]))
        let options = step.do === 'patch' ? {} : { basedOn: { [step.seen]: handle.$state.get().versions[step.seen] } }
        let { id, acked } = handle.patch(values, options)
        acked.catch(() => {})
        said.push({ on: step.on, id, isChecked: step.do === 'patch-if', fields: step.fields })
      } else if (step.do === 'offline') device.goOffline()
      else if (step.do === 'online') device.goOnline()
      else if (step.do === 'drop') device.network.drop()
      else if (step.do === 'cut') device.network.cut(200)
      else if (step.do === 'half-open') device.network.halfOpen()
      else if (step.do === 'slow') device.network.bytesPerSecond = 400
      else {
        await world.settle()
        it.tab.crash()
        it.tab = open(device, `user-${step.on}`, 'web')
      }
    }
    await world.advance(30)
  }

  world.server.start()
  for (let { device } of devices) device.goOnline()
  let late = open(world.device(), 'late', 'mobile')
  // A dead link is noticed within 15 s.
  await world.advance(15_000)
  let all = [...devices.map(({ tab }) => tab), late]
  await world.until(
    () =>
      all.every(({ client }) => {
        let { phase, pending } = client.$connection.get()
        return phase === 'online' && pending.count === 0 && !client.room('r').$status.get().stale
      }),
    { within: 120_000 }
  )
  await world.advance(1000)
  return {
    said,
    events: await world.server.events('r'),
    server: await world.server.state('r', dials),
    shown: all.map(tab => dialsOf(tab).$state.get()),
    rejected: devices.map(({ tab }) => tab.client.rejected.get()),
    unknown: devices.map(({ tab }) => tab.client.unknown.get())
  }
}

test('after any partition all clients, a late joiner and the server are equal, and equal to the fold of the log', async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(), steps, async (seed, list) => {
      let { said, events, server, shown, rejected, unknown } = await play(seed, list)
      for (let state of shown) expect(state).toEqual(server)
      let folded = events.reduce((state, { type, data, id, by, at }) => {
        let meta: EventMeta = { id, actor: by, at }
        return reduceEvent(dials, state, type, data, meta) as Dials
      }, dials.initial as Dials)
      expect(server).toEqual(folded)

      let order = new Map(events.map(({ id }, i) => [id, i]))
      expect(order.size).toBe(events.length)
      expect(unknown.flat()).toEqual([])
      for (let rows of rejected) for (let { code } of rows) expect(code).toBe('stale')
      let refused = new Set(rejected.flat().map(({ row }) => row.id))
      // A patch with `basedOn` is in effect or refused; what a device said last of a field is in effect, and it is its last.
      for (let { id, isChecked } of said) if (isChecked) expect(order.has(id)).toBe(!refused.has(id))
      for (let device of [0, 1, 2]) {
        for (let field of FIELDS) {
          let own = said.filter(patch => patch.on === device && patch.fields.includes(field) && !refused.has(patch.id))
          let last = own.at(-1)
          if (!last) continue
          expect(order.has(last.id)).toBe(true)
          for (let { id } of own) expect(order.get(id) ?? -1).toBeLessThanOrEqual(order.get(last.id) as number)
        }
      }
    }),
    { numRuns: 100 }
  )
}, 120_000)

async function pair() {
  let world = createWorld({ features: [dials] })
  function someone(user: string) {
    let device = world.device()
    let { client } = device.openTab(user)
    let handle = client.room('r').use(dials)
    client.connect()
    return { device, client, handle, values: () => handle.$state.get().values }
  }
  let all = { world, ann: someone('ann'), bob: someone('bob') }
  await world.advance(1000)
  return all
}
test('only the fields that change travel', async () => {
  let { world, ann } = await pair()
  ann.handle.patch({ a: 0.4 })
  await world.advance(500)
  expect(ann.device.network.sentOf('push').map(({ data }) => data)).toEqual([{ fields: { a: 0.4 } }])
})

test('different fields both hold, whoever was away; the same field is as the server took it last, whatever clocks say', async () => {
  let { world, ann, bob } = await pair()
  ann.device.goOffline()
  bob.device.goOffline()
  await world.advance(100)
  bob.handle.patch({ a: 0.2, c: 0.2 })
  await world.advance(5000)
  // Said later, and in effect earlier: ann is back first.
  ann.handle.patch({ a: 0.1, b: 0.1 })
  ann.device.goOnline()
  await world.advance(10_000)
  bob.device.goOnline()
  await world.advance(10_000)
  let expected = { a: 0.2, b: 0.1, c: 0.2, d: 0 }
  expect(ann.values()).toEqual(expected)
  expect(bob.values()).toEqual(expected)
})

test('what waits is conflated where nothing is lost: a patch of the same fields, never one of fewer', async () => {
  let { world, ann, bob } = await pair()
  ann.device.goOffline()
  await world.advance(100)
  ann.handle.patch({ a: 0.9, b: 0.9 })
  for (let i = 1; i <= 200; i++) {
    ann.handle.patch({ b: i / 1000 })
    await world.settle()
  }
  expect(ann.client.$connection.get().pending.count).toBe(2)
  ann.device.goOnline()
  await world.advance(10_000)
  expect(bob.values()).toMatchObject({ a: 0.9, b: 0.2 })
  expect((await world.server.events('r')).length).toBe(2)
})

test('a patch based on what has changed meanwhile is refused as stale as a whole, and rolled back', async () => {
  let { world, ann, bob } = await pair()
  ann.device.goOffline()
  await world.advance(100)
  let { versions } = ann.handle.$state.get()
  let { acked } = ann.handle.patch({ a: 0.5, b: 0.5 }, { basedOn: { a: versions.a } })
  let outcome = acked.then(
    () => 'acked',
    error => error.code
  )
  expect(ann.values()).toMatchObject({ a: 0.5, b: 0.5 })
  bob.handle.patch({ a: 0.7 })
  await world.advance(500)
  ann.device.goOnline()
  await world.advance(10_000)
  expect(await outcome).toBe('stale')
  expect(ann.values()).toEqual({ a: 0.7, b: 0, c: 0, d: 0 })
  expect(ann.client.rejected.get()).toMatchObject([{ code: 'stale' }])
  // The connection goes on, and what is based on what is so now is taken.
  ann.handle.patch({ b: 0.6 }, { basedOn: { a: ann.handle.$state.get().versions.a } })
  await world.advance(500)
  expect(bob.values()).toMatchObject({ a: 0.7, b: 0.6 })
})
