// What there was in a period, to read and to keep.

import { reports } from 'realtime-stores/features/reports'
import { OPERATIONS_ROOM } from 'realtime-stores/features/system'
import { h, keyed, watch, when } from '../dom.js'

export let title = 'Reports'
export let isForAdmins = true

let HOUR = 3_600_000

export function mount(body, { client }) {
  let { $state, requestReport } = client.room(OPERATIONS_ROOM).use(reports)
  let period = h(
    'select',
    { 'aria-label': 'Period' },
    ...Object.entries({ 1: 'the last hour', 24: 'the last day', 168: 'the last week' }).map(([value, words]) =>
      h('option', { value }, words)
    )
  )
  let ask = h(
    'button',
    { type: 'button', onclick: () => requestReport(Date.now() - period.value * HOUR, Date.now()) },
    'Make a report'
  )
  let list = h('div', { class: 'reports' })
  body.append(h('p', { class: 'buttons' }, 'Of ', period, ask), list)
  let show = keyed(list, ({ id, by, from, to }) => {
    let content = h('pre', { tabindex: '0', role: 'region', 'aria-label': 'Report' }, 'The server is writing it …')
    let links = h('p', { class: 'buttons' })
    let node = h(
      'details',
      { 'data-report': id },
      h('summary', {}, `From ${when(from)} to ${when(to)}, for ${by}`),
      content,
      links
    )
    let isDone = false
    return {
      node,
      update({ report, text }) {
        if (isDone || report === null) return
        isDone = true
        content.textContent = text
        links.append(
          download(text, 'text/plain', 'report.txt'),
          download(JSON.stringify(report, null, 2), 'application/json', 'report.json')
        )
      }
    }
  })
  watch($state, ({ reports }) => show([...reports].reverse()))
}

function download(content, type, name) {
  return h('a', { href: URL.createObjectURL(new Blob([content], { type })), download: name }, `Download ${name}`)
}
