// Which connection ids are known, so that a client that comes back within the grace keeps its own and nobody else can take it.

import type { Clock, Random, Stop } from '../ports.js'

export interface Sessions {
  /** The id of a new connection: `wanted`, if the same client had it, else a new one. Ends the connection that has it now. */
  enter(wanted: string | undefined, client: string, end: () => void): string
  /** The connection is gone; its id can be resumed for a while. */
  leave(sid: string, end: () => void): void
  /** The connection is gone for good, and its id with it. */
  forget(sid: string, end: () => void): void
  close(): void
}

interface Session {
  readonly client: string
  end: (() => void) | null
  stop: Stop | null
}

export function createSessions(clock: Clock, random: Random, grace: number): Sessions {
  let sessions = new Map<string, Session>()
  return {
    enter(wanted, client, end) {
      let session = wanted === undefined ? undefined : sessions.get(wanted)
      if (wanted === undefined || session?.client !== client) {
        let sid = random.id()
        sessions.set(sid, { client, end, stop: null })
        return sid
      }
      let before = session.end
      session.stop?.()
      session.stop = null
      session.end = end
      before?.()
      return wanted
    },
    leave(sid, end) {
      let session = sessions.get(sid)
      if (session?.end !== end) return
      session.end = null
      session.stop = clock.after(grace, () => sessions.delete(sid))
    },
    forget(sid, end) {
      if (sessions.get(sid)?.end === end) sessions.delete(sid)
    },
    close() {
      for (let { stop } of sessions.values()) stop?.()
      sessions.clear()
    }
  }
}
