// Carries private messages from the sender's own room to the recipient's, if both are members of the room that they name. No third
// person's room is ever touched.

import { privateMessages, type SentMessage } from '../features/private-messages.js'
import { isMember } from '../features/vote-state.js'
import { votes } from '../features/votes.js'
import type { Hub } from '../server/hub.js'
import { digest } from './digest.js'
import { type Duties, followDuties } from './duties.js'

export interface PrivateMessagesHandler extends Duties {
  /** Messages that reached their recipient's room since the start. */
  delivered(): number
}

const USER_ROOM = 'user:'
/** Characters of a room's id. */
const MOST_ROOM = 256
const SERVER = 'server'

/** Follows the private messages of every user of a hub; `report` is told what could not be stored and is tried again. */
export function carryPrivateMessages(
  hub: Hub,
  { report }: { readonly report?: ((error: unknown) => void) | undefined } = {}
): PrivateMessagesHandler {
  let delivered = 0

  /** Why a message may not be delivered, or null. */
  async function problemOf(from: string, { room, to }: SentMessage): Promise<string | null> {
    // Nobody with such a name can have a room of their own.
    if (USER_ROOM.length + to.length > MOST_ROOM) return 'not-member'
    if (room === '__proto__' || room.startsWith(USER_ROOM) || room.startsWith('server:')) return 'not-member'
    let state = await hub.room(room).state(votes)
    return isMember(state, from) && isMember(state, to) ? null : 'not-member'
  }

  async function carry(from: string, message: SentMessage): Promise<void> {
    let { id, room, to, text } = message
    let code = await problemOf(from, message)
    if (code === null) {
      let key = `pm:${digest(JSON.stringify([from, id]))}`
      await hub.room(USER_ROOM + to).push(privateMessages, 'received', { room, from, text }, { by: SERVER, key })
      delivered++
    }
    let key = `pm-settled:${digest(id)}`
    await hub.room(USER_ROOM + from).push(privateMessages, 'settled', { id, code }, { by: SERVER, key })
  }

  let duties = followDuties(
    hub,
    privateMessages,
    (place, { sent }) => {
      // Said in any other room it is no private message: everyone there has read it.
      if (!place.startsWith(USER_ROOM)) return []
      let from = place.slice(USER_ROOM.length)
      return sent
        .filter(({ status }) => status === 'waiting')
        .map(message => ({ name: message.id, run: () => carry(from, message) }))
    },
    report
  )
  return { ...duties, delivered: () => delivered }
}
