// What the kit promises to the developer of an app: every question that a test of an app asks has a short answer.

import { afterEach, describe, expect, test, vi } from 'vitest'
import { createRealtime } from '../../../src/client.js'
import { RealtimeError } from '../../../src/errors.js'
import { defineFeature, durable } from '../../../src/feature.js'
import { companionFeatures } from '../../../src/features/index.js'
import { realtimeConnection, realtimeHaptic, realtimeMemory, realtimeService } from '../../../src/index.js'
import { object, string } from '../../../src/schema.js'
import { createTestDevices, createWorld, type Device, type WorldOptions } from '../../../src/testing/index.js'

let notes = defineFeature({
  name: 'notes',
  version: 1,
  events: { added: durable(object({ text: string() })) },
  initial: [] as readonly string[],
  reduce: { added: (texts, { text }) => [...texts, text] },
  commands: { add: (_, text: string) => ({ type: 'added', data: { text } }) }
})

let worldOf = (options: Partial<WorldOptions> = {}) => createWorld({ features: [notes], ...options })

/** As an app does it, with a page of a test in the place of a browser's. */
function open(device: Device, user = 'ada', more: object = {}) {
  let page = device.page()
  let client = createRealtime({ url: 'wss://example.org/', app: 'notes', user, ports: page.ports, ...more })
  let handle = client.room('r').use(notes)
  client.connect()
  return { page, client, ...handle, connection: () => client.$connection.get() }
}

let isOnline = (tab: ReturnType<typeof open>) => () => tab.connection().phase === 'online'

describe('time', () => {
  test('until passes no more time than is needed, and gives what was found', async () => {
    let world = worldOf()
    let ada = open(world.device())
    expect(await world.until(() => ada.connection().sessionId)).toBe(ada.connection().sessionId)
    expect(world.clock.mono()).toBeLessThan(500)
  })

  test('until says what never came, and of a check that throws, what it threw', async () => {
    let world = worldOf()
    await expect(world.until(() => world.clock.mono() < 0, { within: 100 })).rejects.toThrow(
      /not so within 100 ms: .*mono\(\) < 0/
    )
    expect(world.clock.mono()).toBe(100)
    let throwing = world.until(() => expect(1).toBe(2), { within: 100 })
    await expect(throwing).rejects.toThrow(/not so within 100 ms: .*expected 1 to be 2/)
    // A check that stops throwing has to be truthy too; one that resolves is waited for.
    expect(await world.until(async () => 'found')).toBe('found')
  })

  test('everything happens inside of act', async () => {
    let depth = 0
    let outside: string[] = []
    let world = worldOf({
      async act(run) {
        depth++
        await run()
        depth--
      }
    })
    let device = world.device()
    let ada = open(device)
    await world.settle()
    let see = (what: string) => () => void (depth === 0 && outside.push(what))
    ada.client.$connection.listen(see('connection'))
    ada.client.pending.listen(see('pending'))
    await world.until(isOnline(ada))
    ada.$state.listen(see('state'))
    let stored = ada.add('one') // painted at once, outside
    await world.advance(100)
    await stored
    await ada.page.close()
    expect(outside).toEqual(['state'])
  })

  test('a test that fakes timers does not stop the world', async () => {
    vi.useFakeTimers()
    try {
      let world = worldOf()
      let ada = open(world.device())
      await world.until(isOnline(ada))
      expect(ada.connection().phase).toBe('online')
    } finally {
      vi.useRealTimers()
    }
  })
})

describe('the network', () => {
  test('offline: pages are told, actions wait; online again, they leave at once', async () => {
    let world = worldOf()
    let device = world.device()
    let ada = open(device)
    await world.until(isOnline(ada))
    device.goOffline()
    expect(ada.page.ports.page?.online()).toBe(false)
    ada.add('one')
    await world.advance(60_000)
    expect(ada.connection()).toMatchObject({ phase: 'waiting', pending: { count: 1 } })
    device.goOnline()
    await world.until(() => ada.connection().pending.count === 0, { within: 1000 })
    expect(await world.server.state('r', notes)).toEqual(['one'])
  })

  test('slow, and silent', async () => {
    let world = worldOf()
    let device = world.device()
    let ada = open(device)
    await world.until(isOnline(ada))
    device.network.latency = 2000
    let from = world.clock.mono()
    ada.add('slow')
    await world.settle()
    await world.until(() => ada.connection().pending.count === 0)
    expect(world.clock.mono() - from).toBeGreaterThan(4000)
    device.network.halfOpen()
    ada.add('silent')
    await world.until(() => ada.connection().pending.count === 0, { within: 60_000 })
    expect(await world.server.state('r', notes)).toEqual(['slow', 'silent'])
  })
})

