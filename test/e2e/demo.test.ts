// The demo as its users meet it: `npm start`, one address, two people side by side.

import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Browser, BrowserContextOptions, Locator, Page } from 'playwright'
import { afterAll, afterEach, beforeAll, expect, onTestFinished, test } from 'vitest'
import { launch } from '../support/chromium.js'

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const DEADLINE = 20_000

let browser: Browser
let cleanups: (() => unknown)[] = []

beforeAll(async () => {
  browser = await launch()
})
afterAll(() => browser.close())
afterEach(async () => {
  for (let clean of cleanups.splice(0).reverse()) await clean()
})

interface Demo {
  readonly child: ChildProcess
  readonly url: string
  output(): string
  /** What the demo tells of the realtime server. */
  server(): Promise<{ status: string; pid: number; port: number; starts: number }>
  ended: Promise<number | null>
}

async function startDemo({ port = 0 } = {}): Promise<Demo> {
  let data = mkdtempSync(join(tmpdir(), 'companion-'))
  let output = ''
  let child = spawn(process.execPath, ['scripts/start.mjs', '--port', String(port), '--data', data])
  let ended = new Promise<number | null>(resolve => child.once('exit', resolve))
  cleanups.push(async () => {
    child.kill('SIGTERM')
    await ended
    rmSync(data, { recursive: true, force: true })
  })
  child.stdout.setEncoding('utf8').on('data', text => {
    output += text
  })
  child.stderr.setEncoding('utf8').on('data', text => {
    output += text
  })
  await expect.poll(() => output, { timeout: DEADLINE }).toContain('Ctrl-C')
  let url = /http:\S+/.exec(output)?.[0] as string
  return {
    child,
    url,
    ended,
    output: () => output,
    server: async () => (await fetch(new URL('/server', url))).json() as ReturnType<Demo['server']>
  }
}

interface Opened {
  readonly page: Page
  readonly ada: Locator
  readonly ben: Locator
  /** What the console and the page complained of. */
  readonly complaints: string[]
}

async function open({ url }: Demo, options: BrowserContextOptions = {}): Promise<Opened> {
  let context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options })
  cleanups.push(() => context.close())
  let page = await context.newPage()
  page.setDefaultTimeout(DEADLINE)
  let complaints: string[] = []
  page.on('console', message => message.type() === 'error' && complaints.push(message.text()))
  page.on('pageerror', error => complaints.push(String(error.stack)))
  await page.goto(url)
  let [ada, ben] = [page.locator('#ada'), page.locator('#ben')]
  await online(ada)
  await online(ben)
  return { page, ada, ben, complaints }
}

let online = (person: Locator) => person.locator('.phase[data-phase="online"]').waitFor()
let offline = (person: Locator) => person.locator('.phase:not([data-phase="online"])').waitFor()
let mood = (person: Locator, name: string) =>
  person.locator('.moods').getByRole('button', { name, exact: true }).first()
let felt = (person: Locator, name: string) => person.locator(`.stage[data-mood="${name}"]`).waitFor()
let cable = (person: Locator) => person.getByRole('switch', { name: 'Plugged in' })
let burst = (person: Locator) => person.getByRole('button', { name: '100 actions' })
let outbox = (person: Locator, words: string) => person.locator('.outbox-count', { hasText: words }).waitFor()
let walked = (person: Locator, words: string) => person.locator('.walked', { hasText: words }).waitFor()

test('what one does, the other sees', async () => {
  let { page, ada, ben, complaints } = await open(await startDemo())
  await mood(ada, 'Loving').click()
  await felt(ben, 'loving')
  await mood(ben, 'Playful').click()
  await felt(ada, 'playful')

  await ada.getByLabel('A new memory').fill('The evening by the lake')
  await ada.getByRole('button', { name: 'Keep' }).click()
  let memory = ben.locator('.memory', { hasText: 'The evening by the lake' })
  await memory.getByRole('button', { name: 'Mark as read' }).click()
  await memory.getByText('New', { exact: true }).waitFor({ state: 'hidden' })

  await ada.getByRole('button', { name: 'Play the recording' }).click()
  await ben.locator('.legend .ada b').waitFor()

  for (let name of ['voice', 'scene', 'presence']) await page.locator(`#ben-${name} > summary`).click()
  let voice = page.locator('#ben-voice')
  await voice.getByLabel('Say').fill('Hello, I love you!')
  await voice.getByRole('button', { name: 'Speak', exact: true }).click()
  await ada.locator('.bubble', { hasText: 'Hello, I love you!' }).waitFor()
  await page.locator('#ben-scene').getByRole('button', { name: 'Start' }).click()
  await ada.locator('.stage[data-scene="romantic_garden"]').waitFor()
  await page.locator('#ben-presence').getByLabel('What I am doing').fill('Cooking')
  await page.locator('#ben-presence').getByRole('button', { name: 'Tell' }).click()
  await ada.locator('.people', { hasText: 'Cooking' }).waitFor({ state: 'attached' })
  expect(complaints).toEqual([])
})

