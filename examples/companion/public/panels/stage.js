// The companion as everybody sees it: mood, face, gestures, what it says, the scene it stands in, and one's own heart beating
// behind it. The same facts are in its text alternative.

import { PERSONAS } from '../client.js'
import { select } from '../controls.js'
import { attribute, freshId, h, show, svg, text, watch } from '../dom.js'
import { ANIMATIONS, EXPRESSIONS, GESTURE_MS, GESTURES } from '../face.js'
import { ago, nameOf, spoken } from '../words.js'

const EYES = { left: 134, right: 186 }
const EYE_Y = 112
/** Gestures older than this are not made again after a reload. */
const FRESH = 3000

export function stage(client) {
  let { avatar, biometric, haptic, voice, vr, connection } = client.stores
  let eyes = Object.entries(EYES).map(([side, cx]) => ({
    side,
    open: svg('ellipse', { class: 'eye', cx, cy: EYE_Y }),
    shut: svg('path', { class: 'stroke', d: `M${cx - 10} ${EYE_Y + 2} Q${cx} ${EYE_Y - 10} ${cx + 10} ${EYE_Y + 2}` })
  }))
  let mouth = svg('path', { class: 'stroke mouth' })
  let blush = [118, 202].map(cx => svg('ellipse', { class: 'blush', cx, cy: 134, rx: 12, ry: 7 }))
  let hand = svg('circle', { class: 'hand', cx: 247, cy: 160, r: 15 })
  let heart = svg('path', {
    class: 'kiss',
    d: 'M232 96 c-8 -14 -28 -4 -20 11 c4 8 14 13 20 19 c6 -6 16 -11 20 -19 c8 -15 -12 -25 -20 -11 z'
  })
  let skin = freshId('skin')
  let glow = svg(
    'radialGradient',
    { id: skin, cx: '38%', cy: '28%', r: '80%' },
    svg('stop', { class: 'skin-light', offset: '0%' }),
    svg('stop', { class: 'skin-dark', offset: '100%' })
  )
  let ring = svg('circle', { class: 'heart-ring', cx: 160, cy: 126, r: 96 })
  let progress = svg('circle', { class: 'progress-ring', cx: 160, cy: 126, r: 104, pathLength: 1 })
  let body = svg(
    'g',
    { class: 'body' },
    svg('circle', { class: 'hand', cx: 73, cy: 160, r: 15 }),
    svg('path', {
      class: 'skin',
      fill: `url(#${skin})`,
      d: 'M160 42 C214 40 244 80 242 128 C240 182 206 206 160 206 C114 206 80 182 78 128 C76 80 106 40 160 42 Z'
    }),
    svg('path', { class: 'shine', d: 'M106 92 C112 66 134 56 156 56' }),
    ...blush,
    ...eyes.flatMap(({ open, shut }) => [open, shut]),
    mouth,
    hand
  )
  let picture = svg(
    'svg',
    { class: 'face', viewBox: '0 0 320 236', role: 'img' },
    svg('defs', {}, glow),
    ring,
    progress,
    svg('ellipse', { class: 'shadow', cx: 160, cy: 222, rx: 66, ry: 7 }),
    svg('g', { class: 'shaking' }, body),
    heart
  )

  let bubble = h('p', { class: 'bubble', hidden: true })
  let sceneName = h('p', { class: 'scene-name', hidden: true })
  let caption = h('p', { class: 'caption' })
  let persona = select(PERSONAS, client.persona)
  persona.addEventListener('change', () => client.switchPersona(persona.value))
  persona.setAttribute('aria-label', `${client.name}’s companion`)
  let node = h(
    'div',
    { class: 'stage' },
    h('div', { class: 'stage-top' }, persona, sceneName),
    picture,
    bubble,
    caption
  )

  let freshness = null
  let gesture = null
  let playing = null
  let still = matchMedia('(prefers-reduced-motion: reduce)')

  function move(parts, options) {
    if (still.matches) return []
    let targets = { body, hand, heart }
    return Object.keys(targets)
      .filter(part => parts[part])
      .map(part => targets[part].animate(parts[part], { easing: 'ease-in-out', ...options }))
  }

  watch(avatar, state => {
    let face = EXPRESSIONS[state.currentExpression] ?? EXPRESSIONS.neutral
    attribute(node, 'data-mood', state.currentMood)
    for (let { side, open, shut } of eyes) {
      let closed = face.closed === 'both' || face.closed === side || state.currentMood === 'sleepy'
      show(open, !closed)
      show(shut, closed)
      let { rx, ry, dy = 0 } = face[side] ?? { rx: 7, ry: 8 }
      for (let [name, value] of Object.entries({ rx, ry, cy: EYE_Y + dy })) attribute(open, name, value)
    }
    attribute(mouth, 'd', face.mouth)
    attribute(mouth, 'data-filled', face.mouth.endsWith('Z'))
    for (let cheek of blush) show(cheek, face.blush || state.currentMood === 'loving')
    if (state.gestureId !== gesture) {
      gesture = state.gestureId
      let fresh = state.gestureAt !== null && serverNow() - state.gestureAt < FRESH
      if (fresh) move(GESTURES[state.currentGesture] ?? {}, { duration: GESTURE_MS })
    }
    animate(state.animation)
    describe()
  })

  function animate({ id, name, progress: share, playing: isPlaying }) {
    attribute(progress, 'stroke-dasharray', `${share} 1`)
    show(progress, isPlaying)
    let now = isPlaying ? id : null
    if (playing?.id === now) return
    for (let motion of playing?.motions ?? []) motion.cancel()
    let { every, ...parts } = ANIMATIONS[name] ?? ANIMATIONS.breathe
    playing =
      now === null ? null : { id: now, motions: move(parts, { duration: every, iterations: Number.POSITIVE_INFINITY }) }
  }

  function describe() {
    let { currentMood, currentExpression, updatedBy, lastUpdate, animation } = avatar.get()
    let name = PERSONAS.find(({ id }) => id === connection.get().persona)?.label ?? 'The companion'
    let now = animation.playing ? ` Now: ${animation.name}.` : ''
    attribute(picture, 'aria-label', `${name} feels ${currentMood} and looks ${currentExpression}.${now}`)
    let feels =
      updatedBy === null
        ? `${name} waits for you`
        : `${name} feels ${currentMood}, ${ago(lastUpdate, serverNow())} by ${nameOf(updatedBy)}`
    let old = freshness?.stale && freshness.asOf !== null ? `, as known ${ago(freshness.asOf)}` : ''
    text(caption, feels + old)
  }

  function serverNow() {
    return Date.now() + connection.get().serverTimeOffsetMs
  }

  let stopRoom = null
  client.onRoom(room => {
    stopRoom?.()
    stopRoom = watch(room.$status, status => {
      freshness = status
      describe()
    })
  })
  watch(connection, describe)
  setInterval(describe, 5000)
  watch(biometric, ({ heartRate, stale }) => {
    show(ring, heartRate !== null && !stale)
    if (heartRate) ring.style.setProperty('--beat', `${(60 / heartRate).toFixed(2)}s`)
  })
  watch(haptic, ({ isActive }) => attribute(node, 'data-shaking', isActive))
  watch(voice, ({ currentText, isSpeaking }) => {
    show(bubble, currentText !== null)
    text(bubble, currentText ?? '')
    attribute(bubble, 'data-speaking', isSpeaking)
  })
  watch(vr, ({ currentScene, isActive, generationProgress, sceneState }) => {
    attribute(node, 'data-scene', isActive ? currentScene : null)
    attribute(node, 'data-weather', isActive ? (sceneState.weather ?? null) : null)
    attribute(node, 'data-light', isActive ? (sceneState.light ?? 'evening') : null)
    node.style.setProperty('--made', generationProgress)
    show(sceneName, isActive)
    text(sceneName, isActive ? spoken(currentScene) : '')
  })
  return node
}
