// Asks the browser to keep what this site stores: once for the whole site, when there is something worth keeping. That it was
// asked is remembered on a disk of its own, for all apps, users and tabs. Knows nothing of what is kept.

import type { OpenDisk, Persistence } from '../ports.js'

const NAME = 'realtime-stores'
const ASKED = 'asked'

export function createPersistence(ports: {
  persistence: Persistence | null
  openDisk: OpenDisk | null
  /** What the browser has promised so far. */
  known: (granted: boolean) => void
  /** It was asked, and answered. */
  answered: (granted: boolean) => void
}) {
  let { persistence, openDisk, known, answered } = ports
  let isDone = !persistence || !openDisk
  // Asking nobody, and where it fails nothing is known.
  persistence?.granted().then(known, () => {})

  async function ask(storage: Persistence, open: OpenDisk): Promise<void> {
    if (await storage.granted()) return
    let disk = await open(NAME)
    let wasAsked = await disk.write('relaxed', async tx => {
      let before = await tx.get(ASKED)
      tx.put(ASKED, true)
      return before
    })
    disk.close()
    if (wasAsked) return
    let granted = await storage.ask()
    known(granted)
    answered(granted)
  }

  return {
    /** Something is on disk that would be missed. */
    stored(): void {
      if (isDone) return
      isDone = true
      ask(persistence as Persistence, openDisk as OpenDisk).catch(() => {})
    }
  }
}
