// Carries what a user does into the rooms of those who follow them, and to nobody else; rules say what of it matters and what
// somebody is told. Knows no policy: whether one may follow another was decided when they subscribed.

import type { AnyFeature } from '../feature.js'
import { activity, type OwnActivity } from '../features/activity.js'
import type { ActivityKind } from '../features/activity-feed.js'
import { type Activity, type ActivityRule, judge } from '../features/activity-rules.js'
import { agenda } from '../features/agenda.js'
import { entryOf } from '../features/bounded.js'
import type { Report, Stop } from '../ports.js'
import type { Hub } from '../server/hub.js'
import type { Notifier } from './notifier.js'
import { createQueues } from './parts/queues.js'
import { shortKey } from './parts/short-key.js'

/** What the hub must run for this handler. */
export const activityFeatures: readonly AnyFeature[] = [activity, agenda]

/** What a restart kept from being passed on is passed on later, unless it is older than this many milliseconds. */
export const PASS_ON_MS = 3_600_000

export interface ActivityOptions {
  readonly hub: Hub
  /** The same for all, or for each follower their own. First come, first served: see `judge`. */
  readonly rules?: readonly ActivityRule[] | ((follower: string) => readonly ActivityRule[])
  /** Raises what rules say; without it nobody is notified. */
  readonly notifier?: Pick<Notifier, 'notify'>
  /** Asked each time something is passed on, for friendships end. Default: whoever follows may see. */
  readonly maySee?: (follower: string, friend: string) => boolean | Promise<boolean>
  readonly report?: Report
}

export interface Activities {
  /** Tells in a user's name what they do, as their own clients would; for what the app's server knows of them. */
  report(user: string, kind: ActivityKind, title: string, options?: { note?: string; key?: string }): Promise<void>
  close: Stop
}

type Own = Omit<OwnActivity, 'passed'>

/** Whose word it is that something was passed on. */
const BY = { by: 'server' }

/** Who follows whom is kept per friend, in a room of the server's own; the truth is in the followers' rooms. */
const followersOf = (friend: string): string => `server:followers:${friend}`

/**
 * Starts it on a hub that runs `activityFeatures`. Everything is passed on once, in the order of the friend, also when it is
 * tried again after a restart.
 *
 * ```ts
 * let rules = [{ when: { kinds: ['startedPlaying'] }, targetable: true, notify: { title: '{friend} plays {title}' } }]
 * createActivities({ hub, notifier: createNotifier({ hub }), rules })
 * ```
 */
export function createActivities({
  hub,
  rules = [],
  notifier,
  maySee = () => true,
  report = () => {}
}: ActivityOptions): Activities {
  let queues = createQueues(error => report('error', 'activity-failed', { error }))
  let rulesFor = (follower: string) => (typeof rules === 'function' ? rules(follower) : rules)

  /** Notes down a follower. One too many does no harm, for the follower's own room is asked each time. */
  async function enlist(follower: string, friend: string): Promise<void> {
    let index = hub.room(followersOf(friend))
    let { entries } = await index.state(agenda)
    if (!entryOf(entries, follower)) await index.push(agenda, 'taken', { id: follower, due: 0 }, BY)
    await hub.room(`user:${follower}`).push(activity, 'activity:active', { friend }, BY)
  }

  async function passOn(friend: string, own: Own): Promise<void> {
    let index = hub.room(followersOf(friend))
    let isFresh = hub.clock.now() - own.at <= PASS_ON_MS
    let { entries } = isFresh ? await index.state(agenda) : agenda.initial
    for (let follower of Object.keys(entries)) {
      let { following } = await hub.room(`user:${follower}`).state(activity)
      let followed = entryOf(following, friend)
      if (!followed) await index.push(agenda, 'ended', { id: follower }, BY)
      if (!followed || own.at < followed.since || followed.kinds?.includes(own.kind) === false) continue
      if (!(await maySee(follower, friend))) continue
      await tell(follower, { friend, kind: own.kind, title: own.title, note: own.note }, own.id)
    }
    let key = shortKey('p', own.id)
    await hub.room(`user:${friend}`).push(activity, 'activity:passed', { id: own.id }, { ...BY, key })
  }

  async function tell(follower: string, what: Activity, id: string): Promise<void> {
    let { friend, kind, title, note } = what
    let { priority, targetable, notify } = judge(rulesFor(follower), what)
    let told = { friend, title, note, priority, targetable }
    let key = shortKey('a', friend, id)
    await hub.room(`user:${follower}`).push(activity, `friend:${kind}`, told, { ...BY, key })
    if (notify) await notifier?.notify(follower, { ...notify, data: { friend, kind, title }, key })
  }

  let stopWatching = hub.watch(activity, ({ room, state, events }) => {
    if (!room.startsWith('user:')) return
    let user = room.slice('user:'.length)
    // What was just said, or what a crash kept from being done.
    let isLoad = events.length === 0
    let isNew = (type: string, friend: string): boolean =>
      events.some(event => event.type === type && (event.data as { friend?: string }).friend === friend)
    for (let [friend, { active }] of Object.entries(state.following))
      if (!active && (isLoad || isNew('activity:subscribe', friend))) queues.start(friend, () => enlist(user, friend))
    let reported = isLoad
      ? state.own.filter(({ passed }) => !passed)
      : events
          .filter(({ type }) => type === 'activity:report')
          .map(({ id, at, data }): Own => ({ ...(data as Activity), id, at }))
    for (let own of reported) queues.start(user, () => passOn(user, own))
  })

  return {
    async report(user, kind, title, { note = '', key } = {}) {
      let own = { kind, title, note }
      let named = key === undefined ? {} : { key: shortKey('r', key) }
      await hub.room(`user:${user}`).push(activity, 'activity:report', own, { by: user, ...named })
    },
    close() {
      stopWatching()
      queues.close()
    }
  }
}
