import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { haptic } from '../../../src/features/haptic.js'
import { HAPTIC_PATTERNS, type HapticPattern, remaining, render } from '../../../src/features/haptic-patterns.js'
import { createClock, createMotor, createPage, settle } from './world.js'

const sum = (pattern: readonly number[]) => pattern.reduce((total, ms) => total + ms, 0)

describe('a rendered pattern', () => {
  test.each<[string, HapticPattern | readonly number[], number, number, number[]]>([
    ['is the pattern itself at full intensity', [100, 50, 200, 150], 100, 500, [100, 50, 200]],
    ['repeats until its time is over', 'pulse', 100, 1200, [200, 300, 200, 300, 200]],
    ['is cut within an on-slot', 'pulse', 100, 600, [200, 300, 100]],
    ['is cut within an off-slot, and then ends with on', 'pulse', 100, 400, [200]],
    ['is on for half of each on-slot at 50, with the same period', 'pulse', 50, 1200, [100, 400, 100, 400, 100]],
    ['is on for a quarter at 25', [400, 100], 25, 1000, [100, 400, 100]],
    ['is cut after the duty, not before', [400, 100], 50, 300, [200]],
    ['is nothing at intensity 0', 'heartbeat', 0, 1000, []],
    ['is nothing for no time', 'heartbeat', 100, 0, []],
    ['is nothing of an empty pattern', [], 100, 1000, []],
    ['is nothing of a pattern without on', [0, 100], 100, 1000, []],
    [
      'joins on-slots that meet when a pattern of odd length repeats',
      [100, 50, 100],
      100,
      500,
      [100, 50, 200, 50, 100]
    ],
    ['joins slots around one of no length', [100, 0, 100, 50], 100, 300, [200, 50, 50]],
    ['begins with on even if the first step is 0', [0, 100, 50, 50], 100, 400, [50, 150, 50]],
    ['takes more than 100 as 100', 'pulse', 300, 200, [200]],
    ['is on for at least a millisecond of each on-slot', [10, 10], 1, 40, [1, 19, 1]],
    ['takes whole milliseconds only', 'pulse', 100, 200.9, [200]]
  ])('%s', (_, pattern, intensity, durationMs, expected) => {
    expect(render(pattern, intensity, durationMs)).toEqual(expected)
  })

  test('of every built-in name is something one can feel, in even steps that end with a pause', () => {
    expect(Object.keys(HAPTIC_PATTERNS)).toEqual(
      expect.arrayContaining(['heartbeat', 'pulse', 'wave', 'tap', 'hug', 'breath', 'alarm'])
    )
    for (let [name, steps] of Object.entries(HAPTIC_PATTERNS)) {
      expect(steps.length % 2, name).toBe(0)
      expect(Math.min(...steps), name).toBeGreaterThanOrEqual(40)
      expect(render(name as HapticPattern, 100, sum(steps))).toEqual(steps.slice(0, -1))
    }
  })

  let steps = fc.array(fc.nat(500), { minLength: 1, maxLength: 12 })
  test('never lasts longer than asked, ends with on, and has no empty slots', () => {
    fc.assert(
      fc.property(steps, fc.nat(100), fc.nat(5000), (steps, intensity, durationMs) => {
        let played = render(steps, intensity, durationMs)
        expect(sum(played)).toBeLessThanOrEqual(durationMs)
        if (played.length > 0) expect(played.length % 2).toBe(1)
        // Only a pattern that begins with off begins with an empty slot: there is none here.
        expect(played.every(ms => ms > 0)).toBe(true)
      }),
      { numRuns: 300 }
    )
  })

  test('is on for its intensity’s share of the time that it is on at full intensity', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 20, max: 500 }), { minLength: 2, maxLength: 8 }),
        fc.integer({ min: 10, max: 100 }),
        (steps, intensity) => {
          let on = (played: readonly number[]) => played.reduce((total, ms, i) => total + (i % 2 === 0 ? ms : 0), 0)
          let period = sum(steps)
          let share = on(render(steps, intensity, period)) / on(render(steps, 100, period))
          expect(Math.abs(share - intensity / 100)).toBeLessThan(0.03)
        }
      ),
      { numRuns: 200 }
    )
  })

  test.each<[number, number[]]>([
    [0, [100, 50, 200]],
    [40, [60, 50, 200]],
    [100, [0, 50, 200]],
    [120, [0, 30, 200]],
    [150, [200]],
    [349, [1]],
    [350, []],
    [900, []]
  ])('after %i ms, what remains is in step with the rest', (ms, expected) => {
    expect(remaining([100, 50, 200], ms)).toEqual(expected)
  })
})

