// A schedule: a plain list of steps, made from a seed, readable, and still meaningful when steps are left out.

import type { Random } from '../../src/ports.js'
import { createSeededRandom } from '../../src/testing/clock.js'
import type { Loss } from '../../src/testing/storage.js'

export type Kind = 'note' | 'urgent' | 'flash' | 'title'

/** `d`: a device, `t`: a place for a tab on it, `r`: a room. What names something that is not there does nothing. */
type What =
  | { do: 'open'; d: number; t: number; rooms: number[] }
  | { do: 'enter' | 'leave'; d: number; t: number; r: number }
  | { do: 'send'; d: number; t: number; r: number; kind: Kind; text: string; count: number }
  | { do: 'discard'; d: number; t: number; index: number }
  | { do: 'retry'; d: number; t: number; index: number }
  | { do: 'disconnect'; d: number; t: number; purge: boolean }
  | { do: 'connect' | 'probe'; d: number; t: number }
  | { do: 'close' | 'crash' | 'freeze' | 'freeze silently' | 'thaw' | 'hide' | 'show'; d: number; t: number }
  | { do: 'cut'; d: number; late: number }
  | { do: 'drop' | 'half-open' | 'refuse' | 'silence' | 'heal network'; d: number }
  | { do: 'network'; d: number; latency: number; jitter: number; bytesPerSecond: number /* 0: no limit */ }
  | { do: 'swallow'; d: number; count: number }
  | { do: 'lose tab messages' | 'keep tab messages'; d: number }
  | { do: 'disk fails' | 'disk works' | 'disk hangs' | 'disk closes' | 'power cut' | 'wipe'; d: number }
  | { do: 'clone' | 'backup disk' | 'restore disk'; d: number }
  | { do: 'restart'; lose?: Loss }
  | { do: 'server crash' | 'server start' | 'server backup' | 'server restore' }
  | { do: 'lose'; lose: Loss; r?: number }
  | { do: 'storage'; slow: number }
  | { do: 'storage fails' | 'storage works' }
  | { do: 'busy' | 'not busy' }
  | { do: 'shut' | 'mute' | 'reopen'; r: number }
  | { do: 'sleep' | 'set clock'; ms: number }
  | { do: 'wait' }
  /** In schedules made by hand: what happened so far is no reason to call anything unknown. */
  | { do: 'be sure' }

/** One step, and the milliseconds that pass after it. */
export type Step = What & { wait?: number }

export interface Schedule {
  /** Where all chance of the world comes from. */
  readonly seed: number
  readonly steps: readonly Step[]
}

export const ROOMS = 3
/** In the worlds of seeds. */
const DEVICES = 3
/** In schedules made by hand. */
export const MOST_DEVICES = 12
const TABS = 3

type Fault =
  | 'network'
  | 'tabs'
  | 'rooms'
  | 'disk'
  | 'power'
  | 'wipe'
  | 'clone'
  | 'server'
  | 'loss'
  | 'policy'
  | 'time'
  | 'regret'
const FAULTS: readonly Fault[] = [
  'network',
  'tabs',
  'rooms',
  'disk',
  'power',
  'wipe',
  'clone',
  'server',
  'loss',
  'policy',
  'time',
  'regret'
]

/** What goes wrong in the worlds of a seed. */
const PROFILES: readonly (readonly Fault[])[] = [
  ['network', 'rooms'],
  ['network', 'tabs', 'regret'],
  ['tabs', 'rooms', 'policy'],
  ['network', 'server', 'time'],
  ['network', 'loss'],
  ['disk', 'tabs', 'network'],
  ['power', 'network', 'regret'],
  ['clone', 'network', 'tabs'],
  ['loss', 'server', 'tabs', 'policy'],
  FAULTS
]

/** The schedule of a seed. */
export function scheduleOf(seed: number): Schedule {
  let random = createSeededRandom(seed * 7919 + 17)
  let faults = PROFILES[seed % PROFILES.length] as readonly Fault[]
  let chance = chanceOf(random)
  let devices = 1 + chance.below(DEVICES)
  let steps: Step[] = []
  for (let d = 0; d < devices; d++) steps.push({ do: 'open', d, t: 0, rooms: chance.rooms(), wait: chance.pause() })
  let length = 12 + chance.below(40)
  while (steps.length < length) {
    let fault = chance.pick(faults)
    let what = chance.below(100) < 55 ? send(chance, devices) : stepOf(fault, chance, devices)
    steps.push({ ...what, wait: chance.pause() })
  }
  return { seed, steps }
}

type Chance = ReturnType<typeof chanceOf>

function chanceOf(random: Random) {
  let below = (n: number): number => Math.floor(random.float() * n)
  let pick = <T>(list: readonly T[]): T => list[below(list.length)] as T
  return {
    below,
    pick,
    pause: (): number => pick([0, 1, 3, 8, 15, 30, 45, 60, 120, 400, 1200, 3000, 7000, 14_000]),
    rooms: (): number[] => [...Array(ROOMS).keys()].filter(() => below(10) < 6),
    room: (): number => below(ROOMS),
    /** Mostly the first one. */
    tab: (): number => pick([0, 0, 0, 1, 1, 2].slice(0, TABS * 2))
  }
}

