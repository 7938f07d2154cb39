import { describe, expect, test } from 'vitest'
import type { Draft } from '../../../src/feature.js'
import { reduceEvent } from '../../../src/feature.js'
import { type VRState, vr } from '../../../src/features/vr.js'
import { createPage, settle } from './world.js'

type Step = Draft<typeof vr.events> & { by?: string; id?: string }
function run(...steps: Step[]): VRState {
  return steps.reduce<VRState>(
    (state, { type, data, by = 'ann', id }, i) =>
      reduceEvent(vr, state, type, data, { id: id ?? `e${i}`, actor: by, at: i }) as VRState,
    vr.initial
  )
}
const garden: Step = { type: 'started', data: { scene: 'garden', type: 'ai_generated' }, id: 'g' }
const beach: Step = { type: 'started', data: { scene: 'beach', type: 'photo' }, id: 'b', by: 'bob' }
const set = (sceneId: string, patch: Record<string, unknown>): Step => ({ type: 'updated', data: { sceneId, patch } })

describe('the VR scene', () => {
  test('starts with whoever started it', () => {
    expect(run(garden)).toEqual({
      sceneId: 'g',
      currentScene: 'garden',
      sceneType: 'ai_generated',
      isActive: true,
      generationProgress: 0,
      sceneProgress: 0,
      sceneState: {},
      participants: ['ann'],
      startedBy: 'ann',
      lastUpdate: 0
    })
  })

  test('gives way to the one started later, with nothing left over', () => {
    let state = run(garden, set('g', { light: 1 }), { type: 'progress', data: { sceneId: 'g', scene: 0.5 } }, beach)
    expect(state).toMatchObject({ currentScene: 'beach', sceneState: {}, sceneProgress: 0, participants: ['bob'] })
  })

  test.each<[string, Step]>([
    ['an end', { type: 'ended', data: { sceneId: 'g' } }],
    ['a joining', { type: 'joined', data: { sceneId: 'g' } }],
    ['a leaving', { type: 'left', data: { sceneId: 'g' }, by: 'bob' }],
    ['a patch', set('g', { light: 1 })],
    ['progress', { type: 'progress', data: { sceneId: 'g', generation: 1, scene: 1 } }]
  ])('ignores %s of an earlier scene', (_, step) => {
    expect(run(garden, beach, step)).toEqual(run(garden, beach))
  })

  test('ends, and nothing joins it any more', () => {
    let ended = run(
      garden,
      { type: 'ended', data: { sceneId: 'g' } },
      { type: 'joined', data: { sceneId: 'g' }, by: 'bob' }
    )
    expect(ended).toEqual({ ...vr.initial, lastUpdate: 1 })
  })

  test('counts everyone once, in the order of joining', () => {
    let join = (by: string): Step => ({ type: 'joined', data: { sceneId: 'g' }, by })
    let leave = (by: string): Step => ({ type: 'left', data: { sceneId: 'g' }, by })
    expect(run(garden, join('bob'), join('bob'), join('ann')).participants).toEqual(['ann', 'bob'])
    expect(run(garden, join('bob'), leave('ann'), leave('ann')).participants).toEqual(['bob'])
  })

  test('has room for two hundred', () => {
    let joins = Array.from({ length: 300 }, (_, i): Step => ({ type: 'joined', data: { sceneId: 'g' }, by: `u${i}` }))
    expect(run(garden, ...joins).participants).toHaveLength(200)
  })

  test.each<[string, Step[], Record<string, unknown>]>([
    ['keeps other keys', [set('g', { a: 1 }), set('g', { b: 2 })], { a: 1, b: 2 }],
    ['takes the last value of a key', [set('g', { a: 1 }), set('g', { a: 2 })], { a: 2 }],
    ['removes a key with null', [set('g', { a: 1, b: 2 }), set('g', { a: null })], { b: 2 }],
    [
      'ignores keys beyond a hundred',
      [set('g', Object.fromEntries(Array.from({ length: 100 }, (_, i) => [i, i]))), set('g', { x: 1, 5: 0 })],
      { ...Object.fromEntries(Array.from({ length: 100 }, (_, i) => [i, i])), 5: 0 }
    ]
  ])('has a state that %s', (_, steps, expected) => {
    expect(run(garden, ...steps).sceneState).toEqual(expected)
  })

  test('conflates patches of the same keys only, so that no key is lost while waiting', () => {
    let key = vr.events.updated.key as (data: { sceneId: string; patch: Record<string, unknown> }) => string
    expect(key({ sceneId: 's', patch: { a: 1, b: 2 } })).toBe(key({ sceneId: 's', patch: { b: 3, a: 4 } }))
    expect(key({ sceneId: 's', patch: { a: 1 } })).not.toBe(key({ sceneId: 's', patch: { b: 1 } }))
    expect(key({ sceneId: 's', patch: { a: 1 } })).not.toBe(key({ sceneId: 's', patch: { a: 1, b: 1 } }))
  })

  test('goes forward in both kinds of progress, each for itself', () => {
    let report = (data: { generation?: number; scene?: number }): Step => ({
      type: 'progress',
      data: { sceneId: 'g', ...data }
    })
    let state = run(
      garden,
      report({ generation: 0.5 }),
      report({ scene: 0.2 }),
      report({ generation: 0.4, scene: 0.3 })
    )
    expect(state).toMatchObject({ generationProgress: 0.5, sceneProgress: 0.3 })
  })

  let none = { state: vr.initial, me: 'ann', id: 'x' }
  test.each<[string, () => unknown]>([
    ['endVRScene', () => vr.commands.endVRScene(none)],
    ['joinVRScene', () => vr.commands.joinVRScene(none)],
    ['leaveVRScene', () => vr.commands.leaveVRScene(none)],
    ['updateVRScene', () => vr.commands.updateVRScene(none, { a: 1 })],
    ['reportVRProgress', () => vr.commands.reportVRProgress(none, { scene: 1 })]
  ])('refuses %s when none is on, naming the call to make', (_, call) => {
    expect(call).toThrow(/startVRScene/)
  })

  test('refuses progress of nothing', () => {
    expect(() => vr.commands.reportVRProgress({ ...none, state: run(garden) }, {})).toThrow(/^progress: must name/)
  })
})

describe('this device', () => {
  test('says that it supports VR once it has answered', async () => {
    let { local } = createPage(vr, { devices: { vr: { supported: async () => true } } })
    expect(local.$state.get().supported).toBe(false)
    await settle()
    expect(local.$state.get().supported).toBe(true)
  })

  test('says that it does not where there is no WebXR, or it fails', async () => {
    let without = createPage(vr)
    let failing = createPage(vr, { devices: { vr: { supported: () => Promise.reject(new Error('no')) } } })
    await settle()
    expect(without.local.$state.get().supported).toBe(false)
    expect(failing.local.$state.get().supported).toBe(false)
  })

  test('shows the shared scene to who listens, as it changes', () => {
    let { local, tell } = createPage(vr)
    let scenes: (string | null)[] = []
    local.$state.subscribe(state => scenes.push(state.currentScene))
    tell('started', { scene: 'garden', type: 'ai_generated' })
    expect(scenes).toEqual([null, 'garden'])
  })
})
