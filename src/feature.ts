// What a feature is: a file of data (events with schemas and a delivery class, pure reducers, commands) that browser and
// server run alike. Knows nothing of sockets, storage or stores' whereabouts.

import type { ReadableAtom } from 'nanostores'
import { RealtimeError } from './errors.js'
import type { Clock, Devices, Random } from './ports.js'
import type { EventFrame } from './protocol/frames.js'
import { check, type StandardSchema } from './schema.js'

/** Priority classes; order is promised inside one of them. */
export type Lane = 'critical' | 'high' | 'normal' | 'bulk'

/**
 * How an event travels.
 * - `durable`: stored before `stored`, delivered once in effect, in order.
 * - `ttl`: durable, but told `expired` when it cannot be delivered within `seconds`.
 * - `latest`: durable; while it waits, a newer one with the same key takes its place.
 * - `volatile`: sent when the room is joined, else told `dropped`; the last value per key and sender is kept for `seconds`
 *   for those who join later. At most `rate` a second per key and sender go on the wire; the newest always does.
 */
export type Delivery =
  | { readonly kind: 'durable' }
  | { readonly kind: 'ttl'; readonly seconds: number }
  | { readonly kind: 'latest' }
  | { readonly kind: 'volatile'; readonly seconds: number; readonly rate: number }

/** One kind of event of a feature. */
export interface EventSpec<T> {
  readonly schema: StandardSchema<T>
  readonly delivery: Delivery
  readonly lane: Lane
  /** Which events replace each other (`latest`, `volatile`); without it, all of this type from one sender do. */
  readonly key: ((data: T) => string) | undefined
  /** Whose word it is: `server` is taken from the app's own server code only, and refused as `forbidden` from a client. */
  readonly author: Author
}

export type Author = 'member' | 'server'

interface EventOptions<T> {
  readonly lane?: Lane
  readonly key?: (data: T) => string
  readonly author?: Author
}

type UnkeyedOptions = Omit<EventOptions<unknown>, 'key'>

function eventOf<T>(schema: StandardSchema<T>, delivery: Delivery, options: EventOptions<T> = {}): EventSpec<T> {
  return { schema, delivery, lane: options.lane ?? 'normal', key: options.key, author: options.author ?? 'member' }
}

/** An event that must arrive, whenever that may be. */
export function durable<T>(schema: StandardSchema<T>, options?: UnkeyedOptions): EventSpec<T> {
  return eventOf(schema, { kind: 'durable' }, options)
}

/** An event that is worth nothing after `seconds`. */
export function ttl<T>(seconds: number, schema: StandardSchema<T>, options?: UnkeyedOptions): EventSpec<T> {
  return eventOf(schema, { kind: 'ttl', seconds }, options)
}

/** An event of which only the newest per key matters while it waits. */
export function latest<T>(schema: StandardSchema<T>, options?: EventOptions<T>): EventSpec<T> {
  return eventOf(schema, { kind: 'latest' }, options)
}

/**
 * A sample of a stream: never stored; joiners get the last one per key and sender for `seconds` (default 30). At most `rate`
 * a second (default 60) travel per key and sender; what is told faster is replaced by what is newer.
 */
export function volatile<T>(
  schema: StandardSchema<T>,
  options: EventOptions<T> & { readonly seconds?: number; readonly rate?: number } = {}
): EventSpec<T> {
  let { seconds = 30, rate = 60 } = options
  if (!(rate > 0)) throw new RealtimeError('bad-argument', `rate must be above 0, got ${rate}`)
  return eventOf(schema, { kind: 'volatile', seconds, rate }, options)
}

// biome-ignore lint/suspicious/noExplicitAny: a map of events of any payload; each is checked by its own schema.
export type EventMap = Readonly<Record<string, EventSpec<any>>>
type DataOf<S> = S extends EventSpec<infer T> ? T : never

/** What a reducer knows about an event besides its data. */
export interface EventMeta {
  /** Unique in the room; made by the author, so that it can name what the event creates. */
  readonly id: string
  /** The user that the server authenticated; for a pending event, this user. */
  readonly actor: string
  /** Milliseconds since 1970 by the server's clock; for a pending event, this device's estimate of it. */
  readonly at: number
}

