// The companion's service: one connection, one persona room at a time and the user's own room, shown in stores that stay the
// same objects for the life of the page. `realtimeService` is the one of this page; it does nothing until `connect`.

import mitt from 'mitt'
import { batch, onMount, type WritableAtom } from 'nanostores'
import { createRealtime, type Realtime } from './client.js'
import { checkOptions, checkPending, type PendingMode, type RealtimeOptions } from './client-options.js'
import { createCommands } from './companion-commands.js'
import { put, relay } from './companion-relay.js'
import { createStage, type Scene } from './companion-scene.js'
import { type CompanionStores, createCompanionStores } from './companion-stores.js'
import type { ParkedRow, Row } from './core/rows.js'
import { browserDevices } from './devices/all.js'
import { realClock } from './env/clock.js'
import { RealtimeError } from './errors.js'
import type { RealtimeEvents } from './events.js'
import type { Devices, Stop } from './ports.js'
import type { Room } from './room.js'

export interface ServiceOptions extends RealtimeOptions {
  /** The persona whose room is entered; default `default`. */
  readonly persona?: string
}

type EventListener<K extends keyof RealtimeEvents> = (detail: RealtimeEvents[K]) => void

const MAX_LOG = 200
const MAX_RECENT = 50

export type RealtimeService = ReturnType<typeof createRealtimeService>['service']

