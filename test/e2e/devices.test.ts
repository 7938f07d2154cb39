// What a device does by itself: vibrate, speak, listen, measure. Recorded on the browser's own objects, as they are called.

import type { Page } from 'playwright'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { HAPTIC_PATTERNS, render } from '../../src/features/haptic-patterns.js'
import { voiceFor } from '../../src/features/voice-emotions.js'
import { connect, createWorld, live, until, type World } from './world.js'

interface Recorded {
  vibrated: (number | number[])[]
  spoken: { text: string; pitch: number; rate: number; volume: number }[]
  cancelled: number
}

declare global {
  interface Window extends Recorded {}
}

let world: World
beforeAll(async () => {
  world = await createWorld()
})
afterAll(() => world.close())
afterEach(() => expect(world.pageErrors).toEqual([]))

/** Records what the library asks of the browser; what it asks is done all the same, but for speech, which no headless browser has. */
function record(): void {
  let vibrate = navigator.vibrate.bind(navigator)
  Object.assign(window, { vibrated: [], spoken: [], cancelled: 0 })
  navigator.vibrate = pattern => {
    window.vibrated.push(pattern as number | number[])
    return vibrate(pattern as number[])
  }
  speechSynthesis.speak = utterance => {
    let { text, pitch, rate, volume } = utterance
    window.spoken.push({ text, pitch, rate, volume })
    // Long enough to look at it in between.
    setTimeout(() => utterance.dispatchEvent(new SpeechSynthesisEvent('start', { utterance })), 5)
    setTimeout(
      () =>
        utterance.dispatchEvent(
          new SpeechSynthesisEvent('boundary', { utterance, charIndex: text.length - 1, charLength: 1 })
        ),
      100
    )
    // What ends in dots goes on until it is stopped.
    if (!text.endsWith('…'))
      setTimeout(() => utterance.dispatchEvent(new SpeechSynthesisEvent('end', { utterance })), 200)
  }
  speechSynthesis.cancel = () => {
    window.cancelled++
  }
}

async function arrive(user: string, persona: string, before?: () => void) {
  let device = await world.device()
  await device.context.addInitScript(record)
  let page = await device.tab(before ? { before } : {})
  await connect(page, device.url, user, { persona })
  // Browsers vibrate and speak only on pages that a person has touched.
  await page.mouse.click(1, 1)
  await live(page)
  return { device, page }
}

function haptics(page: Page) {
  return page.evaluate(() => {
    let { isActive, currentPattern, history, lastSkipped } = RS.realtimeHaptic.get()
    return { isActive, currentPattern, lastSkipped, outcomes: history.map(entry => entry.outcome) }
  })
}

let sum = (list: readonly number[]): number => list.reduce((total, ms) => total + ms, 0)

/** What was played is what the pattern says; a device that is late by a little leaves out the first little. */
function expectPlayed(played: number | number[] | undefined, expected: readonly number[]): void {
  expect(played).toBeInstanceOf(Array)
  let list = played as number[]
  expect(sum(expected) - sum(list)).toBeLessThan(200)
  expect(list.slice(2)).toEqual(expected.slice(expected.length - list.length + 2))
}

