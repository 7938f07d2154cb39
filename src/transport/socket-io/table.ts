// What an event table says, and how several are joined into one: which event of a Socket.IO backend is which event of a
// feature, both ways. Features are named only, so that nobody pays for those that they do not import. Pure.

/** What the functions of a table know besides the data. */
export interface About {
  /** The room: `conversation:42`. */
  readonly room: string
  /** Its id without its kind: `42`. */
  readonly id: string
  /** This user. */
  readonly user: string
}

export interface AboutAction extends About {
  /**
   * The action's own id, the same at every repetition: a backend that takes the same one once makes of at-least-once
   * exactly once.
   */
  readonly action: string
}

/** An event of Socket.IO. */
export interface Emission {
  readonly event: string
  readonly payload: unknown
}

export interface MemberEntry {
  readonly user: string
  /** What is shown of them in the presence of the room. */
  readonly data?: unknown
}

/** How rooms of one kind are entered; their ids begin with the kind and a colon, or are the kind. */
export interface RoomEntry {
  /** `*`: rooms of which no entry names the kind. */
  readonly kind: string
  /** Default: the namespace of the connection. One that the backend does not have is left out. */
  readonly namespace?: string
  /** Sent with an acknowledgement; without it, the connection to the namespace is enough. */
  readonly join?: (about: About) => Emission
  readonly leave?: (about: About) => Emission
  /**
   * What the answer to the join tells of the past, oldest first, as if it had just come in. The state begins anew with it.
   * Undefined: nothing; then what is known here is kept, and what was missed is missing.
   */
  readonly history?: (answer: unknown, about: About) => readonly Emission[] | undefined
  /** What the answer tells of now: it comes on top of what is known, so that repeats must not count. */
  readonly news?: (answer: unknown, about: About) => readonly Emission[] | undefined
  readonly members?: (answer: unknown, about: About) => readonly MemberEntry[] | undefined
  /** What this user says of itself in the presence of such a room, where the backend is to hear it. */
  readonly presence?: (self: Readonly<Record<string, unknown>>, about: About) => Emission | undefined
}

/** How an action or a sample leaves. */
export interface UpEntry {
  readonly namespace?: string
  /** Undefined: there is nothing to tell the backend, and so the action counts as taken. */
  readonly emit: (data: never, about: AboutAction) => Emission | undefined
  /**
   * What says that the backend has taken it. `callback` (default): it acknowledges, after the effect. `echo`: its event comes
   * back. `none`: nothing does, and an action that is lost on the way is lost.
   */
  readonly ack?: 'callback' | 'echo' | 'none'
  /** Whether its author gets the event too (default). Otherwise the action itself becomes the event once it is taken. */
  readonly echo?: boolean
}

interface DownBase {
  readonly namespace?: string
  readonly event: string
  /** The kind of the rooms that it is about. */
  readonly kind: string
  /** The id without the kind. Without one, it is about the one room of its kind that is entered; with several, about none. */
  readonly room?: (payload: Payload) => string | undefined
  /** It is about every room of its kind. */
  readonly everywhere?: boolean
}

export interface AboutEvent extends About {
  /** For what a table must remember of a room while it is entered. */
  readonly notes: Map<string, unknown>
}

export type Payload = Readonly<Record<string, unknown>>

/** An event of the backend that becomes one of a feature. */
export interface EventEntry extends DownBase {
  /** `feature/type` */
  readonly is: string
  /** Undefined: not this one. Throws for what makes no sense; then it is dropped and told to `warn`. */
  readonly data: (payload: Payload, about: AboutEvent) => unknown
  /** Who did it; default: the backend itself, `app`. */
  readonly by?: (payload: Payload, about: AboutEvent) => string | undefined
  /** Its id, if it has one: what comes a second time is dropped. */
  readonly id?: (payload: Payload, about: AboutEvent) => string | undefined
  /** The action that it is the effect of, if the backend hands `about.action` back. */
  readonly action?: (payload: Payload, about: AboutEvent) => string | undefined
  /** When, in milliseconds since 1970; default: now. */
  readonly at?: (payload: Payload, about: AboutEvent) => number | undefined
  /** Never stored: shown for so many seconds, the newest of each author. */
  readonly seconds?: number
}

