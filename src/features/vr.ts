// The VR scene that a room shares. Does not know how a scene is generated or rendered; only whether this device can show one.

import { atom, computed, onMount, type ReadableAtom } from 'nanostores'
import { RealtimeError } from '../errors.js'
import { defineFeature, durable, type LocalHost, type LocalPart, latest, volatile } from '../feature.js'
import { json, number, object, optional, record, string } from '../schema.js'

/** Keys that a scene's state may have; further ones are ignored. */
export const MAX_SCENE_KEYS = 100
/** Participants of one scene; further ones are ignored. */
export const MAX_PARTICIPANTS = 200

/** The scene as all members of the room see it. */
export interface VRState {
  /** Differs with every start of a scene; `null` when none is on. */
  readonly sceneId: string | null
  /** 1 to 128 characters; `null` when none is on. */
  readonly currentScene: string | null
  /** 1 to 64 characters; `null` when none is on. */
  readonly sceneType: string | null
  readonly isActive: boolean
  /** How far the scene is generated, from 0 to 1; never goes back within one scene. */
  readonly generationProgress: number
  /** How far the scene has been played, from 0 to 1; never goes back within one scene. */
  readonly sceneProgress: number
  /** What the members set with `updateVRScene`; at most 100 keys. */
  readonly sceneState: Readonly<Record<string, unknown>>
  /** Users, in the order in which they joined; who leaves without a word stays. At most 200. */
  readonly participants: readonly string[]
  readonly startedBy: string | null
  /** Milliseconds since 1970 by the server's clock. */
  readonly lastUpdate: number | null
}

/** The scene together with what this device can do. */
export interface VRView extends VRState {
  /** Whether this device can show an immersive scene; false until the device has answered. */
  readonly supported: boolean
}

/** Progress from 0 to 1; at least one of the two. */
export interface VRProgress {
  readonly generation?: number | undefined
  readonly scene?: number | undefined
}

const sceneId = string({ min: 1, max: 128 })
const share = optional(number({ min: 0, max: 1 }))

const initial: VRState = {
  sceneId: null,
  currentScene: null,
  sceneType: null,
  isActive: false,
  generationProgress: 0,
  sceneProgress: 0,
  sceneState: {},
  participants: [],
  startedBy: null,
  lastUpdate: null
}

const events = {
  started: durable(object({ scene: string({ min: 1, max: 128 }), type: string({ min: 1, max: 64 }) })),
  ended: durable(object({ sceneId })),
  joined: durable(object({ sceneId })),
  left: durable(object({ sceneId })),
  // Patches of the same keys replace each other while they wait; patches of other keys do not, so that no key is lost.
  updated: latest(object({ sceneId, patch: record(json({ depth: 8 }), { max: 32 }) }), {
    key: ({ patch }) => Object.keys(patch).sort().join('\n')
  }),
  progress: volatile(object({ sceneId, generation: share, scene: share }), {
    seconds: 3600,
    key: data => `${data.generation === undefined ? '' : 'g'}${data.scene === undefined ? '' : 's'}`
  })
}

function current(state: VRState): string {
  if (state.sceneId === null) {
    throw new RealtimeError('bad-argument', 'scene: no VR scene is on. Call startVRScene(scene, type) first.')
  }
  return state.sceneId
}

function patched(before: Readonly<Record<string, unknown>>, patch: Readonly<Record<string, unknown>>) {
  let next: Record<string, unknown> = { ...before }
  for (let key of Object.keys(patch)) {
    let value = patch[key]
    if (value === null || value === undefined) delete next[key]
    else if (Object.hasOwn(next, key) || Object.keys(next).length < MAX_SCENE_KEYS) next[key] = value
  }
  return next
}

/** What this device adds to the shared scene. */
export interface VRLocal extends LocalPart<VRView> {
  readonly $state: ReadableAtom<VRView>
}

