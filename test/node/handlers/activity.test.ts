import { afterEach, describe, expect, test } from 'vitest'
import { activity } from '../../../src/features/activity.js'
import type { ActivityRule } from '../../../src/features/activity-rules.js'
import { agenda } from '../../../src/features/agenda.js'
import { notifications } from '../../../src/features/notifications.js'
import { type ActivityOptions, activityFeatures, createActivities } from '../../../src/handlers/activity.js'
import { createNotifier, notifierFeatures } from '../../../src/handlers/notifier.js'
import type { Hub } from '../../../src/server/hub.js'
import { defaultPolicy } from '../../../src/server/policy.js'
import { createWorld, pushOf } from '../server/world.js'
import { createStage } from './attention-world.js'

let features = [...activityFeatures, ...notifierFeatures]
let stage = createStage(features)
function begin(options: Partial<ActivityOptions> = {}) {
  stage = createStage(features)
  let hub = stage.start()
  return { hub, clock: stage.clock, activities: createActivities({ hub, report: stage.report, ...options }) }
}
afterEach(() => expect(stage.reports).toEqual([]))

let says = (hub: Hub, user: string, type: string, data: unknown) =>
  hub.room(`user:${user}`).push(activity, `activity:${type}`, data, { by: user })
let plays = (hub: Hub, user: string, title: string) =>
  says(hub, user, 'report', { kind: 'startedPlaying', title, note: '' })
let feed = async (hub: Hub, user: string) =>
  (await hub.room(`user:${user}`).state(activity)).feed.map(
    ({ friend, kind, title, count }) => `${friend} ${kind} ${title} ${count}`
  )

