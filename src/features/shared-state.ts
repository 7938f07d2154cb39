// Named objects that are kept equal on all clients of a room: they travel as patches, field by field. Makes features; knows
// nothing of what the fields mean.

import { RealtimeError } from '../errors.js'
import {
  type CommandContext,
  type Draft,
  defineFeature,
  durable,
  type EventMeta,
  type EventSpec,
  type Feature,
  type Lane,
  latest
} from '../feature.js'
import { check, integer, type ObjectOf, object, patchOf, type Schema } from '../schema.js'

/** Fields that one object may have. */
export const MAX_FIELDS = 100

/** A shared object, and how it came to be as it is. */
export interface SharedState<T extends object> {
  readonly values: T
  /** Per field: how many patches have set it. What `basedOn` of a patch is about. */
  readonly versions: { readonly [K in keyof T]: number }
  /** Milliseconds since 1970 by the server's clock; `null` before the first patch. */
  readonly lastUpdate: number | null
  /** Whose patch was the last one. */
  readonly updatedBy: string | null
}

/** What a patch may be based on. */
export interface PatchOptions<T extends object> {
  /** Versions of fields as they were seen: when one of them is another by now, the patch is refused as `stale`, as a whole. */
  readonly basedOn?: { readonly [K in keyof T]?: number }
}

type Some<T extends object> = { readonly [K in keyof T]?: T[K] }
interface Patch<T extends object> {
  readonly fields: Some<T>
}
interface CheckedPatch<T extends object> extends Patch<T> {
  readonly basedOn: { readonly [K in keyof T]?: number }
}
type PatchEvents<T extends object> = {
  readonly patch: EventSpec<Patch<T>>
  readonly 'patch-if': EventSpec<CheckedPatch<T>>
}
type PatchCommands<T extends object> = {
  /**
   * Sets the fields that are named and leaves the others as they are; all of one patch at once. Last in the order of the log
   * wins, field by field. While it waits to be sent, a later patch of exactly the same fields takes its place; one with
   * `basedOn` never does and is never replaced.
   */
  readonly patch: (
    context: CommandContext<SharedState<T>>,
    fields: Some<T>,
    options?: PatchOptions<T>
  ) => Draft<PatchEvents<T>>
}

/** A feature as `sharedState` makes it. */
export type SharedStateFeature<N extends string, T extends object> = Feature<
  N,
  SharedState<T>,
  PatchEvents<T>,
  PatchCommands<T>,
  object
>

type Fields = Readonly<Record<string, Schema<unknown>>>

/**
 * Makes a feature of an object with named fields. The same name, version and fields belong on the server and on every client.
 *
 * - Only the fields that change travel. Patches of different fields both hold, whoever made them and however long they waited.
 * - The same field from two sides: the patch that the server takes in last holds, on every client. Clocks have no say.
 * - Fields that belong together are set in one patch: it takes effect as a whole, or is refused as a whole.
 *
 * `critical`: its patches overtake everything else that waits. Throws `bad-argument` when `initial` does not fit `fields`.
 *
 * ```ts
 * export const lamp = sharedState({
 *   name: 'lamp',
 *   version: 1,
 *   fields: { on: boolean(), brightness: number({ min: 0, max: 1 }) },
 *   initial: { on: false, brightness: 0.5 }
 * })
 * let { $state, patch } = room.use(lamp)
 * await patch({ brightness: 0.4 })
 * await patch({ on: true }, { basedOn: { on: $state.get().versions.on } })
 * ```
 */
export function sharedState<const N extends string, F extends Fields>(spec: {
  readonly name: N
  readonly version: number
  readonly fields: F
  readonly initial: NoInfer<ObjectOf<F>>
  readonly critical?: boolean
}): SharedStateFeature<N, ObjectOf<F>> {
  type T = ObjectOf<F>
  let { name, version, fields, critical = false } = spec
  let names = Object.keys(fields)
  checkSpec(fields, spec.initial)
  let patch = patchOf(fields) as unknown as Schema<Some<T>>
  let versions = patchOf(Object.fromEntries(names.map(name => [name, integer()]))) as unknown as Schema<Some<T>>
  let lane: Lane = critical ? 'critical' : 'normal'

  /** Both kinds of patches, once it is clear that they hold. */
  function set(state: SharedState<T>, changed: Some<T>, { actor, at }: EventMeta): SharedState<T> {
    let next: Record<string, number> = { ...state.versions }
    for (let field of Object.keys(changed)) next[field] = (next[field] ?? 0) + 1
    return {
      values: { ...state.values, ...changed },
      versions: next as SharedState<T>['versions'],
      lastUpdate: at,
      updatedBy: actor
    }
  }

  let isStale = ({ versions }: SharedState<T>, { basedOn }: CheckedPatch<T>): boolean =>
    Object.entries(basedOn).some(([field, seen]) => (versions as Record<string, number>)[field] !== seen)

  return defineFeature({
    name,
    version,
    events: {
      // Another set of fields is another key: {a, b} that gives way to {b} would lose a.
      patch: latest(object({ fields: patch }) as unknown as Schema<Patch<T>>, {
        lane,
        key: ({ fields }) => Object.keys(fields).sort().join()
      }),
      'patch-if': durable(object({ fields: patch, basedOn: versions }) as unknown as Schema<CheckedPatch<T>>, { lane })
    },
    initial: {
      values: spec.initial as T,
      versions: Object.fromEntries(names.map(name => [name, 0])),
      lastUpdate: null,
      updatedBy: null
    } as SharedState<T>,
    reduce: {
      patch: (state, { fields }, meta) => set(state, fields, meta),
      // Also on a page, where one that waits shows at once that it has become stale.
      'patch-if': (state, data, meta) => (isStale(state, data) ? state : set(state, data.fields, meta))
    },
    refuse: { 'patch-if': (state, data) => (isStale(state, data) ? 'stale' : null) },
    commands: {
      patch: (
        _: CommandContext<SharedState<T>>,
        fields: Some<T>,
        { basedOn }: PatchOptions<T> = {}
      ): Draft<PatchEvents<T>> =>
        basedOn ? { type: 'patch-if', data: { fields, basedOn } } : { type: 'patch', data: { fields } }
    }
  }) as unknown as SharedStateFeature<N, T>
}

function checkSpec(fields: Fields, initial: object): void {
  let names = Object.keys(fields)
  if (names.length < 1 || names.length > MAX_FIELDS) {
    throw new RealtimeError('bad-argument', `fields must name 1 to ${MAX_FIELDS} fields, got ${names.length}`)
  }
  for (let name of names) {
    if (!/^[a-zA-Z][\w-]{0,63}$/.test(name)) {
      throw new RealtimeError('bad-argument', `fields: a name must be 1 to 64 letters, digits, _ and -; got «${name}»`)
    }
  }
  let result = check(object(fields), initial, 'initial')
  if (!result.ok) throw new RealtimeError('bad-argument', result.message)
}
