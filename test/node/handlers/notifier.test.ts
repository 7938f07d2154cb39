import { afterEach, describe, expect, test } from 'vitest'
import { agenda } from '../../../src/features/agenda.js'
import { DEFAULT_PREFERENCE } from '../../../src/features/notification-rules.js'
import { notifications } from '../../../src/features/notifications.js'
import { createNotifier, notifierFeatures } from '../../../src/handlers/notifier.js'
import type { Hub } from '../../../src/server/hub.js'
import { createStage } from './attention-world.js'

let HOUR = 3_600_000
// The test's clock starts at 2023-11-14T22:13:20Z.
let night = { start: 22 * 60, end: 7 * 60, timeZone: 'UTC', urgentPasses: true }
let morning = Date.parse('2023-11-15T07:00Z')

let stage = createStage(notifierFeatures)
let begin = () => {
  stage = createStage(notifierFeatures)
  let hub = stage.start()
  return { hub, notifier: createNotifier({ hub, report: stage.report }), clock: stage.clock }
}
afterEach(() => expect(stage.reports).toEqual([]))

let prefer = (hub: Hub, type: string, data: unknown) =>
  hub.room('user:ann').push(notifications, type, data, { by: 'ann' })
let items = async (hub: Hub) => (await hub.room('user:ann').state(notifications)).items
let outcomes = async (hub: Hub) => (await items(hub)).map(({ title, outcome }) => `${title} ${outcome}`)
let waiting = async (hub: Hub) => Object.keys((await hub.room('server:notifier').state(agenda)).entries)

