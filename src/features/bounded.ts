// Small helpers that keep what features store within stated bounds. Knows nothing of any feature.

import { RealtimeError } from '../errors.js'

/** The list with one item more at its end; beyond `max` items the first ones give way. */
export function appended<T>(list: readonly T[], item: T, max: number): readonly T[] {
  return [...list.slice(Math.max(0, list.length - max + 1)), item]
}

/** The value under a key that the record itself has: never what objects inherit, whatever a user is called. */
export function entryOf<T>(record: Readonly<Record<string, T>>, key: string): T | undefined {
  return Object.hasOwn(record, key) ? record[key] : undefined
}

/** The record with one entry set; beyond `max` entries another one gives way: the one with the smallest `rank`. */
export function withEntry<T>(
  record: Readonly<Record<string, T>>,
  key: string,
  value: T,
  max: number,
  rank: (value: T) => number
): Readonly<Record<string, T>> {
  let next = { ...record, [key]: value }
  let keys = Object.keys(next)
  if (keys.length <= max) return next
  let least: string | undefined
  for (let other of keys) {
    if (other !== key && (least === undefined || rank(next[other] as T) < rank(next[least] as T))) least = other
  }
  if (least !== undefined) delete next[least]
  return next
}

/** The item with this id; throws `bad-argument` naming the argument when there is none. */
export function existing<T extends { readonly id: string }>(
  list: readonly T[],
  id: string,
  argument: string,
  what: string
): T {
  let found = list.find(item => item.id === id)
  if (!found) throw new RealtimeError('bad-argument', `${argument}: there is no ${what} with the id «${String(id)}»`)
  return found
}

export function clamp(value: number, min: number, max: number): number {
  return Math.min(max, Math.max(min, value))
}
