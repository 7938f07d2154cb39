// createRealtime: joins the parts. Frames go in to rooms and to the sender, actions go out through the outbox; nothing else
// is decided here.

import mitt from 'mitt'
import type { ReadableAtom } from 'nanostores'
import { createClientActions } from './client-actions.js'
import {
  checkOptions,
  checkPending,
  type PendingMode,
  type RealtimeOptions,
  requireText,
  whyNotOnDisk
} from './client-options.js'
import { createClientRooms } from './client-rooms.js'
import { createClientTabs } from './client-tabs.js'
import { createClientView, type RowStore } from './client-view.js'
import { type ConnectionView, IDLE_VIEW } from './core/connection-view.js'
import { createLedger, type Ending } from './core/ledger.js'
import { createOutbox } from './core/outbox.js'
import { createOutgoing } from './core/outgoing.js'
import type { ParkedRow, Row } from './core/rows.js'
import { createSupervisor } from './core/supervisor.js'
import { browserPorts, type ClientPorts } from './defaults.js'
import { RealtimeError } from './errors.js'
import type { RealtimeEvents } from './events.js'
import type { OpenDisk, Stop } from './ports.js'
import type { DownFrame, WelcomeFrame } from './protocol/frames.js'
import type { Room } from './room.js'
import { createLateDisk } from './storage/late.js'
import { createMemoryDisk } from './storage/memory.js'
import { createPersistence } from './storage/persistence.js'
import { createRecovery } from './storage/recovery.js'

export interface Realtime {
  readonly $connection: ReadableAtom<ConnectionView>
  /** Actions not yet answered, of all tabs. */
  readonly pending: RowStore<Row>
  /** Actions that the server refused; they survive a reload until they are retried or discarded. */
  readonly rejected: RowStore<ParkedRow>
  /** Actions of which nobody knows whether they happened; a retry is safe, for the server knows their ids. */
  readonly unknown: RowStore<ParkedRow>
  readonly app: string
  readonly user: string
  /** Resolves when what this device remembers, also of the rooms entered so far, is shown. */
  readonly ready: Promise<void>
  /** Enters a room. Features, stores and presence are the same at every call; `leave()` lets go of this hold only. */
  room(id: string): Room
  connect(): void
  /** Closes the connection. Waiting actions are kept (default), waited for (`wait`, at most 10 s) or, unless they may have left, deleted (`purge`). */
  disconnect(options?: { pending?: PendingMode }): Promise<void>
  /** Hands in a new token, for the present connection and the next ones. */
  authenticate(token: string): void
  /** Asks the link for a sign of life now, or ends a wait. For hosts that know more than the browser tells. */
  probe(): void
  on<K extends keyof RealtimeEvents & string>(type: K, listener: (detail: RealtimeEvents[K]) => void): Stop
  /** Hears every event. */
  onAny(listener: (type: string, detail: unknown) => void): Stop
  emit<K extends keyof RealtimeEvents & string>(type: K, detail: RealtimeEvents[K]): void
  /**
   * Ends the session on the server, disconnects and closes. Waiting actions are kept for this user's return (default), waited
   * for or deleted, as with `disconnect`. Resolves to whether the server could be told: offline it could not.
   */
  logout(options?: { pending?: PendingMode }): Promise<boolean>
  close(): Promise<void>
}

/** So long after its session was taken over a tab comes back, in milliseconds. */
const REPLACED = 1000
const DRAIN_DEADLINE = 10_000
/** What is visible has a frame by then, unless it is covered or scrolled out of sight, in milliseconds. */
const FRAME_DEADLINE = 250
/** How long a tab's claim to play something keeps the other tabs from it. */
const CLAIM_MS = 60_000

/**
 * Makes a client; nothing happens on the network before `connect()`.
 *
 * ```ts
 * let client = createRealtime({ url: 'wss://example.org/realtime', app: 'rooms', user: 'ada' })
 * client.connect()
 * let { $state, castVote } = client.room('movies').use(votes)
 * ```
 */
