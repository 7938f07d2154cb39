// The voting room as its users meet it: `npm run example -- voting`, three people in Chromium, each behind a network of their own.

import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import type { Browser, BrowserContextOptions, Page } from 'playwright'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import type { DecidingRoom } from '../../src/kits/deciding.js'
import { launch } from '../support/chromium.js'
import { type CuttableProxy, cuttableProxy } from '../support/cuttable-proxy.js'
import { type Example, startExample } from '../support/example.js'
import { createWorld, until } from './world.js'

declare global {
  interface Window {
    room: DecidingRoom
    heard: { type: string; detail: unknown }[]
  }
}

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const DEADLINE = 20_000

let browser: Browser
let example: Example

beforeAll(async () => {
  browser = await launch()
})
afterAll(() => browser.close())

async function begin(): Promise<void> {
  example = await startExample('voting')
  onTestFinished(() => example.close())
}

interface Person {
  readonly page: Page
  readonly network: CuttableProxy
  /** Everything that its socket was sent. */
  readonly wire: string[]
  like(title: string): Promise<void>
  /** Types of what the page was told, with details. */
  heard<T>(type: string): Promise<T[]>
  votes(): Promise<unknown>
}

let complaints: string[] = []

async function open(who: string, options: BrowserContextOptions = {}): Promise<Person> {
  let network = await cuttableProxy(example.port)
  let context = await browser.newContext({ viewport: { width: 1100, height: 900 }, ...options })
  onTestFinished(async () => {
    await context.close()
    await network.close()
  })
  let page = await context.newPage()
  page.setDefaultTimeout(DEADLINE)
  let wire: string[] = []
  page.on('websocket', socket => socket.on('framereceived', ({ payload }) => void wire.push(String(payload))))
  page.on('pageerror', error => complaints.push(`${who}: ${error.stack}`))
  await page.goto(`http://127.0.0.1:${network.port}/?as=${who}`)
  // Behind the join of the page itself: whoever is opened first is the first member.
  await page.evaluate(() => window.room.joinRoom().acked)
  return {
    page,
    network,
    wire,
    like: title => page.getByRole('button', { name: `Like ${title}`, exact: true }).click(),
    heard: <T>(type: string) =>
      page.evaluate(type => window.heard.filter(it => it.type === type).map(({ detail }) => detail), type) as Promise<
        T[]
      >,
    votes: () => page.evaluate(() => window.room.$votes.get())
  }
}

let member = ({ page }: Person, user: string, status = 'online') =>
  page.locator(`#members li[data-user="${user}"][data-status="${status}"]`).waitFor()
let count = ({ page }: Person, title: string, words: string) =>
  page.locator('.card', { hasText: title }).locator('.count', { hasText: words }).waitFor()
let matched = ({ page }: Person, title: string) =>
  page.locator('#match', { hasText: `It’s a match: ${title}` }).waitFor()
let offline = ({ page }: Person) => page.locator('.phase:not([data-phase="online"])').waitFor()
let online = ({ page }: Person) => page.locator('.phase[data-phase="online"]').waitFor()
let settled = ({ page }: Person) => page.locator('.phase', { hasText: /^Online$/ }).waitFor()

async function same(...people: readonly Person[]): Promise<void> {
  let [first] = people as [Person]
  let expected = await first.votes()
  for (let person of people) await expect.poll(() => person.votes(), { timeout: DEADLINE }).toEqual(expected)
}

