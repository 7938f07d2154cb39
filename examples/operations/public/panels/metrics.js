// What the server measures: choose what to see, and only that travels.

import { inWords } from 'realtime-stores/features/reports'
import { createMetricsKit } from 'realtime-stores/kits/metrics'
import { createChart } from '../chart.js'
import { h, keyed, text, watch, when } from '../dom.js'

export let title = 'Metrics'
export let isForAdmins = true

let RESOLUTIONS = { live: '5 minutes', minutes: '3 hours', hours: '7 days', days: '90 days' }
let FIRST = ['cpu', 'memory', 'loop-delay']

export function mount(body, { client }) {
  let kit = createMetricsKit(client)
  globalThis.operations.metrics = kit
  let isChosen = false
  let health = h('p', { class: 'note' })
  let choices = h('div', { class: 'choices' })
  let cards = h('div', { class: 'cards' })
  let fieldset = h('fieldset', {}, h('legend', {}, 'Show'), choices)
  body.append(health, fieldset, cards)

  let showChoices = keyed(
    choices,
    ({ name, label }) => {
      let box = h('input', {
        type: 'checkbox',
        name,
        onchange: () => (box.checked ? kit.subscribe(name) : kit.unsubscribe(name))
      })
      let node = h('label', {}, box, ` ${label}`)
      return { node, update: () => (box.checked = kit.$subscribed.get().includes(name)) }
    },
    ({ name }) => name
  )
  let showCards = keyed(
    cards,
    info => card(info, kit.subscribe(info.name)),
    ({ name }) => name
  )

  function render() {
    let { metrics, status, pid, startedAt, runtime } = kit.system.$state.get()
    text(
      health,
      pid === null ? 'Nothing is known yet.' : `${runtime}, process ${pid}, ${status} since ${when(startedAt)}`
    )
    if (!isChosen && metrics.length > 0) {
      isChosen = true
      for (let name of FIRST) if (metrics.some(metric => metric.name === name)) kit.subscribe(name)
    }
    let subscribed = kit.$subscribed.get()
    showChoices(metrics)
    showCards(metrics.filter(({ name }) => subscribed.includes(name)))
  }
  watch(kit.system.$state, render)
  watch(kit.$subscribed, render)
}

/** One metric: its newest value, its chart, and the same as a table. */
function card({ name, label, unit }, $view) {
  let words = value => inWords(value, unit)
  let now = h('output', { class: 'now', 'data-metric': name })
  let select = h(
    'select',
    { 'aria-label': `Period of ${label}`, onchange: () => render($view.get()) },
    ...Object.entries(RESOLUTIONS).map(([value, words]) => h('option', { value }, words))
  )
  let rows = h('tbody')
  let table = h(
    'details',
    { ontoggle: () => render($view.get()) },
    h('summary', {}, `${label} as a table`),
    h(
      'div',
      { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': `${label}, values` },
      h(
        'table',
        {},
        h(
          'thead',
          {},
          h('tr', {}, ...['Time', 'Mean', 'Smallest', 'Largest'].map(word => h('th', { scope: 'col' }, word)))
        ),
        rows
      )
    )
  )
  let node = h('article', { class: 'card' }, h('header', {}, h('h3', {}, label), now, select), table)
  let chart = createChart(node, { label, words })

  function render({ last, live, series }) {
    text(now, last ? words(last.value) : '–')
    now.dataset.value = last?.value ?? ''
    let all =
      select.value === 'live'
        ? live.map(({ at, value }) => [at / 1000, value])
        : series[select.value].map(([at, count, min, max, sum]) => [at / 1000, sum / count, min, max])
    chart.show(all)
    if (!table.open) return
    rows.replaceChildren(
      ...all
        .slice(-30)
        .reverse()
        .map(([at, mean, min = mean, max = mean]) =>
          h('tr', {}, h('td', {}, when(at * 1000)), ...[mean, min, max].map(value => h('td', {}, words(value))))
        )
    )
  }
  let stop = watch($view, render)
  return {
    node,
    close() {
      stop()
      chart.close()
    }
  }
}
