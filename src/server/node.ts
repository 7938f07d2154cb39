// Door: the server on Node, over WebSockets (package `ws`) and, where those do not pass, over HTTP; alone on a port or on an HTTP server that is already there.

import { createServer as createHttpServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import process from 'node:process'
import type { Duplex } from 'node:stream'
import { inspect } from 'node:util'
import { type WebSocket, WebSocketServer } from 'ws'
import { realClock, realRandom } from '../env/clock.js'
import { RealtimeError } from '../errors.js'
import type { AnyFeature } from '../feature.js'
import { companionFeatures } from '../features/index.js'
import type { Clock, Random, Report } from '../ports.js'
import { requireObject, wrong } from './arguments.js'
import { createHttpDoor, type HttpDoor } from './http.js'
import { createHub, type Hub, type HubOptions } from './hub.js'
import { DEFAULT_LIMITS } from './limits.js'
import { pathOf, serveHttp } from './node-http.js'
import { checkPublish, type PublishOptions, servePublish } from './node-publish.js'
import { createMemoryStorage } from './storage/memory.js'
import type { Storage } from './storage.js'
import type { Peer, PeerInfo } from './writer.js'

export { RealtimeError } from '../errors.js'
export type { Session } from './connection.js'
export type { AppOptions, Hub, HubOptions, HubRoom, HubStats } from './hub.js'
export { createHub } from './hub.js'
export type { Limits } from './limits.js'
export type { PublishOptions, PublishResult } from './node-publish.js'
export type {
  Authenticate,
  Credentials,
  EndedSession,
  Identity,
  Policy,
  PolicyAnswer,
  PolicyRequest,
  Revoke
} from './policy.js'
export { claimedUser, defaultPolicy } from './policy.js'
export { createMemoryStorage } from './storage/memory.js'
export { createSqliteStorage, type SqliteOptions } from './storage/sqlite.js'
export type { Storage, StoredEvent } from './storage.js'
export type { MembersChange, MembersWatcher, RoomChange, Watcher } from './watchers.js'
export type { Peer, PeerInfo } from './writer.js'

/** A turn ends when everything that the network has delivered so far was read: so that it is taken together. */
export const nodeClock: Clock = {
  ...realClock,
  soon(call) {
    let immediate = setImmediate(call)
    return () => clearImmediate(immediate)
  }
}

export const nodeRandom: Random = realRandom

export interface ServerOptions extends Partial<Omit<HubOptions, 'features' | 'storage'>> {
  /** Default: the companion's features. */
  readonly features?: readonly AnyFeature[]
  /** Default: memory, which ends with the process. A storage that is given stays open when the server closes. */
  readonly storage?: Storage
  /** Default: 0, any free port. */
  readonly port?: number
  /** Default: every address of the machine. */
  readonly host?: string
  /** Serves connections of this server instead of an own one; it is neither started nor closed. */
  readonly server?: Server
  /** Path of the address. Default: `/`; with `server` `/realtime`. */
  readonly path?: string
  /** Whether clients for which no WebSocket opens may come over HTTP, on the same path. Default: true. */
  readonly http?: boolean
  /**
   * Takes events of other programs by POST to `<path>/publish`, in the app's own name. Default: nobody may.
   *
   * ```ts
   * await createServer({ publish: { secret: process.env.PUBLISH_SECRET } })
   * ```
   */
  readonly publish?: PublishOptions
}

export interface RealtimeServer {
  readonly port: number
  /** The address for clients on this machine: `ws://localhost:4000/`. */
  readonly url: string
  readonly hub: Hub
  /** Says goodbye to everyone, finishes what is being stored, and frees the port. */
  close(why?: string): Promise<void>
}

/**
 * Starts a server and resolves when it takes connections. Rejects with a `RealtimeError` when the port is taken.
 *
 * ```ts
 * let { url, close } = await createServer({ port: 4000, storage: createSqliteStorage({ file: 'realtime.db' }) })
 * ```
 */
export async function createServer(options: ServerOptions = {}): Promise<RealtimeServer> {
  checkOptions(options)
  let {
    features = companionFeatures,
    storage,
    server,
    port = 0,
    host,
    report = warn,
    http: isOverHttp = true,
    publish,
    ...rest
  } = options
  let path = options.path ?? (server ? '/realtime' : '/')
  let hub = createHub({
    clock: nodeClock,
    random: nodeRandom,
    report,
    ...rest,
    features,
    storage: storage === undefined ? createMemoryStorage() : storage
  })
  let max = rest.limits?.max ?? DEFAULT_LIMITS.max
  let sockets = new WebSocketServer({ noServer: true, maxPayload: max, perMessageDeflate: false })
  let http =
    server ??
    createHttpServer((_, response) => response.writeHead(426, { 'content-type': 'text/plain' }).end('WebSocket only\n'))

  function upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    if (pathOf(request) !== path) {
      // On a server of somebody else, other paths may be taken by others.
      if (server) return
      // A peer that is gone already matters to nobody.
      socket.on('error', () => {})
      socket.end('HTTP/1.1 404 Not Found\r\nconnection: close\r\n\r\n')
      return
    }
    sockets.handleUpgrade(request, socket, head, webSocket => serve(webSocket, infoOf(request), hub))
  }
  http.on('upgrade', upgrade)
  let door = createHttpDoor({
    accept: hub.accept,
    clock: rest.clock ?? nodeClock,
    random: rest.random ?? nodeRandom,
    max
  })
  let stopHttp = isOverHttp ? serveHttp({ http, path, door, max, infoOf }) : () => {}
  let stopPublish = publish
    ? servePublish({ http, path: `${path.replace(/\/$/, '')}/publish`, hub, features, options: publish, report })
    : () => {}

  let address: AddressInfo
  try {
    address = await listening(http, server === undefined ? { port, host } : null)
  } catch (error) {
    await hub.close()
    throw error
  }
  // What an own server meets later (too many open files, say) costs one connection, not the process.
  if (!server) http.on('error', error => report('error', 'http-failed', error))
  return {
    port: address.port,
    url: `ws://localhost:${address.port}${path}`,
    hub,
    async close(why) {
      http.off('upgrade', upgrade)
      await hub.close(why)
      await Promise.all([ended(sockets), read(door)])
      stopPublish()
      stopHttp()
      if (!server) await new Promise<void>(resolve => http.close(() => resolve()).closeIdleConnections())
    }
  }
}

