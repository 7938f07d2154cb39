// The pure parts that say what is shown: positions, rosters, members, quality, health, the connection as apps see it.

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { ConnectionState } from '../../../src/core/connection.js'
import { viewConnection } from '../../../src/core/connection-view.js'
import { membersByUser, NOBODY } from '../../../src/core/members.js'
import { isBehindOrAstray, judgeEvent, judgeJoined } from '../../../src/core/position.js'
import { compareRosters, EMPTY_ROSTER, type Roster, stepRoster } from '../../../src/core/presence.js'
import { qualityScore, qualityWord } from '../../../src/core/quality.js'
import { deriveStatus, type StatusInput } from '../../../src/core/status.js'
import { RealtimeError } from '../../../src/errors.js'
import type { Member } from '../../../src/protocol/frames.js'

describe('positions', () => {
  let position = { epoch: 'e', offset: 4 }

  test.each([
    [3, 'drop'],
    [4, 'drop'],
    [5, 'apply'],
    [6, 'gap'],
    [900, 'gap']
  ] as const)('[R1] event %i at position 4: %s', (offset, verdict) => {
    expect(judgeEvent(position, offset)).toBe(verdict)
  })

  test.each([
    ['e', 4, false],
    ['e', 5, true],
    ['e', 3, true],
    ['f', 4, true]
  ])('the server at %s %i: astray %s', (epoch, offset, astray) => {
    expect(isBehindOrAstray(position, { epoch, offset })).toBe(astray)
  })

  let joined = (epoch: string, offset: number, recovered: 'all' | 'new' | 'none' | 'kept', snapshot = false) => ({
    epoch,
    offset,
    recovered,
    snapshot
  })
  test.each([
    ['missed events follow', position, joined('e', 9, 'all'), 'continue'],
    ['nothing was missed', position, joined('e', 4, 'all'), 'continue'],
    ['a newcomer gets parts', null, joined('e', 9, 'new', true), 'snapshot'],
    ['what cannot be continued is replaced', position, joined('f', 9, 'none', true), 'snapshot'],
    ['an empty room', null, joined('e', 0, 'new'), 'empty'],
    ['a room that lost everything', position, joined('f', 0, 'none'), 'empty'],
    ['a state that is promised by nobody', null, joined('e', 9, 'new'), 'rejoin'],
    ['events for a position that we do not have', null, joined('e', 9, 'all'), 'rejoin'],
    ['events of another epoch', position, joined('f', 9, 'all'), 'rejoin'],
    ['a log shorter than what was applied', position, joined('e', 3, 'all'), 'rejoin']
  ] as const)('[J5] %s: %4$s', (_, from, answer, verdict) => {
    expect(judgeJoined(from, answer)).toBe(verdict)
  })

  test('[O4] a state that nobody else has is kept; where there is none, it is asked for', () => {
    expect(judgeJoined(position, joined('f', 9, 'kept'))).toBe('keep')
    expect(judgeJoined(position, joined('e', 4, 'kept'))).toBe('keep')
    expect(judgeJoined(null, joined('e', 4, 'kept'))).toBe('rejoin')
  })
})

let member = (user: string, data: unknown = {}, at = 0, platform?: string): Member => ({
  user,
  data,
  at,
  ...(platform === undefined ? {} : { platform })
})
let users = (list: readonly Member[]) => list.map(({ user }) => user)

describe('rosters', () => {
  let full: Roster = stepRoster(EMPTY_ROSTER, { version: 3, full: { s1: member('ann'), s2: member('bob') } }).roster
  /** What a frame changes: the roster, and who came and went with it. */
  let follow = (frame: Parameters<typeof stepRoster>[1], before = full) => {
    let { roster, resync } = stepRoster(before, frame)
    let { joined, left } = compareRosters(before, roster)
    return { roster, resync, joined: users(joined), left: users(left) }
  }

  test('[P1] the first full state tells of nobody as having come', () => {
    let step = follow({ version: 3, full: { s1: member('ann') } }, EMPTY_ROSTER)
    expect(step).toMatchObject({ roster: { version: 3 }, joined: [], left: [], resync: false })
    expect(users(Object.values(step.roster.members))).toEqual(['ann'])
  })

  test('[P2] differences add, change and take away', () => {
    let change = {
      joined: { s3: member('cid') },
      updated: { s1: member('ann', { status: 'busy' }) },
      left: ['s2', 'nobody']
    }
    expect(follow({ version: 4, ...change })).toEqual({
      roster: { version: 4, members: { s1: member('ann', { status: 'busy' }), s3: member('cid') } },
      resync: false,
      joined: ['cid'],
      left: ['bob']
    })
  })

  test('[P2] repeats change nothing, a hole asks for everyone', () => {
    let nothing = { roster: full, joined: [], left: [] }
    expect(follow({ version: 3, left: ['s1'] })).toEqual({ ...nothing, resync: false })
    expect(follow({ left: ['s1'] })).toEqual({ ...nothing, resync: false })
    expect(follow({ version: 5, left: ['s1'] })).toEqual({ ...nothing, resync: true })
    expect(follow({ version: 7, left: ['s1'] }, EMPTY_ROSTER).resync).toBe(true)
  })

  test('a later full state tells who came and went in between', () => {
    expect(follow({ version: 9, full: { s2: member('bob'), s4: member('dan') } })).toMatchObject({
      joined: ['dan'],
      left: ['ann']
    })
  })

  test('[P1] a difference that the full state contains already changes nothing', () => {
    let step = follow({ version: 4, joined: { s1: member('ann') } })
    expect(step.roster.members).toEqual(full.members)
    expect([step.joined, step.left]).toEqual([[], []])
  })

  test('a user with several connections comes with the first and goes with the last', () => {
    let both = follow({ version: 4, joined: { s9: member('ann') } })
    expect(both.joined).toEqual([])
    expect(follow({ version: 5, left: ['s1'] }, both.roster).left).toEqual([])
    expect(follow({ version: 5, left: ['s1', 's9'] }, both.roster).left).toEqual(['ann'])
  })
})

