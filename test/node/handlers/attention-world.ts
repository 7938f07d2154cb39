// A storage that outlives its servers, for handlers: hubs are started on it one after the other under one virtual clock.

import type { AnyFeature } from '../../../src/feature.js'
import { createHub, type Hub, type HubOptions } from '../../../src/server/hub.js'
import { createMemoryStorage } from '../../../src/server/storage/memory.js'
import { createTestClock, createTestRandom, type TestClock } from '../server/world.js'

export function createStage(features: readonly AnyFeature[], options: Partial<HubOptions> = {}) {
  let clock: TestClock = {
    ...createTestClock(),
    // At the end of the turn, so that whoever awaits a push need not move the clock for it.
    soon(call) {
      let isOn = true
      queueMicrotask(() => isOn && call())
      return () => {
        isOn = false
      }
    }
  }
  let storage = createMemoryStorage()
  let reports: unknown[] = []
  let starts = 0
  return {
    clock,
    reports,
    /** Another process on the same storage; the one before is simply not there any more. */
    start: (): Hub =>
      createHub({
        features: [...new Set(features)],
        storage,
        clock,
        random: createTestRandom(++starts * 100_000),
        report: (level, code, detail) => void (level === 'error' && reports.push([code, detail])),
        ...options
      }),
    report: (_: string, code: string, detail: unknown) => void reports.push([code, detail])
  }
}
