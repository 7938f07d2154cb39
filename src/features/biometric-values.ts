// The last values of one member, and how a sample changes them. Pure; does not know where samples come from.

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
  /** When it was measured, in milliseconds since 1970; taken into account if it lies in the last minute. */
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

/** Of who never sent anything. */
export const UNKNOWN_VALUES: BiometricValues = { heartRate: null, stressLevel: null, energyLevel: null, lastUpdate: null }

/** The values after a sample: fields that it does not carry stay. */
export function mergedValues(before: BiometricValues, sample: BiometricInput, at: number): BiometricValues {
  return {
    heartRate: sample.heartRate ?? before.heartRate,
    stressLevel: sample.stressLevel ?? before.stressLevel,
    energyLevel: sample.energyLevel ?? before.energyLevel,
    lastUpdate: Math.max(before.lastUpdate ?? 0, at)
  }
}
