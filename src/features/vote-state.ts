// What a room knows of its votes, and the steps from one such state to the next. Pure. That these are events which somebody
// sends, and who may, is not known here.

import type { EventMeta } from '../feature.js'
import { appended, entryOf } from './bounded.js'
import type { VoteType } from './vote-rules.js'
import {
  DEFAULT_RULE,
  type MatchType,
  progressOf,
  requiredVotes,
  type VoteProgress,
  type VoteRule
} from './vote-rules.js'

/** Members of a room at most; nobody joins a full one. */
export const MAX_MEMBERS = 100
/** Titles kept, open or not; beyond that the oldest one whose vote is over gives way. */
export const MAX_MEDIA = 100
/** Ballots of one title at most; those of former members count among them. */
export const MAX_BALLOTS = 100
/** Matches kept, the oldest give way. */
export const MAX_MATCHES = 100

/** Somebody who joined the room and has not left it, connected or not. */
export interface RoomMember {
  readonly userId: string
  /** 1 to 64 characters. */
  readonly name: string | null
  /** Milliseconds since 1970 by the server's clock. */
  readonly joinedAt: number
  /** When they last joined, proposed or voted. */
  readonly lastActivity: number
}

/** One member's vote on one title. */
export interface Ballot {
  readonly voteType: VoteType
  /** Of the event that cast it. */
  readonly id: string
  /** As it was with this ballot. */
  readonly progress: VoteProgress
}

/**
 * How a vote stands. `open`: ballots are taken. `decided`: there are enough likes, and the server is about to say so. `matched`: it
 * has said so. `closed`: ended without a match.
 */
export type VoteStatus = 'open' | 'decided' | 'matched' | 'closed'

/** A title to vote on. */
export interface Medium {
  /** 1 to 128 characters, the app's own. */
  readonly mediaId: string
  /** 1 to 200 characters. */
  readonly mediaTitle: string
  /** Counts the votes of this room from 1: a title that is proposed again gets another. */
  readonly round: number
  readonly by: string
  readonly at: number
  readonly status: VoteStatus
  /** Stands still once the vote is over. */
  readonly progress: VoteProgress
  /** By user; those of former members are kept and do not count. At most 100. */
  readonly ballots: Readonly<Record<string, Ballot>>
  /** Who liked it when there were enough; empty until then. */
  readonly participants: readonly string[]
  /** The rule under which there were enough. */
  readonly matchType: MatchType | null
}

/** A match that the server has announced. */
export interface Match {
  /** Of the event that announced it. */
  readonly id: string
  readonly mediaId: string
  readonly mediaTitle: string
  readonly participants: readonly string[]
  readonly matchType: MatchType
  readonly at: number
}

/** A room's votes, the same for everyone who has seen the same events. */
export interface VotesState {
  readonly rule: VoteRule
  /** In order of joining; at most 100. */
  readonly members: readonly RoomMember[]
  /** In order of proposal; at most 100. */
  readonly media: readonly Medium[]
  /** In order of announcement; the last 100. */
  readonly matches: readonly Match[]
  /** Votes that were ever opened here. */
  readonly rounds: number
  /** Ballots ever cast here; one that was changed counts once. */
  readonly votesCast: number
  /** Matches ever announced here. */
  readonly matchesFound: number
}

export const NO_VOTES: VotesState = {
  rule: DEFAULT_RULE,
  members: [],
  media: [],
  matches: [],
  rounds: 0,
  votesCast: 0,
  matchesFound: 0
}

/** Whether somebody is a member. */
export function isMember({ members }: VotesState, userId: string): boolean {
  return members.some(member => member.userId === userId)
}

/** A title by its id, if the room knows it. */
export function mediumOf({ media }: VotesState, mediaId: string): Medium | undefined {
  return media.find(medium => medium.mediaId === mediaId)
}

/** Why this user cannot vote on this title now, or null. */
export function castProblem(state: VotesState, mediaId: string, userId: string): string | null {
  let medium = mediumOf(state, mediaId)
  if (!isMember(state, userId)) return 'not-member'
  if (!medium) return 'unknown-media'
  if (medium.status !== 'open') return 'vote-closed'
  if (entryOf(medium.ballots, userId)) return state.rule.changing ? null : 'already-voted'
  return Object.keys(medium.ballots).length >= MAX_BALLOTS ? 'too-many' : null
}

/** Why this title cannot be put to the vote now, or null. */
export function proposeProblem(state: VotesState, mediaId: string): string | null {
  let medium = mediumOf(state, mediaId)
  if (medium && isGoingOn(medium)) return 'already-open'
  return medium || state.media.length < MAX_MEDIA || state.media.some(other => !isGoingOn(other)) ? null : 'too-many'
}

function isGoingOn({ status }: Medium): boolean {
  return status === 'open' || status === 'decided'
}

/** The likes that count now: those of present members, in order of joining. */
function supporters(members: readonly RoomMember[], ballots: Medium['ballots']): string[] {
  return members.map(({ userId }) => userId).filter(userId => entryOf(ballots, userId)?.voteType === 'like')
}

