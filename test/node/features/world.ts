// One page for the device-side part of a feature: a virtual clock, a room that reduces what is sent, and tabs that share claims.

import { atom } from 'nanostores'
import type {
  AnyFeature,
  Draft,
  EventMap,
  EventMeta,
  EventSpec,
  Feature,
  LiveEvent,
  LocalHost,
  Receipt
} from '../../../src/feature.js'
import { reduceEvent, validateDraft } from '../../../src/feature.js'
import type { Clock, Devices, Stop, Vibration } from '../../../src/ports.js'

export const START = 1_700_000_000_000

/** Lets everything that waits for a promise go on. */
export const settle = () => new Promise<void>(resolve => setImmediate(resolve))

export interface VirtualClock extends Clock {
  /** Lets time pass, timer by timer. */
  pass(ms: number): Promise<void>
  /** Timers that have not gone off. */
  waiting(): number
}

export function createClock(): VirtualClock {
  let time = 0
  let next = 0
  let timers = new Map<number, { at: number; call: () => void }>()
  let after = (ms: number, call: () => void): Stop => {
    let id = next++
    timers.set(id, { at: time + Math.max(0, ms), call })
    return () => timers.delete(id)
  }
  return {
    now: () => START + time,
    mono: () => time,
    after,
    soon: call => after(0, call),
    waiting: () => timers.size,
    async pass(ms) {
      let end = time + ms
      await settle()
      for (;;) {
        let due = [...timers].filter(([, { at }]) => at <= end).sort(([a, x], [b, y]) => x.at - y.at || a - b)[0]
        if (!due) break
        timers.delete(due[0])
        time = Math.max(time, due[1].at)
        due[1].call()
        await settle()
      }
      time = end
      await settle()
    }
  }
}

export function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value)
    for (let inner of Object.values(value)) deepFreeze(inner)
  }
  return value
}

export const noDevices: Devices = {
  vibration: null,
  speech: null,
  recognition: null,
  heartRate: null,
  vr: null,
  notifications: null,
  reducedMotion: () => false
}

export interface Motor extends Vibration {
  /** When each pattern began, on the virtual clock. */
  readonly played: { at: number; pattern: readonly number[] }[]
  readonly stops: number[]
  refuses: boolean
  touched: boolean
}

export function createMotor(clock: Clock): Motor {
  let motor: Motor = {
    played: [],
    stops: [],
    refuses: false,
    touched: true,
    play(pattern) {
      if (motor.refuses) return false
      motor.played.push({ at: clock.mono(), pattern })
      return true
    },
    stop: () => motor.stops.push(clock.mono()),
    activated: () => motor.touched
  }
  return motor
}

type EventsOf<F> = F extends Feature<string, infer _S, infer E, infer _C, infer _L> ? E : never
type LocalOf<F> = F extends Feature<string, infer _S, infer _E, infer _C, infer L> ? L : never
type DataOf<S> = S extends EventSpec<infer T> ? T : never

export interface PageOptions {
  readonly history?: LocalHost<unknown, EventMap>['history']
  readonly me?: string
  readonly devices?: Partial<Devices>
  readonly clock?: VirtualClock
  /** Shared by the tabs of one device. */
  readonly claims?: Set<string>
  /** In place of `claims`. */
  readonly claim?: (name: string) => Promise<boolean>
  /** How far the server's clock is ahead of this device's. */
  readonly ahead?: number
}

/** A page with one feature on it. What it sends is in `sent`; what the server tells comes in by `tell`. */
export function createPage<F extends AnyFeature>(feature: F, options: PageOptions = {}) {
  let { me = 'ann', devices = {}, clock = createClock(), claims = new Set<string>(), ahead = 0 } = options
  let $state = atom<unknown>(feature.initial)
  let listeners = new Set<(event: LiveEvent<EventMap>) => void>()
  let sent: (Draft<EventMap> & { id: string })[] = []
  let reports: [type: string, detail: unknown][] = []
  let count = 0
  let serverNow = () => clock.now() + ahead
  let host: LocalHost<unknown, EventMap> = {
    room: 'room',
    $state,
    $status: atom({ stale: false }),
    me,
    clock,
    random: { float: () => 0.5, id: () => `id-${count++}` },
    devices: { ...noDevices, ...devices },
    serverNow,
    send(draft) {
      validateDraft(feature, draft.type, draft.data)
      let id = `${me}-${count++}`
      sent.push({ ...draft, id })
      return { id } as Receipt
    },
    onEvent(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    history: options.history ?? (async () => ({ events: [], done: true })),
    claim:
      options.claim ??
      (async name => {
        if (claims.has(name)) return false
        claims.add(name)
        return true
      }),
    report: (type, detail) => reports.push([type, detail])
  }
  let local = (feature as AnyFeature).local?.(host) as (LocalOf<F> & { close(): void }) | undefined
  if (!local) throw new Error(`${feature.name} has no device-side part`)

  /** An event that the server tells: reduced, then told to who listens, unless it is a replay. */
  function tell<K extends keyof EventsOf<F> & string>(
    type: K,
    data: DataOf<EventsOf<F>[K]>,
    { live = true, ...meta }: Partial<EventMeta> & { live?: boolean } = {}
  ): EventMeta {
    validateDraft(feature, type, data)
    let full: EventMeta = { id: `event-${count++}`, actor: 'bob', at: serverNow(), ...meta }
    $state.set(deepFreeze(reduceEvent(feature, $state.get(), type, deepFreeze(data), full)))
    if (live) for (let listener of listeners) listener({ type, data, meta: full })
    return full
  }

  return {
    local,
    clock,
    sent,
    reports,
    $state,
    tell,
    listeners,
    /** The server takes in everything that was sent and tells it. */
    echo() {
      for (let { type, data, id } of sent.splice(0)) tell(type as never, data as never, { id, actor: me })
    }
  }
}
