import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  AGGREGATION_MS,
  byPriority,
  type FeedFilter,
  type FeedItem,
  filtered,
  grouped,
  withActivity
} from '../../../src/features/activity-feed.js'
import { type ActivityRule, judge } from '../../../src/features/activity-rules.js'

let noon = Date.parse('2026-11-21T12:00Z')
let did = (more: Partial<FeedItem> = {}) => ({
  id: 'a',
  friend: 'bob',
  kind: 'startedPlaying' as const,
  title: 'Chess',
  note: '',
  priority: 'normal' as const,
  targetable: false,
  at: noon,
  ...more
})
let feedOf = (...all: Partial<FeedItem>[]) =>
  all.reduce<readonly FeedItem[]>((feed, more, i) => withActivity(feed, did({ id: `a${i}`, ...more }), 200), [])

describe('the feed', () => {
  test('counts repeats within the window after the last one, with what is newest and what matters most', () => {
    let at = [0, AGGREGATION_MS, 2 * AGGREGATION_MS].map(ms => noon + ms)
    let feed = feedOf(
      { at: at[0] as number, priority: 'high' },
      { at: at[0] as number, friend: 'carl' },
      { at: at[1] as number, note: 'again', targetable: true },
      { at: at[2] as number, note: 'and again' }
    )
    expect(feed).toEqual([
      {
        ...did(),
        id: 'a0',
        at: at[2],
        firstAt: at[0],
        count: 3,
        note: 'and again',
        priority: 'high',
        targetable: true
      },
      { ...did(), id: 'a1', friend: 'carl', firstAt: at[0], count: 1 }
    ])
  })

  test.each<[string, Partial<FeedItem>]>([
    ['later than the window', { at: noon + AGGREGATION_MS + 1 }],
    ['with another title', { title: 'Go' }],
    ['of another kind', { kind: 'stoppedPlaying' }],
    ['of another friend', { friend: 'carl' }]
  ])('lists what is %s anew', (_, more) => {
    expect(feedOf({}, more).map(({ count }) => count)).toEqual([1, 1])
  })

  test('counts everything once and is newest first, whatever comes', () => {
    let step = fc.record({
      friend: fc.constantFrom('bob', 'carl'),
      title: fc.constantFrom('Chess', 'Go'),
      gap: fc.nat(AGGREGATION_MS)
    })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), steps => {
        let at = noon
        let feed = feedOf(
          ...steps.map(({ gap, ...more }) => {
            at += gap
            return { ...more, at }
          })
        )
        expect(feed.reduce((sum, { count }) => sum + count, 0)).toBe(steps.length)
        expect(feed.map(item => item.at)).toEqual(feed.map(item => item.at).sort((a, b) => b - a))
        expect(new Set(feed.map(({ id }) => id)).size).toBe(feed.length)
        for (let { count, firstAt, at } of feed) expect(at - firstAt).toBeLessThanOrEqual((count - 1) * AGGREGATION_MS)
      }),
      { numRuns: 200 }
    )
  })

  let feed = feedOf(
    { title: 'Chess', at: Date.parse('2026-11-20T23:30Z'), priority: 'low' },
    { title: 'So What', note: 'Miles Davis', kind: 'startedListening', priority: 'high', at: noon },
    { title: 'Go', friend: 'carl', targetable: true, at: noon + 1 }
  )
  test.each<[FeedFilter, string[]]>([
    [{}, ['Go', 'So What', 'Chess']],
    [{ friends: ['bob'] }, ['So What', 'Chess']],
    [{ kinds: ['startedPlaying'] }, ['Go', 'Chess']],
    [{ priority: 'normal' }, ['Go', 'So What']],
    [{ priority: 'high' }, ['So What']],
    [{ targetable: true }, ['Go']],
    [{ targetable: false, text: 'MILES' }, ['So What']],
    [{ since: noon + 1 }, ['Go']],
    [{ friends: [], text: '' }, []]
  ])('is filtered by %j', (filter, titles) => {
    expect(filtered(feed, filter).map(({ title }) => title)).toEqual(titles)
  })

  test.each<[Parameters<typeof grouped>[1], string, [string, number][]]>([
    [
      'friend',
      'UTC',
      [
        ['carl', 1],
        ['bob', 2]
      ]
    ],
    [
      'kind',
      'UTC',
      [
        ['startedPlaying', 2],
        ['startedListening', 1]
      ]
    ],
    [
      'day',
      'UTC',
      [
        ['2026-11-21', 2],
        ['2026-11-20', 1]
      ]
    ],
    ['day', 'Europe/Paris', [['2026-11-21', 3]]]
  ])('is grouped by %s in %s', (by, timeZone, expected) => {
    expect(grouped(feed, by, timeZone).map(({ key, count }) => [key, count])).toEqual(expected)
  })

  test('is put in order of what matters', () => {
    expect(byPriority(feed).map(({ title }) => title)).toEqual(['So What', 'Go', 'Chess'])
  })
})

describe('rules', () => {
  let what = { friend: 'bob', kind: 'startedPlaying' as const, title: 'Chess', note: 'blitz' }
  let rule = (when: ActivityRule['when']): ActivityRule => ({ when, targetable: true })
  test.each<[ActivityRule['when'], boolean]>([
    [{}, true],
    [{ kinds: ['startedPlaying', 'statusChange'] }, true],
    [{ kinds: ['statusChange'] }, false],
    [{ friends: ['bob'], title: 'CHES' }, true],
    [{ friends: ['carl'], title: 'CHES' }, false],
    [{ title: 'go' }, false]
  ])('hold when %j', (when, expected) => {
    expect(judge([rule(when)], what).targetable).toBe(expected)
  })

  test('answer each question by the first that does', () => {
    let rules: ActivityRule[] = [
      { when: { friends: ['carl'] }, priority: 'low', targetable: true },
      { when: { title: 'chess' }, priority: 'high' },
      { when: {}, priority: 'low', targetable: false, notify: { title: '{friend} plays {title} ({note}) {other}' } },
      { when: {}, targetable: true, notify: { title: 'never' } }
    ]
    expect(judge(rules, what)).toEqual({
      priority: 'high',
      targetable: false,
      notify: { category: 'friends', priority: 'normal', title: 'bob plays Chess (blitz) {other}', body: '' }
    })
    expect(judge([], what)).toEqual({ priority: 'normal', targetable: false, notify: null })
  })

  test('say no more than fits', () => {
    let notice = judge([{ when: {}, notify: { title: '{title}'.repeat(100) } }], what).notify
    expect(notice?.title).toHaveLength(200)
  })
})
