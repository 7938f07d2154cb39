// Serves one example: its page, the built library as modules for that page, and the realtime server on the same port. No build
// step: the page's import map says where `realtime-stores` and what it imports are.

import { createHash } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { createServer as createHttpServer } from 'node:http'
import { dirname, extname, join, normalize, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createServer, createSqliteStorage } from 'realtime-stores/server/node'

let here = dirname(fileURLToPath(import.meta.url))
let dist = join(here, '../dist')
let installed = join(here, '../node_modules')

const TYPES = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.mjs': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json',
  '.map': 'application/json',
  '.svg': 'image/svg+xml'
}

/** What the library imports, as files below node_modules. */
const PACKAGES = {
  nanostores: 'nanostores/index.js',
  mitt: 'mitt/dist/mitt.mjs',
  'idb-keyval': 'idb-keyval/dist/index.js',
  'partysocket/ws': 'partysocket/dist/ws.js'
}

/**
 * Starts an example and resolves when its page can be opened. `port` 0 takes any, `data` is the folder of its database.
 *
 * `example`: what `server.js` of its folder exports: `{ features, policy?, authenticate?, limits?, packages?, start? }`.
 * `packages` are further modules of its page (name to file below node_modules); `start(hub, { data })` starts its handlers and
 * returns what ends them.
 */
export async function serve({ name, example, port, data }) {
  let { features, packages = {}, start, ...options } = example
  let modules = { ...PACKAGES, ...packages }
  let importMap = importMapOf(modules)
  let pages = join(here, name, 'public')
  mkdirSync(data, { recursive: true })

  let http = createHttpServer((request, response) => {
    answer(new URL(request.url, 'http://page').pathname).then(
      ({ type, body }) => reply(response, 200, type, body),
      () => reply(response, 404, 'text/plain', 'Not here.\n')
    )
  })

  async function answer(path) {
    if (path === '/favicon.ico') return { type: 'image/svg+xml', body: '<svg xmlns="http://www.w3.org/2000/svg"/>' }
    if (path.startsWith('/modules/')) return module(path.slice('/modules/'.length))
    if (path.startsWith('/shared/')) return file(join(here, 'shared'), path.slice('/shared/'.length))
    if (path.startsWith('/dist/')) return file(dist, withEnding(path.slice('/dist/'.length)))
    let page = await file(pages, path.slice(1) || 'index.html')
    if (page.type !== TYPES['.html']) return page
    let script = `<script type="importmap">${importMap}</script>`
    return { ...page, body: page.body.toString().replace('<head>', `<head>\n    ${script}`) }
  }

  function reply(response, status, type, body) {
    let allowed = createHash('sha256').update(importMap).digest('base64')
    response.writeHead(status, {
      'content-type': type,
      'cache-control': 'no-cache',
      'x-content-type-options': 'nosniff',
      'content-security-policy': `default-src 'self'; script-src 'self' 'sha256-${allowed}'; img-src 'self' data:; style-src 'self' 'unsafe-inline'`
    })
    response.end(body)
  }

  let storage = createSqliteStorage({ file: join(data, `${name}.db`) })
  await listen(http, port)
  let server = await createServer({ server: http, path: '/realtime', features, storage, ...options })
  let end = await start?.(server.hub, { data })
  return {
    port: http.address().port,
    hub: server.hub,
    async close() {
      await end?.()
      await server.close('the example was stopped')
      await storage.close()
      await new Promise(resolve => {
        http.close(resolve)
        http.closeAllConnections()
      })
    }
  }
}

function importMapOf(modules) {
  let imports = { 'realtime-stores': '/dist/index.js', 'realtime-stores/': '/dist/' }
  for (let [name, file] of Object.entries(modules)) imports[name] = `/modules/${file}`
  return JSON.stringify({ imports })
}

/** `features/chat` is the file `features/chat.js`. */
function withEnding(path) {
  return extname(path) === '' ? `${path}.js` : path
}

/** A file of a package. What a bundler would fill in is filled in. */
async function module(name) {
  let { type, body } = await file(installed, name)
  return { type, body: body.toString().replaceAll('process.env.NODE_ENV', '"production"') }
}

async function file(folder, name) {
  let path = normalize(join(folder, decodeURIComponent(name)))
  if (!path.startsWith(folder + sep)) throw new Error('outside of the folder')
  return { type: TYPES[extname(path)] ?? 'application/octet-stream', body: await readFile(path) }
}

function listen(http, port) {
  return new Promise((resolve, reject) => {
    http.once('error', error => {
      let taken = error.code === 'EADDRINUSE'
      reject(taken ? new Error(`Port ${port} is taken. Choose another with --port, or 0 for any.`) : error)
    })
    http.listen(port, '127.0.0.1', resolve)
  })
}
