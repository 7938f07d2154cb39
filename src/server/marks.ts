// What a room remembers of its clients, as pure steps: claiming a connection count, consuming numbers, dropping confirmed
// answers.

import type { Lane } from '../feature.js'
import type { Mark, PushResult } from '../protocol/frames.js'
import type { Answer, ClientRecord, LaneMark } from './storage.js'

const NOTHING: LaneMark = { n: 0, id: '', done: 0, answers: [] }
const LANES: readonly Lane[] = ['critical', 'high', 'normal', 'bulk']

/** The mark of a chain; number 0 when nothing of it was answered yet. */
export function markOf(record: ClientRecord | null, lane: Lane): LaneMark {
  return record?.lanes[lane] ?? NOTHING
}

/** The stored answer to number `n`, or `null` when its client has confirmed it. */
export function answerOf(mark: LaneMark, n: number): Answer | null {
  return mark.answers.find(answer => answer[0] === n) ?? null
}

/** The record after a connection with count `gen` has joined; the same record when nothing changes. */
export function claim(
  record: ClientRecord | null,
  gen: number,
  done: Readonly<Record<string, number>> | undefined,
  marksEpoch: string
): ClientRecord {
  let next = record && record.gen === gen ? record : { ...(record ?? { marksEpoch, lanes: {} }), gen }
  for (let lane of LANES) if (done && Object.hasOwn(done, lane)) next = confirm(next, lane, done[lane])
  return next
}

/** The record without the answers up to `done`, which never passes the mark. */
export function confirm(record: ClientRecord, lane: Lane, done: number | undefined): ClientRecord {
  let mark = record.lanes[lane]
  if (!mark || done === undefined) return record
  let upTo = Math.min(done, mark.n)
  if (upTo <= mark.done) return record
  let answers = mark.answers.filter(answer => answer[0] > upTo)
  return { ...record, lanes: { ...record.lanes, [lane]: { ...mark, done: upTo, answers } } }
}

/** The record after number `n` of a chain was answered. */
export function consume(record: ClientRecord, lane: Lane, n: number, id: string, result: PushResult): ClientRecord {
  let { done, answers } = markOf(record, lane)
  return { ...record, lanes: { ...record.lanes, [lane]: { n, id, done, answers: [...answers, [n, id, result]] } } }
}

/** A client's marks as `joined` tells them. */
export function marksFrame(record: ClientRecord | null): Record<string, Mark> {
  let marks: Record<string, Mark> = {}
  for (let lane of LANES) {
    let mark = record?.lanes[lane]
    if (mark) marks[lane] = { n: mark.n, id: mark.id, done: mark.done, answers: mark.answers }
  }
  return marks
}
