// Receipts of the actions of this page, and what each outcome of a row means for them. Knows nothing of disks or rooms.

import { RealtimeError } from '../errors.js'
import type { Receipt } from '../feature.js'
import type { Outcome } from './outbox.js'
import { createReceipt, type ReceiptControl } from './receipt.js'

export type Ending = Outcome | { readonly kind: 'failed'; readonly error: RealtimeError }

export interface Ledger {
  open(id: string, awaits: 'stored' | 'sent'): Receipt
  reach(id: string, stage: 'stored' | 'sent' | 'acked' | 'visible'): void
  /** The row left the outbox. `watched`: its room is shown here, so that it will still become visible. */
  end(id: string, ending: Ending, watched: boolean): void
  drop(id: string): void
  /** No answer will be told here any more: what waits is delivered all the same, by the next client. */
  close(): void
}

export function createLedger(): Ledger {
  let open = new Map<string, ReceiptControl>()

  /** Part of the confirmed state before their rows left the outbox: told after that, so that the counts are right. */
  let early = new Set<string>()

  function fail(id: string, error: RealtimeError): void {
    if (early.delete(id)) open.get(id)?.reach('visible')
    else open.get(id)?.fail(error)
    open.delete(id)
  }

  return {
    open(id, awaits) {
      let control = createReceipt(id, awaits)
      open.set(id, control)
      return control.receipt
    },
    reach(id, stage) {
      let control = open.get(id)
      if (!control) return
      if (stage !== 'visible') control.reach(stage)
      else if (control.hasReached('acked')) {
        control.reach('visible')
        open.delete(id)
      } else early.add(id)
    },
    end(id, ending, watched) {
      if (ending.kind === 'acked') {
        let isVisible = early.delete(id)
        open.get(id)?.reach(isVisible ? 'visible' : 'acked')
        if (isVisible || !watched) open.delete(id)
      } else if (ending.kind === 'failed') fail(id, ending.error)
      else if (ending.kind === 'rejected' || ending.kind === 'unknown')
        fail(id, new RealtimeError(ending.code, ending.message || undefined))
      else {
        // What took its place is stored: whoever waits for that is not told a failure.
        if (ending.kind === 'replaced') open.get(id)?.reach('stored')
        fail(id, new RealtimeError(ending.kind))
      }
    },
    drop: id => fail(id, new RealtimeError('dropped')),
    close() {
      let error = new RealtimeError(
        'closed',
        'The client was closed before the answer came; a stored action is delivered by the next one.'
      )
      for (let id of [...open.keys()]) fail(id, error)
    }
  }
}
