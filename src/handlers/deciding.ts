// The server's side of rooms that decide, in one piece: announces matches, carries private messages, says what the app has to say, and
// counts.

import { type Recommendation, recommendations } from '../features/recommendations.js'
import { type SystemMessage, systemMessages } from '../features/system-messages.js'
import { votes } from '../features/votes.js'
import type { Hub } from '../server/hub.js'
import { digest } from './digest.js'
import { carryPrivateMessages } from './private-messages.js'
import { handleVotes, type VotesHandler } from './votes.js'

export interface DecidingOptions {
  /** Told what could not be stored and is tried again. Default: nobody. */
  readonly report?: ((error: unknown) => void) | undefined
}

/** What is to be recommended. */
export type NewRecommendation = Pick<Recommendation, 'mediaId' | 'mediaTitle'> &
  Partial<Pick<Recommendation, 'reason' | 'score'>>

/** Numbers of one room, ever since it began. */
export interface DecidingRoomStats {
  /** Who joined and has not left. */
  readonly members: number
  /** Users who have a connection in the room now. */
  readonly present: number
  readonly votes: number
  readonly matches: number
  /** Votes that are open now. */
  readonly open: number
}

/** Numbers of this server. */
export interface RealtimeStats {
  /** Connections now, of clients of any room. */
  readonly connections: number
  /** Rooms with votes that were in memory since the start. */
  readonly rooms: number
  /** Memberships of these rooms: who is in two counts twice. */
  readonly members: number
  /** Ballots ever cast in these rooms. */
  readonly votes: number
  /** Matches ever announced in these rooms. */
  readonly matches: number
  /** System messages ever said in the rooms that were in memory, and private messages delivered since the start. */
  readonly messages: { readonly system: number; readonly private: number }
  /** When counting began, in milliseconds since 1970. */
  readonly since: number
}

export interface DecidingHandler extends Omit<VotesHandler, 'idle'> {
  /** Recommends titles to a room. The same key twice is once. */
  recommend(room: string, items: readonly NewRecommendation[], options?: { readonly key?: string }): Promise<void>
  /** Says a system message to a room. The same key twice is once. */
  tellRoom(
    room: string,
    text: string,
    options?: { readonly level?: SystemMessage['level']; readonly key?: string }
  ): Promise<void>
  getRoomStats(room: string): Promise<DecidingRoomStats>
  getRealtimeStats(): RealtimeStats
  /** Resolves when everything that is undone so far was done, or has failed and waits. */
  idle(): Promise<void>
}

/** What is remembered of a room that is or was in memory. */
interface Counted {
  readonly members: number
  readonly votes: number
  readonly matches: number
}

const SERVER = 'server'

/** Starts it; the hub must run `votes`, `recommendations`, `system-messages` and `private-messages`. */
export function createDeciding(hub: Hub, { report }: DecidingOptions = {}): DecidingHandler {
  let since = hub.clock.now()
  let rooms = new Map<string, Counted>()
  let said = new Map<string, number>()
  let voting = handleVotes(hub, { report })
  let carrying = carryPrivateMessages(hub, { report })
  let stops = [
    hub.watch(votes, ({ room, state: { members, votesCast, matchesFound } }) => {
      rooms.set(room, { members: members.length, votes: votesCast, matches: matchesFound })
    }),
    hub.watch(systemMessages, ({ room, state }) => said.set(room, state.total))
  ]

  let sum = (numbers: Iterable<number>) => [...numbers].reduce((total, number) => total + number, 0)
  let keyed = (kind: string, key: string | undefined) => (key === undefined ? {} : { key: `${kind}:${digest(key)}` })

  return {
    notifyVote: voting.notifyVote,
    notifyMatch: voting.notifyMatch,
    async recommend(room, items, { key } = {}) {
      let given = items.map(({ reason, score, ...item }) => ({
        ...item,
        ...(reason == null ? {} : { reason }),
        ...(score == null ? {} : { score })
      }))
      await hub.room(room).push(recommendations, 'delivered', { items: given }, { by: SERVER, ...keyed('rec', key) })
    },
    async tellRoom(room, text, { level = 'info', key } = {}) {
      await hub.room(room).push(systemMessages, 'said', { text, level }, { by: SERVER, ...keyed('said', key) })
    },
    async getRoomStats(room) {
      let { members, votesCast, matchesFound, media } = await hub.room(room).state(votes)
      let present = new Set(Object.values(hub.room(room).members()).map(({ user }) => user))
      let open = media.filter(({ status }) => status === 'open').length
      return { members: members.length, present: present.size, votes: votesCast, matches: matchesFound, open }
    },
    getRealtimeStats() {
      let all = [...rooms.values()]
      return {
        connections: hub.stats().connections,
        rooms: all.length,
        members: sum(all.map(({ members }) => members)),
        votes: sum(all.map(({ votes }) => votes)),
        matches: sum(all.map(({ matches }) => matches)),
        messages: { system: sum(said.values()), private: carrying.delivered() },
        since
      }
    },
    async idle() {
      await voting.idle()
      await carrying.idle()
    },
    close() {
      for (let stop of stops) stop()
      voting.close()
      carrying.close()
    }
  }
}
