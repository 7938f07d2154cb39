// A disk that was lost is looked for again, ever more rarely, until it takes back what lives in memory. Knows nothing of what
// that is.

import type { Clock, Disk, Stop } from '../ports.js'

/** Waits before the first try and at most between two, in milliseconds. */
const FIRST = 2000
const LONGEST = 60_000

/** `adopt` brings everything to the disk; it rejects when the disk does not take it. */
export function createRecovery({
  open,
  clock,
  adopt
}: {
  open: () => Promise<Disk>
  clock: Clock
  adopt: (disk: Disk) => Promise<void>
}) {
  let stop: Stop | null = null
  let closed = false

  async function look(waited: number): Promise<void> {
    let disk: Disk | null = null
    try {
      disk = await open()
      if (closed) throw new Error('closed')
      await adopt(disk)
      stop = null
    } catch {
      disk?.close()
      if (!closed) lookAfter(Math.min(2 * waited, LONGEST))
    }
  }

  function lookAfter(ms: number): void {
    stop = clock.after(ms, () => void look(ms))
  }

  return {
    lost(): void {
      if (!stop && !closed) lookAfter(FIRST)
    },
    close(): void {
      closed = true
      stop?.()
    }
  }
}
