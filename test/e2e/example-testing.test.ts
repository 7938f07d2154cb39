// The example of how an app is tested is a real app too: two people with it in Chromium.

import { join } from 'node:path'
import type { Page } from 'playwright'
import { createServer } from 'vite'
import { expect, onTestFinished, test } from 'vitest'
import { launch } from '../support/chromium.js'

let root = join(import.meta.dirname, '../../examples/testing')

test('two people share a list, and one of them is offline for a while', async () => {
  let vite = await createServer({ root, mode: 'development', logLevel: 'error', server: { port: 0 } })
  onTestFinished(() => vite.close())
  await vite.listen()
  let browser = await launch()
  onTestFinished(() => browser.close())
  let url = vite.resolvedUrls?.local[0] as string
  let problems: string[] = []

  async function open(user: string): Promise<Page> {
    let page = await (await browser.newContext()).newPage()
    page.on('pageerror', error => problems.push(String(error)))
    page.on('console', message => message.type() === 'error' && problems.push(message.text()))
    await page.goto(`${url}?user=${user}`)
    return page
  }
  let add = async (page: Page, text: string): Promise<void> => {
    await page.getByLabel('What to buy').fill(text)
    await page.getByRole('button', { name: 'Add' }).click()
  }

  let [ada, ben] = [await open('ada'), await open('ben')]
  await ada.getByText('Here: ada, ben').waitFor()
  await add(ada, 'Milk')
  await ben.getByLabel('Milk').click()
  await expect.poll(() => ada.getByLabel('Milk').isChecked()).toBe(true)

  await ada.context().setOffline(true)
  await add(ada, 'Bread')
  await ada.locator('li', { hasText: 'Bread' }).getByText('waiting').waitFor()
  await ada.context().setOffline(false)
  await ben.getByLabel('Bread').waitFor({ timeout: 45_000 })

  await add(ben, 'A yacht')
  await ben.getByRole('alert').getByText('That is too dear.').waitFor()
  expect(problems.filter(problem => !problem.includes('ERR_INTERNET_DISCONNECTED'))).toEqual([])
})
