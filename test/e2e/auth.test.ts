// Tokens that expire, are refused, cannot be had or are withdrawn, and users who change, in real browsers against a server
// that checks.

import type { Page } from 'playwright'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import {
  contents,
  createMemories,
  createWorld,
  drained,
  live,
  numbers,
  offline,
  shows,
  until,
  type World
} from './world.js'

declare global {
  interface Window {
    reasons: string[]
    seen: string[]
  }
}

let world: World
beforeAll(async () => {
  world = await createWorld({ auth: true, limits: { retry: [0, 500], tokenGrace: 2000 } })
})
afterAll(() => world.close())
afterEach(async () => {
  await world.auth({})
  expect(world.pageErrors).toEqual([])
})

type Answer = { status: number; body?: string } | 'down'

/** The app's own identity service, at `/token` of the page: what it says, and how often it was asked. */
async function identityService(page: Page, first: Answer) {
  let service = { answer: first, asked: 0 }
  await page.route('**/token', async route => {
    service.asked++
    if (service.answer === 'down') await route.abort('connectionrefused')
    else await route.fulfill(service.answer)
  })
  return service
}

/** Connects with a token function as apps write them. */
async function connect(page: Page, url: string, user: string, persona: string): Promise<void> {
  await page.evaluate(
    all => {
      window.reasons ??= []
      window.seen = []
      let token = async ({ reason }: { reason: string }): Promise<string> => {
        window.reasons.push(reason)
        let response = await fetch('/token')
        if (response.status === 403) throw new RS.RealtimeError('forbidden', 'signed out')
        if (!response.ok) throw new Error(`the identity service says ${response.status}`)
        return response.text()
      }
      RS.realtimeConnection.subscribe(({ phase, reason }) => void window.seen.push(`${phase} ${reason}`))
      return RS.realtimeService.connect({ ...all, app: 'e2e', token })
    },
    { url, user, persona }
  )
}

let view = (page: Page) => page.evaluate(() => RS.realtimeConnection.get())
let good = (user: string, seconds = 3600): Answer => ({ status: 200, body: `${user}:${seconds}` })

test('a token is renewed in place before it runs out: the connection stays', async () => {
  let device = await world.device()
  let page = await device.tab()
  let service = await identityService(page, good('ada', 4))
  await connect(page, device.url, 'ada', 'renewed')
  await live(page)
  let { sessionId, since } = await view(page)
  await createMemories(page, ['before'])
  await until(page, () => window.reasons.length >= 4)
  await createMemories(page, ['after'])
  await drained(page)
  expect(await view(page)).toMatchObject({ phase: 'online', sessionId, since, lastError: null })
  expect(await page.evaluate(() => window.reasons.slice(0, 4))).toEqual(['connect', 'refresh', 'refresh', 'refresh'])
  expect(service.asked).toBeLessThan(8)
})

test('a refused token is fetched anew once at once, and then ever more rarely, without an end', async () => {
  let device = await world.device()
  let page = await device.tab()
  let service = await identityService(page, good('ada', 1234))
  await world.auth({ refuse: ['ada:1234'] })
  await connect(page, device.url, 'ada', 'refused')
  await createMemories(page, ['kept'])
  await until(page, () => RS.realtimeConnection.get().attempt >= 3)
  let { reason, lastError, pending } = await view(page)
  expect([reason, lastError?.code, pending.count]).toEqual(['unauthorized', 'unauthorized', 1])
  expect(await page.evaluate(() => window.reasons.slice(0, 4))).toEqual(['connect', 'refused', 'refused', 'refused'])
  expect(service.asked).toBeLessThanOrEqual(5)
  service.answer = good('ada')
  await until(page, () => RS.realtimeConnection.get().phase === 'online')
  await drained(page)
  await shows(page, ['kept'])
})

test('an identity service that is down keeps everything waiting, and nothing is lost', async () => {
  let device = await world.device()
  let page = await device.tab()
  let service = await identityService(page, 'down')
  await connect(page, device.url, 'ada', 'down')
  await createMemories(page, numbers(0, 5))
  await until(page, () => RS.realtimeConnection.get().attempt >= 2)
  expect(await view(page)).toMatchObject({ phase: 'waiting', reason: 'token', pending: { count: 5 } })
  service.answer = { status: 503 }
  await until(page, () => RS.realtimeConnection.get().lastError?.message.includes('503'))
  service.answer = good('ada')
  // So is the server's own.
  await world.auth({ down: true })
  await page.evaluate(() => RS.realtimeService.probe())
  await until(page, () => RS.realtimeConnection.get().lastError?.code === 'busy')
  await world.auth({})
  await drained(page)
  expect(await contents(page)).toEqual(numbers(0, 5))
})

