import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { reduceEvent } from '../../../src/feature.js'
import {
  DEFAULT_PREFERENCE,
  fits,
  heldUntil,
  kindOf,
  type NotificationOutcome,
  outcomeOf
} from '../../../src/features/notification-rules.js'
import { type NotificationsState, notifications } from '../../../src/features/notifications.js'
import { createTestDevices } from '../../../src/testing/devices.js'
import { createClock, createPage, type PageOptions, START, settle } from './world.js'

let raised = {
  category: 'system',
  priority: 'normal' as const,
  title: 'Hello',
  body: 'words',
  actions: [{ id: 'yes', title: 'Yes' }],
  data: {},
  until: null
}

describe('what becomes of a notification', () => {
  let muted = { ...DEFAULT_PREFERENCE, muted: true }
  let once = { ...DEFAULT_PREFERENCE, limit: { count: 1, seconds: 60 } }
  test.each<[string, Parameters<typeof outcomeOf>, NotificationOutcome]>([
    ['nothing speaks against it', [DEFAULT_PREFERENCE, [], { priority: 'normal', until: null, at: 100 }], 'delivered'],
    ['its category is muted', [muted, [], { priority: 'urgent', until: 200, at: 100 }], 'listed'],
    ['it matters little', [DEFAULT_PREFERENCE, [], { priority: 'low', until: 200, at: 100 }], 'silent'],
    ['it is quiet', [once, [90], { priority: 'high', until: 200, at: 100 }], 'held'],
    ['the quiet hours are over', [DEFAULT_PREFERENCE, [], { priority: 'high', until: 100, at: 100 }], 'delivered'],
    ['there were too many', [once, [90], { priority: 'urgent', until: null, at: 100 }], 'silent'],
    ['the last one was a minute ago', [once, [100], { priority: 'normal', until: null, at: 60_100 }], 'delivered'],
    ['the last one was just less ago', [once, [101], { priority: 'normal', until: null, at: 60_100 }], 'silent']
  ])('when %s', (_, args, expected) => {
    expect(outcomeOf(...args)).toBe(expected)
  })

  test('a limit is never exceeded in any window, and nothing is kept back that fits', () => {
    let limits = fc.record({ count: fc.integer({ min: 1, max: 5 }), seconds: fc.integer({ min: 1, max: 60 }) })
    fc.assert(
      fc.property(limits, fc.array(fc.nat(20_000), { maxLength: 80 }), (limit, gaps) => {
        let at = 0
        let times: number[] = []
        for (let gap of gaps) {
          at += gap
          let inWindow = times.filter(time => time > at - limit.seconds * 1000).length
          expect(fits(limit, times, at)).toBe(inWindow < limit.count)
          if (fits(limit, times, at)) times.push(at)
        }
        for (let start of times) {
          let inWindow = times.filter(time => time >= start && time < start + limit.seconds * 1000)
          expect(inWindow.length).toBeLessThanOrEqual(limit.count)
        }
      }),
      { numRuns: 200 }
    )
  })

  test('what is urgent passes the quiet hours only when the person says so', () => {
    let all = { start: 0, end: 1439, timeZone: 'UTC', urgentPasses: false }
    let noon = Date.parse('2026-11-21T12:00Z')
    expect(heldUntil(all, 'urgent', noon)).toBe(Date.parse('2026-11-21T23:59Z'))
    expect(heldUntil({ ...all, urgentPasses: true }, 'urgent', noon)).toBe(null)
    expect(heldUntil({ ...all, urgentPasses: true }, 'high', noon)).not.toBe(null)
    expect(heldUntil(all, 'low', noon)).toBe(null)
  })

  test('looks like one of nine kinds', () => {
    expect(['vr', 'friends', 'alert', 'something', 'constructor'].map(kindOf)).toEqual([
      'vr',
      'relationship',
      'system',
      'system',
      'system'
    ])
  })
})

