import { afterEach, describe, expect, test } from 'vitest'
import { RealtimeError } from '../../../src/errors.js'
import { agenda } from '../../../src/features/agenda.js'
import { content } from '../../../src/features/content.js'
import { contentInbox } from '../../../src/features/content-inbox.js'
import {
  type ContentOptions,
  contentFeatures,
  createContentDelivery,
  type DeliveryJob
} from '../../../src/handlers/content.js'
import type { Hub } from '../../../src/server/hub.js'
import { createWorld, pushOf } from '../server/world.js'
import { createStage } from './attention-world.js'

let stage = createStage(contentFeatures)
function begin(options: Partial<ContentOptions> = {}) {
  stage = createStage(contentFeatures)
  let hub = stage.start()
  return { hub, clock: stage.clock, delivery: createContentDelivery({ hub, report: stage.report, ...options }) }
}
afterEach(() => expect(stage.reports).toEqual([]))

let song = { title: 'A song', body: 'la la' }
let trigger = (hub: Hub, recipient = 'ann') =>
  hub.room('ops').push(content, 'content:trigger', { recipient, ...song, data: {} }, { by: 'olga' })
let says = (hub: Hub, user: string, type: string, data: unknown) =>
  hub.room(`user:${user}`).push(contentInbox, `content:${type}`, data, { by: user })
let inbox = async (hub: Hub, user = 'ann') => (await hub.room(`user:${user}`).state(contentInbox)).items
let deliveries = async (hub: Hub) => (await hub.room('ops').state(content)).deliveries
let timeline = async (hub: Hub) => (await deliveries(hub))[0]?.timeline.map(({ stage }) => stage).join(' ')
let open = async (hub: Hub) => Object.keys((await hub.room('server:content').state(agenda)).entries)

