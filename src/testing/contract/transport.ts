// What a transport must do, whatever it is made of, over a real server. Knows no transport.

import type { Connect, Link, Transport } from '../../ports.js'
import type { Frame, FrameName, FrameOf } from '../../protocol/frames.js'
import { type ContractTest, createSuite, same } from './suite.js'

/** Where the tests run: over a real server, whatever its features, that nobody else uses. */
export interface TransportWorld {
  readonly transport: Transport
  readonly connect: Connect
  readonly url: string
  /** An address where nobody listens. */
  readonly deadUrl: string
  /** Breaks every connection to `url` without a word, and refuses new ones until `heal`. */
  cut(): void
  heal(): void
  /** Who is in a room, as the server sees it; the server gives a broken connection no grace. */
  users(room: string): Promise<readonly string[]>
  /** Milliseconds after which what did not come is missing; default 20,000. */
  readonly patience?: number
}

const PATIENCE = 20_000
const ROOM = 'contract'
/** Texts that are longer in bytes than in characters, end lines for some, and are cut anywhere by a network. */
const TRICKY = 'ä\u2028\u2029\u0085\u0000"\\\n\r€𝄞🫀'
const RETURNING = 4000

interface Wire {
  readonly link: Link
  /** What the link reported, in order. */
  readonly log: readonly string[]
  opened(): Promise<void>
  closed(): Promise<{ code: number; reason: string }>
  send(...frames: Frame[]): boolean
  /** Waits for a frame and takes it, and everything before it. */
  next<N extends FrameName>(name: N): Promise<FrameOf<N>>
  /** Waits for a text as it is. */
  text(wanted: string): Promise<void>
}

function open({ connect, url, patience = PATIENCE }: TransportWorld): Wire {
  let log: string[] = []
  let frames: Frame[] = []
  let texts: string[] = []
  let waiting: (() => void)[] = []
  let opened = settlable<void>()
  let closed = settlable<{ code: number; reason: string }>()
  let link = connect(url, {
    opened() {
      log.push('opened')
      opened.resolve()
    },
    message(text) {
      log.push('message')
      texts.push(text)
      if (text.startsWith('[')) frames.push(...(JSON.parse(text) as Frame[]))
      for (let call of waiting.splice(0)) call()
    },
    closed(code, reason) {
      log.push('closed')
      closed.resolve({ code, reason })
      for (let call of waiting.splice(0)) call()
    }
  })
  async function wait<T>(what: string, find: () => T | undefined): Promise<T> {
    for (;;) {
      let found = find()
      if (found !== undefined) return found
      if (log.includes('closed')) throw new Error(`closed before ${what} came`)
      await within(patience, what, new Promise<void>(resolve => waiting.push(resolve)))
    }
  }
  return {
    link,
    log,
    opened: () => within(patience, 'opened', opened.promise),
    closed: () => within(patience, 'closed', closed.promise),
    send: (...frames) => link.send(JSON.stringify(frames)),
    next: <N extends FrameName>(name: N) =>
      wait(name, () => {
        let index = frames.findIndex(frame => frame.f === name)
        return index < 0 ? undefined : (frames.splice(0, index + 1).at(-1) as FrameOf<N>)
      }),
    text: wanted => wait(wanted, () => (texts.includes(wanted) ? null : undefined)).then(() => {})
  }
}

/** A connection that is welcome. */
async function greet(world: TransportWorld, user: string): Promise<Wire> {
  let wire = open(world)
  await wire.opened()
  wire.send({ f: 'hello', v: 1, app: 'contract', cid: `${user}-${world.transport}`, gen: 1, user })
  await wire.next('welcome')
  wire.send({ f: 'join', ref: 1, room: ROOM, presence: {} })
  await wire.next('joined')
  return wire
}

/**
 * Tests for a transport of your own, as it is handed to `createRealtime({ ports: { connect } })`. `world` is asked anew for each.
 *
 * ```ts
 * for (let { name, run } of transportContract(() => world)) test(name, run)
 * ```
 */
