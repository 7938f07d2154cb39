// Serves the page and what it needs, and lets the page see, kill and start the realtime server. For this machine only.

import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { extname, join, normalize, sep } from 'node:path'

const TYPES = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json',
  '.map': 'application/json',
  '.svg': 'image/svg+xml'
}
const HOST = '127.0.0.1'
/** Ports tried after a taken one, before any free one is taken. */
const NEIGHBOURS = 10

/** `folders`: address prefix to folder; the longest prefix counts. */
export async function createPageServer({ port, folders, supervisor }) {
  let server = createServer((request, response) => {
    answer(request, response).catch(() => reply(response, 404, 'Not here.\n'))
  })

  async function answer(request, response) {
    let path = decodeURIComponent(request.url.split(/[?#]/)[0])
    if (!isOurs(request)) return reply(response, 403, 'Only for the page itself.\n')
    if (path === '/server/events') return follow(request, response)
    if (path === '/server') return state(response)
    if (request.method === 'POST' && path === '/server/kill') supervisor.kill()
    else if (request.method === 'POST' && path === '/server/start') supervisor.startNow()
    else if (request.method === 'GET') return file(path, response)
    else return reply(response, 405, 'Not like this.\n')
    return state(response)
  }

  function state(response) {
    reply(response, 200, JSON.stringify(supervisor.state()), TYPES['.json'])
  }

  /** The state now and at every change, as server-sent events. */
  function follow(request, response) {
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' })
    let send = state => response.write(`data: ${JSON.stringify(state)}\n\n`)
    send(supervisor.state())
    request.once('close', supervisor.listen(send))
  }

  async function file(path, response) {
    let prefix = Object.keys(folders)
      .filter(prefix => path.startsWith(prefix))
      .sort((a, b) => b.length - a.length)[0]
    let name = normalize(join(folders[prefix], path.slice(prefix.length) || 'index.html'))
    if (!name.startsWith(folders[prefix] + sep)) return reply(response, 404, 'Not here.\n')
    reply(response, 200, await readFile(name), TYPES[extname(name)], {
      'content-security-policy': `default-src 'self'; img-src 'self' data:; connect-src 'self' ws://127.0.0.1:* ws://localhost:*`
    })
  }

  return {
    port: await listen(server, port),
    close: () =>
      new Promise(resolve => {
        server.close(resolve)
        server.closeAllConnections()
      })
  }
}

/** Other sites must not kill this server, nor read what it serves under a name of theirs. */
function isOurs({ headers }) {
  let { host = '', origin } = headers
  return /^(127\.0\.0\.1|localhost)(:\d+)?$/.test(host) && (origin === undefined || origin === `http://${host}`)
}

function reply(response, status, body, type = 'text/plain; charset=utf-8', more = {}) {
  response.writeHead(status, {
    'content-type': type,
    'cache-control': 'no-cache',
    'x-content-type-options': 'nosniff',
    ...more
  })
  response.end(body)
}

/** Takes the port, or when it is taken one of its neighbours, or any. Resolves to the one it got. */
async function listen(server, port) {
  let candidates = [
    port,
    ...Array.from({ length: NEIGHBOURS }, (_, i) => port + 2 * (i + 1)).filter(next => next < 65_535),
    0
  ]
  for (let candidate of port === 0 ? [0] : candidates) {
    try {
      await new Promise((resolve, reject) => {
        server.once('error', reject)
        server.listen(candidate, HOST, () => {
          server.off('error', reject)
          resolve()
        })
      })
      return server.address().port
    } catch (error) {
      if (error.code === 'EACCES')
        throw new Error(`Port ${candidate} needs more rights. Choose one above 1023: npm start -- --port 4173`)
      if (error.code !== 'EADDRINUSE') throw error
    }
  }
  throw new Error('There is no free port.')
}
