// What holds for every feature, whatever it does.

import { deepStrictEqual } from 'node:assert'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { AnyFeature, CommandContext, Draft, EventMap, EventMeta, Feature, Receipt } from '../../../src/feature.js'
import { reduceEvent, validateDraft } from '../../../src/feature.js'
import { anything, check } from '../../../src/schema.js'
import type { Tab } from '../../../src/testing/device.js'
import { createWorld } from '../../../src/testing/world.js'
import { cases, type FeatureCase } from './cases.js'
import { createPage, deepFreeze } from './world.js'

interface Happening {
  readonly type: string
  readonly data: unknown
  readonly meta: EventMeta
}

const eventsOf = (feature: AnyFeature) => feature.events as EventMap
const json = (value: unknown) => JSON.parse(JSON.stringify(value)) as unknown

interface Liar {
  readonly tab: Tab
  readonly handle: { readonly $state: { get(): unknown }; say(type: string, data: unknown): Receipt }
  shown(): unknown
}

/** The feature as a client has it that sends whatever it likes: without its commands, and with any data that is an object. */
function careless(feature: AnyFeature) {
  let events = Object.entries(eventsOf(feature)).map(([type, spec]) => [type, { ...spec, schema: anything() }])
  let say = (_: unknown, type: string, data: unknown) => ({ type, data })
  return { ...feature, events: Object.fromEntries(events), commands: { say }, local: undefined } as unknown as Feature<
    string,
    unknown,
    EventMap,
    { say: (context: CommandContext<unknown>, type: string, data: unknown) => Draft<EventMap> }
  >
}

/** A room's history: events of the samples, by users with awkward names, in order of arrival. */
function histories({ samples: all }: FeatureCase, maxLength: number): fc.Arbitrary<Happening[]> {
  let samples = Object.entries(all).flatMap(([type, all]) => all.map(data => ({ type, data })))
  let step = fc.record({
    sample: fc.constantFrom(...samples),
    actor: fc.constantFrom('ann', 'bob', 'constructor', '__proto__', '7'),
    passed: fc.nat(5000),
    back: fc.nat(6)
  })
  return fc.array(step, { maxLength }).map(steps => {
    let at = 1_700_000_000_000
    return steps.map(({ sample, actor, passed, back }, i) => {
      at += passed
      let text = JSON.stringify(sample.data).replace(/\$(\d)/g, (_, n) => `event-${i - 1 - back - Number(n)}`)
      return { type: sample.type, data: JSON.parse(text), meta: { id: `event-${i}`, actor, at } }
    })
  })
}

function run(feature: AnyFeature, history: readonly Happening[], from: unknown = feature.initial): unknown {
  return history.reduce((state, { type, data, meta }) => {
    let failure: unknown
    let next = reduceEvent(feature, deepFreeze(state), type, deepFreeze(data), deepFreeze(meta), error => {
      failure = error
    })
    if (failure) throw failure
    return next
  }, from)
}

test('no two features have the same name, and every feature there is has its case', () => {
  let names = cases.map(({ feature }) => feature.name)
  expect(names.filter((name, i) => names.indexOf(name) !== i)).toEqual([])
  let files = import.meta.glob<Record<string, unknown>>('../../../src/features/*.ts', { eager: true })
  let all = Object.values(files).flatMap(file => Object.values(file).filter(isFeature))
  expect([...new Set(all.map(({ name }) => name))].sort()).toEqual([...names].sort())
})

function isFeature(value: unknown): value is AnyFeature {
  return typeof value === 'object' && value !== null && 'reduce' in value && 'events' in value
}

