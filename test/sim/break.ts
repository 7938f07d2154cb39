// One rule of the protocol, and what has to change in the sources to take it away.

import type { Patch } from './bundle.js'

export interface Break {
  readonly name: string
  /** The rule that is taken away, as the protocol numbers it. */
  readonly rule: string
  /** More than one where other checks back the rule up. */
  readonly patches: readonly Patch[]
}

export const one = (name: string, rule: string, file: string, find: string, replace: string): Break => ({
  name,
  rule,
  patches: [{ file, find, replace }]
})
