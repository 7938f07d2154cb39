// Tasks as the runner does them: once, in order of priority, through crashes of the server, and not a step further when they
// are cancelled.

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { RealtimeError } from '../../../src/errors.js'
import { type CommandContext, type Draft, type EventMap, type Feature, reduceEvent } from '../../../src/feature.js'
import { taskJournal } from '../../../src/features/task-journal.js'
import { type Task, type TasksState, tasks, tasksOf } from '../../../src/features/tasks.js'
import { nextTask } from '../../../src/handlers/tasks/queue.js'
import { createTaskRunner, type TaskContext, type TaskRunnerOptions } from '../../../src/handlers/tasks.js'
import { anything, integer, object } from '../../../src/schema.js'
import { createWorld } from '../../../src/testing/world.js'

const ROOM = 'user:ann'

interface Call {
  readonly input: unknown
  readonly context: TaskContext
  done(result?: unknown): void
  fail(error: unknown): void
}

function setUp(options: Partial<Omit<TaskRunnerOptions, 'hub'>> = {}) {
  let feature = (options.feature ?? tasks) as typeof tasks
  let world = createWorld({ features: [feature, taskJournal] })
  let calls: Call[] = []
  /** What is begun ends when the test says so. */
  let run = (input: unknown, context: TaskContext): Promise<unknown> =>
    new Promise((done, fail) => calls.push({ input, context, done: result => done(result), fail }))
  let start = () => createTaskRunner({ hub: world.server.hub, tasks: { work: { run, attempts: 3 } }, ...options })
  let runner = start()

  function open(user = 'ann', room = ROOM) {
    let tab = world.device().openTab(user)
    let handle = tab.client.room(room).use(feature)
    tab.client.connect()
    return {
      tab,
      ...handle,
      list: () => handle.$state.get().tasks,
      task: (id: string) => handle.$state.get().tasks.find(task => task.id === id) as Task
    }
  }
  let last = () => calls.at(-1) as Call
  let confirmed = async (id: string) =>
    (await world.server.state(ROOM, feature)).tasks.find(task => task.id === id) as Task
  return {
    world,
    calls,
    open,
    last,
    confirmed,
    runner: () => runner,
    /** The server dies without a word and comes back, with a runner. */
    async crash() {
      world.server.crash()
      await world.advance(1000)
      world.server.start()
      runner = start()
    }
  }
}

let codeOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'fine',
    error => error.code
  )

test('a task is queued, runs once, tells how far it is, streams parts of its result, and is done on every device', async () => {
  let { world, open, calls, last, confirmed, runner } = setUp()
  let [phone, desk] = [open(), open()]
  await world.advance(1000)
  let { id } = phone.startTask('work', { nights: 3 })
  expect(phone.task(id)).toMatchObject({ status: 'queued', kind: 'work', input: { nights: 3 }, by: 'ann', attempt: 0 })
  await world.advance(500)
  expect(calls.length).toBe(1)
  expect(last()).toMatchObject({
    input: { nights: 3 },
    context: { id, room: ROOM, by: 'ann', attempt: 1, previous: null }
  })
  for (let device of [phone, desk])
    expect(device.task(id)).toMatchObject({ status: 'running', attempt: 1, progress: 0 })

  last().context.progress(0.25, 'light sleep')
  await world.advance(500)
  expect(desk.task(id)).toMatchObject({ progress: 0.25, stage: 'light sleep' })
  let late = open()
  await world.advance(1000)
  expect(late.task(id)).toMatchObject({ progress: 0.25, stage: 'light sleep' })

  await last().context.partial({ image: 'a lake' })
  void last().context.partial({ image: 'a boat' })
  void last().context.partial({ image: 'a bird' })
  last().done({ images: 3 })
  await world.advance(500)
  for (let device of [phone, desk, late]) {
    expect(device.task(id)).toMatchObject({
      status: 'done',
      progress: 1,
      result: { images: 3 },
      attempt: 1,
      partials: [
        { seq: 1, data: { image: 'a lake' } },
        { seq: 2, data: { image: 'a boat' } },
        { seq: 3, data: { image: 'a bird' } }
      ]
    })
    expect(device.task(id)).toEqual(await confirmed(id))
  }
  expect((await confirmed(id)).endedAt).toBeGreaterThan((await confirmed(id)).startedAt as number)
  expect((await world.server.events(ROOM)).map(({ type }) => type)).toEqual([
    'started',
    'running',
    'partial',
    'partial',
    'partial',
    'done'
  ])
  expect(runner().stats()).toEqual({ waiting: 0, running: 0 })
  // Nothing is left in the runner's memory.
  expect(await world.server.state('server:tasks', taskJournal)).toEqual({ rooms: [], checkpoints: [] })

  await phone.clearTask(id)
  await world.advance(500)
  expect(desk.list()).toEqual([])
})

