// A server in a process of its own, so that it can be killed without a goodbye.
// The script prints one line `{"port":N}` when it listens, and takes the port to use from PORT (0: any).

import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'

export interface ServerProcess {
  readonly port: number
  readonly pid: number
  /** What it printed so far, for the message of a failed test. */
  output(): string
  /** SIGKILL; resolves when the process is gone. */
  kill(): Promise<void>
  /** Starts it again on the same port, killing it first if it still runs. */
  restart(): Promise<void>
  /** SIGTERM, and SIGKILL if it does not go within 5 s. */
  stop(): Promise<void>
}

export interface ServerProcessOptions {
  args?: string[]
  env?: Record<string, string>
  /** The first port; 0, the default, takes any. */
  port?: number
  /** How long the start may take, in ms. */
  timeout?: number
}

export async function startServer(script: string, options: ServerProcessOptions = {}): Promise<ServerProcess> {
  const { args = [], env = {}, timeout = 15_000 } = options
  let port = options.port ?? 0
  let child: ChildProcess | undefined
  let output = ''
  process.once('exit', () => child?.kill('SIGKILL'))

  async function start() {
    child = spawn(process.execPath, [script, ...args], {
      env: { ...process.env, ...env, PORT: String(port) },
      stdio: ['ignore', 'pipe', 'pipe']
    })
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      output += text
    })
    port = await announcedPort(child)
  }

  function announcedPort(starting: ChildProcess): Promise<number> {
    return new Promise((resolve, reject) => {
      const fail = (why: string) => {
        clearTimeout(timer)
        starting.kill('SIGKILL')
        reject(new Error(`${script} ${why}\n${output}`))
      }
      const timer = setTimeout(() => fail(`named no port within ${timeout} ms`), timeout)
      starting.once('error', error => fail(`did not start: ${error.message}`))
      starting.once('exit', (code, signal) => fail(`ended with ${code ?? signal} before it named a port`))
      if (!starting.stdout) return fail('has no stdout')
      createInterface({ input: starting.stdout }).on('line', line => {
        output += `${line}\n`
        const named = portIn(line)
        if (named === undefined) return
        clearTimeout(timer)
        resolve(named)
      })
    })
  }

  function end(signal: NodeJS.Signals): Promise<void> {
    const ending = child
    if (!ending || ending.exitCode !== null || ending.signalCode !== null) return Promise.resolve()
    return new Promise(resolve => {
      const timer = setTimeout(() => ending.kill('SIGKILL'), 5_000)
      ending.once('exit', () => {
        clearTimeout(timer)
        resolve()
      })
      ending.kill(signal)
    })
  }

  await start()
  return {
    get port() {
      return port
    },
    get pid() {
      return child?.pid ?? 0
    },
    output: () => output,
    kill: () => end('SIGKILL'),
    async restart() {
      await end('SIGKILL')
      await start()
    },
    stop: () => end('SIGTERM')
  }
}

function portIn(line: string): number | undefined {
  if (!line.startsWith('{')) return undefined
  try {
    const { port } = JSON.parse(line)
    return typeof port === 'number' ? port : undefined
  } catch {
    return undefined
  }
}
