// What happened: the log of system events, and how many of them nobody has looked at.

import { button, emptyNote, line } from '../controls.js'
import { h, keyed, show, watch } from '../dom.js'
import { panel } from '../panel.js'
import { clockTime, nameOf, plural, spoken } from '../words.js'

const SHOWN = 30

export function eventsPanel(client) {
  let { service, stores, run } = client
  let list = h('ol', { class: 'log', tabindex: 0, 'aria-label': `${client.name}’s events, newest first` })
  let showItems = keyed(list, ({ type, detail, at }) => ({
    node: h(
      'li',
      {},
      h('time', {}, clockTime(at)),
      ' ',
      h('b', {}, spoken(type)),
      ' ',
      h('span', { class: 'about' }, tell(detail))
    )
  }))
  let empty = emptyNote('Nothing happened yet.')
  let view = panel(
    client,
    { name: 'events', title: 'Events' },
    h(
      'div',
      { class: 'row' },
      button('Mark as seen', () => run('Events', () => service.markEventsSeen()), 'small'),
      button('Clear', () => run('Events', () => service.clearEvents()), 'small')
    ),
    empty,
    list,
    line({
      label: 'An event of one’s own',
      placeholder: 'doorbell',
      action: 'Emit',
      max: 100,
      send: type => run('Event', () => service.emitEvent(type, 'by hand'))
    })
  )
  watch(stores.events, ({ log, unseenCount }) => {
    showItems(log.slice(-SHOWN).reverse())
    show(empty, log.length === 0)
    show(list, log.length > 0)
    view.badge(unseenCount, 'not seen yet')
    view.digest(
      log.length === 0 ? '' : `${plural(log.length, 'event')}, last: ${spoken(log.at(-1).type).toLowerCase()}`
    )
  })
  return view.node
}

/** What an event carries, in short. */
function tell(detail) {
  if (detail === null || detail === undefined) return ''
  if (typeof detail !== 'object') return String(detail)
  if (detail.error) return detail.error.message
  return Object.entries(detail)
    .map(([key, value]) => `${key} ${key === 'user' ? nameOf(value) : String(value)}`)
    .join(', ')
    .slice(0, 160)
}
