// The server of conversations, for end-to-end tests: lists are kept, and what notifiers are told is counted.
//   /mentions  {} → whom the notifier was told of, with the keys

import { createInbox } from '../../../dist/handlers/inbox.js'

export function install(hub) {
  let mentions = []
  createInbox(hub, { onMention: ({ user, key }) => void mentions.push([user, key]) })
  return { mentions: () => mentions }
}
