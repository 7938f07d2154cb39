// Who is typing in a room. Told while it lasts, never stored: whoever falls silent, sends, or is gone stops typing on every
// screen by themselves, also where the word of it is lost. Does not know messages; whoever shows them says that one came.

import { atom, computed, type ReadableAtom } from 'nanostores'
import { defineFeature, type LocalHost, type LocalPart, volatile } from '../feature.js'
import type { Stop } from '../ports.js'
import { boolean, object } from '../schema.js'
import { withEntry } from './bounded.js'

/** So long after the last key somebody has stopped typing, in milliseconds. */
export const TYPING_SILENCE_MS = 1000
/** While somebody goes on typing it is told again after this many milliseconds. */
export const TYPING_REFRESH_MS = 1500
/** Others believe it for this many seconds after they heard of it last. */
export const TYPING_SECONDS = 3
/** Of so many people it is known at once that they type; of more, the newest count. */
export const MAX_TYPISTS = 100

/** When each user was last heard of typing, in milliseconds since 1970 by the server's clock. At most 100. */
export interface TypingState {
  readonly users: Readonly<Record<string, number>>
}

/** Somebody who is typing. */
export interface Typist {
  readonly userId: string
  /** Since when this page has known, in milliseconds since 1970 by the server's clock. */
  readonly since: number
}

/** Who is typing now, besides this user. */
export interface TypingView {
  /** In the order in which they began. */
  readonly typing: readonly Typist[]
  /** Whether this tab has told that its user types. */
  readonly isTyping: boolean
}

/** The commands of this page. */
export interface TypingLocal extends LocalPart<TypingView> {
  readonly $state: ReadableAtom<TypingView>
  /** Call it at every key: told to the others at once, and again while it goes on; 1 s after the last call it is over. */
  startTyping(): void
  /** Call it when the text is sent or thrown away. Does nothing when nothing was told. */
  stopTyping(): void
  /**
   * A message of a user has come, sent at `at` (milliseconds since 1970 by the server's clock): whatever they were told to be
   * typing before that is over, whether or not the word of it arrived.
   */
  messageFrom(userId: string, at: number): void
}

const initial: TypingState = { users: {} }
const events = { typing: volatile(object({ isTyping: boolean() }), { seconds: TYPING_SECONDS }) }

/**
 * Who is typing in a room. The user is the one that the server authenticated; their name is the app's to know.
 *
 * ```ts
 * let { $state, startTyping, stopTyping } = room.use(typing)
 * input.oninput = startTyping
 * form.onsubmit = () => stopTyping()
 * $state.subscribe(({ typing }) => (line.textContent = typingText(typing.map(({ userId }) => nameOf(userId)))))
 * ```
 */
export const typing = defineFeature({
  name: 'typing',
  version: 1,
  events,
  initial,
  reduce: {
    typing: (state, { isTyping }, { actor, at }) => {
      if (isTyping) return { users: withEntry(state.users, actor, at, MAX_TYPISTS, heard => heard) }
      if (!Object.hasOwn(state.users, actor)) return state
      let { [actor]: _, ...users } = state.users
      return { users }
    }
  },
  commands: {},
  local: watchTyping
})

function watchTyping(host: LocalHost<TypingState, typeof events>): TypingLocal {
  let $isTyping = atom(false)
  /** By user, when the newest message of theirs was sent. */
  let $messages = atom<ReadonlyMap<string, number>>(new Map())
  let stopSilence: Stop | null = null
  let toldAt = -Infinity
  let view: TypingView = { typing: [], isTyping: false }

  function tell(isTyping: boolean): void {
    $isTyping.set(isTyping)
    toldAt = host.clock.mono()
    void host.send({ type: 'typing', data: { isTyping } })
  }

  function stopTyping(): void {
    stopSilence?.()
    stopSilence = null
    if ($isTyping.get()) tell(false)
  }

  return {
    $state: computed([host.$state, $messages, $isTyping], ({ users }, messages, isTyping): TypingView => {
      let typing = typistsOf(users, messages, view.typing, host.me)
      if (typing !== view.typing || isTyping !== view.isTyping) view = { typing, isTyping }
      return view
    }),
    startTyping() {
      stopSilence?.()
      stopSilence = host.clock.after(TYPING_SILENCE_MS, stopTyping)
      if (!$isTyping.get() || host.clock.mono() - toldAt >= TYPING_REFRESH_MS) tell(true)
    },
    stopTyping,
    messageFrom(userId, at) {
      let messages = $messages.get()
      if ((messages.get(userId) ?? -Infinity) >= at) return
      let others = [...messages].filter(([user]) => user !== userId).slice(1 - MAX_TYPISTS)
      $messages.set(new Map([...others, [userId, at]]))
    },
    close() {
      stopSilence?.()
    }
  }
}

/** Who of those that were heard of is typing still: not oneself, and nobody whose message came after that. */
function typistsOf(
  users: TypingState['users'],
  messages: ReadonlyMap<string, number>,
  before: readonly Typist[],
  me: string
): readonly Typist[] {
  let now = Object.entries(users).filter(([user, at]) => user !== me && at > (messages.get(user) ?? -Infinity))
  let since = new Map(before.map(typist => [typist.userId, typist]))
  let next = now.map(([userId, at]) => since.get(userId) ?? { userId, since: at })
  next.sort((a, b) => a.since - b.since || (a.userId < b.userId ? -1 : 1))
  return next.length === before.length && next.every((typist, i) => typist === before[i]) ? before : next
}

/** The words of `typingText`, for other languages. */
export interface TypingWords {
  one(name: string): string
  two(first: string, second: string): string
  three(first: string, second: string, third: string): string
  /** `others` is 2 or more. */
  many(first: string, second: string, others: number): string
}

const ENGLISH: TypingWords = {
  one: name => `${name} is typing`,
  two: (first, second) => `${first} and ${second} are typing`,
  three: (first, second, third) => `${first}, ${second} and ${third} are typing`,
  many: (first, second, others) => `${first}, ${second} and ${others} others are typing`
}

/**
 * What to write for names of people who type: nothing for none, «A is typing», «A and B are typing», «A, B and C are typing»,
 * and from four on «A, B and 2 others are typing».
 */
export function typingText(names: readonly string[], words: TypingWords = ENGLISH): string {
  let [first, second, third] = names
  if (first === undefined) return ''
  if (second === undefined) return words.one(first)
  if (third === undefined) return words.two(first, second)
  if (names.length === 3) return words.three(first, second, third)
  return words.many(first, second, names.length - 2)
}
