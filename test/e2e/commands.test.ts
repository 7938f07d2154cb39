// Every shared command of the companion, by name: called on one device, seen on another, also when it was called offline.

import type { Page } from 'playwright'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { connect, createWorld, type Device, hurry, live, offline, until, type World } from './world.js'

interface Row {
  /** Runs on ada's device first, where the command needs something to work on. */
  given?: () => unknown
  /** The same, on ben's device. */
  givenByBen?: () => unknown
  call: () => unknown
  /** What another device shows then. */
  seen: () => unknown
  shows: unknown
  /** Whose other device looks; default: ben's. */
  by?: 'ben' | 'ada'
  /** Not stored: sent when connected, else dropped. */
  volatile?: true
  /** Of this connection: gone with it. */
  presence?: true
}

const anyId = expect.stringMatching(/^[0-9a-f]{32}$/)

const shared: Record<string, Row> = {
  updateAvatarMood: {
    call: () => RS.realtimeService.updateAvatarMood('happy'),
    seen: () => RS.realtimeAvatar.get(),
    shows: expect.objectContaining({ currentMood: 'happy', updatedBy: 'ada', lastUpdate: expect.any(Number) })
  },
  setAvatarExpression: {
    call: () => RS.realtimeService.setAvatarExpression('smile'),
    seen: () => RS.realtimeAvatar.get().currentExpression,
    shows: 'smile'
  },
  triggerAvatarGesture: {
    call: () => RS.realtimeService.triggerAvatarGesture('wave'),
    seen: () => RS.realtimeAvatar.get(),
    shows: expect.objectContaining({ currentGesture: 'wave', gestureId: anyId })
  },
  playAvatarAnimation: {
    call: () => RS.realtimeService.playAvatarAnimation('dance'),
    seen: () => RS.realtimeAvatar.get().animation,
    shows: expect.objectContaining({ name: 'dance', playing: true, progress: 0 })
  },
  reportAnimationProgress: {
    given: () => RS.realtimeService.playAvatarAnimation('dance').visible,
    call: () => RS.realtimeService.reportAnimationProgress(0.5),
    seen: () => RS.realtimeAvatar.get().animation,
    shows: expect.objectContaining({ name: 'dance', playing: true, progress: 0.5 }),
    volatile: true
  },
  createMemory: {
    call: () =>
      RS.realtimeService.createMemory('The night of the shooting stars', {
        tags: ['summer'],
        emotion: 'joy',
        importance: 0.9
      }),
    seen: () => RS.realtimeMemory.get(),
    shows: expect.objectContaining({
      memories: [
        expect.objectContaining({
          content: 'The night of the shooting stars',
          tags: ['summer'],
          emotion: 'joy',
          importance: 0.9,
          by: 'ada',
          read: false
        })
      ],
      notifications: [expect.objectContaining({ kind: 'created', by: 'ada', read: false })],
      unreadCount: 1
    })
  },
  updateMemory: {
    given: () => RS.realtimeService.createMemory('before').visible,
    call: () => RS.realtimeService.updateMemory(RS.realtimeMemory.get().memories[0]!.id, { content: 'after' }),
    seen: () => RS.realtimeMemory.get().memories.map(({ content, updatedBy }) => [content, updatedBy]),
    shows: [['after', 'ada']]
  },
  deleteMemory: {
    given: () => Promise.all(['one', 'two'].map(text => RS.realtimeService.createMemory(text).visible)),
    call: () => RS.realtimeService.deleteMemory(RS.realtimeMemory.get().memories[0]!.id),
    seen: () => RS.realtimeMemory.get().memories.map(memory => memory.content),
    shows: ['two']
  },
  addMemoryInsight: {
    given: () => RS.realtimeService.createMemory('a memory').visible,
    call: () =>
      RS.realtimeService.addMemoryInsight('You laugh more in summer', RS.realtimeMemory.get().memories[0]!.id),
    seen: () => RS.realtimeMemory.get().insights,
    shows: [expect.objectContaining({ text: 'You laugh more in summer', memoryId: anyId, by: 'ada' })]
  },
  processMemory: {
    given: () => RS.realtimeService.createMemory('a memory').visible,
    call: () => RS.realtimeService.processMemory(RS.realtimeMemory.get().memories[0]!.id, 'embedding', 0.4),
    seen: () => RS.realtimeMemory.get().processing,
    shows: [{ id: anyId, stage: 'embedding', progress: 0.4, at: expect.any(Number) }]
  },
  markMemoryRead: {
    givenByBen: () => Promise.all(['one', 'two'].map(text => RS.realtimeService.createMemory(text).visible)),
    call: () => RS.realtimeService.markMemoryRead(RS.realtimeMemory.get().memories[0]!.id),
    seen: () => [
      RS.realtimeMemory.get().unreadCount,
      RS.realtimeMemory.get().memories.map(({ content, read }) => [content, read])
    ],
    shows: [
      1,
      [
        ['one', true],
        ['two', false]
      ]
    ],
    by: 'ada'
  },
  markAllMemoriesRead: {
    givenByBen: () => Promise.all(['one', 'two'].map(text => RS.realtimeService.createMemory(text).visible)),
    call: () => RS.realtimeService.markAllMemoriesRead(),
    seen: () => [RS.realtimeMemory.get().unreadCount, RS.realtimeMemory.get().memories.map(({ read }) => read)],
    shows: [0, [true, true]],
    by: 'ada'
  },
  triggerHaptic: {
    call: () => RS.realtimeService.triggerHaptic('heartbeat', 75, 3000),
    seen: () => RS.realtimeHaptic.get().history,
    shows: [expect.objectContaining({ pattern: 'heartbeat', intensity: 75, duration: 3000, target: 'room', by: 'ada' })]
  },
  stopHaptic: {
    // The trigger is still waiting or playing over there when the stop comes: its outcome there says who ended it.
    call: async () => {
      let { triggerHaptic, stopHaptic } = RS.realtimeService
      await triggerHaptic('hug', 50, 30_000)
      return stopHaptic()
    },
    seen: () => [
      RS.realtimeHaptic.get().isActive,
      RS.realtimeHaptic.get().history.map(({ pattern, outcome }) => [pattern, outcome])
    ],
    shows: [false, [['hug', 'stopped']]]
  },
  sendBiometric: {
    call: () => RS.realtimeService.sendBiometric({ heartRate: 72, stressLevel: 30, energyLevel: 60 }),
    seen: () => [RS.realtimeBiometric.get().members.ada, RS.realtimeBiometric.get().self.heartRate],
    shows: [
      expect.objectContaining({
        heartRate: 72,
        stressLevel: 30,
        energyLevel: 60,
        stale: false,
        lastUpdate: expect.any(Number)
      }),
      null
    ],
    volatile: true
  },
  startVRScene: {
    call: () => RS.realtimeService.startVRScene('romantic_garden', 'ai_generated'),
    seen: () => RS.realtimeVR.get(),
    shows: expect.objectContaining({
      currentScene: 'romantic_garden',
      sceneType: 'ai_generated',
      isActive: true,
      participants: ['ada']
    })
  },
  endVRScene: {
    given: () => RS.realtimeService.startVRScene('garden', 'built_in').visible,
    call: () => RS.realtimeService.endVRScene(),
    seen: () => RS.realtimeVR.get(),
    shows: expect.objectContaining({
      currentScene: null,
      isActive: false,
      participants: [],
      lastUpdate: expect.any(Number)
    })
  },
  joinVRScene: {
    givenByBen: () => RS.realtimeService.startVRScene('garden', 'built_in').visible,
    call: () => RS.realtimeService.joinVRScene(),
    seen: () => RS.realtimeVR.get().participants,
    shows: ['ben', 'ada']
  },
  leaveVRScene: {
    given: () => RS.realtimeService.startVRScene('garden', 'built_in').visible,
    call: () => RS.realtimeService.leaveVRScene(),
    seen: () => [RS.realtimeVR.get().isActive, RS.realtimeVR.get().participants],
    shows: [true, []]
  },
  updateVRScene: {
    given: () => RS.realtimeService.startVRScene('garden', 'built_in').visible,
    call: () => RS.realtimeService.updateVRScene({ light: 'dusk', wind: 0.2 }),
    seen: () => RS.realtimeVR.get().sceneState,
    shows: { light: 'dusk', wind: 0.2 }
  },
  reportVRProgress: {
    given: () => RS.realtimeService.startVRScene('garden', 'ai_generated').visible,
    call: () => RS.realtimeService.reportVRProgress({ generation: 0.75, scene: 0.25 }),
    seen: () => [RS.realtimeVR.get().generationProgress, RS.realtimeVR.get().sceneProgress],
    shows: [0.75, 0.25],
    volatile: true
  },
  speakText: {
    call: () => RS.realtimeService.speakText('Hello, I love you!', 'romantic', 1.2, 0.9, 0.8),
    seen: () => RS.realtimeVoice.get(),
    shows: expect.objectContaining({
      currentText: 'Hello, I love you!',
      emotion: 'romantic',
      pitch: 1.2,
      rate: 0.9,
      volume: 0.8
    })
  },
  stopSpeaking: {
    given: () => RS.realtimeService.speakText('A long story').visible,
    call: () => RS.realtimeService.stopSpeaking(),
    seen: () => [
      RS.realtimeVoice.get().currentText,
      RS.realtimeVoice.get().isSpeaking,
      RS.realtimeVoice.get().queue.length
    ],
    shows: [null, false, 0]
  },
  updateHealthScore: {
    call: () => RS.realtimeService.updateHealthScore(82),
    seen: () => RS.realtimeRelationship.get(),
    shows: expect.objectContaining({ healthScore: 82, lastUpdate: expect.any(Number) })
  },
  addInsight: {
    call: () => RS.realtimeService.addInsight('You listen well'),
    seen: () => RS.realtimeRelationship.get().insights,
    shows: [expect.objectContaining({ text: 'You listen well', by: 'ada' })]
  },
  addRecommendation: {
    call: () => RS.realtimeService.addRecommendation('Cook together'),
    seen: () => RS.realtimeRelationship.get().recommendations,
    shows: [expect.objectContaining({ text: 'Cook together', by: 'ada' })]
  },
  dismissRecommendation: {
    given: () =>
      Promise.all(['Cook together', 'Take a walk'].map(text => RS.realtimeService.addRecommendation(text).visible)),
    call: () => RS.realtimeService.dismissRecommendation(RS.realtimeRelationship.get().recommendations[0]!.id),
    seen: () => RS.realtimeRelationship.get().recommendations.map(note => note.text),
    shows: ['Take a walk']
  },
  raiseConflict: {
    call: () => RS.realtimeService.raiseConflict('The holidays', 'low'),
    seen: () => RS.realtimeRelationship.get().conflicts,
    shows: [expect.objectContaining({ text: 'The holidays', severity: 'low', by: 'ada' })]
  },
  resolveConflict: {
    given: () =>
      Promise.all(['The holidays', 'The dishes'].map(text => RS.realtimeService.raiseConflict(text).visible)),
    call: () => RS.realtimeService.resolveConflict(RS.realtimeRelationship.get().conflicts[0]!.id),
    seen: () => RS.realtimeRelationship.get().conflicts.map(note => note.text),
    shows: ['The dishes']
  },
  setStatus: {
    call: () => RS.realtimeService.setStatus('busy'),
    seen: () => RS.realtimePresence.get().members.ada,
    shows: expect.objectContaining({
      user: 'ada',
      status: 'busy',
      connections: 1,
      platform: 'web',
      lastSeen: expect.any(Number)
    }),
    presence: true
  },
  setActivity: {
    call: () => RS.realtimeService.setActivity('painting'),
    seen: () => RS.realtimePresence.get().members.ada?.activity,
    shows: 'painting',
    presence: true
  },
  setCall: {
    call: () => RS.realtimeService.setCall('video'),
    seen: () => RS.realtimePresence.get().members.ada?.call,
    shows: 'video',
    presence: true
  },
  setEditing: {
    call: () => RS.realtimeService.setEditing('page 3'),
    seen: () => RS.realtimePresence.get().members.ada?.editing,
    shows: 'page 3',
    presence: true
  },
  setDevice: {
    call: () => RS.realtimeService.setDevice({ location: { latitude: 48.1, longitude: 11.6 } }),
    seen: () => RS.realtimePresence.get().members.ada?.device,
    shows: expect.objectContaining({ location: { latitude: 48.1, longitude: 11.6 } }),
    presence: true
  }
}