/** What a command hands over to be sent. */
export type Draft<E extends EventMap> = {
  [K in keyof E & string]: { readonly type: K; readonly data: DataOf<E[K]> }
}[keyof E & string]

/** What a command may look at. */
export interface CommandContext<S> {
  /** The state as painted: confirmed plus pending. */
  readonly state: S
  /** This user. */
  readonly me: string
  /** The id that the event will carry, if one is sent. */
  readonly id: string
}

export type CommandMap<S, E extends EventMap> = Readonly<
  Record<string, (context: CommandContext<S>, ...args: never[]) => Draft<E> | null>
>

/** An event as it just came in live: never a replay, never one's own pending action. */
export type LiveEvent<E extends EventMap> = Draft<E> & { readonly meta: EventMeta }

/** Past events of a room, newest last. */
export interface HistoryPage {
  readonly events: readonly EventFrame[]
  /** There is nothing older. */
  readonly done: boolean
}

export interface HistoryOptions {
  /** Events before this offset; default: the newest. */
  readonly before?: number
  /** At most this many, 1 to 1,000; default 50. */
  readonly limit?: number
}

/** What the device-side part of a feature works with. Everything outside enters through here. */
export interface LocalHost<S, E extends EventMap> {
  /** The feature's shared state as painted. */
  readonly $state: ReadableAtom<S>
  /** The room's id. */
  readonly room: string
  /** Whether the state may be behind: not joined, or still recovering. */
  readonly $status: ReadableAtom<{ readonly stale: boolean }>
  readonly me: string
  readonly clock: Clock
  readonly random: Random
  readonly devices: Devices
  /** The server's clock as known here, in milliseconds since 1970. */
  serverNow(): number
  /** Checks the draft, throws on a wrong argument, and sends it by its delivery class. */
  send(draft: Draft<E>): Receipt
  /** Tells of events that arrive while connected; one's own included, replays excluded. Returns a stop function. */
  onEvent(listener: (event: LiveEvent<E>) => void): () => void
  /** Past events of the room, of all features. Needs a connection, else rejects with `not-connected`. */
  history(options?: HistoryOptions): Promise<HistoryPage>
  /** Resolves to true in exactly one tab of this device and user: so that a thing is played once. */
  claim(name: string): Promise<boolean>
  /** Puts an entry into the app-visible log of system events. */
  report(type: string, detail: unknown): void
}

/** What `local` returns: the store an app sees instead of the bare shared state, further commands, and an end. */
export interface LocalPart<V> {
  readonly $state: ReadableAtom<V>
  close(): void
}

/**
 * Why an event may not happen as the state stands: a code such as `already-voted`, or null. Asked by the server for what
 * clients push, on the confirmed state, after the schema and before the app's policy; never for the app's own events. Pure, as
 * reducers are. A reducer does not rely on it: a pending event is painted before the server has seen it.
 */
export type Refusals<S, E extends EventMap> = {
  readonly [K in keyof E]?: (state: S, data: DataOf<E[K]>, meta: EventMeta) => string | null
}

/** A feature as `defineFeature` returns it. */
export interface Feature<
  N extends string = string,
  S = unknown,
  E extends EventMap = EventMap,
  C extends object = CommandMap<S, E>,
  L extends object = object
> {
  /** Goes over the wire and to disk: never renamed. */
  readonly name: N
  /** Raised when the state's shape changes; stored state of another version is fetched anew. */
  readonly version: number
  readonly events: E
  readonly initial: S
  readonly reduce: { readonly [K in keyof E]: (state: S, data: DataOf<E[K]>, meta: EventMeta) => S }
  readonly refuse: Refusals<S, E> | undefined
  readonly commands: C
  readonly local: ((host: LocalHost<S, E>) => L & { close?(): void }) | undefined
}

// biome-ignore lint/suspicious/noExplicitAny: the place where features of all kinds meet; each was checked where it was defined.
export type AnyFeature = Feature<string, any, any, any, any>

