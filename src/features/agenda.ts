// A handler's own list of what is still to be done, so that it finds it again after a restart. Lives in rooms whose id starts
// with `server:`, which no client can enter; all of it is the server's word.

import { defineFeature, durable } from '../feature.js'
import { number, object, string } from '../schema.js'
import { entryOf, withEntry } from './bounded.js'

/** Entries kept in one room; the one that is due last gives way. */
export const MAX_AGENDA = 2000

export interface AgendaState {
  /** By the handler's own id: when it is due, in milliseconds since 1970. At most 2,000. */
  readonly entries: Readonly<Record<string, { readonly due: number }>>
}

const id = string({ min: 1, max: 256 })
const initial: AgendaState = { entries: {} }

/** What a handler must not forget. Taking up what is there changes when it is due; ending what is not there changes nothing. */
export const agenda = defineFeature({
  name: 'agenda',
  version: 1,
  events: {
    taken: durable(object({ id, due: number({ min: 0 }) }), { author: 'server' }),
    ended: durable(object({ id }), { author: 'server' })
  },
  initial,
  reduce: {
    taken: ({ entries }, { id, due }) => ({
      entries: withEntry(entries, id, { due }, MAX_AGENDA, entry => -entry.due)
    }),
    ended: (state, { id }) => {
      if (entryOf(state.entries, id) === undefined) return state
      let { [id]: _, ...entries } = state.entries
      return { entries }
    }
  },
  commands: {}
})
