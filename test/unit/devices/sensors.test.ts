import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { browserDevices } from '../../../src/devices/all.js'
import { type LocationFeed, watchGeolocation } from '../../../src/devices/geolocation.js'
import { type MotionFeed, watchMotion } from '../../../src/devices/motion.js'
import { createNotifications } from '../../../src/devices/notifications.js'
import { chunksOf, createVibration } from '../../../src/devices/vibration.js'
import { createVR } from '../../../src/devices/vr.js'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => {
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

describe('vibration', () => {
  let calls: unknown[][]
  let stub = (navigator: object = {}) => {
    calls = []
    let vibrate = (pattern: unknown) => {
      calls.push([performance.now(), pattern])
      return true
    }
    vi.stubGlobal('navigator', { vibrate, ...navigator })
  }

  test('is not there where the browser has none', () => {
    vi.stubGlobal('navigator', {})
    expect(createVibration()).toBe(null)
  })

  test('plays a pattern, and stops', () => {
    stub()
    let motor = createVibration()
    expect(motor?.play([100, 50, 100])).toBe(true)
    motor?.stop()
    expect(calls.map(([, pattern]) => pattern)).toEqual([[100, 50, 100], 0])
  })

  test('says when the browser refuses', () => {
    stub({ vibrate: () => false })
    expect(createVibration()?.play([100])).toBe(false)
  })

  test.each([0, 1, 97, 98, 99, 100, 196, 197, 500])('cuts %i steps into lists that browsers play whole', length => {
    let pattern = Array.from({ length }, (_, i) => i + 1)
    let chunks = chunksOf(pattern)
    expect(chunks.flatMap(chunk => chunk.pattern)).toEqual(pattern)
    for (let [i, chunk] of chunks.entries()) {
      expect(chunk.pattern.length).toBeLessThanOrEqual(99)
      if (i < chunks.length - 1) expect(chunk.pattern.length % 2).toBe(0)
      let before = chunks.slice(0, i).flatMap(chunk => chunk.pattern)
      expect(chunk.after).toBe(before.reduce((total, ms) => total + ms, 0))
    }
  })

  test('plays a long pattern to its end, each part in its time', () => {
    stub()
    let start = performance.now()
    createVibration()?.play(Array.from({ length: 201 }, () => 10))
    vi.advanceTimersByTime(5000)
    expect(calls.map(([at, pattern]) => [(at as number) - start, (pattern as number[]).length])).toEqual([
      [0, 98],
      [980, 98],
      [1960, 5]
    ])
  })

  test('plays nothing more of a long pattern after a stop or another pattern', () => {
    stub()
    let motor = createVibration()
    motor?.play(Array.from({ length: 201 }, () => 10))
    motor?.play([5])
    vi.advanceTimersByTime(5000)
    expect(calls).toHaveLength(2)
    motor?.play(Array.from({ length: 201 }, () => 10))
    motor?.stop()
    vi.advanceTimersByTime(5000)
    expect(calls).toHaveLength(4)
  })

  test.each([
    [{ userActivation: { hasBeenActive: true } }, 'visible', true],
    [{ userActivation: { hasBeenActive: false } }, 'visible', false],
    [{ userActivation: { hasBeenActive: true } }, 'hidden', false],
    [{}, 'visible', true]
  ])('with %o on a %s page can be played: %s', (navigator, visibilityState, expected) => {
    stub(navigator)
    vi.stubGlobal('document', { visibilityState })
    expect(createVibration()?.activated()).toBe(expected)
  })
})

describe('VR', () => {
  test.each<[string, object | undefined, boolean | null]>([
    ['is not there without WebXR', undefined, null],
    ['is not there with an old WebXR', {}, null],
    ['is supported', { isSessionSupported: async (mode: string) => mode === 'immersive-vr' }, true],
    ['is not supported', { isSessionSupported: async () => false }, false],
    [
      'is not supported when the page may not ask',
      { isSessionSupported: () => Promise.reject(new Error('policy')) },
      false
    ]
  ])('%s', async (_, xr, expected) => {
    vi.stubGlobal('navigator', { xr })
    let device = createVR()
    expect(device === null ? null : await device.supported()).toBe(expected)
  })
})

describe('notifications', () => {
  function stub({ permission = 'granted', throws = false } = {}) {
    let shown: { title: string; options: unknown; onclick: (() => void) | null; close: ReturnType<typeof vi.fn> }[] = []
    class FakeNotification {
      static permission = permission
      static requestPermission = async () => 'denied'
      onclick: (() => void) | null = null
      close = vi.fn()
      constructor(
        readonly title: string,
        readonly options: unknown
      ) {
        if (throws) throw new TypeError('Illegal constructor')
        shown.push(this)
      }
    }
    vi.stubGlobal('Notification', FakeNotification)
    return shown
  }

  test('are not there where the browser has none', () => {
    vi.stubGlobal('Notification', undefined)
    expect(createNotifications()).toBe(null)
  })

  test('are shown, clicked and taken away', async () => {
    let shown = stub()
    let focus = vi.spyOn(window, 'focus').mockImplementation(() => {})
    let notifications = createNotifications()
    let clicked = vi.fn()
    let hide = notifications?.show('New memory', { body: 'stars', tag: 'm1', onClick: clicked })
    expect(shown).toMatchObject([{ title: 'New memory', options: { body: 'stars', tag: 'm1' } }])
    shown[0]?.onclick?.()
    expect(clicked).toHaveBeenCalledTimes(1)
    expect(focus).toHaveBeenCalledTimes(1)
    hide?.()
    expect(shown[0]?.close).toHaveBeenCalled()
    expect(notifications?.permission()).toBe('granted')
    expect(await notifications?.ask()).toBe('denied')
  })

  test('are not shown without leave', () => {
    let shown = stub({ permission: 'default' })
    createNotifications()?.show('x', {})()
    expect(shown).toEqual([])
  })

  test('are shown by the service worker where the page cannot', async () => {
    stub({ throws: true })
    let close = vi.fn()
    let calls: unknown[] = []
    let registration = {
      showNotification: async (title: string, options: unknown) => calls.push([title, options]),
      getNotifications: async (filter: unknown) => {
        calls.push(filter)
        return [{ close }]
      }
    }
    vi.stubGlobal('navigator', { serviceWorker: { getRegistration: async () => registration } })
    let hide = createNotifications()?.show('New memory', { tag: 'm1' })
    await vi.waitFor(() => expect(calls).toHaveLength(2))
    expect(calls).toEqual([['New memory', { tag: 'm1' }], { tag: 'm1' }])
    hide?.()
    await vi.waitFor(() => expect(close).toHaveBeenCalled())
  })
})

describe('the place', () => {
  function watch(options?: Parameters<typeof watchGeolocation>[1]) {
    let fed: LocationFeed[] = []
    let given: unknown[] = []
    let clearWatch = vi.fn()
    let watchPosition = (...args: unknown[]) => {
      given.push(...args)
      return 7
    }
    vi.stubGlobal('navigator', { geolocation: { watchPosition, clearWatch } })
    let stop = watchGeolocation(value => fed.push(value), options)
    let [found, failed, asked] = given as [(position: unknown) => void, (error: unknown) => void, unknown]
    return { fed, stop, found, failed, asked, clearWatch }
  }
  let coords = {
    latitude: 52.520_008,
    longitude: 13.404_954,
    accuracy: 12,
    altitude: null,
    heading: Number.NaN,
    speed: null
  }

  test('is fed as it changes', () => {
    let { fed, found, asked } = watch()
    found({ coords, timestamp: 5 })
    expect(fed).toEqual([{ supported: true, location: { ...coords, heading: null, at: 5 } }])
    expect(asked).toEqual({ enableHighAccuracy: false })
  })

  test('is rounded when asked to be, before anyone sees it', () => {
    let { fed, found, asked } = watch({ decimals: 2, highAccuracy: true, maximumAge: 1000, timeout: 500 })
    found({ coords, timestamp: 5 })
    expect(fed[0]?.location).toMatchObject({ latitude: 52.52, longitude: 13.4 })
    expect(asked).toEqual({ enableHighAccuracy: true, maximumAge: 1000, timeout: 500 })
  })

  test.each([
    [1, 'denied'],
    [2, 'unavailable'],
    [3, 'timeout']
  ])('is not known with code %i: %s', (code, reason) => {
    let { fed, failed } = watch()
    failed({ code })
    expect(fed).toEqual([{ supported: true, location: null, reason }])
  })

  test('is not fed after it was stopped', () => {
    let { fed, found, failed, stop, clearWatch } = watch()
    stop()
    stop()
    found({ coords, timestamp: 5 })
    failed({ code: 1 })
    expect(fed).toEqual([])
    expect(clearWatch.mock.calls).toEqual([[7]])
  })

  test('says where there is none to know', () => {
    vi.stubGlobal('navigator', {})
    let fed: LocationFeed[] = []
    watchGeolocation(value => fed.push(value))()
    expect(fed).toEqual([{ supported: false, location: null, reason: 'unsupported' }])
  })
})

describe('motion', () => {
  /** Both classes, with the answer that iOS gives when asked. */
  function stub(...answers: ('granted' | 'denied')[]) {
    let kinds = ['DeviceMotionEvent', 'DeviceOrientationEvent']
    let asked: string[] = []
    for (let [i, name] of kinds.entries()) {
      let answer = answers[i]
      let requestPermission =
        answer &&
        (async () => {
          asked.push(name)
          return answer
        })
      vi.stubGlobal(name, Object.assign(class {}, requestPermission ? { requestPermission } : {}))
    }
    let fed: MotionFeed[] = []
    return { fed, asked, feed: (value: MotionFeed) => void fed.push(value) }
  }
  let send = (type: string, fields: object) => window.dispatchEvent(Object.assign(new Event(type), fields))
  let moved = (x: number | null) =>
    send('devicemotion', {
      acceleration: { x, y: x, z: x },
      accelerationIncludingGravity: { x, y: x, z: x },
      rotationRate: { alpha: 1, beta: 2, gamma: 3 }
    })
  let started = () => vi.advanceTimersByTimeAsync(0)

  test('is fed with what is moved and how it is held', async () => {
    let { fed, feed } = stub()
    let stop = watchMotion(feed)
    await started()
    moved(1)
    send('deviceorientation', { alpha: 10, beta: 20, gamma: 30 })
    vi.advanceTimersByTime(0)
    let axes = { x: 1, y: 1, z: 1 }
    expect(fed).toEqual([
      {
        supported: true,
        motion: {
          acceleration: axes,
          gravity: axes,
          rotation: { x: 2, y: 3, z: 1 },
          orientation: { alpha: 10, beta: 20, gamma: 30 },
          at: Date.now()
        }
      }
    ])
    stop()
  })

  test('is fed at most as often as asked, the newest', async () => {
    let { fed, feed } = stub()
    let stop = watchMotion(feed, { every: 200 })
    await started()
    for (let i = 0; i <= 40; i++) {
      moved(i)
      vi.advanceTimersByTime(10)
    }
    expect(fed.map(value => value.motion?.acceleration?.x)).toEqual([0, 19, 39])
    stop()
  })

  test('asks for both on iOS, and says when it may not', async () => {
    let { fed, asked, feed } = stub('granted', 'denied')
    watchMotion(feed)
    await started()
    expect(asked).toEqual(['DeviceMotionEvent', 'DeviceOrientationEvent'])
    expect(fed).toEqual([{ supported: true, motion: null, reason: 'denied' }])
    moved(1)
    vi.advanceTimersByTime(1000)
    expect(fed).toHaveLength(1)
  })

  test('says when the device has no sensor, and takes empty events for none', async () => {
    let { fed, feed } = stub()
    let stop = watchMotion(feed)
    await started()
    moved(null)
    send('deviceorientation', { alpha: null, beta: null, gamma: null })
    vi.advanceTimersByTime(1999)
    expect(fed).toEqual([])
    vi.advanceTimersByTime(1)
    expect(fed).toEqual([{ supported: true, motion: null, reason: 'silent' }])
    stop()
  })

  test.each(['at once', 'later'])('is not fed after it was stopped %s', async when => {
    let { fed, feed } = stub('granted', 'granted')
    let stop = watchMotion(feed)
    if (when === 'at once') stop()
    await started()
    moved(1)
    stop()
    moved(2)
    vi.advanceTimersByTime(5000)
    expect(fed).toEqual([])
  })

  test('says where the browser has none', () => {
    let { fed, feed } = stub()
    vi.stubGlobal('DeviceMotionEvent', undefined)
    vi.stubGlobal('DeviceOrientationEvent', undefined)
    watchMotion(feed)()
    expect(fed).toEqual([{ supported: false, motion: null, reason: 'unsupported' }])
  })
})

describe('all devices', () => {
  test('are looked for when they are first asked for, and then kept', () => {
    let looked: string[] = []
    let vibrate = () => true
    vi.stubGlobal(
      'navigator',
      new Proxy({ vibrate } as Record<string, unknown>, {
        get: (target, key: string) => {
          looked.push(key)
          return target[key]
        }
      })
    )
    let devices = browserDevices()
    expect(looked).toEqual([])
    expect(devices.vibration).not.toBe(null)
    expect(devices.vibration).toBe(devices.vibration)
    expect(new Set(looked)).toEqual(new Set(['vibrate']))
  })

  test('are none on a server', () => {
    for (let name of ['navigator', 'window', 'document', 'Notification', 'speechSynthesis', 'matchMedia'])
      vi.stubGlobal(name, undefined)
    let { vibration, speech, recognition, heartRate, vr, notifications, reducedMotion } = browserDevices()
    expect([vibration, speech, recognition, heartRate, vr, notifications, reducedMotion()]).toEqual([
      null,
      null,
      null,
      null,
      null,
      null,
      false
    ])
  })

  test.each([true, false])('say whether the person wants less motion: %s', matches => {
    let asked: string[] = []
    vi.stubGlobal('matchMedia', (query: string) => {
      asked.push(query)
      return { matches }
    })
    expect(browserDevices().reducedMotion()).toBe(matches)
    expect(asked).toEqual(['(prefers-reduced-motion: reduce)'])
  })
})