/** A phone: a page with a motor. */
function phone(options: Parameters<typeof createPage>[1] = {}) {
  let clock = options.clock ?? createClock()
  let motor = createMotor(clock)
  let page = createPage(haptic, { ...options, clock, devices: { vibration: motor, ...options.devices } })
  return { ...page, motor, view: () => page.local.$state.get() }
}
const pulse = { pattern: 'pulse', intensity: 100, durationMs: 600, target: 'room' } as const

describe('a trigger', () => {
  test('plays 250 ms after the server took it in, and is over after its duration', async () => {
    let { tell, clock, motor, view } = phone()
    let { id } = tell('triggered', pulse)
    expect(view()).toMatchObject({
      isActive: false,
      queue: [{ id, pattern: 'pulse', intensity: 100, duration: 600, by: 'bob' }]
    })
    await clock.pass(249)
    expect(motor.played).toEqual([])
    await clock.pass(1)
    expect(motor.played).toEqual([{ at: 250, pattern: [200, 300, 100] }])
    expect(view()).toMatchObject({
      isActive: true,
      currentPattern: 'pulse',
      intensity: 100,
      duration: 600,
      queue: [],
      lastSkipped: null
    })
    expect(view().startedAt).toBe(clock.now())
    expect(view().history).toMatchObject([{ id, outcome: 'playing' }])
    await clock.pass(600)
    expect(view()).toMatchObject({ isActive: false, currentPattern: null, intensity: 0, duration: 0, startedAt: null })
    expect(view().history).toMatchObject([{ id, outcome: 'played' }])
  })

  test('plays at the same server time on devices whose clocks differ and that hear of it at different times', async () => {
    let clock = createClock()
    let near = phone({ clock, ahead: 5000 })
    let far = phone({ clock, ahead: 5000 })
    let at = clock.now() + 5000
    near.tell('triggered', pulse, { at })
    await clock.pass(120)
    far.tell('triggered', pulse, { at })
    await clock.pass(500)
    expect(near.motor.played.map(({ at }) => at)).toEqual([250])
    expect(far.motor.played.map(({ at }) => at)).toEqual([250])
  })

  test('that comes late plays at once', async () => {
    let { tell, clock, motor } = phone()
    tell('triggered', pulse, { at: clock.now() - 3000 })
    await clock.pass(0)
    expect(motor.played).toEqual([{ at: 0, pattern: [200, 300, 100] }])
  })

  test('that a busy page begins late leaves out what is over', async () => {
    let release = (_won: boolean) => {}
    let clock = createClock()
    let motor = createMotor(clock)
    let tab = createPage(haptic, {
      clock,
      devices: { vibration: motor },
      claim: () => new Promise(resolve => (release = resolve))
    })
    tab.tell('triggered', pulse)
    await clock.pass(300)
    expect(motor.played).toEqual([])
    release(true)
    await settle()
    expect(motor.played).toEqual([{ at: 300, pattern: [150, 300, 100] }])
  })

  test('of a clock that is far off is not kept back', async () => {
    let { tell, clock, motor } = phone()
    tell('triggered', pulse, { at: clock.now() + 60_000 })
    await clock.pass(500)
    expect(motor.played).toHaveLength(1)
  })

  test('plays once, in one tab of the device, and the other one says so', async () => {
    let clock = createClock()
    let claims = new Set<string>()
    let tabs = [phone({ clock, claims }), phone({ clock, claims })] as const
    for (let tab of tabs) tab.tell('triggered', pulse, { id: 'same' })
    await clock.pass(300)
    expect(tabs.map(tab => tab.motor.played.length)).toEqual([1, 0])
    expect(tabs.map(tab => tab.view().isActive)).toEqual([true, true])
    expect(tabs.map(tab => tab.view().lastSkipped)).toEqual([null, 'other-tab'])
    await clock.pass(600)
    expect(tabs.map(tab => tab.view().isActive)).toEqual([false, false])
    expect(tabs[1].motor.stops).toEqual([])
  })

  test('leaves the motor to the tab that may use it', async () => {
    let clock = createClock()
    let claims = new Set<string>()
    let untouched = phone({ clock, claims })
    let touched = phone({ clock, claims })
    untouched.motor.touched = false
    for (let tab of [untouched, touched]) tab.tell('triggered', pulse, { id: 'same' })
    await clock.pass(300)
    expect(touched.motor.played).toHaveLength(1)
    expect(untouched.view().lastSkipped).toBe('no-activation')
  })

  test('is not played when it is a replay, but is in the history', async () => {
    let { tell, clock, motor, view } = phone()
    tell('triggered', pulse, { live: false })
    await clock.pass(1000)
    expect(motor.played).toEqual([])
    expect(view()).toMatchObject({ queue: [], lastSkipped: null, history: [{ pattern: 'pulse', outcome: null }] })
  })

  test.each<[string, (page: ReturnType<typeof phone>) => void, string]>([
    [
      'it is older than ten seconds',
      page => page.tell('triggered', pulse, { at: page.clock.now() - 10_001 }),
      'too-late'
    ],
    ['it has no intensity', page => page.tell('triggered', { ...pulse, intensity: 0 }), 'silent'],
    [
      'its pattern is not known here',
      page => page.tell('triggered', { ...pulse, pattern: 'constructor' }),
      'unknown-pattern'
    ],
    [
      'vibration is switched off',
      page => {
        page.local.setHapticEnabled(false)
        page.tell('triggered', pulse)
      },
      'disabled'
    ],
    [
      'the page was never touched',
      page => {
        page.motor.touched = false
        page.tell('triggered', pulse)
      },
      'no-activation'
    ],
    [
      'the browser refuses',
      page => {
        page.motor.refuses = true
        page.tell('triggered', pulse)
      },
      'refused'
    ]
  ])('is skipped when %s, and that is said', async (_, act, reason) => {
    let page = phone()
    act(page)
    await page.clock.pass(300)
    expect(page.motor.played).toEqual([])
    expect(page.view()).toMatchObject({ isActive: false, lastSkipped: reason, history: [{ outcome: reason }] })
  })

  test('is skipped where the person wants less motion', async () => {
    let { tell, view, motor, clock } = phone({ devices: { reducedMotion: () => true } })
    tell('triggered', pulse)
    await clock.pass(300)
    expect([motor.played.length, view().lastSkipped]).toEqual([0, 'reduced-motion'])
  })

  test('is skipped where there is no motor', async () => {
    let { tell, view, clock } = phone({ devices: { vibration: null } })
    expect(view().supported).toBe(false)
    tell('triggered', pulse)
    await clock.pass(300)
    expect(view()).toMatchObject({ isActive: false, lastSkipped: 'unsupported' })
  })

  test('clears the reason of an earlier one when it plays', async () => {
    let { tell, view, clock } = phone()
    tell('triggered', { ...pulse, intensity: 0 })
    tell('triggered', pulse)
    await clock.pass(300)
    expect(view().lastSkipped).toBe(null)
  })

  test('for the author’s own devices plays on those only, and is nobody else’s history', async () => {
    let clock = createClock()
    let author = phone({ clock, me: 'ann' })
    let other = phone({ clock, me: 'bob' })
    for (let page of [author, other]) page.tell('triggered', { ...pulse, target: 'self' }, { actor: 'ann' })
    await clock.pass(300)
    expect([author.motor.played.length, other.motor.played.length]).toEqual([1, 0])
    expect([author.view().history.length, other.view().history.length]).toEqual([1, 0])
  })

  test('waits while another plays, and then plays', async () => {
    let { tell, clock, motor, view } = phone()
    tell('triggered', pulse)
    await clock.pass(300)
    tell('triggered', { ...pulse, pattern: 'hug' })
    expect(view()).toMatchObject({ currentPattern: 'pulse', queue: [{ pattern: 'hug' }] })
    await clock.pass(600)
    expect(motor.played.map(({ at }) => at)).toEqual([250, 850])
    expect(view()).toMatchObject({ currentPattern: 'hug', queue: [] })
  })

  test('is skipped when eight wait already', async () => {
    let { tell, clock, motor, view } = phone()
    for (let i = 0; i < 10; i++) tell('triggered', pulse)
    expect(view().queue).toHaveLength(8)
    expect(view().lastSkipped).toBe('queue-full')
    await clock.pass(10_000)
    expect(motor.played).toHaveLength(8)
  })

  test('that is skipped at its turn does not hold up the next one', async () => {
    let { tell, clock, motor, view, local } = phone()
    for (let pattern of ['tap', 'pulse', 'hug']) tell('triggered', { ...pulse, pattern })
    await clock.pass(300)
    motor.touched = false
    await clock.pass(600)
    expect(view().history.map(item => item.outcome)).toEqual(['played', 'no-activation', 'no-activation'])
    expect(view()).toMatchObject({ isActive: false, queue: [] })
    local.close()
  })
})

