// What there is to worry about, and who sees to it.

import { healthOf, OPERATIONS_ROOM, openAlerts, system } from 'realtime-stores/features/system'
import { attribute, h, keyed, text, watch, when } from '../dom.js'

export let title = 'Alerts'
export let isForAdmins = true

let HEALTH = {
  unknown: 'Nothing is known yet.',
  ok: 'All is well.',
  warning: 'There is something to look at.',
  critical: 'Something is wrong.',
  stopping: 'The server was stopped.'
}

export function mount(body, { client, say }) {
  let { $state, acknowledgeAlert } = client.room(OPERATIONS_ROOM).use(system)
  let health = h('p', { class: 'health' })
  let list = h('ul', { class: 'list' })
  body.append(health, list)
  let told = new Set()
  let show = keyed(list, alert => {
    let what = h('p')
    let button = h('button', { type: 'button', onclick: () => acknowledgeAlert(alert.id) }, 'I see to it')
    let node = h('li', { class: 'alert' }, what, button)
    return {
      node,
      update({ metric, level, value, at, clearedAt, acknowledged }) {
        attribute(node, 'data-level', clearedAt === null ? level : 'over')
        let until = clearedAt === null ? 'lasts' : `over since ${when(clearedAt)}`
        let by = acknowledged ? `, ${acknowledged.by} sees to it` : ''
        text(
          what,
          `${level === 'critical' ? 'Critical' : 'Warning'}: ${metric} was ${value} at ${when(at)}, ${until}${by}`
        )
        button.hidden = acknowledged !== null || clearedAt !== null
      }
    }
  })
  watch($state, state => {
    let now = healthOf(state)
    attribute(health, 'data-health', now)
    text(health, HEALTH[now])
    show([...state.alerts].reverse().slice(0, 10))
    for (let { id, level, metric } of openAlerts(state)) {
      if (!told.has(id)) say(`${level}: ${metric}`)
      told.add(id)
    }
  })
}
