// Heart rate, stress and energy of the members of a room: a stream of which the server keeps the last values only. Measuring
// and what is made of the stream is each page's, see biometric-monitor.

import { defineFeature } from '../feature.js'
import {
  type BiometricState,
  biometricEvents,
  MAX_BIOMETRIC_MEMBERS,
  mergedValues,
  UNKNOWN_VALUES
} from './biometric-events.js'
import { monitorBiometrics } from './biometric-monitor.js'
import { entryOf, withEntry } from './bounded.js'

export type { BiometricInput, BiometricState, BiometricValues } from './biometric-events.js'
export type {
  BiometricLocal,
  BiometricMember,
  BiometricSample,
  BiometricSource,
  BiometricStream,
  BiometricView
} from './biometric-monitor.js'

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
  events: biometricEvents,
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
