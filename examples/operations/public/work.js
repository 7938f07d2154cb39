// Something for the server to do, so that there is something to see: how much of its time each piece costs is in the event.

import { defineFeature, durable, integer, object } from 'realtime-stores'

export let work = defineFeature({
  name: 'work',
  version: 1,
  events: { done: durable(object({ ms: integer({ min: 1, max: 100 }) })) },
  initial: { count: 0, ms: 0 },
  reduce: { done: ({ count, ms: before }, { ms }) => ({ count: count + 1, ms: before + ms }) },
  commands: { doWork: (_, ms) => ({ type: 'done', data: { ms } }) }
})
