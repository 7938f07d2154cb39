// A static server for end-to-end tests: one almost empty page that puts the built library on `window.RS`.

import { readFile, stat } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { dirname, extname, join, normalize, sep } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = join(dirname(fileURLToPath(import.meta.url)), '../..')

const folders = { '/bundle/': 'dist/bundle', '/dist/': 'dist', '/examples/': 'examples', '/modules/': 'node_modules' }

const types: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.mjs': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json',
  '.map': 'application/json',
  '.svg': 'image/svg+xml',
  '.png': 'image/png'
}

const emptyPage = `<!doctype html>
<html lang="en">
  <meta charset="utf-8">
  <title>realtime-stores</title>
  <script type="module">
    import * as RS from '/bundle/realtime-stores.js'
    window.RS = RS
  </script>
</html>
`

/**
 * The same from the modules of the package, each loaded when it is asked for: `await load('realtime-stores/features/chat')`.
 * `window.RS` is the main entry.
 */
export const modulePage = `<!doctype html>
<html lang="en">
  <meta charset="utf-8">
  <title>realtime-stores</title>
  <script type="importmap">
    {
      "imports": {
        "realtime-stores": "/dist/index.js",
        "realtime-stores/": "/dist/",
        "nanostores": "/modules/nanostores/index.js",
        "mitt": "/modules/mitt/dist/mitt.mjs",
        "idb-keyval": "/modules/idb-keyval/dist/index.js",
        "partysocket/ws": "/modules/partysocket/dist/ws.js",
        "socket.io-client": "/modules/socket.io-client/dist/socket.io.esm.min.js"
      }
    }
  </script>
  <script type="module">
    import * as RS from 'realtime-stores'
    window.RS = RS
    window.load = name => import(name)
  </script>
</html>
`

export interface PageServer {
  /** Ends without a slash: `http://127.0.0.1:4711`. Once `page.goto(url)` resolved, `window.RS` is there. */
  url: string
  port: number
  /** Serves another page or script of this origin; its type is that of its ending, else HTML. */
  put(path: string, body: string): void
  /** What pages have POSTed to `/told`, for those that nothing may be attached to. */
  readonly told: string[]
  close(): Promise<void>
}

/** Give `port` to serve the same origin again, and so the same browser storage. */
export async function servePage({ port = 0, html = emptyPage } = {}): Promise<PageServer> {
  const more = new Map<string, string>()
  const told: string[] = []
  const server = createServer((request, response) => {
    const path = request.url?.split(/[?#]/)[0] ?? '/'
    const send = (status: number, type: string, body: string | Buffer) =>
      response.writeHead(status, { 'content-type': type, 'cache-control': 'no-cache' }).end(body)
    if (path === '/') return void send(200, types['.html'] as string, html)
    const own = more.get(path)
    if (own !== undefined) return void send(200, types[extname(path)] ?? (types['.html'] as string), own)
    if (path === '/told') {
      let text = ''
      request.setEncoding('utf8').on('data', chunk => (text += chunk))
      return void request.on('end', () => {
        told.push(text)
        response.writeHead(204).end()
      })
    }
    if (path === '/favicon.ico') return void response.writeHead(204).end()
    readStatic(path).then(
      ({ type, body }) => send(200, type, body),
      () => send(404, 'text/plain', `${path} is not here. Was the library built? (npm run build)`)
    )
  })
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(port, '127.0.0.1', resolve))
  const actual = (server.address() as AddressInfo).port
  return {
    url: `http://127.0.0.1:${actual}`,
    port: actual,
    put: (path, body) => void more.set(path, body),
    told,
    close: () =>
      new Promise(resolve => {
        server.close(() => resolve())
        server.closeAllConnections()
      })
  }
}

async function readStatic(path: string) {
  const mount = Object.entries(folders).find(([prefix]) => path.startsWith(prefix))
  if (!mount) throw new Error('not a served folder')
  const folder = join(root, mount[1])
  let file = normalize(join(folder, decodeURIComponent(path.slice(mount[0].length))))
  if (file !== folder && !file.startsWith(folder + sep)) throw new Error('outside of the folder')
  if (mount[1] === 'dist' && extname(file) === '') file += '.js'
  if ((await stat(file)).isDirectory()) file = join(file, 'index.html')
  let body = await readFile(file)
  let type = types[extname(file)] ?? 'application/octet-stream'
  // What a bundler would fill in.
  if (mount[1] === 'node_modules') return { type, body: body.toString().replaceAll('process.env.NODE_ENV', '"test"') }
  return { type, body }
}
