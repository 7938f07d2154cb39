// What a room that decides looks like from the outside: its state in a few words, its members and how they are. Pure.

import { membersByUser, type PresenceStatus } from '../core/members.js'
import type { Roster } from '../core/presence.js'
import type { PrivateMessagesState } from '../features/private-messages.js'
import type { QueueState } from '../features/queue.js'
import type { SystemMessage, SystemMessagesState } from '../features/system-messages.js'
import type { VotesState } from '../features/votes.js'

/** `playing`: a title is on. `voting`: none is, and a vote is open. `waiting`: neither. */
export type DecidingStatus = 'waiting' | 'voting' | 'playing'

/** A room in a few words. */
export interface RoomState {
  readonly status: DecidingStatus
  readonly currentMediaId: string | null
  /** Titles that wait. */
  readonly queueLength: number
  /** Members who have a connection in the room now. */
  readonly activeMembers: number
}

/** How a member is. */
export interface MemberStatus {
  readonly userId: string
  /** As presence says; `offline` without a connection in the room. */
  readonly status: PresenceStatus
  /**
   * When they last joined, proposed or voted, or while they are here last said something of themselves, in milliseconds since 1970 by
   * the server's clock.
   */
  readonly lastActivity: number
}

/** A member with the name they gave. */
export interface DecidingMember extends MemberStatus {
  readonly name: string | null
  readonly joinedAt: number
}

/** A message for this user: of the system, or from or to another member. */
export type DecidingMessage =
  | ({ readonly kind: 'system' } & SystemMessage)
  | {
      readonly kind: 'private'
      readonly id: string
      readonly from: string
      readonly to: string
      readonly text: string
      readonly at: number
      /** `waiting`, `delivered` or `refused`. */
      readonly status: 'waiting' | 'delivered' | 'refused'
    }

/** Numbers of a room ever since it began, and now. */
export interface DecidingStats {
  readonly members: number
  readonly active: number
  /** Ballots ever cast. */
  readonly votes: number
  readonly matches: number
  /** Votes that are open now. */
  readonly open: number
  /** Titles that were ever on. */
  readonly played: number
}

export function membersOf({ members }: VotesState, roster: Roster): readonly DecidingMember[] {
  let here = new Map(Object.entries(membersByUser(roster)))
  return members.map(({ userId, name, joinedAt, lastActivity }) => {
    let present = here.get(userId)
    return {
      userId,
      name,
      joinedAt,
      status: present?.status ?? 'offline',
      lastActivity: Math.max(lastActivity, present?.lastSeen ?? 0)
    }
  })
}

let present = (members: readonly MemberStatus[]) => members.filter(({ status }) => status !== 'offline').length

export function roomStateOf({ media }: VotesState, queue: QueueState, members: readonly MemberStatus[]): RoomState {
  let isOpen = media.some(({ status }) => status === 'open' || status === 'decided')
  return {
    status: queue.current ? 'playing' : isOpen ? 'voting' : 'waiting',
    currentMediaId: queue.current?.mediaId ?? null,
    queueLength: queue.items.length,
    activeMembers: present(members)
  }
}

export function statsOf(
  { members, votesCast, matchesFound, media }: VotesState,
  { played }: QueueState,
  shown: readonly MemberStatus[]
): DecidingStats {
  return {
    members: members.length,
    active: present(shown),
    votes: votesCast,
    matches: matchesFound,
    open: media.filter(({ status }) => status === 'open').length,
    played
  }
}

/** The messages about a room, oldest first. */
export function messagesOf(
  room: string,
  me: string,
  { messages }: SystemMessagesState,
  { sent, received }: PrivateMessagesState
): readonly DecidingMessage[] {
  let about = (message: { readonly room: string }) => message.room === room
  return [
    ...messages.map(message => ({ kind: 'system' as const, ...message })),
    ...sent.filter(about).map(({ id, to, text, at, status }) => ({
      ...{ kind: 'private' as const, id, from: me, to, text, at, status }
    })),
    ...received.filter(about).map(({ id, from, text, at }) => ({
      ...{ kind: 'private' as const, id, from, to: me, text, at, status: 'delivered' as const }
    }))
  ].sort((a, b) => a.at - b.at)
}
