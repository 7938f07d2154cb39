// Notices of one client: what could not be done, and why. They go by themselves unless one looks at them.

import { h, text } from './dom.js'

const SHOWN_FOR = 9000
const MAX = 3

export function createNotices() {
  let node = h('div', { class: 'notices', role: 'status', 'aria-live': 'polite' })

  function notify(words) {
    for (let shown of node.children) if (shown.dataset.words === words) return again(shown)
    let count = h('span', { class: 'notice-count', hidden: true })
    let item = h(
      'div',
      { class: 'notice', 'data-words': words },
      h('p', {}, words),
      count,
      h(
        'button',
        { type: 'button', class: 'notice-close', 'aria-label': 'Close this notice', onclick: () => item.remove() },
        '×'
      )
    )
    node.append(item)
    while (node.children.length > MAX) node.firstElementChild.remove()
    leaveLater(item)
  }

  function again(item) {
    let times = Number(item.dataset.times ?? 1) + 1
    item.dataset.times = times
    let count = item.querySelector('.notice-count')
    count.hidden = false
    text(count, `× ${times}`)
    leaveLater(item)
  }

  function leaveLater(item) {
    clearTimeout(item.timer)
    item.timer = setTimeout(() => (item.matches(':hover, :focus-within') ? leaveLater(item) : item.remove()), SHOWN_FOR)
  }

  return { node, notify }
}
