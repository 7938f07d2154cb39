// Who is in a room: one entry per connection, told as differences that count up. An entry outlives a broken connection for a
// grace, so that a reconnect is no coming and going. Knows nothing of how a difference travels.

import type { Clock, Stop } from '../ports.js'
import type { Member } from '../protocol/frames.js'

export interface Difference {
  readonly version: number
  readonly joined?: Readonly<Record<string, Member>>
  readonly updated?: Readonly<Record<string, Member>>
  readonly left?: readonly string[]
}

export interface Members {
  /** The version that was told last. */
  version(): number
  /** Everyone; may already contain what the next difference tells. */
  full(): Record<string, Member>
  count(): number
  /** Adds or takes over the entry of a connection; without `data` a resumed entry keeps what it had. */
  enter(sid: string, owner: object, user: string, platform: string | undefined, data: unknown): void
  update(sid: string, owner: object, data: unknown): void
  /** Removes at once, or after the grace; nothing happens when another owner has taken the entry over. */
  leave(sid: string, owner: object, after: 'now' | 'grace'): void
  close(): void
}

interface Entry {
  member: Member
  owner: object
  stop: Stop | null
}

/**
 * `tell` is called at most once a turn, and only when something differs from what was told before; `gone` is what those who left
 * were told as last.
 */
export function createMembers(
  clock: Clock,
  grace: number,
  tell: (difference: Difference, gone: readonly Member[]) => void
): Members {
  let version = 0
  let entries = new Map<string, Entry>()
  let told = new Map<string, Member>()
  let changed = new Set<string>()
  let stopFlush: Stop | null = null

  function touch(sid: string): void {
    changed.add(sid)
    stopFlush ??= clock.soon(flush)
  }

  function flush(): void {
    stopFlush = null
    let joined: Record<string, Member> = {}
    let updated: Record<string, Member> = {}
    let left: string[] = []
    let gone: Member[] = []
    for (let sid of changed) {
      let entry = entries.get(sid)
      let before = told.get(sid)
      if (entry) {
        ;(before ? updated : joined)[sid] = entry.member
        told.set(sid, entry.member)
      } else if (before) {
        left.push(sid)
        gone.push(before)
        told.delete(sid)
      }
    }
    changed.clear()
    let parts = {
      ...(Object.keys(joined).length > 0 ? { joined } : {}),
      ...(Object.keys(updated).length > 0 ? { updated } : {}),
      ...(left.length > 0 ? { left } : {})
    }
    if (Object.keys(parts).length > 0) tell({ version: ++version, ...parts }, gone)
  }

  function remove(sid: string): void {
    entries.get(sid)?.stop?.()
    if (entries.delete(sid)) touch(sid)
  }

  function put(sid: string, entry: Entry, data: unknown): void {
    entry.member = { ...entry.member, data, at: clock.now() }
    entries.set(sid, entry)
    touch(sid)
  }

  return {
    version: () => version,
    full: () => Object.fromEntries([...entries].map(([sid, { member }]) => [sid, member])),
    count: () => entries.size,
    enter(sid, owner, user, platform, data) {
      let entry = entries.get(sid)
      if (entry) {
        entry.stop?.()
        entry.stop = null
        entry.owner = owner
        if (data !== undefined) put(sid, entry, data)
        return
      }
      let member: Member = { user, ...(platform === undefined ? {} : { platform }), data: null, at: 0 }
      put(sid, { member, owner, stop: null }, data ?? null)
    },
    update(sid, owner, data) {
      let entry = entries.get(sid)
      if (entry?.owner === owner && (data !== null || entry.member.data !== null)) put(sid, entry, data)
    },
    leave(sid, owner, after) {
      let entry = entries.get(sid)
      if (entry?.owner !== owner) return
      entry.stop?.()
      if (after === 'now') remove(sid)
      else entry.stop = clock.after(grace, () => remove(sid))
    },
    close() {
      stopFlush?.()
      for (let { stop } of entries.values()) stop?.()
      entries.clear()
    }
  }
}
