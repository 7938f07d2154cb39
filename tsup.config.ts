import { existsSync, readdirSync } from 'node:fs'
import { defineConfig, type Options } from 'tsup'

/** Every door of the package. A folder that is not there yet simply adds none. */
const doors = [
  ...files('.', /^index\.ts$/),
  ...['features', 'handlers', 'kits', 'devices', 'elements'].flatMap(folder => files(folder, /\.ts$/)),
  ...['react', 'svelte', 'worker', 'testing', 'devtools'].flatMap(folder => files(folder, /^index\.tsx?$/)),
  ...files('transport', /^socket-io\.ts$/),
  ...files('server', /^(index|node|edge|cli)\.ts$/)
]

function files(folder: string, name: RegExp): string[] {
  const path = folder === '.' ? 'src' : `src/${folder}`
  return existsSync(path)
    ? readdirSync(path)
        .filter(file => name.test(file))
        .map(file => `${path}/${file}`)
    : []
}

const common: Options = { target: 'es2022', sourcemap: true, dts: false, clean: false }

// One build for all doors: browser and server share their chunks, so an error class or a symbol exists once.
const library: Options = {
  ...common,
  entry: Object.fromEntries(doors.map(path => [path.replace(/^src\/|\.tsx?$/g, ''), path])),
  format: ['esm'],
  platform: 'neutral',
  splitting: true,
  skipNodeModulesBundle: true,
  removeNodeProtocol: false,
  external: [/^(node|cloudflare):/]
}

// For a page without a build step: everything inside, nanostores too.
const bundle: Options = {
  ...common,
  entry: { 'realtime-stores': 'src/index.ts' },
  outDir: 'dist/bundle',
  format: ['esm', 'iife'],
  globalName: 'RealtimeStores',
  platform: 'browser',
  // One file: what is loaded when it is needed elsewhere is inside here.
  splitting: false,
  minify: true,
  sourcemap: false,
  noExternal: [/.*/],
  define: { 'process.env.NODE_ENV': '"production"' }
}

export default defineConfig([...(doors.length > 0 ? [library] : []), ...(existsSync('src/index.ts') ? [bundle] : [])])
