// The server of the dream: shared state, and a dream cycle in a thread of its own that goes on when this process is killed.

import { convergence } from 'realtime-stores/features/convergence'
import { limbic } from 'realtime-stores/features/limbic'
import { posture } from 'realtime-stores/features/posture'
import { taskJournal } from 'realtime-stores/features/task-journal'
import { createTaskRunner } from 'realtime-stores/handlers/tasks'
import { inWorker } from 'realtime-stores/handlers/worker-thread'
import { COMPANION, dreams } from './public/dreams.js'

export let features = [limbic, convergence, posture, dreams, taskJournal]

export let hints = [
  'Move a slider on one device and watch the other; cut one off, move both, and plug it in again.',
  'Start a dream, reload the page, or kill this process in the middle and start it again: the dream goes on.'
]

let dream = inWorker(new URL('./dreamer.js', import.meta.url))

export function start(hub) {
  let runner = createTaskRunner({
    hub,
    feature: dreams,
    concurrency: 2,
    tasks: {
      'dream-cycle': {
        async run(input, context) {
          let result = await dream(input, context)
          // What was dreamt changes the one who dreamt; done twice, it is done once.
          let change = { progress: result.coherence, confidence: 1, phase: 'dreamt' }
          let key = `dream:${context.id}`.slice(0, 60)
          await hub.room(COMPANION).push(convergence, 'patch', { fields: change }, { by: 'dream', key })
          return result
        }
      }
    }
  })
  return () => runner.close()
}
