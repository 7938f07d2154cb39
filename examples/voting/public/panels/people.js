// The members and how they are, and the numbers of the room.

import { $, createList, h, timeOf } from '../dom.js'

export function showPeople(room, me) {
  let show = createList($('members'), ({ userId }) => userId, member)

  function member(userId) {
    let dot = h('span', { className: 'dot', 'aria-hidden': 'true' })
    let name = h('span', { className: 'title' })
    let how = h('span', { className: 'quiet' })
    let element = h('li', {}, dot, name, how)
    element.dataset.user = userId
    return {
      element,
      update({ name: given, status, lastActivity }) {
        name.textContent = (given ?? userId) + (userId === me ? ' (you)' : '')
        how.textContent = status === 'offline' ? `offline, active ${timeOf(lastActivity)}` : status
        element.dataset.status = status
      }
    }
  }

  room.$members.subscribe(show)
  room.$stats.subscribe(({ active, members, votes, matches, open, played }) => {
    $('numbers').textContent =
      `Here ${active} of ${members} · votes ${votes} · matches ${matches} · open ${open} · played ${played}`
  })
  let tell = () => room.presence.set({ status: document.hidden ? 'away' : 'online' })
  document.addEventListener('visibilitychange', tell)
  tell()
}