export function createRealtime(options: RealtimeOptions): Realtime {
  checkOptions(options)
  let ports: ClientPorts = { ...browserPorts(options), ...options.ports }
  let { clock, random, report } = ports
  let { app, user } = options
  let name = `realtime-stores/1/${app}/${user}`
  let emitter = mitt<RealtimeEvents>()
  let ledger = createLedger()
  let closed = false
  let wasOnline = false
  let stops: Stop[] = []
  let drained: (() => void)[] = []
  let casts = { ...IDLE_VIEW.casts }

  // --- what waits ---

  let hindrance = whyNotOnDisk(options, ports)
  let outbox = createOutbox({
    disk: createLateDisk(hindrance === null ? ports.openDisk : null, name, degrade),
    memory: createMemoryDisk,
    clock,
    random,
    limits: { maxCount: options.outbox?.maxCount ?? 50_000, maxBytes: options.outbox?.maxBytes ?? 50_000_000 },
    on: {
      stored(rows, claimed) {
        for (let row of rows) ledger.reach(row.id, 'stored')
        if (claimed) outgoing.leave(rows)
        else rooms.deliver()
        if (outbox.disk.kind === 'disk') persistence.stored()
      },
      gone: onGone,
      found(rows) {
        for (let row of rows) rooms.get(row.room)?.replica.addPending([row])
        paintSoon()
        rooms.deliver()
      },
      degraded: degrade,
      identity: () => reopen(),
      wrote: () => tabs.wrote(),
      changed() {
        view.update()
        if (outbox.stats.count === 0) for (let call of drained.splice(0)) call()
      }
    }
  })

  function onGone(row: Row, ending: Ending): void {
    let replica = rooms.get(row.room)?.replica
    let { id, feature, type } = row
    // Before the receipt: whoever waits for that finds the counts as they are now.
    view.update()
    ledger.end(id, ending, replica !== undefined)
    if (ending.kind === 'acked') replica?.settlePending(id, ending.at)
    else replica?.removePending(id)
    if (ending.kind === 'rejected') emit('rejected', { id, feature, type, code: ending.code })
    else if (ending.kind === 'unknown') emit('unknown', { id, feature, type })
    else if (ending.kind === 'expired') emit('expired', { id, feature, type })
    else if (ending.kind === 'failed') emit('error', { error: ending.error })
    paintSoon()
  }

  let outgoing = createOutgoing({
    outbox,
    clock,
    // Pushes concern no other tab.
    send: frames => supervisor.sendEncoded(frames),
    buffered: () => supervisor.buffered(),
    rejoin: room => rooms.again(room),
    sent: rows => {
      for (let row of rows) ledger.reach(row.id, 'sent')
    },
    fenced,
    failed: fail,
    seen: (room, id) => rooms.get(room)?.replica.offsetOf(id),
    recovered: room => rooms.get(room)?.whenLive() ?? Promise.resolve()
  })

  let isFenced = false
  /** Every room of the connection may say so; it is acted upon once. */
  function fenced(): void {
    if (isFenced) return
    isFenced = true
    onFenced()
      .catch(fail)
      .finally(() => {
        isFenced = false
      })
  }

  async function onFenced(): Promise<void> {
    // The disk still holds our number: then somebody with a copy of it is out there, and one of us needs a new id.
    if (outbox.gen > 0 && (await outbox.holdsGen())) return outbox.fork()
    outbox.demote()
    reopen()
  }

  // --- rooms ---

  let rooms = createClientRooms({
    clock,
    outbox,
    outgoing: () => outgoing,
    send: frames => tabs.send(frames),
    ready: () => ready,
    failed: fail,
    host: {
      me: user,
      random,
      devices: options.devices ?? ports.devices,
      serverNow,
      dispatch(room, feature, type, data, id) {
        assertOpen()
        return actions.dispatch(room, feature, type, data, id)
      },
      claim: key => ports.locks?.tryHold(`${name}/${key}`, CLAIM_MS) ?? Promise.resolve(true),
      report: (type, detail) => emit(type, detail),
      error: fail,
      visible: id => ledger.reach(id, 'visible')
    }
  })

  let stopPaint: Stop | null = null
  /** Many rows end in one transaction: they are painted together. */
  function paintSoon(): void {
    stopPaint ??= clock.soon(() => {
      stopPaint = null
      rooms.paint()
    })
  }

  function serverNow(): number {
    return clock.now() + supervisor.stats.serverTimeOffsetMs
  }

  // --- the connection ---

  let tabs = createClientTabs({
    name,
    user,
    clock,
    random,
    locks: ports.locks,
    openChannel: ports.openChannel,
    page: ports.page,
    connect: ports.connect,
    supervisor: () => supervisor,
    serverNow,
    hindrance,
    nextRef: rooms.nextRef,
    deliver: take,
    left: rooms.orphaned,
    look: () => void outbox.refresh().then(() => rooms.deliver(), fail),
    demote: () => outbox.demote(),
    rechoose,
    ended(reason) {
      tabs.stop()
      supervisor.close(reason)
      rooms.save()
    },
    changed: () => view.update()
  })

  let { token } = options
  let supervisor = createSupervisor({
    url: options.url,
    connect: tabs.connect,
    clock,
    random,
    // Fetched once for all tabs, by the one that leads.
    token: typeof token === 'function' ? request => (tabs.isShared ? '' : token(request)) : token,
    settings: { maxAttempts: options.maxAttempts ?? Infinity, connectTimeout: options.connectTimeout ?? 20_000 },
    async identify() {
      await ready
      let gen = tabs.mayPush() ? await outbox.raiseGen() : 0
      // Another tab may have taken the lead meanwhile; then this attempt is over, and the right to send must not stay.
      if (!tabs.mayPush()) outbox.demote()
      return { app, user, cid: outbox.client.cid, gen, platform: options.platform, resume: gen > 0 }
    },
    welcomed(frame: WelcomeFrame) {
      actions.limit(frame.max)
      outgoing.opened({ ...frame.window, max: frame.max, isForgetful: supervisor.isForgetful })
      tabs.welcomed(frame)
      rooms.online()
      emit('connected', { again: wasOnline })
      wasOnline = true
    },
    received(all, text) {
      let frames = tabs.received(all, text)
      // It is the connection that may not send: also when another tab's room was asked for.
      if (all.some(frame => frame.f === 'nack' && frame.code === 'stale' && !frame.final)) fenced()
      // What tabs tell each other may be lost: with every beat they look for themselves.
      if (frames.some(frame => frame.f === 'ping')) outbox.refresh().then(() => rooms.deliver(), fail)
      take(frames)
    },
    dropped() {
      tabs.dropped()
      view.dropped()
      outgoing.closed()
      rooms.offline()
      let { state } = supervisor
      emit('disconnected', { reason: 'reason' in state ? state.reason : 'none' })
    },
    changed(state) {
      tabs.tell()
      if (state.phase === 'closed') tabs.over(state.reason)
      if (state.phase === 'closed' && state.reason === 'replaced') comeBack()
      view.phase(state.phase)
      view.update()
    },
    online: () => ports.page?.online() ?? true,
    bad(message) {
      view.update()
      report('warn', 'bad-frame', message)
    }
  })

  let stopFrame: Stop | null = null
  /** What a message brings is painted at once; casts alone wait for the next frame of the screen, where there is one. */
  function take(frames: readonly DownFrame[]): void {
    for (let frame of frames) receive(frame)
    if (!frames.length || frames.some(({ f }) => f !== 'cast')) rooms.paint()
    else if (!ports.page?.visible()) paintCasts()
    else if (!stopFrame) {
      let stops = [ports.page.frame(paintCasts), clock.after(FRAME_DEADLINE, paintCasts)]
      stopFrame = () => {
        for (let stop of stops) stop()
      }
    }
  }

  function paintCasts(): void {
    stopFrame?.()
    stopFrame = null
    casts.painted++
    rooms.paint()
  }

  function receive(frame: DownFrame): void {
    if (frame.f === 'cast') casts.received++
    if (frame.f === 'ack') outgoing.ack(frame)
    else if (frame.f === 'slow') outgoing.slow(frame.ms)
    else if (frame.f === 'nack' && frame.ref === undefined) outgoing.nack(frame)
    else rooms.receive(frame)
  }

  /** The right to send, and the client's id, belong to a connection: with another one comes a new connection. */
  function reopen(): void {
    supervisor.feed({ type: 'reopen', reason: 'replaced' })
  }

  /** Another tab has the session. Who leads is known by then; whatever this tab is, it goes on in a session of its own. */
  function comeBack(): void {
    let stop = clock.after(REPLACED, () => {
      let { state } = supervisor
      if (!closed && state.phase === 'closed' && state.reason === 'replaced') supervisor.feed({ type: 'connect' })
    })
    stops.push(stop)
  }

  /** This tab leads now, or another one does: there is another way to the server, and it is taken at once. */
  function rechoose(): void {
    let { state } = supervisor
    if (state.phase === 'closed') {
      // The server heard of the new leader before this tab did.
      if (state.reason === 'replaced') supervisor.feed({ type: 'connect' })
    } else if (state.phase === 'waiting' || state.phase === 'offline') {
      if (state.reason !== 'suspended') supervisor.feed({ type: 'hint', hint: 'probe' })
    } else reopen()
  }

  let actions = createClientActions({
    user,
    clock,
    outbox,
    ledger,
    casts,
    rooms: () => rooms,
    send: frames => tabs.send(frames),
    serverNow,
    changed: () => view.update(),
    failed: fail
  })

  // --- what is shown ---

  let view = createClientView({
    clock,
    outbox,
    casts,
    supervisor: () => supervisor,
    tabs: () => tabs.view,
    painted() {
      actions.watchExpiry()
      guard()
    },
    failed: fail,
    pending: {
      async retry(id) {
        outgoing.pump()
        return outbox.rows().some(row => row.id === id)
      },
      discard: async id => (await outbox.withdraw(row => row.id === id, { kind: 'purged' })).length > 0
    },
    parked: {
      retry: outbox.restore,
      discard: async id => (await outbox.unpark(id)) !== null
    }
  })
  view.degraded(hindrance)

  let recovery = createRecovery({
    // Asked only where there was a disk, or should have been one.
    open: () => (ports.openDisk as OpenDisk)(name),
    clock,
    async adopt(disk) {
      await outbox.returnTo(disk)
      tabs.share()
      view.degraded(null)
      view.update()
      emit('restored', {})
    }
  })

  function degrade(reason: string): void {
    recovery.lost()
    tabs.part(reason)
    view.degraded(reason)
    view.update()
    report('warn', 'degraded', reason)
    emit('degraded', { reason })
  }

  function emit<K extends keyof RealtimeEvents & string>(type: K, detail: RealtimeEvents[K]): void {
    emitter.emit(type, detail)
    if (options.domEvents) ports.dispatchDom?.(`realtime:${type}`, detail)
  }

  /** What an app's listener throws does not keep the others from hearing. */
  function shielded<A extends unknown[]>(listener: (...args: A) => void): (...args: A) => void {
    return (...args) => {
      try {
        listener(...args)
      } catch (error) {
        report('error', 'listener', error)
      }
    }
  }

  function fail(error: unknown): void {
    let known = error instanceof RealtimeError ? error : new RealtimeError('internal', String(error), { cause: error })
    report('error', known.code, known)
    emit('error', { error: known })
  }

  let persistence = createPersistence({
    persistence: ports.persistence,
    openDisk: ports.openDisk,
    known(granted) {
      view.persisted(granted)
      view.update()
    },
    answered: granted => emit('persisted', { granted })
  })

  let isGuarded = false
  /** Whoever leaves now would lose what waits: the person is asked. Off otherwise, so that the page may go and come back freely. */
  function guard(): void {
    let isOn = !closed && outbox.disk.kind === 'memory' && outbox.stats.count > 0
    if (isOn !== isGuarded) ports.page?.guard(isOn)
    isGuarded = isOn
  }

  // --- the page and the other tabs ---

  /** Connected as soon as somebody visits the page, which was loaded ahead of that. */
  let isAwaited = false
  let isAway = false
  if (ports.page) {
    stops.push(
      ports.page.listen(event => {
        if (ports.page?.prerendering()) return
        if (event === 'hide' || event === 'freeze') {
          isAway = true
          rooms.save(true)
          supervisor.feed({ type: 'suspend' })
          tabs.pause()
        } else if (event === 'show' || event === 'resume') {
          isAway = false
          if (isAwaited) tabs.start()
          else tabs.resume()
          supervisor.feed({ type: isAwaited ? 'connect' : 'resume' })
          isAwaited = false
        } else {
          if (event === 'hidden') {
            if (!isAway) rooms.save()
          } else supervisor.feed({ type: 'hint', hint: event })
          if (event === 'visible' || event === 'online') tabs.hint(event)
          if (event === 'hidden' || event === 'visible') tabs.seen(event === 'visible')
        }
      })
    )
  }
  let ready = outbox.load().then(() => {
    view.paint()
    if (hindrance !== null) emit('degraded', { reason: hindrance })
  }, fail)

  function assertOpen(): void {
    if (closed) throw new RealtimeError('closed')
  }

  /** Resolves when nothing waits any more, or after the deadline. */
  function drain(): Promise<void> {
    if (outbox.stats.count === 0) return Promise.resolve()
    return new Promise(resolve => {
      let stop = clock.after(DRAIN_DEADLINE, resolve)
      drained.push(() => {
        stop()
        resolve()
      })
    })
  }

  /** What becomes of waiting actions before a user goes. */
  async function settle(pending: PendingMode): Promise<void> {
    if (pending === 'wait') await drain()
    if (pending === 'purge') await outbox.withdraw(() => true, { kind: 'purged' })
  }

  function endConnection(reason: string): void {
    // Whose tabs stay will be back at once: their presence goes on.
    if (tabs.isSharing && reason !== 'logout') supervisor.feed({ type: 'suspend' })
    tabs.stop()
    supervisor.close(reason)
  }

  async function close(reason: string): Promise<void> {
    if (closed) return
    closed = true
    endConnection(reason)
    rooms.close()
    for (let stop of [...stops, stopPaint, stopFrame]) stop?.()
    recovery.close()
    ledger.close()
    for (let call of drained.splice(0)) call()
    await outbox.idle().catch(() => {})
    view.close()
    actions.close()
    tabs.close()
    outbox.close()
  }

  return {
    $connection: view.$connection,
    pending: view.pending,
    rejected: view.rejected,
    unknown: view.unknown,
    app,
    user,
    get ready() {
      return ready.then(rooms.restored)
    },
    room(id) {
      assertOpen()
      requireText('room', id)
      let held = rooms.enter(id)
      let isLeft = false
      return {
        ...held,
        leave() {
          if (!isLeft) held.leave()
          isLeft = true
        }
      }
    },
    connect() {
      assertOpen()
      isAwaited = ports.page?.prerendering() ?? false
      if (isAwaited) return
      tabs.start()
      tabs.hint('probe')
      supervisor.feed({ type: 'connect' })
    },
    async disconnect({ pending = 'keep' } = {}) {
      checkPending(pending)
      isAwaited = false
      await settle(pending)
      endConnection('disconnected')
      rooms.save()
      await outbox.idle()
    },
    authenticate(token) {
      if (typeof token !== 'string' || !token) throw new RealtimeError('bad-argument', 'token must be a text')
      supervisor.authenticate(token)
      tabs.authenticate(token)
    },
    probe() {
      supervisor.feed({ type: 'hint', hint: 'probe' })
      tabs.hint('probe')
    },
    on(type, listener) {
      let hear = shielded(listener)
      emitter.on(type, hear)
      return () => emitter.off(type, hear)
    },
    onAny(listener) {
      let hear = shielded((type: keyof RealtimeEvents, detail: unknown) => listener(String(type), detail))
      emitter.on('*', hear)
      return () => emitter.off('*', hear)
    },
    emit,
    async logout({ pending = 'keep' } = {}) {
      checkPending(pending)
      if (pending !== 'keep') await settle(pending)
      let { count } = outbox.stats
      if (count > 0) emit('pendingKept', { user, count })
      let told = supervisor.send([{ f: 'bye', code: 'logout', final: true }])
      tabs.end('logout')
      emit('loggedOut', { told })
      await close('logout')
      return told
    },
    close: () => close('closed')
  }
}
