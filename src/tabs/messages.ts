// What the tabs of one app and user tell each other over their channel. Frames travel in it as the texts that a socket would
// carry. Any message may be lost, come twice, or come late from a tab that was frozen.

import type { Channel, Transport } from '../ports.js'

/** Raised when a tab of this version cannot follow one of the version before. */
export const TABS_VERSION = 1

/** How the leading tab's connection stands. */
export interface LeaderState {
  readonly phase: string
  readonly reason: string
  readonly attempt: number
  /** When the next attempt starts, in milliseconds since 1970. */
  readonly nextAt: number | null
  readonly error: { readonly code: string; readonly message: string } | null
  readonly transport: Transport | 'none'
}

export type TabMessage =
  /** The outbox changed. */
  | { readonly t: 'wrote' }
  /** Whoever leads shall show itself. */
  | { readonly t: 'who' }
  /** The leader shows itself. */
  | ({ readonly t: 'beat' } & Beat)
  /** A tab wants a link to the leader: `l` names it. */
  | { readonly t: 'open'; readonly l: string }
  /** It has one; the next message down has the number after `n`. */
  | { readonly t: 'opened'; readonly l: string; readonly term: number; readonly n: number }
  /** A text to the leader, the `u`th of the link. */
  | { readonly t: 'up'; readonly l: string; readonly u: number; readonly text: string }
  /** A text to one link, or to all but one, the `n`th of the leader. */
  | {
      readonly t: 'down'
      readonly term: number
      readonly n: number
      readonly to?: string | undefined
      readonly not?: string | undefined
      readonly text: string
    }
  /** The follower's end of a link is over. */
  | { readonly t: 'close'; readonly l: string }
  /** The leader's end of a link is over; without `l`, of all links. */
  | { readonly t: 'shut'; readonly term: number; readonly l?: string }
  /** The app handed in a new token. */
  | { readonly t: 'auth'; readonly token: string }
  /** A tab that waits for the leader's connection knows something: it is worth another attempt. */
  | { readonly t: 'hint'; readonly hint: 'online' | 'visible' | 'probe' }
  /** The session is over for every tab. */
  | { readonly t: 'end'; readonly reason: string }

export interface Beat {
  /** Grows with every change of the leader. */
  readonly term: number
  /** For how long the leader has been in the background, in milliseconds; 0 when it is visible. */
  readonly hidden: number
  /** The last number down. */
  readonly n: number
  /** The last number up that came in, by link. */
  readonly links: Readonly<Record<string, number>>
  readonly state: LeaderState
}

export interface Envelope {
  readonly v: number
  readonly from: string
  readonly m: TabMessage
}

export type Post = (message: TabMessage) => void

/** Puts the tab's name and version on what it says. */
export function postTo(channel: Channel | null, from: string): Post {
  return m => channel?.post({ v: TABS_VERSION, from, m } satisfies Envelope)
}
