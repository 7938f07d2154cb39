// The server's side of sending, as SPEC.md has it, for one client: takes pushes, keeps marks, answers, and forgets nothing.

import { chainKey } from '../../../src/core/rows.js'
import type { FrameOf, JoinedFrame, Mark, PushFrame, PushResult } from '../../../src/protocol/frames.js'

export type Answer = FrameOf<'ack'> | FrameOf<'nack'>
type Decision = 'take' | 'busy' | 'forbidden'

export interface ChainServer {
  /** Everything taken, in the order of the log. */
  readonly log: PushFrame[]
  /** What is decided of the next push that is neither old nor out of order. */
  decide: (push: PushFrame) => Decision
  marksEpoch: string
  /** Takes one push; nothing where the chain is broken on this connection. */
  push(frame: PushFrame): Answer[]
  joined(room: string, ref?: number): JoinedFrame
  /** A new connection: nothing is broken on it. */
  connected(): void
  /** Everything that was known of the client is lost. */
  forget(): void
}

export function createChainServer(): ChainServer {
  let marks = new Map<string, { n: number; id?: string; done: number; answers: [number, string, PushResult][] }>()
  let broken = new Set<string>()

  function markOf(key: string) {
    let mark = marks.get(key) ?? { n: 0, done: 0, answers: [] }
    marks.set(key, mark)
    return mark
  }

  function answerOf({ room, lane }: PushFrame, n: number, id: string, result: PushResult): Answer {
    if (result.ok) return { f: 'ack', room, lane, n, id, at: result.at as number }
    return { f: 'nack', room, lane, n, id, code: result.code as string, final: true }
  }

  let server: ChainServer = {
    log: [],
    decide: () => 'take',
    marksEpoch: 'm1',
    push(frame) {
      let { room, lane, n, id, prev } = frame
      let key = chainKey(room, lane)
      let mark = markOf(key)
      let refuse = (code: string): Answer[] => {
        broken.add(key)
        return [{ f: 'nack', room, lane, n, id, code, final: false, after: 100 }]
      }
      if (frame.done !== undefined && frame.done > mark.done) {
        mark.done = frame.done
        mark.answers = mark.answers.filter(([at]) => at > mark.done)
      }
      if (n <= mark.n) {
        let known = mark.answers.find(([at, of]) => at === n && of === id)
        return known ? [answerOf(frame, n, id, known[2])] : broken.has(key) ? [] : refuse('order')
      }
      if (prev !== mark.n) return broken.has(key) ? [] : refuse('order')
      broken.delete(key)
      let first = server.log.findIndex(event => event.id === id && event.room === room)
      let decision = first < 0 ? server.decide(frame) : 'take'
      if (decision === 'busy') return refuse('busy')
      if (decision === 'take' && first < 0) server.log.push(frame)
      let at = (first < 0 ? server.log.length - 1 : first) + 1
      let result: PushResult = decision === 'take' ? { ok: true, at } : { ok: false, code: 'forbidden' }
      Object.assign(mark, { n, id })
      mark.answers.push([n, id, result])
      return [answerOf(frame, n, id, result)]
    },
    joined(room, ref = 1) {
      let found: Record<string, Mark> = {}
      for (let lane of ['critical', 'high', 'normal', 'bulk'] as const) {
        let mark = marks.get(chainKey(room, lane))
        if (mark) found[lane] = structuredClone(mark)
      }
      return {
        f: 'joined',
        ref,
        room,
        epoch: 'e1',
        offset: server.log.length,
        recovered: 'all',
        snapshot: false,
        marksEpoch: server.marksEpoch,
        marks: found
      }
    },
    connected: () => broken.clear(),
    forget() {
      marks.clear()
      server.marksEpoch += '+'
    }
  }
  return server
}
