// Tells the room of operations who is connected, as often as that changes, and ends sessions that its members want ended.

import { MAX_SESSIONS, sessions } from '../features/sessions.js'
import { OPERATIONS_ROOM } from '../features/system.js'
import type { Hub } from '../server/hub.js'
import { createTeller } from './support/teller.js'

export interface SessionsOptions {
  /** It must run the feature `sessions`. */
  readonly hub: Hub
  /** Milliseconds between two looks; default 1,000. */
  readonly every?: number
}

export interface Sessions {
  close(): void
}

/** Starts to look. */
export function createSessions({ hub, every = 1000 }: SessionsOptions): Sessions {
  let { clock } = hub
  let teller = createTeller(hub)
  let told = ''
  let look = (): void => {
    stopTimer = clock.after(every, look)
    let all = hub.sessions()
    let listed = all.slice(0, MAX_SESSIONS).map(({ sid, user, app, platform, since, rooms }) => ({
      ...{ sid, user, app, platform: platform?.slice(0, 64) ?? null, since: Math.floor(since) },
      rooms: rooms.length
    }))
    let now = JSON.stringify([all.length, listed])
    if (now === told) return
    told = now
    let data = { at: Math.floor(clock.now()), total: all.length, sessions: listed }
    teller.cast(OPERATIONS_ROOM, sessions, 'sessions:list', data)
  }
  let stopTimer = clock.after(0, look)
  let stopWatching = hub.watch(sessions, ({ room, events }) => {
    if (room !== OPERATIONS_ROOM) return
    for (let { type, data } of events) {
      if (type === 'sessions:end') hub.revoke(data as { sid: string }, 'ended by an admin')
    }
  })
  return {
    close() {
      stopTimer()
      stopWatching()
    }
  }
}
