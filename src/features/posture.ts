// The posture that a companion has taken: one at a time, switched as a whole. Does not know which ones there are.

import { defineFeature, durable } from '../feature.js'
import { anyOf, boolean, integer, number, object, record, string } from '../schema.js'
import { appended } from './bounded.js'

/** Settings that one posture may have. */
export const MAX_POSTURE_SETTINGS = 32
/** Switches that are remembered; the oldest give way. */
export const MAX_POSTURE_SWITCHES = 20

export type PostureSetting = number | boolean | string

/** A posture: its name and everything that belongs to it. */
export interface Posture {
  /** 1 to 64 characters. */
  readonly name: string
  /** At most 32: finite numbers, true or false, texts of up to 200 characters. */
  readonly settings: Readonly<Record<string, PostureSetting>>
}

/** One switch that took place. */
export interface PostureSwitch {
  readonly from: string
  readonly to: string
  readonly by: string
  /** Milliseconds since 1970 by the server's clock. */
  readonly at: number
}

/** The posture as all members of the room see it. */
export interface PostureState {
  readonly current: Posture
  /** How many switches have led here: tells two stays in the same posture apart. */
  readonly turn: number
  /** Since when; `null` before the first switch. Milliseconds since 1970 by the server's clock. */
  readonly since: number | null
  readonly by: string | null
  /** At most 20, newest last. */
  readonly history: readonly PostureSwitch[]
}

const name = string({ min: 1, max: 64 })
const setting = anyOf(number(), boolean(), string({ max: 200 }))

/** Whether the posture is another by now than the one that was to be left. */
function isStale(state: PostureState, { from, turn }: { readonly from: string; readonly turn: number }): boolean {
  return from !== state.current.name || turn !== state.turn
}

/**
 * A posture with its settings, switched in one piece: nobody ever sees the name of one with the settings of another. A switch
 * that was decided in a posture that is no longer taken is refused as `stale`, so of two at the same time one holds.
 *
 * ```ts
 * await room.use(posture).switchPosture('resting', { pace: 0.2, lights: 'dim' })
 * ```
 */
export const posture = defineFeature({
  name: 'posture',
  version: 1,
  events: {
    switched: durable(
      object({
        from: name,
        turn: integer(),
        to: object({ name, settings: record(setting, { max: MAX_POSTURE_SETTINGS }) })
      }),
      { lane: 'high' }
    )
  },
  initial: {
    current: { name: 'neutral', settings: {} },
    turn: 0,
    since: null,
    by: null,
    history: []
  } as PostureState,
  reduce: {
    switched: (state, data, { actor, at }) => {
      if (isStale(state, data)) return state
      let { name, settings } = data.to
      let entry: PostureSwitch = { from: state.current.name, to: name, by: actor, at }
      return {
        current: { name, settings },
        turn: state.turn + 1,
        since: at,
        by: actor,
        history: appended(state.history, entry, MAX_POSTURE_SWITCHES)
      }
    }
  },
  refuse: { switched: (state, data) => (isStale(state, data) ? 'stale' : null) },
  commands: {
    /** Leaves the posture that is shown now for another, with all its settings; refused as `stale` when it was left meanwhile. */
    switchPosture: ({ state }, name: string, settings: Posture['settings'] = {}) => ({
      type: 'switched',
      data: { from: state.current.name, turn: state.turn, to: { name, settings } }
    })
  }
})
