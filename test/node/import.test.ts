// Importing the library does nothing: no timer, no request, no global is touched, and the stores have their first values. So
// it can be imported by a server that renders pages.

import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const root = new URL('../../', import.meta.url)

/** Runs code in a fresh Node that has the built library, with every effect watched from before its first line. */
function inFreshNode(code: string): unknown {
  let watch = `
    import { syncBuiltinESMExports } from 'node:module'
    let effects = []
    let names = ['setTimeout', 'setInterval', 'setImmediate', 'queueMicrotask', 'fetch', 'WebSocket', 'BroadcastChannel', 'EventSource', 'Worker', 'performance', 'crypto', 'navigator', 'process', 'window', 'document', 'indexedDB', 'localStorage', 'location', 'self', 'addEventListener', 'Notification', 'speechSynthesis', 'requestAnimationFrame']
    let real = {}
    let watching = false
    // Only what this library does itself: its dependencies look whether they are in production.
    function touched(name) {
      if (watching && !new Error().stack.split('\\n')[3].includes('node_modules')) effects.push(name)
    }
    for (let name of names) {
      real[name] = globalThis[name]
      Object.defineProperty(globalThis, name, {
        configurable: true,
        get() {
          touched(name)
          return real[name]
        },
        set(value) {
          touched('set ' + name)
          real[name] = value
        }
      })
    }
    for (let [object, name] of [[Date, 'now'], [Math, 'random']]) {
      let method = object[name]
      object[name] = (...args) => {
        touched(name)
        return method.apply(object, args)
      }
    }
    let before
    let left = () => Object.getOwnPropertyNames(globalThis).filter(name => !before.has(name))
    let print = value => real.process.stdout.write(JSON.stringify(value))
  `
  let run = spawnSync(process.execPath, ['--input-type=module', '--eval', `${watch}\n${code}`], {
    cwd: fileURLToPath(root),
    encoding: 'utf8',
    timeout: 20_000
  })
  if (run.status !== 0) throw new Error(`${run.stderr}\n${run.stdout}`)
  return JSON.parse(run.stdout)
}

test('importing touches nothing, and the stores have their first values', () => {
  let seen = inFreshNode(`
    // What it depends on is loaded first: that is their own doing.
    await Promise.all(['nanostores', 'mitt', 'idb-keyval', 'partysocket/ws'].map(name => import(name)))
    before = new Set(Object.getOwnPropertyNames(globalThis))
    watching = true
    let RS = await import('./dist/index.js')
    watching = false
    let stores = Object.entries(RS).filter(([name]) => /^realtime[A-Z]/.test(name) && name !== 'realtimeService')
    print({
      effects,
      left: left(),
      names: stores.map(([name]) => name).sort(),
      subscribes: stores.every(([, store]) => { let called = 0; store.subscribe(() => called++)(); return called === 1 }),
      connection: [RS.realtimeConnection.get().phase, RS.realtimeConnection.get().pending],
      avatar: RS.realtimeAvatar.get().currentMood,
      memory: RS.realtimeMemory.get(),
      presence: RS.realtimePresence.get().members,
      status: [RS.realtimeStatus.get().isConnected, RS.realtimeStatus.get().systemHealth],
      pending: [RS.realtimeService.pending.get(), RS.realtimeService.rejected.get(), RS.realtimeService.unknown.get()]
    })
  `)
  expect(seen).toEqual({
    effects: [],
    left: [],
    names: [
      'Avatar',
      'Biometric',
      'Connection',
      'Events',
      'Haptic',
      'Memory',
      'Presence',
      'Relationship',
      'Status',
      'VR',
      'Voice'
    ].map(name => `realtime${name}`),
    subscribes: true,
    connection: ['idle', { count: 0, bytes: 0, oldestAt: null }],
    avatar: 'neutral',
    memory: { memories: [], notifications: [], unreadCount: 0, processing: [], insights: [] },
    presence: {},
    status: [false, 'offline'],
    pending: [[], [], []]
  })
})

test('importing any door of a page touches nothing', () => {
  let seen = inFreshNode(`
    let { readdirSync } = await import('node:fs')
    await Promise.all(['nanostores', 'mitt', 'idb-keyval', 'partysocket/ws'].map(name => import(name)))
    let doors = ['features', 'kits', 'devices', 'worker'].flatMap(folder =>
      readdirSync('dist/' + folder).filter(name => name.endsWith('.js')).map(name => './dist/' + folder + '/' + name))
    before = new Set(Object.getOwnPropertyNames(globalThis))
    watching = true
    for (let door of doors) await import(door)
    watching = false
    print({ effects, left: left(), some: doors.length > 20 })
  `)
  expect(seen).toEqual({ effects: [], left: [], some: true })
})

test('a process that only imported the library ends by itself', () => {
  expect(inFreshNode(`await import('./dist/index.js'); print('ended')`)).toBe('ended')
})
