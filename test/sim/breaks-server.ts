// What the server must not do, and does here.

import { type Break, one } from './break.js'

export const serverBreaks: readonly Break[] = [
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
  // --- the server: who may push ---
  one(
    'the room takes pushes from every connection of a client',
    'S5',
    'server/decide.ts',
    "if (record.gen !== seat.gen) return never('stale')",
    ''
  ),
  {
    // A join and a push compare the counts, and each finds what the other would let through.
    name: 'connections of a client are not told apart',
    rule: 'J1 J2 J3 S5',
    patches: [
      { file: 'server/decide.ts', find: '(record && seat.gen < record.gen)', replace: 'false' },
      {
        file: 'server/decide.ts',
        find: 'holder?.gen === seat.gen && holder.link !== seat.link',
        replace: 'false'
      },
      { file: 'server/decide.ts', find: "if (record.gen !== seat.gen) return never('stale')", replace: '' }
    ]
  },
  {
    name: 'marks that were lost are begun anew by a push',
    rule: 'S16',
    patches: [
      {
        file: 'server/decide.ts',
        find: '    let record = recordOf(seat.client)\n    let mark',
        replace:
          '    let record = recordOf(seat.client) ?? { marksEpoch: seat.cid, gen: seat.gen, lanes: {} }\n    let mark'
      },
      {
        file: 'server/decide.ts',
        find: "if (!record || place.marksEpoch !== record.marksEpoch) return never('order')",
        replace: "if (place.marksEpoch === null) return never('order')"
      }
    ]
  },
  // --- the server: what is answered ---
  {
    name: 'everything behind a gap is refused',
    rule: 'S11',
    patches: [
      {
        file: 'server/decide.ts',
        find: "if (place.broken.has(lane) && push.prev !== mark.n) return { kind: 'ignored' }",
        replace: ''
      },
      {
        file: 'server/decide.ts',
        find: "if (place.isVoid && push.prev !== mark.n) return { kind: 'ignored' }",
        replace: ''
      }
    ]
  },
  one(
    'the policy is asked before it is known what took effect',
    'S7',
    'server/decide.ts',
    '    let first = known.get(id)\n',
    '    let first = known.get(id)\n    if (first !== undefined && refusalOf(view, states, push, seat, asks)?.final) first = undefined\n'
  ),
  one(
    'marks are stored before what they mark',
    'S9',
    'server/ledger.ts',
    'await storage.commit(room, { epoch, revision, events, clients: [...changed], now, ...(due ? housekeeping : {}) })\n',
    'await storage.commit(room, { epoch, revision, events: [], clients: [...changed], now })\n' +
      '      await storage.commit(room, { epoch, revision: ++revision, events, clients: [], now, ...(due ? housekeeping : {}) })\n'
  ),
  one(
    'a backup of the storage goes on as the life that it was',
    'D5',
    'testing/storage.ts',
    'rooms.set(name, { ...copy, revision, epoch: newId(), clients: new Map() })',
    'rooms.set(name, { ...copy, revision })'
  )
]
