// Door: the server engine, for any runtime. Importing it does nothing.

export type { ErrorCode } from '../errors.js'
export { explain, RealtimeError } from '../errors.js'
export type { Clock, Random, Report, Stop } from '../ports.js'
export type { Session } from './connection.js'
export type { AppOptions, Hub, HubOptions, HubRoom, HubStats } from './hub.js'
export { createHub } from './hub.js'
export type { Limits } from './limits.js'
export { DEFAULT_LIMITS } from './limits.js'
export type {
  Authenticate,
  Credentials,
  EndedSession,
  Identity,
  Policy,
  PolicyAnswer,
  PolicyRequest,
  Revoke
} from './policy.js'
export { claimedUser, defaultPolicy } from './policy.js'
export { createMemoryStorage } from './storage/memory.js'
export type {
  Answer,
  ClientRecord,
  Commit,
  LaneMark,
  RoomHead,
  Storage,
  StoredEvent,
  StoredSnapshot,
  StoredState,
  Trim
} from './storage.js'
export type { MembersChange, MembersWatcher, RoomChange, Watcher } from './watchers.js'
export type { Peer, PeerInfo } from './writer.js'
