// What a device can do, played: nothing shakes or speaks, all of it is written down, and sensors say what the test says.

import type {
  Clock,
  Devices,
  HeartRateReading,
  HeartRateSensor,
  Notifications,
  Recognition,
  Speech,
  Utterance,
  Vibration
} from '../ports.js'

/** Devices that write down what they are asked for. Handed in as `devices`, like `browserDevices()`. */
export interface TestDevices extends Devices {
  readonly vibration: Vibration & {
    /** The patterns that were played, in on/off milliseconds. */
    readonly played: (readonly number[])[]
    /** How often it was stopped. */
    readonly stops: number
    /** False: nobody has touched the page yet, so nothing is played; default true. */
    isActivated: boolean
  }
  readonly speech: Speech & {
    readonly spoken: Utterance[]
    /** Milliseconds that a character takes; default 60. */
    pace: number
    /** What the next utterances fail with; default `null`: they do not. */
    failure: string | null
  }
  readonly recognition: Recognition & {
    /** Whether it listens now. */
    readonly isListening: boolean
    /** The person says this; `interim` is what is heard before the end of a sentence. */
    hear(text: string, how?: 'final' | 'interim'): void
    /** It ends by itself, as browsers do after a while of silence. */
    end(error?: string): void
  }
  readonly heartRate: HeartRateSensor & {
    readonly isConnected: boolean
    /** What the person answers when asked for a sensor: default `null`, they choose one. */
    refusal: Error | null
    /** The sensor reports; what is left out is as in a healthy contact. */
    read(reading: Partial<HeartRateReading> & { readonly heartRate: number }): void
    /** The sensor is gone. */
    end(reason: string): void
  }
  readonly notifications: Notifications & {
    /** What is shown now. */
    readonly shown: readonly { readonly title: string; readonly body?: string; readonly tag?: string; click(): void }[]
    /** What the person answers when asked; default `granted`. */
    answer: 'granted' | 'denied'
    /** Whether somebody looks at the page; default false. */
    isFocused: boolean
  }
  /** Whether there is a headset; default false. */
  hasVR: boolean
  /** Whether the person asked for less motion; default false. */
  prefersReducedMotion: boolean
}

/**
 * Creates devices whose time is the world's.
 *
 * ```ts
 * let devices = createTestDevices(world.clock)
 * let client = createRealtime({ url, app, user, devices, ports: page.ports })
 * devices.heartRate.read({ heartRate: 72 })
 * expect(devices.vibration.played).toEqual([[200, 100, 200]])
 * ```
 */
export function createTestDevices(clock: Clock): TestDevices {
  let devices: TestDevices = {
    vibration: createVibration(),
    speech: createSpeech(clock),
    recognition: createRecognition(),
    heartRate: createHeartRate(),
    vr: { supported: async () => devices.hasVR },
    hasVR: false,
    notifications: createNotifications(),
    prefersReducedMotion: false,
    reducedMotion: () => devices.prefersReducedMotion
  }
  return devices
}

function createVibration(): TestDevices['vibration'] {
  let vibration = {
    played: [] as (readonly number[])[],
    stops: 0,
    isActivated: true,
    play(pattern: readonly number[]) {
      if (vibration.isActivated) vibration.played.push([...pattern])
      return vibration.isActivated
    },
    stop() {
      vibration.stops++
    },
    activated: () => vibration.isActivated
  }
  return vibration
}

function createSpeech(clock: Clock): TestDevices['speech'] {
  let spoken: Utterance[] = []
  let speech: TestDevices['speech'] = {
    spoken,
    pace: 60,
    failure: null,
    speak(utterance, on) {
      let isOver = false
      let stops: (() => void)[] = []
      let end = (reason: 'done' | 'stopped' | 'failed', detail?: string): void => {
        if (isOver) return
        isOver = true
        for (let stop of stops) stop()
        on.end(reason, detail)
      }
      let { failure, pace } = speech
      if (failure !== null) stops.push(clock.after(0, () => end('failed', failure)))
      else {
        spoken.push(utterance)
        let length = utterance.text.length
        stops.push(clock.after(0, on.start))
        for (let { index } of utterance.text.matchAll(/(?<=\s)\S/g))
          stops.push(clock.after(index * pace, () => on.progress(index / length)))
        stops.push(clock.after(length * pace, () => end('done')))
      }
      return () => end('stopped')
    }
  }
  return speech
}

function createRecognition(): TestDevices['recognition'] {
  let listener: Parameters<Recognition['start']>[1] | null = null
  return {
    get isListening() {
      return listener !== null
    },
    start(_lang, on) {
      listener = on
      return () => {
        if (listener === on) listener = null
      }
    },
    hear: (text, how = 'final') => listener?.[how](text),
    end(error) {
      let on = listener
      listener = null
      on?.end(error)
    }
  }
}

function createHeartRate(): TestDevices['heartRate'] {
  let listener: Parameters<HeartRateSensor['start']>[0] | null = null
  let sensor: TestDevices['heartRate'] = {
    get isConnected() {
      return listener !== null
    },
    refusal: null,
    async start(on) {
      if (sensor.refusal) throw sensor.refusal
      listener = on
      return () => {
        if (listener === on) listener = null
      }
    },
    read: reading => listener?.reading({ contact: true, rr: [60_000 / reading.heartRate], ...reading }),
    end(reason) {
      let on = listener
      listener = null
      on?.ended(reason)
    }
  }
  return sensor
}

function createNotifications(): TestDevices['notifications'] {
  type Shown = TestDevices['notifications']['shown'][number]
  let shown: Shown[] = []
  let permission: 'granted' | 'denied' | 'default' = 'default'
  let notifications: TestDevices['notifications'] = {
    answer: 'granted',
    isFocused: false,
    focused: () => notifications.isFocused,
    get shown() {
      return shown
    },
    permission: () => permission,
    async ask() {
      permission = notifications.answer
      return permission
    },
    show(title, { body, tag, onClick }) {
      let next: Shown = {
        title,
        ...(body === undefined ? {} : { body }),
        ...(tag === undefined ? {} : { tag }),
        click: () => onClick?.()
      }
      shown = [...shown.filter(other => tag === undefined || other.tag !== tag), next]
      return () => {
        shown = shown.filter(other => other !== next)
      }
    }
  }
  return notifications
}
