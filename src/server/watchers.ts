// Server code that follows a feature, or who is there, in every room: told after each commit, and when a room comes into memory. What it does
// about it is a push like any other; nothing here waits for it.

import type { AnyFeature, StateOf } from '../feature.js'
import type { Report, Stop } from '../ports.js'
import type { Member } from '../protocol/frames.js'
import type { StoredEvent } from './storage.js'

/** What has become of a feature in a room. */
export interface RoomChange<S = unknown> {
  readonly room: string
  /** The confirmed state, with the events in it. */
  readonly state: S
  /**
   * What was just committed of this feature, in order. Empty when the room has come into memory, which is told once each time:
   * whoever acts on events then looks for what a crash kept from being done.
   */
  readonly events: readonly StoredEvent[]
}

/** Must be quick and may be told the same again after a restart: push what follows with a key. */
export type Watcher<S> = (change: RoomChange<S>) => void

/** Connections that have come into a room or left it; a broken one leaves after the grace. */
export interface MembersChange {
  readonly room: string
  readonly joined: readonly Member[]
  /** As they were last. */
  readonly left: readonly Member[]
}

export type MembersWatcher = (change: MembersChange) => void

export interface Watchers {
  add<F extends AnyFeature>(feature: F, watcher: Watcher<StateOf<F>>): Stop
  addMembers(watcher: MembersWatcher): Stop
  tellMembers(change: MembersChange): void
  /** `isLoaded`: the room has just come into memory. */
  tell(room: string, states: ReadonlyMap<string, unknown>, events: readonly StoredEvent[], isLoaded: boolean): void
}

export function createWatchers(report: Report): Watchers {
  let ofMembers = new Set<MembersWatcher>()
  let entries = new Set<{ readonly feature: AnyFeature; readonly watcher: Watcher<unknown> }>()

  function call(watcher: Watcher<unknown>, feature: AnyFeature, change: RoomChange): void {
    try {
      watcher(change)
    } catch (error) {
      report('error', 'watcher-threw', { room: change.room, feature: feature.name, error })
    }
  }

  return {
    addMembers(watcher) {
      ofMembers.add(watcher)
      return () => ofMembers.delete(watcher)
    },
    tellMembers(change) {
      for (let watcher of [...ofMembers]) {
        try {
          watcher(change)
        } catch (error) {
          report('error', 'watcher-threw', { room: change.room, error })
        }
      }
    },
    add(feature, watcher) {
      let entry = { feature, watcher: watcher as Watcher<unknown> }
      entries.add(entry)
      return () => entries.delete(entry)
    },
    tell(room, states, events, isLoaded) {
      for (let { feature, watcher } of [...entries]) {
        let state = states.get(feature.name)
        let own = events.filter(event => event.feature === feature.name)
        if (isLoaded && state !== feature.initial) call(watcher, feature, { room, state, events: [] })
        if (own.length > 0) call(watcher, feature, { room, state, events: own })
      }
    }
  }
}
