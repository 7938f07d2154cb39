// The realtime server, in a process of its own so that it can be killed. Tells its parent when it listens, and ends with it.

import process from 'node:process'
import * as stores from 'realtime-stores'
import { createServer, createSqliteStorage, defaultPolicy } from 'realtime-stores/server/node'
import { stepsFeature } from './public/steps.js'

let features = [...stores.companionFeatures, stepsFeature(stores)]

/** What an app may decide. What is refused is rolled back at its author and shown there as rejected. */
function policy(request) {
  let content = request.feature === 'memory' ? (request.data?.content ?? request.data?.patch?.content ?? '') : ''
  if (/password/i.test(content)) throw new stores.RealtimeError('no-passwords', 'A password is no memory.')
  return defaultPolicy(request)
}

function openStorage() {
  try {
    return { storage: createSqliteStorage({ file: process.env.REALTIME_FILE }) }
  } catch (error) {
    return { note: error.message }
  }
}

let { storage, note } = openStorage()
let server
try {
  server = await createServer({
    port: Number(process.env.PORT),
    host: '127.0.0.1',
    features,
    policy,
    ...(storage && { storage })
  })
} catch (error) {
  process.send({ type: error.code === 'conflict' ? 'taken' : 'failed', message: error.message })
  process.disconnect()
}

if (server) {
  // Ctrl-C reaches the whole process group; the parent says when to end.
  process.on('SIGINT', () => {})
  let end = async () => {
    await server.close('the demo was stopped')
    await storage?.close?.()
    process.exit(0)
  }
  process.once('SIGTERM', end)
  process.once('disconnect', end)
  process.send({ type: 'listening', port: server.port, storage: storage ? 'disk' : 'memory', note })
}
