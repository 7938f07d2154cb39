// Measures on this device, and makes of the room's stream what a person sees: series, staleness, synchrony. Does not know
// sensors; they are a port, or a source that the app hands in.

import { atom, type ReadableAtom } from 'nanostores'
import { RealtimeError } from '../errors.js'
import type { LocalHost, LocalPart, Receipt } from '../feature.js'
import type { Stop } from '../ports.js'
import {
  type BiometricEvents,
  type BiometricInput,
  type BiometricState,
  type BiometricValues,
  MAX_BIOMETRIC_MEMBERS,
  mergedValues,
  UNKNOWN_VALUES
} from './biometric-events.js'
import { appended, clamp, entryOf, withEntry } from './bounded.js'
import { synchrony } from './synchrony.js'

/** Samples in a series: four minutes at one a second; the oldest give way. */
export const MAX_SERIES = 240
/** Without a sample for this many milliseconds, values are stale. */
export const BIOMETRIC_STALE_MS = 10_000
/** A sensor's readings are sent at most this often, in milliseconds. */
export const BIOMETRIC_PACE_MS = 1000

/** One sample as it came in; `null` for what it did not carry. */
export interface BiometricSample {
  readonly at: number
  readonly heartRate: number | null
  readonly stressLevel: number | null
  readonly energyLevel: number | null
}

/** One member as this page knows them. */
export interface BiometricMember extends BiometricValues {
  /** What came in while this page was there, newest last; at most 240 samples. */
  readonly series: readonly BiometricSample[]
  /** Whether the newest sample is older than 10 s, or there is none. */
  readonly stale: boolean
  /** How much this member's heart rate moves with one's own, 0 to 100; see `synchrony`. `null` for oneself. */
  readonly sync: number | null
}

/** One's own values, those of the others, and what this page does to get them. */
export interface BiometricView extends BiometricValues {
  readonly supported: { readonly bluetooth: boolean }
  readonly isMonitoring: boolean
  /** `bluetooth`, `manual`, the name of the app's source, or `null`. */
  readonly source: string | null
  /**
   * The highest `sync` among the other members, 0 to 100: how much two hearts rise and fall together over the last 60 s, as
   * `100 · max(0, r)` with Pearson's r of heart rates resampled to 1 s. `null` with fewer than 20 s in common; see `synchrony`.
   */
  readonly romanticSync: number | null
  /** One's own samples, newest last; at most 240. */
  readonly series: readonly BiometricSample[]
  /** No sample of one's own for 10 s; for who never sent one: no sample of anybody. */
  readonly stale: boolean
  /** One's own entry; also part of `members` once a sample was sent. */
  readonly self: BiometricMember
  readonly members: Readonly<Record<string, BiometricMember>>
  /** Why monitoring did not start or has ended: `unsupported`, or the sensor's reason. `null` after a start. */
  readonly lastError: string | null
}

/** A source that the app hands in, such as a bridge to a watch: it calls `emit` for each sample until stopped. */
export interface BiometricStream {
  /** 1 to 32 characters; `stream` by default. */
  readonly name?: string
  stream(emit: (sample: BiometricInput) => void): Stop | Promise<Stop>
}

/** `manual`: the app calls `sendBiometric` itself. */
export type BiometricSource = 'bluetooth' | 'manual' | BiometricStream

/** The commands of this page. */
export interface BiometricLocal extends LocalPart<BiometricView> {
  readonly $state: ReadableAtom<BiometricView>
  /**
   * Starts to measure and to send, at most once a second; ends what was measured before. `bluetooth` asks the person to choose
   * a heart-rate sensor and needs a click. Resolves to whether it has started; if not, `lastError` says why.
   */
  startBiometricMonitoring(source: BiometricSource): Promise<boolean>
  stopBiometricMonitoring(): void
  /** Sends one sample; dropped when the room is not joined. Throws `bad-argument`. */
  sendBiometric(sample: BiometricInput): Receipt
}

/** A sample is taken to be at most this old, in milliseconds. */
const MAX_SAMPLE_AGE_MS = 60_000
/** Own samples that are told apart from those of one's other devices. */
const MAX_OWN_IDS = 50

interface Known {
  readonly values: BiometricValues
  readonly series: readonly BiometricSample[]
  readonly sync: number | null
  /** The newest sample of the series. */
  readonly taken: { readonly id: string; readonly at: number }
}

