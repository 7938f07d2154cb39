// How a handler that observes says what it has seen: nobody waits for it, and what could not be said is reported.

import type { AnyFeature } from '../../feature.js'
import type { Report } from '../../ports.js'
import type { Hub } from '../../server/hub.js'

/** In whose name the server speaks. */
export const SERVER = 'server'

export interface Teller {
  /** `refused`: called when it could not be stored. */
  push(room: string, feature: AnyFeature, type: string, data: unknown, refused?: () => void): void
  cast(room: string, feature: AnyFeature, type: string, data: unknown): void
  /** Resolves when all that was pushed is stored, or was reported. */
  settled(): Promise<void>
}

export function createTeller(hub: Hub, report: Report = () => {}): Teller {
  let underWay = new Set<Promise<void>>()
  return {
    push(room, feature, type, data, refused = () => {}) {
      let done: Promise<void> = hub
        .room(room)
        .push(feature, type, data, { by: SERVER })
        .then(
          () => {},
          error => {
            report('error', 'not-stored', { room, type, error })
            refused()
          }
        )
        .finally(() => underWay.delete(done))
      underWay.add(done)
    },
    cast(room, feature, type, data) {
      try {
        hub.room(room).cast(feature, type, data, { by: SERVER })
      } catch (error) {
        // Such as after the hub was closed, when nobody is there to be told.
        report('warn', 'not-told', { room, type, error })
      }
    },
    async settled() {
      while (underWay.size > 0) await Promise.all(underWay)
    }
  }
}
