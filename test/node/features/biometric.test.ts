import { describe, expect, test } from 'vitest'
import { RealtimeError } from '../../../src/errors.js'
import { reduceEvent } from '../../../src/feature.js'
import {
  type BiometricInput,
  type BiometricSource,
  type BiometricState,
  biometric
} from '../../../src/features/biometric.js'
import { type HeartRateAt, pearson, resample, synchrony } from '../../../src/features/synchrony.js'
import type { HeartRateReading, HeartRateSensor } from '../../../src/ports.js'
import { createPage, type PageOptions, settle } from './world.js'

/** A heart rate for each second from `from`; undefined where nothing was measured. */
const curve = (length: number, rate: (second: number) => number | undefined, from = 0): HeartRateAt[] =>
  Array.from({ length }, (_, i) => ({ at: (from + i) * 1000 + 400, heartRate: rate(i) ?? null }))
const wave = (second: number) => 70 + 10 * Math.sin(second / 5)

describe('resampling', () => {
  test('gives the last sixty seconds, one value each', () => {
    let values = resample(
      curve(100, second => second),
      99
    )
    expect(values).toEqual(Array.from({ length: 60 }, (_, i) => 40 + i))
  })

  test('takes the mean of a second', () => {
    let values = resample(
      [
        { at: 59_000, heartRate: 60 },
        { at: 59_900, heartRate: 80 }
      ],
      59
    )
    expect(values.at(-1)).toBe(70)
  })

  test('holds a value for five seconds', () => {
    let values = resample([{ at: 50_000, heartRate: 60 }], 59)
    expect(values.slice(50)).toEqual([60, 60, 60, 60, 60, 60, null, null, null, null])
  })

  test('holds a value from before the window, and nothing from after it', () => {
    let values = resample(
      [
        { at: 38_000, heartRate: 60 },
        { at: 100_000, heartRate: 99 }
      ],
      99
    )
    expect(values.slice(0, 5)).toEqual([60, 60, 60, 60, null])
    expect(resample([{ at: 100_000, heartRate: 99 }], 99).every(value => value === null)).toBe(true)
  })

  test('leaves out samples without a heart rate', () => {
    expect(resample([{ at: 59_000, heartRate: null }], 59).at(-1)).toBe(null)
  })
})

describe('the correlation', () => {
  test.each<[string, number[], number[], number | null]>([
    ['is 1 for the same', [1, 2, 3], [1, 2, 3], 1],
    ['is 1 for a scaled and shifted copy', [1, 2, 3], [50, 70, 90], 1],
    ['is −1 for the opposite', [1, 2, 3], [3, 2, 1], -1],
    ['is 0 for what has nothing in common', [1, 2, 1, 2], [1, 1, 2, 2], 0],
    ['is known from the textbook', [43, 21, 25, 42, 57, 59], [99, 65, 79, 75, 87, 81], 0.5298],
    ['is not defined when one does not vary', [1, 1, 1], [1, 2, 3], null],
    ['is not defined when one varies by rounding only', [0.1 + 0.2, 0.3, 0.3], [1, 2, 3], null]
  ])('%s', (_, a, b, expected) => {
    let r = pearson(a, b)
    if (expected === null) expect(r).toBe(null)
    else expect(r).toBeCloseTo(expected, 4)
  })
})

describe('synchrony', () => {
  test.each<[string, HeartRateAt[], HeartRateAt[], number, number | null]>([
    ['is 100 in step', curve(60, wave), curve(60, second => wave(second) - 15), 59, 100],
    ['is 0 against each other', curve(60, wave), curve(60, second => 140 - wave(second)), 59, 0],
    [
      'is 0 for what has nothing in common',
      curve(60, s => 60 + (s % 2)),
      curve(60, s => 60 + (Math.floor(s / 2) % 2)),
      59,
      0
    ],
    [
      'looks at the last minute only',
      [...curve(60, wave), ...curve(60, wave, 60)],
      [...curve(60, s => 140 - wave(s)), ...curve(60, wave, 60)],
      119,
      100
    ],
    ['is known from twenty seconds in common', curve(20, wave), curve(20, wave), 19, 100],
    ['is not known from nineteen', curve(19, wave), curve(19, wave), 18, null],
    ['is not known when the times do not meet', curve(25, wave), curve(25, wave, 35), 59, null],
    ['is not known without samples', [], curve(60, wave), 59, null],
    ['is not known when one heart rate does not vary', curve(60, () => 70), curve(60, wave), 59, null]
  ])('%s', (_, a, b, second, expected) => {
    expect(synchrony(a, b, second * 1000 + 500)).toBe(expected)
  })

  test('is the same both ways, and between 0 and 100', () => {
    let noisy = curve(60, second => wave(second) + ((second * 7) % 11))
    let value = synchrony(noisy, curve(60, wave), 59_500)
    expect(value).toBe(synchrony(curve(60, wave), noisy, 59_500))
    expect(value).toBeGreaterThan(50)
    expect(value).toBeLessThan(100)
  })
})

