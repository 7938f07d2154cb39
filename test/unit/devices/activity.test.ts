// Whether somebody uses a page, from the events of a page.

import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { watchActivity } from '../../../src/devices/activity.js'

let visibility = 'visible'
let stop = (): void => {}
let fed: boolean[] = []

beforeEach(() => {
  vi.useFakeTimers()
  visibility = 'visible'
  fed = []
  vi.spyOn(document, 'visibilityState', 'get').mockImplementation(() => visibility as DocumentVisibilityState)
})
afterEach(() => {
  stop()
  vi.useRealTimers()
  vi.restoreAllMocks()
})

function watch(): void {
  stop = watchActivity(isActive => fed.push(isActive), { idleAfter: 1000, hiddenAfter: 200 })
}
function show(isVisible: boolean): void {
  visibility = isVisible ? 'visible' : 'hidden'
  document.dispatchEvent(new Event('visibilitychange'))
}
let press = () => window.dispatchEvent(new Event('keydown'))

test('a page that is shown is used, until nothing was pressed or moved for long enough', () => {
  watch()
  expect(fed).toEqual([true])
  vi.advanceTimersByTime(900)
  press()
  vi.advanceTimersByTime(900)
  window.dispatchEvent(new Event('pointermove'))
  vi.advanceTimersByTime(999)
  expect(fed).toEqual([true])
  vi.advanceTimersByTime(1)
  expect(fed).toEqual([true, false])
  press()
  expect(fed).toEqual([true, false, true])
  vi.advanceTimersByTime(1000)
  expect(fed).toEqual([true, false, true, false])
})

test('a page out of sight is not, after a moment; what is scrolled in it then is no sign of anybody', () => {
  watch()
  show(false)
  vi.advanceTimersByTime(199)
  expect(fed).toEqual([true])
  window.dispatchEvent(new Event('scroll'))
  vi.advanceTimersByTime(1)
  expect(fed).toEqual([true, false])
  window.dispatchEvent(new Event('scroll'))
  vi.advanceTimersByTime(5000)
  expect(fed).toEqual([true, false])
  show(true)
  expect(fed).toEqual([true, false, true])
  vi.advanceTimersByTime(1000)
  expect(fed).toEqual([true, false, true, false])
})

test('another tab looked at for a moment only changes nothing, and the time without a key begins anew', () => {
  watch()
  vi.advanceTimersByTime(950)
  show(false)
  vi.advanceTimersByTime(150)
  show(true)
  vi.advanceTimersByTime(999)
  expect(fed).toEqual([true])
  vi.advanceTimersByTime(1)
  expect(fed).toEqual([true, false])
})

test('a page that opens in the background is not used before it is looked at', () => {
  visibility = 'hidden'
  watch()
  expect(fed).toEqual([false])
  show(true)
  expect(fed).toEqual([false, true])
})

test('stopped, it feeds nothing and leaves no timer', () => {
  watch()
  stop()
  press()
  show(false)
  vi.advanceTimersByTime(5000)
  expect(fed).toEqual([true])
  expect(vi.getTimerCount()).toBe(0)
})
