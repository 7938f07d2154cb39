// Which waiting task comes next: a pure choice. Knows nothing of rooms' states or of how tasks are run.

/** So many urgent ones in a row, and one of the others has its turn. */
export const MOST_URGENT = 3

export interface Waiting {
  readonly room: string
  readonly urgent: boolean
}

/**
 * Picks from those that wait, oldest first: urgent ones before others, except after `MOST_URGENT` of them in a row; none of a
 * room that has as many running as one room may. Within a class the oldest is taken, so nobody starves.
 */
export function nextTask<W extends Waiting>(
  waiting: Iterable<W>,
  now: { readonly runningIn: (room: string) => number; readonly perRoom: number; readonly urgentInARow: number }
): W | null {
  let first: { urgent: W | null; other: W | null } = { urgent: null, other: null }
  for (let task of waiting) {
    if (now.runningIn(task.room) >= now.perRoom) continue
    if (task.urgent) first.urgent ??= task
    else first.other ??= task
  }
  let isTurnOfOthers = now.urgentInARow >= MOST_URGENT && first.other !== null
  return isTurnOfOthers ? first.other : (first.urgent ?? first.other)
}
