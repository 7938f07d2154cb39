import { describe, expect, test } from 'vitest'
import type { Draft } from '../../../src/feature.js'
import { reduceEvent } from '../../../src/feature.js'
import { type AvatarState, avatar } from '../../../src/features/avatar.js'
import { type RelationshipState, relationship, trendOf } from '../../../src/features/relationship.js'
import { validateDraft } from '../../../src/feature.js'

type Step = Draft<typeof avatar.events> & { by?: string; id?: string; at?: number }
function after(...steps: Step[]): AvatarState {
  return steps.reduce<AvatarState>(
    (state, { type, data, by = 'ann', id = `e${steps.length}`, at = 5 }) =>
      reduceEvent(avatar, state, type, data, { id, actor: by, at }) as AvatarState,
    avatar.initial
  )
}

describe('the avatar', () => {
  test('is neutral before anyone says anything', () => {
    expect(avatar.initial).toMatchObject({ currentMood: 'neutral', currentExpression: 'neutral', lastUpdate: null, updatedBy: null })
  })

  test.each<[string, Step, Partial<AvatarState>]>([
    ['a mood', { type: 'mood', data: { mood: 'happy' } }, { currentMood: 'happy' }],
    ['an expression', { type: 'expression', data: { expression: 'smile' } }, { currentExpression: 'smile' }],
    ['a gesture', { type: 'gesture', data: { gesture: 'wave' } }, { currentGesture: 'wave', gestureId: 'e1', gestureAt: 5 }],
    [
      'an animation',
      { type: 'animation', data: { name: 'dance' } },
      { animation: { id: 'e1', name: 'dance', progress: 0, playing: true, startedAt: 5 } }
    ]
  ])('takes %s, and who brought it when', (_, step, expected) => {
    expect(after(step)).toEqual({ ...avatar.initial, ...expected, lastUpdate: 5, updatedBy: 'ann' })
  })

  test('has the mood that arrived last, whatever the times say', () => {
    let state = after(
      { type: 'mood', data: { mood: 'happy' }, at: 9 },
      { type: 'mood', data: { mood: 'sad' }, at: 3, by: 'bob' }
    )
    expect(state).toMatchObject({ currentMood: 'sad', lastUpdate: 3, updatedBy: 'bob' })
  })

  let dance: Step = { type: 'animation', data: { name: 'dance' }, id: 'a' }
  let progress = (animation: string, progress: number): Step => ({ type: 'progress', data: { animation, progress } })
  test.each<[string, Step[], number, boolean]>([
    ['goes forward', [dance, progress('a', 0.2), progress('a', 0.6)], 0.6, true],
    ['does not go back', [dance, progress('a', 0.6), progress('a', 0.2)], 0.6, true],
    ['ends at 1', [dance, progress('a', 1)], 1, false],
    ['stays ended', [dance, progress('a', 1), progress('a', 0.9)], 1, false],
    ['of another animation is ignored', [dance, progress('b', 0.5)], 0, true],
    ['starts anew with the same animation', [dance, progress('a', 1), { ...dance, id: 'b' }, progress('a', 0.7)], 0, true]
  ])('shows a progress that %s', (_, steps, expected, playing) => {
    expect(after(...steps).animation).toMatchObject({ progress: expected, playing })
  })

  test('does not count progress as a change', () => {
    expect(after(dance, { ...progress('a', 0.5), by: 'bob', at: 99 })).toMatchObject({ lastUpdate: 5, updatedBy: 'ann' })
  })

  test('refuses progress before any animation, and names the call to make', () => {
    let { reportAnimationProgress } = avatar.commands
    expect(() => reportAnimationProgress({ state: avatar.initial, me: 'ann', id: 'x' }, 0.5)).toThrow(/playAvatarAnimation/)
    expect(reportAnimationProgress({ state: after(dance), me: 'ann', id: 'x' }, 0.5).data).toEqual({ animation: 'a', progress: 0.5 })
  })

  test.each([
    ['mood', { mood: '' }, 'avatar.mood.mood must be a string of 1 to 64 characters'],
    ['mood', { mood: 7 }, 'avatar.mood.mood must be a string of 1 to 64 characters'],
    ['gesture', { gesture: 'x'.repeat(65) }, 'avatar.gesture.gesture must be a string of 1 to 64 characters'],
    ['animation', {}, 'avatar.animation.name must be a string of 1 to 64 characters'],
    ['progress', { animation: 'a', progress: 1.1 }, 'avatar.progress.progress must be a finite number from 0 to 1']
  ])('refuses a wrong %s, naming the field', (type, data, message) => {
    expect(() => validateDraft(avatar, type, data)).toThrow(message)
  })
})

