// A disk that is still being opened: work waits until it is there. Where it cannot be opened, memory takes its place.

import type { Disk, OpenDisk } from '../ports.js'
import { createMemoryDisk } from './memory.js'

/** Starts opening at once. `missing` is told, with the reason, when there will be memory only. */
export function createLateDisk(open: OpenDisk | null, name: string, missing: (reason: string) => void): Disk {
  let disk: Disk | null = null
  let opening: Promise<Disk> = open
    ? open(name).catch(error => {
        missing(error instanceof Error ? error.message : String(error))
        return createMemoryDisk()
      })
    : Promise.resolve(createMemoryDisk())
  opening = opening.then(opened => {
    disk = opened
    return opened
  })
  return {
    get kind() {
      return disk?.kind ?? (open ? 'disk' : 'memory')
    },
    read: async body => (await opening).read(body),
    write: async (durability, body) => (await opening).write(durability, body),
    onLost(call) {
      let stop = (): void => {}
      void opening.then(opened => {
        stop = opened.onLost(call)
      })
      return () => stop()
    },
    close: () => void opening.then(opened => opened.close())
  }
}
