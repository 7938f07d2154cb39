// The programs that the server runs. Everyone sees how they are; who is no admin finds out that asking is of no use.

import { clients } from 'realtime-stores/features/clients'
import { inWords } from 'realtime-stores/features/reports'
import { attribute, h, keyed, text, watch, when } from '../dom.js'

export let title = 'Clients'
export let isForAdmins = false

let STATUS = { connected: 'Runs', disconnected: 'Does not run', reconnecting: 'Not there yet' }
let DOING = {
  starting: 'starting …',
  stopping: 'stopping …',
  restarting: 'restarting …',
  refreshing: 'asking …',
  updating: 'changing …'
}

export function mount(body, { client: connection }) {
  let room = connection.room('clients').use(clients)
  let list = h('div', { class: 'cards' })
  body.append(list)
  let show = keyed(list, client => card(client, room))
  watch(room.$state, ({ clients }) => show(Object.values(clients)))
}

function card({ id, name, fields }, { startClient, stopClient, restartClient, refreshClient, updateClientSettings }) {
  let status = h('p', { class: 'status' })
  let facts = h('p', { class: 'note' })
  let errors = h('p', { class: 'note' })
  let friends = h('p', { class: 'note' })
  let history = h('ol', { class: 'history' })
  // Whose button it is, said after its name.
  let whose = { 'aria-describedby': `client-${id}` }
  let button = (words, act) => h('button', { type: 'button', ...whose, onclick: () => act(id) }, words)
  let [start, stop] = [button('Start', startClient), button('Stop', stopClient)]
  let inputs = Object.fromEntries(fields.map(field => [field.name, inputOf(field)]))
  let form = h(
    'form',
    {
      onsubmit(event) {
        event.preventDefault()
        updateClientSettings(
          id,
          Object.fromEntries(fields.map(field => [field.name, given(field, inputs[field.name])]))
        )
      }
    },
    ...fields.map(({ name, label }) => h('label', {}, h('span', {}, label), inputs[name])),
    h('button', {}, 'Change')
  )
  let node = h(
    'article',
    { class: 'card', 'data-client': id },
    h('header', {}, h('h3', { id: `client-${id}` }, name), status),
    facts,
    friends,
    errors,
    h('p', { class: 'buttons' }, start, stop, button('Restart', restartClient), button('Refresh', refreshClient)),
    h('details', {}, h('summary', {}, `Settings of ${name}`), form),
    h('details', {}, h('summary', {}, `History of ${name}`), history)
  )
  let painted = null

  function update(client) {
    if (client === painted) return
    let { status: now, doing, pid, memory, responseTime, attempt, retryAt, errors: all } = client
    attribute(node, 'data-status', now)
    attribute(node, 'data-pid', pid)
    attribute(node, 'data-memory', memory)
    text(status, `${STATUS[now]}${doing ? `, ${DOING[doing]}` : ''}`)
    text(
      facts,
      pid === null
        ? retryAt === null
          ? 'No process'
          : `Try ${attempt} at ${when(retryAt)}`
        : `Process ${pid}, ${memory === null ? '?' : inWords(memory, 'bytes')}, answers in ${responseTime ?? '?'} ms`
    )
    text(
      friends,
      client.friendCount === 0 ? 'No friends' : `Friends: ${client.friends.map(friend => friend.name).join(', ')}`
    )
    let last = all.at(-1)
    text(errors, last ? `Last error: ${last.code}, ${last.message} (${when(last.at)})` : '')
    start.disabled = client.wanted && now === 'connected'
    stop.disabled = !client.wanted
    if (client.settings !== painted?.settings && !form.contains(document.activeElement)) {
      for (let { name, kind } of fields) {
        if (kind === 'boolean') inputs[name].checked = client.settings[name]
        else inputs[name].value = client.settings[name]
      }
    }
    if (client.history !== painted?.history) {
      history.replaceChildren(
        ...client.history
          .slice(-10)
          .reverse()
          .map(({ status, at, why }) => h('li', {}, `${when(at)} ${STATUS[status]}: ${why}`))
      )
    }
    painted = client
  }
  return { node, update }
}

function inputOf({ kind, name, min, max, choices = [] }) {
  if (kind === 'choice') return h('select', { name }, ...choices.map(choice => h('option', { value: choice }, choice)))
  let type = { number: 'number', text: 'text', boolean: 'checkbox' }[kind]
  return h('input', { name, type, ...(kind === 'number' ? { min, max, required: true } : {}) })
}

function given({ kind }, input) {
  return kind === 'boolean' ? input.checked : kind === 'number' ? Number(input.value) : input.value
}
