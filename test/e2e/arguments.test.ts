// Wrong arguments throw where they are handed in, and the message names the argument.

import type { Page } from 'playwright'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { connect, createWorld, type Device, live, type World } from './world.js'

let world: World
let device: Device
let page: Page
beforeAll(async () => {
  world = await createWorld()
  device = await world.device()
  page = await device.tab()
  await connect(page, device.url, 'ada', { persona: 'arguments' })
  await live(page)
  await page.evaluate(async () => {
    await RS.realtimeService.createMemory('a memory').visible
    await RS.realtimeService.playAvatarAnimation('dance').visible
    await RS.realtimeService.startVRScene('garden', 'built_in').visible
  })
})
afterAll(() => world.close())

/** What a call throws, at once or as a promise. */
async function thrown(
  source: string
): Promise<{ name: string; code: string; message: string; atOnce: boolean } | string> {
  return page.evaluate(`(async () => {
    let { realtimeService: service } = RS
    let memory = RS.realtimeMemory.get().memories[0].id
    let result
    try {
      result = ${source}
    } catch ({ name, code, message }) {
      return { name, code, message, atOnce: true }
    }
    try {
      await result
      return 'nothing'
    } catch ({ name, code, message }) {
      return { name, code, message, atOnce: false }
    }
  })()`)
}

test.each([
  [`service.updateAvatarMood('')`, 'mood'],
  [`service.updateAvatarMood(5)`, 'mood'],
  [`service.updateAvatarMood()`, 'mood'],
  [`service.updateAvatarMood('x'.repeat(65))`, 'mood'],
  [`service.setAvatarExpression(null)`, 'expression'],
  [`service.triggerAvatarGesture({})`, 'gesture'],
  [`service.playAvatarAnimation('')`, 'name'],
  [`service.reportAnimationProgress(1.5)`, 'progress'],
  [`service.reportAnimationProgress(NaN)`, 'progress'],
  [`service.createMemory('')`, 'content'],
  [`service.createMemory('x'.repeat(2001))`, 'content'],
  [`service.createMemory('x', { tags: 'summer' })`, 'tags'],
  [`service.createMemory('x', { tags: [''] })`, 'tags'],
  [`service.createMemory('x', { importance: 2 })`, 'importance'],
  [`service.createMemory('x', { emotion: 5 })`, 'emotion'],
  [`service.updateMemory('nobody', { content: 'x' })`, 'id'],
  [`service.updateMemory(memory, {})`, 'patch'],
  [`service.updateMemory(memory)`, 'patch'],
  [`service.updateMemory(memory, { content: '' })`, 'content'],
  [`service.deleteMemory('nobody')`, 'id'],
  [`service.deleteMemory()`, 'id'],
  [`service.addMemoryInsight('')`, 'text'],
  [`service.addMemoryInsight('x', 'nobody')`, 'memoryId'],
  [`service.processMemory('nobody')`, 'id'],
  [`service.processMemory(memory, 'stage', 7)`, 'progress'],
  [`service.markMemoryRead('')`, 'id'],
  [`service.markMemoryRead()`, 'id'],
  [`service.triggerHaptic('unheard-of', 50, 1000)`, 'pattern'],
  [`service.triggerHaptic('toString', 50, 1000)`, 'pattern'],
  [`service.triggerHaptic('heartbeat', 101, 1000)`, 'intensity'],
  [`service.triggerHaptic('heartbeat', 50, 0)`, 'durationMs'],
  [`service.triggerHaptic('heartbeat', 50, 60_000)`, 'durationMs'],
  [`service.triggerHaptic('heartbeat', 50, 1000, { target: 'everyone' })`, 'target'],
  [`service.definePattern('', [1])`, 'name'],
  [`service.definePattern('heartbeat', [1])`, 'name'],
  [`service.definePattern('mine', [])`, 'steps'],
  [`service.definePattern('mine', [0, 5])`, 'steps'],
  [`service.setHapticEnabled('yes')`, 'enabled'],
  [`service.sendBiometric({})`, 'sample'],
  [`service.sendBiometric()`, 'sample'],
  [`service.sendBiometric({ heartRate: 500 })`, 'heartRate'],
  [`service.sendBiometric({ stressLevel: -1 })`, 'stressLevel'],
  [`service.startBiometricMonitoring('telepathy')`, 'source'],
  [`service.startVRScene('', 'x')`, 'scene'],
  [`service.startVRScene('x', '')`, 'type'],
  [`service.updateVRScene(5)`, 'patch'],
  [`service.reportVRProgress({})`, 'progress'],
  [`service.reportVRProgress({ scene: 2 })`, 'scene'],
  [`service.speakText('')`, 'text'],
  [`service.speakText('x', '')`, 'emotion'],
  [`service.speakText('x', 'happy', 3)`, 'pitch'],
  [`service.speakText('x', 'happy', 1, 0)`, 'rate'],
  [`service.speakText('x', 'happy', 1, 1, 2)`, 'volume'],
  [`service.startListening('not a language')`, 'lang'],
  [`service.updateHealthScore(101)`, 'score'],
  [`service.updateHealthScore('82')`, 'score'],
  [`service.addInsight('')`, 'text'],
  [`service.addRecommendation('')`, 'text'],
  [`service.dismissRecommendation('nobody')`, 'id'],
  [`service.raiseConflict('')`, 'text'],
  [`service.raiseConflict('x', 'enormous')`, 'severity'],
  [`service.resolveConflict('nobody')`, 'id'],
  [`service.setStatus('asleep')`, 'status'],
  [`service.setActivity(5)`, 'activity'],
  [`service.setActivity('x'.repeat(201))`, 'activity'],
  [`service.setCall('carrier pigeon')`, 'call'],
  [`service.setEditing({})`, 'target'],
  [`service.setDevice(5)`, 'device'],
  [`service.emitEvent('')`, 'type'],
  [`service.enter('')`, 'room'],
  [`service.authenticate('')`, 'token']
])('%s throws at the call and names «%s»', async (source, argument) => {
  let error = await thrown(source)
  expect(error).toMatchObject({
    name: 'RealtimeError',
    code: 'bad-argument',
    message: expect.stringContaining(argument)
  })
  // `startBiometricMonitoring` is a promise as a whole.
  if (!source.startsWith('service.startBio')) expect(error).toMatchObject({ atOnce: true })
})

