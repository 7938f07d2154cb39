import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { reduceEvent } from '../../../src/feature.js'
import { type ContentState, content } from '../../../src/features/content.js'
import {
  type DeliveryStage,
  MAX_TIMELINE,
  mayFollow,
  moved,
  NEXT_STAGES,
  performanceOf,
  stepFigures
} from '../../../src/features/content-delivery.js'
import { contentInbox } from '../../../src/features/content-inbox.js'
import { backOff } from '../../../src/handlers/content.js'
import { createClock, createPage, settle } from './world.js'

let stages: DeliveryStage[] = ['queued', 'sent', 'delivered', 'confirmed', 'failed']
let song = { recipient: 'ann', title: 'A song', body: '', data: {} }
let step = (state: ContentState, type: string, data: unknown, at: number, id = 'd') =>
  reduceEvent(content, state, type, data, { id, actor: 'ops', at }) as ContentState
let run = (...steps: [type: string, data: unknown, at: number][]) =>
  steps.reduce((state, [type, data, at]) => step(state, type, data, at), content.initial)

describe('a delivery', () => {
  let allowed = new Set([
    'queued sent',
    'queued failed',
    'sent delivered',
    'sent failed',
    'delivered confirmed',
    'failed queued',
    'failed delivered'
  ])
  test.each(stages.flatMap(from => stages.map(to => [from, to] as const)))(
    'goes from %s to %s only if it may',
    (from, to) => {
      let may = allowed.has(`${from} ${to}`)
      expect(mayFollow(from, to)).toBe(may)
      let after = moved({ stage: from, timeline: [] }, to, 7, 'why')
      expect(after).toEqual(may ? { stage: to, timeline: [{ stage: to, at: 7, note: 'why' }] } : null)
    }
  )

  test('has its timeline, and its steps are measured', () => {
    let id = { id: 'd' }
    let state = run(
      ['content:trigger', song, 1000],
      ['content:error', { ...id, error: 'down', nextAt: 2000 }, 1500],
      ['content:sent', id, 2500],
      ['content:delivered', id, 3000],
      ['content:delivered', id, 3500],
      ['content:confirmed', id, 9000]
    )
    expect(state.deliveries[0]).toMatchObject({ stage: 'confirmed', attempts: 1, error: null, nextAt: null })
    expect(state.deliveries[0]?.timeline.map(({ stage, at }) => `${stage} ${at}`)).toEqual([
      'queued 1000',
      'attempt 1500',
      'sent 2500',
      'delivered 3000',
      'confirmed 9000'
    ])
    expect(state.figures).toMatchObject({ triggered: 1, sent: 1, delivered: 1, confirmed: 1, failed: 0, retried: 1 })
    expect(performanceOf(state.figures)).toMatchObject({
      sending: { count: 1, mean: 1500 },
      arriving: { mean: 500 },
      confirming: { mean: 6000 },
      successRate: 1
    })
  })

  test('that failed may be tried again by hand, or arrive late; a long timeline keeps its beginning', () => {
    let id = { id: 'd' }
    let state = run(['content:trigger', song, 0])
    for (let i = 0; i < 30; i++) {
      state = step(state, 'content:error', { ...id, error: 'down', nextAt: null }, i * 10 + 1)
      expect(performanceOf(state.figures).successRate).toBe(0)
      state = step(state, 'content:retry', id, i * 10 + 2)
    }
    expect(state.figures).toMatchObject({ failed: 0, retried: 30 })
    expect(state.deliveries[0]).toMatchObject({ stage: 'queued', attempts: 30, attemptsBefore: 30, error: null })
    expect(state.deliveries[0]?.timeline).toHaveLength(MAX_TIMELINE)
    expect(state.deliveries[0]?.timeline[0]).toEqual({ stage: 'queued', at: 0, note: '' })
    state = step(state, 'content:error', { ...id, error: 'down', nextAt: null }, 400)
    state = step(state, 'content:delivered', id, 500)
    expect(state.figures).toMatchObject({ failed: 0, delivered: 1 })
  })

  test('never takes a step that may not follow, and its figures add up, whatever is said', () => {
    let types = ['sent', 'delivered', 'confirmed', 'retry', 'final', 'again']
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.constantFrom(...types), fc.constantFrom('a', 'b')), { maxLength: 60 }),
        steps => {
          let state = ['a', 'b'].reduce((state, id) => step(state, 'content:trigger', song, 0, id), content.initial)
          for (let [i, [type, id]] of steps.entries()) {
            let before = state.deliveries.find(item => item.id === id)?.stage as DeliveryStage
            let error = { id, error: 'x', nextAt: type === 'again' ? 5 : null }
            let isError = type === 'final' || type === 'again'
            state = step(state, isError ? 'content:error' : `content:${type}`, isError ? error : { id }, i)
            let after = state.deliveries.find(item => item.id === id)?.stage as DeliveryStage
            expect(after === before || NEXT_STAGES[before].includes(after)).toBe(true)
          }
          let { figures, deliveries } = state
          let failed = deliveries.filter(({ stage }) => stage === 'failed').length
          expect(figures.failed).toBe(failed)
          expect(figures.delivered).toBe(
            deliveries.filter(({ timeline }) => timeline.some(({ stage }) => stage === 'delivered')).length
          )
          for (let { timeline } of deliveries)
            for (let entry of timeline) expect([...stages, 'attempt']).toContain(entry.stage)
        }
      ),
      { numRuns: 200 }
    )
  })

  test('has one opinion of each person', () => {
    let id = { id: 'd' }
    let state = run(
      ['content:trigger', song, 0],
      ['content:sent', id, 1],
      ['content:feedback', { ...id, rating: 1, comment: 'too early' }, 2],
      ['content:delivered', id, 3],
      ['content:feedback', { ...id, rating: 2, comment: '' }, 4],
      ['content:feedback', { ...id, rating: 5, comment: 'ah' }, 5]
    )
    expect(state.deliveries[0]?.feedback).toEqual([{ rating: 5, comment: 'ah', by: 'ops', at: 5 }])
  })
})

