// The server's side of tasks: begins what users ask for, ends what they cancel, and takes up again what a restart has
// interrupted. What it does follows from the state of the rooms alone. Does not know what the tasks do.

import { RealtimeError } from '../errors.js'
import type { AnyFeature } from '../feature.js'
import { taskJournal } from '../features/task-journal.js'
import {
  tasks as anyTasks,
  isOpenTask,
  type TaskOptions,
  type TasksFeature,
  type TasksState
} from '../features/tasks.js'
import type { Report } from '../ports.js'
import type { Hub } from '../server/hub.js'
import { createAttempt, errorOf, type TaskContext } from './tasks/attempt.js'
import { nextTask } from './tasks/queue.js'
import { createTaskStore, Ended } from './tasks/store.js'

export type { TaskContext } from './tasks/attempt.js'

/** How one kind of task is done. */
export interface TaskDefinition<I = unknown> {
  /**
   * Does the work and returns the result, up to 16,000 characters of JSON. What it throws fails the task, unless it is a
   * `RealtimeError` that is `retryable`: then there is another attempt.
   */
  run(input: I, context: TaskContext): unknown
  /**
   * How often it may be begun without a new checkpoint, by restarts of the server and failures worth another try alike.
   * Default 5: a task that brings its server down does so no more often.
   */
  readonly attempts?: number
}

/** The input of a kind, from the arguments that start it. */
type InputOf<A, N> = A extends readonly [N, (infer I)?, ...unknown[]] ? I : never
/** What starts a task of any kind. */
type AnyTask = [kind: string, input?: unknown, options?: TaskOptions]

export interface TaskRunnerOptions<A extends readonly unknown[] = AnyTask> {
  /** Must run the features `tasks` and `taskJournal`. */
  readonly hub: Hub
  /** By kind. With `tasksOf` each has the input of its kind, checked; with `tasks` it is whatever the user said. */
  readonly tasks: { readonly [N in A[0] & string]: TaskDefinition<InputOf<A, N>> }
  /** `tasksOf(…)`, where that stands in the place of `tasks`. */
  readonly feature?: TasksFeature<A>
  /** Tasks that run at the same time; default 4. */
  readonly concurrency?: number
  /** Of these, how many of one room; default 2. */
  readonly perRoom?: number
  readonly report?: Report
}

export interface TaskRunner {
  /** Resolves when everything that was open before this start is known again. */
  readonly ready: Promise<void>
  /** How many wait and how many run now. */
  stats(): { readonly waiting: number; readonly running: number }
  /**
   * Begins nothing more, aborts what runs, and resolves when all of it has ended, after 5 s at the latest. What is open goes on
   * after the next start.
   */
  close(): Promise<void>
}

/** How long `close` waits for work that does not heed its signal, in milliseconds. */
const GRACE = 5000
/** The first and the longest pause before another attempt, in milliseconds. */
const PAUSES = [1000, 30_000] as const
/** With the prefix of the runner's own rooms it must be a room's name. */
const MOST_ROOM = 240

interface Job {
  readonly room: string
  readonly id: string
  readonly urgent: boolean
  readonly abort: AbortController
  phase: 'waiting' | 'running' | 'pausing'
  hasCheckpoint: boolean
}

/**
 * Runs tasks of all rooms of a hub. Each is begun once per attempt, urgent ones first, and its open state is written down
 * before it runs: after a crash of the server it goes on from its last checkpoint, whether a client comes back or not.
 *
 * ```ts
 * let runner = createTaskRunner({
 *   hub,
 *   tasks: {
 *     'dream-cycle': {
 *       async run({ nights }, { progress, partial, checkpoint, previous, signal }) {
 *         for (let night = previous?.night ?? 0; night < nights; night++) {
 *           await partial(await dream(night, signal))
 *           await checkpoint({ night: night + 1 })
 *           progress((night + 1) / nights)
 *         }
 *         return { nights }
 *       }
 *     }
 *   }
 * })
 * ```
 */
