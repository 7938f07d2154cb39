// The few things this page needs to build and change elements. Text is always text, never markup.

export { attribute, h, text } from '/shared/elements.js'

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
