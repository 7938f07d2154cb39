// The whole at a glance, derived by the library and set by nobody.

import { meter } from '../controls.js'
import { attribute, h, keyed, show, text, watch } from '../dom.js'
import { panel } from '../panel.js'
import { spoken } from '../words.js'

export function statusPanel(client) {
  let health = h('p', { class: 'health' })
  let score = meter('Health')
  let reasons = h('ul', { class: 'notes' })
  let showReasons = keyed(
    reasons,
    reason => ({ node: h('li', {}, spoken(reason)) }),
    reason => reason
  )
  let features = h('ul', { class: 'features' })
  let showFeatures = keyed(features, ({ id }) => {
    let state = h('span', { class: 'about' })
    let node = h('li', {}, `${spoken(id)} `, state)
    return {
      node,
      update({ is }) {
        attribute(node, 'data-is', is)
        text(state, is)
      }
    }
  })
  let view = panel(client, { name: 'status', title: 'System status' }, health, score.node, reasons, features)

  watch(
    client.stores.status,
    ({ systemHealth, healthScore, reasons: why, features: all, hasActiveFeatures, activeFeatures }) => {
      attribute(health, 'data-health', systemHealth)
      text(
        health,
        `${spoken(systemHealth)}. ${hasActiveFeatures ? `At work: ${activeFeatures.join(', ')}.` : 'Nothing is at work now.'}`
      )
      score.set(healthScore / 100, `${healthScore} of 100`)
      showReasons(why)
      show(reasons, why.length > 0)
      showFeatures(Object.entries(all).map(([id, is]) => ({ id, is })))
      view.digest(`${spoken(systemHealth)}, ${healthScore}`)
    }
  )
  return view.node
}