/** Throws `bad-argument` for what only this server knows; the rest is for the hub. */
function checkOptions(options: ServerOptions): void {
  requireObject('options', options)
  let { server, port = 0, host, path = '/', http = true } = options
  if (server !== undefined && typeof server?.on !== 'function') wrong('server', 'an HTTP server of Node', server)
  if (!Number.isInteger(port) || port < 0 || port > 65_535) wrong('port', 'a whole number from 0 to 65,535', port)
  if (host !== undefined && typeof host !== 'string') wrong('host', 'a text', host)
  if (options.publish !== undefined) checkPublish(options.publish)
  if (typeof http !== 'boolean') wrong('http', 'true or false', http)
  if (typeof path !== 'string' || !path.startsWith('/') || path.includes('?'))
    throw new RealtimeError('bad-argument', `path must start with / and have no ?, got ${JSON.stringify(path)}`)
}

function serve(webSocket: WebSocket, info: PeerInfo, hub: Hub): void {
  let peer: Peer = {
    info,
    send: text => webSocket.send(text),
    close: (code, reason) => webSocket.close(code, reason),
    buffered: () => webSocket.bufferedAmount
  }
  let { receive, closed } = hub.accept(peer)
  webSocket.on('message', (data, binary) => receive(binary ? '' : String(data)))
  webSocket.on('close', code => closed(code))
  // Followed by `close`, which says all that matters here.
  webSocket.on('error', () => {})
}

function infoOf({ headers, socket }: IncomingMessage): PeerInfo {
  let { origin, cookie } = headers
  return { ip: socket.remoteAddress, userAgent: headers['user-agent'], origin, cookie }
}

/** Waits until everyone has read the goodbye and closed; cuts off who has not after a second. */
async function ended(sockets: WebSocketServer): Promise<void> {
  let cut = setTimeout(() => {
    for (let socket of sockets.clients) socket.terminate()
  }, 1000)
  await Promise.all([...sockets.clients].map(socket => new Promise(resolve => socket.once('close', resolve))))
  clearTimeout(cut)
  sockets.close()
}

/** The same over HTTP, where the goodbye is fetched. */
async function read(door: HttpDoor): Promise<void> {
  for (let tries = 0; tries < 50 && door.size > 0; tries++) await new Promise(resolve => setTimeout(resolve, 20))
  door.close()
}

/** Resolves to the address; starts the server unless it belongs to somebody else (`null`). */
function listening(http: Server, start: { port: number; host: string | undefined } | null): Promise<AddressInfo> {
  return new Promise((resolve, reject) => {
    let ready = () => {
      http.off('error', failed)
      resolve(http.address() as AddressInfo)
    }
    let failed = (error: Error & { code?: string }) => {
      let message = error.code === 'EADDRINUSE' ? `port ${start?.port} is already in use` : error.message
      reject(new RealtimeError(error.code === 'EADDRINUSE' ? 'conflict' : 'bad-argument', message, { cause: error }))
    }
    if (http.listening) return ready()
    http.once('error', failed)
    http.once('listening', ready)
    if (start) http.listen({ port: start.port, ...(start.host === undefined ? {} : { host: start.host }) })
  })
}

/** Mistakes in the app's own code and failing storage are told; what peers do wrong is not, for anyone can cause it. */
function warn(level: Parameters<Report>[0], code: string, detail?: unknown): void {
  if (level === 'error') process.emitWarning(`${code} ${inspect(detail)}`, 'RealtimeStores')
}
