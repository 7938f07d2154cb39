import { describe, expect, test } from 'vitest'
import type { Draft } from '../../../src/feature.js'
import { reduceEvent, validateDraft } from '../../../src/feature.js'
import { type AvatarState, avatar } from '../../../src/features/avatar.js'

type Step = Draft<typeof avatar.events> & { by?: string; id?: string; at?: number }
function painted(...steps: Step[]): AvatarState {
  return steps.reduce<AvatarState>(
    (state, { type, data, by = 'ann', id = `e${steps.length}`, at = 5 }) =>
      reduceEvent(avatar, state, type, data, { id, actor: by, at }) as AvatarState,
    avatar.initial
  )
}

describe('the avatar', () => {
  test('is neutral before anyone says anything', () => {
    expect(avatar.initial).toMatchObject({
      currentMood: 'neutral',
      currentExpression: 'neutral',
      lastUpdate: null,
      updatedBy: null
    })
  })

  test.each<[string, Step, Partial<AvatarState>]>([
    ['a mood', { type: 'mood', data: { mood: 'happy' } }, { currentMood: 'happy' }],
    ['an expression', { type: 'expression', data: { expression: 'smile' } }, { currentExpression: 'smile' }],
    [
      'a gesture',
      { type: 'gesture', data: { gesture: 'wave' } },
      { currentGesture: 'wave', gestureId: 'e1', gestureAt: 5 }
    ],
    [
      'an animation',
      { type: 'animation', data: { name: 'dance' } },
      { animation: { id: 'e1', name: 'dance', progress: 0, playing: true, startedAt: 5 } }
    ]
  ])('takes %s, and who brought it when', (_, step, expected) => {
    expect(painted(step)).toEqual({ ...avatar.initial, ...expected, lastUpdate: 5, updatedBy: 'ann' })
  })

  test('has the mood that arrived last, whatever the times say', () => {
    let state = painted(
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
    [
      'starts anew with the same animation',
      [dance, progress('a', 1), { ...dance, id: 'b' }, progress('a', 0.7)],
      0,
      true
    ]
  ])('shows a progress that %s', (_, steps, expected, playing) => {
    expect(painted(...steps).animation).toMatchObject({ progress: expected, playing })
  })

  test('does not count progress as a change', () => {
    expect(painted(dance, { ...progress('a', 0.5), by: 'bob', at: 99 })).toMatchObject({
      lastUpdate: 5,
      updatedBy: 'ann'
    })
  })

  test('refuses progress before any animation, and names the call to make', () => {
    let { reportAnimationProgress } = avatar.commands
    expect(() => reportAnimationProgress({ state: avatar.initial, me: 'ann', id: 'x' }, 0.5)).toThrow(
      /playAvatarAnimation/
    )
    expect(reportAnimationProgress({ state: painted(dance), me: 'ann', id: 'x' }, 0.5).data).toEqual({
      animation: 'a',
      progress: 0.5
    })
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