test('a vibration plays once on every device of the room, with its pattern, intensity and duration', async () => {
  let [{ page: a }, { page: b }] = await Promise.all([arrive('ada', 'vibrate'), arrive('ben', 'vibrate')])
  expect(await b.evaluate(() => [RS.realtimeHaptic.get().supported, RS.realtimeHaptic.get().patterns])).toEqual([
    true,
    Object.keys(HAPTIC_PATTERNS)
  ])
  await a.evaluate(() => RS.realtimeService.triggerHaptic('heartbeat', 75, 1500))
  for (let page of [a, b]) {
    await until(page, () => RS.realtimeHaptic.get().isActive)
    expect(await page.evaluate(() => RS.realtimeHaptic.get())).toMatchObject({
      currentPattern: 'heartbeat',
      intensity: 75,
      duration: 1500,
      startedAt: expect.any(Number),
      lastSkipped: null
    })
    let vibrated = await page.evaluate(() => window.vibrated)
    expect(vibrated).toHaveLength(1)
    expectPlayed(vibrated[0], render('heartbeat', 75, 1500))
  }
  // All start at the same time of the server.
  let starts = await Promise.all([a, b].map(page => page.evaluate(() => RS.realtimeHaptic.get().startedAt ?? 0)))
  expect(Math.abs(starts[0]! - starts[1]!)).toBeLessThan(250)
  expect(await a.evaluate(() => RS.realtimeStatus.get().activeFeatures)).toEqual(['haptic'])
  for (let page of [a, b]) {
    await until(page, () => !RS.realtimeHaptic.get().isActive)
    expect(await haptics(page)).toMatchObject({ outcomes: ['played'], lastSkipped: null })
    expect(await page.evaluate(() => window.vibrated.length)).toBe(1)
  }
})

test('a vibration that is stopped stops everywhere, and what is meant for oneself stays with oneself', async () => {
  let [{ page: a }, { page: b }] = await Promise.all([arrive('ada', 'stop'), arrive('ben', 'stop')])
  await a.evaluate(() => RS.realtimeService.triggerHaptic('alarm', 50, 30_000))
  for (let page of [a, b]) await until(page, () => RS.realtimeHaptic.get().isActive)
  await b.evaluate(() => RS.realtimeService.stopHaptic())
  for (let page of [a, b]) {
    await until(page, () => !RS.realtimeHaptic.get().isActive)
    expect((await haptics(page)).outcomes).toEqual(['stopped'])
    expect(await page.evaluate(() => window.vibrated.at(-1))).toBe(0)
  }
  await a.evaluate(() => RS.realtimeService.triggerHaptic('tap', 100, 300, { target: 'self' }).visible)
  await until(a, () => RS.realtimeHaptic.get().history.at(-1)?.outcome === 'played')
  await a.evaluate(() => RS.realtimeService.triggerHaptic('pulse', 100, 300))
  await until(b, () => RS.realtimeHaptic.get().history.at(-1)?.outcome === 'played')
  expect(await b.evaluate(() => RS.realtimeHaptic.get().history.map(entry => entry.pattern))).toEqual([
    'alarm',
    'pulse'
  ])
})

test('a pattern of the app travels with its trigger', async () => {
  let [{ page: a }, { page: b }] = await Promise.all([arrive('ada', 'custom'), arrive('ben', 'custom')])
  await a.evaluate(() => RS.realtimeService.definePattern('knock', [50, 50, 50, 250]))
  expect(await a.evaluate(() => RS.realtimeHaptic.get().patterns)).toContain('knock')
  expect(await b.evaluate(() => RS.realtimeHaptic.get().patterns)).not.toContain('knock')
  await a.evaluate(() => RS.realtimeService.triggerHaptic('knock', 100, 800))
  await until(b, () => window.vibrated.length > 0)
  expectPlayed((await b.evaluate(() => window.vibrated))[0], render([50, 50, 50, 250], 100, 800))
})

test('two tabs of one device vibrate and speak once together', async () => {
  let { page: a } = await arrive('ada', 'once')
  let ben = await world.device()
  await ben.context.addInitScript(record)
  let tabs = await Promise.all([ben.tab(), ben.tab()])
  for (let tab of tabs) {
    await connect(tab, ben.url, 'ben', { persona: 'once' })
    await tab.mouse.click(1, 1)
    await live(tab)
  }
  await a.evaluate(() => RS.realtimeService.triggerHaptic('tap', 100, 300))
  await a.evaluate(() => RS.realtimeService.speakText('Hello'))
  for (let tab of tabs)
    await until(
      tab,
      () =>
        (RS.realtimeHaptic.get().history[0]?.outcome !== 'waiting' && RS.realtimeVoice.get().lastError !== null) ||
        window.spoken.length > 0
    )
  await until(a, () => RS.realtimeHaptic.get().history[0]?.outcome === 'played')
  let played = await Promise.all(tabs.map(tab => tab.evaluate(() => window.vibrated.length)))
  let spoken = await Promise.all(tabs.map(tab => tab.evaluate(() => window.spoken.length)))
  expect(played.sort()).toEqual([0, 1])
  expect(spoken.sort()).toEqual([0, 1])
  let outcomes = await Promise.all(tabs.map(tab => tab.evaluate(() => RS.realtimeHaptic.get().history[0]?.outcome)))
  expect(outcomes).toContain('other-tab')
})

