// What an acknowledgement says, in the forms that backends have for it. Pure.

import { fields } from './table.js'

export type Answer =
  | {
      readonly ok: true
      /** The id that the backend gave to what it made. */
      readonly id?: string
      /** When it happened, in milliseconds since 1970. */
      readonly at?: number
    }
  | {
      readonly ok: false
      readonly code: string
      readonly message?: string
      /** Not for good: it may be tried again after so many milliseconds. */
      readonly after?: number
    }

export type ReadAnswer = (args: readonly unknown[]) => Answer

const WORD = /^[\w.:-]{1,64}$/

/**
 * Reads the arguments of an acknowledgement. A refusal is an object with `error`, or with `ok` or `success` false, or with
 * `status: 'error'`; a first argument that is an `Error` or, before another one, a text. Its code is `code` or a text that
 * is one word; `retryAfter` (milliseconds) says that it is not for good. Anything else is a yes, with `id` and `timestamp`
 * where they are told.
 */
export function readAnswer(args: readonly unknown[]): Answer {
  let [first, second] = args
  if (typeof first === 'string' && args.length > 1) return refusal({ error: first })
  // By the convention of Node, what went wrong comes first.
  let answer = fields(first ?? second)
  let { error, ok, success, status } = answer
  let isError = first instanceof Error || (error !== undefined && error !== null && error !== false)
  if (isError || ok === false || success === false || status === 'error') return refusal(answer)
  let id = answer.id ?? answer.messageId ?? fields(answer.data).id
  let at = answer.timestamp ?? answer.at
  let ms = typeof at === 'string' ? Date.parse(at) : at
  return {
    ok: true,
    ...(typeof id === 'string' || typeof id === 'number' ? { id: String(id) } : {}),
    ...(typeof ms === 'number' && Number.isFinite(ms) ? { at: ms } : {})
  }
}

function refusal(answer: Readonly<Record<string, unknown>>): Answer {
  let { error } = answer
  let inner = fields(error)
  let words = [answer.code, inner.code, error, answer.message]
  let code = words.find((word): word is string => typeof word === 'string' && WORD.test(word)) ?? 'refused'
  let said = [answer.message, inner.message, error].find((word): word is string => typeof word === 'string')
  let after = answer.retryAfter ?? inner.retryAfter
  return {
    ok: false,
    code,
    ...(said === undefined || said === code ? {} : { message: said.slice(0, 1000) }),
    ...(typeof after === 'number' && after >= 0 ? { after } : {})
  }
}
