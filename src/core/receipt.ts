// The promises of one action's stages. They are made when somebody asks for them: twenty thousand waiting actions that
// nobody watches cost twenty thousand small objects and no promise.

import { RealtimeError } from '../errors.js'
import type { Receipt, ReceiptSummary } from '../feature.js'

type Stage = 'stored' | 'sent' | 'acked' | 'visible'
const STAGES: readonly Stage[] = ['stored', 'sent', 'acked', 'visible']

/** The inner side of a receipt. Reaching a stage twice, or one after a failure, does nothing. */
export interface ReceiptControl {
  readonly receipt: Receipt
  reach(stage: Stage): void
  hasReached(stage: Stage): boolean
  /** Fails every stage that was not reached. */
  fail(error: RealtimeError): void
}

interface Slot {
  promise: Promise<void>
  resolve(): void
  reject(error: unknown): void
}

/** Makes a receipt. `awaits` is the stage at which awaiting the receipt itself resolves. */
export function createReceipt(id: string, awaits: 'stored' | 'sent'): ReceiptControl {
  /** How many stages were reached: a later one implies the earlier ones. */
  let reached = 0
  let failure: RealtimeError | null = null
  let slots = new Map<Stage, Slot>()

  function stage(name: Stage): Promise<void> {
    let slot = slots.get(name)
    if (!slot) {
      let resolve!: () => void
      let reject!: (error: unknown) => void
      let promise = new Promise<void>((yes, no) => {
        resolve = yes
        reject = no
      })
      // Nobody has to watch every stage.
      promise.catch(() => {})
      slot = { promise, resolve, reject }
      slots.set(name, slot)
      if (STAGES.indexOf(name) < reached) resolve()
      else if (failure) reject(failure)
    }
    return slot.promise
  }

  async function summary(): Promise<ReceiptSummary> {
    try {
      await stage(awaits)
      return { id, stage: awaits }
    } catch (error) {
      if (error instanceof RealtimeError && error.code === 'dropped') return { id, stage: 'dropped' }
      throw error
    }
  }

  return {
    receipt: {
      id,
      get stored() {
        return stage('stored')
      },
      get sent() {
        return stage('sent')
      },
      get acked() {
        return stage('acked')
      },
      get visible() {
        return stage('visible')
      },
      // biome-ignore lint/suspicious/noThenProperty: awaiting a receipt is part of its contract.
      then: (fulfilled, rejected) => summary().then(fulfilled, rejected)
    },
    reach(name) {
      if (failure) return
      for (let count = STAGES.indexOf(name) + 1; reached < count; reached++)
        slots.get(STAGES[reached] as Stage)?.resolve()
    },
    hasReached: name => STAGES.indexOf(name) < reached,
    fail(error) {
      if (failure) return
      failure = error
      for (let name of STAGES.slice(reached)) slots.get(name)?.reject(error)
    }
  }
}
