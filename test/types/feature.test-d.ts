// What the types of features, rooms and schemas promise: calls that must compile, and calls that must not. Never run.

import type { ReadableAtom } from 'nanostores'
import type { Realtime } from '../../src/client.js'
import {
  defineFeature,
  durable,
  type Handle,
  latest,
  type Receipt,
  type StateOf,
  ttl,
  volatile
} from '../../src/feature.js'
import type { Room, RoomStatus } from '../../src/room.js'
import {
  array,
  boolean,
  type Infer,
  integer,
  nullable,
  number,
  object,
  oneOf,
  optional,
  record,
  type StandardSchema,
  string,
  tuple
} from '../../src/schema.js'

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
const same = <A, B>(_: Same<A, B>): void => {}

interface VotesState {
  readonly polls: Readonly<Record<string, Readonly<Record<string, string>>>>
}

const votes = defineFeature({
  name: 'votes',
  version: 1,
  events: {
    cast: durable(object({ poll: string(), choice: string() }), { lane: 'high' }),
    closed: ttl(10, object({ poll: string() })),
    title: latest(object({ text: string() }), { key: ({ text }) => text }),
    hover: volatile(object({ x: number() }), { seconds: 3, key: ({ x }) => String(x) })
  },
  initial: { polls: {} } as VotesState,
  reduce: {
    cast: ({ polls }, { poll, choice }, { actor, at, id }) => {
      same<typeof poll, string>(true)
      same<typeof at, number>(true)
      same<typeof id, string>(true)
      return { polls: { ...polls, [poll]: { ...polls[poll], [actor]: choice } } }
    },
    closed: state => state,
    title: state => state,
    hover: (state, { x }) => {
      same<typeof x, number>(true)
      return state
    }
  },
  commands: {
    castVote: (_, poll: string, choice: string) => ({ type: 'cast', data: { poll, choice } }),
    castOnce: ({ state, me, id }, poll: string) => {
      same<typeof me, string>(true)
      same<typeof id, string>(true)
      return state.polls[poll]?.[me] ? null : { type: 'cast', data: { poll, choice: 'yes' } }
    },
    hover: (_, x?: number) => ({ type: 'hover', data: { x: x ?? 0 } })
  },
  local: host => {
    same<typeof host.$state, ReadableAtom<VotesState>>(true)
    host.send({ type: 'cast', data: { poll: 'p', choice: 'c' } })
    // @ts-expect-error only events of this feature are sent
    host.send({ type: 'nothing', data: {} })
    // @ts-expect-error with data of their own shape
    host.send({ type: 'cast', data: { poll: 7, choice: 'c' } })
    host.onEvent(event => {
      if (event.type === 'hover') same<typeof event.data.x, number>(true)
      // @ts-expect-error there is no such event
      if (event.type === 'nothing') return
    })
    return { ping: (times: number): string => String(times), close: () => {} }
  }
})

declare const room: Room
declare const client: Realtime

export async function handles(): Promise<void> {
  let handle = room.use(votes)
  same<typeof handle.$state, ReadableAtom<VotesState>>(true)
  same<typeof handle.$status, ReadableAtom<RoomStatus>>(true)
  same<StateOf<typeof votes>, VotesState>(true)

  let receipt = handle.castVote('movie', 'Alien')
  same<typeof receipt, Receipt>(true)
  let maybe = handle.castOnce('movie')
  same<typeof maybe, Receipt | null>(true)
  handle.hover()
  handle.hover(7)
  same<ReturnType<typeof handle.ping>, string>(true)

  let { id, stage } = await receipt
  same<typeof id, string>(true)
  same<typeof stage, 'stored' | 'sent' | 'dropped'>(true)
  let nothing = await receipt.acked
  same<typeof nothing, void>(true)

  // @ts-expect-error the choice is missing
  handle.castVote('movie')
  // @ts-expect-error a choice is a text
  handle.castVote('movie', 7)
  // @ts-expect-error there is no such command
  handle.uncast('movie')
  // @ts-expect-error events are not commands
  handle.cast
  // @ts-expect-error closing is the room's
  handle.close()
  // @ts-expect-error a store of a handle is read only
  handle.$state.set({ polls: {} })
  // @ts-expect-error and so is its state
  handle.$state.get().polls.movie = {}
  // @ts-expect-error the handle itself is read only
  handle.castVote = () => receipt
  // @ts-expect-error a local command keeps its arguments
  handle.ping('7')
  // @ts-expect-error a room takes features
  room.use({ name: 'x' })
  // @ts-expect-error what may be null is looked at first
  await handle.castOnce('movie').acked

  let other: Handle<typeof votes> = handle
  other.castVote('a', 'b')
}

