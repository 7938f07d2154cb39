// Past events of a room, page by page. Each question has a number, and an answer or an end.

import { RealtimeError } from './errors.js'
import type { HistoryOptions, HistoryPage } from './feature.js'
import type { Clock } from './ports.js'
import type { EventFrame, Frame, FrameOf } from './protocol/frames.js'

const DEADLINE = 10_000

export interface RoomHistory {
  fetch(options?: HistoryOptions): Promise<HistoryPage>
  answer(frame: FrameOf<'page'>): void
  /** The server refused the question. False when it was not one of ours. */
  refuse(frame: FrameOf<'nack'>): boolean
  /** No answer can come any more. */
  abort(error: RealtimeError): void
}

export function createHistory(ports: {
  room: string
  clock: Clock
  send: (frames: readonly Frame[]) => boolean
  nextRef: () => number
}): RoomHistory {
  let open = new Map<number, { resolve(page: HistoryPage): void; reject(error: RealtimeError): void }>()

  return {
    fetch({ before, limit = 50 } = {}) {
      let ref = ports.nextRef()
      return new Promise<HistoryPage>((resolve, reject) => {
        let stop = ports.clock.after(DEADLINE, () => open.get(ref)?.reject(new RealtimeError('timeout')))
        let end = (): void => {
          stop()
          open.delete(ref)
        }
        open.set(ref, {
          resolve(page) {
            end()
            resolve(page)
          },
          reject(error) {
            end()
            reject(error)
          }
        })
        let question: Frame = { f: 'fetch', ref, room: ports.room, limit, ...(before === undefined ? {} : { before }) }
        if (ports.send([question])) return
        open
          .get(ref)
          ?.reject(new RealtimeError('not-connected', 'History needs a connection; the newest state is in the stores.'))
      })
    },
    answer: ({ ref, events, done }) => open.get(ref)?.resolve({ events: events as readonly EventFrame[], done }),
    refuse({ ref, code, message }) {
      let question = ref === undefined ? undefined : open.get(ref)
      question?.reject(new RealtimeError(code, message))
      return question !== undefined
    },
    abort(error) {
      for (let question of [...open.values()]) question.reject(error)
    }
  }
}
