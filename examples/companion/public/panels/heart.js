// Heart rate, stress and energy, live: from a recording, from a sensor, or by hand. And how far two hearts move together.

import { heartChart } from '../chart.js'
import { button, slider } from '../controls.js'
import { h, keyed, show, text, tick, watch } from '../dom.js'
import { panel } from '../panel.js'
import { nameOf } from '../words.js'

/** By hand, a sample at most this often. */
const PACE = 250

export function heartPanel(client) {
  let { service, stores, run, user } = client
  let rate = h('strong', { class: 'rate' }, '–')
  let sync = h('strong', { class: 'rate sync' }, '–')
  let levels = h('p', { class: 'levels' })
  let state = h('p', { class: 'hint' })
  let chart = heartChart()
  let legend = h('ul', { class: 'legend' })
  let showLegend = keyed(legend, ({ id, name }) => {
    let value = h('b')
    let node = h('li', { class: id }, `${name} `, value)
    return { node, update: ({ words }) => text(value, words) }
  })

  let play = button(
    'Play the recording',
    () => run('Recording', () => service.startBiometricMonitoring(recording(user))),
    'primary'
  )
  let sensor = button('Heart-rate sensor', () => run('Sensor', () => service.startBiometricMonitoring('bluetooth')))
  let stop = button('Stop', () => run('Stop', () => service.stopBiometricMonitoring()))

  let byHand = paced(sample =>
    run('Sample', () => {
      let { isMonitoring, source } = stores.biometric.get()
      if (!isMonitoring || source !== 'manual') service.startBiometricMonitoring('manual')
      return service.sendBiometric(sample)
    })
  )
  let own = {
    heartRate: slider({
      label: 'Heart rate',
      min: 40,
      max: 180,
      value: 72,
      say: value => `${value} bpm`,
      oninput: heartRate => byHand({ heartRate })
    }),
    stressLevel: slider({
      label: 'Stress',
      min: 0,
      max: 100,
      value: 30,
      oninput: stressLevel => byHand({ stressLevel })
    }),
    energyLevel: slider({
      label: 'Energy',
      min: 0,
      max: 100,
      value: 60,
      oninput: energyLevel => byHand({ energyLevel })
    })
  }

  let view = panel(
    client,
    { name: 'heart', title: 'Heart', open: true },
    h(
      'div',
      { class: 'pair numbers' },
      h('p', {}, rate, h('span', {}, 'beats a minute')),
      h('p', {}, sync, h('span', {}, 'romantic sync'))
    ),
    chart.node,
    legend,
    levels,
    h('div', { class: 'row' }, play, sensor, stop),
    state,
    h(
      'fieldset',
      { class: 'sliders' },
      h('legend', {}, 'By hand'),
      own.heartRate.node,
      own.stressLevel.node,
      own.energyLevel.node
    )
  )

  function render() {
    let bio = stores.biometric.get()
    let others = Object.entries(bio.members).filter(([id]) => id !== user)
    let lines = [
      { id: user, name: nameOf(user), ...bio.self },
      ...others.map(([id, member]) => ({ id, name: nameOf(id), ...member }))
    ]
    text(rate, bio.heartRate === null ? '–' : Math.round(bio.heartRate))
    text(sync, bio.romanticSync ?? '–')
    chart.draw(lines, Date.now() + stores.connection.get().serverTimeOffsetMs)
    showLegend(
      lines
        .filter(({ heartRate }) => heartRate !== null)
        .map(line => ({ ...line, words: `${Math.round(line.heartRate)}${line.stale ? ', not measured now' : ''}` }))
    )
    text(
      levels,
      bio.stressLevel === null && bio.energyLevel === null
        ? ''
        : `Stress ${bio.stressLevel ?? '–'}, energy ${bio.energyLevel ?? '–'}`
    )
    show(stop, bio.isMonitoring)
    show(sensor, bio.supported.bluetooth)
    text(state, stateOf(bio))
    for (let name of Object.keys(own)) if (bio[name] !== null) own[name].follow(Math.round(bio[name]))
    view.digest(
      bio.heartRate === null || bio.stale
        ? ''
        : `${Math.round(bio.heartRate)} bpm${bio.romanticSync === null ? '' : `, sync ${bio.romanticSync}`}`
    )
  }
  watch(stores.biometric, render)
  tick(() => stores.biometric.get().isMonitoring && render())
  return view.node
}

function stateOf({ isMonitoring, source, stale, lastError, romanticSync, supported }) {
  if (lastError) return `Not measuring: ${lastError}.`
  if (!isMonitoring)
    return supported.bluetooth
      ? 'Nothing is measured.'
      : 'Nothing is measured. This browser knows no heart-rate sensors.'
  let from = source === 'manual' ? 'set by hand' : `from the ${source}`
  return `Measuring, ${from}${stale ? ', but nothing comes in' : ''}.${romanticSync === null ? ' Sync needs 20 seconds of two hearts.' : ''}`
}

/** The two were recorded on the same walk: played by the clock, they are at the same place of it. */
function recording(user) {
  return {
    name: 'recording',
    async stream(emit) {
      let { beatsPerMinute, stress, energy } = await load()
      let rates = beatsPerMinute[user]
      let play = () => {
        let i = Math.floor(Date.now() / 1000) % rates.length
        emit({ heartRate: rates[i], ...(i % 10 === 0 && { stressLevel: stress[user], energyLevel: energy[user] }) })
      }
      play()
      let timer = setInterval(play, 1000)
      return () => clearInterval(timer)
    }
  }
}

let loaded
function load() {
  loaded ??= fetch('/heart-rate.json').then(response => response.json())
  return loaded
}

/** Lets the first call through at once and then the newest, with a pause in between. */
function paced(call) {
  let waiting = null
  let held = null
  return value => {
    held = { ...held, ...value }
    if (waiting) return
    let send = () => {
      waiting = null
      if (!held) return
      let now = held
      held = null
      call(now)
      waiting = setTimeout(send, PACE)
    }
    send()
  }
}
