// What the two want to keep: written, edited, thought over, read.

import { button, emptyNote, field, line, meter, select } from '../controls.js'
import { h, keyed, show, text, watch } from '../dom.js'
import { panel } from '../panel.js'
import { ago, nameOf, plural, spoken } from '../words.js'

const SHOWN = 5
const EMOTIONS = ['joy', 'love', 'calm', 'longing', 'sorrow'].map(id => ({ id, label: spoken(id) }))
const STAGES = [
  ['reading', 0.2],
  ['feeling', 0.5],
  ['linking', 0.8],
  ['done', 1]
]
const STAGE_MS = 900

export function memoriesPanel(client) {
  let { service, stores, run } = client
  let emotion = select(EMOTIONS, 'joy')
  let unread = h('p', { class: 'row' })
  let unreadWords = h('span', {})
  unread.append(
    unreadWords,
    button('Mark all as read', () => run('Read', () => service.markAllMemoriesRead()), 'small')
  )
  let items = h('ul', { class: 'cards' })
  let empty = emptyNote('Nothing yet. What should not be forgotten?')
  let all = false
  let older = button(
    '',
    () => {
      all = !all
      render(stores.memory.get())
    },
    'small'
  )
  let showItems = keyed(items, item => memoryCard(client, item))

  let view = panel(
    client,
    { name: 'memories', title: 'Memories', open: true },
    line({
      label: 'A new memory',
      placeholder: 'The evening by the lake',
      action: 'Keep',
      max: 2000,
      extra: [field('Emotion', emotion)],
      send: content =>
        run('Memory', () => service.createMemory(content, { emotion: emotion.value, importance: 0.5 })) !== undefined
    }),
    unread,
    empty,
    items,
    h('div', { class: 'row' }, older)
  )

  function render({ memories, unreadCount, processing, insights }) {
    let newest = memories.slice(all ? 0 : -SHOWN).reverse()
    showItems(
      newest.map(item => ({
        ...item,
        processing: processing.find(({ id }) => id === item.id) ?? null,
        insights: insights.filter(({ memoryId }) => memoryId === item.id)
      }))
    )
    show(empty, memories.length === 0)
    show(older, memories.length > SHOWN)
    text(older, all ? 'Show the newest only' : `Show ${memories.length - SHOWN} older`)
    show(unread, unreadCount > 0)
    text(unreadWords, `${plural(unreadCount, 'memory', 'memories')} not read yet`)
    view.badge(unreadCount, 'not read yet')
    view.digest(memories.length === 0 ? '' : `${memories.length} kept`)
  }
  watch(stores.memory, render)
  return view.node
}

function memoryCard(client, { id }) {
  let { service, run, user } = client
  let content = h('p', { class: 'memory-text' })
  let about = h('p', { class: 'about' })
  let isNew = h('span', { class: 'tag new' }, 'New')
  let insights = h('ul', { class: 'insights' })
  let showInsights = keyed(insights, ({ text: words, by }) => ({
    node: h('li', {}, `${words} `, h('span', { class: 'about' }, nameOf(by)))
  }))
  let progress = meter('Thinking it over')
  let read = button('Mark as read', () => run('Read', () => service.markMemoryRead(id)), 'small')
  let think = button('Think it over', thinkOver, 'small')
  let edit = button('Edit', startEditing, 'small')
  let actions = h(
    'div',
    { class: 'row' },
    read,
    edit,
    think,
    button('Delete', () => run('Delete', () => service.deleteMemory(id)), 'small')
  )
  let insightLine = line({
    label: 'The insight',
    placeholder: 'She smiled all the way home',
    action: 'Add',
    send: words => run('Insight', () => service.addMemoryInsight(words, id)) !== undefined
  })
  let node = h(
    'li',
    { class: 'memory' },
    h('div', { class: 'memory-head' }, content, isNew),
    about,
    progress.node,
    insights,
    actions,
    h('details', { class: 'inner' }, h('summary', {}, 'Add an insight'), insightLine)
  )

  function startEditing() {
    let area = h('textarea', { rows: 3, maxlength: 2000, required: true })
    area.value = content.textContent
    let form = h(
      'form',
      { class: 'line edit', onsubmit: save, onkeydown: event => event.key === 'Escape' && close() },
      field('The memory', area),
      h('button', { class: 'button primary' }, 'Save'),
      button('Cancel', close)
    )
    function save(event) {
      event.preventDefault()
      if (area.value.trim() && run('Edit', () => service.updateMemory(id, { content: area.value.trim() }))) close()
    }
    function close() {
      run('Editing', () => service.setEditing(null))
      form.replaceWith(actions)
      edit.focus()
    }
    run('Editing', () => service.setEditing('a memory'))
    actions.replaceWith(form)
    area.focus()
  }

  /** Work in stages, each told to all; in earnest, that is a model's work. */
  async function thinkOver() {
    think.disabled = true
    for (let [stage, share] of STAGES) {
      if (!node.isConnected) return // somebody deleted it meanwhile
      run('Thinking', () => service.processMemory(id, stage, share))
      await new Promise(resolve => setTimeout(resolve, STAGE_MS))
    }
    think.disabled = false
  }

  return {
    node,
    update(item) {
      text(content, item.content)
      let changed = item.updatedAt === item.at ? '' : `, changed by ${nameOf(item.updatedBy)} ${ago(item.updatedAt)}`
      text(about, `${spoken(item.emotion ?? 'no emotion')} · ${nameOf(item.by)}, ${ago(item.at)}${changed}`)
      show(isNew, !item.read)
      show(read, !item.read && item.updatedBy !== user)
      show(progress.node, item.processing !== null)
      if (item.processing) progress.set(item.processing.progress, spoken(item.processing.stage))
      show(insights, item.insights.length > 0)
      showInsights(item.insights)
    }
  }
}
