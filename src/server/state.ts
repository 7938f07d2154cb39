// What a room holds in memory, as a value: where its log stands and the state of each feature, built from the stored
// snapshot and the events after it.

import { type AnyFeature, reduceEvent } from '../feature.js'
import { encodeFrame } from '../protocol/codec.js'
import type { EventFrame } from '../protocol/frames.js'
import type { Storage, StoredEvent, StoredSnapshot } from './storage.js'

const PAGE = 1000

export interface RoomState {
  readonly epoch: string
  readonly offset: number
  readonly trimmed: number
  readonly revision: number
  /** Where the last stored snapshot was written. */
  readonly snapshotAt: number
  readonly states: ReadonlyMap<string, unknown>
  /** Stored states of features that this server does not run; carried along untouched. */
  readonly foreign: StoredSnapshot
}

export type Failed = (code: string, detail: unknown) => void

/** Reads a room: the head, then every event that some feature's stored state does not contain yet. */
export async function loadState(
  storage: Storage,
  room: string,
  newEpoch: string,
  features: ReadonlyMap<string, AnyFeature>,
  failed: Failed
): Promise<RoomState> {
  let { epoch, offset, trimmed, revision, snapshot } = await storage.open(room, newEpoch)
  let states = new Map<string, unknown>()
  let from = new Map<string, number>()
  for (let feature of features.values()) {
    let stored = snapshot && Object.hasOwn(snapshot, feature.name) ? snapshot[feature.name] : undefined
    let fits = stored?.version === feature.version
    if (stored && !fits && trimmed > 0) failed('state-incomplete', { room, feature: feature.name, trimmed })
    states.set(feature.name, fits ? stored?.state : feature.initial)
    from.set(feature.name, fits ? (stored?.offset ?? 0) : 0)
  }
  let foreign = Object.fromEntries(Object.entries(snapshot ?? {}).filter(([name]) => !features.has(name)))
  let snapshotAt = Math.max(0, ...Object.values(snapshot ?? {}).map(stored => stored.offset))
  let after = Math.max(trimmed, Math.min(offset, ...from.values()))
  while (after < offset) {
    let events = await storage.read(room, after, Math.min(PAGE, offset - after))
    let last = events.at(-1)
    if (!last) throw new Error(`the log of «${room}» ends at ${after}, its head says ${offset}`)
    for (let event of events) {
      let feature = features.get(event.feature)
      if (feature && event.offset > (from.get(feature.name) ?? 0)) reduceInto(states, feature, event, failed)
    }
    after = last.offset
  }
  return { epoch, offset, trimmed, revision, snapshotAt, states, foreign }
}

function reduceInto(states: Map<string, unknown>, feature: AnyFeature, event: StoredEvent, failed: Failed): void {
  let { id, by, at, type, data } = event
  let wrong = (error: unknown) => failed('reducer-threw', { feature: feature.name, type, error })
  states.set(feature.name, reduceEvent(feature, states.get(feature.name), type, data, { id, actor: by, at }, wrong))
}

/** The snapshot to store with the states as of `offset`. */
export function snapshotOf(
  foreign: StoredSnapshot,
  states: ReadonlyMap<string, unknown>,
  offset: number,
  features: ReadonlyMap<string, AnyFeature>
): StoredSnapshot {
  let snapshot: Record<string, StoredSnapshot[string]> = { ...foreign }
  for (let { name, version } of features.values()) snapshot[name] = { version, state: states.get(name), offset }
  return snapshot
}

/** An event as it goes over the wire. */
export function eventFrame(room: string, event: StoredEvent): EventFrame {
  return { f: 'event', room, ...event } as EventFrame
}

/** Events as texts, so that each is written once for all who get it. */
export function encodeAll(room: string, events: readonly StoredEvent[]): string[] {
  return events.map(event => encodeFrame(eventFrame(room, event)))
}
