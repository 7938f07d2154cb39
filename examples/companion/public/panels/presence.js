// Who is here, how, and doing what; and one's own answer to that.

import { button, choices, emptyNote, line } from '../controls.js'
import { attribute, h, keyed, show, text, watch } from '../dom.js'
import { panel } from '../panel.js'
import { ago, nameOf, plural, spoken } from '../words.js'

const STATUSES = ['online', 'away', 'busy', 'responding', 'offline'].map(id => ({ id, label: spoken(id) }))
const CALLS = ['none', 'voice', 'video', 'screen'].map(id => ({ id, label: spoken(id) }))

export function presencePanel(client) {
  let { service, stores, run } = client
  let status = choices({
    legend: 'My status',
    options: STATUSES,
    choose: id => run('Status', () => service.setStatus(id))
  })
  let call = choices({ legend: 'My call', options: CALLS, choose: id => run('Call', () => service.setCall(id)) })
  let people = h('ul', { class: 'people' })
  let showPeople = keyed(people, person, ({ user }) => user)
  let nobody = emptyNote('Nobody is here.')
  let recent = h('ul', { class: 'log' })
  let showRecent = keyed(
    recent,
    ({ user, kind, at }) => {
      let age = h('span', { class: 'about' })
      return { node: h('li', {}, `${nameOf(user)} ${kind} `, age), update: () => text(age, ago(at)) }
    },
    ({ user, kind, at }) => `${user} ${kind} ${at}`
  )
  let recentGroup = h('section', { class: 'note-group' }, h('h4', {}, 'Came and went'), recent)

  let view = panel(
    client,
    { name: 'presence', title: 'Presence' },
    nobody,
    people,
    status.node,
    call.node,
    line({
      label: 'What I am doing',
      placeholder: 'Cooking',
      action: 'Tell',
      extra: [button('Nothing', () => run('Activity', () => service.setActivity(null)))],
      send: words => {
        run('Activity', () => service.setActivity(words))
      }
    }),
    recentGroup
  )

  watch(stores.presence, ({ self, members, onlineCount, recent }) => {
    status.mark(self.status)
    call.mark(self.call)
    let here = Object.values(members)
    showPeople(here)
    show(nobody, here.length === 0)
    showRecent(recent.slice(-6).reverse())
    show(recentGroup, recent.length > 0)
    view.digest(here.length === 0 ? '' : `${onlineCount} here: ${here.map(({ user }) => nameOf(user)).join(', ')}`)
  })
  return view.node
}

function person() {
  let dot = h('span', { class: 'dot', 'aria-hidden': 'true' })
  let name = h('b', {})
  let doing = h('span', {})
  let about = h('span', { class: 'about' })
  return {
    node: h('li', {}, dot, h('span', {}, name, ' ', doing, h('br'), about)),
    update({ user, status, activity, call, editing, platform, connections, lastSeen }) {
      attribute(dot, 'data-status', status)
      text(name, nameOf(user))
      text(
        doing,
        [
          spoken(status).toLowerCase(),
          activity,
          call === 'none' ? null : `in a ${call} call`,
          editing && `editing ${editing}`
        ]
          .filter(Boolean)
          .join(', ')
      )
      text(about, `${platform ?? 'unknown device'}, ${plural(connections, 'connection')}, said ${ago(lastSeen)}`)
    }
  }
}
