// A door: the client over a Socket.IO backend. `socketIo(options)` goes into the option `connect` of a client; what the
// backend's events mean is said by tables, of which one for each system is shipped.

import type { Connect } from '../ports.js'
import type { ReadAnswer } from './socket-io/answer.js'
import { type LinkOptions, socketIoConnect } from './socket-io/link.js'
import { joinTables, type SocketIoTable } from './socket-io/table.js'
import { conversationsTable } from './socket-io/tables/conversations.js'
import { decidingTable } from './socket-io/tables/deciding.js'
import { operationsTable } from './socket-io/tables/operations.js'

export interface SocketIoOptions {
  /** What the events of the backend mean, one table or several. Default: all that are shipped. */
  readonly table?: SocketIoTable | readonly SocketIoTable[]
  /** Where the events live whose entry names no namespace; without it there is no connection. Default: `/realtime`. */
  readonly namespace?: string
  /** Goes into the address of the connection. Never a token: addresses are logged. */
  readonly query?: Readonly<Record<string, string>>
  /** Goes along with the connection to each namespace, besides `token`; or a function that says so, asked at every attempt. */
  readonly auth?: LinkOptions['auth']
  /** Options of Socket.IO's own client: `path`, `transports`, `withCredentials`, … Its reconnection is ours. */
  readonly manager?: LinkOptions['manager']
  /** How long an acknowledgement may take before the action goes again, in milliseconds. Default: 10,000. */
  readonly ackTimeout?: number
  /** How long the event of an action may come after its acknowledgement, in milliseconds. Default: 1,000. */
  readonly echoWait?: number
  /** How often the way to the server is measured, in milliseconds. Default: 6,000. */
  readonly heartbeat?: number
  /** From when to when, after a loss, clients come back, in milliseconds. Default: 0 to 4,000. */
  readonly retry?: readonly [number, number]
  /** An event that the backend acknowledges at once. Default: it is asked for a namespace that it does not have. */
  readonly ping?: LinkOptions['ping']
  /** Reads acknowledgements; default: `readAnswer`. */
  readonly answer?: ReadAnswer
  /** Hears of events that the table cannot read, and of what the backend calls an error. */
  readonly warn?: LinkOptions['warn']
}

const TABLES: readonly SocketIoTable[] = [conversationsTable, decidingTable, operationsTable]

/**
 * Connects over a Socket.IO 4 backend. Make one for each client. Its actions arrive at least once, as `$connection.delivery`
 * says: where no acknowledgement came they go again.
 *
 * ```ts
 * let client = createRealtime({
 *   url: 'https://api.example.org', app: 'rooms', user: 'ada', token: fetchToken,
 *   connect: socketIo({ query: { version: '2' } })
 * })
 * ```
 */
export function socketIo(options: SocketIoOptions = {}): Connect {
  let { namespace = '/realtime', query, table = TABLES, warn = () => {} } = options
  return socketIoConnect({
    table: joinTables([table].flat(), namespace),
    namespace,
    auth: options.auth,
    manager: { ...options.manager, ...(query ? { query: { ...query } } : {}) },
    ackTimeout: options.ackTimeout ?? 10_000,
    echoWait: options.echoWait ?? 1000,
    heartbeat: options.heartbeat ?? 6000,
    retry: options.retry ?? [0, 4000],
    ping: options.ping,
    answer: options.answer,
    warn
  })
}

export type { Connect } from '../ports.js'
export { type Answer, type ReadAnswer, readAnswer } from './socket-io/answer.js'
export type { Visitor } from './socket-io/link.js'
export {
  type About,
  type AboutAction,
  type AboutEvent,
  type DownEntry,
  type Emission,
  type EventEntry,
  fields,
  list,
  type MemberEntry,
  number,
  optional,
  type Payload,
  type PresenceEntry,
  type ProblemEntry,
  type RoomEntry,
  type SessionEntry,
  type SocketIoTable,
  text,
  time,
  type UpEntry
} from './socket-io/table.js'
export { conversationsTable, decidingTable, operationsTable }
