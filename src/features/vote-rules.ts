// When a room has decided: how many votes a rule asks for, and how far the votes have come. Pure; knows nothing of rooms.

/** How a room agrees on a title. */
export type MatchType = 'unanimous' | 'majority' | 'threshold'

/** `like` counts towards a match; `dislike` and `skip` are ballots that do not. */
export type VoteType = 'like' | 'dislike' | 'skip'

/** What a room asks for. */
export interface VoteRule {
  readonly matchType: MatchType
  /** With `threshold`: so many likes. */
  readonly votes: number
  /** Whether a member may cast again while the vote is open; the newer ballot takes the place of the older. */
  readonly changing: boolean
}

/** How far a vote has come. */
export interface VoteProgress {
  /** Likes of members. */
  readonly totalVotes: number
  /** Likes that make a match. */
  readonly requiredVotes: number
  /** From 0 to 100, whole; 100 exactly when there are enough. */
  readonly percentage: number
}

/** Everybody must agree, and nobody may change a vote. */
export const DEFAULT_RULE: VoteRule = { matchType: 'unanimous', votes: 2, changing: false }

/**
 * Likes that make a match in a room of so many members. `unanimous`: all of them; `majority`: more than half of them; both at least
 * two, for one person alone agrees with nobody. `threshold`: the number that the rule names, however many there are.
 */
export function requiredVotes({ matchType, votes }: VoteRule, members: number): number {
  if (matchType === 'threshold') return votes
  return Math.max(2, matchType === 'unanimous' ? members : Math.floor(members / 2) + 1)
}

/** How far `totalVotes` are on the way to `required`: rounded down, so that 100 is never shown too early. */
export function progressOf(totalVotes: number, required: number): VoteProgress {
  let percentage = Math.min(100, Math.floor((totalVotes / required) * 100))
  return { totalVotes, requiredVotes: required, percentage }
}
