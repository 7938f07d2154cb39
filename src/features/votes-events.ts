// What is said about votes: the events and their shapes.

import { durable } from '../feature.js'
import { array, boolean, integer, object, oneOf, optional, string } from '../schema.js'
import { MAX_MEMBERS } from './vote-state.js'

const mediaId = string({ min: 1, max: 128 })
const mediaTitle = string({ min: 1, max: 200 })
const matchType = oneOf('unanimous', 'majority', 'threshold')

export const voteEvents = {
  joined: durable(object({ name: optional(string({ min: 1, max: 64 })) })),
  left: durable(object({})),
  proposed: durable(object({ mediaId, mediaTitle })),
  cast: durable(object({ mediaId, voteType: oneOf('like', 'dislike', 'skip') })),
  closed: durable(object({ mediaId })),
  ruled: durable(
    object({ matchType, votes: optional(integer({ min: 1, max: MAX_MEMBERS })), changing: optional(boolean()) })
  ),
  matched: durable(
    object({
      mediaId,
      mediaTitle,
      participants: array(string({ min: 1, max: 256 }), { max: MAX_MEMBERS }),
      matchType,
      round: integer()
    }),
    { author: 'server', lane: 'critical' }
  )
}

export type VoteEvents = typeof voteEvents
