// A group of the client that opens and closes, remembers that, and says the most important thing while it is closed.

import { h, text } from './dom.js'

export function panel(client, { name, title, open = false }, ...body) {
  let key = `companion/open/${client.user}/${name}`
  let digest = h('span', { class: 'digest' })
  let badge = h('span', { class: 'badge', hidden: true })
  let remembered = localStorage.getItem(key)
  let node = h(
    'details',
    {
      class: 'panel',
      id: `${client.user}-${name}`,
      open: remembered === null ? open : remembered === 'yes',
      ontoggle: () => localStorage.setItem(key, node.open ? 'yes' : 'no')
    },
    h('summary', {}, h('h3', {}, title), badge, digest),
    h('div', { class: 'panel-body' }, ...body)
  )
  return {
    node,
    digest: words => text(digest, words),
    /** A number that asks to be looked at; none at zero. */
    badge(count, words) {
      text(badge, count)
      badge.hidden = count === 0
      badge.title = words
    }
  }
}
