// What a server counts since its start. Plain numbers that whoever sees something happen raises: nothing is computed for them.

export interface Counts {
  /** Malformed frames. */
  badFrames: number
  /** Frames that were taken in, and their messages' characters. */
  framesIn: number
  bytesIn: number
  /** Frames handed to connections, each connection counted for itself, and their messages' characters. */
  framesOut: number
  bytesOut: number
  /** Events that were committed, those of the app's own code among them. */
  events: number
  /** Volatile events that were taken, of clients and of the app's own code. */
  castsIn: number
  /** Of them told to their room, however many are in it. */
  castsOut: number
  /** Of them never told, for a newer one took their place. */
  castsConflated: number
}

export function createCounts(): Counts {
  return {
    badFrames: 0,
    framesIn: 0,
    bytesIn: 0,
    framesOut: 0,
    bytesOut: 0,
    events: 0,
    castsIn: 0,
    castsOut: 0,
    castsConflated: 0
  }
}
