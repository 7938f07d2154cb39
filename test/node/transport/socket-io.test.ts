// A client over a backend that speaks Socket.IO: a real server, real sockets, an event table both ways.

import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { RealtimeOptions } from '../../../src/client-options.js'
import { realClock } from '../../../src/env/clock.js'
import { defineFeature, durable, volatile } from '../../../src/feature.js'
import { clients } from '../../../src/features/clients.js'
import { notifications } from '../../../src/features/notifications.js'
import type { Connect } from '../../../src/ports.js'
import { boolean, object, string } from '../../../src/schema.js'
import { createSeededRandom } from '../../../src/testing/clock.js'
import { createDevice, type Device } from '../../../src/testing/device.js'
import { createServer } from '../../../src/testing/server.js'
import {
  fields,
  list,
  optional,
  type SocketIoOptions,
  type SocketIoTable,
  socketIo,
  text,
  time
} from '../../../src/transport/socket-io.js'
import { type Backend, createBackend } from '../../support/socket-io-backend.js'

let talk = defineFeature({
  name: 'talk',
  version: 1,
  events: {
    said: durable(object({ content: string() })),
    typing: volatile(object({ isTyping: boolean() }), { seconds: 5 }),
    whispered: durable(object({ content: string() }))
  },
  initial: { said: [] as readonly string[], ids: [] as readonly string[], typing: [] as readonly string[] },
  reduce: {
    said: (state, { content }, { actor, id }) => ({
      ...state,
      said: [...state.said, `${actor}: ${content}`],
      ids: [...state.ids, id]
    }),
    typing: (state, { isTyping }, { actor }) => ({
      ...state,
      typing: [...state.typing.filter(user => user !== actor), ...(isTyping ? [actor] : [])]
    }),
    whispered: state => state
  },
  commands: {
    say: (_, content: string) => ({ type: 'said', data: { content } }),
    type: (_, isTyping: boolean) => ({ type: 'typing', data: { isTyping } }),
    whisper: (_, content: string) => ({ type: 'whispered', data: { content } })
  }
})

let table = {
  rooms: [
    {
      kind: 'conversation',
      join: ({ id }) => ({ event: 'joinConversation', payload: { conversationId: id } }),
      leave: ({ id }) => ({ event: 'leaveConversation', payload: { conversationId: id } }),
      history: answer => optional(fields(answer).messages, list)?.map(payload => ({ event: 'message', payload })),
      members: answer =>
        optional(fields(answer).members, list)?.map(item => {
          let { userId, username } = fields(item)
          return { user: text(userId), data: { username } }
        })
    }
  ],
  up: {
    'talk/said': {
      emit: ({ content }: { content: string }, { id, action }) => ({
        event: 'sendMessage',
        payload: { content, conversationId: id, clientId: action }
      })
    },
    'talk/typing': {
      emit: ({ isTyping }: { isTyping: boolean }, { id }) => ({
        event: isTyping ? 'startTyping' : 'stopTyping',
        payload: { conversationId: id }
      })
    }
  },
  down: [
    {
      event: 'message',
      kind: 'conversation',
      is: 'talk/said',
      room: ({ conversationId }) => text(conversationId),
      data: ({ content }) => ({ content: text(content) }),
      by: ({ sender }) => text(sender),
      id: ({ id }) => text(id),
      action: ({ clientId }) => optional(clientId, text),
      at: ({ timestamp }) => time(timestamp)
    },
    {
      event: 'typing',
      kind: 'conversation',
      is: 'talk/typing',
      room: ({ conversationId }) => text(conversationId),
      data: ({ isTyping }) => ({ isTyping: isTyping === true }),
      by: ({ userId }) => text(userId),
      seconds: 5
    },
    {
      event: 'userJoined',
      kind: 'conversation',
      member: 'joined',
      room: ({ conversationId }) => text(conversationId),
      user: ({ userId }) => text(userId),
      data: ({ username }) => ({ username })
    },
    {
      event: 'userLeft',
      kind: 'conversation',
      member: 'left',
      room: ({ conversationId }) => text(conversationId),
      user: ({ userId }) => text(userId)
    }
  ]
} satisfies SocketIoTable

// Real servers and real time: patience, for machines that have much to do.
vi.setConfig({ testTimeout: 20_000 })

let backend: Backend
let devices: Device[]
let warnings: string[]

beforeEach(async () => {
  backend = await createBackend(['/realtime', '/auth'])
  devices = []
  warnings = []
})
afterEach(async () => {
  for (let device of devices) for (let tab of device.tabs) await tab.client.close()
  await backend.close()
})

