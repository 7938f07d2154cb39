// Which tab sends for this app and user: the one that holds the lock. Knows nothing of what is done with it.

import type { Locks, Stop } from '../ports.js'

export interface Lease {
  /** Resolves as soon as it is known whether this tab has it for now. */
  readonly settled: Promise<void>
  readonly held: boolean
  /** Gives it up and lines up again when `contend` is called. */
  release(): void
  contend(): void
}

/** Contends for the lease at once. Without locks the tab is alone and holds it. */
export function createLease({
  locks,
  name,
  changed
}: {
  locks: Locks | null
  name: string
  changed: (held: boolean) => void
}): Lease {
  let held = false
  let stop: Stop | null = null
  let settle!: () => void
  let settled = new Promise<void>(resolve => {
    settle = resolve
  })

  function take(): void {
    held = true
    settle()
    changed(true)
  }

  function lose(): void {
    held = false
    stop = null
    changed(false)
  }

  function contend(): void {
    if (stop) return
    if (locks) stop = locks.acquire(name, { held: take, waiting: settle, lost: lose })
    else {
      stop = () => {}
      take()
    }
  }

  contend()
  return {
    settled,
    get held() {
      return held
    },
    release() {
      stop?.()
      stop = null
      if (!held) return
      held = false
      changed(false)
    },
    contend
  }
}