test('a crash of the server: the task goes on from its last checkpoint, though no client comes back', async () => {
  let { world, open, calls, last, confirmed, crash } = setUp()
  let ann = open()
  await world.advance(1000)
  // One that is over, so that the room has been open and closed before.
  ann.startTask('work', null)
  await world.advance(500)
  calls.pop()?.done()
  await world.advance(500)
  let { id } = ann.startTask('work', null)
  await world.advance(500)
  let first = last().context
  first.progress(0.5, 'deep sleep')
  await first.partial('one')
  await first.checkpoint({ night: 1 })
  first.progress(0.7, 'dreaming')
  await first.partial('two, not yet sure')
  await world.settle()
  await ann.tab.close()
  await crash()
  await world.advance(1000)

  expect(calls.length).toBe(2)
  expect(last().context).toMatchObject({ attempt: 2, previous: { night: 1 }, id })
  expect(await confirmed(id)).toMatchObject({
    status: 'running',
    attempt: 2,
    progress: 0.5,
    stage: 'deep sleep',
    partials: [{ seq: 1, data: 'one' }]
  })
  await last().context.partial('two')
  last().done('all')
  await world.advance(500)
  let back = open()
  await world.advance(1000)
  expect(back.task(id)).toMatchObject({ status: 'done', result: 'all', attempt: 2 })
  expect(back.task(id).partials.map(({ data }) => data)).toEqual(['one', 'two'])
  expect((await world.server.state(`server:tasks:${ROOM}`, taskJournal)).checkpoints).toEqual([])
})

test('what an earlier attempt has told is not taken for the progress of the next one', async () => {
  let { world, open, last, crash } = setUp()
  let ann = open()
  await world.advance(1000)
  let { id } = ann.startTask('work', null)
  await world.advance(500)
  last().context.progress(0.7, 'dreaming')
  await world.advance(500)
  expect(ann.task(id)).toMatchObject({ attempt: 1, progress: 0.7 })
  await crash()
  await world.advance(10_000)
  expect(ann.task(id)).toMatchObject({ attempt: 2, progress: 0, stage: '' })
  last().context.progress(0.1, 'again')
  await world.advance(500)
  expect(ann.task(id)).toMatchObject({ attempt: 2, progress: 0.1, stage: 'again' })
})

test('a task whose entry in the index a crash has prevented is found when its room comes into memory', async () => {
  let { world, open, calls, crash, runner } = setUp()
  await runner().close()
  let ann = open()
  await world.advance(1000)
  let { id } = ann.startTask('work', null)
  await world.advance(500)
  await ann.tab.close()
  expect((await world.server.state('server:tasks', taskJournal)).rooms).toEqual([])
  await crash()
  await world.advance(2000)
  expect(calls.length).toBe(0)
  open()
  await world.advance(2000)
  expect(calls.map(({ context }) => context.id)).toEqual([id])
})

