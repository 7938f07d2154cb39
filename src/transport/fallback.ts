// A WebSocket, or HTTP where none opens: the first to open carries the connection. What only those need who end up on HTTP is
// in climb.ts, and loaded then.

import type { Connect, Link, Stop } from '../ports.js'
import { decode } from '../protocol/codec.js'
import { isHttpFirst, REMEMBERED, type Ways } from './ways.js'

/** How long one way is tried alone, in milliseconds. */
const HEAD_START = 5000
/** How long a WebSocket that is open may be silent after the first frames were sent. */
const FIRST_WORD = 8000
/** When a connection over HTTP that is given up was silent for so long, that is why. */
const SILENT = 10_000
const RETURNING = 4000
const LOST = 1006

/** Connects by WebSocket where one opens, else over HTTP. */
export function fallbackConnect(parts: Ways): Connect {
  let { webSocket, http, clock, memory } = parts
  /** The last WebSocket opened, and what came over it was nothing, or not of our server. */
  let wasMute = false
  /** When a WebSocket was last found to work, on the monotonic clock. */
  let foundAt = -Infinity

  return (url, sink) => {
    let isRemembered = isHttpFirst(memory.read(url), clock.now())
    let ways = isRemembered || wasMute ? [http, webSocket] : [webSocket, http]
    let links: Link[] = []
    let pending = 0
    let chosen: Link | null = null
    let isOver = false
    let heardAt: number | null = null
    let blocked: unknown
    let stopHeadStart = clock.after(HEAD_START, startNext)
    let stopFirstWord: Stop | null = null
    let stopClimb: Stop = () => {}
    wasMute = false

    function startNext(): void {
      let way = ways.shift()
      if (!way || isOver) return
      let link: Link | null = null
      let isLost = false
      function lost(code: number, reason: string, error?: unknown): void {
        if (isLost || isOver) return
        isLost = true
        blocked ??= error
        pending--
        if (chosen) {
          if (chosen === link) end(code, reason)
          return
        }
        if (way === http) memory.write(url, 0)
        startNext()
        if (pending === 0) end(code, reason)
      }
      pending++
      try {
        link = way(url, {
          opened: () => link && open(link),
          message: text => chosen === link && !isOver && hear(text),
          closed: lost
        })
        links.push(link)
      } catch (error) {
        blocked = error
        lost(LOST, String(error))
      }
    }

    function open(link: Link): void {
      if (isOver || chosen) return
      chosen = link
      stopHeadStart()
      for (let other of links) if (other !== link) other.close(RETURNING)
      sink.opened()
    }

    function hear(text: string): void {
      if (heardAt === null) {
        stopFirstWord?.()
        let [first] = decode(text).frames
        if (!first) {
          mute()
          return
        }
        if (first.f === 'welcome' && chosen?.transport === 'http') void climb()
      }
      heardAt = clock.mono()
      sink.message(text)
    }

    /** Something on the way takes the connection and does not bring it to our server. */
    function mute(): void {
      wasMute = chosen?.transport === 'websocket'
      chosen?.close(RETURNING)
      end(LOST, 'No word of a realtime server came.')
    }

    async function climb(): Promise<void> {
      let { startClimb } = await import('./climb.js')
      if (isOver) return
      stopClimb = startClimb(parts, url, clock.mono() - foundAt < REMEMBERED, () => {
        foundAt = clock.mono()
        sink.better?.()
      })
    }

    function end(code: number, reason: string): void {
      if (isOver) return
      stop()
      // Whatever broke it may also have changed the network.
      if (chosen?.transport === 'http' && code === LOST) memory.write(url, 0)
      sink.closed(code, reason, chosen ? undefined : blocked)
    }

    function stop(): void {
      isOver = true
      stopHeadStart()
      stopFirstWord?.()
      stopClimb()
    }

    startNext()
    return {
      send(text) {
        if (chosen?.transport === 'websocket' && heardAt === null) stopFirstWord ??= clock.after(FIRST_WORD, mute)
        return chosen?.send(text) ?? false
      },
      close(code, reason) {
        if (chosen?.transport === 'http' && heardAt !== null && clock.mono() - heardAt > SILENT) memory.write(url, 0)
        stop()
        for (let link of links) link.close(code, reason)
      },
      buffered: () => chosen?.buffered() ?? 0,
      get transport() {
        return chosen?.transport ?? 'websocket'
      }
    }
  }
}
