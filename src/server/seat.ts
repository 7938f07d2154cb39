// A connection, and its place in one room.

import type { Lane } from '../feature.js'
import type { FrameOf } from '../protocol/frames.js'
import type { Seat } from './decide.js'
import type { Writer } from './writer.js'

/** What rooms know of an open connection. */
export interface Link {
  readonly sid: string
  /** Names the client: user and cid. */
  readonly client: string
  readonly cid: string
  readonly user: string
  readonly app: string
  readonly platform: string | undefined
  readonly gen: number
  readonly writer: Writer
  claims: unknown
  open: boolean
  /** Actions that wait in rooms for their decision. */
  waiting: number
}

/**
 * `waiting`: its join is not answered yet. `live`: gets everything. `paused`: was or will be told a gap, gets no event until
 * it joins again. `gone`: left, replaced or refused. `out`: must join again before anything of it is taken.
 */
export type SeatState = 'waiting' | 'live' | 'paused' | 'gone' | 'out'

export interface RoomSeat extends Seat {
  readonly link: Link
  readonly join: FrameOf<'join'>
  /** Marks and answers only: no events, no presence. */
  readonly only: boolean
  state: SeatState
  /** Its presence data, until its entry is made. */
  presence: unknown
  marksEpoch: string | null
  broken: ReadonlySet<Lane>
  isVoid: boolean
}

export function createSeat(link: Link, join: FrameOf<'join'>): RoomSeat {
  return {
    link,
    client: link.client,
    cid: link.cid,
    user: link.user,
    gen: link.gen,
    join,
    only: join.only === true,
    state: 'waiting',
    presence: join.presence,
    marksEpoch: null,
    broken: new Set(),
    isVoid: false
  }
}