const NOBODY: Known = { values: UNKNOWN_VALUES, series: [], sync: null, taken: { id: '', at: -Infinity } }

/** Measures, sends, and makes series and comparisons of what comes in. */
export function monitorBiometrics(host: LocalHost<BiometricState, BiometricEvents>): BiometricLocal {
  let { heartRate: sensor } = host.devices
  let known: Readonly<Record<string, Known>> = {}
  let status: Pick<BiometricView, 'isMonitoring' | 'source' | 'lastError'> = {
    isMonitoring: false,
    source: null,
    lastError: null
  }
  // Own samples are known here when they are sent, and come in once more when they are told of.
  let ownIds: readonly string[] = []
  let stopSource: Stop | null = null
  let stopPace: Stop | null = null
  let held: BiometricInput | null = null
  let staleTimer: Stop | null = null
  let attempt = 0

  function take(user: string, sample: BiometricInput, id: string, at: number): void {
    let before = entryOf(known, user) ?? NOBODY
    // After every join, the server tells the last samples again.
    if (at < before.taken.at || (id !== '' && id === before.taken.id)) return
    let measured = sample.at === undefined ? at : clamp(sample.at, at - MAX_SAMPLE_AGE_MS, at)
    let entry: BiometricSample = {
      at: measured,
      heartRate: sample.heartRate ?? null,
      stressLevel: sample.stressLevel ?? null,
      energyLevel: sample.energyLevel ?? null
    }
    let after: Known = {
      ...before,
      values: mergedValues(before.values, sample, at),
      series: appended(before.series, entry, MAX_SERIES),
      taken: { id, at }
    }
    known = withEntry(known, user, after, MAX_BIOMETRIC_MEMBERS, ({ values }) => values.lastUpdate ?? 0)
    compare(user)
    paint()
  }

  /** Compares a user's heart rate with one's own; one's own with everybody's. */
  function compare(user: string): void {
    let own = entryOf(known, host.me)
    if (!own) return
    let next = { ...known }
    for (let other of user === host.me ? Object.keys(known) : [user]) {
      let entry = next[other]
      if (other !== host.me && entry) {
        next[other] = { ...entry, sync: synchrony(own.series, entry.series, host.serverNow()) }
      }
    }
    known = next
  }

  /** What the server kept from before this page was there. */
  function adopt(state: BiometricState): void {
    for (let user of Object.keys(state.members)) {
      let values = state.members[user] as BiometricValues
      let before = entryOf(known, user) ?? NOBODY
      if ((values.lastUpdate ?? 0) <= (before.values.lastUpdate ?? 0)) continue
      known = withEntry(
        known,
        user,
        { ...before, values },
        MAX_BIOMETRIC_MEMBERS,
        entry => entry.values.lastUpdate ?? 0
      )
    }
  }

  function member({ values, series, sync }: Known, now: number): BiometricMember {
    let stale = values.lastUpdate === null || now - values.lastUpdate >= BIOMETRIC_STALE_MS
    // Hearts that are not measured are not in step.
    return { ...values, series, stale, sync: stale ? null : sync }
  }

  function view(): BiometricView {
    let now = host.serverNow()
    let entries = Object.keys(known).map(user => [user, member(known[user] as Known, now)] as const)
    let members: Readonly<Record<string, BiometricMember>> = Object.fromEntries(entries)
    let fresh = entries.some(([, { stale }]) => !stale)
    let syncs = entries.flatMap(([, { sync }]) => (sync === null ? [] : [sync]))
    let self = entryOf(members, host.me) ?? member(NOBODY, now)
    let stale = self.lastUpdate === null ? !fresh : self.stale
    let romanticSync = self.stale || syncs.length === 0 ? null : Math.max(...syncs)
    let { heartRate, stressLevel, energyLevel, lastUpdate, series } = self
    return {
      supported: { bluetooth: sensor !== null },
      ...status,
      heartRate,
      stressLevel,
      energyLevel,
      romanticSync,
      series,
      lastUpdate,
      stale,
      self,
      members
    }
  }

  /** Paints again when the next member turns stale, without waiting for an event. */
  function watchAge(): void {
    staleTimer?.()
    staleTimer = null
    let now = host.serverNow()
    let soonest = Infinity
    for (let { values } of Object.values(known)) {
      let left = (values.lastUpdate ?? 0) + BIOMETRIC_STALE_MS - now
      if (left > 0) soonest = Math.min(soonest, left)
    }
    if (soonest < Infinity) staleTimer = host.clock.after(Math.ceil(soonest), paint)
  }

  let $view = atom<BiometricView>(view())
  function paint(): void {
    $view.set(view())
    watchAge()
  }

  function send(sample: BiometricInput): Receipt {
    if (sample?.heartRate === undefined && sample?.stressLevel === undefined && sample?.energyLevel === undefined) {
      throw new RealtimeError('bad-argument', 'sample must name at least one of heartRate, stressLevel, energyLevel')
    }
    // What this device measured at its own time, all compare at the server's.
    let ahead = host.serverNow() - host.clock.now()
    let data = sample.at === undefined ? sample : { ...sample, at: Math.round(sample.at + ahead) }
    let receipt = host.send({ type: 'sample', data })
    if (!ownIds.includes(receipt.id)) {
      ownIds = appended(ownIds, receipt.id, MAX_OWN_IDS)
      take(host.me, data, receipt.id, host.serverNow())
    }
    return receipt
  }

  /** Sends at once, or holds the newest reading until a second is over. */
  function paced(sample: BiometricInput): void {
    if (stopPace) {
      held = { ...held, ...sample }
      return
    }
    try {
      void send(sample)
    } catch (error) {
      host.report('biometric:refused', error instanceof Error ? error.message : String(error))
    }
    stopPace = host.clock.after(BIOMETRIC_PACE_MS, () => {
      stopPace = null
      let next = held
      held = null
      if (next) paced(next)
    })
  }

  function halt(lastError: string | null): void {
    attempt++
    stopSource?.()
    stopSource = null
    stopPace?.()
    stopPace = null
    held = null
    status = { isMonitoring: false, source: null, lastError }
  }

  function begin(
    source: BiometricSource,
    ended: (reason: string) => void,
    isCurrent: () => boolean
  ): Stop | null | Promise<Stop> {
    if (source === 'manual') return null
    let emit = (sample: BiometricInput) => {
      if (isCurrent()) paced(sample)
    }
    if (source !== 'bluetooth') return source.stream(emit)
    if (!sensor) throw new RealtimeError('unsupported')
    return sensor.start({
      // A sensor without skin contact, or still warming up, tells 0.
      reading: ({ heartRate }) => {
        if (heartRate >= 20) emit({ heartRate: clamp(heartRate, 20, 250) })
      },
      ended
    })
  }

  let unlisten = host.onEvent(({ data, meta }) => {
    if (meta.actor === host.me && meta.id !== '') {
      if (ownIds.includes(meta.id)) return
      ownIds = appended(ownIds, meta.id, MAX_OWN_IDS)
    }
    take(meta.actor, data, meta.id, meta.at)
  })
  let unsubscribe = host.$state.subscribe(state => {
    adopt(state)
    paint()
  })

  return {
    $state: $view,
    sendBiometric: send,

    async startBiometricMonitoring(source) {
      if (source !== 'bluetooth' && source !== 'manual' && typeof source?.stream !== 'function') {
        throw new RealtimeError(
          'bad-argument',
          "source must be 'bluetooth', 'manual' or an object with a stream function"
        )
      }
      halt(null)
      let mine = attempt
      let isCurrent = () => attempt === mine
      let ended = (reason: string) => {
        if (!isCurrent()) return
        halt(reason)
        host.report('biometric:ended', reason)
        paint()
      }
      try {
        let started = begin(source, ended, isCurrent)
        let stop = started instanceof Promise ? await started : started
        if (!isCurrent()) {
          stop?.()
          return false
        }
        stopSource = stop
        status = {
          isMonitoring: true,
          source: typeof source === 'string' ? source : (source.name ?? 'stream').slice(0, 32),
          lastError: null
        }
        paint()
        return true
      } catch (error) {
        if (!isCurrent()) return false
        halt(error instanceof RealtimeError ? error.code : error instanceof Error ? error.message : String(error))
        paint()
        return false
      }
    },

    stopBiometricMonitoring() {
      halt(null)
      paint()
    },

    close() {
      halt(null)
      unlisten()
      unsubscribe()
      staleTimer?.()
    }
  }
}
