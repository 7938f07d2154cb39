// Announces the matches of votes: once each, also when the server dies between a decision and its announcement. The votes themselves
// decide (features/vote-state); this says it aloud.

import { RealtimeError } from '../errors.js'
import { castProblem, mediumOf } from '../features/vote-state.js'
import { type MatchFound, type Medium, type VoteType, type VoteUpdate, votes } from '../features/votes.js'
import { voteUpdateOf } from '../features/votes-live.js'
import type { Hub } from '../server/hub.js'
import { digest } from './digest.js'
import { type Duties, followDuties } from './duties.js'

export interface VotesHandler extends Duties {
  /**
   * Casts a member's vote that the app's own code has taken, over its own API for instance. The same key twice is one vote. Rejects
   * with the code that a client would get: `not-member`, `unknown-media`, `vote-closed`, `already-voted`.
   */
  notifyVote(
    room: string,
    vote: { readonly userId: string; readonly mediaId: string; readonly voteType: VoteType },
    options?: { readonly key?: string }
  ): Promise<VoteUpdate>
  /**
   * Announces a match that the app's own code has found: of a title that is put to the vote, or of any other. A vote is announced once
   * however often it is told; another title once for each key, and without one once.
   */
  notifyMatch(room: string, match: MatchFound, options?: { readonly key?: string }): Promise<void>
}

/** The server's own name in the log. */
const SERVER = 'server'

/** Follows the votes of every room of a hub; `report` is told what could not be stored and is tried again. */
export function handleVotes(
  hub: Hub,
  { report }: { readonly report?: ((error: unknown) => void) | undefined } = {}
): VotesHandler {
  async function announce(room: string, { mediaId, mediaTitle, participants, matchType, round }: Medium) {
    let match = { mediaId, mediaTitle, participants, matchType, round }
    await hub.room(room).push(votes, 'matched', match, { by: SERVER, key: keyOf(round) })
  }

  let duties = followDuties(
    hub,
    votes,
    (room, { media }) =>
      media
        .filter(({ status }) => status === 'decided')
        .map(medium => ({ name: keyOf(medium.round), run: () => announce(room, medium) })),
    report
  )

  return {
    ...duties,
    async notifyVote(room, { userId, mediaId, voteType }, { key } = {}) {
      let place = hub.room(room)
      let unique = key === undefined ? hub.random.id() : `vote:${digest(key)}`
      let before = await place.state(votes)
      let known = voteUpdateOf(before, mediaId, userId, `app:${unique}`)
      if (known) return known
      let problem = castProblem(before, mediaId, userId)
      if (problem !== null) throw new RealtimeError(problem)
      let { id } = await place.push(votes, 'cast', { mediaId, voteType }, { by: userId, key: unique })
      let after = await place.state(votes)
      let update = voteUpdateOf(after, mediaId, userId, id)
      // Somebody was faster in between: the vote was closed, or cast.
      if (!update) throw new RealtimeError(castProblem(after, mediaId, userId) ?? 'already-voted')
      return update
    },
    async notifyMatch(room, match, { key } = {}) {
      let place = hub.room(room)
      let medium = mediumOf(await place.state(votes), match.mediaId)
      let round = medium && medium.status !== 'closed' ? medium.round : 0
      let once = round > 0 ? keyOf(round) : `match:${digest(key ?? match.mediaId)}`
      await place.push(votes, 'matched', { ...match, round }, { by: SERVER, key: once })
    }
  }
}

function keyOf(round: number): string {
  return `match:${round}`
}
