// The page's side of Web Push and of Background Sync, with what a registration offers as far as it is used.

import { describe, expect, test, vi } from 'vitest'
import { memory } from '../../../src/features/memory.js'
import { push } from '../../../src/features/push.js'
import { ownerOf, registerBackgroundSync, syncTag } from '../../../src/kits/background-sync.js'
import { type PushRegistration, subscribeToPush } from '../../../src/kits/push.js'
import { createWorld } from '../../../src/testing/world.js'

const ENDPOINT = 'https://push.example.org/1'

function stage() {
  let world = createWorld({ features: [push, memory] })
  let device = world.device()
  let tab = device.openTab('ann')
  tab.client.connect()
  let devices = async () =>
    (await world.server.hub.room('user:ann').state(push)).devices.map(({ endpoint, keys }) => ({ endpoint, keys }))
  return { world, device, tab, devices }
}

function browser(refuse?: { name: string; message: string }) {
  let calls: unknown[] = []
  let subscribed = false
  let subscription = {
    endpoint: ENDPOINT,
    toJSON: () => ({ endpoint: ENDPOINT, expirationTime: null, keys: { p256dh: 'p', auth: 'a' } }),
    async unsubscribe() {
      subscribed = false
      return true
    }
  }
  let registration: PushRegistration = {
    pushManager: {
      getSubscription: async () => (subscribed ? subscription : null),
      async subscribe(options) {
        calls.push(options)
        if (refuse) throw Object.assign(new Error(refuse.message), { name: refuse.name })
        subscribed = true
        return subscription
      }
    }
  }
  return { registration, calls, isSubscribed: () => subscribed }
}

describe('subscribing', () => {
  test('hands the subscription over, makes it only once, and takes it back', async () => {
    let { world, tab, devices } = stage()
    let { registration, calls, isSubscribed } = browser()
    let outcome = await subscribeToPush(tab.client, { registration, applicationServerKey: 'KEY' })
    await subscribeToPush(tab.client, { registration, applicationServerKey: 'KEY' })
    await world.advance(1000)
    expect(calls).toEqual([{ userVisibleOnly: true, applicationServerKey: 'KEY' }])
    expect(await devices()).toEqual([{ endpoint: ENDPOINT, keys: { p256dh: 'p', auth: 'a' } }])
    if (outcome.state !== 'subscribed') throw new Error(outcome.reason)
    await outcome.unsubscribe()
    await world.advance(1000)
    expect(await devices()).toEqual([])
    expect(isSubscribed()).toBe(false)
  })

  test('offline it is handed over with the next connection', async () => {
    let { world, device, tab, devices } = stage()
    device.goOffline()
    await subscribeToPush(tab.client, { registration: browser().registration, applicationServerKey: 'KEY' })
    await world.advance(1000)
    expect(await devices()).toEqual([])
    device.goOnline()
    await world.advance(5000)
    expect(await devices()).toHaveLength(1)
  })

  test.each([
    ['unsupported', {}],
    ['denied', browser({ name: 'NotAllowedError', message: 'no' }).registration],
    ['failed', browser({ name: 'AbortError', message: 'no push service' }).registration]
  ])('says «%s»', async (state, registration) => {
    let { world, tab, devices } = stage()
    let outcome = await subscribeToPush(tab.client, { registration, applicationServerKey: 'KEY' })
    expect(outcome).toEqual({ state, reason: expect.stringMatching(/./) })
    await world.advance(1000)
    expect(await devices()).toEqual([])
  })
})

describe('Background Sync', () => {
  test('is asked for once in every time without a connection in which something waits', async () => {
    let { world, device, tab } = stage()
    let tags: string[] = []
    let sync = registerBackgroundSync(tab.client, { sync: { register: async (tag: string) => void tags.push(tag) } })
    let { createMemory } = tab.client.room('c').use(memory)
    await world.advance(1000)
    await createMemory('online')
    await world.advance(1000)
    device.goOffline()
    await world.advance(1000)
    expect([tags, sync.$state.get().state]).toEqual([[], 'idle'])
    for (let text of ['one', 'two', 'three']) await createMemory(text)
    await world.advance(1000)
    expect([tags, sync.$state.get().state]).toEqual([['realtime-stores/1/flush/app/ann'], 'registered'])
    device.goOnline()
    await world.advance(5000)
    expect(sync.$state.get().state).toBe('idle')
    device.goOffline()
    await world.advance(100)
    await createMemory('again')
    await world.advance(1000)
    expect(tags).toHaveLength(2)
    sync.stop()
  })

  test('says where it is missing, and what a browser says that refuses', async () => {
    let { world, device, tab } = stage()
    expect(registerBackgroundSync(tab.client, {}).$state.get().state).toBe('unsupported')
    let register = vi.fn().mockRejectedValue(new Error('not allowed'))
    let sync = registerBackgroundSync(tab.client, { sync: { register } })
    device.goOffline()
    await world.advance(100)
    await tab.client.room('c').use(memory).createMemory('x')
    await world.advance(1000)
    expect(sync.$state.get()).toEqual({ state: 'denied', reason: 'not allowed' })
    expect(register).toHaveBeenCalledTimes(1)
  })

  test('names whose outbox it is, whatever they are called', () => {
    for (let owner of [
      { app: 'a', user: 'b' },
      { app: 'a/b', user: 'c d' },
      { app: '%2F', user: 'ü/%' }
    ])
      expect(ownerOf(syncTag(owner))).toEqual(owner)
    for (let tag of ['', 'x', 'realtime-stores/1/flush', 'realtime-stores/1/flush/a', 'realtime-stores/1/flush/a/b/c'])
      expect(ownerOf(tag)).toBe(null)
  })
})
