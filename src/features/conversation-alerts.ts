// Desktop notifications for messages that nobody is looking at: shown once per device, and by no tab while one of them is
// focused. What is focused says the page; off until it is turned on.

import type { EventMap, LiveEvent, LocalHost } from '../feature.js'
import type { Stop } from '../ports.js'

/** How long a focused tab has to say that the message is being looked at, in milliseconds. */
export const ALERT_AFTER = 400

/** The part of an update that an alert tells of. */
interface Told {
  readonly conversationId: string
  readonly title: string | null
  readonly total: number
  readonly lastMessage: { readonly id: string; readonly content: string; readonly sender: string } | null
}

export interface AlertOptions {
  /** What a notification is headed with; default: the conversation's title, or the sender. */
  readonly titleOf?: (update: {
    readonly conversationId: string
    readonly sender: string
    readonly title: string | null
  }) => string
  /** The person clicked on it. */
  readonly onClick?: (conversationId: string) => void
}

export interface ConversationAlerts {
  /** Turns desktop notifications on. The person must have allowed them: ask by the port's `ask()`. Returns what turns them off. */
  enableAlerts(options?: AlertOptions): Stop
  /** Whether the person is looking at this page. Until this is told, nobody is. */
  setFocused(isFocused: boolean): void
  close(): void
}

/** Decides and shows; needs no state of its own but what was told last. */
export function createConversationAlerts<S, E extends EventMap>(host: LocalHost<S, E>): ConversationAlerts {
  let { notifications } = host.devices
  let options: AlertOptions | null = null
  let isFocused = false
  let timers = new Set<Stop>()
  let shown = new Set<Stop>()
  /** Number of the newest message that was told of, by conversation: an edit tells of none. */
  let told = new Map<string, number>()

  async function alert({ conversationId, title, lastMessage }: Told, chosen: AlertOptions): Promise<void> {
    if (!lastMessage || !notifications) return
    // Whoever claims it first has it: a focused tab, at once, to show nothing.
    if (!(await host.claim(`alert/${lastMessage.id}`)) || isFocused || options !== chosen) return
    let { content, sender } = lastMessage
    let head = chosen.titleOf?.({ conversationId, sender, title }) ?? title ?? sender
    let onClick = (): void => chosen.onClick?.(conversationId)
    shown.add(notifications.show(head, { body: content, tag: conversationId, onClick }))
  }

  function onUpdate(update: Told): void {
    let { conversationId, total, lastMessage } = update
    let isNew = total > (told.get(conversationId) ?? 0)
    told.set(conversationId, total)
    let chosen = options
    if (!chosen || !isNew || !lastMessage?.content || lastMessage.sender === host.me) return
    let stop = host.clock.after(isFocused ? 0 : ALERT_AFTER, () => {
      timers.delete(stop)
      void alert(update, chosen).catch(error => host.report('alert-failed', error))
    })
    timers.add(stop)
  }

  let stopListening = host.onEvent((event: LiveEvent<E>) => {
    if (event.type === 'conversationUpdate') onUpdate(event.data as unknown as Told)
  })

  function clear(stops: Set<Stop>): void {
    for (let stop of stops) stop()
    stops.clear()
  }

  return {
    enableAlerts(next = {}) {
      options = next
      return () => {
        if (options === next) options = null
      }
    },
    setFocused(next) {
      isFocused = next
      // What was told is being looked at now.
      if (next) clear(shown)
    },
    close() {
      stopListening()
      clear(timers)
    }
  }
}
