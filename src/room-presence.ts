// Who is in a room, and what this connection says of itself. Sent at most ten times a second; the newest counts.

import { atom, type ReadableAtom } from 'nanostores'
import { EMPTY_ROSTER, type Roster, stepRoster } from './core/presence.js'
import type { Clock, Stop } from './ports.js'
import type { Frame, Member, PresenceFrame } from './protocol/frames.js'

export interface RoomPresence {
  /** Everyone in the room, by connection. */
  readonly $roster: ReadableAtom<Roster>
  /** Replaces what this connection says of itself. */
  set(data: Readonly<Record<string, unknown>>): void
}

const INTERVAL = 100

export interface PresenceKeeper extends RoomPresence {
  /** What this connection says of itself, if anything. */
  readonly self: Readonly<Record<string, unknown>> | undefined
  take(frame: Pick<PresenceFrame, 'version' | 'full' | 'joined' | 'updated' | 'left'>): void
  close(): void
}

export function createPresence(ports: {
  room: string
  clock: Clock
  send: (frames: readonly Frame[]) => boolean
  told: (type: 'memberJoined' | 'memberLeft', member: Member) => void
}): PresenceKeeper {
  let { room, clock, send, told } = ports
  let $roster = atom<Roster>(EMPTY_ROSTER)
  let self: Readonly<Record<string, unknown>> | undefined
  let pause: Stop | null = null

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
      self = data
      if (!pause) flush()
    },
    take(frame) {
      let next = stepRoster($roster.get(), frame)
      if (next.resync) send([{ f: 'presence', room, sync: true }])
      if (next.roster !== $roster.get()) $roster.set(next.roster)
      for (let member of next.joined) told('memberJoined', member)
      for (let member of next.left) told('memberLeft', member)
    },
    close: () => pause?.()
  }
}
