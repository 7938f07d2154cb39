// The real outside of a browser, as the ports of a client. Made when a client is made; importing this touches nothing.

import { browserChannel, browserDispatch, browserLocks, browserPage, browserPersistence } from './env/browser.js'
import { realClock, realRandom } from './env/clock.js'
import type {
  Clock,
  Connect,
  Devices,
  Locks,
  OpenChannel,
  OpenDisk,
  Page,
  Persistence,
  Random,
  Report
} from './ports.js'
import { hasIndexedDb, openIndexedDb } from './storage/indexed-db.js'
import { fallbackConnect } from './transport/fallback.js'
import { httpConnect } from './transport/http-knock.js'
import { browserMemory } from './transport/memory.js'
import { webSocketConnect } from './transport/websocket.js'

/** Everything outside that a client uses; `null` means: not available here. */
export interface ClientPorts {
  readonly connect: Connect
  readonly clock: Clock
  readonly random: Random
  readonly openDisk: OpenDisk | null
  readonly locks: Locks | null
  readonly openChannel: OpenChannel | null
  readonly page: Page | null
  readonly devices: Devices
  readonly persistence: Persistence | null
  readonly dispatchDom: ((type: string, detail: unknown) => void) | null
  readonly report: Report
}

/** Devices enter the bundle only of those who hand them in: `devices: browserDevices()`. */
const NO_DEVICES: Devices = {
  vibration: null,
  speech: null,
  recognition: null,
  heartRate: null,
  vr: null,
  notifications: null,
  reducedMotion: () => false
}

/** What may carry the connection: both, unless told otherwise. */
interface TransportOptions {
  readonly webSocket?: unknown
  readonly transports?: readonly ('websocket' | 'http')[]
  readonly connect?: Connect
}

function connectBy({ webSocket: implementation, transports, connect }: TransportOptions, page: Page | null): Connect {
  if (connect) return connect
  let webSocket = webSocketConnect(implementation)
  let http = httpConnect(realClock)
  if (transports && !transports.includes('http')) return webSocket
  if (transports && !transports.includes('websocket')) return http
  return fallbackConnect({ webSocket, http, clock: realClock, memory: browserMemory(), page })
}

export function browserPorts(options: TransportOptions): ClientPorts {
  let page = browserPage()
  return {
    connect: connectBy(options, page),
    clock: realClock,
    random: realRandom,
    openDisk: hasIndexedDb() ? openIndexedDb : null,
    locks: browserLocks(),
    openChannel: browserChannel(),
    page,
    devices: NO_DEVICES,
    persistence: browserPersistence(),
    dispatchDom: browserDispatch(),
    report: () => {}
  }
}
