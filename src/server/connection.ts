// One connection from its first frame to its end: who it is, that it is alive, that it behaves. What concerns rooms goes on
// to traffic.ts.

import { RealtimeError } from '../errors.js'
import type { Random, Stop } from '../ports.js'
import { decode } from '../protocol/codec.js'
import { type Frame, type FrameOf, PROTOCOL_VERSION } from '../protocol/frames.js'
import type { Herd } from './herd.js'
import { longerThan } from './limits.js'
import { type Authenticate, type Identity, type Revoke, refusalOfThrown } from './policy.js'
import type { Link } from './seat.js'
import type { Sessions } from './sessions.js'
import { createTraffic, type Traffic, type TrafficParts } from './traffic.js'
import { createWriter, type Peer } from './writer.js'

export interface ConnectionParts extends TrafficParts {
  readonly random: Random
  readonly authenticate: Authenticate
  readonly revoke: Revoke | undefined
  readonly sessions: Sessions
  readonly herd: Herd
  /** Counts revocations: what was asked before one may not be true after it. */
  revocations(): number
}

/** Who is connected, and where. */
export interface Session {
  /** The id of the connection, as in presence; a client that comes back within the grace keeps it. */
  readonly sid: string
  readonly user: string
  readonly app: string
  /** What the client says it runs on. */
  readonly platform: string | null
  /** When this connection was welcome, in milliseconds since 1970. */
  readonly since: number
  /** The rooms that it is in. */
  readonly rooms: readonly string[]
}

/** Why the server ends a connection: the code of `bye`, and the close code of the transport. */
const ENDINGS = {
  hello: { close: 4400, final: true, retry: false },
  version: { close: 4410, final: true, retry: false },
  'bad-frames': { close: 4400, final: false, retry: true },
  'too-large': { close: 4413, final: false, retry: true },
  'rate-limited': { close: 4429, final: false, retry: true },
  slow: { close: 4429, final: false, retry: true },
  timeout: { close: 4408, final: false, retry: true },
  replaced: { close: 4409, final: true, retry: false },
  unauthorized: { close: 4401, final: true, retry: false },
  'wrong-user': { close: 4401, final: true, retry: false },
  revoked: { close: 4403, final: true, retry: false },
  expired: { close: 4401, final: false, retry: false },
  busy: { close: 4503, final: false, retry: true },
  restart: { close: 4503, final: false, retry: true }
} as const
export type Ending = keyof typeof ENDINGS

export interface Connection {
  /** Who it is, once that is known. */
  session(): Session | null
  receive(text: string): void
  /** The transport has closed; 1000 means that the peer meant to leave. */
  closed(code?: number): void
  /** Says `bye` and closes. */
  end(ending: Ending, why?: string): void
}

const CLEAN = 1000
/** Seconds before the expiry of an identity at which the client is asked to renew it, at most. */
const RENEW_AHEAD = 60
/** Seconds after which a client may try to renew again, when the answer could not be had. */
const RENEW_AGAIN = 5

