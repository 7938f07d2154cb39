// The votes of a room as they happen: payloads for an app's listeners, once for each live event, never for a replay.

import type { ReadableAtom } from 'nanostores'
import type { LiveEvent, LocalHost, LocalPart } from '../feature.js'
import type { Stop } from '../ports.js'
import { entryOf } from './bounded.js'
import type { MatchType, VoteProgress, VoteType } from './vote-rules.js'
import { mediumOf, type VotesState } from './vote-state.js'
import type { VoteEvents } from './votes-events.js'

/** Somebody has voted. */
export interface VoteUpdate {
  readonly userId: string
  readonly mediaId: string
  readonly voteType: VoteType
  /** As it was with this vote. */
  readonly progress: VoteProgress
}

/** The room has agreed. */
export interface MatchFound {
  readonly mediaId: string
  readonly mediaTitle: string
  /** Who liked it. */
  readonly participants: readonly string[]
  readonly matchType: MatchType
}

/** What the page's part of `votes` adds. */
export interface VotesLocal extends LocalPart<VotesState> {
  readonly $state: ReadableAtom<VotesState>
  /** Hears every vote that comes in while connected, one's own included. Returns what stops it. */
  onVoteUpdate(listener: (update: VoteUpdate) => void): Stop
  /** Hears every match that is announced while connected. Returns what stops it. */
  onMatchFound(listener: (match: MatchFound) => void): Stop
}

/** The vote that an event cast, if it counted. */
export function voteUpdateOf(state: VotesState, mediaId: string, userId: string, id: string): VoteUpdate | null {
  let ballot = entryOf(mediumOf(state, mediaId)?.ballots ?? {}, userId)
  if (ballot?.id !== id) return null
  let { voteType, progress } = ballot
  return { userId, mediaId, voteType, progress }
}

export function tellVotes({ $state, onEvent }: LocalHost<VotesState, VoteEvents>): VotesLocal {
  let updates = new Set<(update: VoteUpdate) => void>()
  let matches = new Set<(match: MatchFound) => void>()

  let stop = onEvent(({ type, data, meta }: LiveEvent<VoteEvents>) => {
    let state = $state.get()
    if (type === 'cast') {
      let update = voteUpdateOf(state, data.mediaId, meta.actor, meta.id)
      if (update) for (let listener of [...updates]) listener(update)
    }
    if (type === 'matched' && state.matches.some(({ id }) => id === meta.id)) {
      let { mediaId, mediaTitle, participants, matchType } = data
      for (let listener of [...matches]) listener({ mediaId, mediaTitle, participants, matchType })
    }
  })

  function listen<T>(set: Set<(value: T) => void>, listener: (value: T) => void): Stop {
    set.add(listener)
    return () => set.delete(listener)
  }

  return {
    $state,
    onVoteUpdate: listener => listen(updates, listener),
    onMatchFound: listener => listen(matches, listener),
    close: stop
  }
}
