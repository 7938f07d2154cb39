// A device: disks that outlive its pages, locks and channels between them, one way to the server. Its tabs live through what
// tabs live through: they are hidden, frozen, thawed, kept in the back-forward cache, closed, and they crash.

import { createRealtime, type Realtime } from '../client.js'
import type { RealtimeOptions } from '../client-options.js'
import type { ClientPorts } from '../defaults.js'
import type { Clock, PageEvent } from '../ports.js'
import { type Channels, createChannels } from './channels.js'
import { createSeededRandom } from './clock.js'
import { createTestDisk, type TestDisk } from './disk.js'
import { createLife, type Life } from './life.js'
import { createLocks } from './locks.js'
import { createNetwork, type Network } from './network.js'
import type { WorldServer } from './server.js'

/** One device of one user, as a browser's profile is: what its pages share outlives them. */
export interface Device {
  /** By name; there is one for each app and user. */
  readonly disks: Map<string, TestDisk>
  readonly network: Network
  readonly channels: Channels
  /**
   * `full`: nothing more can be written, as when the quota is used up. `missing`: there is none for pages that are opened from
   * now on, as in private windows of some browsers.
   */
  storage: 'fine' | 'full' | 'missing'
  /** Tabs that were opened and are not gone. */
  readonly tabs: readonly Tab[]
  /** Opens a page of an app with a client in it. */
  openTab(user: string, options?: Partial<RealtimeOptions>): Tab
  /** The same as `openTab`. */
  open(user: string, options?: Partial<RealtimeOptions>): Tab
  /**
   * A page on this device, for a client of the app's own making: `createRealtime({ …, ports: page.ports })`. Another one, later,
   * is what a reload is.
   */
  page(): Surroundings
  /** The device loses its network, and its pages are told. Nothing gets through, and new attempts fail at once. */
  goOffline(): void
  /** The network is back as it was at first, and the pages are told. */
  goOnline(): void
  /** Another device with a copy of everything stored here: a cloned or restored profile. */
  clone(): Promise<Device>
  /** All tabs crash, and disks lose what was not surely written. */
  powerCut(): Promise<void>
  /** Somebody clears the site's data; the tabs stay open. */
  wipe(): Promise<void>
}

/** A page, and what it lives through. */
export interface Surroundings {
  /** For `createRealtime({ ports })` and `realtimeService.connect({ ports })`. */
  readonly ports: ClientPorts
  readonly life: Life
  /** Codes of what the client reported. */
  readonly reports: string[]
  /** Tells the page of this, as a browser does: `visible`, `hidden`, `online`, … */
  tell(event: PageEvent): void
  /** The same as `tell`. */
  page(event: PageEvent): void
  /** Nothing of the page runs from here on; what comes in meanwhile happens in a burst at its thaw. `silently`: unannounced. */
  freeze(silently?: 'silently'): void
  thaw(): void
  /** The person goes on to another page, and this one is kept in the back-forward cache. */
  hide(): void
  /** The person comes back to it. */
  show(): void
  /** The page goes as pages go: it is told, and what it began in that turn still happens. */
  close(): Promise<void>
  /** The page is gone without a word: nothing of it happens any more, and its locks are free. */
  crash(): void
  /** The same as `crash`. */
  kill(): void
}

/** A page with a client in it. */
export interface Tab extends Surroundings {
  readonly client: Realtime
  readonly events: { type: string; detail: unknown }[]
}

export interface DeviceParts {
  readonly clock: Clock
  readonly server: WorldServer
  /** A number of its own, for every device of a world. */
  readonly nextSeed: () => number
  /** Promise chains end before it resolves. */
  readonly turn: () => Promise<void>
}

/** How far off the next frame of the screen is, in milliseconds. */
const FRAME = 16

