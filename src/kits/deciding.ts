// A room that decides, in one piece for a page: votes, queue, recommendations, messages and members of one room, and what happens in it
// as typed events. Joins features; decides nothing.

import mitt from 'mitt'
import { computed, type ReadableAtom } from 'nanostores'
import type { Realtime } from '../client.js'
import type { Handle, Receipt } from '../feature.js'
import { privateMessages } from '../features/private-messages.js'
import { type QueueState, queue } from '../features/queue.js'
import { type RecommendationsState, recommendations } from '../features/recommendations.js'
import { systemMessages } from '../features/system-messages.js'
import { type MatchFound, type VotesState, type VoteUpdate, votes } from '../features/votes.js'
import type { Stop } from '../ports.js'
import type { Room } from '../room.js'
import {
  type DecidingMember,
  type DecidingMessage,
  type DecidingStats,
  type MemberStatus,
  membersOf,
  messagesOf,
  type RoomState,
  roomStateOf,
  statsOf
} from './deciding-view.js'

export type { MatchFound, VoteUpdate } from '../features/votes.js'
export type { DecidingMember, DecidingMessage, DecidingStats, MemberStatus, RoomState } from './deciding-view.js'

/** What happens while the page is connected: once each, never for what it missed and caught up with. */
export type DecidingEvents = {
  voteUpdate: VoteUpdate
  matchFound: MatchFound
  roomStateChanged: RoomState
  memberStatusChanged: MemberStatus
}

type Commands = Pick<
  Handle<typeof votes>,
  'joinRoom' | 'leaveRoom' | 'proposeMedia' | 'castVote' | 'closeVote' | 'setVoteRule'
> &
  Pick<Handle<typeof queue>, 'addToQueue' | 'removeFromQueue' | 'moveInQueue' | 'advanceQueue'> &
  Pick<Handle<typeof recommendations>, 'dismissRecommendation'>

export interface DecidingRoom extends Commands {
  readonly id: string
  /** `stale`: what is shown may be behind. */
  readonly $status: Room['$status']
  /** What this connection says of itself: `presence.set({ status: 'away' })`. */
  readonly presence: Room['presence']
  readonly $votes: ReadableAtom<VotesState>
  readonly $queue: ReadableAtom<QueueState>
  readonly $recommendations: ReadableAtom<RecommendationsState>
  /** Of the system and private ones, oldest first. */
  readonly $messages: ReadableAtom<readonly DecidingMessage[]>
  /** Who joined and has not left, in order of joining, with how they are now. */
  readonly $members: ReadableAtom<readonly DecidingMember[]>
  readonly $room: ReadableAtom<RoomState>
  readonly $stats: ReadableAtom<DecidingStats>
  /** Sends a text to another member; nobody else ever gets it. */
  sendPrivateMessage(to: string, text: string): Receipt
  on<K extends keyof DecidingEvents>(type: K, listener: (detail: DecidingEvents[K]) => void): Stop
  /** Lets go of the rooms; membership stays until `leaveRoom`. */
  close(): void
}

/**
 * A room that decides; the server runs `createDeciding` of `realtime-stores/handlers/deciding`.
 *
 * ```ts
 * let room = createDecidingRoom(client, 'friday')
 * await room.joinRoom('Ada').acked
 * room.on('matchFound', ({ mediaTitle, participants }) => …)
 * await room.castVote('tt0078748', 'like')
 * ```
 */
export function createDecidingRoom(client: Realtime, id: string): DecidingRoom {
  let room = client.room(id)
  let own = client.room(`user:${client.user}`)
  let vote = room.use(votes)
  let line = room.use(queue)
  let recommended = room.use(recommendations)
  let system = room.use(systemMessages)
  let personal = own.use(privateMessages)
  let emitter = mitt<DecidingEvents>()

  let $members = computed([vote.$state, room.presence.$roster], membersOf)
  let $room = computed([vote.$state, line.$state, $members], roomStateOf)
  let $stats = computed([vote.$state, line.$state, $members], statsOf)
  let $messages = computed([system.$state, personal.$state], (said, mine) => messagesOf(id, client.user, said, mine))

  let stops = [
    vote.onVoteUpdate(update => emitter.emit('voteUpdate', update)),
    vote.onMatchFound(match => emitter.emit('matchFound', match)),
    followLive(room.$status, $room, (before, now) => {
      if (!isSame(before, now)) emitter.emit('roomStateChanged', now)
    }),
    followLive(room.$status, $members, (before, now) => {
      for (let { userId, status, lastActivity } of now) {
        let known = before.find(member => member.userId === userId)
        if (known?.status !== status) emitter.emit('memberStatusChanged', { userId, status, lastActivity })
      }
    })
  ]

  return {
    id,
    $status: room.$status,
    presence: room.presence,
    $votes: vote.$state,
    $queue: line.$state,
    $recommendations: recommended.$state,
    $messages,
    $members,
    $room,
    $stats,
    joinRoom: vote.joinRoom,
    leaveRoom: vote.leaveRoom,
    proposeMedia: vote.proposeMedia,
    castVote: vote.castVote,
    closeVote: vote.closeVote,
    setVoteRule: vote.setVoteRule,
    addToQueue: line.addToQueue,
    removeFromQueue: line.removeFromQueue,
    moveInQueue: line.moveInQueue,
    advanceQueue: line.advanceQueue,
    dismissRecommendation: recommended.dismissRecommendation,
    sendPrivateMessage: (to, text) => personal.sendPrivateMessage(id, to, text),
    on(type, listener) {
      emitter.on(type, listener)
      return () => emitter.off(type, listener)
    },
    close() {
      for (let stop of stops) stop()
      emitter.all.clear()
      room.leave()
      own.leave()
    }
  }
}

/**
 * Tells how a store changes while the room is live. What comes in while it catches up changes the store too, in the same turn in
 * which the room becomes live, and is not told.
 */
function followLive<T>(
  $status: ReadableAtom<{ readonly stale: boolean }>,
  $store: ReadableAtom<T>,
  changed: (before: T, now: T) => void
): Stop {
  let isLive = false
  let isOver = false
  let wasStale = true
  let last = $store.get()

  let stopStatus = $status.subscribe(({ stale }) => {
    if (stale === wasStale) return
    wasStale = stale
    isLive = false
    if (stale) return
    void Promise.resolve().then(() => {
      last = $store.get()
      isLive = !isOver && !$status.get().stale
    })
  })
  let stopStore = $store.listen(now => {
    let before = last
    last = now
    if (isLive) changed(before, now)
  })

  return () => {
    isOver = true
    isLive = false
    stopStatus()
    stopStore()
  }
}

function isSame(one: RoomState, other: RoomState): boolean {
  return (Object.keys(one) as (keyof RoomState)[]).every(key => one[key] === other[key])
}
