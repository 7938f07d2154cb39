// One client and the process that it is: kept running while it is wanted, asked how it is, started again after a crash, later
// each time. Tells what has become of it; does not know who wanted it.

import type { ClientDoing, ClientFriend, ClientStatus } from '../../features/clients.js'
import type { ClientSettings } from '../../features/settings.js'
import type { Clock, Random, Stop } from '../../ports.js'
import type { Child, ChildCommand, SpawnChild } from './child.js'

/** How a client is. */
export interface ClientReport {
  readonly status: ClientStatus
  readonly doing: ClientDoing | null
  readonly why: string
  readonly pid: number | null
  readonly run: string | null
  readonly memory: number | null
  readonly responseTime: number | null
  readonly friendCount: number
  readonly attempt: number
  readonly retryAt: number | null
}

/** Milliseconds. */
export interface ProcessTimes {
  /** Between two questions how it is; default 2,000. */
  readonly ping: number
  /** Without an answer for so long, a client hangs and is killed; default 10,000. */
  readonly silence: number
  /** Before the first restart after a crash, then twice that, and so on; default 500. */
  readonly backoff: number
  /** Between two restarts at most; default 30,000. */
  readonly maxBackoff: number
  /** After running for so long, the next crash counts as the first; default 30,000. */
  readonly stable: number
  /** What a stopped client has to end by itself; default 5,000. */
  readonly grace: number
}

export const DEFAULT_TIMES: ProcessTimes = {
  ping: 2000,
  silence: 10_000,
  backoff: 500,
  maxBackoff: 30_000,
  stable: 30_000,
  grace: 5000
}

export interface SupervisedOptions {
  readonly command: ChildCommand
  readonly spawn: SpawnChild
  readonly clock: Clock
  readonly random: Random
  readonly times: ProcessTimes
  readonly on: {
    status(report: ClientReport): void
    sample(sample: { readonly memory: number | null; readonly responseTime: number }): void
    friends(friends: readonly ClientFriend[]): void
    error(code: string, message: string): void
  }
}

export interface Supervised {
  start(settings: ClientSettings): void
  stop(): void
  restart(settings: ClientSettings): void
  refresh(): void
  update(settings: ClientSettings): void
  /** Kills what runs and tells nothing more. Resolves when it is gone. */
  close(): Promise<void>
}

/** The pause before the next start after `attempt` crashes in a row: doubled each time, and a little uneven. */
export function backoffOf({ backoff, maxBackoff }: ProcessTimes, attempt: number, chance: number): number {
  let most = Math.min(maxBackoff, backoff * 2 ** Math.min(attempt - 1, 30))
  return Math.round(most * (0.75 + 0.25 * chance))
}

