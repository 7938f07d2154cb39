// npm run bench: what the library costs next to the plainest thing that does half as much, side by side in one run, in real
// Chromium against real servers. Ratios only: seconds differ from machine to machine. `--write` also writes bench/RESULTS.md.

import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { chromium } from 'playwright'
import { buildIfNeeded } from '../scripts/build-if-needed.mjs'
import { chromiumFlags, requireChromium } from '../scripts/find-chromium.mjs'
import { esbuild, measureSizes, sizeTable } from './sizes.mjs'
import { median, ratio, short, table, times } from './tally.mjs'

const here = dirname(fileURLToPath(import.meta.url))
const ROUNDS = 5
/** No round starts that would likely end later than this many milliseconds after the start. */
const BUDGET = 60_000

let ends = []
let report = []
let dir = mkdtempSync(join(tmpdir(), 'realtime-bench-'))
ends.push(() => rmSync(dir, { recursive: true, force: true, maxRetries: 5 }))

process.exitCode = 1 // until it went well
try {
  await main()
  process.exitCode = 0
} catch (error) {
  console.error(`\n${error.stack ?? error}`)
} finally {
  for (let end of ends.reverse()) await Promise.resolve(end()).catch(() => {})
}

async function main() {
  await buildIfNeeded()
  say('Starting a server and Chromium …')
  let server = await startServer()
  let pages = await servePages()
  let browser = await chromium.launch({ executablePath: requireChromium(), args: chromiumFlags })
  ends.push(() => browser.close())

  /** Runs `work` in a fresh page of a fresh profile. */
  async function inPage(work) {
    let context = await browser.newContext()
    try {
      let page = await context.newPage()
      await page.goto(pages.url)
      await page.waitForFunction(() => globalThis.BENCH)
      return await work(page)
    } finally {
      await context.close()
    }
  }

  section('Size', sizeTable(await measureSizes()), [
    'Minified by esbuild, with every dependency inside. The last column leaves nanostores out, for apps that have it anyway.'
  ])
  let measures = [...inbound(server, inPage), ...stored(server, inPage), roundTrip(server, inPage)]
  await rounds(measures)
  show(measures)
  let text = report.join('\n\n')
  console.log(`\n${text}`)
  if (process.argv.includes('--write')) {
    writeFileSync(join(here, 'RESULTS.md'), `# Measured by \`npm run bench -- --write\`\n\n${text}\n`)
    console.log('\nWritten to bench/RESULTS.md.')
  }
}

/** Every measure in every round, so that what slows the machine down for a while does not hit one of them alone. */
async function rounds(measures) {
  let start = Date.now()
  for (let round = 1; round <= ROUNDS; round++) {
    let each = (Date.now() - start) / Math.max(1, round - 1)
    if (round > 1 && Date.now() - start + each > BUDGET) return say(`Enough after ${round - 1} of ${ROUNDS} rounds.`)
    for (let { name, run } of measures) {
      say(`round ${round} of ${ROUNDS}: ${name}`)
      await run(round)
    }
  }
}

/** What an incoming event costs the page's main thread. */
function inbound(server, inPage) {
  return [
    [1, 1000],
    [10, 3000],
    [100, 10_000]
  ].map(([group, count]) => {
    let ours = []
    let alike = []
    let single = []
    let messages = 0
    return {
      name: `receiving, ${group} to a message`,
      kind: 'inbound',
      async run(round) {
        let room = `room-${group}-${round}`
        let cpu = async job => {
          let result = await inPage(page => receive(page, server, { room, ...job }))
          if (job.name === 'ours') messages = result.messages
          return result.cpu / job.count
        }
        ours.push(await cpu({ name: 'ours', group, count }))
        alike.push(await cpu({ name: 'plain', group, count }))
        single.push(group === 1 ? alike.at(-1) : await cpu({ name: 'plain', group: 1, count: 1000 }))
      },
      row: () => [
        `${group} to a message`,
        `${count} in ${messages}`,
        times(ratio(ours, alike)),
        group === 1 ? 'the same' : times(ratio(ours, single))
      ]
    }
  })
}

async function receive(page, server, { name, group, count, room }) {
  let url = name === 'ours' ? server.memory : server.raw
  await page.evaluate(({ name, url, room }) => BENCH[name === 'ours' ? 'receiveOurs' : 'receivePlain']({ url, room }), {
    name,
    url,
    room
  })
  let session = await page.context().newCDPSession(page)
  await session.send('Performance.enable', { timeDomain: 'threadTicks' })
  let cpu = async () => {
    let { metrics } = await session.send('Performance.getMetrics')
    return metrics.find(metric => metric.name === 'TaskDuration').value * 1000
  }
  let before = await cpu()
  let [{ messages }] = await Promise.all([
    server.order(name, { room, count, group }),
    page.evaluate(
      count =>
        new Promise(resolve => {
          let look = () => (BENCH.received() >= count ? resolve() : setTimeout(look, 10))
          look()
        }),
      count
    )
  ])
  return { cpu: (await cpu()) - before, messages }
}

