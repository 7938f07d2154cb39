// The page: one person, a connection, and the panels.

import { createRealtime } from 'realtime-stores'
import { browserDevices } from 'realtime-stores/devices/all'
import { keepFocus } from '/shared/focus.js'
import { h, text, watch } from './dom.js'
import { panels } from './panels.js'
import { work } from './work.js'

keepFocus()

let PEOPLE = { ada: 'Ada, admin', ben: 'Ben, admin', cleo: 'Cleo' }

let asked = new URLSearchParams(location.search).get('as') ?? 'ada'
let me = Object.hasOwn(PEOPLE, asked) ? asked : 'ada'
let isAdmin = me !== 'cleo'
let client = createRealtime({
  url: '/realtime',
  app: 'operations',
  user: me,
  token: `token-of-${me}`,
  devices: browserDevices()
})
/** For whoever wants to look behind the page. */
globalThis.operations = { client }

let live = document.querySelector('#live')
let say = words => text(live, words)

document
  .querySelector('#who')
  .append(
    ...Object.entries(PEOPLE).map(([id, name]) =>
      h('a', { href: `?as=${id}`, 'aria-current': id === me ? 'page' : null }, name)
    )
  )
let phase = document.querySelector('#phase')
watch(client.$connection, ({ phase: now, pending }) => {
  phase.dataset.phase = now
  let waiting = pending.count === 0 ? '' : `, ${pending.count} waiting`
  text(phase, `${now === 'online' ? 'Connected' : 'Not connected'}${waiting}`)
})

let { doWork } = client.room('work').use(work)
document.querySelector('#work').addEventListener('click', () => {
  for (let i = 0; i < 300; i++) doWork(10)
  say('Work for three seconds was handed in.')
})

let main = document.querySelector('main')
for (let [id, { title, isForAdmins, mount }] of Object.entries(panels)) {
  let body = h('div', { class: 'body' })
  main.append(
    h('section', { id, class: 'panel', 'aria-labelledby': `${id}-title` }, h('h2', { id: `${id}-title` }, title), body)
  )
  if (isForAdmins && !isAdmin) body.append(h('p', { class: 'note' }, 'This is for admins.'))
  else mount(body, { client, me, isAdmin, say })
}

/** What was refused is told, and not kept. */
client.rejected.subscribe(rows => {
  for (let { row, code } of rows) {
    say(`Refused: ${row.type.replace(':', ' ')}, ${code}.`)
    void client.rejected.discard(row.id)
  }
})

client.connect()
