// Elements, and lists of them that keep what has the focus where it is.

export let $ = id => document.getElementById(id)

/** `h('button', { type: 'button', onclick }, 'Like')` */
export function h(tag, props = {}, ...children) {
  let element = document.createElement(tag)
  for (let [name, value] of Object.entries(props)) {
    if (name.startsWith('aria-') || name.startsWith('data-')) element.setAttribute(name, value)
    else element[name] = value
  }
  element.append(...children)
  return element
}

/**
 * Shows a list: one element for each item, kept as long as an item of its key is there. `create(key)` makes one with an `update`
 * for its item.
 */
export function createList(parent, keyOf, create) {
  let shown = new Map()
  return items => {
    let keys = new Set(items.map(keyOf))
    for (let [key, { element }] of shown) {
      if (keys.has(key)) continue
      element.remove()
      shown.delete(key)
    }
    for (let [i, item] of items.entries()) {
      let key = keyOf(item)
      let entry = shown.get(key) ?? create(key)
      shown.set(key, entry)
      entry.update(item, i, items)
      if (parent.children[i] !== entry.element) {
        let focused = entry.element.contains(document.activeElement) ? document.activeElement : null
        parent.insertBefore(entry.element, parent.children[i] ?? null)
        focused?.focus()
      }
    }
  }
}

export let nameOf = user => user.charAt(0).toUpperCase() + user.slice(1)
export let timeOf = at => new Date(at).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' })
