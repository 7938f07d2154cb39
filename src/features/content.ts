// Content on its way to people, as those see it who send it: stages, timelines, previews, feedback and figures. Delivering is
// handlers/content's; what the recipient has is content-inbox's.

import { defineFeature, durable, type EventMeta } from '../feature.js'
import { nullable, number, object, string } from '../schema.js'
import { appended, existing } from './bounded.js'
import {
  counted,
  type DeliveryFigures,
  type DeliveryStage,
  type Moving,
  moved,
  NO_FIGURES,
  noted
} from './content-delivery.js'
import {
  type Content,
  contentFields,
  contentSchema,
  type Feedback,
  feedbackFields,
  idSchema,
  userSchema
} from './content-events.js'

/** Deliveries kept; the oldest that are over give way. */
export const MAX_DELIVERIES = 200
/** Previews kept; the oldest that are over give way. */
export const MAX_PREVIEWS = 20
/** Opinions kept of one delivery; the oldest give way. */
export const MAX_FEEDBACK = 20

/** One content on its way to one person. */
export interface Delivery extends Content, Moving {
  readonly id: string
  readonly recipient: string
  readonly by: string
  /** Milliseconds since 1970 by the server's clock. */
  readonly at: number
  /** Attempts that failed, in all. */
  readonly attempts: number
  /** Of those, how many were before it was tried again by hand. */
  readonly attemptsBefore: number
  /** When it is tried again by itself; `null` when at once, or not at all. */
  readonly nextAt: number | null
  /** Why the last attempt failed; `null` when it did not. */
  readonly error: string | null
  /** One of each person, newest last; at most 20. */
  readonly feedback: ReadonlyArray<Feedback & { readonly by: string; readonly at: number }>
}

/** What content would look like. */
export interface ContentPreview {
  readonly id: string
  readonly template: string
  readonly data: Readonly<Record<string, string>>
  readonly by: string
  readonly at: number
  /** `null` until it is there. */
  readonly result: Content | null
  /** Why there is none; `null` when there is, or may yet be. */
  readonly error: string | null
}

export interface ContentState {
  /** Newest last, at most 200. */
  readonly deliveries: readonly Delivery[]
  /** Newest last, at most 20. */
  readonly previews: readonly ContentPreview[]
  readonly figures: DeliveryFigures
}

/** Nobody has to do anything more for it. */
export function isOver({ stage }: Moving): boolean {
  return stage !== 'queued' && stage !== 'sent'
}

export function isReady({ result, error }: ContentPreview): boolean {
  return result !== null || error !== null
}

/** The list without its oldest item that may go, when it is full; `null` when none may. */
function withRoom<T>(list: readonly T[], max: number, mayGo: (item: T) => boolean): readonly T[] | null {
  if (list.length < max) return list
  let first = list.findIndex(mayGo)
  return first < 0 ? null : list.filter((_, i) => i !== first)
}

/** Moves a delivery on, if that may follow. */
function move(
  state: ContentState,
  id: string,
  stage: DeliveryStage,
  at: number,
  more: Partial<Delivery> = {},
  note = ''
): ContentState {
  let before = state.deliveries.find(item => item.id === id)
  let next = before && moved(before, stage, at, note)
  if (!before || !next) return state
  return {
    ...state,
    deliveries: state.deliveries.map(item => (item === before ? { ...next, ...more } : item)),
    figures: counted(state.figures, before.stage, next)
  }
}

const id = idSchema
const ofServer = { author: 'server' } as const
const initial: ContentState = { deliveries: [], previews: [], figures: NO_FIGURES }

/**
 * Delivering content. Each delivery goes from `queued` over `sent` and `delivered` to `confirmed`, or is `failed`; whatever may
 * not follow is refused of a client and has no effect from a server.
 *
 * ```ts
 * let { trigger, $state } = client.room('operations').use(content)
 * await trigger('ada', { title: 'A song for you', body: '…' })
 * performanceOf($state.get().figures).arriving?.p95
 * ```
 */
