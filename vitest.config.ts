import { playwright } from '@vitest/browser-playwright'
import { defineConfig } from 'vitest/config'
import { chromiumFlags, findChromium } from './scripts/find-chromium.mjs'

const executablePath = findChromium()
const measured = ['test/e2e/{load,flapping,herd,tabs}.test.ts']

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          environment: 'happy-dom',
          include: ['test/unit/**/*.test.{ts,tsx}'],
          setupFiles: ['fake-indexeddb/auto']
        }
      },
      {
        test: {
          name: 'node',
          environment: 'node',
          include: ['test/node/**/*.test.ts', 'test/sim/**/*.test.ts', 'test/architecture.test.ts']
        }
      },
      {
        // Known beforehand, so that Vite does not reload the page when it meets one in the middle of a test.
        optimizeDeps: { include: ['idb-keyval', 'mitt', 'nanostores', 'partysocket/ws'] },
        test: {
          name: 'browser',
          include: ['test/browser/**/*.test.{ts,tsx}'],
          browser: {
            enabled: true,
            headless: true,
            screenshotFailures: false,
            provider: playwright({
              launchOptions: { args: chromiumFlags, ...(executablePath && { executablePath }) }
            }),
            instances: [{ browser: 'chromium' }]
          }
        }
      },
      {
        test: {
          name: 'e2e',
          environment: 'node',
          include: ['test/e2e/**/*.test.ts'],
          exclude: measured,
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
          testTimeout: 60_000,
          hookTimeout: 60_000
        }
      },
      {
        // The suites that must hold on every transport, once more where no WebSocket opens.
        test: {
          name: 'e2e-http',
          environment: 'node',
          include: ['test/e2e/{offline,recovery,refusal,crash,auth,personas}.test.ts'],
          env: { E2E_TRANSPORT: 'http' },
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
          testTimeout: 60_000,
          hookTimeout: 60_000
        }
      },
      {
        // What is measured runs when everything else is over, one file at a time.
        test: {
          name: 'e2e-measured',
          environment: 'node',
          include: measured,
          fileParallelism: false,
          sequence: { groupOrder: 2 },
          testTimeout: 60_000,
          hookTimeout: 60_000
        }
      },
      {
        test: {
          name: 'e2e-http-measured',
          environment: 'node',
          include: ['test/e2e/tabs.test.ts'],
          env: { E2E_TRANSPORT: 'http' },
          fileParallelism: false,
          sequence: { groupOrder: 3 },
          testTimeout: 60_000,
          hookTimeout: 60_000
        }
      }
    ]
  }
})