/** Makes a service with stores of its own: for several clients on one page. Most apps use `realtimeService`. */
export function createRealtimeService() {
  let stores: CompanionStores = createCompanionStores(realClock.now)
  let { status: _derived, ...own } = stores
  let first = Object.values(own).map(store => [store as WritableAtom<unknown>, store.get() as unknown] as const)
  let emitter = mitt<RealtimeEvents>()
  let client: Realtime | null = null
  let scene: Scene | null = null
  let stage = createStage(stores)
  let stops: Stop[] = []
  let nextEvent = 1
  let formerUser: string | undefined
  /** Whether there is a headset is not asked before somebody looks at the store: see the feature. */
  let isLookedAt = new Promise<void>(resolve => onMount(stores.vr, () => resolve()))
  let rows = { pending: relay<Row>(), rejected: relay<ParkedRow>(), unknown: relay<ParkedRow>() }

  function modestDevices(): Devices {
    let devices = browserDevices()
    let vr = { supported: () => isLookedAt.then(() => devices.vr?.supported() ?? false) }
    return Object.create(devices, { vr: { get: () => devices.vr && vr } })
  }

  function connected(command: string): Realtime {
    if (client) return client
    throw new RealtimeError(
      'not-connected',
      `${command}: call realtimeService.connect({ url, app, user }) first; offline is fine, from then on actions are kept.`
    )
  }
  function here(command: string): Scene {
    connected(command)
    return scene as Scene
  }

  function log(type: string, detail: unknown): void {
    let { log, unseenCount } = stores.events.get()
    let entry = { id: nextEvent++, type, detail, at: realClock.now() }
    put(stores.events, { log: [...log, entry].slice(-MAX_LOG), unseenCount: unseenCount + 1 })
    if (type === 'memberJoined' || type === 'memberLeft') recordMember(type, detail as RealtimeEvents['memberJoined'])
    emitter.emit(type, detail)
  }

  function recordMember(type: string, { room, user }: RealtimeEvents['memberJoined']): void {
    if (room !== scene?.room.id) return
    let view = stores.presence.get()
    let entry = { user, kind: type === 'memberJoined' ? ('joined' as const) : ('left' as const), at: realClock.now() }
    put(stores.presence, { ...view, recent: [...view.recent, entry].slice(-MAX_RECENT) })
  }

  /** What a user has seen is not for the next one. */
  function forget(): void {
    for (let [store, value] of first) put(store, value)
  }

  /** From here on nothing is accepted for this user any more; what was accepted is seen to by `how`. */
  async function end(how: (current: Realtime) => Promise<void>): Promise<void> {
    let current = client
    if (!current) return
    client = null
    lastOptions = null
    scene?.leave()
    scene = null
    let following = stops
    stops = []
    try {
      await how(current)
    } finally {
      await current.close()
      for (let stop of following) stop()
    }
  }

  let service = {
    // --- connection ---

    /**
     * Says who and where: from here on, actions are accepted and kept, offline or not. Resolves when what this device remembers
     * is shown; it does not wait for the network (see `realtimeConnection.phase`). Called again with the same url, app
     * and user, it ends a wait and enters the persona; with others, it changes over and keeps the waiting actions of the former
     * user for their return.
     */
    async connect(options: ServiceOptions): Promise<void> {
      checkOptions(options)
      let { persona = 'default' } = options
      requirePersona('persona', persona)
      if (
        client &&
        lastOptions?.app === options.app &&
        lastOptions.url === options.url &&
        client.user === options.user
      ) {
        if (typeof options.token === 'string') client.authenticate(options.token)
        client.connect()
        client.probe()
        return options.persona === undefined ? client.ready : service.switchPersona(persona)
      }
      // At once: a command that is called now belongs to the new user.
      for (let stop of stops.splice(0)) stop()
      let former = client
      let kept = former?.pending.get().length ?? 0
      let ended = end(before => before.disconnect())
      let current = createRealtime({ devices: modestDevices(), ...options })
      lastOptions = options
      client = current
      stage.forgetSelf()
      if (formerUser !== undefined && formerUser !== options.user) forget()
      formerUser = options.user
      if (former && kept > 0 && former.user !== options.user) log('pendingKept', { user: former.user, count: kept })
      stops.push(
        current.onAny(log),
        current.$connection.subscribe(view => put(stores.connection, { ...view, persona: scene?.persona ?? null })),
        rows.pending.follow(current.pending),
        rows.rejected.follow(current.rejected),
        rows.unknown.follow(current.unknown)
      )
      scene = stage.enter(current, persona)
      put(stores.connection, { ...current.$connection.get(), persona })
      current.connect()
      await Promise.all([ended, current.ready])
    },
    /**
     * Closes the connection. Waiting actions are kept (default), waited for at most 10 s (`wait`), or deleted (`purge`) unless
     * they may have left already.
     */
    async disconnect(options: { pending?: PendingMode } = {}): Promise<void> {
      let pending = options?.pending ?? 'keep'
      checkPending(pending)
      await end(current => current.disconnect({ pending }))
    },
    /** Hands in a new token over the present connection. */
    authenticate: (token: string): void => connected('authenticate').authenticate(token),
    /**
     * Ends the session on the server, disconnects and empties the stores. Waiting actions are kept for this user's return
     * (default, with the event `pendingKept`), waited for at most 10 s (`wait`; `realtimeConnection.pending` counts them down),
     * or deleted (`purge`) unless they may have left already. Resolves to whether the server could be told: offline it could
     * not, and the token is good until it runs out.
     */
    async logout(options: { pending?: PendingMode } = {}): Promise<boolean> {
      let pending = options?.pending ?? 'keep'
      checkPending(pending)
      let told = false
      await end(async current => {
        told = await current.logout({ pending })
      })
      forget()
      return told
    },
    /** Leaves the persona's room and enters another; coming back resumes where it was. */
    async switchPersona(id: string): Promise<void> {
      let current = connected('switchPersona')
      requirePersona('id', id)
      if (scene?.persona === id) return current.ready
      let before = scene
      // All at once: nobody sees one persona's name with another one's state.
      batch(() => {
        put(stores.presence, { ...stores.presence.get(), members: {}, onlineCount: 0, recent: [] })
        scene = stage.enter(current, id)
        before?.leave()
        put(stores.connection, { ...current.$connection.get(), persona: id })
      })
      // What this device remembers of it is shown then; the network is not waited for.
      await current.ready
    },
    /** Asks the link for a sign of life now, or ends a wait. */
    probe: (): void => connected('probe').probe(),

    /** Actions not yet answered, of all tabs. */
    pending: rows.pending.store,
    /** Actions that the server refused. They survive a reload until `retry(id)` or `discard(id)`. */
    rejected: rows.rejected.store,
    /** Actions of which nobody knows whether they happened. */
    unknown: rows.unknown.store,

    ...createCommands(here, stage),

    // --- events ---

    /** Puts an event of the app's own into the log and tells its listeners on this page. */
    emitEvent(type: string, detail?: unknown): void {
      if (typeof type !== 'string' || !type || type.length > 100)
        throw new RealtimeError('bad-argument', 'type must be a text of 1 to 100 characters')
      if (client) client.emit(type, detail)
      else log(type, detail)
    },
    clearEvents: (): void => stores.events.set({ log: [], unseenCount: 0 }),
    /** Keeps the log and counts from zero. */
    markEventsSeen: (): void => stores.events.set({ ...stores.events.get(), unseenCount: 0 }),
    /** Hears one kind of event; works before `connect`. Returns a stop function. */
    on<K extends keyof RealtimeEvents & string>(type: K, listener: EventListener<K>): Stop {
      if (typeof listener !== 'function') throw new RealtimeError('bad-argument', 'listener must be a function')
      let hear = (detail: RealtimeEvents[K]): void => {
        try {
          listener(detail)
        } catch (error) {
          queueMicrotask(() => {
            throw error
          })
        }
      }
      emitter.on(type, hear)
      return () => emitter.off(type, hear)
    },

    /** The persona's room as such, for features of the app's own: `room().use(feature)`. It is left by `switchPersona`. */
    room(): Omit<Room, 'leave'> {
      let { leave: _ours, ...room } = here('room').room
      return room
    },
    /** Enters any other room. */
    enter: (id: string): Room => connected('enter').room(id)
  }
  let lastOptions: ServiceOptions | null = null

  return { service, stores }
}

/** Throws unless it can name a room. */
function requirePersona(name: string, value: unknown): void {
  if (typeof value === 'string' && value && value.length <= 200 && !value.includes('\u0000')) return
  throw new RealtimeError('bad-argument', `${name} must be a text of 1 to 200 characters`)
}
