// Votes as a room's state: what counts, what decides, and what holds whatever happens in whatever order.

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { reduceEvent } from '../../../src/feature.js'
import { type MatchType, progressOf, requiredVotes, type VoteRule } from '../../../src/features/vote-rules.js'
import { mediumOf } from '../../../src/features/vote-state.js'
import { type MatchFound, type VotesState, type VoteUpdate, votes } from '../../../src/features/votes.js'
import { createPage, deepFreeze } from './world.js'

interface Happening {
  readonly by: string
  readonly type: string
  readonly data: unknown
}

const RUNS = { numRuns: 200 }
const USERS = ['ann', 'bob', 'cleo', 'dan', '__proto__', 'constructor']
const FILMS = ['alien', 'brazil', 'constructor', '__proto__']

let join = (...users: string[]): Happening[] => users.map(by => ({ by, type: 'joined', data: {} }))
let leave = (by: string): Happening => ({ by, type: 'left', data: {} })
let propose = (mediaId = 'alien'): Happening => ({
  by: 'ann',
  type: 'proposed',
  data: { mediaId, mediaTitle: mediaId }
})
let cast = (by: string, voteType = 'like', mediaId = 'alien'): Happening => ({
  by,
  type: 'cast',
  data: { mediaId, voteType }
})
let rule = (matchType: MatchType, more = {}): Happening => ({ by: 'ann', type: 'ruled', data: { matchType, ...more } })

function step(state: VotesState, { by, type, data }: Happening, i: number): VotesState {
  return reduceEvent(votes, deepFreeze(state), type, data, { id: `e${i}`, actor: by, at: i }, error => {
    throw error
  }) as VotesState
}
let run = (...history: readonly Happening[]): VotesState => history.reduce(step, votes.initial)
let alien = (state: VotesState) => mediumOf(state, 'alien')

/** Anything that may be said in a room, in any order. */
let anyHappening: fc.Arbitrary<Happening> = fc.record({ by: fc.constantFrom(...USERS) }).chain(({ by }) => {
  let mediaId = fc.constantFrom(...FILMS)
  let of = (type: string, data: fc.Arbitrary<unknown>) => data.map(data => ({ by, type, data }))
  let voteType = fc.constantFrom('like', 'like', 'like', 'dislike', 'skip')
  return fc.oneof(
    { arbitrary: of('joined', fc.constant({})), weight: 3 },
    of('left', fc.constant({})),
    {
      arbitrary: of(
        'proposed',
        mediaId.map(mediaId => ({ mediaId, mediaTitle: mediaId }))
      ),
      weight: 2
    },
    { arbitrary: of('cast', fc.record({ mediaId, voteType })), weight: 8 },
    of('closed', fc.record({ mediaId })),
    of(
      'ruled',
      fc.record({
        matchType: fc.constantFrom('unanimous', 'majority', 'threshold'),
        votes: fc.integer({ min: 1, max: 5 }),
        changing: fc.boolean()
      })
    )
  )
})

describe('the rules', () => {
  test.each<[MatchType, number, number]>([
    ['unanimous', 0, 2],
    ['unanimous', 1, 2],
    ['unanimous', 2, 2],
    ['unanimous', 7, 7],
    ['majority', 1, 2],
    ['majority', 2, 2],
    ['majority', 3, 2],
    ['majority', 4, 3],
    ['majority', 5, 3],
    ['threshold', 1, 4],
    ['threshold', 9, 4]
  ])('%s of %i members takes %i likes', (matchType, members, required) => {
    expect(requiredVotes({ matchType, votes: 4, changing: false }, members)).toBe(required)
  })

  test('progress never exceeds 100 %, and is 100 % exactly when there are enough', () => {
    let anyRule: fc.Arbitrary<VoteRule> = fc.record({
      matchType: fc.constantFrom('unanimous', 'majority', 'threshold'),
      votes: fc.integer({ min: 1, max: 100 }),
      changing: fc.boolean()
    })
    fc.assert(
      fc.property(anyRule, fc.nat(100), fc.nat(1000), (rule, members, total) => {
        let required = requiredVotes(rule, members)
        let { percentage } = progressOf(total, required)
        expect(Number.isInteger(percentage) && percentage >= 0 && percentage <= 100).toBe(true)
        expect(percentage === 100).toBe(total >= required)
      }),
      RUNS
    )
  })
})

