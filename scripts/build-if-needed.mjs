// Builds the JavaScript when a source is newer than what was built; takes a second or two.

import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, statSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const built = ['dist/bundle/realtime-stores.js', 'dist/server/node.js'].map(path => join(root, path))

/** Throws one clear sentence when it cannot be built. */
export async function buildIfNeeded() {
  let sources = readdirSync(join(root, 'src'), { recursive: true }).map(path => join(root, 'src', path))
  let newest = Math.max(...[...sources, join(root, 'tsup.config.ts')].map(changedAt))
  if (built.every(path => existsSync(path) && changedAt(path) >= newest)) return

  console.log('\n  Building …')
  let { status, stdout, stderr } = spawnSync(process.execPath, [tsup(), '--silent'], { cwd: root, encoding: 'utf8' })
  // What esbuild says of the sources is helpful, where it was in its own code is not.
  if (status !== 0)
    throw new Error(`The build failed:\n\n${(stdout + stderr).split(/^\w*\s*(?:Build failed|Error:)/m)[0].trim()}`)
}

function tsup() {
  try {
    let require = createRequire(import.meta.url)
    return join(dirname(require.resolve('tsup/package.json')), 'dist/cli-default.js')
  } catch {
    throw new Error('The build tools are not here yet. Run: npm install')
  }
}

function changedAt(path) {
  return statSync(path).mtimeMs
}