export function createSupervised({ command, spawn, clock, random, times, on }: SupervisedOptions): Supervised {
  let settings: ClientSettings = {}
  let isWanted = false
  let child: Child | null = null
  let run: string | null = null
  let status: ClientStatus = 'disconnected'
  let doing: ClientDoing | null = null
  let isRestarting = false
  let isClosed = false
  let attempt = 0
  let retryAt: number | null = null
  let memory: number | null = null
  let responseTime: number | null = null
  let friendCount = 0
  let startedAt = 0
  /** When the question was asked that has no answer yet. */
  let askedAt: number | null = null
  let stopRetry: Stop | null = null
  let stopPing: Stop | null = null
  let stopGrace: Stop | null = null
  let gone: (() => void) | null = null

  function tell(next: ClientStatus, why: string): void {
    status = next
    if (isClosed) return
    let pid = child?.pid ?? null
    on.status({ status, doing, why, pid, run, memory, responseTime, friendCount, attempt, retryAt })
  }

  function launch(): void {
    stopRetry?.()
    stopRetry = null
    retryAt = null
    run = random.id()
    startedAt = clock.mono()
    askedAt = null
    let mine: Child | null = null
    mine = spawn(command, run, settings, {
      message: message => {
        if (child === mine) hear(message)
      },
      // One that could not be started says so before it is returned.
      exit: ({ why }) => clock.soon(() => ended(why))
    })
    child = mine
    ask()
  }

  /** Asks how it is, again and again; an answer that is missing for too long is a crash. */
  function ask(): void {
    stopPing?.()
    stopPing = clock.after(times.ping, ask)
    if (askedAt !== null && clock.mono() - askedAt >= times.silence) {
      on.error('unresponsive', `no answer for ${times.silence} ms`)
      child?.kill('SIGKILL')
      return
    }
    // One that has not answered is asked again: the first question may have come before it listened.
    askedAt ??= clock.mono()
    child?.send({ type: 'ping', at: clock.mono() })
  }

  function hear(message: unknown): void {
    let { type, at, friends } = (typeof message === 'object' && message !== null ? message : {}) as {
      type?: unknown
      at?: unknown
      friends?: unknown
    }
    if (type === 'pong' && typeof at === 'number') answered(at)
    else if (type === 'friends' && isFriends(friends)) {
      friendCount = friends.length
      on.friends(friends.map(({ id, name }) => ({ id, name })))
    } else if (type === 'settings') {
      if (doing === 'updating') doing = null
      tell(status, 'new settings')
    } else if (type === 'error') {
      let { code, message: text } = message as { code?: unknown; message?: unknown }
      on.error(String(code ?? 'error').slice(0, 64) || 'error', String(text ?? '').slice(0, 500))
    } else on.error('bad-message', 'the client sent what nobody understands')
  }

  function answered(at: number): void {
    askedAt = null
    memory = child?.memory() ?? null
    responseTime = Math.max(0, Math.round((clock.mono() - at) * 1000) / 1000)
    let isDone = doing === 'starting' || doing === 'restarting' || doing === 'refreshing'
    if (isDone) doing = null
    if (status !== 'connected') tell('connected', isDone ? 'started' : 'answers')
    else if (isDone) tell('connected', 'refreshed')
    else on.sample({ memory, responseTime })
  }

  function ended(why: string): void {
    stopPing?.()
    stopGrace?.()
    stopGrace = null
    child = null
    run = null
    memory = null
    responseTime = null
    if (isClosed) gone?.()
    else if (!isWanted) {
      doing = null
      tell('disconnected', 'stopped')
    } else if (isRestarting) {
      isRestarting = false
      // Whatever else was asked of the one that is gone: the next one starts with it.
      doing = 'restarting'
      launch()
      tell('reconnecting', 'restarted')
    } else crashed(why)
  }

  function crashed(why: string): void {
    attempt = clock.mono() - startedAt >= times.stable ? 1 : attempt + 1
    doing = null
    on.error('crashed', why)
    let pause = backoffOf(times, attempt, random.float())
    retryAt = Math.floor(clock.now() + pause)
    stopRetry = clock.after(pause, () => {
      launch()
      tell('reconnecting', 'started again')
    })
    tell('reconnecting', `crashed: ${why}`.slice(0, 200))
  }

  /** Asks it to end; kills it when it does not. */
  function end(): void {
    child?.kill('SIGTERM')
    stopGrace?.()
    stopGrace = clock.after(times.grace, () => child?.kill('SIGKILL'))
  }

  return {
    start(given) {
      settings = given
      isWanted = true
      doing = 'starting'
      if (child && stopGrace && !isRestarting) isRestarting = true
      else if (!child) {
        attempt = 0
        launch()
        tell('reconnecting', 'starting')
      } else if (status === 'connected') {
        doing = null
        tell(status, 'runs already')
      }
    },
    stop() {
      isWanted = false
      isRestarting = false
      stopRetry?.()
      retryAt = null
      attempt = 0
      doing = child ? 'stopping' : null
      if (child) end()
      else tell('disconnected', 'stopped')
    },
    restart(given) {
      settings = given
      isWanted = true
      doing = 'restarting'
      attempt = 0
      if (child) {
        isRestarting = true
        end()
      } else {
        launch()
        tell('reconnecting', 'restarted')
      }
    },
    refresh() {
      if (!child) return tell(status, 'does not run')
      doing = 'refreshing'
      child.send({ type: 'refresh' })
      ask()
    },
    update(given) {
      settings = given
      if (!child) return tell(status, 'new settings')
      doing = 'updating'
      child.send({ type: 'settings', settings })
    },
    async close() {
      isClosed = true
      stopRetry?.()
      stopPing?.()
      if (!child) return
      let over = new Promise<void>(resolve => {
        gone = resolve
      })
      end()
      await over
    }
  }
}

function isFriends(value: unknown): value is readonly ClientFriend[] {
  let isName = (text: unknown) => typeof text === 'string' && text.length >= 1 && text.length <= 64
  return Array.isArray(value) && value.length <= 100 && value.every(item => isName(item?.id) && isName(item?.name))
}