function detect(host: LocalHost<VRState, typeof events>): VRLocal {
  let $supported = atom(false)
  let closed = false
  let isAsked = false
  // Not before somebody looks: in some browsers, asking keeps the page out of the back-forward cache.
  onMount($supported, () => {
    if (isAsked) return
    isAsked = true
    host.devices.vr?.supported().then(
      supported => {
        if (!closed) $supported.set(supported)
      },
      () => {}
    )
  })
  return {
    $state: computed([host.$state, $supported], (state, supported): VRView => ({ ...state, supported })),
    close() {
      closed = true
    }
  }
}

function isOver(state: VRState, { sceneId }: { readonly sceneId: string }): string | null {
  return sceneId === state.sceneId ? null : 'unknown-scene'
}

/**
 * The room's VR scene. Starting one ends the one before. Joining or changing a scene that is over is refused as `unknown-scene`;
 * ending or leaving it changes nothing. Progress is a stream, kept for joiners for an hour.
 *
 * ```ts
 * await room.use(vr).startVRScene('romantic_garden', 'ai_generated')
 * ```
 */
export const vr = defineFeature({
  name: 'vr',
  version: 1,
  events,
  initial,
  reduce: {
    started: (_, { scene, type }, { id, actor, at }) => ({
      ...initial,
      sceneId: id,
      currentScene: scene,
      sceneType: type,
      isActive: true,
      participants: [actor],
      startedBy: actor,
      lastUpdate: at
    }),
    ended: (state, { sceneId }, { at }) => (sceneId === state.sceneId ? { ...initial, lastUpdate: at } : state),
    joined: (state, { sceneId }, { actor, at }) =>
      sceneId !== state.sceneId || state.participants.includes(actor) || state.participants.length >= MAX_PARTICIPANTS
        ? state
        : { ...state, participants: [...state.participants, actor], lastUpdate: at },
    left: (state, { sceneId }, { actor, at }) =>
      sceneId !== state.sceneId || !state.participants.includes(actor)
        ? state
        : { ...state, participants: state.participants.filter(user => user !== actor), lastUpdate: at },
    updated: (state, { sceneId, patch }, { at }) =>
      sceneId !== state.sceneId ? state : { ...state, sceneState: patched(state.sceneState, patch), lastUpdate: at },
    // Only ever forward, and only for the scene that is on: repeated or late reports change nothing.
    progress: (state, { sceneId, generation = 0, scene = 0 }) =>
      sceneId !== state.sceneId || (generation <= state.generationProgress && scene <= state.sceneProgress)
        ? state
        : {
            ...state,
            generationProgress: Math.max(state.generationProgress, generation),
            sceneProgress: Math.max(state.sceneProgress, scene)
          }
  },
  refuse: { joined: isOver, updated: isOver },
  commands: {
    /** Starts a scene of 1 to 128 characters and a type of 1 to 64; whoever starts it takes part. */
    startVRScene: (_, scene: string, type: string) => ({ type: 'started', data: { scene, type } }),
    /** Ends the scene; throws when none is on. */
    endVRScene: ({ state }) => ({ type: 'ended', data: { sceneId: current(state) } }),
    /** Takes part in the scene; throws when none is on. */
    joinVRScene: ({ state }) => ({ type: 'joined', data: { sceneId: current(state) } }),
    /** Takes part no longer; throws when none is on. */
    leaveVRScene: ({ state }) => ({ type: 'left', data: { sceneId: current(state) } }),
    /** Sets the keys of `patch` in the scene's state, at most 32 at once; `null` removes a key. Throws when none is on. */
    updateVRScene: ({ state }, patch: Readonly<Record<string, unknown>>) => ({
      type: 'updated',
      data: { sceneId: current(state), patch }
    }),
    /** Tells how far generation or scene are, each from 0 to 1; throws when none is on. */
    reportVRProgress: ({ state }, progress: VRProgress) => {
      if (progress?.generation === undefined && progress?.scene === undefined) {
        throw new RealtimeError('bad-argument', 'progress: must name generation, scene or both')
      }
      return { type: 'progress', data: { ...progress, sceneId: current(state) } }
    }
  },
  local: detect
})