describe('a delivery', () => {
  test('goes from those who send it to a device and the person, and back', async () => {
    let { hub, clock } = begin({ deliver: async ({ title }) => ({ body: `${title}, sung`, data: { url: '/1' } }) })
    let { id } = await trigger(hub)
    await clock.settle()
    let [item] = await inbox(hub)
    expect(item).toMatchObject({
      room: 'ops',
      delivery: id,
      title: 'A song',
      body: 'A song, sung',
      data: { url: '/1' }
    })
    expect(await deliveries(hub)).toMatchObject([{ id, stage: 'sent', by: 'olga', recipient: 'ann' }])
    expect(await open(hub)).toEqual(['ops'])
    await clock.pass(100)
    await says(hub, 'ann', 'received', { id: item?.id })
    await clock.pass(400)
    for (let i = 0; i < 2; i++) await says(hub, 'ann', 'confirm', { id: item?.id })
    await says(hub, 'ann', 'feedback', { id: item?.id, rating: 4, comment: 'nice' })
    await clock.settle()
    expect(await timeline(hub)).toBe('queued sent delivered confirmed')
    expect(await deliveries(hub)).toMatchObject([{ feedback: [{ rating: 4, comment: 'nice', by: 'ann' }] }])
    expect((await inbox(hub))[0]?.told).toEqual(['delivered', 'confirmed', 'feedback'])
    expect(await open(hub)).toEqual([])
    let { figures } = await hub.room('ops').state(content)
    expect(figures).toMatchObject({ triggered: 1, sent: 1, delivered: 1, confirmed: 1, failed: 0 })
    expect(figures.durations).toEqual({ sending: [0], arriving: [100], confirming: [400] })
  })

  test('is tried again with growing pauses, and given up after five attempts', async () => {
    let tried: [attempt: number, at: number][] = []
    let { hub, clock } = begin({
      async deliver({ attempt }) {
        tried.push([attempt, clock.now() - start])
        throw new Error('the post office is closed')
      }
    })
    let start = clock.now()
    let { id } = await trigger(hub)
    await clock.pass(1_000_000)
    // Chance is one half here: three quarters of 1, 2, 4 and 8 seconds.
    expect(tried).toEqual([
      [1, 0],
      [2, 750],
      [3, 2250],
      [4, 5250],
      [5, 11_250]
    ])
    expect(await deliveries(hub)).toMatchObject([{ stage: 'failed', attempts: 5, error: 'the post office is closed' }])
    expect(await timeline(hub)).toBe('queued attempt attempt attempt attempt failed')
    expect(await open(hub)).toEqual([])
    await hub.room('ops').push(content, 'content:retry', { id }, { by: 'olga' })
    await clock.pass(1_000_000)
    expect(tried.map(([attempt]) => attempt).slice(5)).toEqual([6, 7, 8, 9, 10])
    expect(await inbox(hub)).toEqual([])
  })

  test.each<[string, () => Promise<never>, string]>([
    ['is final', async () => Promise.reject(new RealtimeError('no-such-person', 'x')), 'no-such-person'],
    ['makes what is no content', async () => ({ title: '' }) as never, 'bad-argument'],
    [
      'throws at once',
      (() => {
        throw new RealtimeError('broken', 'x')
      }) as () => Promise<never>,
      'broken'
    ]
  ])('fails at once when what the app says %s', async (_, deliver, error) => {
    let { hub, clock } = begin({ deliver })
    await trigger(hub)
    await clock.pass(100_000)
    expect(await deliveries(hub)).toMatchObject([{ stage: 'failed', attempts: 1, error }])
  })

  test('waits for the app only so long', async () => {
    let { hub, clock } = begin({ deliver: () => new Promise(() => {}), timeout: 5000, attempts: 2 })
    await trigger(hub)
    await clock.pass(4999)
    expect(await timeline(hub)).toBe('queued')
    await clock.pass(100_000)
    expect(await deliveries(hub)).toMatchObject([{ stage: 'failed', attempts: 2, error: 'timeout' }])
  })

  test('that no device fetches is given up, may still arrive, and can be tried again', async () => {
    let { hub, clock } = begin({ receiveWithin: 60_000 })
    let { id } = await trigger(hub)
    await clock.pass(59_999)
    expect(await timeline(hub)).toBe('queued sent')
    await clock.pass(1)
    expect(await deliveries(hub)).toMatchObject([{ stage: 'failed', error: 'not-received' }])
    await hub.room('ops').push(content, 'content:retry', { id }, { by: 'olga' })
    await clock.settle()
    expect(await timeline(hub)).toBe('queued sent failed queued sent')
    expect(await inbox(hub)).toHaveLength(1)
    await clock.pass(60_000)
    await says(hub, 'ann', 'confirm', { id: (await inbox(hub))[0]?.id })
    await clock.settle()
    expect(await timeline(hub)).toBe('queued sent failed queued sent failed delivered confirmed')
  })

  test('that was pushed out of the inbox is put there again when it is tried again', async () => {
    let { hub, clock } = begin({ receiveWithin: 1000 })
    let { id } = await trigger(hub)
    await clock.settle()
    await clock.pass(2000)
    expect(await timeline(hub)).toBe('queued sent failed')
    let other = { room: 'ops', delivery: 'other', ...song, data: {} }
    for (let i = 0; i < 100; i++)
      await hub.room('user:ann').push(contentInbox, 'content:arrived', { id: `other-${i}`, ...other }, { by: 'server' })
    await hub.room('ops').push(content, 'content:retry', { id }, { by: 'olga' })
    await clock.settle()
    expect(await timeline(hub)).toBe('queued sent failed queued sent')
    expect(await inbox(hub)).toMatchObject([{ delivery: id }, ...Array.from({ length: 99 }, () => other)])
  })

  test('that is rated again while the first opinion is carried ends with the second', async () => {
    let { hub, clock } = begin()
    await trigger(hub)
    await clock.settle()
    let id = (await inbox(hub))[0]?.id
    await says(hub, 'ann', 'received', { id })
    await clock.settle()
    let stop = hub.watch(content, ({ events }) => {
      if (!events.some(({ type }) => type === 'content:feedback')) return
      stop()
      void says(hub, 'ann', 'feedback', { id, rating: 1, comment: 'on second thoughts' })
    })
    await says(hub, 'ann', 'feedback', { id, rating: 5, comment: '' })
    await clock.settle()
    expect(await deliveries(hub)).toMatchObject([{ feedback: [{ rating: 1, comment: 'on second thoughts' }] }])
    expect((await inbox(hub))[0]?.told).toEqual(['delivered', 'feedback'])
  })

  test('that is no longer kept may still be confirmed, and disturbs nothing', async () => {
    let { hub, clock } = begin()
    await trigger(hub)
    await clock.settle()
    let id = (await inbox(hub))[0]?.id
    await says(hub, 'ann', 'received', { id })
    await clock.settle()
    for (let i = 0; i < 200; i++) await trigger(hub, 'ben')
    await says(hub, 'ann', 'confirm', { id })
    await clock.settle()
    expect((await inbox(hub))[0]?.told).toEqual(['delivered', 'confirmed'])
    expect((await deliveries(hub)).every(({ recipient, stage }) => recipient === 'ben' && stage === 'sent')).toBe(true)
  })

  test('is triggered by the app once for each key, and never into a full room', async () => {
    let { hub, clock, delivery } = begin({ deliver: () => new Promise(() => {}) })
    let ids = [1, 2].map(() => delivery.trigger('ops', 'ann', song, { by: 'olga', key: 'k' }))
    expect(new Set(await Promise.all(ids)).size).toBe(1)
    for (let i = 1; i < 200; i++) await trigger(hub)
    await expect(delivery.trigger('ops', 'ann', song, { by: 'olga' })).rejects.toMatchObject({ code: 'busy' })
    await clock.settle()
    expect(await deliveries(hub)).toHaveLength(200)
  })
})

