// A feature that counts instead of keeping: what came twice, too early or never shows in its numbers. Made of whichever build
// of the library is at hand, for the page and the server must agree on it.

/** Must use nothing from outside: pages get its text. */
export function tallyOf({ defineFeature, durable, integer, object, string }) {
  return defineFeature({
    name: 'tally',
    version: 1,
    events: { tick: durable(object({ who: string(), i: integer() })) },
    initial: { counts: {}, faults: [] },
    reduce: {
      tick({ counts, faults }, { who, i }) {
        let expected = counts[who] ?? 0
        let fault = i === expected ? [] : [`${who}${i} where ${who}${expected} was due`]
        return { counts: { ...counts, [who]: i + 1 }, faults: [...faults, ...fault] }
      }
    },
    commands: { tick: (_, who, i) => ({ type: 'tick', data: { who, i } }) }
  })
}