describe('a stop', () => {
  test('ends what plays and what waits', async () => {
    let { tell, clock, motor, view } = phone()
    tell('triggered', pulse)
    tell('triggered', pulse)
    await clock.pass(300)
    tell('stopped', {})
    expect(motor.stops).toEqual([300])
    expect(view()).toMatchObject({
      isActive: false,
      queue: [],
      history: [{ outcome: 'stopped' }, { outcome: 'stopped' }]
    })
    await clock.pass(5000)
    expect(motor.played).toHaveLength(1)
  })

  test('of another leaves alone what is meant for oneself', async () => {
    let { tell, clock, motor, view } = phone({ me: 'ann' })
    tell('triggered', { ...pulse, target: 'self' }, { actor: 'ann' })
    tell('triggered', pulse)
    tell('triggered', { ...pulse, target: 'self' }, { actor: 'ann' })
    await clock.pass(300)
    tell('stopped', {}, { actor: 'bob' })
    expect(motor.stops).toEqual([])
    expect(view()).toMatchObject({ isActive: true, queue: [{ target: 'self' }] })
    await clock.pass(600)
    expect(motor.played).toHaveLength(2)
    tell('stopped', {}, { actor: 'ann' })
    expect(motor.stops).toHaveLength(1)
  })

  test('by command ends it here at once, and is sent', async () => {
    let { tell, clock, motor, local, sent } = phone()
    tell('triggered', pulse)
    await clock.pass(300)
    local.stopHaptic()
    expect(motor.stops).toEqual([300])
    expect(sent).toMatchObject([{ type: 'stopped', data: {} }])
  })

  test('before the start leaves nothing to play', async () => {
    let { tell, clock, motor } = phone()
    tell('triggered', pulse)
    await clock.pass(100)
    tell('stopped', {})
    await clock.pass(5000)
    expect(motor.played).toEqual([])
  })

  test('happens when vibration is switched off', async () => {
    let { tell, clock, motor, local, view } = phone()
    tell('triggered', pulse)
    await clock.pass(300)
    local.setHapticEnabled(false)
    expect(motor.stops).toEqual([300])
    expect(view()).toMatchObject({ enabled: false, isActive: false })
  })
})

