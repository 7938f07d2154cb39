// Runs the clients of a room as processes of this machine: does what the room's members ask for, tells how each client is, and
// brings back what should run after a crash of the client or of the server.

import { RealtimeError } from '../errors.js'
import { entryOf } from '../features/bounded.js'
import { clients as feature, MAX_CLIENTS, type ManagedClient } from '../features/clients.js'
import type { SettingField } from '../features/settings.js'
import type { Report } from '../ports.js'
import type { Hub } from '../server/hub.js'
import { type ChildCommand, killLeftover, type SpawnChild, spawnChild } from './processes/child.js'
import { createSupervised, DEFAULT_TIMES, type ProcessTimes, type Supervised } from './processes/supervised.js'
import { createTeller, SERVER } from './support/teller.js'

export type { ProcessTimes } from './processes/supervised.js'

/** A client, as the app defines it: nothing of what is run comes from a member of the room. */
export interface ClientDefinition extends ChildCommand {
  /** 1 to 64 characters. */
  readonly id: string
  readonly name?: string
  /** What its settings may be; it gets them as JSON in `REALTIME_CLIENT_SETTINGS`, and over IPC when they change. */
  readonly fields?: readonly SettingField[]
  /** Whether it runs before anybody asked; default false. */
  readonly autostart?: boolean
}

export interface ProcessesOptions {
  /** It must run the feature `clients`. */
  readonly hub: Hub
  readonly clients: readonly ClientDefinition[]
  /** Default: `clients`. */
  readonly room?: string
  readonly times?: Partial<ProcessTimes>
  readonly report?: Report
  /** In place of real processes. */
  readonly spawn?: SpawnChild
}

export interface Processes {
  /** Ends all processes, without forgetting which should run. Call it before the server is closed. */
  close(): Promise<void>
}

/**
 * Starts what should run. The program of a client speaks over IPC: see `managedClient` of `realtime-stores/handlers/managed-client`.
 *
 * ```ts
 * let { close } = await createProcesses({
 *   hub,
 *   clients: [{ id: 'mail', command: process.execPath, args: ['mail.js'], autostart: true }]
 * })
 * ```
 */
export async function createProcesses(options: ProcessesOptions): Promise<Processes> {
  let { hub, clients, room: roomId = 'clients', spawn = spawnChild, report = () => {} } = options
  check(clients)
  let times = { ...DEFAULT_TIMES, ...options.times }
  let room = hub.room(roomId)
  let supervised = new Map<string, Supervised>()
  let teller = createTeller(hub, report)

  function push(type: string, data: unknown): void {
    teller.push(roomId, feature, type, data)
  }

  function supervise(definition: ClientDefinition): Supervised {
    let { id } = definition
    return createSupervised({
      command: definition,
      spawn,
      clock: hub.clock,
      random: hub.random,
      times,
      on: {
        status: status => push('client:status', { id, ...status }),
        sample: sample => teller.cast(roomId, feature, 'client:sample', { id, ...sample }),
        friends: friends => push('client:friendsUpdate', { id, friends }),
        error: (code, message) => push('client:error', { id, code, message })
      }
    })
  }

  function act(type: string, client: ManagedClient): void {
    let one = supervised.get(client.id)
    if (!one) return
    if (type === 'client:start') one.start(client.settings)
    else if (type === 'client:stop') one.stop()
    else if (type === 'client:restart') one.restart(client.settings)
    else if (type === 'client:refresh') one.refresh()
    else if (type === 'client:updateSettings') one.update(client.settings)
  }

  // Only what is committed from now on: what was asked for before is in the state.
  let stopWatching = hub.watch(feature, ({ room, state, events }) => {
    if (room !== roomId) return
    for (let { type, data } of events) {
      let client = entryOf(state.clients, (data as { id?: string }).id ?? '')
      if (client) act(type, client)
    }
  })

  let before = await room.state(feature)
  for (let { pid, run } of Object.values(before.clients)) if (pid !== null && run !== null) killLeftover(pid, run)
  let defined = clients.map(({ id, name = id, fields = [], autostart = false }) => ({ id, name, fields, autostart }))
  await room.push(feature, 'client:defined', { clients: defined }, { by: SERVER })
  for (let definition of clients) supervised.set(definition.id, supervise(definition))
  let now = await room.state(feature)
  for (let client of Object.values(now.clients)) {
    let one = supervised.get(client.id)
    if (client.wanted) one?.start(client.settings)
    // Says that it is so, whatever the last run of the server has left in the state.
    else one?.stop()
  }

  return {
    async close() {
      stopWatching()
      await Promise.all([...supervised.values()].map(one => one.close()))
      for (let id of supervised.keys()) push('client:status', { id, ...OVER })
      await teller.settled()
    }
  }
}

/** How every client is when the server stops. */
const OVER = {
  ...{ status: 'disconnected', doing: null, why: 'the server stopped', pid: null, run: null, memory: null },
  ...{ responseTime: null, friendCount: 0, attempt: 0, retryAt: null }
}

function check(clients: readonly ClientDefinition[]): void {
  let wrong = (what: string) => new RealtimeError('bad-argument', what)
  if (clients.length > MAX_CLIENTS) throw wrong(`there can be at most ${MAX_CLIENTS} clients`)
  let ids = clients.map(({ id }) => id)
  let twice = ids.find((id, i) => ids.indexOf(id) !== i)
  if (twice !== undefined) throw wrong(`two clients have the id «${twice}»`)
  if (ids.includes('__proto__')) throw wrong('a client must not have the id «__proto__»')
}
