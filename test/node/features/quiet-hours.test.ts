import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { formatTime, isTimeZone, minuteOfDay, parseTime, quietUntil } from '../../../src/features/quiet-hours.js'

let hours = (start: string, end: string, timeZone = 'Europe/Paris') => ({
  start: parseTime(start) as number,
  end: parseTime(end) as number,
  timeZone,
  urgentPasses: false
})
let at = (text: string): number => Date.parse(text)
let iso = (time: number | null): string | null => (time === null ? null : new Date(time).toISOString())

describe('quiet hours', () => {
  test.each<[string, ReturnType<typeof hours> | null, string, string | null]>([
    ['there are none', null, '2026-11-21T23:00Z', null],
    ['before them', hours('22:00', '07:00'), '2026-11-21T20:59:59Z', null],
    ['at their first moment', hours('22:00', '07:00'), '2026-11-21T21:00Z', '2026-11-22T06:00:00.000Z'],
    ['over midnight', hours('22:00', '07:00'), '2026-11-22T05:59:59.999Z', '2026-11-22T06:00:00.000Z'],
    ['at their end', hours('22:00', '07:00'), '2026-11-22T06:00Z', null],
    ['within a day', hours('12:00', '14:00', 'UTC'), '2026-11-21T13:00:30Z', '2026-11-21T14:00:00.000Z'],
    ['of no length', hours('12:00', '12:00', 'UTC'), '2026-11-21T12:00Z', null],
    [
      'where clocks are half an hour off',
      hours('22:00', '07:00', 'Asia/Kolkata'),
      '2026-11-21T17:00Z',
      '2026-11-22T01:30:00.000Z'
    ],
    [
      'where it is tomorrow already',
      hours('00:00', '06:00', 'Pacific/Kiritimati'),
      '2026-11-21T10:00Z',
      '2026-11-21T16:00:00.000Z'
    ],
    ['when clocks go forward in the night', hours('22:00', '07:00'), '2026-03-28T23:00Z', '2026-03-29T05:00:00.000Z'],
    ['when clocks go back in the night', hours('22:00', '07:00'), '2026-10-24T22:00Z', '2026-10-25T06:00:00.000Z'],
    [
      'when their end is a time that the clocks skip',
      hours('22:00', '02:30'),
      '2026-03-28T23:00Z',
      '2026-03-29T01:00:00.000Z'
    ],
    ['when their end comes twice', hours('22:00', '02:30'), '2026-10-24T22:00Z', '2026-10-25T00:30:00.000Z'],
    ['in an unknown place', hours('00:00', '23:59', 'Europe/Atlantis'), '2026-11-21T12:00Z', null]
  ])('%s', (_, given, now, expected) => {
    expect(iso(quietUntil(given, at(now)))).toBe(expected)
  })

  test('end at the first minute that is not quiet, wherever and whenever', () => {
    let zone = fc.constantFrom('Europe/Paris', 'America/New_York', 'Australia/Lord_Howe', 'Asia/Kathmandu', 'UTC')
    let minute = fc.integer({ min: 0, max: 1439 })
    let moment = fc.integer({ min: at('2026-01-01T00:00Z'), max: at('2027-01-01T00:00Z') })
    fc.assert(
      fc.property(minute, minute, zone, moment, (start, end, timeZone, now) => {
        let given = { start, end, timeZone, urgentPasses: false }
        let until = quietUntil(given, now)
        let length = (end - start + 1440) % 1440
        let isQuiet = (time: number): boolean => (minuteOfDay(time, timeZone) - start + 1440) % 1440 < length
        expect(until !== null).toBe(isQuiet(now))
        if (until === null) return
        expect(until).toBeGreaterThan(now)
        expect(isQuiet(until)).toBe(false)
        expect(isQuiet(until - 1)).toBe(true)
        for (let time = now; time < until; time += 30 * 60_000) expect(isQuiet(time)).toBe(true)
      }),
      { numRuns: 300 }
    )
  })

  test('are written as times of the day', () => {
    expect(['00:00', '07:05', '23:59'].map(parseTime)).toEqual([0, 425, 1439])
    expect(['24:00', '7:00', '12:60', '', 'noon'].map(parseTime)).toEqual([null, null, null, null, null])
    expect([0, 425, 1439].map(formatTime)).toEqual(['00:00', '07:05', '23:59'])
    expect(isTimeZone('Europe/Paris')).toBe(true)
    expect(isTimeZone('Europe/Atlantis')).toBe(false)
  })
})
