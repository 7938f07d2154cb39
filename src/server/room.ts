// One room: the single writer of its log, its marks and its answers. What arrives in one turn is decided in memory, committed
// in one transaction, and only then answered and told. Everything that awaits runs in the room's lane.

import { RealtimeError } from '../errors.js'
import type { AnyFeature } from '../feature.js'
import { encodeFrame } from '../protocol/codec.js'
import type { CastFrame, EventFrame, FrameOf, Member } from '../protocol/frames.js'
import type { Clock, Random, Report } from '../ports.js'
import { createStateWriter, greet, snapshotFrames } from './arrive.js'
import { type Audience, createAudience } from './audience.js'
import { type Casts, createCasts } from './casts.js'
import { type AppJob, type Decision, decide, type JoinJob, type Outcome, type PushJob } from './decide.js'
import { createLane } from './lane.js'
import type { Limits } from './limits.js'
import { marksFrame } from './marks.js'
import { createMembers } from './members.js'
import { askNow, type Policy } from './policy.js'
import type { Quota } from './quota.js'
import { recover } from './recover.js'
import type { Link, RoomSeat } from './seat.js'
import { eventFrame, loadState, type RoomState, snapshotOf } from './state.js'
import type { ClientRecord, Commit, Storage, StoredEvent } from './storage/storage.js'

export interface RoomParts {
  readonly features: ReadonlyMap<string, AnyFeature>
  readonly storage: Storage
  readonly clock: Clock
  readonly random: Random
  readonly limits: Limits
  readonly policy: Policy
  readonly quota: Quota
  readonly report: Report
}

export interface Room {
  join(seat: RoomSeat): void
  push(seat: RoomSeat, push: FrameOf<'push'>): void
  leave(seat: RoomSeat): void
  /** The connection is gone: the seat at once, its presence at once or after the grace. */
  detach(seat: RoomSeat, presence: 'now' | 'grace'): void
  cast(frame: CastFrame, from: RoomSeat | null): void
  presence(seat: RoomSeat, data: unknown): void
  members(): Record<string, Member>
  memberFrame(): FrameOf<'presence'>
  /** Where the room stands for a seat, when it may be told. */
  position(seat: RoomSeat): readonly [epoch: string, offset: number] | null
  page(before: number | undefined, limit: number): Promise<{ events: EventFrame[]; done: boolean }>
  append(event: AppJob['event']): Promise<{ offset: number; id: string }>
  state(feature: string): Promise<unknown>
  count(): number
  /** Whether it may leave memory. */
  unused(): boolean
  idle(): Promise<void>
  close(): void
}

type Asked =
  | JoinJob<RoomSeat>
  | PushJob<RoomSeat>
  | (AppJob & { readonly done: (result: { offset: number; id: string } | RealtimeError) => void })
  | { readonly kind: 'leave'; readonly seat: RoomSeat }
  | { readonly kind: 'look'; readonly done: (state: RoomState | RealtimeError) => void }

const ATTEMPTS = 5
const BUSY = { code: 'busy', final: false, after: 1000 } as const

