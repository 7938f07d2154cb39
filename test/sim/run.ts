// Runs a schedule in a world of real clients and a real server, and looks at everything after every step. At the end everything
// is healed, and what must come true then has to.

import type { Device } from '../../src/testing/device.js'
import { journals } from './journal.js'
import { createPlay } from './play.js'
import { createStage, type Handle, isOnline, type Place, type Sitting } from './stage.js'
import { ROOMS, type Schedule } from './steps.js'
import type { Crime } from './witness.js'

export interface Verdict {
  /** What could not be true; `null` when all was well. */
  readonly crime: Crime | null
  readonly what: string
  /** Steps until it was seen. */
  readonly step: number
  readonly actions: number
}

/** How long a healed world may take to come to rest, in milliseconds. */
const PATIENCE = 240_000
/** Rows of a tab that ended are found by the others at their next beat, when its messages were lost. */
const BEATS = 15_000
/** Nobody needs to say more than this. */
const MOST_FRAMES = 150
const MOST_FRAMES_A_SECOND = 30
/** More devices than this do not open a connection within so many milliseconds by chance. */
const MOST_AT_ONCE = 6
const MOMENT = 50

export async function run({ seed, steps }: Schedule): Promise<Verdict> {
  let stage = createStage(seed)
  let { world, witness, places, server: state, sittings } = stage
  let { clock, server } = world
  let { storage } = server
  let play = createPlay(stage)

  // --- after every step ---

  /** Own actions as they were painted last. */
  let ownPainted = new Map<Handle, Set<string>>()
  /** How much each device had sent when it was last looked at. */
  let talk = new Map<Device, { at: number; sent: number }>()
  /** How often each device had tried to connect by then. */
  let attempts: { at: number; counts: readonly number[] } = { at: 0, counts: [] }

  function look(): void {
    lookForHerd()
    for (let place of places) lookForStorm(place)
    for (let [place, { name, tab, rooms }] of sittings()) {
      if (tab.life.state !== 'running') continue
      for (let [r, { handles }] of rooms) {
        for (let [i, handle] of handles.entries()) {
          let { applied } = handle.$state.get()
          witness.painted(`${name} r${r}`, `r${r}`, journals[i]?.name as string, applied, place.family)
          lookForFlicker(name, handle, applied)
        }
      }
    }
  }

  /** What was painted once stays painted, unless it was told that it did not happen. */
  function lookForFlicker(name: string, handle: Handle, applied: readonly string[]): void {
    let now = new Set(applied)
    for (let id of ownPainted.get(handle) ?? []) {
      let action = witness.actions.get(id)
      if (now.has(id) || !action || state.lostSomething) continue
      if (!action.denied && !action.isUnknown && !action.isShared && !action.excuse)
        witness.report('flicker', `${name} no longer paints ${id}`)
    }
    ownPainted.set(handle, new Set(applied.filter(id => witness.actions.get(id)?.chain.startsWith(name))))
  }

  /** Nobody talks without end about nothing. */
  function lookForStorm({ device }: Place): void {
    let now = clock.mono()
    let { at, sent } = talk.get(device) ?? { at: 0, sent: 0 }
    if (now - at < 2000) return
    let count = device.network.sent.length - sent
    talk.set(device, { at: now, sent: device.network.sent.length })
    if (count > MOST_FRAMES + (MOST_FRAMES_A_SECOND * (now - at)) / 1000)
      witness.report(
        'storm',
        `device ${places.findIndex(place => place.device === device)} sent ${count} frames in ${now - at} ms`
      )
  }

  /** Many devices that lost their server together do not come back in the same moment. */
  function lookForHerd(): void {
    let now = clock.mono()
    let all = places.map(({ device }) => device.network.urls.length)
    let came = all.filter((count, i) => count > (attempts.counts[i] ?? 0)).length
    if (now - attempts.at <= MOMENT && came > MOST_AT_ONCE)
      witness.report('herd', `${came} devices open a connection within ${now - attempts.at} ms`)
    attempts = { at: now, counts: all }
  }

  async function waitUntil(isDone: () => boolean): Promise<boolean> {
    for (let passed = 0; passed < PATIENCE; passed += 1000) {
      if (isDone()) return true
      await clock.advance(1000)
      look()
      if (witness.crimes.length > 0) return true
    }
    return isDone()
  }

  // --- at the end ---

  async function healAll(): Promise<void> {
    storage.broken = null
    Object.assign(state, { slow: 0, isBusy: false })
    for (let place of places) {
      stage.repair(place)
      place.device.network.heal()
      place.device.channels.lost = () => false
    }
    await waitUntil(() => !stage.isBusy())
    // What was lost under a server that keeps rooms in memory is seen at its next write, or when it starts anew.
    if (state.lostSomething) stage.begin(server.restart())
    await waitUntil(() => !stage.isBusy())
    server.start()
    for (let place of places) {
      for (let sitting of place.tabs.values()) stage.thaw(sitting)
      if (place.tabs.size === 0) stage.open(place, 0, [])
    }
    await clock.settle()
    await reopenAll()
    await clock.advance(BEATS)
    // A disconnect that was under way may have come behind an earlier call.
    for (let [, { tab }] of sittings()) tab.client.connect()
  }

  /** Nothing waits for a room that refuses everybody; a refused room is asked for again with the next connection. */
  async function reopenAll(): Promise<void> {
    if (state.shut.size > 0) {
      let waiting = (): string[] =>
        sittings().flatMap(([, { name, tab }]) =>
          tab.client.pending.get().flatMap(({ id, room }) => (state.shut.has(room) ? `${name} ${id} in ${room}` : []))
        )
      for (let [, { tab }] of sittings()) tab.client.connect()
      await waitUntil(() => waiting().length === 0)
      if (waiting().length > 0) witness.report('stuck', `${waiting()} waits, and nobody may enter`)
    }
    state.shut.clear()
    state.muted.clear()
    if (state.refusedSomebody) for (let { device } of places) device.network.drop()
  }

  /** Nothing waits any more, and everybody sees what the server has. */
  async function comeToRest(): Promise<void> {
    let left = (): string[] =>
      sittings().flatMap(([, { name, tab }]) => tab.client.pending.get().map(row => `${name} ${row.id}`))
    let isEmpty = await waitUntil(() => left().length === 0 && sittings().every(([, { tab }]) => isOnline(tab)))
    if (!isEmpty) {
      let phases = sittings().map(([, { name, tab }]) => `${name} ${tab.client.$connection.get().phase}`)
      witness.report('stuck', `${left().join(', ') || 'nothing'} waits; ${phases.join(', ')}`)
    }
    for (let [, sitting] of sittings()) for (let r = 0; r < ROOMS; r++) stage.enter(sitting, r)
    await waitUntil(() => difference() === null)
    let rest = difference()
    if (rest) witness.report('diverged', rest)
  }

  function difference(): string | null {
    for (let [, { name, rooms }] of sittings()) {
      for (let [r, { handles }] of rooms) {
        for (let [i, handle] of handles.entries()) {
          let want = witness.confirmed(`r${r}`, journals[i]?.name as string).join()
          let have = handle.$state.get().applied.join()
          if (have !== want) return `${name} r${r} shows [${have}], the server has [${want}]`
        }
      }
    }
    return null
  }

  /** Every accepted action has exactly the end that was told. */
  async function judge(): Promise<void> {
    let parked = new Set<string>()
    for (let [, { tab }] of sittings())
      for (let { row } of [...tab.client.rejected.get(), ...tab.client.unknown.get()]) parked.add(row.id)
    witness.judge(parked)
  }

  /** With the next connection the server is told which answers it may forget; then it keeps none. */
  async function confirmAll(): Promise<void> {
    await clock.advance(3000)
    for (let { device } of places) device.network.drop()
    await clock.settle()
    await waitUntil(() => sittings().every(([, { tab }]) => isOnline(tab)))
    await clock.advance(3000)
    for (let place of places) {
      if (place.hadNoDisk) continue
      let cid = place.device.network.sentOf('hello').findLast(hello => hello.gen > 0)?.cid
      for (let [room, { clients }] of storage.rooms) {
        let lanes = clients.get(JSON.stringify([stage.userOf(place), cid]))?.record.lanes ?? {}
        let kept = Object.values(lanes).flatMap(({ answers }) => answers.map(([n]) => n))
        if (kept.length > 0) witness.report('stuck', `the server still keeps answers ${kept} of ${cid} in ${room}`)
      }
    }
  }

  /** Nothing goes on ticking when everybody has left, or is gone. */
  async function leaveAll(): Promise<void> {
    let all = sittings()
    if (seed % 2 === 0) await leaveSlowly(all)
    for (let [, { tab }] of all) void tab.client.close()
    // What is being written is waited for, and a disk takes its time.
    await clock.advance(500)
    for (let [, { name, tab }] of all)
      if (tab.life.timers() > 0) witness.report('ticks', `${name} has ${tab.life.timers()} timers after its end`)
  }

  async function leaveSlowly(all: readonly [Place, Sitting][]): Promise<void> {
    for (let [, { tab, rooms }] of all) {
      for (let { leave } of rooms.values()) leave()
      void tab.client.disconnect()
    }
    await clock.advance(40_000)
    for (let [, { name, tab }] of all)
      if (tab.life.timers() > 0) witness.report('ticks', `${name} has ${tab.life.timers()} timers after it left all`)
  }

  let step = 0
  try {
    for (let next of steps) {
      if (witness.crimes.length > 0) break
      play(next)
      await clock.advance(next.wait ?? 0)
      look()
      step++
    }
    for (let phase of [healAll, comeToRest, judge, confirmAll, leaveAll]) if (witness.crimes.length === 0) await phase()
  } catch (error) {
    witness.report('error', String((error as Error)?.stack ?? error))
  }
  for (let [, { tab }] of sittings()) tab.crash()
  server.crash()
  let first = witness.crimes[0]
  return { crime: first?.crime ?? null, what: first?.what ?? '', step, actions: witness.actions.size }
}

export type { Crime }
