// Small validators for our own frames and features. Each is a Standard Schema (standardschema.dev), so an app may hand in
// one of these, or one of zod, valibot or arktype, wherever a schema is asked for. Knows nothing of frames or features.

/** The part of the Standard Schema interface (version 1) that this library reads. */
export interface StandardSchema<Output> {
  readonly '~standard': {
    readonly version: 1
    readonly vendor: string
    readonly validate: (value: unknown) => Result<Output> | Promise<Result<Output>>
    readonly types?: { readonly input: unknown; readonly output: Output } | undefined
  }
}

type Result<T> = { readonly value: T; readonly issues?: undefined } | { readonly issues: ReadonlyArray<Issue> }

interface Issue {
  readonly message: string
  readonly path?: ReadonlyArray<PropertyKey | { readonly key: PropertyKey }> | undefined
}

/** A validator of this library: a Standard Schema that can also say in words what it takes. */
export interface Schema<T> extends StandardSchema<T> {
  /** What is accepted, in words: `a string of 1 to 64 characters`. */
  readonly describe: string
  /** The fields of an object schema, for generated documentation. */
  readonly fields?: Readonly<Record<string, Schema<unknown>>>
  readonly isOptional?: true
  /** Returns the first problem as `path: must be …`, or `null` when the value is fine. */
  readonly problem: (value: unknown, path: string) => string | null
}

/** The type that a schema accepts. */
export type Infer<S> = S extends StandardSchema<infer T> ? T : never

/**
 * Checks a value and returns it, or the problem in words. Asynchronous schemas are refused: a value is checked in the same
 * turn in which it is stored or applied.
 */
export function check<T>(
  schema: StandardSchema<T>,
  value: unknown,
  path: string
): { ok: true; value: T } | { ok: false; message: string } {
  if ('problem' in schema) {
    let message = (schema as Schema<T>).problem(value, path)
    return message === null ? { ok: true, value: value as T } : { ok: false, message }
  }
  let result: Result<T> | Promise<Result<T>>
  try {
    result = schema['~standard'].validate(value)
  } catch (error) {
    return { ok: false, message: `${path}: the schema threw ${String(error)}` }
  }
  // Also a promise of another realm, or of a library of its own.
  if ('then' in result) {
    Promise.resolve(result).catch(() => {})
    return { ok: false, message: `${path}: asynchronous schemas are not supported` }
  }
  if (!result.issues) return { ok: true, value: result.value }
  let issue = result.issues[0]
  let where = (issue?.path ?? []).map(key => (typeof key === 'object' ? String(key.key) : String(key)))
  return { ok: false, message: `${[path, ...where].join('.')}: ${issue?.message ?? 'is not valid'}` }
}

function schema<T>(
  describe: string,
  problem: Schema<T>['problem'],
  extra: { fields?: Readonly<Record<string, Schema<unknown>>>; isOptional?: true } = {}
): Schema<T> {
  return {
    describe,
    problem,
    ...extra,
    '~standard': {
      version: 1,
      vendor: 'realtime-stores',
      validate(value) {
        let message = problem(value, 'value')
        return message === null ? { value: value as T } : { issues: [{ message }] }
      }
    }
  }
}

function simple<T>(describe: string, accepts: (value: unknown) => boolean): Schema<T> {
  return schema(describe, (value, path) => (accepts(value) ? null : `${path} must be ${describe}`))
}

/** Text; `max` defaults to 4,096 characters, so that nothing unbounded enters a room. */
export function string({ min = 0, max = 4096 }: { min?: number; max?: number } = {}): Schema<string> {
  return simple(
    `a string of ${min} to ${max} characters`,
    value => typeof value === 'string' && value.length >= min && value.length <= max
  )
}

/** A finite number between `min` and `max`, both included. */
export function number({ min = -Infinity, max = Infinity }: { min?: number; max?: number } = {}): Schema<number> {
  let bounds = min === -Infinity && max === Infinity ? '' : ` from ${min} to ${max}`
  return simple(
    `a finite number${bounds}`,
    value => typeof value === 'number' && Number.isFinite(value) && value >= min && value <= max
  )
}

/** A whole number between `min` and `max`, both included; at most 2^53 − 1. */
export function integer({
  min = 0,
  max = Number.MAX_SAFE_INTEGER
}: {
  min?: number
  max?: number
} = {}): Schema<number> {
  return simple(
    `a whole number from ${min} to ${max}`,
    value => Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= max
  )
}

export function boolean(): Schema<boolean> {
  return simple('true or false', value => typeof value === 'boolean')
}

/** One of the given words. */
export function oneOf<const T extends string | number | boolean>(...choices: readonly T[]): Schema<T> {
  return simple(`one of ${choices.join(', ')}`, value => choices.includes(value as T))
}

export function nullable<T>(inner: Schema<T>): Schema<T | null> {
  return schema(`${inner.describe}, or null`, (value, path) => (value === null ? null : inner.problem(value, path)))
}

/** A field that may be absent. */
export function optional<T>(inner: Schema<T>): Schema<T | undefined> & { readonly isOptional: true } {
  return schema<T | undefined>(
    `${inner.describe}, or absent`,
    (value, path) => (value === undefined ? null : inner.problem(value, path)),
    { isOptional: true }
  ) as Schema<T | undefined> & { readonly isOptional: true }
}

