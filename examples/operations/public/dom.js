// The few things this page needs to build and change elements. Text is always text, never markup.

/** An element: `h('p', { class: 'note' }, 'Hello ', h('b', {}, 'you'))`. Functions are listeners: `onclick`. */
export function h(tag, props = {}, ...children) {
  let node = document.createElement(tag)
  for (let [name, value] of Object.entries(props)) {
    if (typeof value === 'function') node.addEventListener(name.slice(2), value)
    else attribute(node, name, value)
  }
  node.append(...children.filter(child => child !== null && child !== undefined))
  return node
}

/** Sets an attribute; `true` stands without a value, `false` and `null` take it away. Touches nothing that stays the same. */
export function attribute(node, name, value) {
  if (value === false || value === null || value === undefined) node.removeAttribute(name)
  else if (node.getAttribute(name) !== (value === true ? '' : String(value)))
    node.setAttribute(name, value === true ? '' : value)
}

export function text(node, value) {
  if (node.textContent !== String(value)) node.textContent = value
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
    for (let [id, { node, close }] of known) {
      if (next.has(id)) continue
      close?.()
      node.remove()
    }
    known = next
  }
}

/** Calls at once and then once a frame at most, with the newest value. Returns a stop function. */
export function watch(store, render) {
  let isWaiting = false
  let isStopped = false
  render(store.get())
  let stop = store.listen(() => {
    if (isWaiting) return
    isWaiting = true
    requestAnimationFrame(() => {
      isWaiting = false
      if (!isStopped) render(store.get())
    })
  })
  return () => {
    isStopped = true
    stop()
  }
}

/** A time of day, or with the date when it is not of today. */
export function when(at) {
  if (at === null) return '–'
  let time = new Date(at)
  let isToday = time.toDateString() === new Date().toDateString()
  return isToday ? time.toLocaleTimeString() : time.toLocaleString()
}
