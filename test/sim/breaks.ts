// Rules of the protocol taken away, one at a time, in the real sources: each must be noticed by the simulation. A rule that can
// be taken away unnoticed is not tested, or not needed.

import type { Break } from './break.js'
import { clientBreaks } from './breaks-client.js'
import { serverBreaks } from './breaks-server.js'

export const breaks: readonly Break[] = [...clientBreaks, ...serverBreaks]

/** Parts of rules that can be taken away alone without a consequence for anybody, and why. */
export const implied: readonly { readonly part: string; readonly by: readonly string[]; readonly why: string }[] = [
  {
    part: 'S6: a number that was answered is answered again',
    by: ['S4', 'S13'],
    why:
      'An honest client learns the answer from the marks of its join and never sends that number again; from any other, `prev` ' +
      'is not the mark, and nothing takes effect.'
  },
  {
    part: 'R3: `ref` alone',
    by: ['R3'],
    why:
      'On one connection answers come in the order of the joins, and a `joined` drops the parts that it finds: what came of an ' +
      'older join is whole, or gone. It is missed where that order does not hold as well.'
  },
  {
    part: 'R3: events are held while a snapshot comes',
    by: ['R1', 'L1'],
    why: 'An event that is not held leaves a hole, which the next event or ping shows: it costs another join and no event.'
  },
  {
    part: 'S13: `done` of a mark above our own is a fork',
    by: ['S13', 'S5'],
    why:
      'Answers above our own `done` that the server has dropped are missing where we look for them, which is a fork; where we ' +
      'settled all of them, there is nothing to be misled about, and two who go on are told apart by their `gen`.'
  },
  {
    part: 'S17: a clone that is told `stale` takes a new client at once',
    by: ['S13', 'J2'],
    why: 'Coming back with a higher `gen` it meets marks that are not its own, and takes a new client then.'
  }
]
