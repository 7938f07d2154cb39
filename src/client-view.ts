// The stores in which a client shows itself: its connection, and the rows that wait, were refused or are in doubt. Painted once
// per turn, however much changed in it.

import { atom, batch, type ReadableAtom } from 'nanostores'
import type { TabsView } from './client-tabs.js'
import type { ConnectionState } from './core/connection.js'
import { type CastCounts, type ConnectionView, IDLE_VIEW, viewConnection } from './core/connection-view.js'
import type { Outbox } from './core/outbox.js'
import type { ParkedRow, Row } from './core/rows.js'
import type { Supervisor } from './core/supervisor.js'
import type { Clock, Stop } from './ports.js'

/** A store of rows that an app can act upon. */
export interface RowStore<T> extends ReadableAtom<readonly T[]> {
  /** Sends the action (again). False when it is not there any more. */
  retry(id: string): Promise<boolean>
  /** Forgets the action. False when it is gone, or may have left already and so cannot be taken back. */
  discard(id: string): Promise<boolean>
}

interface RowActions {
  retry(id: string): Promise<boolean>
  discard(id: string): Promise<boolean>
}

/** Drops of the connection count against its quality for this long, in milliseconds. */
const RECENT = 5 * 60_000

export type ClientView = ReturnType<typeof createClientView>

export function createClientView(ports: {
  clock: Clock
  outbox: Outbox
  casts: CastCounts
  supervisor: () => Supervisor
  tabs: () => TabsView
  pending: RowActions
  parked: RowActions
  /** What is shown has changed; by now some rows may be too old. */
  painted: () => void
  /** A listener of the app threw. */
  failed: (error: unknown) => void
}) {
  let { clock, outbox } = ports
  let $connection = atom<ConnectionView>(IDLE_VIEW)
  let pending = rowStore<Row>(ports.pending)
  let rejected = rowStore<ParkedRow>(ports.parked)
  let unknown = rowStore<ParkedRow>(ports.parked)
  let since = clock.now()
  let phase: ConnectionState['phase'] = 'idle'
  let drops: number[] = []
  let durabilityReason: string | null = null
  let persisted: boolean | null = null
  let isClosed = false
  let stop: Stop | null = null

  function paint(): void {
    let supervisor = ports.supervisor()
    let parked = [...outbox.parked.values()]
    let now = clock.mono()
    drops = drops.filter(at => now - at < RECENT)
    try {
      batch(() => {
        setRows(pending, outbox.rows())
        setRows(
          rejected,
          parked.filter(item => item.kind === 'rejected')
        )
        setRows(
          unknown,
          parked.filter(item => item.kind === 'unknown')
        )
        $connection.set(
          viewConnection({
            state: supervisor.state,
            error: supervisor.error,
            stats: supervisor.stats,
            casts: ports.casts,
            recentDrops: drops.length,
            since,
            toWall: mono => clock.now() + mono - clock.mono(),
            durability: outbox.disk.kind,
            durabilityReason,
            persisted,
            pending: outbox.stats,
            rejectedCount: rejected.get().length,
            unknownCount: unknown.get().length,
            canSend: !isClosed && outbox.hasRoom,
            isSender: outbox.gen > 0,
            sessionId: supervisor.sid,
            transport: supervisor.transport,
            isForgetful: supervisor.isForgetful,
            ...ports.tabs()
          })
        )
      })
    } catch (error) {
      ports.failed(error)
    }
    ports.painted()
  }

  return {
    $connection,
    pending,
    rejected,
    unknown,
    update(): void {
      stop ??= clock.soon(() => {
        stop = null
        paint()
      })
    },
    /** At once. */
    paint,
    phase(next: ConnectionState['phase']): void {
      if (next !== phase) since = clock.now()
      phase = next
    },
    dropped: (): void => void drops.push(clock.mono()),
    degraded(reason: string | null): void {
      durabilityReason = reason
    },
    persisted(granted: boolean): void {
      persisted = granted
    },
    close(): void {
      isClosed = true
      stop?.()
      paint()
    }
  }
}

function rowStore<T extends Row | ParkedRow>(actions: RowActions): RowStore<T> & { set(rows: readonly T[]): void } {
  return Object.assign(atom<readonly T[]>([]), actions)
}

function setRows<T>(store: RowStore<T> & { set(rows: readonly T[]): void }, next: readonly T[]): void {
  let now = store.get()
  if (now.length !== next.length || now.some((item, i) => item !== next[i])) store.set(next)
}