describe('the relationship', () => {
  type Step = Draft<typeof relationship.events> & { id?: string }
  function run(...steps: Step[]): RelationshipState {
    return steps.reduce<RelationshipState>(
      (state, { type, data, id }, i) =>
        reduceEvent(relationship, state, type, data, { id: id ?? `e${i}`, actor: 'ann', at: i }) as RelationshipState,
      relationship.initial
    )
  }

  test.each<[string, number[], RelationshipState['trend']]>([
    ['is not known from no score', [], null],
    ['is not known from one score', [50], null],
    ['rises', [50, 60], 'rising'],
    ['falls', [60, 50], 'falling'],
    ['is steady within two points', [50, 52], 'steady'],
    ['is steady within two points down', [52, 50], 'steady'],
    ['compares with the mean of four', [0, 80, 40, 40, 40, 53], 'rising'],
    ['forgets what is older than four', [0, 90, 90, 90, 90, 85], 'falling']
  ])('has a trend that %s', (_, scores, expected) => {
    expect(trendOf(scores)).toBe(expected)
  })

  test('keeps the newest score and the trend', () => {
    let state = run({ type: 'score', data: { score: 40 } }, { type: 'score', data: { score: 60 } })
    expect(state).toMatchObject({ healthScore: 60, trend: 'rising', lastUpdate: 1 })
  })

  test('keeps twenty scores', () => {
    let state = run(...Array.from({ length: 30 }, (_, i): Step => ({ type: 'score', data: { score: i } })))
    expect(state.scores.map(entry => entry.score)).toEqual(Array.from({ length: 20 }, (_, i) => i + 10))
  })

  test('shows recommendations until they are dismissed, and conflicts until they are resolved', () => {
    let open: Step[] = [
      { type: 'insight', data: { text: 'you laugh a lot' }, id: 'i' },
      { type: 'recommended', data: { text: 'cook together' }, id: 'r' },
      { type: 'raised', data: { text: 'dishes', severity: 'low' }, id: 'c' }
    ]
    expect(run(...open)).toMatchObject({
      insights: [{ id: 'i', text: 'you laugh a lot', by: 'ann', at: 0 }],
      recommendations: [{ id: 'r', text: 'cook together', by: 'ann', at: 1 }],
      conflicts: [{ id: 'c', text: 'dishes', severity: 'low', by: 'ann', at: 2 }]
    })
    let closed = run(...open, { type: 'dismissed', data: { id: 'r' } }, { type: 'resolved', data: { id: 'c' } })
    expect(closed).toMatchObject({ recommendations: [], conflicts: [], lastUpdate: 4 })
  })

  test('ignores ids that are not there', () => {
    let state = run({ type: 'raised', data: { text: 'c', severity: 'high' } })
    for (let type of ['dismissed', 'resolved'] as const) {
      expect(reduceEvent(relationship, state, type, { id: 'nowhere' }, { id: 'x', actor: 'bob', at: 9 })).toBe(state)
    }
  })

  test('refuses to dismiss or resolve what is not there, naming the argument', () => {
    let context = { state: relationship.initial, me: 'ann', id: 'x' }
    expect(() => relationship.commands.dismissRecommendation(context, 'r')).toThrow('id: there is no open recommendation with the id «r»')
    expect(() => relationship.commands.resolveConflict(context, 'c')).toThrow('id: there is no open conflict with the id «c»')
  })
})
