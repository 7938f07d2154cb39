// A device: disks that outlive its pages, locks and channels between them, one way to the server. Its tabs live through what
// tabs live through: they are hidden, frozen, thawed, kept in the back-forward cache, closed, and they crash.

import { createRealtime, type Realtime } from '../client.js'
import type { RealtimeOptions } from '../client-options.js'
import type { ClientPorts } from '../defaults.js'
import type { Clock, PageEvent } from '../ports.js'
import { type Channels, createChannels } from './channels.js'
import { createSeededRandom, nextTurn } from './clock.js'
import { createTestDisk, type TestDisk } from './disk.js'
import { createLife, type Life } from './life.js'
import { createLocks } from './locks.js'
import { createNetwork, type Network } from './network.js'
import type { WorldServer } from './server.js'

export interface Device {
  /** By name; there is one for each app and user. */
  readonly disks: Map<string, TestDisk>
  readonly network: Network
  readonly channels: Channels
  /** Tabs that were opened and are not gone. */
  readonly tabs: readonly Tab[]
  /** Opens a page of an app with a client in it. */
  openTab(user: string, options?: Partial<RealtimeOptions>): Tab
  /** The same as `openTab`. */
  open(user: string, options?: Partial<RealtimeOptions>): Tab
  /** What a page on this device has around it, without a client. */
  page(): Surroundings
  /** Another device with a copy of everything stored here: a cloned or restored profile. */
  clone(): Promise<Device>
  /** All tabs crash, and disks lose what was not surely written. */
  powerCut(): Promise<void>
  /** Somebody clears the site's data; the tabs stay open. */
  wipe(): Promise<void>
}

export interface Surroundings {
  readonly ports: ClientPorts
  readonly life: Life
  /** Codes of what the client reported. */
  readonly reports: string[]
  /** The page lives through this. */
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

export interface Tab extends Surroundings {
  readonly client: Realtime
  readonly events: { type: string; detail: unknown }[]
}

export interface DeviceParts {
  readonly clock: Clock
  readonly server: WorldServer
  /** A number of its own, for every device of a world. */
  readonly nextSeed: () => number
}

/** Creates a device, with nothing stored on it. */
export function createDevice(parts: DeviceParts, seed = parts.nextSeed()): Device {
  let { clock, server } = parts
  let disks = new Map<string, TestDisk>()
  let lockOf = createLocks(clock)
  let channels = createChannels()
  let network = createNetwork(clock, server, createSeededRandom(seed * 100 + 99))
  let tabs = new Set<Tab>()
  let pages = 0

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
        let disk = disks.get(name) ?? createTestDisk()
        disks.set(name, disk)
        return disk.openedIn(life)
      },
      locks: lockOf(life),
      openChannel: channels.openIn(life),
      page: {
        visible: () => isVisible,
        online: () => true,
        prerendering: () => false,
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
    return {
      ports,
      life,
      reports,
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
        await nextTurn()
        life.end()
      },
      crash: life.end,
      kill: life.end
    }
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
    openTab,
    open: openTab,
    page: surround,
    async clone() {
      let other = createDevice(parts)
      for (let [name, disk] of disks) other.disks.set(name, await disk.copy())
      return other
    },
    async powerCut() {
      for (let tab of tabs) tab.crash()
      for (let disk of disks.values()) await disk.powerCut()
    },
    async wipe() {
      for (let disk of disks.values()) await disk.wipe()
    }
  }
}