function newDevice(): Device {
  let seeds = devices.length + 1
  let random = createSeededRandom(seeds)
  let server = createServer(realClock, random, [], {})
  let device = createDevice({
    clock: realClock,
    server,
    nextSeed: () => seeds,
    turn: () => new Promise(resolve => setTimeout(resolve, 0))
  })
  devices.push(device)
  return device
}

/** What dies with its page, as a socket does. */
function mortal(inner: Connect): { connect: Connect; end: () => void } {
  let isDead = false
  let ends: (() => void)[] = []
  return {
    connect(url, sink) {
      let alive = <A extends unknown[]>(call: (...args: A) => void) => {
        return (...args: A): void => {
          if (!isDead) call(...args)
        }
      }
      let link = inner(url, { opened: alive(sink.opened), message: alive(sink.message), closed: alive(sink.closed) })
      ends.push(() => link.close(1001))
      return link
    },
    end() {
      isDead = true
      for (let end of ends) end()
    }
  }
}

function openPage(
  device: Device,
  user: string,
  { options = {}, ...more }: SocketIoOptions & { options?: Partial<RealtimeOptions> } = {}
) {
  let { connect, end } = mortal(
    socketIo({
      table,
      retry: [0, 50],
      ackTimeout: 300,
      echoWait: 150,
      auth: { user },
      warn: problem => void warnings.push(problem),
      ...more
    })
  )
  let tab = device.openTab(user, { url: backend.url, ...options, ports: { connect } })
  tab.life.onDeath(end)
  tab.client.connect()
  let room = tab.client.room('conversation:1')
  let handle = room.use(talk)
  return {
    ...tab,
    room,
    ...handle,
    said: () => handle.$state.get().said,
    view: () => tab.client.$connection.get(),
    status: () => room.$status.get(),
    waiting: () => tab.client.pending.get().length
  }
}

let until = <T>(check: () => T): Promise<T> => vi.waitFor(check, { timeout: 8000, interval: 5 })
let online = (page: ReturnType<typeof openPage>) => until(() => expect(page.status().stale).toBe(false))
let sent = (event: string) => backend.heard.filter(heard => heard.event === event)
let stored = (room = '1') => (backend.messages.get(room) ?? []).map(({ sender, content }) => `${sender}: ${content}`)

describe('what the connection shows', () => {
  test('[O1] online over Socket.IO; that delivery is only at least once is said', async () => {
    let ann = openPage(newDevice(), 'ann')
    expect(ann.view()).toMatchObject({ transport: 'none', delivery: null })
    await online(ann)
    await until(() => expect(ann.view().latencyMs).not.toBeNull())
    expect(ann.view()).toMatchObject({
      phase: 'online',
      reason: 'none',
      transport: 'socket.io',
      delivery: 'at-least-once',
      attempt: 0,
      badFrames: 0
    })
    expect(ann.view().sessionId).toEqual(expect.any(String))
  })

  test('query, auth and the token arrive; the token is in no address', async () => {
    let ann = openPage(newDevice(), 'ann', {
      query: { version: '2' },
      auth: ({ user, token }) => ({ user, tenant: 'x', was: token?.length }),
      options: { token: 'good' }
    })
    await online(ann)
    expect(backend.handshakes[0]).toMatchObject({
      query: { version: '2', EIO: '4' },
      auth: { user: 'ann', token: 'good', tenant: 'x', was: 4 }
    })
    expect(JSON.stringify(backend.handshakes[0]?.query)).not.toContain('good')
  })

  test('a refused handshake is `unauthorized`; a token function is asked again', async () => {
    backend.habits.tokens = ['new']
    let fixed = openPage(newDevice(), 'ann', { options: { token: 'old' } })
    await until(() => expect(fixed.view()).toMatchObject({ phase: 'closed', reason: 'unauthorized' }))
    expect(fixed.view().lastError?.message).toContain('not authorized')
    let reasons: string[] = []
    let token = ({ reason }: { reason: string }): string => {
      reasons.push(reason)
      return reason === 'refused' ? 'new' : 'old'
    }
    let fetched = openPage(newDevice(), 'ann', { options: { token } })
    await online(fetched)
    expect(reasons).toEqual(['connect', 'refused'])
  })

  test('no server: attempts are counted, and given up after the last', async () => {
    await backend.kill()
    let ann = openPage(newDevice(), 'ann', { options: { maxAttempts: 2 } })
    await until(() => expect(ann.view()).toMatchObject({ phase: 'waiting', attempt: 1, reason: 'network' }))
    await until(() => expect(ann.view()).toMatchObject({ phase: 'offline', reason: 'attempts' }))
    await backend.restart()
    ann.client.probe()
    await online(ann)
  })

  test('a namespace that the backend does not have ends it, and says which', async () => {
    let ann = openPage(newDevice(), 'ann', { namespace: '/elsewhere' })
    await until(() => expect(ann.view()).toMatchObject({ phase: 'closed', reason: 'no-namespace' }))
    expect(ann.view().lastError?.message).toContain('/elsewhere')
  })

  test('put out by the server: it comes back', async () => {
    let ann = openPage(newDevice(), 'ann')
    await online(ann)
    backend.io().of('/realtime').disconnectSockets()
    await until(() => expect(ann.view().phase).not.toBe('online'))
    expect(ann.view().reason).toBe('server')
    await online(ann)
  })

  test('a link that hangs is noticed without the help of the backend', async () => {
    let ann = openPage(newDevice(), 'ann', { heartbeat: 100 })
    await online(ann)
    let { engine } = backend.io()
    // The server takes everything and answers nothing.
    for (let client of Object.values(
      (engine as unknown as { clients: Record<string, { sendPacket: unknown }> }).clients
    ))
      client.sendPacket = () => {}
    await until(() => expect(ann.view().phase).not.toBe('online'))
    await online(ann)
  })
})

