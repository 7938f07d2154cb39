// For `HANDLERS`: rooms that decide, on a server that is killed once, right behind the commit of the vote that decides and before
// anything of the announcement.

import { existsSync, writeFileSync } from 'node:fs'
import { votes } from '../../../dist/features/votes.js'
import { createDeciding } from '../../../dist/handlers/deciding.js'

export function install(hub) {
  let mark = `${process.env.DATABASE}.died`
  hub.watch(votes, ({ state }) => {
    if (existsSync(mark) || !state.media.some(({ status }) => status === 'decided')) return
    writeFileSync(mark, '')
    process.kill(process.pid, 'SIGKILL')
  })
  let deciding = createDeciding(hub)
  return { numbers: () => deciding.getRealtimeStats(), roomNumbers: ({ room }) => deciding.getRoomStats(room) }
}
