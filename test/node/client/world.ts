// Whole clients and a whole server with one feature that has an event of every delivery class.

import { defineFeature, durable, latest, ttl, volatile } from '../../../src/feature.js'
import { json, object, string } from '../../../src/schema.js'
import type { Hub, HubOptions } from '../../../src/server/hub.js'
import { createSeededRandom, type VirtualClock } from '../../../src/testing/clock.js'
import type { Device, Tab } from '../../../src/testing/device.js'
import { createWorld as createTestWorld } from '../../../src/testing/world.js'

export interface BoardState {
  readonly notes: readonly string[]
  readonly title: string
  readonly cursors: Readonly<Record<string, string>>
}

/** One event of every delivery class. */
export let board = defineFeature({
  name: 'board',
  version: 1,
  events: {
    note: durable(object({ text: string({ max: 100_000 }) })),
    urgent: durable(object({ text: string() }), { lane: 'critical' }),
    flash: ttl(10, object({ text: string() })),
    title: latest(object({ text: string() })),
    any: durable(json()),
    cursor: volatile(object({ at: string() }), { seconds: 5 })
  },
  initial: { notes: [], title: '', cursors: {} } as BoardState,
  reduce: {
    note: (state, { text }) => ({ ...state, notes: [...state.notes, text] }),
    urgent: (state, { text }) => ({ ...state, notes: [...state.notes, `!${text}`] }),
    flash: (state, { text }) => ({ ...state, notes: [...state.notes, `*${text}`] }),
    title: (state, { text }) => ({ ...state, title: text }),
    any: state => state,
    cursor: (state, { at }, { actor }) => ({ ...state, cursors: { ...state.cursors, [actor]: at } })
  },
  commands: {
    note: (_, text: string) => ({ type: 'note', data: { text } }),
    urgent: (_, text: string) => ({ type: 'urgent', data: { text } }),
    flash: (_, text: string) => ({ type: 'flash', data: { text } }),
    setTitle: (_, text: string) => ({ type: 'title', data: { text } }),
    any: (_, value: unknown) => ({ type: 'any', data: value }),
    moveCursor: (_, at: string) => ({ type: 'cursor', data: { at } }),
    noteOnce: ({ state }, text: string) => (state.notes.includes(text) ? null : { type: 'note', data: { text } })
  }
})

export type { Device, Network, Surroundings, Tab } from '../../../src/testing/index.js'

export interface World {
  readonly clock: VirtualClock
  readonly hub: Hub
  readonly device: (seed?: number) => Device
  /** The confirmed notes of a room. */
  notes(room?: string): Promise<readonly string[]>
  /** Restarts the server over another storage: a new life of every log. */
  restart(options?: Partial<HubOptions>): Promise<void>
}

export function createWorld(options: Partial<HubOptions> = {}): World {
  let world = createTestWorld({ features: [board], server: { random: createSeededRandom(99, 's'), ...options } })
  return {
    clock: world.clock,
    get hub() {
      return world.server.hub
    },
    device: world.device,
    async notes(room = 'r') {
      return (await world.server.hub.room(room).state(board)).notes
    },
    restart: hub => world.server.restart({ lose: 'all', ...(hub ? { hub } : {}) })
  }
}

/** Enters a room and uses the board there. */
export function useBoard(tab: Tab, room = 'r') {
  let entered = tab.client.room(room)
  let handle = entered.use(board)
  return {
    room: entered,
    ...handle,
    notes: () => handle.$state.get().notes,
    status: () => entered.$status.get()
  }
}
