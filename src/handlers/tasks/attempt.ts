// One attempt at a task: what the work is given, and how what it says reaches the room, in order. Does not choose what runs
// and does not decide what follows from its end.

import { RealtimeError } from '../../errors.js'
import { type AnyFeature, validateDraft } from '../../feature.js'
import { type TaskCheckpoint, taskJournal } from '../../features/task-journal.js'
import type { Task } from '../../features/tasks.js'

/** What the work of a task is given besides its input. */
export interface TaskContext {
  readonly id: string
  /** The room in which it was started, and by whom. */
  readonly room: string
  readonly by: string
  /** 1 at first. */
  readonly attempt: number
  /** What the last `checkpoint` of an earlier attempt was given; `null` when there was none. */
  readonly previous: unknown
  /** Aborted when the task is cancelled or the server closes: stop then, nothing that is said later is heard. */
  readonly signal: AbortSignal
  /** How far it is, 0 to 1, and what is being done, up to 64 characters. For the eyes: may be told often, not all of it arrives. */
  progress(progress: number, stage?: string): void
  /** A part of the result, up to 2,000 characters of JSON. Resolves when it is stored; the newest 20 are kept. */
  partial(data: unknown): Promise<void>
  /** From where the next attempt could go on, up to 16,000 characters of JSON. Resolves when it is stored. */
  checkpoint(data: unknown): Promise<void>
}

export interface AttemptParts {
  readonly feature: AnyFeature
  readonly room: string
  readonly task: Task
  readonly attempt: number
  readonly saved: TaskCheckpoint | null
  readonly signal: AbortSignal
  /** Says it for good; rejects when the attempt was ended before it was stored. */
  readonly say: (type: string, data: unknown) => Promise<void>
  /** The same for a checkpoint. */
  readonly keep: (data: unknown) => Promise<void>
  readonly cast: (data: unknown) => void
}

/** The context of an attempt; `said` resolves when everything that it was given is stored, and rejects when it cannot be. */
export function createAttempt({ feature, room, task, attempt, saved, signal, say, keep, cast }: AttemptParts) {
  let { id, by } = task
  let shown = { progress: saved?.progress ?? 0, stage: saved?.stage ?? '' }
  let partials = saved?.partials ?? 0
  let tail: Promise<void> = Promise.resolve()

  /** One after the other, so that a checkpoint never knows of a partial that is not there. */
  function inOrder(work: () => Promise<void>): Promise<void> {
    tail = tail.then(work)
    // Seen when the attempt ends, whether the work has waited for it or not.
    tail.catch(() => {})
    return tail
  }

  let context: TaskContext = {
    id,
    room,
    by,
    attempt,
    previous: saved?.data ?? null,
    signal,
    progress(progress, stage = shown.stage) {
      if (signal.aborted) return
      let data = { id, attempt, progress, stage }
      validateDraft(feature, 'progress', data)
      if (progress < shown.progress) return
      shown = { progress, stage }
      cast(data)
    },
    partial(data) {
      let partial = { id, seq: partials + 1, ...shown, data: data ?? null }
      validateDraft(feature, 'partial', partial)
      partials++
      return inOrder(() => say('partial', partial))
    },
    checkpoint(data) {
      let checkpoint = { id, attempt, ...shown, partials, data: data ?? null }
      validateDraft(taskJournal, 'checkpoint', checkpoint)
      return inOrder(() => keep(checkpoint))
    }
  }
  return { context, said: () => tail }
}

/** What a failure is called in the task. */
export function errorOf(error: unknown): { code: string; message: string } {
  let code = error instanceof RealtimeError ? error.code : 'failed'
  let message = error instanceof Error ? error.message : String(error)
  return { code: (code || 'failed').slice(0, 64), message: message.slice(0, 500) }
}