describe('a restart', () => {
  test('goes on with what waited, was under way or was answered meanwhile: every step once', async () => {
    let jobs: string[] = []
    let note = (name: string) => async (job: DeliveryJob) => void jobs.push(`${name} ${job.attempt}`)
    let { hub, clock, delivery } = begin({
      async deliver(job) {
        await note('first')(job)
        return new Promise<void>(() => {})
      }
    })
    await trigger(hub)
    await clock.settle()
    delivery.close()
    let second = stage.start()
    let again = createContentDelivery({ hub: second, deliver: note('second'), report: stage.report })
    await clock.settle()
    expect(jobs).toEqual(['first 1', 'second 1'])
    expect(await timeline(second)).toBe('queued sent')
    again.close()
    // While nobody carries anything back, the person confirms.
    await says(second, 'ann', 'received', { id: (await inbox(second))[0]?.id })
    await says(second, 'ann', 'confirm', { id: (await inbox(second))[0]?.id })
    let third = stage.start()
    createContentDelivery({ hub: third, deliver: note('third'), report: stage.report })
    await clock.settle()
    expect(jobs).toEqual(['first 1', 'second 1'])
    expect(await timeline(third)).toBe('queued sent delivered confirmed')
    expect(await inbox(third)).toHaveLength(1)
    expect(await open(third)).toEqual([])
    let { figures } = await third.room('ops').state(content)
    expect(figures).toMatchObject({ triggered: 1, sent: 1, delivered: 1, confirmed: 1, failed: 0, retried: 0 })
  })

  test('between the inbox and the note that it was sent puts nothing into the inbox twice', async () => {
    let { hub, clock, delivery } = begin()
    delivery.close()
    await trigger(hub)
    let second = stage.start()
    let push = second.room.bind(second)
    let dying = {
      ...second,
      room: (id: string) => (id === 'ops' ? { ...push(id), push: () => new Promise<never>(() => {}) } : push(id))
    }
    let halfway = createContentDelivery({ hub: dying as Hub, report: stage.report })
    await second.room('ops').state(content)
    await clock.settle()
    expect(await inbox(second)).toHaveLength(1)
    expect(await timeline(second)).toBe('queued')
    await says(second, 'ann', 'received', { id: (await inbox(second))[0]?.id })
    halfway.close()
    let third = stage.start()
    createContentDelivery({ hub: third, report: stage.report })
    await third.room('ops').state(content)
    await clock.settle()
    expect(await inbox(third)).toHaveLength(1)
    expect(await timeline(third)).toBe('queued sent delivered')
  })

  test('keeps the pause before the next attempt', async () => {
    let times: number[] = []
    let deliver = async () => {
      times.push(stage.clock.now())
      throw new Error('down')
    }
    let { hub, clock, delivery } = begin({ deliver, backOff: [10_000, 10_000] })
    await trigger(hub)
    await clock.pass(1000)
    delivery.close()
    createContentDelivery({ hub: stage.start(), deliver, backOff: [10_000, 10_000], report: stage.report })
    await clock.pass(7000)
    expect(times.map(time => time - (times[0] as number))).toEqual([0, 7500])
  })
})