test('a device that may or can not vibrate says why', async () => {
  let { page: a } = await arrive('ada', 'mute')
  let untouched = await arrive('ben', 'mute', () => {
    // Whatever a test does to a page counts as touching it.
    Object.defineProperty(Navigator.prototype, 'userActivation', { value: { hasBeenActive: false, isActive: false } })
  })
  let still = await arrive('cleo', 'mute')
  await still.page.emulateMedia({ reducedMotion: 'reduce' })
  let off = await arrive('dora', 'mute')
  await off.page.evaluate(() => RS.realtimeService.setHapticEnabled(false))
  let without = await arrive('eve', 'mute', () => Object.defineProperty(navigator, 'vibrate', { value: undefined }))
  expect(await without.page.evaluate(() => RS.realtimeHaptic.get().supported)).toBe(false)
  await a.evaluate(() => RS.realtimeService.triggerHaptic('tap', 100, 300))
  await until(a, () => window.vibrated.length === 1)
  for (let [{ page }, reason] of [
    [untouched, 'no-activation'],
    [still, 'reduced-motion'],
    [off, 'disabled'],
    [without, 'unsupported']
  ] as const) {
    await until(page, () => RS.realtimeHaptic.get().lastSkipped !== null)
    expect(await haptics(page)).toEqual({
      isActive: false,
      currentPattern: null,
      lastSkipped: reason,
      outcomes: [reason]
    })
    expect(await page.evaluate(() => window.vibrated)).toEqual([])
  }
  await off.page.evaluate(() => RS.realtimeService.setHapticEnabled(true))
  await a.evaluate(() => RS.realtimeService.triggerHaptic('tap', 100, 300))
  await until(off.page, () => window.vibrated.length === 1)
})

test('what was triggered while a device was away is in its history and is not played', async () => {
  let { page: a } = await arrive('ada', 'replay')
  await a.evaluate(async () => {
    await RS.realtimeService.triggerHaptic('tap', 100, 300).visible
    await RS.realtimeService.speakText('Too early').visible
  })
  let { page: b } = await arrive('ben', 'replay')
  expect(
    await b.evaluate(() => [
      RS.realtimeHaptic.get().history.map(entry => entry.outcome),
      RS.realtimeVoice.get().currentText
    ])
  ).toEqual([[null], 'Too early'])
  await a.evaluate(() => RS.realtimeService.speakText('Now'))
  await until(b, () => window.spoken.length > 0)
  expect(await b.evaluate(() => [window.vibrated, window.spoken.map(({ text }) => text)])).toEqual([[], ['Now']])
})

