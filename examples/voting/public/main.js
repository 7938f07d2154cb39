// Friday's film: who looks at it (`?as=ben`), the connection, and the panels of the room.

import { createRealtime } from 'realtime-stores'
import { createDecidingRoom } from 'realtime-stores/kits/deciding'
import { keepFocus } from '/shared/focus.js'
import { $, h, nameOf } from './dom.js'
import { showMessages } from './panels/messages.js'
import { showPeople } from './panels/people.js'
import { showQueue } from './panels/queue.js'
import { showRecommendations } from './panels/recommendations.js'
import { showVotes } from './panels/votes.js'

keepFocus()

let PEOPLE = ['ada', 'ben', 'cleo', 'dan']
let asked = new URLSearchParams(location.search).get('as')
let me = PEOPLE.includes(asked) ? asked : 'ada'

for (let user of PEOPLE)
  $('who').append(h('a', { href: `?as=${user}`, ...(user === me && { 'aria-current': 'page' }) }, nameOf(user)))

let client = createRealtime({
  url: `${location.origin.replace('http', 'ws')}/realtime`,
  app: 'voting',
  user: me,
  token: `token-of-${me}`
})
let room = createDecidingRoom(client, 'friday')
/** What was told, once for each event: for whoever looks with a console, and for tests. */
window.heard = []
for (let type of ['voteUpdate', 'matchFound', 'roomStateChanged', 'memberStatusChanged'])
  room.on(type, detail => window.heard.push({ type, detail }))
window.room = room
client.connect()

client.$connection.subscribe(({ phase, pending }) => {
  let waits = pending.count > 0 ? `, ${pending.count} waiting` : ''
  $('phase').textContent = (phase === 'online' ? 'Online' : phase === 'closed' ? 'Offline' : 'Connecting …') + waits
  $('phase').dataset.phase = phase
})

let isOff = false
$('cable').onclick = () => {
  isOff = !isOff
  if (isOff) client.disconnect()
  else client.connect()
  $('cable').setAttribute('aria-pressed', String(isOff))
}

// Somebody opens the page to take part; whoever has left stays out until they say otherwise.
room.$votes.subscribe(({ members }) => {
  let isIn = members.some(({ userId }) => userId === me)
  $('membership').textContent = isIn ? 'Leave the room' : 'Join the room'
  $('membership').hidden = false
  $('membership').onclick = () => (isIn ? room.leaveRoom() : room.joinRoom(nameOf(me)))
})
if (!localStorage.getItem(`voting-${me}`)) {
  localStorage.setItem(`voting-${me}`, 'came')
  room.joinRoom(nameOf(me))
}

let WHY = {
  'already-voted': 'You have voted on that already.',
  'not-member': 'Only members do that. Join the room first.',
  'vote-closed': 'That vote was over.',
  'not-current': 'Somebody else was faster.',
  forbidden: 'Only the host does that.'
}
client.rejected.subscribe(rows => {
  $('refused').hidden = rows.length === 0
  $('refused').replaceChildren()
  if (rows.length === 0) return
  let words = rows.map(({ code }) => WHY[code] ?? `The server refused: ${code}.`)
  let dismiss = () => {
    for (let { row } of rows) client.rejected.discard(row.id)
  }
  $('refused').append([...new Set(words)].join(' '), h('button', { type: 'button', onclick: dismiss }, 'All right'))
})

showVotes(room, me)
showQueue(room, me)
showPeople(room, me)
showRecommendations(room)
showMessages(room, me)
