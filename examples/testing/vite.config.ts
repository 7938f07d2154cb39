// Serves the app with its server in the same process (`npx vite examples/testing`), and runs its tests.

import type { Server } from 'node:http'
import type { Plugin } from 'vite'
import { defineConfig } from 'vitest/config'

let realtimeServer: Plugin = {
  name: 'realtime-server',
  apply: (_, { command, mode }) => command === 'serve' && mode !== 'test',
  async configureServer(vite) {
    let { serve } = (await vite.ssrLoadModule('/server.ts')) as typeof import('./server.js')
    void serve(vite.httpServer as Server)
  }
}

export default defineConfig({
  plugins: [realtimeServer],
  test: { environment: 'happy-dom', include: ['*.test.tsx'] }
})