test('three people agree; what is said, queued and whispered reaches whom it is for, and a late one sees the same', async () => {
  await begin()
  let [ada, ben] = [await open('ada'), await open('ben')]
  let cleo = await open('cleo', { colorScheme: 'dark' })
  for (let person of [ada, ben, cleo]) for (let user of ['ada', 'ben', 'cleo']) await member(person, user)

  await ada.page.getByRole('button', { name: 'Like Alien', exact: true }).press('Enter')
  await count(cleo, 'Alien', '1 of 3 likes, 33 %')
  // She has voted with the keyboard, and is still among the votes.
  await ada.page.locator('#votes button:disabled', { hasText: 'Skip' }).waitFor()
  expect(await ada.page.evaluate(() => document.activeElement?.closest('section')?.id)).toBe('votes')
  await ben.like('Alien')
  await cleo.like('Alien')
  for (let person of [ada, ben, cleo]) {
    await matched(person, 'Alien')
    expect(await person.heard('matchFound')).toEqual([
      { mediaId: 'alien', mediaTitle: 'Alien', participants: ['ada', 'ben', 'cleo'], matchType: 'unanimous' }
    ])
    expect(await person.heard<{ userId: string; progress: unknown }>('voteUpdate')).toMatchObject([
      {
        userId: 'ada',
        mediaId: 'alien',
        voteType: 'like',
        progress: { totalVotes: 1, requiredVotes: 3, percentage: 33 }
      },
      { userId: 'ben', progress: { percentage: 66 } },
      { userId: 'cleo', progress: { percentage: 100 } }
    ])
  }

  await ben.page.getByRole('button', { name: 'Add it to the queue' }).click()
  await ben.page.getByRole('button', { name: 'Put Metropolis to the vote' }).click()
  await count(cleo, 'Metropolis', '0 of 3 likes')
  await ada.page.locator('#items', { hasText: 'Alien' }).waitFor()
  await ben.page.getByRole('button', { name: 'Next title' }).click()
  await ben.page.locator('#refused', { hasText: 'Only the host does that.' }).waitFor()
  await ada.page.getByRole('button', { name: 'Next title' }).click()
  for (let { page } of [ada, ben, cleo]) await page.locator('#current', { hasText: 'Now on: Alien' }).waitFor()
  expect(await cleo.heard<unknown>('roomStateChanged')).toContainEqual({
    status: 'playing',
    currentMediaId: 'alien',
    queueLength: 0,
    activeMembers: 3
  })

  await ada.page.getByRole('combobox', { name: 'To' }).selectOption('ben')
  await ada.page.getByLabel('Only they read it').fill('popcorn for two')
  await ada.page.getByRole('button', { name: 'Send' }).click()
  await ben.page.locator('#log', { hasText: 'Ada to you' }).waitFor()
  await cleo.like('Brazil')
  await count(cleo, 'Brazil', '1 of 3')
  expect(ben.wire.join()).toContain('popcorn for two')
  expect(cleo.wire.join()).not.toContain('popcorn')

  let dan = await open('dan')
  await matched(dan, 'Alien')
  await dan.page.locator('#log', { hasText: 'Welcome' }).waitFor()
  await member(ada, 'dan')
  await same(ada, ben, cleo, dan)
  expect(await dan.heard('matchFound')).toEqual([])

  await cleo.page.close()
  await member(ada, 'cleo', 'offline')
  expect(await ada.heard('memberStatusChanged')).toContainEqual(
    expect.objectContaining({ userId: 'cleo', status: 'offline' })
  )

  for (let { page } of [ada, ben]) {
    await page.evaluate(axe)
    let problems = await page.evaluate(async () => {
      let { axe } = window as unknown as {
        axe: { run(): Promise<{ violations: { id: string; nodes: { html: string }[] }[] }> }
      }
      return (await axe.run()).violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`)
    })
    expect(problems).toEqual([])
  }
  expect(complaints.splice(0)).toEqual([])
})

test('a vote cast offline counts once; the server killed in mid-vote announces the match once on every page', async () => {
  await begin()
  let people = [await open('ada'), await open('ben'), await open('cleo')] as const
  let [ada, ben, cleo] = people
  for (let person of people) for (let user of ['ada', 'ben', 'cleo']) await member(person, user)

  cleo.network.cut()
  await offline(cleo)
  await cleo.like('Stalker')
  await cleo.page.locator('.phase', { hasText: '1 waiting' }).waitFor()
  await cleo.page.reload({ waitUntil: 'commit' }).catch(() => {})
  await ada.like('Stalker')
  await count(ada, 'Stalker', '1 of 3')

  // In mid-vote: Ben votes into a server that is gone.
  await example.kill()
  await ben.like('Stalker')
  await offline(ben)
  await example.start()
  await online(ada)
  await count(ada, 'Stalker', '2 of 3')
  expect(await ada.heard('matchFound')).toEqual([])

  cleo.network.restore()
  await cleo.page.goto(`http://127.0.0.1:${cleo.network.port}/?as=cleo`)
  for (let person of people) {
    await matched(person, 'Stalker')
    await settled(person)
    expect(await person.heard('matchFound')).toEqual([
      { mediaId: 'stalker', mediaTitle: 'Stalker', participants: ['ada', 'ben', 'cleo'], matchType: 'unanimous' }
    ])
  }
  await same(...people)
  let state = (await ada.votes()) as { votesCast: number; matchesFound: number; matches: unknown[] }
  expect(state).toMatchObject({ votesCast: 3, matchesFound: 1 })
  expect(state.matches).toHaveLength(1)
  expect(complaints.splice(0)).toEqual([])
})

test('a server killed between the deciding vote and its announcement announces the match once, when it is back', async () => {
  let world = await createWorld({ modules: true, handlers: 'test/support/handlers/deciding.mjs' })
  onTestFinished(() => world.close())
  let pages: Page[] = []
  for (let user of ['ann', 'bob']) {
    let device = await world.device()
    let page = await device.tab()
    await page.evaluate(
      async ({ url, user }) => {
        let { createDecidingRoom } = await load<typeof import('../../src/kits/deciding.js')>(
          'realtime-stores/kits/deciding'
        )
        let client = RS.createRealtime({ url, user, app: 'e2e' })
        client.connect()
        window.room = createDecidingRoom(client, 'friday')
        window.heard = []
        window.room.on('matchFound', detail => window.heard.push({ type: 'matchFound', detail }))
        await window.room.joinRoom(user).acked
      },
      { url: device.url, user }
    )
    pages.push(page)
  }
  let [ann, bob] = pages as [Page, Page]
  await ann.evaluate(() => window.room.proposeMedia('alien', 'Alien').acked)
  await ann.evaluate(() => window.room.castVote('alien', 'like').acked)
  await bob.evaluate(async () => void (await window.room.castVote('alien', 'like')))
  await expect.poll(() => existsSync(join(world.dir, 'server.db.died')), { timeout: DEADLINE }).toBe(true)
  expect(await ann.evaluate(() => window.room.$votes.get().matches.length)).toBe(0)
  await world.server.restart()
  for (let page of [ann, bob]) await until(page, () => window.room.$votes.get().matches.length > 0)
  let votes = await world.state<{ matchesFound: number }>('friday', 'votes')
  for (let page of [ann, bob]) expect(await page.evaluate(() => window.room.$votes.get())).toEqual(votes)
  expect(votes).toMatchObject({
    matchesFound: 1,
    votesCast: 2,
    matches: [{ mediaId: 'alien', participants: ['ann', 'bob'] }]
  })
  let told = await Promise.all([ann, bob].map(page => page.evaluate(() => window.heard.length)))
  expect(Math.max(...told)).toBeLessThanOrEqual(1)
  expect(await world.order('numbers')).toMatchObject({ connections: 2, rooms: 1, members: 2, votes: 2, matches: 1 })
  expect(await world.order('roomNumbers', { room: 'friday' })).toEqual({
    members: 2,
    present: 2,
    votes: 2,
    matches: 1,
    open: 0
  })
  expect(world.pageErrors).toEqual([])
})
