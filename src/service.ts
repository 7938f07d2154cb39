// The companion's service: one connection, one persona room at a time and the user's own room, shown in stores that stay the
// same objects for the life of the page. `realtimeService` is the one of this page; it does nothing until `connect`.

import mitt from 'mitt'
import { atom, batch, computed, onMount, type ReadableAtom, type WritableAtom } from 'nanostores'
import { createRealtime, type Realtime } from './client.js'
import { checkOptions, checkPending, type PendingMode, type RealtimeOptions } from './client-options.js'
import type { RowStore } from './client-view.js'
import { type CompanionStores, createCompanionStores } from './companion-stores.js'
import {
  type CallState,
  type DeviceState,
  membersByUser,
  NOBODY,
  type PresenceStatus,
  type Self
} from './core/members.js'
import type { ParkedRow, Row } from './core/rows.js'
import { browserDevices } from './devices/all.js'
import { realClock } from './env/clock.js'
import { RealtimeError } from './errors.js'
import type { RealtimeEvents } from './events.js'
import type { Handle, Receipt } from './feature.js'
import { avatar } from './features/avatar.js'
import { biometric } from './features/biometric.js'
import type { BiometricInput } from './features/biometric-events.js'
import type { BiometricSource } from './features/biometric-monitor.js'
import { haptic } from './features/haptic.js'
import type { HapticTarget } from './features/haptic-events.js'
import type { HapticPattern } from './features/haptic-patterns.js'
import { type MemoryOptions, type MemoryPatch, memory, newestMemoryAt } from './features/memory.js'
import { memoryReads, withReads } from './features/memory-reads.js'
import { type ConflictSeverity, relationship } from './features/relationship.js'
import { voice } from './features/voice.js'
import type { VoiceEmotion } from './features/voice-emotions.js'
import { type VRProgress, vr } from './features/vr.js'
import type { Devices, Stop } from './ports.js'
import type { Room } from './room.js'

export interface ServiceOptions extends RealtimeOptions {
  /** The persona whose room is entered; default `default`. */
  readonly persona?: string
}

type EventListener<K extends keyof RealtimeEvents> = (detail: RealtimeEvents[K]) => void

const MAX_LOG = 200
const MAX_RECENT = 50
const CALLS: readonly CallState[] = ['none', 'voice', 'video', 'screen']
const STATUSES: readonly PresenceStatus[] = ['online', 'away', 'busy', 'responding', 'offline']

/** Everything that ends with a persona's room. */
interface Scene {
  readonly persona: string
  readonly room: Room
  readonly own: Room
  readonly avatar: Handle<typeof avatar>
  readonly memory: Handle<typeof memory>
  readonly reads: Handle<typeof memoryReads>
  readonly haptic: Handle<typeof haptic>
  readonly biometric: Handle<typeof biometric>
  readonly vr: Handle<typeof vr>
  readonly voice: Handle<typeof voice>
  readonly relationship: Handle<typeof relationship>
  leave(): void
}

export type RealtimeService = ReturnType<typeof createRealtimeService>['service']

