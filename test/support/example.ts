// An example as its users meet it: `npm run example -- <name>`, one address. Killed and started again on the same port and data.

import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface Example {
  /** `http://127.0.0.1:4711/` */
  readonly url: string
  readonly port: number
  readonly data: string
  output(): string
  /** SIGKILL; resolves when the process is gone. */
  kill(): Promise<void>
  /** Starts it again, on the same port and data. */
  start(): Promise<void>
  /** Ends it as Ctrl-C does, and removes its data. */
  close(): Promise<void>
}

const START_WITHIN = 20_000

export async function startExample(name: string): Promise<Example> {
  let data = mkdtempSync(join(tmpdir(), `${name}-`))
  let output = ''
  let port = 0
  let child: ChildProcess | undefined
  let ended: Promise<unknown> = Promise.resolve()
  process.once('exit', () => child?.kill('SIGKILL'))

  async function start(): Promise<void> {
    let starting = spawn(process.execPath, ['scripts/example.mjs', name, '--port', String(port), '--data', data])
    child = starting
    ended = new Promise(resolve => starting.once('exit', resolve))
    let said = ''
    await new Promise<void>((resolve, reject) => {
      let fail = (why: string): void => reject(new Error(`the example ${name} ${why}\n${output}`))
      let late = setTimeout(() => fail(`said no address within ${START_WITHIN} ms`), START_WITHIN)
      let hear = (text: string): void => {
        output += text
        said += text
        let address = /http:\/\/127\.0\.0\.1:(\d+)\//.exec(said)
        if (!address) return
        clearTimeout(late)
        port = Number(address[1])
        resolve()
      }
      starting.stdout.setEncoding('utf8').on('data', hear)
      starting.stderr.setEncoding('utf8').on('data', hear)
      starting.once('exit', code => fail(`ended with ${code}`))
    })
  }

  await start()
  return {
    get url() {
      return `http://127.0.0.1:${port}/`
    },
    get port() {
      return port
    },
    data,
    output: () => output,
    async kill() {
      child?.kill('SIGKILL')
      await ended
    },
    start,
    async close() {
      child?.kill('SIGTERM')
      await ended
      rmSync(data, { recursive: true, force: true, maxRetries: 5 })
    }
  }
}
