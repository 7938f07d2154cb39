// Content on its way: what came for oneself, and, for admins, what they send and what becomes of it.

import { content } from 'realtime-stores/features/content'
import { performanceOf } from 'realtime-stores/features/content-delivery'
import { contentInbox } from 'realtime-stores/features/content-inbox'
import { attribute, h, keyed, text, watch, when } from '../dom.js'
import { choice } from './notifications.js'

export let title = 'Content'
export let isForAdmins = false

let PEOPLE = { ada: 'Ada', ben: 'Ben', cleo: 'Cleo' }
let STAGES = {
  queued: 'Queued',
  attempt: 'Attempt failed',
  sent: 'Sent',
  delivered: 'Delivered',
  confirmed: 'Confirmed',
  failed: 'Failed'
}

export function mount(body, { client, me, isAdmin }) {
  let inbox = client.room(`user:${me}`).use(contentInbox)
  let mine = h('ul', { class: 'list', 'aria-label': 'Content for me' })
  let none = h('p', { class: 'note' }, 'Nothing came for you yet.')
  body.append(h('h3', {}, 'For me'), none, mine)
  let show = keyed(mine, item => received(item, inbox))
  watch(inbox.$state, ({ items }) => {
    none.hidden = items.length > 0
    show(items.slice(0, 10))
  })
  if (isAdmin) sending(body, client.room('content').use(content))
}

function received({ id, title, body }, inbox) {
  let confirm = h(
    'button',
    { type: 'button', 'aria-label': `I have it: ${title}`, onclick: () => inbox.confirm(id) },
    'I have it'
  )
  let stars = { '': 'Rate it', 1: '1 of 5', 2: '2 of 5', 3: '3 of 5', 4: '4 of 5', 5: '5 of 5' }
  let rating = choice(`Rating of ${title}`, stars, () => {
    if (rating.select.value) inbox.giveFeedback(id, Number(rating.select.value))
  })
  rating.select.setAttribute('aria-label', `Rating of ${title}`)
  let node = h(
    'li',
    { class: 'item' },
    h('p', {}, h('b', {}, title), ' ', body),
    h('p', { class: 'buttons' }, confirm, rating.select)
  )
  return {
    node,
    update({ confirmedAt, feedback }) {
      confirm.hidden = confirmedAt !== null
      if (rating.select !== document.activeElement) rating.select.value = feedback?.rating ?? ''
    }
  }
}

function sending(body, { $state, trigger, generatePreview, retryDelivery }) {
  let to = choice('To', PEOPLE)
  let what = h('input', { required: true, maxlength: 200, value: 'A song for you' })
  let preview = h('p', { class: 'note', role: 'status' })
  let asked = null
  let onsubmit = event => {
    event.preventDefault()
    trigger(to.select.value, { title: what.value })
  }
  let look = () => {
    asked = generatePreview(what.value, { recipient: PEOPLE[to.select.value] }).id
  }
  let figures = h('p', { class: 'note' })
  let list = h('ul', { class: 'list scroll', tabindex: 0, 'aria-label': 'Deliveries' })
  body.append(
    h('h3', {}, 'Send'),
    h(
      'form',
      { onsubmit, class: 'wide' },
      to.label,
      h('label', {}, 'What ', what),
      h('p', { class: 'buttons' }, h('button', {}, 'Send'), h('button', { type: 'button', onclick: look }, 'Preview'))
    ),
    preview,
    h('h3', {}, 'Deliveries'),
    figures,
    list
  )
  let show = keyed(list, item => delivery(item, retryDelivery))
  watch($state, state => {
    show(state.deliveries.slice(-20).reverse())
    let { sending, arriving, confirming, successRate } = performanceOf(state.figures)
    let ms = (name, step) =>
      step ? `${name} ${Math.round(step.mean)} ms on average, 95 % within ${Math.round(step.p95)} ms` : null
    let words = [ms('sent in', sending), ms('delivered in', arriving), ms('confirmed in', confirming)].filter(Boolean)
    text(
      figures,
      successRate === null
        ? 'Nothing was delivered yet.'
        : `${Math.round(successRate * 100)} % arrived; ${words.join('; ')}.`
    )
    let made = state.previews.find(({ id }) => id === asked)
    text(
      preview,
      made ? (made.error ?? (made.result ? `Preview: ${made.result.title}. ${made.result.body}` : 'Preparing …')) : ''
    )
  })
}

function delivery({ id, title, recipient }, retryDelivery) {
  let stage = h('span', { class: 'status' })
  let timeline = h('ol', { class: 'timeline' })
  let retry = h(
    'button',
    { type: 'button', 'aria-label': `Try again: ${title}`, onclick: () => retryDelivery(id) },
    'Try again'
  )
  let opinion = h('p', { class: 'note' })
  let node = h(
    'li',
    { class: 'item' },
    h('p', {}, h('b', {}, title), ` to ${PEOPLE[recipient] ?? recipient} `, stage),
    timeline,
    opinion,
    retry
  )
  return {
    node,
    update(item) {
      attribute(node, 'data-stage', item.stage)
      text(stage, STAGES[item.stage])
      timeline.replaceChildren(
        ...item.timeline.map(entry =>
          h('li', {}, `${STAGES[entry.stage]} ${when(entry.at)}${entry.note ? `: ${entry.note}` : ''}`)
        )
      )
      text(opinion, item.feedback.map(({ rating, by }) => `${PEOPLE[by] ?? by}: ${rating} of 5`).join(', '))
      retry.hidden = item.stage !== 'failed'
    }
  }
}
