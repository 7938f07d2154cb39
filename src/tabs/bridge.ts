// The leader's side of the one socket: joins and questions of all tabs go up under numbers of their own and their answers go
// back to the tab that asked; what concerns everybody goes to every tab. Which tab holds which room decides what the server
// is told of joins, leaves and presence.

import type { Locks, Stop } from '../ports.js'
import { decode, encodeFrame } from '../protocol/codec.js'
import type { DownFrame, Frame, WelcomeFrame } from '../protocol/frames.js'
import { linkLock } from './follower.js'
import type { Post, TabMessage } from './messages.js'
import { createSharedRooms, OWN } from './shared-rooms.js'

interface BridgeLink {
  /** The number of its last message. */
  u: number
  /** Stops waiting for the end of its tab. */
  stop: Stop
}

export interface BridgePorts {
  readonly name: string
  readonly locks: Locks
  readonly post: Post
  readonly term: () => number
  readonly user: string
  readonly serverNow: () => number
  /** To the server; false when there is no connection. */
  readonly up: (frames: readonly Frame[]) => boolean
  readonly nextRef: () => number
  /** To the rooms of this tab. */
  readonly deliver: (frames: readonly DownFrame[]) => void
  /** A room that only the sender needs was left: it must be joined for that again. */
  readonly left: (room: string) => void
}

/** Answers to other tabs' pings that are waited for, at most. */
const MOST_PINGS = 64

export type Bridge = ReturnType<typeof createBridge>

