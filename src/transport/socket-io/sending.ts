// Actions on their way to a backend that keeps no account of them: one after the other in each chain, so that their order
// holds, and answered when the backend has taken them. What it does not answer for goes again, and may have two effects.

import type { DownFrame, PushFrame } from '../../protocol/frames.js'
import type { Answer, ReadAnswer } from './answer.js'
import type { Flight, Place } from './place.js'
import type { Asked } from './spaces.js'
import type { Emission, UpEntry } from './table.js'

/** What is remembered over connections: so that fewer actions have two effects. */
export interface Deeds {
  /** By action: what the backend answered. */
  readonly answers: Map<string, Answer>
  /** By action: how often in a row nothing was answered. */
  readonly silences: Map<string, number>
}

export interface SendingPorts {
  readonly user: string
  readonly deeds: Deeds
  readonly entryOf: (is: string) => UpEntry | undefined
  readonly place: (room: string) => Place | undefined
  /** Milliseconds that never go back. */
  readonly mono: () => number
  readonly now: () => number
  /** Resolves after so many milliseconds, or when the connection breaks. */
  readonly pause: (ms: number) => Promise<'time' | 'over'>
  readonly isOver: () => boolean
  /** Emits, and waits for the acknowledgement where the entry wants one. */
  readonly emit: (entry: UpEntry, emission: Emission) => Promise<Asked>
  readonly read: ReadAnswer
  readonly send: (frame: DownFrame) => void
  /** How long an event may come later than the answer to its action, in milliseconds. */
  readonly echoWait: number
  readonly patience: number
}

/** Answers that are remembered. */
const REMEMBERED = 2048
/** An action that is not answered so often is given up: each time it may have had an effect. */
const MOST_SILENCES = 5
const LONGEST_PAUSE = 30_000

export type Sending = ReturnType<typeof createSending>

export function createSending(ports: SendingPorts) {
  let { user, deeds, send } = ports
  let chains = new Map<string, { frame: PushFrame; until: number }[]>()

  function push(frame: PushFrame): void {
    let { room, lane, n, id, ttl = Infinity } = frame
    if (!ports.place(room)?.isEntered) {
      send({ f: 'nack', room, lane, n, id, code: 'order', final: false })
      return
    }
    let key = `${lane}/${room}`
    let until = ports.mono() + ttl * 1000
    let chain = chains.get(key)
    if (chain) chain.push({ frame, until })
    else {
      chain = [{ frame, until }]
      chains.set(key, chain)
      void run(key, chain)
    }
  }

  async function run(key: string, chain: { frame: PushFrame; until: number }[]): Promise<void> {
    for (let next = chain[0]; next; next = chain[0]) {
      let { frame, until } = next
      let { room, lane, n, id } = frame
      let place = ports.place(room)
      if (!place) break
      let answer = ports.mono() > until ? refusal('expired') : await deliver(frame, place)
      if (ports.isOver()) return
      if (answer.ok) send({ f: 'ack', room, lane, n, id, at: place.log.offsetOf(id) ?? place.log.position.offset })
      else {
        let { code, message, after } = answer
        let isFinal = after === undefined
        let more = { ...(isFinal ? {} : { after }), ...(message === undefined ? {} : { message }) }
        send({ f: 'nack', room, lane, n, id, code, final: isFinal, ...more })
        // All behind it comes again after it.
        if (!isFinal) break
      }
      chain.shift()
    }
    chains.delete(key)
  }

  async function deliver(frame: PushFrame, place: Place): Promise<Answer> {
    let { id } = frame
    if (place.log.offsetOf(id) !== undefined) return { ok: true }
    let known = deeds.answers.get(id)
    if (!known) return handOver(frame, place)
    become(frame, place, known)
    return known
  }

  /** Its event, where it has not come and may never come. */
  function become({ id, feature, type, data }: PushFrame, place: Place, answer: Answer): void {
    if (!answer.ok) return
    let at = answer.at ?? ports.now()
    place.tell({ feature, type, data, id: answer.id?.slice(0, 64) || id, by: user, at, pushed: id })
  }

  /** Hands an action to the backend; with its yes, its event is awaited for a while. */
  async function handOver(frame: PushFrame, place: Place): Promise<Answer> {
    let { id, feature, type, data } = frame
    let is = `${feature}/${type}`
    let entry = ports.entryOf(is)
    if (!entry) return refusal('unknown-feature', `The event table does not say how «${is}» leaves.`)
    let emission: Emission | undefined
    try {
      emission = entry.emit(data as never, { ...place.about, action: id })
    } catch (error) {
      return refusal('invalid', String(error))
    }
    if (!emission) {
      become(frame, place, { ok: true })
      return { ok: true }
    }
    let { ack = 'callback', echo: isEchoed = true } = entry
    let flight: Flight = { id, is, isFirst: !isEchoed, answer: ack === 'callback' ? null : {}, echoed() {} }
    let echo = new Promise<'echo'>(resolve => {
      flight.echoed = () => resolve('echo')
    })
    place.flights.add(flight)
    try {
      let asked = ports.emit(entry, emission)
      let late = ack === 'none' ? null : ack === 'echo' ? ports.pause(ports.patience) : asked
      let heard = late ? await Promise.race([late, echo]) : 'taken'
      if (heard === 'time' || heard === 'over') return silence(id, heard)
      // An event that names its action says that it was taken, too.
      let answer = typeof heard === 'string' ? ({ ok: true } as const) : ports.read(heard)
      deeds.silences.delete(id)
      if (!answer.ok) return answer
      keep(deeds.answers, id, answer)
      flight.answer = answer.id === undefined ? {} : { id: answer.id }
      if (isEchoed) {
        place.release()
        await Promise.race([echo, ports.pause(ports.echoWait)])
      }
      become(frame, place, answer)
      return answer
    } finally {
      place.flights.delete(flight)
      place.release()
    }
  }

  /** No answer in time: it goes again, and not without end. A connection that broke is nobody's silence. */
  function silence(id: string, why: 'time' | 'over'): Answer {
    if (why === 'over') return { ok: false, code: 'network', after: 1000 }
    let count = (deeds.silences.get(id) ?? 0) + 1
    keep(deeds.silences, id, count)
    if (count < MOST_SILENCES) {
      return { ok: false, code: 'timeout', after: Math.min(LONGEST_PAUSE, ports.patience * 2 ** (count - 1)) }
    }
    deeds.silences.delete(id)
    return refusal('unanswered', `Sent ${count} times without an answer; it may have happened.`)
  }

  return { push }
}

function refusal(code: string, message?: string): Answer {
  return { ok: false, code, ...(message === undefined ? {} : { message }) }
}

function keep<T>(map: Map<string, T>, key: string, value: T): void {
  map.delete(key)
  map.set(key, value)
  if (map.size > REMEMBERED) map.delete(map.keys().next().value as string)
}
