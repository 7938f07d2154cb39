// One conversation: its messages with what became of them, who is there and who types, and the field to write in.

import { watchActivity } from 'realtime-stores/devices/activity'
import { typing, typingText } from 'realtime-stores/features/typing'
import { readersOf } from 'realtime-stores/kits/conversations'
import { callText, createPresence, editingText } from 'realtime-stores/kits/presence'
import { h, nameOf, place, time } from './dom.js'

let EMOJIS = ['🌹', '👍', '😂']
let REASONS = {
  'quiet-hours': 'It is quiet here now',
  'not-a-member': 'You are not a member',
  'unknown-message': 'That message is too old to be changed'
}

export function showConversation(pane, { client, mine, id, user, titleOf }) {
  let conversation = mine.open(id)
  let presence = createPresence(client, id)
  let typists = conversation.room.use(typing)
  let editing = null
  /** Elements by message, each drawn again only when its message is another. */
  let drawn = new Map()

  let title = h('h2', {})
  let rename = h('button', { type: 'button', className: 'quiet', onclick: askTitle }, 'Rename')
  let there = h('p', { className: 'there' })
  let call = h(
    'button',
    { type: 'button', className: 'quiet', 'aria-pressed': 'false', onclick: toggleCall },
    'Voice call'
  )
  let older = h('button', { type: 'button', className: 'older', onclick: () => conversation.loadOlder() }, 'Show older')
  let log = h('ol', { className: 'log' })
  let problems = h('ul', { className: 'problems', 'aria-label': 'What did not work' })
  let typingLine = h('p', { className: 'typing', 'aria-live': 'polite' })
  let field = h('input', {
    name: 'content',
    autocomplete: 'off',
    required: true,
    maxLength: 4000,
    placeholder: 'Write a message, @ben to mention'
  })
  let send = h('button', { type: 'submit' }, 'Send')
  let cancel = h('button', { type: 'button', className: 'quiet', hidden: true, onclick: () => edit(null) }, 'Cancel')
  let form = h(
    'form',
    { className: 'write', onsubmit: submit },
    h('label', {}, h('span', { className: 'hidden' }, 'Message'), field),
    send,
    cancel
  )

  field.oninput = () => typists.startTyping()
  pane.replaceChildren(
    h('header', {}, title, rename, call, there),
    h('div', { className: 'scroll', role: 'log', 'aria-label': 'Messages', tabIndex: 0 }, older, log),
    problems,
    typingLine,
    form
  )
  let scroll = log.parentElement

  function submit(event) {
    event.preventDefault()
    let content = field.value.trim()
    if (!content) return
    let mentions = [...content.matchAll(/@(\w+)/g)].map(([, name]) => name.toLowerCase())
    typists.stopTyping()
    if (editing) conversation.editMessage(editing, content, mentions)
    else conversation.sendMessage({ content, mentions })
    edit(null)
  }

  function edit(message) {
    editing = message?.id ?? null
    field.value = message?.content ?? ''
    send.textContent = message ? 'Save' : 'Send'
    cancel.hidden = !message
    presence.setEditing(message ? 'a message' : null)
    field.focus()
  }

  function askTitle() {
    let next = prompt('Title of this conversation', conversation.$state.get().title ?? '')?.trim()
    if (next) conversation.renameConversation(next.slice(0, 100))
  }

  function toggleCall() {
    let isOn = call.getAttribute('aria-pressed') !== 'true'
    call.setAttribute('aria-pressed', String(isOn))
    presence.setCall(isOn ? 'voice' : 'none')
  }

  function actions({ id: row, status, code, isDeleted, sender, ...message }) {
    if (status === 'failed' || status === 'unknown') {
      let why = status === 'unknown' ? 'It may have arrived or not' : (REASONS[code] ?? `Not sent: ${code}`)
      return [
        h('span', { className: 'why' }, why),
        button('Try again', () => conversation.retry(row)),
        button('Discard', () => conversation.discard(row))
      ]
    }
    if (isDeleted || status === 'pending') return []
    return [
      ...EMOJIS.map(emoji => {
        let isOn = message.reactions.some(item => item.emoji === emoji && item.users.includes(user))
        let toggle = isOn ? conversation.removeReaction : conversation.addReaction
        return h(
          'button',
          {
            type: 'button',
            className: 'quiet',
            'aria-pressed': String(isOn),
            'aria-label': `React with ${emoji}`,
            onclick: () => toggle(row, emoji)
          },
          emoji
        )
      }),
      ...(sender === user
        ? [button('Edit', () => edit({ id: row, ...message })), button('Delete', () => conversation.deleteMessage(row))]
        : [])
    ]
  }

  function button(label, onclick) {
    return h('button', { type: 'button', className: 'quiet', onclick }, label)
  }

  function draw(message, readers) {
    let { id, sender, content, status, timestamp, isDeleted, editedAt, reactions, isChanging } = message
    let text = isDeleted ? [h('em', {}, 'Message deleted')] : withMentions(content)
    let state = status === 'pending' ? 'Sending …' : status === 'sent' && sender === user ? readText(readers) : ''
    return h(
      'li',
      { className: `message ${sender === user ? 'own' : ''} ${status}`, 'data-id': id, 'data-status': status },
      h(
        'p',
        { className: 'meta' },
        h('strong', {}, nameOf(sender)),
        ` ${time(timestamp)}`,
        editedAt && !isDeleted ? ' · edited' : '',
        isChanging ? ' · saving …' : ''
      ),
      h('p', { className: 'content' }, ...text),
      reactions.length > 0 &&
        h(
          'p',
          { className: 'reactions' },
          ...reactions.map(({ emoji, users }) =>
            h('span', { title: users.map(nameOf).join(', ') }, `${emoji} ${users.length}`)
          )
        ),
      h('p', { className: 'actions' }, ...actions(message)),
      state && h('p', { className: 'state' }, state)
    )
  }

  function readText(readers) {
    return readers.length > 0 ? `Read by ${readers.map(nameOf).join(', ')}` : 'Sent'
  }

  function withMentions(content) {
    return content.split(/(@\w+)/).map(part => (part.startsWith('@') ? h('mark', {}, part) : part))
  }

  function drawMessages() {
    let state = conversation.$state.get()
    let isAtEnd = scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight < 60
    let fromEnd = scroll.scrollHeight - scroll.scrollTop
    let next = new Map()
    for (let message of conversation.$messages.get()) {
      let readers = message.sender === user ? readersOf(state, message).map(member => member.user) : []
      let key = JSON.stringify([message, readers])
      let known = drawn.get(message.id)
      next.set(message.id, known?.key === key ? known : { key, element: draw(message, readers) })
      if (message.status === 'sent') typists.messageFrom(message.sender, message.timestamp)
    }
    drawn = next
    place(
      log,
      [...next.values()].map(({ element }) => element)
    )
    // What is read stays where it is when older messages come in front of it.
    scroll.scrollTop = isAtEnd ? scroll.scrollHeight : scroll.scrollHeight - fromEnd
  }

  let stops = [
    conversation.$messages.subscribe(drawMessages),
    conversation.$state.subscribe(({ title: now }) => {
      title.textContent = titleOf(id, now)
      drawMessages()
    }),
    conversation.$paging.subscribe(({ hasOlder, isLoading, end, error }) => {
      older.hidden = !hasOlder && end !== 'trimmed'
      older.disabled = isLoading || !hasOlder
      older.textContent = isLoading
        ? 'Loading …'
        : end === 'trimmed'
          ? 'Older messages are no longer kept'
          : error
            ? 'Older ones need a connection'
            : 'Show older'
    }),
    conversation.$failed.subscribe(failed =>
      place(
        problems,
        failed.map(({ id, type, code }) =>
          h(
            'li',
            {},
            `${type}: ${REASONS[code] ?? code} `,
            button('Try again', () => conversation.retry(id)),
            button('Discard', () => conversation.discard(id))
          )
        )
      )
    ),
    typists.$state.subscribe(({ typing }) => {
      typingLine.textContent = typingText(typing.map(({ userId }) => nameOf(userId)))
    }),
    presence.$state.subscribe(({ people, onlineCount }) => {
      let said = Object.values(people).filter(({ userId }) => userId !== user)
      let texts = said.map(person =>
        [`${nameOf(person.userId)}: ${person.status}`, callText('', person), editingText('', person)]
          .filter(Boolean)
          .join(', ')
      )
      there.textContent = [`${onlineCount} online`, ...texts].join(' · ')
    }),
    watchActivity(presence.setActive)
  ]
  rename.hidden = id.startsWith('conversation:direct:')

  return {
    close() {
      for (let stop of stops) stop()
      typists.stopTyping()
      presence.close()
      conversation.close()
    }
  }
}
