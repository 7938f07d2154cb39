// The server's side of rooms that decide, with whole clients and a server that may crash.

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { privateMessages } from '../../../src/features/private-messages.js'
import { queue } from '../../../src/features/queue.js'
import { recommendations } from '../../../src/features/recommendations.js'
import { systemMessages } from '../../../src/features/system-messages.js'
import { mediumOf } from '../../../src/features/vote-state.js'
import { type MatchFound, type MatchType, type VoteUpdate, votes } from '../../../src/features/votes.js'
import { createDeciding, type DecidingHandler } from '../../../src/handlers/deciding.js'
import { decidingPolicy } from '../../../src/handlers/deciding-policy.js'
import type { HubOptions } from '../../../src/server/hub.js'
import { createWorld, type World } from '../../../src/testing/world.js'

let features = [votes, queue, recommendations, systemMessages, privateMessages]
let alien = { mediaId: 'alien', mediaTitle: 'Alien' }

interface Stage extends World {
  /** Of the server that runs now. */
  readonly deciding: DecidingHandler
  person(user: string, room?: string): ReturnType<typeof createPerson>
  /** The server is there again, with its handler. */
  back(): void
}

function createPerson(world: World, user: string, room: string) {
  let device = world.device()
  let tab = device.openTab(user)
  let { client } = tab
  let vote = client.room(room).use(votes)
  let own = client.room(`user:${user}`).use(privateMessages)
  let updates: VoteUpdate[] = []
  let matches: MatchFound[] = []
  vote.onVoteUpdate(update => updates.push(update))
  vote.onMatchFound(match => matches.push(match))
  client.connect()
  return { device, tab, client, ...vote, own, updates, matches, votes: () => vote.$state.get() }
}

function stage({ seed = 1, server = {} }: { seed?: number; server?: Partial<HubOptions> } = {}): Stage {
  let world = createWorld({ features, seed, server })
  let deciding = createDeciding(world.server.hub)
  return {
    ...world,
    get deciding() {
      return deciding
    },
    person: (user, room = 'friday') => createPerson(world, user, room),
    back() {
      world.server.start()
      deciding = createDeciding(world.server.hub)
    }
  }
}

let isCurrent = ({ client, $status }: ReturnType<typeof createPerson>) =>
  client.$connection.get().phase === 'online' && client.$connection.get().pending.count === 0 && !$status.get().stale

let announcements = async (world: World) =>
  (await world.server.events('friday')).filter(({ feature, type }) => feature === 'votes' && type === 'matched')

/** So many have joined, and a title is put to the vote. */
async function opened(world: Stage, users: readonly string[]) {
  let people = users.map(user => world.person(user))
  for (let person of people) person.joinRoom(person.client.user)
  await world.advance(1000)
  people[0]?.proposeMedia('alien', 'Alien')
  await world.advance(1000)
  return people
}

