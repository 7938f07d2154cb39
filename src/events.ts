// The system events that an app may listen to, by name and with what they carry.

import type { RealtimeError } from './errors.js'

export type RealtimeEvents = {
  /** The connection is welcome; `again` is false for the first time. */
  connected: { again: boolean }
  /** The connection is gone. */
  disconnected: { reason: string }
  /** The server refused an action; it was rolled back and waits in `rejected`. */
  rejected: { id: string; feature: string; type: string; code: string }
  /** Nobody knows whether an action happened; it waits in `unknown`. */
  unknown: { id: string; feature: string; type: string }
  /** An action was not delivered within its time. */
  expired: { id: string; feature: string; type: string }
  /** A room's state was replaced, for what was missed could not be replayed. */
  reset: { room: string }
  memberJoined: { room: string; user: string; platform?: string }
  memberLeft: { room: string; user: string; platform?: string }
  /** Actions are kept in memory only from here on. */
  degraded: { reason: string }
  /** The disk is back, and what waits is on it. */
  restored: Record<string, never>
  /** A user has gone and left actions that wait; they are kept for their return, and sent under no other name. */
  pendingKept: { user: string; count: number }
  /** The user has logged out; `told` is false when the server could not be reached, and the token is good until it runs out. */
  loggedOut: { told: boolean }
  /** Something failed that no call could be told of. */
  error: { error: RealtimeError }
  /** The browser was asked to keep the data of this site. */
  persisted: { granted: boolean }
} & Record<string, unknown>
