// Who the people of a conversation are, from what their connections say and what outlives these; and the words for it. Pure.

import { type CallState, membersByUser } from '../core/members.js'
import type { Roster } from '../core/presence.js'
import type { PersonaStatus, PersonaStatusState } from '../features/persona-status.js'

/** A person in a conversation, on however many devices. */
export interface Person {
  readonly userId: string
  readonly status: PersonaStatus
  /** They chose the status by hand. */
  readonly isManual: boolean
  /** When they were there last, in milliseconds since 1970 by the server's clock; null while they are there, or when unknown. */
  readonly lastSeen: number | null
  readonly call: CallState
  /** What they are editing, if anything. */
  readonly editing: string | null
  readonly activity: string | null
  /** Of the device that was heard of last; null for who is not there. */
  readonly platform: string | null
  /** On how many devices they are there. */
  readonly devices: number
}

/** Whoever is connected is as they chose to be, else as was detected; whoever is not is as the server told last. */
export function peopleOf(roster: Roster, { chosen, told }: PersonaStatusState): Readonly<Record<string, Person>> {
  let people = new Map<string, Person>()
  for (let [userId, { status, lastSeen }] of Object.entries(told)) {
    let alone = { call: 'none', editing: null, activity: null, platform: null, devices: 0 } as const
    people.set(userId, { userId, status, isManual: false, lastSeen, ...alone })
  }
  for (let [userId, { status, call, editing, activity, platform, connections }] of Object.entries(
    membersByUser(roster)
  )) {
    let choice = Object.hasOwn(chosen, userId) ? chosen[userId] : undefined
    people.set(userId, {
      userId,
      status: choice?.status ?? status,
      isManual: choice !== undefined,
      lastSeen: null,
      call,
      editing,
      activity,
      platform,
      devices: connections
    })
  }
  return Object.fromEntries(people)
}

/** In which of these conversations each user is now. */
export function whereabouts(
  views: ReadonlyArray<{ readonly conversationId: string; readonly people: Readonly<Record<string, Person>> }>
): Readonly<Record<string, readonly string[]>> {
  let where = new Map<string, string[]>()
  for (let { conversationId, people } of views) {
    for (let { userId, devices } of Object.values(people)) {
      if (devices > 0) where.set(userId, [...(where.get(userId) ?? []), conversationId])
    }
  }
  return Object.fromEntries(where)
}

/** «Ann is editing the title», or nothing. */
export function editingText(name: string, { editing }: Pick<Person, 'editing'>): string {
  return editing === null ? '' : `${name} is editing ${editing}`
}

const CALLS: Readonly<Record<CallState, string>> = {
  none: '',
  voice: 'is in a voice call',
  video: 'is in a video call',
  screen: 'is sharing their screen'
}

/** «Ann is in a voice call», or nothing. */
export function callText(name: string, { call }: Pick<Person, 'call'>): string {
  return CALLS[call] && `${name} ${CALLS[call]}`
}