describe('what a friend does', () => {
  test('comes to those who follow, in order, of the kinds that they want, from then on', async () => {
    let { hub, clock } = begin()
    await plays(hub, 'bob', 'Before')
    await clock.pass(10)
    await says(hub, 'ann', 'subscribe', { friend: 'bob' })
    await says(hub, 'carl', 'subscribe', { friend: 'bob', kinds: ['statusChange'] })
    await plays(hub, 'bob', 'Chess')
    await says(hub, 'bob', 'report', { kind: 'stoppedPlaying', title: 'Chess', note: '' })
    await says(hub, 'bob', 'report', { kind: 'statusChange', title: 'away', note: '' })
    await plays(hub, 'bob', 'Chess')
    await clock.settle()
    expect(await feed(hub, 'ann')).toEqual([
      'bob startedPlaying Chess 2',
      'bob statusChange away 1',
      'bob stoppedPlaying Chess 1'
    ])
    expect(await feed(hub, 'carl')).toEqual(['bob statusChange away 1'])
    let { own } = await hub.room('user:bob').state(activity)
    expect(own.map(({ title, passed }) => `${title} ${passed}`)).toEqual([
      'Before true',
      'Chess true',
      'Chess true',
      'away true',
      'Chess true'
    ])
    expect((await hub.room('user:ann').state(activity)).following.bob).toMatchObject({ active: true, kinds: null })
  })

  test('comes no more after the end of the subscription, and again after another one', async () => {
    let { hub, clock } = begin()
    await says(hub, 'ann', 'subscribe', { friend: 'bob' })
    await says(hub, 'ann', 'unsubscribe', { friend: 'bob' })
    await plays(hub, 'bob', 'Chess')
    await clock.settle()
    expect(await feed(hub, 'ann')).toEqual([])
    expect((await hub.room('server:followers:bob').state(agenda)).entries).toEqual({})
    await says(hub, 'ann', 'subscribe', { friend: 'bob' })
    await plays(hub, 'bob', 'Go')
    await clock.settle()
    expect(await feed(hub, 'ann')).toEqual(['bob startedPlaying Go 1'])
  })

  test('does not come to who may not see it any more', async () => {
    let { hub, clock } = begin({ maySee: async follower => follower !== 'ann' })
    for (let follower of ['ann', 'carl']) await says(hub, follower, 'subscribe', { friend: 'bob' })
    await plays(hub, 'bob', 'Chess')
    await clock.settle()
    expect(await feed(hub, 'ann')).toEqual([])
    expect(await feed(hub, 'carl')).toHaveLength(1)
  })

  test('is told by the app’s server as well, once for each key', async () => {
    let { hub, clock, activities } = begin()
    await says(hub, 'ann', 'subscribe', { friend: 'bob' })
    for (let i = 0; i < 2; i++)
      await activities.report('bob', 'startedListening', 'So What', { note: 'Miles', key: 'k1' })
    await clock.settle()
    expect(await feed(hub, 'ann')).toEqual(['bob startedListening So What 1'])
  })

  test('is marked by rules, and somebody is told of it once', async () => {
    let rules: ActivityRule[] = [
      { when: { title: 'chess' }, targetable: true, priority: 'high', notify: { title: '{friend} plays {title}' } }
    ]
    let { hub, clock, activities } = begin()
    activities.close()
    let notifier = createNotifier({ hub })
    createActivities({ hub, notifier, rules: follower => (follower === 'ann' ? rules : []), report: stage.report })
    for (let follower of ['ann', 'carl']) await says(hub, follower, 'subscribe', { friend: 'bob' })
    await plays(hub, 'bob', 'Chess')
    await plays(hub, 'bob', 'Go')
    await clock.settle()
    expect((await hub.room('user:ann').state(activity)).feed).toMatchObject([
      { title: 'Go', targetable: false, priority: 'normal' },
      { title: 'Chess', targetable: true, priority: 'high' }
    ])
    expect((await hub.room('user:ann').state(notifications)).items).toMatchObject([
      { category: 'friends', title: 'bob plays Chess', data: { friend: 'bob', kind: 'startedPlaying', title: 'Chess' } }
    ])
    expect((await hub.room('user:carl').state(notifications)).items).toEqual([])
  })

  test('is passed on once after a crash, in whichever moment it came', async () => {
    let { hub, clock, activities } = begin()
    await says(hub, 'ann', 'subscribe', { friend: 'bob' })
    await says(hub, 'carl', 'subscribe', { friend: 'bob' })
    await clock.settle()
    activities.close()
    // Nobody is left to pass it on; ann was told, and that was not noted.
    let { id } = await plays(hub, 'bob', 'Chess')
    let next = stage.start()
    let again = createActivities({ hub: next, report: stage.report })
    await next.room('user:bob').state(activity)
    await clock.settle()
    again.close()
    expect(await feed(next, 'ann')).toHaveLength(1)
    let third = stage.start()
    let { own } = await third.room('user:bob').state(activity)
    expect(own).toMatchObject([{ id, passed: true }])
    createActivities({ hub: third, report: stage.report })
    await plays(third, 'bob', 'Go')
    await clock.settle()
    for (let user of ['ann', 'carl'])
      expect(await feed(third, user)).toEqual(['bob startedPlaying Go 1', 'bob startedPlaying Chess 1'])
  })

  test('is not passed on when it is old', async () => {
    let { hub, clock, activities } = begin()
    await says(hub, 'ann', 'subscribe', { friend: 'bob' })
    await clock.settle()
    activities.close()
    await plays(hub, 'bob', 'Chess')
    await clock.pass(3_600_001)
    let next = stage.start()
    createActivities({ hub: next, report: stage.report })
    await next.room('user:bob').state(activity)
    await clock.settle()
    expect(await feed(next, 'ann')).toEqual([])
    expect((await next.room('user:bob').state(activity)).own).toMatchObject([{ passed: true }])
  })

  test('does not come when it was before the subscription, though it is passed on later', async () => {
    let { hub, clock, activities } = begin()
    activities.close()
    await plays(hub, 'bob', 'Before')
    await clock.pass(10)
    await says(hub, 'ann', 'subscribe', { friend: 'bob' })
    let next = stage.start()
    createActivities({ hub: next, report: stage.report })
    await next.room('user:ann').state(activity)
    await clock.settle()
    await next.room('user:bob').state(activity)
    await clock.settle()
    expect((await next.room('user:bob').state(activity)).own).toMatchObject([{ passed: true }])
    expect(await feed(next, 'ann')).toEqual([])
  })

  test('a subscription that a crash kept from being noted is noted when its room is in memory', async () => {
    let { hub, clock, activities } = begin()
    activities.close()
    await says(hub, 'ann', 'subscribe', { friend: 'bob' })
    let next = stage.start()
    createActivities({ hub: next, report: stage.report })
    await next.room('user:ann').state(activity)
    await plays(next, 'bob', 'Chess')
    await clock.settle()
    expect(await feed(next, 'ann')).toHaveLength(1)
  })
})

