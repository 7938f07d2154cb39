// What a service worker does with pushes and clicks, with as much of its scope as it uses: a click cannot be made by a test in a
// browser. The rest is seen in Chromium, by test/e2e/worker.test.ts.

import { expect, test } from 'vitest'
import { serveWorker, syncTag, type WorkerOptions } from '../../../src/worker/index.js'

function stage(windows: { url: string; focused?: boolean }[] = [], options: WorkerOptions = {}) {
  let listeners = new Map<string, (event: unknown) => void>()
  let done: string[] = []
  serveWorker(
    {
      registration: {
        scope: 'https://app.example/',
        showNotification: async (title, options) => void done.push(`show ${title} ${JSON.stringify(options)}`)
      },
      clients: {
        matchAll: async () =>
          windows.map(({ url, focused = false }) => ({
            url,
            focused,
            focus: async () => void done.push(`focus ${url}`)
          })),
        openWindow: async url => void done.push(`open ${url}`)
      },
      addEventListener: (type, listener) => listeners.set(type, listener)
    },
    options
  )
  async function tell(type: string, event: object): Promise<string[]> {
    let work: Promise<unknown>[] = []
    listeners.get(type)?.({ ...event, waitUntil: (promise: Promise<unknown>) => work.push(promise) })
    await Promise.all(work)
    return done
  }
  return {
    sync(tag: string): readonly Promise<unknown>[] {
      let work: Promise<unknown>[] = []
      listeners.get('sync')?.({ tag, waitUntil: (promise: Promise<unknown>) => work.push(promise) })
      return work
    },
    push: (data: string | null) => tell('push', { data: data === null ? null : { text: () => data } }),
    click: (url?: string | null) =>
      tell('notificationclick', { notification: { data: { url }, close: () => done.push('close') } })
  }
}

const PAGE = 'https://app.example/c?id=7'

test.each<[string, string | null, { url: string; focused?: boolean }[], string[]]>([
  [
    'a notice',
    '{"title":"Ben","body":"hi","tag":"t","url":"/c?id=7","extra":1,"icon":5}',
    [],
    [`show Ben {"body":"hi","tag":"t","data":{"url":"${PAGE}"}}`]
  ],
  [
    'its page in the background',
    '{"title":"Ben","url":"/c?id=7"}',
    [{ url: PAGE }],
    [`show Ben {"data":{"url":"${PAGE}"}}`]
  ],
  [
    'an address that is none',
    '{"title":"Ben","url":"https://["}',
    [],
    ['show Ben {"data":{"url":"https://app.example/"}}']
  ],
  ['its page with the focus', '{"title":"Ben","url":"/c?id=7"}', [{ url: `${PAGE}#x`, focused: true }], []],
  [
    'another page with the focus',
    '{"title":"Ben","url":"/c?id=7"}',
    [{ url: 'https://app.example/', focused: true }],
    [`show Ben {"data":{"url":"${PAGE}"}}`]
  ],
  [
    'another place on the page with the focus',
    '{"title":"Ben","url":"/#7"}',
    [{ url: 'https://app.example/#8', focused: true }],
    ['show Ben {"data":{"url":"https://app.example/#7"}}']
  ],
  ['no page in particular', '{"title":"Ben"}', [{ url: PAGE, focused: true }], []],
  ['text', 'not JSON', [], ['show not JSON {"data":{"url":null}}']],
  ['nothing', null, [], ['show  {"data":{"url":null}}']],
  [
    'the page of somebody else',
    '{"title":"x","url":"https://evil.example/"}',
    [],
    ['show x {"data":{"url":"https://app.example/"}}']
  ]
])('a push with %s', async (_, data, windows, expected) => {
  expect(await stage(windows).push(data)).toEqual(expected)
})

test('an app makes its own notification, or none', async () => {
  let notification = (payload: unknown) => (payload === 1 ? null : { title: `«${payload}»` })
  expect(await stage([], { notification }).push('1')).toEqual([])
  expect(await stage([], { notification }).push('2')).toEqual(['show «2» {"data":{"url":null}}'])
})

test.each<[string, string | null | undefined, { url: string }[], string]>([
  ['focuses the page that it is about', PAGE, [{ url: 'https://app.example/' }, { url: PAGE }], `focus ${PAGE}`],
  [
    'opens it when there is none, and leaves others as they are',
    PAGE,
    [{ url: 'https://app.example/' }],
    `open ${PAGE}`
  ],
  ['focuses any page when it is about none', null, [{ url: PAGE }], `focus ${PAGE}`],
  ['opens the app when there is no page at all', undefined, [], 'open https://app.example/']
])('a click %s', async (_, url, windows, expected) => {
  expect(await stage(windows).click(url)).toEqual(['close', expected])
})

test('an errand whose options cannot be had is told to the browser as not done', async () => {
  let { sync } = stage([], {
    client: () => {
      throw new Error('no token')
    }
  })
  let work = sync(syncTag({ app: 'talk', user: 'ann' }))
  expect(work).toHaveLength(1)
  await expect(work[0]).rejects.toThrow('no token')
})