test('nothing runs before it is written down that it may', async () => {
  let world = createWorld({ features: [tasks, taskJournal] })
  let { hub } = world.server
  let write = (): void => {}
  let isWritten = new Promise<void>(resolve => (write = resolve))
  let slow: typeof hub.room = id => {
    let room = hub.room(id)
    return id === 'server:tasks' ? { ...room, push: (...args) => isWritten.then(() => room.push(...args)) } : room
  }
  let begun: string[] = []
  let run = (_: unknown, { id }: TaskContext): void => void begun.push(id)
  createTaskRunner({ hub: { ...hub, room: slow }, tasks: { work: { run } } })
  let { id } = await world.until(() =>
    hub.room(ROOM).push(tasks, 'started', { kind: 'work', input: null }, { by: 'ann' })
  )
  await world.advance(1000)
  expect(begun).toEqual([])
  write()
  await world.advance(1000)
  expect(begun).toEqual([id])
})

test('at every step of a task the server may crash: it is done in the end, and ends once', async () => {
  for (let steps = 0; steps < 14; steps++) {
    let { world, open, calls, crash, confirmed } = setUp()
    let ann = open()
    await world.advance(1000)
    let commits = 0
    world.server.storage.committed = () => {
      if (commits++ === steps) world.server.crash()
    }
    let { id } = ann.startTask('work', null)
    let finish = async () => {
      for (let call of calls.splice(0)) {
        if (call.context.previous === null) void call.context.partial('a part').catch(() => {})
        void call.context.checkpoint('here').catch(() => {})
        call.done('result')
      }
      await world.advance(300)
    }
    for (let i = 0; i < 5; i++) {
      await world.advance(300)
      await finish()
    }
    if (commits > steps) {
      await crash()
      for (let i = 0; i < 20; i++) {
        await world.advance(1000)
        await finish()
      }
    }
    expect([steps, await confirmed(id)]).toMatchObject([
      steps,
      { status: 'done', result: 'result', partials: [{ seq: 1, data: 'a part' }] }
    ])
    let ends = (await world.server.events(ROOM)).filter(({ type }) => type === 'done')
    expect([steps, ends.length]).toEqual([steps, 1])
    expect(ann.task(id)).toMatchObject({ status: 'done' })
  }
}, 30_000)

test('cancelling aborts what runs, and nothing that it says afterwards is heard', async () => {
  let { world, open, last, confirmed, runner } = setUp({ concurrency: 1 })
  let ann = open()
  await world.advance(1000)
  let running = ann.startTask('work', 1)
  let waiting = ann.startTask('work', 2)
  await world.advance(500)
  let { context, done } = last()
  await ann.cancelTask(running.id)
  await ann.cancelTask(waiting.id)
  await world.advance(500)
  expect(context.signal.aborted).toBe(true)
  expect(ann.list().map(({ status }) => status)).toEqual(['cancelled', 'cancelled'])
  // The work has not ended yet, so its place is not free.
  expect(runner().stats()).toEqual({ waiting: 0, running: 1 })
  context.progress(0.9)
  expect(await codeOf(context.partial('too late'))).not.toBe('fine')
  done('too late')
  await world.advance(500)
  expect(runner().stats()).toEqual({ waiting: 0, running: 0 })
  expect(await confirmed(running.id)).toMatchObject({ status: 'cancelled', result: null, progress: 0, partials: [] })
  expect((await confirmed(waiting.id)).attempt).toBe(0)
  expect(() => ann.cancelTask(running.id)).toThrow('is over')
  expect(() => ann.cancelTask('nothing')).toThrow('there is no task')
})

test('whatever still comes of a task that is over changes nothing', () => {
  let meta = (n: number) => ({ id: `event-${n}`, actor: 'ann', at: n })
  let apply = (state: TasksState, type: string, data: object, n: number) =>
    reduceEvent(tasks, state, type, data, meta(n)) as TasksState
  let started = apply(tasks.initial, 'started', { kind: 'work', input: null }, 1)
  let id = 'event-1'
  let late: [type: string, data: object][] = [
    ['running', { id, attempt: 1, progress: 0, stage: '', partials: 0 }],
    ['progress', { id, attempt: 0, progress: 1, stage: 'late' }],
    ['partial', { id, seq: 1, progress: 1, stage: 'late', data: 'late' }],
    ['interrupted', { id, attempt: 0, code: 'late', message: '' }],
    ['done', { id, result: 'late' }],
    ['failed', { id, code: 'late', message: '' }],
    ['cancelled', { id }]
  ]
  for (let [end, data] of [late[4], late[5], late[6]] as typeof late) {
    let over = apply(started, end, data, 2)
    expect(over.tasks[0]).toMatchObject({ endedAt: 2 })
    for (let [type, data] of late) expect(apply(over, type, data, 3)).toEqual(over)
  }
})

