// The scene that all stand in: started, made, walked through, changed, and who is in it.

import { button, choices, facts, field, meter, select } from '../controls.js'
import { h, show, watch } from '../dom.js'
import { SCENES } from '../face.js'
import { panel } from '../panel.js'
import { nameOf, spoken } from '../words.js'

const TYPES = ['ai_generated', 'recorded', 'hand_made'].map(id => ({ id, label: spoken(id) }))
const LIGHTS = ['morning', 'evening', 'night'].map(id => ({ id, label: spoken(id) }))
const WEATHERS = ['clear', 'rain', 'snow'].map(id => ({ id, label: spoken(id) }))
const REPORT_EVERY = 400

export function scenePanel(client) {
  let { service, stores, run, user } = client
  let scene = select(SCENES, 'romantic_garden')
  let type = select(TYPES, 'ai_generated')
  let made = meter('Made')
  let walked = meter('Walked through')
  let light = choices({
    legend: 'Light',
    options: LIGHTS,
    choose: light => run('Light', () => service.updateVRScene({ light }))
  })
  let weather = choices({
    legend: 'Weather',
    options: WEATHERS,
    choose: weather => run('Weather', () => service.updateVRScene({ weather }))
  })
  let join = button('Join', () => run('Join', () => service.joinVRScene()))
  let leave = button('Leave', () => run('Leave', () => service.leaveVRScene()))
  let end = button('End it', () => run('End', () => service.endVRScene()))
  let state = facts({ scene: 'Scene', people: 'In it', state: 'State', device: 'This device' })
  let started = h('div', { class: 'stack' }, made.node, walked.node, light.node, weather.node)

  let view = panel(
    client,
    { name: 'scene', title: 'Scene' },
    h('div', { class: 'row fields' }, field('Scene', scene), field('Kind', type)),
    h(
      'div',
      { class: 'row' },
      button('Start', () => run('Start', () => service.startVRScene(scene.value, type.value)), 'primary'),
      join,
      leave,
      end
    ),
    started,
    state.node
  )

  watch(
    stores.vr,
    ({ isActive, currentScene, sceneType, generationProgress, sceneProgress, sceneState, participants, supported }) => {
      let isIn = participants.includes(user)
      show(started, isActive)
      show(join, isActive && !isIn)
      show(leave, isActive && isIn)
      show(end, isActive)
      made.set(generationProgress)
      walked.set(sceneProgress)
      light.mark(sceneState.light ?? 'evening')
      weather.mark(sceneState.weather ?? 'clear')
      let said = Object.entries(sceneState)
        .map(([key, value]) => `${key} ${value}`)
        .join(', ')
      state.set({
        scene: isActive ? `${spoken(currentScene)}, ${spoken(sceneType).toLowerCase()}` : 'None',
        people: participants.map(nameOf).join(' and ') || 'Nobody',
        state: said || 'As it was made',
        device: supported ? 'Can show it in a headset' : 'Has no headset; the picture above changes'
      })
      view.digest(
        isActive
          ? `${spoken(currentScene)}${generationProgress < 1 ? `, ${Math.round(generationProgress * 100)} %` : ''}`
          : ''
      )
    }
  )

  // Here, whoever started the scene makes it; in earnest, that is a renderer's work.
  setInterval(() => {
    let { isActive, startedBy, generationProgress, sceneProgress } = stores.vr.get()
    if (!isActive || startedBy !== user || stores.connection.get().phase !== 'online') return
    if (generationProgress < 1)
      run('Scene', () => service.reportVRProgress({ generation: Math.min(1, generationProgress + 0.08) }))
    else if (sceneProgress < 1)
      run('Scene', () => service.reportVRProgress({ scene: Math.min(1, sceneProgress + 0.01) }))
  }, REPORT_EVERY)
  return view.node
}
