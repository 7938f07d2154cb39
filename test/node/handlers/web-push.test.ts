// Whom a notice wakes, how often, and what becomes of it when devices are gone, push services fail or the server crashes. At the
// end the real `web-push` package sends to a push service of our own, which checks who sends and reads what came.

import { createECDH, createPublicKey, randomBytes, verify } from 'node:crypto'
import { Agent, createServer } from 'node:https'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import { expect, test } from 'vitest'
import { realClock, realRandom } from '../../../src/env/clock.js'
import { memory } from '../../../src/features/memory.js'
import { notifications } from '../../../src/features/notifications.js'
import { personaStatus } from '../../../src/features/persona-status.js'
import { push } from '../../../src/features/push.js'
import { pushWork } from '../../../src/features/push-work.js'
import { notificationPushes } from '../../../src/handlers/notification-pushes.js'
import { createNotifier, notifierFeatures } from '../../../src/handlers/notifier.js'
import { PUSH_ROOM, pushRule, sendWebPush, type WebPushOptions } from '../../../src/handlers/web-push.js'
import { createPresence } from '../../../src/kits/presence.js'
import { createHub, type Hub } from '../../../src/server/hub.js'
import { createMemoryStorage } from '../../../src/server/storage/memory.js'
import { createWorld } from '../../../src/testing/world.js'

const features = [memory, push, pushWork, personaStatus]
const keys = { p256dh: 'p', auth: 'a' }
const LAPTOP = 'https://push.example.org/laptop'
const PHONE = 'https://push.example.org/phone'

/** Everybody named in a memory hears of it. */
const rules = [
  pushRule(memory, event => {
    if (event.type !== 'created') return []
    let { content } = event.data as { content: string }
    return [...content.matchAll(/@(\w+)/g)].map(([, user]) => ({ user: user as string, payload: { body: content } }))
  })
]

function stage(answer: (endpoint: string, tries: number) => unknown = () => ({ statusCode: 201 })) {
  let world = createWorld({ features })
  let calls: { endpoint: string; payload: string; key: string; at: number }[] = []
  let problems: string[] = []
  let send: WebPushOptions['send'] = async ({ endpoint }, payload, { key }) => {
    calls.push({ endpoint, payload, key, at: world.clock.mono() })
    let said = answer(endpoint, calls.filter(call => call.endpoint === endpoint).length)
    if (said instanceof Error) throw said
    return said
  }
  let options = { rules, send, failed: (error: unknown) => void problems.push(String(error)) }
  let stop = sendWebPush(world.server.hub, options)
  let say = (content: string, key?: string) =>
    world.server.hub.room('c').push(memory, 'created', { content }, { by: 'bob', ...(key && { key }) })
  let subscribe = (user: string, endpoint: string) =>
    world.server.hub.room(`user:${user}`).push(push, 'subscribed', { endpoint, keys }, { by: user })
  let devices = async (user: string) =>
    (await world.server.hub.room(`user:${user}`).state(push)).devices.map(({ endpoint }) => endpoint)
  let open = async () => (await world.server.hub.room(PUSH_ROOM).state(pushWork)).open
  return { world, calls, problems, options, stop, say, subscribe, devices, open }
}

let failure = (statusCode: number) => Object.assign(new Error(`status ${statusCode}`), { statusCode })

test('every device of who is not there is woken, once for each event', async () => {
  let { world, calls, say, subscribe, open } = stage()
  for (let endpoint of [LAPTOP, PHONE]) await subscribe('ann', endpoint)
  await say('hello @ann', 'one')
  await say('hello @ann', 'one')
  await say('nobody is meant')
  await world.advance(60_000)
  expect(calls.map(({ endpoint }) => endpoint).sort()).toEqual([LAPTOP, PHONE])
  expect(JSON.parse(calls[0]?.payload ?? '')).toEqual({ body: 'hello @ann' })
  expect(calls[0]?.key).toBe(calls[1]?.key)
  expect(await open()).toEqual([])
})

