// What is counted, who is listed, what is reported: through whole clients and a whole server.

import { expect, test } from 'vitest'
import { defineFeature, durable } from '../../../src/feature.js'
import { analytics, DELIVERY_BOUNDS, deliveryPlace, deliveryWithin } from '../../../src/features/analytics.js'
import { metricRoom, metrics } from '../../../src/features/metrics.js'
import { inWords, reports } from '../../../src/features/reports.js'
import { sessions } from '../../../src/features/sessions.js'
import { OPERATIONS_ROOM } from '../../../src/features/system.js'
import { createAnalytics } from '../../../src/handlers/analytics.js'
import { createMetrics } from '../../../src/handlers/metrics.js'
import { createReports } from '../../../src/handlers/reports.js'
import { createSessions } from '../../../src/handlers/sessions.js'
import { object } from '../../../src/schema.js'
import { createOperationsWorld, open } from './operations.js'

let chat = defineFeature({
  name: 'chat',
  version: 1,
  events: { sent: durable(object({})), liked: durable(object({})) },
  initial: {},
  reduce: { sent: state => state, liked: state => state },
  commands: {
    send: (_: unknown) => ({ type: 'sent' as const, data: {} }),
    like: (_: unknown) => ({ type: 'liked' as const, data: {} })
  }
})

test('counts events by type, active users and delivery times, over restarts', async () => {
  let world = createOperationsWorld([chat])
  let { hub } = world.server
  let count = () => createAnalytics({ hub: world.server.hub, features: [chat], every: 10_000 })
  let counting = await count()
  let handles = ['ada', 'ben', 'cleo'].map(user => open(world, user).room('tea').use(chat))
  await world.advance(2000)
  for (let handle of handles) for (let i = 0; i < 5; i++) handle.send()
  handles[0]?.like()
  await hub.room('tea').push(chat, 'liked', {}, { by: 'robot' })
  await world.advance(20_000)
  let state = await world.server.state(OPERATIONS_ROOM, analytics)
  expect(state).toMatchObject({ total: 17, byType: { 'chat.sent': 15, 'chat.liked': 2 } })
  expect(state.active).toEqual({ minutes5: 3, hour: 3, day: 3 })
  expect(state.users.map(([user]) => user).sort()).toEqual(['ada', 'ben', 'cleo'])
  expect(state.delivery.reduce((a, b) => a + b)).toBe(17)
  expect(deliveryWithin(state, 0.5)).not.toBeNull()
  expect(counting.sources.find(({ name }) => name === 'active-users')?.read()).toBe(3)

  await world.advance(6 * 60_000)
  expect((await world.server.state(OPERATIONS_ROOM, analytics)).active).toEqual({ minutes5: 0, hour: 3, day: 3 })
  handles[1]?.send()
  await world.advance(1000)
  await counting.close()
  await world.server.restart()
  await count()
  await world.advance(30_000)
  let after = await world.server.state(OPERATIONS_ROOM, analytics)
  expect(after).toMatchObject({ total: 18, since: state.since, active: { minutes5: 1, hour: 3, day: 3 } })
})

test('remembers no more users than it may', async () => {
  let world = createOperationsWorld([chat])
  let counting = await createAnalytics({ hub: world.server.hub, features: [chat], maxUsers: 3 })
  for (let i = 0; i < 6; i++) open(world, `user-${i}`).room('tea').use(chat).send()
  await world.advance(5000)
  expect(counting.sources.find(({ name }) => name === 'active-users')?.read()).toBe(3)
})

test('knows within what time a share of the deliveries was done', () => {
  let of = (...times: number[]) => {
    let delivery = [...DELIVERY_BOUNDS, 0].map(() => 0)
    for (let ms of times) delivery[deliveryPlace(ms)] = (delivery[deliveryPlace(ms)] ?? 0) + 1
    return { ...analytics.initial, delivery }
  }
  expect(deliveryWithin(of(), 0.5)).toBeNull()
  expect(deliveryWithin(of(0, 0, 3, 40), 0.5)).toBe(1)
  expect(deliveryWithin(of(0, 0, 3, 40), 0.75)).toBe(5)
  expect(deliveryWithin(of(0, 0, 3, 40), 1)).toBe(50)
  expect(deliveryWithin(of(9999), 0.5)).toBe(Infinity)
})

