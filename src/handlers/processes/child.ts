// A child process as the supervisor of clients needs it: started without a shell, spoken with over IPC, measured by the system.

import { type ChildProcess, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import process from 'node:process'
import type { ClientSettings } from '../../features/settings.js'

/** What to start. */
export interface ChildCommand {
  readonly command: string
  readonly args?: readonly string[]
  readonly cwd?: string
  readonly env?: Readonly<Record<string, string>>
}

/** Why a child is gone. */
export interface ChildExit {
  /** In words: `exit code 1`, `SIGKILL`, `spawn ENOENT`. */
  readonly why: string
}

export interface Child {
  /** `null`: it could not be started. */
  readonly pid: number | null
  /** Over IPC, as JSON; what a child that is going does not take is lost. */
  send(message: unknown): void
  kill(signal: 'SIGTERM' | 'SIGKILL'): void
  /** Resident memory in bytes; `null` where the system does not say. */
  memory(): number | null
}

/** Where a child reports. */
export interface ChildSink {
  message(message: unknown): void
  /** Once, last of all. */
  exit(exit: ChildExit): void
}

export type SpawnChild = (command: ChildCommand, run: string, settings: ClientSettings, sink: ChildSink) => Child

/** In the environment of every child: the name of its run. */
export const RUN_VARIABLE = 'REALTIME_CLIENT_RUN'
/** In the environment of every child: its settings as JSON. */
export const SETTINGS_VARIABLE = 'REALTIME_CLIENT_SETTINGS'

/** Those of this process, so that they end with it. */
let alive = new Set<ChildProcess>()

function killAll(): void {
  for (let child of alive) child.kill('SIGKILL')
}

export let spawnChild: SpawnChild = ({ command, args = [], cwd, env = {} }, run, settings, sink) => {
  let isOver = false
  function over(why: string): void {
    if (isOver) return
    isOver = true
    alive.delete(child)
    if (alive.size === 0) process.off('exit', killAll)
    sink.exit({ why })
  }
  let child = spawn(command, args, {
    cwd,
    env: { ...process.env, ...env, [RUN_VARIABLE]: run, [SETTINGS_VARIABLE]: JSON.stringify(settings) },
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    shell: false
  })
  if (alive.size === 0) process.on('exit', killAll)
  alive.add(child)
  child.on('message', message => sink.message(message))
  child.on('error', error => {
    if (child.pid === undefined) over(error.message)
  })
  child.on('exit', (code, signal) => over(signal ?? `exit code ${code}`))
  return {
    pid: child.pid ?? null,
    send(message) {
      if (child.connected) child.send(message as object, () => {})
    },
    kill: signal => void child.kill(signal),
    memory: () => (child.pid === undefined ? null : memoryOf(child.pid))
  }
}

/** On Linux; elsewhere nobody says it without another process. */
function memoryOf(pid: number): number | null {
  try {
    let kilobytes = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1]
    return kilobytes === undefined ? null : Number(kilobytes) * 1024
  } catch {
    return null
  }
}

/** Ends a process that an earlier run of the server has left behind, if it is still that one. Known on Linux only. */
export function killLeftover(pid: number, run: string): void {
  try {
    let environment = readFileSync(`/proc/${pid}/environ`, 'latin1').split('\0')
    if (environment.includes(`${RUN_VARIABLE}=${run}`)) process.kill(pid, 'SIGKILL')
  } catch {
    // It is gone, or it is somebody else's.
  }
}
