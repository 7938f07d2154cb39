// The Web Speech API, in both directions. A headless browser has no voice and no recogniser: these record the calls made on them.

import { afterEach, describe, expect, test, vi } from 'vitest'
import { createRecognition } from '../../../src/devices/recognition.js'
import { createSpeech } from '../../../src/devices/speech.js'

afterEach(() => vi.unstubAllGlobals())

class FakeUtterance {
  pitch = 1
  rate = 1
  volume = 1
  lang = ''
  onstart: (() => void) | null = null
  onboundary: ((event: { charIndex: number; charLength?: number }) => void) | null = null
  onend: (() => void) | null = null
  onerror: ((event: { error: string }) => void) | null = null
  constructor(readonly text: string) {}
}

function speak(lang?: string) {
  let spoken: FakeUtterance[] = []
  let synthesis = {
    paused: false,
    resume: vi.fn(),
    cancel: vi.fn(),
    speak: (utterance: FakeUtterance) => spoken.push(utterance)
  }
  vi.stubGlobal('speechSynthesis', synthesis)
  vi.stubGlobal('SpeechSynthesisUtterance', FakeUtterance)
  let told: unknown[] = []
  let stop = createSpeech()?.speak(
    { text: 'Hello you!', pitch: 1.2, rate: 0.9, volume: 0.5, lang },
    {
      start: () => told.push('start'),
      progress: fraction => told.push(fraction),
      end: (reason, detail) => told.push(detail === undefined ? reason : [reason, detail])
    }
  )
  return { utterance: spoken[0] as FakeUtterance, told, stop: stop as () => void, synthesis }
}

describe('speaking', () => {
  test('is not possible where the browser cannot', () => {
    vi.stubGlobal('speechSynthesis', undefined)
    expect(createSpeech()).toBe(null)
  })

  test('hands over text, pitch, rate and volume', () => {
    let { utterance } = speak('en-GB')
    expect(utterance).toMatchObject({ text: 'Hello you!', pitch: 1.2, rate: 0.9, volume: 0.5, lang: 'en-GB' })
    expect(speak().utterance.lang).toBe('')
  })

  test('tells its progress by word boundaries', () => {
    let { utterance, told } = speak()
    utterance.onstart?.()
    utterance.onboundary?.({ charIndex: 0, charLength: 5 })
    utterance.onboundary?.({ charIndex: 6 })
    utterance.onboundary?.({ charIndex: 6, charLength: 40 })
    utterance.onend?.()
    expect(told).toEqual(['start', 0.5, 0.6, 1, 'done'])
  })

  test('tells a failure in the browser’s words, once', () => {
    let { utterance, told } = speak()
    utterance.onerror?.({ error: 'not-allowed' })
    utterance.onend?.()
    expect(told).toEqual([['failed', 'not-allowed']])
  })

  test('is stopped at once, and nothing more is told', () => {
    let { utterance, told, stop, synthesis } = speak()
    utterance.onstart?.()
    stop()
    stop()
    utterance.onerror?.({ error: 'canceled' })
    utterance.onboundary?.({ charIndex: 3 })
    expect(told).toEqual(['start', 'stopped'])
    expect(synthesis.cancel).toHaveBeenCalledTimes(1)
  })

  test('tells when another page or script cancelled it', () => {
    let { utterance, told } = speak()
    utterance.onerror?.({ error: 'interrupted' })
    expect(told).toEqual(['stopped'])
  })

  test('that has ended is not cancelled, for that would cancel what came after it', () => {
    let { utterance, stop, synthesis } = speak()
    utterance.onend?.()
    stop()
    expect(synthesis.cancel).not.toHaveBeenCalled()
  })
})

class FakeRecognizer {
  static last: FakeRecognizer
  lang = ''
  continuous = false
  interimResults = false
  onresult: ((event: unknown) => void) | null = null
  onerror: ((event: { error: string }) => void) | null = null
  onend: (() => void) | null = null
  start = vi.fn()
  abort = vi.fn()
  constructor() {
    FakeRecognizer.last = this
  }
  /** What is heard from the nth result on. */
  hear(resultIndex: number, ...results: [text: string, isFinal: boolean][]) {
    let all = Array.from({ length: resultIndex }, () => Object.assign([{ transcript: 'old' }], { isFinal: true }))
    let heard = results.map(([transcript, isFinal]) => Object.assign([{ transcript }], { isFinal }))
    this.onresult?.({ resultIndex, results: [...all, ...heard] })
  }
}

function listen(name = 'SpeechRecognition') {
  vi.stubGlobal(name, FakeRecognizer)
  let told: unknown[] = []
  let stop = createRecognition()?.start('de', {
    interim: text => told.push(['interim', text]),
    final: text => told.push(['final', text]),
    end: error => told.push(['end', error])
  })
  return { recognizer: FakeRecognizer.last, told, stop: stop as () => void }
}

describe('listening', () => {
  test('is not possible where the browser cannot', () => {
    expect(createRecognition()).toBe(null)
  })

  test.each(['SpeechRecognition', 'webkitSpeechRecognition'])('goes on until it is stopped, by %s', name => {
    let { recognizer, told, stop } = listen(name)
    expect(recognizer).toMatchObject({ lang: 'de', continuous: true, interimResults: true })
    expect(recognizer.start).toHaveBeenCalledTimes(1)
    recognizer.hear(0, ['hel', false])
    recognizer.hear(0, ['hello', true], ['wor', false], ['ld', false])
    recognizer.hear(1, ['world', true])
    stop()
    recognizer.hear(2, ['more', true])
    recognizer.onend?.()
    expect(recognizer.abort).toHaveBeenCalledTimes(1)
    expect(told).toEqual([
      ['interim', 'hel'],
      ['final', 'hello'],
      ['interim', 'world'],
      ['final', 'world']
    ])
  })

  test('tells why it ended', () => {
    let { recognizer, told } = listen()
    recognizer.onerror?.({ error: 'not-allowed' })
    recognizer.onend?.()
    expect(told).toEqual([['end', 'not-allowed']])
  })

  test('tells an end without a reason', () => {
    let { recognizer, told, stop } = listen()
    recognizer.onend?.()
    stop()
    expect(told).toEqual([['end', undefined]])
    expect(recognizer.abort).not.toHaveBeenCalled()
  })
})
