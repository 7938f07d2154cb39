// What the contract of all features needs to know of those of rooms that decide.

import { privateMessages } from '../../../../src/features/private-messages.js'
import { queue } from '../../../../src/features/queue.js'
import { recommendations } from '../../../../src/features/recommendations.js'
import { systemMessages } from '../../../../src/features/system-messages.js'
import { votes } from '../../../../src/features/votes.js'
import type { FeatureCase, RefusalCase } from '../cases.js'

let alien = { mediaId: 'alien', mediaTitle: 'Alien' }
let joined = (...users: string[]) => users.map(by => ({ by, type: 'joined', data: {} }))
let proposed = { by: 'bob', type: 'proposed', data: alien }
let cast = (by: string, voteType = 'like') => ({ by, type: 'cast', data: { mediaId: 'alien', voteType } })
let like = { type: 'cast', data: { mediaId: 'alien', voteType: 'like' } }
let members = (count: number) => joined(...Array.from({ length: count }, (_, i) => `user-${i}`))
let titles = (count: number) =>
  Array.from({ length: count }, (_, i) => ({ mediaId: `film-${i}`, mediaTitle: `Film ${i}` }))

let voteRefusals: readonly RefusalCase[] = [
  { what: 'a vote of somebody who has not joined', before: [...joined('bob'), proposed], ...like, code: 'not-member' },
  { what: 'a vote on an unknown title', before: joined('ann'), ...like, code: 'unknown-media' },
  { what: 'a second ballot', before: [...joined('ann', 'bob'), proposed, cast('ann')], ...like, code: 'already-voted' },
  {
    what: 'a second ballot of another kind',
    before: [...joined('ann', 'bob'), proposed, cast('ann', 'dislike')],
    ...like,
    code: 'already-voted'
  },
  {
    what: 'a second ballot after leaving and joining',
    before: [
      ...joined('ann', 'bob'),
      proposed,
      cast('ann', 'skip'),
      { by: 'ann', type: 'left', data: {} },
      ...joined('ann')
    ],
    ...like,
    code: 'already-voted'
  },
  {
    what: 'a ballot in the name of another member',
    before: [...joined('bob', 'cleo'), proposed],
    type: 'cast',
    data: { mediaId: 'alien', voteType: 'like', userId: 'bob', actor: 'bob' },
    code: 'not-member'
  },
  {
    what: 'a vote on a closed title',
    before: [...joined('ann', 'bob'), proposed, { by: 'bob', type: 'closed', data: { mediaId: 'alien' } }],
    ...like,
    code: 'vote-closed'
  },
  {
    what: 'a vote on a decided title',
    before: [
      ...joined('ann', 'bob', 'cleo'),
      { by: 'bob', type: 'ruled', data: { matchType: 'majority' } },
      proposed,
      cast('bob'),
      cast('cleo')
    ],
    ...like,
    code: 'vote-closed'
  },
  {
    what: 'a kind of vote that there is not',
    before: [...joined('ann'), proposed],
    type: 'cast',
    data: { mediaId: 'alien', voteType: 'love' },
    code: 'invalid'
  },
  { what: 'a member more than a room takes', before: members(100), type: 'joined', data: {}, code: 'room-full' },
  { what: 'an oversized name', type: 'joined', data: { name: 'x'.repeat(65) }, code: 'invalid' },
  { what: 'leaving without having joined', before: joined('bob'), type: 'left', data: {}, code: 'not-member' },
  { what: 'a proposal of somebody who has not joined', type: 'proposed', data: alien, code: 'not-member' },
  {
    what: 'a title that is put to the vote already',
    before: [...joined('ann'), proposed],
    type: 'proposed',
    data: alien,
    code: 'already-open'
  },
  {
    what: 'a title more than a room takes',
    before: [...joined('ann'), ...titles(100).map(data => ({ by: 'ann', type: 'proposed', data }))],
    type: 'proposed',
    data: alien,
    code: 'too-many'
  },
  {
    what: 'an oversized title',
    before: joined('ann'),
    type: 'proposed',
    data: { mediaId: 'alien', mediaTitle: 'x'.repeat(201) },
    code: 'invalid'
  },
  {
    what: 'closing by somebody who has not joined',
    before: [...joined('bob'), proposed],
    type: 'closed',
    data: { mediaId: 'alien' },
    code: 'not-member'
  },
  {
    what: 'closing what is closed',
    before: [...joined('ann'), proposed, { by: 'ann', type: 'closed', data: { mediaId: 'alien' } }],
    type: 'closed',
    data: { mediaId: 'alien' },
    code: 'vote-closed'
  },
  {
    what: 'closing an unknown title',
    before: joined('ann'),
    type: 'closed',
    data: { mediaId: 'alien' },
    code: 'unknown-media'
  },
  {
    what: 'a rule of somebody who has not joined',
    type: 'ruled',
    data: { matchType: 'threshold', votes: 1 },
    code: 'not-member'
  },
  {
    what: 'a threshold without a number',
    before: joined('ann'),
    type: 'ruled',
    data: { matchType: 'threshold' },
    code: 'no-threshold'
  },
  {
    what: 'a threshold of nobody',
    before: joined('ann'),
    type: 'ruled',
    data: { matchType: 'threshold', votes: 0 },
    code: 'invalid'
  },
  {
    what: 'a match that a client announces',
    before: [...joined('ann', 'bob'), proposed],
    type: 'matched',
    data: { ...alien, participants: ['ann', 'bob'], matchType: 'unanimous', round: 1 },
    code: 'forbidden'
  }
]

