// What the companion says, and what this browser hears.

import { VOICE_EMOTIONS } from '/bundle/realtime-stores.js'
import { button, facts, field, line, meter, select, slider } from '../controls.js'
import { h, show, text, watch } from '../dom.js'
import { panel } from '../panel.js'
import { nameOf, spoken } from '../words.js'

const ERRORS = {
  unsupported: 'this browser cannot do that',
  'other-tab': 'another tab speaks',
  'too-late': 'it came too late',
  'queue-full': 'too many are waiting',
  'no-start': 'the browser did not begin; it may have no voice, or wants to be touched first',
  'not-allowed': 'the microphone is not allowed'
}

export function voicePanel(client) {
  let { service, stores, run } = client
  let words = Object.keys(VOICE_EMOTIONS)
  let emotion = select(
    words.map(id => ({ id, label: spoken(id) })),
    'romantic'
  )
  let pitch = slider({ label: 'Pitch', min: 0, max: 2, step: 0.1, value: 1.2, say: value => value.toFixed(1) })
  let rate = slider({ label: 'Rate', min: 0.5, max: 2, step: 0.1, value: 0.9, say: value => value.toFixed(1) })
  let volume = slider({ label: 'Volume', min: 0, max: 1, step: 0.1, value: 0.8, say: value => value.toFixed(1) })
  let progress = meter('Spoken')
  let state = facts({ said: 'Said last', speaking: 'Here', heard: 'Heard' })
  let interim = h('p', { class: 'hint', hidden: true })
  let problem = h('p', { class: 'hint', hidden: true })
  let listen = button('Listen', () =>
    run('Listen', () =>
      stores.voice.get().isListening ? service.stopListening() : void service.startListening('en-GB')
    )
  )

  let view = panel(
    client,
    { name: 'voice', title: 'Voice' },
    line({
      label: 'Say',
      placeholder: 'Hello, I love you!',
      action: 'Speak',
      max: 2000,
      extra: [field('Emotion', emotion)],
      send: words =>
        run('Speak', () => service.speakText(words, emotion.value, pitch.value(), rate.value(), volume.value())) !==
        undefined
    }),
    h('div', { class: 'sliders' }, pitch.node, rate.node, volume.node),
    h(
      'div',
      { class: 'row' },
      button('Stop speaking', () => run('Stop', () => service.stopSpeaking())),
      listen
    ),
    progress.node,
    state.node,
    interim,
    problem
  )

  watch(stores.voice, voice => {
    let {
      isSpeaking,
      isListening,
      currentText,
      utterance,
      synthesisProgress,
      transcript,
      supported,
      lastError,
      queue
    } = voice
    text(listen, isListening ? 'Stop listening' : 'Listen')
    show(progress.node, isSpeaking)
    progress.set(synthesisProgress)
    state.set({
      said: utterance ? `“${utterance.text}” (${nameOf(utterance.by)}, ${utterance.emotion})` : 'Nothing',
      speaking: isSpeaking
        ? `Speaking${queue.length ? `, ${queue.length} more to come` : ''}`
        : supported.speak
          ? 'Silent'
          : 'This browser cannot speak',
      heard:
        transcript.final ||
        (isListening ? 'Listening …' : supported.listen ? 'Nothing yet' : 'This browser cannot listen')
    })
    show(interim, transcript.interim !== '')
    text(interim, transcript.interim)
    show(problem, lastError !== null)
    text(problem, lastError === null ? '' : `Not heard or spoken here: ${ERRORS[lastError] ?? lastError}.`)
    view.digest(
      isSpeaking
        ? 'Speaking'
        : isListening
          ? 'Listening'
          : currentText
            ? `“${currentText.slice(0, 24)}${currentText.length > 24 ? '…' : ''}”`
            : ''
    )
  })
  return view.node
}