describe('the shared values', () => {
  let run = (...samples: [string, BiometricInput, number?][]) =>
    samples.reduce<BiometricState>(
      (state, [actor, data, at = 5]) =>
        reduceEvent(biometric, state, 'sample', data, { id: 'x', actor, at }) as BiometricState,
      biometric.initial
    )

  test('are one entry for each member; what a sample does not carry stays', () => {
    expect(
      run(['ann', { heartRate: 70 }], ['ann', { stressLevel: 20 }, 9], ['bob', { energyLevel: 3 }]).members
    ).toEqual({
      ann: { heartRate: 70, stressLevel: 20, energyLevel: null, lastUpdate: 9 },
      bob: { heartRate: null, stressLevel: null, energyLevel: 3, lastUpdate: 5 }
    })
  })

  test('of the hundred who were heard last are kept', () => {
    let samples = Array.from({ length: 101 }, (_, i): [string, BiometricInput, number] => [
      `u${i}`,
      { heartRate: 70 },
      i === 50 ? 0 : 10 + i
    ])
    let { members } = run(...samples)
    expect(Object.keys(members)).toHaveLength(100)
    expect(members).not.toHaveProperty('u50')
  })

  test('are kept for joiners whatever combination of fields was sent last', () => {
    let key = biometric.events.sample.key as (data: BiometricInput) => string
    expect(key({ heartRate: 1 })).toBe(key({ heartRate: 2, at: 5 }))
    expect(key({ heartRate: 1 })).not.toBe(key({ stressLevel: 1 }))
  })
})

const open = (options: PageOptions = {}) => {
  let page = createPage(biometric, options)
  return { ...page, view: () => page.local.$state.get() }
}

