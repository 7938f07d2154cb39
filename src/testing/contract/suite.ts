// What a contract is: a list of tests that any runner can run, and the few checks that they are written with. Knows no runner.

/** One thing that an implementation must do. */
export interface ContractTest {
  /** What it must do, as a sentence. */
  readonly name: string
  /** Resolves when it does it; rejects with an `Error` that says what was found instead. */
  run(): Promise<void>
}

/** Collects tests in the order in which they are written. */
export function createSuite(): { readonly tests: ContractTest[]; test(name: string, run: () => Promise<void>): void } {
  let tests: ContractTest[] = []
  return { tests, test: (name, run) => void tests.push({ name, run: () => run() }) }
}

/** Throws unless both are the same by value; a field that is `undefined` is as one that is absent. */
export function same(actual: unknown, expected: unknown, what = 'the result'): void {
  if (!isSame(actual, expected)) throw new Error(`${what} is ${show(actual)}, and should be ${show(expected)}`)
}

/** Throws unless it holds. */
export function holds(condition: boolean, problem: string): void {
  if (!condition) throw new Error(problem)
}

/** Throws unless the promise rejects; returns what it rejects with. */
export async function rejects(promise: Promise<unknown>, what: string): Promise<{ code?: unknown; message?: unknown }> {
  let outcome = await promise.then(
    value => ({ value }),
    (error: unknown) => ({ error })
  )
  if ('error' in outcome) return Object(outcome.error)
  throw new Error(`${what} resolved with ${show(outcome.value)}, and should have been rejected`)
}

function isSame(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false
  if (a instanceof Map && b instanceof Map) return isSame([...a], [...b])
  if (Array.isArray(a) !== Array.isArray(b)) return false
  if (Array.isArray(a) && a.length !== (b as unknown[]).length) return false
  let keys = new Set([...Object.keys(a), ...Object.keys(b)])
  return [...keys].every(key => isSame((a as Record<string, unknown>)[key], (b as Record<string, unknown>)[key]))
}

function show(value: unknown): string {
  if (value instanceof Map) return `a map of ${show([...value])}`
  if (value instanceof Error) return `${value.name}: ${value.message}`
  return JSON.stringify(value, (_key, inner) => (inner === undefined ? 'undefined' : inner)) ?? String(value)
}
