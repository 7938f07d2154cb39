// What happens to a client, as lines for a log: for error tracking in production and for watching while one develops. Only reads
// what the client shows and tells anyway.

import type { Realtime } from '../client.js'
import type { Report, Stop } from '../ports.js'

export type LogLevel = Parameters<Report>[0]

export interface LogOptions {
  /** What is less than this is left out. Default `info`; `debug` also tells of every action that waits or was answered. */
  readonly level?: LogLevel
}

const LEVELS: readonly LogLevel[] = ['debug', 'info', 'warn', 'error']
/** Events of the client that are more than news; all others are `info`. */
const WORTH: Readonly<Record<string, LogLevel>> = {
  error: 'error',
  rejected: 'warn',
  unknown: 'warn',
  expired: 'warn',
  degraded: 'warn',
  reset: 'warn'
}

/**
 * Tells `report` of what happens to a client: every event by its name, `phase` with the statistics of the connection at each change of it,
 * and with `debug` `waiting` and `answered` for each action. Returns what ends it. What `report` throws disturbs nothing.
 *
 * ```ts
 * logClient(client, toConsole(console), { level: 'debug' }) // while developing
 * logClient(client, (level, code, detail) => level === 'error' && tracker.capture(code, detail), { level: 'error' })
 * ```
 */
export function logClient(
  client: Pick<Realtime, '$connection' | 'pending' | 'onAny'>,
  report: Report,
  { level: least = 'info' }: LogOptions = {}
): Stop {
  let tell: Report = (level, code, detail) => {
    if (LEVELS.indexOf(level) < LEVELS.indexOf(least)) return
    try {
      report(level, code, detail)
    } catch {
      // A log that fails has nobody to tell.
    }
  }

  let phase = client.$connection.get().phase
  let known = new Map(client.pending.get().map(row => [row.id, row]))
  let stops = [
    client.onAny((type, detail) => tell(Object.hasOwn(WORTH, type) ? (WORTH[type] as LogLevel) : 'info', type, detail)),
    client.$connection.listen(view => {
      if (view.phase === phase) return
      phase = view.phase
      let { reason, lastError, attempt, transport, latencyMs, quality, bytesIn, bytesOut } = view
      let pending = view.pending.count
      let detail = { phase, reason, lastError, attempt, transport, latencyMs, quality, bytesIn, bytesOut, pending }
      tell(phase === 'offline' ? 'warn' : 'info', 'phase', detail)
    }),
    client.pending.listen(rows => {
      let now = new Map(rows.map(row => [row.id, row]))
      for (let [id, { room, feature, type, lane }] of now)
        if (!known.has(id)) tell('debug', 'waiting', { id, room, feature, type, lane })
      for (let [id, { room, feature, type }] of known)
        if (!now.has(id)) tell('debug', 'answered', { id, room, feature, type })
      known = now
    })
  ]
  return () => {
    for (let stop of stops) stop()
  }
}

/** A report that writes to a console, with the level's own method. */
export function toConsole(console: Readonly<Record<LogLevel, (...line: unknown[]) => void>>): Report {
  return (level, code, detail) => console[level](`realtime: ${code}`, detail)
}
