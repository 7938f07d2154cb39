// The rooms of a client: those that are shown, and those that are joined only because actions wait for them. Joins them after
// every welcome and hands each frame to the one it is for.

import { batch } from 'nanostores'
import type { Outbox } from './core/outbox.js'
import type { Outgoing } from './core/outgoing.js'
import { chainKey } from './core/rows.js'
import { createSaver } from './core/saver.js'
import type { Lane } from './feature.js'
import type { Clock, Stop } from './ports.js'
import type { DownFrame, Frame, FrameOf } from './protocol/frames.js'
import { createRoomCore, type Room, type RoomCore, type RoomHost } from './room.js'

const LANES: readonly Lane[] = ['critical', 'high', 'normal', 'bulk']

export interface ClientRoomsPorts {
  readonly clock: Clock
  readonly outbox: Outbox
  readonly outgoing: () => Outgoing
  readonly send: (frames: readonly Frame[]) => boolean
  /** Resolves when the outbox has been read. */
  readonly ready: () => Promise<void>
  /** What rooms need and this file does not provide. */
  readonly host: Pick<
    RoomHost,
    'me' | 'random' | 'devices' | 'serverNow' | 'dispatch' | 'claim' | 'report' | 'error' | 'visible'
  >
  readonly failed: (error: unknown) => void
}

export type ClientRooms = ReturnType<typeof createClientRooms>

