// Paging back is compared with a fold of the whole log, whatever comes in meanwhile and however often the connection is lost.

import fc from 'fast-check'
import { atom } from 'nanostores'
import { expect, test } from 'vitest'
import { RealtimeError } from '../../../src/errors.js'
import type { EventMap, HistoryOptions, HistoryPage, LiveEvent, LocalHost } from '../../../src/feature.js'
import { type ChatEvent, concernsMessages } from '../../../src/features/chat-log.js'
import { type ChatMessage, changedMessage, messageOf } from '../../../src/features/chat-messages.js'
import { createChatPaging, type PagedState } from '../../../src/features/chat-paging.js'
import type { EventFrame } from '../../../src/protocol/frames.js'
import { createClock, noDevices } from './world.js'

/** Messages in the shared state: few, so that old ones leave it soon. */
const WINDOW = 3

interface Whole {
  readonly messages: readonly ChatMessage[]
}

const eventOf = ({ type, data, id, by, at }: EventFrame) =>
  ({ type, data, meta: { id, actor: by, at } }) as unknown as ChatEvent

/** All messages as the whole log makes them: the truth. */
function whole(log: readonly EventFrame[]): Whole {
  let messages: ChatMessage[] = []
  for (let event of log.filter(({ feature }) => feature === 'chat').map(eventOf)) {
    if (event.type === 'message') messages.push(messageOf(event.data, messages.length + 1, event.meta))
    else if (concernsMessages(event)) {
      let { data } = event
      messages = messages.map(item => (item.id === data.id ? changedMessage(item, event, event.meta) : item))
    }
  }
  return { messages }
}

const stateOf = (log: readonly EventFrame[]): PagedState => {
  let { messages } = whole(log)
  return { messages: messages.slice(-WINDOW), total: messages.length }
}

type Step =
  | { do: 'say'; what: 'message' | 'edited' | 'deleted' | 'reacted' | 'unreacted' | 'other'; by: number; which: number }
  | { do: 'answer'; size: number }
  | { do: 'load' | 'cut' | 'gap' | 'back' | 'trim' | 'lose' | 'wait' }

const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    {
      weight: 12,
      arbitrary: fc.record({
        do: fc.constant('say' as const),
        what: fc.constantFrom(
          'message' as const,
          'message',
          'message',
          'edited',
          'deleted',
          'reacted',
          'unreacted',
          'other'
        ),
        by: fc.nat(1),
        which: fc.nat(30)
      })
    },
    { weight: 5, arbitrary: fc.record({ do: fc.constant('answer' as const), size: fc.integer({ min: 1, max: 9 }) }) },
    { weight: 3, arbitrary: fc.record({ do: fc.constant('load' as const) }) },
    {
      weight: 4,
      arbitrary: fc.record({
        do: fc.constantFrom('cut' as const, 'gap', 'back', 'back', 'back', 'trim', 'lose', 'wait', 'wait')
      })
    }
  ),
  { minLength: 5, maxLength: 80, size: 'max' }
)

interface Question {
  readonly options: HistoryOptions
  resolve(page: HistoryPage): void
  reject(error: unknown): void
}

