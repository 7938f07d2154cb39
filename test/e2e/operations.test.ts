// The operations example as its admins meet it: two of them and somebody who is none, each with a network of their own, over one
// server that measures itself and runs real processes.

import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { Browser, BrowserContextOptions, Locator, Page } from 'playwright'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Realtime } from '../../src/index.js'
import { launch } from '../support/chromium.js'
import { type CuttableProxy, cuttableProxy } from '../support/cuttable-proxy.js'
import { type Example, startExample } from '../support/example.js'

declare global {
  interface Window {
    /** Of the example's page. */
    operations: { client: Realtime }
  }
}

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const WAIT = { timeout: 20_000, interval: 50 }

interface Person {
  readonly page: Page
  readonly network: CuttableProxy
  readonly complaints: string[]
  /** How many samples of metrics have come over the wire. */
  samples(): number
}

let browser: Browser
let example: Example
let networks: CuttableProxy[] = []
let ada: Person
let ben: Person
let cleo: Person

async function open(name: string, options: BrowserContextOptions = {}): Promise<Person> {
  let network = await cuttableProxy(example.port)
  networks.push(network)
  let context = await browser.newContext({ viewport: { width: 1280, height: 1000 }, ...options })
  let page = await context.newPage()
  page.setDefaultTimeout(WAIT.timeout)
  let complaints: string[] = []
  page.on('pageerror', error => complaints.push(String(error.stack)))
  let samples = 0
  page.on('websocket', socket =>
    socket.on('framereceived', ({ payload }) => {
      samples += String(payload).split('"metrics:update"').length - 1
    })
  )
  await page.goto(`http://127.0.0.1:${network.port}/?as=${name}`)
  await online(page)
  return { page, network, complaints, samples: () => samples }
}

beforeAll(async () => {
  process.env.SPEED = '5'
  ;[example, browser] = await Promise.all([startExample('operations'), launch()])
  ;[ada, ben, cleo] = (await Promise.all(['ada', 'ben', 'cleo'].map(name => open(name)))) as [Person, Person, Person]
})

afterAll(async () => {
  delete process.env.SPEED
  await browser.close()
  await Promise.all(networks.map(network => network.close()))
  await example.close()
})

let online = (page: Page) => page.locator('.phase[data-phase="online"]').waitFor()
let offline = (page: Page) => page.locator('.phase:not([data-phase="online"])').waitFor()
let metric = async (page: Page, name: string) =>
  Number(await page.locator(`output[data-metric="${name}"]`).getAttribute('data-value'))
let client = (page: Page, id: string) => page.locator(`[data-client="${id}"]`)
let attribute = async (of: Locator, name: string) => Number(await of.getAttribute(name))
let choose = (page: Page, label: string) => page.getByRole('checkbox', { name: label, exact: true })
let runs = (page: Page, id: string) => page.locator(`[data-client="${id}"][data-status="connected"]`).waitFor()

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

test('what is measured is real and moves: work drives the CPU up, an alert is raised, seen to, and cleared', async () => {
  for (let { page } of [ada, ben]) {
    await expect.poll(() => metric(page, 'memory'), WAIT).toBeGreaterThan(30e6)
    await page.locator('[data-health="ok"]').waitFor()
  }
  await ada.page.getByRole('button', { name: 'Make some work' }).click()
  for (let { page } of [ada, ben]) await expect.poll(() => metric(page, 'cpu'), WAIT).toBeGreaterThan(12)
  let alert = ben.page.locator('.alert[data-level="warning"]', { hasText: 'loop-use' })
  await alert.getByRole('button', { name: 'I see to it' }).click()
  await ada.page.locator('.alert', { hasText: 'ben sees to it' }).waitFor()
  for (let { page } of [ada, ben]) {
    await page.locator('.alert[data-level="over"]', { hasText: 'loop-use' }).first().waitFor()
    await expect.poll(() => metric(page, 'cpu'), WAIT).toBeLessThan(10)
  }
  await ben.page.locator('#analytics [data-type="work.done"]', { hasText: '300' }).waitFor()
})

test('only what was chosen travels', async () => {
  let { page, samples } = ada
  let during = async (ms: number) => {
    let before = samples()
    await page.waitForTimeout(ms)
    return samples() - before
  }
  let first = ['CPU', 'Memory', 'Event loop delay (99 %)']
  let three = await during(1000)
  for (let label of first) await choose(page, label).uncheck()
  // A room is left a moment later, in case that it is entered again.
  await expect.poll(() => during(500), WAIT).toBe(0)
  expect(await during(1000)).toBe(0)
  await choose(page, 'Heap in use').check()
  await expect.poll(() => metric(page, 'heap'), WAIT).toBeGreaterThan(1e6)
  let one = await during(1000)
  expect(one).toBeGreaterThanOrEqual(2)
  expect(three).toBeGreaterThan(one)
  await choose(page, 'Heap in use').uncheck()
  for (let label of first) await choose(page, label).check()
})