describe('messages', () => {
  test('both ways, with the ids of the backend, and each once', async () => {
    let [ann, bob] = [openPage(newDevice(), 'ann'), openPage(newDevice(), 'bob')]
    await online(ann)
    await online(bob)
    let receipt = ann.say('hello')
    expect(ann.said()).toEqual(['ann: hello'])
    await receipt.visible
    await bob.say('hi').visible
    for (let page of [ann, bob]) {
      await until(() => expect(page.said()).toEqual(['ann: hello', 'bob: hi']))
      expect(page.$state.get().ids).toEqual(['m1', 'm2'])
      expect(page.waiting()).toBe(0)
    }
    expect(warnings).toEqual([])
  })

  let habits = ['event', 'ack'].flatMap(first =>
    ['all', 'others'].flatMap(echo =>
      [true, false].flatMap(clientIds => [true, false].map(names => ({ first, echo, clientIds, names }) as const))
    )
  )
  test.each(habits)('[O3] the own message is never shown twice: %o', async habit => {
    Object.assign(backend.habits, habit)
    let [ann, bob] = [openPage(newDevice(), 'ann'), openPage(newDevice(), 'bob')]
    await online(ann)
    await online(bob)
    let seen = new Set<string>()
    ann.$state.subscribe(({ said }) => void seen.add(said.join()))
    await ann.say('one').visible
    await bob.say('two').acked
    await until(() => expect(ann.said()).toHaveLength(2))
    await ann.say('three').visible
    expect(ann.said()).toEqual(['ann: one', 'bob: two', 'ann: three'])
    await until(() => expect(bob.said()).toEqual(ann.said()))
    // Neither twice nor gone, at no moment.
    expect([...seen]).toEqual(['', 'ann: one', 'ann: one,bob: two', 'ann: one,bob: two,ann: three'])
    expect(stored()).toEqual(ann.said())
  })

  test('a row of them keeps its order', async () => {
    let [ann, bob] = [openPage(newDevice(), 'ann'), openPage(newDevice(), 'bob')]
    await online(bob)
    let numbers = Array.from({ length: 30 }, (_, i) => `ann: ${i}`)
    for (let i of numbers.keys()) ann.say(String(i))
    await until(() => expect(bob.said()).toEqual(numbers))
    await until(() => expect(ann.said()).toEqual(numbers))
    expect(stored()).toEqual(numbers)
    expect(ann.waiting()).toBe(0)
  })

  test('one of a row is on its way at a time: the next leaves when it was answered', async () => {
    let ann = openPage(newDevice(), 'ann')
    await online(ann)
    backend.habits.ack = 'never'
    backend.habits.echo = 'others'
    for (let content of ['one', 'two', 'three']) ann.say(content)
    await until(() => expect(sent('sendMessage')).not.toEqual([]))
    // What had left with it would be there before this, for a socket keeps its order.
    ann.type(true)
    await until(() => expect(sent('startTyping')).toHaveLength(1))
    expect(new Set(sent('sendMessage').map(({ data }) => fields(data).content))).toEqual(new Set(['one']))
    backend.habits.ack = 'yes'
    await until(() => expect(ann.waiting()).toBe(0))
    expect([...new Set(stored())]).toEqual(['ann: one', 'ann: two', 'ann: three'])
  })

  test('what the backend refuses in its acknowledgement is rejected with its code, and holds nothing up', async () => {
    let ann = openPage(newDevice(), 'ann')
    await online(ann)
    backend.habits.ack = { success: false, error: { code: 'too-rude', message: 'Be kind.' } }
    let receipt = ann.say('rude')
    await expect(receipt.acked).rejects.toMatchObject({ code: 'too-rude', message: 'Be kind.' })
    await until(() => expect(ann.said()).toEqual([]))
    expect(ann.client.rejected.get()).toMatchObject([{ kind: 'rejected', code: 'too-rude' }])
    backend.habits.ack = 'yes'
    await ann.say('kind').visible
    expect(await ann.client.rejected.retry(receipt.id)).toBe(true)
    await until(() => expect(ann.said()).toEqual(['ann: kind', 'ann: rude']))
  })

  test('refused for now: it goes again when the backend said', async () => {
    let ann = openPage(newDevice(), 'ann')
    await online(ann)
    backend.habits.ack = { error: 'rate-limited', retryAfter: 50 }
    let receipt = ann.say('patience')
    await until(() => expect(sent('sendMessage').length).toBeGreaterThan(1))
    backend.habits.ack = 'yes'
    await receipt.visible
    expect(stored()).toEqual(['ann: patience'])
  })

  test('an action that the table does not know is rejected, and not silently lost', async () => {
    let ann = openPage(newDevice(), 'ann')
    await online(ann)
    await expect(ann.whisper('psst').acked).rejects.toMatchObject({ code: 'unknown-feature' })
  })

  test('events that make no sense are dropped and told', async () => {
    let ann = openPage(newDevice(), 'ann')
    await online(ann)
    let space = backend.io().of('/realtime')
    for (let payload of [null, 'x', [], {}, { conversationId: '1' }, { conversationId: '1', content: {}, sender: 'x' }])
      space.emit('message', payload)
    backend.say('1', 'bob', 'still here')
    await until(() => expect(ann.said()).toEqual(['bob: still here']))
    expect(warnings.length).toBeGreaterThan(3)
    expect(ann.view().badFrames).toBe(0)
  })

  test('an event that comes twice counts once', async () => {
    let ann = openPage(newDevice(), 'ann')
    await online(ann)
    let message = { id: 'm9', content: 'x', sender: 'bob', timestamp: new Date().toISOString(), conversationId: '1' }
    for (let i = 0; i < 3; i++) backend.io().of('/realtime').emit('message', message)
    backend.say('1', 'bob', 'last')
    await until(() => expect(ann.said()).toEqual(['bob: x', 'bob: last']))
  })
})

