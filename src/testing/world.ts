// Whole clients and a whole server in one process, under one virtual clock and from one seed: networks that can be slow,
// silent or cut, devices whose disks outlive their tabs, a server that can crash and forget.

import type { AnyFeature } from '../feature.js'
import type { HubOptions } from '../server/hub.js'
import { createSeededRandom, createVirtualClock, nextTurn, type VirtualClock } from './clock.js'
import { createDevice, type Device } from './device.js'
import { createServer, type WorldServer } from './server.js'

export interface WorldOptions {
  /** What the server runs. */
  readonly features: readonly AnyFeature[]
  /** Where all chance comes from; default 1. */
  readonly seed?: number
  /** Further options of the server: `policy`, `authenticate`, `limits`, … */
  readonly server?: Partial<HubOptions>
  /** What happens while time passes happens in here: the `act` of React or of Testing Library. */
  readonly act?: (run: () => Promise<void>) => PromiseLike<unknown>
}

/** A server, its devices, and the time that passes for all of them. */
export interface World {
  readonly clock: VirtualClock
  readonly server: WorldServer
  /** Another device, with nothing stored on it. */
  device(seed?: number): Device
  /** Lets milliseconds pass, and everything happen that is due in them. */
  advance(ms: number): Promise<void>
  /** Lets everything happen that is due now, such as what is being written to disks. */
  settle(): Promise<void>
  /**
   * Lets time pass until the check returns (or resolves to) something truthy, and resolves to that; a check that throws is not yet true. Rejects when
   * that takes longer than `within` milliseconds (default 10,000).
   *
   * ```ts
   * await world.until(() => client.$connection.get().phase === 'online')
   * ```
   */
  until<T>(check: () => T | Promise<T>, options?: { readonly within?: number }): Promise<T>
}

/** So often a check is made, in milliseconds. */
const STEP = 10

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
export function createWorld({ features, seed = 1, server: options = {}, act = run => run() }: WorldOptions): World {
  let clock = createVirtualClock()
  let server = createServer(clock, createSeededRandom(seed, 's'), features, options)
  let devices = 0
  let nextSeed = (): number => (seed - 1) * 1000 + ++devices

  async function within(run: () => Promise<void>): Promise<void> {
    await act(run)
  }
  let advance = (ms: number): Promise<void> => within(() => clock.advance(ms))
  let turn = (): Promise<void> => within(nextTurn)

  return {
    clock,
    server,
    device: (own = nextSeed()) => createDevice({ clock, server, nextSeed, turn }, own),
    advance,
    settle: () => advance(0),
    async until(check, { within = 10_000 } = {}) {
      let end = clock.mono() + within
      for (let ms = 0; ; ms = STEP) {
        await advance(ms)
        let problem: unknown
        try {
          let found = await check()
          if (found) return found
        } catch (error) {
          problem = error
        }
        if (clock.mono() >= end) {
          throw new Error(`it was not so within ${within} ms: ${problem ? String(problem) : check}`, { cause: problem })
        }
      }
    }
  }
}
