// What page and server agree on: the kinds of tasks there are, and where the companion lives.

import { integer, number, object } from 'realtime-stores'
import { tasksOf } from 'realtime-stores/features/tasks'

export let COMPANION = 'companion'

let level = number({ min: 0, max: 1 })

export let dreams = tasksOf({
  'dream-cycle': object({ nights: integer({ min: 1, max: 5 }), moods: object({ calm: level, curiosity: level }) })
})