/** Commands and members of the service that put nothing on the wire of their own; the other files here have them. */
const local = [
  ...['connect', 'disconnect', 'authenticate', 'logout', 'switchPersona', 'probe', 'room', 'enter'],
  ...['pending', 'rejected', 'unknown', 'on', 'emitEvent', 'clearEvents', 'markEventsSeen'],
  ...[
    'definePattern',
    'setHapticEnabled',
    'startBiometricMonitoring',
    'stopBiometricMonitoring',
    'startListening',
    'stopListening'
  ]
]

let world: World
let devices: Record<'ada' | 'adaToo' | 'ben', Device>
let pages: Record<'ada' | 'adaToo' | 'ben', Page>

beforeAll(async () => {
  world = await createWorld()
  let open = async (user: string) => {
    let device = await world.device()
    let page = await device.tab()
    await connect(page, device.url, user, { persona: 'lobby', platform: 'web' })
    // A vibration needs a person who has touched the page.
    await page.mouse.click(1, 1)
    await live(page)
    return { device, page }
  }
  let [ada, adaToo, ben] = await Promise.all([open('ada'), open('ada'), open('ben')])
  devices = { ada: ada.device, adaToo: adaToo.device, ben: ben.device }
  pages = { ada: ada.page, adaToo: adaToo.page, ben: ben.page }
})
afterAll(() => world.close())
afterEach(() => expect(world.pageErrors).toEqual([]))

