// One nervous system as its users meet it: real pages of two devices of one person, each behind a network of its own, and a
// server that is killed in the middle of a dream.

import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { Browser, BrowserContextOptions, Locator, Page } from 'playwright'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { launch } from '../support/chromium.js'
import { type CuttableProxy, cuttableProxy } from '../support/cuttable-proxy.js'
import { type Example, startExample } from '../support/example.js'

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const DEADLINE = 20_000

let browser: Browser
let example: Example
let cleanups: (() => unknown)[] = []
let complaints: string[] = []
/** A person of their own for each test, on the same server. */
let user = ''

beforeAll(async () => {
  ;[browser, example] = await Promise.all([launch(), startExample('dream')])
})
afterAll(async () => {
  await browser.close()
  await example.close()
})
beforeEach(({ task }) => {
  user = `person-${task.id}`
  complaints = []
})
afterEach(async () => {
  for (let clean of cleanups.splice(0).reverse()) await clean()
})

interface Device {
  readonly page: Page
  readonly network: CuttableProxy
}

async function open(device: 'desktop' | 'mobile', options: BrowserContextOptions = {}): Promise<Device> {
  let network = await cuttableProxy(example.port)
  let context = await browser.newContext(options)
  cleanups.push(() => context.close().then(() => network.close()))
  let page = await context.newPage()
  page.setDefaultTimeout(DEADLINE)
  page.on('pageerror', error => complaints.push(String(error.stack)))
  await page.goto(`http://127.0.0.1:${network.port}/device.html?device=${device}&user=${user}`)
  await online(page)
  return { page, network }
}

let online = (page: Page) => page.locator('#connection[data-phase="online"]').waitFor()
let isCut = (page: Page) => page.locator('#connection:not([data-phase="online"])').waitFor()
let move = (page: Page, name: string, value: number) => page.locator(`#limbic-${name}`).fill(String(value))
let feels = (page: Page, name: string, value: number) =>
  page.locator(`output[for="limbic-${name}"]`, { hasText: value.toFixed(2) }).waitFor()
let take = (page: Page, posture: string) => page.getByRole('button', { name: posture, exact: true }).click()
let taken = (page: Page, posture: string) =>
  page.locator(`#postures button[aria-pressed="true"]`, { hasText: posture }).waitFor()
let drained = (page: Page) => page.locator('#waiting:empty').waitFor({ state: 'attached' })

async function dream(page: Page, nights: number): Promise<void> {
  await page.getByLabel('Nights').fill(String(nights))
  await page.getByRole('button', { name: 'Dream', exact: true }).click()
}
/** The dream that was started last. */
let newest = (page: Page): Locator => page.locator('#tasks > li').first()
let is = (page: Page, status: string) =>
  page.locator(`#tasks > li:first-child[data-status="${status}"]`).waitFor({ timeout: DEADLINE })
let partials = (page: Page) => newest(page).locator('.partials li')

test('what one device feels the other does; edits made apart both hold, and the same one is as it came last', async () => {
  let [desk, phone] = await Promise.all([open('desktop'), open('mobile')])
  await move(desk.page, 'trust', 0.75)
  await feels(phone.page, 'trust', 0.75)

  phone.network.cut()
  await isCut(phone.page)
  await move(phone.page, 'joy', 0.91)
  await move(phone.page, 'calm', 0.11)
  await move(phone.page, 'joy', 0.93)
  await feels(phone.page, 'joy', 0.93)
  await move(desk.page, 'joy', 0.22)
  await move(desk.page, 'fear', 0.83)
  await take(desk.page, 'alert')
  await take(phone.page, 'resting')
  await taken(phone.page, 'resting')
  await drained(desk.page)
  // A patch of the same field took the place of the one before; the switch is the third to wait.
  await phone.page.locator('#waiting', { hasText: '3 waiting' }).waitFor()

  phone.network.restore()
  await online(phone.page)
  await drained(phone.page)
  let late = await open('mobile')
  for (let { page } of [desk, phone, late]) {
    await feels(page, 'joy', 0.93)
    await feels(page, 'calm', 0.11)
    await feels(page, 'fear', 0.83)
    await feels(page, 'trust', 0.75)
    await taken(page, 'alert')
    expect(await page.locator('#posture-now').textContent()).toContain('alert: pace 0.9, lights bright')
  }
  await phone.page.locator('#notices p', { hasText: 'Another device was faster' }).waitFor()
  await phone.page.getByRole('button', { name: 'Good to know' }).click()
  await phone.page.locator('#notices:empty').waitFor({ state: 'attached' })
  expect(complaints).toEqual([])
})

