// One attempt at a WebSocket, through partysocket as a thin socket: closed at the start, no queue, no retries of its own.
// The back-off, the queue and the heartbeat are ours. Its event cloning is bypassed by taking the native messages.

import ReconnectingWebSocket from 'partysocket/ws'
import { RealtimeError } from '../errors.js'
import type { Connect } from '../ports.js'

type SocketClass = typeof WebSocket

/** Connects by WebSocket. `implementation` is for hosts without a global one, such as `ws` under Node 20. */
export function webSocketConnect(implementation?: unknown): Connect {
  return (url, sink) => {
    let Base = (implementation ?? globalThis.WebSocket) as SocketClass | undefined
    if (!Base) throw new RealtimeError('unsupported', 'There is no WebSocket here. Pass one as the option webSocket.')
    let native: WebSocket | null = null
    let isTapped = false
    let hasOpened = false
    let over = false
    let end = (code: number, reason: string, error?: unknown): void => {
      if (over) return
      over = true
      sink.closed(code, reason, error)
    }

    // The true messages and close codes: what the wrapper hands on is cloned, and its codes are made up.
    class Tapped extends Base {
      constructor(address: string | URL, protocols?: string | string[]) {
        super(address, protocols)
        native = this
        this.onmessage = event => {
          if (!over && typeof event.data === 'string') sink.message(event.data)
        }
        this.onclose = event => end(event.code, event.reason)
        // Of a socket that the page's policy forbids, Chromium reports an error and never a close.
        this.onerror = () => {
          if (!hasOpened) end(1006, '')
        }
        isTapped = true
      }

      // The wrapper's own listener would clone every message, for half of the main thread's cost of receiving.
      override addEventListener(type: string, ...rest: unknown[]): void {
        if (type === 'message' && isTapped) return
        ;(super.addEventListener as (...all: unknown[]) => void)(type, ...rest)
      }
    }

    let socket = new ReconnectingWebSocket(url, undefined, {
      WebSocket: Tapped,
      startClosed: true,
      maxRetries: 0,
      maxEnqueuedMessages: 0,
      // The deadline over token, open and hello together is kept by the supervisor.
      connectionTimeout: 2 ** 31 - 1
    })
    socket.onopen = () => {
      hasOpened = true
      if (!over) sink.opened()
    }
    // Reported when no native close comes: the address was malformed or not allowed. What the policy of a page forbids,
    // some browsers refuse at once and others by an error without a close.
    socket.onerror = event => {
      if (!native) end(1006, event.message)
      else if (native.readyState === 3) {
        setTimeout(() => end(1006, '', new RealtimeError('network', 'The browser did not allow the connection.')), 0)
      }
    }
    socket.reconnect()

    return {
      send(text) {
        if (over || native?.readyState !== 1) return false
        native.send(text)
        return true
      },
      close(code = 1000, reason = '') {
        over = true
        socket.close(code, reason)
      },
      buffered: () => native?.bufferedAmount ?? 0,
      transport: 'websocket'
    }
  }
}