describe('a match', () => {
  test('is announced to everyone once, with its fields', async () => {
    let world = stage()
    let people = await opened(world, ['ann', 'bob'])
    for (let { castVote } of people) castVote('alien', 'like')
    await world.advance(1000)
    let match = { ...alien, participants: ['ann', 'bob'], matchType: 'unanimous' }
    for (let { matches, votes } of people) {
      expect(matches).toEqual([match])
      expect(votes().matches).toMatchObject([match])
    }
    expect(await announcements(world)).toHaveLength(1)
    let late = world.person('late')
    await world.advance(1000)
    expect(late.votes()).toEqual(people[0]?.votes())
    expect(late.matches).toEqual([])
  })

  test('is announced once when the server dies between the deciding vote and the announcement', async () => {
    let world = stage()
    let people = await opened(world, ['ann', 'bob'])
    people[0]?.castVote('alien', 'like')
    await world.advance(1000)
    // The handler is told of the deciding vote before this: it has begun to announce, and never ends.
    world.server.hub.watch(votes, ({ state }) => {
      if (mediumOf(state, 'alien')?.status === 'decided') world.server.crash()
    })
    people[1]?.castVote('alien', 'like')
    await world.advance(1000)
    expect(await announcements(world)).toHaveLength(0)
    world.back()
    await world.advance(30_000)
    expect(await announcements(world)).toHaveLength(1)
    for (let { votes } of people) expect(votes().matches).toMatchObject([alien])
  })

  test('is announced though somebody joins before it is, and though the storage fails at first', async () => {
    let world = stage()
    let people = await opened(world, ['ann', 'bob'])
    world.deciding.close()
    for (let { castVote } of people) castVote('alien', 'like')
    await world.advance(1000)
    world.person('cleo').joinRoom()
    await world.advance(1000)
    expect(await announcements(world)).toHaveLength(0)
    await world.server.restart()
    let failures = 0
    let { hub } = world.server
    let broken = {
      ...hub,
      room: (id: string) => ({ ...hub.room(id), push: async () => ++failures && Promise.reject() })
    }
    let failing = createDeciding(broken as unknown as typeof hub)
    await world.advance(10_000)
    expect(failures).toBeGreaterThan(1)
    failing.close()
    await world.server.restart()
    createDeciding(world.server.hub)
    await world.advance(10_000)
    expect(await announcements(world)).toMatchObject([{ data: { participants: ['ann', 'bob'] } }])
  })

  test('is announced once by two handlers, as by two servers over one storage', async () => {
    let world = stage()
    let people = await opened(world, ['ann', 'bob'])
    let second = createDeciding(world.server.hub)
    for (let { castVote } of people) castVote('alien', 'like')
    await world.advance(1000)
    second.close()
    expect(await announcements(world)).toHaveLength(1)
    for (let { matches } of people) expect(matches).toHaveLength(1)
  })

  test('is begun once, however much happens until it is announced', async () => {
    let world = stage()
    let people = await opened(world, ['ann', 'bob'])
    world.deciding.close()
    let begun = 0
    let { hub } = world.server
    let push = () => new Promise(() => begun++)
    createDeciding({ ...hub, room: (id: string) => ({ ...hub.room(id), push }) } as unknown as typeof hub)
    for (let { castVote } of people) castVote('alien', 'like')
    await world.advance(1000)
    people[0]?.proposeMedia('brazil', 'Brazil')
    people[1]?.proposeMedia('casablanca', 'Casablanca')
    await world.advance(1000)
    expect(begun).toBe(1)
  })

  test('is announced exactly once in whatever order votes arrive, with links that jitter and break and a server that crashes', async () => {
    let game = fc.record({
      matchType: fc.constantFrom<MatchType>('unanimous', 'majority', 'threshold'),
      ballots: fc.array(fc.constantFrom('like', 'like', 'like', 'dislike', 'skip'), { minLength: 2, maxLength: 4 }),
      pauses: fc.array(fc.nat(200), { minLength: 4, maxLength: 4 }),
      offline: fc.nat(4),
      crash: fc.option(fc.nat(400)),
      seed: fc.integer({ min: 1, max: 1e6 })
    })
    await fc.assert(
      fc.asyncProperty(game, async ({ matchType, ballots, pauses, offline, crash, seed }) => {
        let world = stage({ seed })
        let people = await opened(
          world,
          ballots.map((_, i) => `user-${i}`)
        )
        people[0]?.setVoteRule(matchType, { votes: 2 })
        await world.advance(1000)
        for (let { device } of people) device.network.jitter = 150
        people[offline]?.device.goOffline()
        if (crash !== null) world.clock.after(crash, () => world.server.crash())
        for (let [i, voteType] of ballots.entries()) {
          people[i]?.castVote('alien', voteType as 'like')
          people[i]?.castVote('alien', 'like') // a second ballot is refused, or waits behind the first
          await world.advance(pauses[i] as number)
        }
        await world.advance(1000)
        if (crash !== null) world.back()
        people[offline]?.device.goOnline()
        await world.until(() => people.every(isCurrent), { within: 120_000 })
        await world.advance(2000)
        let state = await world.server.state('friday', votes)
        let likes = ballots.filter(voteType => voteType === 'like').length
        let required = { unanimous: ballots.length, majority: Math.floor(ballots.length / 2) + 1, threshold: 2 }[
          matchType
        ]
        let isMatch = likes >= Math.max(2, required)
        expect(mediumOf(state, 'alien')?.status).toBe(isMatch ? 'matched' : 'open')
        expect(await announcements(world)).toHaveLength(isMatch ? 1 : 0)
        let late = world.person('late')
        await world.advance(2000)
        for (let { votes, matches, updates } of [...people, late]) {
          expect(votes()).toEqual(state)
          expect(matches.length).toBeLessThanOrEqual(isMatch ? 1 : 0)
          let told = updates.map(({ userId }) => userId)
          expect(new Set(told).size).toBe(told.length)
          for (let { progress } of updates) expect(progress.percentage).toBeLessThanOrEqual(100)
        }
        if (crash === null && isMatch)
          for (let [i, { matches }] of people.entries()) if (i !== offline) expect(matches).toHaveLength(1)
      }),
      { numRuns: 100 }
    )
  }, 240_000)
})