/** Makes a service with stores of its own: for several clients on one page. Most apps use `realtimeService`. */
export function createRealtimeService() {
  let stores: CompanionStores = createCompanionStores(realClock.now)
  let { status: _derived, ...own } = stores
  let first = Object.values(own).map(store => [store as WritableAtom<unknown>, store.get() as unknown] as const)
  let emitter = mitt<RealtimeEvents>()
  let client: Realtime | null = null
  let scene: Scene | null = null
  let self: Self = NOBODY
  let stops: Stop[] = []
  let nextEvent = 1
  let formerUser: string | undefined
  /** This page's own settings, kept while personas come and go. */
  let hapticEnabled = true
  let patterns = new Map<string, readonly number[]>()
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

  // --- the persona's room ---

  function enter(current: Realtime, persona: string): Scene {
    let room = current.room(`persona:${persona}`)
    let own = current.room(`user:${current.user}`)
    let uses = {
      avatar: room.use(avatar),
      memory: room.use(memory),
      reads: own.use(memoryReads),
      haptic: room.use(haptic),
      biometric: room.use(biometric),
      vr: room.use(vr),
      voice: room.use(voice),
      relationship: room.use(relationship)
    }
    let showMemory = (): void =>
      put(stores.memory, withReads(uses.memory.$state.get(), uses.reads.$state.get(), current.user, room.id))
    let showMembers = (): void => {
      let members = membersByUser(room.presence.$roster.get())
      let onlineCount = Object.values(members).filter(member => member.status !== 'offline').length
      put(stores.presence, { ...stores.presence.get(), self, members, onlineCount })
    }
    let shown = [
      show(uses.avatar.$state, stores.avatar),
      show(uses.haptic.$state, stores.haptic),
      show(uses.biometric.$state, stores.biometric),
      show(uses.vr.$state, stores.vr),
      show(
        computed(uses.vr.$state, ({ isActive }) => isActive),
        stores.vrIsActive
      ),
      show(uses.voice.$state, stores.voice),
      show(uses.relationship.$state, stores.relationship),
      uses.memory.$state.subscribe(showMemory),
      uses.reads.$state.listen(showMemory),
      room.presence.$roster.subscribe(showMembers)
    ]
    uses.haptic.setHapticEnabled(hapticEnabled)
    for (let [name, steps] of patterns) uses.haptic.definePattern(name, steps)
    room.presence.set({ ...self })
    return {
      ...uses,
      persona,
      room,
      own,
      leave() {
        for (let stop of shown) stop()
        // Left a moment later; what arrives meanwhile is not played any more.
        uses.haptic.setHapticEnabled(false)
        room.leave()
        own.leave()
      }
    }
  }

  function setSelf(command: string, patch: Partial<Self>): void {
    let { room } = here(command)
    self = { ...self, ...patch }
    room.presence.set({ ...self })
    put(stores.presence, { ...stores.presence.get(), self })
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
      self = NOBODY
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
      scene = enter(current, persona)
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
        scene = enter(current, id)
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

    // --- avatar ---

    updateAvatarMood: (mood: string): Receipt => here('updateAvatarMood').avatar.updateAvatarMood(mood),
    setAvatarExpression: (expression: string): Receipt =>
      here('setAvatarExpression').avatar.setAvatarExpression(expression),
    /** Worth nothing after 10 s. */
    triggerAvatarGesture: (gesture: string): Receipt =>
      here('triggerAvatarGesture').avatar.triggerAvatarGesture(gesture),
    /** Worth nothing after 10 s. */
    playAvatarAnimation: (name: string): Receipt => here('playAvatarAnimation').avatar.playAvatarAnimation(name),
    /** From 0 to 1, of the animation that plays; not stored. */
    reportAnimationProgress: (progress: number): Receipt =>
      here('reportAnimationProgress').avatar.reportAnimationProgress(progress),

    // --- memory ---

    /** The receipt's id is the memory's id. */
    createMemory: (content: string, options?: MemoryOptions): Receipt =>
      here('createMemory').memory.createMemory(content, options),
    updateMemory: (id: string, patch: MemoryPatch): Receipt => here('updateMemory').memory.updateMemory(id, patch),
    deleteMemory: (id: string): Receipt => here('deleteMemory').memory.deleteMemory(id),
    addMemoryInsight: (text: string, memoryId?: string): Receipt =>
      here('addMemoryInsight').memory.addMemoryInsight(text, memoryId),
    /** Progress from 0 to 1; at 1, or with the stage `done`, the processing is over. */
    processMemory: (id: string, stage?: string, progress?: number): Receipt =>
      here('processMemory').memory.processMemory(id, stage, progress),
    /** Kept in the user's own room: read on all their devices. */
    markMemoryRead(id: string): Receipt {
      let { reads, memory: used } = here('markMemoryRead')
      return reads.markMemoryRead(id, used.$state.get().memories.find(item => item.id === id)?.updatedAt)
    },
    markAllMemoriesRead(): Receipt {
      let { reads, memory: used, room } = here('markAllMemoriesRead')
      return reads.markAllMemoriesRead(newestMemoryAt(used.$state.get()), room.id)
    },

    // --- haptic ---

    /** Intensity 0 to 100, duration in milliseconds. Worth nothing after 10 s; plays once per device, never on a replay. */
    triggerHaptic: (
      pattern: HapticPattern | (string & {}),
      intensity: number,
      durationMs: number,
      options?: { readonly target?: HapticTarget }
    ): Receipt => here('triggerHaptic').haptic.triggerHaptic(pattern, intensity, durationMs, options),
    stopHaptic: (): Receipt => here('stopHaptic').haptic.stopHaptic(),
    /** On and off times in milliseconds, starting with on. */
    definePattern(name: string, steps: readonly number[]): void {
      here('definePattern').haptic.definePattern(name, steps)
      patterns.set(name, [...steps])
    },
    setHapticEnabled(enabled: boolean): void {
      here('setHapticEnabled').haptic.setHapticEnabled(enabled)
      hapticEnabled = enabled
    },

    // --- biometric ---

    /** Resolves to whether it has started; if not, `realtimeBiometric.lastError` says why. */
    startBiometricMonitoring: (source: BiometricSource): Promise<boolean> =>
      here('startBiometricMonitoring').biometric.startBiometricMonitoring(source),
    stopBiometricMonitoring: (): void => here('stopBiometricMonitoring').biometric.stopBiometricMonitoring(),
    /** A sample of a stream: dropped when the room is not joined. */
    sendBiometric: (sample: BiometricInput): Receipt => here('sendBiometric').biometric.sendBiometric(sample),

    // --- VR ---

    startVRScene: (scene: string, type: string): Receipt => here('startVRScene').vr.startVRScene(scene, type),
    endVRScene: (): Receipt => here('endVRScene').vr.endVRScene(),
    joinVRScene: (): Receipt => here('joinVRScene').vr.joinVRScene(),
    leaveVRScene: (): Receipt => here('leaveVRScene').vr.leaveVRScene(),
    updateVRScene: (patch: Readonly<Record<string, unknown>>): Receipt => here('updateVRScene').vr.updateVRScene(patch),
    /** Each from 0 to 1; not stored. */
    reportVRProgress: (progress: VRProgress): Receipt => here('reportVRProgress').vr.reportVRProgress(progress),

    // --- voice ---

    /** Pitch 0 to 2, rate 0.1 to 10, volume 0 to 1. Worth nothing after 60 s; spoken by one tab of each device. */
    speakText: (
      text: string,
      emotion?: VoiceEmotion | (string & {}),
      pitch?: number,
      rate?: number,
      volume?: number
    ): Receipt => here('speakText').voice.speakText(text, emotion, pitch, rate, volume),
    stopSpeaking: (): Receipt => here('stopSpeaking').voice.stopSpeaking(),
    /** Returns whether it has started; if not, `realtimeVoice.lastError` says why. */
    startListening: (lang?: string): boolean => here('startListening').voice.startListening(lang),
    stopListening: (): void => here('stopListening').voice.stopListening(),

    // --- relationship ---

    /** 0 to 100. */
    updateHealthScore: (score: number): Receipt => here('updateHealthScore').relationship.updateHealthScore(score),
    addInsight: (text: string): Receipt => here('addInsight').relationship.addInsight(text),
    addRecommendation: (text: string): Receipt => here('addRecommendation').relationship.addRecommendation(text),
    dismissRecommendation: (id: string): Receipt =>
      here('dismissRecommendation').relationship.dismissRecommendation(id),
    raiseConflict: (text: string, severity?: ConflictSeverity): Receipt =>
      here('raiseConflict').relationship.raiseConflict(text, severity),
    resolveConflict: (id: string): Receipt => here('resolveConflict').relationship.resolveConflict(id),

    // --- presence ---

    setStatus(status: PresenceStatus): void {
      if (!STATUSES.includes(status))
        throw new RealtimeError('bad-argument', `status must be one of ${STATUSES.join(', ')}`)
      setSelf('setStatus', { status })
    },
    /** What this user does, at most 200 characters; null for nothing. */
    setActivity(activity: string | null): void {
      requireShortText('activity', activity)
      setSelf('setActivity', { activity })
    },
    setCall(call: CallState): void {
      if (!CALLS.includes(call)) throw new RealtimeError('bad-argument', `call must be one of ${CALLS.join(', ')}`)
      setSelf('setCall', { call })
    },
    /** What this user edits, at most 200 characters; null for nothing. */
    setEditing(target: string | null): void {
      requireShortText('target', target)
      setSelf('setEditing', { editing: target })
    },
    /** Adds what a device's sensors tell, see `realtime-stores/devices/…`; off unless called. */
    setDevice(device: DeviceState): void {
      if (typeof device !== 'object' || device === null || Array.isArray(device))
        throw new RealtimeError('bad-argument', 'device must be an object')
      let supported = { ...self.device.supported, ...device.supported }
      setSelf('setDevice', { device: { ...self.device, ...device, supported } })
    },

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

function show<T>(from: ReadableAtom<T>, to: WritableAtom<T>): Stop {
  return from.subscribe(value => put(to, value as T))
}

/** Sets a store. What a listener of the app throws is the page's to report, and stops nothing here. */
function put<T>(store: WritableAtom<T>, value: T): void {
  try {
    store.set(value)
  } catch (error) {
    queueMicrotask(() => {
      throw error
    })
  }
}

/** A store of rows that outlives the client behind it. */
function relay<T extends Row | ParkedRow>(): { store: RowStore<T>; follow(source: RowStore<T>): Stop } {
  let source: RowStore<T> | null = null
  let $rows = atom<readonly T[]>([])
  let actions = {
    retry: async (id: string): Promise<boolean> => (await source?.retry(id)) ?? false,
    discard: async (id: string): Promise<boolean> => (await source?.discard(id)) ?? false
  }
  return {
    store: Object.assign($rows, actions) as unknown as RowStore<T>,
    follow(next) {
      source = next
      let stop = next.subscribe(rows => $rows.set(rows))
      return () => {
        stop()
        source = null
        $rows.set([])
      }
    }
  }
}

function requirePersona(name: string, value: unknown): void {
  if (typeof value === 'string' && value && value.length <= 200 && !value.includes('\u0000')) return
  throw new RealtimeError('bad-argument', `${name} must be a text of 1 to 200 characters`)
}

function requireShortText(name: string, value: string | null): void {
  if (value === null || (typeof value === 'string' && value.length <= 200)) return
  throw new RealtimeError('bad-argument', `${name} must be null or a text of at most 200 characters`)
}
