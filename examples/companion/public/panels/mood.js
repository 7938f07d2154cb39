// What the companion feels, how it looks, and what it does: the controls, and who reports how far an animation is.

import { choices, meter } from '../controls.js'
import { h, watch } from '../dom.js'
import { ANIMATIONS, EXPRESSIONS, GESTURES, MOODS } from '../face.js'
import { percent, spoken } from '../words.js'

const REPORT_EVERY = 250

export function moodControls(client) {
  let { service, stores, run } = client
  let options = names => names.map(id => ({ id, label: spoken(id) }))
  let moods = choices({
    legend: 'Mood',
    options: options(MOODS),
    choose: mood => run('Mood', () => service.updateAvatarMood(mood))
  })
  let faces = choices({
    legend: 'Expression',
    options: options(Object.keys(EXPRESSIONS)),
    choose: face => run('Expression', () => service.setAvatarExpression(face))
  })
  let gestures = choices({
    legend: 'Gesture',
    options: options(Object.keys(GESTURES)),
    pressed: false,
    choose: gesture => run('Gesture', () => service.triggerAvatarGesture(gesture))
  })
  let mine = null
  let animations = choices({
    legend: 'Animation',
    options: options(Object.keys(ANIMATIONS)),
    choose(name) {
      mine = run('Animation', () => service.playAvatarAnimation(name))?.id ?? null
    }
  })
  let progress = meter('Animation')

  watch(stores.avatar, ({ currentMood, currentExpression, animation }) => {
    moods.mark(currentMood)
    faces.mark(currentExpression)
    animations.mark(animation.playing ? animation.name : null)
    progress.set(animation.playing ? animation.progress : 0, animation.playing ? percent(animation.progress) : 'still')
  })

  // Whoever started it tells how far it is; when they are gone, anybody says that it is over.
  setInterval(() => {
    let { animation } = stores.avatar.get()
    if (!animation.playing || stores.connection.get().phase !== 'online') return
    let { ms } = ANIMATIONS[animation.name] ?? ANIMATIONS.breathe
    let passed = Date.now() + stores.connection.get().serverTimeOffsetMs - animation.startedAt
    if (animation.id === mine || passed > ms + 2000) {
      run('Animation', () => service.reportAnimationProgress(Math.min(1, Math.max(0, passed / ms))))
    }
  }, REPORT_EVERY)

  return h(
    'div',
    { class: 'moods' },
    moods.node,
    faces.node,
    h('div', { class: 'pair' }, gestures.node, animations.node),
    progress.node
  )
}
