import { expect, onTestFinished, test } from 'vitest'
import { metricRoom, metrics } from '../../../src/features/metrics.js'
import { OPERATIONS_ROOM, openAlerts, system } from '../../../src/features/system.js'
import { processSources } from '../../../src/handlers/metrics/process.js'
import { createMetrics, type MetricsOptions, type Source } from '../../../src/handlers/metrics.js'
import { createMetricsKit } from '../../../src/kits/metrics.js'
import { createHub, createMemoryStorage } from '../../../src/server/index.js'
import { nodeClock, nodeRandom } from '../../../src/server/node.js'
import type { World } from '../../../src/testing/world.js'
import { createOperationsWorld, open } from './operations.js'

/** A source whose value the test sets. */
function dial(name: string, value: number | null = 0): Source & { value: number | null } {
  let source = { name, label: name.toUpperCase(), unit: '%', value, read: () => source.value }
  return source
}

function start(world: World, sources: readonly Source[], options: Partial<MetricsOptions> = {}) {
  return createMetrics({ hub: world.server.hub, sources, ...options })
}

let series = async (world: World, name: string) => (await world.server.state(metricRoom(name), metrics)).series
let alerts = async (world: World) => (await world.server.state(OPERATIONS_ROOM, system)).alerts
let cpu = { id: 'high', metric: 'cpu', level: 'warning' as const, raise: 90, clear: 70, forMs: 2000 }

test('what is measured reaches who subscribed to it, and nobody else: nothing else travels', async () => {
  let world = createOperationsWorld()
  let [one, two] = [dial('cpu', 10), dial('memory', 20)]
  await start(world, [one, two])
  let ada = open(world, 'ada', { admin: true })
  let kit = createMetricsKit(ada)
  await world.advance(2000)
  expect(kit.system.$state.get().metrics.map(({ name }) => name)).toEqual(['cpu', 'memory'])

  let received = () => ada.$connection.get().casts.received
  await world.advance(60_000)
  expect(received()).toBe(0)

  let $cpu = kit.subscribe('cpu')
  expect(kit.subscribe('cpu')).toBe($cpu)
  expect(kit.$subscribed.get()).toEqual(['cpu'])
  await world.advance(5000)
  one.value = 55
  await world.until(() => $cpu.get().last?.value === 55)
  let values = $cpu.get().live.map(({ value }) => value)
  expect(values.slice(0, 5)).toEqual([10, 10, 10, 10, 10])
  expect(values.at(-1)).toBe(55)

  let before = received()
  await world.advance(60_000)
  expect(received() - before).toBeGreaterThanOrEqual(59)
  expect(received() - before).toBeLessThanOrEqual(61)

  kit.unsubscribe('cpu')
  await world.advance(10_000)
  before = received()
  await world.advance(60_000)
  expect(received()).toBe(before)
  expect(world.server.hub.stats().castsIn).toBeGreaterThan(300)
})

test('a page that comes back does not take a sample twice', async () => {
  let world = createOperationsWorld()
  let measuring = await start(world, [dial('cpu', 10)])
  let device = world.device()
  let { client } = device.openTab('ada', { token: 'admin:ada' })
  client.connect()
  let $cpu = createMetricsKit(client).subscribe('cpu')
  await world.advance(5000)
  await measuring.close()
  await world.advance(2000)
  let before = $cpu.get().live
  expect(before.length).toBeGreaterThan(2)
  device.goOffline()
  await world.advance(2000)
  device.goOnline()
  await world.until(() => client.$connection.get().phase === 'online')
  await world.advance(2000)
  expect($cpu.get().live).toEqual(before)
})

