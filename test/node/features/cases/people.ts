// What the contract of all features needs to know of those about people: who types, how they are, what wakes their devices.

import { typing } from '../../../../src/features/typing.js'
import type { FeatureCase } from '../cases.js'

export let cases: readonly FeatureCase[] = [
  {
    feature: typing,
    samples: { typing: [{ isTyping: true }, { isTyping: false }] },
    commands: {
      startTyping: { args: [], delivery: 'volatile 3' },
      stopTyping: { args: [], delivery: 'volatile 3' }
    },
    ofThePage: ['messageFrom'],
    refusals: [{ what: 'a typing that says neither', type: 'typing', data: { isTyping: 'yes' }, code: 'invalid' }]
  }
]
