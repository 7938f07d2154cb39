// What is told of heart rate, stress and energy, and how it changes what is known of a member. Does not know where samples come
// from.

import { volatile } from '../feature.js'
import { integer, number, object, optional } from '../schema.js'

/** Members whose values are kept; those not heard for longest give way. */
export const MAX_BIOMETRIC_MEMBERS = 100

/** What was measured; fields that are absent stay as they were. At least one value. */
export interface BiometricInput {
  /** Beats a minute, 20 to 250. */
  readonly heartRate?: number | undefined
  /** 0 to 100. */
  readonly stressLevel?: number | undefined
  /** 0 to 100. */
  readonly energyLevel?: number | undefined
  /** When it was measured, in milliseconds since 1970 by this device's clock; by default now, and at most a minute ago. */
  readonly at?: number | undefined
}

/** The last values of one member. */
export interface BiometricValues {
  /** Beats a minute; `null` until one was sent. */
  readonly heartRate: number | null
  /** 0 to 100; `null` until one was sent. */
  readonly stressLevel: number | null
  /** 0 to 100; `null` until one was sent. */
  readonly energyLevel: number | null
  /** Milliseconds since 1970 by the server's clock; `null` until something was sent. */
  readonly lastUpdate: number | null
}

/** The last values by user. */
export interface BiometricState {
  /** At most 100. */
  readonly members: Readonly<Record<string, BiometricValues>>
}

const level = optional(number({ min: 0, max: 100 }))

/** The events of biometrics. */
export const biometricEvents = {
  // Samples that carry the same fields replace each other, others do not: so that joiners get the last value of every field.
  sample: volatile(
    object({
      heartRate: optional(number({ min: 20, max: 250 })),
      stressLevel: level,
      energyLevel: level,
      at: optional(integer())
    }),
    {
      seconds: 3600,
      key: ({ heartRate, stressLevel, energyLevel }) =>
        (heartRate === undefined ? '' : 'h') +
        (stressLevel === undefined ? '' : 's') +
        (energyLevel === undefined ? '' : 'e')
    }
  )
}

export type BiometricEvents = typeof biometricEvents

/** Of who never sent anything. */
export const UNKNOWN_VALUES: BiometricValues = {
  heartRate: null,
  stressLevel: null,
  energyLevel: null,
  lastUpdate: null
}

/** The values after a sample: fields that it does not carry stay. */
export function mergedValues(before: BiometricValues, sample: BiometricInput, at: number): BiometricValues {
  return {
    heartRate: sample.heartRate ?? before.heartRate,
    stressLevel: sample.stressLevel ?? before.stressLevel,
    energyLevel: sample.energyLevel ?? before.energyLevel,
    lastUpdate: Math.max(before.lastUpdate ?? 0, at)
  }
}
