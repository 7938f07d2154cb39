import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import {
  type Gesture,
  type GestureState,
  noGesture,
  type PointerInput,
  recognise
} from '../../../src/devices/gesture-recogniser.js'
import { type GestureFeed, watchGestures } from '../../../src/devices/gestures.js'

type Input =
  | readonly [kind: 'down' | 'move' | 'up' | 'cancel', id: number, x: number, y: number, at: number]
  | readonly ['tick', number]

function all(inputs: readonly Input[]): Gesture[] {
  let state: GestureState = noGesture
  let seen: Gesture[] = []
  for (let input of inputs) {
    let event: PointerInput =
      input[0] === 'tick'
        ? { kind: 'tick', at: input[1] }
        : { kind: input[0], id: input[1], x: input[2], y: input[3], at: input[4] }
    let [next, gestures] = recognise(state, event)
    state = next
    seen.push(...gestures)
  }
  return seen
}
const names = (gestures: readonly Gesture[]) => gestures.map(gesture => gesture.type)
const swipe = (x: number, y: number, ms = 100): Input[] => [
  ['down', 1, 100, 100, 0],
  ['move', 1, 100 + x / 2, 100 + y / 2, ms / 2],
  ['up', 1, 100 + x, 100 + y, ms]
]

describe('one finger', () => {
  test.each<[string, Input[], string[]]>([
    [
      'that touches and leaves taps',
      [
        ['down', 1, 5, 5, 0],
        ['up', 1, 5, 5, 80]
      ],
      ['tap']
    ],
    [
      'that trembles taps',
      [
        ['down', 1, 5, 5, 0],
        ['move', 1, 12, 5, 40],
        ['up', 1, 10, 5, 80]
      ],
      ['tap']
    ],
    [
      'that taps twice in one place taps double',
      [
        ['down', 1, 5, 5, 0],
        ['up', 1, 5, 5, 80],
        ['down', 2, 9, 9, 300],
        ['up', 2, 9, 9, 350]
      ],
      ['tap', 'double-tap']
    ],
    [
      'that taps three times taps double and once more',
      [
        ['down', 1, 5, 5, 0],
        ['up', 1, 5, 5, 50],
        ['down', 1, 5, 5, 100],
        ['up', 1, 5, 5, 150],
        ['down', 1, 5, 5, 200],
        ['up', 1, 5, 5, 250]
      ],
      ['tap', 'double-tap', 'tap']
    ],
    [
      'that taps again too late taps twice',
      [
        ['down', 1, 5, 5, 0],
        ['up', 1, 5, 5, 80],
        ['down', 1, 5, 5, 381],
        ['up', 1, 5, 5, 400]
      ],
      ['tap', 'tap']
    ],
    [
      'that taps again elsewhere taps twice',
      [
        ['down', 1, 5, 5, 0],
        ['up', 1, 5, 5, 80],
        ['down', 1, 36, 5, 100],
        ['up', 1, 36, 5, 150]
      ],
      ['tap', 'tap']
    ],
    [
      'that rests presses long, once',
      [
        ['down', 1, 5, 5, 0],
        ['tick', 500],
        ['tick', 600],
        ['up', 1, 5, 5, 700]
      ],
      ['long-press']
    ],
    [
      'that rests presses long even if nobody ticks',
      [
        ['down', 1, 5, 5, 0],
        ['up', 1, 5, 5, 700]
      ],
      ['long-press']
    ],
    [
      'that leaves between tap and long press does nothing',
      [
        ['down', 1, 5, 5, 0],
        ['up', 1, 5, 5, 400]
      ],
      []
    ],
    [
      'that is ticked too early does not press long',
      [
        ['down', 1, 5, 5, 0],
        ['tick', 499]
      ],
      []
    ],
    [
      'that wanders does not press long',
      [
        ['down', 1, 5, 5, 0],
        ['move', 1, 20, 5, 50],
        ['move', 1, 5, 5, 90],
        ['tick', 500],
        ['up', 1, 5, 5, 600]
      ],
      []
    ],
    [
      'that wanders and comes back does not tap',
      [
        ['down', 1, 5, 5, 0],
        ['move', 1, 30, 5, 50],
        ['up', 1, 5, 5, 90]
      ],
      []
    ],
    ['that goes right swipes', swipe(80, 10), ['swipe']],
    ['that goes too slowly does not swipe', swipe(80, 10, 400), []],
    ['that goes too short a way does not swipe', swipe(29, 0), []],
    [
      'that is taken away by the browser does nothing',
      [
        ['down', 1, 5, 5, 0],
        ['cancel', 1, 5, 5, 50]
      ],
      []
    ],
    [
      'that was never down does nothing',
      [
        ['move', 1, 50, 5, 0],
        ['up', 1, 90, 5, 50]
      ],
      []
    ],
    [
      'that swipes after a tap does not tap double',
      [
        ['down', 1, 5, 5, 0],
        ['up', 1, 5, 5, 50],
        ['down', 1, 5, 5, 100],
        ['up', 1, 95, 5, 200]
      ],
      ['tap', 'swipe']
    ]
  ])('%s', (_, inputs, expected) => {
    expect(names(all(inputs))).toEqual(expected)
  })

  test.each<[string, number, number]>([
    ['right', 80, 10],
    ['left', -80, 10],
    ['up', 10, -80],
    ['down', -10, 80]
  ])('swipes %s with distance and speed', (direction, x, y) => {
    let [gesture] = all(swipe(x, y))
    expect(gesture).toMatchObject({ type: 'swipe', direction, x: 100 + x, y: 100 + y, at: 100 })
    expect((gesture as Gesture & { distance: number }).distance).toBeCloseTo(Math.hypot(x, y))
    expect((gesture as Gesture & { velocity: number }).velocity).toBeCloseTo(Math.hypot(x, y) / 100)
  })

  test('tells where and when', () => {
    expect(
      all([
        ['down', 1, 5, 6, 0],
        ['up', 1, 7, 8, 80]
      ])
    ).toEqual([{ type: 'tap', x: 7, y: 8, at: 80 }])
    expect(
      all([
        ['down', 1, 5, 6, 0],
        ['tick', 520]
      ])
    ).toEqual([{ type: 'long-press', x: 5, y: 6, at: 520 }])
  })
})

