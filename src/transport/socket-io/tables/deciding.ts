// Rooms that decide, on a Socket.IO backend that counts the votes itself: what it tells is told on to the feature, whose own count
// then comes to the same. Which vote of a title a match ends is not told there: it is listed, and the vote stays `decided`.

import { list, number, optional, type Payload, type SocketIoTable, text, time } from '../table.js'

/** Rooms of an app's own names. */
const KIND = '*'
const room = ({ roomId }: Payload): string | undefined => optional(roomId, text)
const TYPES = ['unanimous', 'majority', 'threshold']

export const decidingTable = {
  rooms: [
    {
      kind: KIND,
      join: ({ id }) => ({ event: 'joinRoom', payload: { roomId: id } }),
      leave: ({ id }) => ({ event: 'leaveRoom', payload: { roomId: id } }),
      members: answer => {
        let { members } = (answer ?? {}) as { members?: unknown }
        return optional(members, list)?.map(item => {
          let { userId, status } = (item ?? {}) as Payload
          return { user: text(userId), data: { status } }
        })
      }
    }
  ],
  up: {
    // Whoever enters the room is a member there.
    'votes/joined': { emit: () => undefined },
    'votes/left': { emit: () => undefined },
    'votes/cast': {
      emit: ({ mediaId, voteType }: { mediaId: string; voteType: string }, { id, action }) => ({
        event: 'vote',
        payload: { roomId: id, mediaId, voteType, clientId: action }
      })
    }
  },
  down: [
    {
      event: 'voteUpdate',
      kind: KIND,
      room,
      is: 'votes/joined',
      data: () => ({}),
      by: ({ userId }) => text(userId)
    },
    {
      event: 'voteUpdate',
      kind: KIND,
      room,
      is: 'votes/proposed',
      data: ({ mediaId, mediaTitle }) => titled(mediaId, mediaTitle),
      by: ({ userId }) => text(userId)
    },
    {
      event: 'voteUpdate',
      kind: KIND,
      room,
      is: 'votes/ruled',
      data: ({ progress }) => {
        let { requiredVotes } = (progress ?? {}) as Payload
        let votes = optional(requiredVotes, number)
        return votes === undefined ? undefined : { matchType: 'threshold', votes: Math.min(100, Math.max(1, votes)) }
      }
    },
    {
      event: 'voteUpdate',
      kind: KIND,
      room,
      is: 'votes/cast',
      data: ({ mediaId, voteType }) => ({ mediaId: text(mediaId), voteType: text(voteType) }),
      by: ({ userId }) => text(userId),
      action: ({ clientId }) => optional(clientId, text)
    },
    {
      event: 'matchFound',
      kind: KIND,
      room,
      is: 'votes/matched',
      data: ({ mediaId, mediaTitle, participants, matchType }) => ({
        ...titled(mediaId, mediaTitle),
        participants: list(participants).map(text).slice(0, 100),
        matchType: TYPES.includes(matchType as string) ? matchType : 'threshold',
        round: 0
      })
    },
    {
      event: 'roomStateChanged',
      kind: KIND,
      room,
      is: 'votes/proposed',
      data: ({ currentMediaId, currentMediaTitle }) =>
        currentMediaId === undefined || currentMediaId === null ? undefined : titled(currentMediaId, currentMediaTitle)
    },
    {
      event: 'memberStatusChanged',
      kind: KIND,
      room,
      is: 'votes/joined',
      data: ({ status }) => (status === 'left' ? undefined : {}),
      by: ({ userId }) => text(userId),
      at: ({ lastActivity }) => optional(lastActivity, time)
    },
    {
      event: 'memberStatusChanged',
      kind: KIND,
      room,
      is: 'votes/left',
      data: ({ status }) => (status === 'left' ? {} : undefined),
      by: ({ userId }) => text(userId)
    },
    {
      event: 'memberStatusChanged',
      kind: KIND,
      room,
      member: 'joined',
      user: ({ userId, status }) => (status === 'left' ? undefined : text(userId)),
      data: ({ status, lastActivity }) => ({ status, lastActivity })
    },
    {
      event: 'memberStatusChanged',
      kind: KIND,
      room,
      member: 'left',
      user: ({ userId, status }) => (status === 'left' ? text(userId) : undefined)
    }
  ]
} satisfies SocketIoTable

function titled(mediaId: unknown, mediaTitle: unknown): { mediaId: string; mediaTitle: string } {
  let id = text(mediaId)
  return { mediaId: id, mediaTitle: (optional(mediaTitle, text) || id).slice(0, 200) }
}