describe('the app’s own code', () => {
  test('casts a member’s vote once for a key, and hears what a client would hear', async () => {
    let world = stage()
    let [ann] = await opened(world, ['ann', 'bob'])
    let vote = { userId: 'bob', mediaId: 'alien', voteType: 'like' } as const
    let ask = (of: Promise<unknown>) =>
      of.then(
        value => value,
        error => (error as { code: string }).code
      )
    let answers: unknown[] = []
    for (let [room, given, key] of [
      ['friday', vote, 'call-1'],
      ['friday', vote, 'call-1'],
      ['friday', vote, 'call-2'],
      ['friday', { ...vote, userId: 'mallory' }, 'call-3'],
      ['friday', { ...vote, userId: 'ann', mediaId: 'nothing' }, 'call-4']
    ] as const) {
      let asked = ask(world.deciding.notifyVote(room, given, { key }))
      await world.advance(100)
      answers.push(await asked)
    }
    let update = { ...vote, progress: { totalVotes: 1, requiredVotes: 2, percentage: 50 } }
    expect(answers).toEqual([update, update, 'already-voted', 'not-member', 'unknown-media'])
    expect(ann?.updates).toEqual([update])
  })

  test('announces a match once: of a vote, and of a title from elsewhere', async () => {
    let world = stage()
    let people = await opened(world, ['ann', 'bob'])
    let match: MatchFound = { ...alien, participants: ['ann', 'bob'], matchType: 'majority' }
    let other: MatchFound = { ...match, mediaId: 'other', mediaTitle: 'Other' }
    for (let each of [match, match, other, other]) {
      let told = world.deciding.notifyMatch('friday', each)
      await world.advance(100)
      await told
    }
    for (let { castVote } of people) castVote('alien', 'like')
    await world.advance(1000)
    for (let { matches } of people) expect(matches).toEqual([match, other])
  })

  test('recommends and tells, once for a key, and counts what really happened', async () => {
    let world = stage()
    let [ann] = await opened(world, ['ann', 'bob', 'cleo'])
    ann?.castVote('alien', 'like')
    for (let feature of [recommendations, systemMessages]) ann?.client.room('friday').use(feature)
    for (let i = 0; i < 2; i++) {
      void world.deciding.recommend('friday', [{ ...alien, score: 0.9, reason: 'You like space' }], { key: 'monday' })
      void world.deciding.tellRoom('friday', 'We close at ten', { level: 'warning', key: 'closing' })
    }
    ann?.own.sendPrivateMessage('friday', 'bob', 'psst')
    await world.advance(1000)
    expect(ann?.client.room('friday').use(recommendations).$state.get()).toMatchObject({
      items: [{ ...alien, score: 0.9, reason: 'You like space' }],
      delivered: 1
    })
    expect(ann?.client.room('friday').use(systemMessages).$state.get()).toMatchObject({
      messages: [{ text: 'We close at ten', level: 'warning' }]
    })
    expect(world.deciding.getRealtimeStats()).toMatchObject({
      connections: 3,
      rooms: 1,
      members: 3,
      votes: 1,
      matches: 0,
      messages: { system: 1, private: 1 }
    })
    let stats = world.deciding.getRoomStats('friday')
    await world.advance(10)
    expect(await stats).toEqual({ members: 3, present: 3, votes: 1, matches: 0, open: 1 })
  })

  test('and a client see the same numbers of a room', async () => {
    let world = stage()
    let people = await opened(world, ['ann', 'bob'])
    for (let { castVote } of people) castVote('alien', 'like')
    await world.advance(1000)
    let stats = world.deciding.getRoomStats('friday')
    await world.advance(10)
    let { votes, matches, members } = await stats
    for (let person of people) {
      let state = person.votes()
      expect([state.votesCast, state.matchesFound, state.members.length]).toEqual([votes, matches, members])
    }
    expect([votes, matches, members]).toEqual([2, 1, 2])
  })
})

