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

/** Puts these children into an element, keeping those that are there already, and with them focus and scrolling. */
export function place(parent, children) {
  children.forEach((child, i) => {
    if (parent.children[i] !== child) parent.insertBefore(child, parent.children[i] ?? null)
  })
  while (parent.children.length > children.length) parent.lastElementChild.remove()
}

export function time(at) {
  return new Date(at).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' })
}

export function nameOf(user) {
  return user.charAt(0).toUpperCase() + user.slice(1)
}
