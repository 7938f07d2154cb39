// What a persona's room puts on the stage: the companion's features in that room and in the user's own, shown in the stores, and
// what this page keeps while personas come and go. Knows nothing of connections and of who the user was before.

import { computed } from 'nanostores'
import type { Realtime } from './client.js'
import { put, show } from './companion-relay.js'
import type { CompanionStores } from './companion-stores.js'
import { membersByUser, NOBODY, type Self } from './core/members.js'
import type { Handle } from './feature.js'
import { avatar } from './features/avatar.js'
import { biometric } from './features/biometric.js'
import { haptic } from './features/haptic.js'
import { memory } from './features/memory.js'
import { memoryReads, withReads } from './features/memory-reads.js'
import { relationship } from './features/relationship.js'
import { voice } from './features/voice.js'
import { vr } from './features/vr.js'
import type { Room } from './room.js'

/** Everything that ends with a persona's room. */
export interface Scene {
  readonly persona: string
  readonly room: Room
  readonly own: Room
  readonly avatar: Handle<typeof avatar>
  readonly memory: Handle<typeof memory>
  readonly reads: Handle<typeof memoryReads>
  readonly haptic: Handle<typeof haptic>
  readonly biometric: Handle<typeof biometric>
  readonly vr: Handle<typeof vr>
  readonly voice: Handle<typeof voice>
  readonly relationship: Handle<typeof relationship>
  leave(): void
}

export type Stage = ReturnType<typeof createStage>

/** Makes the stage of a page: what is set here is there in every scene. */
export function createStage(stores: CompanionStores) {
  let self: Self = NOBODY
  let hapticEnabled = true
  let patterns = new Map<string, readonly number[]>()

  function enter(current: Realtime, persona: string): Scene {
    let room = current.room(`persona:${persona}`)
    let own = current.room(`user:${current.user}`)
    let uses = {
      avatar: room.use(avatar),
      memory: room.use(memory),
      reads: own.use(memoryReads),
      haptic: room.use(haptic),
      biometric: room.use(biometric),
      vr: room.use(vr),
      voice: room.use(voice),
      relationship: room.use(relationship)
    }
    let showMemory = (): void =>
      put(stores.memory, withReads(uses.memory.$state.get(), uses.reads.$state.get(), current.user, room.id))
    let showMembers = (): void => {
      let members = membersByUser(room.presence.$roster.get())
      let onlineCount = Object.values(members).filter(member => member.status !== 'offline').length
      put(stores.presence, { ...stores.presence.get(), self, members, onlineCount })
    }
    let shown = [
      show(uses.avatar.$state, stores.avatar),
      show(uses.haptic.$state, stores.haptic),
      show(uses.biometric.$state, stores.biometric),
      show(uses.vr.$state, stores.vr),
      show(
        computed(uses.vr.$state, ({ isActive }) => isActive),
        stores.vrIsActive
      ),
      show(uses.voice.$state, stores.voice),
      show(uses.relationship.$state, stores.relationship),
      uses.memory.$state.subscribe(showMemory),
      uses.reads.$state.listen(showMemory),
      room.presence.$roster.subscribe(showMembers)
    ]
    uses.haptic.setHapticEnabled(hapticEnabled)
    for (let [name, steps] of patterns) uses.haptic.definePattern(name, steps)
    room.presence.set({ ...self })
    return {
      ...uses,
      persona,
      room,
      own,
      leave() {
        for (let stop of shown) stop()
        // Left a moment later; what arrives meanwhile is not played any more.
        uses.haptic.setHapticEnabled(false)
        room.leave()
        own.leave()
      }
    }
  }

  return {
    enter,
    get self(): Self {
      return self
    },
    setSelf({ room }: Scene, patch: Partial<Self>): void {
      self = { ...self, ...patch }
      room.presence.set({ ...self })
      put(stores.presence, { ...stores.presence.get(), self })
    },
    /** The next one says nothing of themselves yet. */
    forgetSelf(): void {
      self = NOBODY
    },
    setHapticEnabled(scene: Scene, enabled: boolean): void {
      scene.haptic.setHapticEnabled(enabled)
      hapticEnabled = enabled
    },
    definePattern(scene: Scene, name: string, steps: readonly number[]): void {
      scene.haptic.definePattern(name, steps)
      patterns.set(name, [...steps])
    }
  }
}