/** How fast actions become durable in the browser. */
function stored(server, inPage) {
  return [
    { concurrent: 1, total: 50 },
    { concurrent: 1, total: 50, waiting: 10_000 },
    { concurrent: 1, total: 50, url: server.memory },
    { concurrent: 100, total: 1000 },
    { concurrent: 1000, total: 2000 }
  ].map(job => {
    let { concurrent, total, url, waiting } = job
    let title = `${concurrent === 1 ? 'one alone' : `${concurrent} at once`}, ${url ? 'connected' : 'offline'}`
    if (waiting) title += `, behind ${waiting} others`
    let ours = []
    let plain = []
    return {
      name: `storing, ${title}`,
      kind: 'stored',
      async run() {
        ours.push(await inPage(page => page.evaluate(job => BENCH.storeOurs(job), job)))
        plain.push(await inPage(page => page.evaluate(job => BENCH.storePlain(job), job)))
      },
      row: () => [title, times(ratio(plain, ours)), perSecond(ours, total), perSecond(plain, total)]
    }
  })
}

/** How long it takes until the server has an action for good. */
function roundTrip(server, inPage) {
  let total = 50
  let memory = []
  let disk = []
  let echo = []
  let trips = (name, url) =>
    inPage(page => page.evaluate(([name, job]) => BENCH[name](job), [name, { url, total }])).then(median)
  return {
    name: 'there and back',
    kind: 'roundTrip',
    async run() {
      memory.push(await trips('roundTripsOurs', server.memory))
      if (server.disk) disk.push(await trips('roundTripsOurs', server.disk))
      echo.push(await trips('roundTripsPlain', server.raw))
    },
    rows() {
      let row = (name, side) => [name, times(ratio(side, echo)), `${short(median(side))} ms`]
      return [
        row('a server in memory', memory),
        ...(disk.length ? [row('a server with SQLite', disk)] : []),
        ['a plain echo', '1×', `${short(median(echo))} ms`]
      ]
    }
  }
}

function show(measures) {
  let rows = kind => measures.filter(measure => measure.kind === kind).flatMap(({ row, rows }) => rows?.() ?? [row()])
  section(
    'Receiving',
    table(['events', 'in messages', 'to plain, batched alike', 'to plain, one by one'], rows('inbound')),
    [
      'CPU of the main thread for one event, from the socket to the listener of a store. Plain is a bare WebSocket whose handler',
      'parses the same text and sets one variable. Ours also checks every frame and its offset, runs the reducer, keeps the',
      'position on disk and notifies once per message. Our server sends what happens in one turn as one message; the last column',
      'sets that against a server that sends every event alone.'
    ]
  )
  section(
    'Storing',
    table(['actions', 'faster than plain', 'ours here, a second', 'plain here, a second'], rows('stored')),
    [
      'Actions awaited until `stored`, one alone after a pause. Plain is one `set` of idb-keyval for each. Ours also numbers each',
      'action in the same transaction and paints it, and offline it waits until the disk was flushed, which `set` does not.',
      'What is called in one turn shares one transaction and one flush.'
    ]
  )
  section('There and back', table(['from the call to `acked`', 'to plain echo', 'here'], rows('roundTrip')), [
    'One after the other. Plain is a bare WebSocket whose message is parsed, echoed and stored nowhere. Ours is in between',
    'written to IndexedDB, decided by the server and written to its log; the SQLite file is flushed before each answer.'
  ])
}

// --- the frame of it all ---

function section(title, body, meaning) {
  report.push(`## ${title}\n\n${body}\n\n${meaning.join('\n')}`)
}

function perSecond(ms, total) {
  return String(Math.round((total * 1000) / median(ms)))
}

function say(text) {
  if (process.stdout.isTTY) process.stdout.write(`\r\x1b[K${text}`)
  else console.log(text)
}

async function startServer() {
  let child = fork(join(here, 'server.mjs'), { env: { ...process.env, DATABASE: join(dir, 'bench.db') } })
  ends.push(() => child.kill())
  let gone = once(child, 'exit').then(([code]) => {
    throw new Error(`The benchmark's server ended with ${code}.`)
  })
  gone.catch(() => {})
  let [addresses] = await Promise.race([once(child, 'message'), gone])
  let orders = 0
  return {
    ...addresses,
    order(name, args) {
      let id = ++orders
      let answered = new Promise(resolve => {
        let hear = message => {
          if (message.id !== id) return
          child.off('message', hear)
          resolve(message)
        }
        child.on('message', hear)
      })
      child.send({ id, name, args })
      return Promise.race([answered, gone])
    }
  }
}

async function servePages() {
  let { outputFiles } = await esbuild.build({
    entryPoints: [join(here, 'page.mjs')],
    bundle: true,
    minify: true,
    write: false,
    format: 'iife',
    globalName: 'BENCH',
    define: { 'process.env.NODE_ENV': '"production"' },
    logLevel: 'error'
  })
  let html = '<!doctype html><title>bench</title><script src="/page.js"></script>'
  let http = createServer(({ url }, response) => {
    let [type, body] = url === '/page.js' ? ['text/javascript', outputFiles[0].text] : ['text/html', html]
    response.writeHead(200, { 'content-type': `${type}; charset=utf-8` }).end(body)
  })
  http.listen(0, '127.0.0.1')
  await once(http, 'listening')
  ends.push(
    () => http.closeAllConnections(),
    () => http.close()
  )
  return { url: `http://127.0.0.1:${http.address().port}/` }
}
