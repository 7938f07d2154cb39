// A part of a conversation's log that has no holes, and the messages it makes. It grows backward by pages of history and forward
// by what comes in live. Pure; knows nothing of when pages are asked for.

import type { EventMeta } from '../feature.js'
import type { EventFrame } from '../protocol/frames.js'
import { type ChatChange, type ChatContent, type ChatMessage, changedMessage, messageOf } from './chat-messages.js'

/** An event of the conversation as far as it makes or changes messages. */
export type ChatEvent = ({ readonly type: 'message'; readonly data: ChatContent } | ChatChange) & {
  readonly meta: EventMeta
}

/** `more`: there is older; `start`: it begins with the conversation; `trimmed`: what is older the server has let go of. */
export type LogEnd = 'more' | 'start' | 'trimmed'

export interface ChatLog {
  /** Everything of the room from this offset on … */
  readonly from: number
  /** … up to this one is in `events`, as far as it concerns messages. */
  readonly to: number
  /** The event at `to`: by it another life of the log is noticed. */
  readonly toId: string
  readonly end: LogEnd
  /** In the order of the log. */
  readonly events: readonly ChatEvent[]
}

const FEATURE = 'chat'
const TYPES: ReadonlySet<string> = new Set(['message', 'edited', 'deleted', 'reacted', 'unreacted'])

/** Whether an event of this feature makes or changes a message. */
export function concernsMessages(event: { readonly type: string }): event is ChatEvent {
  return TYPES.has(event.type)
}

/** The log that history tells: its newest frames, oldest first. Null when there are none. */
export function logOf(frames: readonly EventFrame[], isDone: boolean): ChatLog | null {
  let [first, last] = [frames[0], frames.at(-1)]
  if (!first || !last) return null
  return { from: first.offset, to: last.offset, toId: last.id, end: endOf(first, isDone), events: eventsOf(frames) }
}

/** The log with a page before it. */
export function withOlder(log: ChatLog, frames: readonly EventFrame[], isDone: boolean): ChatLog {
  let older = frames.filter(({ offset }) => offset < log.from)
  let first = older[0]
  if (!first) return { ...log, end: log.from === 1 ? 'start' : 'trimmed' }
  return { ...log, from: first.offset, end: endOf(first, isDone), events: [...eventsOf(older), ...log.events] }
}

/**
 * The log up to now, by the newest frames that reach back to where it ends. Where they do not, or show another event there, it
 * cannot be continued and starts over with them.
 */
export function caughtUp(log: ChatLog, frames: readonly EventFrame[], isDone: boolean): ChatLog | null {
  let seam = frames.findIndex(({ offset }) => offset === log.to)
  if (frames[seam]?.id !== log.toId) return logOf(frames, isDone)
  let newer = frames.slice(seam + 1)
  let last = newer.at(-1)
  return last ? { ...log, to: last.offset, toId: last.id, events: [...log.events, ...eventsOf(newer)] } : log
}

function endOf(first: EventFrame, isDone: boolean): LogEnd {
  if (first.offset === 1) return 'start'
  return isDone ? 'trimmed' : 'more'
}

function eventsOf(frames: readonly EventFrame[]): readonly ChatEvent[] {
  return frames
    .filter(frame => frame.feature === FEATURE && concernsMessages(frame))
    .map(({ type, data, id, by, at }) => ({ type, data, meta: { id, actor: by, at } }) as ChatEvent)
}

/** The messages that events make, counted from 1; changes of messages that are not among them change nothing. */
export interface Messages {
  apply(event: ChatEvent): void
  /**
   * Those before a message, numbered so that it is the next; null when it is not among them. Those that did not change are the
   * same objects at every call.
   */
  before(message: ChatMessage): readonly ChatMessage[] | null
}

export function createMessages(events: readonly ChatEvent[]): Messages {
  let list: ChatMessage[] = []
  let places = new Map<string, number>()
  /** What is added to a place to get the number. */
  let base = 1

  function apply(event: ChatEvent): void {
    let { meta } = event
    if (event.type === 'message') {
      places.set(meta.id, list.length)
      list.push(messageOf(event.data, base + list.length, meta))
      return
    }
    let place = places.get(event.data.id)
    if (place !== undefined) list[place] = changedMessage(list[place] as ChatMessage, event, meta)
  }

  for (let event of events) apply(event)
  return {
    apply,
    before({ id, n }) {
      let place = places.get(id)
      if (place === undefined) return null
      if (base !== n - place) {
        base = n - place
        list = list.map((message, i) => ({ ...message, n: base + i }))
      }
      return list.slice(0, place)
    }
  }
}