function send(chance: Chance, devices: number): What {
  let kind = chance.pick<Kind>(['note', 'note', 'note', 'urgent', 'flash', 'title', 'title'])
  let text = chance.below(12) === 0 ? 'bad' : chance.pick(['a', 'b'])
  let count = chance.pick([1, 1, 1, 2, 3, 6])
  return { do: 'send', d: chance.below(devices), t: chance.tab(), r: chance.room(), kind, text, count }
}

function stepOf(fault: Fault, chance: Chance, devices: number): What {
  let d = chance.below(devices)
  let t = chance.tab()
  let r = chance.room()
  switch (fault) {
    case 'network':
      return chance.pick<What>([
        { do: 'cut', d, late: chance.pick([0, 0, 30, 500, 4000]) },
        { do: 'cut', d, late: chance.pick([0, 100, 2500]) },
        { do: 'drop', d },
        { do: 'half-open', d },
        { do: 'swallow', d, count: chance.pick([1, 2, 5]) },
        { do: 'refuse', d },
        { do: 'silence', d },
        { do: 'heal network', d },
        { do: 'heal network', d },
        {
          do: 'network',
          d,
          latency: chance.pick([1, 20, 150, 900]),
          jitter: chance.pick([0, 10, 300]),
          bytesPerSecond: chance.pick([0, 20_000, 1500])
        }
      ])
    case 'tabs':
      return chance.pick<What>([
        { do: 'open', d, t, rooms: chance.rooms() },
        { do: 'open', d, t, rooms: chance.rooms() },
        { do: 'close', d, t },
        { do: 'crash', d, t },
        { do: 'freeze', d, t },
        { do: 'freeze silently', d, t },
        { do: 'thaw', d, t },
        { do: 'hide', d, t },
        { do: 'show', d, t },
        { do: 'connect', d, t },
        { do: 'disconnect', d, t, purge: false },
        { do: 'lose tab messages', d },
        { do: 'keep tab messages', d }
      ])
    case 'rooms':
      return chance.pick<What>([
        { do: 'enter', d, t, r },
        { do: 'leave', d, t, r }
      ])
    case 'regret':
      return chance.pick<What>([
        { do: 'discard', d, t, index: chance.below(3) },
        { do: 'discard', d, t, index: 0 },
        { do: 'retry', d, t, index: 0 },
        { do: 'disconnect', d, t, purge: true },
        { do: 'connect', d, t },
        { do: 'probe', d, t }
      ])
    case 'disk':
      return chance.pick<What>([
        { do: 'disk fails', d },
        { do: 'disk hangs', d },
        { do: 'disk works', d },
        { do: 'disk works', d },
        { do: 'disk closes', d },
        { do: 'open', d, t, rooms: chance.rooms() }
      ])
    case 'power':
      return chance.pick<What>([
        { do: 'power cut', d },
        { do: 'open', d, t, rooms: chance.rooms() },
        { do: 'open', d, t: 0, rooms: chance.rooms() }
      ])
    case 'wipe':
      return { do: 'wipe', d }
    case 'clone':
      return chance.pick<What>([
        { do: 'clone', d },
        { do: 'backup disk', d },
        { do: 'restore disk', d },
        { do: 'open', d, t, rooms: chance.rooms() }
      ])
    case 'server':
      return chance.pick<What>([
        { do: 'restart' },
        { do: 'server crash' },
        { do: 'server start' },
        { do: 'server start' },
        { do: 'storage', slow: chance.pick([0, 5, 80, 1500]) },
        { do: 'storage fails' },
        { do: 'storage works' },
        { do: 'storage works' }
      ])
    case 'loss':
      return chance.pick<What>([
        { do: 'lose', lose: chance.pick(['log', 'marks', 'all']), r },
        { do: 'lose', lose: chance.pick(['log', 'marks', 'all']) },
        { do: 'restart', lose: chance.pick(['log', 'marks', 'all']) },
        { do: 'server backup' },
        { do: 'server restore' }
      ])
    case 'policy':
      return chance.pick<What>([
        { do: 'busy' },
        { do: 'not busy' },
        { do: 'not busy' },
        { do: 'shut', r },
        { do: 'mute', r },
        { do: 'reopen', r },
        { do: 'reopen', r: chance.room() }
      ])
    case 'time':
      return chance.pick<What>([
        { do: 'sleep', ms: chance.pick([500, 5000, 30_000, 400_000]) },
        { do: 'set clock', ms: chance.pick([-3_600_000, -5000, 5000, 86_400_000]) }
      ])
  }
}

/** One step a line, as a person reads it. */
export function print(steps: readonly Step[]): string {
  return steps
    .map(({ do: what, wait = 0, ...rest }) => {
      let words = Object.entries(rest).map(([key, value]) => `${key} ${Array.isArray(value) ? `[${value}]` : value}`)
      return `  ${[what, ...words].join(' ')}${wait ? `, then ${wait} ms` : ''}`
    })
    .join('\n')
}