export const content = defineFeature({
  name: 'content',
  version: 1,
  events: {
    'content:trigger': durable(object({ recipient: userSchema, ...contentFields })),
    'content:generatePreview': durable(object({ template: string({ min: 1, max: 4000 }), data: contentFields.data })),
    'content:feedback': durable(object({ id, ...feedbackFields })),
    'content:retry': durable(object({ id })),
    'content:sent': durable(object({ id }), ofServer),
    'content:delivered': durable(object({ id }), ofServer),
    'content:confirmed': durable(object({ id }), ofServer),
    /** An attempt failed; `nextAt`: when the next one is made, `null`: it is given up. */
    'content:error': durable(
      object({ id, error: string({ min: 1, max: 200 }), nextAt: nullable(number({ min: 0 })) }),
      ofServer
    ),
    /** One of `result` and `error` is there. */
    'content:preview': durable(
      object({ id, result: nullable(contentSchema), error: nullable(string({ min: 1, max: 200 })) }),
      ofServer
    )
  },
  initial,
  reduce: {
    'content:trigger': (state, { recipient, title, body, data }, { id, actor: by, at }) => {
      let deliveries = withRoom(state.deliveries, MAX_DELIVERIES, isOver)
      if (!deliveries || state.deliveries.some(item => item.id === id)) return state
      let start = { attempts: 0, attemptsBefore: 0, nextAt: null, error: null, feedback: [] }
      let timeline = [{ stage: 'queued' as const, at, note: '' }]
      let fresh: Delivery = { id, recipient, title, body, data, by, at, stage: 'queued', timeline, ...start }
      let figures = { ...state.figures, triggered: state.figures.triggered + 1 }
      return { ...state, deliveries: [...deliveries, fresh], figures }
    },
    'content:generatePreview': (state, { template, data }, { id, actor: by, at }) => {
      let previews = withRoom(state.previews, MAX_PREVIEWS, isReady)
      if (!previews || state.previews.some(item => item.id === id)) return state
      return { ...state, previews: [...previews, { id, template, data, by, at, result: null, error: null }] }
    },
    'content:feedback': (state, { id, rating, comment }, { actor: by, at }: EventMeta) => {
      if (whyNoFeedback(state, id) !== null) return state
      let opinion = { rating, comment, by, at }
      let rate = (item: Delivery): Delivery => ({
        ...item,
        feedback: appended(
          item.feedback.filter(other => other.by !== by),
          opinion,
          MAX_FEEDBACK
        )
      })
      return { ...state, deliveries: state.deliveries.map(item => (item.id === id ? rate(item) : item)) }
    },
    'content:retry': (state, { id }, { at, actor }) => {
      let attemptsBefore = state.deliveries.find(item => item.id === id)?.attempts ?? 0
      return move(
        state,
        id,
        'queued',
        at,
        { attemptsBefore, nextAt: null, error: null },
        `again, by ${actor}`.slice(0, 200)
      )
    },
    'content:sent': (state, { id }, { at }) => move(state, id, 'sent', at, { error: null, nextAt: null }),
    'content:delivered': (state, { id }, { at }) => move(state, id, 'delivered', at, { error: null }),
    'content:confirmed': (state, { id }, { at }) => move(state, id, 'confirmed', at),
    'content:error': (state, { id, error, nextAt }, { at }) => {
      let before = state.deliveries.find(item => item.id === id)
      if (!before) return state
      let attempts = before.attempts + 1
      if (nextAt === null) return move(state, id, 'failed', at, { attempts, error, nextAt }, error)
      if (before.stage !== 'queued') return state
      let tried = noted({ ...before, attempts, error, nextAt }, { stage: 'attempt', at, note: error })
      return {
        ...state,
        deliveries: state.deliveries.map(item => (item === before ? tried : item)),
        figures: { ...state.figures, retried: state.figures.retried + 1 }
      }
    },
    'content:preview': (state, { id, result, error }) => {
      let made = result && { title: result.title, body: result.body, data: result.data }
      let end = (item: ContentPreview): ContentPreview => ({
        ...item,
        result: made,
        error: made ? null : (error ?? 'failed')
      })
      return { ...state, previews: state.previews.map(item => (item.id === id && !isReady(item) ? end(item) : item)) }
    }
  },
  refuse: {
    'content:trigger': state => (withRoom(state.deliveries, MAX_DELIVERIES, isOver) ? null : 'too-many-open'),
    'content:generatePreview': state => (withRoom(state.previews, MAX_PREVIEWS, isReady) ? null : 'too-many-open'),
    'content:feedback': (state, { id }) => whyNoFeedback(state, id),
    'content:retry': ({ deliveries }, { id }) => {
      let stage = deliveries.find(item => item.id === id)?.stage
      return stage === undefined ? 'unknown-delivery' : stage === 'failed' ? null : 'not-failed'
    }
  },
  commands: {
    /** Sets content on its way to a user; its id is the receipt's id. */
    trigger: (_, recipient: string, { title, body = '', data = {} }: Partial<Content> & Pick<Content, 'title'>) => ({
      type: 'content:trigger',
      data: { recipient, title, body, data }
    }),
    /** Asks what content would look like; the preview's id is the receipt's id. What a template is, the app says. */
    generatePreview: (_, template: string, data: Readonly<Record<string, string>> = {}) => ({
      type: 'content:generatePreview',
      data: { template, data }
    }),
    /** One's opinion of what was delivered: 1 to 5, and at most 500 characters. A later one takes its place. */
    giveFeedback: ({ state }, id: string, rating: number, comment = '') => {
      existing(state.deliveries, id, 'id', 'delivery')
      return { type: 'content:feedback', data: { id, rating, comment } }
    },
    /** Tries a failed one again; the server refuses it for one that has not failed. Throws when there is none. */
    retryDelivery: ({ state }, id: string) => {
      existing(state.deliveries, id, 'id', 'delivery')
      return { type: 'content:retry', data: { id } }
    }
  }
})

function whyNoFeedback({ deliveries }: ContentState, id: string): string | null {
  let stage = deliveries.find(item => item.id === id)?.stage
  if (stage === undefined) return 'unknown-delivery'
  return stage === 'delivered' || stage === 'confirmed' ? null : 'not-delivered'
}