test('what is said is spoken on every device, with the voice of its emotion, and tells how far it is', async () => {
  let [{ page: a }, { page: b }] = await Promise.all([arrive('ada', 'speak'), arrive('ben', 'speak')])
  await b.evaluate(() => {
    Object.assign(window, { progress: [] })
    RS.realtimeVoice.subscribe(({ synthesisProgress, isSpeaking }) =>
      (window as unknown as { progress: unknown[] }).progress.push(`${isSpeaking} ${synthesisProgress}`)
    )
  })
  await a.evaluate(() => RS.realtimeService.speakText('Hello, I love you!', 'romantic', 1.2, 0.9, 0.8))
  let { pitch, rate } = voiceFor('romantic', 1.2, 0.9)
  for (let page of [a, b]) {
    await until(page, () => RS.realtimeVoice.get().synthesisProgress === 1 && !RS.realtimeVoice.get().isSpeaking)
    let [spoken, ...more] = await page.evaluate(() => window.spoken)
    expect(more).toEqual([])
    expect(spoken!.text).toBe('Hello, I love you!')
    expect([spoken!.pitch, spoken!.rate, spoken!.volume].map(value => Math.round(value * 1000) / 1000)).toEqual([
      pitch,
      rate,
      0.8
    ])
    expect(await page.evaluate(() => RS.realtimeVoice.get())).toMatchObject({
      supported: { speak: true },
      emotion: 'romantic',
      pitch: 1.2,
      rate: 0.9,
      volume: 0.8,
      lastError: null
    })
  }
  expect(await b.evaluate(() => (window as unknown as { progress: string[] }).progress)).toEqual(
    expect.arrayContaining(['true 0', 'true 1', 'false 1'])
  )
  // Said in order, one after the other; and stopped everywhere at once.
  await a.evaluate(() => Promise.all(['one', 'two …', 'three'].map(text => RS.realtimeService.speakText(text))))
  await until(b, () => window.spoken.length === 3)
  await a.evaluate(() => RS.realtimeService.stopSpeaking())
  await until(
    b,
    () => window.cancelled > 0 && !RS.realtimeVoice.get().isSpeaking && RS.realtimeVoice.get().currentText === null
  )
  expect(await b.evaluate(() => window.spoken.map(({ text }) => text))).toEqual(['Hello, I love you!', 'one', 'two …'])
})

test('a browser without speech says so', async () => {
  let { page } = await arrive('ada', 'speechless', () => {
    Object.defineProperty(window, 'speechSynthesis', { value: undefined })
    for (let name of ['SpeechRecognition', 'webkitSpeechRecognition'])
      Object.defineProperty(window, name, { value: undefined })
  })
  let started = await page.evaluate(() => RS.realtimeService.startListening())
  expect(started).toBe(false)
  expect(await page.evaluate(() => RS.realtimeVoice.get())).toMatchObject({
    supported: { speak: false, listen: false },
    lastError: 'unsupported',
    isListening: false
  })
  await page.evaluate(() => RS.realtimeService.speakText('Hello').visible)
  expect(await page.evaluate(() => [RS.realtimeVoice.get().isSpeaking, RS.realtimeVoice.get().currentText])).toEqual([
    false,
    'Hello'
  ])
  expect(await page.evaluate(() => RS.realtimeStatus.get().features.voice)).toBe('problem')
})

test('listening fills the transcript and ends on request', async () => {
  let { page } = await arrive('ada', 'listen', () => {
    class Recognition extends EventTarget {
      lang = ''
      continuous = false
      interimResults = false
      onresult: ((event: unknown) => void) | null = null
      onend: (() => void) | null = null
      start() {
        Object.assign(window, { recognition: this })
        this.dispatchEvent(new Event('start'))
      }
      stop() {
        this.end()
      }
      abort() {
        this.end()
      }
      end() {
        let event = new Event('end')
        this.dispatchEvent(event)
        this.onend?.()
      }
      hear(text: string, isFinal: boolean) {
        let result = Object.assign([{ transcript: text, confidence: 1 }], { isFinal })
        let event = Object.assign(new Event('result'), { resultIndex: 0, results: [result] })
        this.dispatchEvent(event)
        this.onresult?.(event)
      }
    }
    Object.assign(window, { SpeechRecognition: Recognition, webkitSpeechRecognition: Recognition })
  })
  let hear = (text: string, isFinal: boolean) =>
    page.evaluate(
      ([text, isFinal]) =>
        (window as unknown as { recognition: { hear(...args: unknown[]): void } }).recognition.hear(text, isFinal),
      [text, isFinal] as const
    )
  expect(await page.evaluate(() => RS.realtimeService.startListening('en-GB'))).toBe(true)
  expect(await page.evaluate(() => (window as unknown as { recognition: { lang: string } }).recognition.lang)).toBe(
    'en-GB'
  )
  await hear('how are', false)
  expect(await page.evaluate(() => RS.realtimeVoice.get())).toMatchObject({
    isListening: true,
    transcript: { interim: 'how are', final: '' },
    supported: { listen: true }
  })
  await hear('how are you', true)
  expect(
    await page.evaluate(() => [RS.realtimeVoice.get().transcript, RS.realtimeStatus.get().activeFeatures])
  ).toEqual([{ interim: '', final: 'how are you' }, ['voice']])
  await page.evaluate(() => RS.realtimeService.stopListening())
  expect(
    await page.evaluate(() => [RS.realtimeVoice.get().isListening, RS.realtimeVoice.get().transcript.final])
  ).toEqual([false, 'how are you'])
})