test('what it comes to by minute is stored, minutes never mixed, and goes on after a restart', async () => {
  let world = createOperationsWorld()
  let source = dial('cpu', 1)
  let first = await start(world, [source])
  let begin = world.clock.now()
  await world.advance(150_000)
  source.value = 9
  await world.advance(30_000)
  await first.close()
  let { minutes, hours } = await series(world, 'cpu')
  let total = minutes.reduce((sum, [, count]) => sum + count, 0)
  expect(total).toBe(180)
  expect(minutes.length).toBe(Math.floor((begin + 180_000) / 60_000) - Math.floor((begin + 1000) / 60_000) + 1)
  for (let [at, count] of minutes) {
    expect(at % 60_000).toBe(0)
    expect(count).toBeLessThanOrEqual(60)
  }
  expect(minutes.at(-1)?.[3]).toBe(9)
  expect(hours.map(([, count]) => count).reduce((a, b) => a + b)).toBe(180)

  await world.server.restart()
  expect((await series(world, 'cpu')).minutes).toEqual(minutes)
  let second = await start(world, [source])
  await world.advance(60_000)
  await second.close()
  expect((await series(world, 'cpu')).minutes.reduce((sum, [, count]) => sum + count, 0)).toBe(240)
})

test('a crash costs no more than what was measured since it was stored last', async () => {
  let world = createOperationsWorld()
  await start(world, [dial('cpu', 1)], { rollup: 5000 })
  await world.advance(23_000)
  world.server.crash()
  world.server.start()
  let { minutes } = await series(world, 'cpu')
  let total = minutes.reduce((sum, [, count]) => sum + count, 0)
  expect(total).toBeGreaterThanOrEqual(18)
})

test('an alert is raised and cleared once each, is acknowledged by an admin, and reaches every admin', async () => {
  let world = createOperationsWorld()
  let source = dial('cpu', 50)
  await start(world, [source], { thresholds: [cpu] })
  let [ada, ben] = [open(world, 'ada', { admin: true }), open(world, 'ben', { admin: true })]
  let mine = ada.room(OPERATIONS_ROOM).use(system)
  let theirs = ben.room(OPERATIONS_ROOM).use(system)
  await world.advance(3000)
  source.value = 95
  await world.advance(1000)
  expect(await alerts(world)).toEqual([])
  for (let value of [95, 95, 95, 80, 95, 71]) {
    source.value = value
    await world.advance(1000)
  }
  expect(theirs.$state.get().alerts).toMatchObject([{ threshold: 'high', value: 95, limit: 90, clearedAt: null }])
  let id = openAlerts(mine.$state.get())[0]?.id as string
  mine.acknowledgeAlert(id)
  await world.advance(1000)
  expect(theirs.$state.get().alerts[0]?.acknowledged?.by).toBe('ada')
  expect(theirs.acknowledgeAlert(id)).toBeNull()
  source.value = 60
  await world.advance(5000)
  expect(await alerts(world)).toMatchObject([{ clearedValue: 60 }])
  expect(openAlerts(theirs.$state.get())).toEqual([])
})

test('an alert lasts over a restart, and is over when nobody watches for it any more', async () => {
  let world = createOperationsWorld()
  let source = dial('cpu', 95)
  let other = { ...cpu, id: 'other', forMs: 0 }
  await start(world, [source], { thresholds: [cpu, other] })
  await world.advance(5000)
  expect(openAlerts(await world.server.state(OPERATIONS_ROOM, system))).toHaveLength(2)
  world.server.crash()
  world.server.start()
  // Inside the band, where nothing is raised anew.
  source.value = 80
  await start(world, [source], { thresholds: [cpu] })
  await world.advance(10_000)
  expect(
    Object.fromEntries((await alerts(world)).map(({ threshold, clearedAt }) => [threshold, clearedAt === null]))
  ).toEqual({
    high: true,
    other: false
  })
  source.value = 10
  await world.advance(5000)
  expect(openAlerts(await world.server.state(OPERATIONS_ROOM, system))).toEqual([])
})

test('an alert that could not be stored is said again, and so is its end', async () => {
  let world = createOperationsWorld()
  let source = dial('cpu', 50)
  let reports: string[] = []
  await start(world, [source], { thresholds: [cpu], report: (_, code) => reports.push(code) })
  let after = async (value: number): Promise<number> => {
    source.value = value
    world.server.storage.broken = new Error('the disk is full')
    await world.advance(5000)
    expect(reports.splice(0)).toContain('not-stored')
    world.server.storage.broken = null
    await world.advance(5000)
    return openAlerts(await world.server.state(OPERATIONS_ROOM, system)).length
  }
  await world.advance(3000)
  expect(await after(95)).toBe(1)
  expect(await after(10)).toBe(0)
  expect(await alerts(world)).toHaveLength(1)
})

