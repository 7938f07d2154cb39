// Each persona is a room of its own: nothing of one shows in the other, and coming back goes on where it was.

import type { Page } from 'playwright'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import {
  connect,
  createMemories,
  createWorld,
  drained,
  hurry,
  live,
  numbers,
  offline,
  serverContents,
  shows,
  type World
} from './world.js'

let world: World
beforeAll(async () => {
  world = await createWorld()
})
afterAll(() => world.close())
afterEach(() => expect(world.pageErrors).toEqual([]))

async function switchTo(page: Page, persona: string): Promise<void> {
  await page.evaluate(persona => RS.realtimeService.switchPersona(persona), persona)
}

test('events of one persona never show in another, and coming back resumes with what happened meanwhile', async () => {
  let [ada, ben] = await Promise.all([world.device(), world.device()])
  let [a, b] = await Promise.all([ada.tab(), ben.tab()])
  await connect(a, ada.url, 'ada', { persona: 'muse' })
  await connect(b, ben.url, 'ben', { persona: 'muse' })
  await Promise.all([live(a), live(b)])
  await createMemories(a, numbers(0, 5))
  await a.evaluate(() => RS.realtimeService.updateAvatarMood('happy'))
  await shows(b, numbers(0, 5))

  // Everything that is ever shown from here on, by persona.
  await a.evaluate(() => {
    let leaks: string[] = []
    Object.assign(window, { leaks })
    let look = () => {
      if (RS.realtimeConnection.get().persona !== 'sage') return
      let { memories } = RS.realtimeMemory.get()
      if (memories.some(memory => !memory.content.startsWith('sage')))
        leaks.push(`memories ${memories.map(memory => memory.content)}`)
      if (RS.realtimeAvatar.get().currentMood === 'happy') leaks.push('mood')
      if (RS.realtimeVR.get().isActive) leaks.push('scene')
      if (RS.realtimeRelationship.get().insights.length) leaks.push('insight')
      if (RS.realtimePresence.get().members.ben) leaks.push('ben')
    }
    for (let store of [
      RS.realtimeConnection,
      RS.realtimeMemory,
      RS.realtimeAvatar,
      RS.realtimeVR,
      RS.realtimeRelationship,
      RS.realtimePresence
    ])
      store.listen(look)
  })
  await switchTo(a, 'sage')
  await shows(a, [])
  expect(await a.evaluate(() => [RS.realtimeConnection.get().persona, RS.realtimeAvatar.get().currentMood])).toEqual([
    'sage',
    'neutral'
  ])
  await live(a)
  await createMemories(a, ['sage 0', 'sage 1'])
  await createMemories(b, numbers(5, 8))
  await b.evaluate(async () => {
    await RS.realtimeService.startVRScene('garden', 'built_in')
    await RS.realtimeService.addInsight('You listen well')
  })
  await Promise.all([drained(a), drained(b)])
  await shows(a, ['sage 0', 'sage 1'])
  await shows(b, numbers(0, 8))
  expect(await serverContents(world, 'persona:muse')).toEqual(numbers(0, 8))
  expect(await serverContents(world, 'persona:sage')).toEqual(['sage 0', 'sage 1'])

  await switchTo(a, 'muse')
  await live(a)
  await shows(a, numbers(0, 8))
  expect(
    await a.evaluate(() => [
      RS.realtimeAvatar.get().currentMood,
      RS.realtimeVR.get().currentScene,
      RS.realtimePresence.get().members.ben?.connections
    ])
  ).toEqual(['happy', 'garden', 1])
  expect(await a.evaluate(() => RS.realtimeEvents.get().log.filter(entry => entry.type === 'reset'))).toEqual([])
  expect(await a.evaluate(() => (window as unknown as { leaks: string[] }).leaks)).toEqual([])
})

test('coming back after a while shows what was known at once, before any answer', async () => {
  let [ada, ben] = await Promise.all([world.device(), world.device()])
  let [a, b] = await Promise.all([ada.tab(), ben.tab()])
  await connect(a, ada.url, 'ada', { persona: 'first' })
  await connect(b, ben.url, 'ben', { persona: 'first' })
  await Promise.all([live(a), live(b)])
  await createMemories(a, numbers(0, 5))
  await drained(a)
  await switchTo(a, 'second')
  await live(a)
  // The room that was left is let go of after a moment; only then is coming back more than a change of mind.
  await expect.poll(async () => Object.keys(await world.members('persona:first')).length, { timeout: 5000 }).toBe(1)
  await createMemories(b, numbers(5, 8))
  await drained(b)
  ada.network.cut()
  await offline(a)
  let shown = await a.evaluate(async () => {
    await RS.realtimeService.switchPersona('first')
    return RS.realtimeMemory.get().memories.map(memory => memory.content)
  })
  expect(shown).toEqual(numbers(0, 5))
  ada.network.restore()
  await hurry(a)
  await live(a)
  await shows(a, numbers(0, 8))
  // It went on from where it had been, and not from nothing.
  expect(await a.evaluate(() => RS.realtimeService.room().$status.get().recovered)).toBe('all')
})

test('actions that wait for one persona are delivered to it while another is shown', async () => {
  let [ada, ben] = await Promise.all([world.device(), world.device()])
  let [a, b] = await Promise.all([ada.tab(), ben.tab()])
  await connect(a, ada.url, 'ada', { persona: 'left' })
  await connect(b, ben.url, 'ben', { persona: 'left' })
  await Promise.all([live(a), live(b)])
  ada.network.cut()
  await offline(a)
  await createMemories(a, numbers(0, 20))
  await switchTo(a, 'shown')
  await createMemories(a, ['elsewhere'])
  await shows(a, ['elsewhere'])
  await expect.poll(async () => Object.keys(await world.members('persona:left')).length, { timeout: 15_000 }).toBe(1)
  ada.network.restore()
  await hurry(a)
  await drained(a)
  await shows(b, numbers(0, 20))
  expect(await serverContents(world, 'persona:shown')).toEqual(['elsewhere'])
  // Delivering is not being there.
  expect(Object.values(await world.members('persona:left')).map(member => member.user)).toEqual(['ben'])
})

test('a quick change back and forth keeps everything', async () => {
  let ada = await world.device()
  let a = await ada.tab()
  await connect(a, ada.url, 'ada', { persona: 'one' })
  await live(a)
  await a.evaluate(async () => {
    for (let i = 0; i < 10; i++) {
      void RS.realtimeService.createMemory(`one ${i}`)
      await RS.realtimeService.switchPersona('two')
      void RS.realtimeService.createMemory(`two ${i}`)
      await RS.realtimeService.switchPersona('one')
    }
  })
  await drained(a)
  await live(a)
  let named = (name: string) => numbers(0, 10).map(i => `${name} ${i}`)
  await shows(a, named('one'))
  expect(await serverContents(world, 'persona:one')).toEqual(named('one'))
  expect(await serverContents(world, 'persona:two')).toEqual(named('two'))
})