test('nobody is woken who looks at a page; somebody is whose pages are all out of sight', async () => {
  let { world, calls, say, subscribe } = stage()
  await subscribe('ann', PHONE)
  let device = world.device()
  let tabs = [1, 2].map(() => {
    let tab = device.openTab('ann')
    let presence = createPresence(tab.client, 'user:ann', tab.ports)
    tab.client.connect()
    return presence
  })
  await world.advance(1000)
  let before = world.server.hub.stats().events
  await say('@ann 1')
  await world.advance(1000)
  // Not even remembered: most messages are for people who are there.
  expect(world.server.hub.stats().events).toBe(before + 1)
  tabs[0]?.setActive(false)
  await world.advance(1000)
  await say('@ann 2')
  await world.advance(1000)
  expect(calls).toEqual([])
  tabs[1]?.setActive(false)
  await world.advance(1000)
  await say('@ann 3')
  await world.advance(1000)
  expect(calls.map(({ payload }) => payload)).toEqual(['{"body":"@ann 3"}'])
})

test.each([404, 410])('a subscription that answers %i is dropped, and the others are not', async code => {
  let { world, calls, problems, say, subscribe, devices, open } = stage(endpoint =>
    endpoint === LAPTOP ? failure(code) : { statusCode: 201 }
  )
  for (let endpoint of [LAPTOP, PHONE]) await subscribe('ann', endpoint)
  await say('@ann 1')
  await world.advance(1000)
  expect(await devices('ann')).toEqual([PHONE])
  await say('@ann 2')
  await world.advance(1_000_000)
  expect(calls.map(({ endpoint }) => endpoint)).toEqual([LAPTOP, PHONE, PHONE])
  expect(await open()).toEqual([])
  expect(problems).toEqual([])
})

test('what fails is tried again for that device alone, ever more rarely, and given up at last', async () => {
  let { world, calls, problems, say, subscribe, devices, open } = stage((endpoint, tries) =>
    endpoint === LAPTOP || tries < 2 ? failure(503) : { statusCode: 201 }
  )
  for (let endpoint of [LAPTOP, PHONE]) await subscribe('ann', endpoint)
  await say('@ann')
  await world.advance(1_000_000)
  let start = calls[0]?.at ?? 0
  let times = (of: string) => calls.filter(({ endpoint }) => endpoint === of).map(({ at }) => at - start)
  expect(times(PHONE)).toEqual([0, 5000])
  expect(times(LAPTOP)).toEqual([0, 5000, 65_000, 665_000])
  expect(new Set(calls.map(({ key }) => key)).size).toBe(1)
  expect(problems).toHaveLength(5)
  expect(await devices('ann')).toEqual([LAPTOP, PHONE])
  expect(await open()).toEqual([])
})

test('who comes back in the meantime is not woken', async () => {
  let { world, calls, say, subscribe, open } = stage(() => failure(503))
  await subscribe('ann', PHONE)
  await say('@ann')
  await world.advance(1000)
  let ann = world.device().openTab('ann')
  ann.client.room('user:ann')
  ann.client.connect()
  await world.advance(1_000_000)
  expect(calls).toHaveLength(1)
  expect(await open()).toEqual([])
})

test('a server that crashes in the middle goes on with what it has not sent, and with nothing else', async () => {
  let { world, calls, options, stop, say, subscribe, open } = stage((endpoint, tries) =>
    endpoint === LAPTOP && tries < 2 ? failure(500) : { statusCode: 201 }
  )
  for (let endpoint of [LAPTOP, PHONE]) await subscribe('ann', endpoint)
  await say('@ann')
  await world.advance(1000)
  expect(calls.map(({ endpoint }) => endpoint)).toEqual([LAPTOP, PHONE])
  stop()
  await world.server.restart()
  await world.advance(1000)
  sendWebPush(world.server.hub, options)
  await world.advance(1000)
  expect(calls.map(({ endpoint }) => endpoint)).toEqual([LAPTOP, PHONE, LAPTOP])
  await world.advance(1_000_000)
  expect(calls).toHaveLength(3)
  expect(await open()).toEqual([])
})

