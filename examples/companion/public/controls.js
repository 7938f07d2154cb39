// Buttons, fields and groups, each with its label.

import { attribute, freshId, h, text } from './dom.js'

export function button(label, onclick, kind = '') {
  return h('button', { type: 'button', class: `button ${kind}`.trim(), onclick }, label)
}

/** A labelled control of any kind: `field('Text', h('input'))`. */
export function field(label, control) {
  let id = freshId('field')
  control.id = id
  return h('div', { class: 'field' }, h('label', { for: id }, label), control)
}

export function select(options, value) {
  return h('select', {}, ...options.map(({ id, label }) => h('option', { value: id, selected: id === value }, label)))
}

/** A slider that says its value. `say` turns the number into words. */
export function slider({ label, min, max, step = 1, value, say = String, oninput, onchange }) {
  let id = freshId('slider')
  let output = h('output', { for: id }, say(value))
  let input = h('input', {
    type: 'range',
    id,
    min,
    max,
    step,
    value,
    oninput() {
      spell()
      oninput?.(Number(input.value))
    },
    onchange: () => onchange?.(Number(input.value))
  })
  let spell = () => {
    text(output, say(Number(input.value)))
    attribute(input, 'aria-valuetext', say(Number(input.value)))
  }
  spell()
  return {
    node: h('div', { class: 'field slider' }, h('label', { for: id }, label), input, output),
    value: () => Number(input.value),
    /** Follows a value from elsewhere, unless it is being moved here. */
    follow(next) {
      if (document.activeElement === input && input.matches(':active')) return
      input.value = next
      spell()
    }
  }
}

/** A group of buttons. `mark(id)` presses the one that is in effect. */
export function choices({ legend, options, choose, pressed = true }) {
  let buttons = new Map(
    options.map(({ id, label }) => [
      id,
      h(
        'button',
        {
          type: 'button',
          class: 'chip',
          'data-choice': id,
          'aria-pressed': pressed ? 'false' : null,
          onclick: () => choose(id)
        },
        label
      )
    ])
  )
  return {
    node: h(
      'fieldset',
      { class: 'choices' },
      h('legend', {}, legend),
      h('div', { class: 'chips' }, ...buttons.values())
    ),
    mark(id) {
      for (let [key, node] of buttons) attribute(node, 'aria-pressed', String(key === id))
    }
  }
}

/** On or off. */
export function toggle(label, onflip) {
  let node = h(
    'button',
    {
      type: 'button',
      class: 'switch',
      role: 'switch',
      'aria-checked': 'false',
      onclick: () => onflip(node.getAttribute('aria-checked') !== 'true')
    },
    h('span', { class: 'knob', 'aria-hidden': 'true' }),
    h('span', { class: 'switch-label' }, label)
  )
  return { node, set: on => attribute(node, 'aria-checked', String(on)) }
}

/** A form that hands over its text and empties itself, unless `send` returns false. */
export function line({ label, placeholder, action, send, extra = [], max = 200 }) {
  let input = h('input', { type: 'text', placeholder, maxlength: max, required: true, autocomplete: 'off' })
  let form = h(
    'form',
    {
      class: 'line',
      onsubmit(event) {
        event.preventDefault()
        if (send(input.value.trim()) !== false) form.reset()
      }
    },
    field(label, input),
    ...extra,
    h('button', { class: 'button' }, action)
  )
  return form
}

/** A progress bar with its label. */
export function meter(label) {
  let id = freshId('meter')
  let bar = h('progress', { id, max: 1, value: 0 })
  let output = h('span', { class: 'meter-value' }, '0 %')
  return {
    node: h('div', { class: 'field meter' }, h('label', { for: id }, label), bar, output),
    set(share, words = `${Math.round(share * 100)} %`) {
      if (bar.value !== share) bar.value = share
      text(output, words)
    }
  }
}

/** Name and value pairs. `set({ name: value })` */
export function facts(names) {
  let cells = Object.fromEntries(Object.keys(names).map(key => [key, h('dd')]))
  return {
    node: h(
      'dl',
      { class: 'facts' },
      ...Object.entries(names).map(([key, name]) => h('div', {}, h('dt', {}, name), cells[key]))
    ),
    set(values) {
      for (let key of Object.keys(values)) text(cells[key], values[key])
    }
  }
}

/** What is said when a list is empty. */
export function emptyNote(words) {
  return h('p', { class: 'empty' }, words)
}
