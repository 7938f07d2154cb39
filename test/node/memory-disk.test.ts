import { expect, test } from 'vitest'
import { createMemoryDisk } from '../../src/storage/memory.js'
import { diskContract } from '../support/disk-contract.js'

diskContract('memory', async () => createMemoryDisk())

test('memory says that it is no disk', () => {
  expect(createMemoryDisk().kind).toBe('memory')
})