describe('the list', () => {
  let run = (...steps: [type: string, data: unknown, at?: number][]) =>
    steps.reduce<NotificationsState>(
      (state, [type, data, at = 1000], i) =>
        reduceEvent(notifications, state, type, data, { id: `n${i}`, actor: 'server', at }) as NotificationsState,
      notifications.initial
    )
  let ids = (state: NotificationsState) => state.items.map(({ id, outcome }) => `${id} ${outcome}`)

  test('is newest first; what was held comes to its top when it is let go, and counts for the limit then', () => {
    let limit = { ...DEFAULT_PREFERENCE, limit: { count: 1, seconds: 60 } }
    let state = run(
      ['notification:preference', { category: 'system', preference: limit }],
      ['notification:new', { ...raised, until: 50_000 }, 1000],
      ['notification:new', { ...raised, until: 50_000 }, 2000],
      ['notification:new', raised, 3000]
    )
    expect(ids(state)).toEqual(['n3 delivered', 'n2 held', 'n1 held'])
    expect(state.items.map(({ shownAt }) => shownAt)).toEqual([3000, null, null])
    let later = reduceEvent(
      notifications,
      state,
      'notification:update',
      { id: 'n1', until: null },
      { id: 'u', actor: 'server', at: 70_000 }
    ) as NotificationsState
    expect(ids(later)).toEqual(['n1 delivered', 'n3 delivered', 'n2 held'])
    expect(later.items[0]).toMatchObject({ shownAt: 70_000, heldUntil: null, at: 1000 })
    expect(later.announced.system).toEqual([3000, 70_000])
  })

  test('marks all read that were there, and what is held stays unread', () => {
    let state = run(
      ['notification:new', raised, 1000],
      ['notification:new', { ...raised, until: 9000 }, 1500],
      ['notification:new', raised, 3000],
      ['notification:markAllRead', { upTo: 2000 }, 4000]
    )
    expect(state.items.map(({ id, read }) => [id, read])).toEqual([
      ['n2', false],
      ['n1', false],
      ['n0', true]
    ])
  })

  test('keeps the first answer', () => {
    let state = run(
      ['notification:new', { ...raised, actions: [...raised.actions, { id: 'no', title: 'No' }] }],
      ['notification:action', { id: 'n0', action: 'open' }],
      ['notification:action', { id: 'n0', action: 'no' }],
      ['notification:action', { id: 'n0', action: 'yes' }]
    )
    expect(state.items).toMatchObject([{ read: true, chosen: 'no' }])
  })
})