test.each<[number[], ReturnType<typeof stepFigures>]>([
  [[], null],
  [[7], { count: 1, min: 7, mean: 7, p95: 7, max: 7 }],
  [[4, 2], { count: 2, min: 2, mean: 3, p95: 4, max: 4 }],
  [Array.from({ length: 100 }, (_, i) => 100 - i), { count: 100, min: 1, mean: 50.5, p95: 95, max: 100 }]
])('figures of %j', (durations, expected) => {
  expect(stepFigures(durations)).toEqual(expected)
})

test.each<[number, number, number]>([
  [1, 0, 1000],
  [2, 0, 2000],
  [4, 0, 8000],
  [4, 1, 4000],
  [10, 0, 60_000],
  [2000, 0.5, 45_000]
])('after %i failures and a chance of %d the next attempt waits %i ms', (failed, chance, expected) => {
  expect(backOff(failed, [1000, 60_000], chance)).toBe(expected)
})

describe('a page with an inbox', () => {
  let arrived = { id: 'c1', room: 'ops', delivery: 'd1', title: 'A song', body: '', data: {} }

  test('says once for its device that it has what came', async () => {
    let clock = createClock()
    let claims = new Set<string>()
    let pages = [1, 2].map(() => createPage(contentInbox, { clock, claims }))
    for (let page of pages) page.tell('content:arrived', arrived, { live: false })
    await settle()
    expect(pages.flatMap(({ sent }) => sent.map(({ type, data }) => [type, data]))).toEqual([
      ['content:received', { id: 'c1' }]
    ])
  })

  test('says nothing of what another device has, or once it is closed', async () => {
    let page = createPage(contentInbox)
    page.tell('content:arrived', arrived)
    page.tell('content:received', { id: 'c1' })
    page.tell('content:arrived', { ...arrived, id: 'c2' })
    page.local.close()
    await settle()
    expect(page.sent).toEqual([])
  })
})