test('who is no admin gets nothing of it, whatever they say', async () => {
  let world = createOperationsWorld()
  await start(world, [dial('cpu', 10)], { thresholds: [{ ...cpu, raise: 5, clear: 1, forMs: 0 }] })
  await world.advance(2000)
  let eve = open(world, 'eve')
  let liar = open(world, 'ada') // without the token of ada
  for (let client of [eve, liar]) {
    let room = client.room(metricRoom('cpu'))
    let { $state } = room.use(metrics)
    let operations = client.room(OPERATIONS_ROOM)
    let system_ = operations.use(system)
    await world.advance(5000)
    expect(room.$status.get().refused).toBe('forbidden')
    expect(operations.$status.get().refused).toBe('forbidden')
    expect($state.get().last).toBeNull()
    expect(system_.$state.get().alerts).toEqual([])
  }
})

test('a source that throws or says nothing is reported or left out, and disturbs no other', async () => {
  let world = createOperationsWorld()
  let reports: unknown[] = []
  let bad: Source = {
    ...dial('bad'),
    read() {
      throw new Error('broken')
    }
  }
  await start(world, [bad, dial('none', null), dial('nan', Number.NaN), dial('cpu', 4)], {
    rollup: 5000,
    report: (_, code, detail) => reports.push([code, (detail as { metric: string }).metric])
  })
  await world.advance(6000)
  expect(reports).toContainEqual(['source-threw', 'bad'])
  expect((await series(world, 'cpu')).minutes).not.toEqual([])
  for (let name of ['bad', 'none', 'nan']) expect((await series(world, name)).minutes).toEqual([])
})

test('nothing is thrown when the server is closed first', async () => {
  let world = createOperationsWorld()
  let reports: string[] = []
  let handler = await start(world, [dial('cpu', 4)], { report: (_, code) => reports.push(code) })
  await world.advance(3000)
  await world.server.hub.close()
  await world.advance(3000)
  await handler.close()
  expect(reports).toContain('not-told')
  expect(reports).toContain('not-stored')
})

test.each<[string, Partial<MetricsOptions>, string]>([
  ['a metric without a label', { custom: [{ ...dial('x'), label: '' }] }, '«x»: name and label'],
  ['a unit that nobody could show', { custom: [{ ...dial('x'), unit: 'x'.repeat(17) }] }, '«x»: its unit'],
  ['two metrics of one name', { custom: [dial('cpu')] }, 'two metrics are named «cpu»'],
  ['a threshold of nothing', { thresholds: [{ ...cpu, metric: 'x' }] }, 'there is no metric «x»'],
  ['a pace that nobody could keep', { every: 5 }, 'every'],
  ['roll-ups between samples', { rollup: 500 }, 'rollup']
])('refuses %s', async (_, options, message) => {
  let world = createOperationsWorld()
  await expect(start(world, [dial('cpu')], options)).rejects.toThrow(message)
})

test('the sources are real: this process, its event loop, its hub', async () => {
  let hub = createHub({ features: [], storage: createMemoryStorage(), clock: nodeClock, random: nodeRandom })
  let sources = processSources(hub, import.meta.filename)
  onTestFinished(async () => {
    for (let source of sources) source.close?.()
    await hub.close()
  })
  let read = () => Object.fromEntries(sources.map(({ name, read }) => [name, read()]))
  read()
  let busy: Record<string, number | null> = {}
  // The delay is noticed when the loop comes around again.
  await expect
    .poll(async () => {
      let until = performance.now() + 200
      let used = process.cpuUsage()
      // However little of the machine this process gets.
      while (performance.now() < until || process.cpuUsage(used).user < 100_000);
      await new Promise(resolve => setTimeout(resolve, 20))
      busy = read()
      return busy['loop-delay']
    })
    .toBeGreaterThan(100)
  expect(busy.cpu).toBeGreaterThan(1)
  expect(busy.memory).toBeGreaterThan(20e6)
  expect(busy.memory as number).toBeGreaterThan(busy.heap as number)
  expect(busy['loop-use']).toBeGreaterThan(50)
  expect(busy.connections).toBe(0)
  expect(busy.storage).toBeGreaterThan(1000)
  if (process.platform === 'linux') expect(busy.threads).toBeGreaterThan(1)
})