export function createTaskRunner<A extends readonly unknown[] = AnyTask>(options: TaskRunnerOptions<A>): TaskRunner {
  let { hub, concurrency = 4, perRoom = 2, report = () => {} } = options
  let definitions: Readonly<Record<string, TaskDefinition>> = options.tasks
  let feature: AnyFeature = options.feature ?? anyTasks
  let closing = new AbortController()
  let store = createTaskStore(hub, closing.signal, report)
  /** Open tasks by room and id, in the order in which they became known. */
  let jobs = new Map<string, Job>()
  /** Work that has not ended; also cancelled work, which takes a place until it has. */
  let running = new Map<Job, Promise<void>>()
  let urgentInARow = 0

  let keyOf = (room: string, id: string): string => JSON.stringify([room, id])
  let countIn = (room: string): number => [...running.keys()].filter(job => job.room === room).length

  function keepIndexed(room: string): Promise<void> {
    return store.keepIndexed(room, () => [...jobs.values()].some(job => job.room === room))
  }

  /** Brings what is known in line with a room's state: again and again without harm. */
  function reconcile(room: string, state: TasksState): void {
    if (closing.signal.aborted) return
    let open = new Map(state.tasks.filter(isOpenTask).map(task => [keyOf(room, task.id), task]))
    for (let [key, job] of jobs) {
      if (job.room !== room || open.has(key)) continue
      jobs.delete(key)
      job.abort.abort(new Ended())
      if (job.phase !== 'running') void forget(job)
    }
    for (let [key, { id, priority }] of open) {
      if (jobs.has(key)) continue
      let abort = new AbortController()
      jobs.set(key, { room, id, urgent: priority === 'urgent', abort, phase: 'waiting', hasCheckpoint: false })
    }
    if (open.size > 0 !== store.isIndexed(room)) void keepIndexed(room)
    fill()
  }

  function fill(): void {
    while (!closing.signal.aborted && running.size < concurrency) {
      let waiting = [...jobs.values()].filter(({ phase }) => phase === 'waiting')
      let job = nextTask(waiting, { runningIn: countIn, perRoom, urgentInARow })
      if (!job) return
      urgentInARow = job.urgent ? urgentInARow + 1 : 0
      job.phase = 'running'
      running.set(job, begin(job))
    }
  }

  async function begin(job: Job): Promise<void> {
    let { room, id, abort } = job
    let pause = 0
    try {
      pause = await run(job)
    } catch (error) {
      if (!(error instanceof Ended) && !abort.signal.aborted) {
        report('error', 'task-failed', { room, id, error })
        pause = PAUSES[1]
      }
    }
    running.delete(job)
    if (pause > 0) again(job, pause)
    else jobs.delete(keyOf(room, id))
    fill()
    if (closing.signal.aborted) return
    void keepIndexed(room)
    if (pause === 0) await forget(job)
  }

  async function forget({ room, id, hasCheckpoint }: Job): Promise<void> {
    if (hasCheckpoint) await store.say(store.journalOf(room), taskJournal, 'forgotten', { id }).catch(() => {})
  }

  function again(job: Job, ms: number): void {
    job.phase = 'pausing'
    store.pause(ms, job.abort.signal).then(
      () => {
        job.phase = 'waiting'
        fill()
      },
      () => {}
    )
  }

  /** One attempt, from its announcement to its end. Resolves to the pause before the next one, 0 when there is none. */
  async function run(job: Job): Promise<number> {
    let { room, id } = job
    let { signal } = job.abort
    let tell = async (type: string, data: object): Promise<0> => {
      await store.say(room, feature, type, { id, ...data }, signal)
      return 0
    }
    // Before anything runs: this is what a restarted server finds.
    await keepIndexed(room)
    let { tasks } = (await store.read(room, feature, signal)) as TasksState
    let task = tasks.find(task => task.id === id)
    if (!task || !isOpenTask(task)) return 0
    let definition = Object.hasOwn(definitions, task.kind) ? definitions[task.kind] : undefined
    if (!definition) return tell('failed', { code: 'unknown-kind', message: `nobody here does «${task.kind}»` })
    if (room.length > MOST_ROOM)
      return tell('failed', { code: 'bad-argument', message: 'the name of the room is too long' })

    let journal = store.journalOf(room)
    let { checkpoints } = await store.read(journal, taskJournal, signal)
    let saved = checkpoints.find(checkpoint => checkpoint.id === id) ?? null
    job.hasCheckpoint ||= saved !== null
    let attempt = task.attempt + 1
    if (attempt - (saved?.attempt ?? 0) > (definition.attempts ?? 5))
      return tell('failed', task.error ?? { code: 'gave-up', message: `${task.attempt} attempts came to nothing` })

    let { progress, stage, partials } = saved ?? { progress: 0, stage: '', partials: 0 }
    await tell('running', { attempt, progress, stage, partials })
    let { context, said } = createAttempt({
      feature,
      room,
      task,
      attempt,
      saved,
      signal,
      say: (type, data) => store.say(room, feature, type, data, signal),
      keep: data => {
        job.hasCheckpoint = true
        return store.say(journal, taskJournal, 'checkpoint', data, signal)
      },
      cast: data => store.cast(room, feature, data)
    })
    try {
      let result = await definition.run(task.input, context)
      await said()
      return await tell('done', { result: result ?? null })
    } catch (error) {
      if (signal.aborted) return 0
      if (error instanceof RealtimeError && error.retryable) {
        await tell('interrupted', { attempt, ...errorOf(error) })
        return Math.min(PAUSES[1], PAUSES[0] * 2 ** (attempt - 1))
      }
      return tell('failed', errorOf(error))
    }
  }

  async function resume(): Promise<void> {
    for (let room of await store.rooms()) reconcile(room, (await store.read(room, feature)) as TasksState)
  }

  let unwatch = hub.watch(feature, ({ room, state }) => reconcile(room, state as TasksState))
  let ready = resume().catch(error => {
    if (!(error instanceof Ended)) report('error', 'tasks-not-resumed', { error })
  })
  return {
    ready,
    stats: () => ({
      waiting: [...jobs.values()].filter(({ phase }) => phase !== 'running').length,
      running: running.size
    }),
    async close() {
      unwatch()
      closing.abort(new Ended())
      for (let { abort } of jobs.values()) abort.abort(new Ended())
      let ended = new AbortController()
      let late = store.pause(GRACE, ended.signal).catch(() => {})
      await Promise.race([late, Promise.all([ready, ...running.values()])])
      ended.abort()
    }
  }
}
