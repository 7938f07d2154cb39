// Calls that must compile, and calls that must not. Checked by the type checker alone; never run.

import type { ReadableAtom } from 'nanostores'
import type { Handle, Receipt, StateOf } from '../../src/feature.js'
import type {
  AvatarState,
  avatar,
  BiometricView,
  biometric,
  HapticView,
  haptic,
  MemoryReadsState,
  MemoryState,
  MemoryView,
  memory,
  memoryReads,
  RelationshipState,
  relationship,
  VoiceView,
  VRState,
  VRView,
  voice,
  vr
} from '../../src/features/index.js'
import { render, type withReads } from '../../src/features/index.js'

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
const same = <A, B>(_: Same<A, B>): void => {}

declare const room: {
  avatar: Handle<typeof avatar>
  memory: Handle<typeof memory>
  reads: Handle<typeof memoryReads>
  haptic: Handle<typeof haptic>
  biometric: Handle<typeof biometric>
  vr: Handle<typeof vr>
  voice: Handle<typeof voice>
  relationship: Handle<typeof relationship>
}

export async function stores(): Promise<void> {
  same<typeof room.avatar.$state, ReadableAtom<AvatarState>>(true)
  same<typeof room.memory.$state, ReadableAtom<MemoryState>>(true)
  same<typeof room.reads.$state, ReadableAtom<MemoryReadsState>>(true)
  same<typeof room.relationship.$state, ReadableAtom<RelationshipState>>(true)
  // Where a device has a part, its view takes the place of the bare state.
  same<typeof room.haptic.$state, ReadableAtom<HapticView>>(true)
  same<typeof room.biometric.$state, ReadableAtom<BiometricView>>(true)
  same<typeof room.vr.$state, ReadableAtom<VRView>>(true)
  same<typeof room.voice.$state, ReadableAtom<VoiceView>>(true)
  same<StateOf<typeof vr>, VRState>(true)
  same<ReturnType<typeof withReads>, MemoryView>(true)
  // @ts-expect-error a state is read, not written
  room.avatar.$state.get().currentMood = 'happy'
  // @ts-expect-error lists of a state are not changed
  room.memory.$state.get().memories.push()
  // @ts-expect-error a store of a handle cannot be set
  room.avatar.$state.set(room.avatar.$state.get())
  // @ts-expect-error closing is the room's
  room.haptic.close()
}

export async function companion(): Promise<void> {
  same<ReturnType<typeof room.avatar.updateAvatarMood>, Receipt>(true)
  let { id, stage } = await room.avatar.updateAvatarMood('happy')
  same<typeof id, string>(true)
  same<typeof stage, 'stored' | 'sent' | 'dropped'>(true)
  await room.avatar.reportAnimationProgress(0.5)
  // @ts-expect-error a mood is text
  room.avatar.updateAvatarMood(5)
  // @ts-expect-error a mood is needed
  room.avatar.updateAvatarMood()
  // @ts-expect-error there is no such command
  room.avatar.updateAvatarMod('happy')

  await room.memory.createMemory('stars')
  await room.memory.createMemory('stars', { tags: ['night'], emotion: null, importance: undefined })
  await room.memory.updateMemory('id', { content: 'moon' })
  await room.memory.processMemory('id', 'reading', 0.5)
  await room.reads.markMemoryRead('id')
  await room.reads.markAllMemoriesRead(5, 'luna')
  // @ts-expect-error tags are a list
  room.memory.createMemory('stars', { tags: 'night' })
  // @ts-expect-error a memory has no title
  room.memory.updateMemory('id', { title: 'moon' })
  // @ts-expect-error a patch is needed
  room.memory.updateMemory('id')
  // @ts-expect-error up to when is needed
  room.reads.markAllMemoriesRead()

  await room.relationship.updateHealthScore(80)
  await room.relationship.raiseConflict('dishes')
  await room.relationship.raiseConflict('dishes', 'high')
  // @ts-expect-error there is no such severity
  room.relationship.raiseConflict('dishes', 'terrible')
  // @ts-expect-error a score is a number
  room.relationship.updateHealthScore('80')
}

export async function devices(): Promise<void> {
  await room.haptic.triggerHaptic('heartbeat', 75, 3000)
  await room.haptic.triggerHaptic('one of our own', 75, 3000, { target: 'self' })
  room.haptic.definePattern('one of our own', [10, 20])
  // @ts-expect-error there is no such target
  room.haptic.triggerHaptic('heartbeat', 75, 3000, { target: 'all' })
  // @ts-expect-error a duration is needed
  room.haptic.triggerHaptic('heartbeat', 75)
  // @ts-expect-error on or off
  room.haptic.setHapticEnabled('on')
  // @ts-expect-error only built-in names can be rendered by name
  render('one of our own', 50, 100)

  same<ReturnType<typeof room.biometric.startBiometricMonitoring>, Promise<boolean>>(true)
  await room.biometric.startBiometricMonitoring('bluetooth')
  await room.biometric.startBiometricMonitoring({
    stream(emit) {
      emit({ heartRate: 70 })
      // @ts-expect-error a stream measures what the feature knows
      emit({ bloodPressure: 120 })
      return () => {}
    }
  })
  await room.biometric.sendBiometric({ heartRate: 72 })
  // @ts-expect-error there is no such source
  room.biometric.startBiometricMonitoring('fitbit')
  // @ts-expect-error a stream is to be stopped
  room.biometric.startBiometricMonitoring({ stream: () => {} })
  // @ts-expect-error a heart rate is a number
  room.biometric.sendBiometric({ heartRate: '72' })
  // @ts-expect-error an entry may be missing
  room.biometric.$state.get().members.bob.heartRate

  await room.vr.startVRScene('romantic_garden', 'ai_generated')
  await room.vr.updateVRScene({ light: 0.5 })
  await room.vr.reportVRProgress({ generation: 0.5 })
  // @ts-expect-error a scene has a type
  room.vr.startVRScene('romantic_garden')
  // @ts-expect-error there is no such progress
  room.vr.reportVRProgress({ loading: 0.5 })
  // @ts-expect-error a patch is an object
  room.vr.updateVRScene('light')

  await room.voice.speakText('Hello, I love you!', 'romantic', 1.2, 0.9, 0.8)
  await room.voice.speakText('Hello')
  room.voice.startListening('en-GB')
  // @ts-expect-error pitch is a number
  room.voice.speakText('Hello', 'romantic', 'high')
  // @ts-expect-error nothing but text is said
  room.voice.speakText(5)
}
