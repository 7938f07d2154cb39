// Who is connected right now.

import { sessions } from 'realtime-stores/features/sessions'
import { OPERATIONS_ROOM } from 'realtime-stores/features/system'
import { h, keyed, text, watch, when } from '../dom.js'

export let title = 'Sessions'
export let isForAdmins = true

export function mount(body, { client }) {
  let { $state, endSession } = client.room(OPERATIONS_ROOM).use(sessions)
  let count = h('p', { class: 'note' })
  let rows = h('tbody')
  let columns = ['User', 'Since', 'Rooms', 'Platform', 'Session']
  body.append(
    count,
    h('table', {}, h('thead', {}, h('tr', {}, ...columns.map(word => h('th', { scope: 'col' }, word)))), rows)
  )
  let show = keyed(
    rows,
    ({ sid, user, since, platform }) => {
      let rooms = h('td')
      let end = h(
        'button',
        { type: 'button', 'aria-label': `End a session of ${user}`, onclick: () => endSession(sid) },
        'End'
      )
      let cells = [h('td', {}, user), h('td', {}, when(since)), rooms, h('td', {}, platform ?? '–'), h('td', {}, end)]
      return { node: h('tr', { 'data-user': user }, ...cells), update: session => text(rooms, session.rooms) }
    },
    ({ sid }) => sid
  )
  watch($state, ({ total, at, sessions }) => {
    text(count, at === null ? 'Nothing is known yet.' : `${total} connected, seen at ${when(at)}`)
    show(sessions)
  })
}