export function clients(): void {
  // @ts-expect-error details of an event have their own shape
  client.on('rejected', ({ nobody }) => nobody)
  client.on('rejected', ({ id, code }) => same<typeof id | typeof code, string>(true))
  client.on('anything of the app', detail => same<typeof detail, unknown>(true))
  // @ts-expect-error waiting actions are kept, waited for or deleted
  void client.disconnect({ pending: 'forget' })
  let [row] = client.pending.get()
  same<typeof row, import('../../src/core/rows.js').Row | undefined>(true)
  // @ts-expect-error rows are read
  client.pending.set([])
}

export function definitions(): void {
  defineFeature({
    name: 'x',
    version: 1,
    events: { a: durable(object({ n: number() })) },
    initial: 0,
    // @ts-expect-error every event has a reducer
    reduce: {},
    commands: {}
  })
  defineFeature({
    name: 'x',
    version: 1,
    events: { a: durable(object({ n: number() })) },
    initial: 0,
    // @ts-expect-error a reducer returns the state's type
    reduce: { a: () => 'text' },
    commands: {}
  })
  defineFeature({
    name: 'x',
    version: 1,
    events: { a: durable(object({ n: number() })) },
    initial: 0,
    // @ts-expect-error a reducer gets the data of its event
    reduce: { a: (state, { m }) => state + m },
    commands: {}
  })
  defineFeature({
    name: 'x',
    version: 1,
    events: { a: durable(object({ n: number() })) },
    initial: 0,
    reduce: { a: state => state },
    // @ts-expect-error a command names an event of the feature
    commands: { wrong: () => ({ type: 'b', data: { n: 1 } }) }
  })
  defineFeature({
    name: 'x',
    version: 1,
    events: { a: durable(object({ n: number() })) },
    initial: 0,
    reduce: { a: state => state },
    // @ts-expect-error with data of its shape
    commands: { wrong: () => ({ type: 'a', data: { n: 'x' } }) }
  })
  // @ts-expect-error there are four lanes
  durable(object({}), { lane: 'urgent' })
  // @ts-expect-error a key is made of the data
  latest(object({ a: string() }), { key: ({ b }) => b })
}

export function schemas(): void {
  let all = object({
    text: string(),
    count: integer(),
    flag: optional(boolean()),
    choice: oneOf('a', 'b'),
    none: nullable(number()),
    list: array(string()),
    map: record(integer()),
    pair: tuple(string(), number())
  })
  same<
    Infer<typeof all>,
    {
      readonly text: string
      readonly count: number
      readonly choice: 'a' | 'b'
      readonly none: number | null
      readonly list: readonly string[]
      readonly map: Readonly<Record<string, number>>
      readonly pair: readonly [string, number]
      readonly flag?: boolean | undefined
    }
  >(true)
  // Schemas of others are as good.
  let foreign = {} as StandardSchema<{ readonly a: 1 }>
  let feature = defineFeature({
    name: 'x',
    version: 1,
    events: { set: durable(foreign) },
    initial: 0 as number,
    reduce: { set: (_, { a }) => a },
    commands: { set: _ => ({ type: 'set', data: { a: 1 } }) }
  })
  let receipt = room.use(feature).set()
  same<typeof receipt, Receipt>(true)
}
