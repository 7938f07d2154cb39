// Rules of the protocol taken away, one at a time, in the real sources: each must be noticed by the simulation. A rule that can
// be taken away unnoticed is not tested, or not needed.

import type { Patch } from './bundle.js'

export interface Break {
  readonly name: string
  /** The rule that is taken away, as the protocol numbers it. */
  readonly rule: string
  readonly patches: readonly Patch[]
}

const one = (name: string, rule: string, file: string, find: string, replace: string): Break => ({
  name,
  rule,
  patches: [{ file, find, replace }]
})

export const breaks: readonly Break[] = [
  // --- the client: what may have left ---
  {
    name: 'what may have left is not on disk before it leaves',
    rule: 'S2',
    patches: [
      {
        file: 'core/outbox-tx.ts',
        find: 'tx.put(keys.chain(chain.key), record)\n  return { record,',
        replace: 'tx.put(keys.chain(chain.key), { ...record, claimed: chain.claimed })\n  return { record,'
      },
      {
        file: 'core/outbox-tx.ts',
        find: '  if (claimed) record.claimed = record.n\n',
        replace: ''
      }
    ]
  },
  one(
    'what may have left is forgotten in a power cut',
    'S2',
    'core/outbox.ts',
    "commit('strict', async tx => {\n        await assertClient(tx, store.client.cid, store.gen)",
    "commit('relaxed', async tx => {\n        await assertClient(tx, store.client.cid, store.gen)"
  ),
  {
    name: 'what may have left is withdrawn',
    rule: 'S2',
    patches: [
      {
        file: 'core/outbox.ts',
        find: 'filter(row => (isAny || row.n > chain.claimed) && select(row))',
        replace: 'filter(row => select(row))'
      },
      { file: 'core/outbox.ts', find: 'isAny ? 0 : record.claimed,', replace: '0,' },
      {
        file: 'core/outbox-tx.ts',
        find: 'if (!ids.has(row.id) || row.n <= claimed) continue',
        replace: 'if (!ids.has(row.id)) continue'
      }
    ]
  },
  {
    name: 'what may have left is replaced by something newer',
    rule: 'S2',
    patches: [
      {
        file: 'core/outbox-tx.ts',
        find: 'await takeOut(tx, chain, record.claimed, new Set(older))',
        replace: 'await takeOut(tx, chain, 0, new Set(older))'
      }
    ]
  },
  // --- the client: what comes before ---
  one(
    'after a refusal the number before is guessed',
    'S3',
    'core/outgoing.ts',
    'course.prev = course.answered\n      course.pausedUntil',
    'course.pausedUntil'
  ),
  one(
    'what may have left before is not sent again',
    'S3',
    'core/outgoing.ts',
    'course.again = [...verdict.resend]',
    'course.again = []'
  ),
  one(
    'numbers are given outside the transaction',
    'S3',
    'core/outbox-tx.ts',
    'let record = await readChain(tx, chain.key)\n  let isInLine',
    'let record = { ...(await readChain(tx, chain.key)), n: chain.n }\n  let isInLine'
  ),
  // --- the client: settling ---
  {
    name: 'marks settle by number',
    rule: 'S13',
    patches: [
      { file: 'core/marks.ts', find: 'row.n === mark.n && row.id === mark.id', replace: 'row.n === mark.n' },
      { file: 'core/marks.ts', find: '!answer || answer.id !== row.id', replace: '!answer' },
      { file: 'core/marks.ts', find: 'mark.n > 0 && mark.id !== last.id', replace: 'false' }
    ]
  },
  one(
    'own events are told by number',
    'S13',
    'core/replica.ts',
    'if (pending.has(frame.id)) unpend(frame.id, true)',
    'for (let row of [...pending.values()]) if (frame.by === me && row.lane === frame.op?.[0] && row.n === frame.op[1]) unpend(row.id, true)'
  ),
  one(
    'answers are never confirmed',
    'S12',
    'client-rooms.ts',
    'if (chain?.done) done[lane] = chain.done',
    'if (chain?.done) done[lane] = 0'
  ),
  one(
    'answers are confirmed before they are surely on disk',
    'S12',
    'core/outbox-tx.ts',
    'if (isStrict) record.done =',
    'record.done ='
  ),
  one(
    'what the server refused is not kept',
    'S19',
    'core/outbox.ts',
    'for (let item of parking) tx.put(keys.parked(item.row.id), item)',
    ''
  ),
  // --- the client: who sends ---
  one(
    'rooms with waiting actions are not joined unless shown',
    'S18',
    'client-rooms.ts',
    'asked.add(chain.room)\n      joinSilently(chain.room)',
    'asked.add(chain.room)'
  ),
  // --- the client: receiving ---
  one(
    'holes in the log are not noticed',
    'R1',
    'core/position.ts',
    "return offset === position.offset + 1 ? 'apply' : 'gap'",
    "return 'apply'"
  ),
  one(
    'a lost last event is never missed',
    'L1',
    'room.ts',
    'if (isBehindOrAstray(mine, { epoch, offset })) recover()',
    'if (false) recover()'
  ),
  one(
    'what is kept of a room is ahead of what it contains',
    'R4',
    'core/replica.ts',
    '        ...position,\n        states:',
    '        ...position, offset: position.offset + 1,\n        states:'
  ),
  // --- the client: time ---
  // --- the server ---
  one('prev is not compared', 'S4', 'server/decide.ts', "if (push.prev !== mark.n) return again('order')", ''),
  one(
    'the policy is asked before the answer that was given',
    'S6',
    'server/decide.ts',
    '    if (n <= mark.n) {\n',
    "    let early = refusalOf(view, states, push, seat, asks)\n    if (early?.final) return { kind: 'nack', n, id, refusal: early }\n    if (n <= mark.n) {\n"
  ),
  one(
    'a refused chain goes on behind its gap',
    'S11',
    'server/decide.ts',
    'return again(refusal.code, undefined, refusal.message)',
    "return { kind: 'nack', n, id, refusal }"
  ),
  one(
    'a refusal for good does not consume its number',
    'S10',
    'server/decide.ts',
    'clients.set(seat.client, consume(settled, lane, n, id, { ok: false, code, ...(message ? { message } : {}) }))',
    'void message'
  ),
  one(
    'known ids take effect again',
    'S7',
    'server/storage/memory.ts',
    'if (entry) found.set(id, entry.offset)',
    'void entry'
  ),
  one(
    'answers leave before they are stored',
    'S9',
    'server/ledger.ts',
    'await storage.commit(room,',
    'void storage.commit(room,'
  ),
  {
    name: 'a new life of the log is not told',
    rule: 'R2',
    patches: [
      { file: 'server/turn.ts', find: "if (surprise.kind === 'gap') audience.gap()", replace: '' },
      {
        file: 'room.ts',
        find: 'if (isBehindOrAstray(mine, { epoch, offset })) recover()',
        replace: 'if (mine.offset !== offset) recover()'
      }
    ]
  },
  {
    name: 'a position of another log is continued',
    rule: 'J5',
    patches: [
      {
        file: 'server/recover.ts',
        find: 'if (position.epoch !== epoch || position.offset > offset',
        replace: 'if (position.offset > offset'
      },
      {
        file: 'core/position.ts',
        find: 'position.epoch !== joined.epoch || joined.offset < position.offset',
        replace: 'joined.offset < position.offset'
      }
    ]
  },
  {
    name: 'lost marks go unnoticed by the client',
    rule: 'S15',
    patches: [
      {
        file: 'core/outgoing.ts',
        find: 'let sameLife = knownLife === undefined || knownLife === frame.marksEpoch',
        replace: 'let sameLife = true'
      },
      { file: 'core/marks.ts', find: "if (mark.n < last.n) return { kind: 'lost' }", replace: '' }
    ]
  },
  one(
    'a timer goes on after the end',
    'closing',
    'tabs/lease.ts',
    'release() {\n      stopLock?.()\n      stopLock = null\n      stopTimer?.()',
    'release() {\n      stopLock?.()\n      stopLock = null'
  )
]
