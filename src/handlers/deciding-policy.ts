// Who may do what in rooms that decide: an answer for `HubOptions.policy`, made of the app's own two or three.

import { isMember } from '../features/vote-state.js'
import { votes } from '../features/votes.js'
import { defaultPolicy, type Policy, type PolicyAnswer, type PolicyRequest } from '../server/policy.js'

export interface DecidingPolicyOptions {
  /** Whether a user may enter a room at all, and with it do anything there. Default: everybody. */
  readonly mayEnter?: (request: PolicyRequest) => boolean
  /** Whether a user leads a room: skips, reorders and removes in its queue, sets its rule, closes its votes. Default: everybody. */
  readonly isHost?: (request: PolicyRequest) => boolean
  /** Whether only those who have joined, by `joinRoom` of `votes`, touch queue and recommendations. Default: false. */
  readonly membersOnly?: boolean
  /** Asked once more about what this allows. Default: `defaultPolicy`. */
  readonly otherwise?: Policy
}

const OF_HOSTS: Readonly<Record<string, readonly string[]>> = {
  votes: ['ruled', 'closed'],
  queue: ['removed', 'moved', 'advanced']
}
const OF_MEMBERS = ['queue', 'recommendations']

/**
 * Makes the policy. It goes by what the server knows: the user that it authenticated, the claims of the token, the room. What a
 * client writes into its data about itself counts for nothing. Private messages are taken in a user's own room only, as
 * `wrong-room` elsewhere.
 *
 * ```ts
 * let policy = decidingPolicy({ isHost: ({ claims }) => claims?.role === 'host' })
 * ```
 */
export function decidingPolicy({
  mayEnter = () => true,
  isHost = () => true,
  membersOnly = false,
  otherwise = defaultPolicy
}: DecidingPolicyOptions = {}): Policy {
  function answerTo(request: PolicyRequest): PolicyAnswer {
    let { room, user, action, feature = '', type = '', stateOf } = request
    if (room === `user:${user}`) return true
    if (!mayEnter(request)) return false
    if (action !== 'push') return true
    if (feature === 'private-messages') return 'wrong-room'
    // As the action is decided: a page that joins and adds in one go is a member by then.
    let isStranger = !isMember(stateOf?.(votes) ?? votes.initial, user)
    if (membersOnly && isStranger && OF_MEMBERS.includes(feature)) return 'not-member'
    if (Object.hasOwn(OF_HOSTS, feature) && OF_HOSTS[feature]?.includes(type)) return isHost(request)
    return true
  }

  return request => {
    let answer = answerTo(request)
    return answer === true ? otherwise(request) : answer
  }
}
