// The server of the app, on the HTTP server of whoever serves the page.

import type { Server } from 'node:http'
import { createServer } from 'realtime-stores/server/node'
import { policy } from './policy.js'
import { shopping } from './shopping.js'

export let serve = (server: Server) => createServer({ server, features: [shopping], policy })
