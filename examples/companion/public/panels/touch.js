// Touch over a distance: patterns that vibrate the devices of the room, and a picture of them for devices without a motor.

import { render as renderPattern } from '/bundle/realtime-stores.js'
import { button, choices, facts, field, slider, toggle } from '../controls.js'
import { attribute, h, keyed, svg, text, watch } from '../dom.js'
import { panel } from '../panel.js'
import { ago, nameOf, spoken } from '../words.js'

const PREVIEW_MS = 4000
const SKIPPED = {
  unsupported: 'this browser cannot vibrate',
  disabled: 'switched off here',
  'reduced-motion': 'you asked for less motion',
  'no-activation': 'touch the page first',
  refused: 'the browser refused',
  'other-tab': 'another tab plays it',
  'too-late': 'it came too late',
  'queue-full': 'too many are waiting',
  silent: 'its intensity is 0',
  'unknown-pattern': 'the pattern is not known here'
}

export function touchPanel(client) {
  let { service, stores, run } = client
  let own = new Map()
  let chosen = 'heartbeat'
  let target = 'room'
  let patterns = h('div', {})
  let preview = svg('svg', { class: 'preview', viewBox: '0 0 400 26', role: 'img', preserveAspectRatio: 'none' })
  let intensity = slider({
    label: 'Intensity',
    min: 0,
    max: 100,
    value: 75,
    say: value => `${value} %`,
    oninput: drawPreview
  })
  let duration = slider({
    label: 'Duration',
    min: 200,
    max: 8000,
    step: 100,
    value: 3000,
    say: value => `${(value / 1000).toFixed(1)} s`,
    oninput: drawPreview
  })
  let targets = choices({
    legend: 'For',
    options: [
      { id: 'room', label: 'Everybody' },
      { id: 'self', label: 'Only me' }
    ],
    choose(id) {
      target = id
      targets.mark(id)
    }
  })
  targets.mark(target)
  let enabled = toggle('Vibrate here', on => run('Vibration', () => service.setHapticEnabled(on)))
  let state = facts({ now: 'Now', last: 'Last one', queue: 'Waiting' })
  let history = h('ul', { class: 'log' })
  let showHistory = keyed(history, ({ by, pattern, intensity, duration, at }) => {
    let outcome = h('span', { class: 'about' })
    let node = h(
      'li',
      {},
      `${nameOf(by)}: ${spoken(pattern)}, ${intensity} %, ${(duration / 1000).toFixed(1)} s `,
      outcome
    )
    return {
      node,
      update: item => text(outcome, `${ago(at)}${item.outcome ? `, ${SKIPPED[item.outcome] ?? item.outcome}` : ''}`)
    }
  })

  let name = h('input', { type: 'text', maxlength: 32, required: true, placeholder: 'morse', autocomplete: 'off' })
  let steps = h('input', {
    type: 'text',
    required: true,
    placeholder: '200, 100, 200',
    inputmode: 'numeric',
    autocomplete: 'off'
  })
  let definition = h(
    'form',
    { class: 'line', onsubmit: define },
    field('Own pattern', name),
    field('On, off, … in ms', steps),
    h('button', { class: 'button' }, 'Define')
  )

  let view = panel(
    client,
    { name: 'touch', title: 'Touch' },
    patterns,
    preview,
    h('div', { class: 'sliders' }, intensity.node, duration.node),
    h('div', { class: 'row spread' }, targets.node, enabled.node),
    h(
      'div',
      { class: 'row' },
      button(
        'Send the touch',
        () => run('Touch', () => service.triggerHaptic(chosen, intensity.value(), duration.value(), { target })),
        'primary'
      ),
      button('Stop', () => run('Stop', () => service.stopHaptic()))
    ),
    state.node,
    definition,
    h('details', { class: 'inner' }, h('summary', {}, 'What was sent'), history)
  )

  let shown = ''
  let picker
  function showPatterns(names) {
    if (names.join() === shown) return
    shown = names.join()
    picker = choices({ legend: 'Pattern', options: names.map(id => ({ id, label: spoken(id) })), choose: pick })
    patterns.replaceChildren(picker.node)
    picker.mark(chosen)
  }
  function pick(id) {
    chosen = id
    picker.mark(id)
    drawPreview()
  }

  function define(event) {
    event.preventDefault()
    let id = name.value.trim()
    let times = steps.value
      .split(/[\s,]+/)
      .filter(Boolean)
      .map(Number)
    let defined = false
    run('Own pattern', () => {
      service.definePattern(id, times)
      defined = true
    })
    if (!defined) return
    own.set(id, times)
    definition.reset()
    pick(id)
  }

  /** The on-times of the motor, as far as four seconds go. */
  function drawPreview() {
    let list = renderPattern(own.get(chosen) ?? chosen, intensity.value(), Math.min(PREVIEW_MS, duration.value()))
    let at = 0
    preview.replaceChildren(
      ...list.flatMap((ms, i) => {
        let x = (at / PREVIEW_MS) * 400
        at += ms
        return i % 2 === 0
          ? [svg('rect', { x, y: 3, width: Math.max(1.5, (ms / PREVIEW_MS) * 400), height: 20, rx: 2 })]
          : []
      })
    )
    let on = list.filter((_, i) => i % 2 === 0).reduce((sum, ms) => sum + ms, 0)
    attribute(
      preview,
      'aria-label',
      `${spoken(chosen)}: the motor is on ${list.length === 0 ? 0 : Math.ceil(list.length / 2)} times, for ${(on / 1000).toFixed(1)} seconds together`
    )
  }

  watch(
    stores.haptic,
    ({ patterns, enabled: isOn, supported, isActive, currentPattern, intensity, queue, lastSkipped, history }) => {
      showPatterns(patterns)
      enabled.set(isOn)
      state.set({
        now: isActive
          ? `${spoken(currentPattern)} at ${intensity} %`
          : supported
            ? 'Still'
            : 'Still. This browser cannot vibrate.',
        last:
          lastSkipped === null ? (history.length === 0 ? 'None yet' : 'Played') : `Not played: ${SKIPPED[lastSkipped]}`,
        queue: queue.length === 0 ? 'Nothing' : queue.map(({ pattern }) => pattern).join(', ')
      })
      showHistory(history.slice(-10).reverse())
      view.digest(isActive ? spoken(currentPattern) : '')
    }
  )
  drawPreview()
  return view.node
}
