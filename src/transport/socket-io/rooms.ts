// The rooms of one link: enters them at the backend, answers the joins of the client's tabs, and finds for each event of the
// backend the room that it is about.

import type { DownFrame, FrameOf } from '../../protocol/frames.js'
import type { Answer, ReadAnswer } from './answer.js'
import { createPlace, type Place } from './place.js'
import { createRoomLog, type RoomLog } from './room-log.js'
import type { Spaces } from './spaces.js'
import {
  type About,
  type DownEntry,
  type Emission,
  type EventEntry,
  fields,
  type JoinedTable,
  type MemberEntry,
  type Payload,
  type RoomEntry,
  splitRoom
} from './table.js'

type Join = FrameOf<'join'>

export interface RoomsPorts {
  readonly table: JoinedTable
  /** The namespace of entries that name none. */
  readonly namespace: string
  readonly user: string
  readonly platform: string | undefined
  readonly sid: string
  readonly spaces: Spaces
  /** By room; they outlive a link. */
  readonly logs: Map<string, RoomLog>
  readonly read: ReadAnswer
  readonly now: () => number
  readonly newId: () => string
  readonly send: (...frames: DownFrame[]) => void
  readonly isOver: () => boolean
  /** The backend said something that the table cannot read. */
  readonly warn: (problem: string, detail?: unknown) => void
}

/** How long a room that could not be entered is left alone, in milliseconds. */
const AGAIN = 2000

interface Seat {
  readonly place: Place
  readonly entries: readonly RoomEntry[]
  /** Joins that wait for the backend's answer. */
  waiting: Join[]
  self: unknown
}

export type Rooms = ReturnType<typeof createRooms>

