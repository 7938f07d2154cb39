// Long work that the server does for a user: asked for, followed, cancelled, remembered. Belongs into the user's own room, so
// that every device of the user has it. Does not know how the work is done: see the handler of the same name.

import { RealtimeError } from '../errors.js'
import { type CommandContext, type Draft, defineFeature, durable, type Feature, volatile } from '../feature.js'
import {
  check,
  type Infer,
  integer,
  jsonUpTo,
  number,
  object,
  oneOf,
  optional,
  type Schema,
  string
} from '../schema.js'
import { appended, existing } from './bounded.js'

/** Tasks kept, open and ended; the oldest ended ones give way. */
export const MAX_TASKS = 50
/** Tasks that may be open at the same time. */
export const MAX_OPEN_TASKS = 20
/** Partial results kept of each task; the oldest give way. */
export const MAX_PARTIALS = 20
/** Characters of JSON. */
export const MAX_TASK_INPUT = 8000
export const MAX_TASK_PARTIAL = 2000
export const MAX_TASK_RESULT = 16_000

/** `queued` and `running` are open; the others are the end. */
export type TaskStatus = 'queued' | 'running' | 'done' | 'failed' | 'cancelled'

/** A part of the result that is there before the rest. */
export interface TaskPartial {
  /** Counts from 1. */
  readonly seq: number
  readonly data: unknown
  readonly at: number
}

/** One task. Times are milliseconds since 1970 by the server's clock. */
export interface Task {
  /** The id of the receipt with which it was started. */
  readonly id: string
  readonly kind: string
  readonly input: unknown
  readonly priority: 'urgent' | 'normal'
  readonly by: string
  readonly status: TaskStatus
  /** How often the work was begun: more than once after a restart of the server or a failure worth another try. */
  readonly attempt: number
  /** From 0 to 1; never goes back within one attempt. */
  readonly progress: number
  /** What is being done, up to 64 characters. */
  readonly stage: string
  /** The newest ones, at most 20. */
  readonly partials: readonly TaskPartial[]
  /** All there were. */
  readonly partialCount: number
  readonly result: unknown
  /** Why it failed, or why the last attempt did. */
  readonly error: { readonly code: string; readonly message: string } | null
  readonly queuedAt: number
  readonly startedAt: number | null
  readonly endedAt: number | null
}

/** Open tasks and the history, newest last; at most 50. */
export interface TasksState {
  readonly tasks: readonly Task[]
}

/** What else a new task may say. */
export interface TaskOptions {
  /** `urgent` ones are begun before the others; default `normal`. */
  readonly priority?: Task['priority']
}

/** What input each kind of task takes. */
export type TaskKinds = Readonly<Record<string, Schema<unknown>>>

const id = string({ min: 1, max: 128 })
const code = string({ min: 1, max: 64 })
const message = string({ max: 500 })
const stage = string({ max: 64 })
const progress = number({ min: 0, max: 1 })
const attempt = integer({ min: 1 })

const server = { author: 'server' } as const
const events = {
  /** Sends what a person asks for. */
  started: durable(
    object({
      kind: string({ min: 1, max: 64 }),
      input: jsonUpTo(MAX_TASK_INPUT),
      priority: optional(oneOf('urgent', 'normal'))
    })
  ),
  cancelled: durable(object({ id })),
  cleared: durable(object({ id })),
  /** An attempt begins, with as many partial results as the one before has made sure of. */
  running: durable(object({ id, attempt, progress, stage, partials: integer() }), server),
  /** An attempt failed, and there will be another. */
  interrupted: durable(object({ id, attempt, code, message }), server),
  partial: durable(object({ id, seq: attempt, progress, stage, data: jsonUpTo(MAX_TASK_PARTIAL) }), server),
  done: durable(object({ id, result: jsonUpTo(MAX_TASK_RESULT) }), server),
  failed: durable(object({ id, code, message }), server),
  progress: volatile(object({ id, attempt, progress, stage }), {
    ...server,
    key: ({ id }) => id,
    rate: 10,
    seconds: 3600
  })
}
type TaskEvents = typeof events

