// Pages back through a conversation on this page: the newest messages are those of the shared state, older ones are made from the
// room's log, in front of them without a seam. What happens to older messages comes in live; what happened while this page was
// away is fetched. Knows nothing of how messages are shown.

import { atom, type ReadableAtom } from 'nanostores'
import { RealtimeError } from '../errors.js'
import type { EventMap, HistoryPage, LiveEvent, LocalHost } from '../feature.js'
import type { EventFrame } from '../protocol/frames.js'
import {
  type ChatEvent,
  type ChatLog,
  caughtUp,
  concernsMessages,
  createMessages,
  type LogEnd,
  logOf,
  type Messages,
  withOlder
} from './chat-log.js'
import type { ChatMessage } from './chat-messages.js'

/** `page`: messages that a call of `loadOlder` brings, at least, where there are so many; `most`: events asked for at once. */
const SIZES = { page: 50, most: 500 }
/** How long after a failure what was missed is asked for again, in milliseconds. */
const AGAIN = 2000

/** How far back the messages of this page go. */
export interface ChatPaging {
  readonly isLoading: boolean
  /** Whether `loadOlder` may bring more. */
  readonly hasOlder: boolean
  /** `trimmed`: there were older ones, and the server keeps them no more. */
  readonly end: LogEnd
  /** Code of what went wrong last, such as `not-connected`; null when nothing did. */
  readonly error: string | null
}

/** What paging needs of the shared state. */
export interface PagedState {
  readonly messages: readonly ChatMessage[]
  readonly total: number
}

export interface ChatPages {
  /** All messages that this page has, in order: older ones as far as they were loaded, and those of `$state`. */
  readonly $messages: ReadableAtom<readonly ChatMessage[]>
  readonly $paging: ReadableAtom<ChatPaging>
  /**
   * Loads at least 50 older messages, or as many as there are. Needs a connection. Resolves to whether there are more of them
   * now; never rejects, see `$paging.error`.
   */
  loadOlder(): Promise<boolean>
  close(): void
}