describe('the server', () => {
  test('tells its state and its log, and that it is down', async () => {
    let world = worldOf()
    let ada = open(world.device())
    await world.until(isOnline(ada))
    let { id } = ada.add('one')
    await world.advance(100)
    await world.server.hub.room('r').push(notes, 'added', { text: 'two' }, { by: 'ben' })
    await world.advance(100)
    expect(ada.$state.get()).toEqual(['one', 'two'])
    expect(await world.server.state('r', notes)).toEqual(['one', 'two'])
    expect(await world.server.events('r')).toMatchObject([
      { offset: 1, id, by: 'ada', type: 'added', data: { text: 'one' } },
      { offset: 2, by: 'ben' }
    ])
    expect(await world.server.events('nowhere')).toEqual([])
    world.server.crash()
    await expect(world.server.state('r', notes)).rejects.toThrow('no server now')
    expect(await world.server.events('r')).toHaveLength(2)
  })

  test('refuses, as the policy says', async () => {
    let isShut = true
    let world = worldOf({ server: { policy: ({ action }) => action !== 'push' || !isShut || 'shut' } })
    let ada = open(world.device())
    await world.until(isOnline(ada))
    let { acked, id } = ada.add('one')
    let refused = expect(acked).rejects.toMatchObject({ code: 'shut' })
    await world.advance(100)
    await refused
    expect(ada.$state.get()).toEqual([])
    expect(ada.client.rejected.get()).toMatchObject([{ code: 'shut', row: { id } }])
    isShut = false
    await ada.client.rejected.retry(id)
    await world.advance(100)
    expect(ada.$state.get()).toEqual(['one'])
  })

  test('lets tokens run out, and takes no bad ones', async () => {
    let world = worldOf({
      server: {
        authenticate({ token }) {
          if (token === 'bad') throw new RealtimeError('unauthorized')
          return { user: 'ada', expiresIn: 60 }
        }
      }
    })
    let asked: number[] = []
    let token = async () => {
      asked.push(world.clock.mono())
      return `token ${asked.length}`
    }
    let ada = open(world.device(), 'ada', { token })
    await world.until(isOnline(ada))
    await world.advance(10 * 60_000)
    expect(asked.length).toBeGreaterThanOrEqual(10)
    expect(ada.connection().phase).toBe('online')

    let bad = open(world.device(), 'ada', { token: 'bad' })
    await world.until(() => bad.connection().reason === 'unauthorized')
    expect(bad.connection().phase).toBe('closed')
  })
})

describe('pages and what they keep', () => {
  test('a reload keeps what waits; a power cut ends every page', async () => {
    let world = worldOf()
    let device = world.device()
    device.goOffline()
    let first = open(device)
    await first.add('one')
    await first.page.close()
    let second = open(device)
    await second.client.ready
    expect(second.$state.get()).toEqual(['one'])
    await device.powerCut()
    expect(second.page.life.state).toBe('dead')
  })

  test('no room, or no storage at all: it is kept in memory, and said', async () => {
    let world = worldOf()
    let device = world.device()
    device.storage = 'full'
    let ada = open(device)
    await world.until(isOnline(ada))
    await ada.add('one')
    expect(ada.connection()).toMatchObject({
      durability: 'memory',
      durabilityReason: expect.stringContaining('no room left')
    })
    let other = world.device()
    other.storage = 'missing'
    let ben = open(other, 'ben')
    await world.until(isOnline(ben))
    expect(ben.connection()).toMatchObject({
      durability: 'memory',
      durabilityReason: expect.stringContaining('no storage')
    })
    // And room again.
    device.storage = 'fine'
    let again = open(device)
    await world.until(isOnline(again))
    await again.add('two')
    expect(again.connection().durability).toBe('disk')
  })
})

