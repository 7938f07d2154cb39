// What the benchmarks send: the smallest feature with a schema, a reducer and a state.

import { defineFeature, durable, integer, object } from '../dist/index.js'

export let ticks = defineFeature({
  name: 'ticks',
  version: 1,
  events: { tick: durable(object({ value: integer() })) },
  initial: { count: 0, value: 0 },
  reduce: { tick: ({ count }, { value }) => ({ count: count + 1, value }) },
  commands: { tick: (_, value) => ({ type: 'tick', data: { value } }) }
})