/** A room with one page in it; the page asks, and the test says when what is answered. */
function createRoom() {
  let clock = createClock()
  let log: EventFrame[] = []
  let trimmed = 0
  let count = 0
  /** How much of the log the page has, and whether it is connected. */
  let has = 0
  let isConnected = true
  /** Connected, but sent no events. */
  let isDeaf = false
  let $state = atom<PagedState>({ messages: [], total: 0 })
  let $status = atom({ stale: false })
  let questions: Question[] = []
  let tell: ((event: LiveEvent<EventMap>) => void) | undefined
  let pages = createChatPaging(
    {
      $state,
      $status,
      room: 'room',
      me: 'ann',
      clock,
      random: { float: () => 0, id: () => `r${count++}` },
      devices: noDevices,
      serverNow: clock.now,
      send: () => {
        throw new Error('pages send nothing')
      },
      onEvent(listener: (event: LiveEvent<EventMap>) => void) {
        tell = listener
        return () => {
          tell = undefined
        }
      },
      history: (options = {}) =>
        new Promise<HistoryPage>((resolve, reject) => {
          if (isConnected) questions.push({ options, resolve, reject })
          else reject(new RealtimeError('not-connected'))
        }),
      claim: async () => true,
      report: () => {}
    } satisfies LocalHost<PagedState, EventMap>,
    { page: 4, most: 8 }
  )

  /** Promise chains of the page end. */
  async function settle(): Promise<void> {
    for (let i = 0; i < 12; i++) await Promise.resolve()
  }

  let room = {
    pages,
    clock,
    questions,
    settle,
    log: () => log,
    isFresh: () => isConnected && !isDeaf,
    /** What the page must show: the last of these. */
    truth: () => whole(log.slice(0, has)).messages,
    say(what: string, by: number, which: number) {
      let { messages } = whole(log)
      let id = messages.at(-1 - (which % (messages.length || 1)))?.id ?? 'none'
      let data =
        what === 'message' ? { content: `m${count}` } : { id, content: `e${count}`, emoji: which % 2 ? '🌹' : '🌷' }
      let frame = {
        f: 'event',
        room: 'room',
        offset: log.length + 1,
        feature: what === 'other' ? 'votes' : 'chat',
        type: what === 'other' ? 'message' : what,
        data,
        id: `id-${count++}`,
        by: ['ann', 'bob'][by],
        cid: 'c',
        at: count
      } as unknown as EventFrame
      log.push(frame)
      if (!isConnected || isDeaf) return
      has = log.length
      $state.set(stateOf(log))
      if (frame.feature === 'chat') tell?.(eventOf(frame) as unknown as LiveEvent<EventMap>)
    },
    answer(size: number) {
      let { options, resolve } = questions.shift() ?? {}
      if (!options || !resolve) return
      let { before = Infinity, limit = 50 } = options
      let known = log.filter(({ offset }) => offset > trimmed && offset < before)
      let events = known.slice(-Math.min(limit, size))
      resolve({ events, done: events.length === known.length })
    },
    cut() {
      if (!isConnected) return
      isConnected = false
      $status.set({ stale: true })
      for (let { reject } of questions.splice(0)) reject(new RealtimeError('not-connected'))
    },
    /** Too slow: the server sends no more events until the page has joined again. */
    gap() {
      isDeaf = true
      $status.set({ stale: true })
    },
    back() {
      if (isConnected && !isDeaf) return
      isConnected = true
      isDeaf = false
      // What was missed comes as a replay or as a state: nobody is told of the single events.
      has = log.length
      $state.set(stateOf(log))
      $status.set({ stale: false })
    },
    trim() {
      trimmed = Math.max(trimmed, log.length - 12)
    },
    /** The server's log is lost: another one begins. */
    lose() {
      room.cut()
      let { length } = log
      log = []
      trimmed = 0
      for (let i = 0; i < length; i++) room.say('message', i % 2, 0)
    },
    async step(step: Step) {
      if (step.do === 'say') room.say(step.what, step.by, step.which)
      else if (step.do === 'answer') room.answer(step.size)
      else if (step.do === 'load') void pages.loadOlder()
      else if (step.do === 'wait') await clock.pass(2000)
      else room[step.do]()
      await settle()
    },
    async finish() {
      room.back()
      for (let i = 0; i < 400; i++) {
        await settle()
        if (questions.length) room.answer(5)
        else if (clock.waiting()) await clock.pass(2000)
        else if (pages.$paging.get().hasOlder) void pages.loadOlder()
        else return
      }
      throw new Error('it never ends')
    }
  }
  return room
}

const shownBy = (room: ReturnType<typeof createRoom>) => room.pages.$messages.get()

test('what is shown is the end of the whole, without a seam, whatever comes in between', {
  timeout: 120_000
}, async () => {
  await fc.assert(
    fc.asyncProperty(steps, async steps => {
      let room = createRoom()
      for (let step of steps) {
        await room.step(step)
        let shown = shownBy(room)
        let truth = room.truth()
        // A lost log is noticed with the next connection.
        if (!room.isFresh()) continue
        // No message twice, none missing, in order.
        expect(shown.map(({ id, n }) => [id, n])).toEqual(
          truth.slice(truth.length - shown.length).map(({ id, n }) => [id, n])
        )
      }
      await room.finish()
      let truth = room.truth()
      let shown = shownBy(room)
      expect(shown).toEqual(truth.slice(truth.length - shown.length))
      expect(room.pages.$paging.get()).toMatchObject({ isLoading: false, error: null })
      if (room.pages.$paging.get().end === 'start') expect(shown.length).toBe(truth.length)
      room.pages.close()
      expect(room.clock.waiting()).toBe(0)
    }),
    { numRuns: 600 }
  )
})

