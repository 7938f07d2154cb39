// Who is there: one entry per person, however many tabs; gone when they are gone, and not while they only reload.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Page } from 'playwright'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { launchBare } from '../support/chromium.js'
import { connect, createWorld, hurry, live, offline, until, urlOf, type World } from './world.js'

const GRACE = 2000

let world: World
let profile: string
beforeAll(async () => {
  world = await createWorld({ limits: { presenceGrace: GRACE } })
  profile = mkdtempSync(join(tmpdir(), 'realtime-profile-'))
})
afterAll(async () => {
  await world.close()
  rmSync(profile, { recursive: true, force: true, maxRetries: 5 })
})
afterEach(() => expect(world.pageErrors).toEqual([]))

async function arrive(user: string, persona: string) {
  let device = await world.device()
  let page = await device.tab()
  await connect(page, device.url, user, { persona, platform: 'web' })
  await live(page)
  return { device, page }
}

function connections(page: Page, user: string): Promise<number> {
  return page.evaluate(user => RS.realtimePresence.get().members[user]?.connections ?? 0, user)
}

/** Writes down from here on whenever this user is not among the members. */
async function noteAbsence(page: Page, user: string): Promise<() => Promise<number>> {
  await page.evaluate(user => {
    Object.assign(window, { absences: 0 })
    RS.realtimePresence.listen(({ members }) => {
      if (!members[user]) (window as unknown as { absences: number }).absences++
    })
  }, user)
  return () => page.evaluate(() => (window as unknown as { absences: number }).absences)
}

function recent(page: Page) {
  return page.evaluate(() => RS.realtimePresence.get().recent.map(({ user, kind }) => `${user} ${kind}`))
}

test('people who come and go are seen by the others', async () => {
  let { page: b } = await arrive('ben', 'coming')
  expect(await b.evaluate(() => RS.realtimePresence.get())).toMatchObject({
    onlineCount: 1,
    members: { ben: { connections: 1, status: 'online', platform: 'web' } }
  })
  let { page: a } = await arrive('ada', 'coming')
  await expect.poll(() => connections(b, 'ada')).toBe(1)
  await a.evaluate(() => RS.realtimeService.setStatus('away'))
  await until(b, () => RS.realtimePresence.get().members.ada?.status === 'away')
  expect(await b.evaluate(() => RS.realtimePresence.get().onlineCount)).toBe(2)
  await a.evaluate(() => RS.realtimeService.disconnect())
  // Someone who says goodbye is gone at once.
  await expect.poll(() => connections(b, 'ada'), { timeout: GRACE - 500, interval: 20 }).toBe(0)
  expect(await recent(b)).toEqual(['ada joined', 'ada left'])
  expect(await b.evaluate(() => RS.realtimePresence.get().onlineCount)).toBe(1)
})

test('two browsers of one person count as one member with two connections, two tabs of one browser as one', async () => {
  let { page: b } = await arrive('ben', 'tabs')
  let ada = await world.device()
  let [one, two] = await Promise.all([ada.tab(), ada.tab()])
  for (let page of [one, two]) await connect(page, ada.url, 'ada', { persona: 'tabs' })
  await Promise.all([live(one), live(two)])
  let { page: three } = await arrive('ada', 'tabs')
  await expect.poll(() => connections(b, 'ada')).toBe(2)
  expect(
    await b.evaluate(() => [
      Object.keys(RS.realtimePresence.get().members).sort(),
      RS.realtimePresence.get().onlineCount
    ])
  ).toEqual([['ada', 'ben'], 2])
  await three.evaluate(() => RS.realtimeService.setStatus('away'))
  await one.evaluate(() => RS.realtimeService.setStatus('away'))
  await until(b, () => RS.realtimePresence.get().members.ada?.status === 'away')
  // Of the tabs of one browser the one that said something last, of the browsers the most present one.
  await two.evaluate(() => RS.realtimeService.setStatus('busy'))
  await until(b, () => RS.realtimePresence.get().members.ada?.status === 'busy')
  await two.evaluate(() => RS.realtimeService.disconnect())
  await until(b, () => RS.realtimePresence.get().members.ada?.status === 'away')
  expect(await connections(b, 'ada')).toBe(2)
})

