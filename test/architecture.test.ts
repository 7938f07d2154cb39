// The floors of the house. Imports go downward, or stay within a room; nothing imports a door.

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { type House, problemsIn, type Rule } from './support/architecture.js'

const floor = (floor: number, room: string, ...files: string[]): Rule => ({ floor, room, files })
const door = (room: string, ...files: string[]): Rule => ({ floor: 5, room, files, door: true })

const house: House = {
  // The first line that matches a file counts.
  rules: [
    // words
    floor(0, 'words', 'protocol/**', 'schema.ts', 'errors.ts'),
    // contracts
    floor(1, 'contracts', 'feature.ts', 'ports.ts', 'events.ts', 'conflate.ts'),
    // doors
    door('index', 'index.ts'),
    door('react', 'react/**'),
    door('svelte', 'svelte/**'),
    door('elements', 'elements/**'),
    door('worker', 'worker/**'),
    door('testing', 'testing/**'),
    door('devtools', 'devtools/**'),
    door('server/index', 'server/index.ts'),
    door(
      'server/node',
      'server/node.ts',
      'server/node-http.ts',
      'server/node-publish.ts',
      'server/cli.ts',
      'server/cli/**'
    ),
    door('server/edge', 'server/edge.ts'),
    door('transport/socket-io', 'transport/socket-io.ts'),
    // edges
    floor(3, 'transport', 'transport/**'),
    floor(3, 'storage', 'storage/**'),
    floor(3, 'crypto', 'crypto/**'),
    floor(3, 'tabs', 'tabs/**'),
    floor(3, 'env', 'env/**'),
    floor(3, 'devices', 'devices/**'),
    floor(3, 'server/storage', 'server/storage/**'),
    floor(3, 'handlers', 'handlers/**'),
    // knowledge
    floor(2, 'features', 'features/**'),
    floor(2, 'core', 'core/**'),
    floor(2, 'server engine', 'server/**'),
    // above the assembly, which knows nothing of them
    floor(4.5, 'kits', 'kits/**'),
    // assembly
    floor(
      4,
      'assembly',
      'defaults.ts',
      'room.ts',
      'room-history.ts',
      'room-presence.ts',
      'client-actions.ts',
      'client-options.ts',
      'client-rooms.ts',
      'client-tabs.ts',
      'client-view.ts',
      'client.ts',
      'companion-commands.ts',
      'companion-relay.ts',
      'companion-scene.ts',
      'companion-stores.ts',
      'service.ts',
      'shared.ts'
    )
  ],
  platformFloors: [3, 5],
  globals: new Set(
    `window document navigator location self globalThis global process console crypto performance fetch indexedDB
    localStorage sessionStorage WebSocket EventSource XMLHttpRequest BroadcastChannel Worker SharedWorker Notification
    Buffer setTimeout clearTimeout setInterval clearInterval setImmediate requestAnimationFrame requestIdleCallback
    addEventListener`.split(/\s+/)
  ),
  members: { Date: ['now'], Math: ['random'] },
  platformPackages: /^(node:|cloudflare:|(ws|libsql|partysocket|idb-keyval|ioredis|redis|socket\.io-client)(\/|$))/,
  self: 'realtime-stores'
}

test('src keeps to its floors', { timeout: 60_000 }, () => {
  expect(problemsIn(readSources(), house)).toEqual([])
})

const check = (files: Record<string, string>) => problemsIn(new Map(Object.entries(files)), house)

