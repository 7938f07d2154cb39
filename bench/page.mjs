// What the benchmarks run inside the browser. Each function is called by run.mjs and returns plain numbers.

import { createStore, set, setMany } from 'idb-keyval'
import { createRealtime } from '../dist/index.js'
import { ticks } from './feature.mjs'

let clients = 0

/** A client of its own, with storage of its own. */
function open(url) {
  return createRealtime({ url, app: `bench-${clients++}-${performance.now()}`, user: 'bench' })
}

function when(store, condition) {
  return new Promise(resolve => {
    let stop = store.subscribe(value => {
      if (!condition(value)) return
      resolve()
      queueMicrotask(() => stop())
    })
  })
}

// --- receiving ---

let inbound = null

export async function receiveOurs({ url, room }) {
  let client = open(url)
  client.connect()
  let { $state, $status } = client.room(room).use(ticks)
  await when($status, status => !status.stale)
  inbound = { client, count: () => $state.get().count }
}

export async function receivePlain({ url }) {
  let socket = new WebSocket(url)
  let state = { count: 0, value: 0 }
  socket.onmessage = ({ data }) => {
    for (let event of JSON.parse(data)) state = { count: state.count + 1, value: event.data.value }
  }
  await new Promise(resolve => {
    socket.onopen = resolve
  })
  inbound = { client: socket, count: () => state.count }
}

export function received() {
  return inbound.count()
}

// --- storing ---

let stores = 0

/** A pause in which nothing is under way any more. */
const PAUSE = 15

/** Milliseconds that `act` takes for `total` actions, `concurrent` of them at once; one alone comes after a pause. */
async function timed({ total, concurrent }, act) {
  let ms = 0
  for (let done = 0; done < total; done += concurrent) {
    if (concurrent === 1) await new Promise(resolve => setTimeout(resolve, PAUSE))
    let start = performance.now()
    await Promise.all(Array.from({ length: concurrent }, (_, i) => act(done + i + 1)))
    ms += performance.now() - start
  }
  return ms
}

/** Actions that are awaited until they are stored, with others `waiting` before them. Offline without `url`. */
export async function storeOurs({ url, waiting = 0, ...job }) {
  let client = open(url ?? 'ws://127.0.0.1:9/')
  await client.ready
  let { tick, $status } = client.room('bench').use(ticks)
  if (url) {
    client.connect()
    await when($status, status => !status.stale)
  }
  await tick(0)
  for (let i = 0; i < waiting; i += 500) await Promise.all(Array.from({ length: 500 }, (_, j) => tick(i + j).stored))
  let ms = await timed(job, value => tick(value).stored)
  if (client.$connection.get().durability !== 'disk') throw new Error('nothing was stored on disk')
  await client.disconnect({ pending: 'purge' })
  await client.close()
  return ms
}

/** The same with one `set` of idb-keyval for each. */
export async function storePlain({ waiting = 0, ...job }) {
  let store = createStore(`plain-${stores++}-${performance.now()}`, 'entries')
  let row = n => ({
    n,
    id: String(n).padStart(32, '0'),
    room: 'bench',
    feature: 'ticks',
    type: 'tick',
    data: { value: n },
    at: Date.now()
  })
  await set(0, row(0), store)
  for (let i = 0; i < waiting; i += 500)
    await setMany(
      Array.from({ length: 500 }, (_, j) => [-1 - i - j, row(i + j)]),
      store
    )
  return timed(job, n => set(n, row(n), store))
}

// --- there and back ---

/** Milliseconds of each action from the call to `acked`, one after the other. */
export async function roundTripsOurs({ url, total }) {
  let client = open(url)
  client.connect()
  let { tick, $status } = client.room('bench').use(ticks)
  await when($status, status => !status.stale)
  let trips = []
  for (let i = -20; i < total; i++) {
    let start = performance.now()
    await tick(Math.max(i, 0)).acked
    if (i >= 0) trips.push(performance.now() - start)
  }
  await client.close()
  return trips
}

/** The same for a message that is echoed and stored nowhere. */
export async function roundTripsPlain({ url, total }) {
  let socket = new WebSocket(url)
  let answered
  socket.onmessage = ({ data }) => answered(JSON.parse(data))
  await new Promise(resolve => {
    socket.onopen = resolve
  })
  let trips = []
  for (let i = -20; i < total; i++) {
    let start = performance.now()
    await new Promise(resolve => {
      answered = resolve
      socket.send(JSON.stringify({ f: 'push', feature: 'ticks', type: 'tick', n: i, data: { value: i } }))
    })
    if (i >= 0) trips.push(performance.now() - start)
  }
  socket.close()
  return trips
}