test('what a task throws fails it; what is worth another try is tried again, and not for ever', async () => {
  let { world, open, last, calls, confirmed } = setUp()
  let ann = open()
  await world.advance(1000)
  let plain = ann.startTask('work', null)
  await world.advance(500)
  last().fail(new Error('no dreams tonight'))
  await world.advance(500)
  expect(ann.task(plain.id)).toMatchObject({
    status: 'failed',
    error: { code: 'failed', message: 'no dreams tonight' }
  })

  let flaky = ann.startTask('work', null)
  await world.advance(500)
  last().fail(new RealtimeError('busy', 'the dreamer is away'))
  await world.advance(500)
  expect(ann.task(flaky.id)).toMatchObject({ status: 'queued', attempt: 1, error: { code: 'busy' } })
  await world.advance(1000)
  last().done('after all')
  await world.advance(500)
  expect(ann.task(flaky.id)).toMatchObject({ status: 'done', attempt: 2, error: null })

  calls.length = 0
  let hopeless = ann.startTask('work', null)
  for (let i = 0; i < 20; i++) {
    await world.advance(5000)
    calls.at(-1)?.fail(new RealtimeError('busy'))
  }
  expect(calls.length).toBe(3)
  expect(await confirmed(hopeless.id)).toMatchObject({ status: 'failed', attempt: 3, error: { code: 'busy' } })
})

test('a task that brings its server down does so three times and no more; one that gets ahead is never given up', async () => {
  let { world, open, last, crash, confirmed } = setUp()
  let ann = open()
  await world.advance(1000)
  let { id } = ann.startTask('work', null)
  await world.advance(500)
  for (let i = 0; i < 5; i++) {
    await last().context.checkpoint(i)
    await crash()
    await world.advance(1000)
  }
  expect(await confirmed(id)).toMatchObject({ status: 'running', attempt: 6 })
  for (let i = 0; i < 3; i++) {
    await crash()
    await world.advance(1000)
  }
  expect(await confirmed(id)).toMatchObject({ status: 'failed', error: { code: 'gave-up' } })
})

test('a storage that fails for a while delays a result and loses none', async () => {
  let { world, open, last, confirmed } = setUp()
  let ann = open()
  await world.advance(1000)
  let { id } = ann.startTask('work', null)
  await world.advance(500)
  world.server.storage.broken = new Error('the disk is gone')
  void last().context.partial('a part')
  last().done('result')
  await world.advance(5000)
  world.server.storage.broken = null
  await world.advance(20_000)
  expect(await confirmed(id)).toMatchObject({ status: 'done', result: 'result', partials: [{ data: 'a part' }] })
  expect(ann.task(id)).toMatchObject({ status: 'done' })
})

test('what is too large, out of range or of no kind that is done here fails the task and says why', async () => {
  let { world, open, last, calls } = setUp()
  let ann = open()
  await world.advance(1000)
  let unknown = ann.startTask('constructor', null)
  await world.advance(500)
  expect(ann.task(unknown.id)).toMatchObject({ status: 'failed', error: { code: 'unknown-kind' } })
  expect(calls).toEqual([])
  let large = ann.startTask('work', null)
  await world.advance(500)
  expect(() => last().context.progress(1.2)).toThrow('tasks.progress.progress')
  expect(() => last().context.partial('x'.repeat(2000))).toThrow('tasks.partial.data')
  last().done('x'.repeat(16_000))
  await world.advance(500)
  expect(ann.task(large.id)).toMatchObject({ status: 'failed', error: { code: 'bad-argument' } })
})

