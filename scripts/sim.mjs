// Simulated worlds from the command line.
//   npm run sim -- --seed 123             one seed; a failure is shortened and printed
//   npm run sim -- --schedule file.json   one schedule
//   npm run sim:long -- --seeds 100000    many seeds on all cores; --from 5000 begins there

import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { build } from 'esbuild'

const root = fileURLToPath(new URL('..', import.meta.url))
const outfile = join(root, 'node_modules', '.cache', `sim-${process.pid}.mjs`)
process.on('exit', () => rmSync(outfile, { force: true }))
await build({
  absWorkingDir: root,
  entryPoints: ['test/sim/cli.ts'],
  bundle: true,
  platform: 'node',
  format: 'esm',
  packages: 'external',
  outfile,
  logLevel: 'error',
  // Paths are found from where the source is, not from where its bundle lies.
  define: { 'import.meta.url': JSON.stringify(pathToFileURL(join(root, 'test/sim/cli.ts')).href) }
})
await import(pathToFileURL(outfile).href)
