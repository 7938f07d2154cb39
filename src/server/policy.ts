// Who may do what: the two questions that an app answers, and the answers it gets without asking.

import { RealtimeError } from '../errors.js'
import type { AnyFeature, StateOf } from '../feature.js'
import type { PeerInfo } from './writer.js'

/** What a client says of itself in its first frame. */
export interface Credentials {
  readonly token: string | undefined
  /** The user that the client claims to be; nothing vouches for it but the token. */
  readonly user: string | undefined
  readonly app: string
  readonly platform: string | undefined
  /** What the transport knows; empty where it knows nothing. */
  readonly peer: PeerInfo
}

/** Who a connection is. */
export interface Identity {
  /** Must be the one that the client named, if it named one: otherwise the connection ends with `wrong-user`. */
  readonly user: string
  /** Seconds until this must be renewed; never, when absent. Below zero it is taken for `limits.tokenGrace` more. */
  readonly expiresIn?: number
  /** Handed to every policy question of this connection. */
  readonly claims?: unknown
}

/**
 * Says who a connection is. Throw a `RealtimeError('unauthorized')` (or any other that is not retryable) to refuse for good;
 * any other failure asks the client to come again later.
 */
export type Authenticate = (credentials: Credentials) => Identity | Promise<Identity>

/** A session that its user ended. */
export interface EndedSession {
  readonly user: string
  readonly app: string
  readonly claims: unknown
  /** The token that was handed in last. */
  readonly token: string | undefined
}

/** Told when a user logs out: the place to revoke the token, so that it opens nothing any more. */
export type Revoke = (session: EndedSession) => void | Promise<void>

export interface PolicyRequest {
  readonly user: string
  readonly claims: unknown
  readonly app: string
  readonly room: string
  readonly action: 'join' | 'push' | 'cast' | 'presence' | 'fetch'
  /** The token of this room, when the client sent one with its join. */
  readonly token?: string | undefined
  /** With `push` and `cast`. */
  readonly feature?: string
  readonly type?: string
  /** With `push` and `cast`: already accepted by the feature's schema. With `presence`: as the client sent it. */
  readonly data?: unknown
  /** With `push`: the feature's state before this action. */
  readonly state?: unknown
  /**
   * With `push`: what another feature of this room is before this action. What came in just before, and is not told to anybody
   * yet, counts already. `undefined` when the server does not run that feature.
   */
  readonly stateOf?: <F extends AnyFeature>(feature: F) => StateOf<F> | undefined
}

/** `true` allows, `false` refuses as `forbidden`, a text refuses with that text as its code. */
export type PolicyAnswer = boolean | string

/**
 * Decides one action. Must answer at once, for it runs between the reading and the writing of a room; only `join` may answer
 * with a promise.
 */
export type Policy = (request: PolicyRequest) => PolicyAnswer | Promise<PolicyAnswer>

/** Believes the claimed user: for demos and closed networks only. */
export function claimedUser({ user }: Credentials): Identity {
  if (!user) throw new RealtimeError('unauthorized', 'hello has no user')
  return { user }
}

/** A room named `user:<id>` is for that user alone; everything else is open to whoever was authenticated. */
export function defaultPolicy({ user, room }: Pick<PolicyRequest, 'user' | 'room'>): boolean {
  return user !== '' && (!room.startsWith('user:') || room === `user:${user}`)
}

/** A refusal: its code, and whether it is for good. */
export interface Refusal {
  readonly code: string
  readonly final: boolean
  readonly message?: string
}

/** Reads an answer of a policy: `null` allows. */
export function refusalOf(answer: PolicyAnswer): Refusal | null {
  if (answer === true) return null
  return { code: answer === false ? 'forbidden' : answer.slice(0, 64), final: true }
}

/** Reads what a policy threw. A plain error is a mistake in the policy: `otherwise` says what the client is told then. */
export function refusalOfThrown(error: unknown, otherwise: Refusal): Refusal {
  if (!(error instanceof RealtimeError)) return otherwise
  return { code: error.code.slice(0, 64), final: !error.retryable, message: error.message.slice(0, 1000) }
}

/** Asks a policy that must answer at once. */
export function askNow(policy: Policy, request: PolicyRequest, failed: (error: unknown) => void): Refusal | null {
  let refused: Refusal = { code: 'refused', final: true }
  try {
    let answer = policy(request)
    if (typeof answer === 'object') {
      answer.catch(() => {})
      failed(
        new RealtimeError('bad-argument', `the policy must answer «${request.action}» at once, not with a promise`)
      )
      return refused
    }
    return refusalOf(answer)
  } catch (error) {
    if (!(error instanceof RealtimeError)) failed(error)
    return refusalOfThrown(error, refused)
  }
}
