// What the client must not do, and does here.

import { type Break, one } from './break.js'

export const clientBreaks: readonly Break[] = [
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
    '    unpend(id, true)\n    return { frame, live',
    '    for (let row of [...pending.values()]) if (frame.by === me && row.lane === frame.op?.[0] && row.n === frame.op[1]) unpend(row.id, true)\n    return { frame, live'
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
  // --- the client: what it tells ---
  one(
    'what is stored is called sent',
    'S1',
    'client.ts',
    "ledger.reach(row.id, 'stored')",
    "ledger.reach(row.id, 'sent')"
  ),
  one(
    'what is stored is called visible',
    'S1',
    'client.ts',
    "ledger.reach(row.id, 'stored')",
    "ledger.reach(row.id, 'visible')"
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
  // --- the client: who sends ---
  one(
    'connections share their count',
    'S17',
    'core/outbox-store.ts',
    'gen: record.gen + 1 }',
    'gen: Math.max(1, record.gen) }'
  ),
  one('who was replaced does not hear it', 'S17', 'client.ts', '    if (isFenced) return\n', '    if (Date) return\n'),
  {
    name: 'a refused room leaves its actions waiting',
    rule: 'S18',
    patches: [
      {
        file: 'core/outgoing.ts',
        find: 'async refused(room: string, code: string, message: string): Promise<void> {',
        replace: 'async refused(room: string, code: string, message: string): Promise<void> {\n      if (room) return'
      }
    ]
  },
  one(
    'a refused room leaves what may have left waiting',
    'S18',
    'core/outgoing.ts',
    'let left = [...outbox.chains.values()].filter(chain => chain.room === room)',
    'let left = [...outbox.chains.values()].filter(chain => chain.room === room + code)'
  ),
  {
    name: 'actions leave before their room is joined',
    rule: 'S3',
    patches: [
      {
        file: 'core/outgoing.ts',
        find: 'if (!ready.has(chain.room)) return false\n      let course = courseOf(chain.key)\n      return !isPaused(course) && (',
        replace: 'let course = courseOf(chain.key)\n      return !isPaused(course) && ('
      },
      {
        file: 'core/outgoing.ts',
        find: 'let mustWait = !ready.has((rows[0] as Row).room) || ',
        replace: 'let mustWait = '
      }
    ]
  },
  // --- the client: what marks and answers say ---
  {
    // Two checks find such a mark: it is above the counter, and it names no action that may have left.
    name: 'a mark above the counter is taken for ours',
    rule: 'S13',
    patches: [
      {
        file: 'core/marks.ts',
        find: 'if (mark.n > chain.n || mark.done > chain.done)',
        replace: 'if (mark.done > chain.done)'
      },
      {
        file: 'core/marks.ts',
        find: 'if (mark.n > last.n && !claimed',
        replace: 'if (mark.n > last.n && mark.n <= chain.n && !claimed'
      }
    ]
  },
  one(
    'marks answer without their results',
    'S10',
    'core/marks.ts',
    'let { ok, at, code, message } = answer.result',
    'let { ok, at, code, message } = { ...answer.result, ok: true }'
  ),
  one(
    'an answer settles what was not pushed since the join',
    'S13',
    'core/outgoing.ts',
    `      let course = courses.get(chainKey(room, lane))
      let index = course?.flying.findIndex(row => row.n === n && row.id === id) ?? -1
      if (!course || index < 0) return
      let rows = course.flying.splice(0, index + 1)
      land(rows)
      course.answered = n`,
    `      let rows = (outbox.chains.get(chainKey(room, lane))?.rows ?? []).filter(row => row.n <= n)
      if (!rows.length || !id) return
      let course = courseOf(chainKey(room, lane))
      course.flying = course.flying.filter(row => row.n > n)
      land(rows)
      course.answered = n`
  ),
  one(
    'what was sent is called unknown before it is looked what came',
    'S15',
    'core/outgoing.ts',
    'await recovered(frame.room)\n',
    ''
  ),
  // --- the client: a fork ---
  one(
    'after a fork what never left goes under new ids',
    'S14',
    'core/outbox-tx.ts',
    'else again.push(row)',
    "else again.push({ ...row, id: 'again-'.concat(row.id) })"
  ),
  one(
    'after a fork what never left loses its order',
    'S14',
    'core/outbox-tx.ts',
    'sort((a, b) => a.n - b.n)) {',
    'sort((a, b) => b.n - a.n)) {'
  ),
  one(
    'after a fork what may have left is called refused',
    'S14',
    'core/outbox-store.ts',
    "park(row, 'unknown', 'unknown'))",
    "park(row, 'rejected', 'forked'))"
  ),
  one(
    'after a fork what may have left is sent again',
    'S14',
    'core/outbox-tx.ts',
    'if (row.n <= (claimed.get(chainKey(row.room, row.lane)) ?? 0)) unknown',
    'if (claimed.size < 0) unknown'
  ),
  // --- the client: receiving ---
  {
    // Taken alone, `ref` would not be missed: see `implied`. So a join also no longer drops the parts it finds.
    name: 'parts of two snapshots are taken together',
    rule: 'R3',
    patches: [
      {
        file: 'room.ts',
        find: 'if (frame.ref !== ref) return\n    let hadPosition',
        replace: 'let hadPosition'
      },
      { file: 'room.ts', find: '        if (frame.ref !== ref) return\n        isMoving', replace: '        isMoving' },
      {
        file: 'core/replica.ts',
        find: 'if (!parts || parts.ref !== frame.ref) return []',
        replace: 'if (!parts) return []'
      },
      {
        file: 'core/replica.ts',
        find: 'parts.frames.set(frame.part, frame)',
        replace: 'parts.frames.set(parts.frames.size, frame)'
      },
      {
        file: 'core/replica.ts',
        find: '      parts = null\n      replayUntil = frame.offset',
        replace: "      if (verdict !== 'snapshot') parts = null\n      replayUntil = frame.offset"
      },
      {
        file: 'core/replica.ts',
        find: 'parts = { ref: frame.ref, of: 0, marks: frame.marks, frames: new Map() }',
        replace: 'parts = { ref: frame.ref, of: 0, marks: frame.marks, frames: parts?.frames ?? new Map() }'
      }
    ]
  },
  one(
    'what was answered is no longer painted',
    'R6',
    'core/replica.ts',
    'else settled.set(id, at ?? null)',
    'else unpend(id, true)'
  ),
  one(
    'what was answered is painted until its own event comes',
    'R6',
    'core/replica.ts',
    '    for (let [id, at] of settled) if (all || (at !== null && at <= offset)) unpend(id, true)',
    '    if (all && offset < 0) settled.clear()'
  ),
  one(
    'what other tabs stored is not looked for',
    'S17',
    'client.ts',
    "if (frames.some(frame => frame.f === 'ping')) outbox.refresh()",
    "if (frames.some(frame => frame.f === ('fetch' as string))) outbox.refresh()"
  ),
  // --- the client: coming back ---
  one(
    'all come back in the same moment',
    'H13',
    'core/connection.ts',
    'let delay = window[0] + random() * Math.max(0, window[1] - window[0])',
    'let delay = window[0]\n  void random'
  ),
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
