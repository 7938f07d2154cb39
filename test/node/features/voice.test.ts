import { describe, expect, test } from 'vitest'
import { voice } from '../../../src/features/voice.js'
import { VOICE_EMOTIONS, voiceFor } from '../../../src/features/voice-emotions.js'
import type { Recognition, Speech, Utterance } from '../../../src/ports.js'
import { createPage, type PageOptions, settle } from './world.js'

describe('an emotion', () => {
  test.each<[string, number, number, { pitch: number; rate: number }]>([
    ['neutral', 1, 1, { pitch: 1, rate: 1 }],
    ['happy', 1, 1, { pitch: 1.2, rate: 1.1 }],
    ['romantic', 1.2, 0.9, { pitch: 1.1, rate: 0.8 }],
    ['sad', 0.1, 0.2, { pitch: 0, rate: 0.1 }],
    ['excited', 1.9, 10, { pitch: 2, rate: 10 }],
    ['unheard-of', 1.3, 1.4, { pitch: 1.3, rate: 1.4 }],
    ['constructor', 1, 1, { pitch: 1, rate: 1 }]
  ])('%s at pitch %d and rate %d is spoken at %o', (emotion, pitch, rate, expected) => {
    expect(voiceFor(emotion, pitch, rate)).toEqual(expected)
  })

  test('stays within what browsers take, from every pitch and rate', () => {
    for (let emotion of Object.keys(VOICE_EMOTIONS)) {
      for (let pitch of [0, 1, 2]) {
        for (let rate of [0.1, 1, 10]) {
          let spoken = voiceFor(emotion, pitch, rate)
          expect(spoken.pitch).toBeGreaterThanOrEqual(0)
          expect(spoken.pitch).toBeLessThanOrEqual(2)
          expect(spoken.rate).toBeGreaterThanOrEqual(0.1)
          expect(spoken.rate).toBeLessThanOrEqual(10)
        }
      }
    }
  })
})

type On = Parameters<Speech['speak']>[1]

/** A page with a synthesiser that the test plays. */
function open(options: PageOptions = {}) {
  let spoken: { utterance: Utterance; on: On; stopped: boolean }[] = []
  let speech: Speech = {
    speak(utterance, on) {
      let entry = { utterance, on, stopped: false }
      spoken.push(entry)
      return () => {
        entry.stopped = true
        on.end('stopped')
      }
    }
  }
  let page = createPage(voice, { ...options, devices: { speech, ...options.devices } })
  let last = () => spoken.at(-1) as (typeof spoken)[number]
  return { ...page, spoken, last, view: () => page.local.$state.get() }
}
const hello = { text: 'Hello, I love you!', emotion: 'romantic', pitch: 1.2, rate: 0.9, volume: 0.8 }