describe('a page', () => {
  test('begins with nothing known', () => {
    expect(open().view()).toEqual({
      supported: { bluetooth: false },
      isMonitoring: false,
      source: null,
      heartRate: null,
      stressLevel: null,
      energyLevel: null,
      romanticSync: null,
      series: [],
      lastUpdate: null,
      stale: true,
      self: {
        heartRate: null,
        stressLevel: null,
        energyLevel: null,
        lastUpdate: null,
        series: [],
        stale: true,
        sync: null
      },
      members: {},
      lastError: null
    })
  })

  test('shows its own sample at once, offline too, and not once more when it is told of it', () => {
    let { local, view, echo, clock } = open()
    local.sendBiometric({ heartRate: 72, stressLevel: 30 })
    let expected = { heartRate: 72, stressLevel: 30, energyLevel: null, lastUpdate: clock.now(), stale: false }
    expect(view()).toMatchObject(expected)
    echo()
    expect(view()).toMatchObject(expected)
    expect(view().series).toEqual([{ at: clock.now(), heartRate: 72, stressLevel: 30, energyLevel: null }])
    expect(view().members.ann).toBe(view().self)
  })

  test('counts each of its own samples once, however many are on their way', () => {
    let { local, view, echo } = open()
    for (let heartRate of [70, 71, 72]) local.sendBiometric({ heartRate })
    echo()
    expect(view().series.map(sample => sample.heartRate)).toEqual([70, 71, 72])
  })

  test('keeps showing its own sample that was dropped, whatever the room says of others', async () => {
    let { local, view, tell, clock } = open()
    tell('sample', { heartRate: 60 }, { actor: 'ann', id: 'elsewhere' })
    await clock.pass(1000)
    local.sendBiometric({ heartRate: 72 })
    tell('sample', { heartRate: 80 }, { actor: 'bob' })
    expect(view()).toMatchObject({ heartRate: 72, lastUpdate: clock.now() })
  })

  test('shows a sample of one’s other device', () => {
    let { tell, view } = open()
    tell('sample', { heartRate: 65 }, { actor: 'ann', id: 'elsewhere' })
    expect(view()).toMatchObject({ heartRate: 65, series: [{ heartRate: 65 }] })
  })

  test('shows the members, each with a series, and not their values as one’s own', () => {
    let { tell, view, clock } = open()
    tell('sample', { heartRate: 80 }, { actor: 'bob' })
    tell('sample', { stressLevel: 4 }, { actor: 'bob' })
    expect(view()).toMatchObject({ heartRate: null, series: [] })
    expect(view().members.bob).toMatchObject({
      heartRate: 80,
      stressLevel: 4,
      stale: false,
      series: [
        { at: clock.now(), heartRate: 80, stressLevel: null },
        { at: clock.now(), heartRate: null, stressLevel: 4 }
      ]
    })
  })

  test('takes what the server kept from before, without making a series of it', () => {
    let { tell, view, clock } = open()
    tell('sample', { heartRate: 80 }, { actor: 'bob', at: clock.now() - 60_000, live: false })
    expect(view().members.bob).toMatchObject({ heartRate: 80, stale: true, series: [] })
  })

  test('does not count the last samples again that the server tells after every join', () => {
    let { tell, view, clock } = open()
    let heart = { actor: 'bob', id: 'h', at: clock.now() }
    let stress = { actor: 'bob', id: 's', at: clock.now() + 1 }
    tell('sample', { heartRate: 80 }, heart)
    tell('sample', { stressLevel: 5 }, stress)
    tell('sample', { heartRate: 80 }, heart)
    tell('sample', { stressLevel: 5 }, stress)
    expect(view().members.bob?.series).toHaveLength(2)
  })

  test('counts samples that come without ids', () => {
    let { tell, view } = open()
    for (let i = 0; i < 3; i++) tell('sample', { heartRate: 70 + i }, { actor: i === 2 ? 'ann' : 'bob', id: '' })
    tell('sample', { heartRate: 90 }, { actor: 'ann', id: '' })
    expect(view().members.bob?.series).toHaveLength(2)
    expect(view().series).toHaveLength(2)
  })

  test('keeps the last 240 samples of each', async () => {
    let { tell, view, clock } = open()
    for (let i = 0; i < 250; i++) {
      tell('sample', { heartRate: 50 + (i % 100) }, { actor: 'bob' })
      await clock.pass(10)
    }
    expect(view().members.bob?.series).toHaveLength(240)
    expect(view().members.bob?.series[0]?.heartRate).toBe(60)
  })

  test.each<[string, number | undefined, number]>([
    ['when it came, if it does not say', undefined, 0],
    ['when it was measured, by the server’s clock', -2000, -2000],
    ['a minute ago, if it says that it was longer ago', -3_600_000, -60_000],
    ['when it came, if it says that it will be', 5000, 0]
  ])('puts a sample at %s', (_, said, expected) => {
    let { local, view, clock } = open({ ahead: 777 })
    local.sendBiometric({ heartRate: 70, ...(said === undefined ? {} : { at: clock.now() + said }) })
    expect(view().series[0]?.at).toBe(clock.now() + 777 + expected)
  })

  test('says that values are stale after ten seconds, without any event', async () => {
    let { local, view, clock, tell } = open()
    let changes: boolean[] = []
    local.$state.listen(({ stale }) => {
      if (stale !== changes.at(-1)) changes.push(stale)
    })
    local.sendBiometric({ heartRate: 70 })
    await clock.pass(6000)
    tell('sample', { heartRate: 70 }, { actor: 'bob' })
    await clock.pass(3999)
    expect(view().stale).toBe(false)
    await clock.pass(1)
    expect([view().stale, view().members.bob?.stale]).toEqual([true, false])
    await clock.pass(6000)
    expect(view().members.bob?.stale).toBe(true)
    expect(changes).toEqual([false, true])
    local.sendBiometric({ heartRate: 70 })
    expect(view().stale).toBe(false)
  })

  test('is not stale for who only listens, while anybody sends', async () => {
    let { view, clock, tell } = open()
    tell('sample', { heartRate: 70 })
    expect(view().stale).toBe(false)
    await clock.pass(10_000)
    expect(view().stale).toBe(true)
  })

  test('tells how two hearts move together, and nothing when one falls silent', async () => {
    let { local, view, clock, tell } = open()
    for (let second = 0; second < 30; second++) {
      local.sendBiometric({ heartRate: Math.round(wave(second)) })
      tell('sample', { heartRate: Math.round(wave(second)) + 5 }, { actor: 'bob' })
      tell('sample', { heartRate: 140 - Math.round(wave(second)) }, { actor: 'eve' })
      if (second === 18) expect(view().romanticSync).toBe(null)
      await clock.pass(1000)
    }
    expect(view()).toMatchObject({ romanticSync: 100, self: { sync: null } })
    expect([view().members.bob?.sync, view().members.eve?.sync]).toEqual([100, 0])
    for (let second = 30; second < 39; second++) {
      expect(view().members.bob?.sync).toBeGreaterThan(80)
      local.sendBiometric({ heartRate: Math.round(wave(second)) })
      await clock.pass(1000)
    }
    expect([view().members.bob?.sync, view().romanticSync]).toEqual([null, null])
    for (let second = 30; second < 40; second++) {
      tell('sample', { heartRate: Math.round(wave(second)) }, { actor: 'bob' })
      await clock.pass(1000)
    }
    expect(view().romanticSync).toBe(null)
  })

  test.each<[string, BiometricInput, string]>([
    ['a heart rate below 20', { heartRate: 19 }, 'biometric.sample.heartRate must be a finite number from 20 to 250'],
    ['a level above 100', { stressLevel: 101 }, 'biometric.sample.stressLevel must be a finite number from 0 to 100'],
    ['a time that is none', { heartRate: 70, at: Number.NaN }, 'biometric.sample.at must be a whole number'],
    ['nothing', {}, 'sample must name at least one of heartRate, stressLevel, energyLevel']
  ])('refuses %s, and shows nothing of it', (_, sample, message) => {
    let { local, view, sent } = open()
    expect(() => local.sendBiometric(sample)).toThrow(message)
    expect([sent.length, view().series.length]).toEqual([0, 0])
  })
})

