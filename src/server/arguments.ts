// What the app's own code hands in, checked where it comes in: throws `bad-argument` that names the argument. Knows nothing
// of what the arguments are for.

import { RealtimeError } from '../errors.js'

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Throws unless the value is an object and no list. */
export function requireObject(name: string, value: unknown, wanted = 'an object'): void {
  if (!isObject(value)) wrong(name, wanted, value)
}

/** Throws unless the value is a text of 1 to `max` characters. */
export function requireText(name: string, value: unknown, max: number): void {
  if (typeof value !== 'string') wrong(name, `a text of 1 to ${max} characters`, value)
  if (value.length < 1 || value.length > max)
    throw new RealtimeError('bad-argument', `${name} must be a text of 1 to ${max} characters, got ${value.length}`)
}

/** Throws unless the value is a function or absent. */
export function requireFunction(name: string, value: unknown): void {
  if (value !== undefined && typeof value !== 'function') wrong(name, 'a function', value)
}

/** The value as it is after a way through JSON; throws when JSON cannot write it. */
export function jsonCopy(name: string, value: unknown): unknown {
  let text: string | undefined
  try {
    text = JSON.stringify(value)
  } catch (cause) {
    let why = cause instanceof Error ? cause.message : 'it throws'
    throw new RealtimeError('bad-argument', `${name} cannot be written as JSON: ${why}`, { cause })
  }
  if (text === undefined) wrong(name, 'a value that JSON can write', value)
  return JSON.parse(text)
}

export function wrong(name: string, wanted: string, got: unknown): never {
  let what = typeof got === 'number' || typeof got === 'boolean' ? String(got) : kindOf(got)
  throw new RealtimeError('bad-argument', `${name} must be ${wanted}, got ${what}`)
}

function kindOf(value: unknown): string {
  if (value === null || value === undefined) return String(value)
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'string') return `«${value.slice(0, 40)}»`
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`
}
