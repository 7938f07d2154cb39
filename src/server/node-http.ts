// The HTTP fallback on a server of Node: takes the POSTs of one path, and leaves everything else to whoever else listens.

import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Stop } from '../ports.js'
import { HEAD, type HttpDoor } from './http.js'
import type { PeerInfo } from './writer.js'

export interface NodeHttpOptions {
  readonly http: Server
  readonly path: string
  readonly door: HttpDoor
  /** Largest message, in bytes. */
  readonly max: number
  readonly infoOf: (request: IncomingMessage) => PeerInfo
}

/** How long the end of an answer may take to be read, in milliseconds. */
const LINGER = 5000

export function serveHttp({ http, path, door, max, infoOf }: NodeHttpOptions): Stop {
  return takePosts(http, path, (request, response) => {
    readBody(request, max + HEAD).then(
      body => (body === null ? refuse(response) : answer(door, body, infoOf(request), response)),
      // The request broke off: nobody waits for an answer.
      () => response.destroy()
    )
  })
}

/**
 * Takes the requests before the listeners of the server hear of them: a listener cannot keep the others from answering too,
 * and those of the app may come later than this. What was begun last is to be stopped first.
 */
export function takePosts(
  http: Server,
  path: string,
  take: (request: IncomingMessage, response: ServerResponse) => void
): Stop {
  let emit = http.emit
  let mine = function (this: Server, event: string | symbol, ...rest: unknown[]): boolean {
    let [request, response] = rest as [IncomingMessage, ServerResponse]
    if (event !== 'request' || request.method !== 'POST' || pathOf(request) !== path) {
      return (emit as (...all: unknown[]) => boolean).call(this, event, ...rest)
    }
    take(request, response)
    return true
  }
  http.emit = mine as Server['emit']
  return () => {
    if (http.emit === (mine as Server['emit'])) http.emit = emit
  }
}

export function pathOf({ url = '/' }: IncomingMessage): string {
  let query = url.indexOf('?')
  return query < 0 ? url : url.slice(0, query)
}

function answer(door: HttpDoor, body: string, info: PeerInfo, response: ServerResponse): void {
  // Followed by `close`, which says all that matters here.
  response.on('error', () => {})
  let linger: ReturnType<typeof setTimeout> | undefined
  let over = door.take(body, info, {
    start: (status, headers) => void response.writeHead(status, headers),
    write: text => void response.write(text),
    end() {
      response.end()
      linger = setTimeout(() => response.destroy(), LINGER)
    },
    buffered: () => response.writableLength
  })
  response.on('close', () => {
    clearTimeout(linger)
    over()
  })
}

function refuse(response: ServerResponse): void {
  response.on('error', () => {})
  response.writeHead(413, { 'access-control-allow-origin': '*', connection: 'close' }).end()
}

/** The whole body, or `null` when it is longer than `max` bytes. */
export async function readBody(request: IncomingMessage, max: number): Promise<string | null> {
  let chunks: Buffer[] = []
  let size = 0
  for await (let chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > max) return null
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}
