// What holds for every feature of the companion, whatever it does.

import { deepStrictEqual } from 'node:assert'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { AnyFeature, CommandContext, Draft, EventMap, EventMeta } from '../../../src/feature.js'
import { reduceEvent, validateDraft } from '../../../src/feature.js'
import { companionFeatures } from '../../../src/features/index.js'
import { check } from '../../../src/schema.js'
import { createPage, deepFreeze } from './world.js'

/** For each event, data that its schema accepts. `$0` to `$3` stand for ids of events that may have come before. */
const SAMPLES: Record<string, Record<string, readonly unknown[]>> = {
  avatar: {
    mood: [{ mood: 'happy' }, { mood: 'sad' }],
    expression: [{ expression: 'smile' }],
    gesture: [{ gesture: 'wave' }],
    animation: [{ name: 'dance' }],
    progress: [
      { animation: '$0', progress: 0.5 },
      { animation: '$1', progress: 1 }
    ]
  },
  memory: {
    created: [
      { content: 'stars' },
      { content: 'x'.repeat(2000), tags: ['a', 'b'], emotion: 'joy', importance: 0.4 },
      { content: 'sea', emotion: null, importance: null }
    ],
    updated: [
      { id: '$0', patch: { content: 'moon' } },
      { id: '$1', patch: { tags: [], emotion: null } },
      { id: '$2', patch: { importance: 1 } }
    ],
    deleted: [{ id: '$0' }, { id: '$3' }],
    insight: [{ text: 'all is well' }, { text: 'about one', memoryId: '$1' }],
    processed: [
      { id: '$0', stage: 'reading', progress: 0.3 },
      { id: '$1', stage: 'done', progress: 0 },
      { id: '$2', stage: 'reading', progress: 1 }
    ]
  },
  'memory-reads': {
    read: [{ id: '$0' }, { id: 'constructor', upTo: 5 }, { id: '__proto__', upTo: 1e15 }],
    'read-all': [
      { upTo: 10, room: '' },
      { upTo: 1e13, room: '__proto__' }
    ]
  },
  haptic: {
    triggered: [
      { pattern: 'pulse', intensity: 50, durationMs: 1000, target: 'room' },
      { pattern: 'mine', intensity: 0, durationMs: 1, target: 'self', steps: [10, 20] }
    ],
    stopped: [{}]
  },
  biometric: {
    sample: [{ heartRate: 70 }, { stressLevel: 0 }, { heartRate: 20, stressLevel: 100, energyLevel: 3, at: 7 }]
  },
  vr: {
    started: [{ scene: 'garden', type: 'ai_generated' }],
    ended: [{ sceneId: '$0' }],
    joined: [{ sceneId: '$0' }, { sceneId: '$1' }],
    left: [{ sceneId: '$0' }],
    updated: [
      { sceneId: '$0', patch: { light: 1, nested: { a: [null] } } },
      { sceneId: '$0', patch: { light: null, constructor: 2 } }
    ],
    progress: [
      { sceneId: '$0', generation: 0.2 },
      { sceneId: '$0', generation: 0.1, scene: 0.9 }
    ]
  },
  voice: {
    spoken: [{ text: 'Hello', emotion: 'romantic', pitch: 1.2, rate: 0.9, volume: 0.8 }],
    stopped: [{}]
  },
  relationship: {
    score: [{ score: 0 }, { score: 99.5 }],
    insight: [{ text: 'i' }],
    recommended: [{ text: 'r' }],
    dismissed: [{ id: '$0' }],
    raised: [{ text: 'c', severity: 'high' }],
    resolved: [{ id: '$1' }]
  }
}

/** For each command: what must have happened before, arguments, and how the catalogue says that it travels. */
const COMMANDS: Record<string, Record<string, { args: unknown[]; delivery: string; before?: Draft<EventMap> }>> = {
  avatar: {
    updateAvatarMood: { args: ['happy'], delivery: 'latest' },
    setAvatarExpression: { args: ['smile'], delivery: 'latest' },
    triggerAvatarGesture: { args: ['wave'], delivery: 'ttl 10' },
    playAvatarAnimation: { args: ['dance'], delivery: 'ttl 10' },
    reportAnimationProgress: {
      args: [0.5],
      delivery: 'volatile 3600',
      before: { type: 'animation', data: { name: 'dance' } }
    }
  },
  memory: {
    createMemory: { args: ['stars', { tags: ['night'] }], delivery: 'durable' },
    updateMemory: {
      args: ['before', { emotion: null }],
      delivery: 'durable',
      before: { type: 'created', data: { content: 'x' } }
    },
    deleteMemory: { args: ['before'], delivery: 'durable', before: { type: 'created', data: { content: 'x' } } },
    addMemoryInsight: {
      args: ['aha', 'before'],
      delivery: 'durable',
      before: { type: 'created', data: { content: 'x' } }
    },
    processMemory: { args: ['before'], delivery: 'durable', before: { type: 'created', data: { content: 'x' } } }
  },
  'memory-reads': {
    markMemoryRead: { args: ['m'], delivery: 'durable' },
    markAllMemoriesRead: { args: [5], delivery: 'durable' }
  },
  haptic: {
    triggerHaptic: { args: ['heartbeat', 75, 3000], delivery: 'ttl 10' },
    stopHaptic: { args: [], delivery: 'ttl 10' }
  },
  biometric: { sendBiometric: { args: [{ heartRate: 72 }], delivery: 'volatile 3600' } },
  vr: {
    startVRScene: { args: ['romantic_garden', 'ai_generated'], delivery: 'durable' },
    endVRScene: { args: [], delivery: 'durable', before: { type: 'started', data: { scene: 's', type: 't' } } },
    joinVRScene: { args: [], delivery: 'durable', before: { type: 'started', data: { scene: 's', type: 't' } } },
    leaveVRScene: { args: [], delivery: 'durable', before: { type: 'started', data: { scene: 's', type: 't' } } },
    updateVRScene: {
      args: [{ light: 0.5 }],
      delivery: 'latest',
      before: { type: 'started', data: { scene: 's', type: 't' } }
    },
    reportVRProgress: {
      args: [{ generation: 0.5 }],
      delivery: 'volatile 3600',
      before: { type: 'started', data: { scene: 's', type: 't' } }
    }
  },
  voice: {
    speakText: { args: ['Hello, I love you!', 'romantic', 1.2, 0.9, 0.8], delivery: 'ttl 60' },
    stopSpeaking: { args: [], delivery: 'ttl 60' }
  },
  relationship: {
    updateHealthScore: { args: [80], delivery: 'latest' },
    addInsight: { args: ['i'], delivery: 'durable' },
    addRecommendation: { args: ['r'], delivery: 'durable' },
    dismissRecommendation: {
      args: ['before'],
      delivery: 'durable',
      before: { type: 'recommended', data: { text: 'r' } }
    },
    raiseConflict: { args: ['c'], delivery: 'durable' },
    resolveConflict: {
      args: ['before'],
      delivery: 'durable',
      before: { type: 'raised', data: { text: 'c', severity: 'low' } }
    }
  }
}

