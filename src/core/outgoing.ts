// Sends waiting rows in order inside a window and settles them by their answers. Works only in the tab that may send. Knows
// the outbox and a way to send frames; rooms, states and sockets are none of its business.

import type { Lane } from '../feature.js'
import type { Clock, Stop } from '../ports.js'
import { byteLength, encodeFrame } from '../protocol/codec.js'
import type { FrameOf, JoinedFrame, PushFrame } from '../protocol/frames.js'
import { judgeMark } from './marks.js'
import type { Chain } from './mirror.js'
import type { Outbox, Settlement } from './outbox.js'
import { Fenced } from './outbox-tx.js'
import { chainKey, type Row } from './rows.js'

const LANES: readonly Lane[] = ['critical', 'high', 'normal', 'bulk']
/** Every so many turns one of the lower lanes goes first, each of the three in its turn, so that none starves. */
const FAIR_TURN = 8
/** Rows claimed and sent in one go. */
const PAGE = 128
/** What a message with one frame has around it. */
const BRACKETS = 2
/** How often a full network buffer is looked at, in milliseconds. */
const DRAIN_CHECK = 100

/** A chain on the present connection. */
interface Course {
  readonly chain: string
  /** The number that the next push names as the one before it. */
  prev: number
  /** The last number that was answered for good. */
  answered: number
  /** Left on this connection, not answered. */
  flying: Row[]
  /** Possibly sent before; go again before anything new. */
  again: Row[]
  pausedUntil: number
}

interface Window {
  readonly count: number
  readonly bytes: number
  /** The largest message that the server takes, in bytes. */
  readonly max: number
  /** The server keeps no marks. */
  readonly isForgetful?: boolean | null
}

export interface OutgoingPorts {
  readonly outbox: Outbox
  readonly clock: Clock
  /** Hands encoded frames to the connection; false when it is not open. */
  readonly send: (frames: readonly string[]) => boolean
  /** Bytes handed over that have not left yet. */
  readonly buffered: () => number
  /** The room must be joined again: its marks tell where to go on. */
  readonly rejoin: (room: string) => void
  readonly sent: (rows: readonly Row[]) => void
  /** Another connection sends for this client now. */
  readonly fenced: () => void
  readonly failed: (error: unknown) => void
  /** The offset of an own event that came in. */
  readonly seen: (room: string, id: string) => number | undefined
  /** Resolves when the events that a room missed have been applied. */
  readonly recovered: (room: string) => Promise<void>
}

export type Outgoing = ReturnType<typeof createOutgoing>