describe('two fingers', () => {
  let both: Input[] = [
    ['down', 1, 0, 0, 0],
    ['down', 2, 100, 0, 10]
  ]

  test('pinch when their distance changes by a tenth, and go on from there', () => {
    let gestures = all([...both, ['move', 2, 109, 0, 20], ['move', 2, 150, 0, 30], ['move', 2, 101, 0, 40]])
    expect(gestures).toEqual([
      { type: 'pinch', scale: 1.5, x: 75, y: 0, at: 30 },
      { type: 'pinch', scale: 1.01, x: 50.5, y: 0, at: 40 }
    ])
  })

  test('rotate when they turn by ten degrees, clockwise for the eye', () => {
    let turn = (degrees: number, at: number): Input => {
      let angle = (degrees * Math.PI) / 180
      return ['move', 2, 100 * Math.cos(angle), 100 * Math.sin(angle), at]
    }
    let gestures = all([...both, turn(9, 20), turn(30, 30), turn(-20, 40)])
    expect(names(gestures)).toEqual(['rotate', 'rotate'])
    expect(gestures.map(gesture => Math.round((gesture as Gesture & { rotation: number }).rotation))).toEqual([30, -20])
  })

  test('rotate on beyond half a turn', () => {
    let steps = Array.from({ length: 12 }, (_, i): Input => {
      let angle = ((i + 1) * 45 * Math.PI) / 180
      return ['move', 2, 100 * Math.cos(angle), 100 * Math.sin(angle), 20 + i]
    })
    let last = all([...both, ...steps]).at(-1) as Gesture & { rotation: number }
    expect(Math.round(last.rotation)).toBe(540)
  })

  test('do not tap, swipe or press when they leave, one after the other', () => {
    expect(all([...both, ['up', 2, 100, 0, 50], ['up', 1, 0, 0, 60]])).toEqual([])
    expect(all([...both, ['up', 2, 100, 0, 50], ['move', 1, 90, 0, 80], ['up', 1, 200, 0, 100]])).toEqual([])
    expect(all([...both, ['up', 2, 100, 0, 50], ['tick', 900], ['up', 1, 0, 0, 1000]])).toEqual([])
  })

  test('that rest do not press long', () => {
    expect(all([...both, ['tick', 900]])).toEqual([])
  })

  test('in one place do not divide by zero', () => {
    expect(
      all([
        ['down', 1, 0, 0, 0],
        ['down', 2, 0, 0, 10],
        ['move', 2, 3, 0, 20]
      ])
    ).toEqual([])
  })

  test('and a third are no gesture, and afterwards one finger taps again', () => {
    let hand: Input[] = [...both, ['down', 3, 50, 50, 20], ['move', 3, 99, 99, 30], ['move', 2, 300, 0, 40]]
    expect(all(hand)).toEqual([])
    let left: Input[] = [
      ['up', 1, 0, 0, 50],
      ['up', 2, 300, 0, 60],
      ['up', 3, 99, 99, 70]
    ]
    expect(names(all([...hand, ...left, ['down', 4, 1, 1, 100], ['up', 4, 1, 1, 150]]))).toEqual(['tap'])
  })
})