test('a pulled cable fills the outbox, over a reload too; plugged in again, everything arrives once and in order', async () => {
  let { page, ada, ben, complaints } = await open(await startDemo())
  await cable(ada).click()
  await offline(ada)
  await burst(ada).click()
  await outbox(ada, '100 actions waiting')
  await mood(ada, 'Excited').click()
  await felt(ada, 'excited')
  await outbox(ada, '101 actions waiting')
  expect(await ben.locator('.stage').getAttribute('data-mood')).toBe('neutral')

  await page.reload()
  await online(ben)
  await outbox(ada, '101 actions waiting')
  await felt(ada, 'excited')
  await burst(ada).click()
  await outbox(ada, '201 actions waiting')

  await cable(ada).click()
  await online(ada)
  await outbox(ada, 'All delivered')
  await walked(ben, 'Ada 200. None missing, none double, all in order.')
  await felt(ben, 'excited')
  expect(complaints).toEqual([])
})

test('the server is killed, comes back at the same address, and nothing is lost', async () => {
  let demo = await startDemo()
  let { page, ada, ben } = await open(demo)
  let before = await demo.server()
  await burst(ada).click()
  await page.getByRole('button', { name: 'Kill the server' }).click()
  await page.locator('.server[data-status="down"]').waitFor()
  await offline(ada)
  await offline(ben)
  await burst(ben).click()
  await mood(ben, 'Sleepy').click()
  await page.getByRole('button', { name: 'Start it now' }).click()
  await page.locator('.server[data-status="running"]').waitFor()
  await online(ada)
  await online(ben)
  await outbox(ada, 'All delivered')
  await outbox(ben, 'All delivered')
  await walked(ada, 'None missing, none double, all in order.')
  await walked(ada, 'Ada 100')
  await walked(ada, 'Ben 100')
  await felt(ada, 'sleepy')
  let facts = (name: string) => page.locator('#ada-connection .facts div', { hasText: name }).locator('dd')
  expect(await facts('Failed attempts').textContent()).toBe('0')
  expect(await facts('Transport').textContent()).toBe('websocket')
  let after = await demo.server()
  expect(after).toMatchObject({ status: 'running', port: before.port, starts: before.starts + 1 })
  expect(after.pid).not.toBe(before.pid)
})

test('what the server refuses is said, rolled back and kept to decide', async () => {
  let { ada, complaints } = await open(await startDemo())
  await ada.getByLabel('A new memory').fill('my password is swordfish')
  await ada.getByRole('button', { name: 'Keep' }).click()
  let rejected = ada.locator('.row-item[data-stage="rejected"]')
  await rejected.waitFor()
  await ada.locator('.notice', { hasText: 'A password is no memory.' }).waitFor()
  await ada.locator('.memory').waitFor({ state: 'detached' })
  await rejected.getByRole('button', { name: 'Discard' }).click()
  await rejected.waitFor({ state: 'detached' })
  expect(complaints).toEqual([])
})

test('each companion is a room of its own, and coming back resumes', async () => {
  let { ada, ben, complaints } = await open(await startDemo())
  await mood(ada, 'Happy').click()
  await felt(ben, 'happy')
  await ben.getByLabel('Ben’s companion').selectOption('orion')
  await felt(ben, 'neutral')
  await mood(ada, 'Sad').click()
  await mood(ben, 'Calm').click()
  await felt(ben, 'calm')
  await felt(ada, 'sad')
  await ben.getByLabel('Ben’s companion').selectOption('luna')
  await felt(ben, 'sad')
  expect(complaints).toEqual([])
})