/** An open vote as the members and the rule make it: with its progress, and decided when there are enough. */
function counted(medium: Medium, { members, rule }: Pick<VotesState, 'members' | 'rule'>): Medium {
  if (medium.status !== 'open') return medium
  let participants = supporters(members, medium.ballots)
  let progress = progressOf(participants.length, requiredVotes(rule, members.length))
  if (progress.percentage < 100) return { ...medium, progress }
  return { ...medium, progress, status: 'decided', participants, matchType: rule.matchType }
}

/** The state with every open vote counted anew. */
function recounted(state: VotesState): VotesState {
  return { ...state, media: state.media.map(medium => counted(medium, state)) }
}

/** The state in which this member has just done something. */
function active(state: VotesState, userId: string, at: number): VotesState {
  if (!isMember(state, userId)) return state
  let members = state.members.map(member => (member.userId === userId ? { ...member, lastActivity: at } : member))
  return { ...state, members }
}

function replaced(state: VotesState, medium: Medium): VotesState {
  return { ...state, media: state.media.map(other => (other.mediaId === medium.mediaId ? medium : other)) }
}

/** Somebody becomes a member; a member may change the name. What is open needs a vote more, as the rule says. */
export function withMember(state: VotesState, name: string | undefined, { actor, at }: EventMeta): VotesState {
  if (isMember(state, actor)) {
    let members = state.members.map(member =>
      member.userId === actor ? { ...member, name: name ?? member.name, lastActivity: at } : member
    )
    return { ...state, members }
  }
  if (state.members.length >= MAX_MEMBERS) return state
  return recounted({
    ...state,
    members: [...state.members, { userId: actor, name: name ?? null, joinedAt: at, lastActivity: at }]
  })
}

/** A member goes: their ballots stop counting, and what is open needs as many fewer votes as the rule says. */
export function withoutMember(state: VotesState, userId: string): VotesState {
  if (!isMember(state, userId)) return state
  return recounted({ ...state, members: state.members.filter(member => member.userId !== userId) })
}

/** A title is put to the vote; one whose vote is over begins anew. */
export function withMedium(state: VotesState, mediaId: string, mediaTitle: string, meta: EventMeta): VotesState {
  if (proposeProblem(state, mediaId) !== null) return state
  let round = state.rounds + 1
  let progress = progressOf(0, requiredVotes(state.rule, state.members.length))
  let { actor: by, at } = meta
  let medium: Medium = {
    mediaId,
    mediaTitle,
    round,
    by,
    at,
    progress,
    status: 'open',
    ballots: {},
    participants: [],
    matchType: null
  }
  let others = state.media.filter(other => other.mediaId !== mediaId)
  let oldest = others.length < MAX_MEDIA ? undefined : others.find(other => !isGoingOn(other))
  return active({ ...state, rounds: round, media: [...others.filter(other => other !== oldest), medium] }, by, at)
}

/** A vote is cast: it counts at once, and with it the vote may be decided. */
export function withBallot(state: VotesState, mediaId: string, voteType: VoteType, meta: EventMeta): VotesState {
  let { id, actor, at } = meta
  let before = mediumOf(state, mediaId)
  if (!before || castProblem(state, mediaId, actor) !== null) return state
  let isFirst = entryOf(before.ballots, actor) === undefined
  let ballots = { ...before.ballots, [actor]: { voteType, id, progress: before.progress } }
  let after = counted({ ...before, ballots }, state)
  let { progress } = after
  let next = replaced(state, { ...after, ballots: { ...ballots, [actor]: { voteType, id, progress } } })
  return active({ ...next, votesCast: state.votesCast + (isFirst ? 1 : 0) }, actor, at)
}

/** The vote ends without a match; one that is decided is not taken back. */
export function withClosed(state: VotesState, mediaId: string): VotesState {
  let medium = mediumOf(state, mediaId)
  return medium?.status === 'open' ? replaced(state, { ...medium, status: 'closed' }) : state
}

/** Another rule, for what is open too. */
export function withRule(state: VotesState, rule: VoteRule): VotesState {
  return recounted({ ...state, rule })
}

/** The server has announced a match: of a vote of this room, once for each round, or of a title that was chosen elsewhere. */
export function withMatch(
  state: VotesState,
  found: Pick<Match, 'mediaId' | 'mediaTitle' | 'participants' | 'matchType'> & { readonly round: number },
  { id, at }: EventMeta
): VotesState {
  let { round, ...match } = found
  let medium = mediumOf(state, match.mediaId)
  let meant = medium?.round === round ? medium : null
  if (meant?.status === 'matched') return state
  let { participants, matchType } = match
  let next = meant ? replaced(state, { ...meant, status: 'matched', participants, matchType }) : state
  return {
    ...next,
    matches: appended(state.matches, { id, ...match, at }, MAX_MATCHES),
    matchesFound: state.matchesFound + 1
  }
}
