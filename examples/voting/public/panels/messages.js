// Messages of the system, and private ones from and to members.

import { $, createList, h, nameOf, timeOf } from '../dom.js'

export function showMessages(room, me) {
  let show = createList($('log'), ({ id }) => id, message)

  function message() {
    let who = h('strong')
    let text = h('span', { className: 'title' })
    let when = h('span', { className: 'quiet' })
    let element = h('li', {}, who, text, when)
    return {
      element,
      update({ kind, from, to, text: words, at, status, level }) {
        who.textContent = kind === 'system' ? 'House' : from === me ? `You to ${nameOf(to)}` : `${nameOf(from)} to you`
        text.textContent = words
        when.textContent = status === 'waiting' || status === 'refused' ? status : timeOf(at)
        element.dataset.kind = kind
        if (level) element.dataset.level = level
      }
    }
  }

  room.$messages.subscribe(messages => show(messages.slice(-20)))

  let { to, text } = $('whisper').elements
  room.$votes.subscribe(({ members }) => {
    let others = members.filter(({ userId }) => userId !== me)
    if (others.map(({ userId }) => userId).join() === [...to.options].map(({ value }) => value).join()) return
    let chosen = to.value
    to.replaceChildren(...others.map(({ userId, name }) => h('option', { value: userId }, name ?? userId)))
    if (others.some(({ userId }) => userId === chosen)) to.value = chosen
  })
  $('whisper').onsubmit = event => {
    event.preventDefault()
    if (!to.value || !text.value.trim()) return
    room.sendPrivateMessage(to.value, text.value.trim())
    text.value = ''
  }
}
