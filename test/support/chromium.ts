// The three ways to start the browser. All of them are the real Chromium, kept away from the internet.

import { type ChildProcess, spawn } from 'node:child_process'
import { type Browser, type BrowserContext, chromium, type LaunchOptions } from 'playwright'
import { WebSocket } from 'ws'
import { chromiumFlags, requireChromium } from '../../scripts/find-chromium.mjs'

type Options = Omit<LaunchOptions, 'executablePath'>

const withDefaults = ({ args = [], ...options }: Options) => ({
  ...options,
  executablePath: requireChromium(),
  args: [...chromiumFlags, ...args]
})

/** A browser without a memory. Each `newContext()` is a fresh person, each page of it a tab. */
export function launch(options: Options = {}): Promise<Browser> {
  return chromium.launch(withDefaults(options))
}

/** A browser whose storage lives in `dir` and is there again at the next launch on the same `dir`. */
export function launchPersistent(dir: string, options: Options = {}): Promise<BrowserContext> {
  return chromium.launchPersistentContext(dir, withDefaults(options))
}

export interface BareChromium {
  browser: Browser
  context: BrowserContext
  /** SIGKILL, as a crash or a power cut would. */
  kill(): Promise<void>
  close(): Promise<void>
}

/** Starts Chromium by itself, with nothing attached to it. `url`: what it opens. */
function start(dir: string, args: string[], url: string) {
  const flags = ['--headless=new', '--remote-debugging-port=0', `--user-data-dir=${dir}`, '--no-default-browser-check']
  const child = spawn(requireChromium(), [...chromiumFlags, ...flags, ...args, url], {
    stdio: ['ignore', 'ignore', 'pipe']
  })
  const exited = new Promise<void>(resolve => child.once('exit', () => resolve()))
  const end = async (signal: NodeJS.Signals) => {
    child.kill(signal)
    await exited
  }
  return { child, end }
}

export interface LoneChromium {
  /** A command of the browser, or of the target that `session` is attached to. */
  send<T>(method: string, params?: object, session?: string): Promise<T>
  kill(): Promise<void>
}

/**
 * A browser whose pages nobody is attached to, for what Chromium does not do to a page that is being watched: prerender it,
 * or discard its tab. Pages tell what they see to `/told` of the page server.
 */
export async function launchAlone(dir: string, url: string): Promise<LoneChromium> {
  const { child, end } = start(dir, [], url)
  const socket = new WebSocket(await devtoolsEndpoint(child))
  await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject))
  const waiting = new Map<number, (message: { result?: unknown; error?: { message: string } }) => void>()
  socket.on('message', data => {
    const message = JSON.parse(String(data))
    waiting.get(message.id)?.(message)
    waiting.delete(message.id)
  })
  let count = 0
  return {
    send: (method, params = {}, sessionId) =>
      new Promise((resolve, reject) => {
        const id = ++count
        waiting.set(id, ({ result, error }) => (error ? reject(new Error(error.message)) : resolve(result as never)))
        socket.send(JSON.stringify({ id, method, params, sessionId }))
      }),
    async kill() {
      socket.terminate()
      await end('SIGKILL')
    }
  }
}

/**
 * A persistent browser without playwright's make-up: a background tab is really hidden, a page can be frozen
 * (`Page.setWebLifecycleState` over CDP), and the whole browser can be killed.
 */
export async function launchBare(dir: string, args: string[] = []): Promise<BareChromium> {
  const { child, end: endChild } = start(dir, args, 'about:blank')
  const endpoint = await devtoolsEndpoint(child)
  const browser = await chromium.connectOverCDP(endpoint, { noDefaults: true })
  const context = browser.contexts()[0]
  if (!context) throw new Error('Chromium came up without its default context')
  const end = async (signal: NodeJS.Signals) => {
    await endChild(signal)
    await browser.close().catch(() => {})
  }
  return { browser, context, kill: () => end('SIGKILL'), close: () => end('SIGTERM') }
}

function devtoolsEndpoint(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = ''
    child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
      text = (text + chunk).slice(-10_000)
      const url = /DevTools listening on (ws:\S+)/.exec(text)?.[1]
      if (url) resolve(url)
    })
    child.once('error', reject)
    child.once('exit', code => reject(new Error(`Chromium ended with ${code}:\n${text}`)))
  })
}