describe('what is said', () => {
  test('is the room’s, whether it can be spoken here or not', async () => {
    let { tell, view } = open({ devices: { speech: null } })
    expect(view()).toMatchObject({
      currentText: null,
      emotion: 'neutral',
      pitch: 1,
      rate: 1,
      volume: 1,
      supported: { speak: false }
    })
    let { id, at } = tell('spoken', hello)
    await settle()
    expect(view()).toMatchObject({ emotion: 'romantic', pitch: 1.2, rate: 0.9, volume: 0.8, currentText: hello.text })
    expect(view()).toMatchObject({ isSpeaking: false, lastError: 'unsupported' })
    expect(view().utterance).toEqual({ ...hello, id, at, by: 'bob' })
  })

  test('is spoken with the offsets of its emotion, and progress is shown', async () => {
    let { tell, view, last } = open()
    tell('spoken', hello)
    await settle()
    expect(last().utterance).toEqual({ text: hello.text, pitch: 1.1, rate: 0.8, volume: 0.8 })
    expect(view().isSpeaking).toBe(false)
    last().on.start()
    last().on.progress(0.4)
    expect(view()).toMatchObject({ isSpeaking: true, synthesisProgress: 0.4, currentText: hello.text })
    last().on.end('done')
    expect(view()).toMatchObject({ isSpeaking: false, synthesisProgress: 1, lastError: null })
  })

  test('is spoken in one tab of the device', async () => {
    let claims = new Set<string>()
    let tabs = [open({ claims }), open({ claims })] as const
    for (let tab of tabs) tab.tell('spoken', hello, { id: 'same' })
    await settle()
    expect(tabs.map(tab => tab.spoken.length)).toEqual([1, 0])
    expect(tabs[1].view()).toMatchObject({ lastError: 'other-tab', currentText: hello.text })
  })

  test('is not spoken when it is a replay, or older than a minute', async () => {
    let { tell, view, spoken, clock } = open()
    tell('spoken', hello, { live: false })
    await settle()
    expect(view().lastError).toBe(null)
    tell('spoken', hello, { at: clock.now() - 60_001 })
    await settle()
    expect(spoken).toEqual([])
    expect(view().lastError).toBe('too-late')
  })

  test('waits while another is spoken, and its text is shown when its turn comes', async () => {
    let { tell, view, spoken, last } = open()
    tell('spoken', hello)
    tell('spoken', { ...hello, text: 'Again' })
    await settle()
    expect(spoken).toHaveLength(1)
    expect(view()).toMatchObject({ currentText: hello.text, queue: [{ text: 'Again' }] })
    last().on.end('done')
    expect(view()).toMatchObject({ currentText: 'Again', queue: [], synthesisProgress: 0 })
    expect(spoken).toHaveLength(2)
  })

  test('is spoken in the order in which it came, however long each claim takes', async () => {
    let slow = (_won: boolean) => {}
    let claim = (name: string) =>
      name === 'voice:1' ? new Promise<boolean>(resolve => (slow = resolve)) : Promise.resolve(true)
    let { tell, spoken } = open({ claim })
    tell('spoken', hello, { id: '1' })
    tell('spoken', { ...hello, text: 'Again' }, { id: '2' })
    await settle()
    expect(spoken).toEqual([])
    slow(true)
    await settle()
    expect(spoken.map(entry => entry.utterance.text)).toEqual([hello.text])
  })

  test('is skipped when eight wait already', async () => {
    let { tell, view } = open()
    for (let i = 0; i < 10; i++) tell('spoken', hello)
    await settle()
    expect(view()).toMatchObject({ queue: { length: 8 }, lastError: 'queue-full' })
  })

  test('is given up when the browser does not begin within ten seconds, and the next one follows', async () => {
    let { tell, view, spoken, clock } = open()
    tell('spoken', hello)
    tell('spoken', { ...hello, text: 'Again' })
    await clock.pass(10_000)
    expect(spoken.map(entry => entry.stopped)).toEqual([true, false])
    expect(view()).toMatchObject({ currentText: 'Again', lastError: 'no-start' })
    spoken[1]?.on.start()
    await clock.pass(60_000)
    expect(view()).toMatchObject({ isSpeaking: true, lastError: null })
  })

  test.each<[string, (on: On) => void, string | null]>([
    ['fails in the browser’s own words', on => on.end('failed', 'not-allowed'), 'not-allowed'],
    ['fails without a word', on => on.end('failed'), 'failed'],
    ['is stopped from outside', on => on.end('stopped'), null]
  ])('%s, and that is said', async (_, act, lastError) => {
    let { tell, view, last } = open()
    tell('spoken', hello)
    await settle()
    act(last().on)
    expect(view()).toMatchObject({ isSpeaking: false, lastError })
  })

  test('does not hold up the next one when the browser throws', async () => {
    let calls = 0
    let { tell, view } = open({
      devices: {
        speech: {
          speak() {
            calls++
            throw new Error('broken')
          }
        }
      }
    })
    tell('spoken', hello)
    tell('spoken', hello)
    await settle()
    expect(calls).toBe(2)
    expect(view()).toMatchObject({ isSpeaking: false, queue: [], lastError: 'Error: broken' })
  })
})

