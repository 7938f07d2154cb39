// The column of one client: its head, the companion, the outbox, and a panel for each feature.

import { createClient } from './client.js'
import { h } from './dom.js'
import { createNotices } from './notices.js'
import { connectionPanel } from './panels/connection.js'
import { eventsPanel } from './panels/events.js'
import { clientHead } from './panels/head.js'
import { heartPanel } from './panels/heart.js'
import { memoriesPanel } from './panels/memories.js'
import { moodControls } from './panels/mood.js'
import { outboxView } from './panels/outbox.js'
import { presencePanel } from './panels/presence.js'
import { relationshipPanel } from './panels/relationship.js'
import { scenePanel } from './panels/scene.js'
import { stage } from './panels/stage.js'
import { statusPanel } from './panels/status.js'
import { touchPanel } from './panels/touch.js'
import { voicePanel } from './panels/voice.js'

const PANELS = [
  heartPanel,
  memoriesPanel,
  touchPanel,
  voicePanel,
  relationshipPanel,
  scenePanel,
  presencePanel,
  eventsPanel,
  statusPanel,
  connectionPanel
]

export function clientView({ user, address }) {
  let notices = createNotices()
  let client = createClient({ user, address, notify: notices.notify })
  let node = h(
    'section',
    { class: 'client', id: user, 'data-user': user, 'aria-labelledby': `${user}-name` },
    clientHead(client),
    notices.node,
    h('div', { class: 'card companion' }, stage(client), moodControls(client)),
    outboxView(client),
    ...PANELS.map(create => create(client))
  )
  return { node, client }
}
