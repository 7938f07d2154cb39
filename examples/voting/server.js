// The server of a room that chooses a film: announces what is agreed on, recommends, tells, carries private messages. Ada is the host.
// Who one is comes from a token, which in earnest would come from a login.

import { privateMessages } from 'realtime-stores/features/private-messages'
import { queue } from 'realtime-stores/features/queue'
import { recommendations } from 'realtime-stores/features/recommendations'
import { systemMessages } from 'realtime-stores/features/system-messages'
import { votes } from 'realtime-stores/features/votes'
import { createDeciding } from 'realtime-stores/handlers/deciding'
import { decidingPolicy } from 'realtime-stores/handlers/deciding-policy'
import { RealtimeError } from 'realtime-stores/server'

let ROOM = 'friday'
let PEOPLE = {
  'token-of-ada': { user: 'ada', claims: { role: 'host' } },
  'token-of-ben': { user: 'ben', claims: { role: 'guest' } },
  'token-of-cleo': { user: 'cleo', claims: { role: 'guest' } },
  'token-of-dan': { user: 'dan', claims: { role: 'guest' } }
}

export let features = [votes, queue, recommendations, systemMessages, privateMessages]

export let policy = decidingPolicy({
  mayEnter: ({ room }) => room === ROOM,
  isHost: ({ claims }) => claims?.role === 'host',
  membersOnly: true
})

export function authenticate({ token }) {
  let identity = Object.hasOwn(PEOPLE, token) ? PEOPLE[token] : null
  if (!identity) throw new RealtimeError('unauthorized', 'nobody has this token')
  return identity
}

/** Who is gone shows after two seconds. */
export let limits = { presenceGrace: 2000 }

export let hints = [
  'Open it as two or three people, in windows of their own: ?as=ben, ?as=cleo, ?as=dan. Ada is the host.',
  'Vote while a window is offline, kill the server in the middle: every vote counts once.'
]

export async function start(hub) {
  let deciding = createDeciding(hub, { report: console.error })
  let propose = (mediaId, mediaTitle) =>
    hub.room(ROOM).push(votes, 'proposed', { mediaId, mediaTitle }, { by: 'house', key: `first-${mediaId}` })
  await propose('alien', 'Alien')
  await propose('brazil', 'Brazil')
  await propose('stalker', 'Stalker')
  let recommended = [
    { mediaId: 'metropolis', mediaTitle: 'Metropolis', reason: 'You like cities', score: 0.92 },
    { mediaId: 'playtime', mediaTitle: 'Playtime', reason: 'For a light evening', score: 0.81 }
  ]
  await deciding.recommend(ROOM, recommended, { key: 'first' })
  await deciding.tellRoom(ROOM, 'Welcome. What everybody likes is what we watch.', { key: 'welcome' })
  return () => deciding.close()
}
