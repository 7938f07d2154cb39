// The commands of a companion, by the names under which apps know them: each finds its feature in the present scene. Knows
// nothing of connections; `here` throws where there is none.

import type { Scene, Stage } from './companion-scene.js'
import type { CallState, DeviceState, PresenceStatus } from './core/members.js'
import { RealtimeError } from './errors.js'
import type { Receipt } from './feature.js'
import type { BiometricInput } from './features/biometric-events.js'
import type { BiometricSource } from './features/biometric-monitor.js'
import type { HapticTarget } from './features/haptic-events.js'
import type { HapticPattern } from './features/haptic-patterns.js'
import { type MemoryOptions, type MemoryPatch, newestMemoryAt } from './features/memory.js'
import type { ConflictSeverity } from './features/relationship.js'
import type { VoiceEmotion } from './features/voice-emotions.js'
import type { VRProgress } from './features/vr.js'

const CALLS: readonly CallState[] = ['none', 'voice', 'video', 'screen']
const STATUSES: readonly PresenceStatus[] = ['online', 'away', 'busy', 'responding', 'offline']

/** `here`: the present scene, for the command of that name. */
export function createCommands(here: (command: string) => Scene, stage: Stage) {
  return {
    // --- avatar ---

    updateAvatarMood: (mood: string): Receipt => here('updateAvatarMood').avatar.updateAvatarMood(mood),
    setAvatarExpression: (expression: string): Receipt =>
      here('setAvatarExpression').avatar.setAvatarExpression(expression),
    /** Worth nothing after 10 s. */
    triggerAvatarGesture: (gesture: string): Receipt =>
      here('triggerAvatarGesture').avatar.triggerAvatarGesture(gesture),
    /** Worth nothing after 10 s. */
    playAvatarAnimation: (name: string): Receipt => here('playAvatarAnimation').avatar.playAvatarAnimation(name),
    /** From 0 to 1, of the animation that plays; not stored. */
    reportAnimationProgress: (progress: number): Receipt =>
      here('reportAnimationProgress').avatar.reportAnimationProgress(progress),

    // --- memory ---

    /** The receipt's id is the memory's id. */
    createMemory: (content: string, options?: MemoryOptions): Receipt =>
      here('createMemory').memory.createMemory(content, options),
    updateMemory: (id: string, patch: MemoryPatch): Receipt => here('updateMemory').memory.updateMemory(id, patch),
    deleteMemory: (id: string): Receipt => here('deleteMemory').memory.deleteMemory(id),
    addMemoryInsight: (text: string, memoryId?: string): Receipt =>
      here('addMemoryInsight').memory.addMemoryInsight(text, memoryId),
    /** Progress from 0 to 1; at 1, or with the stage `done`, the processing is over. */
    processMemory: (id: string, stage?: string, progress?: number): Receipt =>
      here('processMemory').memory.processMemory(id, stage, progress),
    /** Kept in the user's own room: read on all their devices. */
    markMemoryRead(id: string): Receipt {
      let { reads, memory: used } = here('markMemoryRead')
      return reads.markMemoryRead(id, used.$state.get().memories.find(item => item.id === id)?.updatedAt)
    },
    markAllMemoriesRead(): Receipt {
      let { reads, memory: used, room } = here('markAllMemoriesRead')
      return reads.markAllMemoriesRead(newestMemoryAt(used.$state.get()), room.id)
    },

    // --- haptic ---

    /** Intensity 0 to 100, duration in milliseconds. Worth nothing after 10 s; plays once per device, never on a replay. */
    triggerHaptic: (
      pattern: HapticPattern | (string & {}),
      intensity: number,
      durationMs: number,
      options?: { readonly target?: HapticTarget }
    ): Receipt => here('triggerHaptic').haptic.triggerHaptic(pattern, intensity, durationMs, options),
    stopHaptic: (): Receipt => here('stopHaptic').haptic.stopHaptic(),
    /** On and off times in milliseconds, starting with on. */
    definePattern(name: string, steps: readonly number[]): void {
      stage.definePattern(here('definePattern'), name, steps)
    },
    setHapticEnabled(enabled: boolean): void {
      stage.setHapticEnabled(here('setHapticEnabled'), enabled)
    },

    // --- biometric ---

    /** Resolves to whether it has started; if not, `realtimeBiometric.lastError` says why. */
    startBiometricMonitoring: (source: BiometricSource): Promise<boolean> =>
      here('startBiometricMonitoring').biometric.startBiometricMonitoring(source),
    stopBiometricMonitoring: (): void => here('stopBiometricMonitoring').biometric.stopBiometricMonitoring(),
    /** A sample of a stream: dropped when the room is not joined. */
    sendBiometric: (sample: BiometricInput): Receipt => here('sendBiometric').biometric.sendBiometric(sample),

    // --- VR ---

    startVRScene: (scene: string, type: string): Receipt => here('startVRScene').vr.startVRScene(scene, type),
    endVRScene: (): Receipt => here('endVRScene').vr.endVRScene(),
    joinVRScene: (): Receipt => here('joinVRScene').vr.joinVRScene(),
    leaveVRScene: (): Receipt => here('leaveVRScene').vr.leaveVRScene(),
    updateVRScene: (patch: Readonly<Record<string, unknown>>): Receipt => here('updateVRScene').vr.updateVRScene(patch),
    /** Each from 0 to 1; not stored. */
    reportVRProgress: (progress: VRProgress): Receipt => here('reportVRProgress').vr.reportVRProgress(progress),

    // --- voice ---

    /** Pitch 0 to 2, rate 0.1 to 10, volume 0 to 1. Worth nothing after 60 s; spoken by one tab of each device. */
    speakText: (
      text: string,
      emotion?: VoiceEmotion | (string & {}),
      pitch?: number,
      rate?: number,
      volume?: number
    ): Receipt => here('speakText').voice.speakText(text, emotion, pitch, rate, volume),
    stopSpeaking: (): Receipt => here('stopSpeaking').voice.stopSpeaking(),
    /** Returns whether it has started; if not, `realtimeVoice.lastError` says why. */
    startListening: (lang?: string): boolean => here('startListening').voice.startListening(lang),
    stopListening: (): void => here('stopListening').voice.stopListening(),

    // --- relationship ---

    /** 0 to 100. */
    updateHealthScore: (score: number): Receipt => here('updateHealthScore').relationship.updateHealthScore(score),
    addInsight: (text: string): Receipt => here('addInsight').relationship.addInsight(text),
    addRecommendation: (text: string): Receipt => here('addRecommendation').relationship.addRecommendation(text),
    dismissRecommendation: (id: string): Receipt =>
      here('dismissRecommendation').relationship.dismissRecommendation(id),
    raiseConflict: (text: string, severity?: ConflictSeverity): Receipt =>
      here('raiseConflict').relationship.raiseConflict(text, severity),
    resolveConflict: (id: string): Receipt => here('resolveConflict').relationship.resolveConflict(id),

    // --- presence ---

    setStatus(status: PresenceStatus): void {
      if (!STATUSES.includes(status))
        throw new RealtimeError('bad-argument', `status must be one of ${STATUSES.join(', ')}`)
      stage.setSelf(here('setStatus'), { status })
    },
    /** What this user does, at most 200 characters; null for nothing. */
    setActivity(activity: string | null): void {
      requireShortText('activity', activity)
      stage.setSelf(here('setActivity'), { activity })
    },
    setCall(call: CallState): void {
      if (!CALLS.includes(call)) throw new RealtimeError('bad-argument', `call must be one of ${CALLS.join(', ')}`)
      stage.setSelf(here('setCall'), { call })
    },
    /** What this user edits, at most 200 characters; null for nothing. */
    setEditing(target: string | null): void {
      requireShortText('target', target)
      stage.setSelf(here('setEditing'), { editing: target })
    },
    /** Adds what a device's sensors tell, see `realtime-stores/devices/…`; off unless called. */
    setDevice(device: DeviceState): void {
      if (typeof device !== 'object' || device === null || Array.isArray(device))
        throw new RealtimeError('bad-argument', 'device must be an object')
      let supported = { ...stage.self.device.supported, ...device.supported }
      stage.setSelf(here('setDevice'), { device: { ...stage.self.device, ...device, supported } })
    }
  }
}

function requireShortText(name: string, value: string | null): void {
  if (value === null || (typeof value === 'string' && value.length <= 200)) return
  throw new RealtimeError('bad-argument', `${name} must be null or a text of at most 200 characters`)
}
