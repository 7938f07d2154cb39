// How the server is used.

import { analytics, deliveryWithin } from 'realtime-stores/features/analytics'
import { OPERATIONS_ROOM } from 'realtime-stores/features/system'
import { h, keyed, text, watch, when } from '../dom.js'

export let title = 'Usage'
export let isForAdmins = true

export function mount(body, { client }) {
  let { $state } = client.room(OPERATIONS_ROOM).use(analytics)
  let facts = h('p', { class: 'note' })
  let delivery = h('p', { class: 'note' })
  let rows = h('tbody')
  let users = h('p', { class: 'note' })
  body.append(
    facts,
    delivery,
    h(
      'table',
      {},
      h('thead', {}, h('tr', {}, h('th', { scope: 'col' }, 'Event'), h('th', { scope: 'col' }, 'Count'))),
      rows
    ),
    users
  )
  let show = keyed(
    rows,
    ([type]) => {
      let count = h('td')
      let node = h('tr', { 'data-type': type }, h('td', {}, type), count)
      return { node, update: ([, now]) => text(count, now) }
    },
    ([type]) => type
  )
  watch($state, state => {
    let { since, total, active, byType, users: seen } = state
    let { minutes5, hour, day } = active
    text(
      facts,
      since === null
        ? 'Nothing was counted yet.'
        : `${total} events since ${when(since)}. Active users: ${minutes5} in 5 minutes, ${hour} in an hour, ${day} in a day.`
    )
    let within = deliveryWithin(state, 0.99)
    text(
      delivery,
      within === null
        ? ''
        : `Decided, stored and told: half within ${deliveryWithin(state, 0.5)} ms, 99 of 100 within ${within} ms.`
    )
    show(Object.entries(byType).sort(([, a], [, b]) => b - a))
    text(
      users,
      seen.length === 0
        ? ''
        : `Last seen: ${seen
            .slice(0, 10)
            .map(([user, at]) => `${user} (${when(at)})`)
            .join(', ')}`
    )
  })
}