describe('at least once', () => {
  test('[O1] an acknowledgement that is lost after the effect: the message is there twice', async () => {
    let [ann, bob] = [openPage(newDevice(), 'ann'), openPage(newDevice(), 'bob')]
    await online(ann)
    await online(bob)
    Object.assign(backend.habits, { ack: 'lose', clientIds: false })
    await ann.say('once?').acked
    expect(stored()).toEqual(['ann: once?', 'ann: once?'])
    await until(() => expect(bob.said()).toEqual(['ann: once?', 'ann: once?']))
    expect(ann.client.unknown.get()).toEqual([])
  })

  test('… and once where the backend knows the id of the action', async () => {
    let [ann, bob] = [openPage(newDevice(), 'ann'), openPage(newDevice(), 'bob')]
    await online(ann)
    await online(bob)
    Object.assign(backend.habits, { ack: 'lose', once: true })
    await ann.say('once!').acked
    expect(sent('sendMessage')).toHaveLength(2)
    expect(stored()).toEqual(['ann: once!'])
    await until(() => expect(bob.said()).toEqual(['ann: once!']))
    await until(() => expect(ann.said()).toEqual(['ann: once!']))
  })

  test('… and is shown once where the backend only hands the id back', async () => {
    let [ann, bob] = [openPage(newDevice(), 'ann'), openPage(newDevice(), 'bob')]
    await online(ann)
    await online(bob)
    backend.habits.ack = 'lose'
    await ann.say('shown once').acked
    expect(stored()).toEqual(['ann: shown once', 'ann: shown once'])
    await bob.say('end').acked
    await until(() => expect(bob.said()).toEqual(['ann: shown once', 'bob: end']))
  })

  test('a backend that never acknowledges gets it five times, more and more rarely; then it is rejected', async () => {
    let ann = openPage(newDevice(), 'ann', { ackTimeout: 100 })
    await online(ann)
    Object.assign(backend.habits, { ack: 'never', clientIds: false, echo: 'others' })
    let receipt = ann.say('anybody?')
    await until(() => expect(sent('sendMessage').length).toBeGreaterThan(1))
    expect(ann.waiting()).toBe(1)
    await expect(receipt.acked).rejects.toMatchObject({ code: 'unanswered' })
    expect(sent('sendMessage')).toHaveLength(5)
    expect(ann.client.unknown.get()).toEqual([])
    backend.habits.ack = 'yes'
    await ann.say('there you are').acked
  })

  test('a connection that breaks is nobody’s silence: it goes again as often as that happens', async () => {
    let ann = openPage(newDevice(), 'ann', { ackTimeout: 60_000 })
    await online(ann)
    Object.assign(backend.habits, { ack: 'never', clientIds: false, echo: 'others' })
    let receipt = ann.say('once more')
    for (let count = 1; count <= 7; count++) {
      await until(() => expect(sent('sendMessage')).toHaveLength(count))
      if (count === 7) backend.habits.ack = 'yes'
      backend.io().of('/realtime').disconnectSockets(true)
      await until(() => expect(ann.status().stale).toBe(true))
      ann.client.probe()
    }
    await receipt.acked
  })

  test('taken, and the connection breaks before its event comes: it does not go again, and is shown', async () => {
    let ann = openPage(newDevice(), 'ann', { echoWait: 60_000 })
    await online(ann)
    Object.assign(backend.habits, { echo: 'others' })
    let receipt = ann.say('taken')
    await until(() => expect(stored()).toEqual(['ann: taken']))
    // Its acknowledgement is there by the time that a later question is answered.
    await ann.room.history()
    await new Promise(resolve => setTimeout(resolve, 50))
    await backend.kill()
    // Known at once, and not only at the next connection.
    await receipt.acked
    expect(ann.waiting()).toBe(0)
    await backend.restart()
    ann.client.probe()
    await online(ann)
    expect(ann.said()).toEqual(['ann: taken'])
    expect(sent('sendMessage')).toHaveLength(1)
  })

  test.each([
    ['its event', 'echo', true],
    ['its event without the id of the action', 'echo', false],
    ['nothing at all', 'none', true]
  ] as const)('where %s says that it was taken, no acknowledgement is waited for', async (_, ack, clientIds) => {
    let up = { 'talk/said': { ...table.up['talk/said'], ack } }
    let ann = openPage(newDevice(), 'ann', { table: [table, { up }] })
    await online(ann)
    Object.assign(backend.habits, { ack: 'never', clientIds })
    await ann.say('one').visible
    await ann.say('two').visible
    expect(ann.said()).toEqual(['ann: one', 'ann: two'])
    expect(stored()).toEqual(ann.said())
    expect(ann.$state.get().ids).toEqual(['m1', 'm2'])
  })

  test('[O2] rows that may have left go again after a reload, and are never unknown', async () => {
    let device = newDevice()
    let ann = openPage(device, 'ann')
    await online(ann)
    await ann.say('first').acked
    backend.habits.ack = 'never'
    Object.assign(backend.habits, { clientIds: false, echo: 'others' })
    let receipt = ann.say('second')
    await receipt.stored
    ann.say('third')
    await until(() => expect(sent('sendMessage')).toHaveLength(2))
    ann.crash()
    backend.habits.ack = 'yes'
    let again = openPage(device, 'ann')
    await until(() => expect(stored()).toEqual(['first', 'second', 'second', 'third'].map(word => `ann: ${word}`)))
    await until(() => expect(again.waiting()).toBe(0))
    expect(again.client.unknown.get()).toEqual([])
    expect(again.client.rejected.get()).toEqual([])
    expect(again.said().at(-1)).toBe('ann: third')
  })

  test('what is said while the server is away is kept over a reload, and arrives in order', async () => {
    let device = newDevice()
    let ann = openPage(device, 'ann')
    await online(ann)
    await ann.say('before').acked
    await backend.kill()
    await until(() => expect(ann.view().phase).not.toBe('online'))
    await ann.say('one').stored
    await ann.say('two').stored
    expect(ann.said()).toEqual(['ann: before', 'ann: one', 'ann: two'])
    await ann.close()
    let again = openPage(device, 'ann')
    await until(() => expect(again.said()).toEqual(['ann: before', 'ann: one', 'ann: two']))
    await backend.restart()
    again.client.probe()
    await until(() => expect(again.waiting()).toBe(0))
    expect(stored()).toEqual(['ann: before', 'ann: one', 'ann: two'])
    expect(again.said()).toEqual(['ann: before', 'ann: one', 'ann: two'])
  })
})

