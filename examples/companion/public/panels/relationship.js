// How the two are doing: a score with its trend, insights, recommendations, and conflicts that are still open.

import { button, field, line, select, slider } from '../controls.js'
import { attribute, h, keyed, show, svg, text, watch } from '../dom.js'
import { panel } from '../panel.js'
import { ago, nameOf, plural, spoken } from '../words.js'

const TRENDS = { rising: 'Rising', falling: 'Falling', steady: 'Steady' }
const SEVERITIES = ['low', 'medium', 'high'].map(id => ({ id, label: spoken(id) }))
const SHOWN = 8

export function relationshipPanel(client) {
  let { service, stores, run } = client
  let score = h('strong', { class: 'rate' }, '–')
  let trend = h('span', {})
  let history = svg('svg', { class: 'spark', viewBox: '0 0 200 44', role: 'img', preserveAspectRatio: 'none' })
  let set = slider({
    label: 'Health score',
    min: 0,
    max: 100,
    value: 70,
    onchange: value => run('Score', () => service.updateHealthScore(value))
  })
  let severity = select(SEVERITIES, 'medium')

  let insights = notes(client, 'Insights')
  let recommendations = notes(client, 'Recommendations', {
    label: 'Dismiss',
    act: id => service.dismissRecommendation(id)
  })
  let conflicts = notes(client, 'Open conflicts', { label: 'Resolve', act: id => service.resolveConflict(id) })

  let view = panel(
    client,
    { name: 'relationship', title: 'Relationship' },
    h('div', { class: 'pair numbers' }, h('p', {}, score, trend), history),
    set.node,
    insights.node,
    line({
      label: 'An insight',
      placeholder: 'We laugh more in the mornings',
      action: 'Add',
      send: words => run('Insight', () => service.addInsight(words)) !== undefined
    }),
    recommendations.node,
    line({
      label: 'A recommendation',
      placeholder: 'Breakfast without phones',
      action: 'Add',
      send: words => run('Recommendation', () => service.addRecommendation(words)) !== undefined
    }),
    conflicts.node,
    line({
      label: 'A conflict',
      placeholder: 'The holidays',
      action: 'Raise',
      extra: [field('Severity', severity)],
      send: words => run('Conflict', () => service.raiseConflict(words, severity.value)) !== undefined
    })
  )

  watch(stores.relationship, state => {
    text(score, state.healthScore === null ? '–' : Math.round(state.healthScore))
    text(trend, state.healthScore === null ? 'not known yet' : state.trend === null ? 'of 100' : TRENDS[state.trend])
    if (state.healthScore !== null) set.follow(state.healthScore)
    drawScores(state.scores.map(entry => entry.score))
    insights.set(state.insights)
    recommendations.set(state.recommendations)
    conflicts.set(state.conflicts)
    view.badge(state.conflicts.length, 'open conflicts')
    view.digest(
      state.healthScore === null
        ? ''
        : `${Math.round(state.healthScore)} of 100${state.conflicts.length ? `, ${plural(state.conflicts.length, 'conflict')}` : ''}`
    )
  })

  function drawScores(scores) {
    show(history, scores.length > 1)
    let d = scores
      .map((value, i) => `${i === 0 ? 'M' : 'L'}${4 + (i / Math.max(1, scores.length - 1)) * 192} ${40 - value * 0.36}`)
      .join('')
    history.replaceChildren(svg('path', { class: 'curve', d }))
    attribute(history, 'aria-label', `The last scores: ${scores.join(', ')}`)
  }
  return view.node
}

/** A list of notes with their author; with `action`, each has a button. */
function notes({ run }, title, action) {
  let list = h('ul', { class: 'notes' })
  let node = h('section', { class: 'note-group', hidden: true }, h('h4', {}, title), list)
  let showItems = keyed(list, ({ id, text: words, by, at, severity }) => ({
    node: h(
      'li',
      { 'data-severity': severity ?? null },
      h(
        'span',
        {},
        words,
        ' ',
        h('span', { class: 'about' }, `${severity ? `${spoken(severity)}, ` : ''}${nameOf(by)}, ${ago(at)}`)
      ),
      action ? button(action.label, () => run(action.label, () => action.act(id)), 'small') : null
    )
  }))
  return {
    node,
    set(items) {
      show(node, items.length > 0)
      showItems(items.slice(-SHOWN).reverse())
    }
  }
}
