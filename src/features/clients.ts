// Clients that a server keeps running for its users (processes, in the end): what is wanted of each, how it is, what it has said.
// Members ask for a start or a stop, and the server's own code does it and tells. Does not know how a client is run.

import { RealtimeError } from '../errors.js'
import { defineFeature, durable, ttl, volatile } from '../feature.js'
import { array, boolean, integer, nullable, number, object, oneOf, record, string } from '../schema.js'
import { appended, entryOf } from './bounded.js'
import { type ClientSettings, problemOfSettings, type SettingField, settingField, settingValue } from './settings.js'

/** Clients of a room. */
export const MAX_CLIENTS = 32
/** Changes of a client's status that are kept; the oldest give way. */
export const MAX_STATUS_HISTORY = 50
/** Errors of a client that are kept; the oldest give way. */
export const MAX_CLIENT_ERRORS = 20
/** Friends of a client. */
export const MAX_FRIENDS = 100

/** `reconnecting`: it should run and does not, or not yet. */
export type ClientStatus = 'connected' | 'disconnected' | 'reconnecting'
/** What is being done for somebody who asked. */
export type ClientDoing = 'starting' | 'stopping' | 'restarting' | 'refreshing' | 'updating'

export interface ClientFriend {
  readonly id: string
  readonly name: string
}

export interface ManagedClient {
  readonly id: string
  readonly name: string
  /** What the settings may be. */
  readonly fields: readonly SettingField[]
  /** As they were last wanted; the client runs with them when nothing is being done. */
  readonly settings: ClientSettings
  /** Whether it should run. */
  readonly wanted: boolean
  readonly status: ClientStatus
  /** Seen at once by who asked, and by all others a moment later; `null` when it was done, or has failed. */
  readonly doing: ClientDoing | null
  readonly pid: number | null
  /** Names one run of the process. */
  readonly run: string | null
  /** Resident memory in bytes, as last measured. */
  readonly memory: number | null
  /** Milliseconds of its last answer. */
  readonly responseTime: number | null
  /** Restarts after crashes in a row. */
  readonly attempt: number
  /** When it is started again, in milliseconds since 1970. */
  readonly retryAt: number | null
  readonly friendCount: number
  /** At most 100. */
  readonly friends: readonly ClientFriend[]
  /** When its status last changed. */
  readonly since: number | null
  /** At most 50, newest last. */
  readonly history: ReadonlyArray<{ readonly status: ClientStatus; readonly at: number; readonly why: string }>
  /** At most 20, newest last. */
  readonly errors: ReadonlyArray<{ readonly code: string; readonly message: string; readonly at: number }>
}

export interface ClientsState {
  /** By id, at most 32. */
  readonly clients: Readonly<Record<string, ManagedClient>>
}

const id = string({ min: 1, max: 64 })
const bytes = nullable(number({ min: 0 }))
const time = integer({ min: 0 })
const doing = nullable(oneOf('starting', 'stopping', 'restarting', 'refreshing', 'updating'))
const one = object({ id })
const initial: ClientsState = { clients: {} }

/** The state with one client changed; the same when there is none. */
function changed(state: ClientsState, id: string, change: (client: ManagedClient) => ManagedClient): ClientsState {
  let client = entryOf(state.clients, id)
  return client ? { clients: { ...state.clients, [id]: change(client) } } : state
}

function asked(doing: ClientDoing, wanted?: boolean) {
  return (state: ClientsState, { id }: { readonly id: string }) =>
    changed(state, id, client => ({ ...client, doing, wanted: wanted ?? client.wanted }))
}

function known({ clients }: ClientsState, id: string): ManagedClient {
  let client = typeof id === 'string' ? entryOf(clients, id) : undefined
  if (!client) throw new RealtimeError('bad-argument', `id: there is no client with the id «${String(id)}»`)
  return client
}

/**
 * Clients. What members ask for is painted at once as `doing`, and confirmed by the server's `client:status`. Who may ask is for
 * the app's policy to say.
 *
 * ```ts
 * let { $state, startClient } = client.room('clients').use(clients)
 * await startClient('mail').acked // refused as `forbidden` for who may not
 * ```
 */
