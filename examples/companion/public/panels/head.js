// Who this is, how the connection is, and the cable.

import { toggle } from '../controls.js'
import { attribute, h, show, svg, text, tick, watch } from '../dom.js'
import { milliseconds } from '../words.js'

const PHASES = {
  idle: 'Not connected',
  connecting: 'Connecting …',
  authenticating: 'Saying hello …',
  online: 'Online',
  waiting: 'Offline',
  offline: 'Given up',
  closed: 'Disconnected'
}
const REASONS = {
  network: 'the line is dead',
  server: 'the server is gone',
  timeout: 'no answer came in time',
  suspended: 'this page was asleep',
  replaced: 'another tab took over',
  disconnected: 'as asked',
  closed: 'as asked'
}
const BARS = { none: 0, poor: 1, fair: 2, good: 3, excellent: 4 }

export function clientHead(client) {
  let { connection } = client.stores
  // Only the phase is read out; the numbers change too often for that.
  let phase = h('span', { class: 'phase', role: 'status' })
  let detail = h('span', { class: 'phase-detail' })
  let bars = [0, 1, 2, 3].map(i => svg('rect', { x: i * 6, y: 12 - i * 4, width: 4, height: 4 + i * 4, rx: 1.5 }))
  let quality = svg('svg', { class: 'bars', viewBox: '0 0 22 16', role: 'img' }, ...bars)
  let cable = toggle('Plugged in', on => {
    client.plug(on)
    cable.set(client.plugged)
    render(connection.get())
  })
  cable.set(client.plugged)
  let waiting = h('a', { class: 'waiting', href: `#${client.user}-outbox`, hidden: true })

  function render(link) {
    let reason = link.reason === 'none' ? '' : `: ${REASONS[link.reason] ?? link.reason}`
    text(phase, PHASES[link.phase] + (link.phase === 'online' ? '' : reason))
    text(detail, detailOf(link))
    attribute(phase, 'data-phase', link.phase)
    attribute(quality, 'aria-label', `Quality: ${link.quality}`)
    bars.forEach((bar, i) => {
      attribute(bar, 'class', i < BARS[link.quality] ? 'on' : null)
    })
    show(waiting, link.pending.count > 0)
    text(waiting, `${link.pending.count} waiting`)
  }
  watch(connection, render)
  tick(() => connection.get().nextAttemptAt !== null && render(connection.get()))

  return h(
    'header',
    { class: 'client-head' },
    h('span', { class: 'monogram', 'aria-hidden': 'true' }, client.name[0]),
    h(
      'div',
      { class: 'who' },
      h('div', { class: 'name' }, h('h2', { id: `${client.user}-name`, tabindex: -1 }, client.name), waiting),
      h('p', { class: 'link-state' }, quality, phase, detail)
    ),
    cable.node
  )
}

function detailOf({ phase, latencyMs, quality, nextAttemptAt }) {
  if (phase === 'online') return latencyMs === null ? quality : `${milliseconds(latencyMs)}, ${quality}`
  if (nextAttemptAt === null) return ''
  let seconds = Math.max(0, Math.ceil((nextAttemptAt - Date.now()) / 1000))
  return seconds === 0 ? 'next try now' : `next try in ${seconds} s`
}
