// What friends do, for those who follow them, and what this user does, for those who follow this user. Runs in the user's own
// room; what passes from one user to another is handlers/activity's.

import { RealtimeError } from '../errors.js'
import { defineFeature, durable, type EventMeta, ttl } from '../feature.js'
import { array, boolean, object, oneOf, optional, string } from '../schema.js'
import {
  ACTIVITY_KINDS,
  type ActivityDetails,
  type ActivityKind,
  type FeedItem,
  withActivity
} from './activity-feed.js'
import { entryOf } from './bounded.js'

/** Lines of the feed kept; the oldest give way. */
export const MAX_FEED = 200
/** Friends that one user may follow. */
export const MAX_FOLLOWED = 500
/** Own activities kept; the oldest give way. */
export const MAX_OWN = 50
/** What a user tells of their activities is worth nothing after this many seconds without a connection. */
export const ACTIVITY_TTL = 3600

/** What this user did. */
export interface OwnActivity extends ActivityDetails {
  readonly id: string
  readonly kind: ActivityKind
  readonly at: number
  /** The server has told everyone who may know. */
  readonly passed: boolean
}

/** A friend who is followed. */
export interface Following {
  /** `null`: all of them. */
  readonly kinds: readonly ActivityKind[] | null
  /** Milliseconds since 1970 by the server's clock; what was before does not come. */
  readonly since: number
  /** The server passes on what this friend does. */
  readonly active: boolean
}

export interface ActivityState {
  /** Whom this user follows; at most 500. */
  readonly following: Readonly<Record<string, Following>>
  /** Newest first, at most 200. */
  readonly feed: readonly FeedItem[]
  /** What this user did, newest last; at most 50. */
  readonly own: readonly OwnActivity[]
}

const friend = string({ min: 1, max: 200 })
const title = string({ min: 1, max: 120 })
const note = string({ max: 200 })
const kind = oneOf(...ACTIVITY_KINDS)

const told = durable(object({ friend, title, note, priority: oneOf('low', 'normal', 'high'), targetable: boolean() }), {
  author: 'server'
})

type Told = ActivityDetails & Pick<FeedItem, 'friend' | 'priority' | 'targetable'>

/** A follower's room learns of one thing that a friend did. */
function tells(kind: ActivityKind) {
  return (state: ActivityState, { friend, title, note, priority, targetable }: Told, { id, at }: EventMeta) => ({
    ...state,
    feed: withActivity(state.feed, { id, friend, kind, title, note, priority, targetable, at }, MAX_FEED)
  })
}

const initial: ActivityState = { following: {}, feed: [], own: [] }

function isFollowing({ following }: ActivityState, friend: string): boolean {
  return entryOf(following, friend) !== undefined
}

/**
 * Following friends, the feed of what they do, and telling of oneself. Whether two are friends is decided by the server's policy,
 * which is asked with `activity:subscribe` and the friend's name.
 *
 * ```ts
 * let own = client.room(`user:${me}`).use(activity)
 * await own.subscribe('bob')
 * await own.startedListening('So What', 'Miles Davis')
 * grouped(filtered(own.$state.get().feed, { kinds: ['startedPlaying'] }), 'day', 'Europe/Paris')
 * ```
 */
export const activity = defineFeature({
  name: 'activity',
  version: 1,
  events: {
    'activity:subscribe': durable(object({ friend, kinds: optional(array(kind, { max: ACTIVITY_KINDS.length })) })),
    'activity:unsubscribe': durable(object({ friend })),
    'activity:report': ttl(ACTIVITY_TTL, object({ kind, title, note })),
    'activity:active': durable(object({ friend }), { author: 'server' }),
    'activity:passed': durable(object({ id: string({ min: 1, max: 64 }) }), { author: 'server' }),
    'friend:startedPlaying': told,
    'friend:stoppedPlaying': told,
    'friend:startedListening': told,
    'friend:stoppedListening': told,
    'friend:statusChange': told
  },
  initial,
  reduce: {
    'activity:subscribe': (state, { friend, kinds }, { actor, at }) => {
      if (whyNotFollow(state, friend, actor) !== null) return state
      let { since, active } = entryOf(state.following, friend) ?? { since: at, active: false }
      return { ...state, following: { ...state.following, [friend]: { kinds: kinds ?? null, since, active } } }
    },
    'activity:unsubscribe': (state, { friend }) => {
      if (!isFollowing(state, friend)) return state
      let { [friend]: _, ...following } = state.following
      return { ...state, following }
    },
    'activity:report': (state, { kind, title, note }, { id, at }) => ({
      ...state,
      own: [...state.own.slice(1 - MAX_OWN), { id, kind, title, note, at, passed: false }]
    }),
    'activity:active': (state, { friend }) => {
      let followed = entryOf(state.following, friend)
      if (!followed) return state
      return { ...state, following: { ...state.following, [friend]: { ...followed, active: true } } }
    },
    'activity:passed': (state, { id }) => ({
      ...state,
      own: state.own.map(item => (item.id === id ? { ...item, passed: true } : item))
    }),
    'friend:startedPlaying': tells('startedPlaying'),
    'friend:stoppedPlaying': tells('stoppedPlaying'),
    'friend:startedListening': tells('startedListening'),
    'friend:stoppedListening': tells('stoppedListening'),
    'friend:statusChange': tells('statusChange')
  },
  refuse: {
    'activity:subscribe': (state, { friend }, { actor }) => whyNotFollow(state, friend, actor),
    'activity:unsubscribe': (state, { friend }) => (isFollowing(state, friend) ? null : 'not-subscribed')
  },
  commands: {
    /** Follows a friend, or of what they do only some kinds. What they did before does not come. */
    subscribe: ({ state, me }, friend: string, kinds?: readonly ActivityKind[]) => {
      let code = whyNotFollow(state, friend, me)
      if (code !== null) throw new RealtimeError('bad-argument', `friend: ${code}`)
      return { type: 'activity:subscribe', data: { friend, kinds } }
    },
    /** Ends it; what came stays in the feed. Throws when this friend is not followed. */
    unsubscribe: ({ state }, friend: string) => {
      if (!isFollowing(state, friend)) throw new RealtimeError('bad-argument', `friend: not-subscribed`)
      return { type: 'activity:unsubscribe', data: { friend } }
    },
    /** Tells followers what one plays: 1 to 120 characters, and a note of at most 200. */
    startedPlaying: (_, title: string, note = '') => report('startedPlaying', title, note),
    stoppedPlaying: (_, title: string, note = '') => report('stoppedPlaying', title, note),
    startedListening: (_, title: string, note = '') => report('startedListening', title, note),
    stoppedListening: (_, title: string, note = '') => report('stoppedListening', title, note),
    /** Tells followers a new status of 1 to 120 characters. */
    changeStatus: (_, status: string, note = '') => report('statusChange', status, note)
  }
})

function report(kind: ActivityKind, title: string, note: string) {
  return { type: 'activity:report' as const, data: { kind, title, note } }
}

function whyNotFollow(state: ActivityState, friend: string, me: string): string | null {
  if (friend === me) return 'oneself'
  return !isFollowing(state, friend) && Object.keys(state.following).length >= MAX_FOLLOWED ? 'too-many' : null
}