test('a client is a real process: started, killed from outside, back as another one, with settings that take effect', async () => {
  await runs(ada.page, 'mail')
  await client(ada.page, 'mail').getByRole('button', { name: 'Stop' }).click()
  await ben.page.locator('[data-client="mail"][data-status="disconnected"]').waitFor()
  await client(ada.page, 'mail').getByRole('button', { name: 'Start', exact: true }).click()
  for (let { page } of [ada, ben, cleo]) await runs(page, 'mail')
  let first = await attribute(client(ben.page, 'mail'), 'data-pid')
  expect(isAlive(first)).toBe(true)

  process.kill(first, 'SIGKILL')
  for (let { page } of [ada, cleo]) await client(page, 'mail').getByText('Last error: crashed, SIGKILL').waitFor()
  await expect.poll(() => attribute(client(cleo.page, 'mail'), 'data-pid'), WAIT).not.toBe(first)
  for (let { page } of [ada, ben, cleo]) await runs(page, 'mail')
  let second = await attribute(client(cleo.page, 'mail'), 'data-pid')
  expect([isAlive(first), isAlive(second)]).toEqual([false, true])
  await client(ben.page, 'mail').getByText('History of Mail').click()
  await client(ben.page, 'mail').locator('.history li', { hasText: 'crashed: SIGKILL' }).waitFor()

  let before = await attribute(client(cleo.page, 'mail'), 'data-memory')
  await client(ada.page, 'mail').getByText('Settings of Mail').click()
  await client(ada.page, 'mail').getByLabel('Memory it holds').fill('80')
  await client(ada.page, 'mail').getByLabel('Friends').fill('5')
  await client(ada.page, 'mail').getByRole('button', { name: 'Change' }).click()
  await expect
    .poll(() => attribute(client(cleo.page, 'mail'), 'data-memory'), WAIT)
    .toBeGreaterThan(before + 60 * 1024 * 1024)
  await client(cleo.page, 'mail').getByText('Friends: Fay, Gus, Hal, Ivy, Jon').waitFor()
  await client(ben.page, 'mail').getByRole('button', { name: 'Restart' }).click()
  await expect.poll(() => attribute(client(ada.page, 'mail'), 'data-pid'), WAIT).not.toBe(second)
  await runs(ada.page, 'mail')
  await expect.poll(() => isAlive(second), WAIT).toBe(false)
})

test('who is no admin sees how clients are and drives none, and gets nothing of the rest, whatever is asked for', async () => {
  let { page } = cleo
  expect(await page.getByText('This is for admins.').count()).toBe(5)
  await client(page, 'feed').getByRole('button', { name: 'Start', exact: true }).click()
  await page.locator('#live', { hasText: 'Refused: client start, forbidden.' }).waitFor()
  expect(await client(page, 'feed').getAttribute('data-status')).toBe('disconnected')
  let refused = await page.evaluate(async () => {
    let { client } = window.operations
    let rooms = ['operations', 'metrics:cpu'].map(id => client.room(id))
    while (rooms.some(room => room.$status.get().refused === null)) await new Promise(requestAnimationFrame)
    return rooms.map(room => room.$status.get().refused)
  })
  expect(refused).toEqual(['forbidden', 'forbidden'])
  await ada.page.locator('#sessions tr[data-user="cleo"]').waitFor()
})

test('offline, what is asked for waits; back again it is done, and the numbers move on', async () => {
  let { page, network } = ben
  let shown = await metric(page, 'memory')
  network.cut()
  await offline(page)
  expect(await metric(page, 'memory')).toBe(shown)
  await client(page, 'feed').getByText('Settings of Feed').click()
  await client(page, 'feed').getByLabel('Friends').fill('2')
  await client(page, 'feed').getByRole('button', { name: 'Change' }).click()
  await client(page, 'feed').getByRole('button', { name: 'Start', exact: true }).click()
  await client(page, 'feed').getByText('Does not run, starting …').waitFor()
  await page.locator('.phase', { hasText: '2 waiting' }).waitFor()
  expect(await client(ada.page, 'feed').getAttribute('data-status')).toBe('disconnected')
  network.restore()
  for (let person of [ada, ben]) {
    await runs(person.page, 'feed')
    await client(person.page, 'feed').getByText('Friends: Fay, Gus', { exact: true }).waitFor()
  }
  await expect.poll(() => metric(page, 'memory'), WAIT).not.toBe(shown)
})

