// createRealtime: joins the parts. Frames go in to rooms and to the sender, actions go out through the outbox; nothing else
// is decided here.

import mitt from 'mitt'
import { atom, batch, type ReadableAtom } from 'nanostores'
import { type ConnectionView, IDLE_VIEW, viewConnection } from './core/connection-view.js'
import { createLedger, type Ending } from './core/ledger.js'
import { createOutbox } from './core/outbox.js'
import { createOutgoing } from './core/outgoing.js'
import type { SavedRoom } from './core/replica.js'
import { chainKey, keys, type ParkedRow, type Row } from './core/rows.js'
import { createSupervisor, type TokenSource } from './core/supervisor.js'
import { RealtimeError } from './errors.js'
import type { RealtimeEvents } from './events.js'
import { type AnyFeature, type EventMap, type EventSpec, type Lane, type Receipt, validateDraft } from './feature.js'
import type { Channel, Stop } from './ports.js'
import type { DownFrame, FrameOf, WelcomeFrame } from './protocol/frames.js'
import { browserPorts, type ClientPorts } from './defaults.js'
import { createRoomCore, type Room, type RoomCore } from './room.js'
import { createLateDisk } from './storage/late.js'
import { createMemoryDisk } from './storage/memory.js'
import { createLease } from './tabs/lease.js'

export interface RealtimeOptions {
  /** Address of the server: `wss://example.org/realtime`. */
  readonly url: string | (() => string)
  /** Name of the app; with `user` it names what is stored on this device. */
  readonly app: string
  readonly user: string
  /** A token, or a function that fetches one; it goes into the first frame, never into the address. */
  readonly token?: TokenSource
  /** Shown to others in presence: `web`, `desktop`, `mobile`, … */
  readonly platform?: string
  /** Failed attempts in a row before giving up; default: never. */
  readonly maxAttempts?: number
  /** Milliseconds for token, opening and handshake together; default 20,000. */
  readonly connectTimeout?: number
  /** How much may wait: default 50,000 actions and 50 million characters. */
  readonly outbox?: { readonly maxCount?: number; readonly maxBytes?: number }
  /** `false` keeps everything in memory; default true. */
  readonly persist?: boolean
  /** Also dispatches every event as `CustomEvent('realtime:<type>')` on `window`. */
  readonly domEvents?: boolean
  /** A WebSocket class where the host has none. */
  readonly webSocket?: unknown
  /** Replaces what comes from outside: for tests and unusual hosts. */
  readonly ports?: Partial<ClientPorts>
}

/** A store of rows that an app can act upon. */
export interface RowStore<T> extends ReadableAtom<readonly T[]> {
  /** Sends the action (again). False when it is not there any more. */
  retry(id: string): Promise<boolean>
  /** Forgets the action. False when it is gone, or may have left already and so cannot be taken back. */
  discard(id: string): Promise<boolean>
}

export type { ConnectionView, ParkedRow, Row, TokenSource }

export interface Realtime {
  readonly $connection: ReadableAtom<ConnectionView>
  /** Actions not yet answered, of all tabs. */
  readonly pending: RowStore<Row>
  /** Actions that the server refused; they survive a reload until they are retried or discarded. */
  readonly rejected: RowStore<ParkedRow>
  /** Actions of which nobody knows whether they happened; a retry is safe, for the server knows their ids. */
  readonly unknown: RowStore<ParkedRow>
  readonly user: string
  /** Resolves when what this device remembers has been read. */
  readonly ready: Promise<void>
  /** Enters a room; the same room at every call until it is left. */
  room(id: string): Room
  connect(): void
  /** Closes the connection. Waiting actions are kept (default), waited for (`wait`, at most 10 s) or deleted (`purge`). */
  disconnect(options?: { pending?: 'keep' | 'wait' | 'purge' }): Promise<void>
  /** Hands in a new token over the present connection. */
  authenticate(token: string): void
  /** Asks the link for a sign of life now, or ends a wait. For hosts that know more than the browser tells. */
  probe(): void
  on<K extends keyof RealtimeEvents & string>(type: K, listener: (detail: RealtimeEvents[K]) => void): Stop
  /** Hears every event. */
  onAny(listener: (type: string, detail: unknown) => void): Stop
  emit<K extends keyof RealtimeEvents & string>(type: K, detail: RealtimeEvents[K]): void
  /** Ends the session on the server, disconnects and closes. */
  logout(): Promise<void>
  close(): Promise<void>
}

