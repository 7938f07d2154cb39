import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { startServer } from '../support/server-process.js'

const dir = mkdtempSync(join(tmpdir(), 'server-process-'))
afterAll(() => rmSync(dir, { recursive: true, force: true }))

function script(name: string, code: string) {
  const path = join(dir, name)
  writeFileSync(path, code)
  return path
}

const good = script(
  'good.mjs',
  `import { createServer } from 'node:http'
   const server = createServer((_, response) => response.end(String(process.pid)))
   console.log('starting')
   server.listen(Number(process.env.PORT), '127.0.0.1', () => console.log(JSON.stringify({ port: server.address().port })))`
)

test('is killed and comes back on the same port as another process', async () => {
  const server = await startServer(good)
  const ask = async () => (await fetch(`http://127.0.0.1:${server.port}`)).text()
  const { port } = server
  const first = await ask()
  expect(first).toBe(String(server.pid))
  await server.kill()
  await expect(ask()).rejects.toThrow()
  await server.restart()
  expect(server.port).toBe(port)
  expect(await ask()).not.toBe(first)
  await server.stop()
  await expect(ask()).rejects.toThrow()
})

test('a script that ends early is an error with what it said', async () => {
  const bad = script('bad.mjs', `console.error('no disk'); process.exit(3)`)
  await expect(startServer(bad)).rejects.toThrow(/ended with 3[\s\S]*no disk/)
})
