// What an app sees of the connection, put together from the machine, the link's measurements and the outbox. Pure.

import type { RealtimeError } from '../errors.js'
import type { Transport } from '../ports.js'
import type { ConnectionState } from './connection.js'
import type { LinkStats } from './meter.js'
import { type Quality, qualityScore, qualityWord } from './quality.js'

/** Volatile events of this page since it was loaded. */
export interface CastCounts {
  /** Own ones handed to the connection. */
  sent: number
  /** Own ones never sent, for a newer one with their key took their place. */
  conflated: number
  /** Those of others that came in. */
  received: number
  /** How often those that had come in were painted: at most once in a frame of the screen. */
  painted: number
}

export interface ConnectionView {
  readonly phase: ConnectionState['phase']
  /** Why the phase is what it is; `none` while all is well. */
  readonly reason: string
  readonly lastError: { readonly code: string; readonly message: string } | null
  /** Failed attempts in a row; 0 once online. */
  readonly attempt: number
  /** When the next attempt starts, in milliseconds since 1970. */
  readonly nextAttemptAt: number | null
  /** When the phase began, in milliseconds since 1970. */
  readonly since: number
  /** How long the last connection took to be welcome, in milliseconds. */
  readonly connectMs: number | null
  /** Smoothed round trip in milliseconds. */
  readonly latencyMs: number | null
  readonly jitterMs: number | null
  readonly quality: Quality
  /** 0 to 100. */
  readonly qualityScore: number
  /** What carries the frames; `none` while nothing does. */
  readonly transport: Transport | 'none'
  /**
   * What the server makes possible: every action in effect `once`, or `at-least-once` where it keeps no account of them (a
   * backend of its own). Null until there was a connection.
   */
  readonly delivery: 'once' | 'at-least-once' | null
  /** Whether waiting actions survive a reload. */
  readonly durability: 'disk' | 'memory'
  readonly durabilityReason: string | null
  /** Whether the browser promised to keep what is stored also when it runs out of room; `null` where it does not say. */
  readonly persisted: boolean | null
  /** Actions not yet answered, their size in characters, and when the oldest was called. */
  readonly pending: { readonly count: number; readonly bytes: number; readonly oldestAt: number | null }
  readonly rejectedCount: number
  readonly unknownCount: number
  /** False only when an action would not be stored. */
  readonly canSend: boolean
  /** Whether this tab is the one that sends. */
  readonly leader: boolean
  /**
   * `leader`: this tab has the one socket of all tabs of this app and user. `follower`: it goes through the one that leads,
   * whose connection is shown. `alone`: it has a socket of its own. `none`: it was not asked to connect.
   */
  readonly tabs: 'leader' | 'follower' | 'alone' | 'none'
  /** Why this tab is `alone`. */
  readonly tabsReason: string | null
  readonly sessionId: string | null
  readonly persona: string | null
  /** Whether what is sent is encrypted end to end. */
  readonly sealed: 'yes' | 'no' | 'mixed'
  /** Characters received and sent since the page was loaded. */
  readonly bytesIn: number
  readonly bytesOut: number
  /** Malformed frames received; they are dropped. */
  readonly badFrames: number
  /** Volatile events: how many passed, and how often they were painted. As of the last change of this store. */
  readonly casts: Readonly<CastCounts>
  /** Server's clock minus this device's. */
  readonly serverTimeOffsetMs: number
}

export const IDLE_VIEW: ConnectionView = {
  phase: 'idle',
  reason: 'none',
  lastError: null,
  attempt: 0,
  nextAttemptAt: null,
  since: 0,
  connectMs: null,
  latencyMs: null,
  jitterMs: null,
  quality: 'none',
  qualityScore: 0,
  transport: 'none',
  delivery: null,
  durability: 'memory',
  durabilityReason: null,
  persisted: null,
  pending: { count: 0, bytes: 0, oldestAt: null },
  rejectedCount: 0,
  unknownCount: 0,
  canSend: false,
  leader: false,
  tabs: 'none',
  tabsReason: null,
  sessionId: null,
  persona: null,
  sealed: 'no',
  bytesIn: 0,
  bytesOut: 0,
  badFrames: 0,
  casts: { sent: 0, conflated: 0, received: 0, painted: 0 },
  serverTimeOffsetMs: 0
}

/** A connection as another tab told of it. */
export interface LeaderView {
  readonly phase: string
  readonly reason: string
  readonly attempt: number
  readonly nextAt: number | null
  readonly error: { readonly code: string; readonly message: string } | null
}

export interface ViewInput {
  readonly state: ConnectionState
  readonly error: RealtimeError | null
  readonly stats: LinkStats
  readonly casts: CastCounts
  readonly recentDrops: number
  readonly since: number
  /** Adds the difference between wall and monotonic clock. */
  readonly toWall: (mono: number) => number
  readonly durability: 'disk' | 'memory'
  readonly durabilityReason: string | null
  readonly persisted: boolean | null
  readonly pending: ConnectionView['pending']
  readonly rejectedCount: number
  readonly unknownCount: number
  readonly canSend: boolean
  readonly isSender: boolean
  readonly tabs: ConnectionView['tabs']
  readonly tabsReason: string | null
  /** The leader's connection, where this tab waits for it. */
  readonly leader: LeaderView | null
  readonly sessionId: string | undefined
  readonly transport: Transport | 'none'
  /** The server keeps no marks; null when none was met. */
  readonly isForgetful: boolean | null
}

export function viewConnection(input: ViewInput): ConnectionView {
  let { state, stats, leader } = input
  let score = qualityScore({
    isOnline: state.phase === 'online',
    latencyMs: stats.latencyMs,
    jitterMs: stats.jitterMs,
    recentDrops: input.recentDrops
  })
  return {
    phase: (leader?.phase as ConnectionView['phase']) ?? state.phase,
    reason: leader?.reason ?? ('reason' in state ? state.reason : 'none'),
    lastError: leader?.error ?? (input.error && { code: input.error.code, message: input.error.message }),
    attempt: leader?.attempt ?? ('attempt' in state && state.phase !== 'online' ? state.attempt : 0),
    nextAttemptAt: leader ? leader.nextAt : waitsUntil(input),
    since: input.since,
    connectMs: stats.connectMs,
    latencyMs: stats.latencyMs,
    jitterMs: stats.jitterMs,
    quality: qualityWord(score),
    qualityScore: score,
    transport: state.phase === 'online' ? input.transport : 'none',
    delivery: input.isForgetful === null ? null : input.isForgetful ? 'at-least-once' : 'once',
    durability: input.durability,
    durabilityReason: input.durabilityReason,
    persisted: input.persisted,
    pending: input.pending,
    rejectedCount: input.rejectedCount,
    unknownCount: input.unknownCount,
    canSend: input.canSend,
    leader: input.isSender,
    tabs: input.tabs,
    tabsReason: input.tabsReason,
    sessionId: input.sessionId ?? null,
    persona: null,
    sealed: 'no',
    bytesIn: stats.bytesIn,
    bytesOut: stats.bytesOut,
    badFrames: stats.badFrames,
    casts: { ...input.casts },
    serverTimeOffsetMs: stats.serverTimeOffsetMs
  }
}

function waitsUntil({ state, toWall }: ViewInput): number | null {
  return state.phase === 'waiting' && state.until < Infinity ? Math.round(toWall(state.until)) : null
}
