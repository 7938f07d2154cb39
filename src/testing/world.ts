// Whole clients and a whole server in one process, under one virtual clock and from one seed: networks that can be slow,
// silent or cut, devices whose disks outlive their tabs, a server that can crash and forget.

import type { AnyFeature } from '../feature.js'
import type { HubOptions } from '../server/hub.js'
import { createSeededRandom, createVirtualClock, type VirtualClock } from './clock.js'
import { createDevice, type Device } from './device.js'
import { createServer, type WorldServer } from './server.js'

export interface WorldOptions {
  /** What the server runs. */
  readonly features: readonly AnyFeature[]
  /** Where all chance comes from; default 1. */
  readonly seed?: number
  /** Further options of the server. */
  readonly server?: Partial<HubOptions>
}

export interface World {
  readonly clock: VirtualClock
  readonly server: WorldServer
  /** Another device, with nothing stored on it. */
  device(seed?: number): Device
  /** Lets milliseconds pass, and everything happen that is due in them. */
  advance(ms: number): Promise<void>
}

/**
 * Creates a world in which no time passes by itself.
 *
 * ```ts
 * let world = createWorld({ features: [votes] })
 * let device = world.device()
 * let tab = device.openTab('ada')
 * tab.client.connect()
 * await world.advance(1000)
 * device.network.cut()
 * ```
 */
export function createWorld({ features, seed = 1, server: options = {} }: WorldOptions): World {
  let clock = createVirtualClock()
  let server = createServer(clock, createSeededRandom(seed, 's'), features, options)
  let devices = 0
  let nextSeed = (): number => (seed - 1) * 1000 + ++devices
  return {
    clock,
    server,
    device: (own = nextSeed()) => createDevice({ clock, server, nextSeed }, own),
    advance: clock.advance
  }
}