test('what is critical overtakes a backlog', async () => {
  let { page } = await open('desktop')
  await page.getByLabel('Network').uncheck()
  await isCut(page)
  await page.evaluate(() => {
    let buttons = [...document.querySelectorAll<HTMLElement>('#postures button')]
    for (let i = 0; i < 200; i++) buttons[i % buttons.length]?.click()
  })
  await move(page, 'anger', 0.97)
  await page.locator('#waiting', { hasText: '201 waiting' }).waitFor()
  await page.getByLabel('Network').check()
  await online(page)
  await drained(page)
  // As text, for imports of the page are not those of this file.
  let before = await page.evaluate<number>(`(async () => {
    let { createRealtime } = await import('realtime-stores')
    let client = createRealtime({ url: 'ws://' + location.host + '/realtime', app: 'x', user: 'reader', persist: false })
    let room = client.room('companion')
    client.connect()
    await new Promise(done => room.$status.subscribe(({ stale }) => stale || done()))
    let { events } = await room.history({ limit: 201 })
    await client.close()
    return events.findIndex(({ feature, data }) => feature === 'limbic' && data.fields.anger === 0.97)
  })()`)
  expect(before).toBeGreaterThanOrEqual(0)
  expect(before).toBeLessThan(10)
  expect(complaints).toEqual([])
})

test('a dream goes on over a reload of its page and the death of its server, and all devices have what came of it', async () => {
  let [desk, phone] = await Promise.all([open('desktop'), open('mobile')])
  await dream(desk.page, 3)
  await is(phone.page, 'running')
  await newest(phone.page).locator('.stage', { hasText: 'night 1' }).waitFor()
  await partials(phone.page).nth(0).waitFor()

  await desk.page.reload()
  await is(desk.page, 'running')
  await newest(desk.page).locator('.stage', { hasText: 'night 2' }).waitFor()
  await example.kill()
  await Promise.all([isCut(desk.page), isCut(phone.page)])
  await example.start()

  for (let { page } of [phone, desk]) {
    await is(page, 'done')
    await expect.poll(() => partials(page).count()).toBe(3)
    expect(await partials(page).allTextContents()).toEqual([
      expect.stringMatching(/^1\./),
      expect.stringMatching(/^2\./),
      expect.stringMatching(/^3\./)
    ])
    await newest(page).locator('.result', { hasText: 'Came together to' }).waitFor()
    await newest(page).locator('.times', { hasText: 'attempt 2' }).waitFor()
    await page.locator('#convergence-phase', { hasText: 'dreamt, 100 % sure' }).waitFor()
  }

  await dream(phone.page, 5)
  await is(desk.page, 'running')
  await newest(desk.page)
    .getByRole('button', { name: /^Cancel/ })
    .click()
  await is(phone.page, 'cancelled')
  await phone.page.reload()
  await is(phone.page, 'cancelled')
  await phone.page.locator('#tasks > li[data-status="done"]').waitFor()
  expect(await partials(phone.page).count()).toBeLessThan(5)

  await newest(phone.page)
    .getByRole('button', { name: /^Clear/ })
    .click()
  await is(desk.page, 'done')
  expect(await desk.page.locator('#tasks > li').count()).toBe(1)
  expect(complaints).toEqual([])
}, 90_000)

test('is accessible in the light and in the dark, on a small screen too', async () => {
  let { page } = await open('mobile', { reducedMotion: 'reduce', viewport: { width: 375, height: 800 } })
  await dream(page, 1)
  await is(page, 'done')
  await dream(page, 4)
  await partials(page).nth(0).waitFor()
  await page.evaluate(axe)
  for (let colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme })
    let violations = await page.evaluate(async () => {
      let { axe } = window as unknown as { axe: typeof import('axe-core') }
      let { violations } = await axe.run({ runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'] })
      return violations.map(({ id, impact, nodes }) => ({ id, impact, at: nodes.map(({ target }) => String(target)) }))
    })
    expect([colorScheme, violations]).toEqual([colorScheme, []])
  }
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(375)
  await newest(page)
    .getByRole('button', { name: /^Cancel/ })
    .click()
  await is(page, 'cancelled')
})
