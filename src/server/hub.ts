// The server without a transport: takes connections in, keeps rooms in memory while they are used, and gives the app's own
// code its way in. Runs wherever its ports do.

import { RealtimeError } from '../errors.js'
import type { AnyFeature, StateOf } from '../feature.js'
import type { Clock, Random, Report, Stop } from '../ports.js'
import type { Member } from '../protocol/frames.js'
import { isObject, jsonCopy, requireFunction, requireObject, requireText, wrong } from './arguments.js'
import { type Connection, createConnection, type Session } from './connection.js'
import { type Counts, createCounts } from './counts.js'
import { APP_ID, problemOf, specOf } from './decide.js'
import { createHerd } from './herd.js'
import { type Limits, limitsOf } from './limits.js'
import { type Authenticate, claimedUser, defaultPolicy, type Policy, type Revoke } from './policy.js'
import { createQuota } from './quota.js'
import { createRoom, type Room } from './room.js'
import { createSessions } from './sessions.js'
import type { Storage } from './storage.js'
import { keyOf } from './traffic.js'
import { createWatchers, type MembersWatcher, type Watcher } from './watchers.js'
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

/** Characters of an app's key: with its prefix it is an id, which has at most 64. */
const MOST_KEY = 60
/** What a storage can be told by. */
const STORAGE = ['open', 'clientOf', 'findIds', 'read', 'before', 'commit'] as const

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
  /**
   * Has a user's connections, or everybody's, join again, so that the policy is asked anew: whom it refuses now hears and says
   * nothing more here from this call on. Of this server only.
   */
  rejoin(user?: string): void
  /** Who is here, by connection. */
  members(): Readonly<Record<string, Member>>
}

export interface AppOptions {
  /** The user in whose name this happens. */
  readonly by: string
  /** `push`: what makes two calls the same one, at most 60 characters. `cast`: what it replaces. */
  readonly key?: string
}

/** How things stand, and what was counted since the start. Sizes are in characters. */
export interface HubStats extends Readonly<Counts> {
  readonly connections: number
  /** Rooms in memory. */
  readonly rooms: number
}

export interface Hub {
  /** The ones it was made with, for handlers beside the engine. */
  readonly clock: Clock
  readonly random: Random
  /** Takes a connection in. Call `receive` with each text and `closed` once, with the close code. */
  accept(peer: Peer): { receive(text: string): void; closed(code?: number): void }
  room(id: string): HubRoom
  /**
   * Follows a feature in every room of this server: see `RoomChange`. For handlers beside the engine; add them before clients
   * come. Returns what stops it.
   */
  watch<F extends AnyFeature>(feature: F, watcher: Watcher<StateOf<F>>): Stop
  /** Follows who comes into every room of this server and who leaves it. Returns what stops it. */
  watchMembers(watcher: MembersWatcher): Stop
  /**
   * Puts a user out, or one session (`sid` of presence) of theirs: the connections end with the final code `revoked`, presence
   * at once, and no such session is resumed. Withdraw the tokens first, for whoever has a good one may say hello again.
   * Returns how many connections ended. Of this server only: tell each of them.
   */
  revoke(who: { readonly user: string; readonly sid?: string } | { readonly sid: string }, why?: string): number
  /** Says goodbye to everyone, waits for what is being stored, and takes nothing more. The storage stays open. */
  close(why?: string): Promise<void>
  /** Who is connected to this server, one entry for each connection, oldest first. Of this server only: ask each of them. */
  sessions(): Session[]
  stats(): HubStats
}