/** A sensor that the test plays. */
function createSensor() {
  let on: Parameters<HeartRateSensor['start']>[0] | null = null
  let stops = 0
  let choose = (_chosen: boolean) => {}
  let sensor: HeartRateSensor = {
    start: handlers =>
      new Promise((resolve, reject) => {
        choose = chosen => {
          if (!chosen) return reject(new RealtimeError('cancelled'))
          on = handlers
          resolve(() => {
            stops++
          })
        }
      })
  }
  let reading = (heartRate: number): HeartRateReading => ({ heartRate, contact: null, rr: [] })
  return {
    sensor,
    choose: (chosen: boolean) => choose(chosen),
    read: (heartRate: number) => on?.reading(reading(heartRate)),
    end: (reason: string) => on?.ended(reason),
    stops: () => stops
  }
}

describe('monitoring', () => {
  test('with a Bluetooth sensor begins when one is chosen, and sends what it reads', async () => {
    let { sensor, choose, read } = createSensor()
    let { local, view, sent } = open({ devices: { heartRate: sensor } })
    expect(view().supported).toEqual({ bluetooth: true })
    let started = local.startBiometricMonitoring('bluetooth')
    expect(view().isMonitoring).toBe(false)
    choose(true)
    expect(await started).toBe(true)
    expect(view()).toMatchObject({ isMonitoring: true, source: 'bluetooth', lastError: null })
    read(66)
    expect(sent.map(({ data }) => data)).toEqual([{ heartRate: 66 }])
    expect(view()).toMatchObject({ heartRate: 66 })
  })

  test('sends once a second, the newest reading', async () => {
    let { sensor, choose, read } = createSensor()
    let { local, sent, clock } = open({ devices: { heartRate: sensor } })
    let started = local.startBiometricMonitoring('bluetooth')
    choose(true)
    await started
    for (let heartRate of [60, 61, 62]) read(heartRate)
    await clock.pass(999)
    expect(sent).toHaveLength(1)
    await clock.pass(1)
    expect(sent.map(({ data }) => data)).toEqual([{ heartRate: 60 }, { heartRate: 62 }])
    await clock.pass(5000)
    expect(sent).toHaveLength(2)
  })

  test('leaves out what a sensor tells while it warms up, and keeps the rest within bounds', async () => {
    let { sensor, choose, read } = createSensor()
    let { local, sent, clock } = open({ devices: { heartRate: sensor } })
    let started = local.startBiometricMonitoring('bluetooth')
    choose(true)
    await started
    read(0)
    await clock.pass(1000)
    read(300)
    expect(sent.map(({ data }) => data)).toEqual([{ heartRate: 250 }])
  })

  test('says why it did not begin', async () => {
    let without = open()
    expect(await without.local.startBiometricMonitoring('bluetooth')).toBe(false)
    expect(without.view()).toMatchObject({ isMonitoring: false, lastError: 'unsupported' })
    let { sensor, choose } = createSensor()
    let closed = open({ devices: { heartRate: sensor } })
    let started = closed.local.startBiometricMonitoring('bluetooth')
    choose(false)
    expect(await started).toBe(false)
    expect(closed.view().lastError).toBe('cancelled')
  })

  test('says why it has ended', async () => {
    let { sensor, choose, end, read } = createSensor()
    let { local, view, sent, reports } = open({ devices: { heartRate: sensor } })
    let started = local.startBiometricMonitoring('bluetooth')
    choose(true)
    await started
    end('out of reach')
    expect(view()).toMatchObject({ isMonitoring: false, source: null, lastError: 'out of reach' })
    expect(reports).toEqual([['biometric:ended', 'out of reach']])
    read(70)
    expect(sent).toEqual([])
  })

  test('ends when it is stopped, be it before the person has chosen', async () => {
    let { sensor, choose, stops, read } = createSensor()
    let { local, view, sent } = open({ devices: { heartRate: sensor } })
    let started = local.startBiometricMonitoring('bluetooth')
    local.stopBiometricMonitoring()
    choose(true)
    expect(await started).toBe(false)
    expect([stops(), view().isMonitoring]).toEqual([1, false])
    read(70)
    expect(sent).toEqual([])
  })

  test('takes one source in the place of another', async () => {
    let emits: ((sample: BiometricInput) => void)[] = []
    let stopped: number[] = []
    let stream = (n: number): BiometricSource => ({
      name: `watch ${n}`,
      stream(emit) {
        emits.push(emit)
        return () => stopped.push(n)
      }
    })
    let { local, view, sent, clock } = open()
    await local.startBiometricMonitoring(stream(0))
    emits[0]?.({ heartRate: 60, energyLevel: 5 })
    await local.startBiometricMonitoring(stream(1))
    expect([view().source, stopped]).toEqual(['watch 1', [0]])
    emits[0]?.({ heartRate: 61 })
    emits[1]?.({ heartRate: 62 })
    await clock.pass(1000)
    expect(sent.map(({ data }) => data)).toEqual([{ heartRate: 60, energyLevel: 5 }, { heartRate: 62 }])
    local.close()
    expect(stopped).toEqual([0, 1])
  })

  test('by hand is a state that the app fills', async () => {
    let { local, view } = open()
    expect(await local.startBiometricMonitoring('manual')).toBe(true)
    expect(view()).toMatchObject({ isMonitoring: true, source: 'manual' })
    local.stopBiometricMonitoring()
    expect(view()).toMatchObject({ isMonitoring: false, source: null, lastError: null })
  })

  test('goes on when a source emits what cannot be sent, and reports it', async () => {
    let { local, view, reports } = open()
    await local.startBiometricMonitoring({
      stream(emit) {
        emit({ heartRate: 5 })
        return () => {}
      }
    })
    await settle()
    expect(view()).toMatchObject({ isMonitoring: true, source: 'stream' })
    expect(reports).toEqual([['biometric:refused', expect.stringContaining('heartRate')]])
  })

  test('refuses a source that is none', async () => {
    let { local } = open()
    await expect(local.startBiometricMonitoring('fitbit' as 'manual')).rejects.toMatchObject({ code: 'bad-argument' })
  })
})
