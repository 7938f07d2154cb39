// The server of the operations room: it measures itself, counts how it is used, and runs two small programs. Two of its three
// people are admins; who one is comes from a token, which in earnest would come from a login.

import { fileURLToPath } from 'node:url'
import { createOperations, operationsFeatures, operationsPolicy } from 'realtime-stores/handlers/operations'
import { RealtimeError } from 'realtime-stores/server'
import { attentionFeatures, attentionPolicy, startAttention } from './attention.js'
import { work } from './public/work.js'

let PEOPLE = {
  'token-of-ada': { user: 'ada', claims: { role: 'admin' } },
  'token-of-ben': { user: 'ben', claims: { role: 'admin' } },
  'token-of-cleo': { user: 'cleo', claims: { role: 'member' } }
}

export let features = [...operationsFeatures, ...attentionFeatures, work]

let isAdmin = ({ claims }) => claims?.role === 'admin'
export let policy = operationsPolicy(isAdmin, attentionPolicy(isAdmin))

export function authenticate({ token }) {
  let identity = Object.hasOwn(PEOPLE, token) ? PEOPLE[token] : null
  if (!identity) throw new RealtimeError('unauthorized', 'nobody has this token')
  return identity
}

export let packages = { uplot: 'uplot/dist/uPlot.esm.js' }

export let hints = [
  'Open it as Ada and as Ben in two windows, and as Cleo, who is no admin: ?as=ben, ?as=cleo.',
  'Make some work and watch the CPU; kill a client from a terminal and watch it come back.'
]

let script = fileURLToPath(new URL('./client.js', import.meta.url))
let number = (name, label, initial, min, max) => ({ name, label, kind: 'number', default: initial, min, max })
let fields = [
  number('ballast', 'Memory it holds, in MB', 0, 0, 200),
  number('friends', 'Friends', 3, 0, 20),
  { name: 'mood', label: 'Mood', kind: 'choice', default: 'calm', choices: ['calm', 'busy'] }
]

/** `SPEED` makes everything that takes its time take less of it, for tests. */
let speed = Number(process.env.SPEED ?? 1)

export async function start(hub, { data }) {
  let rest = toil(hub)
  let stopAttention = startAttention(hub)
  let operations = await createOperations({
    hub,
    features: [work],
    every: 1000 / Math.min(speed, 4),
    rollup: 10_000 / speed,
    storageFile: `${data}/operations.db`,
    thresholds: [
      { id: 'loop-busy', metric: 'loop-use', level: 'warning', raise: 60, clear: 30, forMs: 3000 / speed },
      { id: 'cpu-full', metric: 'cpu', level: 'critical', raise: 90, clear: 60, forMs: 10_000 },
      { id: 'loop-late', metric: 'loop-delay', level: 'critical', raise: 500, clear: 100 },
      { id: 'memory-high', metric: 'memory', level: 'warning', raise: 600e6, clear: 500e6, forMs: 5000 }
    ],
    clients: ['mail', 'feed'].map(id => ({
      ...{ id, name: id === 'mail' ? 'Mail' : 'Feed', command: process.execPath, args: [script], fields },
      autostart: id === 'mail'
    })),
    times: { ping: 2000 / speed, backoff: 1000 / speed }
  })
  return async () => {
    rest()
    stopAttention()
    await operations.close()
  }
}

/** Spends the time that the work of others costs, most of each moment and never all of it. */
function toil(hub) {
  let left = 0
  let stop = hub.watch(work, ({ events }) => {
    for (let { data } of events) left += data.ms
  })
  let timer = setInterval(() => {
    let until = performance.now() + Math.min(left, 22)
    left = Math.max(0, left - 22)
    while (performance.now() < until);
  }, 25)
  return () => {
    stop()
    clearInterval(timer)
  }
}