test.each([
  'https://127.0.0.1/x',
  'https://[::1]/x',
  'https://localhost/x',
  'https://db/x',
  'https://db.internal/x',
  'https://printer.lan/x',
  'https://router.home.arpa./x',
  'https://0x7f000001/x',
  'https://2130706433/x'
])('%s is not called: a client must not send the server where it cannot go itself', async endpoint => {
  let { world, calls, say, subscribe, devices } = stage()
  await subscribe('ann', endpoint)
  await say('@ann')
  await world.advance(1000)
  expect(calls).toEqual([])
  expect(await devices('ann')).toEqual([])
})

test('a notice that is too large is told of, and nothing else suffers', async () => {
  let { world, calls, problems, options, stop, say, subscribe } = stage()
  let large = pushRule(memory, () => [{ user: 'ann', payload: 'x'.repeat(3000) }])
  stop()
  sendWebPush(world.server.hub, { ...options, rules: [large, ...rules] })
  await subscribe('ann', PHONE)
  await say('@ann')
  await world.advance(1000)
  expect(calls).toHaveLength(1)
  expect(problems).toEqual([expect.stringContaining('at most 3000')])
})

test('one that nobody can be woken by keeps no other asleep', async () => {
  let { world, calls, problems, say, subscribe } = stage()
  await subscribe('ann', LAPTOP)
  await say(`@${'x'.repeat(256)} @ann`)
  await world.advance(1000)
  expect(calls.map(({ endpoint }) => endpoint)).toEqual([LAPTOP])
  expect(problems).toEqual([expect.stringContaining('256')])
})

test('a client cannot hand over its device as that of another user, nor read what waits', async () => {
  let { world, calls, say } = stage()
  let eve = world.device().openTab('eve')
  let handle = eve.client.room('user:ann').use(push)
  let elsewhere = eve.client.room('c').use(push)
  let work = eve.client.room(PUSH_ROOM)
  eve.client.connect()
  await world.advance(1000)
  let refused = handle.addPushDevice({ endpoint: PHONE, keys }).acked.catch(error => error.code)
  await elsewhere.addPushDevice({ endpoint: PHONE, keys })
  await say('@ann')
  await world.advance(10_000)
  expect(await refused).toBe('forbidden')
  expect(work.$status.get().refused).toBe('forbidden')
  expect(calls).toEqual([])
})

// --- the real thing ---

const webPush = createRequire(import.meta.url)('web-push')
const ece = createRequire(createRequire(import.meta.url).resolve('web-push'))('http_ece')

/** TLS without certificates: encrypted, and nobody has to vouch for 127.0.0.1. */
const anonymous = { ciphers: 'aNULL:@SECLEVEL=0', maxVersion: 'TLSv1.2' } as const

