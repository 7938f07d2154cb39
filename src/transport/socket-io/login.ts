// Hands a token to a backend that wants it said in an event of its own, and reads what it answers. What follows from that is the
// link's to decide.

import type { Answer, ReadAnswer } from './answer.js'
import type { Opened, Spaces } from './spaces.js'
import { fields, type SessionEntry } from './table.js'

export interface Login {
  /** Whether the namespace for it took us in; if not, nothing was asked. */
  readonly opened: Opened
  readonly answer: Answer
  /** Seconds that the backend says the token is good for. */
  readonly expiresIn?: number
}

/** Resolves with `busy` where no answer comes. */
export async function logIn(spaces: Spaces, session: SessionEntry, token: string, read: ReadAnswer): Promise<Login> {
  let opened = await spaces.open(session.namespace)
  if (opened.kind !== 'open') return { opened, answer: { ok: true } }
  let asked = await spaces.ask(session.namespace, session.login(token))
  if (typeof asked === 'string') return { opened, answer: { ok: false, code: 'busy', after: 0 } }
  let { expiresIn } = fields(asked[0] ?? asked[1])
  let isGiven = typeof expiresIn === 'number' && expiresIn > 0
  return { opened, answer: read(asked), ...(isGiven ? { expiresIn: expiresIn as number } : {}) }
}
