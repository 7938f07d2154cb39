// Bundles the simulation with the real sources, or with sources in which something was broken on purpose. Nothing on disk is
// changed, and no production code knows of it.

import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

/** One text in a file below `src`, and what stands in its place. */
export interface Patch {
  readonly file: string
  readonly find: string
  readonly replace: string
}

/** The program of a worker. Throws when a text to be replaced is not there exactly once. */
export async function bundle(patches: readonly Patch[] = []): Promise<string> {
  for (let { file } of patches) await patched(join(ROOT, 'src', file), patches)
  let result = await build({
    absWorkingDir: ROOT,
    entryPoints: ['test/sim/worker.ts'],
    bundle: true,
    write: false,
    platform: 'node',
    format: 'cjs',
    logLevel: 'silent',
    plugins: [
      {
        name: 'breaks',
        setup(builder) {
          builder.onLoad({ filter: /[\\/]src[\\/].*\.ts$/ }, async ({ path }) => ({
            loader: 'ts',
            contents: await patched(path, patches)
          }))
        }
      }
    ]
  })
  return result.outputFiles[0]?.text as string
}

async function patched(path: string, patches: readonly Patch[]): Promise<string> {
  let text = await readFile(path, 'utf8')
  for (let { file, find, replace } of patches) {
    if (join(ROOT, 'src', file) !== path) continue
    let count = text.split(find).length - 1
    if (count !== 1) throw new Error(`src/${file} has this text ${count} times, not once: ${find}`)
    text = text.replace(find, () => replace)
  }
  return text
}