test.each<[string, Record<string, string>, string]>([
  ['a file on no floor', { 'misc.ts': '' }, 'misc.ts is on no floor'],
  [
    'an import upward',
    { 'errors.ts': `import { a } from './core/a.js'`, 'core/a.ts': '' },
    'errors.ts (floor 0) imports upward: core/a.ts (floor 2)'
  ],
  [
    'a type import upward',
    { 'ports.ts': `export type { A } from './core/a.js'`, 'core/a.ts': '' },
    'ports.ts (floor 1) imports upward: core/a.ts (floor 2)'
  ],
  [
    'an import() type of a neighbour',
    { 'core/a.ts': `let x: import('../features/votes.js').Votes`, 'features/votes.ts': '' },
    'core/a.ts (core) imports its neighbour features/votes.ts (features)'
  ],
  [
    'a lazy import of a door',
    { 'client.ts': `import('./react/index.js')`, 'react/index.ts': '' },
    'client.ts imports a door (react/index.ts)'
  ],
  [
    'a door through a door',
    { 'index.ts': `export * from './server/index.js'`, 'server/index.ts': '' },
    'index.ts imports a door (server/index.ts)'
  ],
  [
    'its own package',
    { 'core/a.ts': `import 'realtime-stores'` },
    'core/a.ts imports its own package (realtime-stores)'
  ],
  [
    'a platform package',
    { 'server/hub.ts': `import 'node:fs'` },
    'server/hub.ts imports node:fs: only floors 3 and 5 may'
  ],
  [
    'a cycle',
    { 'core/a.ts': `import './b.js'`, 'core/b.ts': `import type { A } from './a.js'` },
    'import cycle: core/a.ts → core/b.ts → core/a.ts'
  ],
  ['a timer', { 'core/a.ts': 'setTimeout(() => {}, 1)' }, 'core/a.ts:1 uses setTimeout: only floors 3 and 5 may'],
  ['the clock', { 'core/a.ts': '\nconst at = Date.now()' }, 'core/a.ts:2 uses Date.now: only floors 3 and 5 may'],
  ['a new Date()', { 'core/a.ts': 'new Date()' }, 'core/a.ts:1 uses new Date(): only floors 3 and 5 may'],
  ['chance', { 'features/a.ts': 'const f = Math.random' }, 'features/a.ts:1 uses Math.random: only floors 3 and 5 may'],
  ['typeof a global', { 'room.ts': `typeof window` }, 'room.ts:1 uses window: only floors 3 and 5 may'],
  ['a shorthand', { 'client.ts': 'use({ fetch })' }, 'client.ts:1 uses fetch: only floors 3 and 5 may'],
  [
    'a default value',
    { 'core/a.ts': 'function f(ws = WebSocket) {}' },
    'core/a.ts:1 uses WebSocket: only floors 3 and 5 may'
  ],
  [
    'a base class',
    { 'core/a.ts': 'class A extends WebSocket {}' },
    'core/a.ts:1 uses WebSocket: only floors 3 and 5 may'
  ]
])('would notice %s', (_, files, problem) => {
  expect(check(files)).toEqual([problem])
})

test('lets pass what is fine', () => {
  const core = `
    // setTimeout in a comment, 'Date.now()' in a string
    import type { Clock } from '../ports.js'
    type T = ReturnType<typeof setTimeout>
    interface X { document: Document; fetch(): void }
    let socket: WebSocket | typeof navigator
    export const f = ({ setTimeout, crypto: c }: Clock, performance: { now(): number }) => {
      setTimeout(1); performance.now(); c.process; return { window: 1, 'fetch': 2, at: new Date(5), max: Math.max(1, 2) }
    }
    function inner() { const process = f; return { process } }
    const text = 'Date.now() ' + "console"`
  expect(
    check({
      'ports.ts': 'export interface Clock { setTimeout(n: number): void }',
      'core/a.ts': core,
      'env/browser.ts': 'export const now = () => Date.now()',
      'client.ts': `import './env/browser.js'\nimport './room.js'`,
      'room.ts': `import './core/a.js'`,
      'server/cli.ts': `import './node.js'\nconsole.log(process.argv)`,
      'server/node.ts': `import './hub.js'\nimport { WebSocketServer } from 'ws'`,
      'server/hub.ts': `import './policy.js'\nimport '../feature.js'`,
      'server/policy.ts': '',
      'feature.ts': `import './ports.js'`,
      'index.ts': `export * from './client.js'\nexport * from './features/votes.js'`,
      'features/votes.ts': `import { defineFeature } from '../feature.js'`
    })
  ).toEqual([])
})

function readSources(): Map<string, string> {
  const src = join(dirname(fileURLToPath(import.meta.url)), '../src')
  if (!existsSync(src)) return new Map()
  return new Map(
    readdirSync(src, { recursive: true, encoding: 'utf8' })
      .filter(path => /\.tsx?$/.test(path))
      .map(path => [path.split(sep).join('/'), readFileSync(join(src, path), 'utf8')])
  )
}
