// The stores of the companion: what they hold before there is a connection, and how the status is derived from the others.
// They live as long as the service; rooms come and go behind them.

import { atom, computed, type ReadableAtom, type WritableAtom } from 'nanostores'
import { type ConnectionView, IDLE_VIEW } from './core/connection-view.js'
import { type MemberView, NOBODY, type Self } from './core/members.js'
import { deriveStatus, type FeatureReading, type SystemStatus } from './core/status.js'
import { type AvatarState, avatar } from './features/avatar.js'
import { UNKNOWN_VALUES } from './features/biometric-events.js'
import type { BiometricView } from './features/biometric-monitor.js'
import { HAPTIC_PATTERNS } from './features/haptic-patterns.js'
import type { HapticView } from './features/haptic-player.js'
import type { MemoryView } from './features/memory-reads.js'
import { type RelationshipState, relationship } from './features/relationship.js'
import type { VoiceView } from './features/voice-speaker.js'
import { type VRView, vr } from './features/vr.js'

/** One entry of the log of system events. */
export interface LoggedEvent {
  readonly id: number
  readonly type: string
  readonly detail: unknown
  /** Milliseconds since 1970 by this device's clock. */
  readonly at: number
}

export interface EventsView {
  /** The last 200, newest last. */
  readonly log: readonly LoggedEvent[]
  /** How many came since the log was last cleared or marked as seen. */
  readonly unseenCount: number
}

export interface PresenceView {
  readonly self: Self
  readonly members: Readonly<Record<string, MemberView>>
  readonly onlineCount: number
  /** The last 50 joins and leaves, newest last. */
  readonly recent: ReadonlyArray<{ readonly user: string; readonly kind: 'joined' | 'left'; readonly at: number }>
}

const HAPTIC: HapticView = {
  supported: false,
  enabled: true,
  isActive: false,
  currentPattern: null,
  intensity: 0,
  duration: 0,
  startedAt: null,
  queue: [],
  history: [],
  lastSkipped: null,
  patterns: Object.keys(HAPTIC_PATTERNS)
}
const BIOMETRIC: BiometricView = {
  ...UNKNOWN_VALUES,
  supported: { bluetooth: false },
  isMonitoring: false,
  source: null,
  romanticSync: null,
  series: [],
  stale: true,
  self: { ...UNKNOWN_VALUES, series: [], stale: true, sync: null },
  members: {},
  lastError: null
}
const VOICE: VoiceView = {
  isSpeaking: false,
  isListening: false,
  emotion: 'neutral',
  pitch: 1,
  rate: 1,
  volume: 1,
  currentText: null,
  transcript: { interim: '', final: '' },
  synthesisProgress: 0,
  supported: { speak: false, listen: false },
  lastError: null,
  utterance: null,
  queue: []
}
const MEMORY: MemoryView = { memories: [], notifications: [], unreadCount: 0, processing: [], insights: [] }

export interface CompanionStores {
  readonly connection: WritableAtom<ConnectionView>
  readonly avatar: WritableAtom<AvatarState>
  readonly memory: WritableAtom<MemoryView>
  readonly haptic: WritableAtom<HapticView>
  readonly biometric: WritableAtom<BiometricView>
  readonly vr: WritableAtom<VRView>
  /** For the status, which does not look at the whole scene. */
  readonly vrIsActive: WritableAtom<boolean>
  readonly voice: WritableAtom<VoiceView>
  readonly relationship: WritableAtom<RelationshipState>
  readonly presence: WritableAtom<PresenceView>
  readonly events: WritableAtom<EventsView>
  readonly status: ReadableAtom<SystemStatus>
}

/** Makes the stores with their first values. `now`: this device's clock. */
export function createCompanionStores(now: () => number): CompanionStores {
  let stores = {
    connection: atom<ConnectionView>(IDLE_VIEW),
    avatar: atom<AvatarState>(avatar.initial),
    memory: atom<MemoryView>(MEMORY),
    haptic: atom<HapticView>(HAPTIC),
    biometric: atom<BiometricView>(BIOMETRIC),
    vr: atom<VRView>({ ...vr.initial, supported: false }),
    vrIsActive: atom(false),
    voice: atom<VoiceView>(VOICE),
    relationship: atom<RelationshipState>(relationship.initial),
    presence: atom<PresenceView>({ self: NOBODY, members: {}, onlineCount: 0, recent: [] }),
    events: atom<EventsView>({ log: [], unseenCount: 0 })
  }
  let {
    connection,
    avatar: $avatar,
    memory,
    haptic,
    biometric,
    vrIsActive,
    voice,
    relationship: $relationship,
    presence
  } = stores
  let status = computed(
    [connection, $avatar, memory, haptic, biometric, vrIsActive, voice, $relationship, presence],
    (link, avatar, memory, haptic, biometric, vrIsActive, voice, relationship, presence) => {
      let features: FeatureReading[] = [
        { name: 'avatar', active: avatar.animation.playing },
        { name: 'memory', active: memory.processing.length > 0 },
        { name: 'haptic', active: haptic.isActive },
        {
          name: 'biometric',
          active: biometric.isMonitoring,
          problem: biometric.lastError ?? (biometric.isMonitoring && biometric.stale ? 'no samples come in' : undefined)
        },
        { name: 'vr', active: vrIsActive },
        {
          name: 'voice',
          active: voice.isSpeaking || voice.isListening,
          problem: voice.lastError === 'other-tab' ? undefined : (voice.lastError ?? undefined)
        },
        { name: 'relationship', active: relationship.conflicts.length > 0 },
        { name: 'presence', active: presence.self.call !== 'none' }
      ]
      return deriveStatus({
        phase: link.phase,
        reason: link.reason,
        qualityScore: link.qualityScore,
        durability: link.durability,
        pendingCount: link.pending.count,
        pendingAgeMs: link.pending.oldestAt === null ? 0 : Math.max(0, now() - link.pending.oldestAt),
        rejectedCount: link.rejectedCount,
        unknownCount: link.unknownCount,
        features
      })
    }
  )
  return { ...stores, status }
}
