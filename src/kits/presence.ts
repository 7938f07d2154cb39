// The people of a conversation as one store: who is there and how, since when those are gone who left, who calls and who edits
// what; and this device's own part in it, told once for all of its tabs. Joins presence, the features of status and the tabs of
// the device; what is shown is decided in people.ts.

import { atom, computed, type ReadableAtom } from 'nanostores'
import type { Realtime } from '../client.js'
import { type CallState, mergedSelf, NOBODY, type Self } from '../core/members.js'
import { browserChannel, browserLocks, browserPage } from '../env/browser.js'
import { realClock, realRandom } from '../env/clock.js'
import type { Receipt } from '../feature.js'
import { type PersonaStatus, personaStatus } from '../features/persona-status.js'
import type { Clock, Locks, OpenChannel, Page, Random } from '../ports.js'
import { createTable } from '../tabs/table.js'
import { type Person, peopleOf } from './people.js'

export { callText, editingText, type Person, whereabouts } from './people.js'

/** Somebody came or went. */
export interface PresenceNotice {
  readonly type: 'userJoined' | 'userLeft'
  readonly userId: string
  readonly conversationId: string
  /** Milliseconds since 1970 by this device's clock. */
  readonly at: number
}

export interface PresenceView {
  readonly conversationId: string
  /** By user: everyone who is there, and those who left of whom it is known when. Oneself is among them. */
  readonly people: Readonly<Record<string, Person>>
  /** How many of them are not `offline`. */
  readonly onlineCount: number
  /** Who came and went, newest last; at most 50. Oneself is not among them. */
  readonly notices: readonly PresenceNotice[]
  /** This page does not hear of changes now: what is shown is what it knew last. */
  readonly stale: boolean
}

export interface Presence {
  readonly $state: ReadableAtom<PresenceView>
  /**
   * Whether somebody uses this tab: hand it to `watchActivity`. Their device is `away` when nobody uses any of its tabs. A tab
   * that is never told counts as used.
   */
  setActive(isActive: boolean): void
  /** The call that this tab is in. Ends with the tab. */
  setCall(call: CallState): void
  /** What is edited in this tab, if anything; at most 200 characters. Ends with the tab. */
  setEditing(target: string | null): void
  /** What the user is doing, in the app's own words; at most 200 characters. Ends with the tab. */
  setActivity(activity: string | null): void
  /** The status by hand: counts for all devices, survives reloads, and is detected again after `null`. */
  setStatus(status: PersonaStatus | null): Receipt
  /** This tab has said nothing from here on. Lets go of the room. */
  close(): void
}

/** What comes from outside; replaced by tests and unusual hosts. */
export interface PresencePorts {
  readonly clock: Clock
  readonly random: Random
  readonly locks: Locks | null
  readonly openChannel: OpenChannel | null
  readonly page: Page | null
}

const MAX_NOTICES = 50
const MAX_TEXT = 200

/** What one tab says; the newest word on a call or a target counts. */
type TabSelf = Self & { readonly since: number }

/**
 * The people of a conversation.
 *
 * ```ts
 * let presence = createPresence(client, 'conversation:7')
 * let stop = watchActivity(presence.setActive)
 * presence.setEditing('title')
 * presence.$state.subscribe(({ people, onlineCount }) => { … })
 * ```
 */
export function createPresence(client: Realtime, conversationId: string, options?: Partial<PresencePorts>): Presence {
  let ports: PresencePorts = {
    clock: realClock,
    random: realRandom,
    locks: browserLocks(),
    openChannel: browserChannel(),
    page: browserPage(),
    ...options
  }
  let { clock } = ports
  let room = client.room(conversationId)
  let status = room.use(personaStatus)
  let $notices = atom<readonly PresenceNotice[]>([])
  /** No other tab of this device speaks of this conversation. */
  let isAlone = true
  let mine: TabSelf = { ...NOBODY, since: clock.now() }
  let table = createTable<TabSelf>(
    { ...ports, name: `realtime-stores/1/${client.app}/${client.user}/table/${conversationId}`, changed: speak },
    mine
  )

  /** Every tab says the same of the device: whichever of them is heard last, it is right. */
  function speak(tabs: readonly TabSelf[]): void {
    isAlone = tabs.length === 1
    let self = [...tabs]
      .sort((a, b) => a.since - b.since)
      .reduce<Self | undefined>((known, { since: _, ...said }) => mergedSelf(known, said), undefined)
    if (self) room.presence.set({ ...self })
  }

  function say(patch: Partial<Self>): void {
    mine = { ...mine, ...patch, since: clock.now() }
    table.say(mine)
  }

  function note(type: PresenceNotice['type'], { room, user }: { room: string; user: string }): void {
    if (room !== conversationId) return
    let notice = { type, userId: user, conversationId, at: clock.now() }
    $notices.set([...$notices.get(), notice].slice(-MAX_NOTICES))
  }
  let stops = [
    client.on('memberJoined', member => note('userJoined', member)),
    client.on('memberLeft', member => note('userLeft', member))
  ]

  return {
    $state: computed(
      [room.presence.$roster, status.$state, $notices, room.$status],
      (roster, statuses, notices, { stale }): PresenceView => {
        let people = peopleOf(roster, statuses)
        let onlineCount = Object.values(people).filter(({ status }) => status !== 'offline').length
        return { conversationId, people, onlineCount, notices, stale }
      }
    ),
    setActive: isActive => say({ status: isActive ? 'online' : 'away' }),
    setCall: call => say({ call }),
    setEditing: target => say({ editing: target?.slice(0, MAX_TEXT) ?? null }),
    setActivity: activity => say({ activity: activity?.slice(0, MAX_TEXT) ?? null }),
    setStatus: status.updatePersonaStatus,
    close() {
      for (let stop of stops) stop()
      table.close()
      if (isAlone) room.presence.set({ ...NOBODY })
      room.leave()
    }
  }
}