export function transportContract(world: () => TransportWorld | Promise<TransportWorld>): ContractTest[] {
  let { tests, test: add } = createSuite()
  let test = (name: string, body: (world: TransportWorld) => Promise<void>): void => {
    add(name, async () => body(await world()))
  }

  test('opens, then carries texts both ways', async world => {
    let wire = open(world)
    same(wire.link.send('ping'), false, 'sending before it is open')
    await wire.opened()
    same(wire.link.send('ping'), true, 'sending')
    await wire.text('pong')
    same(wire.log[0], 'opened', 'the first report')
    same(wire.link.transport, world.transport, 'transport')
    wire.link.close()
  })

  test('carries 500 messages each way, once and in order', async world => {
    let wire = await greet(world, 'order')
    for (let x = 0; x < 500; x++) same(wire.send({ f: 'ping', x }), true, 'sending')
    for (let x = 0; x < 500; x++) same((await wire.next('pong')).x, x, 'the next answer')
    wire.send({ f: 'ping', x: 1000 })
    same((await wire.next('pong')).x, 1000, 'nothing comes twice: the next answer')
    wire.link.close()
  })

  test('carries what is sent turn by turn, once and in order', async world => {
    let wire = await greet(world, 'turns')
    for (let x = 0; x < 60; x++) {
      wire.send({ f: 'ping', x })
      await new Promise<void>(resolve => queueMicrotask(resolve))
      if (x % 5 === 0) same((await wire.next('pong')).x >= 0, true, 'an answer')
    }
    let last = -1
    while (last < 59) {
      let { x } = await wire.next('pong')
      if (x <= last) throw new Error(`${x} came after ${last}`)
      last = x
    }
    wire.link.close()
  })

  test('carries any character, and large messages in pieces of any size', async world => {
    let [ann, bob] = await Promise.all([greet(world, 'large'), greet(world, 'other')])
    let text = TRICKY.repeat(100)
    for (let i = 0; i < 40; i++) ann.send({ f: 'presence', room: ROOM, self: { text, i } })
    for (let i = -1; i < 39; ) {
      let { updated } = await bob.next('presence')
      let data = Object.values(updated ?? {})[0]?.data as { text: string; i: number } | undefined
      if (data) same(data.text, text, 'the text')
      if (data) i = data.i
    }
    ann.link.close()
    bob.link.close()
  })

  test('tells how much is on its way, down to nothing', async world => {
    let wire = await greet(world, 'buffered')
    for (let x = 0; x < 200; x++) wire.send({ f: 'ping', x })
    while ((await wire.next('pong')).x < 199);
    await until(world, 'nothing is on its way', async () => wire.link.buffered() === 0)
    wire.link.close()
  })

  test('delivers what was sent right before it is closed, and reports nothing after', async world => {
    let wire = await greet(world, 'farewell')
    same((await world.users(ROOM)).includes('farewell'), true, 'the server knows the connection')
    wire.send({ f: 'ping', x: 1 })
    wire.send({ f: 'bye', code: 'logout', final: true })
    wire.link.close(1000)
    same(wire.link.send('ping'), false, 'sending after it was closed')
    let { length } = wire.log
    await until(world, 'the server has heard of it', async () => !(await world.users(ROOM)).includes('farewell'))
    same(wire.log.length, length, 'reports after it was closed')
  })

  test('tells the server that it leaves', async world => {
    let wire = await greet(world, 'leaver')
    wire.link.close(RETURNING)
    await until(world, 'the server has heard of it', async () => !(await world.users(ROOM)).includes('leaver'))
  })

  test('reports the code of the server, after the last message', async world => {
    let wire = open(world)
    await wire.opened()
    wire.send({ f: 'ping', x: 1 })
    same((await wire.next('bye')).code, 'hello', 'the last word')
    let { code, reason } = await wire.closed()
    same(code, 4400, 'the code')
    same(reason, 'hello', 'the reason')
    same(wire.log.join(' '), 'opened message closed', 'the reports')
    same(wire.link.send('ping'), false, 'sending after it was closed')
  })

  test('reports a connection that breaks, once', async world => {
    let wire = await greet(world, 'broken')
    world.cut()
    let { code } = await wire.closed()
    same(code, 1006, 'the code')
    same(wire.log.filter(entry => entry === 'closed').length, 1, 'reports of the end')
    same(wire.link.send('ping'), false, 'sending after it broke')
    world.heal()
    let again = await greet(world, 'again')
    again.link.close()
  })

  test('reports an address where nobody is, once, and never opens', async world => {
    let wire = open({ ...world, url: world.deadUrl })
    await wire.closed()
    same(wire.log.join(' '), 'closed', 'the reports')
  })

  test('reports nothing of what was given up before it opened', async world => {
    let wire = open(world)
    wire.link.close()
    let other = await greet(world, 'patient')
    same(wire.log.length, 0, 'reports')
    other.link.close()
  })

  return tests
}

async function within<T>(patience: number, what: string, promise: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined
  let late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} did not come`)), patience)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}

async function until(
  { patience = PATIENCE }: TransportWorld,
  what: string,
  isSo: () => Promise<boolean>
): Promise<void> {
  let end = Date.now() + patience
  while (!(await isSo())) {
    if (Date.now() > end) throw new Error(`it did not come to this: ${what}`)
    await new Promise(resolve => setTimeout(resolve, 10))
  }
}

function settlable<T>() {
  let resolve!: (value: T) => void
  let promise = new Promise<T>(settle => {
    resolve = settle
  })
  return { promise, resolve }
}