describe('the service of the page', () => {
  afterEach(() => realtimeService.disconnect())

  test('lives in the world too, with devices that write down what they do', async () => {
    let world = createWorld({ features: companionFeatures })
    let devices = createTestDevices(world.clock)
    let { ports } = world.device().page()
    await realtimeService.connect({ url: 'wss://example.org/', app: 'companion', user: 'ada', ports, devices })
    await world.until(() => realtimeConnection.get().phase === 'online')

    realtimeService.triggerHaptic('heartbeat', 75, 500)
    realtimeService.speakText('Hello, I love you!', 'romantic')
    await world.advance(5000)
    expect(devices.vibration.played.length).toBeGreaterThan(0)
    expect(devices.speech.spoken).toMatchObject([{ text: 'Hello, I love you!' }])
    expect(realtimeHaptic.get()).not.toMatchObject({ supported: false })
  })

  test('goes on where it was after a reload, and after a crash', async () => {
    let world = createWorld({ features: companionFeatures })
    let phone = world.device()
    let connect = async () => {
      let page = phone.page()
      await realtimeService.connect({ url: 'wss://example.org/', app: 'companion', user: 'ada', ports: page.ports })
      return page
    }
    phone.goOffline()
    let page = await connect()
    await realtimeService.createMemory('one')
    await realtimeService.disconnect()
    await page.close()

    page = await connect()
    await realtimeService.createMemory('two')
    realtimeService.createMemory('begun') // its transaction completes without the page
    page.crash()
    void realtimeService.disconnect() // of a page that is gone, nothing is heard any more

    phone.goOnline()
    await connect()
    await world.until(() => realtimeConnection.get().phase === 'online')
    await world.until(() => realtimeService.pending.get().length === 0)
    expect(
      realtimeMemory
        .get()
        .memories.map(({ content }) => content)
        .sort()
    ).toEqual(['begun', 'one', 'two'])
    expect(await world.server.events('persona:default')).toHaveLength(3)
  })

  test('hears a heart that a test makes beat', async () => {
    let world = createWorld({ features: companionFeatures })
    let devices = createTestDevices(world.clock)
    let [ada, ben] = [world.device(), world.device()].map((device, i) =>
      device.openTab(['ada', 'ben'][i] as string, { devices: i ? createTestDevices(world.clock) : devices })
    )
    let feature = companionFeatures.find(({ name }) => name === 'biometric') as (typeof companionFeatures)[number]
    let hearts = [ada, ben].map(tab => {
      let handle = tab?.client.room('r').use(feature) as unknown as {
        $state: { get(): object }
        startBiometricMonitoring(source: string): Promise<boolean>
      }
      tab?.client.connect()
      return handle
    })
    await world.advance(500)
    expect(await hearts[0]?.startBiometricMonitoring('bluetooth')).toBe(true)
    for (let heartRate of [70, 72, 75]) {
      devices.heartRate.read({ heartRate })
      await world.advance(1000)
    }
    expect(JSON.stringify(hearts[1]?.$state.get())).toContain('"heartRate":75')
  })
})

describe('devices of a test', () => {
  test('speak at their pace, word by word, can be stopped and can fail', async () => {
    let world = worldOf()
    let { speech } = createTestDevices(world.clock)
    let told: unknown[] = []
    let on = {
      start: () => void told.push('start'),
      progress: (fraction: number) => void told.push(fraction),
      end: (reason: string, detail?: string) => void told.push(detail ? [reason, detail] : reason)
    }
    let say = (text: string) => speech.speak({ text, pitch: 1, rate: 1, volume: 1 }, on)
    speech.pace = 100
    let stop = say('one two ok')
    await world.advance(900)
    expect(told.splice(0)).toEqual(['start', 0.4, 0.8])
    await world.advance(100)
    stop()
    expect(told.splice(0)).toEqual(['done'])
    say('one two ok')()
    await world.advance(2000)
    expect(told.splice(0)).toEqual(['stopped'])
    speech.failure = 'no voice'
    say('one')
    await world.advance(0)
    expect(told).toEqual([['failed', 'no voice']])
    expect(speech.spoken.map(({ text }) => text)).toEqual(['one two ok', 'one two ok'])
  })

  test('listen, until they end or are told to', () => {
    let { recognition } = createTestDevices(worldOf().clock)
    let told: unknown[] = []
    let on = {
      interim: (text: string) => void told.push(`${text}…`),
      final: (text: string) => void told.push(text),
      end: (error?: string) => void told.push(['end', error])
    }
    recognition.hear('nobody')
    recognition.start('en', on)
    recognition.hear('he', 'interim')
    recognition.hear('hello')
    recognition.end('silence')
    expect(recognition.isListening).toBe(false)
    recognition.start('en', on)()
    recognition.hear('nobody')
    expect(told).toEqual(['he…', 'hello', ['end', 'silence']])
  })

  test('shake only for who has touched them; notify, and are clicked', async () => {
    let { vibration, notifications, heartRate, vr, reducedMotion, ...devices } = createTestDevices(worldOf().clock)
    expect(vibration.play([10, 20])).toBe(true)
    vibration.isActivated = false
    expect([vibration.activated(), vibration.play([30])]).toEqual([false, false])
    expect(vibration.played).toEqual([[10, 20]])

    expect(notifications.permission()).toBe('default')
    expect(await notifications.ask()).toBe('granted')
    let clicks = 0
    notifications.show('one', { tag: 'a' })
    let take = notifications.show('two', { tag: 'a', body: 'more', onClick: () => void clicks++ })
    expect(notifications.shown).toMatchObject([{ title: 'two', body: 'more' }])
    notifications.shown[0]?.click()
    take()
    expect([clicks, notifications.shown.length]).toEqual([1, 0])

    heartRate.refusal = new Error('nobody chose')
    await expect(heartRate.start({ reading() {}, ended() {} })).rejects.toThrow('nobody chose')
    expect([await vr?.supported(), reducedMotion(), devices.hasVR]).toEqual([false, false, false])
  })
})
