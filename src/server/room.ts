// One room: the single writer of its log, its marks and its answers. What arrives in one turn is decided in memory, committed
// in one transaction, and only then answered and told. Everything that awaits runs in the room's lane.

import { RealtimeError } from '../errors.js'
import type { CastFrame, EventFrame, FrameOf, Member } from '../protocol/frames.js'
import { createStateWriter, greet, snapshotFrames } from './arrive.js'
import { createAudience } from './audience.js'
import { createCasts } from './casts.js'
import { type AppJob, type Decision, type JoinJob, type Outcome, type PushJob, specOf } from './decide.js'
import { createLane } from './lane.js'
import { createLedger } from './ledger.js'
import { marksFrame } from './marks.js'
import { createMembers } from './members.js'
import { recover } from './recover.js'
import type { Link, RoomSeat } from './seat.js'
import { encodeAll, eventFrame, type RoomState } from './state.js'
import type { ClientRecord, StoredEvent } from './storage.js'
import { createTurns, type RoomParts } from './turn.js'

export interface Room {
  join(seat: RoomSeat): void
  push(seat: RoomSeat, push: FrameOf<'push'>): void
  leave(seat: RoomSeat): void
  /** The connection is gone or refused: its seat at once, its presence at once or after the grace. */
  detach(seat: RoomSeat, presence: 'now' | 'grace'): void
  cast(frame: CastFrame, from: Link | null): void
  presence(seat: RoomSeat, data: unknown): void
  members(): Record<string, Member>
  /** Answers a request for everyone. */
  tellMembers(link: Link): void
  /** Where the room stands for a seat, when it may be told. */
  position(seat: RoomSeat): readonly [epoch: string, offset: number] | null
  /** The last events before an offset, newest last, and whether the log starts there. */
  page(before: number | undefined, limit: number): Promise<{ events: EventFrame[]; done: boolean }>
  /** Has the connections of a user, or all of them, join again. */
  rejoin(user?: string): void
  append(event: AppJob['event']): Promise<{ offset: number; id: string }>
  state(feature: string): Promise<unknown>
  count(): number
  /** Whether it may leave memory. */
  unused(): boolean
  /** Resolves when nothing is under way. */
  idle(): Promise<void>
  close(): void
}

type Asked =
  | JoinJob<RoomSeat>
  | PushJob<RoomSeat>
  | (AppJob & { readonly done: (result: { offset: number; id: string } | RealtimeError) => void })
  | { readonly kind: 'leave'; readonly seat: RoomSeat }
  | { readonly kind: 'look'; readonly done: (state: RoomState | RealtimeError) => void }

const BUSY = { code: 'busy', final: false, after: 1000 } as const

