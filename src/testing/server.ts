// The server of a world: the real engine over storage that outlives it. It can be restarted, crash, and come back with less
// than it had.

import type { AnyFeature, StateOf } from '../feature.js'
import type { Clock, Random } from '../ports.js'
import { createHub, type Hub, type HubOptions } from '../server/hub.js'
import type { StoredEvent } from '../server/storage.js'
import type { Peer } from '../server/writer.js'
import { createLife, type Life } from './life.js'
import { createTestStorage, type Loss, type TestStorage } from './storage.js'

export interface ServerPeer extends Peer {
  /** The server's process is gone. */
  reset(): void
}

/** The server of a world: the engine that runs in production, over a storage that survives it. */
export interface WorldServer {
  /** The engine that runs now. */
  readonly hub: Hub
  readonly storage: TestStorage
  /** The confirmed state of a feature in a room. Rejects while there is no server. */
  state<F extends AnyFeature>(room: string, feature: F): Promise<StateOf<F>>
  /** What is in the log of a room, oldest first: each action that had its effect, once. */
  events(room: string): Promise<readonly StoredEvent[]>
  /** What the engine reported, since the beginning of the world. */
  readonly reports: readonly (readonly [level: string, code: string, detail: unknown])[]
  /** `null` while there is no server. */
  accept(peer: ServerPeer): ReturnType<Hub['accept']> | null
  /** Says goodbye to everyone and starts anew, over what is left of the storage. `hub` changes options from here on. */
  restart(options?: { readonly lose?: Loss; readonly hub?: Partial<HubOptions> }): Promise<void>
  /** Dies without a word; what was being stored may be or not. Nothing answers before `start`. */
  crash(): void
  start(): void
}

/** Creates a server that runs. */
export function createServer(
  clock: Clock,
  random: Random,
  features: readonly AnyFeature[],
  options: Partial<HubOptions>
): WorldServer {
  let storage = createTestStorage(random.id)
  let reports: WorldServer['reports'][number][] = []
  let peers = new Set<ServerPeer>()
  let life!: Life
  let hub!: Hub

  function start(): void {
    life = createLife(clock)
    hub = createHub({
      features,
      storage: storage.openedIn(life),
      random,
      report: (level, code, detail) => void reports.push([level, code, detail]),
      ...options,
      clock: life.clock
    })
  }

  start()
  return {
    get hub() {
      return hub
    },
    storage,
    reports,
    async state(room, feature) {
      if (life.state === 'dead') throw new Error('there is no server now: server.start()')
      return hub.room(room).state(feature)
    },
    events: room => storage.read(room, 0, Number.MAX_SAFE_INTEGER),
    accept(peer) {
      let mine = life
      if (mine.state === 'dead') return null
      let connection = hub.accept({ ...peer, send: mine.guard(peer.send), close: mine.guard(peer.close) })
      peers.add(peer)
      return {
        receive: mine.guard(connection.receive),
        closed: mine.guard(code => {
          peers.delete(peer)
          connection.closed(code)
        })
      }
    },
    async restart({ lose, hub: more } = {}) {
      let old = life
      if (old.state !== 'dead') await hub.close('restart')
      old.end()
      peers.clear()
      if (lose) storage.lose(lose)
      options = { ...options, ...more }
      start()
    },
    crash() {
      life.end()
      for (let peer of peers) peer.reset()
      peers.clear()
    },
    start() {
      if (life.state === 'dead') start()
    }
  }
}
