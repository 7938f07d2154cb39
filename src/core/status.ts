// The system's status, derived from the connection and from what the features do. Pure, never set by anyone.

export type SystemHealth = 'healthy' | 'degraded' | 'critical' | 'offline'

export interface FeatureReading {
  readonly name: string
  /** Something is going on: speaking, monitoring, playing. */
  readonly active: boolean
  /** What is wrong with it now, if anything. */
  readonly problem?: string | undefined
}

export interface StatusInput {
  readonly phase: string
  readonly reason: string
  readonly qualityScore: number
  readonly durability: 'disk' | 'memory'
  readonly pendingCount: number
  /** Age of the oldest waiting action in milliseconds, 0 for none. */
  readonly pendingAgeMs: number
  readonly rejectedCount: number
  readonly unknownCount: number
  readonly features: readonly FeatureReading[]
}

export interface SystemStatus {
  readonly isConnected: boolean
  readonly hasActiveFeatures: boolean
  readonly activeFeatures: readonly string[]
  readonly systemHealth: SystemHealth
  /** 0 to 100, see `deriveStatus`. */
  readonly healthScore: number
  readonly features: Readonly<Record<string, 'active' | 'idle' | 'problem'>>
  /** What lowers the score, in words. */
  readonly reasons: readonly string[]
}

/**
 * Health of the whole: half of it is the quality score of the connection, the rest starts at 50 and loses 15 when actions are
 * not durable, 10 when the oldest waiting action is older than 10 s, 10 when there are rejected and 10 when there are unknown
 * ones, 5 for each feature with a problem (at most 15). 80 and more is healthy, 50 degraded, less critical. Without a connection it is
 * offline, with the connection's half lost.
 */
export function deriveStatus(input: StatusInput): SystemStatus {
  let isConnected = input.phase === 'online'
  let reasons: string[] = []
  let score = 50 + input.qualityScore / 2
  let lose = (points: number, reason: string): void => {
    score -= points
    reasons.push(reason)
  }
  if (!isConnected)
    reasons.push(input.reason === 'none' ? `not connected (${input.phase})` : `not connected: ${input.reason}`)
  else if (input.qualityScore < 65) reasons.push('the connection is slow or unsteady')
  if (input.durability === 'memory' && input.phase !== 'idle') lose(15, 'actions are not stored on disk')
  if (input.pendingAgeMs > 10_000) lose(10, `${actions(input.pendingCount, 'waits', 'wait')} to be delivered`)
  if (input.rejectedCount) lose(10, `${actions(input.rejectedCount, 'was', 'were')} rejected`)
  if (input.unknownCount) lose(10, `${actions(input.unknownCount, 'has', 'have')} an unknown outcome`)
  let problems = input.features.filter(feature => feature.problem !== undefined)
  problems.forEach((feature, i) => {
    if (i < 3) score -= 5
    reasons.push(`${feature.name}: ${feature.problem}`)
  })
  let healthScore = Math.max(0, Math.round(score))
  let active = input.features.filter(feature => feature.active).map(feature => feature.name)
  return {
    isConnected,
    hasActiveFeatures: active.length > 0,
    activeFeatures: active,
    systemHealth: !isConnected
      ? 'offline'
      : healthScore >= 80
        ? 'healthy'
        : healthScore >= 50
          ? 'degraded'
          : 'critical',
    healthScore,
    features: Object.fromEntries(
      input.features.map(({ name, active, problem }) => [
        name,
        problem !== undefined ? 'problem' : active ? 'active' : 'idle'
      ])
    ),
    reasons
  }
}

function actions(count: number, one: string, many: string): string {
  return count === 1 ? `1 action ${one}` : `${count} actions ${many}`
}
