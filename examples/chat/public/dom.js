// Small helpers for elements. `h('button', { onclick }, 'Send')`; whatever is no property is an attribute.

export function h(name, props = {}, ...children) {
  let element = document.createElement(name)
  for (let [key, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) continue
    if (key in element && key !== 'list') element[key] = value
    else element.setAttribute(key, value === true ? '' : value)
  }
  element.append(...children.filter(child => child !== null && child !== undefined && child !== false))
  return element
}

/** Puts these children into an element, keeping those that are there already, and with them scrolling and focus. */
export function place(parent, children) {
  let focused = parent.contains(document.activeElement) ? document.activeElement : null
  let item = [...parent.children].find(child => child.contains(focused))
  let number = focused && item ? buttonsOf(item).indexOf(focused) : -1
  children.forEach((child, i) => {
    if (parent.children[i] !== child) parent.insertBefore(child, parent.children[i] ?? null)
  })
  while (parent.children.length > children.length) parent.lastElementChild.remove()
  if (!focused || document.activeElement === focused) return
  // Drawn anew or moved: whoever uses the keyboard goes on where they were.
  let again = item && children.find(child => child.dataset.id === item.dataset.id)
  let target = focused.isConnected ? focused : again && (buttonsOf(again)[number] ?? buttonsOf(again)[0])
  target?.focus({ preventScroll: true })
}

function buttonsOf(element) {
  return [...element.querySelectorAll('button')]
}

export function time(at) {
  return new Date(at).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' })
}

export function nameOf(user) {
  return user.charAt(0).toUpperCase() + user.slice(1)
}
