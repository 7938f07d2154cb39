// The words of the wire, one schema per frame, types inferred from them. A message is a JSON array of frames. Frames and
// fields that are not known here are ignored, so that either side may be newer. SPEC.md has the rules.

import {
  anything,
  array,
  boolean,
  type Infer,
  integer,
  number,
  object,
  oneOf,
  optional,
  record,
  type Schema,
  string,
  tuple
} from '../schema.js'

const id = string({ min: 1, max: 64 })
const roomName = string({ min: 1, max: 256 })
const name = string({ min: 1, max: 64 })
const offset = integer()
const lane = oneOf('critical', 'high', 'normal', 'bulk')
const code = string({ max: 64 })
const range = tuple(number({ min: 0 }), number({ min: 0 }))
/** Checked by the feature's own schema, where there is one. */
const data = anything()

/** The answer to one push: taken at an offset, or refused for good. */
const result = object({ ok: boolean(), at: optional(offset), code: optional(code), message: optional(string()) })
const mark = object({
  /** Highest answered number of the chain, 0 for none, and its id. */
  n: integer(),
  id: optional(string({ max: 64 })),
  /** Highest number whose answer the client has confirmed. */
  done: integer(),
  /** Answers above `done`: number, id, result. */
  answers: array(tuple(integer(), string({ max: 64 }), result), { max: 100_000 })
})
const member = object({
  user: string({ max: 256 }),
  platform: optional(string({ max: 64 })),
  data,
  /** When the entry last changed, by the server's clock. */
  at: number()
})
const members = record(member, { max: 100_000 })

export const frames = {
  // client to server
  hello: object({
    v: integer(),
    app: name,
    cid: id,
    gen: integer(),
    token: optional(string({ max: 16_384 })),
    user: optional(string({ max: 256 })),
    sid: optional(id),
    platform: optional(name),
    caps: optional(array(name))
  }),
  join: object({
    ref: integer(),
    room: roomName,
    epoch: optional(id),
    offset: optional(offset),
    done: optional(record(integer())),
    only: optional(boolean()),
    token: optional(string({ max: 16_384 })),
    presence: optional(data)
  }),
  leave: object({ room: roomName }),
  push: object({
    room: roomName,
    lane,
    n: integer({ min: 1 }),
    prev: integer(),
    id,
    feature: name,
    type: name,
    data,
    ttl: optional(number()),
    kid: optional(name),
    done: optional(integer())
  }),
  fetch: object({ ref: integer(), room: roomName, before: optional(offset), limit: integer({ min: 1, max: 1000 }) }),
  auth: object({ token: string({ max: 16_384 }) }),

  // server to client
  welcome: object({
    v: optional(integer()),
    sid: id,
    user: string({ max: 256 }),
    heartbeat: number({ min: 1 }),
    max: integer({ min: 1 }),
    window: object({ count: integer({ min: 1 }), bytes: integer({ min: 1 }) }),
    expiresIn: optional(number()),
    retry: range,
    caps: optional(array(name)),
    now: number()
  }),
  joined: object({
    ref: integer(),
    room: roomName,
    epoch: id,
    offset,
    recovered: oneOf('all', 'new', 'none', 'kept'),
    snapshot: boolean(),
    marksEpoch: id,
    marks: record(mark),
    members: optional(members),
    version: optional(integer())
  }),
  ack: object({ room: roomName, lane, n: integer({ min: 1 }), id, at: offset, results: optional(data) }),
  nack: object({
    room: optional(roomName),
    lane: optional(lane),
    n: optional(integer()),
    id: optional(id),
    ref: optional(integer()),
    code,
    final: boolean(),
    after: optional(number()),
    message: optional(string())
  }),
  event: object({
    room: roomName,
    offset,
    feature: name,
    type: name,
    data,
    id,
    by: string({ max: 256 }),
    cid: optional(string({ max: 64 })),
    at: number(),
    kid: optional(name),
    op: optional(tuple(lane, integer())),
    pushed: optional(id)
  }),
  snapshot: object({
    ref: integer(),
    room: roomName,
    epoch: id,
    offset,
    part: integer(),
    of: integer({ min: 1 }),
    state: record(object({ version: integer(), state: data }))
  }),
  gap: object({ room: roomName, epoch: id, offset }),
  page: object({ ref: integer(), events: array(data, { max: 1000 }), done: boolean() }),
  authed: object({ expiresIn: optional(number()) }),
  reauth: object({ within: number(), why: optional(string()) }),
  slow: object({ lane: optional(lane), ms: number({ min: 0 }) }),
  bye: object({ code, final: boolean(), retry: optional(range), why: optional(string()) }),

  // both ways
  cast: object({
    room: roomName,
    feature: name,
    type: name,
    data,
    key: optional(string({ max: 256 })),
    ttl: number({ min: 0 }),
    id: optional(id),
    by: optional(string({ max: 256 })),
    at: optional(number())
  }),
  presence: object({
    room: roomName,
    version: optional(integer()),
    self: optional(data),
    full: optional(members),
    joined: optional(members),
    updated: optional(members),
    left: optional(array(string({ max: 64 }), { max: 100_000 })),
    sync: optional(boolean())
  }),
  ping: object({
    x: number(),
    now: optional(number()),
    rooms: optional(record(tuple(id, offset), { max: 10_000 })),
    retry: optional(range)
  }),
  pong: object({ x: number(), now: optional(number()) })
} as const satisfies Record<string, Schema<unknown>>

export type FrameName = keyof typeof frames
/** A frame by name, with its tag `f`. */
export type FrameOf<N extends FrameName> = { readonly f: N } & Infer<(typeof frames)[N]>
/** Any frame. */
export type Frame = { [N in FrameName]: FrameOf<N> }[FrameName]
type OneOf<N extends FrameName> = { [K in N]: FrameOf<K> }[N]
export type UpFrame = OneOf<
  'hello' | 'join' | 'leave' | 'push' | 'fetch' | 'auth' | 'bye' | 'cast' | 'presence' | 'ping' | 'pong'
>
export type DownFrame = OneOf<
  | 'welcome'
  | 'joined'
  | 'ack'
  | 'nack'
  | 'event'
  | 'snapshot'
  | 'gap'
  | 'page'
  | 'authed'
  | 'reauth'
  | 'slow'
  | 'bye'
  | 'cast'
  | 'presence'
  | 'ping'
  | 'pong'
>

export type PushFrame = FrameOf<'push'>
export type EventFrame = FrameOf<'event'>
export type JoinedFrame = FrameOf<'joined'>
export type SnapshotFrame = FrameOf<'snapshot'>
export type CastFrame = FrameOf<'cast'>
export type PresenceFrame = FrameOf<'presence'>
export type WelcomeFrame = FrameOf<'welcome'>
export type Member = Infer<typeof member>
export type Mark = Infer<typeof mark>
export type PushResult = Infer<typeof result>

/** The version that this code speaks; both sides must be equal. */
export const PROTOCOL_VERSION = 1
