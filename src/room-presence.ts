// Who is in a room, and what this connection says of itself. Sent at most ten times a second; the newest counts.

import { atom, type ReadableAtom } from 'nanostores'
import { compareRosters, EMPTY_ROSTER, type Roster, stepRoster } from './core/presence.js'
import { RealtimeError } from './errors.js'
import type { Clock, Stop } from './ports.js'
import { byteLength } from './protocol/codec.js'
import type { Frame, Member, PresenceFrame } from './protocol/frames.js'
import { check, json } from './schema.js'

export interface RoomPresence {
  /** Everyone in the room, by connection. */
  readonly $roster: ReadableAtom<Roster>
  /** Replaces what this connection says of itself: an object that survives JSON, at most 8 KiB of it. */
  set(data: Readonly<Record<string, unknown>>): void
}

const INTERVAL = 100
/** What a server takes of one connection, in bytes. */
const MAX_BYTES = 8 * 1024
/** After a reconnect others may be missing only because they have not come back yet; this long nobody is told that they left. */
const RETURN_GRACE = 8000

export interface PresenceKeeper extends RoomPresence {
  /** What this connection says of itself, if anything. */
  readonly self: Readonly<Record<string, unknown>> | undefined
  take(frame: Pick<PresenceFrame, 'version' | 'full' | 'joined' | 'updated' | 'left'>): void
  close(): void
}

/** `told` hears which users come and go, however many connections they have; oneself is not among them. */
export function createPresence(ports: {
  room: string
  me: string
  clock: Clock
  send: (frames: readonly Frame[]) => boolean
  told: (type: 'memberJoined' | 'memberLeft', member: Member) => void
  /** A listener of the app threw. */
  failed: (error: unknown) => void
}): PresenceKeeper {
  let { room, me, clock, send, told, failed } = ports
  let $roster = atom<Roster>(EMPTY_ROSTER)
  let self: Readonly<Record<string, unknown>> | undefined
  let pause: Stop | null = null
  /** Users who were not there when the full state came again, and may be on their way. */
  let missing = new Map<string, Stop>()

  function tell(before: Roster, after: Roster, isFull: boolean): void {
    let { joined, left } = compareRosters(before, after)
    for (let member of joined) {
      let wait = missing.get(member.user)
      missing.delete(member.user)
      if (wait) wait()
      else if (member.user !== me) told('memberJoined', member)
    }
    for (let member of left) {
      if (member.user === me) continue
      if (!isFull) {
        told('memberLeft', member)
        continue
      }
      let gone = (): void => {
        missing.delete(member.user)
        told('memberLeft', member)
      }
      missing.set(member.user, clock.after(RETURN_GRACE, gone))
    }
  }

  function flush(): void {
    let said = self
    // Not sent while there is no connection: then the next join carries it.
    if (said) send([{ f: 'presence', room, self: said }])
    pause = clock.after(INTERVAL, () => {
      pause = null
      if (self !== said) flush()
    })
  }

  return {
    $roster,
    get self() {
      return self
    },
    set(data) {
      self = checked(data)
      if (!pause) flush()
    },
    take(frame) {
      let before = $roster.get()
      let { roster, resync } = stepRoster(before, frame)
      if (resync) send([{ f: 'presence', room, sync: true }])
      if (roster === before) return
      try {
        $roster.set(roster)
      } catch (error) {
        failed(error)
      }
      tell(before, roster, frame.full !== undefined)
    },
    close() {
      pause?.()
      for (let wait of missing.values()) wait()
    }
  }
}

const anyJson = json()

/** A copy: what the caller does with the object afterwards changes nothing. */
function checked(data: unknown): Readonly<Record<string, unknown>> {
  let result = check(anyJson, data, 'presence')
  if (!result.ok) throw new RealtimeError('bad-argument', result.message)
  if (typeof data !== 'object' || data === null || Array.isArray(data))
    throw new RealtimeError('bad-argument', 'presence must be an object')
  let text = JSON.stringify(data)
  let bytes = byteLength(text)
  if (bytes > MAX_BYTES)
    throw new RealtimeError('bad-argument', `presence must take at most ${MAX_BYTES} bytes, has ${bytes}`)
  return JSON.parse(text)
}
