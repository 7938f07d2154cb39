// Who is connected to a server right now, for its admins. Runs in the room `operations`; a stream that is never stored, for what
// was true of one run of a server says nothing about the next.

import { RealtimeError } from '../errors.js'
import { defineFeature, ttl, volatile } from '../feature.js'
import { array, integer, nullable, object, string } from '../schema.js'

/** Sessions that are listed; of further ones only their number is told. */
export const MAX_SESSIONS = 200

/** One connection. */
export interface UserSession {
  readonly sid: string
  readonly user: string
  readonly app: string
  /** What the client says it runs on. */
  readonly platform: string | null
  /** When the connection was welcome, in milliseconds since 1970. */
  readonly since: number
  /** How many rooms it is in. */
  readonly rooms: number
}

export interface SessionsState {
  /** When this was so, in milliseconds since 1970; `null` before the server said anything. */
  readonly at: number | null
  /** How many there are. */
  readonly total: number
  /** At most 200, oldest first. */
  readonly sessions: readonly UserSession[]
}

const time = integer({ min: 0 })
const initial: SessionsState = { at: null, total: 0, sessions: [] }

/**
 * The live list. Only the server tells it; a member ends a session, if the app's policy allows it.
 *
 * ```ts
 * let { $state, endSession } = client.room(OPERATIONS_ROOM).use(sessions)
 * endSession($state.get().sessions[0].sid)
 * ```
 */
export const sessions = defineFeature({
  name: 'sessions',
  version: 1,
  events: {
    'sessions:list': volatile(
      object({
        at: time,
        total: time,
        sessions: array(
          object({
            sid: string({ max: 64 }),
            user: string({ max: 256 }),
            app: string({ max: 256 }),
            platform: nullable(string({ max: 64 })),
            since: time,
            rooms: time
          }),
          { max: MAX_SESSIONS }
        )
      }),
      { author: 'server', seconds: 3600, rate: 2 }
    ),
    'sessions:end': ttl(30, object({ sid: string({ min: 1, max: 64 }) }), { lane: 'high' })
  },
  initial,
  reduce: {
    'sessions:list': (state, { at, total, sessions }) =>
      state.at !== null && state.at > at ? state : { at, total, sessions },
    // The list says when it is gone.
    'sessions:end': state => state
  },
  commands: {
    /** Ends one session for good; whoever has a token that still counts may come again. */
    endSession: ({ state }, sid: string) => {
      if (!state.sessions.some(session => session.sid === sid))
        throw new RealtimeError('bad-argument', `sid: there is no session with the id «${String(sid)}»`)
      return { type: 'sessions:end', data: { sid } }
    }
  }
})
