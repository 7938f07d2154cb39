// Whole clients and a whole server in one process, under one virtual clock: networks that can be slow, silent or cut, devices
// whose disks outlive their tabs.

import { createRealtime, type Realtime } from '../../../src/client.js'
import type { RealtimeOptions } from '../../../src/client-options.js'
import type { ClientPorts } from '../../../src/defaults.js'
import { defineFeature, durable, latest, ttl, volatile } from '../../../src/feature.js'
import type { Channel, Connect, Link, LinkSink, Locks, Page, PageEvent, Stop } from '../../../src/ports.js'
import type { Frame, FrameName, FrameOf } from '../../../src/protocol/frames.js'
import { json, object, string } from '../../../src/schema.js'
import { createHub, type Hub, type HubOptions } from '../../../src/server/hub.js'
import { createMemoryStorage } from '../../../src/server/storage/memory.js'
import { createTestDisk, type TestDisk } from '../../support/test-disk.js'
import { createSeededRandom, createVirtualClock, type VirtualClock } from '../../support/virtual-clock.js'

export interface BoardState {
  readonly notes: readonly string[]
  readonly title: string
  readonly cursors: Readonly<Record<string, string>>
}

/** One event of every delivery class. */
export let board = defineFeature({
  name: 'board',
  version: 1,
  events: {
    note: durable(object({ text: string({ max: 100_000 }) })),
    urgent: durable(object({ text: string() }), { lane: 'critical' }),
    flash: ttl(10, object({ text: string() })),
    title: latest(object({ text: string() })),
    any: durable(json()),
    cursor: volatile(object({ at: string() }), { seconds: 5 })
  },
  initial: { notes: [], title: '', cursors: {} } as BoardState,
  reduce: {
    note: (state, { text }) => ({ ...state, notes: [...state.notes, text] }),
    urgent: (state, { text }) => ({ ...state, notes: [...state.notes, `!${text}`] }),
    flash: (state, { text }) => ({ ...state, notes: [...state.notes, `*${text}`] }),
    title: (state, { text }) => ({ ...state, title: text }),
    any: state => state,
    cursor: (state, { at }, { actor }) => ({ ...state, cursors: { ...state.cursors, [actor]: at } })
  },
  commands: {
    note: (_, text: string) => ({ type: 'note', data: { text } }),
    urgent: (_, text: string) => ({ type: 'urgent', data: { text } }),
    flash: (_, text: string) => ({ type: 'flash', data: { text } }),
    setTitle: (_, text: string) => ({ type: 'title', data: { text } }),
    any: (_, value: unknown) => ({ type: 'any', data: value }),
    moveCursor: (_, at: string) => ({ type: 'cursor', data: { at } }),
    noteOnce: ({ state }, text: string) => (state.notes.includes(text) ? null : { type: 'note', data: { text } })
  }
})

/** A way to the server. Everything takes `latency` milliseconds each way. */
export interface Network {
  latency: number
  /** New attempts come to nothing: `refused` at once, `silent` never. */
  down: 'refused' | 'silent' | null
  /** What is on the way, and everything after it, gets lost without a word. */
  silent: boolean
  /** Rewrites or swallows what the server sends: for servers that misbehave. */
  tamper: (text: string) => string | null
  readonly urls: string[]
  /** Frames that left the client, in order. */
  readonly sent: Frame[]
  /** Links that are open or opening. */
  readonly open: number
  /** All links break now, and both sides are told. */
  drop(): void
  /** Puts frames into the present link as if the server had sent them. */
  inject(...frames: unknown[]): void
  injectText(text: string): void
  sentOf<N extends FrameName>(name: N): FrameOf<N>[]
  readonly connect: Connect
}

export interface Device {
  readonly disks: Map<string, TestDisk>
  readonly network: Network
  /** Opens a page of an app on this device. */
  open(user: string, options?: Partial<RealtimeOptions>): Tab
  /** What a page on this device has around it, without a client. */
  page(): Surroundings
}

export interface Surroundings {
  readonly ports: ClientPorts
  readonly reports: string[]
  /** The page lives through this. */
  page(event: PageEvent): void
  /** The page is gone without a word: nothing of it happens any more, and its locks are free. */
  kill(): void
}