describe('commands', () => {
  test('trigger for the room unless told otherwise', () => {
    let { local, sent } = phone()
    local.triggerHaptic('heartbeat', 75, 3000)
    local.triggerHaptic('tap', 10, 50, { target: 'self' })
    expect(sent.map(({ data }) => data)).toEqual([
      { pattern: 'heartbeat', intensity: 75, durationMs: 3000, target: 'room' },
      { pattern: 'tap', intensity: 10, durationMs: 50, target: 'self' }
    ])
  })

  test('send a defined pattern along, so that others need not know it', async () => {
    let clock = createClock()
    let author = phone({ clock, me: 'ann' })
    let other = phone({ clock, me: 'bob' })
    author.local.definePattern('ours', [30, 70])
    expect(author.view().patterns).toContain('ours')
    author.local.triggerHaptic('ours', 100, 100)
    other.tell('triggered', author.sent[0]?.data as typeof pulse, { actor: 'ann' })
    await clock.pass(300)
    expect(other.motor.played).toEqual([{ at: 250, pattern: [30] }])
    expect(other.view().currentPattern).toBe('ours')
  })

  test('know built-in names only until others are defined', () => {
    let { local } = phone()
    expect(() => local.triggerHaptic('ours', 50, 100)).toThrow(/^pattern: «ours» is not known.*heartbeat/)
    expect(() => local.triggerHaptic('toString', 50, 100)).toThrow(/^pattern: «toString»/)
  })

  test.each<[string, (local: ReturnType<typeof phone>['local']) => void, string]>([
    [
      'an intensity above 100',
      local => local.triggerHaptic('tap', 101, 100),
      'intensity must be a finite number from 0 to 100'
    ],
    ['no duration', local => local.triggerHaptic('tap', 50, 0), 'durationMs must be a finite number from 1 to 30000'],
    [
      'a target that is none',
      local => local.triggerHaptic('tap', 5, 5, { target: 'all' as 'self' }),
      'target must be one of self, room'
    ],
    ['a name that is too long', local => local.definePattern('x'.repeat(33), [1]), 'name must be'],
    ['a built-in name', local => local.definePattern('pulse', [1]), 'name: «pulse» is a built-in'],
    ['no steps', local => local.definePattern('x', []), 'steps must be a list'],
    ['too many steps', local => local.definePattern('x', Array(65).fill(1)), 'steps must be a list'],
    [
      'steps that are no numbers',
      local => local.definePattern('x', ['1' as unknown as number]),
      'steps must be a list'
    ],
    ['steps that are never on', local => local.definePattern('x', [0, 5]), 'steps must be on'],
    [
      'a switch that is none',
      local => local.setHapticEnabled('yes' as unknown as boolean),
      'enabled must be true or false'
    ]
  ])('refuse %s, naming the argument', (_, call, message) => {
    let { local, sent } = phone()
    expect(() => call(local)).toThrow(message)
    expect(sent).toEqual([])
  })
})
