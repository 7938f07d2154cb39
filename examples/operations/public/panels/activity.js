// What friends do, and telling them what one does.

import { activity } from 'realtime-stores/features/activity'
import { byPriority, filtered, grouped } from 'realtime-stores/features/activity-feed'
import { h, text, watch, when } from '../dom.js'
import { choice } from './notifications.js'

export let title = 'Friends'
export let isForAdmins = false

let PEOPLE = { ada: 'Ada', ben: 'Ben', cleo: 'Cleo' }
let DOES = {
  startedPlaying: 'plays',
  stoppedPlaying: 'no longer plays',
  startedListening: 'listens to',
  stoppedListening: 'no longer listens to',
  statusChange: 'is now'
}
let timeZone = Intl.DateTimeFormat().resolvedOptions().timeZone

export function mount(body, { client, me, say }) {
  let own = client.room(`user:${me}`).use(activity)
  let again = () => render(own.$state.get())
  let group = choice('Group by', { day: 'Day', friend: 'Friend', kind: 'Kind', priority: 'Importance' }, again)
  let kind = choice('Show', { '': 'Everything', ...DOES }, again)
  let targetable = h('input', { type: 'checkbox', onchange: again })
  let feed = h('div', { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': 'What friends do' })
  let follow = Object.entries(PEOPLE)
    .filter(([id]) => id !== me)
    .map(([id, name]) => {
      let isFollowed = () => Object.hasOwn(own.$state.get().following, id)
      let toggle = () => (isFollowed() ? own.unsubscribe(id) : own.subscribe(id))
      let button = h('button', { type: 'button', onclick: toggle }, name)
      watch(own.$state, () => text(button, `${isFollowed() ? 'Unfollow' : 'Follow'} ${name}`))
      return button
    })
  body.append(
    h('p', { class: 'buttons' }, ...follow),
    tellForm(own, say),
    h('p', { class: 'buttons' }, group.label, kind.label, h('label', {}, targetable, ' Worth acting on')),
    feed
  )

  function render(state) {
    let kinds = kind.select.value ? { kinds: [kind.select.value] } : {}
    let shown = filtered(state.feed, { ...kinds, ...(targetable.checked && { targetable: true }) })
    let by = group.select.value
    let groups = by === 'priority' ? [{ key: '', items: byPriority(shown) }] : grouped(shown, by, timeZone)
    let names = { ...PEOPLE, ...DOES }
    feed.replaceChildren(
      ...(shown.length === 0 ? [h('p', { class: 'note' }, 'Nothing yet.')] : []),
      ...groups.flatMap(({ key, items }) => [
        ...(key ? [h('h3', {}, names[key] ?? key)] : []),
        h('ul', { class: 'list' }, ...items.map(line))
      ])
    )
  }
  watch(own.$state, render)
}

function line({ friend, kind, title, note, count, at, targetable }) {
  let times = count > 1 ? `, ${count} times` : ''
  let words = `${PEOPLE[friend] ?? friend} ${DOES[kind]} ${title}${note ? ` (${note})` : ''}${times}`
  return h('li', {}, words, ' ', h('span', { class: 'note' }, `${when(at)}${targetable ? ', worth acting on' : ''}`))
}

function tellForm(own, say) {
  let what = h('input', { required: true, maxlength: 120, value: 'Chess' })
  let commands = {
    startedPlaying: ['I play', own.startedPlaying],
    stoppedPlaying: ['I stopped playing', own.stoppedPlaying],
    startedListening: ['I listen to', own.startedListening],
    stoppedListening: ['I stopped listening to', own.stoppedListening],
    statusChange: ['I am', own.changeStatus]
  }
  let kind = choice('I tell:', Object.fromEntries(Object.entries(commands).map(([id, [words]]) => [id, words])))
  let onsubmit = event => {
    event.preventDefault()
    let [words, command] = commands[kind.select.value]
    command(what.value)
    say(`Told: ${words} ${what.value}`)
  }
  return h(
    'form',
    { onsubmit, class: 'wide' },
    kind.label,
    h('label', {}, 'What ', what),
    h('button', {}, 'Tell my friends')
  )
}
