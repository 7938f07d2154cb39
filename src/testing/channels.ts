// Messages between the pages of one device: in order, never to oneself, and lost where the test says so.

import type { OpenChannel } from '../ports.js'
import type { Life } from './life.js'

/** How the pages of one device talk to each other. */
export interface Channels {
  /** Whether the next message to one page gets lost. */
  lost: () => boolean
  openIn(life: Life): OpenChannel
}

/** Creates the channels of a device. */
export function createChannels(): Channels {
  let rooms = new Map<string, Set<(message: unknown) => void>>()
  let channels: Channels = {
    lost: () => false,
    openIn: life => (name, receive) => {
      let all = rooms.get(name) ?? new Set()
      rooms.set(name, all)
      let mine = life.guard((message: unknown) => {
        if (all.has(mine)) receive(message)
      })
      all.add(mine)
      life.onDeath(() => all.delete(mine))
      return {
        post(message) {
          let copy = structuredClone(message)
          for (let other of all) if (other !== mine && !channels.lost()) queueMicrotask(() => other(copy))
        },
        close: () => void all.delete(mine)
      }
    }
  }
  return channels
}