/** Whether it is not over yet. */
export function isOpenTask({ status }: Task): boolean {
  return status === 'queued' || status === 'running'
}

/** The state with one task changed, if it is there and open. */
function changed(state: TasksState, id: string, change: (task: Task) => Partial<Task>): TasksState {
  let before = state.tasks.find(task => task.id === id)
  if (!before || !isOpenTask(before)) return state
  let after = { ...before, ...change(before) }
  return { tasks: state.tasks.map(task => (task === before ? after : task)) }
}

/** One more; where there is no room, the oldest one that is over gives way. */
function added({ tasks }: TasksState, task: Task): TasksState {
  let out = tasks.length < MAX_TASKS ? undefined : (tasks.find(task => !isOpenTask(task)) ?? tasks[0])
  return { tasks: [...tasks.filter(task => task !== out), task] }
}

const reduce: Feature<'tasks', TasksState, TaskEvents>['reduce'] = {
  started: (state, { kind, input, priority = 'normal' }, { id, actor, at }) => {
    if (state.tasks.some(task => task.id === id)) return state
    return added(state, {
      id,
      kind,
      input,
      priority,
      by: actor,
      status: 'queued',
      attempt: 0,
      progress: 0,
      stage: '',
      partials: [],
      partialCount: 0,
      result: null,
      error: null,
      queuedAt: at,
      startedAt: null,
      endedAt: null
    })
  },
  cancelled: (state, { id }, { at }) => changed(state, id, () => ({ status: 'cancelled', endedAt: at })),
  cleared: ({ tasks }, { id }) => ({ tasks: tasks.filter(task => task.id !== id || isOpenTask(task)) }),
  running: (state, { id, attempt, progress, stage, partials }, { at }) =>
    changed(state, id, task =>
      attempt <= task.attempt
        ? {}
        : {
            status: 'running',
            attempt,
            progress,
            stage,
            partials: task.partials.filter(({ seq }) => seq <= partials),
            partialCount: Math.min(task.partialCount, partials),
            startedAt: task.startedAt ?? at
          }
    ),
  interrupted: (state, { id, attempt, code, message }) =>
    changed(state, id, task => (attempt === task.attempt ? { status: 'queued', error: { code, message } } : {})),
  partial: (state, { id, seq, progress, stage, data }, { at }) =>
    changed(state, id, task =>
      seq <= task.partialCount
        ? {}
        : {
            partials: appended(task.partials, { seq, data, at }, MAX_PARTIALS),
            partialCount: seq,
            ...(progress >= task.progress ? { progress, stage } : {})
          }
    ),
  done: (state, { id, result }, { at }) =>
    changed(state, id, () => ({ status: 'done', progress: 1, result, error: null, endedAt: at })),
  failed: (state, { id, code, message }, { at }) =>
    changed(state, id, () => ({ status: 'failed', error: { code, message }, endedAt: at })),
  // A sample of an earlier attempt, or one behind what is known, says nothing.
  progress: (state, { id, attempt, progress, stage }) =>
    changed(state, id, task =>
      task.status === 'running' && attempt === task.attempt && progress >= task.progress ? { progress, stage } : {}
    )
}

type StartArguments<K extends TaskKinds> = {
  [N in keyof K & string]: undefined extends Infer<K[N]>
    ? [kind: N, input?: Infer<K[N]>, options?: TaskOptions]
    : [kind: N, input: Infer<K[N]>, options?: TaskOptions]
}[keyof K & string]

type TaskCommands<A extends readonly unknown[]> = {
  /** Asks for a task; its id is the receipt's id. Throws when the input is not what this kind takes. */
  readonly startTask: (context: CommandContext<TasksState>, ...args: A) => Draft<TaskEvents>
  /** Ends an open task at once, wherever it is; throws when there is no such task or it is over. */
  readonly cancelTask: (context: CommandContext<TasksState>, id: string) => Draft<TaskEvents>
  /** Takes a task that is over out of the history; throws when there is no such task or it is open. */
  readonly clearTask: (context: CommandContext<TasksState>, id: string) => Draft<TaskEvents>
}

