// What the server allows.

import { RealtimeError } from 'realtime-stores'
import { defaultPolicy, type Policy } from 'realtime-stores/server'

export let policy: Policy = request => {
  let { text } = (request.data ?? {}) as { text?: string }
  if (request.type === 'added' && text?.includes('yacht')) throw new RealtimeError('too-dear', 'That is too dear.')
  return defaultPolicy(request)
}