/** Creates a device, with nothing stored on it. */
export function createDevice(parts: DeviceParts, seed = parts.nextSeed()): Device {
  let { clock, server } = parts
  let disks = new Map<string, TestDisk>()
  let lockOf = createLocks(clock)
  let channels = createChannels()
  let network = createNetwork(clock, server, createSeededRandom(seed * 100 + 99))
  let tabs = new Set<Tab>()
  let open = new Set<Surroundings>()
  let pages = 0
  let isOnline = true
  let storage: Device['storage'] = 'fine'

  function surround(): Surroundings {
    let life = createLife(clock)
    let listeners = new Set<(event: PageEvent) => void>()
    let reports: string[] = []
    let isVisible = true
    let ports: ClientPorts = {
      connect: network.connectIn(life),
      clock: life.clock,
      random: createSeededRandom(seed * 100 + ++pages, `d${seed}t${pages}-`),
      async openDisk(name) {
        if (storage === 'missing') throw new DOMException('there is no storage on this device', 'InvalidStateError')
        let disk = disks.get(name) ?? createTestDisk()
        if (!disks.has(name) && storage === 'full') disk.broken = noRoom()
        disks.set(name, disk)
        return disk.openedIn(life)
      },
      locks: lockOf(life),
      openChannel: channels.openIn(life),
      page: {
        visible: () => isVisible,
        online: () => isOnline,
        prerendering: () => false,
        frame: call => life.clock.after(FRAME, call),
        guard: () => {},
        listen(call) {
          listeners.add(call)
          return () => listeners.delete(call)
        }
      },
      devices: {
        vibration: null,
        speech: null,
        recognition: null,
        heartRate: null,
        vr: null,
        notifications: null,
        reducedMotion: () => false
      },
      persistence: null,
      dispatchDom: null,
      report: (_level, code) => void reports.push(code)
    }
    function tell(event: PageEvent): void {
      if (event === 'visible' || event === 'hidden') isVisible = event === 'visible'
      if (life.state === 'running') for (let call of listeners) call(event)
    }
    let here: Surroundings = {
      ports,
      life,
      reports,
      tell,
      page: tell,
      freeze(silently) {
        if (!silently) tell('freeze')
        life.freeze()
      },
      thaw() {
        life.thaw()
        tell('resume')
      },
      hide() {
        tell('hidden')
        tell('hide')
        life.freeze()
      },
      show() {
        life.thaw()
        tell('show')
        tell('visible')
      },
      async close() {
        tell('hidden')
        tell('hide')
        await parts.turn()
        life.end()
      },
      crash: life.end,
      kill: life.end
    }
    open.add(here)
    life.onDeath(() => open.delete(here))
    return here
  }

  function tellAll(event: PageEvent): void {
    for (let page of open) page.tell(event)
  }

  function openTab(user: string, options: Partial<RealtimeOptions> = {}): Tab {
    let around = surround()
    let events: Tab['events'] = []
    let client = createRealtime({
      url: 'wss://example.test/realtime',
      app: 'app',
      user,
      ...options,
      ports: { ...around.ports, ...options.ports }
    })
    client.onAny((type, detail) => void events.push({ type, detail }))
    let tab: Tab = { ...around, client, events }
    tabs.add(tab)
    around.life.onDeath(() => tabs.delete(tab))
    return tab
  }

  return {
    disks,
    network,
    channels,
    get tabs() {
      return [...tabs]
    },
    get storage() {
      return storage
    },
    set storage(next) {
      storage = next
      for (let disk of disks.values()) disk.broken = next === 'full' ? noRoom() : null
    },
    openTab,
    open: openTab,
    page: surround,
    goOffline() {
      isOnline = false
      network.down = 'refused'
      network.drop()
      tellAll('offline')
    },
    goOnline() {
      isOnline = true
      network.heal()
      tellAll('online')
    },
    async clone() {
      let other = createDevice(parts)
      for (let [name, disk] of disks) other.disks.set(name, await disk.copy())
      return other
    },
    async powerCut() {
      for (let page of open) page.crash()
      for (let disk of disks.values()) await disk.powerCut()
    },
    async wipe() {
      for (let disk of disks.values()) await disk.wipe()
    }
  }
}

function noRoom(): Error {
  return new DOMException('there is no room left on this device', 'QuotaExceededError')
}
