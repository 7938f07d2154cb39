// Which tab leads for this app and user: the one that holds the lock. The leader shows itself by beats; one that is silent and
// does not answer, or has been in the background while another is looked at, loses the lock to the other. Knows nothing of
// what a leader does.

import type { Clock, Locks, Random, Stop } from '../ports.js'
import { type Beat, type Post, TABS_VERSION } from './messages.js'

export interface Lease {
  /** Resolves when it is known whether this tab leads for now. */
  readonly settled: Promise<void>
  readonly isSettled: boolean
  readonly held: boolean
  /** Grows with every change of the leader; of what the leader says, only what has the highest counts. */
  readonly term: number
  /** The leader that is followed, once it was heard. */
  readonly leader: { readonly id: string; readonly term: number; readonly version: number } | null
  contend(): void
  /** Gives it up, or stops waiting for it, until the next `contend`. */
  release(): void
  /** Shows itself now. Nothing happens unless this tab leads. */
  beat(): void
  /** Another tab said something. */
  hear(from: string): void
  /** Another tab shows itself as the leader. False when it is not, or not any more. */
  hearBeat(from: string, version: number, beat: Beat): boolean
}

export interface LeasePorts {
  readonly locks: Locks
  readonly name: string
  readonly clock: Clock
  readonly random: Random
  readonly post: Post
  /** For how long this page has been in the background, in milliseconds; 0 when it is visible. */
  readonly hidden: () => number
  /** What a beat tells besides. */
  readonly about: () => Omit<Beat, 'term' | 'hidden'>
  readonly changed: () => void
}

/** How often a leader shows itself, in milliseconds. */
export const BEAT = 2000
/** So long a leader may be silent until it is asked. */
const SILENCE = 3 * BEAT
/** So long it may take to answer; each tab adds something of its own, so that one is the first to act. */
const ANSWER = 1000
const JITTER = 500
/** A leader that has been in the background for so long gives way to a tab that is looked at. */
const HIDDEN = 5000

export function createLease({ locks, name, clock, random, post, hidden, about, changed }: LeasePorts): Lease {
  let held = false
  let term = 0
  let leader: { id: string; term: number; version: number } | null = null
  let heardAt = 0
  let givesWay = false
  let stopLock: Stop | null = null
  let stopTimer: Stop | null = null
  let stopOvertake: Stop | null = null
  let isSettled = false
  let resolve!: () => void
  let settled = newPromise()

  function newPromise(): Promise<void> {
    return new Promise(call => {
      resolve = call
    })
  }

  function settle(): void {
    isSettled = true
    resolve()
  }

  function wait(ms: number, call: () => void): void {
    stopTimer?.()
    stopTimer = clock.after(ms, call)
  }

  function take(): void {
    held = true
    term = Math.max(clock.now(), (leader?.term ?? 0) + 1)
    leader = null
    settle()
    beat()
    changed()
  }

  function beat(): void {
    post({ t: 'beat', term, hidden: hidden(), ...about() })
    wait(BEAT, beat)
  }

  function lose(): void {
    stopLock?.()
    stopLock = null
    held = false
    contend()
    changed()
  }

  function contend(steal?: 'steal'): void {
    stopLock?.()
    stopTimer?.()
    stopOvertake?.()
    stopOvertake = null
    stopLock = locks.acquire(name, { held: take, waiting: follow, lost: lose }, steal)
  }

  function follow(): void {
    settle()
    heardAt = clock.mono()
    post({ t: 'who' })
    watch()
    changed()
  }

  function watch(): void {
    wait(Math.max(0, heardAt + SILENCE - clock.mono()), () => {
      let asked = clock.mono()
      if (asked - heardAt < SILENCE) return watch()
      post({ t: 'who' })
      wait(ANSWER + random.float() * JITTER, () => (heardAt >= asked ? watch() : contend('steal')))
    })
  }

  /** Two that are looked at must not take it from each other: one waits for the other's beat. */
  function overtake(): void {
    stopOvertake ??= clock.after((random.float() * JITTER) / 2, () => {
      stopOvertake = null
      if (givesWay && stopLock && !held) contend('steal')
    })
  }

  return {
    get settled() {
      return settled
    },
    get isSettled() {
      return isSettled
    },
    get held() {
      return held
    },
    get term() {
      return term
    },
    get leader() {
      return leader
    },
    contend() {
      if (!stopLock) contend()
    },
    release() {
      stopLock?.()
      stopLock = null
      stopTimer?.()
      stopOvertake?.()
      stopOvertake = null
      leader = null
      resolve()
      settled = newPromise()
      isSettled = false
      if (!held) return
      held = false
      changed()
    },
    beat() {
      if (held) beat()
    },
    hear(from) {
      if (from === leader?.id) heardAt = clock.mono()
    },
    hearBeat(from, version, theirs) {
      if (held) {
        // Somebody has taken the lock, and the news of it is still on its way.
        if (theirs.term > term) lose()
        else return false
      }
      if (!stopLock || theirs.term < (leader?.term ?? 0)) return false
      leader = { id: from, term: theirs.term, version }
      heardAt = clock.mono()
      givesWay = version < TABS_VERSION || (theirs.hidden >= HIDDEN && hidden() === 0)
      if (givesWay) overtake()
      return true
    }
  }
}
