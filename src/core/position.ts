// Where a client stands in a room's log, and what a frame means seen from there. Pure.

export interface Position {
  /** One life of the log; offsets of different epochs cannot be compared. */
  readonly epoch: string
  /** The last applied event, counted from 1; 0 for none. */
  readonly offset: number
}

/** What to do with an event at `offset`: apply it, drop a repeat, or recover from a hole. */
export function judgeEvent(position: Position, offset: number): 'apply' | 'drop' | 'gap' {
  if (offset <= position.offset) return 'drop'
  return offset === position.offset + 1 ? 'apply' : 'gap'
}

/**
 * Whether a position that the server named shows that ours cannot be right: another epoch, events that never came, or a log
 * shorter than what was applied.
 */
export function isBehindOrAstray(position: Position, server: Position): boolean {
  return server.epoch !== position.epoch || server.offset !== position.offset
}

/**
 * How a join was answered, told to the app in `$status.recovered`. `kept`: the other side remembers nothing; what was known
 * here stays, and what happened meanwhile is missing.
 */
export type Recovered = 'all' | 'new' | 'none' | 'kept'

/**
 * What a `joined` answer asks for.
 * - `continue`: events follow (or nothing was missed).
 * - `snapshot`: parts follow; everything known before is replaced.
 * - `empty`: the room has no events in this epoch; start from the initial state.
 * - `keep`: the state stays as it is and stands at the offset of the answer.
 * - `rejoin`: the answer does not fit our position; join again as a newcomer.
 */
export function judgeJoined(
  position: Position | null,
  joined: { readonly epoch: string; readonly offset: number; readonly recovered: Recovered; readonly snapshot: boolean }
): 'continue' | 'snapshot' | 'empty' | 'keep' | 'rejoin' {
  if (joined.snapshot) return 'snapshot'
  if (joined.recovered === 'kept') return position ? 'keep' : 'rejoin'
  if (joined.recovered !== 'all') return joined.offset === 0 ? 'empty' : 'rejoin'
  if (!position || position.epoch !== joined.epoch || joined.offset < position.offset) return 'rejoin'
  return 'continue'
}