describe('members', () => {
  let view = (members: Record<string, Member>) => membersByUser({ version: 1, members })

  test('several connections of one user are one member: the most present counts, the last heard fills in', () => {
    let { ann } = view({
      s2: member('ann', { status: 'away', activity: 'newer', device: { motion: 2 } }, 20, 'phone'),
      s1: member(
        'ann',
        { status: 'busy', activity: 'older', call: 'video', editing: 'doc', device: { gesture: 1 } },
        10,
        'desk'
      )
    })
    expect(ann).toEqual({
      user: 'ann',
      status: 'busy',
      activity: 'newer',
      call: 'video',
      editing: 'doc',
      device: { gesture: 1, motion: 2 },
      connections: 2,
      platform: 'phone',
      lastSeen: 20
    })
  })

  test.each([
    ['responding', 'busy', 'responding'],
    ['online', 'busy', 'busy'],
    ['away', 'online', 'online'],
    ['offline', 'away', 'away']
  ])('%s and %s are %s, in whatever order', (one, other, status) => {
    expect(view({ a: member('u', { status: one }, 1), b: member('u', { status: other }, 2) }).u?.status).toBe(status)
    expect(view({ a: member('u', { status: other }, 1), b: member('u', { status: one }, 2) }).u?.status).toBe(status)
  })

  test('what a peer says in a wrong shape counts as not said', () => {
    for (let data of [
      null,
      undefined,
      7,
      'x',
      [],
      { status: 'king', activity: 7, call: 'x', editing: {}, device: null }
    ]) {
      expect(view({ s: member('u', data) }).u).toMatchObject(NOBODY)
    }
  })

  test('users may have any name', () => {
    let names = ['__proto__', 'constructor', 'toString', 'hasOwnProperty']
    let shown = view(Object.fromEntries(names.map((name, i) => [`s${i}`, member(name, { status: 'busy' })])))
    expect(Object.keys(shown).sort()).toEqual([...names].sort())
    for (let name of names) expect(Object.getOwnPropertyDescriptor(shown, name)?.value).toMatchObject({ user: name })
  })
})

describe('quality', () => {
  let score = (latencyMs: number | null, jitterMs: number | null = null, recentDrops = 0) =>
    qualityScore({ isOnline: true, latencyMs, jitterMs, recentDrops })

  test.each([
    [null, null, 0, 100],
    [50, 10, 0, 100],
    [130, 10, 0, 90],
    [50, 60, 0, 90],
    [50, 10, 2, 80],
    [10_000, 10, 0, 40],
    [50, 10_000, 0, 80],
    [50, 10, 99, 60],
    [10_000, 10_000, 99, 1]
  ])('latency %s, jitter %s, drops %i: %i', (latency, jitter, drops, points) => {
    expect(score(latency, jitter, drops)).toBe(points)
  })

  test('without a connection there is none', () => {
    expect(qualityScore({ isOnline: false, latencyMs: 1, jitterMs: 1, recentDrops: 0 })).toBe(0)
  })

  test.each([
    [0, 'none'],
    [1, 'poor'],
    [39, 'poor'],
    [40, 'fair'],
    [64, 'fair'],
    [65, 'good'],
    [84, 'good'],
    [85, 'excellent'],
    [100, 'excellent']
  ] as const)('%i is %s', (points, word) => {
    expect(qualityWord(points)).toBe(word)
  })

  test('is never out of range, and never better for being slower', () => {
    let ms = fc.integer({ min: 0, max: 100_000 })
    fc.assert(
      fc.property(ms, ms, fc.nat({ max: 50 }), ms, (latency, jitter, drops, more) => {
        let points = score(latency, jitter, drops)
        expect(points).toBeGreaterThanOrEqual(1)
        expect(points).toBeLessThanOrEqual(100)
        expect(score(latency + more, jitter, drops)).toBeLessThanOrEqual(points)
      }),
      { seed: 1 }
    )
  })
})

