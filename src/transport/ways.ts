// Two ways to a server, and which one comes first. Pure.

import type { Clock, Connect, Page } from '../ports.js'

/** Until when HTTP is tried first, in milliseconds since 1970; 0 for never. Seen by other tabs and after a reload. */
export interface Memory {
  read(url: string): number
  write(url: string, until: number): void
}

export interface Ways {
  readonly webSocket: Connect
  readonly http: Connect
  readonly clock: Clock
  readonly memory: Memory
  readonly page: Page | null
}

/** How long it is remembered that no WebSocket opens here, in milliseconds. */
export const REMEMBERED = 10 * 60_000
/** When HTTP is new here, a WebSocket is tried again soon: it may have failed for another reason, such as a restart. */
const SOON = 5000

/** Whether HTTP comes first. A clock that was set back prolongs nothing. */
export function isHttpFirst(until: number, now: number): boolean {
  return now < until && until <= now + REMEMBERED
}

/** How long a connection over HTTP waits before it tries a WebSocket. `inVain`: one was found lately, and did not do. */
export function untilTrial(until: number, now: number, inVain: boolean): number {
  if (isHttpFirst(until, now)) return until - now
  return inVain ? REMEMBERED : SOON
}