describe('whatever happens', () => {
  test('no vote is beyond 100 %, none is open at 100 %, and likes are never more than members', () => {
    fc.assert(
      fc.property(fc.array(anyHappening, { maxLength: 80 }), history => {
        let state: VotesState = votes.initial
        for (let [i, happening] of history.entries()) {
          state = step(state, happening, i)
          for (let { status, progress, ballots } of state.media) {
            expect(progress.percentage).toBeLessThanOrEqual(100)
            if (status === 'open') expect(progress.percentage).toBeLessThan(100)
            if (status === 'open') expect(progress.totalVotes).toBeLessThanOrEqual(state.members.length)
            for (let ballot of Object.values(ballots)) expect(ballot.progress.percentage).toBeLessThanOrEqual(100)
          }
        }
      }),
      RUNS
    )
  })

  test('a voter has one ballot, the first one unless the rule lets it change', () => {
    fc.assert(
      fc.property(fc.array(anyHappening, { maxLength: 80 }), history => {
        let state: VotesState = votes.initial
        let casts = 0
        for (let [i, happening] of history.entries()) {
          let before = state
          state = step(state, happening, i)
          casts += state.votesCast - before.votesCast
          for (let { mediaId, round, ballots } of before.media) {
            let now = mediumOf(state, mediaId)
            if (now?.round !== round) continue
            for (let [user, { id }] of Object.entries(ballots)) {
              expect(Object.hasOwn(now.ballots, user)).toBe(true)
              if (!before.rule.changing) expect(now.ballots[user]?.id).toBe(id)
            }
          }
        }
        let rounds = history.filter(({ type }) => type === 'proposed').length
        expect(casts).toBeLessThanOrEqual(rounds * USERS.length)
        expect(state.votesCast).toBe(casts)
      }),
      RUNS
    )
  })

  test('what is decided stays decided, by the same people under the same rule', () => {
    fc.assert(
      fc.property(fc.array(anyHappening, { maxLength: 80 }), history => {
        let decided = new Map<number, string>()
        let state: VotesState = votes.initial
        for (let [i, happening] of history.entries()) {
          state = step(state, happening, i)
          let now = new Map(state.media.map(medium => [medium.round, medium]))
          for (let [round, before] of decided) if (now.has(round)) expect(JSON.stringify(now.get(round))).toBe(before)
          for (let medium of state.media)
            if (medium.status === 'decided') decided.set(medium.round, JSON.stringify(medium))
        }
      }),
      RUNS
    )
  })

  test('the order in which ballots arrive changes neither whether there is a match nor what a late joiner sees of it', () => {
    let ballot = fc.record({ voter: fc.nat(4), voteType: fc.constantFrom('like', 'dislike', 'skip') })
    let game = fc.record({
      matchType: fc.constantFrom<MatchType>('unanimous', 'majority', 'threshold'),
      ballots: fc.uniqueArray(ballot, { selector: ({ voter }) => voter, maxLength: 5 }),
      seed: fc.array(fc.nat(), { minLength: 5, maxLength: 5 })
    })
    fc.assert(
      fc.property(game, ({ matchType, ballots, seed }) => {
        let history = ballots.map(({ voter, voteType }) => cast(USERS[voter] as string, voteType))
        let shuffled = history
          .map((item, i) => [seed[i] as number, i, item] as const)
          .sort(([a, i], [b, j]) => a - b || i - j)
          .map(([, , item]) => item)
        let prefix = [...join(...USERS.slice(0, 5)), rule(matchType, { votes: 2 }), propose()]
        let [one, other] = [run(...prefix, ...history), run(...prefix, ...shuffled)]
        let likes = ballots.filter(({ voteType }) => voteType === 'like').length
        let isMatch = likes >= requiredVotes({ matchType, votes: 2, changing: false }, 5)
        for (let state of [one, other]) {
          expect(alien(state)?.status).toBe(isMatch ? 'decided' : 'open')
          expect(alien(state)?.progress.percentage === 100).toBe(isMatch)
        }
        expect(alien(one)?.progress).toEqual(alien(other)?.progress)
      }),
      RUNS
    )
  })
})

