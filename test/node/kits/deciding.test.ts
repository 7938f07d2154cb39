// A room that decides as a page has it: its stores, and what is told of it.

import { expect, test } from 'vitest'
import { privateMessages } from '../../../src/features/private-messages.js'
import { queue } from '../../../src/features/queue.js'
import { recommendations } from '../../../src/features/recommendations.js'
import { systemMessages } from '../../../src/features/system-messages.js'
import { votes } from '../../../src/features/votes.js'
import { createDeciding } from '../../../src/handlers/deciding.js'
import { createDecidingRoom, type DecidingEvents } from '../../../src/kits/deciding.js'
import { createWorld } from '../../../src/testing/world.js'

function stage() {
  let world = createWorld({ features: [votes, queue, recommendations, systemMessages, privateMessages] })
  let deciding = createDeciding(world.server.hub)
  async function person(user: string, { joins = true } = {}) {
    let device = world.device()
    let tab = device.openTab(user)
    let room = createDecidingRoom(tab.client, 'friday')
    let heard: [type: string, detail: unknown][] = []
    for (let type of ['voteUpdate', 'matchFound', 'roomStateChanged', 'memberStatusChanged'] as const)
      room.on(type, (detail: DecidingEvents[typeof type]) => void heard.push([type, detail]))
    tab.client.connect()
    await world.advance(1000)
    if (joins) room.joinRoom(user)
    await world.advance(1000)
    return {
      device,
      tab,
      room,
      heard,
      of: (type: string) => heard.filter(entry => entry[0] === type).map(([, it]) => it)
    }
  }
  return { world, deciding, person }
}

test('tells votes, the match and the room as they happen: each once, with exactly its fields', async () => {
  let { world, person } = stage()
  let [ann, bob] = [await person('ann'), await person('bob')]
  ann.heard.splice(0)
  bob.heard.splice(0)
  ann.room.proposeMedia('alien', 'Alien')
  await world.advance(1000)
  bob.room.castVote('alien', 'like')
  await world.advance(1000)
  ann.room.castVote('alien', 'like')
  await world.advance(1000)
  let progress = (totalVotes: number) => ({ totalVotes, requiredVotes: 2, percentage: totalVotes * 50 })
  for (let { of, heard } of [ann, bob]) {
    expect(of('voteUpdate')).toEqual([
      { userId: 'bob', mediaId: 'alien', voteType: 'like', progress: progress(1) },
      { userId: 'ann', mediaId: 'alien', voteType: 'like', progress: progress(2) }
    ])
    expect(of('matchFound')).toEqual([
      { mediaId: 'alien', mediaTitle: 'Alien', participants: ['ann', 'bob'], matchType: 'unanimous' }
    ])
    expect(of('roomStateChanged')).toEqual([
      { status: 'voting', currentMediaId: null, queueLength: 0, activeMembers: 2 },
      { status: 'waiting', currentMediaId: null, queueLength: 0, activeMembers: 2 }
    ])
    heard.splice(0)
  }
  ann.room.addToQueue('alien', 'Alien')
  await world.advance(1000)
  bob.room.advanceQueue()
  await world.advance(1000)
  for (let { of } of [ann, bob])
    expect(of('roomStateChanged')).toEqual([
      { status: 'waiting', currentMediaId: null, queueLength: 1, activeMembers: 2 },
      { status: 'playing', currentMediaId: 'alien', queueLength: 0, activeMembers: 2 }
    ])
  expect(bob.room.$stats.get()).toEqual({ members: 2, active: 2, votes: 2, matches: 1, open: 0, played: 1 })
})

test('what a page missed is in its stores and is not told', async () => {
  let { world, person } = stage()
  let [ann, bob, cleo] = [await person('ann'), await person('bob'), await person('cleo')]
  cleo.device.goOffline()
  cleo.heard.splice(0)
  ann.room.setVoteRule('majority')
  ann.room.proposeMedia('alien', 'Alien')
  ann.room.addToQueue('brazil', 'Brazil')
  await world.advance(1000)
  for (let { room } of [ann, bob]) room.castVote('alien', 'like')
  await world.advance(1000)
  expect(bob.of('matchFound')).toHaveLength(1)
  cleo.device.goOnline()
  await world.until(() => !cleo.room.$status.get().stale, { within: 60_000 })
  await world.advance(1000)
  let late = await person('late', { joins: false })
  for (let { room, heard } of [cleo, late]) {
    expect(room.$votes.get()).toEqual(ann.room.$votes.get())
    expect(room.$votes.get().matches).toMatchObject([{ mediaId: 'alien' }])
    expect(room.$queue.get()).toEqual(ann.room.$queue.get())
    expect(heard).toEqual([])
  }
  ann.room.addToQueue('casablanca', 'Casablanca')
  await world.advance(1000)
  for (let { of } of [cleo, late]) expect(of('roomStateChanged')).toMatchObject([{ queueLength: 2 }])
})

test('members are as presence says, and offline when they are gone', async () => {
  let { world, person } = stage()
  let [ann, bob] = [await person('ann'), await person('bob')]
  let inRoom = (of: typeof ann) => of.room.$members.get().map(({ userId, name, status }) => [userId, name, status])
  expect(inRoom(ann)).toEqual([
    ['ann', 'ann', 'online'],
    ['bob', 'bob', 'online']
  ])
  ann.heard.splice(0)
  bob.tab.client.room('friday').presence.set({ status: 'away' })
  await world.advance(1000)
  await bob.tab.close()
  await world.advance(60_000)
  expect(ann.of('memberStatusChanged')).toEqual([
    { userId: 'bob', status: 'away', lastActivity: expect.any(Number) },
    { userId: 'bob', status: 'offline', lastActivity: expect.any(Number) }
  ])
  expect(ann.of('roomStateChanged')).toMatchObject([{ activeMembers: 1 }])
  expect(inRoom(ann)[1]).toEqual(['bob', 'bob', 'offline'])
  ann.room.leaveRoom()
  await world.advance(1000)
  expect(inRoom(ann)).toEqual([['bob', 'bob', 'offline']])
})

test('messages of the system and private ones come in one list, each for whom it is', async () => {
  let { world, deciding, person } = stage()
  let [ann, bob, cleo] = [await person('ann'), await person('bob'), await person('cleo')]
  void deciding.tellRoom('friday', 'Welcome')
  await world.advance(1000)
  void ann.room.sendPrivateMessage('bob', 'psst')
  await world.advance(1000)
  let seen = ({ room }: typeof ann) => room.$messages.get().map(({ kind, text }) => [kind, text])
  expect(seen(bob)).toEqual([
    ['system', 'Welcome'],
    ['private', 'psst']
  ])
  expect(seen(ann)).toEqual(seen(bob))
  expect(seen(cleo)).toEqual([['system', 'Welcome']])
  expect(ann.room.$messages.get()[1]).toMatchObject({ from: 'ann', to: 'bob', status: 'delivered' })
})

test('a room that was let go of tells nothing more', async () => {
  let { world, person } = stage()
  let [ann, bob] = [await person('ann'), await person('bob')]
  ann.heard.splice(0)
  ann.room.close()
  bob.room.proposeMedia('alien', 'Alien')
  bob.room.castVote('alien', 'like')
  await world.advance(5000)
  expect(ann.heard).toEqual([])
})
