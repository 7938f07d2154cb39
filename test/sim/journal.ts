// What the simulated people do: every action leaves its id in the state, so that a loss, a double and a wrong order are seen
// directly. Two features, so that a snapshot has parts.

import { type AnyFeature, defineFeature, durable, latest, ttl } from '../../src/feature.js'
import { object, string } from '../../src/schema.js'

export interface JournalState {
  /** Ids of everything that took effect, in order. */
  readonly applied: readonly string[]
}

/** Seconds after which a `flash` is worth nothing. */
export const FLASH_SECONDS = 8

const word = object({ text: string() })
const add = ({ applied }: JournalState, _data: unknown, { id }: { id: string }): JournalState => ({
  applied: [...applied, id]
})

function journal<const N extends string>(name: N) {
  return defineFeature({
    name,
    version: 1,
    events: {
      note: durable(word),
      urgent: durable(word, { lane: 'critical' }),
      flash: ttl(FLASH_SECONDS, word),
      title: latest(word, { key: ({ text }) => text })
    },
    initial: { applied: [] } as JournalState,
    reduce: { note: add, urgent: add, flash: add, title: add },
    commands: {
      note: (_, text: string) => ({ type: 'note', data: { text } }),
      urgent: (_, text: string) => ({ type: 'urgent', data: { text } }),
      flash: (_, text: string) => ({ type: 'flash', data: { text } }),
      title: (_, text: string) => ({ type: 'title', data: { text } })
    }
  })
}

export let journals = [journal('left'), journal('right')] as const
export let features: readonly AnyFeature[] = journals

/** An action with this text is refused for good. */
export const BAD = 'bad'