export function createRoom(room: string, parts: RoomParts): Room {
  let { features, storage, clock, random, limits, counts, report } = parts
  let ledger = createLedger(room, parts)
  let stateWriter = createStateWriter()
  let audience = createAudience(() => ({
    f: 'gap',
    room,
    epoch: ledger.state()?.epoch ?? '-',
    offset: ledger.state()?.offset ?? 0
  }))
  let members = createMembers(clock, limits.presenceGrace, (difference, gone) => {
    audience.all({ f: 'presence', room, ...difference })
    let joined = Object.values(difference.joined ?? {})
    if (joined.length > 0 || gone.length > 0) parts.watchers.tellMembers({ room, joined, left: gone })
  })
  let casts = createCasts<Link>(clock, limits.keptCasts, counts, (frame, from) => audience.all(frame, from))
  let lane = createLane<Asked>(clock, limits.batch, take, error => {
    ledger.doubt()
    report('error', 'turn-failed', { room, error })
  })

  /** Whoever follows features here has been told that the room is in memory. */
  let isLoaded = false
  let commit = createTurns(room, parts, ledger, audience)
  let encodeEvents = (events: readonly StoredEvent[]) => encodeAll(room, events)

  /** A push behind the join of its own seat waits until that is answered, so that answers keep the order of the questions. */
  async function take(asked: Asked[]): Promise<void> {
    let joining = new Set<RoomSeat>()
    let from = 0
    for (let [i, job] of asked.entries()) {
      if (job.kind === 'join') joining.add(job.seat)
      if (job.kind !== 'push' || !joining.delete(job.seat)) continue
      await turn(asked.slice(from, i))
      from = i
      joining.clear()
    }
    await turn(asked.slice(from))
  }

  async function turn(asked: readonly Asked[]): Promise<void> {
    for (let job of asked) if (job.kind === 'push') job.seat.link.waiting--
    let live = asked.filter(job => job.kind !== 'join' || (job.seat.link.open && job.seat.state === 'waiting'))
    let jobs = live.filter(job => job.kind === 'join' || job.kind === 'push' || job.kind === 'app')
    let decision = await commit(jobs)
    if (!decision) return giveUp(live)
    let outcomes = new Map<Asked, Outcome>()
    for (let [i, job] of jobs.entries()) outcomes.set(job as Asked, decision.outcomes[i] as Outcome)
    await settle(live, decision, outcomes)
  }

  /** After the commit: answers first, then the events, then whoever came or went. */
  async function settle(
    asked: readonly Asked[],
    decision: Decision<RoomSeat>,
    outcomes: ReadonlyMap<Asked, Outcome>
  ): Promise<void> {
    for (let [seat, place] of decision.seats) Object.assign(seat, place)
    for (let job of asked) {
      if (job.kind === 'push') answer(job, outcomes.get(job))
      if (job.kind === 'join') audience.replace(job.seat)
    }
    audience.events(encodeEvents(decision.events))
    let { states } = ledger.state() as RoomState
    parts.watchers.tell(room, states, decision.events, !isLoaded)
    isLoaded = true
    for (let job of asked) {
      let outcome = outcomes.get(job)
      if (job.kind === 'app' && outcome?.kind === 'app') job.done({ offset: outcome.at, id: outcome.id })
      else if (job.kind === 'look') job.done(ledger.state() as RoomState)
      else if (job.kind === 'leave') detach(job.seat, 'now')
      else if (job.kind === 'join' && outcome?.kind === 'stale') refuseJoin(job.seat, { code: 'stale', final: false })
      else if (job.kind === 'join' && outcome?.kind === 'joined') await arrive(job.seat, outcome.record)
    }
    ledger.trimClients(audience.holders)
  }

  function answer({ seat, push }: PushJob<RoomSeat>, outcome: Outcome | undefined): void {
    let { writer } = seat.link
    let { lane } = push
    if (outcome?.kind === 'ack') writer.frame({ f: 'ack', room, lane, n: outcome.n, id: outcome.id, at: outcome.at })
    if (outcome?.kind !== 'nack') return
    let { n, id, refusal, after } = outcome
    writer.frame({ f: 'nack', room, lane, n, id, ...refusal, ...(after === undefined ? {} : { after }) })
  }

  async function arrive(seat: RoomSeat, record: ClientRecord | null): Promise<void> {
    let { epoch, offset, trimmed, states } = ledger.state() as RoomState
    let { link, join, only } = seat
    let recovered = only ? 'new' : recover({ epoch, offset, trimmed, maxReplay: limits.maxReplay }, join)
    let missed: StoredEvent[] | null = null
    if (recovered === 'all') {
      try {
        missed = await ledger.between(join.offset as number, offset)
      } catch (error) {
        report('error', 'storage-failed', { room, error })
      }
      if (!missed) recovered = 'none'
    }
    if (!link.open || seat.state !== 'waiting') return
    if (only) members.leave(link.sid, link, 'now')
    else members.enter(link.sid, link, link.user, link.platform, seat.presence)
    let snapshot: string[] = []
    if (!only && recovered !== 'all' && offset > 0) {
      let entries = stateWriter.entries(states, name => features.get(name)?.version ?? 0)
      snapshot = snapshotFrames(join, { epoch, offset }, entries, limits.max)
    }
    let here = only ? {} : { members: members.full(), version: members.version() }
    let marks = { marksEpoch: record?.marksEpoch ?? '-', marks: marksFrame(record) }
    let joined = { ref: join.ref, room, epoch, offset, recovered, snapshot: snapshot.length > 0, ...marks, ...here }
    greet(seat, { f: 'joined', ...joined }, snapshot, encodeEvents(missed ?? []), only ? [] : casts.kept(link.sid))
    audience.add(seat)
  }

  function refuseJoin(
    seat: RoomSeat,
    why: { readonly code: string; readonly final: boolean; readonly after?: number }
  ): void {
    detach(seat, 'now')
    seat.link.writer.frame({ f: 'nack', room, ref: seat.join.ref, ...why })
  }

  /** The storage failed: everyone is asked to come again, one refusal per chain, and nothing counts as decided. */
  function giveUp(asked: readonly Asked[]): void {
    let told = new Set<string>()
    for (let job of asked) {
      if (job.kind === 'app' || job.kind === 'look')
        job.done(new RealtimeError('storage', `the room «${room}» could not be stored or read`))
      else if (job.kind === 'leave') detach(job.seat, 'now')
      else if (job.kind === 'join') refuseJoin(job.seat, BUSY)
      else {
        let { seat, push } = job
        let chain = `${seat.link.sid} ${push.lane}`
        if (!told.has(chain))
          seat.link.writer.frame({ f: 'nack', room, lane: push.lane, n: push.n, id: push.id, ...BUSY })
        told.add(chain)
        seat.broken = new Set(seat.broken).add(push.lane)
      }
    }
  }

  function detach(seat: RoomSeat, presence: 'now' | 'grace'): void {
    audience.replace(seat)
    audience.remove(seat)
    members.leave(seat.link.sid, seat.link, presence)
  }

  function ask<T>(job: (done: (result: T | RealtimeError) => void) => Asked): Promise<T> {
    return new Promise((resolve, reject) => {
      lane.add(job(result => (result instanceof RealtimeError ? reject(result) : resolve(result))))
    })
  }

  let look = () => ask<RoomState>(done => ({ kind: 'look', done }))

  return {
    join: seat => lane.add({ kind: 'join', seat, done: seat.join.done, marksEpoch: random.id() }),
    push(seat, push) {
      seat.link.waiting++
      lane.add({ kind: 'push', seat, push })
    },
    leave: seat => lane.add({ kind: 'leave', seat }),
    detach,
    cast(frame, from) {
      let feature = features.get(frame.feature)
      let delivery = feature && specOf(feature, frame.type)?.delivery
      if (delivery?.kind === 'volatile') casts.add(frame, delivery.rate, from, from?.sid ?? null)
    },
    presence(seat, data) {
      seat.presence = data
      members.update(seat.link.sid, seat.link, data)
    },
    members: () => members.full(),
    tellMembers: link => link.writer.frame({ f: 'presence', room, version: members.version(), full: members.full() }),
    position(seat) {
      let state = ledger.state()
      return state && !seat.only && seat.state === 'live' ? [state.epoch, state.offset] : null
    },
    async page(before, limit) {
      let { offset, trimmed } = ledger.state() ?? (await look())
      let events = await storage.before(room, Math.min(before ?? Infinity, offset + 1), limit)
      return { events: events.map(event => eventFrame(room, event)), done: (events[0]?.offset ?? 0) <= trimmed + 1 }
    },
    rejoin(user) {
      let takeOut = (): void => {
        for (let { link } of audience.takeOut(user)) members.leave(link.sid, link, 'grace')
      }
      takeOut()
      // A join that was allowed before and is under way is asked anew as well.
      if (lane.busy()) void lane.idle().then(takeOut)
    },
    append: event => ask(done => ({ kind: 'app', event, done })),
    state: async feature => (await look()).states.get(feature),
    count: () => audience.count(),
    unused: () => audience.count() === 0 && members.count() === 0 && !lane.busy() && !casts.any(),
    idle: () => lane.idle(),
    close() {
      members.close()
      casts.close()
    }
  }
}
