// What was done and is not yet answered: filling while the line is dead, draining when it is back. And what the server refused.

import { button } from '../controls.js'
import { attribute, h, keyed, show, text, watch } from '../dom.js'
import { ago, nameOf, plural, size, spoken } from '../words.js'

/** One dot for each action, and a few of them in words. */
const DOTS = 300
const ROWS = 4

export function outboxView(client) {
  let { service, stores, run } = client
  let count = h('strong', { class: 'outbox-count' })
  let more = h('p', { class: 'rest', hidden: true })
  let dots = h('div', { class: 'dots', 'aria-hidden': 'true' })
  let rows = h('ul', { class: 'rows' })
  let parked = h('ul', { class: 'rows' })
  let rest = h('p', { class: 'rest', hidden: true })
  let durability = h('span', { class: 'tag' })
  let walked = h('p', { class: 'walked' })

  let full = h('p', { class: 'full', hidden: true }, 'The outbox is full or closed: further actions are not kept.')
  let node = h(
    'section',
    { class: 'card outbox', id: `${client.user}-outbox`, 'aria-labelledby': `${client.user}-outbox-title` },
    h(
      'div',
      { class: 'outbox-head' },
      h('h3', { id: `${client.user}-outbox-title`, tabindex: -1 }, 'Outbox'),
      count,
      durability,
      button('100 actions', () => client.takeSteps(100), 'primary burst')
    ),
    dots,
    more,
    full,
    rows,
    rest,
    parked,
    walked
  )

  let showRows = keyed(rows, item => row(item, service.pending, 'pending'))
  let showParked = keyed(
    parked,
    item => row(item.row, item.kind === 'rejected' ? service.rejected : service.unknown, item.kind, item),
    item => item.row.id
  )
  let showDots = keyed(dots, item => ({ node: h('i', { 'data-feature': item.feature }) }))

  function row(item, store, stage, about) {
    let why = about ? `${about.message || about.code}` : null
    let age = h('span', { class: 'age' }, ago(item.at))
    let node = h(
      'li',
      { class: 'row-item', 'data-stage': stage },
      h('span', { class: 'stage-word' }, stage),
      h(
        'span',
        { class: 'what' },
        h('b', {}, `${spoken(item.feature)}: ${item.type}`),
        ' ',
        h('span', { class: 'data' }, excerpt(item)),
        why && h('span', { class: 'why' }, why)
      ),
      age,
      h(
        'span',
        { class: 'row-actions' },
        button('Retry', () => act('Retry', () => store.retry(item.id)), 'small'),
        button('Discard', () => act('Discard', () => store.discard(item.id)), 'small')
      )
    )
    return { node, update: () => text(age, ago(item.at)) }
  }

  /** The stores answer false when there was nothing to do any more. */
  function act(what, call) {
    run(what, async () => {
      if (!(await call())) throw new Error('it is on its way or gone already.')
    })
  }

  function renderPending() {
    let pending = service.pending.get()
    showDots(pending.slice(0, DOTS))
    showRows(pending.slice(0, ROWS))
    show(rest, pending.length > ROWS)
    text(rest, `and ${plural(pending.length - ROWS, 'more', 'more')}, in this order`)
  }
  watch(service.pending, renderPending)
  let renderParked = () => showParked([...service.rejected.get(), ...service.unknown.get()])
  watch(service.rejected, renderParked)
  watch(service.unknown, renderParked)

  watch(stores.connection, ({ pending, durability: kind, durabilityReason, canSend, phase }) => {
    text(count, pending.count === 0 ? 'All delivered' : `${plural(pending.count, 'action')} waiting`)
    show(more, pending.count > 0)
    text(more, pending.count === 0 ? '' : `${size(pending.bytes)}, the oldest ${ago(pending.oldestAt)}`)
    attribute(node, 'data-state', pending.count === 0 ? 'empty' : phase === 'online' ? 'draining' : 'filling')
    text(durability, kind === 'disk' ? 'Kept on disk' : 'In memory only')
    attribute(durability, 'data-kind', kind)
    attribute(durability, 'title', durabilityReason ?? 'What waits survives a reload and a crash.')
    show(full, !canSend)
  })

  let stopRoom = null
  client.onRoom(room => {
    stopRoom?.()
    stopRoom = watch(client.steps(room).$state, ({ walkers }) => text(walked, stepsOf(walkers)))
  })
  return node
}

function excerpt({ feature, data }) {
  if (feature === 'steps') return `number ${data.n}`
  let words = Object.values(data ?? {})
    .filter(value => value !== null)
    .map(value => (typeof value === 'object' ? JSON.stringify(value) : String(value)))
  return words.join(', ').slice(0, 80)
}

function stepsOf(walkers) {
  let people = Object.entries(walkers)
  if (people.length === 0) return 'No steps walked yet.'
  let faults = people.reduce((sum, [, { faults }]) => sum + faults, 0)
  let counts = people.map(([user, { count }]) => `${nameOf(user)} ${count.toLocaleString('en')}`).join(', ')
  return `Steps: ${counts}. ${faults === 0 ? 'None missing, none double, all in order.' : plural(faults, 'fault')}`
}