describe('stopping', () => {
  test('ends what is spoken and what waits, and clears the text for all', async () => {
    let { tell, view, spoken } = open()
    tell('spoken', hello)
    tell('spoken', hello)
    await settle()
    spoken[0]?.on.start()
    tell('stopped', {})
    expect(spoken[0]?.stopped).toBe(true)
    expect(view()).toMatchObject({
      isSpeaking: false,
      currentText: null,
      queue: [],
      synthesisProgress: 0,
      utterance: null
    })
    await settle()
    expect(spoken).toHaveLength(1)
  })

  test('by command is silent here at once, before the room is told', async () => {
    let { tell, local, sent, spoken } = open()
    tell('spoken', hello)
    await settle()
    local.stopSpeaking()
    expect(spoken[0]?.stopped).toBe(true)
    expect(sent).toMatchObject([{ type: 'stopped' }])
  })

  test('while a claim is on its way leaves nothing to say', async () => {
    let { tell, spoken } = open()
    tell('spoken', hello)
    tell('stopped', {})
    await settle()
    expect(spoken).toEqual([])
  })

  test('takes no notice of what an earlier utterance tells', async () => {
    let { tell, view, spoken } = open()
    tell('spoken', hello)
    await settle()
    tell('stopped', {})
    spoken[0]?.on.start()
    spoken[0]?.on.progress(0.5)
    expect(view()).toMatchObject({ isSpeaking: false, synthesisProgress: 0 })
  })
})

/** A page with a recogniser that the test plays. */
function listening() {
  let sessions: { lang: string | undefined; on: Parameters<Recognition['start']>[1]; stopped: boolean }[] = []
  let recognition: Recognition = {
    start(lang, on) {
      let entry = { lang, on, stopped: false }
      sessions.push(entry)
      return () => {
        entry.stopped = true
      }
    }
  }
  let page = createPage(voice, { devices: { recognition } })
  return { ...page, sessions, view: () => page.local.$state.get() }
}

describe('listening', () => {
  test('shows what is heard: interim until it is final', () => {
    let { local, sessions, view } = listening()
    expect(view().supported).toEqual({ speak: false, listen: true })
    expect(local.startListening('en-GB')).toBe(true)
    expect([view().isListening, sessions[0]?.lang]).toEqual([true, 'en-GB'])
    let on = sessions[0]?.on
    on?.interim('hel')
    expect(view().transcript).toEqual({ interim: 'hel', final: '' })
    on?.final('hello')
    on?.interim('wor')
    expect(view().transcript).toEqual({ interim: 'wor', final: 'hello' })
    on?.final('world')
    expect(view().transcript).toEqual({ interim: '', final: 'hello world' })
  })

  test('does not put a second space where there is one', () => {
    let { local, sessions, view } = listening()
    local.startListening()
    for (let text of ['one ', 'two', ' three']) sessions[0]?.on.final(text)
    expect(view().transcript.final).toBe('one two three')
  })

  test('keeps the last ten thousand characters', () => {
    let { local, sessions, view } = listening()
    local.startListening()
    for (let i = 0; i < 30; i++) sessions[0]?.on.final(`${i}`.padEnd(500, '.'))
    expect(view().transcript.final).toHaveLength(10_000)
    expect(view().transcript.final.trimEnd()).toMatch(/29\.+$/)
  })

  test('ends when it is stopped, and hears nothing of it afterwards', () => {
    let { local, sessions, view } = listening()
    local.startListening()
    sessions[0]?.on.interim('hel')
    local.stopListening()
    sessions[0]?.on.final('hello')
    expect(sessions[0]?.stopped).toBe(true)
    expect(view()).toMatchObject({ isListening: false, transcript: { interim: '', final: '' }, lastError: null })
  })

  test('ends by itself, with the reason if there is one', () => {
    let { local, sessions, view } = listening()
    local.startListening()
    sessions[0]?.on.final('bye')
    sessions[0]?.on.end()
    expect(view()).toMatchObject({ isListening: false, lastError: null, transcript: { final: 'bye' } })
    local.startListening()
    expect(view().transcript.final).toBe('')
    sessions[1]?.on.end('not-allowed')
    expect(view()).toMatchObject({ isListening: false, lastError: 'not-allowed' })
  })

  test('begins anew when it is started twice', () => {
    let { local, sessions, view } = listening()
    local.startListening()
    local.startListening()
    sessions[0]?.on.end('aborted')
    expect(sessions.map(entry => entry.stopped)).toEqual([true, false])
    expect(view()).toMatchObject({ isListening: true, lastError: null })
  })

  test('says where it is not possible', () => {
    let page = createPage(voice)
    expect(page.local.startListening()).toBe(false)
    expect(page.local.$state.get()).toMatchObject({ isListening: false, lastError: 'unsupported' })
  })

  test('refuses a language that is none', () => {
    let { local } = listening()
    expect(() => local.startListening('english please')).toThrow(/^lang must be/)
  })
})
