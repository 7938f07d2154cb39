// Events over plain HTTP, for programs in other languages: POST `<path>/publish` with one event or a list of them. It says them in
// the app's own name, so it is closed unless the app says who may. Knows hubs and requests; nothing of WebSockets.

import { createHash, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { RealtimeError } from '../errors.js'
import type { AnyFeature } from '../feature.js'
import type { Report, Stop } from '../ports.js'
import { isObject, requireFunction, requireObject, wrong } from './arguments.js'
import { specOf } from './decide.js'
import type { Hub } from './hub.js'
import { readBody, takePosts } from './node-http.js'

/** Who may publish: whoever has the secret, or whom `authorize` lets in. One of the two. */
export interface PublishOptions {
  /** Sent as `authorization: Bearer <secret>`; at least 16 characters. Compared in constant time. */
  readonly secret?: string
  /** Looks at the request (not its body). `false` or what it throws: 401. */
  readonly authorize?: (request: IncomingMessage) => boolean | Promise<boolean>
  /** Largest body, in bytes. Default: 1 MiB. */
  readonly max?: number
}

/** What became of one event, in the order in which they were sent. */
export type PublishResult =
  /** Stored, with its offset and id; of a volatile event, which is only told, there is neither. */
  | { readonly ok: true; readonly offset?: number; readonly id?: string }
  | { readonly ok: false; readonly code: string; readonly message: string }

const SHORTEST_SECRET = 16
const MOST_EVENTS = 1000

export function checkPublish(options: PublishOptions): void {
  requireObject('publish', options)
  let { secret, authorize, max = 1 } = options
  requireFunction('publish.authorize', authorize)
  if ((secret === undefined) === (authorize === undefined))
    throw new RealtimeError('bad-argument', 'publish must have either a secret or authorize')
  if (secret !== undefined && (typeof secret !== 'string' || secret.length < SHORTEST_SECRET))
    throw new RealtimeError('bad-argument', `publish.secret must be a text of at least ${SHORTEST_SECRET} characters`)
  if (!Number.isSafeInteger(max) || max < 1) wrong('publish.max', 'a whole number from 1', max)
}

export function servePublish(parts: {
  readonly http: Server
  /** Where publishing is, whole. */
  readonly path: string
  readonly hub: Hub
  readonly features: readonly AnyFeature[]
  readonly options: PublishOptions
  readonly report: Report
}): Stop {
  let { http, path, hub, features, options, report } = parts
  let { secret, max = 1024 * 1024 } = options
  let authorize = options.authorize ?? bearerOf(secret as string)

  async function publish(given: unknown): Promise<PublishResult> {
    try {
      if (!isObject(given)) wrong('an event', 'an object { room, feature, type, data, by, key? }', given)
      let { room, feature, type, data, by, key } = given as Record<string, string>
      let known = features.find(({ name }) => name === feature)
      let options = { by, ...(key === undefined ? {} : { key }) } as { by: string; key?: string }
      let target = hub.room(room as string)
      if (known && specOf(known, type as string)?.delivery.kind === 'volatile') {
        target.cast(known, type as string, data, options)
        return { ok: true }
      }
      return { ok: true, ...(await target.push(feature as string, type as string, data, options)) }
    } catch (error) {
      let { code, message } =
        error instanceof RealtimeError ? error : { code: 'internal', message: 'the server failed; its log says why' }
      if (code === 'internal') report('error', 'publish-failed', { error })
      return { ok: false, code, message }
    }
  }

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let isAllowed = false
    try {
      isAllowed = (await authorize(request)) === true
    } catch (error) {
      report('error', 'authorize-threw', { error })
    }
    if (!isAllowed) return refuse(response, 401, 'unauthorized', 'publishing needs: authorization: Bearer <secret>')
    let body = await readBody(request, max)
    if (body === null) return refuse(response, 413, 'too-large', `a body takes ${max} bytes`)
    let events: unknown
    try {
      events = JSON.parse(body)
    } catch {
      return refuse(response, 400, 'bad-argument', 'the body is not JSON')
    }
    if (!Array.isArray(events)) {
      let result = await publish(events)
      return say(response, result.ok ? 200 : statusOf(result.code), result)
    }
    if (events.length > MOST_EVENTS)
      return refuse(response, 413, 'too-large', `one request takes ${MOST_EVENTS} events`)
    // All are handed over in one turn: in order inside each room, and stored together.
    say(response, 200, await Promise.all(events.map(publish)))
  }

  return takePosts(http, path, (request, response) => {
    response.on('error', () => {})
    // A request that broke off: nobody waits for an answer.
    answer(request, response).catch(() => response.destroy())
  })
}

/** Compares digests: texts of any length take the same time. */
function bearerOf(secret: string): (request: IncomingMessage) => boolean {
  let digest = (text: string) => createHash('sha256').update(text).digest()
  let expected = digest(`Bearer ${secret}`)
  return ({ headers }) => timingSafeEqual(digest(headers.authorization ?? ''), expected)
}

function statusOf(code: string): number {
  return code === 'storage' || code === 'closed' || code === 'internal' ? 503 : 400
}

function refuse(response: ServerResponse, status: number, code: string, message: string): void {
  // What is still being sent is not read.
  if (status !== 400) response.setHeader('connection', 'close')
  say(response, status, { ok: false, code, message } satisfies PublishResult)
}

function say(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(`${JSON.stringify(body)}\n`)
}