test.each([
  [`service.switchPersona('')`, 'id'],
  [`service.switchPersona()`, 'id'],
  [`service.connect()`, 'app'],
  [`service.connect({ url: 'ws://x', user: 'ada' })`, 'app'],
  [`service.connect({ url: 'ws://x', app: 'e2e' })`, 'user'],
  [`service.connect({ app: 'e2e', user: 'eve' })`, 'url'],
  [`service.connect({ url: 'ws://x', app: 'e2e', user: 'eve', persona: '' })`, 'persona'],
  [`service.disconnect({ pending: 'burn' })`, 'pending']
])('%s rejects, names «%s», and leaves everything as it was', async (source, argument) => {
  let error = await thrown(source)
  expect(error).toMatchObject({ code: 'bad-argument', message: expect.stringContaining(argument) })
  expect(await page.evaluate(() => [RS.realtimeConnection.get().phase, RS.realtimeConnection.get().persona])).toEqual([
    'online',
    'arguments'
  ])
})

test('nothing of what was refused at the call was sent or kept', async () => {
  let { pending, rejected, memories } = await page.evaluate(() => ({
    pending: RS.realtimeService.pending.get().length,
    rejected: RS.realtimeService.rejected.get().length,
    memories: RS.realtimeMemory.get().memories.map(memory => memory.content)
  }))
  expect({ pending, rejected, memories }).toEqual({ pending: 0, rejected: 0, memories: ['a memory'] })
  expect(world.pageErrors).toEqual([])
})

test('what is too large for one action is refused at the call', async () => {
  expect(await thrown(`service.updateVRScene({ big: 'x'.repeat(70_000) })`)).toMatchObject({
    code: 'too-large',
    atOnce: true
  })
})

test('what the caller changes afterwards does not change what was accepted', async () => {
  let tags = await page.evaluate(async () => {
    let tags = ['summer']
    let receipt = RS.realtimeService.createMemory('tagged', { tags })
    tags.push('changed')
    await receipt.visible
    return RS.realtimeMemory.get().memories.find(memory => memory.id === receipt.id)?.tags
  })
  expect(tags).toEqual(['summer'])
})

test('every command before connect throws, names itself and the call to make', async () => {
  let fresh = await device.tab()
  let errors = await fresh.evaluate(() => {
    let free = [
      'connect',
      'disconnect',
      'logout',
      'emitEvent',
      'clearEvents',
      'markEventsSeen',
      'on',
      'pending',
      'rejected',
      'unknown',
      'setStatus',
      'setActivity',
      'setCall',
      'setEditing',
      'setDevice'
    ]
    return Object.entries(RS.realtimeService)
      .filter(([name]) => !free.includes(name))
      .map(([name, command]) => {
        try {
          let result = (command as () => unknown)()
          // Those that promise reject; their promise is looked at below.
          return [name, result instanceof Promise ? 'promise' : 'nothing']
        } catch (error) {
          let { code, message } = error as { code: string; message: string }
          return [
            name,
            code === 'not-connected' && message.includes(name) && message.includes('connect(') ? 'fine' : message
          ]
        }
      })
      .filter(([, outcome]) => outcome !== 'fine')
  })
  expect(errors).toEqual([['switchPersona', 'promise']])
})