describe('members', () => {
  test('who joins while a vote is open must be asked too', () => {
    let state = run(...join('ann', 'bob'), propose(), cast('ann'), ...join('cleo'), cast('bob'))
    expect(alien(state)).toMatchObject({
      status: 'open',
      progress: { totalVotes: 2, requiredVotes: 3, percentage: 66 }
    })
    expect(alien(step(state, cast('cleo'), 9))).toMatchObject({
      status: 'decided',
      participants: ['ann', 'bob', 'cleo']
    })
  })

  test('who leaves is asked no more, and that may decide', () => {
    let state = run(...join('ann', 'bob', 'cleo'), propose(), cast('ann'), cast('bob'), leave('cleo'))
    expect(alien(state)).toMatchObject({ status: 'decided', participants: ['ann', 'bob'], matchType: 'unanimous' })
  })

  test('the vote of one who left does not count until they are back', () => {
    let gone = run(...join('ann', 'bob', 'cleo'), propose(), cast('cleo'), leave('cleo'), cast('ann'))
    expect(alien(gone)?.progress).toEqual({ totalVotes: 1, requiredVotes: 2, percentage: 50 })
    let back = [...join('cleo'), cast('bob')].reduce((state, happening, i) => step(state, happening, 10 + i), gone)
    expect(alien(back)).toMatchObject({ status: 'decided', participants: ['ann', 'bob', 'cleo'] })
  })

  test('a match that was announced is not taken back by who joins later', () => {
    let decided = run(...join('ann', 'bob'), propose(), cast('ann'), cast('bob'))
    let data = { mediaId: 'alien', mediaTitle: 'Alien', participants: ['ann', 'bob'], matchType: 'unanimous', round: 1 }
    let matched = step(decided, { by: 'server', type: 'matched', data }, 5)
    let later = step(step(matched, join('cleo')[0] as Happening, 6), rule('threshold', { votes: 99 }), 7)
    expect(later.matches).toMatchObject([{ mediaId: 'alien', participants: ['ann', 'bob'] }])
    expect(alien(later)).toMatchObject({ status: 'matched', progress: { percentage: 100 } })
  })

  test('are not on their own: one person alone never agrees', () => {
    expect(alien(run(...join('ann'), propose(), cast('ann')))?.status).toBe('open')
  })
})

test('another rule counts what is open anew', () => {
  let state = run(...join('ann', 'bob', 'cleo'), propose(), cast('ann'), cast('bob', 'dislike'))
  expect(alien(step(state, rule('threshold', { votes: 1 }), 9))).toMatchObject({
    status: 'decided',
    matchType: 'threshold'
  })
})

test('a rule that lets votes change takes the newer one, and counts the voter once', () => {
  let state = run(
    ...join('ann', 'bob'),
    rule('unanimous', { changing: true }),
    propose(),
    cast('ann'),
    cast('ann', 'skip')
  )
  expect(alien(state)?.progress.totalVotes).toBe(0)
  expect(state.votesCast).toBe(1)
})

test('a title that is proposed again begins anew', () => {
  let over = run(...join('ann', 'bob'), propose(), cast('ann', 'dislike'), {
    by: 'ann',
    type: 'closed',
    data: { mediaId: 'alien' }
  })
  let again = [propose(), cast('ann'), cast('bob')].reduce(
    (state, happening, i) => step(state, happening, 10 + i),
    over
  )
  expect(alien(again)).toMatchObject({ round: 2, status: 'decided', participants: ['ann', 'bob'] })
  expect(again.media).toHaveLength(1)
})

describe('on a page', () => {
  function page() {
    let made = createPage(votes)
    let updates: VoteUpdate[] = []
    let matches: MatchFound[] = []
    made.local.onVoteUpdate(update => updates.push(update))
    made.local.onMatchFound(match => matches.push(match))
    let say = ({ by, type, data }: Happening, live = true) =>
      made.tell(type as 'cast', data as never, { actor: by, live })
    return { ...made, updates, matches, say }
  }
  let match = { mediaId: 'alien', mediaTitle: 'Alien', participants: ['ann', 'bob'], matchType: 'unanimous' }

  test('a live vote is told once with its progress, a replay and one that did not count never', () => {
    let { say, updates } = page()
    for (let happening of [...join('ann', 'bob'), propose()]) say(happening)
    say(cast('ann'), false)
    say(cast('ann'))
    say(cast('cleo'))
    say(cast('bob'))
    expect(updates).toEqual([
      {
        userId: 'bob',
        mediaId: 'alien',
        voteType: 'like',
        progress: { totalVotes: 2, requiredVotes: 2, percentage: 100 }
      }
    ])
  })

  test('a live match is told once with exactly its fields, whoever says it again', () => {
    let { say, matches } = page()
    for (let happening of [...join('ann', 'bob'), propose(), cast('ann'), cast('bob')]) say(happening)
    for (let i = 0; i < 3; i++) say({ by: 'server', type: 'matched', data: { ...match, round: 1 } })
    expect(matches).toEqual([match])
  })

  test('a replayed match is in the state and is not told', () => {
    let { say, matches, $state } = page()
    for (let happening of [...join('ann', 'bob'), propose(), cast('ann'), cast('bob')]) say(happening, false)
    say({ by: 'server', type: 'matched', data: { ...match, round: 1 } }, false)
    expect(matches).toEqual([])
    expect(($state.get() as VotesState).matches).toMatchObject([match])
  })

  test('a listener that was taken away hears nothing', () => {
    let { local, say } = page()
    let heard = 0
    local.onVoteUpdate(() => heard++)()
    for (let happening of [...join('ann', 'bob'), propose(), cast('ann')]) say(happening)
    expect(heard).toBe(0)
  })
})
