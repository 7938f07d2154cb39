// Names of rooms that are conversations. A direct conversation is named after its two members, so that both find it, and so that
// a policy can tell from the name alone whose it is.

import { RealtimeError } from '../errors.js'

/** What the ids of conversations start with. */
export const CONVERSATION = 'conversation:'
const DIRECT = `${CONVERSATION}direct:`

/** Whether a room is a conversation by its name. */
export function isConversation(room: string): boolean {
  return room.startsWith(CONVERSATION)
}

/** The conversation of two users, whichever is named first. Their names together have at most 200 characters or so. */
export function directConversation(one: string, other: string): string {
  if (one === other || !one || !other) throw new RealtimeError('bad-argument', 'recipientId: must be another user')
  let [first, second] = [one, other].sort() as [string, string]
  return `${DIRECT}${encodeURIComponent(first)}:${encodeURIComponent(second)}`
}

/** The two users of a direct conversation; null when it is none, also when nobody could have named it so. */
export function directPair(room: string): readonly [string, string] | null {
  if (!room.startsWith(DIRECT)) return null
  let names = room.slice(DIRECT.length).split(':')
  try {
    let [one = '', other = ''] = names.map(decodeURIComponent)
    return directConversation(one, other) === room ? [one, other] : null
  } catch {
    return null
  }
}

/** Whether a room says that it is a direct conversation, rightly or not. */
export function claimsDirect(room: string): boolean {
  return room.startsWith(DIRECT)
}