async function enter(persona: string, ...list: Page[]): Promise<void> {
  await Promise.all(
    list.map(async page => {
      await page.evaluate(persona => RS.realtimeService.switchPersona(persona), persona)
      await live(page)
    })
  )
}

/** Runs what the row needs, and waits until everyone has seen it. */
async function prepare({ given, givenByBen }: Row, all: readonly Page[]): Promise<void> {
  if (given) await pages.ada.evaluate(given)
  if (givenByBen) await pages.ben.evaluate(givenByBen)
  await agree(all)
}

/** Waits until all pages have the same shared state. */
async function agree(all: readonly Page[]): Promise<void> {
  let state = () => {
    let room = RS.realtimeService.room()
    let features = [RS.avatar, RS.memory, RS.vr, RS.voice, RS.relationship].map(feature =>
      room.use(feature as typeof RS.avatar).$state.get()
    )
    return JSON.stringify(features, (key, value) => (key === 'supported' ? undefined : value))
  }
  await expect
    .poll(async () => new Set(await Promise.all(all.map(page => page.evaluate(state)))).size, {
      timeout: 10_000,
      interval: 20
    })
    .toBe(1)
}

function expectSeen({ by, seen, shows }: Row): Promise<void> {
  let page = by === 'ada' ? pages.adaToo : pages.ben
  return expect.poll(() => page.evaluate(seen), { timeout: 10_000, interval: 20 }).toEqual(shows)
}

