// npm run example -- <name>: builds what is missing, then runs one of the examples until Ctrl-C.
// --port chooses the page's port (default 4173, 0: any), --data the folder of its data.

import { existsSync, readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { buildIfNeeded } from './build-if-needed.mjs'
import { portOf, untilStopped } from './until-stopped.mjs'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const serverOf = name => join(root, 'examples', name, 'server.js')
const names = readdirSync(join(root, 'examples')).filter(name => existsSync(serverOf(name)))

await untilStopped(async () => {
  let options = { port: { type: 'string' }, data: { type: 'string' } }
  let { values, positionals } = parseArgs({ allowPositionals: true, options })
  let [name] = positionals
  if (!names.includes(name)) {
    throw new Error(`${name ? `There is no example «${name}».` : 'Which example?'} One of: ${names.join(', ')}.`)
  }
  let port = portOf(values.port)
  await buildIfNeeded()
  let { serve } = await import('../examples/serve.js')
  let example = await import(pathToFileURL(serverOf(name)).href)
  let running = await serve({ name, example, port, data: values.data ?? join(root, '.data', name) })
  let hints = (example.hints ?? []).map(hint => `  · ${hint}`)
  let lines = ['', `  Open  http://127.0.0.1:${running.port}/`, '', ...hints, '', '  Ctrl-C stops it.', '']
  return { lines, close: running.close }
})
