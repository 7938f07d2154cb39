// What becomes of a batch of joins and actions of one room: a pure function from what is stored to what is to be stored and
// answered. Nothing is sent and nothing is changed before the result is committed.

import {
  type AnyFeature,
  type EventMap,
  type EventMeta,
  type EventSpec,
  type Lane,
  type Refusals,
  reduceEvent
} from '../feature.js'
import type { PushFrame } from '../protocol/frames.js'
import { check } from '../schema.js'
import { answerOf, claim, confirm, consume, markOf } from './marks.js'
import type { Refusal } from './policy.js'
import type { ClientRecord, StoredEvent } from './storage.js'

/** Ids that the app's own code makes from its keys start so. */
export const APP_ID = 'app:'
/** Answers of one chain that a client may leave unconfirmed. */
const MOST_ANSWERS = 10_000

/** One join of one connection, as far as its room's decisions need it. */
export interface Seat {
  /** The connection. */
  readonly link: object
  /** Names the client: user and cid, so that nobody can write into the chains of another user. */
  readonly client: string
  readonly cid: string
  readonly user: string
  /** 0 for an observer, which never pushes. */
  readonly gen: number
  /** The marks' life that the connection was told; `null` before it has joined. */
  readonly marksEpoch: string | null
  /** Lanes that are ignored until a push starts again at the mark. */
  readonly broken: ReadonlySet<Lane>
  /** It was told that nothing of it is taken any more: not before it joins again. */
  readonly isVoid: boolean
}

export interface JoinJob<S extends Seat> {
  readonly kind: 'join'
  readonly seat: S
  readonly done: Readonly<Record<string, number>> | undefined
  /** The life that the client's marks get if the room does not know it. */
  readonly marksEpoch: string
}
export interface PushJob<S extends Seat> {
  readonly kind: 'push'
  readonly seat: S
  readonly push: PushFrame
}
/** An action of the app's own server code: in no chain, under no policy. */
export interface AppJob {
  readonly kind: 'app'
  readonly event: Pick<StoredEvent, 'feature' | 'type' | 'data' | 'id' | 'by'>
}
export type Job<S extends Seat> = JoinJob<S> | PushJob<S> | AppJob

export interface View {
  readonly offset: number
  readonly now: number
  readonly features: ReadonlyMap<string, AnyFeature>
  readonly states: ReadonlyMap<string, unknown>
  readonly clients: ReadonlyMap<string, ClientRecord | null>
  /** Per client, the open connection that joined last. */
  readonly holders: ReadonlyMap<string, Pick<Seat, 'link' | 'gen'>>
  /** Ids of this batch that the room has seen before, with their offsets. */
  readonly known: ReadonlyMap<string, number>
}

/** Questions whose answers lie outside the room. */
export interface Asks<S extends Seat> {
  /** `states`: of the room's features, by name. */
  policy(seat: S, push: PushFrame, states: ReadonlyMap<string, unknown>): Refusal | null
  /** Milliseconds until one more action of the user fits behind `ahead` others of this batch. */
  quota(user: string, ahead: number): number
  failed(feature: string, type: string, error: unknown): void
}

export type Outcome =
  | { readonly kind: 'joined'; readonly record: ClientRecord | null }
  | { readonly kind: 'stale' }
  | { readonly kind: 'ack'; readonly n: number; readonly id: string; readonly at: number }
  | {
      readonly kind: 'nack'
      readonly n: number
      readonly id: string
      readonly refusal: Refusal
      readonly after?: number
    }
  | { readonly kind: 'ignored' }
  | { readonly kind: 'app'; readonly id: string; readonly at: number }

export interface Decision<S extends Seat> {
  readonly events: readonly StoredEvent[]
  readonly states: ReadonlyMap<string, unknown>
  /** The records that changed. */
  readonly clients: ReadonlyMap<string, ClientRecord>
  /** One per job, in order. */
  readonly outcomes: readonly Outcome[]
  /** What each seat is from now on. */
  readonly seats: ReadonlyMap<S, Pick<Seat, 'marksEpoch' | 'broken' | 'isVoid'>>
  /** Fresh actions per user. */
  readonly fresh: ReadonlyMap<string, number>
}