export function createRooms(ports: RoomsPorts) {
  let { table, user, sid, spaces, logs, now, send, warn } = ports
  let seats = new Map<string, Seat>()

  let spaceOf = (entry: { readonly namespace?: string }): string => entry.namespace ?? ports.namespace

  // --- entering ---

  function join(frame: Join): void {
    let { room } = frame
    let seat = seats.get(room)
    if (!seat) {
      let { kind, id } = splitRoom(room, table.rooms)
      let entries = table.rooms.get(kind) ?? []
      if (!entries.length) {
        refuse([frame], { code: 'unknown-room', message: `The event table has no rooms like «${room}».` })
        return
      }
      let log = logs.get(room) ?? createRoomLog(room, ports.newId)
      logs.set(room, log)
      let about: About = { room, id, user }
      let place = createPlace({ about, kind, log, now, newId: ports.newId, send })
      seat = { place, entries, waiting: [], self: undefined }
      seats.set(room, seat)
      void enter(seat)
    }
    if (frame.presence !== undefined) say(seat, frame.presence)
    seat.waiting.push(frame)
    if (seat.place.isEntered) answer(seat)
  }

  async function enter(seat: Seat): Promise<void> {
    let { place, entries } = seat
    let { room } = place.about
    let past: [EventEntry, Payload][] | null = null
    let news: [EventEntry, Payload][] = []
    let there: MemberEntry[] = []
    let missing = 0
    for (let entered of await Promise.all(entries.map(entry => enterBy(entry, place.about)))) {
      if (ports.isOver() || seats.get(room) !== seat) return
      if (entered === 'missing') missing++
      else if ('code' in entered) {
        giveUp(seat, entered)
        return
      } else {
        if (entered.past) past = [...(past ?? []), ...entered.past]
        news.push(...entered.news)
        there.push(...entered.there)
      }
    }
    if (missing === entries.length) {
      giveUp(seat, { code: 'no-namespace', message: 'The backend has no namespace for this room.' })
      return
    }
    let from = seat.waiting.find(frame => !frame.only)
    if (past) place.log.restart()
    else if (!place.log.isEmpty) place.log.broken()
    else if (from) place.log.adopt(positionOf(from))
    place.entered(past ?? [], there)
    answer(seat)
    for (let [entry, payload] of news) place.event(entry, payload)
    place.release()
    if (seat.self !== undefined) say(seat, seat.self)
  }

  /** One way into a room: what it tells, or why not. */
  async function enterBy(
    entry: RoomEntry,
    about: About
  ): Promise<
    | 'missing'
    | { code: string; message?: string; after?: number }
    | {
        past: [EventEntry, Payload][] | undefined
        news: [EventEntry, Payload][]
        there: readonly MemberEntry[]
      }
  > {
    let name = spaceOf(entry)
    let opened = await spaces.open(name)
    if (opened.kind === 'missing') return 'missing'
    if (opened.kind === 'lost') return { code: 'network', after: AGAIN }
    if (opened.kind === 'denied') return { code: opened.code, message: opened.message }
    if (!entry.join) return { past: undefined, news: [], there: [] }
    let asked = await spaces.ask(name, entry.join(about))
    // What only tells the news is done without.
    if (asked === 'time' && entry.news) return { past: undefined, news: [], there: [] }
    if (typeof asked === 'string') return { code: asked === 'time' ? 'timeout' : 'network', after: AGAIN }
    let answer = ports.read(asked)
    if (!answer.ok) return answer
    // By the convention of Node, what went wrong comes first: then the answer is the second.
    let told = asked[0] ?? asked[1]
    try {
      let read = ({ event, payload }: Emission) => eventsOf(name, event, fields(payload))
      let past = entry.history?.(told, about)?.flatMap(read)
      return { past, news: (entry.news?.(told, about) ?? []).flatMap(read), there: entry.members?.(told, about) ?? [] }
    } catch (error) {
      warn(`The answer to the join of ${about.room} cannot be read.`, error)
      return { past: undefined, news: [], there: [] }
    }
  }

  function eventsOf(name: string, event: string, payload: Payload): [EventEntry, Payload][] {
    let entries = table.down.get(name)?.get(event) ?? []
    return entries.flatMap(entry => ('is' in entry ? [[entry, payload] as [EventEntry, Payload]] : []))
  }

  function refuse(
    frames: readonly Join[],
    { code, message, after }: { code: string; message?: string | undefined; after?: number | undefined }
  ): void {
    for (let { room, ref } of frames) {
      let more = { ...(after === undefined ? {} : { after }), ...(message === undefined ? {} : { message }) }
      send({ f: 'nack', room, ref, code, final: after === undefined, ...more })
    }
  }

  function giveUp(
    seat: Seat,
    why: Exclude<Answer, { ok: true }> | { code: string; message?: string; after?: number }
  ): void {
    seats.delete(seat.place.about.room)
    refuse(seat.waiting, why)
  }

  function answer(seat: Seat): void {
    let { place } = seat
    let { room } = place.about
    for (let frame of seat.waiting.splice(0)) {
      if (!frame.only && place.log.isEmpty) place.log.adopt(positionOf(frame))
      let { joined, frames } = place.log.answer(frame.ref, positionOf(frame))
      let me = { user, ...(ports.platform ? { platform: ports.platform } : {}), data: seat.self ?? {}, at: now() }
      let marks = { marksEpoch: '-', marks: {} }
      if (frame.only) {
        let { epoch, offset } = place.log.position
        send({
          f: 'joined',
          ref: frame.ref,
          room,
          epoch: epoch || '-',
          offset,
          recovered: 'new',
          snapshot: false,
          ...marks
        })
      } else {
        let here = { members: { [sid]: me, ...place.members() }, version: place.version }
        send({ f: 'joined', ...joined, ...marks, ...here }, ...frames)
      }
    }
  }

  // --- what the backend says ---

  function hear(name: string, event: string, payload: Payload): void {
    for (let entry of table.down.get(name)?.get(event) ?? []) {
      try {
        take(entry, payload)
      } catch (error) {
        warn(`«${event}» of ${name} cannot be read.`, error)
      }
    }
  }

  function take(entry: DownEntry, payload: Payload): void {
    if ('problem' in entry) {
      let { code, message } = entry.problem(payload)
      warn(code, message)
      return
    }
    let id = entry.room?.(payload)
    let alike = [...seats.values()].flatMap(({ place }) => (place.kind === entry.kind ? [place] : []))
    let places = id === undefined ? alike : alike.filter(place => place.about.id === id)
    // Without a room in the payload it can only be about the one that there is.
    if (places.length > 1 && !entry.everywhere) {
      warn(`«${entry.event}» names no room, and ${places.length} may be meant.`, payload)
      return
    }
    for (let place of places) {
      if ('is' in entry) place.event(entry, payload)
      else place.member(entry, payload)
    }
  }

  // --- what this user says of itself ---

  function say(seat: Seat, self: unknown): void {
    seat.self = self
    if (!seat.place.isEntered) return
    seat.place.self(sid, self)
    for (let entry of seat.entries) {
      let emission = entry.presence?.(fields(self), seat.place.about)
      if (emission) spaces.tell(spaceOf(entry), emission)
    }
  }

  return {
    join,
    hear,
    place: (room: string): Place | undefined => seats.get(room)?.place,
    leave(room: string): void {
      let seat = seats.get(room)
      if (!seat) return
      seats.delete(room)
      logs.delete(room)
      for (let entry of seat.entries) {
        let emission = entry.leave?.(seat.place.about)
        if (emission) spaces.tell(spaceOf(entry), emission)
      }
    },
    presence(frame: FrameOf<'presence'>): void {
      let seat = seats.get(frame.room)
      if (!seat) return
      if (frame.self !== undefined) say(seat, frame.self ?? {})
      if (!frame.sync) return
      let { place } = seat
      let me = { user, data: seat.self ?? {}, at: now() }
      send({ f: 'presence', room: frame.room, version: place.version, full: { [sid]: me, ...place.members() } })
    },
    /** What came in of a room while this page was there; a backend has no log to ask. */
    fetch({ ref, room, before = Infinity, limit }: FrameOf<'fetch'>): void {
      let events = logs.get(room)?.before(before, limit) ?? []
      send({ f: 'page', ref, events: [...events], done: true })
    },
    /** The backend put us out of a namespace: its rooms are entered anew. */
    spaceLost(name: string): void {
      for (let { place, entries } of [...seats.values()]) {
        if (!entries.some(entry => spaceOf(entry) === name)) continue
        let { room } = place.about
        seats.delete(room)
        send({ f: 'gap', room, ...place.log.position })
      }
    },
    positions: (): Record<string, [string, number]> =>
      Object.fromEntries(
        [...seats.values()].flatMap(({ place }) => {
          let { epoch, offset } = place.log.position
          return place.isEntered && epoch ? [[place.about.room, [epoch, offset]]] : []
        })
      )
  }
}

function positionOf({ epoch, offset }: Join): { epoch: string; offset: number } | null {
  return epoch !== undefined && offset !== undefined ? { epoch, offset } : null
}
