// A room's roster as people see it: one entry per user, however many connections they have. Pure.

import type { Roster } from './presence.js'

export type PresenceStatus = 'online' | 'away' | 'busy' | 'responding' | 'offline'
export type CallState = 'none' | 'voice' | 'video' | 'screen'

/** What the sensors of a device tell, each absent until it is switched on. */
export interface DeviceState {
  readonly location?: unknown
  readonly motion?: unknown
  readonly gesture?: unknown
  readonly supported?: Readonly<Record<string, boolean>>
}

/** What one connection says of itself. */
export interface Self {
  readonly status: PresenceStatus
  readonly activity: string | null
  readonly call: CallState
  /** What is being edited, if anything. */
  readonly editing: string | null
  readonly device: DeviceState
}

export interface MemberView extends Self {
  readonly user: string
  /** How many connections the user has in this room. */
  readonly connections: number
  /** Of the connection that was heard of last. */
  readonly platform: string | null
  /** When one of the connections last said something of itself, in milliseconds since 1970 by the server's clock. */
  readonly lastSeen: number
}

export const NOBODY: Self = { status: 'online', activity: null, call: 'none', editing: null, device: {} }

/** The most present of several connections counts. */
const RANK: readonly PresenceStatus[] = ['responding', 'busy', 'online', 'away', 'offline']

/** What is said in two places as one: the most present status, and of the rest what was said last, unless that is nothing. */
export function mergedSelf(known: Self | undefined, said: Self): Self {
  if (!known) return said
  return {
    status: RANK.indexOf(known.status) < RANK.indexOf(said.status) ? known.status : said.status,
    activity: said.activity ?? known.activity,
    call: said.call === 'none' ? known.call : said.call,
    editing: said.editing ?? known.editing,
    device: { ...known.device, ...said.device }
  }
}

export function membersByUser(roster: Roster): Readonly<Record<string, MemberView>> {
  let byUser = new Map<string, MemberView>()
  for (let { user, platform, data, at } of Object.values(roster.members).sort((a, b) => a.at - b.at)) {
    let known = byUser.get(user)
    byUser.set(user, {
      ...mergedSelf(known, selfOf(data)),
      user,
      connections: (known?.connections ?? 0) + 1,
      platform: platform ?? known?.platform ?? null,
      lastSeen: Math.max(at, known?.lastSeen ?? 0)
    })
  }
  return Object.fromEntries(byUser)
}

/** Reads what a peer says of itself; whatever is malformed counts as not said. */
function selfOf(data: unknown): Self {
  let said = (typeof data === 'object' && data !== null ? data : {}) as Partial<Record<keyof Self, unknown>>
  return {
    status: RANK.includes(said.status as PresenceStatus) ? (said.status as PresenceStatus) : NOBODY.status,
    activity: typeof said.activity === 'string' ? said.activity : null,
    call: ['voice', 'video', 'screen'].includes(said.call as string) ? (said.call as CallState) : 'none',
    editing: typeof said.editing === 'string' ? said.editing : null,
    device: typeof said.device === 'object' && said.device !== null ? (said.device as DeviceState) : {}
  }
}
