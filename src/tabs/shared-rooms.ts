// Which tab holds which room of the one connection, under which numbers it asked, and what it last said of itself. Pure
// bookkeeping: what the server must be told is returned.

import type { CastFrame, DownFrame, EventFrame, Frame, FrameOf } from '../protocol/frames.js'

/** The leading tab itself, among the links. */
export const OWN = ''

/** A presence or a join may tell when the tab said this of itself: after a change of the leader the newest still counts. */
export interface Said {
  readonly said?: number
}

interface Hold {
  /** The numbers of its newest join: on the wire, and its own. */
  readonly ref: number
  /** From where its join goes on; null for the whole state. */
  readonly from: { readonly epoch: string; readonly offset: number } | null
  /** Only marks are wanted. */
  readonly isSilent: boolean
  /** Its join was answered. */
  isLive: boolean
  self: unknown
  said: number
}

interface SharedRoom {
  readonly holds: Map<string, Hold>
  /** The newest event that went to every tab. */
  epoch: string | null
  tip: number
  /** The presence that the server has of this connection, as JSON. */
  told: string | undefined
  /** Who joined last, and so gets the casts that are kept. */
  newest: string
  /** By key, what was cast last. */
  casts: Map<string, string>
}

interface Asked {
  readonly l: string
  readonly theirs: number
  readonly room: string
}

/** Casts that are remembered of a room; with more, all are forgotten. */
const MOST_CASTS = 1000

export type SharedRooms = ReturnType<typeof createSharedRooms>

