// Content that came for a user, on all their devices: what a device has, what the person confirmed, and what they think of it.
// Runs in the user's own room; handlers/content carries it from and to the room of those who send.

import { defineFeature, durable, type LocalHost, type LocalPart } from '../feature.js'
import { object, oneOf, optional, string } from '../schema.js'
import { existing } from './bounded.js'
import { type Content, contentFields, type Feedback, feedbackFields, idSchema } from './content-events.js'

/** Contents kept; the oldest give way. */
export const MAX_INBOX = 100

/** What the server has told those who sent it. */
export type ToldStage = 'delivered' | 'confirmed' | 'feedback'

export interface InboxItem extends Content {
  readonly id: string
  /** Where it was triggered, and under which id. */
  readonly room: string
  readonly delivery: string
  /** Milliseconds since 1970 by the server's clock. */
  readonly at: number
  /** When a device had it; `null` until one has. */
  readonly receivedAt: number | null
  /** When the person confirmed it. */
  readonly confirmedAt: number | null
  readonly feedback: Feedback | null
  /** What those who sent it have been told. */
  readonly told: readonly ToldStage[]
}

export interface ContentInboxState {
  /** Newest first, at most 100. */
  readonly items: readonly InboxItem[]
}

const id = idSchema
const events = {
  'content:arrived': durable(object({ id, room: string({ min: 1, max: 256 }), delivery: idSchema, ...contentFields }), {
    author: 'server',
    lane: 'high'
  }),
  /** `feedback`: which opinion was told; another one has been said since, and is still to be told. */
  'content:told': durable(
    object({
      id,
      what: oneOf('delivered', 'confirmed', 'feedback'),
      feedback: optional(object(feedbackFields))
    }),
    { author: 'server' }
  ),
  'content:received': durable(object({ id })),
  'content:confirm': durable(object({ id })),
  'content:feedback': durable(object({ id, ...feedbackFields }))
}

const initial: ContentInboxState = { items: [] }

function changed({ items }: ContentInboxState, id: string, change: (item: InboxItem) => InboxItem): ContentInboxState {
  return { items: items.map(item => (item.id === id ? change(item) : item)) }
}

let isSame = (one: Feedback, other: Feedback | null): boolean =>
  one.rating === other?.rating && one.comment === other.comment

let unknown = ({ items }: ContentInboxState, { id }: { id: string }): string | null =>
  items.some(item => item.id === id) ? null : 'unknown-delivery'

/** Says by itself that this device has what came, once per device. */
function receive(host: LocalHost<ContentInboxState, typeof events>): LocalPart<ContentInboxState> {
  let tried = new Set<string>()
  let isClosed = false

  async function say(id: string): Promise<void> {
    let isMine = await host.claim(`content:${id}`).catch(() => true)
    let item = host.$state.get().items.find(item => item.id === id)
    if (isMine && !isClosed && item?.receivedAt === null) await host.send({ type: 'content:received', data: { id } })
  }

  let stop = host.$state.subscribe(({ items }) => {
    for (let { id, receivedAt } of items) {
      if (receivedAt !== null || tried.has(id)) continue
      tried.add(id)
      say(id).catch(error => host.report('error', { error }))
    }
  })
  return {
    $state: host.$state,
    close() {
      isClosed = true
      stop()
    }
  }
}

/**
 * A user's inbox of content. That a device has it is said by the page as soon as it uses this feature; that the person has it
 * is theirs to say.
 *
 * ```ts
 * let { $state, confirm } = client.room(`user:${me}`).use(contentInbox)
 * await confirm($state.get().items[0].id)
 * ```
 */
export const contentInbox = defineFeature({
  name: 'content-inbox',
  version: 1,
  events,
  initial,
  reduce: {
    'content:arrived': (state, { id, room, delivery, title, body, data }, { at }) => {
      if (state.items.some(item => item.id === id)) return state
      let nothingYet = { receivedAt: null, confirmedAt: null, feedback: null, told: [] }
      return {
        items: [{ id, room, delivery, title, body, data, at, ...nothingYet }, ...state.items].slice(0, MAX_INBOX)
      }
    },
    'content:told': (state, { id, what, feedback }) =>
      changed(state, id, item => {
        let isOld = what === 'feedback' && feedback !== undefined && !isSame(feedback, item.feedback)
        return isOld || item.told.includes(what) ? item : { ...item, told: [...item.told, what] }
      }),
    'content:received': (state, { id }, { at }) =>
      changed(state, id, item => ({ ...item, receivedAt: item.receivedAt ?? at })),
    'content:confirm': (state, { id }, { at }) =>
      changed(state, id, item => ({
        ...item,
        receivedAt: item.receivedAt ?? at,
        confirmedAt: item.confirmedAt ?? at
      })),
    'content:feedback': (state, { id, rating, comment }) =>
      changed(state, id, item => ({
        ...item,
        feedback: { rating, comment },
        told: item.told.filter(what => what !== 'feedback')
      }))
  },
  refuse: { 'content:received': unknown, 'content:confirm': unknown, 'content:feedback': unknown },
  commands: {
    /** The person has it; throws when it is not in the inbox. */
    confirm: ({ state }, id: string) => {
      existing(state.items, id, 'id', 'content')
      return { type: 'content:confirm', data: { id } }
    },
    /** What the person thinks of it: 1 to 5, and at most 500 characters. A later one takes its place. */
    giveFeedback: ({ state }, id: string, rating: number, comment = '') => {
      existing(state.items, id, 'id', 'content')
      return { type: 'content:feedback', data: { id, rating, comment } }
    }
  },
  local: receive
})