test('tasks of certain kinds: any other kind and input is refused by the page and by the server', async () => {
  let dreams = tasksOf({ dream: object({ nights: integer({ min: 1, max: 9 }) }) })
  let { world, open } = setUp({ feature: dreams as unknown as typeof tasks })
  let ann = open()
  let liar = world.device().openTab('ann')
  let lies = liar.client.room(ROOM).use(tasks)
  liar.client.connect()
  await world.advance(1000)
  let start = ann.startTask as (kind: string, input: unknown) => unknown
  expect(() => start('nightmare', null)).toThrow('kind: one of dream')
  expect(() => start('dream', { nights: 10 })).toThrow('input.nights')
  let outcomes = [
    codeOf(lies.startTask('nightmare', null).acked),
    codeOf(lies.startTask('constructor', null).acked),
    codeOf(lies.startTask('dream', { nights: 10 }).acked),
    codeOf(lies.startTask('dream', { nights: 9 }).acked)
  ]
  await world.advance(2000)
  expect(await Promise.all(outcomes)).toEqual(['unknown-kind', 'unknown-kind', 'invalid-input', 'fine'])
})

test('closing ends what runs without a word about it, and the next start goes on', async () => {
  let { world, open, last, calls, confirmed, runner, crash } = setUp()
  let ann = open()
  await world.advance(1000)
  let { id } = ann.startTask('work', null)
  await world.advance(500)
  let { context, fail } = last()
  let closed = runner().close()
  expect(context.signal.aborted).toBe(true)
  fail(context.signal.reason)
  await world.settle()
  await closed
  expect(await confirmed(id)).toMatchObject({ status: 'running', attempt: 1 })
  await crash()
  await world.advance(1000)
  expect(calls.length).toBe(2)
})

test('work that does not heed its signal keeps a closing server for five seconds', async () => {
  let { world, open, last, runner } = setUp()
  let ann = open()
  await world.advance(1000)
  ann.startTask('work', null)
  await world.advance(500)
  let isClosed = false
  void runner()
    .close()
    .then(() => {
      isClosed = true
    })
  await world.advance(4900)
  expect([last().context.signal.aborted, isClosed]).toEqual([true, false])
  await world.advance(200)
  expect(isClosed).toBe(true)
})

test('a task that is cancelled in the pause before another attempt leaves nothing behind', async () => {
  let { world, open, last, calls } = setUp()
  let ann = open()
  await world.advance(1000)
  let { id } = ann.startTask('work', null)
  await world.advance(500)
  await last().context.checkpoint('here')
  last().fail(new RealtimeError('busy'))
  await world.advance(500)
  ann.cancelTask(id)
  await world.advance(5000)
  expect(calls.length).toBe(1)
  expect((await world.server.state(`server:tasks:${ROOM}`, taskJournal)).checkpoints).toEqual([])
  expect((await world.server.state('server:tasks', taskJournal)).rooms).toEqual([])
})

test('urgent ones go first, and the others still have their turn', async () => {
  let { world, open, calls } = setUp({ concurrency: 1, perRoom: 1 })
  let ann = open()
  await world.advance(1000)
  ann.startTask('work', 'first')
  await world.advance(500)
  for (let i = 0; i < 3; i++) ann.startTask('work', `normal ${i}`)
  for (let i = 0; i < 7; i++) ann.startTask('work', `urgent ${i}`, { priority: 'urgent' })
  for (let i = 0; i < 12; i++) {
    await world.advance(500)
    calls.at(-1)?.done()
  }
  let order = calls.map(({ input }) => String(input).replace(/ \d/, ''))
  expect(order.slice(1).join(' ')).toBe('urgent urgent urgent normal urgent urgent urgent normal urgent normal')
})

