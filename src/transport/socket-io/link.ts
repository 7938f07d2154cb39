// A link to a backend that speaks Socket.IO and not our protocol. Towards the client it plays the server, as far as that can be
// played: it keeps no marks, and says so in its welcome. Towards the backend it is a Socket.IO client like any other.

import type { ManagerOptions } from 'socket.io-client'
import type { Connect } from '../../ports.js'
import { decode, encodeFrame, joinFrames } from '../../protocol/codec.js'
import { type DownFrame, type Frame, type FrameOf, PROTOCOL_VERSION } from '../../protocol/frames.js'
import { type Answer, type ReadAnswer, readAnswer } from './answer.js'
import { logIn } from './login.js'
import type { RoomLog } from './room-log.js'
import { createRooms, type Rooms } from './rooms.js'
import { createSending, type Deeds, type Sending } from './sending.js'
import { createSpaces, type Opened, type Spaces } from './spaces.js'
import { type Emission, fields, type JoinedTable } from './table.js'

/** Who connects, as `auth` is told. */
export interface Visitor {
  readonly app: string
  readonly user: string
  readonly token: string | undefined
  readonly platform: string | undefined
}

type Fields = Readonly<Record<string, unknown>>

export interface LinkOptions {
  readonly table: JoinedTable
  readonly namespace: string
  readonly auth: Fields | ((visitor: Visitor) => Fields | Promise<Fields>) | undefined
  readonly manager: Partial<ManagerOptions>
  readonly ackTimeout: number
  readonly echoWait: number
  readonly heartbeat: number
  readonly retry: readonly [number, number]
  readonly ping: (Emission & { readonly namespace?: string }) | undefined
  readonly answer: ReadAnswer | undefined
  readonly warn: (problem: string, detail?: unknown) => void
}

/** What is known of a user over all links of a page. */
interface Memory {
  readonly whose: string
  readonly logs: Map<string, RoomLog>
  readonly deeds: Deeds
}

/** How much may be on its way: little, for what has left cannot be taken back any more. */
const WINDOW = { count: 32, bytes: 256 * 1024 }
const LOST = 1006
const SERVER_LEFT = 'io server disconnect'

/** Refusals that a new token or a later attempt does not change. */
const FINAL = new Set(['forbidden', 'revoked', 'no-namespace'])