/** Creates a server that a transport feeds; `realtime-stores/server/node` does that with WebSockets. */
export function createHub(options: HubOptions): Hub {
  checkOptions(options)
  let { storage, clock, random, authenticate = claimedUser, policy = defaultPolicy, report = () => {} } = options
  let limits = limitsOf(options.limits)
  let features = byName(options.features)
  let sessions = createSessions(clock, random, limits.presenceGrace)
  let quota = createQuota(clock, limits.actionsPerMinute)
  let connections = new Set<Connection>()
  let rooms = new Map<string, Room>()
  let closed = false
  let counts = createCounts()
  let revocations = 0
  /** How many there were when this hub began to close. */
  let leaving = 0
  let herd = createHerd(limits.retry, () => (closed ? leaving : connections.size), clock)
  let stopSweep: Stop = clock.after(limits.idleRoom, sweep)
  let idleBefore = new Set<Room>()

  let watchers = createWatchers(report)
  let roomParts = { watchers, counts, features, storage, clock, random, limits, policy, quota, report }
  let connectionParts = {
    ...roomParts,
    authenticate,
    revoke: options.revoke,
    sessions,
    herd,
    revocations: () => revocations,
    room
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
    let name = typeof feature === 'string' ? feature : feature?.name
    if (typeof name !== 'string') wrong('feature', 'a feature or its name', feature)
    let known = features.get(name)
    if (!known) throw new RealtimeError('unknown-feature', `this hub does not run the feature «${name}»`)
    return known
  }

  function requireOpen(): void {
    if (closed) throw new RealtimeError('closed', 'this hub was closed')
  }

  /** Everything that the app says of one event, checked: nothing of it is in the room yet. */
  function eventOf(
    feature: AnyFeature | string,
    type: string,
    given: unknown,
    options: AppOptions,
    way: 'durable' | 'volatile'
  ) {
    requireOpen()
    let known = featureOf(feature)
    if (typeof type !== 'string') wrong('type', 'the name of an event', type)
    requireObject('options', options, 'an object that says by whom: { by }')
    let { by, key } = options
    requireText('by', by, 256)
    if (key !== undefined) requireText('key', key, MOST_KEY)
    let data = jsonCopy('data', given)
    let problem = problemOf(known, type, data, way)
    if (problem !== null) throw new RealtimeError('bad-argument', problem)
    return { known, data, by, key }
  }

  return {
    clock,
    random,
    accept(peer) {
      let connection = createConnection(peer, connectionParts, () => connections.delete(connection))
      if (closed) connection.end('restart')
      else connections.add(connection)
      return { receive: connection.receive, closed: connection.closed }
    },
    room(id) {
      requireText('room', id, 256)
      // Rooms are keys of objects on the wire, where this one means something else.
      if (id === '__proto__') throw new RealtimeError('bad-argument', 'room must not be «__proto__»')
      return {
        async push(feature, type, given, options) {
          let { known, data, by, key } = eventOf(feature, type, given, options, 'durable')
          let eventId = key === undefined ? random.id() : `${APP_ID}${key}`
          return room(id).append({ feature: known.name, type, data, id: eventId, by })
        },
        cast(feature, type, given, options) {
          let { known, data, by, key } = eventOf(feature, type, given, options, 'volatile')
          let spec = specOf(known, type)
          let ttl = spec?.delivery.kind === 'volatile' ? spec.delivery.seconds : 0
          let named = key === undefined ? keyOf(known, type, data, undefined) : { key }
          let at = clock.now()
          room(id).cast({ f: 'cast', room: id, feature: known.name, type, data, ttl, by, at, ...named }, null)
        },
        state: (async (feature: AnyFeature | string) => {
          requireOpen()
          return room(id).state(featureOf(feature).name)
        }) as HubRoom['state'],
        rejoin(user) {
          if (user !== undefined) requireText('user', user, 256)
          rooms.get(id)?.rejoin(user)
        },
        members: () => rooms.get(id)?.members() ?? {}
      }
    },
    watch(feature, watcher) {
      if (typeof watcher !== 'function') wrong('watcher', 'a function', watcher)
      featureOf(feature)
      return watchers.add(feature, watcher)
    },
    watchMembers(watcher) {
      if (typeof watcher !== 'function') wrong('watcher', 'a function', watcher)
      return watchers.addMembers(watcher)
    },
    revoke(who, why) {
      requireObject('who', who, 'an object that names a user or a session: { user } or { sid }')
      let { user, sid } = who as { user?: string; sid?: string }
      if (user !== undefined) requireText('user', user, 256)
      if (sid !== undefined || user === undefined) requireText('sid', sid, 64)
      revocations++
      let meant = [...connections].filter(connection => {
        let session = connection.session()
        if (!session) return false
        return (user === undefined || session.user === user) && (sid === undefined || session.sid === sid)
      })
      for (let connection of meant) connection.end('revoked', why)
      return meant.length
    },
    async close(why) {
      leaving = connections.size
      closed = true
      stopSweep()
      for (let connection of [...connections]) connection.end('restart', why)
      await Promise.all([...rooms.values()].map(room => room.idle()))
      for (let room of rooms.values()) room.close()
      rooms.clear()
      sessions.close()
    },
    sessions: () => [...connections].flatMap(connection => connection.session() ?? []),
    stats: () => ({ connections: connections.size, rooms: rooms.size, ...counts })
  }
}

/** Throws `bad-argument` unless a hub can be made with these; limits and features are checked where they are read. */
function checkOptions(options: HubOptions): void {
  requireObject('options', options)
  let { storage } = options
  if (!isObject(storage) || STORAGE.some(name => typeof storage[name] !== 'function'))
    wrong('storage', 'a storage, such as createMemoryStorage()', storage)
  for (let name of ['clock', 'random'] as const) requireObject(name, options[name])
  for (let name of ['authenticate', 'revoke', 'policy', 'report'] as const) requireFunction(name, options[name])
}

function byName(features: readonly AnyFeature[]): ReadonlyMap<string, AnyFeature> {
  if (!Array.isArray(features)) wrong('features', 'a list of features', features)
  let map = new Map<string, AnyFeature>()
  for (let [i, feature] of features.entries()) {
    checkFeature(`features[${i}]`, feature)
    if (map.has(feature.name)) throw new RealtimeError('bad-argument', `two features are named «${feature.name}»`)
    map.set(feature.name, feature)
  }
  return map
}

function checkFeature(path: string, feature: AnyFeature): void {
  let { name, version, events, reduce } = isObject(feature) ? feature : ({} as Partial<AnyFeature>)
  let named = typeof name === 'string' && name.length > 0 && name.length <= 64 && name !== '__proto__'
  if (!named || !Number.isSafeInteger(version) || !isObject(events) || !isObject(reduce))
    wrong(path, 'a feature, as defineFeature returns it', feature)
  for (let [type, spec] of Object.entries(events)) {
    if (type.length < 1 || type.length > 64) wrong(`${path}.events: a name`, 'a text of 1 to 64 characters', type)
    if (!isObject(spec) || !isObject(spec.delivery) || !spec.schema)
      wrong(`${path}.events.${type}`, 'an event, as durable(), ttl(), latest() or volatile() return it', spec)
  }
}