export function createClientRooms(ports: ClientRoomsPorts) {
  let { clock, outbox, send, failed } = ports
  let shown = new Map<string, RoomCore>()
  /** By the number of their join. */
  let silent = new Map<number, string>()
  /** Before they are joined again. */
  let pauses = new Set<Stop>()
  /** Rooms whose saved state is being read. */
  let restoring = new Set<Promise<void>>()
  let refs = 0
  let isOnline = false
  let saver = createSaver({
    clock,
    disk: () => outbox.disk,
    stateOf: id => shown.get(id)?.replica.save(clock.now()) ?? null,
    failed
  })

  /** Numbers whose answers are surely on disk: the server may forget them. */
  function doneOf(room: string): Record<string, number> {
    let done: Record<string, number> = {}
    for (let lane of LANES) {
      let chain = outbox.chains.get(chainKey(room, lane))
      if (chain?.done) done[lane] = chain.done
    }
    return done
  }

  /** Only the tab that sends acts upon marks. */
  function takeMarks(frame: FrameOf<'joined'>): void {
    if (outbox.gen > 0) ports.outgoing().joined(frame).catch(failed)
  }

  async function refuseRows(room: string, code: string, message = ''): Promise<void> {
    if (outbox.gen > 0) await ports.outgoing().refused(room, code, message).catch(failed)
  }

  // --- joining ---

  function join(core: RoomCore, id: string): void {
    let frame = core.joinFrame(doneOf(id))
    if (frame) send([frame])
  }

  /** In one batch; a join that cannot be written keeps only its own room out. */
  function sendJoins(joins: readonly Frame[]): void {
    try {
      send(joins)
    } catch (error) {
      if (joins.length === 1) failed(error)
      else for (let frame of joins) sendJoins([frame])
    }
  }

  /** What a silent join of this room is still answered concerns nobody any more. */
  function forgetSilent(room: string): void {
    for (let [old, name] of silent) if (name === room) silent.delete(old)
  }

  function joinSilently(room: string): void {
    let ref = ++refs
    forgetSilent(room)
    silent.set(ref, room)
    send([{ f: 'join', ref, room, only: true, done: doneOf(room) }])
  }

  /** Joins a room again: its marks tell where sending goes on. */
  function again(id: string): void {
    ports.outgoing().unready(id)
    let core = shown.get(id)
    if (core) join(core, id)
    else joinSilently(id)
  }

  /** Joins rooms for which rows wait and that are not shown, or were refused before, so that these are delivered. */
  function deliver(): void {
    if (!isOnline || outbox.gen === 0) return
    let asked = new Set(silent.values())
    for (let chain of [...outbox.chains.values()]) {
      if (!chain.rows.length || asked.has(chain.room)) continue
      let core = shown.get(chain.room)
      if (core) {
        if (core.isShut) again(chain.room)
        continue
      }
      asked.add(chain.room)
      joinSilently(chain.room)
    }
    ports.outgoing().pump()
  }

  async function onSilentNack(room: string, { ref, code, final, after, message }: FrameOf<'nack'>): Promise<void> {
    if (final) {
      await refuseRows(room, code, message)
      // Whatever comes to wait there next is asked for anew.
      silent.delete(ref as number)
      deliver()
    } else if (code === 'stale') ports.outgoing().stale()
    else {
      let stop = clock.after(after ?? 1000, () => {
        pauses.delete(stop)
        if (!shown.has(room)) joinSilently(room)
      })
      pauses.add(stop)
    }
  }

  // --- entering and leaving ---

  function enter(id: string): Room {
    let known = shown.get(id)
    if (known) {
      known.hold()
      // Whoever enters anew asks anew: they may have been let in meanwhile.
      if (known.isShut) again(id)
      return known.room
    }
    let core = createRoomCore(id, {
      ...ports.host,
      clock,
      send,
      nextRef: () => ++refs,
      advanced: saver.soon,
      marks: takeMarks,
      unmarked: room => ports.outgoing().unready(room),
      refused: (room, code, message) => void refuseRows(room, code, message),
      stale: () => ports.outgoing().stale(),
      left: leave
    })
    forgetSilent(id)
    shown.set(id, core)
    let addRows = (): void => core.replica.addPending(outbox.rows().filter(row => row.room === id))
    addRows()
    let reading = ports.ready().then(async () => {
      let saved = await saver.read(id).catch(() => null)
      if (shown.get(id) !== core) return
      addRows()
      core.restored(saved)
      if (isOnline) {
        ports.outgoing().unready(id)
        join(core, id)
      }
      await core.whenPainted()
    })
    restoring.add(reading)
    void reading.finally(() => restoring.delete(reading))
    return core.room
  }

  function leave(id: string): void {
    let core = shown.get(id)
    if (!core) return
    saver.now([id])
    shown.delete(id)
    core.close()
    ports.outgoing().unready(id)
    send([{ f: 'leave', room: id }])
    deliver()
  }

  function route(frame: DownFrame): void {
    switch (frame.f) {
      case 'joined':
        if (silent.has(frame.ref)) takeMarks(frame)
        else shown.get(frame.room)?.receive(frame)
        return
      case 'nack': {
        let room = frame.ref === undefined ? undefined : silent.get(frame.ref)
        if (room !== undefined) void onSilentNack(room, frame)
        else for (let core of shown.values()) core.receive(frame)
        return
      }
      case 'page':
      case 'ping':
        for (let core of shown.values()) core.receive(frame)
        return
      default:
        if ('room' in frame && frame.room !== undefined) shown.get(frame.room)?.receive(frame)
    }
  }

  function paint(): void {
    try {
      batch(() => {
        for (let core of shown.values()) core.paint()
      })
    } catch (error) {
      // A listener of the app threw; the states are set and the others were told.
      failed(error)
    }
  }

  return {
    enter,
    get: (id: string): RoomCore | undefined => shown.get(id),
    /** Resolves when what this device remembers of the rooms entered so far is shown. */
    restored: async (): Promise<void> => void (await Promise.all(restoring)),
    /** A connection is welcome: everything is joined in one batch. */
    online(): void {
      isOnline = true
      let joins = [...shown].flatMap(([id, core]) => core.joinFrame(doneOf(id)) ?? [])
      if (joins.length) sendJoins(joins)
      deliver()
    },
    offline(): void {
      isOnline = false
      silent.clear()
      for (let stop of pauses) stop()
      pauses.clear()
      for (let core of shown.values()) core.offline()
    },
    again,
    deliver,
    nextRef: (): number => ++refs,
    /** The connection left a room that is not shown: it is joined again if something waits for it. */
    orphaned(room: string): void {
      forgetSilent(room)
      ports.outgoing().unready(room)
      deliver()
    },
    receive: route,
    paint,
    /** Keeps the states as they are now. `ending`: the page goes, and keeps what has changed only: a write may end its way back. */
    save: (ending = false): void => saver.now(ending ? [] : [...shown.keys()], ending),
    close(): void {
      saver.now([...shown.keys()])
      saver.close()
      for (let core of shown.values()) core.close()
      shown.clear()
    }
  }
}