describe('a preview', () => {
  let ask = (hub: Hub) =>
    hub.room('ops').push(content, 'content:generatePreview', { template: 'song', data: { of: 'ann' } }, { by: 'olga' })
  let previews = async (hub: Hub) => (await hub.room('ops').state(content)).previews

  test('is made by the app, also after a restart in the midst of it', async () => {
    let { hub, clock, delivery } = begin({ preview: () => new Promise(() => {}) })
    let { id } = await ask(hub)
    await clock.settle()
    expect(await previews(hub)).toMatchObject([{ id, result: null, error: null }])
    expect(await open(hub)).toEqual(['ops'])
    delivery.close()
    let next = stage.start()
    createContentDelivery({
      hub: next,
      preview: async ({ template, data }) => ({ title: `${template} of ${data.of}` }),
      report: stage.report
    })
    await clock.settle()
    expect(await previews(next)).toMatchObject([
      { id, result: { title: 'song of ann', body: '', data: {} }, error: null }
    ])
    expect(await open(next)).toEqual([])
  })

  test.each<[string, ContentOptions['preview'], string]>([
    ['there is nobody to make it', undefined, 'no-preview'],
    ['the app cannot', async () => Promise.reject(new Error('no such template')), 'no such template'],
    ['the app makes what is no content', async () => ({ title: '' }), 'bad-argument']
  ])('says why not when %s', async (_, preview, error) => {
    let { hub, clock } = begin(preview && { preview })
    await ask(hub)
    await clock.settle()
    expect(await previews(hub)).toMatchObject([{ result: null, error }])
  })
})

test('on the wire nobody says what only the server may, and nobody confirms what is not theirs', async () => {
  stage = createStage(contentFeatures)
  let world = createWorld({ features: contentFeatures, clock: stage.clock })
  let { hub } = world
  createContentDelivery({ hub, report: stage.report })
  let { id } = await trigger(hub)
  await stage.clock.settle()
  let item = (await inbox(hub))[0]?.id as string
  let n = 0
  async function refusal(room: string, feature: string, type: string, data: unknown): Promise<unknown> {
    let peer = await world.join('eve', room, { hello: { cid: `eve-${++n}` } })
    peer.send(pushOf(1, { room, id: `id-${n}`, feature, type, data }))
    await stage.clock.settle()
    expect(peer.got.some(({ f }) => f === 'ack')).toBe(false)
    return peer.last('nack').code
  }
  for (let type of ['sent', 'delivered', 'confirmed'])
    expect(await refusal('ops', 'content', `content:${type}`, { id })).toBe('forbidden')
  expect(await refusal('ops', 'content', 'content:error', { id, error: 'x', nextAt: null })).toBe('forbidden')
  for (let type of ['received', 'confirm']) {
    expect(await refusal('user:eve', 'content-inbox', `content:${type}`, { id: item })).toBe('unknown-delivery')
    let peer = await world.join('eve', 'user:ann')
    peer.send(
      pushOf(1, {
        room: 'user:ann',
        id: `id-${++n}`,
        feature: 'content-inbox',
        type: `content:${type}`,
        data: { id: item }
      })
    )
    await stage.clock.settle()
    expect(peer.got.some(({ f }) => f === 'ack' || f === 'joined')).toBe(false)
  }
  expect(await timeline(hub)).toBe('queued sent')
  expect(await inbox(hub)).toMatchObject([{ receivedAt: null, confirmedAt: null }])
})