test('every command of the service is either in the table of shared commands or known to be local', async () => {
  let names = await pages.ada.evaluate(() => Object.keys(RS.realtimeService))
  expect([...Object.keys(shared), ...local].sort()).toEqual(names.sort())
})

test.each(Object.entries(shared))('%s on one device is seen on another', async (name, row) => {
  let all = [pages.ada, row.by === 'ada' ? pages.adaToo : pages.ben, pages.ben]
  await enter(`online-${name}`, ...new Set(all))
  await prepare(row, all)
  let result = await pages.ada.evaluate(row.call)
  if (!row.presence) expect(result).toEqual({ id: anyId, stage: row.volatile ? 'sent' : 'stored' })
  await expectSeen(row)
  await until(pages.ada, () => RS.realtimeConnection.get().pending.count === 0)
  // Who gave the command sees the same, but for what is told apart by who looks.
  if (!row.by && name !== 'createMemory' && name !== 'sendBiometric') {
    await expect.poll(() => pages.ada.evaluate(row.seen)).toEqual(row.shows)
  }
})

test('every stored command that was called offline is seen by the others when the network is back, and what is not stored says that it was dropped', async () => {
  let rows = Object.entries(shared).filter(([, row]) => !row.presence)
  let all = Object.values(pages)
  for (let [name, row] of rows) {
    await enter(`offline-${name}`, ...all)
    await prepare(row, all)
  }
  devices.ada.network.cut()
  await offline(pages.ada)
  for (let [name, row] of rows) {
    await pages.ada.evaluate(persona => RS.realtimeService.switchPersona(persona), `offline-${name}`)
    // What was there before is remembered without a network.
    if (row.given || row.givenByBen) {
      await expect
        .poll(() => pages.ada.evaluate(() => RS.realtimeService.room().$status.get().asOf), { interval: 10 })
        .not.toBeNull()
    }
    expect(await pages.ada.evaluate(row.call), name).toEqual({ id: anyId, stage: row.volatile ? 'dropped' : 'stored' })
  }
  devices.ada.network.restore()
  await hurry(pages.ada)
  await until(pages.ada, () => RS.realtimeConnection.get().pending.count === 0)
  expect(await pages.ada.evaluate(() => RS.realtimeService.rejected.get())).toEqual([])
  for (let [name, row] of rows) {
    if (row.volatile) continue
    await enter(`offline-${name}`, row.by === 'ada' ? pages.adaToo : pages.ben)
    // What is played on devices is not played again by those who were away when it happened.
    if (name !== 'stopHaptic') await expectSeen(row)
  }
})

