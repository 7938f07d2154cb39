// What a client is asked for: its options, checked before anything is made. Knows nothing of what is done with them.

import type { TokenSource } from './core/tokens.js'
import type { ClientPorts } from './defaults.js'
import { RealtimeError } from './errors.js'
import type { Connect, Devices } from './ports.js'

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
  /** What may carry the connection. Default: both, a WebSocket wherever one opens and HTTP where none does. */
  readonly transports?: readonly ('websocket' | 'http')[]
  /** Another way to a server, in place of those: `socketIo()` of `realtime-stores/transport/socket-io`. */
  readonly connect?: Connect
  /** What features may use: `browserDevices()` of `realtime-stores/devices/all`; default: none. */
  readonly devices?: Devices
  /** Replaces what comes from outside: for tests and unusual hosts. */
  readonly ports?: Partial<ClientPorts>
}

/** Throws `bad-argument` unless a client can be made with these. */
export function checkOptions(options: RealtimeOptions): void {
  let { app, user, url, token, platform, maxAttempts, connectTimeout, outbox, persist, transports } = options ?? {}
  let demand = (isFine: boolean, what: string): void => {
    if (!isFine) throw new RealtimeError('bad-argument', what)
  }
  let isPositive = (value: number | undefined): boolean =>
    value === undefined || (typeof value === 'number' && value > 0)
  requireText('app', app, 200)
  requireText('user', user, 200)
  demand(
    typeof url === 'function' || (typeof url === 'string' && /^((ws|http)s?:\/)?\//.test(url)),
    'url must start with wss://, ws://, https://, http:// or /, or be a function that returns such an address'
  )
  demand(
    token === undefined || typeof token === 'string' || typeof token === 'function',
    'token must be a text or a function'
  )
  if (platform !== undefined) requireText('platform', platform, 64)
  demand(isPositive(maxAttempts), 'maxAttempts must be a number above 0')
  demand(isPositive(connectTimeout), 'connectTimeout must be a number of milliseconds above 0')
  demand(isPositive(outbox?.maxCount), 'outbox.maxCount must be a number above 0')
  demand(isPositive(outbox?.maxBytes), 'outbox.maxBytes must be a number above 0')
  demand(
    transports === undefined ||
      (Array.isArray(transports) && transports.some(isTransport) && transports.every(isTransport)),
    "transports must be a list of 'websocket' and 'http'"
  )
  demand(persist === undefined || typeof persist === 'boolean', 'persist must be true or false')
}

let isTransport = (name: unknown): boolean => name === 'websocket' || name === 'http'

/** What becomes of waiting actions at a disconnect. */
export type PendingMode = 'keep' | 'wait' | 'purge'

/** Throws `bad-argument` for anything else. */
export function checkPending(mode: PendingMode): void {
  if (!['keep', 'wait', 'purge'].includes(mode))
    throw new RealtimeError('bad-argument', "pending must be 'keep', 'wait' or 'purge'")
}

/** Why waiting actions are kept in memory only; null when they are kept on disk. */
export function whyNotOnDisk(options: RealtimeOptions, ports: ClientPorts): string | null {
  if (options.persist === false) return 'switched off by persist: false'
  if (!ports.openDisk) return 'there is no IndexedDB here'
  if (!ports.locks) return 'there are no Web Locks here, so tabs cannot share one outbox'
  return ports.openChannel ? null : 'there is no BroadcastChannel here, so tabs cannot share one outbox'
}

/** Throws unless the value can name something: 1 to `max` characters. */
export function requireText(name: string, value: unknown, max = 256): void {
  if (typeof value === 'string' && value.length > 0 && value.length <= max && !value.includes('\u0000')) return
  let got = typeof value === 'string' ? `${value.length} characters` : typeof value
  throw new RealtimeError('bad-argument', `${name} must be a text of 1 to ${max} characters, got ${got}`)
}