test('a session can be ended by an admin, and a report be read and kept', async () => {
  let eve = await open('cleo')
  let row = ada.page.locator('#sessions tr[data-user="cleo"]')
  await expect.poll(() => row.count(), WAIT).toBe(2)
  await row.last().getByRole('button').click()
  await eve.page.locator('.phase[data-phase="closed"]').waitFor()
  await expect.poll(() => row.count(), WAIT).toBe(1)
  await eve.page.context().close()

  await ben.page.getByRole('button', { name: 'Make a report' }).click()
  let report = ada.page.locator('[data-report]').first()
  await report.locator('summary').click()
  await report.getByText('work.done: 300').waitFor()
  let [download] = await Promise.all([
    ada.page.waitForEvent('download'),
    report.getByRole('link', { name: 'report.json' }).click()
  ])
  let { metrics, usage } = JSON.parse(readFileSync((await download.path()) as string, 'utf8'))
  expect(usage.byType['work.done']).toBe(300)
  let cpu = metrics.find(({ name }: { name: string }) => name === 'cpu').summary
  expect(cpu.max).toBeGreaterThan(12)
  expect(cpu.min).toBeLessThan(cpu.mean)
  expect(cpu.mean).toBeLessThan(cpu.max)
})

test('charts say in words what they show, and the page paints once a frame at most', async () => {
  let { page } = ada
  let chart = page.locator('.chart').first()
  await expect.poll(() => chart.getAttribute('aria-label'), WAIT).toMatch(/CPU: now .* %, between .* and /)
  await page.getByLabel('Period of CPU').selectOption('minutes')
  await page.getByText('CPU as a table').click()
  await page.getByRole('region', { name: 'CPU, values' }).getByRole('row').first().waitFor()
  // As text: what the page imports is none of this test's modules.
  let drawn = await page.evaluate(`(async () => {
    let { watch } = await import('/dom.js')
    let { atom } = await import('nanostores')
    let drawn = []
    let $value = atom(0)
    let stop = watch($value, value => drawn.push(value))
    for (let i = 1; i <= 1000; i++) $value.set(i)
    await new Promise(requestAnimationFrame)
    await new Promise(requestAnimationFrame)
    $value.set(2000)
    stop()
    await new Promise(requestAnimationFrame)
    return drawn
  })()`)
  expect(drawn).toEqual([0, 1000])
})

test('the server is killed: no client outlives it, and what was measured and wanted is there again', async () => {
  await expect
    .poll(() => ada.page.getByRole('region', { name: 'CPU, values' }).getByRole('row').count(), WAIT)
    .toBeGreaterThan(1)
  let first = await attribute(client(ada.page, 'mail'), 'data-pid')
  await example.kill()
  for (let { page } of [ada, ben, cleo]) await offline(page)
  await expect.poll(() => isAlive(first), WAIT).toBe(false)
  await example.start()
  for (let { page } of [ada, ben, cleo]) {
    await online(page)
    await expect.poll(() => attribute(client(page, 'mail'), 'data-pid'), WAIT).not.toBe(first)
    await runs(page, 'mail')
    await runs(page, 'feed')
  }
  // The peak of the first test, in a page that has seen nothing of it.
  let fresh = await open('ben')
  await fresh.page.getByLabel('Period of CPU').selectOption('minutes')
  await expect
    .poll(() => fresh.page.locator('.chart').first().getAttribute('aria-label'), WAIT)
    .toMatch(/CPU: now .* between/)
  await fresh.page.locator('#analytics [data-type="work.done"]', { hasText: '300' }).waitFor()
  await fresh.page.locator('.alert[data-level="over"]', { hasText: 'ben sees to it' }).waitFor()
  expect([ada, ben, cleo, fresh].flatMap(({ complaints }) => complaints)).toEqual([])
})

test.each(['light', 'dark'] as const)('axe finds nothing wrong, in %s', async colorScheme => {
  let { page } = ada
  await page.emulateMedia({ colorScheme })
  await page.evaluate(axe)
  let violations = await page.evaluate(async () => {
    let { axe } = window as unknown as { axe: typeof import('axe-core') }
    let { violations } = await axe.run({
      runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']
    })
    return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`)
  })
  expect(violations).toEqual([])
})