test('a tab that is closed leaves within the grace', async () => {
  let { page: b } = await arrive('ben', 'closed')
  let { page: a } = await arrive('ada', 'closed')
  await expect.poll(() => connections(b, 'ada')).toBe(1)
  await a.close({ runBeforeUnload: false })
  await expect.poll(() => connections(b, 'ada'), { timeout: GRACE + 1500, interval: 50 }).toBe(0)
})

test('a browser that is killed leaves within the grace', async () => {
  let { page: b } = await arrive('ben', 'killed')
  let network = await world.network()
  let chromium = await launchBare(profile)
  let a = world.watch(await chromium.context.newPage())
  await a.goto(world.pages.url)
  await connect(a, urlOf(network), 'ada', { persona: 'killed' })
  await live(a)
  await expect.poll(() => connections(b, 'ada')).toBe(1)
  await chromium.kill()
  await expect.poll(() => connections(b, 'ada'), { timeout: GRACE + 1500, interval: 50 }).toBe(0)
})

test('someone who loses the network and is back within the grace was never gone', async () => {
  let { page: b } = await arrive('ben', 'cut')
  let { page: a, device } = await arrive('ada', 'cut')
  await a.evaluate(() => RS.realtimeService.setActivity('painting'))
  await until(b, () => RS.realtimePresence.get().members.ada?.activity === 'painting')
  let absences = await noteAbsence(b, 'ada')
  let before = await a.evaluate(() => RS.realtimeConnection.get().sessionId)
  for (let round = 0; round < 3; round++) {
    device.network.cut()
    await offline(a)
    device.network.restore()
    await hurry(a)
    await live(a)
  }
  await a.evaluate(() => RS.realtimeService.setActivity('done'))
  await until(b, () => RS.realtimePresence.get().members.ada?.activity === 'done')
  expect(await a.evaluate(() => RS.realtimeConnection.get().sessionId)).toBe(before)
  expect(await absences()).toBe(0)
  expect(await recent(b)).toEqual(['ada joined'])
  expect(await connections(b, 'ada')).toBe(1)
})

test('a reload is no coming and going', async () => {
  let { page: b } = await arrive('ben', 'reload')
  let { page: a, device } = await arrive('ada', 'reload')
  await expect.poll(() => connections(b, 'ada')).toBe(1)
  let absences = await noteAbsence(b, 'ada')
  for (let round = 0; round < 3; round++) {
    await a.reload()
    await connect(a, device.url, 'ada', { persona: 'reload' })
    await live(a)
  }
  await a.evaluate(() => RS.realtimeService.setActivity('back'))
  await until(b, () => RS.realtimePresence.get().members.ada?.activity === 'back')
  expect(await absences()).toBe(0)
  // What the reloads left behind goes away by itself.
  await expect.poll(() => connections(b, 'ada'), { timeout: GRACE + 1500, interval: 50 }).toBe(1)
  expect(await absences()).toBe(0)
})

test('what is said of oneself follows into the next persona and survives a lost connection', async () => {
  let { page: b } = await arrive('ben', 'next')
  let { page: a, device } = await arrive('ada', 'first')
  await a.evaluate(() => {
    RS.realtimeService.setStatus('busy')
    RS.realtimeService.setCall('voice')
  })
  await a.evaluate(() => RS.realtimeService.switchPersona('next'))
  await until(b, () => RS.realtimePresence.get().members.ada?.call === 'voice')
  device.network.cut()
  await offline(a)
  await a.evaluate(() => RS.realtimeService.setCall('video'))
  device.network.restore()
  await hurry(a)
  await until(b, () => RS.realtimePresence.get().members.ada?.call === 'video')
  expect(await b.evaluate(() => RS.realtimePresence.get().members.ada?.status)).toBe('busy')
  expect(await a.evaluate(() => RS.realtimePresence.get().self)).toMatchObject({ status: 'busy', call: 'video' })
})