const LANES: readonly Lane[] = ['critical', 'high', 'normal', 'bulk']
/** An action larger than this is refused at the call; the server may say less in its welcome. */
const DEFAULT_MAX = 64 * 1024
const SAVE_INTERVAL = 1000
const REFRESH_INTERVAL = 50
const DRAIN_DEADLINE = 10_000
const RECENT = 5 * 60_000

export function createRealtime(options: RealtimeOptions): Realtime {
  requireText('app', options.app)
  requireText('user', options.user)
  if (typeof options.url !== 'function') requireText('url', options.url)
  let ports: ClientPorts = { ...browserPorts(options.webSocket), ...options.ports }
  let { clock, random, page, report } = ports
  let { app, user } = options
  let name = `realtime-stores/1/${app}/${user}`
  let emitter = mitt<RealtimeEvents>()
  let ledger = createLedger()
  let rooms = new Map<string, RoomCore>()
  /** Rooms joined only because rows wait for them. */
  let silent = new Map<number, string>()
  let refs = 0
  let max = DEFAULT_MAX
  let closed = false
  let isOnline = false
  let wasOnline = false
  let since = clock.now()
  let phase: ConnectionView['phase'] = 'idle'
  let drops: number[] = []
  let askedToPersist = false
  let stops: Stop[] = []
  /** Own events that came in while their rows were waiting, with their offsets. */
  let seenOwn = new Map<string, number>()
  let dirtyRooms = new Set<string>()
  let stopSave: Stop | null = null
  let stopRefresh: Stop | null = null
  let stopView: Stop | null = null
  let channel: Channel | null = null
  let $connection = atom<ConnectionView>(IDLE_VIEW)

  // --- the outbox and what it tells ---

  let hindrance = options.persist === false ? 'switched off by persist: false' : !ports.openDisk ? 'there is no IndexedDB here' : !ports.locks ? 'there are no Web Locks here, so tabs cannot share one outbox' : null
  let durabilityReason: string | null = hindrance
  let disk = createLateDisk(hindrance === null ? ports.openDisk : null, name, degrade)
  let outbox = createOutbox({
    disk,
    memory: createMemoryDisk,
    clock,
    random,
    limits: { maxCount: options.outbox?.maxCount ?? 50_000, maxBytes: options.outbox?.maxBytes ?? 50_000_000 },
    on: {
      stored(rows, claimed) {
        for (let row of rows) ledger.reach(row.id, 'stored')
        if (claimed) outgoing.leave(rows)
        else joinForRows()
        if (!askedToPersist) askToPersist()
      },
      gone: onGone,
      found(rows) {
        for (let row of rows) rooms.get(row.room)?.replica.addPending([row])
        paintAll()
        joinForRows()
      },
      degraded: degrade,
      identity: () => supervisor.feed({ type: 'reopen', reason: 'replaced' }),
      wrote: () => channel?.post('wrote'),
      changed: updateRows
    }
  })

  function onGone(row: Row, ending: Ending): void {
    let replica = rooms.get(row.room)?.replica
    seenOwn.delete(row.id)
    ledger.end(row.id, ending, replica !== undefined)
    if (ending.kind === 'acked') replica?.settlePending(row.id, ending.at)
    else replica?.removePending(row.id)
    let { id, feature, type } = row
    if (ending.kind === 'rejected') emit('rejected', { id, feature, type, code: ending.code })
    else if (ending.kind === 'unknown') emit('unknown', { id, feature, type })
    else if (ending.kind === 'expired') emit('expired', { id, feature, type })
    else if (ending.kind === 'failed') emit('error', { error: ending.error })
    schedulePaint()
  }

  let stopPaint: Stop | null = null
  /** Many rows end in one transaction: they are painted together. */
  function schedulePaint(): void {
    stopPaint ??= clock.soon(() => {
      stopPaint = null
      paintAll()
    })
  }

  let outgoing = createOutgoing({
    outbox,
    clock,
    send: frames => supervisor.send(frames),
    buffered: () => supervisor.buffered(),
    rejoin: joinAgain,
    sent: rows => {
      for (let row of rows) ledger.reach(row.id, 'sent')
    },
    fenced: () => void onFenced(),
    failed: error => fail(error),
    seen: id => seenOwn.get(id),
    recovered: room => rooms.get(room)?.whenLive() ?? Promise.resolve()
  })

  async function onFenced(): Promise<void> {
    // The disk still holds our number: then somebody with the same disk image is out there, and one of us needs a new id.
    if (outbox.gen > 0 && (await outbox.holdsGen())) await outbox.fork()
    else {
      outbox.demote()
      supervisor.feed({ type: 'reopen', reason: 'replaced' })
    }
  }

  // --- the connection ---

  let supervisor = createSupervisor({
    url: options.url,
    connect: ports.connect,
    clock,
    random,
    token: options.token,
    settings: { maxAttempts: options.maxAttempts ?? Number.POSITIVE_INFINITY, connectTimeout: options.connectTimeout ?? 20_000 },
    async identify() {
      await ready
      await lease.settled
      let gen = lease.held || outbox.disk.kind === 'memory' ? await outbox.raiseGen() : 0
      return { app, user, cid: outbox.client.cid, gen, platform: options.platform }
    },
    welcomed,
    received,
    dropped() {
      isOnline = false
      drops.push(clock.mono())
      outgoing.closed()
      silent.clear()
      for (let core of rooms.values()) core.offline()
      emit('disconnected', { reason: 'reason' in supervisor.state ? supervisor.state.reason : 'none' })
    },
    changed(state) {
      if (state.phase !== phase) since = clock.now()
      phase = state.phase
      updateView()
    },
    bad: message => report('warn', 'bad-frame', message)
  })

  let lease = createLease({
    locks: ports.locks,
    name,
    changed(held) {
      if (!held) outbox.demote()
      // The right to send belongs to a connection: a new one is opened with it.
      supervisor.feed({ type: 'reopen', reason: 'replaced' })
      updateView()
    }
  })
  let ready = outbox.load().then(
    () => updateView(),
    error => fail(error)
  )

  function welcomed(frame: WelcomeFrame): void {
    isOnline = true
    max = Math.min(DEFAULT_MAX, frame.max)
    outgoing.opened(frame.window)
    let joins = [...rooms].flatMap(([id, core]) => core.joinFrame(doneOf(id)) ?? [])
    if (joins.length) supervisor.send(joins)
    joinForRows()
    emit('connected', { again: wasOnline })
    wasOnline = true
  }

  function doneOf(room: string): Record<string, number> {
    let done: Record<string, number> = {}
    for (let lane of LANES) {
      let chain = outbox.chains.get(chainKey(room, lane))
      if (chain?.done) done[lane] = chain.done
    }
    return done
  }

  /** Joins rooms that are not shown and for which rows wait, so that these are delivered. */
  function joinForRows(): void {
    if (!isOnline || outbox.gen === 0) return
    let asked = new Set(silent.values())
    for (let chain of outbox.chains.values()) {
      if (!chain.rows.length || rooms.has(chain.room) || asked.has(chain.room)) continue
      asked.add(chain.room)
      joinSilently(chain.room)
    }
    outgoing.pump()
  }

  function joinSilently(room: string): void {
    let ref = ++refs
    for (let [old, joined] of silent) if (joined === room) silent.delete(old)
    silent.set(ref, room)
    supervisor.send([{ f: 'join', ref, room, only: true, done: doneOf(room) }])
  }

  function joinAgain(room: string): void {
    outgoing.unready(room)
    let frame = rooms.get(room)?.joinFrame(doneOf(room))
    if (frame) supervisor.send([frame])
    else if (!rooms.has(room)) joinSilently(room)
  }

  function received(frames: readonly DownFrame[]): void {
    for (let frame of frames) route(frame)
    paintAll()
  }

  function route(frame: DownFrame): void {
    switch (frame.f) {
      case 'ack':
        outgoing.ack(frame)
        return
      case 'slow':
        outgoing.slow(frame.ms)
        return
      case 'nack':
        if (frame.ref === undefined) outgoing.nack(frame)
        else if (silent.has(frame.ref)) refuse(silent.get(frame.ref) as string, frame)
        else for (let core of rooms.values()) core.receive(frame)
        return
      case 'joined': {
        let room = silent.get(frame.ref)
        if (room === undefined) rooms.get(frame.room)?.receive(frame)
        else void outgoing.joined(frame).catch(fail)
        return
      }
      case 'page':
      case 'ping':
        for (let core of rooms.values()) core.receive(frame)
        return
      default:
        if ('room' in frame && frame.room !== undefined) rooms.get(frame.room)?.receive(frame)
    }
  }

  function refuse(room: string, { code, final, after, message }: FrameOf<'nack'>): void {
    if (final) void outgoing.refused(room, code, message ?? '').catch(fail)
    else if (code === 'stale') void onFenced()
    else clock.after(after ?? 1000, () => isOnline && !rooms.has(room) && joinSilently(room))
  }

  // --- rooms ---

  function enter(id: string): Room {
    requireText('room', id)
    assertOpen()
    let known = rooms.get(id)
    if (known) {
      known.hold()
      return known.room
    }
    let core = createRoomCore(id, {
      me: user,
      clock,
      random,
      devices: ports.devices,
      sid: () => supervisor.sid,
      serverNow: () => clock.now() + supervisor.stats.serverTimeOffsetMs,
      send: frames => supervisor.send(frames),
      nextRef: () => ++refs,
      dispatch,
      claim: key => ports.locks?.tryHold(`${name}/${key}`, 60_000) ?? Promise.resolve(true),
      report: (type, detail) => emit(type, detail),
      error: fail,
      visible(eventId, offset) {
        seenOwn.set(eventId, offset)
        ledger.reach(eventId, 'visible')
      },
      advanced: saveSoon,
      marks: frame => void outgoing.joined(frame).catch(fail),
      unmarked: outgoing.unready,
      refused: (room, code) => void outgoing.refused(room, code, '').catch(fail),
      left: leave
    })
    rooms.set(id, core)
    core.replica.addPending(outbox.rows().filter(row => row.room === id))
    void ready.then(async () => {
      let saved = await outbox.disk.read(tx => tx.get(keys.room(id))).catch(() => undefined)
      if (rooms.get(id) !== core) return
      core.replica.addPending(outbox.rows().filter(row => row.room === id))
      core.restored((saved as SavedRoom | undefined) ?? null)
      if (!isOnline) return
      outgoing.unready(id)
      let frame = core.joinFrame(doneOf(id))
      if (frame) supervisor.send([frame])
    })
    return core.room
  }

  function leave(id: string): void {
    let core = rooms.get(id)
    if (!core) return
    save([id])
    rooms.delete(id)
    core.close()
    outgoing.unready(id)
    supervisor.send([{ f: 'leave', room: id }])
    joinForRows()
  }

  // --- actions ---

  function dispatch(room: string, feature: AnyFeature, type: string, data: unknown, id: string): Receipt {
    assertOpen()
    validateDraft(feature, type, data)
    let spec = (feature.events as EventMap)[type] as EventSpec<unknown>
    let text = JSON.stringify(data)
    if (text.length > max - 512) {
      throw new RealtimeError('too-large', `${feature.name}.${type} has ${text.length} characters; the server takes ${max - 512}.`)
    }
    // A copy: what the caller does with the object afterwards must not change what was accepted.
    let copy: unknown = JSON.parse(text)
    let key = spec.key?.(copy) ?? ''
    if (spec.delivery.kind === 'volatile') return cast(room, feature, type, copy, key, spec.delivery.seconds, id)
    let row: Row = {
      n: 0, id, room, lane: spec.lane, feature: feature.name, type, data: copy, at: clock.now(),
      ...(spec.delivery.kind === 'ttl' ? { ttl: spec.delivery.seconds } : {}),
      ...(spec.delivery.kind === 'latest' ? { key: `${feature.name}/${type}/${key}` } : {})
    }
    outbox.append(row)
    let receipt = ledger.open(id, 'stored')
    rooms.get(room)?.replica.addPending([row])
    rooms.get(room)?.paint()
    updateRows()
    return receipt
  }

  function cast(room: string, feature: AnyFeature, type: string, data: unknown, key: string, seconds: number, id: string): Receipt {
    let receipt = ledger.open(id, 'sent')
    let core = rooms.get(room)
    let frame = { f: 'cast', room, feature: feature.name, type, data, key, ttl: seconds, id } as const
    if (core && !core.room.$status.get().stale && supervisor.send([frame])) {
      core.receive({ ...frame, by: user, at: clock.now() + supervisor.stats.serverTimeOffsetMs })
      core.paint()
      ledger.reach(id, 'sent')
    }
    // A stream has no answers: what is not sent by now never will be, and nothing further is promised.
    ledger.drop(id)
    return receipt
  }

  /** Tells rows past their time; asked whenever the view of rows changes, and by a timer for the next one. */
  let stopExpiry: Stop | null = null
  function scheduleExpiry(): void {
    stopExpiry?.()
    stopExpiry = null
    let next = Number.POSITIVE_INFINITY
    for (let chain of outbox.chains.values()) {
      for (let row of chain.rows) if (row.ttl !== undefined && row.n > chain.claimed) next = Math.min(next, row.at + row.ttl * 1000)
    }
    if (next === Number.POSITIVE_INFINITY) return
    stopExpiry = clock.after(Math.max(50, next - clock.now() + 1), () => {
      let now = clock.now()
      void outbox.withdraw(row => row.ttl !== undefined && now - row.at > row.ttl * 1000, { kind: 'expired' }).catch(fail)
    })
  }

  // --- stores ---

  function rowStore<T extends Row | ParkedRow>(actions: Omit<RowStore<T>, keyof ReadableAtom>): RowStore<T> {
    return Object.assign(atom<readonly T[]>([]), actions) as unknown as RowStore<T>
  }
  let pending = rowStore<Row>({
    async retry(id) {
      outgoing.pump()
      return outbox.rows().some(row => row.id === id)
    },
    discard: async id => (await outbox.withdraw(row => row.id === id, { kind: 'purged' })).length > 0
  })
  let parkedActions = {
    async retry(id: string): Promise<boolean> {
      let item = await outbox.unpark(id)
      if (!item) return false
      let { ttl: _late, ...row } = item.row
      let again: Row = { ...row, n: 0, at: clock.now() }
      outbox.append(again)
      rooms.get(again.room)?.replica.addPending([again])
      paintAll()
      return true
    },
    discard: async (id: string): Promise<boolean> => (await outbox.unpark(id)) !== null
  }
  let rejected = rowStore<ParkedRow>(parkedActions)
  let unknown = rowStore<ParkedRow>(parkedActions)

  function updateRows(): void {
    updateView()
  }

  function updateView(): void {
    stopView ??= clock.soon(() => {
      stopView = null
      if (!closed) paintView()
    })
  }

  function paintView(): void {
    let parked = [...outbox.parked.values()]
    let now = clock.mono()
    drops = drops.filter(at => now - at < RECENT)
    batch(() => {
      setIfChanged(pending, outbox.rows())
      setIfChanged(rejected, parked.filter(item => item.kind === 'rejected'))
      setIfChanged(unknown, parked.filter(item => item.kind === 'unknown'))
      $connection.set(
        viewConnection({
          state: supervisor.state,
          error: supervisor.error,
          stats: supervisor.stats,
          recentDrops: drops.length,
          since,
          toWall: mono => clock.now() + mono - clock.mono(),
          durability: outbox.disk.kind,
          durabilityReason,
          pending: outbox.stats,
          rejectedCount: rejected.get().length,
          unknownCount: unknown.get().length,
          canSend: !closed && outbox.hasRoom,
          leader: outbox.gen > 0,
          sessionId: supervisor.sid
        })
      )
    })
    scheduleExpiry()
  }

  function paintAll(): void {
    batch(() => {
      for (let core of rooms.values()) core.paint()
    })
  }

  // --- what is kept on disk ---

  function saveSoon(room: string): void {
    dirtyRooms.add(room)
    stopSave ??= clock.after(SAVE_INTERVAL, () => save([...dirtyRooms]))
  }

  function save(ids: readonly string[]): void {
    stopSave?.()
    stopSave = null
    let records = ids.flatMap(id => {
      dirtyRooms.delete(id)
      let saved = rooms.get(id)?.replica.save(clock.now())
      return saved ? [[id, saved] as const] : []
    })
    if (!records.length) return
    outbox.disk
      .write('relaxed', async tx => {
        for (let [id, saved] of records) {
          let known = (await tx.get(keys.room(id))) as SavedRoom | undefined
          // Another tab may be further.
          if (known?.epoch === saved.epoch && known.offset > saved.offset) continue
          tx.put(keys.room(id), saved)
        }
      })
      .catch(error => report('warn', 'not-saved', error))
  }

  function askToPersist(): void {
    askedToPersist = true
    if (outbox.disk.kind === 'memory') return
    ports.persist?.().then(
      granted => emit('persisted', { granted }),
      () => {}
    )
  }

  function degrade(reason: string): void {
    durabilityReason = reason
    report('warn', 'degraded', reason)
    emit('degraded', { reason })
    updateView()
  }

  // --- events ---

  function emit<K extends keyof RealtimeEvents & string>(type: K, detail: RealtimeEvents[K]): void {
    try {
      emitter.emit(type, detail)
    } catch (error) {
      report('error', 'listener', error)
    }
    if (options.domEvents) ports.dispatchDom?.(`realtime:${type}`, detail)
  }

  function fail(error: unknown): void {
    let known = error instanceof RealtimeError ? error : new RealtimeError('storage', String(error), { cause: error })
    report('error', known.code, known)
    emit('error', { error: known })
  }

  function assertOpen(): void {
    if (closed) throw new RealtimeError('closed')
  }

  // --- the page and the other tabs ---

  channel = ports.openChannel?.(name, () => {
    stopRefresh ??= clock.after(REFRESH_INTERVAL, () => {
      stopRefresh = null
      void outbox.refresh().then(() => outgoing.pump(), fail)
    })
  }) ?? null
  if (page) {
    stops.push(
      page.listen(event => {
        if (event === 'hide' || event === 'freeze') {
          save([...dirtyRooms])
          supervisor.feed({ type: 'suspend' })
          lease.release()
        } else if (event === 'show' || event === 'resume') {
          lease.contend()
          supervisor.feed({ type: 'resume' })
        } else if (event === 'hidden') save([...dirtyRooms])
        else supervisor.feed({ type: 'hint', hint: event })
      })
    )
  }

  async function drain(): Promise<void> {
    let deadline = clock.mono() + DRAIN_DEADLINE
    while (outbox.stats.count > 0 && clock.mono() < deadline) await new Promise<void>(resolve => clock.after(20, resolve))
  }

  async function close(reason: string): Promise<void> {
    if (closed) return
    save([...rooms.keys()])
    closed = true
    supervisor.close(reason)
    paintView()
    for (let stop of [...stops, stopSave, stopRefresh, stopView, stopPaint, stopExpiry]) stop?.()
    for (let core of rooms.values()) core.close()
    rooms.clear()
    channel?.close()
    await outbox.idle().catch(() => {})
    lease.release()
    outbox.close()
  }

  return {
    $connection,
    pending,
    rejected,
    unknown,
    user,
    ready,
    room: enter,
    connect() {
      assertOpen()
      supervisor.feed({ type: 'connect' })
    },
    async disconnect({ pending: mode = 'keep' } = {}) {
      if (mode === 'wait') await drain()
      if (mode === 'purge') await outbox.withdraw(() => true, { kind: 'purged' })
      supervisor.close('disconnected')
      save([...rooms.keys()])
      await outbox.idle()
    },
    authenticate(token) {
      requireText('token', token)
      supervisor.authenticate(token)
    },
    probe: () => supervisor.feed({ type: 'hint', hint: 'probe' }),
    on(type, listener) {
      emitter.on(type, listener)
      return () => emitter.off(type, listener)
    },
    onAny(listener) {
      let hear = (type: keyof RealtimeEvents, detail: unknown): void => listener(String(type), detail)
      emitter.on('*', hear)
      return () => emitter.off('*', hear)
    },
    emit,
    async logout() {
      supervisor.send([{ f: 'bye', code: 'logout', final: true }])
      await close('logout')
    },
    close: () => close('closed')
  }
}

function requireText(name: string, value: unknown): void {
  if (typeof value === 'string' && value.length > 0 && value.length <= 256 && !value.includes('\u0000')) return
  throw new RealtimeError('bad-argument', `${name} must be a text of 1 to 256 characters, got ${JSON.stringify(value)}`)
}

function setIfChanged<T>(store: ReadableAtom<readonly T[]>, next: readonly T[]): void {
  let now = store.get()
  if (now.length === next.length && now.every((item, i) => item === next[i])) return
  ;(store as unknown as { set(value: readonly T[]): void }).set(next)
}