test('the real package signs, encrypts and sends, and a device can read it', { timeout: 20_000 }, async () => {
  let browser = createECDH('prime256v1')
  browser.generateKeys()
  let auth = randomBytes(16)
  let vapid = webPush.generateVAPIDKeys()
  let requests: { path: string; headers: Record<string, unknown>; body: Buffer }[] = []
  let service = createServer({ ...anonymous }, async (request, response) => {
    let chunks: Buffer[] = []
    for await (let chunk of request) chunks.push(chunk as Buffer)
    requests.push({ path: request.url ?? '', headers: request.headers, body: Buffer.concat(chunks) })
    response.writeHead(request.url === '/gone' ? 410 : 201).end()
  })
  await new Promise<void>(resolve => service.listen(0, '127.0.0.1', resolve))
  let origin = `https://127.0.0.1:${(service.address() as AddressInfo).port}`
  let hub: Hub = createHub({ features, storage: createMemoryStorage(), clock: realClock, random: realRandom })
  let problems: unknown[] = []
  let stop = sendWebPush(hub, {
    rules,
    allow: ({ hostname }) => hostname === '127.0.0.1',
    failed: error => void problems.push(error),
    send: (subscription, payload, { key }) =>
      webPush.sendNotification(subscription, payload, {
        vapidDetails: { subject: 'mailto:push@example.org', ...vapid },
        TTL: 60,
        topic: key.slice(0, 32),
        agent: new Agent({ ...anonymous, rejectUnauthorized: false })
      })
  })
  try {
    let own = { p256dh: browser.getPublicKey('base64url'), auth: auth.toString('base64url') }
    for (let path of ['/gone', '/phone']) {
      await hub.room('user:ann').push(push, 'subscribed', { endpoint: origin + path, keys: own }, { by: 'ann' })
    }
    await hub.room('c').push(memory, 'created', { content: 'dinner, @ann?' }, { by: 'bob' })
    await expect.poll(async () => [requests.length, (await hub.room(PUSH_ROOM).state(pushWork)).open]).toEqual([2, []])
    expect(problems).toEqual([])
    expect((await hub.room('user:ann').state(push)).devices.map(({ endpoint }) => endpoint)).toEqual([
      `${origin}/phone`
    ])

    let { headers, body } = requests.find(({ path }) => path === '/phone') as (typeof requests)[number]
    expect(headers).toMatchObject({ 'content-encoding': 'aes128gcm', ttl: '60' })
    let [, token = '', key = ''] = /^vapid t=([^,]+), k=(.+)$/.exec(String(headers.authorization)) ?? []
    expect(key).toBe(vapid.publicKey)
    let [head = '', claims = '', signature = ''] = token.split('.')
    expect(JSON.parse(Buffer.from(claims, 'base64url').toString())).toMatchObject({ aud: origin })
    let point = Buffer.from(key, 'base64url')
    let [x, y] = [point.subarray(1, 33), point.subarray(33)].map(part => part.toString('base64url')) as [string, string]
    let publicKey = createPublicKey({ key: { kty: 'EC', crv: 'P-256', x, y }, format: 'jwk' })
    let isSigned = verify(
      'sha256',
      Buffer.from(`${head}.${claims}`),
      { key: publicKey, dsaEncoding: 'ieee-p1363' },
      Buffer.from(signature, 'base64url')
    )
    expect(isSigned).toBe(true)
    let text = ece.decrypt(body, { version: 'aes128gcm', privateKey: browser, authSecret: auth.toString('base64url') })
    expect(JSON.parse(text.toString())).toEqual({ body: 'dinner, @ann?' })
  } finally {
    stop()
    await hub.close()
    service.close()
    service.closeAllConnections()
  }
})

test('what the notification centre announces wakes devices; what is held does when it is let go, what is silent never', async () => {
  let world = createWorld({ features: [push, pushWork, ...notifierFeatures] })
  let { hub } = world.server
  let calls: unknown[] = []
  sendWebPush(hub, { rules: [notificationPushes], send: async (_, payload) => calls.push(JSON.parse(payload)) })
  let notifier = createNotifier({ hub })
  let room = hub.room('user:ann')
  await room.push(push, 'subscribed', { endpoint: PHONE, keys }, { by: 'ann' })

  let { id } = await notifier.notify('ann', {
    category: 'system',
    title: 'Full',
    body: 'The disk',
    data: { url: '/disk' }
  })
  await world.advance(1000)
  expect(calls).toEqual([{ title: 'Full', body: 'The disk', tag: id, url: '/disk' }])

  await room.push(
    notifications,
    'notification:preference',
    { category: 'chat', preference: { muted: true, desktop: true, limit: null } },
    { by: 'ann' }
  )
  await notifier.notify('ann', { category: 'chat', title: 'Psst' })
  // The world's clock begins at 22:13.
  let hours = { start: 22 * 60, end: 6 * 60, timeZone: 'UTC', urgentPasses: true }
  await room.push(notifications, 'notification:quietHours', { hours }, { by: 'ann' })
  let held = await notifier.notify('ann', { category: 'system', title: 'Later' })
  await world.advance(1000)
  expect(held.outcome).toBe('held')
  expect(calls).toHaveLength(1)
  await room.push(notifications, 'notification:quietHours', { hours: null }, { by: 'ann' })
  await world.advance(5000)
  expect(calls.slice(1)).toEqual([{ title: 'Later', body: '', tag: held.id }])
})
