// A room as one link has it: where its events are numbered, who is there, and which actions wait for their answer. Reads the
// events of the backend with the table. Knows nothing of sockets.

import type { DownFrame, EventFrame, Member } from '../../protocol/frames.js'
import type { Incoming, RoomLog } from './room-log.js'
import {
  type About,
  type AboutEvent,
  type EventEntry,
  fields,
  type MemberEntry,
  type Payload,
  type PresenceEntry
} from './table.js'

/** An action that was handed to the backend. */
export interface Flight {
  readonly id: string
  /** `feature/type` */
  readonly is: string
  /** It becomes an event itself, before all that comes while it is under way: that may be what followed from it. */
  readonly isFirst: boolean
  /** The backend has taken it, perhaps under an id of its own. */
  answer: { readonly id?: string } | null
  /** Its event is there. */
  echoed: () => void
}

export interface PlacePorts {
  readonly about: About
  readonly kind: string
  readonly log: RoomLog
  readonly now: () => number
  readonly newId: () => string
  /** To the client. */
  readonly send: (frame: DownFrame) => void
}

export type Place = ReturnType<typeof createPlace>

export function createPlace({ about: here, kind, log, now, newId, send }: PlacePorts) {
  let { room, user } = here
  let about: AboutEvent = { ...here, notes: new Map() }
  let flights = new Set<Flight>()
  /** Events that came before their time. */
  let held: (() => void)[] = []
  let isEntered = false
  let members = new Map<string, Member>()
  let version = 0

  function tell(event: Incoming, isSilent = false): EventFrame | null {
    let frame = log.append(event)
    if (frame && !isSilent) send(frame)
    return frame
  }

  function hold(work: () => void): boolean {
    let isEarly = !isEntered || held.length > 0 || [...flights].some(flight => flight.isFirst)
    if (isEarly) held.push(work)
    return isEarly
  }

  function release(): void {
    let all = held
    held = []
    for (let work of all) work()
  }

  // --- events ---

  function read(entry: EventEntry, payload: Payload, at: number): Incoming | null {
    let data = entry.data(payload, about)
    if (data === undefined) return null
    let slash = entry.is.indexOf('/')
    let action = entry.action?.(payload, about)
    return {
      feature: entry.is.slice(0, slash),
      type: entry.is.slice(slash + 1),
      data,
      id: entry.id?.(payload, about)?.slice(0, 64) || newId(),
      by: entry.by?.(payload, about) ?? 'app',
      at: entry.at?.(payload, about) ?? at,
      ...(action ? { pushed: action.slice(0, 64) } : {})
    }
  }

  /** Which of the actions under way this event is the effect of; `wait` where only its answer will tell. */
  function flightOf(is: string, { by, id, pushed }: Incoming): Flight | 'wait' | null {
    let all = [...flights]
    if (pushed !== undefined) return all.find(flight => flight.id === pushed) ?? null
    if (by !== user) return null
    let like = all.filter(flight => flight.is === is)
    let named = like.find(({ answer }) => answer?.id === id)
    if (named) return named
    if (like.some(({ answer }) => answer === null)) return 'wait'
    return like.find(({ answer }) => answer && answer.id === undefined) ?? null
  }

  function take(entry: EventEntry, event: Incoming): void {
    let flight = flightOf(entry.is, event)
    if (flight === 'wait') {
      held.push(() => retake(entry, event))
      return
    }
    tell(flight ? { ...event, pushed: flight.id } : event)
    flight?.echoed()
  }

  function retake(entry: EventEntry, event: Incoming): void {
    if (!hold(() => retake(entry, event))) take(entry, event)
  }

  // --- members ---

  function keyOf(name: string): string {
    return `~${name}`.slice(0, 64)
  }

  function change(kind: 'joined' | 'updated', name: string, data: unknown): void {
    let key = keyOf(name)
    let before = members.get(key)
    let member = { user: name, data: { ...fields(before?.data), ...fields(data) }, at: now() }
    members.set(key, member)
    send({ f: 'presence', room, version: ++version, [before ? 'updated' : kind]: { [key]: member } })
  }

  return {
    about,
    kind,
    log,
    flights,
    get isEntered(): boolean {
      return isEntered
    },
    get version(): number {
      return version
    },
    members: (): Record<string, Member> => Object.fromEntries(members),
    /** The backend has let us in: what it told of the past, and what came meanwhile, is told. */
    entered(past: readonly (readonly [EventEntry, Payload])[], there: readonly MemberEntry[]): void {
      for (let [entry, payload] of past) {
        let event = entry.seconds === undefined ? read(entry, payload, now()) : null
        if (event) tell(event, true)
      }
      members = new Map(
        there
          .filter(member => member.user !== user)
          .map(({ user, data }) => [keyOf(user), { user, data: fields(data), at: now() }])
      )
      isEntered = true
    },
    release,

    event(entry: EventEntry, payload: Payload): void {
      let at = now()
      let event = read(entry, payload, at)
      if (!event) return
      let { pushed: _, id, ...rest } = event
      // What is never stored waits for nothing; one's own is shown already.
      if (entry.seconds !== undefined) {
        if (isEntered && event.by !== user) send({ f: 'cast', room, ttl: entry.seconds, id, ...rest })
      } else retake(entry, event)
    },
    /** The backend has taken an action whose event does not come: it is made of the action itself. */
    tell: (event: Incoming): void => void tell(event),

    member(entry: PresenceEntry, payload: Payload): void {
      let name = entry.user(payload, about)
      if (name === undefined || name === user) return
      let work = (): void => {
        let key = keyOf(name)
        if (entry.member === 'left') {
          if (members.delete(key)) send({ f: 'presence', room, version: ++version, left: [key] })
        } else if (entry.member === 'joined' || members.has(key))
          change(entry.member, name, entry.data?.(payload, about))
      }
      if (!isEntered) held.push(work)
      else work()
    },
    /** What this user says of itself is told to its own tabs. */
    self(key: string, data: unknown): void {
      let member = { user, data, at: now() }
      send({ f: 'presence', room, version: ++version, updated: { [key]: member } })
    }
  }
}