describe('watching an element', () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => {
    vi.useRealTimers()
    vi.unstubAllGlobals()
    document.body.replaceChildren()
  })

  function watch() {
    let element = document.body.appendChild(document.createElement('div'))
    element.getBoundingClientRect = () => ({ left: 10, top: 20 }) as DOMRect
    let fed: GestureFeed[] = []
    let stop = watchGestures(value => fed.push(value), { element })
    let point = (type: string, clientX: number, clientY: number, button = 0, target: Node = element) =>
      target.dispatchEvent(new PointerEvent(type, { pointerId: 1, clientX, clientY, button, bubbles: true }))
    return { fed, stop, point }
  }

  test('feeds gestures with places from its corner', () => {
    let { fed, point } = watch()
    point('pointerdown', 15, 25)
    point('pointerup', 15, 25)
    expect(fed).toMatchObject([{ supported: true, gesture: { type: 'tap', x: 5, y: 5 } }])
  })

  test('feeds a long press while the finger rests', () => {
    let { fed, point } = watch()
    point('pointerdown', 15, 25)
    vi.advanceTimersByTime(499)
    expect(fed).toEqual([])
    vi.advanceTimersByTime(1)
    expect(fed).toMatchObject([{ gesture: { type: 'long-press' } }])
  })

  test('follows a finger out of the element', () => {
    let { fed, point } = watch()
    point('pointerdown', 15, 25)
    point('pointermove', 215, 25, 0, document.body)
    point('pointerup', 215, 25, 0, document.body)
    expect(fed).toMatchObject([{ gesture: { type: 'swipe', direction: 'right' } }])
  })

  test('takes the right mouse button for no finger', () => {
    let { fed, point } = watch()
    point('pointerdown', 15, 25, 2)
    point('pointerup', 15, 25, 2)
    expect(fed).toEqual([])
  })

  test('feeds nothing after it was stopped', () => {
    let { fed, point, stop } = watch()
    point('pointerdown', 15, 25)
    stop()
    point('pointerup', 15, 25)
    vi.advanceTimersByTime(1000)
    expect(fed).toEqual([])
  })

  test('says where there are no pointer events', () => {
    vi.stubGlobal('PointerEvent', undefined)
    let fed: GestureFeed[] = []
    watchGestures(value => fed.push(value))()
    expect(fed).toEqual([{ supported: false, gesture: null, reason: 'unsupported' }])
  })
})
