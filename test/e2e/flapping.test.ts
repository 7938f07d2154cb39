// A network that comes and goes while two people act at 200 events a second each: real browsers, real sockets, one proxy each.

import type { Page } from 'playwright'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import type { AnyFeature } from '../../src/feature.js'
import { tallyOf } from '../support/tally.mjs'
import { createWorld, until, type World } from './world.js'

const CUTS = 30
const RATE = 200
const PEOPLE = ['ada', 'ben']

interface Run {
  made: number
  isOver: boolean
  phases: string[]
}
declare global {
  interface Window {
    run: Run
    act: (isOn: boolean) => void
    counts: () => { counts: Record<string, number>; faults: string[] }
    pending: () => number
    phase: () => string
  }
}

let world: World
beforeAll(async () => {
  // The window of a server that has known for a while that it has two clients only.
  world = await createWorld({ limits: { retry: [0, 1000] } })
})
afterAll(() => world.close())
afterEach(() => expect(world.pageErrors).toEqual([]))

/** A client with the tally; once told to, it acts at an even pace, caught up with where timers were late. */
async function enter(page: Page, url: string, user: string): Promise<void> {
  await page.evaluate(
    ([url, user, source]) => {
      let tally = new Function('library', `return (${source})(library)`)(RS) as AnyFeature
      let client = RS.createRealtime({ url, app: 'e2e', user })
      let { $state, tick } = client.room('flapping').use(tally) as unknown as {
        $state: { get(): ReturnType<Window['counts']> }
        tick(who: string, i: number): void
      }
      let run: Run = { made: 0, isOver: true, phases: [] }
      let from = 0
      setInterval(() => {
        if (run.isOver) from = performance.now() - run.made * 5
        else while (run.made < (performance.now() - from) / 5) tick(user, run.made++)
      }, 25)
      client.$connection.subscribe(({ phase }) => {
        if (run.phases.at(-1) !== phase) run.phases.push(phase)
      })
      window.run = run
      window.act = isOn => {
        run.isOver = !isOn
      }
      window.counts = () => $state.get()
      window.pending = () => client.$connection.get().pending.count
      window.phase = () => client.$connection.get().phase
      client.connect()
    },
    [url, user, tallyOf.toString()] as const
  )
  await until(page, () => window.phase() === 'online')
}

test('30 cuts during 200 events a second both ways lose, double and reorder nothing, and all is there at once', {
  timeout: 240_000
}, async () => {
  let people = await Promise.all(
    PEOPLE.map(async name => {
      let device = await world.device()
      let page = await device.tab()
      await enter(page, device.url, name)
      return { name, network: device.network, page }
    })
  )
  let pause = (ms: number): Promise<void> => new Promise(resolve => setTimeout(resolve, ms))
  for (let { page } of people) await page.evaluate(() => window.act(true))
  await Promise.all(
    people.map(async ({ network, page }, who) => {
      for (let cut = 0; cut < CUTS; cut++) {
        await until(page, () => window.phase() === 'online', undefined, 40_000)
        await pause(300 + ((cut * 7 + who * 3) % 10) * 60)
        // Now and then answers are lost first, or what was sent.
        if (cut % 3) network.swallow(cut % 3 === 1 ? 'down' : 'up')
        await pause(50)
        network.cut()
        await until(page, () => window.phase() !== 'online')
        await pause(((cut * 3 + who) % 5) * 60)
        network.restore()
      }
    })
  )
  for (let { page } of people) await page.evaluate(() => window.act(false))
  let over = Date.now()
  let made = Object.fromEntries(
    await Promise.all(people.map(async ({ name, page }) => [name, await page.evaluate(() => window.run.made)] as const))
  )
  for (let { page } of people) {
    await until(
      page,
      made => window.pending() === 0 && Object.entries(made).every(([who, n]) => window.counts().counts[who] === n),
      made
    )
  }
  let took = Date.now() - over
  let everything = { counts: made, faults: [] }
  expect(await world.state('flapping', 'tally')).toEqual(everything)
  for (let { page } of people) {
    expect(await page.evaluate(() => window.counts())).toEqual(everything)
    let phases = await page.evaluate(() => window.run.phases)
    // Every cut met a connection, and none of them was opened twice.
    expect(phases.filter(phase => phase === 'online')).toHaveLength(CUTS + 1)
    expect(phases.filter(phase => phase === 'connecting').length).toBeLessThan(CUTS * 4)
  }
  for (let count of Object.values(made)) expect(count).toBeGreaterThan(RATE * CUTS * 0.35)
  // One short wait, and then everything in one go.
  expect(took).toBeLessThan(5000)
  if (process.env.SHOW) console.log({ made, took })
})