describe('on the wire', () => {
  let friends = new Set(['ann bob', 'bob ann'])
  async function enter() {
    stage = createStage(features)
    let world = createWorld({
      features: [...new Set(features)],
      clock: stage.clock,
      policy(request) {
        if (!defaultPolicy(request)) return false
        if (request.type !== 'activity:subscribe') return true
        return friends.has(`${request.user} ${(request.data as { friend: string }).friend}`)
      }
    })
    let { hub } = world
    let rules = [{ when: {}, notify: { title: '{friend} does something' } }]
    createActivities({ hub, notifier: createNotifier({ hub }), rules, report: stage.report })
    let join = async (user: string, room = `user:${user}`) => ({ room, peer: await world.join(user, room) })
    let n = 0
    let push = async ({ room, peer }: Awaited<ReturnType<typeof join>>, type: string, data: unknown, more = {}) => {
      n++
      peer.send(pushOf(1, { room, id: `id-${n}`, feature: 'activity', type, data, ...more }))
      await stage.clock.settle()
    }
    return { hub, join, push }
  }

  test('whoever is not subscribed gets nothing, and neither does a subscriber of another room', async () => {
    let { hub, join, push } = await enter()
    let ann = await join('ann')
    let eve = await join('eve')
    let eveAtBob = await join('eve', 'user:bob')
    let bob = await join('bob')
    await push(ann, 'activity:subscribe', { friend: 'bob' })
    await push(eve, 'activity:subscribe', { friend: 'bob' })
    expect(eve.peer.last('nack')).toMatchObject({ code: 'forbidden', final: true })
    expect(eveAtBob.peer.last('nack')).toMatchObject({ code: 'forbidden', final: true })
    let before = eve.peer.messages.length
    await push(bob, 'activity:report', { kind: 'startedPlaying', title: 'Secret Chess', note: '' })
    expect(JSON.stringify(ann.peer.got)).toContain('friend:startedPlaying')
    expect(JSON.stringify(ann.peer.got)).toContain('bob does something')
    expect(eve.peer.messages.slice(before)).toEqual([])
    expect(JSON.stringify(eveAtBob.peer.got)).not.toContain('Secret')
    expect(await feed(hub, 'eve')).toEqual([])
  })

  test('nobody speaks for a friend', async () => {
    let { hub, join, push } = await enter()
    let ann = await join('ann')
    await push(ann, 'activity:subscribe', { friend: 'bob' })
    let eve = await join('eve')
    let forged = { friend: 'bob', title: 'Send money', note: '', priority: 'high', targetable: true }
    await push(eve, 'friend:statusChange', forged)
    expect(eve.peer.last('nack')).toMatchObject({ code: 'forbidden' })
    // Into the rooms of others, joined or not.
    for (let room of ['user:ann', 'user:bob', 'server:followers:bob']) {
      let { peer } = await join('eve', room)
      expect(peer.last('nack')).toMatchObject({ code: 'forbidden' })
      await push({ room, peer }, 'activity:report', { kind: 'statusChange', title: 'Send money', note: '' })
      expect(peer.got.some(({ f }) => f === 'ack')).toBe(false)
    }
    expect(await feed(hub, 'ann')).toEqual([])
  })
})
