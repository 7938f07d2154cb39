// The storages of this package against their contract, and what only a file can show: kills and backups.

import { type ChildProcess, spawn } from 'node:child_process'
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { createMemoryStorage } from '../../../src/server/storage/memory.js'
import { createSqliteStorage } from '../../../src/server/storage/sqlite.js'
import type { Storage } from '../../../src/server/storage.js'
import { serverStorageContract } from '../../../src/testing/contract/server-storage.js'
import { createTestRandom, createWorld, pushOf } from './world.js'

let folder = mkdtempSync(join(tmpdir(), 'realtime-stores-'))
let count = 0
let newFile = () => join(folder, `${++count}.db`)
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe('memory keeps to the contract:', () => {
  for (let { name, run } of serverStorageContract(createMemoryStorage)) test(name, run)
})

describe('SQLite keeps to the contract:', () => {
  let file = ''
  let make = () => {
    file = newFile()
    return createSqliteStorage({ file })
  }
  let reopen = async (storage: Storage) => {
    await storage.close()
    return createSqliteStorage({ file })
  }
  for (let { name, run } of serverStorageContract(make, { reopen })) test(name, run)
})

test('a file that cannot be opened says so', () => {
  expect(() => createSqliteStorage({ file: join(folder, 'no', 'such', 'folder.db') })).toThrow()
})

test('a closed storage takes nothing more, and closing twice is fine', async () => {
  let storage = createSqliteStorage({ file: newFile() })
  await storage.open('r', 'e')
  let last = storage.commit('r', { epoch: 'e', revision: 0, events: [], clients: [], now: 0 })
  await storage.close()
  await storage.close()
  await expect(last).resolves.toBe(undefined)
  await expect(storage.commit('r', { epoch: 'e', revision: 1, events: [], clients: [], now: 0 })).rejects.toMatchObject(
    {
      code: 'closed'
    }
  )
})

test('[D5] a file put back from a backup gets new epochs and no marks', async () => {
  let file = newFile()
  let storage = createSqliteStorage({ file })
  let world = createWorld({ storage })
  let peer = await world.join('ann')
  peer.send(pushOf(1), pushOf(2))
  await world.clock.settle()
  expect(peer.take('ack')).toHaveLength(2)
  let { epoch, marksEpoch } = peer.last('joined')
  peer.drop()
  await storage.close()
  copyFileSync(file, `${file}.backup`)

  let restored = createSqliteStorage({ file: `${file}.backup`, restored: true })
  let after = createWorld({ storage: restored, random: createTestRandom(1000) })
  let again = await after.join('ann', 'r', { hello: { gen: 2 }, join: { epoch, offset: 2 } })
  let joined = again.last('joined')
  expect(joined).toMatchObject({ recovered: 'none', snapshot: true, offset: 2, marks: {} })
  expect(joined.epoch).not.toBe(epoch)
  expect(joined.marksEpoch).not.toBe(marksEpoch)
  expect(again.last('snapshot').state).toMatchObject({ notes: { state: { texts: ['text 1', 'text 2'] } } })
  await restored.close()
})

/** Collects the lines that a child writes until it is killed. */
function linesOf(child: ChildProcess): string[] {
  let lines: string[] = []
  let rest = ''
  child.stdout?.on('data', chunk => {
    let parts = `${rest}${chunk}`.split('\n')
    rest = parts.pop() ?? ''
    lines.push(...parts)
  })
  return lines
}

test('[D7] a process that is killed in mid-burst has lost nothing that was acked', { timeout: 30_000 }, async () => {
  let file = newFile()
  let program = join(import.meta.dirname, 'burst.ts')
  let child = spawn(process.execPath, [join(import.meta.dirname, 'run-ts.mjs'), program, file], {
    stdio: ['ignore', 'pipe', 'inherit']
  })
  let acked = linesOf(child)
  let died = new Promise(resolve => child.once('close', resolve))
  while (acked.length < 300) {
    if (child.exitCode !== null) throw new Error(`the child ended with ${child.exitCode}`)
    await new Promise(resolve => setTimeout(resolve, 5))
  }
  child.kill('SIGKILL')
  await died

  let storage = createSqliteStorage({ file })
  let { offset } = await storage.open('r', '-')
  let events = await storage.read('r', 0, 1_000_000)
  expect(events.map(event => event.offset)).toEqual(Array.from({ length: offset }, (_, i) => i + 1))
  let stored = new Map(events.map(event => [event.id, event.offset]))
  expect(stored.size).toBe(offset)
  for (let line of acked) {
    let [id, at] = line.split(' ') as [string, string]
    expect(stored.get(id)).toBe(Number(at))
  }
  let record = await storage.clientOf('r', JSON.stringify(['ann', 'cid-ann']))
  expect(record?.lanes.normal?.n).toBe(offset)
  await storage.close()
})
