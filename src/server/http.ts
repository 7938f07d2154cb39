// The server's side of the HTTP fallback: connections made of requests. Messages are numbered in both directions, so that a
// request which is repeated has no second effect and an answer that was lost is given again. Knows neither Node nor frames:
// a host hands in the body of each POST and a place for its answer.

import type { Clock, Random, Stop } from '../ports.js'
import type { Hub } from './hub.js'
import type { Peer, PeerInfo } from './writer.js'

/** Where one request is answered. */
export interface HttpAnswer {
  /** Begins the answer. */
  start(status: number, headers: Readonly<Record<string, string>>): void
  write(text: string): void
  end(): void
  /** Bytes written and not yet on the network. */
  buffered(): number
}

export interface HttpDoor {
  /** Takes the body of one POST. Call what it returns when the request is over, whoever ended it. */
  take(body: string, info: PeerInfo, answer: HttpAnswer): () => void
  /** Ends what is open; for after the hub has said goodbye. */
  close(): void
  /** Connections that are open. */
  readonly size: number
}

export interface HttpDoorParts {
  readonly accept: Hub['accept']
  readonly clock: Clock
  readonly random: Random
  /** Largest message, in bytes. */
  readonly max: number
}

/** How long a request for what is new is held open without an answer, in milliseconds. */
const HOLD = 20_000
/** How long a connection lives on while nobody asks for what is new, in milliseconds. */
const ABANDONED = 6000
/** How much of what was written and not confirmed is kept to be written again, in characters. */
const KEEP = 1024 * 1024
/** How many connections there may be at a time. */
const MOST = 10_000
/** What the first line of a body may take beside the messages, in bytes. */
export const HEAD = 1024

/** Proxies that pass an answer on in blocks are seen by what does not arrive behind this. */
const PADDING = `:${' '.repeat(2048)}\n\n`
const READY = 'event: ready\ndata: 1\n\n'

/** Anyone may ask, from any page: nothing here acts on what a browser sends along by itself. */
const HEADERS = {
  'access-control-allow-origin': '*',
  'cache-control': 'no-store, no-transform',
  'x-accel-buffering': 'no',
  'x-content-type-options': 'nosniff'
}

/** The first line of a body; which fields are there says what is asked. */
interface Head {
  readonly open?: unknown
  readonly id?: unknown
  /** Up: the number of the first message that follows. */
  readonly from?: unknown
  /** The number of the last message that was received. */
  readonly after?: unknown
  /** Down: answer as a stream, or with what is there. */
  readonly down?: unknown
  /** The client leaves, with this close code. */
  readonly close?: unknown
}

export function createHttpDoor({ accept, clock, random, max }: HttpDoorParts): HttpDoor {
  let lines = new Map<string, Line>()

  function open(info: PeerInfo, answer: HttpAnswer): void {
    let id = random.id()
    lines.set(
      id,
      createLine(info, accept, clock, () => lines.delete(id))
    )
    answer.start(200, { ...HEADERS, 'content-type': 'application/json' })
    answer.write(JSON.stringify({ id, max }))
    answer.end()
  }

  return {
    take(body, info, answer) {
      let done = (): void => {}
      let [first = '', ...messages] = body.split('\n')
      let head = headOf(first)
      if (head?.open === 1) lines.size < MOST ? open(info, answer) : reply(answer, 503)
      else if (typeof head?.id !== 'string') reply(answer, 400)
      else {
        let line = lines.get(head.id)
        if (!line) reply(answer, 404)
        else if (head.down === 'stream' || head.down === 'poll')
          done = line.down(head.down, countOf(head.after), answer)
        else if (countOf(head.from) > 0) {
          let isTaken = line.up(countOf(head.from), countOf(head.after), messages)
          if (isTaken && typeof head.close === 'number') line.leave(head.close)
          reply(answer, isTaken ? 204 : 409)
        } else reply(answer, 400)
      }
      return done
    },
    close() {
      for (let line of [...lines.values()]) line.cut()
    },
    get size() {
      return lines.size
    }
  }
}

type Line = ReturnType<typeof createLine>