test('measuring with a source of the app sends what it measures until it is stopped', async () => {
  let [{ page: a }, { page: b }] = await Promise.all([arrive('ada', 'measure'), arrive('ben', 'measure')])
  let started = await a.evaluate(() =>
    RS.realtimeService.startBiometricMonitoring({
      name: 'watch',
      stream(emit) {
        Object.assign(window, { emit, running: true })
        return () => Object.assign(window, { running: false })
      }
    })
  )
  expect(started).toBe(true)
  expect(
    await a.evaluate(() => [
      RS.realtimeBiometric.get().isMonitoring,
      RS.realtimeBiometric.get().source,
      RS.realtimeStatus.get().features.biometric
    ])
  ).toEqual([true, 'watch', 'problem'])
  await a.evaluate(() =>
    (window as unknown as { emit(sample: unknown): void }).emit({ heartRate: 64, energyLevel: 80 })
  )
  await until(b, () => RS.realtimeBiometric.get().members.ada?.heartRate === 64)
  expect(await a.evaluate(() => RS.realtimeBiometric.get())).toMatchObject({
    heartRate: 64,
    energyLevel: 80,
    stale: false,
    self: { heartRate: 64 },
    series: [expect.objectContaining({ heartRate: 64 })]
  })
  // Faster than once a second only the newest is sent.
  await a.evaluate(() => {
    for (let heartRate of [65, 66, 67]) (window as unknown as { emit(sample: unknown): void }).emit({ heartRate })
  })
  await until(b, () => RS.realtimeBiometric.get().members.ada?.heartRate === 67)
  expect(
    await b.evaluate(() => RS.realtimeBiometric.get().members.ada?.series.map(sample => sample.heartRate))
  ).toEqual([64, 67])
  await a.evaluate(() => RS.realtimeService.stopBiometricMonitoring())
  expect(
    await a.evaluate(() => [
      RS.realtimeBiometric.get().isMonitoring,
      RS.realtimeBiometric.get().source,
      (window as unknown as { running: boolean }).running
    ])
  ).toEqual([false, null, false])
  // Who comes later gets the last values.
  let { page: c } = await arrive('cleo', 'measure')
  await until(
    c,
    () =>
      RS.realtimeBiometric.get().members.ada?.heartRate === 67 &&
      RS.realtimeBiometric.get().members.ada?.energyLevel === 80
  )
})

