// npm start: builds what is missing, then runs the companion demo until Ctrl-C.
// PORT or --port chooses the page's port (0: any), DATA_DIR or --data the folder of the data.

import { parseArgs } from 'node:util'
import { startDemo } from '../examples/companion/demo.js'
import { buildIfNeeded } from './build-if-needed.mjs'

let demo
let ending = false

process.on('SIGINT', end)
process.on('SIGTERM', end)

try {
  let { port, data } = readOptions()
  await buildIfNeeded()
  demo = await startDemo({ port, data })
  for (let line of demo.greeting) console.log(line)
} catch (error) {
  console.error(`\n  ${error.message}\n`)
  process.exit(1)
}

async function end() {
  if (ending) process.exit(130) // asked twice: at once
  ending = true
  await demo?.close()
  console.log('\n  Stopped. The data is still there for the next time.')
  process.exit(0)
}

function readOptions() {
  let { values } = parseArgs({ options: { port: { type: 'string' }, data: { type: 'string' } } })
  let text = values.port ?? process.env.PORT ?? '4173'
  let port = Number(text)
  if (!Number.isInteger(port) || port < 0 || port > 65_535) {
    throw new Error(`The port must be a number from 0 to 65535, not «${text}».`)
  }
  return { port, data: values.data ?? process.env.DATA_DIR }
}
