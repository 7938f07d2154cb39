// How people are in a room, as far as it outlives their connections: what they chose by hand, when those who left were seen
// last, and how personas are that the server plays. Who is connected, and active, is presence's to tell.

import { defineFeature, durable, latest } from '../feature.js'
import { nullable, number, object, oneOf, optional, string } from '../schema.js'
import { entryOf, withEntry } from './bounded.js'

/** So many people's choices, and so many last words, are kept; the oldest give way. */
export const MAX_PERSONAS = 500

export const personaStatuses = ['online', 'away', 'busy', 'responding', 'offline'] as const
export type PersonaStatus = (typeof personaStatuses)[number]

/** A status chosen by hand. */
export interface ChosenStatus {
  readonly status: PersonaStatus
  /** Milliseconds since 1970 by the server's clock. */
  readonly at: number
}

/** What the server told of somebody last. */
export interface ToldStatus extends ChosenStatus {
  /** When they were there last, in milliseconds since 1970 by the server's clock; null when it was not told. */
  readonly lastSeen: number | null
}

/** By persona; a user's own persona has the id of the user. At most 500 of each. */
export interface PersonaStatusState {
  readonly chosen: Readonly<Record<string, ChosenStatus>>
  readonly told: Readonly<Record<string, ToldStatus>>
}

const initial: PersonaStatusState = { chosen: {}, told: {} }
const persona = string({ min: 1, max: 256 })
const status = oneOf(...personaStatuses)
const at = (entry: ChosenStatus): number => entry.at

/**
 * Status by hand, and when somebody was seen last. A client speaks for its own user only; for personas that the server plays
 * it says `hub.room(id).push(personaStatus, 'personaStatusUpdate', { personaId: 'luna', status: 'responding' }, { by: 'luna' })`.
 *
 * ```ts
 * await room.use(personaStatus).updatePersonaStatus('busy')
 * await room.use(personaStatus).updatePersonaStatus(null) // as detected, again
 * ```
 */
export const personaStatus = defineFeature({
  name: 'persona-status',
  version: 1,
  events: {
    updatePersonaStatus: latest(object({ personaId: persona, status: nullable(status) }), {
      key: ({ personaId }) => personaId
    }),
    personaStatusUpdate: durable(object({ personaId: persona, status, lastSeen: optional(number({ min: 0 })) }), {
      author: 'server'
    })
  },
  initial,
  reduce: {
    updatePersonaStatus: (state, { personaId, status }, { actor, at: now }) => {
      if (personaId !== actor) return state
      if (status) {
        return { ...state, chosen: withEntry(state.chosen, personaId, { status, at: now }, MAX_PERSONAS, at) }
      }
      if (!entryOf(state.chosen, personaId)) return state
      let { [personaId]: _, ...chosen } = state.chosen
      return { ...state, chosen }
    },
    personaStatusUpdate: (state, { personaId, status, lastSeen = null }, { at: now }) => ({
      ...state,
      told: withEntry(state.told, personaId, { status, lastSeen, at: now }, MAX_PERSONAS, at)
    })
  },
  refuse: {
    updatePersonaStatus: (_, { personaId }, { actor }) => (personaId === actor ? null : 'forbidden')
  },
  commands: {
    /** Says how this user is, on all their devices, until it is taken back with null. */
    updatePersonaStatus: ({ me }, status: PersonaStatus | null) => ({
      type: 'updatePersonaStatus',
      data: { personaId: me, status }
    })
  }
})
