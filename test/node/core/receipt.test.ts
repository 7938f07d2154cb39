// Receipts: what each stage promises, what awaiting the receipt itself gives, and that nobody has to watch.

import { afterEach, beforeEach, expect, test } from 'vitest'
import { createLedger } from '../../../src/core/ledger.js'
import { createReceipt } from '../../../src/core/receipt.js'
import { RealtimeError } from '../../../src/errors.js'
import type { Receipt } from '../../../src/feature.js'
import { nextTurn } from '../../../src/testing/clock.js'

let unhandled: unknown[] = []
let listener = (error: unknown) => void unhandled.push(error)
beforeEach(() => {
  unhandled = []
  process.on('unhandledRejection', listener)
})
afterEach(async () => {
  await new Promise(resolve => setTimeout(resolve, 2))
  process.off('unhandledRejection', listener)
  expect(unhandled).toEqual([])
})

let STAGES = ['stored', 'sent', 'acked', 'visible'] as const

/** How each stage stands now: `…` when it is open. */
async function states(receipt: Receipt): Promise<string[]> {
  let open = Symbol('open')
  await nextTurn()
  return Promise.all(
    STAGES.map(stage =>
      Promise.race([receipt[stage], Promise.resolve(open)]).then(
        value => (value === open ? '…' : 'yes'),
        (error: RealtimeError) => error.code
      )
    )
  )
}

test('[S1] a stage implies the earlier ones', async () => {
  let { receipt, reach } = createReceipt('id', 'stored')
  expect(await states(receipt)).toEqual(['…', '…', '…', '…'])
  reach('stored')
  expect(await states(receipt)).toEqual(['yes', '…', '…', '…'])
  reach('acked')
  expect(await states(receipt)).toEqual(['yes', 'yes', 'yes', '…'])
  reach('sent')
  reach('visible')
  expect(await states(receipt)).toEqual(['yes', 'yes', 'yes', 'yes'])
})

test('a failure fails what was not reached, once, and whether or not anybody was watching', async () => {
  let { receipt, reach, fail } = createReceipt('id', 'stored')
  let early = receipt.acked
  reach('stored')
  fail(new RealtimeError('forbidden'))
  fail(new RealtimeError('busy'))
  reach('visible')
  expect(await states(receipt)).toEqual(['yes', 'forbidden', 'forbidden', 'forbidden'])
  await expect(early).rejects.toMatchObject({ code: 'forbidden' })
  await expect(receipt.visible).rejects.toMatchObject({ code: 'forbidden' })
})

test('awaiting a receipt waits for `stored` and gives a plain summary', async () => {
  let { receipt, reach } = createReceipt('id', 'stored')
  let summary = receipt.then(value => value)
  reach('stored')
  expect(await summary).toEqual({ id: 'id', stage: 'stored' })
  expect(await receipt).toEqual({ id: 'id', stage: 'stored' })
})

test('awaiting a stored action that fails throws; awaiting a volatile one that is dropped does not', async () => {
  let stored = createReceipt('id', 'stored')
  stored.fail(new RealtimeError('storage'))
  await expect(Promise.resolve(stored.receipt)).rejects.toMatchObject({ code: 'storage' })
  let sent = createReceipt('id', 'sent')
  sent.fail(new RealtimeError('dropped'))
  expect(await sent.receipt).toEqual({ id: 'id', stage: 'dropped' })
  let reached = createReceipt('id', 'sent')
  reached.reach('sent')
  reached.fail(new RealtimeError('dropped'))
  expect(await reached.receipt).toEqual({ id: 'id', stage: 'sent' })
})

test('stages that nobody asked for make no promises, and those asked for late know how it ended', async () => {
  let { receipt, reach, fail } = createReceipt('id', 'stored')
  reach('sent')
  fail(new RealtimeError('unknown'))
  expect(await states(receipt)).toEqual(['yes', 'yes', 'unknown', 'unknown'])
  expect(receipt.acked).toBe(receipt.acked)
})

test('the ledger ends a receipt as its row ended', async () => {
  let ledger = createLedger()
  let open = (id: string) => {
    let receipt = ledger.open(id, 'stored')
    ledger.reach(id, 'stored')
    return receipt
  }
  let [acked, gone, rejected, unknown, expired, replaced, purged, failed] = [
    'acked',
    'gone',
    'rejected',
    'unknown',
    'expired',
    'replaced',
    'purged',
    'failed'
  ].map(open) as [Receipt, Receipt, Receipt, Receipt, Receipt, Receipt, Receipt, Receipt]
  ledger.end('acked', { kind: 'acked', at: 1 }, true)
  ledger.reach('acked', 'visible')
  ledger.end('gone', { kind: 'acked' }, false)
  ledger.end('rejected', { kind: 'rejected', code: 'forbidden', message: 'not you' }, true)
  ledger.end('unknown', { kind: 'unknown', code: 'unknown', message: '' }, true)
  ledger.end('expired', { kind: 'expired' }, true)
  ledger.end('replaced', { kind: 'replaced' }, true)
  ledger.end('purged', { kind: 'purged' }, true)
  ledger.end('failed', { kind: 'failed', error: new RealtimeError('storage') }, true)
  expect(await states(acked)).toEqual(['yes', 'yes', 'yes', 'yes'])
  expect(await states(gone)).toEqual(['yes', 'yes', 'yes', '…'])
  expect(await states(rejected)).toEqual(['yes', 'forbidden', 'forbidden', 'forbidden'])
  await expect(rejected.acked).rejects.toThrow('not you')
  expect(await states(unknown)).toEqual(['yes', 'unknown', 'unknown', 'unknown'])
  await expect(unknown.acked).rejects.toThrow(/may have happened/)
  expect(await states(expired)).toEqual(['yes', 'expired', 'expired', 'expired'])
  expect(await states(replaced)).toEqual(['yes', 'replaced', 'replaced', 'replaced'])
  expect(await states(purged)).toEqual(['yes', 'purged', 'purged', 'purged'])
  expect(await states(failed)).toEqual(['yes', 'storage', 'storage', 'storage'])
})

test('what was replaced before it was stored counts as stored: what took its place is', async () => {
  let ledger = createLedger()
  let receipt = ledger.open('a', 'stored')
  ledger.end('a', { kind: 'replaced' }, true)
  expect(await receipt).toEqual({ id: 'a', stage: 'stored' })
  expect(await states(receipt)).toEqual(['yes', 'replaced', 'replaced', 'replaced'])
})

test('an event that comes in before its answer makes it visible once its row has left the outbox', async () => {
  let ledger = createLedger()
  let receipt = ledger.open('a', 'stored')
  ledger.reach('a', 'stored')
  ledger.reach('a', 'visible')
  expect(await states(receipt)).toEqual(['yes', '…', '…', '…'])
  ledger.end('a', { kind: 'acked' }, true)
  expect(await states(receipt)).toEqual(['yes', 'yes', 'yes', 'yes'])
})

test('what is visible has happened, whatever is said of it later', async () => {
  let ledger = createLedger()
  let receipt = ledger.open('a', 'stored')
  ledger.reach('a', 'visible')
  ledger.end('a', { kind: 'unknown', code: 'unknown', message: '' }, true)
  expect(await states(receipt)).toEqual(['yes', 'yes', 'yes', 'yes'])
})

test('rows of another page have no receipt here', () => {
  let ledger = createLedger()
  ledger.reach('x', 'stored')
  ledger.end('x', { kind: 'acked' }, true)
  ledger.drop('x')
})
