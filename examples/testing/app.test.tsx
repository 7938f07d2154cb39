// The app through what its users live through. No time passes but by `world`, so every run is the same, and takes no time.

import { act, cleanup, fireEvent, render, within } from '@testing-library/react'
import { createWorld, type Device, type World } from 'realtime-stores/testing'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { App } from './app.js'
import { openHousehold } from './household.js'
import { policy } from './policy.js'
import { shopping } from './shopping.js'

let world: World

beforeEach(() => {
  world = createWorld({ features: [shopping], server: { policy }, act })
})
afterEach(cleanup)

/** Somebody opens the app in a page of a device. */
function open(device: Device, user: string) {
  let page = device.page()
  let household = openHousehold({ url: 'wss://example.org/', user, ports: page.ports })
  let { container, unmount } = render(<App household={household} />)
  let view = within(container)
  return {
    page,
    status: () => String(view.getByRole('status').textContent),
    alerts: () => view.queryAllByRole('alert').map(alert => alert.textContent),
    /** What is on the list: `Milk (ada)`. */
    items: () =>
      view.queryAllByRole('listitem').map(item => {
        let [label, small] = [item.querySelector('label'), item.querySelector('small')]
        return `${label?.textContent} (${small?.textContent})`
      }),
    add(text: string) {
      fireEvent.change(view.getByLabelText('What to buy'), { target: { value: text } })
      fireEvent.click(view.getByRole('button', { name: 'Add' }))
    },
    tick: (text: string) => fireEvent.click(view.getByLabelText(text)),
    press: (name: string) => fireEvent.click(view.getByRole('button', { name })),
    async close() {
      await page.close()
      unmount()
    }
  }
}

test('what one adds, the other sees, and ticks', async () => {
  let ada = open(world.device(), 'ada')
  let ben = open(world.device(), 'ben')
  await world.until(() => ada.status() === 'Here: ada, ben')

  ada.add('Milk')
  expect(ada.items()).toEqual(['Milk (ada)']) // at once
  expect(ben.items()).toEqual([]) // the network takes its time
  await world.until(() => ben.items().length > 0)
  expect(ben.items()).toEqual(['Milk (ada)'])

  ben.tick('Milk')
  await world.advance(100)
  expect(await world.server.state('kitchen', shopping)).toMatchObject([{ text: 'Milk', by: 'ada', done: true }])
})

test('offline, what is added is shown as waiting, survives a reload, and arrives once', async () => {
  let phone = world.device()
  let ada = open(phone, 'ada')
  await world.until(() => ada.status().startsWith('Here'))

  phone.goOffline()
  ada.add('Milk')
  ada.add('Bread')
  await world.advance(1000)
  expect(ada.status()).toMatch(/^Not connected/)
  expect(ada.items()).toEqual(['Milk (waiting)', 'Bread (waiting)'])

  await ada.close()
  let again = open(phone, 'ada') // a reload: another page on the same device
  await world.settle()
  expect(again.items()).toEqual(['Milk (waiting)', 'Bread (waiting)'])

  phone.goOnline()
  await world.until(() => !again.items().join().includes('waiting'))
  expect(again.items()).toEqual(['Milk (ada)', 'Bread (ada)'])
  expect(await world.server.events('kitchen')).toHaveLength(2)
})

test('what the server refuses is taken back and said, until it is read', async () => {
  let ada = open(world.device(), 'ada')
  await world.until(() => ada.status().startsWith('Here'))
  ada.add('A yacht')
  expect(ada.items()).toEqual(['A yacht (ada)'])
  await world.advance(100)
  expect(ada.items()).toEqual([])
  expect(ada.alerts()).toEqual(['That is too dear. All right'])

  ada.press('All right')
  await world.settle()
  expect(ada.alerts()).toEqual([])
})

test('a server that dies in the middle has lost nothing, and does nothing twice', async () => {
  let ada = open(world.device(), 'ada')
  await world.until(() => ada.status().startsWith('Here'))
  ada.add('Milk')
  await world.until(async () => (await world.server.events('kitchen')).length === 1)
  expect(ada.items()).toEqual(['Milk (waiting)']) // it has taken effect, its answer is on the way
  world.server.crash()
  ada.add('Bread')
  await world.advance(5000)
  expect(ada.status()).toMatch(/^Not connected/)

  world.server.start()
  await world.until(() => ada.status().startsWith('Here'))
  await world.advance(100)
  expect(ada.items()).toEqual(['Milk (ada)', 'Bread (ada)'])
  expect(await world.server.events('kitchen')).toHaveLength(2)
})

test('a lost answer is asked for again', async () => {
  let phone = world.device()
  let ada = open(phone, 'ada')
  await world.until(() => ada.status().startsWith('Here'))
  ada.add('Milk')
  await world.settle()
  phone.network.cut() // what was sent arrives, and nothing comes back
  await world.advance(100)
  expect(ada.items()).toEqual(['Milk (waiting)'])
  await world.until(() => ada.items().includes('Milk (ada)'))
  expect(await world.server.events('kitchen')).toHaveLength(1)
})

test('two pages of one device share what waits', async () => {
  let phone = world.device()
  let one = open(phone, 'ada')
  let two = open(phone, 'ada')
  await world.until(() => [one, two].every(page => page.status().startsWith('Here')))
  phone.goOffline()
  one.add('Milk')
  await world.advance(1000)
  expect(two.items()).toEqual(['Milk (waiting)'])

  await one.close() // the other one sends it
  phone.goOnline()
  await world.until(() => two.items().includes('Milk (ada)'))
})

test('a page that was frozen for ten minutes catches up', async () => {
  let [ada, ben] = [open(world.device(), 'ada'), open(world.device(), 'ben')]
  await world.until(() => ada.status() === 'Here: ada, ben')
  ada.page.freeze()
  ben.add('Milk')
  await world.advance(10 * 60 * 1000)
  expect(ada.items()).toEqual([])
  ada.page.thaw()
  await world.until(() => ada.items().includes('Milk (ben)'))
})

test('a device without room for more says so', async () => {
  let phone = world.device()
  let ada = open(phone, 'ada')
  await world.until(() => ada.status().startsWith('Here'))
  phone.storage = 'full'
  phone.goOffline()
  ada.add('Milk')
  await world.advance(1000)
  expect(ada.status()).toMatch(/is lost when you close this page/)
  phone.goOnline()
  await world.until(() => ada.items().includes('Milk (ada)'))
})
