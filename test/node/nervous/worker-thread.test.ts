// A task in a real thread, with a real hub.

import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { build } from 'esbuild'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { taskJournal } from '../../../src/features/task-journal.js'
import { type Task, tasks } from '../../../src/features/tasks.js'
import { createTaskRunner, type TaskRunner } from '../../../src/handlers/tasks.js'
import { inWorker } from '../../../src/handlers/worker-thread.js'
import { createHub, type Hub, nodeClock, nodeRandom } from '../../../src/server/node.js'
import { createMemoryStorage } from '../../../src/server/storage/memory.js'

const ROOM = 'user:ann'
let dir = mkdtempSync(join(tmpdir(), 'worker-thread-'))
let script = join(dir, 'dreamer.mjs')
let hub: Hub
let runner: TaskRunner | undefined

beforeAll(async () => {
  let src = fileURLToPath(new URL('../../../src/handlers/worker-thread.ts', import.meta.url))
  let contents = `
    import { appendFileSync } from 'node:fs'
    import { threadId } from 'node:worker_threads'
    import { workerTask } from ${JSON.stringify(src)}
    workerTask(async (input, { attempt, previous, progress, partial, checkpoint, by }) => {
      progress(0.5, 'in a thread')
      if (input === 'throw') throw new Error('a nightmare')
      if (input === 'too large') return partial('x'.repeat(3000))
      if (input === 'no json') return () => {}
      if (input?.endless) for (;;) appendFileSync(input.endless, '.')
      if (input === 'crash' && attempt === 1) {
        await partial('before the crash')
        await checkpoint({ step: 1 })
        process.exit(7)
      }
      await partial({ threadId, by, previous })
      return { attempt, inside: threadId > 0 }
    })`
  let stdin = { contents, resolveDir: dir, loader: 'js' as const }
  await build({ stdin, bundle: true, platform: 'node', format: 'esm', outfile: script, logLevel: 'error' })
})
afterAll(() => rmSync(dir, { recursive: true, force: true }))
afterEach(async () => {
  await runner?.close()
  await hub.close()
})

async function start(input: unknown) {
  hub = createHub({
    features: [tasks, taskJournal],
    storage: createMemoryStorage(),
    clock: nodeClock,
    random: nodeRandom
  })
  let changes: Task[] = []
  hub.watch(tasks, ({ state }) => changes.push(...state.tasks))
  runner = createTaskRunner({ hub, tasks: { dream: { run: inWorker(pathToFileURL(script)) } } })
  let { id } = await hub.room(ROOM).push(tasks, 'started', { kind: 'dream', input }, { by: 'ann' })
  let now = async () => (await hub.room(ROOM).state(tasks)).tasks[0] as Task
  return {
    id,
    changes,
    now,
    end: () => expect.poll(now, { timeout: 20_000, interval: 20 }).toMatchObject({ endedAt: expect.any(Number) })
  }
}

test('runs in a thread of its own, streams, and returns', async () => {
  let { now, end } = await start('fine')
  await end()
  expect(await now()).toMatchObject({
    status: 'done',
    result: { attempt: 1, inside: true },
    partials: [{ data: { by: 'ann', previous: null } }]
  })
})

test('what it throws fails the task, and so does what a task may not say', async () => {
  let { now, end } = await start('throw')
  await end()
  expect(await now()).toMatchObject({ status: 'failed', attempt: 1, error: { code: 'failed', message: 'a nightmare' } })
  await runner?.close()
  for (let input of ['too large', 'no json']) {
    let other = await start(input)
    await other.end()
    expect(await other.now()).toMatchObject({ status: 'failed', attempt: 1 })
    await runner?.close()
  }
})

test('a thread that crashes goes on from its last checkpoint in another one', async () => {
  let { now, end, changes } = await start('crash')
  await end()
  expect(changes).toContainEqual(
    expect.objectContaining({
      status: 'queued',
      error: { code: 'worker-crashed', message: expect.stringContaining('7') }
    })
  )
  expect(await now()).toMatchObject({
    status: 'done',
    result: { attempt: 2 },
    partials: [{ data: 'before the crash' }, { data: { previous: { step: 1 } } }]
  })
})

test('a thread in an endless loop ends when its task is cancelled, and when the runner closes', async () => {
  for (let how of ['cancel', 'close']) {
    let trace = join(dir, how)
    let { id, now } = await start({ endless: trace })
    await expect.poll(() => existsSync(trace), { timeout: 10_000 }).toBe(true)
    expect(await now()).toMatchObject({ status: 'running' })
    expect(runner?.stats().running).toBe(1)
    if (how === 'cancel') {
      await hub.room(ROOM).push(tasks, 'cancelled', { id }, { by: 'ann' })
      await expect.poll(() => runner?.stats().running).toBe(0)
    }
    await runner?.close()
    let { size } = statSync(trace)
    await new Promise(resolve => setTimeout(resolve, 50))
    expect(statSync(trace).size).toBe(size)
    expect(await now()).toMatchObject({ status: how === 'cancel' ? 'cancelled' : 'running' })
  }
})