/** Decides a batch, in order, each job on what the ones before it have left. */
export function decide<S extends Seat>(view: View, jobs: readonly Job<S>[], asks: Asks<S>): Decision<S> {
  let events: StoredEvent[] = []
  let states = new Map(view.states)
  let clients = new Map<string, ClientRecord>()
  let known = new Map(view.known)
  let holders = new Map(view.holders)
  let fresh = new Map<string, number>()
  let seats = new Map<S, { marksEpoch: string | null; broken: Set<Lane>; isVoid: boolean }>()

  let recordOf = (client: string) => clients.get(client) ?? view.clients.get(client) ?? null

  function seatOf(seat: S) {
    let copy = seats.get(seat)
    if (!copy) {
      copy = { marksEpoch: seat.marksEpoch, broken: new Set(seat.broken), isVoid: seat.isVoid }
      seats.set(seat, copy)
    }
    return copy
  }

  function join({ seat, done, marksEpoch }: JoinJob<S>): Outcome {
    let record = recordOf(seat.client)
    if (seat.gen > 0) {
      let holder = holders.get(seat.client)
      let taken = holder?.gen === seat.gen && holder.link !== seat.link
      if (taken || (record && seat.gen < record.gen)) return { kind: 'stale' }
      holders.set(seat.client, seat)
      let next = claim(record, seat.gen, done, marksEpoch)
      if (next !== record) clients.set(seat.client, next)
      record = next
    }
    seatOf(seat).marksEpoch = record?.marksEpoch ?? null
    return { kind: 'joined', record }
  }

  function append(event: Omit<StoredEvent, 'offset' | 'at'>): number {
    let offset = view.offset + events.length + 1
    let stored: StoredEvent = { offset, ...event, at: view.now }
    events.push(stored)
    known.set(event.id, offset)
    let feature = view.features.get(event.feature)
    if (feature) {
      let meta = { id: event.id, actor: event.by, at: view.now }
      let failed = (error: unknown) => asks.failed(event.feature, event.type, error)
      states.set(feature.name, reduceEvent(feature, states.get(feature.name), event.type, event.data, meta, failed))
    }
    return offset
  }

  function push({ seat, push }: PushJob<S>): Outcome {
    let { lane, n, id } = push
    let record = recordOf(seat.client)
    let mark = markOf(record, lane)
    let place = seatOf(seat)

    /** A refusal that consumes nothing breaks the chain on this connection; the rest of it is ignored. */
    function again(code: string, after?: number, message?: string): Outcome {
      if (place.broken.has(lane) && push.prev !== mark.n) return { kind: 'ignored' }
      place.broken.add(lane)
      let refusal = { code, final: false, ...(message === undefined ? {} : { message }) }
      return { kind: 'nack', n, id, refusal, ...(after === undefined ? {} : { after }) }
    }

    /** Nothing of this seat is taken, whatever it sends: a chain that was refused before must hear of it as well. */
    function never(code: 'stale' | 'order'): Outcome {
      if (place.isVoid && push.prev !== mark.n) return { kind: 'ignored' }
      place.isVoid = true
      return { kind: 'nack', n, id, refusal: { code, final: false } }
    }

    if (seat.gen === 0) return never('stale')
    if (!record || place.marksEpoch !== record.marksEpoch) return never('order')
    if (record.gen !== seat.gen) return never('stale')
    if (n <= mark.n) {
      let answer = answerOf(mark, n)
      if (!answer) return again('order')
      let [, answeredId, result] = answer
      if (result.ok) return { kind: 'ack', n, id: answeredId, at: result.at ?? 0 }
      let refusal = { code: result.code ?? 'refused', final: true }
      return {
        kind: 'nack',
        n,
        id: answeredId,
        refusal: result.message ? { ...refusal, message: result.message } : refusal
      }
    }
    if (push.prev !== mark.n) return again('order')

    let settled = confirm(record, lane, push.done)
    if (markOf(settled, lane).answers.length >= MOST_ANSWERS)
      return again('rate-limited', 1000, 'confirm answers with done')
    let first = known.get(id)
    if (first === undefined) {
      let refusal = refusalOf(view, states, push, seat, asks)
      if (refusal && !refusal.final) return again(refusal.code, undefined, refusal.message)
      if (!refusal) {
        let ahead = fresh.get(seat.user) ?? 0
        let wait = asks.quota(seat.user, ahead)
        if (wait > 0) return again('rate-limited', wait)
        if (push.ttl !== undefined && push.ttl <= 0) refusal = { code: 'expired', final: true }
        else fresh.set(seat.user, ahead + 1)
      }
      if (refusal) {
        let { code, message } = refusal
        place.broken.delete(lane)
        clients.set(seat.client, consume(settled, lane, n, id, { ok: false, code, ...(message ? { message } : {}) }))
        return { kind: 'nack', n, id, refusal }
      }
      let { feature, type, data, kid } = push
      first = append({ feature, type, data, id, by: seat.user, cid: seat.cid, ...(kid ? { kid } : {}), op: [lane, n] })
    }
    place.broken.delete(lane)
    clients.set(seat.client, consume(settled, lane, n, id, { ok: true, at: first }))
    return { kind: 'ack', n, id, at: first }
  }

  function decideOne(job: Job<S>): Outcome {
    if (job.kind === 'join') return join(job)
    if (job.kind === 'push') return push(job)
    return { kind: 'app', id: job.event.id, at: known.get(job.event.id) ?? append(job.event) }
  }

  let outcomes = jobs.map(decideOne)
  return { events, states, clients, outcomes, seats, fresh }
}