export function createConnection(peer: Peer, parts: ConnectionParts, ended: () => void): Connection {
  let { clock, limits, counts, report } = parts
  let writer = createWriter(peer, clock, limits, counts)
  /** The window that the peer was told last. */
  let retry: readonly [number, number] = [0, 0]
  let state: 'hello' | 'asking' | 'open' | 'ended' = 'hello'
  let held: Frame[] = []
  let badFrames = 0
  let heardAt = clock.mono()
  let hello: FrameOf<'hello'> | null = null
  let link: Link | null = null
  let since = 0
  let traffic: Traffic | null = null
  let asked = 0
  /** The one that was handed in last. */
  let token: string | undefined
  let stopHandshake: Stop = clock.after(limits.handshake, () => end('timeout', 'no hello'))
  let stopBeat: Stop = () => {}
  let stopExpiry: Stop = () => {}
  let endMe = () => end('replaced')

  function bad(why: string): void {
    counts.badFrames++
    report('warn', 'bad-frame', { user: link?.user, why })
    if (++badFrames > limits.badFrames) end('bad-frames', why.slice(0, 200))
  }

  function receive(text: string) {
    if (state === 'ended') return
    heardAt = clock.mono()
    if (text === 'ping') return peer.send('pong')
    if (longerThan(text, limits.max)) return end('too-large', `a message takes ${limits.max} bytes`)
    if (peer.buffered() > limits.highWater * 4) return end('slow')
    let { frames, bad: problems } = decode(text)
    counts.bytesIn += text.length
    counts.framesIn += frames.length
    if (state === 'hello' && frames.length === 0 && problems.length > 0) {
      counts.badFrames += problems.length
      return end('hello', problems[0])
    }
    for (let problem of problems) bad(problem)
    for (let frame of frames) handle(frame)
  }

  function handle(frame: Frame) {
    if (state === 'ended') return
    if (state === 'hello') return frame.f === 'hello' ? greet(frame) : end('hello', `the first frame was «${frame.f}»`)
    if (state === 'asking') {
      if (held.length < limits.window.count) held.push(frame)
      else end('rate-limited', 'too much before welcome')
      return
    }
    switch (frame.f) {
      case 'join':
      case 'leave':
      case 'cast':
      case 'presence':
      case 'fetch':
        return traffic?.take(frame)
      case 'push':
        if (link && link.waiting > limits.window.count * 4)
          return end('rate-limited', 'far more actions than the window takes')
        return traffic?.take(frame)
      case 'auth':
        return renew(frame.token)
      case 'bye':
        return logout()
      case 'ping':
        return writer.frame({ f: 'pong', x: frame.x, now: clock.now() })
      case 'pong':
        return
      default:
        bad(`«${frame.f}» is not for the server`)
    }
  }

  function greet(frame: FrameOf<'hello'>) {
    if (frame.v !== PROTOCOL_VERSION) return end('version', `this server speaks version ${PROTOCOL_VERSION}`)
    state = 'asking'
    hello = frame
    token = frame.token
    identify(frame.token, frame.user, identity => welcome(frame, identity))
  }

  /** Asks who this is; only the newest question counts. A token without a user to compare says itself who it is. */
  function identify(token: string | undefined, user: string | undefined, call: (identity: Identity) => void): void {
    let question = ++asked
    let revocations = parts.revocations()
    let { app = '', platform } = hello ?? {}
    Promise.resolve()
      .then(() => parts.authenticate({ token, user, app, platform, peer: peer.info ?? {} }))
      .then(identity => {
        if (typeof identity?.user !== 'string' || identity.user === '' || identity.user.length > 256) {
          throw new RealtimeError('bad-argument', 'authenticate must return a user of 1 to 256 characters', {
            retryable: true
          })
        }
        return identity
      })
      .then(
        identity => {
          if (state === 'ended' || question !== asked) return
          // Somebody was put out while the app looked: it may have looked too early.
          if (revocations !== parts.revocations()) return identify(token, user, call)
          if (user !== undefined && identity.user !== user) return end('wrong-user', 'the token is of another user')
          // Clocks differ and messages take their time: what ran out just now is still good, what ran out before is not.
          if ((identity.expiresIn ?? 0) * 1000 <= -limits.tokenGrace)
            return end('unauthorized', 'the token has expired')
          call(identity)
        },
        error => {
          if (state === 'ended' || question !== asked) return
          let { code, final, message } = refusalOfThrown(error, { code: 'busy', final: false })
          if (!final) report('error', 'authenticate-failed', { error })
          if (final) bye('unauthorized', code, message)
          else if (state === 'open') writer.frame({ f: 'reauth', within: RENEW_AGAIN, why: 'busy' })
          else end('busy', 'the identity could not be checked')
        }
      )
  }

  function welcome(frame: FrameOf<'hello'>, { user, claims, expiresIn }: Identity): void {
    let { app, cid, gen, platform } = frame
    stopHandshake()
    let client = JSON.stringify([user, cid])
    let sid = parts.sessions.enter(frame.sid, client, endMe)
    state = 'open'
    link = { sid, client, cid, user, app, platform, gen, writer, claims, open: true, waiting: 0 }
    traffic = createTraffic(link, parts, bad)
    let { heartbeat, max, window } = limits
    retry = parts.herd.window()
    let terms = { heartbeat, max, window, retry, ...lifetime(expiresIn) }
    writer.frame({ f: 'welcome', v: PROTOCOL_VERSION, sid, user, ...terms, caps: ['marks'], now: clock.now() })
    watchExpiry(expiresIn)
    since = clock.now()
    let before = clock.mono()
    stopBeat = clock.after(heartbeat, () => beat(before))
    let frames = held
    held = []
    for (let next of frames) handle(next)
  }

  /** The user ends the session: its presence goes at once, and its token opens nothing any more. */
  function logout(): void {
    if (!link) return
    let { user, app, claims } = link
    Promise.resolve()
      .then(() => parts.revoke?.({ user, app, claims, token }))
      .catch(error => report('error', 'revoke-failed', { user, error }))
    over('now')
    peer.close(CLEAN, 'logout')
  }

  function renew(fresh: string): void {
    let known = link
    if (!known) return
    identify(fresh, known.user, identity => {
      token = fresh
      known.claims = identity.claims
      watchExpiry(identity.expiresIn)
      writer.frame({ f: 'authed', ...lifetime(identity.expiresIn) })
    })
  }

  function lifetime(seconds: number | undefined): { expiresIn?: number } {
    return seconds === undefined ? {} : { expiresIn: Math.max(0, seconds) }
  }

  function watchExpiry(seconds: number | undefined): void {
    stopExpiry()
    if (seconds === undefined) return
    let within = Math.max(0, Math.min(RENEW_AHEAD, seconds / 2))
    stopExpiry = clock.after((seconds - within) * 1000, () => {
      writer.frame({ f: 'reauth', within, why: 'expires' })
      let left = Math.min(within, seconds) * 1000 + limits.tokenGrace
      stopExpiry = clock.after(left, () => end('expired'))
    })
  }

  /** `before`: when the last beat was. A beat that comes far too late means that this process slept, not the peer. */
  function beat(before: number) {
    let now = clock.mono()
    if (now - before > limits.heartbeat * 2) heardAt = now
    if (now - heardAt >= limits.heartbeat * 3) return end('timeout', 'silent')
    if (peer.buffered() > limits.highWater * 4) return end('slow')
    let window = parts.herd.window()
    let told = window[1] === retry[1] ? {} : { retry: window }
    retry = window
    writer.frame({ f: 'ping', x: now, now: clock.now(), rooms: traffic?.positions() ?? {}, ...told } as FrameOf<'ping'>)
    stopBeat = clock.after(limits.heartbeat, () => beat(now))
  }

  function end(ending: Ending, why?: string): void {
    bye(ending, ending, why)
  }

  function bye(ending: Ending, code: string, why: string | undefined): void {
    if (state === 'ended') return
    let { close, final, retry } = ENDINGS[ending]
    writer.frame({ f: 'bye', code, final, ...(retry ? { retry: parts.herd.window() } : {}), ...(why ? { why } : {}) })
    writer.flush()
    over(ending === 'revoked' ? 'now' : 'grace')
    peer.close(close, code)
  }

  function over(presence: 'now' | 'grace'): void {
    if (state === 'ended') return
    state = 'ended'
    stopHandshake()
    stopBeat()
    stopExpiry()
    writer.close()
    if (link) {
      link.open = false
      traffic?.close(presence)
      if (presence === 'grace') parts.sessions.leave(link.sid, endMe)
      else parts.sessions.forget(link.sid, endMe)
    }
    ended()
  }

  return {
    session() {
      if (!link || !traffic) return null
      let { sid, user, app, platform = null } = link
      return { sid, user, app, platform, since, rooms: traffic.rooms() }
    },
    receive,
    closed: code => over(code === CLEAN ? 'now' : 'grace'),
    end
  }
}
