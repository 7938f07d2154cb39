// An action from its call to the outbox, or as a cast onto the wire: checked, copied, painted, given a receipt. What becomes
// of it afterwards is decided elsewhere and told to the ledger.

import type { ClientRooms } from './client-rooms.js'
import { createConflation } from './conflate.js'
import type { CastCounts } from './core/connection-view.js'
import type { Ledger } from './core/ledger.js'
import type { Outbox } from './core/outbox.js'
import type { Row } from './core/rows.js'
import { RealtimeError } from './errors.js'
import { type AnyFeature, type EventMap, type EventSpec, type Receipt, validateDraft } from './feature.js'
import type { Clock, Stop } from './ports.js'
import { byteLength } from './protocol/codec.js'
import type { CastFrame, Frame } from './protocol/frames.js'

/** A message larger than this is refused at the call; the server may say less in its welcome. */
const DEFAULT_MAX = 64 * 1024
/** What a frame needs besides the data. */
const ENVELOPE = 512

export interface ClientActionsPorts {
  readonly user: string
  readonly clock: Clock
  readonly outbox: Outbox
  readonly ledger: Ledger
  readonly casts: CastCounts
  readonly rooms: () => ClientRooms
  readonly send: (frames: readonly Frame[]) => boolean
  readonly serverNow: () => number
  /** Counts changed. */
  readonly changed: () => void
  readonly failed: (error: unknown) => void
}

export type ClientActions = ReturnType<typeof createClientActions>

export function createClientActions(ports: ClientActionsPorts) {
  let { user, clock, outbox, ledger, casts, send, serverNow, failed } = ports
  let max = DEFAULT_MAX
  let stopExpiry: Stop | null = null

  function append(row: Row): void {
    outbox.append(row)
    let core = ports.rooms().get(row.room)
    core?.replica.addPending([row])
    core?.paint('top')
    ports.changed()
  }

  let stream = createConflation<CastFrame & { id: string }>(
    clock,
    frames => {
      let left = frames.filter(({ room }) => ports.rooms().get(room))
      if (send(left)) {
        casts.sent += left.length
        for (let { id } of left) ledger.reach(id, 'sent')
      }
      // A stream has no answers: what was not sent by now never will be, and nothing further is promised.
      for (let { id } of frames) ledger.drop(id)
    },
    ({ id }) => {
      casts.conflated++
      ledger.drop(id)
    }
  )

  function cast(frame: CastFrame & { id: string }, rate: number): Receipt {
    let { room, feature, type, key, id } = frame
    let receipt = ledger.open(id, 'sent')
    let core = ports.rooms().get(room)
    if (core && !core.room.$status.get().stale) {
      stream.add(JSON.stringify([room, feature, type, key]), rate, frame)
      core.receive({ ...frame, by: user, at: serverNow() })
      core.paint('top')
    } else ledger.drop(id)
    return receipt
  }

  return {
    /** The largest message that the server takes, in bytes. */
    limit(bytes: number): void {
      max = Math.min(DEFAULT_MAX, bytes)
    },
    dispatch(room: string, feature: AnyFeature, type: string, data: unknown, id: string): Receipt {
      validateDraft(feature, type, data)
      let { delivery, lane, key: keyOf } = (feature.events as EventMap)[type] as EventSpec<unknown>
      let text = JSON.stringify(data)
      if (byteLength(text) > max - ENVELOPE) {
        throw new RealtimeError(
          'too-large',
          `${feature.name}.${type} has ${byteLength(text)} bytes; one action may have ${max - ENVELOPE}.`
        )
      }
      // A copy: what the caller does with the object afterwards must not change what was accepted.
      let copy: unknown = JSON.parse(text)
      let key = keyOf?.(copy) ?? ''
      if (delivery.kind === 'volatile') {
        let ttl = delivery.seconds
        return cast({ f: 'cast', room, feature: feature.name, type, data: copy, key, ttl, id }, delivery.rate)
      }
      let row: Row = {
        n: 0,
        id,
        room,
        lane,
        feature: feature.name,
        type,
        data: copy,
        at: clock.now(),
        ...(delivery.kind === 'ttl' ? { ttl: delivery.seconds } : {}),
        ...(delivery.kind === 'latest' ? { key: `${feature.name}/${type}/${key}` } : {})
      }
      append(row)
      return ledger.open(id, 'stored')
    },
    /** Waits for the next row that grows too old before it could leave. */
    watchExpiry(): void {
      stopExpiry?.()
      stopExpiry = null
      let next = outbox.nextOver()
      if (next === Infinity) return
      stopExpiry = clock.after(Math.max(50, next + 1), () => {
        outbox.withdraw(row => outbox.timeLeft(row) < 0, { kind: 'expired' }).catch(failed)
      })
    },
    close(): void {
      stopExpiry?.()
      stream.close()
    }
  }
}
