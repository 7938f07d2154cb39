// One connection of Socket.IO with its namespaces: opens them when they are needed, asks with acknowledgements, says what was
// lost. Knows nothing of tables and frames.

import { Manager, type ManagerOptions, type Socket } from 'socket.io-client'
import type { Emission } from './table.js'

/** `missing`: the backend has no such namespace. `denied`: its middleware does not let us in. */
export type Opened =
  | { readonly kind: 'open' }
  | { readonly kind: 'missing' }
  | { readonly kind: 'denied'; readonly code: string; readonly message: string }
  | { readonly kind: 'lost'; readonly message: string }

/** The arguments of an acknowledgement; `time`: none came in time, `over`: the connection broke before one could come. */
export type Asked = readonly unknown[] | 'time' | 'over'

export interface SpacesPorts {
  readonly url: string
  readonly options: Partial<ManagerOptions>
  readonly auth: Readonly<Record<string, unknown>>
  /** How long an acknowledgement may take, in milliseconds. */
  readonly patience: number
  /** The events that are listened to, by namespace. */
  readonly events: (namespace: string) => Iterable<string>
  readonly heard: (namespace: string, event: string, args: readonly unknown[]) => void
  /** A namespace is gone; with `isAll`, so is the connection. */
  readonly lost: (namespace: string, reason: string, isAll: boolean) => void
}

/** Asked for to measure the way there and back: a server says at once that it has none. */
const NOWHERE = '/realtime-stores/ping'
const INVALID = 'Invalid namespace'
const SERVER_LEFT = 'io server disconnect'

export type Spaces = ReturnType<typeof createSpaces>

export function createSpaces(ports: SpacesPorts) {
  let { auth, patience } = ports
  let manager = new Manager(ports.url, { ...ports.options, autoConnect: false, reconnection: false })
  let spaces = new Map<string, { socket: Socket; opened: Promise<Opened> }>()
  let nowhere: Socket | null = null
  let isOver = false
  let max = 1_000_000

  function start(name: string): { socket: Socket; opened: Promise<Opened> } {
    let socket = manager.socket(name, { auth: { ...auth } })
    // The manager keeps its sockets: this may be one that was ended.
    socket.off()
    let opened = new Promise<Opened>(resolve => {
      socket.once('connect', () => resolve({ kind: 'open' }))
      socket.once('connect_error', error => {
        // Active: the connection itself failed. Otherwise the server has spoken.
        if (socket.active) resolve({ kind: 'lost', message: error.message })
        else if (error.message === INVALID) resolve({ kind: 'missing' })
        else {
          let { code } = ((error as { data?: unknown }).data ?? {}) as { code?: unknown }
          let word = typeof code === 'string' ? code.slice(0, 64) : ''
          resolve({ kind: 'denied', code: word || 'unauthorized', message: error.message })
        }
      })
    })
    socket.on('disconnect', reason => {
      if (isOver) return
      // Those that the server ended alone may be opened again.
      if (reason === SERVER_LEFT) spaces.delete(name)
      ports.lost(name, reason, reason !== SERVER_LEFT)
    })
    for (let event of ports.events(name)) socket.on(event, (...args: unknown[]) => ports.heard(name, event, args))
    socket.connect()
    manager.engine.once('handshake', ({ maxPayload }) => {
      max = maxPayload
    })
    return { socket, opened }
  }

  return {
    /** Connects to a namespace; asked again, it is the same one. */
    async open(name: string): Promise<Opened> {
      let space = spaces.get(name)
      if (!space) {
        space = start(name)
        spaces.set(name, space)
      }
      let opened = await space.opened
      if (opened.kind === 'denied' && spaces.get(name) === space) spaces.delete(name)
      return opened
    },
    idOf: (name: string): string | undefined => spaces.get(name)?.socket.id,
    /** Emits and waits for the acknowledgement. */
    ask(name: string, { event, payload }: Emission): Promise<Asked> {
      let socket = spaces.get(name)?.socket
      if (!socket?.connected) return Promise.resolve('over')
      return new Promise(resolve => {
        socket.timeout(patience).emit(event, payload, (error: Error | null, ...args: unknown[]) => {
          resolve(!error ? args : socket.connected ? 'time' : 'over')
        })
      })
    },
    /** Emits without an answer. False when there is no connection. */
    tell(name: string, { event, payload }: Emission, isVolatile = false): boolean {
      let socket = spaces.get(name)?.socket
      if (!socket?.connected) return false
      if (isVolatile) socket.volatile.emit(event, payload)
      else socket.emit(event, payload)
      return true
    },
    /** There and back, without an effect: resolves when the server has answered, whatever it has answered. */
    knock(): Promise<void> {
      return new Promise(resolve => {
        if (isOver || ![...spaces.values()].some(({ socket }) => socket.connected)) return
        nowhere ??= manager.socket(NOWHERE)
        nowhere.off()
        let end = (): void => {
          nowhere?.off()
          nowhere?.disconnect()
          resolve()
        }
        nowhere.on('connect', end)
        nowhere.on('connect_error', end)
        nowhere.connect()
      })
    },
    /** The largest message that the server takes, in bytes. */
    get max(): number {
      return max
    },
    close(): void {
      isOver = true
      nowhere?.disconnect()
      for (let { socket } of spaces.values()) socket.disconnect()
      manager.engine?.close()
    }
  }
}