export function createChatPaging<S extends PagedState, E extends EventMap>(
  host: LocalHost<S, E>,
  { page, most } = SIZES
): ChatPages {
  let { $state, $status } = host
  let $messages = atom<readonly ChatMessage[]>($state.get().messages)
  let $paging = atom<ChatPaging>({ isLoading: false, hasOlder: false, end: 'start', error: null })
  let log: ChatLog | null = null
  let messages: Messages | null = null
  /** Something may have happened that `log` does not contain. */
  let isBehind = false
  /** Came in since the last question was asked; null when nothing was asked yet. */
  let live: ChatEvent[] | null = null
  /** Counts the times that the room was lost and found: what was asked before may not tell what was missed. */
  let life = 0
  let busy: Promise<boolean> | null = null
  let isGoingBack = false
  let error: string | null = null
  let stopAgain = (): void => {}
  let isClosed = false
  let wasStale = $status.get().stale

  /** Null while what was loaded does not reach to what is new. */
  function spliced(): readonly ChatMessage[] | null {
    let first = $state.get().messages[0]
    return (first && messages?.before(first)) ?? null
  }
  let older = (): readonly ChatMessage[] => spliced() ?? []

  function paint(): void {
    let { messages: newest, total } = $state.get()
    let before = spliced()
    $messages.set(before?.length ? [...before, ...newest] : newest)
    let isWhole = total <= (before?.length ?? 0) + newest.length
    // Without a seam: while something is missing in between, it will be found; else not even the newest are all in the log.
    let isOpen = log === null || (before === null && isBehind)
    let end: LogEnd = isWhole ? 'start' : isOpen ? 'more' : (log as ChatLog).end
    let next: ChatPaging = { isLoading: busy !== null, hasOlder: end === 'more', end, error }
    let shown = $paging.get()
    if ((Object.keys(next) as (keyof ChatPaging)[]).some(key => next[key] !== shown[key])) $paging.set(next)
  }

  function keep(next: ChatLog | null, seen: readonly EventFrame[]): void {
    log = next
    let known = new Set(seen.map(({ id }) => id))
    // What came before something that was seen, and was not seen, is older than all of it: the server keeps it no more.
    let all = live ?? []
    live = all.slice(all.findLastIndex(({ meta }) => known.has(meta.id)) + 1)
    messages = log && createMessages([...log.events, ...live])
  }

  async function ask(mine: number, before: number | undefined, limit: number): Promise<HistoryPage> {
    let answer = await host.history({ limit, ...(before === undefined ? {} : { before }) })
    if (mine !== life || isClosed) throw new RealtimeError('not-connected', 'The connection was lost.')
    return answer
  }

  /** The newest events, back to an offset or at least so many. */
  async function newest(mine: number, reached: (frames: readonly EventFrame[]) => boolean, limit: number) {
    live = []
    let frames: readonly EventFrame[] = []
    for (;;) {
      let { events, done } = await ask(mine, frames[0]?.offset, limit)
      frames = [...events, ...frames]
      let isDone = done || events.length === 0
      if (isDone || reached(frames)) return { frames, isDone }
    }
  }

  async function catchUp(mine: number): Promise<void> {
    let known = log
    if (!known) return
    let { to } = known
    let { frames, isDone } = await newest(mine, frames => (frames[0]?.offset ?? 0) <= to, page)
    keep(caughtUp(known, frames, isDone), frames)
    isBehind = false
  }

  async function begin(mine: number): Promise<void> {
    let first = $state.get().messages[0]?.id
    let isReached = (frames: readonly EventFrame[]): boolean => frames.some(({ id }) => id === first)
    let { frames, isDone } = await newest(mine, isReached, most)
    keep(logOf(frames, isDone), frames)
    isBehind = false
  }

  async function back(mine: number): Promise<boolean> {
    if (!log) await begin(mine)
    else if (isBehind) await catchUp(mine)
    let had = $messages.get().length - $state.get().messages.length
    while (log?.end === 'more' && older().length < had + page) {
      let { events, done } = await ask(mine, log.from, most)
      log = withOlder(log, events, done)
      messages = createMessages([...log.events, ...(live ?? [])])
    }
    return older().length > had
  }

  /** One thing at a time. */
  function run(work: (mine: number) => Promise<boolean>): Promise<boolean> {
    stopAgain()
    error = null
    busy = work(life)
      .catch(failure => {
        error = String((failure as { code?: unknown })?.code ?? 'internal')
        return false
      })
      .then(isMore => {
        busy = null
        isGoingBack = false
        if (isClosed) return false
        paint()
        if (isBehind && log && !$status.get().stale) stopAgain = host.clock.after(error === null ? 0 : AGAIN, follow)
        return isMore
      })
    paint()
    return busy
  }

  function follow(): void {
    if (!busy && log && isBehind && !isClosed) void run(mine => catchUp(mine).then(() => false))
  }

  let stops = [
    $state.listen(paint),
    $status.listen(({ stale }) => {
      if (stale === wasStale) return
      wasStale = stale
      // What came in the meantime may have been told to nobody.
      life++
      isBehind = true
      if (stale) return
      if (error === 'not-connected' && !busy) error = null
      paint()
      follow()
    }),
    host.onEvent((event: LiveEvent<E>) => {
      if (!live || !concernsMessages(event)) return
      live.push(event as ChatEvent)
      // A message behind a hole would hide the hole.
      if (!isBehind || event.type !== 'message') messages?.apply(event as ChatEvent)
      if (messages) paint()
    })
  ]
  paint()

  return {
    $messages,
    $paging,
    async loadOlder() {
      if (busy && !isGoingBack) await busy
      if (busy) return busy
      if (isClosed || !$paging.get().hasOlder) return false
      isGoingBack = true
      return run(back)
    },
    close() {
      isClosed = true
      stopAgain()
      for (let stop of stops) stop()
    }
  }
}
