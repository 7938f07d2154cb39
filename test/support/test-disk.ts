// A disk that outlives the tabs which open it, and can be made to fail, to hang, or to forget.

import type { Disk, DiskReader, DiskWriter, Durability } from '../../src/ports.js'
import { createMemoryDisk } from '../../src/storage/memory.js'

export interface TestDisk extends Disk {
  /** Writes fail with this while it is set. */
  broken: Error | null
  /** How sure each completed write was asked to be. */
  readonly writes: Durability[]
  /** Transactions do not become complete from here on, until the returned function is called. */
  hold(): () => void
  /** How long a transaction takes. */
  latency: () => Promise<unknown>
  /** Somebody clears the site's data. */
  wipe(): Promise<void>
  /** Everything that is kept. */
  entries(): Promise<Map<string, unknown>>
}

export function createTestDisk(): TestDisk {
  let inner = createMemoryDisk()
  let gate: Promise<void> = Promise.resolve()
  let disk: TestDisk = {
    kind: 'disk',
    broken: null,
    writes: [],
    latency: () => Promise.resolve(),
    read: body => inner.read(tx => body(copying(tx))),
    async write(durability, body) {
      let result = await inner.write(durability, async tx => {
        if (disk.broken) throw disk.broken
        let result = await body(copying(tx))
        await disk.latency()
        await gate
        return result
      })
      disk.writes.push(durability)
      return result
    },
    onLost: () => () => {},
    close() {},
    hold() {
      let release!: () => void
      gate = new Promise(resolve => {
        release = resolve
      })
      return release
    },
    wipe: () => inner.write('strict', async tx => tx.deleteRange('', '\uffff')),
    entries: () => inner.read(async tx => new Map(await tx.range('', '\uffff')))
  }
  return disk
}

/** As a database does: what is stored is a copy, and so is what is read. */
function copying<T extends DiskReader | DiskWriter>(tx: T): T {
  return {
    ...tx,
    get: async (key: string) => structuredClone(await tx.get(key)),
    range: async (from: string, to: string, limit?: number) => structuredClone(await tx.range(from, to, limit)),
    ...('put' in tx ? { put: (key: string, value: unknown) => tx.put(key, structuredClone(value)) } : {})
  }
}
