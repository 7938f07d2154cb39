// The demo as a whole: the page's server and, in a process of its own, the realtime server.

import { mkdirSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createPageServer } from './page-server.js'
import { createSupervisor } from './supervisor.js'

let here = dirname(fileURLToPath(import.meta.url))
let root = join(here, '../..')

/** Resolves when the page can be opened. `port` 0 takes any. */
export async function startDemo({ port, data = join(root, '.data') }) {
  makeFolder(data)
  let supervisor = createSupervisor({ script: join(here, 'realtime-server.js') })
  let page = await createPageServer({
    port,
    supervisor,
    folders: { '/': join(here, 'public'), '/shared/': join(here, '../shared'), '/bundle/': join(root, 'dist/bundle') }
  })
  // What browsers keep belongs to the page's port, so what the server keeps does too.
  let file = join(data, `companion-${page.port}.db`)
  let wanted = page.port < 65_535 ? page.port + 1 : 0
  try {
    await supervisor.start({ port: wanted, env: { REALTIME_FILE: file } })
  } catch (error) {
    await page.close()
    throw error
  }
  let realtime = supervisor.state()
  return {
    greeting: greeting({ asked: port, page: page.port, wanted, realtime, file: relative(process.cwd(), file) }),
    async close() {
      await Promise.all([page.close(), supervisor.stop()])
    }
  }
}

function greeting({ asked, page, wanted, realtime, file }) {
  let taken = (port, what, other) => `  Port ${port} is taken, so ${what} is on ${other}.`
  let place = file.startsWith('..') ? resolve(file) : file
  let kept = realtime.storage === 'disk' ? `keeps its data in ${place}` : `keeps its data in memory: ${realtime.note}`
  return [
    '',
    ...(asked !== 0 && asked !== page ? [taken(asked, 'the page', page)] : []),
    ...(wanted !== 0 && wanted !== realtime.port ? [taken(wanted, 'the realtime server', realtime.port)] : []),
    `  Open  http://127.0.0.1:${page}/`,
    '',
    '  Ada and Ben share one companion. To try:',
    '  · choose a mood on one side and watch the other',
    '  · unplug one of them, press “100 actions”, plug in again',
    '  · press “Kill the server”: it really dies, and comes back',
    '  · reload the page whenever you like: nothing is lost',
    '',
    `  The realtime server (port ${realtime.port}) ${kept}.`,
    '  Ctrl-C stops everything.',
    ''
  ]
}

function makeFolder(path) {
  try {
    mkdirSync(path, { recursive: true })
  } catch (error) {
    throw new Error(`The folder for the data cannot be made: ${error.message}`)
  }
}
