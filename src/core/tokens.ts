// Where tokens come from: one question at a time, and no more of them than a service for identities can bear. Knows nothing
// of links; whoever holds one says when a token is needed.

import { RealtimeError } from '../errors.js'
import type { Clock, Random } from '../ports.js'

/** What a token function may be asked for. */
export interface TokenRequest {
  /** Why: the first one, an expired one, or one that was refused. */
  readonly reason: 'connect' | 'refresh' | 'refused'
}
export type TokenSource = string | ((request: TokenRequest) => string | Promise<string>)

export type Tokens = ReturnType<typeof createTokens>

/** Renewals in place in a minute, at most: when clocks or lifetimes are wrong, nobody is to be asked without end. */
const MOST_IN_A_MINUTE = 10
/** The first wait after a renewal that failed, and the longest, in milliseconds. */
const AGAIN: readonly [number, number] = [5000, 60_000]

/** `patience`: a question that is open for longer, in milliseconds, is not waited for any more; the next one asks anew. */
export function createTokens(given: TokenSource | undefined, patience: number, clock: Clock, random: Random) {
  let source = given
  let open: { readonly since: number; readonly token: Promise<string> } | null = null
  let renewals: number[] = []
  let failures = 0

  async function ask(call: (request: TokenRequest) => string | Promise<string>, request: TokenRequest) {
    let token: unknown = await call(request)
    if (typeof token !== 'string') throw new RealtimeError('token', 'The token function must return a text.')
    failures = 0
    return token
  }

  /** No sooner than the cap allows; in milliseconds from now. */
  function atLeast(ms: number): number {
    let oldest = renewals.at(-MOST_IN_A_MINUTE)
    return Math.max(ms, oldest === undefined ? 0 : oldest + 60_000 - clock.mono())
  }

  return {
    get isFunction(): boolean {
      return typeof source === 'function'
    },
    /** A token for now: asked for while a question is open, it is the answer to that. */
    async get(reason: TokenRequest['reason']): Promise<string | undefined> {
      if (typeof source !== 'function') return source
      let now = clock.mono()
      if (reason === 'refresh') renewals = [...renewals, now].slice(-MOST_IN_A_MINUTE)
      if (open && now - open.since < patience) return open.token
      let mine = { since: now, token: ask(source, { reason }) }
      open = mine
      try {
        return await mine.token
      } finally {
        if (open === mine) open = null
      }
    },
    /** A text that was handed in replaces a text; a function goes on being asked. */
    replace(token: string): void {
      if (typeof source !== 'function') source = token
    },
    /** When to renew what is good for so many seconds, in milliseconds from now: early, and not all clients at once. */
    renewIn: (seconds: number): number => atLeast(Math.max(1000, seconds * (700 + 100 * random.float()))),
    /** When to renew because the server asks for it. */
    renewNow: (): number => atLeast(0),
    /** When to try again after a failure. */
    againIn(): number {
      let base = Math.min(AGAIN[1], AGAIN[0] * 2 ** failures++)
      return atLeast(base * (0.5 + random.float() / 2))
    }
  }
}
