// What one was told: one list on all devices, and how one wants to be told.

import { kindOf, preferenceOf } from 'realtime-stores/features/notification-rules'
import { notifications } from 'realtime-stores/features/notifications'
import { formatTime } from 'realtime-stores/features/quiet-hours'
import { attribute, h, keyed, text, watch, when } from '../dom.js'

export let title = 'Notifications'
export let isForAdmins = false

let CATEGORIES = { friends: 'Friends', content: 'Content' }
let SKIPPED = {
  unsupported: 'this browser has none',
  permission: 'they are not allowed here',
  'switched-off': 'the category is switched off',
  focused: 'you were looking',
  'other-tab': 'another tab took care of it',
  'too-late': 'it came too late',
  settled: 'it was read elsewhere'
}

export function mount(body, { client, me, say }) {
  let centre = client.room(`user:${me}`).use(notifications)
  let count = h('p', { class: 'now' })
  let unreadOnly = h('input', { type: 'checkbox', onchange: () => render(centre.$state.get()) })
  let category = choice('Category', { '': 'All', ...CATEGORIES }, () => render(centre.$state.get()))
  let list = h('ul', { class: 'list scroll', tabindex: 0, 'aria-label': 'Notifications' })
  let desktop = h('p', { class: 'note' })
  let allow = h('button', { type: 'button', onclick: () => centre.enableDesktop() }, 'Allow desktop notifications')
  body.append(
    count,
    h(
      'p',
      { class: 'buttons' },
      h('label', {}, unreadOnly, ' Unread only'),
      category.label,
      h('button', { type: 'button', onclick: () => centre.markAllRead() }, 'Mark all as read')
    ),
    list,
    h('div', { class: 'buttons' }, desktop, allow),
    h('details', {}, h('summary', {}, 'How I want to be told'), ...Object.entries(CATEGORIES).map(wishes), quiet())
  )

  let show = keyed(list, item => row(item, centre))
  let newest = null
  function render(state) {
    let { items, unreadCount, heldCount, desktop: outside } = state
    let held = heldCount === 0 ? '' : `, ${heldCount} held until the quiet hours end`
    text(count, `${unreadCount} unread${held}`)
    show(
      items.filter(item => !(unreadOnly.checked && item.read) && ['', item.category].includes(category.select.value))
    )
    let skipped = outside.skipped ? ` The last one was not shown, for ${SKIPPED[outside.skipped]}.` : ''
    text(desktop, `Desktop notifications are ${outside.permission === 'granted' ? 'on' : 'off'}.${skipped}`)
    allow.hidden = !outside.supported || outside.permission !== 'default'
    let top = items.find(item => item.outcome === 'delivered')
    if (newest !== null && top && top.shownAt > newest) say(`New: ${top.title}`)
    newest = Math.max(newest ?? 0, top?.shownAt ?? 0)
  }

  /** One category: muted, outside of the page, and how often. */
  function wishes([name, words]) {
    let muted = h('input', { type: 'checkbox', onchange: () => centre.setPreference(name, { muted: muted.checked }) })
    let outside = h('input', {
      type: 'checkbox',
      onchange: () => centre.setPreference(name, { desktop: outside.checked })
    })
    let limit = h('input', {
      ...{ type: 'number', min: 0, max: 100 },
      onchange() {
        let count = Math.trunc(Number(limit.value))
        if (count >= 0 && count <= 100)
          centre.setPreference(name, { limit: count === 0 ? null : { count, seconds: 60 } })
      }
    })
    watch(centre.$state, ({ preferences }) => {
      let now = preferenceOf(preferences, name)
      muted.checked = now.muted
      outside.checked = now.desktop
      if (limit !== document.activeElement) limit.value = now.limit?.count ?? 0
    })
    return h(
      'fieldset',
      {},
      h('legend', {}, words),
      h('label', {}, muted, ' Muted'),
      h('label', {}, outside, ' On the desktop'),
      h('label', {}, 'At most a minute (0: no limit) ', limit)
    )
  }

  function quiet() {
    let [start, end] = ['22:00', '07:00'].map(value => h('input', { type: 'time', value, required: true }))
    let urgent = h('input', { type: 'checkbox', checked: true })
    let state = h('p', { class: 'note' })
    let timeZone = Intl.DateTimeFormat().resolvedOptions().timeZone
    let form = h(
      'form',
      {
        onsubmit(event) {
          event.preventDefault()
          centre.setQuietHours({ start: start.value, end: end.value, timeZone, urgentPasses: urgent.checked })
        }
      },
      h('label', {}, 'Quiet from ', start),
      h('label', {}, 'until ', end),
      h('label', {}, 'What is urgent passes ', urgent),
      h(
        'p',
        { class: 'buttons' },
        h('button', {}, 'Set quiet hours'),
        h('button', { type: 'button', onclick: () => centre.setQuietHours(null) }, 'No quiet hours')
      )
    )
    watch(centre.$state, ({ preferences: { quietHours } }) => {
      let hours = quietHours && `Quiet from ${formatTime(quietHours.start)} to ${formatTime(quietHours.end)}`
      text(state, hours ? `${hours}, ${quietHours.timeZone}.` : 'There are no quiet hours.')
    })
    return h('div', { class: 'quiet' }, form, state)
  }

  watch(centre.$state, render)
}

function row({ id, category, title, body, actions, shownAt }, centre) {
  let act = (words, call) => h('button', { type: 'button', 'aria-label': `${words}: ${title}`, onclick: call }, words)
  let read = act('Read', () => centre.markRead(id))
  let answer = h('span', { class: 'note' })
  let answers = actions.map(action => act(action.title, () => centre.chooseAction(id, action.id)))
  let node = h(
    'li',
    { class: 'item', 'data-kind': kindOf(category) },
    h('p', {}, h('b', {}, title), ' ', h('span', { class: 'note' }, `${body} ${when(shownAt)}`)),
    h(
      'p',
      { class: 'buttons' },
      ...answers,
      answer,
      read,
      act('Dismiss', () => centre.dismiss(id))
    )
  )
  return {
    node,
    update({ read: isRead, chosen }) {
      attribute(node, 'data-read', isRead ? 'yes' : 'no')
      read.hidden = isRead
      for (let button of answers) button.hidden = chosen !== null
      text(answer, chosen === null ? '' : `Answered: ${actions.find(action => action.id === chosen)?.title}`)
    }
  }
}

export function choice(words, options, onchange) {
  let select = h(
    'select',
    { onchange },
    ...Object.entries(options).map(([value, name]) => h('option', { value }, name))
  )
  return { select, label: h('label', {}, `${words} `, select) }
}