export interface Tab extends Surroundings {
  readonly client: Realtime
  readonly events: { type: string; detail: unknown }[]
}

export interface World {
  readonly clock: VirtualClock
  readonly hub: Hub
  readonly device: (seed?: number) => Device
  /** The confirmed notes of a room. */
  notes(room?: string): Promise<readonly string[]>
  /** Restarts the server over another storage: a new life of every log. */
  restart(options?: Partial<HubOptions>): Promise<void>
}

export function createWorld(options: Partial<HubOptions> = {}): World {
  let clock = createVirtualClock()
  let reports: unknown[] = []
  let start = (more: Partial<HubOptions> = {}): Hub =>
    createHub({
      features: [board],
      storage: createMemoryStorage(),
      clock,
      random: createSeededRandom(99, 's'),
      report: (level, code, detail) => void reports.push([level, code, detail]),
      ...options,
      ...more
    })
  let hub = start()
  let devices = 0
  return {
    clock,
    get hub() {
      return hub
    },
    device: (seed = ++devices) => createDevice(clock, () => hub, seed),
    async notes(room = 'r') {
      return (await hub.room(room).state(board)).notes
    },
    async restart(more) {
      await hub.close('restart')
      hub = start(more)
    }
  }
}

function createNetwork(clock: VirtualClock, hub: () => Hub): Network {
  interface Wire {
    breakOff(): void
    deliver(text: string): void
  }
  let wires = new Set<Wire>()
  let network: Network = {
    latency: 20,
    down: null,
    silent: false,
    tamper: text => text,
    urls: [],
    sent: [],
    get open() {
      return wires.size
    },
    drop() {
      for (let wire of [...wires]) wire.breakOff()
    },
    inject: (...frames) => network.injectText(JSON.stringify(frames)),
    injectText(text) {
      for (let wire of [...wires]) wire.deliver(text)
    },
    sentOf: name => network.sent.filter(frame => frame.f === name) as never,
    connect(url, sink): Link {
      network.urls.push(url)
      let isOpen = false
      let isOver = false
      let isSilent = false
      let up: ReturnType<Hub['accept']> | null = null
      let later = (call: () => void): void => void clock.after(network.latency, call)
      let lost = (): boolean => (isSilent ||= network.silent)
      let end = (code: number): void => {
        isOver = true
        isOpen = false
        wires.delete(wire)
        later(() => up?.closed(code))
      }
      let wire: Wire = {
        breakOff() {
          if (isOver) return
          end(1006)
          sink.closed(1006, '')
        },
        deliver(text) {
          if (!isOver && isOpen) sink.message(text)
        }
      }
      wires.add(wire)
      if (network.down === 'refused') later(() => !isOver && wire.breakOff())
      else if (network.down === null) {
        later(() => {
          if (isOver || lost()) return
          up = hub().accept({
            send(text) {
              later(() => {
                let given = lost() ? null : network.tamper(text)
                if (given !== null) wire.deliver(given)
              })
            },
            close(code, reason) {
              later(() => {
                if (isOver || lost()) return
                isOver = true
                wires.delete(wire)
                up?.closed(code)
                sink.closed(code, reason)
              })
            },
            buffered: () => 0
          })
          isOpen = true
          sink.opened()
        })
      }
      return {
        send(text) {
          if (!isOpen) return false
          network.sent.push(...(JSON.parse(text) as Frame[]))
          later(() => !lost() && !isOver && up?.receive(text))
          return true
        },
        close(code = 1000) {
          if (isOver) return
          // What was handed over before the close still arrives.
          isOpen = false
          wires.delete(wire)
          later(() => {
            if (isOver) return
            isOver = true
            if (!lost()) up?.closed(code)
          })
        },
        buffered: () => 0,
        transport: 'websocket'
      }
    }
  }
  return network
}