describe('after a loss', () => {
  test('[O4] without a history, what was known is kept, and the status says that something may be missing', async () => {
    let [ann, bob] = [openPage(newDevice(), 'ann'), openPage(newDevice(), 'bob')]
    await online(ann)
    await online(bob)
    expect(ann.status().recovered).toBe('new')
    await ann.say('known').visible
    await backend.kill()
    await until(() => expect(ann.status().stale).toBe(true))
    await backend.restart()
    await online(ann)
    expect(ann.status().recovered).toBe('kept')
    expect(ann.said()).toEqual(['ann: known'])
    backend.say('1', 'bob', 'after')
    await until(() => expect(ann.said()).toEqual(['ann: known', 'bob: after']))
  })

  test('[O4] and over a reload', async () => {
    let device = newDevice()
    let ann = openPage(device, 'ann')
    await online(ann)
    await ann.say('known').visible
    await ann.close()
    backend.say('1', 'bob', 'missed')
    let again = openPage(device, 'ann')
    await online(again)
    expect(again.status().recovered).toBe('kept')
    backend.say('1', 'bob', 'after')
    await until(() => expect(again.said()).toEqual(['ann: known', 'bob: after']))
  })

  test('with a history in the answer to the join, nothing is missing', async () => {
    backend.habits.history = true
    backend.say('1', 'bob', 'long ago')
    let device = newDevice()
    let ann = openPage(device, 'ann')
    await online(ann)
    expect(ann.said()).toEqual(['bob: long ago'])
    await ann.say('known').visible
    await backend.kill()
    await until(() => expect(ann.status().stale).toBe(true))
    ann.say('offline')
    backend.say('1', 'bob', 'missed')
    await backend.restart()
    await online(ann)
    expect(ann.status().recovered).toBe('none')
    let all = ['bob: long ago', 'ann: known', 'bob: missed', 'ann: offline']
    await until(() => expect(ann.said()).toEqual(all))
    await until(() => expect(ann.waiting()).toBe(0))
    expect(ann.said()).toEqual(all)
    await ann.close()
    let again = openPage(device, 'ann')
    await online(again)
    expect(again.said()).toEqual(all)
  })

  test('a history tells which rows have arrived: they do not go again', async () => {
    backend.habits.history = true
    let device = newDevice()
    let ann = openPage(device, 'ann')
    await online(ann)
    Object.assign(backend.habits, { ack: 'never', echo: 'others' })
    ann.say('arrived')
    await until(() => expect(stored()).toEqual(['ann: arrived']))
    ann.crash()
    backend.habits.ack = 'yes'
    let again = openPage(device, 'ann')
    await until(() => expect(again.waiting()).toBe(0))
    await online(again)
    expect(again.said()).toEqual(['ann: arrived'])
    expect(sent('sendMessage')).toHaveLength(1)
  })
})

