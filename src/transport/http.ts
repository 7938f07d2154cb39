// A link over HTTP, by `fetch` alone. Up: numbered messages, one request in flight. Down: a stream of events, or one answer at
// a time where something on the way holds a stream back. Loaded when it is needed. Knows nothing of frames.

import type { Clock, Link, LinkSink } from '../ports.js'
import { byteLength } from '../protocol/codec.js'
import { createEventParser } from './event-stream.js'
import { post } from './http-request.js'

export interface HttpLinkParts {
  readonly url: string
  /** Names the connection; known to its two ends only. */
  readonly id: string
  /** Largest message that the server takes, in bytes. */
  readonly max: number
  readonly clock: Clock
  /** What was learnt about the network, for every link of this page: until when no stream is tried, on the monotonic clock. */
  readonly network: { streamsHeldUntil: number }
  readonly sink: LinkSink
}

/** How long the first event of a stream may take, in milliseconds; after that, something on the way holds streams back. */
const FIRST_EVENT = 3000
/** A stream that ends sooner was ended by something on the way. */
const SHORT = 5000
/** How long an answer without a stream may take: longer than the server holds it. */
const WHOLE_ANSWER = 30_000
/** How long the server may take to take messages. */
const TAKE = 10_000
/** Waits before a request that failed is made again. */
const AGAIN = [300, 1000]
/** What a browser takes along from a page that goes away, in bytes; a little less than it says. */
const FAREWELL = 60_000
/** For how long streams are not tried again. */
const HELD = 10 * 60_000

const HELD_BACK = 'something on the way holds streams back'
const LOST = 1006
const TOO_LARGE = 1009

export function createHttpLink({ url, id, max, clock, network, sink }: HttpLinkParts): Link {
  let over = new AbortController()
  /** The number of the last message that came down. */
  let got = 0
  /** The number of the last message that the server has taken; those that wait follow it. */
  let taken = 0
  let waiting: string[] = []
  let waitingBytes = 0
  let isPumping = false

  let isOver = (): boolean => over.signal.aborted
  let pause = (ms: number): Promise<void> => new Promise(resolve => clock.after(ms, resolve))
  let bodyOf = (head: object, messages: readonly string[] = []): string =>
    [JSON.stringify({ id, after: got, ...head }), ...messages].join('\n')

  function end(code: number, reason: string): void {
    if (isOver()) return
    over.abort()
    sink.closed(code, reason)
  }

  /** Runs a request that is given up after `ms`, unless `inTime` is called, and with the link. */
  async function within<T>(ms: number, run: (signal: AbortSignal, inTime: () => void) => Promise<T>): Promise<T> {
    let request = new AbortController()
    let giveUp = (): void => request.abort()
    let inTime = clock.after(ms, giveUp)
    over.signal.addEventListener('abort', giveUp)
    try {
      return await run(request.signal, inTime)
    } finally {
      inTime()
      over.signal.removeEventListener('abort', giveUp)
    }
  }

  // --- up ---

  async function pump(): Promise<void> {
    while (waiting.length > 0 && !isOver()) {
      let count = batchOf(waiting, max)
      let status = await hand(bodyOf({ from: taken + 1 }, waiting.slice(0, count)))
      if (status !== 204) return end(status === 413 ? TOO_LARGE : LOST, `HTTP ${status}`)
      taken += count
      for (let text of waiting.splice(0, count)) waitingBytes -= byteLength(text)
    }
    isPumping = false
  }

  /** Hands messages to the server, again with the same numbers when nobody knows whether they came. 0: no answer. */
  async function hand(body: string): Promise<number> {
    for (let tries = 0; ; tries++) {
      let status = await within(TAKE, signal => post(url, body, { signal })).then(
        response => response.status,
        () => 0
      )
      let wait = AGAIN[tries]
      if (isOver() || (status > 0 && status < 500) || wait === undefined) return status
      await pause(wait)
    }
  }

  // --- down ---

  async function listen(): Promise<void> {
    let isPoll = clock.mono() < network.streamsHeldUntil
    let failures = 0
    while (!isOver()) {
      let before = got
      let since = clock.mono()
      let problem = await readAnswer(isPoll)
      let isShort = clock.mono() - since < SHORT
      // An answer brings something, or it was held for long: anything else failed, whatever its status says.
      failures = got > before || (problem === null && !isShort) ? 0 : failures + 1
      if (failures > AGAIN.length) return end(LOST, problem ?? 'empty answers')
      if (isPoll && got > before) network.streamsHeldUntil = clock.mono() + HELD
      isPoll ||= problem === HELD_BACK || (problem === null && isShort)
      if (failures > 0 || problem !== null) await pause(AGAIN[Math.max(0, failures - 1)] as number)
    }
  }

  /** Reads one answer to its end; tells what was wrong with it. */
  async function readAnswer(isPoll: boolean): Promise<string | null> {
    let isOurs = false
    let isLate = false
    let deadline = isPoll ? WHOLE_ANSWER : FIRST_EVENT
    let problem = await within(deadline, async (signal, inTime) => {
      signal.addEventListener('abort', () => {
        isLate = true
      })
      let response = await post(url, bodyOf({ down: isPoll ? 'poll' : 'stream' }), { signal })
      if (response.status >= 400 && response.status < 500) end(LOST, `HTTP ${response.status}`)
      if (response.status !== 200) return `HTTP ${response.status}`
      let parse = createEventParser(({ event, data, id }) => {
        isOurs = true
        if (!isPoll) inTime()
        if (event === 'message') take(Number(id), data)
        else if (event === 'close') leave(data)
      })
      if (response.body) await readPieces(response.body, parse)
      else parse(await response.text())
      return isOurs ? null : 'no answer of a realtime server'
    }).catch(String)
    return isLate && !isPoll ? HELD_BACK : problem
  }

  function take(number: number, text: string): void {
    if (isOver() || number <= got) return
    if (number === got + 1) {
      got = number
      sink.message(text)
    } else end(LOST, 'a message is missing')
  }

  function leave(data: string): void {
    let { code, reason } = JSON.parse(data) as { code: number; reason: string }
    end(code, reason)
  }

  void listen()

  return {
    send(text) {
      if (isOver()) return false
      waiting.push(text)
      waitingBytes += byteLength(text)
      if (!isPumping) {
        isPumping = true
        // What is sent in one turn goes together.
        clock.soon(() => void pump())
      }
      return true
    },
    close(code = 1000) {
      if (isOver()) return
      over.abort()
      // What may not have come goes along once more: the server knows the numbers.
      let last = waitingBytes < Math.min(FAREWELL, max) ? waiting : []
      post(url, bodyOf({ from: taken + 1, close: code }, last), { keepalive: true }).catch(() => {})
    },
    buffered: () => waitingBytes,
    transport: 'http'
  }
}

/** How many messages, at least one, fit into `max` bytes. */
function batchOf(messages: readonly string[], max: number): number {
  let bytes = 0
  let count = messages.findIndex(text => {
    bytes += byteLength(text) + 1
    return bytes > max
  })
  return count < 0 ? messages.length : Math.max(1, count)
}

async function readPieces(body: ReadableStream<Uint8Array>, call: (piece: string) => void): Promise<void> {
  let reader = body.getReader()
  let decoder = new TextDecoder()
  for (;;) {
    let { done, value } = await reader.read()
    if (done) return
    call(decoder.decode(value, { stream: true }))
  }
}