export function createSharedRooms(nextRef: () => number) {
  let rooms = new Map<string, SharedRoom>()
  let asked = new Map<number, Asked>()
  let gap: { not: string; frame: DownFrame } | null = null

  function roomOf(name: string): SharedRoom {
    let room = rooms.get(name)
    if (!room) {
      room = { holds: new Map(), epoch: null, tip: 0, told: undefined, newest: OWN, casts: new Map() }
      rooms.set(name, room)
    }
    return room
  }

  /** The numbers of this tab's own questions go up as they are. */
  function number(l: string, { ref, room }: { ref: number; room: string }): number {
    let mine = l === OWN ? ref : nextRef()
    asked.set(mine, { l, theirs: ref, room })
    return mine
  }

  /** What the connection says of itself, when the server does not know it yet. */
  function news(room: SharedRoom): { readonly self: unknown } | null {
    let latest: Hold | null = null
    for (let hold of room.holds.values()) if (hold.self !== undefined && hold.said >= (latest?.said ?? 0)) latest = hold
    // Nobody who is left has said anything: what the one who went had said is taken back.
    if (!latest && room.told === undefined) return null
    let self = latest ? latest.self : null
    let text = JSON.stringify(self)
    if (text === room.told) return null
    room.told = text
    return { self }
  }

  function othersLive(room: SharedRoom, l: string): Hold[] {
    return [...room.holds].flatMap(([name, hold]) => (name !== l && !hold.isSilent && hold.isLive ? [hold] : []))
  }

  return {
    clear(): void {
      rooms.clear()
      asked.clear()
      gap = null
    },
    /** The rooms of a link. */
    of: (l: string): string[] => [...rooms].flatMap(([name, { holds }]) => (holds.has(l) ? [name] : [])),
    /** Whether another tab than this one may want some of these frames. */
    anyOf: (frames: readonly DownFrame[]): boolean =>
      frames.some(frame => {
        let room = 'room' in frame && frame.room !== undefined ? rooms.get(frame.room) : null
        if (room === null) return true
        for (let l of room?.holds.keys() ?? []) if (l !== OWN) return true
        return false
      }),

    join(l: string, frame: FrameOf<'join'> & Said): Frame {
      let { only, done, presence, said = 0, epoch, offset, ...rest } = frame
      let room = roomOf(frame.room)
      let before = room.holds.get(l)
      if (before) asked.delete(before.ref)
      let ref = number(l, frame)
      let from = epoch !== undefined && offset !== undefined ? { epoch, offset } : null
      let self = presence ?? before?.self
      let isSilent = only === true
      let isShared = [...room.holds].some(([name, hold]) => name !== l && !hold.isSilent)
      // For its marks alone this tab must not end what the others get: it joins where they are.
      let isHidden = isSilent && isShared
      if (isHidden && room.epoch !== null) from = { epoch: room.epoch, offset: room.tip }
      room.holds.set(l, {
        ref,
        from,
        isSilent,
        isLive: false,
        self,
        said: presence === undefined ? (before?.said ?? 0) : said
      })
      let fresh = news(room)
      return {
        ...rest,
        ref,
        ...from,
        ...(isSilent && !isShared ? { only } : {}),
        // Which answers are settled, only the one who sends can tell.
        ...(l === OWN && done ? { done } : {}),
        ...(fresh ? { presence: fresh.self } : {})
      }
    },

    /** `isOrphaned`: the connection left it although the sender still needs it. */
    leave(l: string, name: string): { readonly up: readonly Frame[]; readonly isOrphaned: boolean } {
      let room = rooms.get(name)
      let hold = room?.holds.get(l)
      if (!room || !hold) return { up: [], isOrphaned: false }
      asked.delete(hold.ref)
      room.holds.delete(l)
      if ([...room.holds.values()].some(other => !other.isSilent)) {
        let fresh = news(room)
        return { up: fresh ? [{ f: 'presence', room: name, self: fresh.self }] : [], isOrphaned: false }
      }
      let isOrphaned = room.holds.size > 0
      for (let { ref } of room.holds.values()) asked.delete(ref)
      rooms.delete(name)
      return { up: [{ f: 'leave', room: name }], isOrphaned }
    },

    presence(l: string, { f, room: name, self, sync, said = 0 }: FrameOf<'presence'> & Said): Frame | null {
      let room = rooms.get(name)
      let hold = room?.holds.get(l)
      if (!room || !hold) return null
      if (self !== undefined) Object.assign(hold, { self, said })
      let fresh = news(room)
      if (!fresh && !sync) return null
      return { f, room: name, ...(fresh ?? {}), ...(sync ? { sync } : {}) }
    },

    /** A resumed session still shows what a tab said that is gone: in rooms where nobody says anything now, it is taken back. */
    takeBack: (): Frame[] =>
      [...rooms].flatMap(([name, room]) => {
        if (room.told !== undefined || ![...room.holds.values()].some(hold => !hold.isSilent && hold.isLive)) return []
        room.told = 'null'
        return [{ f: 'presence', room: name, self: null }]
      }),

    ask: (l: string, frame: FrameOf<'fetch'>): Frame => ({ ...frame, ref: number(l, frame) }),

    /** Whom an answer is for. Null when nobody waits for it. */
    answer(frame: FrameOf<'joined'> | FrameOf<'snapshot'> | FrameOf<'page'> | FrameOf<'nack'>): Asked | null {
      let question = frame.ref === undefined ? undefined : asked.get(frame.ref)
      if (!question) return null
      let { l, room: name } = question
      let room = rooms.get(name)
      let hold = room?.holds.get(l)
      let isJoin = hold?.ref === frame.ref
      if (frame.f === 'page' || (frame.f === 'nack' && !isJoin)) asked.delete(frame.ref as number)
      if (!room || !hold || !isJoin) return question
      let others = othersLive(room, l)
      if (frame.f === 'joined') {
        let isSame = room.epoch === frame.epoch
        let from = frame.recovered === 'all' && hold.from ? hold.from.offset : frame.offset
        if (others.length && !(isSame && from <= room.tip))
          gap = { not: l, frame: { f: 'gap', room: name, epoch: frame.epoch, offset: frame.offset } }
        room.epoch = frame.epoch
        room.tip = isSame ? Math.max(room.tip, frame.offset) : frame.offset
        room.newest = l
        hold.isLive = true
      } else if (frame.f === 'nack') {
        // The connection has no place in the room any more: whoever had one asks for himself.
        room.told = undefined
        hold.isLive = false
        for (let other of others) other.isLive = false
        if (others.length && room.epoch !== null)
          gap = { not: l, frame: { f: 'gap', room: name, epoch: room.epoch, offset: room.tip } }
      }
      return question
    },
    /** What the other tabs must be told after an answer: that they may have missed something. */
    takeGap(): typeof gap {
      let taken = gap
      gap = null
      return taken
    },

    event({ room: name, offset }: EventFrame): void {
      let room = rooms.get(name)
      if (room) room.tip = Math.max(room.tip, offset)
    },

    /** Casts that are kept are told to every join; the tabs that had them do not hear them again. Null: for all. */
    cast({ room: name, feature, type, key, by, at, id }: CastFrame): string | null {
      let room = rooms.get(name)
      if (!room) return null
      let cell = [feature, type, key, by].join('\u0000')
      let what = `${at}/${id}`
      if (room.casts.get(cell) === what) return room.newest
      if (room.casts.size >= MOST_CASTS) room.casts.clear()
      room.casts.set(cell, what)
      return null
    }
  }
}
