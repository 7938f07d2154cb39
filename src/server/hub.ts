// The server without a transport: takes connections in, keeps rooms in memory while they are used, and gives the app's own
// code its way in. Runs wherever its ports do.

import { RealtimeError } from '../errors.js'
import { type AnyFeature, type StateOf, validateDraft } from '../feature.js'
import type { Clock, Random, Report, Stop } from '../ports.js'
import type { Member } from '../protocol/frames.js'
import { type Connection, createConnection } from './connection.js'
import { APP_ID, problemOf, specOf } from './decide.js'
import { DEFAULT_LIMITS, type Limits } from './limits.js'
import { type Authenticate, claimedUser, defaultPolicy, type Policy, type Revoke } from './policy.js'
import { createQuota } from './quota.js'
import { createRoom, type Room } from './room.js'
import { createSessions } from './sessions.js'
import type { Storage } from './storage.js'
import type { Peer } from './writer.js'

export interface HubOptions {
  /** What this server runs; actions of any other feature are refused as `unknown-feature`. */
  readonly features: readonly AnyFeature[]
  readonly storage: Storage
  readonly clock: Clock
  readonly random: Random
  /** Default: believes the user that the client claims to be. */
  readonly authenticate?: Authenticate
  /** Told when a user logs out. */
  readonly revoke?: Revoke
  /** Default: `defaultPolicy`. */
  readonly policy?: Policy
  readonly limits?: Partial<Limits>
  /** Told what no caller can be told of. Default: nothing. */
  readonly report?: Report
}

/** A room as the app's own server code sees it. */
export interface HubRoom {
  /** Stores an event and tells everyone. With `key`, a second push of the same key has no effect and answers as the first. */
  push(
    feature: AnyFeature | string,
    type: string,
    data: unknown,
    options: AppOptions
  ): Promise<{ offset: number; id: string }>
  /** Sends a volatile event to everyone who is here. */
  cast(feature: AnyFeature | string, type: string, data: unknown, options: AppOptions): void
  /** The confirmed state of a feature. */
  state<F extends AnyFeature>(feature: F): Promise<StateOf<F>>
  state(feature: string): Promise<unknown>
  /** Who is here, by connection. */
  members(): Readonly<Record<string, Member>>
}

export interface AppOptions {
  /** The user in whose name this happens. */
  readonly by: string
  /** `push`: what makes two calls the same one, at most 60 characters. `cast`: what it replaces. */
  readonly key?: string
}

export interface HubStats {
  readonly connections: number
  /** Rooms in memory. */
  readonly rooms: number
  /** Malformed frames since the start. */
  readonly badFrames: number
}

export interface Hub {
  /** Takes a connection in. Call `receive` with each text and `closed` once, with the close code. */
  accept(peer: Peer): { receive(text: string): void; closed(code?: number): void }
  room(id: string): HubRoom
  /** Says goodbye to everyone, waits for what is being stored, and takes nothing more. The storage stays open. */
  close(why?: string): Promise<void>
  stats(): HubStats
}

/** Creates a server that a transport feeds; `realtime-stores/server/node` does that with WebSockets. */
export function createHub(options: HubOptions): Hub {
  let { storage, clock, random, authenticate = claimedUser, policy = defaultPolicy, report = () => {} } = options
  let limits: Limits = { ...DEFAULT_LIMITS, ...options.limits }
  let features = byName(options.features)
  let sessions = createSessions(clock, random, limits.presenceGrace)
  let quota = createQuota(clock, limits.actionsPerMinute)
  let connections = new Set<Connection>()
  let rooms = new Map<string, Room>()
  let closed = false
  let badFrames = 0
  let stopSweep: Stop = clock.after(limits.idleRoom, sweep)
  let idleBefore = new Set<Room>()

  let roomParts = { features, storage, clock, random, limits, policy, quota, report }
  let connectionParts = {
    ...roomParts,
    authenticate,
    revoke: options.revoke,
    sessions,
    room,
    countBad
  }

  function countBad(count: number): void {
    badFrames += count
  }

  function room(id: string): Room {
    let existing = rooms.get(id)
    if (!existing) {
      existing = createRoom(id, roomParts)
      rooms.set(id, existing)
    }
    return existing
  }

  /** Lets go of rooms that were unused at two sweeps in a row. */
  function sweep(): void {
    let idle = new Set<Room>()
    for (let [id, room] of rooms) {
      if (!room.unused()) continue
      if (!idleBefore.has(room)) idle.add(room)
      else {
        room.close()
        rooms.delete(id)
      }
    }
    idleBefore = idle
    stopSweep = clock.after(limits.idleRoom, sweep)
  }

  function featureOf(feature: AnyFeature | string): AnyFeature {
    let name = typeof feature === 'string' ? feature : feature.name
    let known = features.get(name)
    if (!known) throw new RealtimeError('unknown-feature', `this hub does not run the feature «${name}»`)
    return known
  }

  return {
    accept(peer) {
      let connection = createConnection(peer, connectionParts, () => connections.delete(connection))
      if (closed) connection.end('restart')
      else connections.add(connection)
      return { receive: connection.receive, closed: connection.closed }
    },
    room(id) {
      if (id.length < 1 || id.length > 256)
        throw new RealtimeError('bad-argument', `a room's name has 1 to 256 characters; got ${id.length}`)
      return {
        async push(feature, type, data, { by, key }) {
          let known = featureOf(feature)
          validateDraft(known, type, data)
          let problem = problemOf(known, type, data, 'durable')
          if (problem !== null) throw new RealtimeError('bad-argument', problem)
          if (key !== undefined && (key === '' || key.length > 60))
            throw new RealtimeError('bad-argument', 'key must have 1 to 60 characters')
          return room(id).append({
            feature: known.name,
            type,
            data,
            id: key === undefined ? random.id() : `${APP_ID}${key}`,
            by
          })
        },
        cast(feature, type, data, { by, key }) {
          let known = featureOf(feature)
          let problem = problemOf(known, type, data, 'volatile')
          if (problem !== null) throw new RealtimeError('bad-argument', problem)
          let spec = specOf(known, type)
          let ttl = spec?.delivery.kind === 'volatile' ? spec.delivery.seconds : 0
          let named = key ?? spec?.key?.(data)
          let at = clock.now()
          room(id).cast(
            {
              f: 'cast',
              room: id,
              feature: known.name,
              type,
              data,
              ttl,
              by,
              at,
              ...(named === undefined ? {} : { key: named })
            },
            null
          )
        },
        state: (async (feature: AnyFeature | string) => room(id).state(featureOf(feature).name)) as HubRoom['state'],
        members: () => rooms.get(id)?.members() ?? {}
      }
    },
    async close(why) {
      closed = true
      stopSweep()
      for (let connection of [...connections]) connection.end('restart', why)
      await Promise.all([...rooms.values()].map(room => room.idle()))
      for (let room of rooms.values()) room.close()
      rooms.clear()
      sessions.close()
    },
    stats: () => ({ connections: connections.size, rooms: rooms.size, badFrames })
  }
}

function byName(features: readonly AnyFeature[]): ReadonlyMap<string, AnyFeature> {
  let map = new Map<string, AnyFeature>()
  for (let feature of features) {
    if (map.has(feature.name)) throw new RealtimeError('bad-argument', `two features are named «${feature.name}»`)
    map.set(feature.name, feature)
  }
  return map
}