describe('rooms', () => {
  test('a room that the backend refuses is refused, and rows for it are rejected', async () => {
    let ann = openPage(newDevice(), 'ann')
    await online(ann)
    let room = ann.client.room('conversation:closed')
    await until(() => expect(room.$status.get().refused).toBe('forbidden'))
    await expect(room.use(talk).say('hello?').acked).rejects.toMatchObject({ code: 'forbidden' })
    let strange = ann.client.room('nowhere:1')
    await until(() => expect(strange.$status.get().refused).toBe('unknown-room'))
  })

  test('a room that is not shown is entered for what waits there', async () => {
    let device = newDevice()
    await backend.kill()
    let ann = openPage(device, 'ann')
    await ann.client.room('conversation:2').use(talk).say('over there').stored
    await ann.close()
    await backend.restart()
    let again = openPage(device, 'ann')
    await until(() => expect(stored('2')).toEqual(['ann: over there']))
    await until(() => expect(again.waiting()).toBe(0))
  })

  test('who is there: told by the join, then by who comes and goes', async () => {
    let bob = openPage(newDevice(), 'bob')
    await online(bob)
    let ann = openPage(newDevice(), 'ann')
    await online(ann)
    let users = (page: typeof ann) =>
      Object.values(page.room.presence.$roster.get().members)
        .map(({ user }) => user)
        .sort()
    await until(() => expect(users(ann)).toEqual(['ann', 'bob']))
    await until(() => expect(users(bob)).toEqual(['ann', 'bob']))
    expect(bob.events.map(({ type }) => type)).toContain('memberJoined')
    await ann.close()
    await until(() => expect(users(bob)).toEqual(['bob']))
  })

  test('a room is left', async () => {
    let ann = openPage(newDevice(), 'ann')
    await online(ann)
    ann.room.leave()
    await until(() => expect(sent('leaveConversation')).toHaveLength(1))
  })
})