/** One connection: what came up so far, and what waits to go down. */
function createLine(info: PeerInfo, accept: Hub['accept'], clock: Clock, gone: () => void) {
  /** The number of the last message taken from the client. */
  let taken = 0
  /** Messages that the client has not confirmed, oldest first; the first `written` of them were written at least once. */
  let kept: string[] = []
  /** The number of the newest message that is no longer kept. */
  let dropped = 0
  let written = 0
  let keptSize = 0
  let unwritten = 0
  let open: { readonly answer: HttpAnswer; readonly isPoll: boolean } | null = null
  let ending: string | null = null
  let isOver = false
  let stopHold: Stop = () => {}
  let stopFlush: Stop | null = null
  let stopAbandoned: Stop = clock.after(ABANDONED, abandoned)

  let peer: Peer = {
    info,
    send(text) {
      if (isOver || ending !== null) return
      kept.push(text)
      unwritten += text.length
      // All of one turn, in one answer.
      stopFlush ??= clock.soon(flush)
    },
    close(code, reason) {
      ending ??= `event: close\ndata: ${JSON.stringify({ code, reason })}\n\n`
      flush()
    },
    buffered: () => unwritten + (open?.answer.buffered() ?? 0)
  }
  let { receive, closed } = accept(peer)

  function flush(): void {
    stopFlush?.()
    stopFlush = null
    if (!open || isOver || (written === kept.length && ending === null)) return
    let { answer } = open
    for (let i = written; i < kept.length; i++) answer.write(`id: ${dropped + i + 1}\ndata: ${kept[i]}\n\n`)
    written = kept.length
    keptSize += unwritten
    unwritten = 0
    if (ending !== null) {
      answer.write(ending)
      over()
    } else if (open.isPoll) finish()
    else forget()
  }

  /** Lets go of what was written long ago: who asks for it again has to make a new connection. */
  function forget(): void {
    let count = 0
    while (keptSize > KEEP && count < written) keptSize -= (kept[count++] as string).length
    drop(count)
  }

  function drop(count: number): void {
    if (count === 0) return
    kept.splice(0, count)
    dropped += count
    written -= count
  }

  function confirm(after: number): void {
    let count = Math.min(after - dropped, written)
    for (let i = 0; i < count; i++) keptSize -= (kept[i] as string).length
    drop(Math.max(0, count))
  }

  /** Ends the request that waits for what is new. */
  function finish(): void {
    stopHold()
    let last = open
    open = null
    last?.answer.end()
    if (!last || isOver) return
    stopAbandoned()
    stopAbandoned = clock.after(ABANDONED, abandoned)
  }

  function abandoned(): void {
    over(1006)
  }

  function over(code?: number): void {
    if (isOver) return
    isOver = true
    stopFlush?.()
    stopAbandoned()
    finish()
    gone()
    if (code !== undefined) closed(code)
  }

  return {
    /** Takes messages; false when some before them are missing. */
    up(from: number, after: number, messages: readonly string[]): boolean {
      if (from > taken + 1) return false
      confirm(after)
      for (let [i, text] of messages.entries()) {
        if (from + i <= taken) continue
        if (isOver || ending !== null) break
        taken = from + i
        receive(text)
      }
      return true
    },
    down(kind: 'stream' | 'poll', after: number, answer: HttpAnswer): () => void {
      // The newest request counts: an older one may hang in a proxy that has not noticed its end.
      finish()
      stopAbandoned()
      if (after < dropped || after > dropped + written) {
        reply(answer, 410)
        over(1006)
        return () => {}
      }
      confirm(after)
      written = 0
      unwritten += keptSize
      keptSize = 0
      let isPoll = kind === 'poll'
      answer.start(200, { ...HEADERS, 'content-type': isPoll ? 'text/plain' : 'text/event-stream' })
      answer.write(isPoll ? READY : PADDING + READY)
      let mine = { answer, isPoll }
      open = mine
      if (isPoll) stopHold = clock.after(HOLD, finish)
      flush()
      return () => {
        if (open === mine) finish()
      }
    },
    leave(code: number): void {
      over(code)
    },
    cut: () => over(1006)
  }
}

function reply(answer: HttpAnswer, status: number): void {
  answer.start(status, HEADERS)
  answer.end()
}

function headOf(text: string): Head | null {
  try {
    let head: unknown = JSON.parse(text)
    return typeof head === 'object' ? (head as Head | null) : null
  } catch {
    return null
  }
}

function countOf(value: unknown): number {
  return Number.isSafeInteger(value) ? (value as number) : 0
}
