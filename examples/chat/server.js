// The server of a small messenger: conversations for members only, lists of conversations, who types and who was there when.
// Whoever the page says it is, is believed here; in earnest a token from a login says so.

import { chat } from 'realtime-stores/features/chat'
import { conversations } from 'realtime-stores/features/conversations'
import { personaStatus } from 'realtime-stores/features/persona-status'
import { typing } from 'realtime-stores/features/typing'
import { conversationPolicy } from 'realtime-stores/handlers/conversation-policy'
import { createInbox } from 'realtime-stores/handlers/inbox'
import { keepLastSeen } from 'realtime-stores/handlers/last-seen'
import { defaultPolicy } from 'realtime-stores/server'

export let features = [chat, conversations, typing, personaStatus]

let hub

/** While a conversation is titled «Quiet», nothing may be said in it: so that refusals can be seen. */
function quiet(request) {
  if (!defaultPolicy(request)) return false
  return request.type === 'message' && request.state?.title === 'Quiet' ? 'quiet-hours' : true
}

export let policy = conversationPolicy({ hub: () => hub, otherwise: quiet })

/** Two conversations are there from the start, each with its members. */
let CONVERSATIONS = [
  ['conversation:garden', 'Garden', ['ada', 'ben', 'cleo']],
  ['conversation:kitchen', 'Kitchen', ['ada', 'ben']]
]

export async function start(started) {
  hub = started
  let stops = [createInbox(hub), keepLastSeen(hub)]
  for (let [id, title, members] of CONVERSATIONS) {
    let room = hub.room(id)
    for (let by of members) await room.push(chat, 'joined', {}, { by, key: `member-${by}` })
    await room.push(chat, 'titled', { title }, { by: 'ada', key: 'title' })
  }
  return () => {
    for (let stop of stops) stop()
  }
}

export let hints = [
  'Two people side by side; one alone with ?as=ada, ?as=ben or ?as=cleo, in as many tabs as you like.',
  'Go offline in the browser’s tools, write, reload, and come back.',
  'Rename a conversation to «Quiet»: what is sent then is refused. Rename it back, and try again.'
]
