// Every failure that an app can meet, as one class with a code. Misuse throws at the call; peers and networks never throw:
// they become a store, a receipt that rejects, or an event.

/** What each code means and what to do about it. The text of an error without a message of its own. */
const MEANINGS = {
  'bad-argument': 'An argument is wrong; the message names it.',
  'not-connected': 'There is no app and user to store this under yet. Call connect({ url, app, user }) first.',
  'outbox-full': 'Too many actions are waiting. Wait until some are delivered, or raise outbox.maxCount and maxBytes.',
  'too-large': 'The action is larger than the server takes. Send less in one action.',
  closed: 'This client was closed. Create a new one, or call connect() again.',
  left: 'This room was left. Enter it again with room(id).',
  dropped:
    'A volatile action was not sent: the room is not joined now, or a newer one took its place. It is never stored.',
  expired: 'The action was not delivered within its time to live.',
  replaced: 'A newer action with the same key took the place of this one before it was sent.',
  cancelled: 'The person did not choose, or closed the question.',
  unknown:
    'The action may have happened or may still happen: its answer was lost. Look at the state, then retry or discard.',
  purged: 'The waiting actions were deleted on request.',
  internal: 'Something failed inside, or in a listener of the app; the cause says what.',
  storage: 'The browser could not store the action.',
  forbidden: 'The server does not allow this.',
  unauthorized: 'The server does not accept the token.',
  'wrong-user': 'The token is of another user.',
  revoked: 'The server ended this session for good.',
  invalid: 'The server found the action malformed.',
  'unknown-feature': 'The server does not run this feature. Pass it to createHub({ features }).',
  refused: 'The server refused the action.',
  'rate-limited': 'Too many actions in a short time.',
  busy: 'The server asks to try again later.',
  order: 'The action came out of order; the client recovers by itself.',
  stale:
    'Somebody else was faster: what this was based on has changed, or another tab or device sends for this client now.',
  unsupported: 'This browser or device cannot do that.',
  timeout: 'No answer came in time.',
  conflict: 'Another writer was faster.'
} as const

/** A code of this library. Server policies may send codes of their own: any other string. */
export type ErrorCode = keyof typeof MEANINGS | (string & {})

const RETRYABLE: ReadonlySet<string> = new Set([
  'outbox-full',
  'rate-limited',
  'busy',
  'order',
  'timeout',
  'conflict',
  'dropped'
])

/** The only error class of this library: tell errors apart by `code`, never by text. */
export class RealtimeError extends Error {
  readonly code: ErrorCode
  /** Whether the same call may succeed later without a change. */
  readonly retryable: boolean

  constructor(code: ErrorCode, message?: string, options?: { cause?: unknown; retryable?: boolean }) {
    super(message ?? explain(code), options?.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'RealtimeError'
    this.code = code
    this.retryable = options?.retryable ?? RETRYABLE.has(code)
  }
}

/** The meaning of a code in one or two sentences. */
export function explain(code: ErrorCode): string {
  return (MEANINGS as Record<string, string>)[code] ?? `The server answered with the code «${code}».`
}
