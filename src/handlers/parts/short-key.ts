// Keys for pushes that must have one effect however often a handler makes them. A key has at most 60 characters, and what it
// is made of may be longer.

import { createHash } from 'node:crypto'

/** The same parts give the same key, of 24 characters and the prefix; other parts give another one. */
export function shortKey(prefix: string, ...parts: readonly (string | number)[]): string {
  let digest = createHash('sha256').update(JSON.stringify(parts)).digest('base64url')
  return `${prefix}:${digest.slice(0, 24)}`
}
