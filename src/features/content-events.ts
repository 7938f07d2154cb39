// What content is made of, for the room that sends it and for the one that gets it.

import { integer, object, record, string } from '../schema.js'

/** What is delivered, or shown as a preview. */
export interface Content {
  /** 1 to 200 characters. */
  readonly title: string
  /** At most 4,000 characters. */
  readonly body: string
  /** What the app needs to show it: at most 20 texts of at most 500 characters. */
  readonly data: Readonly<Record<string, string>>
}

export const contentFields = {
  title: string({ min: 1, max: 200 }),
  body: string({ max: 4000 }),
  data: record(string({ max: 500 }), { max: 20 })
}
export const contentSchema = object(contentFields)

/** A person's opinion. */
export interface Feedback {
  /** 1 to 5. */
  readonly rating: number
  /** At most 500 characters. */
  readonly comment: string
}
export const feedbackFields = { rating: integer({ min: 1, max: 5 }), comment: string({ max: 500 }) }

export const idSchema = string({ min: 1, max: 64 })
export const userSchema = string({ min: 1, max: 200 })