describe('a page', () => {
  function open({ page: options = {}, granted = true }: { page?: PageOptions; granted?: boolean } = {}) {
    let clock = options.clock ?? createClock()
    let devices = createTestDevices(clock)
    let page = createPage(notifications, { ...options, clock, devices })
    if (granted) void devices.notifications.ask()
    return { ...page, notes: devices.notifications, desktop: () => page.local.$state.get().desktop }
  }

  test('shows one outside of the page, and takes it away when it is read on another device', async () => {
    let { tell, clock, notes, desktop, local } = open()
    await settle()
    let { id } = tell('notification:new', raised)
    await clock.pass(1000)
    expect(notes.shown).toMatchObject([{ title: 'Hello', body: 'words', tag: id }])
    expect(desktop()).toMatchObject({ supported: true, permission: 'granted', skipped: null })
    expect(local.$state.get()).toMatchObject({ unreadCount: 1, heldCount: 0 })
    tell('notification:markRead', { id })
    expect(notes.shown).toEqual([])
    expect(local.$state.get().unreadCount).toBe(0)
  })

  test.each<[string, (page: ReturnType<typeof open>) => unknown, string]>([
    ['somebody looks at it', ({ notes }) => (notes.isFocused = true), 'focused'],
    [
      'the category is not wanted there',
      ({ tell }) =>
        tell('notification:preference', { category: 'system', preference: { ...DEFAULT_PREFERENCE, desktop: false } }),
      'switched-off'
    ]
  ])('shows nothing when %s, and says so', async (_, prepare, reason) => {
    let page = open()
    await settle()
    prepare(page)
    page.tell('notification:new', raised)
    await page.clock.pass(1000)
    expect(page.notes.shown).toEqual([])
    expect(page.desktop().skipped).toBe(reason)
  })

  test('shows nothing that was missed, silent, held, too old or settled meanwhile', async () => {
    let { tell, clock, notes, desktop } = open()
    await settle()
    tell('notification:new', raised, { live: false })
    tell('notification:new', { ...raised, priority: 'low' })
    tell('notification:new', { ...raised, until: START + 3_600_000 })
    await clock.pass(1000)
    expect(desktop().skipped).toBe(null)
    tell('notification:new', raised, { at: clock.now() - 61_000 })
    expect(desktop().skipped).toBe('too-late')
    let { id } = tell('notification:new', raised)
    tell('notification:dismiss', { id })
    await clock.pass(1000)
    expect(desktop().skipped).toBe('settled')
    expect(notes.shown).toEqual([])
  })

  test('shows what was held when it is let go', async () => {
    let { tell, clock, notes, local, desktop } = open()
    await settle()
    let { id } = tell('notification:new', { ...raised, until: START + 3_600_000 })
    expect(local.$state.get()).toMatchObject({ items: [], heldCount: 1, unreadCount: 0 })
    await clock.pass(3_600_000)
    tell('notification:update', { id, until: null })
    await clock.pass(1000)
    expect(notes.shown).toMatchObject([{ title: 'Hello' }])
    // Other words are not announced again.
    tell('notification:update', { id, title: 'Hello again' })
    await clock.pass(1000)
    expect(notes.shown).toMatchObject([{ title: 'Hello' }])
    expect(desktop().skipped).toBe(null)
    expect(local.$state.get()).toMatchObject({ items: [{ id, title: 'Hello again' }], heldCount: 0, unreadCount: 1 })
  })

  test('of several of one device one shows it, and none when somebody looks at one of them', async () => {
    let clock = createClock()
    let claims = new Set<string>()
    let pages = [1, 2, 3].map(() => open({ page: { clock, claims } }))
    await settle()
    let tellAll = (id: string) => {
      for (let { tell } of pages) tell('notification:new', raised, { id, at: clock.now() })
    }
    tellAll('first')
    await clock.pass(1000)
    expect(pages.flatMap(({ notes }) => notes.shown)).toHaveLength(1)
    let last = pages[2] as ReturnType<typeof open>
    last.notes.isFocused = true
    tellAll('second')
    await clock.pass(1000)
    expect(pages.flatMap(({ notes }) => notes.shown)).toHaveLength(1)
    expect(last.desktop().skipped).toBe('focused')
  })

  test('says why it cannot, and asks when it is told to', async () => {
    let { tell, desktop, notes, local, clock } = open({ granted: false })
    tell('notification:new', raised)
    expect(desktop()).toEqual({ supported: true, permission: 'default', skipped: 'permission' })
    notes.answer = 'denied'
    expect(await local.enableDesktop()).toBe('denied')
    expect(desktop().permission).toBe('denied')
    await clock.pass(1000)
    expect(notes.shown).toEqual([])

    let bare = createPage(notifications)
    bare.tell('notification:new', raised)
    expect(await bare.local.enableDesktop()).toBe('denied')
    expect(bare.local.$state.get().desktop).toEqual({ supported: false, permission: 'denied', skipped: 'unsupported' })
  })

  test('a click opens it: read everywhere, told to this page', async () => {
    let { tell, clock, notes, local, sent, echo } = open()
    await settle()
    let opened: string[] = []
    local.onOpened(({ id }) => opened.push(id))
    let { id } = tell('notification:new', raised)
    await clock.pass(1000)
    notes.shown[0]?.click()
    expect(opened).toEqual([id])
    expect(sent).toMatchObject([{ type: 'notification:action', data: { id, action: 'open' } }])
    echo()
    expect(local.$state.get()).toMatchObject({ unreadCount: 0, items: [{ id, read: true, chosen: null }] })
    expect(notes.shown).toEqual([])
  })

  test('reads what the list no longer has from the log', async () => {
    let event = (offset: number, feature: string, type: string) => ({
      f: 'event' as const,
      room: 'room',
      offset,
      feature,
      type,
      data: { ...raised, title: `title ${offset}` },
      id: `e${offset}`,
      by: 'server',
      at: offset
    })
    let events = [
      event(4, 'notifications', 'notification:new'),
      event(5, 'memory', 'created'),
      event(6, 'notifications', 'notification:new')
    ]
    let { local } = createPage(notifications, { history: async () => ({ events, done: false }) })
    let { items, before } = await local.getAll({ limit: 3 })
    expect(items.map(({ id, title, at }) => [id, title, at])).toEqual([
      ['e6', 'title 6', 6],
      ['e4', 'title 4', 4]
    ])
    expect(before).toBe(4)
  })
})
