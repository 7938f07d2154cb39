// Whether a page or a process runs: what is called in a frozen one waits for its thaw, what is called in a dead one is lost.
// Knows nothing of what runs in it.

import type { Clock, Stop } from '../ports.js'

/** The life of one page or one process. */
export interface Life {
  readonly state: 'running' | 'frozen' | 'dead'
  /** The call as it happens here: now, after the thaw, or never. */
  guard<A extends unknown[]>(call: (...args: A) => void): (...args: A) => void
  /** The promise as it is seen from here. */
  see<T>(promise: Promise<T>): Promise<T>
  /** A clock whose timers go off here. */
  readonly clock: Clock
  /** Timers set here that have not gone off. */
  timers(): number
  /** Calls once at the end, unless it is stopped before. */
  onDeath(call: () => void): Stop
  freeze(): void
  /** What waited happens one after the other, each in a turn of its own. */
  thaw(): void
  end(): void
}

/** Creates a life that runs. */
export function createLife(clock: Clock): Life {
  let state: Life['state'] = 'running'
  let waiting: (() => void)[] = []
  let deaths = new Set<() => void>()
  let timers = 0

  function run(call: () => void): void {
    if (state === 'running') call()
    else if (state === 'frozen') waiting.push(call)
  }

  let guard: Life['guard'] =
    call =>
    (...args) =>
      run(() => call(...args))

  return {
    get state() {
      return state
    },
    guard,
    see: promise => new Promise((resolve, reject) => void promise.then(guard(resolve), guard(reject))),
    clock: {
      now: clock.now,
      mono: clock.mono,
      after(ms, call) {
        let isOver = false
        let finish = (): void => {
          if (!isOver) timers--
          isOver = true
        }
        timers++
        let stop = clock.after(
          ms,
          guard(() => {
            if (isOver) return
            finish()
            call()
          })
        )
        return () => {
          finish()
          stop()
        }
      },
      soon: call => clock.soon(guard(call))
    },
    timers: () => timers,
    onDeath(call) {
      let mine = (): void => call()
      deaths.add(mine)
      return () => deaths.delete(mine)
    },
    freeze() {
      if (state === 'running') state = 'frozen'
    },
    thaw() {
      if (state !== 'frozen') return
      state = 'running'
      let calls = waiting
      waiting = []
      for (let call of calls) clock.after(0, () => run(call))
    },
    end() {
      if (state === 'dead') return
      state = 'dead'
      waiting = []
      for (let call of deaths) call()
    }
  }
}
