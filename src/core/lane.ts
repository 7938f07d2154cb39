// One thing after the other: work that must not overlap waits for its turn. The only way in which this core awaits.

export interface LaneQueue {
  /** Runs `work` after all that was put in before; its failure does not stop the ones behind it. */
  run<T>(work: () => Promise<T>): Promise<T>
}

export function createLane(): LaneQueue {
  let tail: Promise<unknown> = Promise.resolve()
  return {
    run(work) {
      let result = tail.then(work)
      tail = result.catch(() => {})
      return result
    }
  }
}