test('the keyboard reaches everything, and the skip link skips', async () => {
  let { page, ada, ben } = await open(await startDemo())
  await page.keyboard.press('Tab')
  expect(await page.evaluate(() => document.activeElement?.textContent)).toBe('Skip to Ada and Ben')
  await page.keyboard.press('Enter')
  let happy = mood(ada, 'Happy')
  for (let i = 0; i < 10 && !(await happy.evaluate(node => node === document.activeElement)); i++) {
    await page.keyboard.press('Tab')
  }
  expect(await happy.evaluate(node => node.matches(':focus-visible'))).toBe(true)
  await page.keyboard.press('Enter')
  await felt(ben, 'happy')
})

test('a small screen shows one below the other, without scrolling sideways', async () => {
  let { page, ada, ben } = await open(await startDemo(), { viewport: { width: 375, height: 800 } })
  await openAll(page)
  await ada.getByRole('button', { name: 'Play the recording' }).click()
  await ben.locator('.legend .ada b').waitFor()
  await cable(ada).click()
  await offline(ada)
  await burst(ada).click()
  await outbox(ada, '100 actions waiting')
  await ada.getByLabel('A new memory').fill('unbreakable'.repeat(12))
  await ada.getByRole('button', { name: 'Keep' }).click()
  await ada.locator('.memory').waitFor()
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(375)
})

test.each(['light', 'dark'] as const)('is accessible in the %s', async colorScheme => {
  let { page, ada, ben } = await open(await startDemo(), { colorScheme, reducedMotion: 'reduce' })
  await openAll(page)
  await ada.getByLabel('A new memory').fill('the password of the garden')
  await ada.getByRole('button', { name: 'Keep' }).click()
  await ada.locator('.row-item[data-stage="rejected"]').waitFor()
  await ada.getByLabel('A new memory').fill('The garden')
  await ada.getByRole('button', { name: 'Keep' }).click()
  await ben.locator('.memory').waitFor()
  await cable(ben).click()
  await offline(ben)
  await burst(ben).click()
  await outbox(ben, '100 actions waiting')
  await page.evaluate(axe)
  let violations = await page.evaluate(async () => {
    let { axe } = window as unknown as { axe: typeof import('axe-core') }
    let { violations } = await axe.run({ runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'] })
    return violations.map(({ id, impact, nodes }) => ({ id, impact, at: nodes.map(({ target }) => String(target)) }))
  })
  expect(violations).toEqual([])
})

test('a taken port is said, and another one is used', async () => {
  let other = createServer((_, response) => response.end('somebody else'))
  await new Promise<void>(resolve => other.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void other.close())
  let { port } = other.address() as AddressInfo
  let demo = await startDemo({ port })
  expect(demo.output()).toContain(`Port ${port} is taken, so the page is on ${new URL(demo.url).port}.`)
  expect(await (await fetch(demo.url)).text()).toContain('A companion for two')
})

test.each(['SIGINT', 'SIGTERM'] as const)('%s ends it with 0, and nothing stays behind', async signal => {
  let demo = await startDemo()
  let { pid } = await demo.server()
  expect(isAlive(pid)).toBe(true)
  demo.child.kill(signal)
  expect(await demo.ended).toBe(0)
  await expect.poll(() => isAlive(pid), { timeout: DEADLINE }).toBe(false)
  expect(demo.output()).not.toMatch(/\n\s+at /)
})

test('the server ends when the demo is killed', async () => {
  let demo = await startDemo()
  let { pid } = await demo.server()
  demo.child.kill('SIGKILL')
  await expect.poll(() => isAlive(pid), { timeout: DEADLINE }).toBe(false)
})

test('a wrong port and strangers are refused in plain words', async () => {
  let child = spawn(process.execPath, ['scripts/start.mjs', '--port', 'many'])
  let output = ''
  child.stderr.setEncoding('utf8').on('data', text => {
    output += text
  })
  expect(await new Promise(resolve => child.once('close', resolve))).toBe(1)
  expect(output.trim()).toBe('The port must be a number from 0 to 65535, not «many».')

  let demo = await startDemo()
  let before = await demo.server()
  let kill = new URL('/server/kill', demo.url)
  expect((await fetch(kill, { method: 'POST', headers: { origin: 'http://elsewhere.example' } })).status).toBe(403)
  expect((await fetch(new URL('/%2e%2e/demo.js', demo.url))).status).toBe(404)
  expect(await demo.server()).toEqual(before)
})

function openAll(page: Page): Promise<void> {
  return page.evaluate(() => {
    for (let panel of document.querySelectorAll('details')) panel.open = true
  })
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
