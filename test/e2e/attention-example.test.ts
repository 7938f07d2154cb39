// The panels of the operations example that are about attention, as their users meet them: notifications, friends, content.

import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { Browser, Page } from 'playwright'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { launch } from '../support/chromium.js'
import { type Example, startExample } from '../support/example.js'

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

let browser: Browser
let example: Example
let complaints: string[] = []
beforeAll(async () => {
  ;[browser, example] = await Promise.all([launch(), startExample('operations')])
})
afterAll(() => Promise.all([browser.close(), example.close()]))
afterEach(() => expect(complaints).toEqual([]))

async function open(who: string, colorScheme: 'light' | 'dark' = 'light'): Promise<Page> {
  let context = await browser.newContext({ colorScheme, reducedMotion: 'reduce' })
  let page = await context.newPage()
  page.setDefaultTimeout(15_000)
  page.on('pageerror', error => complaints.push(String(error.stack)))
  await page.goto(`${example.url}?as=${who}`)
  await online(page)
  return page
}

let online = (page: Page) => page.locator('.phase[data-phase="online"]').waitFor()
let button = (page: Page, name: string) => page.getByRole('button', { name, exact: true })
let note = (page: Page, words: string) => page.locator('#notifications .item', { hasText: words })

async function violations(page: Page): Promise<unknown> {
  await page.evaluate(axe)
  return page.evaluate(async () => {
    let { axe } = window as unknown as { axe: typeof import('axe-core') }
    let { violations } = await axe.run({ runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'] })
    return violations.map(({ id, nodes }) => ({ id, at: nodes.map(({ target }) => String(target)) }))
  })
}

test('a friend plays, content comes, and two devices of one person agree on what is read; over a killed server too', async () => {
  let [ada, tablet, ben, cleo] = await Promise.all([open('ada'), open('ada', 'dark'), open('ben'), open('cleo')])
  await button(ada, 'Follow Ben').click()
  await button(tablet, 'Unfollow Ben').waitFor()
  // Ben is no friend of Cleo.
  await button(cleo, 'Follow Ben').click()
  await cleo.locator('#live', { hasText: 'Refused: activity subscribe, forbidden.' }).waitFor()
  // Nor may she send content, in whichever room she says it.
  let codes = await cleo.evaluate(`import('realtime-stores/features/content').then(({ content }) => {
    let sent = ['content', 'lobby', 'user:cleo'].map(room =>
      operations.client.room(room).use(content).trigger('ada', { title: 'spam' }).acked)
    return Promise.all(sent.map(acked => acked.then(() => 'acked', ({ code }) => code)))
  })`)
  expect(codes).toEqual(['forbidden', 'forbidden', 'forbidden'])
  for (let i = 0; i < 2; i++) await button(ben, 'Tell my friends').click()
  for (let page of [ada, tablet]) await page.getByText('Ben plays Chess, 2 times').waitFor()
  let chess = (page: Page) => expect.poll(() => note(page, 'ben plays Chess').count(), { timeout: 15_000 })
  await chess(ada).toBe(2)
  await note(ada, 'ben plays Chess').first().getByRole('button', { name: 'Dismiss' }).press('Enter')
  await chess(ada).toBe(1)
  // By keyboard, she is still among the notifications.
  expect(await ada.evaluate(() => document.activeElement?.closest('section')?.id)).toBe('notifications')
  await note(ada, 'ben plays Chess').getByRole('button', { name: 'Read' }).click()
  await tablet.locator('#notifications .now', { hasText: '0 unread' }).waitFor()
  await chess(tablet).toBe(1)

  let sending = ben.locator('#content')
  await sending.getByLabel('To').selectOption('ada')
  await sending.getByLabel('What').fill('broken')
  await sending.getByRole('button', { name: 'Preview' }).click()
  await sending.getByText('Preview: broken. Dear Ada, this is for you.').waitFor()
  await example.kill()
  await ben.locator('.phase:not([data-phase="online"])').waitFor()
  await sending.getByRole('button', { name: 'Send', exact: true }).click()
  await ben.locator('.phase', { hasText: '1 waiting' }).waitFor()
  await example.start()
  await Promise.all([ada, tablet, ben].map(online))
  await ben.locator('#content [data-stage="delivered"]', { hasText: 'the first attempt always fails' }).waitFor()
  await ada.getByRole('button', { name: 'I have it: broken' }).click()
  await tablet.getByLabel('Rating of broken').selectOption('4')
  await ben.locator('#content [data-stage="confirmed"]', { hasText: 'Ada: 4 of 5' }).waitFor()
  await ben.getByText('100 % arrived').waitFor()
  await tablet.getByRole('button', { name: 'Thanks: For you: broken' }).click()
  await note(ada, 'Answered: Thanks').waitFor()

  // Quiet hours that began an hour ago: nothing new is shown until they are ended, on the other device.
  let [start, end] = await ada.evaluate(() => {
    let wall = (hours: number): string => new Date(Date.now() + hours * 3_600_000).toTimeString().slice(0, 5)
    return [wall(-1), wall(2)] as const
  })
  await ada.getByText('How I want to be told').click()
  await ada.getByLabel('Quiet from').fill(start)
  await ada.getByLabel('until').fill(end)
  await button(ada, 'Set quiet hours').click()
  await ada.getByText(`Quiet from ${start} to ${end}`).waitFor()
  let before = await note(tablet, 'ben plays Chess').count()
  await button(ben, 'Tell my friends').click()
  await tablet.getByText('1 held until the quiet hours end').waitFor()
  expect(await note(tablet, 'ben plays Chess').count()).toBe(before)
  await tablet.getByText('How I want to be told').click()
  await button(tablet, 'No quiet hours').click()
  await ada.locator('#notifications .now', { hasText: '1 unread' }).waitFor()
  for (let page of [ada, tablet, ben]) expect(await violations(page)).toEqual([])
}, 60_000)