test('the lines of the documentation run as they are written', async () => {
  await enter('lines', pages.ada, pages.ben)
  await pages.ada.evaluate(() =>
    Object.assign(window, { realtimeService: RS.realtimeService, realtimeStatus: RS.realtimeStatus, seen: [] })
  )
  for (let line of [
    `await realtimeService.updateAvatarMood('happy')`,
    `await realtimeService.triggerHaptic('heartbeat', 75, 3000)`,
    `await realtimeService.startVRScene('romantic_garden', 'ai_generated')`,
    `await realtimeService.speakText('Hello, I love you!', 'romantic', 1.2, 0.9, 0.8)`,
    `realtimeStatus.subscribe(s => s.isConnected && s.hasActiveFeatures && s.systemHealth)`,
    `realtimeStatus.subscribe(s => seen.push([s.isConnected, s.hasActiveFeatures, s.systemHealth]))`
  ]) {
    await pages.ada.evaluate(`(async () => { ${line} })()`)
  }
  await expect
    .poll(() =>
      pages.ben.evaluate(() => [
        RS.realtimeAvatar.get().currentMood,
        RS.realtimeHaptic.get().history[0]?.pattern,
        RS.realtimeVR.get().currentScene,
        RS.realtimeVoice.get().currentText
      ])
    )
    .toEqual(['happy', 'heartbeat', 'romantic_garden', 'Hello, I love you!'])
  await expect
    .poll(() => pages.ada.evaluate('seen.at(-1)'))
    .toEqual([true, true, expect.stringMatching(/healthy|degraded/)])
  expect(await pages.ada.evaluate(() => RS.realtimeStatus.get().activeFeatures)).toContain('vr')
})
