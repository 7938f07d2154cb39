// The devices of a browser, put together. Importing this touches nothing; each device is looked for when it is first asked for.

import type { Devices } from '../ports.js'
import { createHeartRateSensor } from './heart-rate.js'
import { createNotifications } from './notifications.js'
import { createRecognition } from './recognition.js'
import { createSpeech } from './speech.js'
import { createVibration } from './vibration.js'
import { createVR } from './vr.js'

function once<T>(create: () => T): () => T {
  let made: { readonly value: T } | undefined
  return () => {
    made ??= { value: create() }
    return made.value
  }
}

/** The devices of this browser; on a server, none. */
export function browserDevices(): Devices {
  let vibration = once(createVibration)
  let speech = once(createSpeech)
  let recognition = once(createRecognition)
  let heartRate = once(createHeartRateSensor)
  let vr = once(createVR)
  let notifications = once(createNotifications)
  return {
    get vibration() {
      return vibration()
    },
    get speech() {
      return speech()
    },
    get recognition() {
      return recognition()
    },
    get heartRate() {
      return heartRate()
    },
    get vr() {
      return vr()
    },
    get notifications() {
      return notifications()
    },
    reducedMotion() {
      return typeof matchMedia === 'function' && matchMedia('(prefers-reduced-motion: reduce)').matches
    }
  }
}
