// A task in a thread of its own (`worker_threads`): it may compute for minutes without the server standing still, and ends at
// once when it is cancelled. One half runs in the server, the other in the thread.

import { parentPort, Worker, type WorkerOptions, workerData } from 'node:worker_threads'
import { RealtimeError } from '../errors.js'
import type { TaskContext } from './tasks/attempt.js'

/** What the thread is given at its start. */
type Begin = Pick<TaskContext, 'id' | 'room' | 'by' | 'attempt' | 'previous'> & { readonly input: unknown }

/** What the thread says. */
type Word =
  | { readonly say: 'progress'; readonly progress: number; readonly stage: string | undefined }
  | { readonly say: 'partial' | 'checkpoint'; readonly n: number; readonly data: unknown }
  | { readonly say: 'done'; readonly result: unknown }
  | { readonly say: 'failed'; readonly code: string; readonly message: string; readonly retryable: boolean }

/** What it hears: whether the partial result or checkpoint of this number is stored. */
interface Answer {
  readonly n: number
  readonly problem: string | null
}

/**
 * The `run` of a task that is done in a thread of its own: `url` is the module that calls `workerTask`. Its thread ends when
 * the task is cancelled, wherever it is. A thread that crashes (an error that nobody caught, no memory left, `process.exit`)
 * fails the attempt with `worker-crashed`, and the task begins another one from its last checkpoint; what `workerTask`'s
 * function throws fails the task as in the server itself.
 *
 * ```ts
 * createTaskRunner({ hub, tasks: { 'dream-cycle': { run: inWorker(new URL('./dream.js', import.meta.url)) } } })
 * ```
 */
export function inWorker(url: URL | string, options: Omit<WorkerOptions, 'workerData'> = {}) {
  return async (input: unknown, context: TaskContext): Promise<unknown> => {
    let { id, room, by, attempt, previous, signal } = context
    let begin: Begin = { id, room, by, attempt, previous, input }
    let worker = new Worker(url, { ...options, workerData: begin })
    try {
      return await new Promise((resolve, reject) => {
        let crashed = (why: string, cause?: unknown): void =>
          reject(new RealtimeError('worker-crashed', why, { cause, retryable: true }))
        let hear = (word: Word): void => {
          if (word.say === 'progress') context.progress(word.progress, word.stage)
          else if (word.say === 'done') resolve(word.result)
          else if (word.say === 'failed')
            reject(new RealtimeError(word.code, word.message, { retryable: word.retryable }))
          else {
            let answer = (problem: string | null): void => worker.postMessage({ n: word.n, problem } satisfies Answer)
            context[word.say](word.data).then(
              () => answer(null),
              error => answer(String(error?.message ?? error))
            )
          }
        }
        worker.on('message', (word: Word) => {
          try {
            hear(word)
          } catch (error) {
            // What it said is not what a task may say.
            reject(error)
          }
        })
        worker.once('error', error => crashed(`the thread ended with: ${error?.message ?? error}`, error))
        worker.once('exit', code => crashed(`the thread ended with ${code} before the task was done`))
        signal.addEventListener('abort', () => reject(signal.reason), { once: true })
        if (signal.aborted) reject(signal.reason)
      })
    } finally {
      await worker.terminate()
    }
  }
}

/** What a task has in its thread: there is no signal, for the thread ends when the task does. */
export type WorkerTaskContext = Omit<TaskContext, 'signal'>

/**
 * Does the task of this thread. To be called once, by the module that `inWorker` names.
 *
 * ```ts
 * workerTask(async ({ nights }, { progress, partial, checkpoint, previous }) => { … return result })
 * ```
 */
export function workerTask<I>(run: (input: I, context: WorkerTaskContext) => unknown): void {
  let port = parentPort
  if (!port) throw new RealtimeError('unsupported', 'workerTask is for a thread that inWorker has started')
  let { input, ...about } = workerData as Begin
  let tell = (word: Word): void => port.postMessage(word)
  let waiting = new Map<number, (problem: string | null) => void>()
  let count = 0
  port.on('message', ({ n, problem }: Answer) => {
    waiting.get(n)?.(problem)
    waiting.delete(n)
  })

  function stored(say: 'partial' | 'checkpoint', data: unknown): Promise<void> {
    let n = ++count
    let promise = new Promise<void>((resolve, reject) => {
      waiting.set(n, problem =>
        problem === null ? resolve() : reject(new RealtimeError('bad-argument', `${say}: ${problem}`))
      )
    })
    // Whoever does not wait for it hears of it when the task ends.
    promise.catch(() => {})
    tell({ say, n, data })
    return promise
  }

  let context: WorkerTaskContext = {
    ...about,
    progress: (progress, stage) => tell({ say: 'progress', progress, stage }),
    partial: data => stored('partial', data),
    checkpoint: data => stored('checkpoint', data)
  }
  Promise.resolve()
    .then(() => run(input as I, context))
    .then(result => tell({ say: 'done', result }))
    .catch(error => {
      let { code = 'failed', message = String(error), retryable = false } = (error ?? {}) as Partial<RealtimeError>
      tell({ say: 'failed', code: String(code), message, retryable: retryable === true })
    })
}
