import { expect, test } from 'vitest'
import { createMemoryDisk } from '../../src/storage/memory.js'
import { storageContract } from '../../src/testing/contract/storage.js'

for (let { name, run } of storageContract(async () => createMemoryDisk(), { outlives: false })) test(name, run)

test('memory says that it is no disk', () => {
  expect(createMemoryDisk().kind).toBe('memory')
})
