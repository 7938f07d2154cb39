// A stream of samples cut down to a rate: of each key the first one passes at once, then the newest at the end of each gap, and
// what it replaced is told. Nothing that was the newest is ever left out. Knows nothing of what the samples are.

import type { Clock, Stop } from './ports.js'

export interface Conflation<T> {
  /** At most `rate` of this key pass in a second, and never more than 1,000. */
  add(key: string, rate: number, sample: T): void
  /** What waits is forgotten. */
  close(): void
}

interface Stream<T> {
  /** Passes at the end of the gap. */
  next: T | undefined
  /** When the gap ends. */
  until: number
  readonly gap: number
}

/**
 * `pass` gets what passes together, in the order in which it came: gaps of the same length end together, so that many keys make
 * few messages. Of what one turn brings the newest counts as the first.
 */
export function createConflation<T>(
  clock: Clock,
  pass: (samples: T[]) => void,
  replaced: (sample: T) => void
): Conflation<T> {
  /** In the order of their newest sample. */
  let streams = new Map<string, Stream<T>>()
  let stopTurn: Stop | null = null
  let stopTimer: Stop | null = null
  let timerAt = Infinity

  function run(): void {
    let now = clock.mono()
    let samples: T[] = []
    let next = Infinity
    for (let [key, stream] of streams) {
      if (stream.until <= now) {
        if (stream.next === undefined) {
          streams.delete(key)
          continue
        }
        samples.push(stream.next)
        stream.next = undefined
        let { gap } = stream
        // Late by more than a gap, or the first one: a whole gap from now, and on to where the others of its rate are.
        let from = now - stream.until < gap ? stream.until : now
        stream.until = Math.ceil((from + gap) / gap) * gap
      }
      next = Math.min(next, stream.until)
    }
    wake(next, now)
    if (samples.length) pass(samples)
  }

  function wake(at: number, now: number): void {
    if (at === timerAt) return
    stopTimer?.()
    timerAt = at
    stopTimer =
      at === Infinity
        ? null
        : clock.after(at - now, () => {
            timerAt = Infinity
            run()
          })
  }

  return {
    add(key, rate, sample) {
      let stream = streams.get(key)
      if (stream?.next !== undefined) replaced(stream.next)
      if (!stream) {
        stream = { next: sample, until: -Infinity, gap: Math.max(1, Math.ceil(1000 / rate)) }
        stopTurn ??= clock.soon(() => {
          stopTurn = null
          run()
        })
      }
      stream.next = sample
      streams.delete(key)
      streams.set(key, stream)
    },
    close() {
      stopTurn?.()
      stopTimer?.()
      streams.clear()
    }
  }
}