describe('health', () => {
  let input = (more: Partial<StatusInput> = {}): StatusInput => ({
    phase: 'online',
    reason: 'none',
    qualityScore: 100,
    durability: 'disk',
    pendingCount: 0,
    pendingAgeMs: 0,
    rejectedCount: 0,
    unknownCount: 0,
    features: [],
    ...more
  })

  test.each<[string, Partial<StatusInput>, number, string, string[]]>([
    ['all is well', {}, 100, 'healthy', []],
    ['no disk', { durability: 'memory' }, 85, 'healthy', ['actions are not stored on disk']],
    ['old actions', { pendingAgeMs: 10_001, pendingCount: 2 }, 90, 'healthy', ['2 actions wait to be delivered']],
    ['young actions', { pendingAgeMs: 10_000, pendingCount: 2 }, 100, 'healthy', []],
    ['refusals', { rejectedCount: 3 }, 90, 'healthy', ['3 actions were rejected']],
    ['doubt', { unknownCount: 1 }, 90, 'healthy', ['1 action has an unknown outcome']],
    ['a slow line', { qualityScore: 40 }, 70, 'degraded', ['the connection is slow or unsteady']],
    [
      'everything at once',
      { qualityScore: 1, durability: 'memory', pendingAgeMs: 1e6, pendingCount: 1, rejectedCount: 1, unknownCount: 1 },
      6,
      'critical',
      expect.any(Array) as never
    ],
    ['offline', { phase: 'waiting', reason: 'network', qualityScore: 0 }, 50, 'offline', ['not connected: network']],
    ['not begun', { phase: 'idle', qualityScore: 0, durability: 'memory' }, 50, 'offline', ['not connected (idle)']]
  ])('%s', (_, more, healthScore, systemHealth, reasons) => {
    expect(deriveStatus(input(more))).toMatchObject({ healthScore, systemHealth, reasons })
  })

  test('features are active, idle or a problem; more than three problems cost no more', () => {
    let features = [
      { name: 'voice', active: true },
      { name: 'vr', active: false },
      { name: 'haptic', active: true, problem: 'stuck' },
      ...['a', 'b', 'c'].map(name => ({ name, active: false, problem: 'broken' }))
    ]
    expect(deriveStatus(input({ features }))).toMatchObject({
      healthScore: 85,
      hasActiveFeatures: true,
      activeFeatures: ['voice', 'haptic'],
      features: { voice: 'active', vr: 'idle', haptic: 'problem', a: 'problem' },
      reasons: ['haptic: stuck', 'a: broken', 'b: broken', 'c: broken']
    })
  })
})

describe('the connection as apps see it', () => {
  test.each([
    [null, null],
    [false, 'once'],
    [true, 'at-least-once']
  ])('[O1] forgetful %s: %s', (isForgetful, delivery) => {
    expect(view({ phase: 'idle' }, { isForgetful }).delivery).toBe(delivery)
  })

  let view = (state: ConnectionState, more: Partial<Parameters<typeof viewConnection>[0]> = {}) =>
    viewConnection({
      state,
      error: null,
      stats: {
        connectMs: 80,
        latencyMs: 130,
        jitterMs: 10,
        bytesIn: 1,
        bytesOut: 2,
        serverTimeOffsetMs: 3,
        drops: 4,
        badFrames: 5
      },
      casts: { sent: 1, conflated: 2, received: 3, painted: 4 },
      recentDrops: 0,
      since: 77,
      toWall: mono => mono + 1_000_000,
      isForgetful: false,
      durability: 'disk',
      durabilityReason: null,
      persisted: null,
      pending: { count: 1, bytes: 2, oldestAt: 3 },
      rejectedCount: 1,
      unknownCount: 2,
      canSend: true,
      isSender: true,
      tabs: 'leader',
      tabsReason: null,
      leader: null,
      sessionId: 's',
      transport: 'http',
      ...more
    })

  test('online', () => {
    expect(
      view({ phase: 'online', attempt: 2, since: 0, heartbeat: 6000, pingAt: 9, probe: null }, { recentDrops: 1 })
    ).toMatchObject({
      phase: 'online',
      reason: 'none',
      attempt: 0,
      nextAttemptAt: null,
      quality: 'good',
      qualityScore: 80,
      transport: 'http',
      sessionId: 's',
      bytesIn: 1,
      badFrames: 5
    })
  })

  test('waiting says why, and until when by the wall clock; a suspended page does not know', () => {
    let error = new RealtimeError('network', 'cut')
    let waiting = { phase: 'waiting', attempt: 3, reason: 'network', until: 500.4, since: 0 } as const
    expect(view(waiting, { error, sessionId: undefined })).toMatchObject({
      phase: 'waiting',
      reason: 'network',
      attempt: 3,
      nextAttemptAt: 1_000_500,
      lastError: { code: 'network', message: 'cut' },
      quality: 'none',
      qualityScore: 0,
      transport: 'none',
      sessionId: null
    })
    expect(view({ ...waiting, reason: 'suspended', until: Infinity }).nextAttemptAt).toBe(null)
  })

  test('idle and closed', () => {
    expect(view({ phase: 'idle' })).toMatchObject({ phase: 'idle', reason: 'none', attempt: 0, transport: 'none' })
    expect(view({ phase: 'closed', reason: 'replaced' })).toMatchObject({ phase: 'closed', reason: 'replaced' })
  })
})