export function createOutgoing(ports: OutgoingPorts) {
  let { outbox, clock, send, buffered, rejoin, sent, fenced, failed, seen, recovered } = ports
  let courses = new Map<string, Course>()
  /** Rooms whose marks are known on this connection. */
  let ready = new Set<string>()
  let window: Window = { count: 0, bytes: 0, max: 0 }
  /** What is in flight, with its size in characters. */
  let sizes = new Map<string, number>()
  let flyingBytes = 0
  let pumping = false
  let again = false
  let turn = 0
  /** How often each lane was chosen: its rooms take turns. */
  let chosen = new Map<Lane, number>()
  /** The newest marks of each room: older ones that are still being worked through are void. */
  let joins = new Map<string, JoinedFrame>()
  let stopPause: Stop | null = null
  let slowUntil = 0
  let answers: Settlement[] = []
  let isSettling = false

  function courseOf(key: string): Course {
    let course = courses.get(key)
    if (!course) {
      course = { chain: key, prev: 0, answered: 0, flying: [], again: [], pausedUntil: 0 }
      courses.set(key, course)
    }
    return course
  }

  function hasRoom(): boolean {
    return sizes.size < window.count && flyingBytes < window.bytes && buffered() < window.bytes
  }

  function isPaused(course: Course): boolean {
    return Math.max(course.pausedUntil, slowUntil) > clock.mono()
  }

  /** False when the connection takes nothing any more: then its end is about to be told. */
  function push(course: Course, rows: readonly Row[]): boolean {
    let { done } = outbox.chains.get(course.chain) ?? { done: 0 }
    let frames: string[] = []
    let fitting: Row[] = []
    let large: Row[] = []
    for (let row of rows) {
      let { room, lane, n, id, feature, type, data } = row
      let prev = fitting.at(-1)?.n ?? course.prev
      // The time left, not the time given: the server's clock and ours need not agree.
      let ttl = row.ttl === undefined ? {} : { ttl: outbox.timeLeft(row) / 1000 }
      let first = fitting.length ? {} : { done }
      let frame: PushFrame = { f: 'push', room, lane, n, prev, id, feature, type, data, ...ttl, ...first }
      let text = encodeFrame(frame)
      if (byteLength(text) + BRACKETS > window.max) large.push(row)
      else {
        frames.push(text)
        fitting.push(row)
      }
    }
    if (large.length) refuseLarge(large)
    if (!fitting.length) return true
    if (!send(frames)) {
      course.again.unshift(...fitting)
      return false
    }
    course.prev = (fitting.at(-1) as Row).n
    course.flying.push(...fitting)
    fitting.forEach(({ id }, i) => {
      let { length } = frames[i] as string
      sizes.set(id, length)
      flyingBytes += length
    })
    sent(fitting)
    return true
  }

  /** Stored when the server took more: it would end every connection. Their numbers never reach it, and are left out. */
  function refuseLarge(rows: readonly Row[]): void {
    let ids = new Set(rows.map(row => row.id))
    outbox
      .withdraw(row => ids.has(row.id), { kind: 'rejected', code: 'too-large', message: '' }, 'claimed too')
      .catch(failed)
  }

  /** Sends rows that were claimed just now, or puts them behind those that must go before; the connection may be another one by now. */
  function depart(key: string, rows: readonly Row[]): boolean {
    let course = courses.get(key)
    // Without one the room is being joined, and these rows are among those that its marks will be compared with.
    if (!course) return true
    let known = new Set([...course.again, ...course.flying].map(row => row.id))
    let fresh = rows.filter(row => !known.has(row.id))
    let mustWait = !ready.has((rows[0] as Row).room) || course.again.length > 0 || isPaused(course)
    if (!mustWait) return push(course, fresh)
    course.again.push(...fresh)
    return true
  }

  function land(rows: readonly Row[]): void {
    for (let { id } of rows) {
      flyingBytes -= sizes.get(id) ?? 0
      sizes.delete(id)
    }
  }

  /** Chains with something to send. */
  function waitingChains(): Chain[] {
    return [...outbox.chains.values()].filter(chain => {
      if (!ready.has(chain.room)) return false
      let course = courseOf(chain.key)
      return !isPaused(course) && (course.again.length > 0 || (chain.rows.at(-1)?.n ?? 0) > chain.claimed)
    })
  }

  /** The next of them, by priority. */
  function nextChain(): Chain | null {
    let candidates = waitingChains()
    let fair = ++turn / FAIR_TURN
    let order = fair % 1 ? LANES : [LANES[3 - (fair % 3)] as Lane, ...[...LANES].reverse()]
    let lane = order.find(name => candidates.some(chain => chain.lane === name))
    if (!lane) return null
    let inLane = candidates.filter(chain => chain.lane === lane)
    let count = chosen.get(lane) ?? 0
    chosen.set(lane, count + 1)
    return inLane[count % inLane.length] as Chain
  }

  async function pump(): Promise<void> {
    if (pumping) {
      again = true
      return
    }
    pumping = true
    try {
      do {
        again = false
        for (let chain = hasRoom() ? nextChain() : null; chain; chain = hasRoom() ? nextChain() : null) {
          let course = courseOf(chain.key)
          let room = Math.max(1, Math.min(PAGE, window.count - sizes.size))
          if (course.again.length) {
            if (!push(course, course.again.splice(0, room))) break
            continue
          }
          let rows = await outbox.claim(chain.key, { count: room, bytes: window.bytes - flyingBytes })
          if (rows.length && !depart(chain.key, rows)) break
        }
      } while (again)
    } catch (error) {
      if (error instanceof Fenced) fenced()
      else failed(error)
    } finally {
      pumping = false
    }
    schedulePause()
  }

  /** Wakes when the first pause ends, or when the network may have taken what was too much for it. */
  function schedulePause(): void {
    stopPause?.()
    stopPause = null
    let now = clock.mono()
    let until = Math.min(
      ...[...courses.values()].map(course => Math.max(course.pausedUntil, slowUntil)).filter(time => time > now)
    )
    if (buffered() >= window.bytes && waitingChains().length) until = Math.min(until, now + DRAIN_CHECK)
    if (until < Infinity) stopPause = clock.after(until - now, () => void pump())
  }

  /** Answers are settled together: those of one message, and all that come while a transaction runs, in one transaction. */
  function settle(settlements: readonly Settlement[]): void {
    answers.push(...settlements)
    if (isSettling) return
    isSettling = true
    clock.soon(() => void settleAnswers())
  }

  async function settleAnswers(): Promise<void> {
    while (answers.length) {
      let batch = answers
      answers = []
      // There is room in the window again.
      void pump()
      await outbox.settle(batch).catch(failed)
    }
    isSettling = false
  }

  outbox.setGate({
    isOnline: () => ready.size > 0,
    maySend(key, count, bytes) {
      let chain = outbox.chains.get(key)
      if (!chain || !ready.has(chain.room)) return false
      let course = courseOf(key)
      return (
        !isPaused(course) &&
        !course.again.length &&
        sizes.size + count <= window.count &&
        flyingBytes + bytes <= window.bytes
      )
    }
  })

  return {
    /** A new connection is welcome; nothing is sent before its rooms are joined. */
    opened(size: Window): void {
      window = size
      // Whose turn it was is forgotten: what is critical leaves first.
      turn = 0
    },
    /** The connection is gone: whatever was in flight waits for the marks of the next one. */
    closed(): void {
      courses.clear()
      ready.clear()
      joins.clear()
      sizes.clear()
      flyingBytes = 0
      slowUntil = 0
      stopPause?.()
      stopPause = null
    },
    /** The room is being joined anew, or was left: until its marks are known, nothing of it is sent. */
    unready(room: string): void {
      ready.delete(room)
      joins.delete(room)
      for (let lane of LANES) {
        let course = courses.get(chainKey(room, lane))
        if (course) land(course.flying)
        courses.delete(chainKey(room, lane))
      }
    },

    /** Settles what the marks answer and starts sending. */
    async joined(frame: JoinedFrame): Promise<void> {
      joins.set(frame.room, frame)
      let isOld = (): boolean => joins.get(frame.room) !== frame
      // Without marks nobody can tell what came of a row that left: it goes again.
      let { isForgetful } = window
      let knownLife = isForgetful ? frame.marksEpoch : await outbox.marksEpoch(frame.room)
      if (isOld()) return
      let sameLife = knownLife === undefined || knownLife === frame.marksEpoch
      if (!sameLife) {
        // What the events that were missed can tell is not unknown.
        await recovered(frame.room)
        if (isOld()) return
      }
      let settlements: Settlement[] = []
      let lost: string[] = []
      for (let lane of LANES) {
        let key = chainKey(frame.room, lane)
        let chain = outbox.chains.get(key)
        let told = Object.hasOwn(frame.marks, lane) ? frame.marks[lane] : undefined
        let mark = isForgetful ? chain?.last && { ...chain.last, done: 0, answers: [] } : told
        let course = courseOf(key)
        if (!chain && !mark) continue
        let own = chain ?? { n: 0, claimed: 0, last: null, done: 0, rows: [] }
        let verdict = judgeMark(own, own.rows, mark ?? undefined, sameLife)
        if (verdict.kind === 'fork') {
          await outbox.fork()
          return
        }
        if (verdict.kind === 'lost') {
          lost.push(key)
          for (let row of own.rows) {
            if (row.n > own.claimed) break
            let at = seen(row.room, row.id)
            settlements.push({
              chain: key,
              row,
              outcome: at === undefined ? { kind: 'unknown', code: 'unknown', message: '' } : { kind: 'acked', at }
            })
          }
          continue
        }
        for (let { row, ok, at, code, message } of verdict.answers) {
          settlements.push({
            chain: key,
            row,
            // An offset above the log's is one of an earlier life: the row is as visible as it will be.
            outcome: ok
              ? { kind: 'acked', at: at && Math.min(at, frame.offset) }
              : { kind: 'rejected', code, message: message ?? '' }
          })
        }
        course.again = [...verdict.resend]
        course.prev = verdict.prev
        course.answered = verdict.prev
      }
      if (settlements.length || knownLife !== frame.marksEpoch) {
        await outbox.settle(settlements, { room: frame.room, epoch: frame.marksEpoch })
      }
      for (let key of lost) await outbox.resetChain(key)
      if (isOld()) return
      ready.add(frame.room)
      await pump()
    },

    /** The server does not let us into the room: what never left is rejected, of the rest nobody knows. */
    async refused(room: string, code: string, message: string): Promise<void> {
      await outbox.withdraw(row => row.room === room, { kind: 'rejected', code, message })
      let left = [...outbox.chains.values()].filter(chain => chain.room === room)
      await outbox.settle(
        left.flatMap(chain =>
          chain.rows
            .filter(row => row.n <= chain.claimed)
            .map(row => ({
              chain: chain.key,
              row,
              outcome: { kind: 'unknown' as const, code: 'unknown', message: '' }
            }))
        )
      )
    },

    ack({ room, lane, n, id, at }: FrameOf<'ack'>): void {
      let course = courses.get(chainKey(room, lane))
      let index = course?.flying.findIndex(row => row.n === n && row.id === id) ?? -1
      if (!course || index < 0) return
      let rows = course.flying.splice(0, index + 1)
      land(rows)
      course.answered = n
      // A cumulative answer names the offset of its last row: the ones before it are not later.
      settle(rows.map(row => ({ chain: course.chain, row, outcome: { kind: 'acked', at } })))
    },

    nack({ room, lane, n, id, code, final, after, message }: FrameOf<'nack'>): void {
      // A final refusal is of the action: a feature or a policy may call one by the same name.
      if (code === 'stale' && !final) {
        fenced()
        return
      }
      let course = room !== undefined && lane !== undefined ? courses.get(chainKey(room, lane)) : undefined
      if (!course || room === undefined) return
      if ((code === 'order' || code === 'fork') && !final) {
        rejoin(room)
        return
      }
      let index = course.flying.findIndex(row => row.n === n && row.id === id)
      if (index < 0) return
      if (final) {
        let rows = course.flying.splice(0, index + 1)
        land(rows)
        let row = rows.pop() as Row
        course.answered = row.n
        settle([
          ...rows.map(earlier => ({ chain: course.chain, row: earlier, outcome: { kind: 'acked' as const } })),
          { chain: course.chain, row, outcome: { kind: 'rejected', code, message: message ?? '' } }
        ])
        return
      }
      // Refused for now: it and all behind it go again, after the last answered number.
      let back = course.flying.splice(index)
      land(back)
      course.again.unshift(...back)
      course.prev = course.answered
      course.pausedUntil = clock.mono() + (after ?? 1000)
      void pump()
    },

    /** The server takes pushes of this client from another connection only. */
    stale: (): void => fenced(),
    slow(ms: number): void {
      slowUntil = clock.mono() + ms
      void pump()
    },
    /** There may be something to send. */
    pump: (): void => void pump(),
    /** Rows that were stored and claimed in one go leave at once. */
    leave(rows: readonly Row[]): void {
      let first = rows[0]
      if (first) depart(chainKey(first.room, first.lane), rows)
    }
  }
}