test('whoever waits has a turn, whatever comes: at most all before it, and as many urgent ones as are allowed between', () => {
  fc.assert(
    fc.property(fc.array(fc.record({ urgent: fc.boolean(), arrivals: fc.nat(3) }), { maxLength: 60 }), arrivals => {
      let waiting: { room: string; urgent: boolean; n: number }[] = []
      let n = 0
      let urgentInARow = 0
      let passed = new Map<number, number>()
      for (let { urgent, arrivals: count } of arrivals) {
        for (let i = 0; i < count; i++) waiting.push({ room: 'r', urgent, n: n++ })
        let next = nextTask(waiting, { runningIn: () => 0, perRoom: 1, urgentInARow })
        if (!next) continue
        urgentInARow = next.urgent ? urgentInARow + 1 : 0
        waiting = waiting.filter(task => task !== next)
        for (let task of waiting) passed.set(task.n, (passed.get(task.n) ?? 0) + 1)
        let before = waiting.filter(task => task.urgent === next.urgent && task.n < next.n)
        expect(before).toEqual([])
        for (let task of waiting)
          if (!task.urgent) expect(passed.get(task.n) ?? 0).toBeLessThanOrEqual(4 * (task.n + 1))
      }
    })
  )
})

test('a room has its share of the places, so one user does not stand in the way of another', async () => {
  let { world, open, calls } = setUp({ concurrency: 3, perRoom: 2 })
  let ann = open('ann', ROOM)
  let bob = open('bob', 'user:bob')
  await world.advance(1000)
  for (let i = 0; i < 5; i++) ann.startTask('work', 'ann')
  await world.advance(500)
  bob.startTask('work', 'bob')
  await world.advance(500)
  expect(calls.map(({ input }) => input)).toEqual(['ann', 'ann', 'bob'])
  calls[2]?.done()
  await world.advance(500)
  // What happens in one room ends nothing in another.
  expect(calls.map(({ context }) => context.signal.aborted)).toEqual([false, false, true])
})

/** The feature as a client has it that sends whatever it likes. */
let lying = {
  ...tasks,
  events: Object.fromEntries(
    Object.entries(tasks.events).map(([type, spec]) => [type, { ...spec, schema: anything() }])
  ),
  commands: { say: (_: unknown, type: string, data: unknown) => ({ type, data }) }
} as unknown as Feature<
  'tasks',
  TasksState,
  EventMap,
  { say(context: CommandContext<TasksState>, type: string, data: unknown): Draft<EventMap> },
  object
>

test('nobody sees, starts or cancels anything in the room of another, and nobody forges progress or a result', async () => {
  let { world, open, last, confirmed } = setUp()
  let ann = open()
  await world.advance(1000)
  let { id } = ann.startTask('work', 'secret')
  await world.advance(500)
  last().context.progress(0.2, 'honest')
  await world.advance(500)

  let eve = world.device().openTab('eve')
  eve.client.connect()
  let rooms = [ROOM, 'server:tasks', `server:tasks:${ROOM}`].map(room => eve.client.room(room))
  let handles = rooms.map(room => room.use(lying))
  let own = world.device().openTab('ann')
  own.client.connect()
  let forger = own.client.room(ROOM).use(lying)
  await world.advance(1000)
  for (let room of rooms) expect(room.$status.get().refused).toBe('forbidden')
  for (let { $state } of handles) expect($state.get().tasks).toEqual([])

  let lies: [type: string, data: object][] = [
    ['started', { kind: 'work', input: 'hers' }],
    ['cancelled', { id }],
    ['done', { id, result: 'forged' }],
    ['partial', { id, seq: 1, progress: 1, stage: 'forged', data: 'forged' }]
  ]
  let outcomes = handles.flatMap(({ say }) => lies.map(([type, data]) => codeOf(say(type, data).acked)))
  outcomes.push(...lies.slice(2).map(([type, data]) => codeOf(forger.say(type, data).acked)))
  for (let { say } of [...handles, forger]) say('progress', { id, attempt: 1, progress: 0.99, stage: 'forged' })
  await world.advance(3000)
  expect(new Set(await Promise.all(outcomes))).toEqual(new Set(['forbidden']))
  expect(ann.list()).toMatchObject([
    { id, status: 'running', progress: 0.2, stage: 'honest', partials: [], result: null, input: 'secret' }
  ])
  last().done('hers alone')
  await world.advance(500)
  expect(await confirmed(id)).toMatchObject({ status: 'done', result: 'hers alone', partials: [] })
  expect((await world.server.events(ROOM)).map(({ type }) => type)).toEqual(['started', 'running', 'done'])
})