describe('namespaces', () => {
  let own = (...namespaces: string[]): SocketIoTable => ({
    rooms: namespaces.map(namespace => ({ kind: 'user', namespace })),
    down: namespaces.map(namespace => ({
      namespace,
      event: 'told',
      kind: 'user',
      is: 'talk/said',
      data: ({ content }) => ({ content: text(content) })
    })),
    up: {
      'talk/said': {
        namespace: '/auth',
        emit: ({ content }: { content: string }) => ({ event: 'told', payload: { content } }),
        ack: 'none',
        echo: false
      }
    }
  })

  test('a room of several hears each, over one connection; one that the backend does not have is left out', async () => {
    let ann = openPage(newDevice(), 'ann', { table: [table, own('/realtime', '/auth', '/missing')] })
    let mine = ann.client.room('user:ann')
    let { $state, say } = mine.use(talk)
    await until(() => expect(mine.$status.get().stale).toBe(false))
    for (let name of ['/realtime', '/auth']) backend.io().of(name).emit('told', { content: name })
    await until(() => expect([...$state.get().said].sort()).toEqual(['app: /auth', 'app: /realtime']))
    await say('up').acked
    await until(() => expect(sent('told')).toMatchObject([{ namespace: '/auth', user: 'ann' }]))
    expect(backend.connections).toBe(1)
  })

  test('where none of them is there, the room is refused', async () => {
    let ann = openPage(newDevice(), 'ann', { table: [table, own('/missing')] })
    let mine = ann.client.room('user:ann')
    await until(() => expect(mine.$status.get().refused).toBe('no-namespace'))
    await online(ann)
  })

  test('put out of one: its rooms are entered anew, the others do not notice', async () => {
    let ann = openPage(newDevice(), 'ann', { table: [table, own('/auth')] })
    let mine = ann.client.room('user:ann')
    let { $state } = mine.use(talk)
    await until(() => expect(mine.$status.get().stale).toBe(false))
    let drops = ann.events.filter(({ type }) => type === 'disconnected').length
    backend.io().of('/auth').disconnectSockets()
    await until(() => expect(backend.handshakes).toHaveLength(3))
    await until(() => expect(mine.$status.get().stale).toBe(false))
    backend.io().of('/auth').emit('told', { content: 'again' })
    await until(() => expect($state.get().said).toEqual(['app: again']))
    expect(ann.events.filter(({ type }) => type === 'disconnected')).toHaveLength(drops)
  })

  test('an event that names no room is about the only one that there is', async () => {
    let ann = openPage(newDevice(), 'ann', {
      table: [
        table,
        {
          down: [
            {
              event: 'whispered',
              kind: 'conversation',
              is: 'talk/said',
              data: ({ content }) => ({ content: text(content) })
            }
          ]
        }
      ]
    })
    await online(ann)
    backend.io().of('/realtime').emit('whispered', { content: 'here' })
    await until(() => expect(ann.said()).toEqual(['app: here']))
    let other = ann.client.room('conversation:2')
    await until(() => expect(other.$status.get().stale).toBe(false))
    backend.io().of('/realtime').emit('whispered', { content: 'where?' })
    await until(() => expect(warnings).toHaveLength(1))
    expect(ann.said()).toEqual(['app: here'])
  })
})