async function filled(messages: number) {
  let room = createRoom()
  for (let i = 0; i < messages; i++) room.say('message', i % 2, 0)
  await room.settle()
  return room
}

async function answerAll(room: ReturnType<typeof createRoom>, size = 100) {
  for (let i = 0; i < 100; i++) {
    await room.settle()
    if (room.questions.length === 0) return
    room.answer(size)
  }
}

test('a page of older messages is loaded at a time, and asked for once however often', async () => {
  let room = await filled(20)
  expect(shownBy(room).map(({ n }) => n)).toEqual([18, 19, 20])
  let both = Promise.all([room.pages.loadOlder(), room.pages.loadOlder()])
  expect(room.pages.$paging.get()).toMatchObject({ isLoading: true, hasOlder: true })
  await answerAll(room)
  expect(await both).toEqual([true, true])
  expect(shownBy(room).map(({ n }) => n)).toEqual([13, 14, 15, 16, 17, 18, 19, 20])
  expect(room.pages.$paging.get()).toEqual({ isLoading: false, hasOlder: true, end: 'more', error: null })
})

test('an edit made while the page was away reaches a message that was loaded before', async () => {
  let room = await filled(10)
  void room.pages.loadOlder()
  await answerAll(room)
  room.cut()
  let old = shownBy(room)[2] as ChatMessage
  room.say('edited', old.sender === 'ann' ? 0 : 1, 10 - old.n)
  room.back()
  await answerAll(room)
  expect(shownBy(room)[2]).toMatchObject({
    id: old.id,
    content: expect.stringMatching(/^e/),
    editedAt: expect.any(Number)
  })
})

test('a message that did not change is the same object, so that a page draws it once', async () => {
  let room = await filled(10)
  void room.pages.loadOlder()
  await answerAll(room)
  let before = shownBy(room)
  room.say('edited', before[0]?.sender === 'ann' ? 0 : 1, 10 - (before[0]?.n ?? 0))
  let after = shownBy(room)
  expect(after[0]).not.toBe(before[0])
  expect(after[1]).toBe(before[1])
})

test('what the server keeps no more is said, not shown as the beginning', async () => {
  let room = await filled(20)
  room.trim()
  void room.pages.loadOlder()
  await answerAll(room)
  void room.pages.loadOlder()
  await answerAll(room)
  expect(shownBy(room).map(({ n }) => n)[0]).toBe(9)
  expect(room.pages.$paging.get()).toMatchObject({ hasOlder: false, end: 'trimmed', error: null })
  expect(await room.pages.loadOlder()).toBe(false)
})

test('what came in while a page was asked for, and is trimmed before the answer, is not shown behind what is newer', async () => {
  let room = await filled(4)
  void room.pages.loadOlder()
  await room.settle()
  let say = (times: number) => {
    for (let i = 0; i < times; i++) room.say('message', 0, 0)
  }
  say(12)
  room.answer(1)
  await room.settle()
  say(1)
  room.trim()
  say(5)
  await room.finish()
  let truth = room.truth()
  let shown = shownBy(room)
  expect(shown).toEqual(truth.slice(truth.length - shown.length))
  expect(room.pages.$paging.get().end).toBe('trimmed')
})

test('without a connection it says so, and goes on when asked again', async () => {
  let room = await filled(10)
  room.cut()
  expect(await room.pages.loadOlder()).toBe(false)
  expect(room.pages.$paging.get()).toMatchObject({ error: 'not-connected', isLoading: false, hasOlder: true })
  room.back()
  void room.pages.loadOlder()
  await answerAll(room)
  expect(room.pages.$paging.get().error).toBe(null)
  expect(shownBy(room).length).toBeGreaterThan(3)
})