function createDevice(clock: VirtualClock, hub: () => Hub, seed: number): Device {
  let disks = new Map<string, TestDisk>()
  let locks = createLocks()
  let channels = new Map<string, Set<(message: unknown) => void>>()
  let network = createNetwork(clock, hub)
  let tabs = 0

  function surround(): Surroundings {
    let isDead = false
    let alive =
      <A extends unknown[]>(call: (...args: A) => void) =>
      (...args: A): void => {
        if (!isDead) call(...args)
      }
    let pages = new Set<(event: PageEvent) => void>()
    let reports: string[] = []
    let releases: Stop[] = []
    let page: Page = {
      visible: () => true,
      online: () => true,
      prerendering: () => false,
      guard: () => {},
      listen(call) {
        pages.add(call)
        return () => pages.delete(call)
      }
    }
    let ports: ClientPorts = {
      connect: (url, sink) => {
        let guarded: LinkSink = { opened: alive(sink.opened), message: alive(sink.message), closed: alive(sink.closed) }
        return network.connect(url, guarded)
      },
      clock: {
        ...clock,
        after: (ms, call) => clock.after(ms, alive(call)),
        soon: call => clock.soon(alive(call))
      },
      random: createSeededRandom(seed * 100 + ++tabs, `d${seed}t${tabs}-`),
      async openDisk(name) {
        let disk = disks.get(name) ?? createTestDisk()
        disks.set(name, disk)
        return disk
      },
      locks: {
        acquire(name, on, steal) {
          let guarded = { held: alive(on.held), waiting: alive(on.waiting), lost: alive(on.lost) }
          let stop = locks.acquire(name, guarded, steal)
          releases.push(stop)
          return stop
        },
        tryHold: locks.tryHold
      },
      openChannel(name, receive): Channel {
        let all = channels.get(name) ?? new Set()
        channels.set(name, all)
        let mine = alive(receive)
        all.add(mine)
        return {
          post(message) {
            for (let other of all) if (other !== mine) queueMicrotask(() => other(structuredClone(message)))
          },
          close: () => void all.delete(mine)
        }
      },
      page,
      devices: {
        vibration: null,
        speech: null,
        recognition: null,
        heartRate: null,
        vr: null,
        notifications: null,
        reducedMotion: () => false
      },
      persist: null,
      dispatchDom: null,
      report: (_level, code) => void reports.push(code)
    }
    return {
      ports,
      reports,
      page(event) {
        for (let call of pages) call(event)
      },
      kill() {
        isDead = true
        network.drop()
        for (let release of releases) release()
      }
    }
  }

  function open(user: string, options: Partial<RealtimeOptions> = {}): Tab {
    let around = surround()
    let events: Tab['events'] = []
    let client = createRealtime({
      url: 'wss://example.test/realtime',
      app: 'app',
      user,
      ...options,
      ports: { ...around.ports, ...options.ports }
    })
    client.onAny((type, detail) => void events.push({ type, detail }))
    return { ...around, client, events }
  }

  return { disks, network, open, page: surround }
}

/** Mutual exclusion as browsers have it: first come, first served, unless somebody steals. */
function createLocks(): Locks {
  interface Request {
    grant(): void
    lose(): void
  }
  let holders = new Map<string, Request>()
  let queues = new Map<string, Request[]>()
  let give = (name: string, request: Request): void => {
    holders.set(name, request)
    queueMicrotask(request.grant)
  }
  let free = (name: string): void => {
    holders.delete(name)
    let next = queues.get(name)?.shift()
    if (next) give(name, next)
  }
  return {
    acquire(name, on, steal) {
      let isOver = false
      let request: Request = {
        grant() {
          if (!isOver) on.held()
        },
        lose() {
          isOver = true
          queueMicrotask(on.lost)
        }
      }
      if (steal) {
        holders.get(name)?.lose()
        give(name, request)
      } else if (holders.has(name)) {
        queues.set(name, [...(queues.get(name) ?? []), request])
        queueMicrotask(() => !isOver && on.waiting())
      } else give(name, request)
      return () => {
        if (isOver) return
        isOver = true
        let queue = queues.get(name) ?? []
        if (holders.get(name) === request) free(name)
        else if (queue.includes(request)) queue.splice(queue.indexOf(request), 1)
      }
    },
    async tryHold(name) {
      if (holders.has(name)) return false
      holders.set(name, { grant() {}, lose() {} })
      return true
    }
  }
}

/** Enters a room and uses the board there. */
export function useBoard(tab: Tab, room = 'r') {
  let entered = tab.client.room(room)
  let handle = entered.use(board)
  return {
    room: entered,
    ...handle,
    notes: () => handle.$state.get().notes,
    status: () => entered.$status.get()
  }
}