let full = titles(200).map(data => ({ by: 'bob', type: 'added', data }))
let added = { by: 'bob', type: 'added', data: alien }
let isOn = [added, { by: 'bob', type: 'advanced', data: { from: null } }]

export let cases: readonly FeatureCase[] = [
  {
    feature: votes,
    samples: {
      joined: [{}, { name: 'Ann' }],
      left: [{}],
      proposed: [alien, { mediaId: '__proto__', mediaTitle: 'x'.repeat(200) }, { mediaId: '$0', mediaTitle: 'Other' }],
      cast: [
        { mediaId: 'alien', voteType: 'like' },
        { mediaId: '__proto__', voteType: 'like' },
        { mediaId: 'alien', voteType: 'dislike' },
        { mediaId: '$0', voteType: 'skip' }
      ],
      closed: [{ mediaId: 'alien' }, { mediaId: '$1' }],
      ruled: [
        { matchType: 'majority' },
        { matchType: 'threshold', votes: 1, changing: true },
        { matchType: 'unanimous' }
      ],
      matched: [
        { ...alien, participants: ['ann', '__proto__'], matchType: 'majority', round: 1 },
        { mediaId: '$0', mediaTitle: 'Elsewhere', participants: [], matchType: 'threshold', round: 0 }
      ]
    },
    commands: {
      joinRoom: { args: ['Ann'], delivery: 'durable' },
      leaveRoom: { args: [], delivery: 'durable' },
      proposeMedia: { args: ['alien', 'Alien'], delivery: 'durable' },
      castVote: { args: ['alien', 'like'], delivery: 'durable', before: { type: 'proposed', data: alien } },
      closeVote: { args: ['alien'], delivery: 'durable', before: { type: 'proposed', data: alien } },
      setVoteRule: { args: ['threshold', { votes: 3, changing: true }], delivery: 'durable' }
    },
    ofThePage: ['onVoteUpdate', 'onMatchFound'],
    refusals: voteRefusals
  },
  {
    feature: queue,
    samples: {
      added: [alien, { mediaId: '$0', mediaTitle: 'x'.repeat(200) }, { mediaId: '__proto__', mediaTitle: 'P' }],
      removed: [{ mediaId: 'alien' }, { mediaId: '$0' }],
      moved: [
        { mediaId: 'alien', before: '__proto__' },
        { mediaId: 'alien', before: null },
        { mediaId: '$0', before: 'alien' },
        { mediaId: 'alien', before: 'alien' }
      ],
      advanced: [{ from: null }, { from: 'alien' }, { from: '__proto__' }]
    },
    commands: {
      addToQueue: { args: ['alien', 'Alien'], delivery: 'durable' },
      removeFromQueue: { args: ['alien'], delivery: 'durable', before: { type: 'added', data: alien } },
      moveInQueue: { args: ['alien', null], delivery: 'durable', before: { type: 'added', data: alien } },
      advanceQueue: { args: [], delivery: 'durable', before: { type: 'added', data: alien } }
    },
    refusals: [
      { what: 'a title that is queued already', before: [added], type: 'added', data: alien, code: 'already-queued' },
      { what: 'a title that is on', before: isOn, type: 'added', data: alien, code: 'already-queued' },
      { what: 'a title more than a queue takes', before: full, type: 'added', data: alien, code: 'queue-full' },
      {
        what: 'an oversized id',
        type: 'added',
        data: { mediaId: 'x'.repeat(129), mediaTitle: 'x' },
        code: 'invalid'
      },
      { what: 'removing what is not there', type: 'removed', data: { mediaId: 'alien' }, code: 'unknown-item' },
      { what: 'removing what is on', before: isOn, type: 'removed', data: { mediaId: 'alien' }, code: 'unknown-item' },
      {
        what: 'moving what is not there',
        before: [added],
        type: 'moved',
        data: { mediaId: 'other', before: 'alien' },
        code: 'unknown-item'
      },
      {
        what: 'moving before what is gone',
        before: [added],
        type: 'moved',
        data: { mediaId: 'alien', before: 'other' },
        code: 'unknown-item'
      },
      {
        what: 'skipping what is not on any more',
        before: isOn,
        type: 'advanced',
        data: { from: null },
        code: 'not-current'
      },
      { what: 'going on with nothing queued', type: 'advanced', data: { from: null }, code: 'queue-empty' }
    ]
  },
  {
    feature: recommendations,
    samples: {
      delivered: [
        { items: [{ ...alien, reason: 'x'.repeat(500), score: 0.5 }, alien] },
        { items: titles(50) },
        { items: [{ mediaId: '$0', mediaTitle: 'Other', score: 1 }] },
        { items: [] }
      ],
      dismissed: [{ mediaId: 'alien' }, { mediaId: 'film-1' }]
    },
    commands: {
      dismissRecommendation: {
        args: ['alien'],
        delivery: 'durable',
        before: { type: 'delivered', data: { items: [alien] } }
      }
    },
    refusals: [
      {
        what: 'a recommendation of a client',
        type: 'delivered',
        data: { items: [alien] },
        code: 'forbidden'
      },
      { what: 'putting away what is not there', type: 'dismissed', data: { mediaId: 'alien' }, code: 'unknown-media' }
    ]
  },
  {
    feature: systemMessages,
    samples: { said: [{ text: 'x'.repeat(2000) }, { text: 'Soon', level: 'warning' }] },
    commands: {},
    refusals: [
      { what: 'a system message of a client', type: 'said', data: { text: 'I am the system' }, code: 'forbidden' }
    ]
  },
  {
    feature: privateMessages,
    samples: {
      sent: [
        { room: 'friday', to: 'bob', text: 'x'.repeat(2000) },
        { room: '__proto__', to: '__proto__', text: 'hello' }
      ],
      received: [{ room: 'friday', from: 'bob', text: 'x'.repeat(2000) }],
      settled: [
        { id: '$0', code: null },
        { id: '$1', code: 'not-member' }
      ]
    },
    commands: { sendPrivateMessage: { args: ['friday', 'bob', 'hello'], delivery: 'durable' } },
    refusals: [
      {
        what: 'a message that a client says it has got',
        type: 'received',
        data: { room: 'friday', from: 'bob', text: 'I owe you 100' },
        code: 'forbidden'
      },
      {
        what: 'a message that a client settles itself',
        type: 'settled',
        data: { id: 'app:before-0', code: null },
        code: 'forbidden'
      },
      {
        what: 'a message to oneself',
        type: 'sent',
        data: { room: 'friday', to: 'ann', text: 'hello' },
        code: 'to-oneself'
      },
      {
        what: 'an oversized message',
        type: 'sent',
        data: { room: 'friday', to: 'bob', text: 'x'.repeat(2001) },
        code: 'invalid'
      },
      {
        what: 'a message while many wait for the server',
        before: Array.from({ length: 50 }, () => ({
          by: 'ann',
          type: 'sent',
          data: { room: 'friday', to: 'bob', text: 'hello' }
        })),
        type: 'sent',
        data: { room: 'friday', to: 'bob', text: 'hello' },
        code: 'too-many'
      }
    ]
  }
]