test('the tables that are shipped, over namespaces of a backend that has only some of them', async () => {
  await backend.close()
  backend = await createBackend(['/realtime', '/notifications', '/clients'])
  let read: unknown[] = []
  let all = [
    { id: 'n1', type: 'memory', title: 'One' },
    { id: 'n2', type: 'memory', title: 'Two', read: true }
  ]
  backend
    .io()
    .of('/notifications')
    .on('connection', socket => {
      socket.on('notification:getAll', (_, ack) => ack({ notifications: all }))
      socket.on('notification:markRead', (data, ack) => ack({ ok: read.push(data) > 0 }))
    })
  let told: unknown[] = []
  backend
    .io()
    .of('/clients')
    .on('connection', socket => {
      socket.emit('client:status', { clientId: 'mail', name: 'Mail', status: 'disconnected' })
      socket.on('client:start', (data, ack) => {
        // What follows from a command may come before the word that it was taken.
        told.push(data)
        socket.emit('client:status', { clientId: 'mail', status: 'connected', memory: 1000, friendCount: 2 })
        ack({ success: true })
      })
    })
  let device = newDevice()
  let { client } = device.openTab('ann', {
    url: backend.url,
    token: 'good',
    ports: { connect: socketIo({ auth: { user: 'ann' }, retry: [0, 50] }) }
  })
  client.connect()
  let centre = client.room('user:ann').use(notifications)
  await until(() =>
    expect(centre.$state.get().items.map(({ id, read }) => [id, read])).toEqual([
      ['n2', true],
      ['n1', false]
    ])
  )
  await centre.markRead('n1').acked
  expect(read).toMatchObject([{ id: 'n1' }])
  await until(() => expect(centre.$state.get().unreadCount).toBe(0))
  backend.io().of('/notifications').emit('notification:new', { id: 'n3', type: 'system', title: 'Three' })
  await until(() => expect(centre.$state.get().unreadCount).toBe(1))

  let managed = client.room('clients').use(clients)
  await until(() => expect(managed.$state.get().clients.mail).toMatchObject({ name: 'Mail', status: 'disconnected' }))
  await managed.startClient('mail').acked
  expect(told).toMatchObject([{ clientId: 'mail' }])
  await until(() =>
    expect(managed.$state.get().clients.mail).toMatchObject({ status: 'connected', doing: null, friendCount: 2 })
  )
  expect(client.rejected.get()).toEqual([])
  expect(backend.connections).toBe(1)
})

describe('samples', () => {
  test('typing is told, over the volatile way, and dropped where nobody is connected', async () => {
    let [ann, bob] = [openPage(newDevice(), 'ann'), openPage(newDevice(), 'bob')]
    await online(ann)
    await online(bob)
    expect(await ann.type(true)).toMatchObject({ stage: 'sent' })
    await until(() => expect(bob.$state.get().typing).toEqual(['ann']))
    await ann.type(false)
    await until(() => expect(bob.$state.get().typing).toEqual([]))
    await backend.kill()
    await until(() => expect(ann.status().stale).toBe(true))
    expect(await ann.type(true)).toMatchObject({ stage: 'dropped' })
    let before = sent('startTyping').length
    await backend.restart()
    await online(ann)
    await ann.say('end').acked
    expect(sent('startTyping')).toHaveLength(before)
  })
})

describe('tabs', () => {
  test('one socket for all tabs; a message shows in each, once, and the next tab takes over', async () => {
    let device = newDevice()
    let first = openPage(device, 'ann')
    await online(first)
    let second = openPage(device, 'ann')
    await online(second)
    expect(backend.connections).toBe(1)
    expect(second.view()).toMatchObject({ tabs: 'follower', transport: 'socket.io', delivery: 'at-least-once' })
    await second.say('from the second').visible
    await first.say('from the first').visible
    backend.say('1', 'bob', 'hi')
    let all = ['ann: from the second', 'ann: from the first', 'bob: hi']
    for (let tab of [first, second]) await until(() => expect(tab.said()).toEqual(all))
    await first.close()
    await second.say('alone').visible
    expect(second.said()).toEqual([...all, 'ann: alone'])
    expect(stored()).toEqual(['ann: from the second', 'ann: from the first', 'bob: hi', 'ann: alone'])
  })
})

describe('logging in by an event', () => {
  let session = {
    namespace: '/auth',
    login: (token: string) => ({ event: 'authenticate', payload: { token } }),
    logout: { event: 'logout', payload: {} }
  }

  test('the token is shown before anything else, renewed in place, and given back at the end', async () => {
    let ann = openPage(newDevice(), 'ann', { table: [table, { session }], options: { token: 'good' } })
    await online(ann)
    expect(backend.heard[0]).toMatchObject({ namespace: '/auth', event: 'authenticate', data: { token: 'good' } })
    ann.client.authenticate('better')
    await until(() => expect(sent('authenticate').at(-1)?.data).toEqual({ token: 'better' }))
    await ann.client.logout()
    await until(() => expect(sent('logout')).toHaveLength(1))
  })

  test('a refusal ends it with its code', async () => {
    let ann = openPage(newDevice(), 'ann', { table: [table, { session }], options: { token: 'revoked' } })
    await until(() => expect(ann.view()).toMatchObject({ phase: 'closed', reason: 'revoked' }))
  })

  test('a backend without that namespace does without', async () => {
    let elsewhere = { ...session, namespace: '/not-there' }
    let ann = openPage(newDevice(), 'ann', { table: [table, { session: elsewhere }], options: { token: 'good' } })
    await online(ann)
  })
})
