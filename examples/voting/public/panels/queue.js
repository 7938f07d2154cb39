// The queue: what is on, what waits, and buttons that move it. That only the host may is the server's to say.

import { $, createList, h } from '../dom.js'

export function showQueue(room) {
  let show = createList($('items'), ({ mediaId }) => mediaId, item)

  function item(mediaId) {
    let title = h('span', { className: 'title' })
    let at = -1
    let all = []
    let up = h('button', { type: 'button', onclick: () => room.moveInQueue(mediaId, all[at - 1].mediaId) }, '↑')
    let down = h(
      'button',
      { type: 'button', onclick: () => room.moveInQueue(mediaId, all[at + 2]?.mediaId ?? null) },
      '↓'
    )
    let away = h('button', { type: 'button', onclick: () => room.removeFromQueue(mediaId) }, '×')
    let element = h('li', {}, title, up, down, away)
    element.dataset.media = mediaId
    return {
      element,
      update({ mediaTitle }, i, items) {
        at = i
        all = items
        title.textContent = mediaTitle
        up.setAttribute('aria-label', `Move ${mediaTitle} up`)
        down.setAttribute('aria-label', `Move ${mediaTitle} down`)
        away.setAttribute('aria-label', `Remove ${mediaTitle}`)
        up.disabled = i === 0
        down.disabled = i === items.length - 1
      }
    }
  }

  room.$queue.subscribe(({ current, items }) => {
    $('current').textContent = current ? `Now on: ${current.mediaTitle}` : 'Nothing is on.'
    show(items)
    $('next').disabled = !current && items.length === 0
  })
  $('next').onclick = () => room.advanceQueue()
}
