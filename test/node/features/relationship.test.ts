import { describe, expect, test } from 'vitest'
import type { Draft } from '../../../src/feature.js'
import { reduceEvent } from '../../../src/feature.js'
import { type RelationshipState, relationship, trendOf } from '../../../src/features/relationship.js'

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
    expect(() => relationship.commands.dismissRecommendation(context, 'r')).toThrow(
      'id: there is no open recommendation with the id «r»'
    )
    expect(() => relationship.commands.resolveConflict(context, 'c')).toThrow(
      'id: there is no open conflict with the id «c»'
    )
  })
})