test('a refusal for good ends it with its reason, by whoever says so', async () => {
  let device = await world.device()
  let page = await device.tab()
  let service = await identityService(page, { status: 403 })
  await connect(page, device.url, 'ada', 'forbidden')
  await createMemories(page, ['kept'])
  await until(page, () => RS.realtimeConnection.get().phase === 'closed')
  expect(await view(page)).toMatchObject({ reason: 'forbidden', lastError: { message: 'signed out' } })
  service.answer = good('ada', 77)
  await world.auth({ forbid: ['ada:77'] })
  await page.evaluate(() => window.seen.splice(0))
  await connect(page, device.url, 'ada', 'forbidden')
  await until(page, () => window.seen.includes('closed forbidden'))
  await world.auth({})
  await connect(page, device.url, 'ada', 'forbidden')
  await drained(page)
  await shows(page, ['kept'])
})

test('a token that is short of life is still taken for some seconds after', async () => {
  let device = await world.device()
  let page = await device.tab()
  await identityService(page, good('ada', -1))
  await connect(page, device.url, 'ada', 'grace')
  await until(page, () => window.seen.some(what => what.startsWith('online')))
  await page.evaluate(() => RS.realtimeService.disconnect())
  let other = await device.tab()
  await identityService(other, good('ada', -2))
  await connect(other, device.url, 'ada', 'grace')
  await until(other, () => window.seen.includes('waiting unauthorized'))
})

test('a user who is revoked is put out within a moment, keeps what waits, and is not let in again', async () => {
  let device = await world.device()
  let page = await device.tab()
  await identityService(page, good('eve'))
  await connect(page, device.url, 'eve', 'revoked')
  await live(page)
  await world.auth({ forbid: ['eve:3600'] })
  expect(await world.revoke('eve')).toBe(1)
  await until(page, () => RS.realtimeConnection.get().phase === 'closed', undefined, 1000)
  expect((await view(page)).reason).toBe('revoked')
  await createMemories(page, ['kept'])
  await page.reload()
  await identityService(page, good('eve'))
  await connect(page, device.url, 'eve', 'revoked')
  await until(page, () => window.seen.includes('closed forbidden'))
  expect((await view(page)).pending.count).toBe(1)
})

test('what one user left waiting in two tabs is never sent under another, also over a reload', async () => {
  let device = await world.device()
  let [one, two] = await Promise.all([device.tab(), device.tab()])
  let session = [await identityService(one, good('ada')), await identityService(two, good('ada'))]
  await connect(one, device.url, 'ada', 'shared')
  await connect(two, device.url, 'ada', 'shared')
  await Promise.all([live(one), live(two)])
  device.network.cut()
  await Promise.all([offline(one), offline(two)])
  await createMemories(one, ['of ada, one'])
  await createMemories(two, ['of ada, two'])
  // Somebody else signs in: the session of the whole browser is theirs now.
  expect(await one.evaluate(() => RS.realtimeService.logout())).toBe(false)
  for (let service of session) service.answer = good('ben')
  await connect(one, device.url, 'ben', 'shared')
  await createMemories(one, ['of ben, one'])
  device.network.restore()
  await one.evaluate(() => RS.realtimeService.probe())
  await drained(one)
  let by = async (): Promise<string[]> => {
    let { memories } = await world.state<{ memories: { content: string; by: string }[] }>('persona:shared', 'memory')
    return memories.map(memory => `${memory.content} by ${memory.by}`).sort()
  }
  expect(await by()).toEqual(['of ben, one by ben'])
  // The other tab still belongs to ada, or has ended with the session; its token function hands out ben's token.
  await two.evaluate(() => RS.realtimeConnection.get().phase !== 'closed' && RS.realtimeService.probe())
  await until(two, () => RS.realtimeConnection.get().phase === 'closed')
  expect(['wrong-user', 'logout']).toContain((await view(two)).reason)
  expect(await by()).toEqual(['of ben, one by ben'])
  await two.reload()
  await connect(two, device.url, 'ben', 'shared')
  await createMemories(two, ['of ben, two'])
  await drained(two)
  await one.evaluate(() => RS.realtimeService.logout())
  for (let service of session) service.answer = good('ada')
  await one.reload()
  await connect(one, device.url, 'ada', 'shared')
  await live(one)
  await drained(one)
  expect(await by()).toEqual(['of ada, one by ada', 'of ada, two by ada', 'of ben, one by ben', 'of ben, two by ben'])
})