test('lists who is connected for admins, as it changes, and ends the session that an admin chooses', async () => {
  let world = createOperationsWorld()
  createSessions({ hub: world.server.hub })
  let ada = open(world, 'ada', { admin: true })
  let { $state, endSession } = ada.room(OPERATIONS_ROOM).use(sessions)
  await world.advance(3000)
  expect($state.get()).toMatchObject({ total: 1, sessions: [{ user: 'ada', rooms: 1 }] })

  let cleo = open(world, 'cleo')
  cleo.room('tea').use(sessions)
  await world.advance(3000)
  expect($state.get().sessions.map(({ user }) => user)).toEqual(['ada', 'cleo'])

  // Nothing changes: nothing is told.
  let told = world.server.hub.stats().castsIn
  await world.advance(20_000)
  expect(world.server.hub.stats().castsIn).toBe(told)

  endSession($state.get().sessions[1]?.sid as string)
  await world.advance(3000)
  expect(cleo.$connection.get()).toMatchObject({ phase: 'closed', reason: 'revoked' })
  expect($state.get().sessions.map(({ user }) => user)).toEqual(['ada'])
  expect(() => endSession('nobody')).toThrow('there is no session')
})

test('who is no admin sees no sessions and ends none', async () => {
  let world = createOperationsWorld()
  createSessions({ hub: world.server.hub })
  let ada = open(world, 'ada', { admin: true })
  let eve = open(world, 'eve')
  let room = eve.room(OPERATIONS_ROOM)
  let mine = room.use(sessions)
  // Another room does not help either: what is said there is not about this server.
  let { events, initial, reduce } = sessions
  let lie = defineFeature({
    ...{ name: 'sessions', version: 1, events, initial, reduce },
    commands: { end: (_: unknown, sid: string) => ({ type: 'sessions:end' as const, data: { sid } }) }
  })
  let elsewhere = eve.room('tea').use(lie)
  await world.advance(3000)
  expect(room.$status.get().refused).toBe('forbidden')
  expect(mine.$state.get().sessions).toEqual([])
  let [session] = world.server.hub.sessions()
  elsewhere.end(session?.sid as string)
  await world.advance(5000)
  expect(ada.$connection.get().phase).toBe('online')
  expect(world.server.hub.sessions()).toHaveLength(2)
})

test('writes the report that an admin asks for, also after a crash, in numbers and in words', async () => {
  let world = createOperationsWorld([chat])
  let value = 40
  let cpu = { name: 'cpu', label: 'CPU', unit: '%', read: () => value }
  let high = { id: 'high', metric: 'cpu', level: 'warning' as const, raise: 90, clear: 70 }
  let { hub } = world.server
  let measuring = await createMetrics({ hub, sources: [cpu], thresholds: [high], rollup: 5000 })
  let counting = await createAnalytics({ hub, features: [chat], every: 5000 })
  let begin = world.clock.now()
  open(world, 'cleo').room('tea').use(chat).send()
  let ada = open(world, 'ada', { admin: true })
  let { $state, requestReport } = ada.room(OPERATIONS_ROOM).use(reports)
  await world.advance(20_000)
  value = 95
  await world.advance(10_000)

  // Nobody answers yet.
  requestReport(Math.floor(begin), Math.floor(world.clock.now()))
  await world.advance(1000)
  expect($state.get().reports).toMatchObject([{ by: 'ada', report: null }])
  await measuring.close()
  await counting.close()
  await world.server.restart()
  let { report } = await createReports({ hub: world.server.hub })
  await world.until(() => $state.get().reports[0]?.report)
  let made = $state.get().reports[0]
  expect(made?.report).toMatchObject({
    metrics: [{ name: 'cpu', summary: { resolution: 'minutes', min: 40, max: 95 } }],
    alerts: [{ metric: 'cpu', clearedAt: null }],
    usage: { total: 1, byType: { 'chat.sent': 1 }, activeDay: 1 }
  })
  expect(made?.text).toContain('CPU: ')
  expect(made?.text).toContain('40 % to 95 %')
  expect(made?.text).toContain('warning: cpu, still lasting')
  expect(made?.text).toContain('chat.sent: 1')

  // All the time that there is.
  let last = 8.64e15
  expect(() => requestReport(0, last + 1)).toThrow('to must be a whole number from 0 to')
  requestReport(0, last)
  await world.until(() => $state.get().reports[1]?.report)

  let empty = await report({ from: 0, to: 1 })
  expect(empty.text).toContain('nothing was measured')
  expect((await world.server.state(metricRoom('cpu'), metrics)).series.minutes).not.toEqual([])
})

test.each([
  [0, 'bytes', '0 B'],
  [999, 'bytes', '999 B'],
  [123_456_789, 'bytes', '123 MB'],
  [2048, 'bytes/s', '2.05 kB/s'],
  [5e12, 'bytes', '5000 GB'],
  [12.345, '%', '12.3 %'],
  [3, '', '3']
])('says %d %s as %s', (value, unit, words) => {
  expect(inWords(value, unit)).toBe(words)
})