test('a heart-rate sensor is read as its specification says; where there is none, it is said', async () => {
  let { page } = await arrive('ada', 'sensor', () => {
    let characteristic = Object.assign(new EventTarget(), {
      startNotifications: async () => characteristic,
      stopNotifications: async () => characteristic
    })
    let device = Object.assign(new EventTarget(), {
      gatt: {
        connected: true,
        connect: async () => ({ getPrimaryService: async () => ({ getCharacteristic: async () => characteristic }) }),
        disconnect() {}
      }
    })
    Object.defineProperty(navigator, 'bluetooth', {
      value: {
        async requestDevice(options: unknown) {
          Object.assign(window, { asked: options })
          return device
        }
      }
    })
    Object.assign(window, {
      beat(...bytes: number[]) {
        let value = new DataView(new Uint8Array(bytes).buffer)
        Object.assign(characteristic, { value })
        characteristic.dispatchEvent(new Event('characteristicvaluechanged'))
      }
    })
  })
  expect(await page.evaluate(() => RS.realtimeBiometric.get().supported.bluetooth)).toBe(true)
  expect(await page.evaluate(() => RS.realtimeService.startBiometricMonitoring('bluetooth'))).toBe(true)
  expect(JSON.stringify(await page.evaluate(() => (window as unknown as { asked: unknown }).asked))).toMatch(
    /heart_rate|6157|180d/i
  )
  // Flags 0x01: the rate in two bytes, lowest first.
  await page.evaluate(() => (window as unknown as { beat(...bytes: number[]): void }).beat(0x01, 72, 0))
  await until(page, () => RS.realtimeBiometric.get().heartRate === 72)
  expect(
    await page.evaluate(() => [RS.realtimeBiometric.get().isMonitoring, RS.realtimeBiometric.get().source])
  ).toEqual([true, 'bluetooth'])

  let { page: other } = await arrive('ben', 'sensor', () =>
    Object.defineProperty(Navigator.prototype, 'bluetooth', { value: undefined })
  )
  expect(await other.evaluate(() => RS.realtimeService.startBiometricMonitoring('bluetooth'))).toBe(false)
  expect(await other.evaluate(() => RS.realtimeBiometric.get())).toMatchObject({
    supported: { bluetooth: false },
    isMonitoring: false,
    source: null,
    lastError: 'unsupported'
  })
})

test('whether a device can show VR is asked of the device', async () => {
  let { page: without } = await arrive('ada', 'vr', () =>
    Object.defineProperty(Navigator.prototype, 'xr', { value: undefined })
  )
  expect(await without.evaluate(() => RS.realtimeVR.get().supported)).toBe(false)
  let { page: withXr } = await arrive('ben', 'vr', () =>
    Object.defineProperty(Navigator.prototype, 'xr', {
      value: { isSessionSupported: async (mode: string) => mode === 'immersive-vr' }
    })
  )
  await until(withXr, () => RS.realtimeVR.get().supported)
})

test('events of the app go to the log, to listeners and, when asked for, to the window', async () => {
  let device = await world.device()
  let page = await device.tab()
  let heard = await page.evaluate(async url => {
    let heard: unknown[] = []
    let stop = RS.realtimeService.on('app:hello', detail => heard.push(['on', detail]))
    window.addEventListener('realtime:app:hello', event => heard.push(['window', (event as CustomEvent).detail]))
    RS.realtimeService.emitEvent('app:hello', { early: true })
    await RS.realtimeService.connect({ url, app: 'e2e', user: 'ada', persona: 'events', domEvents: true })
    RS.realtimeService.emitEvent('app:hello', { n: 1 })
    stop()
    RS.realtimeService.emitEvent('app:hello', { n: 2 })
    let log = RS.realtimeEvents
      .get()
      .log.filter(entry => entry.type === 'app:hello')
      .map(entry => entry.detail)
    return { heard, log, unseen: RS.realtimeEvents.get().unseenCount }
  }, device.url)
  expect(heard.heard).toEqual([
    ['on', { early: true }],
    ['on', { n: 1 }],
    ['window', { n: 1 }],
    ['window', { n: 2 }]
  ])
  expect(heard.log).toEqual([{ early: true }, { n: 1 }, { n: 2 }])
  expect(heard.unseen).toBeGreaterThanOrEqual(3)
  await live(page)
  await page.evaluate(() => RS.realtimeService.markEventsSeen())
  expect(
    await page.evaluate(() => [RS.realtimeEvents.get().unseenCount, RS.realtimeEvents.get().log.length > 0])
  ).toEqual([0, true])
  let many = await page.evaluate(() => {
    for (let i = 0; i < 300; i++) RS.realtimeService.emitEvent('many', i)
    let { log, unseenCount } = RS.realtimeEvents.get()
    return [log.length, log[0]?.detail, log.at(-1)?.detail, unseenCount]
  })
  expect(many).toEqual([200, 100, 299, 300])
  await page.evaluate(() => RS.realtimeService.clearEvents())
  expect(await page.evaluate(() => RS.realtimeEvents.get())).toEqual({ log: [], unseenCount: 0 })
})
