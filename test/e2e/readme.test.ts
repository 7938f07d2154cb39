// The code of README.md runs as it stands: servers in Node processes, pages in Chromium. Only addresses are exchanged, so that
// nothing is taken that somebody else uses.

import { type ChildProcess, spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Browser, Page } from 'playwright'
import ts from 'typescript'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { launch } from '../support/chromium.js'
import { type Block, blocksOf } from '../support/markdown.js'
import { servePage } from '../support/page-server.js'

let root = join(import.meta.dirname, '../..')
let blocks = blocksOf(join(root, 'README.md'))
let dir: string
let port: number
let browser: Browser
let ends: (() => unknown)[] = []

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'realtime-readme-'))
  // As npm would have put it there; what it depends on is found from its real place.
  mkdirSync(join(dir, 'node_modules'))
  symlinkSync(root, join(dir, 'node_modules/realtime-stores'), 'junction')
  writeFileSync(join(dir, 'package.json'), '{ "type": "module" }')
  port = await freePort()
  browser = await launch()
})
afterAll(async () => {
  await browser.close()
  rmSync(dir, { recursive: true, force: true, maxRetries: 5 })
})

async function stopAll(): Promise<void> {
  for (let end of ends.splice(0).reverse()) await end()
}

test('the first lines and the server beside them', async () => {
  try {
    let server = start('server.mjs')
    await says(server, `Listening on ws://localhost:${port}/`)
    let ada = await open(moduleOf(block(({ language }) => language === 'ts')))
    await says(ada, 'acked')
    expect(ada.lines).toEqual(
      expect.arrayContaining(['mood: neutral', 'mood: happy', 'health: offline', 'health: healthy'])
    )
    expect(ada.errors).toEqual([])

    // Somebody else sees it, from a page without a build step.
    let html = block(({ language }) => language === 'html').code
    let ben = await open(adapt(html.replace('./node_modules/realtime-stores/dist', '')))
    await ben.page.waitForFunction(() => document.getElementById('mood')?.textContent === 'curious')
    await says(ada, 'mood: curious')
    expect(ben.errors).toEqual([])
  } finally {
    await stopAll()
  }
})

test('the lines of the companion', async () => {
  try {
    await says(start('server.mjs'), 'Listening')
    let page = await open(moduleOf(block(({ code }) => code.includes("switchPersona('sol')"))))
    await page.page.waitForFunction(() => 'done' in window)
    expect(page.errors).toEqual([])
    let state = await page.page.evaluate(
      `import('/bundle/realtime-stores.js').then(RS => RS.realtimeConnection.get().persona)`
    )
    expect(state).toBe('sol')
  } finally {
    await stopAll()
  }
})

test('the feature of one’s own, in the browser and on the server', async () => {
  try {
    writeFileSync(join(dir, 'votes.js'), toJs(named('votes.ts')))
    let server = start('server.ts')
    await says(server, "{ film: { grace: 'Alien' } }")
    // The client of the example has no token, which this server asks for.
    let client = block(({ code }) => code.includes('let client = createRealtime'))
    let code = client.code.replace("user: 'ada' }", "user: 'ada', token: 'a token' }")
    expect(code).not.toBe(client.code)
    let page = await open(moduleOf({ ...client, code }))
    await says(page, '{grace: Alien, ada: Alien}')
    await says(page, 'live')
    expect(page.errors).toEqual([])
  } finally {
    await stopAll()
  }
})

// --- blocks ---

function block(wanted: (block: Block) => boolean): Block {
  let found = blocks.find(wanted)
  if (!found) throw new Error('README.md has no such block any more')
  return found
}

function named(name: string): Block {
  return block(block => block.name === name)
}

function toJs({ code, where }: Block): string {
  let options = { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext, verbatimModuleSyntax: true }
  return adapt(ts.transpileModule(code, { fileName: where, compilerOptions: options }).outputText)
}

/** The same code on a port of ours, with its file in our folder. */
function adapt(code: string): string {
  return code.replaceAll('4000', String(port)).replaceAll("'realtime.db'", JSON.stringify(join(dir, `${port}.db`)))
}

/** A page that runs the block; `window.done` is there when it has ended. */
function moduleOf(block: Block): string {
  let imports = {
    'realtime-stores': '/bundle/realtime-stores.js',
    './votes.js': `data:text/javascript,${encodeURIComponent(toJs(named('votes.ts')))}`
  }
  return `<!doctype html>
    <script type="importmap">${JSON.stringify({ imports })}</script>
    <script type="module">${toJs(block)}\nwindow.done = true</script>`
}

// --- what runs ---

interface Running {
  readonly lines: string[]
}

/** Runs a named block in Node. */
function start(name: string): Running {
  let file = join(dir, name.replace(/\.ts$/, '.js'))
  writeFileSync(file, toJs(named(name)))
  let child: ChildProcess = spawn(process.execPath, [file], { cwd: dir, stdio: ['ignore', 'pipe', 'pipe'] })
  let lines: string[] = []
  for (let stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => lines.push(...text.split('\n').filter(Boolean)))
  }
  let gone = new Promise(resolve => child.once('exit', resolve))
  ends.push(async () => {
    child.kill()
    await gone
  })
  return { lines }
}

async function open(html: string): Promise<Running & { page: Page; errors: string[] }> {
  let server = await servePage({ html })
  let context = await browser.newContext()
  ends.push(
    () => server.close(),
    () => context.close()
  )
  let page = await context.newPage()
  let lines: string[] = []
  let errors: string[] = []
  page.on('console', message => (message.type() === 'error' ? errors : lines).push(message.text()))
  page.on('pageerror', error => errors.push(error.stack ?? error.message))
  await page.goto(server.url)
  return { page, lines, errors }
}

async function says({ lines }: Running, text: string): Promise<void> {
  await expect
    .poll(() => lines.filter(line => line.includes(text)).length || lines.join('\n'), { timeout: 15_000 })
    .toBeTypeOf('number')
}

function freePort(): Promise<number> {
  return new Promise(resolve => {
    let server = createServer().listen(0, () => {
      let { port } = server.address() as { port: number }
      server.close(() => resolve(port))
    })
  })
}
