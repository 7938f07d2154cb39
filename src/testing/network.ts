// The way from one device to the server: slow, silent, cut, or late. Every connection keeps its order; two of them may
// overtake each other.

import type { Clock, Connect, Link, LinkSink, Random } from '../ports.js'
import type { Frame, FrameName, FrameOf } from '../protocol/frames.js'
import type { Life } from './life.js'
import type { WorldServer } from './server.js'

/** The way from one device to the server; what is set holds from then on. */
export interface Network {
  /** Milliseconds each way. */
  latency: number
  /** Up to so many milliseconds more, by chance. */
  jitter: number
  /** What the link takes on its way up; more waits in its buffer. */
  bytesPerSecond: number
  /** New attempts come to nothing: `refused` at once, `silent` never. */
  down: 'refused' | 'silent' | null
  /** What is on the way, and everything after it, gets lost without a word. */
  silent: boolean
  /** Rewrites or swallows what the server sends: for servers that misbehave. */
  tamper: (text: string) => string | null
  readonly urls: string[]
  /** Frames that left the device, in order. */
  readonly sent: Frame[]
  /** Links that are open or opening. */
  readonly open: number
  /** All links break now, and both sides are told; what was on the way is lost. */
  drop(): void
  /**
   * All links break now for the device alone. What it has sent still arrives, up to `late` milliseconds later than it would
   * have; then the server is told. So an answer is lost, and an old connection's frames may come behind a new one's.
   */
  cut(late?: number): void
  /** The present links fall silent in both directions; nobody is told. New ones are fine. */
  halfOpen(): void
  /** Everything works again as it did at first. */
  heal(): void
  /** Puts frames into the present link as if the server had sent them. */
  inject(...frames: unknown[]): void
  injectText(text: string): void
  sentOf<N extends FrameName>(name: N): FrameOf<N>[]
  readonly connect: Connect
  /** Links of one page: they break when it dies. */
  connectIn(life: Life): Connect
}

interface Wire {
  breakOff(): void
  cut(late: number): void
  hush(): void
  deliver(text: string): void
}

const LATENCY = 20
/** The connection is gone without a word of the other side. */
const LOST = 1006

/** Creates the network of one device. `random` is asked for nothing but `jitter`. */
export function createNetwork(clock: Clock, server: Pick<WorldServer, 'accept'>, random: Random): Network {
  let wires = new Set<Wire>()

  function connect(url: string, sink: LinkSink, life: Life | null): Link {
    network.urls.push(url)
    let isOpen = false
    let isOver = false
    let isSilent = false
    let up: ReturnType<WorldServer['accept']> = null
    let late = 0
    let arrivals = { up: 0, down: 0 }
    let takenUntil = 0

    /** Calls at the other end; nothing overtakes on one link. */
    function travel(way: 'up' | 'down', call: () => void, bytes = 0): void {
      let now = clock.mono()
      takenUntil = Math.max(takenUntil, now) + (bytes / network.bytesPerSecond) * 1000
      let jitter = network.jitter > 0 ? random.float() * network.jitter : 0
      let at = (way === 'up' ? takenUntil : now) + network.latency + jitter
      arrivals[way] = Math.max(arrivals[way], at)
      clock.after(arrivals[way] - now, call)
    }
    let isLost = (): boolean => {
      isSilent ||= network.silent
      return isSilent
    }
    function over(): void {
      isOver = true
      isOpen = false
      wires.delete(wire)
    }

    let wire: Wire = {
      breakOff() {
        if (isOver) return
        over()
        travel('up', () => up?.closed(LOST))
        sink.closed(LOST, '')
      },
      cut(ms) {
        if (isOver) return
        isOpen = false
        wires.delete(wire)
        late = ms
        travel('up', () => {
          let end = (): void => {
            if (!isOver) up?.closed(LOST)
            isOver = true
          }
          if (late > 0) clock.after(late, end)
          else end()
        })
        sink.closed(LOST, '')
      },
      hush() {
        isSilent = true
      },
      deliver(text) {
        if (!isOver && isOpen) sink.message(text)
      }
    }
    wires.add(wire)
    life?.onDeath(() => {
      if (!isOver) {
        over()
        travel('up', () => up?.closed(LOST))
      }
    })

    function open(): void {
      if (isOver || isLost()) return
      up = server.accept({
        send(text) {
          travel('down', () => {
            let given = isLost() ? null : network.tamper(text)
            if (given !== null) wire.deliver(given)
          })
        },
        close(code, reason) {
          travel('down', () => {
            if (isOver || isLost()) return
            let wasCut = !wires.has(wire)
            over()
            up?.closed(code)
            if (!wasCut) sink.closed(code, reason)
          })
        },
        reset: () => travel('down', () => !isLost() && wires.has(wire) && wire.breakOff()),
        buffered: () => 0
      })
      if (up) {
        isOpen = true
        sink.opened()
      } else wire.breakOff()
    }

    if (network.down === 'refused') travel('up', () => wire.breakOff())
    else if (network.down === null) travel('up', open)
    return {
      send(text) {
        if (!isOpen) return false
        network.sent.push(...(JSON.parse(text) as Frame[]))
        let arrive = (): void => {
          if (!isLost() && !isOver) up?.receive(text)
        }
        travel('up', () => (late > 0 ? void clock.after(late, arrive) : arrive()), text.length)
        return true
      },
      close(code = 1000) {
        if (isOver || !wires.has(wire)) return
        // What was handed over before the close still arrives.
        isOpen = false
        wires.delete(wire)
        travel('up', () => {
          if (isOver) return
          isOver = true
          if (!isLost()) up?.closed(code)
        })
      },
      buffered: () => (network.bytesPerSecond === Infinity ? 0 : Math.max(0, bufferedBytes(takenUntil))),
      transport: 'websocket'
    }
  }

  function bufferedBytes(takenUntil: number): number {
    return Math.round(((takenUntil - clock.mono()) / 1000) * network.bytesPerSecond)
  }

  let network: Network = {
    latency: LATENCY,
    jitter: 0,
    bytesPerSecond: Infinity,
    down: null,
    silent: false,
    tamper: text => text,
    urls: [],
    sent: [],
    get open() {
      return wires.size
    },
    drop() {
      for (let wire of [...wires]) wire.breakOff()
    },
    cut(late = 0) {
      for (let wire of [...wires]) wire.cut(late)
    },
    halfOpen() {
      for (let wire of wires) wire.hush()
    },
    heal() {
      Object.assign(network, { latency: LATENCY, jitter: 0, bytesPerSecond: Infinity, down: null, silent: false })
    },
    inject: (...frames) => network.injectText(JSON.stringify(frames)),
    injectText(text) {
      for (let wire of [...wires]) wire.deliver(text)
    },
    sentOf: name => network.sent.filter(frame => frame.f === name) as never,
    connect: (url, sink) => connect(url, sink, null),
    connectIn: life => (url, sink) =>
      connect(
        url,
        { opened: life.guard(sink.opened), message: life.guard(sink.message), closed: life.guard(sink.closed) },
        life
      )
  }
  return network
}