export function createRoom(room: string, parts: RoomParts): Room {
  let { features, storage, clock, random, limits, policy, quota, report } = parts
  let state: RoomState | null = null
  /** Set when the storage may hold something else than `state`. */
  let doubt = true
  let clients = new Map<string, ClientRecord | null>()
  let stateWriter = createStateWriter()
  let audience: Audience = createAudience(() => ({ f: 'gap', room, epoch: state?.epoch ?? '-', offset: state?.offset ?? 0 }))
  let members = createMembers(clock, limits.presenceGrace, difference => audience.all({ f: 'presence', room, ...difference } as FrameOf<'presence'>))
  let casts: Casts<Link> = createCasts(clock, limits.keptCasts, (frame, from) => audience.all(frame, from))
  let lane = createLane<Asked>(clock, limits.batch, turn)

  /** Brings `state` in line with the storage; tells the audience what it finds there. */
  async function ready(): Promise<RoomState> {
    if (state && !doubt) return state
    let before = state
    let failed = (code: string, detail: unknown) => report('error', code, detail)
    let loaded = await loadState(storage, room, random.id(), features, failed)
    let missed = before?.epoch === loaded.epoch && loaded.offset > before.offset ? await readAll(before.offset, loaded.offset) : []
    clients.clear()
    state = loaded
    doubt = false
    if (before && (before.epoch !== loaded.epoch || before.offset > loaded.offset || missed === null)) {
      report('warn', 'epoch-changed', { room, before: before.epoch, now: loaded.epoch })
      audience.gap()
    } else if (missed) {
      audience.events(missed.map(event => encodeFrame(eventFrame(room, event))))
    }
    return loaded
  }

  /** The events after an offset, or `null` when the log no longer holds all of them. */
  async function readAll(after: number, upTo: number): Promise<StoredEvent[] | null> {
    let events: StoredEvent[] = []
    while (after < upTo) {
      let page = await storage.read(room, after, upTo - after)
      if (page[0]?.offset !== after + 1) return null
      events.push(...page)
      after = page.at(-1)?.offset ?? upTo
    }
    return events
  }

  async function turn(asked: Asked[]): Promise<void> {
    let turnFor = asked.filter(job => job.kind !== 'join' || (job.seat.link.open && job.seat.state === 'waiting'))
    for (let job of asked) if (job.kind === 'push') job.seat.link.waiting--
    for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
      try {
        let now = await ready()
        let jobs = turnFor.filter(job => job.kind === 'join' || job.kind === 'push' || job.kind === 'app')
        let decision = await decideOn(now, jobs)
        await commit(now, decision)
        let outcomes = new Map<Asked, Outcome>(jobs.map((job, i) => [job, decision.outcomes[i] as Outcome]))
        await settle(turnFor, decision, outcomes)
        return
      } catch (error) {
        doubt = true
        if ((error as Partial<RealtimeError> | null)?.code === 'conflict') continue
        report('error', 'storage-failed', { room, error })
        break
      }
    }
    giveUp(turnFor)
  }

  async function decideOn(now: RoomState, jobs: (JoinJob<RoomSeat> | PushJob<RoomSeat> | AppJob)[]): Promise<Decision<RoomSeat>> {
    let ids: string[] = []
    for (let job of jobs) {
      if (job.kind === 'app') ids.push(job.event.id)
      else {
        let { client } = job.seat
        if (!clients.has(client)) clients.set(client, await storage.clientOf(room, client))
        if (job.kind === 'push') ids.push(job.push.id)
      }
    }
    let known = ids.length > 0 ? await storage.findIds(room, ids) : new Map<string, number>()
    let view = { offset: now.offset, now: clock.now(), features, states: now.states, clients, holders: audience.holders, known }
    return decide(view, jobs, {
      policy: (seat, { feature, type, data }, before) => {
        let { user, link, join } = seat
        let request = { user, claims: link.claims, app: link.app, room, token: join.token, feature, type, data, state: before }
        return askNow(policy, { ...request, action: 'push' }, error => report('error', 'policy-threw', { room, error }))
      },
      quota: (user, ahead) => quota.wait(user, ahead),
      failed: (feature, type, error) => report('error', 'reducer-threw', { room, feature, type, error })
    })
  }

  async function commit(now: RoomState, { events, states, clients: changed, fresh }: Decision<RoomSeat>): Promise<void> {
    if (events.length > 0 || changed.size > 0) {
      let offset = now.offset + events.length
      let due = offset - now.snapshotAt >= limits.snapshotEvery
      let trimTo = due && offset - now.trimmed > limits.logLength ? offset - limits.logLength : now.trimmed
      let at = clock.now()
      let turnCommit: Commit = {
        epoch: now.epoch,
        revision: now.revision,
        events,
        clients: [...changed],
        now: at,
        ...(due ? { snapshot: snapshotOf(now, states, offset, features) } : {}),
        ...(due ? { trim: { to: trimTo, idsBefore: at - limits.keepIds, clientsBefore: at - limits.keepMarks } } : {})
      }
      await storage.commit(room, turnCommit)
      let snapshotAt = due ? offset : now.snapshotAt
      state = { ...now, offset, states, snapshotAt, trimmed: trimTo, revision: now.revision + 1 }
      for (let [client, record] of changed) clients.set(client, record)
    }
    for (let [user, count] of fresh) quota.take(user, count)
  }

  /** After the commit: answers first, then the events, then whoever came or went. */
  async function settle(asked: readonly Asked[], decision: Decision<RoomSeat>, outcomes: ReadonlyMap<Asked, Outcome>): Promise<void> {
    for (let [seat, { marksEpoch, broken }] of decision.seats) Object.assign(seat, { marksEpoch, broken })
    for (let job of asked) {
      if (job.kind === 'push') answer(job, outcomes.get(job))
      if (job.kind === 'join') replace(job.seat)
    }
    audience.events(decision.events.map(event => encodeFrame(eventFrame(room, event))))
    for (let job of asked) {
      let outcome = outcomes.get(job)
      if (job.kind === 'app' && outcome?.kind === 'app') job.done({ offset: outcome.at, id: outcome.id })
      else if (job.kind === 'look') job.done(state as RoomState)
      else if (job.kind === 'leave') detach(job.seat, 'now')
      else if (job.kind === 'join') {
        if (outcome?.kind === 'joined') await arrive(job.seat, outcome.record)
        else refuseJoin(job.seat, { code: 'stale', final: false })
      }
    }
    if (clients.size > 100 + 2 * audience.count()) {
      for (let client of clients.keys()) if (!audience.holders.has(client)) clients.delete(client)
    }
  }

  function answer({ seat, push }: PushJob<RoomSeat>, outcome: Outcome | undefined): void {
    let { writer } = seat.link
    let { lane } = push
    if (outcome?.kind === 'ack') writer.frame({ f: 'ack', room, lane, n: outcome.n, id: outcome.id, at: outcome.at })
    if (outcome?.kind !== 'nack') return
    let { n, id, refusal, after } = outcome
    writer.frame({ f: 'nack', room, lane, n, id, ...refusal, ...(after === undefined ? {} : { after }) })
  }

  function replace(seat: RoomSeat): void {
    let before = audience.of(seat.link)
    if (before && before !== seat) audience.remove(before)
  }

  async function arrive(seat: RoomSeat, record: ClientRecord | null): Promise<void> {
    let { epoch, offset, trimmed, states } = state as RoomState
    let { link, join, only } = seat
    let recovered = only ? 'new' : recover({ epoch, offset, trimmed, maxReplay: limits.maxReplay }, join)
    let missed: StoredEvent[] | null = null
    if (recovered === 'all') {
      missed = await readAll(join.offset as number, offset)
      if (!missed) recovered = 'none'
    }
    if (!link.open || seat.state !== 'waiting') return
    if (only) members.leave(link.sid, link, 'now')
    else members.enter(link.sid, link, link.user, link.platform, join.presence)
    let snapshot: string[] = []
    if (!only && recovered !== 'all' && offset > 0) {
      let entries = stateWriter.entries(states, name => features.get(name)?.version ?? 0)
      snapshot = snapshotFrames(join, { epoch, offset }, entries, limits.max)
    }
    let here = only ? {} : { members: members.full(), version: members.version() }
    let marks = { marksEpoch: record?.marksEpoch ?? '-', marks: marksFrame(record) }
    let joined = { ref: join.ref, room, epoch, offset, recovered, snapshot: snapshot.length > 0, ...marks, ...here }
    let events = (missed ?? []).map(event => encodeFrame(eventFrame(room, event)))
    greet(seat, { f: 'joined', ...joined }, snapshot, events, only ? [] : casts.kept(link.sid))
    audience.add(seat)
  }

  function refuseJoin(seat: RoomSeat, why: { readonly code: string; readonly final: boolean; readonly after?: number }): void {
    detach(seat, 'now')
    seat.link.writer.frame({ f: 'nack', room, ref: seat.join.ref, ...why })
  }

  /** The storage failed: everyone is asked to come again, one refusal per chain, and nothing counts as decided. */
  function giveUp(asked: readonly Asked[]): void {
    let told = new Set<string>()
    for (let job of asked) {
      if (job.kind === 'app' || job.kind === 'look') job.done(new RealtimeError('storage', `the room «${room}» could not be stored or read`))
      else if (job.kind === 'leave') detach(job.seat, 'now')
      else if (job.kind === 'join') {
        if (job.seat.state === 'waiting') refuseJoin(job.seat, BUSY)
      } else {
        let { seat, push } = job
        let chain = `${seat.link.sid} ${push.lane}`
        if (!told.has(chain)) seat.link.writer.frame({ f: 'nack', room, lane: push.lane, n: push.n, id: push.id, ...BUSY })
        told.add(chain)
        seat.broken = new Set(seat.broken).add(push.lane)
      }
    }
  }

  function detach(seat: RoomSeat, presence: 'now' | 'grace'): void {
    let current = audience.of(seat.link)
    audience.remove(seat)
    if (!current || current === seat) members.leave(seat.link.sid, seat.link, presence)
  }

  function ask<T>(job: (done: (result: T | RealtimeError) => void) => Asked): Promise<T> {
    return new Promise((resolve, reject) => {
      lane.add(job(result => (result instanceof RealtimeError ? reject(result) : resolve(result))))
    })
  }

  return {
    join: seat => lane.add({ kind: 'join', seat, done: seat.join.done, marksEpoch: random.id() }),
    push(seat, push) {
      seat.link.waiting++
      lane.add({ kind: 'push', seat, push })
    },
    leave: seat => lane.add({ kind: 'leave', seat }),
    detach,
    cast: (frame, from) => casts.add(frame, from?.link ?? null, from?.link.sid ?? null),
    presence: (seat, data) => members.update(seat.link.sid, seat.link, data),
    members: () => members.full(),
    memberFrame: () => ({ f: 'presence', room, version: members.version(), full: members.full() }),
    position: seat => (state && !seat.only && seat.state === 'live' ? [state.epoch, state.offset] : null),
    async page(before, limit) {
      let { offset, trimmed } = state ?? (await ask<RoomState>(done => ({ kind: 'look', done })))
      let events = await storage.before(room, Math.min(before ?? Infinity, offset + 1), limit)
      return { events: events.map(event => eventFrame(room, event)), done: (events[0]?.offset ?? 0) <= trimmed + 1 }
    },
    append: event => ask(done => ({ kind: 'app', event, done })),
    state: async feature => (await ask<RoomState>(done => ({ kind: 'look', done }))).states.get(feature),
    count: () => audience.count(),
    unused: () => audience.count() === 0 && members.count() === 0 && !lane.busy() && !casts.any(),
    idle: () => lane.idle(),
    close() {
      members.close()
      casts.close()
    }
  }
}