describe('the notifier', () => {
  test('tells a user, once for each key', async () => {
    let { hub, notifier } = begin()
    let first = await notifier.notify('ann', { category: 'system', title: 'Hello', key: 'k'.repeat(256) })
    let again = await notifier.notify('ann', { category: 'system', title: 'Hello', key: 'k'.repeat(256) })
    expect(first).toEqual({ id: again.id, outcome: 'delivered', heldUntil: null })
    expect(await items(hub)).toMatchObject([{ id: first.id, priority: 'normal', body: '', actions: [], read: false }])
    await prefer(hub, 'notification:dismiss', { id: first.id })
    expect((await notifier.notify('ann', { category: 'system', title: 'Hello', key: 'k'.repeat(256) })).outcome).toBe(
      'gone'
    )
    expect(await items(hub)).toEqual([])
  })

  test('changes its words, and nothing else', async () => {
    let { hub, notifier } = begin()
    let { id } = await notifier.notify('ann', { category: 'task', title: 'Half done', body: 'x', data: { task: '7' } })
    await notifier.update('ann', id, { title: 'Done' })
    await notifier.update('ann', 'none', { title: 'Done' })
    expect(await items(hub)).toMatchObject([
      { id, title: 'Done', body: 'x', data: { task: '7' }, outcome: 'delivered' }
    ])
  })

  test('refuses what is too long, naming it', async () => {
    let { notifier } = begin()
    await expect(notifier.notify('ann', { category: 'system', title: '' })).rejects.toMatchObject({
      code: 'bad-argument'
    })
    await expect(notifier.notify('ann', { category: 'system', title: 'x', key: '' })).rejects.toThrow('key must be')
    await expect(notifier.notify('ann', { category: 'x'.repeat(33), title: 'x' })).rejects.toThrow('category')
  })

  test('keeps to the limit however many are raised at once, and to each category’s own', async () => {
    let { hub, notifier, clock } = begin()
    await prefer(hub, 'notification:preference', {
      category: 'friends',
      preference: { ...DEFAULT_PREFERENCE, limit: { count: 3, seconds: 60 } }
    })
    await prefer(hub, 'notification:preference', { category: 'vr', preference: { ...DEFAULT_PREFERENCE, muted: true } })
    let all = await Promise.all(
      Array.from({ length: 8 }, (_, i) => notifier.notify('ann', { category: 'friends', title: `${i}` }))
    )
    expect(all.map(({ outcome }) => outcome)).toEqual([...Array(3).fill('delivered'), ...Array(5).fill('silent')])
    expect((await notifier.notify('ann', { category: 'memory', title: 'other' })).outcome).toBe('delivered')
    expect((await notifier.notify('ann', { category: 'vr', title: 'muted' })).outcome).toBe('listed')
    expect((await items(hub)).filter(({ read }) => read).map(({ title }) => title)).toEqual(['muted'])
    await clock.pass(60_000)
    expect((await notifier.notify('ann', { category: 'friends', title: 'later' })).outcome).toBe('delivered')
  })

  test('holds until the quiet hours end, lets go in order, and lets pass what is urgent', async () => {
    let { hub, notifier, clock } = begin()
    await prefer(hub, 'notification:quietHours', { hours: night })
    await prefer(hub, 'notification:preference', {
      category: 'system',
      preference: { ...DEFAULT_PREFERENCE, limit: { count: 2, seconds: 60 } }
    })
    for (let title of ['one', 'two', 'three'])
      expect(await notifier.notify('ann', { category: 'system', title })).toMatchObject({
        outcome: 'held',
        heldUntil: morning
      })
    expect((await notifier.notify('ann', { category: 'alert', title: 'fire', priority: 'urgent' })).outcome).toBe(
      'delivered'
    )
    expect((await notifier.notify('ann', { category: 'alert', title: 'dust', priority: 'low' })).outcome).toBe('silent')
    await clock.settle()
    expect(await waiting(hub)).toEqual(['ann'])
    await clock.pass(morning - clock.now() - 1)
    expect(await outcomes(hub)).toEqual(['dust silent', 'fire delivered', 'three held', 'two held', 'one held'])
    await clock.pass(1)
    expect(await outcomes(hub)).toEqual([
      'three silent',
      'two delivered',
      'one delivered',
      'dust silent',
      'fire delivered'
    ])
    expect(await waiting(hub)).toEqual([])
  })

  test('lets go at once when the person ends the quiet hours, and later when they make them longer', async () => {
    let { hub, notifier, clock } = begin()
    await prefer(hub, 'notification:quietHours', { hours: night })
    await notifier.notify('ann', { category: 'system', title: 'one' })
    await prefer(hub, 'notification:quietHours', { hours: { ...night, end: 9 * 60 } })
    await clock.pass(morning - clock.now() + HOUR)
    expect(await items(hub)).toMatchObject([{ outcome: 'held', heldUntil: morning + 2 * HOUR }])
    await prefer(hub, 'notification:quietHours', { hours: null })
    await clock.settle()
    expect(await items(hub)).toMatchObject([{ outcome: 'delivered', shownAt: clock.now() }])
  })

  test('has nothing to do for what was dismissed while it was held', async () => {
    let { hub, notifier, clock } = begin()
    await prefer(hub, 'notification:quietHours', { hours: night })
    let { id } = await notifier.notify('ann', { category: 'system', title: 'one' })
    await clock.settle()
    expect(await waiting(hub)).toEqual(['ann'])
    await prefer(hub, 'notification:dismiss', { id })
    await clock.settle()
    expect(await waiting(hub)).toEqual([])
    await clock.pass(24 * HOUR)
    expect(await items(hub)).toEqual([])
  })

  test('lets go after a restart, though nobody comes', async () => {
    let { hub, notifier, clock } = begin()
    await prefer(hub, 'notification:quietHours', { hours: night })
    await notifier.notify('ann', { category: 'system', title: 'one' })
    await clock.settle()
    notifier.close()
    await clock.pass(morning - clock.now() + HOUR)
    expect(await items(hub)).toMatchObject([{ outcome: 'held' }])
    let next = stage.start()
    createNotifier({ hub: next, report: stage.report })
    await clock.settle()
    expect(await items(next)).toMatchObject([{ outcome: 'delivered', shownAt: clock.now() }])
    expect(await waiting(next)).toEqual([])
  })

  test('finds what a crash kept from being noted as soon as the room is in memory', async () => {
    let { hub, notifier, clock } = begin()
    notifier.close()
    await prefer(hub, 'notification:quietHours', { hours: night })
    await createNotifier({ hub }).notify('ann', { category: 'system', title: 'one' })
    let next = stage.start()
    // As if the note had never been made.
    await next.room('server:notifier').push(agenda, 'ended', { id: 'ann' }, { by: 'server' })
    createNotifier({ hub: next, report: stage.report })
    await items(next)
    await clock.pass(morning - clock.now())
    expect(await items(next)).toMatchObject([{ outcome: 'delivered' }])
  })
})
