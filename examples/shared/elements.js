// Elements for the pages of the examples. Text is always text, never markup.

const SVG = 'http://www.w3.org/2000/svg'

/** An element: `h('p', { class: 'note' }, 'Hello ', h('b', {}, 'you'))`. Functions are listeners: `onclick`. */
export function h(tag, props, ...children) {
  return fill(document.createElement(tag), props, children)
}

/** The same for pictures. */
export function svg(tag, props, ...children) {
  return fill(document.createElementNS(SVG, tag), props, children)
}

function fill(node, props = {}, children = []) {
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
