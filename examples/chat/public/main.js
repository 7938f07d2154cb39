// One person's messenger with `?as=`; without it, two of them side by side.

import { createRealtime } from 'realtime-stores'
import { browserDevices } from 'realtime-stores/devices/all'
import { createConversations, directConversation, directPair } from 'realtime-stores/kits/conversations'
import { showConversation } from './conversation.js'
import { h, nameOf, place, time } from './dom.js'

let PEOPLE = ['ada', 'ben', 'cleo']
let user = new URLSearchParams(location.search).get('as')

if (user) messenger(user)
else sideBySide()

function sideBySide() {
  document.body.className = 'pair'
  document.body.append(
    h('h1', { className: 'hidden' }, 'Two people who write to each other'),
    ...['ada', 'ben'].map(name => h('iframe', { src: `?as=${name}`, title: `${nameOf(name)}’s messenger` }))
  )
}

function messenger(user) {
  document.title = `Conversations of ${nameOf(user)}`
  let devices = browserDevices()
  let client = createRealtime({
    url: `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/realtime`,
    app: 'chat-example',
    user,
    devices
  })
  let mine = createConversations(client)
  let current = null
  // For the browser's console, and for tests.
  Object.assign(window, { client, mine })

  let phase = h('p', { className: 'phase', role: 'status' })
  let items = h('ul', { className: 'items' })
  let pane = h('main', { 'aria-label': 'Conversation' })
  let alerts = h('button', { type: 'button', className: 'quiet', onclick: askForAlerts }, 'Turn on notifications')
  let people = h(
    'p',
    { className: 'people' },
    'Write to ',
    ...PEOPLE.filter(name => name !== user).map(name =>
      h(
        'button',
        { type: 'button', className: 'quiet', onclick: () => show(directConversation(user, name)) },
        nameOf(name)
      )
    )
  )
  document.body.append(
    h(
      'aside',
      { 'aria-label': 'Conversations' },
      h('header', {}, h('h1', {}, nameOf(user)), phase),
      h('nav', { 'aria-label': 'Your conversations' }, items),
      people,
      alerts
    ),
    pane
  )

  async function askForAlerts() {
    if ((await devices.notifications?.ask()) !== 'granted') return
    mine.enableAlerts({ titleOf: ({ conversationId, title }) => titleOf(conversationId, title), onClick: show })
    alerts.remove()
  }

  function titleOf(id, title) {
    let other = directPair(id)?.find(name => name !== user)
    return other ? nameOf(other) : (title ?? id.replace('conversation:', ''))
  }

  function show(id) {
    if (current?.id === id) return
    current?.close()
    current = { id, ...showConversation(pane, { client, mine, id, user, titleOf }) }
    draw()
  }

  function draw() {
    let list = mine.$list.get()
    place(
      items,
      list.map(({ conversationId, title, lastMessage, timestamp, unread, isMentioned }) => {
        let name = titleOf(conversationId, title)
        let last = lastMessage?.isDeleted ? 'Message deleted' : (lastMessage?.content ?? 'Nothing was said yet')
        let by =
          lastMessage && !lastMessage.isDeleted
            ? `${lastMessage.sender === user ? 'You' : nameOf(lastMessage.sender)}: `
            : ''
        return h(
          'li',
          { 'data-id': conversationId },
          h(
            'button',
            {
              type: 'button',
              className: 'item',
              'aria-current': conversationId === current?.id ? 'true' : null,
              onclick: () => show(conversationId)
            },
            h('span', { className: 'name' }, name),
            h('span', { className: 'when' }, time(timestamp)),
            h('span', { className: 'last' }, by + last),
            unread > 0 &&
              h(
                'span',
                { className: 'unread' },
                `${isMentioned ? '@ ' : ''}${unread}`,
                h('span', { className: 'hidden' }, isMentioned ? ' unread, you are mentioned' : ' unread')
              )
          )
        )
      })
    )
    if (!current && list.length > 0) show(list.at(-1).conversationId)
  }

  mine.$list.subscribe(draw)
  mine.$unread.subscribe(count => {
    document.title = `${count > 0 ? `(${count}) ` : ''}Conversations of ${nameOf(user)}`
  })
  client.$connection.subscribe(({ phase: now, pending }) => {
    phase.dataset.phase = now
    let waiting = pending.count > 0 ? `, ${pending.count} waiting` : ''
    phase.textContent = (now === 'online' ? 'Online' : now === 'connecting' ? 'Connecting' : 'Offline') + waiting
  })
  client.connect()
}