/** Commands of the page alone: they send nothing themselves. */
const OF_THE_PAGE = [
  'definePattern',
  'setHapticEnabled',
  'startBiometricMonitoring',
  'stopBiometricMonitoring',
  'startListening',
  'stopListening'
]

interface Happening {
  readonly type: string
  readonly data: unknown
  readonly meta: EventMeta
}

const eventsOf = (feature: AnyFeature) => feature.events as EventMap
const json = (value: unknown) => JSON.parse(JSON.stringify(value)) as unknown

/** A room's history: events of the samples, by users with awkward names, in order of arrival. */
function histories(feature: AnyFeature, maxLength: number): fc.Arbitrary<Happening[]> {
  let samples = Object.entries(SAMPLES[feature.name] ?? {}).flatMap(([type, all]) => all.map(data => ({ type, data })))
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

test('no two features have the same name, and every one is in the tables of this file', () => {
  let names = companionFeatures.map(feature => feature.name)
  expect(new Set(names).size).toBe(names.length)
  expect(Object.keys(SAMPLES).sort()).toEqual([...names].sort())
  expect(Object.keys(COMMANDS).sort()).toEqual([...names].sort())
})

describe.each(companionFeatures.map(feature => [feature.name, feature] as const))('%s', (name, feature) => {
  test('has a reducer for every event, and none besides', () => {
    expect(Object.keys(feature.reduce).sort()).toEqual(Object.keys(feature.events).sort())
  })

  test('has samples for every event, and its schemas accept them', () => {
    expect(Object.keys(SAMPLES[name] ?? {}).sort()).toEqual(Object.keys(feature.events).sort())
    for (let [type, samples] of Object.entries(SAMPLES[name] ?? {})) {
      for (let data of samples) expect(() => validateDraft(feature, type, data)).not.toThrow()
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
      fc.property(histories(feature, 60), history => {
        let state = run(feature, history)
        deepStrictEqual(json(state), state)
      }),
      { numRuns: 60 }
    )
  })

  test('comes to the same state when the same events are applied again, also from a stored state in between', () => {
    fc.assert(
      fc.property(histories(feature, 60), fc.nat(60), (history, cut) => {
        let stored = json(run(feature, history.slice(0, cut)))
        expect(run(feature, history.slice(cut), stored)).toEqual(run(feature, history))
        expect(run(feature, history)).toEqual(run(feature, history))
      }),
      { numRuns: 60 }
    )
  })

  test('stays bounded however much happens', () => {
    let samples = Object.entries(SAMPLES[name] ?? {}).flatMap(([type, all]) => all.map(data => ({ type, data })))
    let state: unknown = feature.initial
    let size = 0
    for (let i = 0; i < 8000; i++) {
      let { type, data } = samples[i % samples.length] as { type: string; data: unknown }
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
      fc.property(histories(feature, 30), history => {
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
    let known = [...Object.keys(commands), ...Object.keys(onPage).filter(key => key !== '$state' && key !== 'close')]
    expect(Object.keys(COMMANDS[name] ?? {}).sort()).toEqual(known.filter(key => !OF_THE_PAGE.includes(key)).sort())
    for (let [command, { args, delivery, before }] of Object.entries(COMMANDS[name] ?? {})) {
      let state = feature.initial
      if (before) state = reduceEvent(feature, state, before.type, before.data, { id: 'before', actor: 'bob', at: 1 })
      let draft: Draft<EventMap>
      if (command in onPage && page) {
        ;(onPage[command] as (...args: unknown[]) => unknown)(...args)
        draft = page.sent.at(-1) as Draft<EventMap>
      } else {
        draft = (commands[command] as (typeof commands)[string])({ state, me: 'ann', id: 'new' }, ...args)
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

  test('leaves nothing behind when its part on the page is closed', async () => {
    if (!feature.local) return
    let page = createPage(feature)
    for (let [type, [data]] of Object.entries(SAMPLES[name] ?? {})) page.tell(type as never, data as never)
    await page.clock.pass(0)
    page.local.close()
    expect(page.listeners.size).toBe(0)
    expect(page.clock.waiting()).toBe(0)
  })
})
