// One device of one person. In earnest each is a machine of its own; here `?device=` gives each its own storage and socket.

import { createRealtime } from 'realtime-stores'
import { convergence } from 'realtime-stores/features/convergence'
import { limbic } from 'realtime-stores/features/limbic'
import { posture } from 'realtime-stores/features/posture'
import { COMPANION, dreams } from './dreams.js'
import { createNetwork } from './network.js'
import { taskList } from './tasks.js'

let POSTURES = {
  neutral: {},
  listening: { pace: 0.4, lights: 'warm' },
  resting: { pace: 0.1, lights: 'dim' },
  alert: { pace: 0.9, lights: 'bright' }
}

let query = new URLSearchParams(location.search)
let device = query.get('device') === 'mobile' ? 'mobile' : 'desktop'
let user = query.get('user') ?? 'ada'
let $ = id => document.getElementById(id)

let network = createNetwork()
let client = createRealtime({
  url: `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/realtime`,
  app: `dream-${device}`,
  user,
  platform: device,
  webSocket: network.WebSocket,
  transports: ['websocket']
})
let companion = client.room(COMPANION)
let feelings = companion.use(limbic)
let stance = companion.use(posture)
let coming = companion.use(convergence)
let dreaming = client.room(`user:${user}`).use(dreams)

/** Runs a command. What was refused stands in `rejected`; what the call itself says is shown here. */
function run(command) {
  try {
    command().acked.catch(() => {})
    $('dream-said').textContent = ''
  } catch (error) {
    $('dream-said').textContent = error.message
  }
}

// --- the connection ---

$('name').textContent = device === 'mobile' ? 'Phone' : 'Desktop'
$('network').addEventListener('change', ({ target }) => {
  network.turn(target.checked)
  client.probe()
})
client.$connection.subscribe(({ phase, pending }) => {
  $('connection').textContent = phase
  $('connection').dataset.phase = phase
  $('waiting').textContent = pending.count > 0 ? `${pending.count} waiting` : ''
})
client.rejected.subscribe(rows => {
  $('notices').replaceChildren(
    ...rows.map(({ row, code }) => {
      let node = document.createElement('p')
      let button = document.createElement('button')
      button.type = 'button'
      button.textContent = 'Good to know'
      button.addEventListener('click', () => client.rejected.discard(row.id))
      node.append(code === 'stale' ? 'Another device was faster; yours was taken back. ' : `Refused: ${code}. `, button)
      return node
    })
  )
})

// --- feelings ---

for (let name of Object.keys(limbic.initial.values)) {
  let label = Object.assign(document.createElement('label'), { htmlFor: `limbic-${name}`, textContent: name })
  let input = Object.assign(document.createElement('input'), {
    id: `limbic-${name}`,
    type: 'range',
    min: 0,
    max: 1,
    step: 0.01
  })
  let output = Object.assign(document.createElement('output'), { htmlFor: input.id })
  input.addEventListener('input', () => run(() => feelings.patch({ [name]: input.valueAsNumber })))
  $('limbic').append(label, input, output)
  feelings.$state.subscribe(({ values }) => {
    if (input.valueAsNumber !== values[name]) input.value = values[name]
    output.textContent = values[name].toFixed(2)
  })
}

// --- posture ---

for (let [name, settings] of Object.entries(POSTURES)) {
  let button = Object.assign(document.createElement('button'), { type: 'button', textContent: name })
  button.addEventListener('click', () => run(() => stance.switchPosture(name, settings)))
  $('postures').append(button)
  stance.$state.subscribe(({ current }) => button.setAttribute('aria-pressed', String(current.name === name)))
}
stance.$state.subscribe(({ current, turn }) => {
  let settings = Object.entries(current.settings).map(([name, value]) => `${name} ${value}`)
  $('posture-now').textContent = `${current.name}${settings.length ? `: ${settings.join(', ')}` : ''} (switch ${turn})`
})

// --- convergence ---

let slider = $('convergence-progress')
slider.addEventListener('input', () =>
  run(() => coming.patch({ progress: slider.valueAsNumber, confidence: 0.5, phase: 'set by hand' }))
)
coming.$state.subscribe(({ values: { progress, phase, confidence } }) => {
  $('convergence-bar').value = progress
  if (slider.valueAsNumber !== progress) slider.value = progress
  $('convergence-value').textContent = progress.toFixed(2)
  $('convergence-phase').textContent = `${phase}, ${Math.round(confidence * 100)} % sure`
})

// --- dreams ---

$('dream').addEventListener('submit', event => {
  event.preventDefault()
  let { calm, curiosity } = feelings.$state.get().values
  let input = { nights: $('nights').valueAsNumber, moods: { calm, curiosity } }
  let priority = $('urgent').checked ? 'urgent' : 'normal'
  run(() => dreaming.startTask('dream-cycle', input, { priority }))
})
dreaming.$state.subscribe(
  taskList($('tasks'), {
    cancel: id => run(() => dreaming.cancelTask(id)),
    clear: id => run(() => dreaming.clearTask(id))
  })
)

client.connect()
