// Who may enter a conversation and say what in it: a policy to be handed to the hub. Knows the names of direct conversations and
// the list of members; everything else is the app's to say.

import { type ChatState, chat, chatMember } from '../features/chat.js'
import { claimsDirect, directPair, isConversation } from '../features/conversation-ids.js'
import type { Hub } from '../server/hub.js'
import { defaultPolicy, type Policy, type PolicyAnswer, type PolicyRequest } from '../server/policy.js'

export interface ConversationPolicyOptions {
  /** The hub that asks; made after its policy, so it is asked for when it is needed. */
  readonly hub: () => Hub
  /**
   * Whether a user may enter a conversation that is not a direct one. Without it, its own members decide: whoever comes first
   * opens it, and others enter once they are invited. One that all have left is entered by the last 100 of them only.
   */
  readonly mayEnter?: (request: PolicyRequest) => boolean | Promise<boolean>
  /** Asked about everything else, and once more about what this allows. Default: `defaultPolicy`. */
  readonly otherwise?: Policy
}

/**
 * Members only. A direct conversation is for the two that its name names; a message with a `recipientId` is taken nowhere else,
 * for what is in a room's log goes to everyone in the room.
 *
 * ```ts
 * let { hub } = await createServer({ features, policy: conversationPolicy({ hub: () => hub }) })
 * ```
 */
export function conversationPolicy({ hub, mayEnter, otherwise = defaultPolicy }: ConversationPolicyOptions): Policy {
  function refusal(request: PolicyRequest): PolicyAnswer | Promise<PolicyAnswer> {
    let { room, action, user } = request
    if (!isConversation(room)) return true
    if (claimsDirect(room)) {
      let pair = directPair(room)
      if (!pair?.includes(user)) return false
      return action === 'push' ? mayPush(request, pair) : true
    }
    if (action === 'join') return mayEnter ? mayEnter(request) : isOpenTo(room, user)
    return action === 'push' ? mayPush(request, null) : true
  }

  /** What may be said is the feature's to refuse; here is only what it cannot know: the room's name, and who was let in. */
  function mayPush(request: PolicyRequest, pair: readonly string[] | null): PolicyAnswer {
    if (request.feature !== chat.name) return true
    let { type, user } = request
    let { recipientId, user: invited } = request.data as { recipientId?: string; user?: string }
    if (recipientId !== undefined && !(pair?.includes(recipientId) && recipientId !== user)) return 'not-private'
    if (pair) return type === 'invited' && !pair.includes(invited as string) ? 'not-private' : true
    if (type !== 'joined' || mayEnter) return true
    return mayOpen(request.state as ChatState, user)
  }

  async function isOpenTo(room: string, user: string): Promise<boolean> {
    return mayOpen(await hub().room(room).state(chat), user)
  }

  return request => {
    let answer = refusal(request)
    if (answer === true) return otherwise(request)
    if (typeof answer !== 'object') return answer
    return answer.then(allowed => (allowed === true ? otherwise(request) : allowed))
  }
}

/** What was said where all have left is for none but those who were there. */
function mayOpen(state: ChatState, user: string): boolean {
  let { members, gone, total } = state
  if (members.length > 0) return chatMember(state, user) !== undefined
  return gone.includes(user) || (gone.length === 0 && total === 0)
}