describe('a private message', () => {
  /** Everything that the server says to a device from now on. */
  function listen({ device }: ReturnType<typeof createPerson>): string[] {
    let heard: string[] = []
    device.network.tamper = text => {
      heard.push(text)
      return text
    }
    return heard
  }

  test('reaches its recipient, and nothing of it a third member’s wire', async () => {
    let world = stage()
    let [ann, bob, cleo] = await opened(world, ['ann', 'bob', 'cleo'])
    if (!ann || !bob || !cleo) throw new Error('nobody came')
    let [atBob, atCleo] = [listen(bob), listen(cleo)]
    ann.own.sendPrivateMessage('friday', 'bob', 'a secret of two')
    await world.advance(2000)
    expect(bob.own.$state.get().received).toMatchObject([{ from: 'ann', room: 'friday', text: 'a secret of two' }])
    expect(ann.own.$state.get().sent).toMatchObject([{ to: 'bob', status: 'delivered', code: null }])
    expect(atBob.join()).toContain('a secret of two')

    cleo.client.room('user:bob').use(privateMessages)
    cleo.client.room('user:ann').use(privateMessages)
    ann.own.sendPrivateMessage('friday', 'bob', 'another secret')
    cleo.castVote('alien', 'like')
    await world.advance(2000)
    expect(atCleo.join()).toContain('"type":"cast"')
    expect(atCleo.join()).not.toContain('secret')
    expect(cleo.client.room('user:bob').$status.get().refused).toBe('forbidden')
    let logs = await Promise.all(['friday', 'user:cleo'].map(room => world.server.events(room)))
    expect(JSON.stringify(logs)).not.toContain('secret')
  })

  test('to or from somebody who is no member of the room is refused, and its sender sees why', async () => {
    let world = stage()
    let [ann] = await opened(world, ['ann', 'bob'])
    let outsider = world.person('mallory')
    await world.advance(1000)
    ann?.own.sendPrivateMessage('friday', 'mallory', 'hello')
    outsider.own.sendPrivateMessage('friday', 'ann', 'buy this')
    for (let room of ['elsewhere', 'user:ann', 'server:x', '__proto__'])
      outsider.own.sendPrivateMessage(room, 'ann', 'buy this')
    await world.advance(2000)
    expect(ann?.own.$state.get()).toMatchObject({ sent: [{ status: 'refused', code: 'not-member' }], received: [] })
    expect(outsider.own.$state.get().sent).toHaveLength(5)
    for (let message of outsider.own.$state.get().sent)
      expect(message).toMatchObject({ status: 'refused', code: 'not-member' })
  })

  test('is carried once when the server dies on the way', async () => {
    for (let at of ['sent', 'received']) {
      let world = stage()
      let [ann, bob] = await opened(world, ['ann', 'bob'])
      world.server.hub.watch(privateMessages, ({ events }) => {
        if (events.some(({ type }) => type === at)) world.server.crash()
      })
      ann?.own.sendPrivateMessage('friday', 'bob', 'a secret of two')
      await world.advance(2000)
      expect(ann?.own.$state.get().sent).toMatchObject([{ status: 'waiting' }])
      world.back()
      await world.advance(30_000)
      expect(bob?.own.$state.get().received).toMatchObject([{ text: 'a secret of two' }])
      expect(ann?.own.$state.get().sent).toMatchObject([{ status: 'delivered' }])
    }
  })

  test('to somebody who can have no room of their own is refused, and not tried for ever', async () => {
    let world = stage()
    let [ann] = await opened(world, ['ann'])
    let nobody = 'n'.repeat(252)
    await world.server.hub.room('friday').push(votes, 'joined', {}, { by: nobody })
    ann?.own.sendPrivateMessage('friday', nobody, 'hello?')
    await world.advance(5000)
    expect(ann?.own.$state.get().sent).toMatchObject([{ status: 'refused', code: 'not-member' }])
  })

  test('said into the shared room is refused by the policy of these rooms', async () => {
    let world = stage({ server: { policy: decidingPolicy() } })
    let [ann] = await opened(world, ['ann', 'bob'])
    let receipt = ann?.client.room('friday').use(privateMessages).sendPrivateMessage('friday', 'bob', 'oops')
    let code = receipt?.acked.then(
      () => 'acked',
      error => error.code
    )
    await world.advance(1000)
    expect(await code).toBe('wrong-room')
    expect(JSON.stringify(await world.server.events('friday'))).not.toContain('oops')
  })
})

