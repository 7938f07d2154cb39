// Who belongs to a room, what it votes on, and what it has agreed on. The state marks a vote as decided; that it is announced, once,
// is the server's part (handlers/votes).

import { RealtimeError } from '../errors.js'
import { defineFeature, type EventMeta } from '../feature.js'
import { DEFAULT_RULE, type MatchType, type VoteType } from './vote-rules.js'
import {
  castProblem,
  isMember,
  MAX_MEMBERS,
  mediumOf,
  NO_VOTES,
  proposeProblem,
  type VotesState,
  withBallot,
  withClosed,
  withMatch,
  withMedium,
  withMember,
  withoutMember,
  withRule
} from './vote-state.js'
import { voteEvents } from './votes-events.js'
import { tellVotes } from './votes-live.js'

export type { MatchType, VoteProgress, VoteRule, VoteType } from './vote-rules.js'
export type { Ballot, Match, Medium, RoomMember, VoteStatus, VotesState } from './vote-state.js'
export type { MatchFound, VotesLocal, VoteUpdate } from './votes-live.js'

let onlyMembers = (state: VotesState, { actor }: EventMeta) => (isMember(state, actor) ? null : 'not-member')

function closeProblem(state: VotesState, mediaId: string): string | null {
  let medium = mediumOf(state, mediaId)
  if (!medium) return 'unknown-media'
  return medium.status === 'open' ? null : 'vote-closed'
}

/**
 * Votes of a room. A ballot counts for one's own user, once for each title and while its vote is open; the likes needed are counted
 * over the members there are, connected or not. Joining and leaving counts open votes anew, and never takes a match back.
 *
 * ```ts
 * let { joinRoom, proposeMedia, castVote } = room.use(votes)
 * await joinRoom('Ada').acked
 * await proposeMedia('tt0078748', 'Alien')
 * await castVote('tt0078748', 'like')
 * ```
 */
export const votes = defineFeature({
  name: 'votes',
  version: 1,
  events: voteEvents,
  initial: NO_VOTES,
  reduce: {
    joined: (state, { name }, meta) => withMember(state, name, meta),
    left: (state, _, { actor }) => withoutMember(state, actor),
    proposed: (state, { mediaId, mediaTitle }, meta) => withMedium(state, mediaId, mediaTitle, meta),
    cast: (state, { mediaId, voteType }, meta) => withBallot(state, mediaId, voteType, meta),
    closed: (state, { mediaId }) => withClosed(state, mediaId),
    ruled: (state, { matchType, votes = DEFAULT_RULE.votes, changing = false }) =>
      withRule(state, { matchType, votes, changing }),
    matched: (state, { mediaId, mediaTitle, participants, matchType, round }, meta) =>
      withMatch(state, { mediaId, mediaTitle, participants, matchType, round }, meta)
  },
  refuse: {
    joined: (state, _, { actor }) =>
      isMember(state, actor) || state.members.length < MAX_MEMBERS ? null : 'room-full',
    left: (state, _, meta) => onlyMembers(state, meta),
    proposed: (state, { mediaId }, meta) => onlyMembers(state, meta) ?? proposeProblem(state, mediaId),
    cast: (state, { mediaId }, { actor }) => castProblem(state, mediaId, actor),
    closed: (state, { mediaId }, meta) => onlyMembers(state, meta) ?? closeProblem(state, mediaId),
    ruled: (state, { matchType, votes }, meta) =>
      onlyMembers(state, meta) ?? (matchType === 'threshold' && votes === undefined ? 'no-threshold' : null)
  },
  commands: {
    /** Becomes a member under a name of 1 to 64 characters; `acked` says that the server has taken it. Twice is once. */
    joinRoom: (_, name?: string) => ({ type: 'joined', data: { name } }),
    /** Is no member any more. One's ballots are kept and do not count until one joins again. */
    leaveRoom: _ => ({ type: 'left', data: {} }),
    /** Puts a title to the vote; one whose vote is over gets a new one. Refused as `already-open` and `too-many`. */
    proposeMedia: (_, mediaId: string, mediaTitle: string) => ({ type: 'proposed', data: { mediaId, mediaTitle } }),
    /** Votes on a title. Refused as `not-member`, `unknown-media`, `vote-closed` and `already-voted`. */
    castVote: (_, mediaId: string, voteType: VoteType) => ({ type: 'cast', data: { mediaId, voteType } }),
    /** Ends a vote without a match. */
    closeVote: (_, mediaId: string) => ({ type: 'closed', data: { mediaId } }),
    /**
     * Sets the rule, for open votes too. `votes`: the likes that `threshold` asks for, 1 to 100. `changing`: whether a member may
     * cast again.
     */
    setVoteRule: (_, matchType: MatchType, options: { votes?: number; changing?: boolean } = {}) => {
      if (matchType === 'threshold' && options.votes === undefined)
        throw new RealtimeError('bad-argument', 'votes: threshold needs the number of likes that it asks for')
      return { type: 'ruled', data: { ...options, matchType } }
    }
  },
  local: tellVotes
})