describe.each(cases.map(known => [known.feature.name, known] as const))('%s', (name, known) => {
  let { feature, samples, commands: commandCases, ofThePage = [], refusals = [] } = known

  test('has a reducer for every event, and none besides', () => {
    expect(Object.keys(feature.reduce).sort()).toEqual(Object.keys(feature.events).sort())
  })

  test('has samples for every event, and its schemas accept them', () => {
    expect(Object.keys(samples).sort()).toEqual(Object.keys(feature.events).sort())
    for (let [type, list] of Object.entries(samples)) {
      for (let data of list) expect(() => validateDraft(feature, type, data)).not.toThrow()
    }
  })

  test('refuses data of another kind in every event, naming the event', () => {
    for (let type of Object.keys(feature.events)) {
      for (let wrong of [null, 'text', 7, []]) {
        expect(() => validateDraft(feature, type, wrong)).toThrow(`${name}.${type} must be an object`)
      }
    }
  })

  test('begins with a state that survives JSON', () => {
    deepStrictEqual(json(feature.initial), feature.initial)
  })

  test('keeps a state that survives JSON, from inputs that nobody may change', () => {
    fc.assert(
      fc.property(histories(known, 60), history => {
        let state = run(feature, history)
        deepStrictEqual(json(state), state)
      }),
      { numRuns: 60 }
    )
  })

  test('comes to the same state when the same events are applied again, also from a stored state in between', () => {
    fc.assert(
      fc.property(histories(known, 60), fc.nat(60), (history, cut) => {
        let stored = json(run(feature, history.slice(0, cut)))
        expect(run(feature, history.slice(cut), stored)).toEqual(run(feature, history))
        expect(run(feature, history)).toEqual(run(feature, history))
      }),
      { numRuns: 60 }
    )
  })

  test('stays bounded however much happens', () => {
    let all = Object.entries(samples).flatMap(([type, all]) => all.map(data => ({ type, data })))
    let state: unknown = feature.initial
    let size = 0
    for (let i = 0; i < 8000; i++) {
      let { type, data } = all[i % all.length] as { type: string; data: unknown }
      // Every id is new, so that nothing is deleted, and the largest thing is always added.
      let text = JSON.stringify(data).replace(/\$\d/g, `event-${i}`)
      state = reduceEvent(feature, state, type, JSON.parse(text), { id: `event-${i}`, actor: `user-${i}`, at: i })
      if (i === 6000) size = JSON.stringify(state).length
    }
    expect(JSON.stringify(state).length).toBeLessThan(size * 1.1 + 1000)
  }, 30_000)

  let volatiles = Object.keys(feature.events).filter(type => eventsOf(feature)[type]?.delivery.kind === 'volatile')
  let onStreams = volatiles.length > 0 ? test : () => {}
  onStreams('takes a sample of a stream twice as if it were once, and later ones over it', () => {
    fc.assert(
      fc.property(histories(known, 30), history => {
        let durable = run(
          feature,
          history.filter(({ type }) => !volatiles.includes(type))
        )
        let casts = history.filter(({ type }) => volatiles.includes(type))
        expect(run(feature, [...casts, ...casts.slice(-1)], durable)).toEqual(run(feature, casts, durable))
      }),
      { numRuns: 60 }
    )
  })

  test('sends what its schemas accept, the way the catalogue says, from every command', () => {
    let commands = feature.commands as Record<
      string,
      (context: CommandContext<unknown>, ...args: unknown[]) => Draft<EventMap>
    >
    let page = feature.local ? createPage(feature) : null
    let onPage = (page?.local ?? {}) as Record<string, unknown>
    let callable = [...Object.keys(commands), ...Object.keys(onPage).filter(key => key !== '$state' && key !== 'close')]
    expect(Object.keys(commandCases).sort()).toEqual(callable.filter(key => !ofThePage.includes(key)).sort())
    for (let [command, { args, delivery, before, me = 'ann' }] of Object.entries(commandCases)) {
      let state = feature.initial
      for (let [i, { type, data }] of [before ?? []].flat().entries())
        state = reduceEvent(feature, state, type, data, { id: i ? `before-${i}` : 'before', actor: 'bob', at: 1 })
      let draft: Draft<EventMap>
      if (command in onPage && page) {
        ;(onPage[command] as (...args: unknown[]) => unknown)(...args)
        draft = page.sent.at(-1) as Draft<EventMap>
      } else {
        draft = (commands[command] as (typeof commands)[string])({ state, me, id: 'new' }, ...args)
      }
      let spec = eventsOf(feature)[draft.type]
      if (!spec) throw new Error(`${command} sends ${draft.type}, which is no event of ${name}`)
      expect(check(spec.schema, draft.data, command)).toMatchObject({ ok: true })
      let { kind } = spec.delivery
      expect([command, 'seconds' in spec.delivery ? `${kind} ${spec.delivery.seconds}` : kind]).toEqual([
        command,
        delivery
      ])
      // What is sent arrives as JSON, and is the same then.
      expect(reduceEvent(feature, state, draft.type, json(draft.data), { id: 'new', actor: 'ann', at: 2 })).toEqual(
        reduceEvent(feature, state, draft.type, draft.data, { id: 'new', actor: 'ann', at: 2 })
      )
    }
  })

  test('asks its refusals without an accident, whatever has happened', () => {
    let refuse = (feature.refuse ?? {}) as Record<string, (state: unknown, data: unknown, meta: EventMeta) => unknown>
    expect(Object.keys(feature.events)).toEqual(expect.arrayContaining(Object.keys(refuse)))
    fc.assert(
      fc.property(histories(known, 30), history => {
        let state = feature.initial
        for (let happening of history) {
          let { type, data, meta } = happening
          let answer = refuse[type]?.(deepFreeze(state), deepFreeze(data), deepFreeze(meta)) ?? null
          expect(answer === null || /^[a-z][a-z-]{0,63}$/.test(String(answer))).toBe(true)
          state = run(feature, [happening], state)
        }
      }),
      { numRuns: 60 }
    )
  })

  test('has a case for every event that it refuses by itself', () => {
    let own = Object.keys(feature.refuse ?? {})
    let ofServer = Object.keys(feature.events).filter(type => eventsOf(feature)[type]?.author === 'server')
    expect(refusals.map(({ type }) => type)).toEqual(expect.arrayContaining([...own, ...ofServer]))
  })

  test.each(refusals.map(refusal => [refusal.what, refusal] as const))(
    'refuses %s: nothing of it stays, the author sees why, and nothing else is disturbed',
    async (_, { before = [], type, data, code }) => {
      let world = createWorld({ features: [feature] })
      let { hub } = world.server
      for (let [i, event] of before.entries())
        await hub.room('r').push(feature, event.type, event.data, { by: event.by, key: `before-${i}` })
      let confirmed = json(await hub.room('r').state(feature))
      let [ann, bob] = ['ann', 'bob'].map(user => {
        let tab = world.device().openTab(user)
        let handle = tab.client.room('r').use(careless(feature))
        tab.client.connect()
        return { tab, handle, shown: () => json(handle.$state.get()) }
      }) as unknown as [Liar, Liar]
      await world.advance(2000)
      let shown = { ann: ann.shown(), bob: bob.shown() }

      let receipt = ann.handle.say(type, data)
      let acked = receipt.acked.then(
        () => 'acked',
        error => (error as { code: string }).code
      )
      await world.advance(2000)
      if (eventsOf(feature)[type]?.delivery.kind !== 'volatile') {
        expect(await acked).toBe(code)
        expect(ann.tab.client.rejected.get()).toMatchObject([{ code, row: { id: receipt.id } }])
        expect(ann.shown()).toEqual(shown.ann)
      }
      expect(bob.shown()).toEqual(shown.bob)
      expect(json(await hub.room('r').state(feature))).toEqual(confirmed)
      expect(ann.tab.client.$connection.get()).toMatchObject({ phase: 'online', pending: { count: 0 } })
    }
  )

  test('leaves nothing behind when its part on the page is closed', async () => {
    if (!feature.local) return
    let page = createPage(feature)
    for (let [type, [data]] of Object.entries(samples)) page.tell(type as never, data as never)
    await page.clock.pass(0)
    page.local.close()
    expect(page.listeners.size).toBe(0)
    expect(page.clock.waiting()).toBe(0)
  })
})