/** Promises of one action's stages; awaiting the receipt itself waits for `stored` (volatile: `sent` or `dropped`). */
export interface Receipt extends PromiseLike<ReceiptSummary> {
  /** The event's id. */
  readonly id: string
  /** On disk (or in memory, see `realtimeConnection.durability`): it will be delivered even after a crash. */
  readonly stored: Promise<void>
  /** Handed to an open connection at least once. */
  readonly sent: Promise<void>
  /** In effect on the server. Rejects with a `RealtimeError` on refusal, expiry, replacement or unknown outcome. */
  readonly acked: Promise<void>
  /** Part of the confirmed state of this page. */
  readonly visible: Promise<void>
}

export interface ReceiptSummary {
  readonly id: string
  readonly stage: 'stored' | 'sent' | 'dropped'
}

/** The state type of a feature. */
export type StateOf<F> = F extends Feature<string, infer S, infer _E, infer _C, infer _L> ? S : never

type Bound<C> = {
  readonly [K in keyof C]: C[K] extends (context: infer _X, ...args: infer A) => infer R
    ? (...args: A) => null extends R ? Receipt | null : Receipt
    : never
}

/** What `room.use(feature)` returns: `$state`, the commands, and what the feature's `local` part adds. */
export type Handle<F> =
  F extends Feature<string, infer S, infer _E, infer C, infer L>
    ? Readonly<Omit<{ $state: ReadableAtom<S> } & Bound<C>, keyof L>> & Omit<L, 'close'>
    : never

/**
 * Defines a feature. Reducers are pure: time and actor come from `meta`, nothing is mutated.
 *
 * ```ts
 * export const votes = defineFeature({
 *   name: 'votes',
 *   version: 1,
 *   events: { cast: durable(object({ poll: string(), choice: string() })) },
 *   initial: { polls: {} } as VotesState,
 *   reduce: {
 *     cast: ({ polls }, { poll, choice }, { actor }) => ({ polls: { ...polls, [poll]: { ...polls[poll], [actor]: choice } } })
 *   },
 *   commands: { castVote: (_, poll: string, choice: string) => ({ type: 'cast', data: { poll, choice } }) }
 * })
 * ```
 */
export function defineFeature<
  const N extends string,
  S,
  const E extends EventMap,
  C extends CommandMap<S, E>,
  L extends object = object
>(spec: {
  readonly name: N
  readonly version: number
  readonly events: E
  readonly initial: S
  readonly reduce: { readonly [K in keyof E]: (state: NoInfer<S>, data: DataOf<E[K]>, meta: EventMeta) => NoInfer<S> }
  /** What the server refuses by itself, whatever the app's policy says. */
  readonly refuse?: Refusals<NoInfer<S>, E>
  readonly commands: C
  /** The device-side part: stores and commands of this page only. Never run on the server. */
  readonly local?: (host: LocalHost<NoInfer<S>, E>) => L & { close?(): void }
}): Feature<N, S, E, C, L> {
  if (!/^[a-z][a-z0-9-]{0,31}$/.test(spec.name)) {
    throw new RealtimeError(
      'bad-argument',
      `name must be 1 to 32 of a-z, 0-9 and -, starting with a letter; got «${spec.name}»`
    )
  }
  return { ...spec, refuse: spec.refuse, local: spec.local }
}

/** Checks an event's data against its schema; throws `bad-argument` naming the field. */
export function validateDraft(feature: AnyFeature, type: string, data: unknown): void {
  let spec = (feature.events as EventMap)[type]
  if (!spec || !Object.hasOwn(feature.events as EventMap, type)) {
    throw new RealtimeError('bad-argument', `${feature.name} has no event «${type}»`)
  }
  let result = check(spec.schema, data, `${feature.name}.${type}`)
  if (!result.ok) throw new RealtimeError('bad-argument', result.message)
}

/**
 * Applies one event to a feature's state. An unknown type leaves the state as it is, and so does a reducer that throws:
 * `failed` is told, and peers that run the same code stay equal.
 */
export function reduceEvent(
  feature: AnyFeature,
  state: unknown,
  type: string,
  data: unknown,
  meta: EventMeta,
  failed?: (error: unknown) => void
): unknown {
  let reduce = (feature as Feature).reduce[type]
  if (!reduce || !Object.hasOwn(feature.reduce as object, type)) return state
  try {
    return reduce(state, data, meta)
  } catch (error) {
    failed?.(error)
    return state
  }
}