/** Tasks that are started with these arguments. */
export type TasksFeature<A extends readonly unknown[]> = Feature<
  'tasks',
  TasksState,
  TaskEvents,
  TaskCommands<A>,
  object
>

/** Why a task of this kind and input may not be, or null. */
function problemOf(
  kinds: TaskKinds | undefined,
  kind: string,
  input: unknown
): { code: string; message: string } | null {
  if (!kinds) return null
  let schema = Object.hasOwn(kinds, kind) ? kinds[kind] : undefined
  if (!schema) return { code: 'unknown-kind', message: `kind: one of ${Object.keys(kinds).join(', ')}, got «${kind}»` }
  // What is absent travels as null.
  let result = check(schema, input ?? undefined, 'input')
  let orNull = result.ok || input !== null ? result : check(schema, null, 'input')
  return orNull.ok ? null : { code: 'invalid-input', message: orNull.message }
}

function make<A extends readonly unknown[]>(kinds: TaskKinds | undefined): TasksFeature<A> {
  return defineFeature({
    name: 'tasks',
    version: 1,
    events,
    initial: { tasks: [] } as TasksState,
    reduce,
    refuse: {
      started: ({ tasks }, { kind, input }) =>
        problemOf(kinds, kind, input)?.code ??
        (tasks.filter(isOpenTask).length < MAX_OPEN_TASKS ? null : 'too-many-tasks'),
      cancelled: ({ tasks }, { id }) => {
        let task = tasks.find(task => task.id === id)
        return task ? (isOpenTask(task) ? null : 'already-ended') : 'unknown-task'
      },
      cleared: ({ tasks }, { id }) => {
        let task = tasks.find(task => task.id === id)
        return task ? (isOpenTask(task) ? 'still-open' : null) : 'unknown-task'
      }
    },
    commands: {
      startTask: (_, kind: string, input: unknown = null, options: TaskOptions = {}) => {
        let problem = problemOf(kinds, kind, input)
        if (problem) throw new RealtimeError('bad-argument', problem.message)
        return { type: 'started', data: { kind, input, ...options } }
      },
      cancelTask: ({ state }, id: string) => {
        if (!isOpenTask(existing(state.tasks, id, 'id', 'task')))
          throw new RealtimeError('bad-argument', `id: the task «${id}» is over`)
        return { type: 'cancelled', data: { id } }
      },
      clearTask: ({ state }, id: string) => {
        if (isOpenTask(existing(state.tasks, id, 'id', 'task')))
          throw new RealtimeError('bad-argument', `id: the task «${id}» is not over; cancel it first`)
        return { type: 'cleared', data: { id } }
      }
    }
  }) as unknown as TasksFeature<A>
}

/**
 * Tasks of any kind, with any input of up to 8,000 characters of JSON. What nobody on the server knows how to do ends as
 * `failed` with the code `unknown-kind`; `tasksOf` refuses it at once.
 *
 * ```ts
 * let { $state, startTask, cancelTask } = client.room(`user:${me}`).use(tasks)
 * let { id } = await startTask('dream-cycle', { nights: 3 })
 * $state.subscribe(({ tasks }) => show(tasks.find(task => task.id === id)))
 * ```
 */
export const tasks = make<[kind: string, input?: unknown, options?: TaskOptions]>(undefined)

/**
 * The same for certain kinds, each with its own input: others are refused as `unknown-kind` and `invalid-input`. Stands in the
 * place of `tasks`, on the server and on every client.
 *
 * ```ts
 * export const dreams = tasksOf({ 'dream-cycle': object({ nights: integer({ min: 1, max: 9 }) }) })
 * await client.room(`user:${me}`).use(dreams).startTask('dream-cycle', { nights: 3 })
 * ```
 */
export function tasksOf<const K extends TaskKinds>(kinds: K): TasksFeature<StartArguments<K>> {
  return make(kinds)
}
