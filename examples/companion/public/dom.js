// The few things this page needs to build and change elements.

import { attribute } from '/shared/elements.js'

export { attribute, h, svg, text } from '/shared/elements.js'

export function show(node, visible) {
  if (node instanceof SVGElement)
    attribute(node, 'display', visible ? null : 'none') // pictures know no `hidden`
  else if (node.hidden === visible) node.hidden = !visible
}

let nextId = 1
/** Ties labels and descriptions to what they are about. */
export function freshId(word) {
  return `${word}-${nextId++}`
}

/**
 * Renders a list so that an item keeps its element, and with it its focus. `create(item)` returns `{ node, update(item) }`.
 */
export function keyed(parent, create, key = item => item.id) {
  let known = new Map()
  return items => {
    let next = new Map()
    let place = parent.firstElementChild
    for (let item of items) {
      let id = key(item)
      let entry = known.get(id) ?? create(item)
      next.set(id, entry)
      entry.update?.(item)
      if (entry.node === place) place = place.nextElementSibling
      else parent.insertBefore(entry.node, place)
    }
    for (let [id, { node }] of known) {
      if (next.has(id)) continue
      if (node.contains(document.activeElement))
        parent.closest('details, section')?.querySelector('summary, h2, h3')?.focus()
      node.remove()
    }
    known = next
  }
}

/** Calls at once and then once a frame at most, with the newest value. Returns a stop function. */
export function watch(store, render) {
  let waiting = false
  let first = true
  let stopped = false
  let stop = store.subscribe(() => {
    if (first) {
      first = false
      render(store.get())
    } else if (!waiting) {
      waiting = true
      requestAnimationFrame(() => {
        waiting = false
        if (!stopped) render(store.get())
      })
    }
  })
  return () => {
    stopped = true
    stop()
  }
}

/** Calls twice a second, for ages and countdowns. */
export function tick(call) {
  setInterval(call, 500)
}
