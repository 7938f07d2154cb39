// npm start: builds what is missing, then runs the companion demo until Ctrl-C.
// PORT or --port chooses the page's port (0: any), DATA_DIR or --data the folder of the data.

import { parseArgs } from 'node:util'
import { startDemo } from '../examples/companion/demo.js'
import { buildIfNeeded } from './build-if-needed.mjs'
import { portOf, untilStopped } from './until-stopped.mjs'

await untilStopped(async () => {
  let { values } = parseArgs({ options: { port: { type: 'string' }, data: { type: 'string' } } })
  let port = portOf(values.port ?? process.env.PORT)
  await buildIfNeeded()
  let { greeting, close } = await startDemo({ port, data: values.data ?? process.env.DATA_DIR })
  return { lines: greeting, close }
})