export function createBridge(ports: BridgePorts) {
  let { name, locks, post, term, user, serverNow, up } = ports
  let links = new Map<string, BridgeLink>()
  let welcome: WelcomeFrame | null = null
  let n = 0
  let pings = new Map<number, { l: string; x: number }>()
  let pingCount = 0
  let rooms = createSharedRooms(ports.nextRef)
  /** What the session showed before may not be true any more. */
  let isInherited = false

  function down(frames: readonly DownFrame[], where: { to?: string; not?: string } = {}, text?: string): void {
    post({ t: 'down', term: term(), n: ++n, ...where, text: text ?? `[${frames.map(encodeFrame).join(',')}]` })
  }

  // --- links ---

  function open(l: string): void {
    if (!welcome) return
    if (!links.has(l)) {
      let stop = locks.acquire(linkLock(name, l), { held: () => drop(l), waiting() {}, lost() {} })
      links.set(l, { u: 0, stop })
    }
    post({ t: 'opened', l, term: term(), n })
  }

  function drop(l: string): void {
    let link = links.get(l)
    if (!link) return
    links.delete(l)
    link.stop()
    for (let room of rooms.of(l)) leave(l, room)
  }

  function shutAll(): void {
    welcome = null
    rooms.clear()
    pings.clear()
    for (let { stop } of links.values()) stop()
    if (links.size) post({ t: 'shut', term: term() })
    links.clear()
  }

  // --- up ---

  function leave(l: string, room: string): void {
    let { up: frames, isOrphaned } = rooms.leave(l, room)
    if (frames.length) up(frames)
    if (isOrphaned) ports.left(room)
  }

  /** What a tab sends, as the server shall hear it. */
  function translate(l: string, frame: Frame): Frame | null {
    switch (frame.f) {
      case 'join':
        return rooms.join(l, frame)
      case 'presence':
        return rooms.presence(l, frame)
      case 'fetch':
        return rooms.ask(l, frame)
      case 'cast': {
        let echo = { ...frame, by: user, at: serverNow() }
        if (l !== OWN) ports.deliver([echo])
        if (links.size > (l === OWN ? 0 : 1)) down([echo], { not: l })
        return frame
      }
      case 'ping': {
        if (l === OWN) return frame
        // Below zero: never one of our own.
        let x = -++pingCount
        pings.set(x, { l, x: frame.x })
        if (pings.size > MOST_PINGS) pings.delete(pings.keys().next().value as number)
        return { f: 'ping', x }
      }
      default:
        return l === OWN || frame.f === 'bye' ? frame : null
    }
  }

  function take(l: string, frame: Frame): void {
    if (frame.f === 'hello') {
      // The token and its end are the leader's business.
      let { expiresIn: _, ...rest } = welcome as WelcomeFrame
      down([{ ...rest, now: serverNow() }], { to: l })
    } else if (frame.f === 'leave') leave(l, frame.room)
    else {
      let translated = translate(l, frame)
      if (translated) up([translated])
    }
  }

  // --- down ---

  /** Where a frame of the server belongs: to one tab, to all, or to this one alone. */
  function route(frame: DownFrame): { to: string | null; frame: DownFrame } {
    let all = { to: null, frame }
    let own = { to: OWN, frame }
    switch (frame.f) {
      case 'joined':
      case 'snapshot':
      case 'page':
      case 'nack': {
        let asked = rooms.answer(frame)
        return asked ? { to: asked.l, frame: { ...frame, ref: asked.theirs } } : own
      }
      case 'pong': {
        let ping = pings.get(frame.x)
        pings.delete(frame.x)
        return ping ? { to: ping.l, frame: { ...frame, x: ping.x } } : own
      }
      case 'ack':
      case 'slow':
        return own
      case 'cast': {
        let l = rooms.cast(frame)
        return l === null ? all : { to: l, frame }
      }
      case 'event':
        rooms.event(frame)
        return all
      default:
        return all
    }
  }

  /** What of the server's frames is for this tab; the rest is handed on. `text` has exactly these frames. */
  function received(frames: readonly DownFrame[], text: string | undefined): readonly DownFrame[] {
    let own: DownFrame[] = []
    let run: DownFrame[] = []
    let to: string | null = null
    let isWhole = text !== undefined
    let flush = (isLast: boolean): void => {
      if (run.length && links.size && rooms.anyOf(run)) {
        if (to === null) down(run, {}, isLast && isWhole && run.length === frames.length ? text : undefined)
        else if (links.has(to)) down(run, { to })
      }
      run = []
    }
    for (let original of frames) {
      let { to: where, frame } = route(original)
      if (isInherited && original.f === 'ping') {
        // By the first beat every tab has come and said what it has to say.
        isInherited = false
        let stale = rooms.takeBack()
        if (stale.length) up(stale)
      }
      if (where === null || where === OWN) own.push(frame)
      if (where !== OWN) {
        if (where !== to) flush(false)
        to = where
        run.push(frame)
      } else if (run.length) isWhole = false
      let gap = original.f === 'joined' || original.f === 'nack' ? rooms.takeGap() : null
      if (!gap) continue
      flush(false)
      isWhole = false
      // The place in the room is another one now: some events went to nobody.
      if (gap.not !== OWN) own.push(gap.frame)
      down([gap.frame], { not: gap.not })
    }
    flush(true)
    return own
  }

  return {
    /** Tabs that go through this one. */
    get size(): number {
      return links.size
    },
    /** What beats tell of the links. */
    numbers: () => ({ n, links: Object.fromEntries([...links].map(([l, { u }]) => [l, u])) }),
    /** Sends frames of this tab. */
    send(frames: readonly Frame[]): boolean {
      let out: Frame[] = []
      for (let frame of frames) {
        if (frame.f === 'leave') {
          let left = rooms.leave(OWN, frame.room)
          out.push(...left.up)
          continue
        }
        let translated = translate(OWN, frame)
        if (translated) out.push(translated)
      }
      return out.length ? up(out) : welcome !== null
    },
    received,
    /** `isResumed`: the session is one that this tab had, or followed. */
    welcomed(frame: WelcomeFrame, isResumed: boolean): void {
      rooms.clear()
      welcome = frame
      isInherited = isResumed
    },
    /** The connection is gone, or is not this tab's to share any more. */
    dropped: shutAll,
    hear(m: TabMessage): void {
      if (m.t === 'open') open(m.l)
      else if (m.t === 'close') drop(m.l)
      else if (m.t === 'up') {
        let link = links.get(m.l)
        if (!link || m.u <= link.u) return
        if (m.u > link.u + 1) {
          drop(m.l)
          post({ t: 'shut', term: term(), l: m.l })
          return
        }
        link.u = m.u
        for (let frame of decode(m.text).frames) if (links.has(m.l)) take(m.l, frame as Frame)
      }
    }
  }
}
