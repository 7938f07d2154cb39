// The devices as a real browser has them. Headless Chromium has no motor, no voice and no headset, and says so in its own way.

import { afterEach, expect, test } from 'vitest'
import { userEvent } from 'vitest/browser'
import { browserDevices } from '../../../src/devices/all.js'
import { type GestureFeed, watchGestures } from '../../../src/devices/gestures.js'
import { type MotionFeed, watchMotion } from '../../../src/devices/motion.js'

afterEach(() => document.body.replaceChildren())

function button(): HTMLButtonElement {
  let element = document.body.appendChild(document.createElement('button'))
  element.textContent = 'Touch me'
  return element
}

test('vibration is refused before the page is touched and taken afterwards', async () => {
  let { vibration } = browserDevices()
  if (!vibration) throw new Error('Chromium has navigator.vibrate')
  if (!vibration.activated()) expect(vibration.play([10])).toBe(false)
  await userEvent.click(button())
  expect(vibration.activated()).toBe(true)
  expect(vibration.play([10, 10, 10])).toBe(true)
  expect(vibration.play(Array.from({ length: 300 }, () => 10))).toBe(true)
  vibration.stop()
})

test('speaking ends or is stopped, whether there is a voice or not', async () => {
  let { speech } = browserDevices()
  if (!speech) throw new Error('Chromium has speechSynthesis')
  let ends: string[] = []
  let stop = speech.speak(
    { text: 'Hello', pitch: 1, rate: 10, volume: 0 },
    { start() {}, progress() {}, end: reason => void ends.push(reason) }
  )
  await new Promise(resolve => setTimeout(resolve, 300))
  stop()
  expect(ends).toHaveLength(1)
})

test('listening that cannot begin ends with the browser’s reason', async () => {
  let { recognition } = browserDevices()
  if (!recognition) throw new Error('Chromium has webkitSpeechRecognition')
  let ended = new Promise<string | undefined>(resolve => {
    let stop = recognition.start('en-GB', { interim() {}, final() {}, end: resolve })
    setTimeout(() => {
      stop()
      resolve('stopped')
    }, 3000)
  })
  expect(await ended).toEqual(expect.any(String))
})

test('VR answers whether there is a headset', async () => {
  let { vr } = browserDevices()
  if (vr) expect(await vr.supported()).toBe(false)
})

test('notifications tell their permission, and show nothing without it', () => {
  let { notifications } = browserDevices()
  if (!notifications) throw new Error('Chromium has Notification')
  expect(['granted', 'denied', 'default']).toContain(notifications.permission())
  if (notifications.permission() !== 'granted') notifications.show('Hello', {})()
})

test('a real click is a tap, and two are a double tap', async () => {
  let element = button()
  let fed: GestureFeed[] = []
  let stop = watchGestures(value => fed.push(value), { element })
  await userEvent.dblClick(element)
  stop()
  await userEvent.click(element)
  expect(fed.map(({ gesture }) => gesture?.type)).toEqual(['tap', 'double-tap'])
  let { width, height } = element.getBoundingClientRect()
  expect(fed[0]?.gesture?.x).toBeCloseTo(width / 2, -1)
  expect(fed[0]?.gesture?.y).toBeCloseTo(height / 2, -1)
})

test('motion is fed from the events of the window, and a computer’s empty event is none', async () => {
  let fed: MotionFeed[] = []
  let stop = watchMotion(value => fed.push(value), { every: 0 })
  await Promise.resolve()
  await new Promise(resolve => setTimeout(resolve, 20))
  let before = fed.length
  window.dispatchEvent(new DeviceMotionEvent('devicemotion', {}))
  await new Promise(resolve => setTimeout(resolve, 20))
  expect(fed.length).toBe(before)
  window.dispatchEvent(
    new DeviceMotionEvent('devicemotion', {
      acceleration: { x: 1, y: 2, z: 3 },
      rotationRate: { alpha: 4, beta: 5, gamma: 6 },
      interval: 16
    })
  )
  window.dispatchEvent(new DeviceOrientationEvent('deviceorientation', { alpha: 7, beta: 8, gamma: 9 }))
  await new Promise(resolve => setTimeout(resolve, 50))
  stop()
  expect(fed.at(-1)).toMatchObject({
    supported: true,
    motion: {
      acceleration: { x: 1, y: 2, z: 3 },
      rotation: { x: 5, y: 6, z: 4 },
      orientation: { alpha: 7, beta: 8, gamma: 9 }
    }
  })
})
