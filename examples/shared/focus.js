// Keeps whoever uses the keyboard where they are: when what had the focus is gone, hidden or disabled, what has come into its place in
// its panel has it, and else the panel's heading. Takes the focus from nothing that can be used.

const USABLE = 'a[href], button, input, select, summary, [tabindex="0"]'

let usable = element => element.isConnected && !element.disabled && element.getClientRects().length > 0
let usableIn = panel => [...panel.querySelectorAll(USABLE)].filter(usable)

export function keepFocus() {
  let last = null
  document.addEventListener('focusin', ({ target }) => {
    let panel = target.closest('section')
    last = panel && { target, panel, place: usableIn(panel).indexOf(target) }
  })
  // Gone somewhere else on purpose.
  document.addEventListener('pointerdown', ({ target }) => {
    if (last && !last.panel.contains(target)) last = null
  })

  function look() {
    let { activeElement } = document
    if (!last || usable(last.target) || (activeElement !== document.body && activeElement !== last.target)) return
    let { panel, place } = last
    last = null
    let others = usableIn(panel)
    let next = others[Math.min(place, others.length - 1)] ?? panel.querySelector('h2')
    if (next?.matches('h2')) next.tabIndex = -1
    next?.focus({ preventScroll: true })
  }
  new MutationObserver(look).observe(document.body, {
    subtree: true,
    childList: true,
    attributeFilter: ['disabled', 'hidden']
  })
}