export function array<T>(item: Schema<T>, { max = 1000 }: { max?: number } = {}): Schema<readonly T[]> {
  return schema(`a list of at most ${max} items, each ${item.describe}`, (value, path) => {
    if (!Array.isArray(value) || value.length > max) return `${path} must be a list of at most ${max} items`
    for (let i = 0; i < value.length; i++) {
      let message = item.problem(value[i], `${path}[${i}]`)
      if (message !== null) return message
    }
    return null
  })
}

/** An object used as a dictionary: any key of at most 256 characters, every value of one kind. */
export function record<T>(item: Schema<T>, { max = 1000 }: { max?: number } = {}): Schema<Readonly<Record<string, T>>> {
  return schema(`an object of at most ${max} entries, each ${item.describe}`, (value, path) => {
    if (!isPlain(value)) return `${path} must be an object`
    let keys = Object.keys(value)
    if (keys.length > max) return `${path} must have at most ${max} entries`
    for (let key of keys) {
      if (key.length > 256 || key === '__proto__') return `${path} has a key that is too long or not allowed`
      let message = item.problem(value[key], `${path}.${key}`)
      if (message !== null) return message
    }
    return null
  })
}

type Fields = Readonly<Record<string, Schema<unknown>>>
type OptionalKeys<F extends Fields> = {
  [K in keyof F]: F[K] extends { readonly isOptional: true } ? K : never
}[keyof F]
type Flat<T> = { [K in keyof T]: T[K] }

/** What an object schema accepts; fields that it does not name are let through unread. */
export type ObjectOf<F extends Fields> = Flat<
  { readonly [K in Exclude<keyof F, OptionalKeys<F>>]: Infer<F[K]> } & {
    readonly [K in OptionalKeys<F>]?: Infer<F[K]>
  }
>

/** An object with the named fields. Unknown fields are ignored, so that a newer peer may send more. */
export function object<F extends Fields>(fields: F): Schema<ObjectOf<F>> {
  let names = Object.keys(fields)
  return schema(
    names.length ? `an object with ${names.join(', ')}` : 'an object',
    (value, path) => {
      if (!isPlain(value)) return `${path} must be an object`
      for (let name of names) {
        let message = (fields[name] as Schema<unknown>).problem(value[name], `${path}.${name}`)
        if (message !== null) return message
      }
      return null
    },
    { fields }
  )
}

/** What a patch of these fields is. */
export type PatchOf<F extends Fields> = { readonly [K in keyof F]?: Infer<F[K]> }

/** Some of the named fields, one at least. Any other field is refused: a misspelt one would be lost without a word. */
export function patchOf<F extends Fields>(fields: F): Schema<PatchOf<F>> {
  let names = Object.keys(fields)
  let optionals = Object.fromEntries(names.map(name => [name, optional(fields[name] as Schema<unknown>)]))
  return schema(
    `an object with some of ${names.join(', ')}`,
    (value, path) => {
      if (!isPlain(value)) return `${path} must be an object`
      let given = Object.keys(value)
      if (given.length === 0) return `${path} must name at least one of ${names.join(', ')}`
      for (let name of given) {
        if (!Object.hasOwn(fields, name)) return `${path} has no field «${name.slice(0, 64)}»`
        let message = (fields[name] as Schema<unknown>).problem(value[name], `${path}.${name}`)
        if (message !== null) return message
      }
      return null
    },
    { fields: optionals }
  )
}

/** What one of several schemas takes. */
export function anyOf<const T extends readonly Schema<unknown>[]>(...choices: T): Schema<Infer<T[number]>> {
  let describe = choices.map(choice => choice.describe).join(', or ')
  return schema(describe, (value, path) =>
    choices.some(choice => choice.problem(value, path) === null) ? null : `${path} must be ${describe}`
  )
}

/** Any value that survives JSON and is at most `max` characters of it. */
export function jsonUpTo(max: number): Schema<unknown> {
  return simple(
    `a value that survives JSON, of at most ${max} characters`,
    value => survivesJson(value, 16) && JSON.stringify(value).length <= max
  )
}

/** A list of fixed length with one schema per place. */
export function tuple<const T extends readonly Schema<unknown>[]>(
  ...items: T
): Schema<{ readonly [K in keyof T]: Infer<T[K]> }> {
  return schema(`a list of ${items.map(item => item.describe).join(', ')}`, (value, path) => {
    if (!Array.isArray(value) || value.length < items.length) return `${path} must be a list of ${items.length}`
    for (let i = 0; i < items.length; i++) {
      let message = (items[i] as Schema<unknown>).problem(value[i], `${path}[${i}]`)
      if (message !== null) return message
    }
    return null
  })
}

/** Anything at all; for values that were parsed from JSON and are checked by whoever reads them. */
export function anything(): Schema<unknown> {
  return simple('anything', () => true)
}

/** Any value that survives JSON; at most `depth` levels deep. */
export function json({ depth = 16 }: { depth?: number } = {}): Schema<unknown> {
  return simple('a value that survives JSON', value => survivesJson(value, depth))
}

function survivesJson(value: unknown, depth: number): boolean {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return true
  if (typeof value === 'number') return Number.isFinite(value)
  if (depth === 0) return false
  if (Array.isArray(value)) return value.every(item => survivesJson(item, depth - 1))
  if (!isPlain(value)) return false
  return Object.values(value).every(item => item === undefined || survivesJson(item, depth - 1))
}

function isPlain(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  let prototype: unknown = Object.getPrototypeOf(value)
  return prototype === null || prototype === Object.prototype || Object.getPrototypeOf(prototype) === null
}
