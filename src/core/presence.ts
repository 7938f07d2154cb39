// Who is in a room: a full state and then numbered changes. Pure. A hole in the numbers means: ask for the full state again.

import type { Member, PresenceFrame } from '../protocol/frames.js'

export interface Roster {
  /** Raised by one with every change; −1 before the first full state. */
  readonly version: number
  /** By connection. */
  readonly members: Readonly<Record<string, Member>>
}

export const EMPTY_ROSTER: Roster = { version: -1, members: {} }

export interface RosterStep {
  readonly roster: Roster
  /** A change was missed: the full state must be asked for. */
  readonly resync: boolean
}

/** Applies a presence frame. Repeats change nothing. */
export function stepRoster(
  roster: Roster,
  frame: Pick<PresenceFrame, 'version' | 'full' | 'joined' | 'updated' | 'left'>
): RosterStep {
  let version = frame.version ?? 0
  if (frame.full) return { roster: { version, members: frame.full }, resync: false }
  if (version <= roster.version) return { roster, resync: false }
  if (version !== roster.version + 1) return { roster, resync: true }
  let members: Record<string, Member> = { ...roster.members, ...frame.joined, ...frame.updated }
  for (let sid of frame.left ?? []) delete members[sid]
  return { roster: { version, members }, resync: false }
}

/** Which users are there in one roster and not in the other, each with one of their entries. */
export function compareRosters(
  before: Roster,
  after: Roster
): { readonly joined: readonly Member[]; readonly left: readonly Member[] } {
  let was = byUser(before)
  let is = byUser(after)
  return {
    // Who was there before we came has not come.
    joined: before.version < 0 ? [] : [...is.values()].filter(({ user }) => !was.has(user)),
    left: [...was.values()].filter(({ user }) => !is.has(user))
  }
}

function byUser({ members }: Roster): Map<string, Member> {
  return new Map(Object.values(members).map(member => [member.user, member]))
}
