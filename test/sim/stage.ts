// The world of one run: its server, its devices and the tabs on them, and what the run has to know of each. What the steps do
// is in play.ts, what must hold is in witness.ts.

import { RealtimeError } from '../../src/errors.js'
import type { Receipt } from '../../src/feature.js'
import type { PolicyRequest } from '../../src/server/policy.js'
import { createSeededRandom } from '../../src/testing/clock.js'
import type { Device, Tab } from '../../src/testing/device.js'
import type { TestDisk } from '../../src/testing/disk.js'
import { createWorld } from '../../src/testing/world.js'
import { BAD, features, journals } from './journal.js'
import { MOST_DEVICES } from './steps.js'
import { type Action, createWitness } from './witness.js'

/** A device. */
export interface Place {
  readonly device: Device
  /** Clones are of the family of their original. */
  readonly family: number
  readonly tabs: Map<number, Sitting>
  backup: Map<string, TestDisk> | null
  /** What ends the hanging of its disks. */
  releases: (() => void)[]
  /** Its tabs may have had clients of their own, in memory. */
  hadNoDisk: boolean
}

/** A tab, and the rooms it is in. */
export interface Sitting {
  readonly name: string
  readonly tab: Tab
  readonly rooms: Map<number, Shown>
  isHidden: boolean
}

export interface Shown {
  readonly handles: readonly Handle[]
  leave(): void
}

export interface Handle {
  readonly $state: { get(): { readonly applied: readonly string[] } }
  note(text: string): Receipt
  urgent(text: string): Receipt
  flash(text: string): Receipt
  title(text: string): Receipt
}

/** A write fails with this. */
export const NO_SPACE = new Error('no space')

export let isOnline = ({ client }: Tab): boolean => client.$connection.get().phase === 'online'

export type Stage = ReturnType<typeof createStage>

export function createStage(seed: number) {
  let server = {
    isBusy: false,
    /** Rooms that nobody may enter. */
    shut: new Set<string>(),
    /** Rooms in which nobody may act. */
    muted: new Set<string>(),
    /** Milliseconds that each call of the storage takes. */
    slow: 0,
    isRestarting: false,
    lostSomething: false,
    refusedSomebody: false
  }

  function policy({ action, room, data }: PolicyRequest): boolean | string {
    if (action !== 'join' && action !== 'push') return true
    if (server.shut.has(room)) return false
    if (action === 'join') return true
    if (server.muted.has(room)) return false
    if (server.isBusy) throw new RealtimeError('busy', 'later', { retryable: true })
    return (data as { text: string }).text !== BAD || 'no-such-words'
  }

  let limits = { maxReplay: 6, logLength: 25, snapshotEvery: 7, max: 4096, window: { count: 4, bytes: 2048 } }
  let world = createWorld({ features, seed: seed + 1, server: { policy, limits } })
  let { clock } = world
  let witness = createWitness(world.server.storage)
  let chance = createSeededRandom(seed + 5)
  let places: Place[] = []
  let underWay = new Set<Promise<unknown>>()
  let opened = 0

  let sleep = (ms: number): Promise<void> =>
    ms > 0 ? new Promise(resolve => clock.after(ms, resolve)) : Promise.resolve()
  world.server.storage.latency = () => sleep(server.slow)

  /** Bob has a device of his own; Ada has all others. */
  let userOf = (place: Place): string => (place.family === 2 ? 'bob' : 'ada')

  function addPlace(device: Device, family: number): Place {
    let place: Place = { device, family, tabs: new Map(), backup: null, releases: [], hadNoDisk: false }
    places.push(place)
    return place
  }

  function actionsOf({ family }: Place): Action[] {
    return [...witness.actions.values()].filter(action => action.family === family)
  }

  /** Rows of this device may be in two places from here on, and end in two ways. */
  function share(place: Place): void {
    witness.doubtAll()
    for (let action of actionsOf(place)) action.isShared = true
  }

  /** Actions of this device may be gone without a trace, and why. */
  function excuse(place: Place, why: string): void {
    for (let action of actionsOf(place)) action.excuse ??= why
  }

  function watchDisks({ device }: Place): void {
    for (let disk of device.disks.values()) {
      disk.latency = () => sleep([0, 0, 1, 2, 4][Math.floor(chance.float() * 5)] as number)
      disk.keepsTorn = chance.float() < 0.5
      disk.written = witness.kept
    }
  }

  function ended(place: Place, t: number, sitting: Sitting): void {
    if (place.tabs.get(t) === sitting) place.tabs.delete(t)
    let isInMemory = sitting.tab.client.$connection.get().durability === 'memory'
    for (let action of actionsOf(place)) {
      if (!action.chain.startsWith(sitting.name)) continue
      if (!action.isStored) action.excuse ??= 'its tab ended before it was stored'
      if (isInMemory) action.excuse ??= 'its tab ended, and kept it in memory'
    }
  }

  function enter({ tab, rooms }: Sitting, r: number): void {
    if (rooms.has(r)) return
    let room = tab.client.room(`r${r}`)
    let handles = journals.map(journal => room.use(journal) as unknown as Handle)
    rooms.set(r, { handles, leave: room.leave })
  }

  return {
    world,
    witness,
    places,
    server,
    actionsOf,
    share,
    excuse,
    enter,
    addPlace,
    watchDisks,
    userOf,
    /** The place of a number; it is made when it is first named. */
    placeOf(d: number): Place | undefined {
      while (places.length <= d && d < MOST_DEVICES) addPlace(world.device(), places.length)
      return places[d]
    },
    sittings: (): [Place, Sitting][] =>
      places.flatMap(place => [...place.tabs.values()].map(sitting => [place, sitting] as [Place, Sitting])),
    /** What takes its time is not waited for; its failure is one of the run. */
    begin(work: Promise<unknown>): void {
      underWay.add(work)
      work.catch(error => witness.report('error', String(error?.stack ?? error))).finally(() => underWay.delete(work))
    },
    isBusy: (): boolean => underWay.size > 0,
    open(place: Place, t: number, rooms: readonly number[]): void {
      let tab = place.device.openTab(userOf(place))
      let name = `d${places.indexOf(place)}t${t}#${++opened}`
      let sitting: Sitting = { name, tab, rooms: new Map(), isHidden: false }
      place.tabs.set(t, sitting)
      tab.life.onDeath(() => ended(place, t, sitting))
      tab.client.on('degraded', () => {
        // From here on the tab keeps its rows in memory, and the disk may still hold them too.
        place.hadNoDisk = true
        share(place)
        excuse(place, 'the disk failed')
      })
      tab.client.on('expired', ({ id }) => {
        let action = witness.actions.get(id)
        if (action) action.excuse ??= 'expired'
      })
      tab.client.on('error', ({ error }) => {
        let isNews = error.code === 'internal' && error.cause !== NO_SPACE && tab.life.state !== 'dead'
        if (isNews && tab.client.$connection.get().durability === 'disk')
          witness.report('error', `${name}: ${error.message} ${(error.cause as Error | undefined)?.stack ?? ''}`)
      })
      for (let r of rooms) enter(sitting, r)
      tab.client.connect()
      watchDisks(place)
    },
    thaw(sitting: Sitting): void {
      if (sitting.tab.life.state !== 'frozen') return
      if (sitting.isHidden) sitting.tab.show()
      else sitting.tab.thaw()
      sitting.isHidden = false
    },
    repair({ device, releases }: Place): void {
      for (let disk of device.disks.values()) disk.broken = null
      for (let release of releases.splice(0)) release()
    }
  }
}