/** An event of the backend about who is there. */
export interface PresenceEntry extends DownBase {
  readonly member: 'joined' | 'updated' | 'left'
  readonly user: (payload: Payload, about: AboutEvent) => string | undefined
  readonly data?: (payload: Payload, about: AboutEvent) => unknown
}

/** An event of the backend that says what went wrong. */
export interface ProblemEntry {
  readonly namespace?: string
  readonly event: string
  readonly problem: (payload: Payload) => { readonly code: string; readonly message?: string }
}

export type DownEntry = EventEntry | PresenceEntry | ProblemEntry

/** How one logs in and out besides the handshake, on backends that have events for it. */
export interface SessionEntry {
  readonly namespace: string
  readonly login: (token: string) => Emission
  readonly logout?: Emission
}

/** Both directions of the conversation with a backend. */
export interface SocketIoTable {
  readonly rooms?: readonly RoomEntry[]
  /** By `feature/type`. */
  readonly up?: Readonly<Record<string, UpEntry>>
  readonly down?: readonly DownEntry[]
  readonly session?: SessionEntry
}

/** Several tables as one. */
export interface JoinedTable {
  /** By kind. */
  readonly rooms: ReadonlyMap<string, readonly RoomEntry[]>
  readonly up: ReadonlyMap<string, UpEntry>
  /** By namespace, then by event. */
  readonly down: ReadonlyMap<string, ReadonlyMap<string, readonly DownEntry[]>>
  readonly session: SessionEntry | undefined
}

/** Later tables win where two say how the same action leaves; of everything else, all is done. */
export function joinTables(tables: readonly SocketIoTable[], namespace: string): JoinedTable {
  let rooms = new Map<string, RoomEntry[]>()
  let up = new Map<string, UpEntry>()
  let down = new Map<string, Map<string, DownEntry[]>>()
  for (let table of tables) {
    for (let entry of table.rooms ?? []) add(rooms, entry.kind, entry)
    for (let [name, entry] of Object.entries(table.up ?? {})) up.set(name, entry)
    for (let entry of table.down ?? []) {
      let space = entry.namespace ?? namespace
      let events = down.get(space) ?? new Map<string, DownEntry[]>()
      down.set(space, events)
      add(events, entry.event, entry)
    }
  }
  return { rooms, up, down, session: tables.findLast(table => table.session)?.session }
}

function add<T>(map: Map<string, T[]>, key: string, value: T): void {
  let list = map.get(key)
  if (list) list.push(value)
  else map.set(key, [value])
}

/**
 * `conversation:42` is the room `42` of the kind `conversation`, `clients` the only one of its kind. Of rooms whose kind is not
 * among those given the kind is `*`, and the id the whole name.
 */
export function splitRoom(room: string, kinds: { has(kind: string): boolean }): { kind: string; id: string } {
  let [kind = ''] = room.split(':', 1)
  return kinds.has(kind) ? { kind, id: room.slice(kind.length + 1) } : { kind: '*', id: room }
}

// --- reading payloads: what is not what it should be throws, and the event is dropped ---

/** A text; a number is one too. */
export function text(value: unknown): string {
  if (typeof value === 'string') return value
  if (typeof value === 'number' && Number.isFinite(value)) return String(value)
  throw new TypeError(`a text was expected, not ${typeof value}`)
}

export function number(value: unknown): number {
  if (typeof value === 'number' && Number.isFinite(value)) return value
  throw new TypeError(`a number was expected, not ${typeof value}`)
}

/** Milliseconds since 1970 of a number, or of a date in a text. */
export function time(value: unknown): number {
  let ms = typeof value === 'string' ? Date.parse(value) : value instanceof Date ? value.getTime() : value
  return number(Number.isNaN(ms) ? undefined : ms)
}

/** What `read` makes of a value that may be missing. */
export function optional<T>(value: unknown, read: (value: unknown) => T): T | undefined {
  return value === undefined || value === null ? undefined : read(value)
}

export function list(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value
  throw new TypeError(`a list was expected, not ${typeof value}`)
}

/** An object's fields; of anything else there are none. */
export function fields(value: unknown): Payload {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Payload) : {}
}
