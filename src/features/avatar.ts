// The avatar of a room: how it looks and moves, the same for all members. Does not know how an avatar is drawn.

import { RealtimeError } from '../errors.js'
import { defineFeature, latest, ttl, volatile } from '../feature.js'
import { number, object, string } from '../schema.js'

/** The animation that was started last. */
export interface AvatarAnimation {
  /** Differs with every start, so that the same animation played twice can be told apart; `null` before the first. */
  readonly id: string | null
  readonly name: string | null
  /** From 0 to 1; never goes back within one animation. */
  readonly progress: number
  /** Whether it was started and has not been reported at 1. */
  readonly playing: boolean
  /** Milliseconds since 1970 by the server's clock. */
  readonly startedAt: number | null
}

/** The avatar as all members of the room see it. */
export interface AvatarState {
  /** 1 to 64 characters; `neutral` until someone says otherwise. */
  readonly currentMood: string
  /** 1 to 64 characters; `neutral` until someone says otherwise. */
  readonly currentExpression: string
  /** The gesture that was triggered last; how long it shows is up to whoever draws it. */
  readonly currentGesture: string | null
  /** Differs with every gesture, so that the same gesture twice can be told apart. */
  readonly gestureId: string | null
  /** When the gesture was triggered; milliseconds since 1970 by the server's clock. */
  readonly gestureAt: number | null
  readonly animation: AvatarAnimation
  /** Milliseconds since 1970 by the server's clock; `null` before the first change. Progress is not a change. */
  readonly lastUpdate: number | null
  /** The user who made the last change. */
  readonly updatedBy: string | null
}

const name = string({ min: 1, max: 64 })

const initial: AvatarState = {
  currentMood: 'neutral',
  currentExpression: 'neutral',
  currentGesture: null,
  gestureId: null,
  gestureAt: null,
  animation: { id: null, name: null, progress: 0, playing: false, startedAt: null },
  lastUpdate: null,
  updatedBy: null
}

/**
 * Mood, expression, gesture and animation of the room's avatar. The last one to arrive wins. Gestures and animations are
 * worth nothing after 10 s; the progress of an animation is a stream, kept for joiners for an hour.
 *
 * ```ts
 * await room.use(avatar).updateAvatarMood('happy')
 * ```
 */
export const avatar = defineFeature({
  name: 'avatar',
  version: 1,
  events: {
    mood: latest(object({ mood: name })),
    expression: latest(object({ expression: name })),
    gesture: ttl(10, object({ gesture: name })),
    animation: ttl(10, object({ name })),
    progress: volatile(object({ animation: string({ min: 1, max: 128 }), progress: number({ min: 0, max: 1 }) }), {
      seconds: 3600
    })
  },
  initial,
  reduce: {
    mood: (state, { mood }, { actor, at }) => ({ ...state, currentMood: mood, lastUpdate: at, updatedBy: actor }),
    expression: (state, { expression }, { actor, at }) => ({
      ...state,
      currentExpression: expression,
      lastUpdate: at,
      updatedBy: actor
    }),
    gesture: (state, { gesture }, { id, actor, at }) => ({
      ...state,
      currentGesture: gesture,
      gestureId: id,
      gestureAt: at,
      lastUpdate: at,
      updatedBy: actor
    }),
    animation: (state, { name }, { id, actor, at }) => ({
      ...state,
      animation: { id, name, progress: 0, playing: true, startedAt: at },
      lastUpdate: at,
      updatedBy: actor
    }),
    // Only ever forward, and only for the animation that is on: repeated or late reports change nothing.
    progress: (state, { animation, progress }) =>
      animation !== state.animation.id || progress <= state.animation.progress
        ? state
        : { ...state, animation: { ...state.animation, progress, playing: progress < 1 } }
  },
  commands: {
    /** Sets the mood, 1 to 64 characters. */
    updateAvatarMood: (_, mood: string) => ({ type: 'mood', data: { mood } }),
    /** Sets the expression of the face, 1 to 64 characters. */
    setAvatarExpression: (_, expression: string) => ({ type: 'expression', data: { expression } }),
    /** Makes one gesture, 1 to 64 characters; told `expired` if it is not delivered within 10 s. */
    triggerAvatarGesture: (_, gesture: string) => ({ type: 'gesture', data: { gesture } }),
    /** Starts an animation, 1 to 64 characters; told `expired` if it is not delivered within 10 s. */
    playAvatarAnimation: (_, name: string) => ({ type: 'animation', data: { name } }),
    /** Tells how far the current animation is, from 0 to 1; at 1 it has ended. Throws when none was ever started. */
    reportAnimationProgress: ({ state }, progress: number) => {
      let { id } = state.animation
      if (id === null) {
        throw new RealtimeError(
          'bad-argument',
          'progress: no animation was started. Call playAvatarAnimation(name) first.'
        )
      }
      return { type: 'progress', data: { animation: id, progress } }
    }
  }
})
