import { afterEach, describe, expect, test, vi } from 'vitest'
import { createHeartRateSensor, parseHeartRate } from '../../../src/devices/heart-rate.js'
import type { HeartRateReading } from '../../../src/ports.js'

const view = (...bytes: number[]) => new DataView(Uint8Array.from(bytes).buffer)

describe('a heart-rate measurement', () => {
  // Flags: 0x01 value is uint16 · 0x02 contact detected · 0x04 contact supported · 0x08 energy follows · 0x10 RR follow.
  test.each<[string, number[], HeartRateReading]>([
    ['of one byte', [0x00, 72], { heartRate: 72, contact: null, rr: [] }],
    ['of one byte at its largest', [0x00, 255], { heartRate: 255, contact: null, rr: [] }],
    ['of two bytes', [0x01, 0x2c, 0x01], { heartRate: 300, contact: null, rr: [] }],
    ['without skin contact', [0x04, 60], { heartRate: 60, contact: false, rr: [] }],
    ['with skin contact', [0x06, 60], { heartRate: 60, contact: true, rr: [] }],
    [
      'whose contact bit means nothing, for contact is not supported',
      [0x02, 60],
      { heartRate: 60, contact: null, rr: [] }
    ],
    ['with energy', [0x08, 60, 0x34, 0x12], { heartRate: 60, contact: null, energy: 0x1234, rr: [] }],
    ['with one RR interval', [0x10, 60, 0x00, 0x04], { heartRate: 60, contact: null, rr: [1000] }],
    ['with two RR intervals', [0x10, 60, 0x00, 0x02, 0x80, 0x03], { heartRate: 60, contact: null, rr: [500, 875] }],
    ['with the RR flag and none to send', [0x10, 60], { heartRate: 60, contact: null, rr: [] }],
    [
      'with everything',
      [0x1f, 0x50, 0x00, 0x0a, 0x00, 0x00, 0x03, 0x00, 0x04],
      { heartRate: 80, contact: true, energy: 10, rr: [750, 1000] }
    ],
    ['whose reserved bits are set', [0xe0, 60], { heartRate: 60, contact: null, rr: [] }],
    ['with more bytes than its flags announce', [0x00, 60, 1, 2, 3], { heartRate: 60, contact: null, rr: [] }]
  ])('%s is read', (_, bytes, expected) => {
    expect(parseHeartRate(view(...bytes))).toEqual(expected)
  })

  test.each<[string, number[]]>([
    ['nothing', []],
    ['flags alone', [0x00]],
    ['half of a two-byte value', [0x01, 60]],
    ['no energy where it is announced', [0x08, 60]],
    ['half of the energy', [0x08, 60, 1]],
    ['half of an RR interval', [0x10, 60, 1]],
    ['one and a half RR intervals', [0x10, 60, 1, 2, 3]]
  ])('with %s is refused', (_, bytes) => {
    expect(() => parseHeartRate(view(...bytes))).toThrow(
      expect.objectContaining({ name: 'RealtimeError', code: 'invalid' })
    )
  })

  test('is read from the middle of a larger buffer', () => {
    let buffer = Uint8Array.of(9, 9, 0x10, 60, 0x00, 0x04, 9).buffer
    expect(parseHeartRate(new DataView(buffer, 2, 4))).toEqual({ heartRate: 60, contact: null, rr: [1000] })
    expect(() => parseHeartRate(new DataView(buffer, 2, 3))).toThrow()
  })
})

/** A sensor as Web Bluetooth gives it, and the calls made on it. */
function createBluetooth({ refuses = '' }: { refuses?: string } = {}) {
  let calls: string[] = []
  let step = async <T>(name: string, value: T): Promise<T> => {
    calls.push(name)
    if (name.startsWith(refuses) && refuses) throw new DOMException('no', 'NotFoundError')
    return value
  }
  let characteristic = Object.assign(new EventTarget(), {
    value: undefined as DataView | undefined,
    startNotifications: () => step('startNotifications', undefined),
    stopNotifications: () => step('stopNotifications', undefined)
  })
  let service = { getCharacteristic: (id: number) => step(`getCharacteristic ${id.toString(16)}`, characteristic) }
  let server = { getPrimaryService: (id: number) => step(`getPrimaryService ${id.toString(16)}`, service) }
  let device = Object.assign(new EventTarget(), {
    gatt: { connected: true, connect: () => step('connect', server), disconnect: () => calls.push('disconnect') }
  })
  return {
    calls,
    device,
    notify(...bytes: number[]) {
      characteristic.value = view(...bytes)
      characteristic.dispatchEvent(new Event('characteristicvaluechanged'))
    },
    bluetooth: { requestDevice: (options: unknown) => step(`requestDevice ${JSON.stringify(options)}`, device) }
  }
}

describe('a heart-rate sensor', () => {
  afterEach(() => vi.unstubAllGlobals())

  function connect(options?: Parameters<typeof createBluetooth>[0]) {
    let fake = createBluetooth(options)
    vi.stubGlobal('navigator', { bluetooth: fake.bluetooth })
    let readings: number[] = []
    let ends: string[] = []
    let sensor = createHeartRateSensor()
    if (!sensor) throw new Error('no sensor')
    let started = sensor.start({
      reading: reading => readings.push(reading.heartRate),
      ended: reason => ends.push(reason)
    })
    return { ...fake, started, readings, ends }
  }

  test('is not there without Web Bluetooth', () => {
    vi.stubGlobal('navigator', {})
    expect(createHeartRateSensor()).toBe(null)
    vi.stubGlobal('navigator', undefined)
    expect(createHeartRateSensor()).toBe(null)
  })

  test('is asked for by its service, and told from its characteristic', async () => {
    let { started, calls, readings, notify } = connect()
    await started
    expect(calls).toEqual([
      'requestDevice {"filters":[{"services":[6157]}]}',
      'connect',
      'getPrimaryService 180d',
      'getCharacteristic 2a37',
      'startNotifications'
    ])
    notify(0x00, 61)
    notify(0x01)
    notify(0x00, 62)
    expect(readings).toEqual([61, 62])
  })

  test('is let go when it is stopped, once', async () => {
    let { started, calls, readings, notify, ends, device } = connect()
    let stop = await started
    stop()
    stop()
    await vi.waitFor(() => expect(calls.slice(5)).toEqual(['stopNotifications', 'disconnect']))
    notify(0x00, 61)
    device.dispatchEvent(new Event('gattserverdisconnected'))
    expect([readings, ends]).toEqual([[], []])
  })

  test('tells when it is lost, once', async () => {
    let { started, ends, device } = connect()
    await started
    device.dispatchEvent(new Event('gattserverdisconnected'))
    device.dispatchEvent(new Event('gattserverdisconnected'))
    expect(ends).toEqual([expect.stringContaining('out of reach')])
  })

  test.each([
    ['requestDevice', 'cancelled', 0],
    ['connect', 'unsupported', 1],
    ['getPrimaryService', 'unsupported', 1],
    ['startNotifications', 'unsupported', 1]
  ])('that fails at %s says so, and is not kept connected', async (refuses, code, disconnects) => {
    let { started, calls } = connect({ refuses })
    await expect(started).rejects.toMatchObject({ code })
    expect(calls.filter(call => call === 'disconnect')).toHaveLength(disconnects)
  })
})
