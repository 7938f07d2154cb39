// What an import costs: built, minified, then packed. `node bench/sizes.mjs` prints the table, `--write` puts it into README.md.

import { readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { brotliCompressSync, gzipSync } from 'node:zlib'
import { table } from './tally.mjs'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const require = createRequire(import.meta.url)
// It comes with the build tool, so that both speak of the same one.
export const esbuild = createRequire(require.resolve('tsup/package.json'))('esbuild')

const MARKS = ['<!-- sizes: node bench/sizes.mjs --write -->', '<!-- /sizes -->']

/**
 * Name, what it is, and what an app would write.
 * @type {[name: string, what: string, code: string][]}
 */
const ENTRIES = [
  ['`createRealtime`', 'the client, without features', `export { createRealtime } from './dist/index.js'`],
  [
    '… and a feature of your own',
    '`defineFeature`, `durable` and four validators',
    `export { createRealtime, defineFeature, durable, integer, object, oneOf, string } from './dist/index.js'`
  ],
  ['… and `avatar`', 'one of our features', `export { avatar, createRealtime } from './dist/index.js'`],
  [
    '`realtimeService`',
    'the companion: all features, devices and stores',
    `export { realtimeService, realtimeAvatar, realtimeStatus } from './dist/index.js'`
  ],
  ['`/devices/geolocation`', 'place', `export * from './dist/devices/geolocation.js'`],
  ['`/devices/motion`', 'accelerometer, gyroscope', `export * from './dist/devices/motion.js'`],
  ['`/devices/gestures`', 'touch gestures', `export * from './dist/devices/gestures.js'`],
  [
    '`/transport/socket-io`',
    'over a Socket.IO backend, with its client',
    `export * from './dist/transport/socket-io.js'`
  ],
  ['`/bundle`', 'one file for a page without a build', `export * from './dist/bundle/realtime-stores.js'`],
  ['`/server`', 'the server engine, without transport', `export * from './dist/server/index.js'`]
]

/** Bytes of every entry: with nanostores and, where that differs, without. */
export async function measureSizes() {
  let sizes = []
  for (let [name, what, code] of ENTRIES) {
    let [full, bare] = await Promise.all([measure(code, []), measure(code, ['nanostores'])])
    sizes.push({ name, what, ...full, withoutNanostores: bare.brotli })
  }
  return sizes
}

async function measure(contents, external) {
  let { outputFiles } = await esbuild.build({
    stdin: { contents, resolveDir: root },
    bundle: true,
    minify: true,
    write: false,
    format: 'esm',
    target: 'es2022',
    external: [...external, 'node:*'],
    define: { 'process.env.NODE_ENV': '"production"' },
    logLevel: 'error'
  })
  let bytes = outputFiles[0].contents
  return { min: bytes.length, gzip: gzipSync(bytes, { level: 9 }).length, brotli: brotliCompressSync(bytes).length }
}

export function sizeTable(sizes) {
  return table(
    ['import', 'what it is', 'minified', 'gzip', 'brotli', 'brotli, nanostores not counted'],
    sizes.map(({ name, what, min, gzip, brotli, withoutNanostores }) => [
      name,
      what,
      ...[min, gzip, brotli, withoutNanostores].map(kilobytes)
    ])
  )
}

/** The table in README.md as `{ name: [min, gzip, brotli, without] }`, in kB. */
export function readSizes(markdown) {
  let [from, to] = MARKS.map(mark => markdown.indexOf(mark))
  if (from < 0 || to < from) throw new Error(`README.md has no table between ${MARKS.join(' and ')}`)
  let rows = markdown
    .slice(from, to)
    .split('\n')
    .filter(line => line.startsWith('|'))
    .slice(2)
  return Object.fromEntries(
    rows.map(row => {
      let [name, , ...numbers] = row
        .split('|')
        .slice(1, -1)
        .map(cell => cell.trim())
      return [name, numbers.map(Number.parseFloat)]
    })
  )
}

/** kB of 1000 bytes, one digit. */
export function kilobytes(bytes) {
  return `${(bytes / 1000).toFixed(1)} kB`
}

export function writeSizes(sizes) {
  let file = join(root, 'README.md')
  let text = readFileSync(file, 'utf8')
  readSizes(text)
  let [from, to] = [text.indexOf(MARKS[0]) + MARKS[0].length, text.indexOf(MARKS[1])]
  writeFileSync(file, `${text.slice(0, from)}\n\n${sizeTable(sizes)}\n\n${text.slice(to)}`)
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  let sizes = await measureSizes()
  console.log(sizeTable(sizes))
  if (process.argv.includes('--write')) writeSizes(sizes)
}
