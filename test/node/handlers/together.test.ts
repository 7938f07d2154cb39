// All systems on one server: every feature, the handlers of all, their policies one behind the other. A person has one
// connection for all of it, and what one system does reaches the others only where the app joins them.

import { expect, test } from 'vitest'
import type { AnyFeature } from '../../../src/feature.js'
import { chat } from '../../../src/features/chat.js'
import { conversations } from '../../../src/features/conversations.js'
import { limbic } from '../../../src/features/limbic.js'
import { notifications } from '../../../src/features/notifications.js'
import { tasks } from '../../../src/features/tasks.js'
import { votes } from '../../../src/features/votes.js'
import { conversationPolicy } from '../../../src/handlers/conversation-policy.js'
import { createDeciding } from '../../../src/handlers/deciding.js'
import { decidingPolicy } from '../../../src/handlers/deciding-policy.js'
import { createInbox } from '../../../src/handlers/inbox.js'
import { createNotifier } from '../../../src/handlers/notifier.js'
import { createOperations, operationsPolicy } from '../../../src/handlers/operations.js'
import { createTaskRunner } from '../../../src/handlers/tasks.js'
import { createWorld } from '../../../src/testing/world.js'
import { cases } from '../features/cases.js'

let features: readonly AnyFeature[] = cases.map(({ feature }) => feature)

async function town() {
  let policy = conversationPolicy({
    hub: () => world.server.hub,
    otherwise: decidingPolicy({
      isHost: ({ user }) => user === 'ann',
      otherwise: operationsPolicy(({ user }) => user === 'root')
    })
  })
  let world = createWorld({ features, server: { policy } })
  let { hub } = world.server
  let failures: unknown[] = []
  let report = (...told: unknown[]) => failures.push(told)
  let notifier = createNotifier({ hub, report })
  let ends = [
    createInbox(hub, {
      onMention: ({ user, message, key }) =>
        notifier.notify(user, { category: 'mention', title: 'You were mentioned', body: message.content, key })
    }),
    createDeciding(hub, { report }).close,
    notifier.close
  ]
  let runner = createTaskRunner({ hub, report, tasks: { double: { run: input => Number(input) * 2 } } })
  let operations = await createOperations({ hub, features, report })

  function person(user: string) {
    let { client } = world.device().openTab(user)
    let own = client.room(`user:${user}`)
    let conversation = client.room('conversation:7').use(chat)
    client.connect()
    return {
      client,
      chat: conversation,
      list: own.use(conversations),
      notes: own.use(notifications),
      tasks: own.use(tasks),
      votes: client.room('friday').use(votes),
      limbic: client.room('friday').use(limbic)
    }
  }

  return {
    world,
    person,
    failures,
    async close() {
      for (let end of ends) end()
      await runner.close()
      await operations.close()
    }
  }
}

test('all systems run side by side over one connection a person, and their policies hold together', async () => {
  let { world, person, failures, close } = await town()
  let ann = person('ann')
  await world.advance(1000)
  await ann.chat.joinConversation()
  await world.advance(500)
  await ann.chat.inviteToConversation('bob')
  await world.advance(500)
  let bob = person('bob')
  await world.advance(1000)

  await ann.chat.sendMessage({ content: 'Hello @bob', mentions: ['bob'] })
  for (let each of [ann, bob]) {
    await each.votes.joinRoom()
    await each.limbic.patch({ joy: 0.75 })
  }
  let task = bob.tasks.startTask('double', 21)
  await world.advance(1000)
  await ann.votes.proposeMedia('alien', 'Alien')
  await world.advance(500)
  for (let each of [ann, bob]) await each.votes.castVote('alien', 'like')
  await world.advance(3000)

  expect(bob.chat.$state.get().messages.map(({ content }) => content)).toEqual(['Hello @bob'])
  expect(bob.list.$state.get()).toMatchObject({ conversations: [{ conversationId: 'conversation:7' }] })
  expect(bob.notes.$state.get()).toMatchObject({ items: [{ category: 'mention', body: 'Hello @bob' }] })
  expect(bob.tasks.$state.get()).toMatchObject({ tasks: [{ id: task?.id, status: 'done', result: 42 }] })
  expect(ann.votes.$state.get().matches).toHaveLength(1)
  expect(ann.limbic.$state.get()).toEqual(bob.limbic.$state.get())
  expect(world.server.hub.stats().connections).toBe(2)

  // Each policy still says no to what is its own.
  let refused = (room: string) => bob.client.room(room).$status.get().refused
  for (let room of ['user:ann', 'operations', 'metrics:cpu', 'server:tasks', 'conversation:direct:ann:cleo'])
    bob.client.room(room)
  let rule = bob.votes.setVoteRule('majority').acked.then(
    () => 'acked',
    error => error.code
  )
  await world.advance(1000)
  expect(
    ['user:ann', 'operations', 'metrics:cpu', 'server:tasks', 'conversation:direct:ann:cleo'].map(refused)
  ).toEqual(Array(5).fill('forbidden'))
  expect(await rule).toBe('forbidden')
  expect(failures).toEqual([])
  await close()
})
