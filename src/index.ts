// The front door: the companion's service and stores, the factory beneath them, and what is needed to write features.

import type { CompanionStores } from './companion-stores.js'
import { createRealtimeService, type RealtimeService, type ServiceOptions } from './service.js'

// One service for the page, which touches nothing outside; a bundler drops what is not imported.
let made: ReturnType<typeof createRealtimeService> | undefined
function page(): ReturnType<typeof createRealtimeService> {
  made ??= createRealtimeService()
  return made
}

/** The service of this page. It does nothing until `connect`. */
export const realtimeService: RealtimeService = /* @__PURE__ */ (() => page().service)()
export const realtimeConnection: CompanionStores['connection'] = /* @__PURE__ */ (() => page().stores.connection)()
export const realtimeAvatar: CompanionStores['avatar'] = /* @__PURE__ */ (() => page().stores.avatar)()
export const realtimeMemory: CompanionStores['memory'] = /* @__PURE__ */ (() => page().stores.memory)()
export const realtimeHaptic: CompanionStores['haptic'] = /* @__PURE__ */ (() => page().stores.haptic)()
export const realtimeBiometric: CompanionStores['biometric'] = /* @__PURE__ */ (() => page().stores.biometric)()
export const realtimeVR: CompanionStores['vr'] = /* @__PURE__ */ (() => page().stores.vr)()
export const realtimeVoice: CompanionStores['voice'] = /* @__PURE__ */ (() => page().stores.voice)()
export const realtimeRelationship: CompanionStores['relationship'] = /* @__PURE__ */ (() =>
  page().stores.relationship)()
export const realtimePresence: CompanionStores['presence'] = /* @__PURE__ */ (() => page().stores.presence)()
export const realtimeEvents: CompanionStores['events'] = /* @__PURE__ */ (() => page().stores.events)()
export const realtimeStatus: CompanionStores['status'] = /* @__PURE__ */ (() => page().stores.status)()

export { createRealtime, type Realtime } from './client.js'
export type { RealtimeOptions } from './client-options.js'
export type { RowStore } from './client-view.js'
export type { EventsView, LoggedEvent, PresenceView } from './companion-stores.js'
export type { ConnectionView } from './core/connection-view.js'
export type { CallState, DeviceState, MemberView, PresenceStatus, Self } from './core/members.js'
export type { Quality } from './core/quality.js'
export type { ParkedRow, Row } from './core/rows.js'
export type { SystemHealth, SystemStatus } from './core/status.js'
export type { TokenRequest, TokenSource } from './core/tokens.js'
export type { ClientPorts } from './defaults.js'
export { type ErrorCode, RealtimeError } from './errors.js'
export type { RealtimeEvents } from './events.js'
export {
  type AnyFeature,
  type Delivery,
  defineFeature,
  durable,
  type EventMeta,
  type Feature,
  type Handle,
  type HistoryOptions,
  type HistoryPage,
  type Lane,
  type LocalHost,
  latest,
  type Receipt,
  type ReceiptSummary,
  type Refusals,
  type StateOf,
  ttl,
  volatile
} from './feature.js'
export * from './features/index.js'
export type { Room, RoomStatus } from './room.js'
export type { RoomPresence } from './room-presence.js'
export {
  array,
  boolean,
  type Infer,
  integer,
  json,
  nullable,
  number,
  object,
  oneOf,
  optional,
  record,
  type Schema,
  type StandardSchema,
  string,
  tuple
} from './schema.js'
export { sharedRealtime } from './shared.js'
export type { RealtimeService, ServiceOptions }
export { createRealtimeService }
