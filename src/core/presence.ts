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
  readonly joined: readonly Member[]
  readonly left: readonly Member[]
  /** A change was missed: the full state must be asked for. */
  readonly resync: boolean
}

/** Applies a presence frame. Repeats change nothing. */
export function stepRoster(
  roster: Roster,
  frame: Pick<PresenceFrame, 'version' | 'full' | 'joined' | 'updated' | 'left'>
): RosterStep {
  let version = frame.version ?? 0
  if (frame.full) return replaceAll(roster, version, frame.full)
  if (version <= roster.version) return { roster, joined: [], left: [], resync: false }
  if (version !== roster.version + 1) return { roster, joined: [], left: [], resync: true }
  let members: Record<string, Member> = { ...roster.members, ...frame.joined, ...frame.updated }
  let left: Member[] = []
  for (let sid of frame.left ?? []) {
    let member = members[sid]
    if (member) left.push(member)
    delete members[sid]
  }
  // The full state may have told of some of them already.
  let joined = Object.entries(frame.joined ?? {}).flatMap(([sid, member]) =>
    Object.hasOwn(roster.members, sid) ? [] : [member]
  )
  return { roster: { version, members }, joined, left, resync: false }
}

function replaceAll(roster: Roster, version: number, members: Readonly<Record<string, Member>>): RosterStep {
  let known = roster.version >= 0
  return {
    roster: { version, members },
    joined: known
      ? Object.keys(members)
          .filter(sid => !(sid in roster.members))
          .map(sid => members[sid] as Member)
      : [],
    left: Object.keys(roster.members)
      .filter(sid => !(sid in members))
      .map(sid => roster.members[sid] as Member),
    resync: false
  }
}