export const clients = defineFeature({
  name: 'clients',
  version: 1,
  events: {
    'client:defined': durable(
      object({
        clients: array(object({ id, name: id, fields: array(settingField, { max: 20 }), autostart: boolean() }), {
          max: MAX_CLIENTS
        })
      }),
      { author: 'server' }
    ),
    'client:status': durable(
      object({
        id,
        status: oneOf('connected', 'disconnected', 'reconnecting'),
        doing,
        why: string({ max: 200 }),
        pid: nullable(time),
        run: nullable(string({ max: 64 })),
        memory: bytes,
        responseTime: bytes,
        friendCount: time,
        attempt: time,
        retryAt: nullable(time)
      }),
      { author: 'server', lane: 'high' }
    ),
    'client:sample': volatile(object({ id, memory: bytes, responseTime: bytes }), {
      author: 'server',
      key: ({ id }) => id,
      seconds: 60,
      rate: 2
    }),
    'client:friendsUpdate': durable(object({ id, friends: array(object({ id, name: id }), { max: MAX_FRIENDS }) }), {
      author: 'server'
    }),
    'client:error': durable(object({ id, code: id, message: string({ max: 500 }) }), {
      author: 'server',
      lane: 'high'
    }),
    'client:start': ttl(60, one, { lane: 'high' }),
    'client:stop': ttl(60, one, { lane: 'high' }),
    'client:restart': ttl(60, one, { lane: 'high' }),
    'client:refresh': ttl(60, one, { lane: 'high' }),
    'client:updateSettings': durable(object({ id, settings: record(settingValue, { max: 20 }) }), { lane: 'high' })
  },
  initial,
  reduce: {
    'client:defined': (state, { clients: defined }) => ({
      clients: Object.fromEntries(
        defined.map(({ id, name, fields, autostart }) => {
          let before = entryOf(state.clients, id)
          let settings: Record<string, ClientSettings[string]> = {}
          for (let field of fields) {
            let old = before && entryOf(before.settings, field.name)
            settings[field.name] =
              old !== undefined && problemOfSettings(fields, { [field.name]: old }) === null ? old : field.default
          }
          let fresh: ManagedClient = {
            ...{ id, name, fields, settings, wanted: autostart, status: 'disconnected', doing: null },
            ...{ pid: null, run: null, memory: null, responseTime: null, attempt: 0, retryAt: null },
            ...{ friendCount: 0, friends: [], since: null, history: [], errors: [] }
          }
          return [id, before ? { ...before, name, fields, settings } : fresh]
        })
      )
    }),
    'client:status': (state, { id, status, why, ...now }, { at }) =>
      changed(state, id, client => ({
        ...client,
        ...now,
        status,
        since: status === client.status ? client.since : at,
        history:
          status === client.status ? client.history : appended(client.history, { status, at, why }, MAX_STATUS_HISTORY)
      })),
    'client:sample': (state, { id, memory, responseTime }) =>
      changed(state, id, client => (client.status === 'connected' ? { ...client, memory, responseTime } : client)),
    'client:friendsUpdate': (state, { id, friends }) =>
      changed(state, id, client => ({ ...client, friends, friendCount: friends.length })),
    'client:error': (state, { id, code, message }, { at }) =>
      changed(state, id, client => ({
        ...client,
        errors: appended(client.errors, { code, message, at }, MAX_CLIENT_ERRORS)
      })),
    'client:start': asked('starting', true),
    'client:stop': asked('stopping', false),
    'client:restart': asked('restarting', true),
    'client:refresh': asked('refreshing'),
    'client:updateSettings': (state, { id, settings }) =>
      changed(state, id, client =>
        problemOfSettings(client.fields, settings) === null
          ? { ...client, doing: 'updating', settings: { ...client.settings, ...settings } }
          : client
      )
  },
  refuse: {
    'client:start': ({ clients }, { id }) => {
      let client = entryOf(clients, id)
      if (!client) return 'unknown-client'
      return client.wanted && client.status === 'connected' ? 'already-running' : null
    },
    'client:stop': ({ clients }, { id }) => {
      let client = entryOf(clients, id)
      if (!client) return 'unknown-client'
      return client.wanted ? null : 'not-running'
    },
    'client:restart': ({ clients }, { id }) => (entryOf(clients, id) ? null : 'unknown-client'),
    'client:refresh': ({ clients }, { id }) => {
      let client = entryOf(clients, id)
      if (!client) return 'unknown-client'
      return client.wanted ? null : 'not-running'
    },
    'client:updateSettings': ({ clients }, { id, settings }) => {
      let client = entryOf(clients, id)
      if (!client) return 'unknown-client'
      return problemOfSettings(client.fields, settings) === null ? null : 'invalid-settings'
    }
  },
  commands: {
    /** Asks for a start; while it waits for its next attempt, at once. */
    startClient: ({ state }, id: string) => ({ type: 'client:start', data: { id: known(state, id).id } }),
    stopClient: ({ state }, id: string) => ({ type: 'client:stop', data: { id: known(state, id).id } }),
    restartClient: ({ state }, id: string) => ({ type: 'client:restart', data: { id: known(state, id).id } }),
    /** Asks the client how it is, and for its friends. */
    refreshClient: ({ state }, id: string) => ({ type: 'client:refresh', data: { id: known(state, id).id } }),
    /** Changes the settings that are named; throws `bad-argument` naming the one that may not be so. */
    updateClientSettings: ({ state }, id: string, settings: ClientSettings) => {
      let problem = problemOfSettings(known(state, id).fields, settings)
      if (problem !== null) throw new RealtimeError('bad-argument', `settings: ${problem}`)
      return { type: 'client:updateSettings', data: { id, settings } }
    }
  }
})
