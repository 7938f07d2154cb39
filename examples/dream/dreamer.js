// A dream: for each night, oscillators that find a common rhythm. Runs in a thread; every night is a checkpoint.

import { setTimeout as pause } from 'node:timers/promises'
import { workerTask } from 'realtime-stores/handlers/worker-thread'

let STEPS = 30
let STAGES = ['falling asleep', 'light sleep', 'deep sleep', 'dreaming', 'waking up']
let IMAGES = [
  'a lake without a shore',
  'a house with one more room',
  'a train that is late',
  'a letter in the snow',
  'a stair'
]

workerTask(async ({ nights, moods }, { previous, progress, partial, checkpoint }) => {
  let { night, phases } = previous ?? { night: 0, phases: IMAGES.map((_, i) => i * 1.3) }
  let coherence = coherenceOf(phases)
  for (; night < nights; night++) {
    for (let step = 0; step < STEPS; step++) {
      phases = advance(phases, moods)
      let stage = STAGES[Math.floor((step / STEPS) * STAGES.length)]
      progress((night + step / STEPS) / nights, `night ${night + 1}: ${stage}`)
      await pause(40)
    }
    coherence = coherenceOf(phases)
    progress((night + 1) / nights, `night ${night + 1} is over`)
    await partial({ night: night + 1, image: IMAGES[night % IMAGES.length], coherence })
    await checkpoint({ night: night + 1, phases })
  }
  return { nights, coherence }
})

/** Kuramoto's model: each is drawn towards the others, the more the calmer the dreamer is. */
function advance(phases, { calm, curiosity }) {
  return phases.map((phase, i) => {
    let pull = phases.reduce((sum, other) => sum + Math.sin(other - phase), 0) / phases.length
    return phase + 0.05 * ((i - 2) * 0.2 * curiosity + 2 * calm * pull)
  })
}

/** From 0, all apart, to 1, all together. */
function coherenceOf(phases) {
  let x = phases.reduce((sum, phase) => sum + Math.cos(phase), 0) / phases.length
  let y = phases.reduce((sum, phase) => sum + Math.sin(phase), 0) / phases.length
  return Math.round(Math.min(1, Math.hypot(x, y)) * 1000) / 1000
}