describe('who lies gets nothing', () => {
  let roles: Readonly<Record<string, string>> = { ann: 'host', bob: 'guest', mallory: 'stranger' }
  let policy = decidingPolicy({
    mayEnter: ({ claims }) => (claims as { role: string }).role !== 'stranger',
    isHost: ({ claims }) => (claims as { role: string }).role === 'host',
    membersOnly: true
  })
  let authenticate = ({ user = '' }) => ({ user, claims: { role: roles[user] ?? 'guest' } })

  async function house() {
    let world = stage({ server: { policy, authenticate } })
    let people = await opened(world, ['ann', 'bob'])
    let codes: string[] = []
    let say = async (receipt: { acked: Promise<void> } | null) => {
      receipt?.acked.then(
        () => codes.push('acked'),
        error => codes.push(error.code)
      )
      await world.advance(1000)
    }
    return { world, ann: people[0] as (typeof people)[0], bob: people[1] as (typeof people)[0], codes, say }
  }

  test('about the room: who may not enter sees nothing and says nothing', async () => {
    let { world, codes, say } = await house()
    let before = await world.server.state('friday', votes)
    let mallory = world.person('mallory')
    await say(mallory.joinRoom('Ann'))
    await say(mallory.castVote('alien', 'like'))
    expect(codes).toEqual(['forbidden', 'forbidden'])
    expect(mallory.client.room('friday').$status.get().refused).toBe('forbidden')
    expect(mallory.votes()).toEqual(votes.initial)
    expect(await world.server.state('friday', votes)).toEqual(before)
  })

  test('about the role: a guest neither skips nor reorders, closes or rules, whatever the data say', async () => {
    let { world, ann, bob, codes, say } = await house()
    let [hostQueue, guestQueue] = [ann, bob].map(({ client }) => client.room('friday').use(queue))
    if (!hostQueue || !guestQueue) throw new Error('nobody came')
    await say(guestQueue.addToQueue('alien', 'Alien'))
    await say(guestQueue.addToQueue('brazil', 'Brazil'))
    expect(codes.splice(0)).toEqual(['acked', 'acked'])
    await say(guestQueue.advanceQueue())
    await say(guestQueue.moveInQueue('brazil', 'alien'))
    await say(guestQueue.removeFromQueue('alien'))
    await say(bob.closeVote('alien'))
    await say(bob.setVoteRule('threshold', { votes: 1, role: 'host' } as { votes: number }))
    expect(codes.splice(0)).toEqual(['forbidden', 'forbidden', 'forbidden', 'forbidden', 'forbidden'])
    await say(hostQueue.advanceQueue())
    expect(codes).toEqual(['acked'])
    expect((await world.server.state('friday', queue)).current).toMatchObject(alien)
  })

  test('about the user: a vote in another’s name is one’s own', async () => {
    let { world, ann, bob, codes, say } = await house()
    let lie = {
      ...votes,
      commands: { say: (_: unknown, type: 'cast', data: never) => ({ type, data }) },
      local: undefined
    }
    await bob.device.tabs[0]?.close()
    let liar = world.device().openTab('bob').client
    liar.connect()
    let handle = liar.room('friday').use(lie as never) as unknown as {
      say(type: string, data: unknown): { acked: Promise<void> }
    }
    await say(handle.say('cast', { mediaId: 'alien', voteType: 'like', userId: 'ann', by: 'ann', actor: 'ann' }))
    await say(handle.say('cast', { mediaId: 'alien', voteType: 'like', userId: 'ann' }))
    await say(handle.say('matched', { ...alien, participants: ['ann', 'bob'], matchType: 'unanimous', round: 1 }))
    expect(codes).toEqual(['acked', 'already-voted', 'forbidden'])
    expect(Object.keys(mediumOf(ann.votes(), 'alien')?.ballots ?? {})).toEqual(['bob'])
    expect(ann.matches).toEqual([])
  })

  test('about membership: who joins and adds in one go is a member, who leaves before adding is none', async () => {
    let { world, codes, say } = await house()
    let cleo = world.person('cleo')
    let waiting = cleo.client.room('friday').use(queue)
    cleo.joinRoom('Cleo')
    await say(waiting.addToQueue('brazil', 'Brazil'))
    cleo.leaveRoom()
    await say(waiting.addToQueue('stalker', 'Stalker'))
    expect(codes).toEqual(['acked', 'not-member'])
    expect((await world.server.state('friday', queue)).items).toMatchObject([{ mediaId: 'brazil', by: 'cleo' }])
  })

  test('about membership: who watches without joining touches no queue', async () => {
    let { world, codes, say } = await house()
    let watcher = world.person('watcher')
    await world.advance(1000)
    await say(watcher.client.room('friday').use(queue).addToQueue('brazil', 'Brazil'))
    await say(watcher.castVote('alien', 'like'))
    await say(watcher.proposeMedia('brazil', 'Brazil'))
    expect(codes).toEqual(['not-member', 'not-member', 'not-member'])
    expect((await world.server.state('friday', queue)).items).toEqual([])
  })
})