export function socketIoConnect(options: LinkOptions): Connect {
  let memory: Memory = { whose: '', logs: new Map(), deeds: { answers: new Map(), silences: new Map() } }
  let newId = (): string => crypto.randomUUID().replaceAll('-', '')
  let read = options.answer ?? readAnswer

  return (url, sink) => {
    let { table, namespace } = options
    let spaces: Spaces | null = null
    let rooms: Rooms | null = null
    let sending: Sending | null = null
    let token: string | undefined
    let isOver = false
    let isEnding = false
    /** Ends what is waited for. */
    let ends = new Set<() => void>()
    let outgoing: string[] = []

    // --- to the client: what comes in one turn is one message ---

    function send(...frames: readonly DownFrame[]): void {
      if (isOver) return
      if (!outgoing.length) queueMicrotask(flush)
      outgoing.push(...frames.map(frame => encodeFrame(frame as Frame)))
    }

    function flush(): void {
      if (isOver || !outgoing.length) return
      let all = outgoing
      outgoing = []
      sink.message(joinFrames(all))
    }

    function bye(code: string, isFinal: boolean, why?: string): void {
      send({ f: 'bye', code, final: isFinal, ...(why === undefined ? {} : { why }) })
    }

    // --- the end ---

    /** The connection broke. What the backend has answered is told first. */
    function lost(reason: string): void {
      if (isEnding || isOver) return
      isEnding = true
      for (let end of ends) end()
      setTimeout(() => {
        if (isOver) return
        flush()
        stop()
        sink.closed(LOST, reason)
      }, 0)
    }

    function stop(): void {
      isOver = true
      for (let log of memory.logs.values()) if (!log.isEmpty) log.broken()
      for (let end of ends) end()
      spaces?.close()
    }

    function pause(ms: number): Promise<'time' | 'over'> {
      if (isEnding || isOver) return Promise.resolve('over')
      return new Promise(resolve => {
        let end = (why: 'time' | 'over'): void => {
          clearTimeout(timer)
          ends.delete(breakOff)
          resolve(why)
        }
        let breakOff = (): void => end('over')
        let timer = setTimeout(() => end('time'), ms)
        ends.add(breakOff)
      })
    }

    // --- hello ---

    async function hello(frame: FrameOf<'hello'>): Promise<void> {
      let { app, user = '', platform } = frame
      token = frame.token || undefined
      if (memory.whose !== user) {
        memory = { whose: user, logs: new Map(), deeds: { answers: new Map(), silences: new Map() } }
      }
      let given = options.auth
      let extra = typeof given === 'function' ? await given({ app, user, token, platform }) : given
      if (isOver) return
      spaces = createSpaces({
        url: addressOf(url),
        options: options.manager,
        auth: { ...(token === undefined ? {} : { token }), ...extra },
        patience: options.ackTimeout,
        events: name => table.down.get(name)?.keys() ?? [],
        heard: (name, event, args) => rooms?.hear(name, event, fields(args[0])),
        lost(name, reason, isAll) {
          if (isAll || name === namespace) lost(reason === SERVER_LEFT ? 'The server ended the connection.' : reason)
          else rooms?.spaceLost(name)
        }
      })
      let login = table.session && token !== undefined ? await logIn(spaces, table.session, token, read) : null
      if (isOver || (login && !admitted(login.opened)) || (login && !accepted(login.answer))) return
      if (!admitted(await spaces.open(namespace), true)) return
      let sid = spaces.idOf(namespace) ?? newId()
      let { logs, deeds } = memory
      rooms = createRooms({
        table,
        namespace,
        user,
        platform,
        sid,
        spaces,
        logs,
        read,
        now: Date.now,
        newId,
        send,
        isOver: () => isOver,
        warn: options.warn
      })
      sending = createSending({
        user,
        deeds,
        entryOf: is => table.up.get(is),
        place: room => rooms?.place(room),
        mono: () => performance.now(),
        now: Date.now,
        pause,
        isOver: () => isOver,
        async emit(entry, emission) {
          let name = entry.namespace ?? namespace
          let opened = await (spaces as Spaces).open(name)
          if (opened.kind === 'missing') return [{ error: 'no-namespace' }]
          if (opened.kind === 'denied') return [{ error: opened.code, message: opened.message }]
          if (opened.kind === 'lost') return 'over'
          if ((entry.ack ?? 'callback') === 'callback') return (spaces as Spaces).ask(name, emission)
          return (spaces as Spaces).tell(name, emission) ? [] : 'over'
        },
        read,
        send,
        echoWait: options.echoWait,
        patience: options.ackTimeout
      })
      send({
        f: 'welcome',
        v: PROTOCOL_VERSION,
        sid: sid.slice(0, 64),
        user,
        heartbeat: options.heartbeat,
        max: spaces.max,
        window: WINDOW,
        retry: [...options.retry],
        caps: [],
        now: Date.now(),
        ...(login?.expiresIn === undefined ? {} : { expiresIn: login.expiresIn })
      })
    }

    /** Whether a namespace took us in; otherwise the end is told. One that a backend may lack is no hindrance. */
    function admitted(opened: Opened, mustBe = false): boolean {
      if (isOver) return false
      if (opened.kind === 'lost') lost(opened.message)
      else if (opened.kind === 'denied') bye(opened.code, FINAL.has(opened.code), opened.message)
      else if (opened.kind === 'missing' && mustBe)
        bye('no-namespace', true, `The server has no namespace «${namespace}».`)
      else return true
      return false
    }

    function accepted(answer: Answer): boolean {
      if (answer.ok) return true
      let { code, message, after } = answer
      // Refused for good, unless it says otherwise.
      if (after === undefined) bye(code === 'refused' ? 'unauthorized' : code, FINAL.has(code), message)
      else bye('busy', false, message)
      return false
    }

    /** A new token for a connection that is there. Where the backend has no word for it, the next connection has it. */
    async function renew(by: string): Promise<void> {
      token = by
      if (!spaces || !table.session) {
        send({ f: 'authed' })
        return
      }
      let { opened, answer, expiresIn } = await logIn(spaces, table.session, by, read)
      if (isOver) return
      if (opened.kind === 'denied' || (!answer.ok && answer.after === undefined))
        accepted({ ok: false, code: 'unauthorized' })
      else if (!answer.ok) send({ f: 'reauth', within: 5, why: 'busy' })
      else send({ f: 'authed', ...(expiresIn === undefined ? {} : { expiresIn }) })
    }

    // --- the rest ---

    function cast({ room, feature, type, data, id }: FrameOf<'cast'>): void {
      let entry = table.up.get(`${feature}/${type}`)
      let place = rooms?.place(room)
      if (!entry || !place) return
      try {
        let emission = entry.emit(data as never, { ...place.about, action: id ?? newId() })
        if (emission) spaces?.tell(entry.namespace ?? namespace, emission, true)
      } catch (error) {
        options.warn(`A sample of «${feature}/${type}» cannot be told.`, error)
      }
    }

    async function ping(x: number): Promise<void> {
      if (!spaces || !rooms) return
      let own = options.ping
      if (!own) await spaces.knock()
      else if (typeof (await spaces.ask(own.namespace ?? namespace, own)) === 'string') return
      send({ f: 'pong', x }, { f: 'ping', x: 0, rooms: rooms.positions() })
    }

    function take(frame: Frame): void {
      switch (frame.f) {
        case 'hello':
          hello(frame).catch(error => lost(String(error)))
          return
        case 'join':
          rooms?.join(frame)
          return
        case 'leave':
          rooms?.leave(frame.room)
          return
        case 'push':
          sending?.push(frame)
          return
        case 'cast':
          cast(frame)
          return
        case 'presence':
          rooms?.presence(frame)
          return
        case 'fetch':
          rooms?.fetch(frame)
          return
        case 'auth':
          void renew(frame.token)
          return
        case 'ping':
          void ping(frame.x)
          return
        case 'bye':
          if (table.session?.logout) spaces?.tell(table.session.namespace, table.session.logout)
      }
    }

    // The hello is asked for: only then is there something to connect with.
    queueMicrotask(() => {
      if (!isOver) sink.opened()
    })

    return {
      send(text) {
        if (isOver || isEnding) return false
        for (let frame of decode(text).frames) take(frame)
        return true
      },
      close() {
        if (!isOver) stop()
      },
      buffered: () => 0,
      transport: 'socket.io'
    }
  }
}

/** What the Socket.IO client understands: a path alone is one of this site. */
function addressOf(url: string): string {
  return url.startsWith('/') ? new URL(url, globalThis.location?.href).href : url
}