/** Why an action may not enter the log, or `null`. The policy is asked last, so that it sees only data of the right shape. */
function refusalOf<S extends Seat>(
  { features, now }: View,
  states: ReadonlyMap<string, unknown>,
  push: PushFrame,
  seat: S,
  asks: Asks<S>
): Refusal | null {
  if (push.id.startsWith(APP_ID))
    return { code: 'invalid', final: true, message: `ids of clients do not start with ${APP_ID}` }
  let feature = features.get(push.feature)
  if (!feature) return { code: 'unknown-feature', final: true }
  let message = problemOf(feature, push.type, push.data, 'durable')
  if (message !== null) return { code: 'invalid', final: true, message }
  if (specOf(feature, push.type)?.author === 'server')
    return { code: 'forbidden', final: true, message: `${push.feature}.${push.type} is the server's to say` }
  let code = refused(feature, push, { id: push.id, actor: seat.user, at: now }, states.get(push.feature), asks)
  if (code !== null) return { code, final: true }
  return asks.policy(seat, push, states)
}

/** What the feature itself says; one that throws has not agreed. */
function refused<S extends Seat>(
  feature: AnyFeature,
  { type, data }: PushFrame,
  meta: EventMeta,
  state: unknown,
  asks: Asks<S>
): string | null {
  let refusals = feature.refuse as Refusals<unknown, EventMap> | undefined
  if (!refusals || !Object.hasOwn(refusals, type)) return null
  try {
    return refusals[type]?.(state, data, meta)?.slice(0, 64) ?? null
  } catch (error) {
    asks.failed(feature.name, type, error)
    return 'refused'
  }
}

/** What is wrong with an event, or `null`. Stored and volatile events never take each other's way. */
export function problemOf(
  feature: AnyFeature,
  type: string,
  data: unknown,
  way: 'durable' | 'volatile'
): string | null {
  let spec = specOf(feature, type)
  if (!spec) return `${feature.name} has no event «${type}»`
  if ((spec.delivery.kind === 'volatile') !== (way === 'volatile')) {
    return `${feature.name}.${type} is ${way === 'volatile' ? 'not ' : ''}volatile`
  }
  if (!shallow(data)) return `${feature.name}.${type} is nested too deeply`
  let result = check(spec.schema, data, `${feature.name}.${type}`)
  return result.ok ? null : result.message.slice(0, 1000)
}

/** Whether a value is at most `depth` levels deep: what is deeper could be parsed, but never be written again. */
export function shallow(value: unknown, depth = 64): boolean {
  if (typeof value !== 'object' || value === null) return true
  if (depth === 0) return false
  for (let key in value) if (!shallow((value as Record<string, unknown>)[key], depth - 1)) return false
  return true
}

/** The definition of an event, by its own name only. */
export function specOf(feature: AnyFeature, type: string): EventSpec<unknown> | null {
  let events = feature.events as Readonly<Record<string, EventSpec<unknown>>>
  return Object.hasOwn(events, type) ? (events[type] ?? null) : null
}
