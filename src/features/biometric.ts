// Heart rate, stress and energy of the members of a room: a stream of which the server keeps the last values only. Measuring
// and what is made of the stream is each page's, see biometric-monitor.

import { defineFeature, volatile } from '../feature.js'
import { integer, number, object, optional } from '../schema.js'
import { monitorBiometrics } from './biometric-monitor.js'
import { type BiometricValues, MAX_BIOMETRIC_MEMBERS, mergedValues, UNKNOWN_VALUES } from './biometric-values.js'
import { entryOf, withEntry } from './bounded.js'

export type {
  BiometricLocal,
  BiometricMember,
  BiometricSample,
  BiometricSource,
  BiometricStream,
  BiometricView
} from './biometric-monitor.js'
export type { BiometricInput, BiometricValues } from './biometric-values.js'

/** The last values by user. */
export interface BiometricState {
  /** At most 100. */
  readonly members: Readonly<Record<string, BiometricValues>>
}

const level = optional(number({ min: 0, max: 100 }))

const events = {
  // Samples that carry the same fields replace each other, others do not: so that joiners get the last value of every field.
  sample: volatile(
    object({ heartRate: optional(number({ min: 20, max: 250 })), stressLevel: level, energyLevel: level, at: optional(integer()) }),
    {
      seconds: 3600,
      key: ({ heartRate, stressLevel, energyLevel }) =>
        (heartRate === undefined ? '' : 'h') + (stressLevel === undefined ? '' : 's') + (energyLevel === undefined ? '' : 'e')
    }
  )
}

/** The events of biometrics. */
export type BiometricEvents = typeof events

const initial: BiometricState = { members: {} }

/**
 * Heart rate, stress and energy of the members: one entry per member, one's own also in `self`. A stream that is never stored;
 * joiners get the last values for an hour.
 *
 * ```ts
 * let { startBiometricMonitoring, sendBiometric } = room.use(biometric)
 * button.onclick = () => startBiometricMonitoring('bluetooth')
 * sendBiometric({ heartRate: 72, stressLevel: 30 })
 * ```
 */
export const biometric = defineFeature({
  name: 'biometric',
  version: 1,
  events,
  initial,
  reduce: {
    sample: ({ members }, sample, { actor, at }) => ({
      members: withEntry(
        members,
        actor,
        mergedValues(entryOf(members, actor) ?? UNKNOWN_VALUES, sample, at),
        MAX_BIOMETRIC_MEMBERS,
        values => values.lastUpdate ?? 0
      )
    })
  },
  commands: {},
  local: monitorBiometrics
})
