// A text of any length as one that fits into the key of a push.

import { createHash } from 'node:crypto'

/** The same 32 characters for the same text. */
export function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 32)
}
