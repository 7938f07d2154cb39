// Writes down when people were last there: when the last connection of a user has left a conversation, its log says so, for
// those who come later. A server that crashes does not write it for those who were there; they are back within seconds.

import { personaStatus } from '../features/persona-status.js'
import type { Stop } from '../ports.js'
import type { Hub } from '../server/hub.js'

export interface LastSeenOptions {
  /** Where it is written down. Default: everywhere except in users' own rooms and the server's. */
  readonly rooms?: (room: string) => boolean
  /** Told when it could not be written. Default: nothing. */
  readonly failed?: (error: unknown) => void
}

let isConversation = (room: string): boolean => !room.startsWith('user:') && !room.startsWith('server:')

/**
 * Starts to write down when people were last there; see `personaStatus`. Returns what stops it.
 *
 * ```ts
 * keepLastSeen(hub, { rooms: room => room.startsWith('conversation:') })
 * ```
 */
export function keepLastSeen(hub: Hub, { rooms = isConversation, failed = () => {} }: LastSeenOptions = {}): Stop {
  return hub.watchMembers(({ room, left }) => {
    if (left.length === 0 || !rooms(room)) return
    let conversation = hub.room(room)
    let here = new Set(Object.values(conversation.members()).map(({ user }) => user))
    for (let personaId of new Set(left.map(({ user }) => user))) {
      if (here.has(personaId)) continue
      let data = { personaId, status: 'offline', lastSeen: hub.clock.now() }
      conversation.push(personaStatus, 'personaStatusUpdate', data, { by: personaId }).catch(failed)
    }
  })
}
