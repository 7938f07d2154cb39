// npm run example -- <name>: builds what is missing, then runs one of the examples until Ctrl-C.
// --port chooses the page's port (default 4173, 0: any), --data the folder of its data.

import { existsSync, readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { buildIfNeeded } from './build-if-needed.mjs'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const serverOf = name => join(root, 'examples', name, 'server.js')
const names = readdirSync(join(root, 'examples')).filter(name => existsSync(serverOf(name)))

let running
let ending = false

process.on('SIGINT', end)
process.on('SIGTERM', end)

try {
  let { name, port, data } = readOptions()
  await buildIfNeeded()
  let { serve } = await import('../examples/serve.js')
  let example = await import(pathToFileURL(serverOf(name)).href)
  running = await serve({ name, example, port, data: data ?? join(root, '.data', name) })
  console.log(`\n  Open  http://127.0.0.1:${running.port}/\n`)
  for (let line of example.hints ?? []) console.log(`  · ${line}`)
  console.log('\n  Ctrl-C stops it.\n')
} catch (error) {
  console.error(`\n  ${error.message}\n`)
  process.exit(1)
}

async function end() {
  if (ending) process.exit(130) // asked twice: at once
  ending = true
  await running?.close()
  console.log('\n  Stopped. The data is still there for the next time.')
  process.exit(0)
}

function readOptions() {
  let { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { port: { type: 'string' }, data: { type: 'string' } }
  })
  let [name] = positionals
  if (!names.includes(name)) {
    throw new Error(`${name ? `There is no example «${name}».` : 'Which example?'} One of: ${names.join(', ')}.`)
  }
  let port = Number(values.port ?? '4173')
  if (!Number.isInteger(port) || port < 0 || port > 65_535) {
    throw new Error(`The port must be a number from 0 to 65535, not «${values.port}».`)
  }
  return { name, port, data: values.data }
}
